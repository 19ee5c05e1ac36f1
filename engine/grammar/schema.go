package grammar

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/weir-project/weir/internal/fault"
)

// Options change how a schema is read.
type Options struct {
	// FormatAnnotates passes over format, as draft 2020-12 does by default. Generation is
	// better off with formats obeyed, so they are unless this is set.
	FormatAnnotates bool
}

// CompileSchema compiles a JSON Schema (draft 2020-12, or an older one that $schema names),
// with formats obeyed. All keywords of validation are understood but $dynamicRef,
// unevaluatedItems and unevaluatedProperties, which are refused by name, as is what cannot be
// enforced: uniqueItems of many possible items, the negation of additionalProperties, and
// what exceeds a bound. Keywords that the specification does not know annotate.
func CompileSchema(schema []byte) (*Grammar, error) { return CompileSchemaWith(schema, Options{}) }

// CompileSchemaWith is CompileSchema with options.
func CompileSchemaWith(schema []byte, o Options) (*Grammar, error) {
	doc, err := decode(schema)
	if err != nil {
		return nil, fault.New(fault.Invalid, "schema is not JSON: %w", err)
	}
	c := &compiler{
		network: newNetwork(), options: o, rules: map[string]int32{}, voids: map[string]bool{},
		nodes: map[string]*node{}, places: map[string]place{}, resources: map[string]*resource{},
		patterns: map[string]*dfa{}, orders: map[int32][]string{}, budget: dfaTotal,
	}
	top, _ := doc.(object)
	r := c.enter("#", top, nil)
	c.index("#", doc, r)
	c.char = c.character()
	g := &Grammar{}
	g.start, err = c.rule(goal{{node: c.at("#", doc, r)}})
	if err == nil {
		err = c.check()
	}
	if err != nil {
		return nil, err
	}
	g.network, g.orders = *c.network, c.orders
	g.charStart = c.char
	g.prune()
	g.sets = newSets(&g.network, g.start)
	if g.sets.first == nowhere {
		return nil, fault.New(fault.Invalid, "no text satisfies the schema")
	}
	return g, nil
}

type compiler struct {
	*network
	options   Options
	char      int32            // network of one string character
	any       int32            // network of any JSON value; 0: not built
	anyParts  [kinds]int32     // networks of any array and any object; 0: not built
	rules     map[string]int32 // by goal, so that recursion ends
	voids     map[string]bool  // goals known to be empty or not
	nodes     map[string]*node
	places    map[string]place
	resources map[string]*resource
	patterns  map[string]*dfa
	orders    map[int32][]string // by state where a key begins: the keys of the object in order
	countdown []int32            // by k: the state before up to k more characters and a quote
	endless   int32              // before any characters and a quote; 0: not built
	tailEnd   int32              // after that quote
	depth     int
	work      int
	decimals  int    // states of bounded numbers
	budget    budget // of states of automata over characters
}

// workMax bounds the pairs of atoms that are intersected.
const workMax = 1_000_000

func refuse(path, format string, args ...any) error {
	if len(path) > 200 {
		path = path[:100] + "..." + path[len(path)-100:]
	}
	return fault.New(fault.Invalid, "schema at %s: %s", path, fmt.Sprintf(format, args...))
}

// key names a goal whatever the order of its literals.
func (g goal) key() string {
	ids := make([]uint32, len(g))
	for i, l := range g {
		ids[i] = uint32(l.node.id) << 1
		if l.negated {
			ids[i]++
		}
	}
	slices.Sort(ids)
	var key []byte
	for _, id := range slices.Compact(ids) {
		key = binary.LittleEndian.AppendUint32(key, id)
	}
	return string(key)
}

func (g goal) path() string {
	if len(g) == 0 {
		return "#"
	}
	return g[0].node.path
}

// enterDepth bounds nesting; its result is called on the way out.
func (c *compiler) enterDepth(path string) (func(), error) {
	if c.depth++; c.depth > 2*schemaMax {
		c.depth--
		return nil, refuse(path, "nested deeper than %d", schemaMax)
	}
	return func() { c.depth-- }, nil
}

// rule is the network of the values that satisfy a goal.
func (c *compiler) rule(g goal) (int32, error) {
	key := g.key()
	if at, ok := c.rules[key]; ok {
		return at, nil
	}
	leave, err := c.enterDepth(g.path())
	if err != nil {
		return 0, err
	}
	defer leave()
	s, err := c.resolveGoal(g)
	if err != nil {
		return 0, err
	}
	if s.all() {
		c.rules[key] = c.anyValue()
		return c.rules[key], nil
	}
	from, to := c.state(), c.state()
	c.final[to] = true
	c.rules[key] = from
	return from, c.emit(g.path(), s, from, to)
}

// resolveGoal is the shape of a conjunction.
func (c *compiler) resolveGoal(g goal) (*shape, error) {
	out := anyShape()
	for _, l := range g {
		s, err := c.resolve(l)
		if err != nil {
			return nil, err
		}
		if out, err = c.meet(l.node.path, &out, s); err != nil {
			return nil, err
		}
	}
	return &out, nil
}

// meet is the intersection of two shapes.
func (c *compiler) meet(path string, a, b *shape) (shape, error) {
	var out shape
	for k := range kinds {
		for _, x := range a[k] {
			for _, y := range b[k] {
				if z := both(x, y); z != nil {
					out[k] = append(out[k], z)
				}
			}
		}
		c.work += len(a[k]) * len(b[k])
		if len(out[k]) > alternativesMax || c.work > workMax {
			return out, refuse(path, "more than %d alternatives once allOf, anyOf, oneOf, not and if are combined", alternativesMax)
		}
	}
	return out, nil
}

// resolve is the shape of a literal.
func (c *compiler) resolve(l literal) (*shape, error) {
	n, way := l.node, 0
	if l.negated {
		way = 1
	}
	if n.shapes[way] != nil {
		return n.shapes[way], nil
	}
	if n.busy[way] {
		return nil, refuse(n.path, "refers to itself with no value between")
	}
	leave, err := c.enterDepth(n.path)
	if err != nil {
		return nil, err
	}
	defer leave()
	n.busy[way] = true
	defer func() { n.busy[way] = false }()
	var s shape
	switch raw := n.raw.(type) {
	case bool:
		if raw != l.negated {
			s = anyShape()
		}
	case object:
		if l.negated {
			s, err = c.negation(n, raw)
		} else {
			s, err = c.assertion(n, raw)
		}
	default:
		err = refuse(n.path, "want an object, true or false")
	}
	if err != nil {
		return nil, err
	}
	n.shapes[way] = &s
	return &s, nil
}

// void reports that no value satisfies a shape, as far as required keys and items tell.
func (c *compiler) void(s *shape) (bool, error) {
	for k := range kinds {
		for _, a := range s[k] {
			if void, err := c.voidAtom(a); err != nil || !void {
				return false, err
			}
		}
	}
	return true, nil
}

func (c *compiler) voidAtom(a *atom) (bool, error) {
	switch {
	case a.any:
		return false, nil
	case a.kind == stringKind && len(a.text.parts) > 0:
		d, err := a.text.dfa(&c.budget)
		return err == nil && d.empty(), nil
	case a.kind == arrayKind:
		for i := range min(a.array.least, a.array.heads()+1) {
			if void, err := c.voidGoal(a.array.item(i)); err != nil || void {
				return void, err
			}
		}
	case a.kind == objectKind:
		for _, key := range a.object.required {
			if void, err := c.voidGoal(a.object.value(key)); err != nil || void {
				return void, err
			}
		}
	}
	return false, nil
}

// voidDepthMax bounds how deep two schemas are told apart.
const voidDepthMax = 6

func (c *compiler) voidGoal(g goal) (bool, error) {
	if len(g) < 2 && (len(g) == 0 || g[0].node.raw != false) || c.depth > voidDepthMax+schemaMax {
		return false, nil
	}
	key := g.key()
	if void, ok := c.voids[key]; ok {
		return void, nil
	}
	c.voids[key] = false // a value that contains itself may exist
	leave, err := c.enterDepth(g.path())
	if err != nil {
		return false, err
	}
	defer leave()
	s, err := c.resolveGoal(g)
	if err != nil {
		return false, err
	}
	void, err := c.void(s)
	c.voids[key] = void
	return void, err
}

// without is the part of a shape that does not satisfy a literal. Atoms that are disjoint
// from it stay as they are: most often that spares a negation.
func (c *compiler) without(path string, s *shape, l literal) (shape, error) {
	var out shape
	positive, err := c.resolve(l)
	if err != nil { // the literal may be a not, whose negation is the easier way
		negative, second := c.resolve(literal{l.node, !l.negated})
		if second != nil {
			return out, err
		}
		return c.meet(path, s, negative)
	}
	for k := range kinds {
		for _, a := range s[k] {
			kept := only(k, a)
			common, err := c.meet(path, &kept, positive)
			if err != nil {
				return out, err
			}
			void, err := c.void(&common)
			if err != nil {
				return out, err
			}
			if !void {
				negative, err := c.resolve(literal{l.node, !l.negated})
				if err != nil {
					return out, err
				}
				if kept, err = c.meet(path, &kept, negative); err != nil {
					return out, err
				}
			}
			out.union(&kept)
		}
	}
	return out, nil
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

// names reads a keyword that must be a list of names.
func names(path, key string, v any) ([]string, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, refuse(path, "%s: want a list of names", key)
	}
	var out []string
	for _, x := range list {
		name, ok := x.(string)
		if !ok {
			return nil, refuse(path, "%s: want a list of names", key)
		}
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out, nil
}
