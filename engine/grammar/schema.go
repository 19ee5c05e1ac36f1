package grammar

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/weir-project/weir/internal/fault"
)

// CompileSchema compiles a JSON Schema (draft 2020-12). Obeyed are: type, enum, const,
// properties, required, additionalProperties, items, prefixItems, minItems, maxItems,
// minLength, maxLength, pattern, minimum 0 or 1, anyOf, oneOf of disjoint types, $ref and $defs
// within the document. Keywords that only annotate are passed over, all others refused by name.
func CompileSchema(schema []byte) (*Grammar, error) {
	doc, err := decode(schema)
	if err != nil {
		return nil, fault.New(fault.Invalid, "schema is not JSON: %w", err)
	}
	c := &compiler{network: newNetwork(), root: doc, rules: map[string]int32{}}
	c.char = c.character()
	g := &Grammar{}
	g.start, err = c.rule("#", doc)
	if err == nil {
		err = c.check()
	}
	if err != nil {
		return nil, err
	}
	g.network = *c.network
	g.sets = newSets(&g.network, g.start)
	if g.sets.first == nowhere {
		return nil, fault.New(fault.Invalid, "no text satisfies the schema")
	}
	return g, nil
}

// member is a key of an object, in source order.
type member struct {
	key   string
	value any
}

// object keeps the order of its keys, since generated objects follow it.
type object []member

func (o object) get(key string) (any, bool) {
	for _, m := range o {
		if m.key == key {
			return m.value, true
		}
	}
	return nil, false
}

// decode reads JSON into object, []any, string, json.Number, bool and nil.
func decode(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := decodeValue(d, 0)
	if err != nil {
		return nil, err
	}
	if d.More() {
		return nil, fmt.Errorf("text after the value")
	}
	return v, nil
}

func decodeValue(d *json.Decoder, depth int) (any, error) {
	if depth > 8*schemaMax {
		return nil, fmt.Errorf("nested deeper than %d", 8*schemaMax)
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('{'):
		o := object{}
		for d.More() {
			k, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := decodeValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			o = append(o, member{k.(string), v})
		}
		_, err := d.Token()
		return o, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := decodeValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.Token()
		return list, err
	}
	return t, nil
}

type compiler struct {
	*network
	root  any
	char  int32            // network of one string character
	any   int32            // network of any JSON value; 0: not built
	rules map[string]int32 // by path, so that recursion ends
	depth int
}

func refuse(path, format string, args ...any) error {
	return fault.New(fault.Invalid, "schema at %s: %s", path, fmt.Sprintf(format, args...))
}

// rule is the network of the schema at path; a second visit returns the first's start.
func (c *compiler) rule(path string, schema any) (int32, error) {
	if at, ok := c.rules[path]; ok {
		return at, nil
	}
	from, to := c.state(), c.state()
	c.final[to] = true
	c.rules[path] = from
	return from, c.schema(path, schema, from, to)
}

// annotations say nothing about validity.
var annotations = []string{"title", "description", "default", "examples", "example", "$schema", "$id", "$comment", "deprecated", "readOnly", "writeOnly", "$defs", "definitions", "$anchor"}

// keywords by the type that they speak about; a keyword of another type than the schema's
// own has no effect.
var keywords = map[string]string{
	"properties": "object", "required": "object", "additionalProperties": "object",
	"items": "array", "prefixItems": "array", "minItems": "array", "maxItems": "array",
	"minLength": "string", "maxLength": "string", "pattern": "string",
	"minimum": "number", "exclusiveMinimum": "number",
}

var structural = []string{"type", "enum", "const", "anyOf", "oneOf", "$ref"}

func (c *compiler) schema(path string, schema any, from, to int32) error {
	if c.depth++; c.depth > schemaMax {
		return refuse(path, "nested deeper than %d", schemaMax)
	}
	defer func() { c.depth-- }()
	if err := c.check(); err != nil {
		return err
	}
	if b, ok := schema.(bool); ok {
		if b {
			c.call(from, c.anyValue(), to)
		}
		return nil
	}
	s, ok := schema.(object)
	if !ok {
		return refuse(path, "want an object, true or false")
	}
	for _, m := range s {
		if _, known := keywords[m.key]; !known && !slices.Contains(structural, m.key) && !slices.Contains(annotations, m.key) {
			return refuse(path, "keyword %q is not supported", m.key)
		}
	}
	return c.structure(path, s, from, to)
}

// structure handles the keywords that replace all others; beside them only annotations, or
// for enum and const a type, may stand.
func (c *compiler) structure(path string, s object, from, to int32) error {
	alone := func(key string, allowed ...string) error {
		for _, m := range s {
			if m.key != key && !slices.Contains(annotations, m.key) && !slices.Contains(allowed, m.key) {
				return refuse(path, "keyword %q beside %q is not supported", m.key, key)
			}
		}
		return nil
	}
	if v, ok := s.get("$ref"); ok {
		if err := alone("$ref"); err != nil {
			return err
		}
		return c.reference(path, v, from, to)
	}
	for _, key := range []string{"anyOf", "oneOf"} {
		if v, ok := s.get(key); ok {
			if err := alone(key, "type"); err != nil {
				return err
			}
			return c.alternatives(path+"/"+key, key, v, from, to)
		}
	}
	if v, ok := s.get("const"); ok {
		return c.values(path, s, []any{v}, from, to)
	}
	if v, ok := s.get("enum"); ok {
		list, ok := v.([]any)
		if !ok || len(list) == 0 {
			return refuse(path, "enum: want a list of values")
		}
		return c.values(path, s, list, from, to)
	}
	return c.typed(path, s, from, to)
}

func (c *compiler) reference(path string, v any, from, to int32) error {
	ref, _ := v.(string)
	if !strings.HasPrefix(ref, "#") {
		return refuse(path, "$ref %q: only references within the document are supported", ref)
	}
	target := c.root
	for _, part := range strings.Split(strings.TrimPrefix(strings.TrimPrefix(ref, "#"), "/"), "/") {
		if part == "" {
			continue
		}
		part = strings.NewReplacer("~1", "/", "~0", "~", "%25", "%").Replace(part)
		o, ok := target.(object)
		if ok {
			target, ok = o.get(part)
		}
		if !ok {
			return refuse(path, "$ref %q points nowhere", ref)
		}
	}
	at, err := c.rule(ref, target)
	if err != nil {
		return err
	}
	c.call(from, at, to)
	return nil
}

// alternatives joins the schemas of a list. For oneOf they must differ in type: then no
// value can match two.
func (c *compiler) alternatives(path, key string, v any, from, to int32) error {
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		return refuse(path, "want a list of schemas")
	}
	seen := map[string]bool{}
	for i, s := range list {
		if key == "oneOf" {
			o, _ := s.(object)
			name, _ := o.get("type")
			t, ok := name.(string)
			if t == "integer" {
				t = "number"
			}
			if !ok || seen[t] {
				return refuse(path, "oneOf is supported for schemas of different types alone")
			}
			seen[t] = true
		}
		if err := c.schema(fmt.Sprintf("%s/%d", path, i), s, from, to); err != nil {
			return err
		}
	}
	return nil
}

// values adds the literal values of enum or const, as far as type allows them.
func (c *compiler) values(path string, s object, list []any, from, to int32) error {
	types, err := typesOf(path, s)
	if err != nil {
		return err
	}
	for _, m := range s {
		if _, ok := keywords[m.key]; ok {
			return refuse(path, "keyword %q beside enum or const is not supported", m.key)
		}
	}
	for _, v := range list {
		if !slices.Contains(types, typeName(v)) && !(typeName(v) == "integer" && slices.Contains(types, "number")) {
			continue
		}
		text, err := encode(v)
		if err != nil {
			return refuse(path, "%v", err)
		}
		c.free(c.text(from, text), to)
	}
	return nil
}

// encode prints a value compactly, keys in order, without escaping HTML.
func encode(v any) (string, error) {
	switch v := v.(type) {
	case object:
		var parts []string
		for _, m := range v {
			text, err := encode(m.value)
			if err != nil {
				return "", err
			}
			parts = append(parts, quote(m.key)+":"+text)
		}
		return "{" + strings.Join(parts, ",") + "}", nil
	case []any:
		var parts []string
		for _, x := range v {
			text, err := encode(x)
			if err != nil {
				return "", err
			}
			parts = append(parts, text)
		}
		return "[" + strings.Join(parts, ",") + "]", nil
	case string:
		return quote(v), nil
	}
	b, err := json.Marshal(v)
	return string(b), err
}

func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // strings always encode
	return strings.TrimSuffix(b.String(), "\n")
}

func typeName(v any) string {
	switch v := v.(type) {
	case object:
		return "object"
	case []any:
		return "array"
	case string:
		return "string"
	case bool:
		return "boolean"
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return "number"
		}
		return "integer"
	}
	return "null"
}

var allTypes = []string{"string", "number", "integer", "boolean", "null", "array", "object"}

// typesOf lists the types that a schema allows: those of type, or those that its keywords
// speak about if it has none, or all.
func typesOf(path string, s object) ([]string, error) {
	v, ok := s.get("type")
	if !ok {
		for _, m := range s {
			if t, ok := keywords[m.key]; ok {
				// Without type such a schema accepts every other type unchecked; a generator
				// means this one.
				return []string{t}, nil
			}
		}
		return allTypes, nil
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var types []string
	for _, t := range list {
		name, _ := t.(string)
		if !slices.Contains(allTypes, name) {
			return nil, refuse(path, "type %v: want one of %s", t, strings.Join(allTypes, ", "))
		}
		types = append(types, name)
	}
	sort.Strings(types)
	return slices.Compact(types), nil
}
