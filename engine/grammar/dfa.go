package grammar

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sort"
)

// dfaMax bounds the states of one automaton over characters, dfaTotal those of all in a schema.
const (
	dfaMax   = 80_000
	dfaTotal = 250_000
)

// budget is the number of states that may still be made.
type budget int

// spend takes the states of one automaton; at is how many it has.
func (b *budget) spend(at int) error {
	if *b--; at > dfaMax || *b < 0 {
		return fmt.Errorf("patterns and lengths together need more than %d states, or %d in all", dfaMax, int(dfaTotal))
	}
	return nil
}

// span is a transition on the characters lo to hi.
type span struct {
	lo, hi rune
	to     int32
}

// dfa is a deterministic automaton over the characters of a string; state 0 is its start and
// a missing transition refuses. label is 0 where the text is not accepted; products of
// several automata use its bits to tell which of them accept.
type dfa struct {
	spans [][]span
	label []uint32
}

func (d *dfa) state() int32 {
	d.spans = append(d.spans, nil)
	d.label = append(d.label, 0)
	return int32(len(d.spans) - 1)
}

// next is the state after r, or -1.
func (d *dfa) next(at int32, r rune) int32 {
	if at < 0 {
		return -1
	}
	s := d.spans[at]
	i := sort.Search(len(s), func(i int) bool { return s[i].hi >= r })
	if i < len(s) && s[i].lo <= r {
		return s[i].to
	}
	return -1
}

func (d *dfa) accepts(text string) bool {
	at := int32(0)
	for _, r := range text {
		at = d.next(at, r)
	}
	return at >= 0 && d.label[at] != 0
}

// universal reports that every text is accepted from a state.
func (d *dfa) universal(at int32) bool {
	s := d.spans[at]
	return d.label[at] != 0 && len(s) == 1 && s[0] == span{0, runeMax, at}
}

// lengthDFA accepts texts of least to most characters; most < 0: no bound.
func lengthDFA(least, most int) *dfa {
	d := &dfa{}
	last := max(least, most)
	for i := 0; i <= last; i++ {
		at := d.state()
		if i >= least {
			d.label[at] = 1
		}
		if i < last {
			d.spans[at] = []span{{0, runeMax, at + 1}}
		} else if most < 0 {
			d.spans[at] = []span{{0, runeMax, at}}
		}
	}
	return d
}

// wordsDFA accepts the given texts.
func wordsDFA(words []string) *dfa {
	d := &dfa{}
	d.state()
	for _, w := range words {
		at := int32(0)
		for _, r := range w {
			to := d.next(at, r)
			if to < 0 {
				to = d.state()
				d.spans[at] = append(d.spans[at], span{r, r, to})
				slices.SortFunc(d.spans[at], func(a, b span) int { return int(a.lo - b.lo) })
			}
			at = to
		}
		d.label[at] = 1
	}
	return d
}

// part is one automaton of a product.
type part struct {
	d       *dfa
	negated bool
	must    bool // texts that it refuses are refused by the product
}

func (p part) holds(at int32) bool { return (at >= 0 && p.d.label[at] != 0) != p.negated }

// product runs automata side by side. A text is accepted if all the parts that must hold do;
// bit i of the label, from bit 1 on, tells whether part i holds.
func product(b *budget, parts []part) (*dfa, error) {
	out := &dfa{}
	byKey := map[string]int32{}
	var tuples [][]int32
	place := func(tuple []int32) int32 {
		var key []byte
		for i, at := range tuple {
			if parts[i].must && !parts[i].negated && at < 0 {
				return -1
			}
			key = binary.LittleEndian.AppendUint32(key, uint32(at))
		}
		id, ok := byKey[string(key)]
		if !ok {
			id = out.state()
			byKey[string(key)] = id
			tuples = append(tuples, slices.Clone(tuple))
		}
		return id
	}
	place(make([]int32, len(parts)))
	next := make([]int32, len(parts))
	for id := 0; id < len(tuples); id++ {
		if err := b.spend(len(tuples)); err != nil {
			return nil, err
		}
		tuple := tuples[id]
		out.label[id] = 1
		for i, p := range parts {
			if p.holds(tuple[i]) {
				out.label[id] |= 2 << i
			} else if p.must {
				out.label[id] = 0
				break
			}
		}
		for _, cut := range cuts(parts, tuple) {
			for i, p := range parts {
				next[i] = p.d.next(tuple[i], cut[0])
			}
			if to := place(next); to >= 0 {
				out.spans[id] = appendSpan(out.spans[id], cut[0], cut[1], to)
			}
		}
	}
	out.trim()
	return out, nil
}

// cuts splits all characters at the bounds of the transitions of a tuple of states.
func cuts(parts []part, tuple []int32) [][2]rune {
	bounds := []rune{0}
	for i, p := range parts {
		if tuple[i] < 0 {
			continue
		}
		for _, s := range p.d.spans[tuple[i]] {
			bounds = append(bounds, s.lo, s.hi+1)
		}
	}
	return between(bounds)
}

// between turns starts of ranges into ranges that cover all characters.
func between(bounds []rune) [][2]rune {
	slices.Sort(bounds)
	bounds = slices.Compact(bounds)
	var out [][2]rune
	for i, lo := range bounds {
		if lo > runeMax {
			break
		}
		hi := runeMax
		if i+1 < len(bounds) {
			hi = min(hi, bounds[i+1]-1)
		}
		out = append(out, [2]rune{lo, hi})
	}
	return out
}

func appendSpan(s []span, lo, hi rune, to int32) []span {
	if n := len(s); n > 0 && s[n-1].to == to && s[n-1].hi+1 == lo {
		s[n-1].hi = hi
		return s
	}
	return append(s, span{lo, hi, to})
}

// trim cuts transitions that lead to no accepted text.
func (d *dfa) trim() {
	from := make([][]int32, len(d.spans))
	for at, spans := range d.spans {
		for _, s := range spans {
			from[s.to] = append(from[s.to], int32(at))
		}
	}
	live := make([]bool, len(d.spans))
	var work []int32
	for at := range d.spans {
		if d.label[at] != 0 {
			live[at] = true
			work = append(work, int32(at))
		}
	}
	for len(work) > 0 {
		at := work[len(work)-1]
		work = work[:len(work)-1]
		for _, f := range from[at] {
			if !live[f] {
				live[f] = true
				work = append(work, f)
			}
		}
	}
	for at := range d.spans {
		d.spans[at] = slices.DeleteFunc(d.spans[at], func(s span) bool { return !live[s.to] })
	}
}

// empty reports that no text is accepted; d must be trimmed.
func (d *dfa) empty() bool { return d.label[0] == 0 && len(d.spans[0]) == 0 }

// lengths are the bounds on the length of the accepted texts of a trimmed automaton; most is
// -1 if there is none.
func (d *dfa) lengths() (least, most int) {
	least = -1
	seen := make([]bool, len(d.spans))
	level := []int32{0}
	for n := 0; len(level) > 0 && least < 0; n++ {
		var following []int32
		for _, at := range level {
			if d.label[at] != 0 {
				least = n
			}
			for _, s := range d.spans[at] {
				if !seen[s.to] {
					seen[s.to] = true
					following = append(following, s.to)
				}
			}
		}
		level = following
	}
	return least, d.longest(0, make([]int, len(d.spans)))
}

// longest is the length of the longest path; known holds it plus 2, or 1 while on the way.
func (d *dfa) longest(at int32, known []int) int {
	if known[at] == 1 {
		return -1
	}
	if known[at] > 1 {
		return known[at] - 3
	}
	known[at] = 1
	best := 0
	for _, s := range d.spans[at] {
		n := d.longest(s.to, known)
		if n < 0 {
			best = -1
			break
		}
		best = max(best, n+1)
	}
	known[at] = best + 3
	return best
}
