package grammar

import "strings"

// emit adds the values of a shape.
func (c *compiler) emit(path string, s *shape, from, to int32) error {
	for k := range kinds {
		for _, a := range s[k] {
			if err := c.check(); err != nil {
				return err
			}
			var err error
			switch {
			case k == nullKind:
				c.free(c.text(from, "null"), to)
			case k == boolKind:
				for i, word := range []string{"false", "true"} {
					if a.truth&(1<<i) != 0 {
						c.free(c.text(from, word), to)
					}
				}
			case k == numberKind:
				err = c.numbers(path, &a.numbers, from, to)
			case k == stringKind:
				err = c.strings(path, &a.text, from, to)
			case a.any:
				c.call(from, c.anyOfKind(k), to)
			case k == arrayKind:
				err = c.arrays(path, &a.array, from, to)
			case k == objectKind:
				err = c.objects(path, &a.object, from, to)
			}
			if err != nil {
				return err
			}
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
	c.call(from, c.anyOfKind(arrayKind), to)
	c.call(from, c.anyOfKind(objectKind), to)
	return c.any
}

// anyOfKind is the network of any array or object.
func (c *compiler) anyOfKind(k kind) int32 {
	if c.anyParts[k] != 0 {
		return c.anyParts[k]
	}
	from, to := c.state(), c.state()
	c.anyParts[k], c.final[to] = from, true
	if k == arrayKind {
		first, more := c.text(from, "["), c.state()
		c.free(c.text(first, "]"), to)
		c.call(first, c.anyValue(), more)
		c.call(c.spaced(more, ','), c.anyValue(), more)
		c.free(c.text(more, "]"), to)
		return from
	}
	open := c.text(from, "{")
	c.free(c.text(open, "}"), to)
	key, colon, more := c.state(), c.state(), c.state()
	c.free(open, key)
	c.characters(key, colon, 0, -1)
	c.call(c.spaced(colon, ':'), c.anyValue(), more)
	c.free(c.spaced(more, ','), key)
	c.free(c.text(more, "}"), to)
	return from
}

// lengthMax bounds the states that a length may cost.
const lengthMax = 100_000

// characters adds a quoted string of least to most characters; most < 0: any number. All
// strings share the states after the least.
func (c *compiler) characters(from, to int32, least, most int) {
	at := c.text(from, `"`)
	for i := range least {
		next := c.state()
		c.room[at] = roomEndless
		if most >= 0 {
			c.room[at] = int32(most - i)
		}
		c.call(at, c.char, next)
		at = next
	}
	c.call(at, c.tail(most, least), to)
}

// tail is the network of the rest of a string: up to most-least characters, and the quote.
func (c *compiler) tail(most, least int) int32 {
	if c.endless == 0 {
		c.endless = c.state()
		c.call(c.endless, c.char, c.endless)
		c.tailEnd = c.text(c.endless, `"`)
		c.final[c.tailEnd] = true
		c.room[c.endless] = roomEndless
	}
	if most < 0 {
		return c.endless
	}
	for k := len(c.countdown); k <= most-least; k++ {
		at := c.state()
		c.room[at] = int32(k)
		c.join(at, '"', '"', c.tailEnd)
		if k > 0 {
			c.call(at, c.char, c.countdown[k-1])
		}
		c.countdown = append(c.countdown, at)
	}
	return c.countdown[most-least]
}

// dfa joins the constraints of a string that has patterns.
func (t *texts) dfa(b *budget) (*dfa, error) {
	if t.joined != nil {
		return t.joined, nil
	}
	d := t.parts[0].d
	if len(t.parts) > 1 || t.parts[0].negated {
		var err error
		if d, err = product(b, t.parts); err != nil {
			return nil, err
		}
	}
	if least, most := d.lengths(); !d.empty() && (least < t.least || t.most >= 0 && (most < 0 || most > t.most)) {
		var err error
		if d, err = product(b, []part{{d: d, must: true}, {d: lengthDFA(t.least, t.most), must: true}}); err != nil {
			return nil, err
		}
	}
	t.joined = d
	return d, nil
}

func (c *compiler) strings(path string, t *texts, from, to int32) error {
	if max(t.least, t.most) > lengthMax {
		return refuse(path, "minLength %d, maxLength %d: at most %d is supported", t.least, t.most, lengthMax)
	}
	switch {
	case t.some:
		start, end := c.text(from, `"`), c.state()
		c.free(c.text(end, `"`), to)
		c.spell(wordsDFA(t.words), ^uint32(0), start, end)
	case len(t.parts) == 0:
		c.characters(from, to, t.least, t.most)
	default:
		d, err := t.dfa(&c.budget)
		if err != nil {
			return refuse(path, "%v", err)
		}
		start, end := c.text(from, `"`), c.state()
		c.free(c.text(end, `"`), to)
		c.spell(d, ^uint32(0), start, end)
	}
	return nil
}

// speller writes an automaton over characters as one over the bytes of a JSON string.
// Characters appear as they are, and those that must be escaped in their shortest form.
type speller struct {
	c      *compiler
	states []int32
	tails  map[span]int32 // states before a character from lo to hi beyond ASCII
}

// spell adds the texts of d whose label is one of the given bits (^0: any label).
func (c *compiler) spell(d *dfa, label uint32, from, to int32) {
	s := &speller{c: c, states: make([]int32, len(d.spans)), tails: map[span]int32{}}
	accepted := func(at int) bool { return d.label[at] != 0 && (label == ^uint32(0) || d.label[at] == label) }
	for at := range d.spans {
		s.states[at] = c.state()
	}
	c.free(from, s.states[0])
	for at, spans := range d.spans {
		if accepted(at) {
			c.free(s.states[at], to)
		}
		if accepted(at) && d.universal(int32(at)) {
			c.room[s.states[at]] = roomEndless
			c.call(s.states[at], c.char, s.states[at])
			continue
		}
		for _, one := range spans {
			s.join(s.states[at], one)
		}
	}
}

const escaped = "\"\\\b\f\n\r\t"

func (s *speller) join(from int32, one span) {
	to := s.states[one.to]
	for _, plain := range [][2]rune{{0x20, 0x21}, {0x23, 0x5b}, {0x5d, 0x7f}} {
		if lo, hi := max(one.lo, plain[0]), min(one.hi, plain[1]); lo <= hi {
			s.c.join(from, byte(lo), byte(hi), to)
		}
	}
	if lo := max(one.lo, 0x80); lo <= one.hi {
		key := span{lo, one.hi, to}
		mid, ok := s.tails[key]
		if !ok {
			mid = s.c.state()
			s.tails[key] = mid
			s.c.runes(mid, to, lo, one.hi)
		}
		s.c.free(from, mid)
	}
	backslash := int32(-1)
	escape := func() int32 {
		if backslash < 0 {
			backslash = s.c.text(from, `\`)
		}
		return backslash
	}
	for r := one.lo; r <= min(one.hi, 0x5c); r++ {
		if i := strings.IndexRune(escaped, r); i >= 0 {
			s.c.join(escape(), `"\bfnrt`[i], `"\bfnrt`[i], to)
		} else if r < 0x20 {
			code := s.c.text(escape(), "u00"+string("01"[r>>4]))
			digit := "0123456789abcdef"[r&15]
			s.c.join(code, digit, digit, to)
		}
	}
}

// arrayPlace counts the items so far, up to the last that matters, and those that satisfied
// each contains.
type arrayPlace struct {
	i      int
	counts [containsMax]int
}

// containsMax bounds the contains that one array may combine.
const containsMax = 3

// arrayWriter adds the states between the items of an array.
type arrayWriter struct {
	c      *compiler
	a      *arrays
	last   int // places from here on are alike; at least 1, since commas follow the first item
	states map[arrayPlace]int32
	todo   []arrayPlace
}

func (c *compiler) arrays(path string, a *arrays, from, to int32) error {
	if a.unique && (a.most < 0 || a.most > 1) {
		return refuse(path, "uniqueItems is not supported for more than one item")
	}
	w := &arrayWriter{c: c, a: a, states: map[arrayPlace]int32{}, last: max(a.least, a.most, a.heads(), 1)}
	for _, one := range a.contains {
		w.last = max(w.last, one.from)
		if max(one.least, one.most) > lengthMax {
			return refuse(path, "contains counted beyond %d is not supported", lengthMax)
		}
	}
	if w.last > lengthMax || len(a.contains) > containsMax {
		return refuse(path, "arrays with more than %d counted items or %d contains are not supported", lengthMax, containsMax)
	}
	end := c.state()
	c.free(c.text(end, "]"), to)
	c.free(c.text(from, "["), w.place(arrayPlace{}))
	for len(w.todo) > 0 {
		at := w.todo[len(w.todo)-1]
		w.todo = w.todo[:len(w.todo)-1]
		if w.complete(at) {
			c.free(w.states[at], end)
		}
		if a.most < 0 || at.i < a.most {
			if err := w.step(at); err != nil {
				return err
			}
		}
		if err := c.check(); err != nil {
			return err
		}
	}
	return nil
}

func (w *arrayWriter) place(at arrayPlace) int32 {
	s, ok := w.states[at]
	if !ok {
		s = w.c.state()
		w.states[at] = s
		w.todo = append(w.todo, at)
	}
	return s
}

func (w *arrayWriter) complete(at arrayPlace) bool {
	for i, one := range w.a.contains {
		if at.counts[i] < one.least {
			return false
		}
	}
	return at.i >= w.a.least
}

// step adds an item in each way that it may count.
func (w *arrayWriter) step(at arrayPlace) error {
	start := w.states[at]
	if at.i > 0 {
		start = w.c.spaced(start, ',')
	}
	for ways := range 1 << len(w.a.contains) {
		g := w.a.item(at.i)
		to := arrayPlace{i: min(at.i+1, w.last), counts: at.counts}
		possible := true
		for i, one := range w.a.contains {
			counted := ways&(1<<i) != 0
			switch {
			case at.i < one.from, one.most < 0 && at.counts[i] >= one.least:
				possible = possible && !counted // no need to look
			case counted:
				to.counts[i]++
				g = append(g, one.item)
				possible = possible && (one.most < 0 || to.counts[i] <= one.most)
			case one.most >= 0:
				g = append(g, literal{one.item.node, !one.item.negated})
			}
		}
		if !possible {
			continue
		}
		network, err := w.c.rule(g)
		if err != nil {
			return err
		}
		w.c.call(start, network, w.place(to))
	}
	return nil
}

// quote is the JSON string of s with no escape that is not needed.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		if i := strings.IndexRune(escaped, r); i >= 0 {
			b.WriteByte('\\')
			b.WriteByte(`"\bfnrt`[i])
		} else if r < 0x20 {
			b.WriteString(`\u00` + string("01"[r>>4]) + string("0123456789abcdef"[r&15]))
		} else {
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
