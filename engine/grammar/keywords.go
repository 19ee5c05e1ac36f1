package grammar

import (
	"encoding/json"
	"math/big"
	"slices"
	"strconv"
)

// unsupported keywords of the specification and its older drafts are refused by name.
var unsupported = []string{"unevaluatedProperties", "unevaluatedItems", "$dynamicRef", "$recursiveRef", "extends", "disallow", "divisibleBy"}

// claim is what one keyword (or a few that belong together) says about values of one kind.
type claim struct {
	keyword string
	holds   *atom
	fails   []*atom // where it does not hold
	oneWay  bool    // fails cannot be expressed
}

// assertion is the shape of a schema's values.
func (c *compiler) assertion(n *node, s object) (shape, error) {
	if v, ok := s.get("$ref"); ok && n.resource.legacy {
		return c.reference(n, v, false)
	}
	for _, key := range unsupported {
		if v, ok := s.get(key); ok && v != true {
			return shape{}, refuse(n.path, "keyword %q is not supported", key)
		}
	}
	out, err := c.types(n, s)
	if err != nil {
		return out, err
	}
	claims, err := c.claims(n, s)
	if err != nil {
		return out, err
	}
	for _, one := range claims {
		held := where(one.holds.kind, one.holds)
		if out, err = c.meet(n.path, &out, &held); err != nil {
			return out, err
		}
	}
	for _, step := range []func(*node, object, shape) (shape, error){c.values, c.combined, c.conditional, c.dependent} {
		if out, err = step(n, s, out); err != nil || out.empty() {
			return out, err
		}
	}
	return out, nil
}

// negation is the shape of the values that a schema refuses.
func (c *compiler) negation(n *node, s object) (shape, error) {
	if v, ok := s.get("$ref"); ok && n.resource.legacy {
		return c.reference(n, v, true)
	}
	for _, key := range append([]string{"if", "dependencies", "dependentSchemas", "dependentRequired"}, unsupported...) {
		if v, ok := s.get(key); ok && v != true {
			return shape{}, refuse(n.path, "keyword %q under not, oneOf or if is not supported", key)
		}
	}
	out, err := c.otherTypes(n, s)
	if err != nil {
		return out, err
	}
	claims, err := c.claims(n, s)
	if err != nil {
		return out, err
	}
	for _, one := range claims {
		if one.oneWay {
			return out, refuse(n.path, "keyword %q under not, oneOf or if is not supported", one.keyword)
		}
		failing := only(one.holds.kind, one.fails...)
		out.union(&failing)
	}
	for _, key := range []string{"const", "enum"} {
		if v, ok := s.get(key); ok {
			other, err := c.otherValues(n, key, v)
			if err != nil {
				return out, err
			}
			out.union(&other)
		}
	}
	if err := c.notCombined(n, s, &out); err != nil {
		return out, err
	}
	return out, nil
}

func (c *compiler) reference(n *node, v any, negated bool) (shape, error) {
	ref, ok := v.(string)
	if !ok {
		return shape{}, refuse(n.path, "$ref: want an address")
	}
	to, err := c.refer(n, ref)
	if err != nil {
		return shape{}, err
	}
	s, err := c.resolve(literal{to, negated})
	if err != nil {
		return shape{}, err
	}
	return *s, nil
}

var kindNames = map[string]kind{
	"null": nullKind, "boolean": boolKind, "number": numberKind, "integer": numberKind,
	"string": stringKind, "array": arrayKind, "object": objectKind,
}

// integers are the multiples of 1, and all other numbers if negated.
func integers(negated bool) *atom {
	return &atom{kind: numberKind, numbers: numbers{divisors: []divisor{{big.NewRat(1, 1), negated}}}}
}

func typeNames(n *node, s object) ([]string, bool, error) {
	v, ok := s.get("type")
	if !ok {
		return nil, false, nil
	}
	list, isList := v.([]any)
	if !isList {
		list = []any{v}
	}
	var out []string
	for _, t := range list {
		name, _ := t.(string)
		if _, known := kindNames[name]; !known {
			if name == "any" && n.resource.legacy {
				return nil, false, nil
			}
			return nil, false, refuse(n.path, "type %v: want one of string, number, integer, boolean, null, array, object", t)
		}
		out = append(out, name)
	}
	return out, true, nil
}

func (c *compiler) types(n *node, s object) (shape, error) {
	list, ok, err := typeNames(n, s)
	if err != nil || !ok {
		return anyShape(), err
	}
	var out shape
	for _, name := range list {
		k := kindNames[name]
		one := only(k, unconstrained(k))
		if name == "integer" {
			one = only(k, integers(false))
		}
		out.union(&one)
	}
	return out, nil
}

func (c *compiler) otherTypes(n *node, s object) (shape, error) {
	list, ok, err := typeNames(n, s)
	if err != nil || !ok {
		return shape{}, err
	}
	out := anyShape()
	for _, name := range list {
		if name != "integer" {
			out[kindNames[name]] = nil
		} else if len(out[numberKind]) > 0 {
			out[numberKind] = []*atom{integers(true)}
		}
	}
	return out, nil
}

// claims reads the keywords that speak about one kind.
func (c *compiler) claims(n *node, s object) ([]claim, error) {
	var out []claim
	for _, read := range []func(*node, object) ([]claim, error){numberClaims, c.stringClaims, c.arrayClaims, c.objectClaims} {
		more, err := read(n, s)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

func numberClaims(n *node, s object) ([]claim, error) {
	var out []claim
	for _, b := range []struct {
		key, exclusive string
		allow          order
	}{
		{"minimum", "exclusiveMinimum", equal | greater},
		{"maximum", "exclusiveMaximum", equal | less},
		{"exclusiveMinimum", "", greater},
		{"exclusiveMaximum", "", less},
	} {
		v, ok := s.get(b.key)
		if _, isFlag := v.(bool); !ok || isFlag && b.exclusive == "" {
			continue // a flag beside minimum or maximum, as draft 4 has it
		}
		d, err := numberOf(n, b.key, v)
		if err != nil {
			return nil, err
		}
		if flag, _ := s.get(b.exclusive); b.exclusive != "" && flag == true {
			b.allow &^= equal
		}
		holds := &atom{kind: numberKind, numbers: numbers{bounds: []bound{{d, b.allow}}}}
		fails := &atom{kind: numberKind, numbers: numbers{bounds: []bound{{d, (less | equal | greater) &^ b.allow}}}}
		out = append(out, claim{keyword: b.key, holds: holds, fails: []*atom{fails}})
	}
	if v, ok := s.get("multipleOf"); ok {
		d, err := numberOf(n, "multipleOf", v)
		if err != nil {
			return nil, err
		}
		if d.rat.Sign() <= 0 {
			return nil, refuse(n.path, "multipleOf %s: want more than 0", d)
		}
		of := func(negated bool) *atom {
			return &atom{kind: numberKind, numbers: numbers{divisors: []divisor{{d.rat, negated}}}}
		}
		out = append(out, claim{keyword: "multipleOf", holds: of(false), fails: []*atom{of(true)}})
	}
	return out, nil
}

func numberOf(n *node, key string, v any) (decimal, error) {
	number, ok := v.(json.Number)
	if !ok {
		return decimal{}, refuse(n.path, "%s: want a number", key)
	}
	d, err := parseDecimal(number)
	if err != nil {
		return d, refuse(n.path, "%s: %v", key, err)
	}
	return d, nil
}

func (c *compiler) stringClaims(n *node, s object) ([]claim, error) {
	var out []claim
	least, err := size(n.path, s, "minLength", 0)
	if err != nil {
		return nil, err
	}
	if least > 0 {
		out = append(out, claim{keyword: "minLength", holds: stringAtom(texts{least: least, most: -1}), fails: []*atom{stringAtom(texts{most: least - 1})}})
	}
	most, err := size(n.path, s, "maxLength", -1)
	if err != nil {
		return nil, err
	}
	if most >= 0 {
		out = append(out, claim{keyword: "maxLength", holds: stringAtom(texts{most: most}), fails: []*atom{stringAtom(texts{least: most + 1, most: -1})}})
	}
	for _, key := range []string{"pattern", "format"} {
		d, err := c.expression(n, s, key)
		if err != nil {
			return nil, err
		}
		if d != nil {
			out = append(out, claim{keyword: key, holds: patternAtom(d, false), fails: []*atom{patternAtom(d, true)}})
		}
	}
	return out, nil
}

func stringAtom(t texts) *atom { return &atom{kind: stringKind, text: t} }

func patternAtom(d *dfa, negated bool) *atom {
	return stringAtom(texts{most: -1, parts: []part{{d: d, negated: negated, must: true}}})
}

// expression is the automaton of pattern or format; nil if it says nothing.
func (c *compiler) expression(n *node, s object, key string) (*dfa, error) {
	v, ok := s.get(key)
	if !ok {
		return nil, nil
	}
	expr, ok := v.(string)
	if !ok {
		return nil, refuse(n.path, "%s: want a string", key)
	}
	if key == "format" {
		if c.options.FormatAnnotates {
			return nil, nil
		}
		if slices.Contains(unsupportedFormats, expr) {
			return nil, refuse(n.path, "format %q is not supported", expr)
		}
		if expr, ok = formats[expr]; !ok {
			return nil, nil // not of the specification: annotates
		}
	}
	return c.regex(n, key, expr)
}

func (c *compiler) regex(n *node, key, expr string) (*dfa, error) {
	if d, ok := c.patterns[expr]; ok {
		return d, nil
	}
	d, err := regexDFA(&c.budget, expr)
	if err != nil {
		return nil, refuse(n.path, "%s %q: %v", key, expr, err)
	}
	c.patterns[expr] = d
	return d, nil
}

// values keeps of a shape what const and enum list.
func (c *compiler) values(n *node, s object, out shape) (shape, error) {
	for _, key := range []string{"const", "enum"} {
		v, ok := s.get(key)
		if !ok {
			continue
		}
		list, err := listed(n, key, v)
		if err != nil {
			return out, err
		}
		var all shape
		var words []string
		for i, x := range list {
			if w, ok := x.(string); ok {
				words = append(words, w)
				continue
			}
			one, err := c.value(n, x, false, "="+key, strconv.Itoa(i))
			if err != nil {
				return out, err
			}
			all.union(&one)
		}
		if len(words) > 0 {
			all[stringKind] = []*atom{stringAtom(texts{some: true, words: dedupe(words), most: -1})}
		}
		if out, err = c.meet(n.path, &out, &all); err != nil {
			return out, err
		}
	}
	return out, nil
}

func dedupe(words []string) []string {
	seen := make(map[string]bool, len(words))
	var out []string
	for _, w := range words {
		if !seen[w] {
			seen[w] = true
			out = append(out, w)
		}
	}
	return out
}

// enumMax bounds the values of const and enum.
const enumMax = 20_000

func listed(n *node, key string, v any) ([]any, error) {
	if key == "const" {
		return []any{v}, nil
	}
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		return nil, refuse(n.path, "enum: want a list of values")
	}
	if len(list) > enumMax {
		return nil, refuse(n.path, "enum of %d values: at most %d are supported", len(list), enumMax)
	}
	return list, nil
}

// otherValues is the shape of the values that const or enum do not list.
func (c *compiler) otherValues(n *node, key string, v any) (shape, error) {
	list, err := listed(n, key, v)
	if err != nil {
		return shape{}, err
	}
	out := anyShape()
	var words []string
	for i, x := range list {
		if w, ok := x.(string); ok {
			words = append(words, w)
			continue
		}
		one, err := c.value(n, x, true, "="+key, strconv.Itoa(i))
		if err != nil {
			return out, err
		}
		if out, err = c.meet(n.path, &out, &one); err != nil {
			return out, err
		}
	}
	if len(words) > 0 {
		one := where(stringKind, patternAtom(wordsDFA(words), true))
		return c.meet(n.path, &out, &one)
	}
	return out, nil
}

// value is the shape of one value, or of all others. Arrays and objects become schemas of
// their parts.
func (c *compiler) value(n *node, v any, negated bool, path ...string) (shape, error) {
	var k kind
	var holds, fails *atom
	switch v := v.(type) {
	case nil:
		k, holds = nullKind, unconstrained(nullKind)
	case bool:
		k, holds, fails = boolKind, &atom{kind: boolKind, truth: 1}, &atom{kind: boolKind, truth: 2}
		if v {
			holds, fails = fails, holds
		}
	case string:
		k, holds, fails = stringKind, stringAtom(texts{some: true, words: []string{v}, most: -1}), patternAtom(wordsDFA([]string{v}), true)
	case json.Number:
		d, err := parseDecimal(v)
		if err != nil {
			return shape{}, refuse(n.path, "%v", err)
		}
		k = numberKind
		holds = &atom{kind: k, numbers: numbers{bounds: []bound{{d, equal}}}}
		fails = &atom{kind: k, numbers: numbers{bounds: []bound{{d, less | greater}}}}
	default:
		s, err := c.resolve(literal{c.child(n, spelled(v), path...), negated})
		if err != nil {
			return shape{}, err
		}
		return *s, nil
	}
	if !negated {
		return only(k, holds), nil
	}
	out := others(k)
	if fails != nil {
		out[k] = []*atom{fails}
	}
	return out, nil
}

// spelled is the schema of one array or object.
func spelled(v any) object {
	switch v := v.(type) {
	case []any:
		heads := []any{}
		for _, x := range v {
			heads = append(heads, object{{"const", x}})
		}
		count := json.Number(strconv.Itoa(len(v)))
		return object{{"type", "array"}, {"prefixItems", heads}, {"minItems", count}, {"maxItems", count}}
	case object:
		properties, required := object{}, []any{}
		for _, m := range v {
			properties = append(properties, member{m.key, object{{"const", m.value}}})
			required = append(required, m.key)
		}
		return object{{"type", "object"}, {"properties", properties}, {"required", required}, {"maxProperties", json.Number(strconv.Itoa(len(v)))}}
	}
	return object{}
}
