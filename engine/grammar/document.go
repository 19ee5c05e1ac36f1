package grammar

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

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

// node is a schema at its place in the document. Nodes are interned by path.
type node struct {
	id       int
	path     string
	raw      any
	resource *resource
	shapes   [2]*shape // resolved: as it is, and negated
	busy     [2]bool
}

// resource is a schema with an address of its own: references in it start from there.
type resource struct {
	address string
	path    string
	raw     any
	legacy  bool   // a draft in which $ref replaces the keywords beside it
	draft   string // of legacyDrafts
}

// place is where an address or an anchor leads.
type place struct {
	path     string
	raw      any
	resource *resource
}

// legacyDrafts are those before 2019-09.
var legacyDrafts = []string{"draft-03", "draft-04", "draft-06", "draft-07"}

// index notes the addresses and anchors of a document.
func (c *compiler) index(path string, raw any, r *resource) {
	switch v := raw.(type) {
	case object:
		r = c.enter(path, v, r)
		for _, key := range []string{"$anchor", "$dynamicAnchor"} {
			if name, ok := text(v, key); ok {
				c.places[r.address+"#"+name] = place{path, raw, r}
			}
		}
		for _, m := range v {
			inner, named := m.value.(object)
			switch {
			case named && slices.Contains(schemaMaps, m.key):
				for _, one := range inner {
					c.index(below(path, m.key, one.key), one.value, r)
				}
			case slices.Contains(schemaKeys, m.key):
				c.index(below(path, m.key), m.value, r)
			}
		}
	case []any:
		for i, x := range v {
			c.index(path+"/"+strconv.Itoa(i), x, r)
		}
	}
}

// Keywords that hold schemas by name, and those that hold one schema or a list. Addresses
// and anchors below others are none.
var (
	schemaMaps = []string{"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"}
	schemaKeys = []string{"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "items", "prefixItems", "additionalItems", "additionalProperties", "contains", "propertyNames", "unevaluatedItems", "unevaluatedProperties"}
)

// later lists the keywords that came after draft 4, and after draft 6: in schemas of those
// drafts they annotate.
var later = map[string][]string{
	"draft-03": {"const", "contains", "propertyNames", "if", "then", "else"},
	"draft-04": {"const", "contains", "propertyNames", "if", "then", "else"},
	"draft-06": {"if", "then", "else"},
}

// known drops the keywords that a schema's draft does not have.
func (r *resource) known(path string, raw any) any {
	o, ok := raw.(object)
	if !ok || len(later[r.draft]) == 0 || strings.Contains(path, "/=") { // spelled constants are our own
		return raw
	}
	return slices.DeleteFunc(slices.Clone(o), func(m member) bool { return slices.Contains(later[r.draft], m.key) })
}

func text(o object, key string) (string, bool) {
	v, _ := o.get(key)
	s, ok := v.(string)
	return s, ok
}

// enter is the resource that a schema belongs to: a new one if it has an address.
func (c *compiler) enter(path string, o object, r *resource) *resource {
	if known, ok := c.resources[path]; ok {
		return known
	}
	id, ok := text(o, "$id")
	if !ok && r != nil && r.legacy {
		id, ok = text(o, "id")
	}
	legacy, draft := r != nil && r.legacy, ""
	if legacy {
		draft = r.draft
	}
	if dialect, is := text(o, "$schema"); is {
		i := slices.IndexFunc(legacyDrafts, func(d string) bool { return strings.Contains(dialect, d) })
		if legacy, draft = i >= 0, ""; legacy {
			draft = legacyDrafts[i]
		}
		if !ok && legacy {
			id, ok = text(o, "id")
		}
	}
	if r != nil && !ok {
		return r
	}
	if r != nil && strings.HasPrefix(id, "#") { // an anchor, in legacy drafts
		c.places[r.address+id] = place{path, o, r}
		return r
	}
	if _, ref := o.get("$ref"); r != nil && ref && legacy {
		return r // beside $ref it has no effect there
	}
	within := ""
	if r != nil {
		within = r.address
	}
	fresh := &resource{address: strings.TrimSuffix(resolve(within, id), "#"), path: path, raw: o, legacy: legacy, draft: draft}
	c.resources[path] = fresh
	c.places[fresh.address] = place{path, o, fresh}
	return fresh
}

// resolve is ref seen from an address (RFC 3986 section 5).
func resolve(address, ref string) string {
	from, err := url.Parse(address)
	if err != nil {
		return ref
	}
	to, err := from.Parse(ref)
	if err != nil {
		return ref
	}
	return to.String()
}

// at is the node at a path.
func (c *compiler) at(path string, raw any, r *resource) *node {
	if n, ok := c.nodes[path]; ok {
		return n
	}
	if o, ok := raw.(object); ok {
		r = c.enter(path, o, r)
	}
	n := &node{id: len(c.nodes), path: path, raw: r.known(path, raw), resource: r}
	c.nodes[path] = n
	return n
}

// below is the path of a part (RFC 6901).
func below(path string, parts ...string) string {
	for _, p := range parts {
		path += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(p)
	}
	return path
}

// child is a schema below n.
func (c *compiler) child(n *node, raw any, path ...string) *node {
	return c.at(below(n.path, path...), raw, n.resource)
}

// refer is the node that a reference in n leads to.
func (c *compiler) refer(n *node, ref string) (*node, error) {
	address, fragment, _ := strings.Cut(resolve(n.resource.address, ref), "#")
	to, ok := c.places[address]
	if strings.HasPrefix(ref, "#") {
		fragment = ref[1:]
		to, ok = place{n.resource.path, n.resource.raw, n.resource}, true
	}
	if !ok {
		return nil, refuse(n.path, "$ref %q: only references within the document are supported", ref)
	}
	if decoded, err := url.PathUnescape(fragment); err == nil {
		fragment = decoded
	}
	if fragment == "" {
		return c.at(to.path, to.raw, to.resource), nil
	}
	if fragment[0] != '/' {
		if to, ok = c.places[to.resource.address+"#"+fragment]; !ok {
			return nil, refuse(n.path, "$ref %q points nowhere", ref)
		}
		return c.at(to.path, to.raw, to.resource), nil
	}
	for _, part := range strings.Split(fragment, "/")[1:] {
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		if to, ok = c.descend(to, part); !ok {
			return nil, refuse(n.path, "$ref %q points nowhere", ref)
		}
	}
	return c.at(to.path, to.raw, to.resource), nil
}

func (c *compiler) descend(from place, part string) (place, bool) {
	to := place{path: below(from.path, part), resource: from.resource}
	switch v := from.raw.(type) {
	case object:
		to.resource = c.enter(from.path, v, from.resource)
		raw, ok := v.get(part)
		to.raw = raw
		return to, ok
	case []any:
		i, err := strconv.Atoi(part)
		if err != nil || i < 0 || i >= len(v) {
			return to, false
		}
		to.raw = v[i]
		return to, true
	}
	return to, false
}
