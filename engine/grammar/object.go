package grammar

import "slices"

// spot is a place between the keys of an object: how many of the named ones are passed, how
// many keys there are so far (as far as that matters), and which existing keys were met.
type spot struct{ named, count, met int }

// keyStart is the state before the quote of a key: the spot after its value, which existing
// keys it is one of, and which extra it is, from 1; 0: the named one.
type keyStart struct {
	to    spot
	ways  int
	extra int
}

// objectWriter adds the states between the keys of an object: the named ones in order, then
// others. A key is taken to appear once, as JSON Schema has it.
type objectWriter struct {
	c      *compiler
	o      *objects
	keys   []string
	most   int // keys counted: further ones are alike, or forbidden
	extras []extra
	some   []*dfa // the keys of each existing
	places map[spot]int32
	starts map[keyStart]int32
}

// extra is a network of keys, what their values must satisfy, and which existing they serve.
type extra struct {
	key   int32
	value goal
	serve int
}

// existingMax bounds the existing keys that one object may ask for.
const existingMax = 4

func (c *compiler) objects(path string, o *objects, from, to int32) error {
	w := &objectWriter{c: c, o: o, most: max(o.most, 1), places: map[spot]int32{}, starts: map[keyStart]int32{}}
	if o.least > len(o.required) {
		w.most = max(w.most, o.least)
	}
	for _, f := range o.sources {
		w.keys = append(w.keys, f.keys...)
	}
	w.keys = dedupe(append(w.keys, o.required...))
	if err := w.others(path); err != nil {
		return err
	}
	if len(w.extras) > 0 && o.least > max(1, len(o.required)) {
		return refuse(path, "minProperties %d with keys that are not named is not supported", o.least)
	}
	if w.most > 1 && w.most*(len(w.keys)+1) > statesMax/4 {
		return refuse(path, "minProperties %d, maxProperties %d with %d keys is not supported", o.least, o.most, len(w.keys))
	}
	c.free(c.text(from, "{"), w.place(spot{}))
	for i, key := range w.keys {
		if err := w.key(i, key); err != nil {
			return err
		}
	}
	end, all := c.state(), 1<<len(w.some)-1
	c.free(c.text(end, "}"), to)
	for n := 0; n <= w.most; n++ {
		for met := range all + 1 {
			if err := w.unnamed(spot{len(w.keys), n, met}); err != nil {
				return err
			}
		}
		if n >= min(o.least, w.most) && (o.most < 0 || n <= o.most) {
			c.free(w.place(spot{len(w.keys), n, all}), end)
		}
	}
	return c.check()
}

func (w *objectWriter) place(at spot) int32 {
	if _, ok := w.places[at]; !ok {
		w.places[at] = w.c.state()
	}
	return w.places[at]
}

// start is the state before the quote of a key that leads from one spot to another, after the
// comma if one is due; fresh: nothing follows it yet.
func (w *objectWriter) start(from spot, to keyStart) (at int32, fresh bool) {
	at, ok := w.starts[to]
	if !ok {
		at = w.c.state()
		w.starts[to] = at
	}
	if before := w.place(from); from.count > 0 {
		w.c.free(w.c.spaced(before, ','), at)
	} else {
		w.c.free(before, at)
	}
	return at, !ok
}

// after is the count after one more key; false: there may be none.
func (w *objectWriter) after(count int) (int, bool) {
	if w.o.most >= 0 && count >= w.o.most {
		return 0, false
	}
	return min(count+1, w.most), true
}

// with adds to the goal of a value those of the existing keys that it stands for.
func (w *objectWriter) with(g goal, ways int) goal {
	g = slices.Clone(g)
	for i, e := range w.o.some {
		if ways&(1<<i) != 0 {
			g = append(g, e.value...)
		}
	}
	return g
}

// key adds a key that has a place in the order.
func (w *objectWriter) key(i int, key string) error {
	g := w.o.value(key)
	allowed := !refused(g)
	if len(w.o.names) > 0 && allowed {
		d, err := w.c.nameDFA(w.o.names)
		if err != nil {
			return err
		}
		allowed = d.accepts(key)
	}
	serve := 0
	for j, d := range w.some {
		if d.accepts(key) {
			serve |= 1 << j
		}
	}
	optional := !slices.Contains(w.o.required, key)
	for count := 0; count <= w.most; count++ {
		for met := range 1 << len(w.some) {
			at := spot{i, count, met}
			if optional {
				w.c.free(w.place(at), w.place(spot{i + 1, count, met}))
			}
			if !allowed {
				continue
			}
			if err := w.take(at, 0, serve, func(start, colon int32) {
				w.c.orders[start] = w.keys
				w.c.free(w.c.text(start, quote(key)), colon)
			}, g); err != nil {
				return err
			}
		}
	}
	return nil
}

// take adds a key and its value at a spot, in each way that it may serve the existing keys.
func (w *objectWriter) take(at spot, extra, serve int, write func(start, colon int32), g goal) error {
	after, ok := w.after(at.count)
	if !ok {
		return nil
	}
	next := min(at.named+1, len(w.keys))
	for ways := range 1 << len(w.some) {
		if ways&^serve != 0 || ways&at.met != 0 {
			continue
		}
		value, err := w.c.rule(w.with(g, ways))
		if err != nil {
			return err
		}
		to := spot{next, after, at.met | ways}
		start, fresh := w.start(at, keyStart{to, ways, extra})
		if fresh {
			colon := w.c.state()
			write(start, colon)
			w.c.call(w.c.spaced(colon, ':'), value, w.place(to))
		}
	}
	return nil
}

// unnamed adds the keys that follow those with a place.
func (w *objectWriter) unnamed(at spot) error {
	for i, e := range w.extras {
		if err := w.take(at, i+1, e.serve, func(start, colon int32) { w.c.call(start, e.key, colon) }, e.value); err != nil {
			return err
		}
	}
	return nil
}

// refused reports that a goal is plainly impossible.
func refused(g goal) bool {
	return slices.ContainsFunc(g, func(l literal) bool { return l.node.raw == l.negated })
}

// patternsMax bounds the patterns that the keys of one object may be compared with.
const patternsMax = 20

// others finds the networks of the keys without a place: keys that match the same patterns
// have the same values.
func (w *objectWriter) others(path string) error {
	if len(w.o.some) > existingMax {
		return refuse(path, "more than %d negated additionalProperties, patternProperties or propertyNames are not supported", existingMax)
	}
	for _, e := range w.o.some {
		d, err := w.c.existingDFA(e)
		if err != nil {
			return err
		}
		w.some = append(w.some, d)
	}
	if w.o.most >= 0 && w.o.most <= len(w.o.required) {
		return nil
	}
	parts := []part{{d: wordsDFA(w.keys), negated: true, must: true}}
	for _, d := range w.some {
		parts = append(parts, part{d: d})
	}
	for _, f := range w.o.sources {
		for _, p := range f.patterns {
			parts = append(parts, part{d: p})
		}
	}
	if len(w.o.names) > 0 {
		d, err := w.c.nameDFA(w.o.names)
		if err != nil {
			return err
		}
		parts = append(parts, part{d: d, must: true})
	}
	if len(parts) > patternsMax {
		return refuse(path, "more than %d patterns for keys are not supported", patternsMax)
	}
	keys, err := product(&w.c.budget, parts)
	if err != nil {
		return refuse(path, "patternProperties: %v", err)
	}
	labels := slices.Clone(keys.label)
	slices.Sort(labels)
	for _, label := range slices.Compact(labels) {
		if label != 0 {
			w.class(keys, label)
		}
	}
	return nil
}

// class adds the keys with one label of the product that others makes.
func (w *objectWriter) class(keys *dfa, label uint32) {
	var g goal
	bit := uint32(4) << len(w.some)
	for _, f := range w.o.sources {
		known := false
		for i := range f.patterns {
			if label&bit != 0 {
				known = true
				g = append(g, f.matching[i]...)
			}
			bit <<= 1
		}
		if !known {
			g = append(g, f.rest...)
		}
	}
	if refused(g) {
		return
	}
	from, to, end := w.c.state(), w.c.state(), w.c.state()
	w.c.final[to] = true
	w.c.free(w.c.text(end, `"`), to)
	w.c.spell(keys, label, w.c.text(from, `"`), end)
	w.extras = append(w.extras, extra{key: from, value: g, serve: int(label>>2) & (1<<len(w.some) - 1)})
}

// existingDFA is the automaton of the keys that an existing key may be.
func (c *compiler) existingDFA(e existing) (*dfa, error) {
	switch {
	case e.dfa != nil:
		return e.dfa, nil
	case e.rest == nil:
		return c.nameDFA(e.names)
	}
	parts := []part{{d: wordsDFA(e.rest.keys), negated: true, must: true}}
	for _, p := range e.rest.patterns {
		parts = append(parts, part{d: p, negated: true, must: true})
	}
	d, err := product(&c.budget, parts)
	if err != nil {
		return nil, refuse(e.value.path(), "%v", err)
	}
	return d, nil
}

// nameDFA is the automaton of the keys that satisfy propertyNames.
func (c *compiler) nameDFA(g goal) (*dfa, error) {
	s, err := c.resolveGoal(g)
	if err != nil {
		return nil, err
	}
	var parts []part
	out := &dfa{}
	out.state()
	for i, a := range s[stringKind] {
		var d *dfa
		switch {
		case a.text.some:
			d = wordsDFA(a.text.words)
		case len(a.text.parts) > 0:
			d, err = a.text.dfa(&c.budget)
		default:
			d = lengthDFA(a.text.least, a.text.most)
		}
		if err != nil {
			return nil, refuse(g.path(), "propertyNames: %v", err)
		}
		if i == 0 {
			out = d
		}
		parts = append(parts, part{d: d, negated: true, must: true})
	}
	if len(parts) < 2 {
		return out, nil
	}
	none, err := product(&c.budget, parts) // a name is refused by all; the others are wanted
	if err != nil {
		return nil, refuse(g.path(), "propertyNames: %v", err)
	}
	return product(&c.budget, []part{{d: none, negated: true, must: true}})
}
