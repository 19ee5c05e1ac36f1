package grammar

import (
	"encoding/binary"
	"slices"

	"github.com/weir-project/weir/engine/sample"
	"github.com/weir-project/weir/internal/fault"
)

// frame is a return address on the stack of calls; equal stacks are one frame.
type frame struct {
	id     int32
	ret    int32
	parent *frame
	depth  int
}

type frameKey struct {
	parent int32
	ret    int32
}

// config is one possibility: a state and what to return to.
type config struct {
	state int32
	stack *frame
}

// setID names an interned set of configurations.
type setID int32

// nowhere is the empty set: no text leads here.
const nowhere setID = 0

// setsMax bounds the memory of a Grammar; past it everything but the current set is forgotten.
const setsMax = 20_000

type set struct {
	configs  []config
	final    bool
	next     [256]setID // -1: not computed
	hasBytes bool
}

// sets interns configurations and remembers transitions.
type sets struct {
	n      *network
	frames map[frameKey]*frame
	byKey  map[string]setID
	list   []*set
	masks  map[setID]sample.Mask
	first  setID

	seen map[[2]int32]bool
	work []config
}

func newSets(n *network, start int32) *sets {
	s := &sets{n: n}
	s.reset()
	s.first = s.intern([]config{{state: start}})
	return s
}

func (s *sets) reset() {
	s.frames, s.byKey = map[frameKey]*frame{}, map[string]setID{"": nowhere}
	s.list, s.masks = []*set{{}}, map[setID]sample.Mask{}
	s.seen = map[[2]int32]bool{}
}

func (s *sets) push(parent *frame, ret int32) *frame {
	k := frameKey{-1, ret}
	depth := 1
	if parent != nil {
		k.parent, depth = parent.id, parent.depth+1
	}
	f, ok := s.frames[k]
	if !ok {
		f = &frame{id: int32(len(s.frames)), ret: ret, parent: parent, depth: depth}
		s.frames[k] = f
	}
	return f
}

func frameID(f *frame) int32 {
	if f == nil {
		return -1
	}
	return f.id
}

// intern closes a set over free edges, calls and returns, and names it.
func (s *sets) intern(from []config) setID {
	clear(s.seen)
	s.work = append(s.work[:0], from...)
	var kept []config
	final := false
	for len(s.work) > 0 {
		c := s.work[len(s.work)-1]
		s.work = s.work[:len(s.work)-1]
		key := [2]int32{c.state, frameID(c.stack)}
		if s.seen[key] {
			continue
		}
		s.seen[key] = true
		if s.expand(c) {
			kept = append(kept, c)
		}
		if s.n.final[c.state] {
			if c.stack == nil {
				final = true
			} else {
				s.work = append(s.work, config{c.stack.ret, c.stack.parent})
			}
		}
	}
	slices.SortFunc(kept, func(a, b config) int {
		if a.state != b.state {
			return int(a.state - b.state)
		}
		return int(frameID(a.stack) - frameID(b.stack))
	})
	return s.name(kept, final)
}

// expand follows the edges of a configuration that take no byte, and reports whether it has
// others.
func (s *sets) expand(c config) bool {
	bytes := s.n.room[c.state] > 0
	for _, e := range s.n.edges[c.state] {
		switch e.kind {
		case bytesEdge:
			bytes = true
		case freeEdge:
			s.work = append(s.work, config{e.to, c.stack})
		case callEdge:
			if c.stack == nil || c.stack.depth < 2*depthMax {
				s.work = append(s.work, config{e.call, s.push(c.stack, e.to)})
			}
		}
	}
	return bytes
}

func (s *sets) name(configs []config, final bool) setID {
	if len(configs) == 0 && !final {
		return nowhere
	}
	key := make([]byte, 0, 8*len(configs)+1)
	for _, c := range configs {
		key = binary.LittleEndian.AppendUint32(key, uint32(c.state))
		key = binary.LittleEndian.AppendUint32(key, uint32(frameID(c.stack)))
	}
	if final {
		key = append(key, 1)
	}
	if id, ok := s.byKey[string(key)]; ok {
		return id
	}
	id := setID(len(s.list))
	one := &set{configs: configs, final: final, hasBytes: len(configs) > 0}
	for i := range one.next {
		one.next[i] = -1
	}
	s.list = append(s.list, one)
	s.byKey[string(key)] = id
	return id
}

// step is the set after one more byte.
func (s *sets) step(id setID, b byte) setID {
	at := s.list[id]
	if id == nowhere {
		return nowhere
	}
	if at.next[b] >= 0 {
		return at.next[b]
	}
	// Bytes that no edge tells apart from b lead to the same set.
	var to []config
	lo, hi := byte(0), byte(255)
	for _, c := range at.configs {
		for _, e := range s.n.edges[c.state] {
			switch {
			case e.kind != bytesEdge:
			case b < e.lo:
				hi = min(hi, e.lo-1)
			case b > e.hi:
				lo = max(lo, e.hi+1)
			default:
				lo, hi = max(lo, e.lo), min(hi, e.hi)
				to = append(to, config{e.to, c.stack})
			}
		}
	}
	next := nowhere
	if len(to) > 0 {
		next = s.intern(to)
	}
	for i := int(lo); i <= int(hi); i++ {
		at.next[i] = next
	}
	return next
}

// room is how many characters may follow whichever they are, and whether some configuration
// lets plain text through on other conditions.
func (s *sets) room(id setID) (room int32, other bool) {
	for _, c := range s.list[id].configs {
		if r := s.n.room[c.state]; r > 0 {
			room = max(room, r)
			continue
		}
		if c.state == s.n.charStart {
			continue // called from a state that has room
		}
		for _, e := range s.n.edges[c.state] {
			quotes := e.lo == e.hi && (e.lo == '"' || e.lo == '\\')
			other = other || e.kind == bytesEdge && e.hi >= 0x20 && !quotes
		}
	}
	return room, other
}

// Accepts reports whether text is whole and allowed, and how many of its bytes are.
func (g *Grammar) Accepts(text []byte) (ok bool, valid int) {
	at := g.sets.first
	for i, b := range text {
		if at = g.sets.step(at, b); at == nowhere {
			return false, i
		}
	}
	return g.sets.list[at].final, len(text)
}

// Matcher runs a Grammar beside one generation.
type Matcher struct {
	g  *Grammar
	v  *Vocabulary
	at setID
}

// NewMatcher returns a Matcher at the start of a text.
func NewMatcher(g *Grammar, v *Vocabulary) *Matcher { return &Matcher{g: g, v: v, at: g.sets.first} }

// Done reports that the text is whole and nothing may follow.
func (m *Matcher) Done() bool {
	at := m.g.sets.list[m.at]
	return at.final && !at.hasBytes
}

// Mask sets dst to the tokens that may follow: those whose bytes lead on and, where the text
// is whole, those that end it.
func (m *Matcher) Mask(dst sample.Mask) {
	cached, ok := m.g.sets.masks[m.at]
	if !ok {
		m.trim()
		cached = make(sample.Mask, len(dst))
		m.v.fill(m.g.sets, m.at, cached)
		if m.g.sets.list[m.at].final {
			for _, id := range m.v.ends {
				cached[id>>6] |= 1 << (id & 63)
			}
		}
		m.g.sets.masks[m.at] = cached
	}
	copy(dst, cached)
}

// masksMax bounds the masks kept, and masksWords their size in all.
const (
	masksMax   = 4000
	masksWords = 4 << 20
)

// trim forgets masks, or all sets but the current one, when there are too many.
func (m *Matcher) trim() {
	s := m.g.sets
	if n := len(s.masks); n >= masksMax || n*((len(m.v.tokens)+63)/64) > masksWords {
		clear(s.masks)
	}
	if len(s.list) < setsMax {
		return
	}
	configs, final := s.list[m.at].configs, s.list[m.at].final
	start := s.list[s.first].configs
	s.reset()
	s.first = s.rebuild(start, false)
	m.at = s.rebuild(configs, final)
}

// rebuild interns configurations whose frames were forgotten.
func (s *sets) rebuild(configs []config, final bool) setID {
	var again func(f *frame) *frame
	again = func(f *frame) *frame {
		if f == nil {
			return nil
		}
		return s.push(again(f.parent), f.ret)
	}
	fresh := make([]config, len(configs))
	for i, c := range configs {
		fresh[i] = config{c.state, again(c.stack)}
	}
	return s.name(fresh, final)
}

// Accept takes the token that followed.
func (m *Matcher) Accept(id int32) error {
	if m.v.isEnd(id) {
		return nil
	}
	at := m.at
	for _, b := range []byte(m.v.tokens[id]) {
		if at = m.g.sets.step(at, b); at == nowhere {
			return fault.New(fault.Internal, "token %q does not follow the schema", m.v.tokens[id])
		}
	}
	m.at = at
	return nil
}
