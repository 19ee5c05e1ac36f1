package grammar

import "slices"

// kind is a type of JSON value; integers are numbers.
type kind uint8

const (
	nullKind kind = iota
	boolKind
	numberKind
	stringKind
	arrayKind
	objectKind
	kinds
)

// literal is a schema, or its negation.
type literal struct {
	node    *node
	negated bool
}

// goal is a conjunction of literals: what a nested value must satisfy.
type goal []literal

// atom is a set of values of one kind. Constraints on nested values stay goals, which are
// resolved when they are compiled, so recursion ends.
type atom struct {
	kind    kind
	any     bool    // no constraint
	truth   uint8   // of booleans: bit 0 false, bit 1 true
	numbers numbers // of numberKind, as the following
	text    texts
	array   arrays
	object  objects
}

// shape is a union of atoms by kind.
type shape [kinds][]*atom

// alternativesMax bounds the atoms that a schema may have of one kind.
const alternativesMax = 3000

func anyShape() shape {
	var s shape
	for k := range kinds {
		s[k] = []*atom{unconstrained(k)}
	}
	return s
}

func unconstrained(k kind) *atom {
	return &atom{kind: k, any: true, truth: 3, text: texts{most: -1}, array: arrays{most: -1}, object: objects{most: -1}}
}

// only is the shape of some atoms of one kind.
func only(k kind, atoms ...*atom) shape {
	var s shape
	s[k] = atoms
	return s
}

// others is the shape of everything but the values of kind k.
func others(k kind) shape {
	s := anyShape()
	s[k] = nil
	return s
}

// where is the shape that constrains the values of kind k and no other.
func where(k kind, atoms ...*atom) shape {
	s := anyShape()
	s[k] = atoms
	return s
}

func (s *shape) empty() bool {
	for k := range kinds {
		if len(s[k]) > 0 {
			return false
		}
	}
	return true
}

func (s *shape) all() bool {
	for k := range kinds {
		if !slices.ContainsFunc(s[k], func(a *atom) bool { return a.any }) {
			return false
		}
	}
	return true
}

// union adds the atoms of t.
func (s *shape) union(t *shape) {
	for k := range kinds {
		s[k] = append(s[k][:len(s[k]):len(s[k])], t[k]...)
		for _, a := range s[k] {
			if a.any {
				s[k] = []*atom{a}
				break
			}
		}
	}
}

// texts are the constraints on a string.
type texts struct {
	some        bool // only the words listed
	words       []string
	parts       []part
	least, most int  // in characters; most < 0: no bound
	joined      *dfa // of parts and lengths, once built
}

// arrays are the constraints on an array.
type arrays struct {
	sources     []*items
	least, most int
	contains    []containing
	unique      bool
}

// items says what the items must be: those of heads by place, then rest.
type items struct {
	heads []goal
	rest  goal
}

// containing asks for least to most items from a place on that satisfy a literal.
type containing struct {
	item        literal
	from        int
	least, most int
}

// objects are the constraints on an object.
type objects struct {
	sources     []*fields
	required    []string
	names       goal // what keys must satisfy
	some        []existing
	least, most int
}

// existing asks for at least one key of a set (those that dfa accepts, that rest has no name
// or pattern for, or that satisfy names) whose value satisfies a goal.
type existing struct {
	dfa   *dfa
	rest  *fields
	names goal
	value goal
}

// fields says what the values of one schema's keys must be: by name, by pattern, else rest.
type fields struct {
	keys     []string
	values   map[string]goal
	patterns []*dfa
	matching []goal
	rest     goal
}

// at is the goal of the value of a key.
func (f *fields) at(key string) goal {
	named, known := f.values[key]
	g := slices.Clone(named)
	for i, p := range f.patterns {
		if p.accepts(key) {
			known = true
			g = append(g, f.matching[i]...)
		}
	}
	if !known {
		g = append(g, f.rest...)
	}
	return g
}

// value is the goal of the value of a key over all sources.
func (o *objects) value(key string) goal {
	var g goal
	for _, f := range o.sources {
		g = append(g, f.at(key)...)
	}
	return g
}

// item is the goal of the item at place i.
func (a *arrays) item(i int) goal {
	var g goal
	for _, s := range a.sources {
		if i < len(s.heads) {
			g = append(g, s.heads[i]...)
		} else {
			g = append(g, s.rest...)
		}
	}
	return g
}

// heads is the number of items that have a place of their own.
func (a *arrays) heads() int {
	n := 0
	for _, s := range a.sources {
		n = max(n, len(s.heads))
	}
	return n
}

func tighter(a, b int) int {
	if a < 0 || b >= 0 && b < a {
		return b
	}
	return a
}

// both is the intersection of two atoms of one kind; nil if it is seen to be empty.
func both(a, b *atom) *atom {
	if a.any {
		return b
	}
	if b.any {
		return a
	}
	out := &atom{kind: a.kind, truth: a.truth & b.truth}
	switch a.kind {
	case boolKind:
		if out.truth == 0 {
			return nil
		}
	case numberKind:
		out.numbers.bounds = slices.Concat(a.numbers.bounds, b.numbers.bounds)
		out.numbers.divisors = slices.Concat(a.numbers.divisors, b.numbers.divisors)
		if out.numbers.empty() {
			return nil
		}
	case stringKind:
		return bothTexts(out, &a.text, &b.text)
	case arrayKind:
		x, y := &a.array, &b.array
		out.array = arrays{
			sources: slices.Concat(x.sources, y.sources), contains: slices.Concat(x.contains, y.contains),
			least: max(x.least, y.least), most: tighter(x.most, y.most), unique: x.unique || y.unique,
		}
		if out.array.most >= 0 && out.array.most < out.array.least {
			return nil
		}
	case objectKind:
		x, y := &a.object, &b.object
		out.object = objects{
			sources: slices.Concat(x.sources, y.sources), names: slices.Concat(x.names, y.names), some: slices.Concat(x.some, y.some),
			required: x.required, least: max(x.least, y.least), most: tighter(x.most, y.most),
		}
		for _, name := range y.required {
			if !slices.Contains(x.required, name) {
				out.object.required = append(out.object.required[:len(out.object.required):len(out.object.required)], name)
			}
		}
		if out.object.most >= 0 && out.object.most < max(out.object.least, len(out.object.required)) {
			return nil
		}
	}
	return out
}

func bothTexts(out *atom, x, y *texts) *atom {
	t := texts{parts: slices.Concat(x.parts, y.parts), least: max(x.least, y.least), most: tighter(x.most, y.most)}
	if t.most >= 0 && t.most < t.least {
		return nil
	}
	t.some = x.some || y.some
	switch {
	case x.some && y.some:
		for _, w := range x.words {
			if slices.Contains(y.words, w) {
				t.words = append(t.words, w)
			}
		}
	case x.some:
		t.words = x.words
	case y.some:
		t.words = y.words
	}
	if t.some {
		t.words = slices.DeleteFunc(slices.Clone(t.words), func(w string) bool { return !t.fits(w) })
		if len(t.words) == 0 {
			return nil
		}
		t.parts, t.least, t.most = nil, 0, -1
	}
	out.text = t
	return out
}

// fits tells whether a word meets all but the list of words.
func (t *texts) fits(word string) bool {
	n := len([]rune(word))
	if n < t.least || t.most >= 0 && n > t.most {
		return false
	}
	for _, p := range t.parts {
		if p.d.accepts(word) == p.negated {
			return false
		}
	}
	return true
}
