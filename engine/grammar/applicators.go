package grammar

import "strconv"

// list reads a keyword that must be a list of schemas.
func (c *compiler) list(n *node, key string, v any) ([]literal, error) {
	raw, ok := v.([]any)
	if !ok || len(raw) == 0 {
		return nil, refuse(n.path, "%s: want a list of schemas", key)
	}
	var out []literal
	for i, r := range raw {
		out = append(out, literal{node: c.child(n, r, key, strconv.Itoa(i))})
	}
	return out, nil
}

// combined applies $ref, allOf, anyOf, oneOf and not.
func (c *compiler) combined(n *node, s object, out shape) (shape, error) {
	if v, ok := s.get("$ref"); ok {
		target, err := c.reference(n, v, false)
		if err != nil {
			return out, err
		}
		if out, err = c.meet(n.path, &out, &target); err != nil {
			return out, err
		}
	}
	for _, key := range []string{"allOf", "anyOf", "oneOf"} {
		v, ok := s.get(key)
		if !ok {
			continue
		}
		list, err := c.list(n, key, v)
		if err != nil {
			return out, err
		}
		switch key {
		case "allOf":
			out, err = c.allOf(n, list, out)
		case "anyOf":
			out, err = c.anyOf(n, list, out)
		case "oneOf":
			out, err = c.oneOf(n, list, out)
		}
		if err != nil {
			return out, err
		}
	}
	if v, ok := s.get("not"); ok {
		return c.without(n.path, &out, literal{node: c.child(n, v, "not")})
	}
	return out, nil
}

func (c *compiler) allOf(n *node, list []literal, out shape) (shape, error) {
	for _, l := range list {
		one, err := c.resolve(l)
		if err != nil {
			return out, err
		}
		if out, err = c.meet(n.path, &out, one); err != nil {
			return out, err
		}
	}
	return out, nil
}

func (c *compiler) anyOf(n *node, list []literal, out shape) (shape, error) {
	var all shape
	for _, l := range list {
		one, err := c.resolve(l)
		if err != nil {
			return out, err
		}
		all.union(one)
	}
	return c.meet(n.path, &out, &all)
}

// oneOf joins the parts of each schema that no other one accepts.
func (c *compiler) oneOf(n *node, list []literal, out shape) (shape, error) {
	var all shape
	for i, l := range list {
		one, err := c.resolve(l)
		if err != nil {
			return out, err
		}
		mine, err := c.meet(n.path, &out, one)
		if err != nil {
			return out, err
		}
		for j, other := range list {
			if j != i {
				if mine, err = c.without(n.path, &mine, other); err != nil {
					return out, err
				}
			}
		}
		all.union(&mine)
	}
	return all, nil
}

// conditional applies if, then and else: the values that satisfy if and then, and those that
// satisfy not if but else.
func (c *compiler) conditional(n *node, s object, out shape) (shape, error) {
	v, ok := s.get("if")
	_, hasThen := s.get("then")
	_, hasElse := s.get("else")
	if !ok || !hasThen && !hasElse {
		return out, nil
	}
	test := literal{node: c.child(n, v, "if")}
	positive, err := c.resolve(test)
	if err != nil {
		return out, err
	}
	yes, err := c.meet(n.path, &out, positive)
	if err != nil {
		return out, err
	}
	no, err := c.without(n.path, &out, test)
	if err != nil {
		return out, err
	}
	for key, branch := range map[string]*shape{"then": &yes, "else": &no} {
		v, ok := s.get(key)
		if !ok {
			continue
		}
		one, err := c.resolve(literal{node: c.child(n, v, key)})
		if err != nil {
			return out, err
		}
		if *branch, err = c.meet(n.path, branch, one); err != nil {
			return out, err
		}
	}
	yes.union(&no)
	return yes, nil
}

// dependent applies dependentRequired, dependentSchemas and dependencies, their older name:
// each key is missing, or the others are there or the schema holds.
func (c *compiler) dependent(n *node, s object, out shape) (shape, error) {
	for _, key := range []string{"dependentRequired", "dependentSchemas", "dependencies"} {
		v, ok := s.get(key)
		if !ok {
			continue
		}
		o, ok := v.(object)
		if !ok {
			return out, refuse(n.path, "%s: want an object", key)
		}
		for _, m := range o {
			present, err := c.dependency(n, key, m)
			if err != nil {
				return out, err
			}
			all := where(objectKind, c.lacking(n, m.key))
			all.union(&present)
			if out, err = c.meet(n.path, &out, &all); err != nil {
				return out, err
			}
		}
	}
	return out, nil
}

// dependency is the shape of the objects that have a key and what depends on it.
func (c *compiler) dependency(n *node, key string, m member) (shape, error) {
	_, isList := m.value.([]any)
	if key == "dependentRequired" || key == "dependencies" && isList {
		others, err := names(n.path, key, m.value)
		return only(objectKind, requiring(dedupe(append([]string{m.key}, others...))...)), err
	}
	if _, single := m.value.(string); single && key == "dependencies" {
		return only(objectKind, requiring(m.key, m.value.(string))), nil // draft 3
	}
	then, err := c.resolve(literal{node: c.child(n, m.value, key, m.key)})
	if err != nil {
		return shape{}, err
	}
	present := only(objectKind, requiring(m.key))
	return c.meet(n.path, &present, then)
}

// notCombined adds what $ref, allOf, anyOf, oneOf and not refuse.
func (c *compiler) notCombined(n *node, s object, out *shape) error {
	if v, ok := s.get("$ref"); ok {
		target, err := c.reference(n, v, true)
		if err != nil {
			return err
		}
		out.union(&target)
	}
	if v, ok := s.get("not"); ok {
		inner, err := c.resolve(literal{node: c.child(n, v, "not")})
		if err != nil {
			return err
		}
		out.union(inner)
	}
	for _, key := range []string{"allOf", "anyOf", "oneOf"} {
		v, ok := s.get(key)
		if !ok {
			continue
		}
		list, err := c.list(n, key, v)
		if err != nil {
			return err
		}
		none := anyShape()
		for _, l := range list {
			refused, err := c.resolve(literal{l.node, true})
			if err != nil {
				return err
			}
			if key == "allOf" {
				out.union(refused)
			} else if none, err = c.meet(n.path, &none, refused); err != nil {
				return err
			}
		}
		if key != "allOf" {
			out.union(&none)
		}
		if key == "oneOf" {
			if err := c.twoOf(n, list, out); err != nil {
				return err
			}
		}
	}
	return nil
}

// twoOf adds the values that two schemas of a list accept.
func (c *compiler) twoOf(n *node, list []literal, out *shape) error {
	for i := range list {
		for j := range i {
			a, err := c.resolve(list[i])
			if err != nil {
				return err
			}
			b, err := c.resolve(list[j])
			if err != nil {
				return err
			}
			common, err := c.meet(n.path, a, b)
			if err != nil {
				return err
			}
			out.union(&common)
		}
	}
	return nil
}

func objectAtom(o objects) *atom { return &atom{kind: objectKind, object: o} }

// requiring is the atom of the objects that have all the keys.
func requiring(keys ...string) *atom { return objectAtom(objects{required: keys, most: -1}) }

// never is the goal that nothing satisfies.
func (c *compiler) never(n *node) goal {
	return goal{{node: c.at("=false", false, n.resource)}}
}

// lacking is the atom of the objects without a key.
func (c *compiler) lacking(n *node, key string) *atom {
	return objectAtom(objects{sources: []*fields{{keys: []string{key}, values: map[string]goal{key: c.never(n)}}}, most: -1})
}

func (c *compiler) objectClaims(n *node, s object) ([]claim, error) {
	var out []claim
	if v, ok := s.get("required"); ok {
		if _, flag := v.(bool); !flag || !n.resource.legacy { // draft 3 had a flag in the property
			keys, err := names(n.path, "required", v)
			if err != nil {
				return nil, err
			}
			one := claim{keyword: "required", holds: requiring(keys...)}
			for _, key := range keys {
				one.fails = append(one.fails, c.lacking(n, key))
			}
			out = append(out, one)
		} else {
			return nil, refuse(n.path, "required as a flag is not supported")
		}
	}
	for _, read := range []func(*node, object) ([]claim, error){c.fieldClaims, countClaims} {
		more, err := read(n, s)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	if v, ok := s.get("propertyNames"); ok && v != true {
		holds := objectAtom(objects{names: goal{{node: c.child(n, v, "propertyNames")}}, most: -1})
		some := existing{names: goal{{holds.object.names[0].node, true}}}
		fails := objectAtom(objects{some: []existing{some}, most: -1})
		out = append(out, claim{keyword: "propertyNames", holds: holds, fails: []*atom{fails}})
	}
	return out, nil
}

func countClaims(n *node, s object) ([]claim, error) {
	var out []claim
	least, err := size(n.path, s, "minProperties", 0)
	if err != nil {
		return nil, err
	}
	if least > 0 {
		out = append(out, claim{keyword: "minProperties", holds: objectAtom(objects{least: least, most: -1}), fails: []*atom{objectAtom(objects{most: least - 1})}})
	}
	most, err := size(n.path, s, "maxProperties", -1)
	if err != nil {
		return nil, err
	}
	if most >= 0 {
		out = append(out, claim{keyword: "maxProperties", holds: objectAtom(objects{most: most}), fails: []*atom{objectAtom(objects{least: most + 1, most: -1})}})
	}
	return out, nil
}

// fieldClaims reads properties, patternProperties and additionalProperties, which belong
// together.
func (c *compiler) fieldClaims(n *node, s object) ([]claim, error) {
	f := &fields{values: map[string]goal{}}
	one := claim{holds: objectAtom(objects{sources: []*fields{f}, most: -1})}
	for _, key := range []string{"properties", "patternProperties"} {
		v, ok := s.get(key)
		if !ok {
			continue
		}
		o, ok := v.(object)
		if !ok {
			return nil, refuse(n.path, "%s: want an object", key)
		}
		one.keyword = key
		for _, m := range o {
			value := literal{node: c.child(n, m.value, key, m.key)}
			if key == "properties" {
				if _, again := f.values[m.key]; !again {
					f.keys = append(f.keys, m.key)
				}
				f.values[m.key] = goal{value}
				refused := &fields{keys: []string{m.key}, values: map[string]goal{m.key: {{value.node, true}}}}
				if m.value != true {
					one.fails = append(one.fails, objectAtom(objects{sources: []*fields{refused}, required: []string{m.key}, most: -1}))
				}
				continue
			}
			d, err := c.regex(n, key, m.key)
			if err != nil {
				return nil, err
			}
			f.patterns, f.matching = append(f.patterns, d), append(f.matching, goal{value})
			if m.value != true {
				some := existing{dfa: d, value: goal{{value.node, true}}}
				one.fails = append(one.fails, objectAtom(objects{some: []existing{some}, most: -1}))
			}
		}
	}
	if v, ok := s.get("additionalProperties"); ok && v != true {
		one.keyword = "additionalProperties"
		f.rest = goal{{node: c.child(n, v, "additionalProperties")}}
		some := existing{rest: f, value: goal{{f.rest[0].node, true}}}
		one.fails = append(one.fails, objectAtom(objects{some: []existing{some}, most: -1}))
	}
	if one.keyword == "" {
		return nil, nil
	}
	return []claim{one}, nil
}

func (c *compiler) arrayClaims(n *node, s object) ([]claim, error) {
	var out []claim
	least, err := size(n.path, s, "minItems", 0)
	if err != nil {
		return nil, err
	}
	array := func(a arrays) *atom { return &atom{kind: arrayKind, array: a} }
	if least > 0 {
		out = append(out, claim{keyword: "minItems", holds: array(arrays{least: least, most: -1}), fails: []*atom{array(arrays{most: least - 1})}})
	}
	most, err := size(n.path, s, "maxItems", -1)
	if err != nil {
		return nil, err
	}
	if most >= 0 {
		out = append(out, claim{keyword: "maxItems", holds: array(arrays{most: most}), fails: []*atom{array(arrays{least: most + 1, most: -1})}})
	}
	if v, ok := s.get("uniqueItems"); ok && v != false {
		out = append(out, claim{keyword: "uniqueItems", holds: array(arrays{most: -1, unique: true}), oneWay: true})
	}
	more, err := c.itemClaims(n, s)
	if err != nil {
		return nil, err
	}
	out = append(out, more...)
	more, err = c.containsClaims(n, s)
	return append(out, more...), err
}

// itemClaims reads prefixItems and items, or their older names items and additionalItems.
func (c *compiler) itemClaims(n *node, s object) ([]claim, error) {
	headKey, restKey := "prefixItems", "items"
	if v, ok := s.get("items"); ok {
		if _, isList := v.([]any); isList {
			headKey, restKey = "items", "additionalItems"
		}
	}
	it := &items{}
	one := claim{keyword: "items", holds: &atom{kind: arrayKind, array: arrays{sources: []*items{it}, most: -1}}}
	if v, ok := s.get(headKey); ok {
		raw, ok := v.([]any)
		if !ok {
			return nil, refuse(n.path, "%s: want a list of schemas", headKey)
		}
		for i, r := range raw {
			head := literal{node: c.child(n, r, headKey, strconv.Itoa(i))}
			it.heads = append(it.heads, goal{head})
			refused := &items{heads: append(make([]goal, i), goal{{head.node, true}})}
			if r != true {
				one.fails = append(one.fails, &atom{kind: arrayKind, array: arrays{sources: []*items{refused}, least: i + 1, most: -1}})
			}
		}
	}
	if v, ok := s.get(restKey); ok && v != true {
		rest := literal{node: c.child(n, v, restKey)}
		it.rest = goal{rest}
		some := containing{item: literal{rest.node, true}, from: len(it.heads), least: 1, most: -1}
		one.fails = append(one.fails, &atom{kind: arrayKind, array: arrays{contains: []containing{some}, most: -1}})
	}
	if len(it.heads) == 0 && it.rest == nil {
		return nil, nil
	}
	return []claim{one}, nil
}

func (c *compiler) containsClaims(n *node, s object) ([]claim, error) {
	v, ok := s.get("contains")
	if !ok {
		return nil, nil
	}
	least, err := size(n.path, s, "minContains", 1)
	if err != nil {
		return nil, err
	}
	most, err := size(n.path, s, "maxContains", -1)
	if err != nil {
		return nil, err
	}
	item := literal{node: c.child(n, v, "contains")}
	of := func(least, most int) *atom {
		return &atom{kind: arrayKind, array: arrays{most: -1, contains: []containing{{item: item, least: least, most: most}}}}
	}
	one := claim{keyword: "contains", holds: of(least, most)}
	if least > 0 {
		one.fails = append(one.fails, of(0, least-1))
	}
	if most >= 0 {
		one.fails = append(one.fails, of(most+1, -1))
	}
	return []claim{one}, nil
}
