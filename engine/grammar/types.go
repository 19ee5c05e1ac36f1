package grammar

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// typed adds the alternatives of a schema's types.
func (c *compiler) typed(path string, s object, from, to int32) error {
	types, err := typesOf(path, s)
	if err != nil {
		return err
	}
	if len(types) == len(allTypes) {
		c.call(from, c.anyValue(), to)
		return nil
	}
	for _, t := range types {
		switch t {
		case "null":
			c.free(c.text(from, "null"), to)
		case "boolean":
			c.free(c.text(from, "true"), to)
			c.free(c.text(from, "false"), to)
		case "integer", "number":
			err = c.numeric(path, s, t == "integer", from, to)
		case "string":
			err = c.stringType(path, s, from, to)
		case "array":
			err = c.array(path, s, from, to)
		case "object":
			err = c.object(path, s, from, to)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// anyValue is the network of any JSON value.
func (c *compiler) anyValue() int32 {
	if c.any != 0 {
		return c.any
	}
	from, to := c.state(), c.state()
	c.any, c.final[to] = from, true
	for _, word := range []string{"null", "true", "false"} {
		c.free(c.text(from, word), to)
	}
	c.number(from, to, false, anySign)
	c.characters(from, to, 0, -1)

	first := c.text(from, "[")
	more := c.state()
	c.free(c.text(first, "]"), to)
	c.call(first, c.any, more)
	c.call(c.spaced(more, ','), c.any, more)
	c.free(c.text(more, "]"), to)

	open := c.text(from, "{")
	c.free(c.text(open, "}"), to)
	c.entries(open, c.any, to)
	return c.any
}

// entries adds one or more key-value pairs with any keys, and the closing brace.
func (c *compiler) entries(from, value, to int32) {
	colon, more := c.state(), c.state()
	c.characters(from, colon, 0, -1)
	c.call(c.spaced(colon, ':'), value, more)
	c.free(c.spaced(more, ','), from)
	c.free(c.text(more, "}"), to)
}

// characters adds a quoted string of least to most characters; most < 0: any number.
func (c *compiler) characters(from, to int32, least, most int) {
	at := c.text(from, `"`)
	for range least {
		next := c.state()
		c.call(at, c.char, next)
		at = next
	}
	end := c.state()
	if most < 0 {
		c.call(at, c.char, at)
	}
	c.free(at, end)
	for i := least; i < most; i++ {
		next := c.state()
		c.call(at, c.char, next)
		c.free(next, end)
		at = next
	}
	c.free(c.text(end, `"`), to)
}

// size reads a keyword that must be a count.
func size(path string, s object, key string, otherwise int) (int, error) {
	v, ok := s.get(key)
	if !ok {
		return otherwise, nil
	}
	n, ok := v.(json.Number)
	if ok {
		f, err := strconv.ParseFloat(n.String(), 64)
		if err == nil && f >= 0 && f == float64(int(f)) && f < 1<<31 {
			return int(f), nil
		}
	}
	return 0, refuse(path, "%s is %v: want a count", key, v)
}

// lengthMax bounds the states that a length may cost.
const lengthMax = 10_000

func (c *compiler) stringType(path string, s object, from, to int32) error {
	least, err := size(path, s, "minLength", 0)
	if err != nil {
		return err
	}
	most, err := size(path, s, "maxLength", -1)
	if err != nil {
		return err
	}
	if least > lengthMax {
		return refuse(path, "minLength %d: at most %d is supported", least, lengthMax)
	}
	if p, ok := s.get("pattern"); ok {
		text, isText := p.(string)
		if !isText {
			return refuse(path, "pattern: want a regular expression")
		}
		if least > 0 || most >= 0 {
			return refuse(path, "pattern beside minLength or maxLength is not supported")
		}
		return c.pattern(path, text, from, to)
	}
	if most >= 0 && most < least {
		return nil // no string fits; other types may
	}
	if most > lengthMax {
		return refuse(path, "maxLength %d: at most %d is supported", most, lengthMax)
	}
	c.characters(from, to, least, most)
	return nil
}

func (c *compiler) numeric(path string, s object, whole bool, from, to int32) error {
	if v, ok := s.get("exclusiveMinimum"); ok {
		return refuse(path, "exclusiveMinimum %v is not supported", v)
	}
	allowed := anySign
	if v, ok := s.get("minimum"); ok {
		switch n, _ := v.(json.Number); {
		case n == "0":
			allowed = notNegative
		case n == "1" && whole:
			allowed = positive
		default:
			return refuse(path, "minimum %v is not supported: only 0, and 1 for integers", v)
		}
	}
	c.number(from, to, whole, allowed)
	return nil
}

func (c *compiler) array(path string, s object, from, to int32) error {
	least, err := size(path, s, "minItems", 0)
	if err != nil {
		return err
	}
	most, err := size(path, s, "maxItems", -1)
	if err != nil {
		return err
	}
	var heads []any
	if v, ok := s.get("prefixItems"); ok {
		if heads, ok = v.([]any); !ok {
			return refuse(path, "prefixItems: want a list of schemas")
		}
	}
	var items any = true
	if v, ok := s.get("items"); ok {
		items = v
	}
	item := func(i int) (int32, error) {
		if i < len(heads) {
			return c.rule(fmt.Sprintf("%s/prefixItems/%d", path, i), heads[i])
		}
		return c.rule(path+"/items", items)
	}
	if max(least, most, len(heads)) > lengthMax {
		return refuse(path, "arrays bounded by more than %d items are not supported", lengthMax)
	}
	return c.itemChain(item, least, most, len(heads), from, to)
}

// itemChain unrolls the items that have a place of their own: those before the bounds and
// those of prefixItems. After them the last item's schema loops.
func (c *compiler) itemChain(item func(int) (int32, error), least, most, heads int, from, to int32) error {
	at, end := c.text(from, "["), c.state()
	c.free(c.text(end, "]"), to)
	unrolled := max(least, heads, most)
	for i := 0; most < 0 || i < most; i++ {
		if i >= least {
			c.free(at, end)
		}
		start := at
		if i > 0 {
			start = c.spaced(at, ',')
		}
		network, err := item(i)
		if err != nil {
			return err
		}
		next := c.state()
		c.call(start, network, next)
		if most < 0 && i >= unrolled {
			c.call(c.spaced(next, ','), network, next)
			c.free(next, end)
			return nil
		}
		at = next
	}
	if most >= least {
		c.free(at, end)
	}
	return nil
}

// object adds the properties in their order: each follows one of those before it, and
// only optional ones may be skipped.
func (c *compiler) object(path string, s object, from, to int32) error {
	properties := object{}
	if v, ok := s.get("properties"); ok {
		if properties, ok = v.(object); !ok {
			return refuse(path, "properties: want an object")
		}
	}
	required, err := requiredOf(path, s)
	if err != nil {
		return err
	}
	additional, hasMore := s.get("additionalProperties")
	for _, name := range required {
		if _, ok := properties.get(name); !ok {
			return refuse(path, "required names %q, which properties does not have", name)
		}
	}
	open := c.text(from, "{")
	if len(properties) == 0 {
		c.free(c.text(open, "}"), to)
		if !hasMore {
			additional = true
		}
		if additional == false {
			return nil
		}
		value, err := c.rule(path+"/additionalProperties", additional)
		if err == nil {
			c.entries(open, value, to)
		}
		return err
	}
	// Further keys are allowed by default but never needed, so a generator leaves them out.
	return c.propertyChain(path, properties, required, open, to)
}

func (c *compiler) propertyChain(path string, properties object, required []string, open, to int32) error {
	first, later := open, int32(0) // before any property; after at least one
	for _, p := range properties {
		value, err := c.rule(path+"/properties/"+p.key, p.value)
		if err != nil {
			return err
		}
		after, key := c.state(), c.state()
		colon := c.text(key, quote(p.key))
		c.call(c.spaced(colon, ':'), value, after)
		if first != 0 {
			c.free(first, key)
		}
		if later != 0 {
			c.free(c.spaced(later, ','), key)
		}
		if slices.Contains(required, p.key) {
			first, later = 0, after
			continue
		}
		if later != 0 {
			c.free(later, after)
		}
		later = after
	}
	if first != 0 {
		c.free(c.text(first, "}"), to)
	}
	c.free(c.text(later, "}"), to)
	return nil
}

func requiredOf(path string, s object) ([]string, error) {
	v, ok := s.get("required")
	if !ok {
		return nil, nil
	}
	list, ok := v.([]any)
	if !ok {
		return nil, refuse(path, "required: want a list of names")
	}
	var names []string
	for _, x := range list {
		name, ok := x.(string)
		if !ok {
			return nil, refuse(path, "required: want a list of names")
		}
		names = append(names, name)
	}
	return names, nil
}
