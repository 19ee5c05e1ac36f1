package grammar

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// inst is an instruction of a compiled regular expression.
type inst struct {
	op   instOp
	set  []rune
	kind reOp // of an assertion
	x, y int32
}

type instOp uint8

const (
	instSet instOp = iota
	instSplit
	instAssert
	instMatch
)

type regexProgram struct {
	insts    []inst
	start    int32
	hasWords bool // asserts word boundaries
}

// build adds the instructions of n that go on to next, and returns the first.
func (p *regexProgram) build(n *reNode, next int32) (int32, error) {
	if len(p.insts) > regexInstMax {
		return 0, fmt.Errorf("needs more than %d instructions", regexInstMax)
	}
	var err error
	switch n.op {
	case reSet:
		return p.add(inst{op: instSet, set: n.set, x: next}), nil
	case reCat:
		for i := len(n.subs) - 1; i >= 0; i-- {
			if next, err = p.build(n.subs[i], next); err != nil {
				return 0, err
			}
		}
		return next, nil
	case reAlt:
		first := int32(-1)
		for i := len(n.subs) - 1; i >= 0; i-- {
			at, err := p.build(n.subs[i], next)
			if err != nil {
				return 0, err
			}
			if first >= 0 {
				at = p.add(inst{op: instSplit, x: at, y: first})
			}
			first = at
		}
		return first, nil
	case reRepeat:
		return p.repeat(n, next)
	case reLook:
		return 0, fmt.Errorf("looking ahead is supported at the start of an expression alone")
	}
	p.hasWords = p.hasWords || n.op == reWord || n.op == reNotWord
	return p.add(inst{op: instAssert, kind: n.op, x: next}), nil
}

func (p *regexProgram) add(i inst) int32 {
	p.insts = append(p.insts, i)
	return int32(len(p.insts) - 1)
}

func (p *regexProgram) repeat(n *reNode, next int32) (int32, error) {
	at := next
	if n.most < 0 {
		loop := p.add(inst{op: instSplit, y: next})
		body, err := p.build(n.subs[0], loop)
		if err != nil {
			return 0, err
		}
		p.insts[loop].x = body
		at = loop
	}
	for range max(n.most-n.least, 0) {
		body, err := p.build(n.subs[0], at)
		if err != nil {
			return 0, err
		}
		at = p.add(inst{op: instSplit, x: body, y: next})
	}
	for range n.least {
		var err error
		if at, err = p.build(n.subs[0], at); err != nil {
			return 0, err
		}
	}
	return at, nil
}

// Contexts: what stands before or after a place in the text.
const (
	edgeOfText = iota
	wordBeside
	otherBeside
)

// regexDFA accepts the texts in which expr matches somewhere, as JSON Schema has it.
func regexDFA(b *budget, expr string) (*dfa, error) {
	n, err := parseRegex(expr)
	if err != nil {
		return nil, err
	}
	looks, rest := splitLooks(n)
	parts := make([]part, 0, 1+len(looks))
	d, err := nodeDFA(b, rest)
	if err != nil {
		return nil, err
	}
	if len(looks) == 0 {
		return d, nil
	}
	parts = append(parts, part{d: d, must: true})
	for _, l := range looks {
		// The expression begins with ^, so what is looked at begins there too.
		d, err := nodeDFA(b, &reNode{op: reCat, subs: []*reNode{{op: reBegin}, l.subs[0]}})
		if err != nil {
			return nil, err
		}
		parts = append(parts, part{d: d, negated: l.negated, must: true})
	}
	return product(b, parts)
}

// splitLooks takes the assertions after a leading ^ from an expression. Others stay, and are
// refused later.
func splitLooks(n *reNode) (looks []*reNode, rest *reNode) {
	for n.op == reCat && len(n.subs) == 1 {
		n = n.subs[0]
	}
	if n.op != reCat || len(n.subs) == 0 || n.subs[0].op != reBegin {
		return nil, n
	}
	i := 1
	for i < len(n.subs) && n.subs[i].op == reLook {
		i++
	}
	return n.subs[1:i], &reNode{op: reCat, subs: append([]*reNode{n.subs[0]}, n.subs[i:]...)}
}

type regexSets struct {
	p     *regexProgram
	d     *dfa
	byKey map[string]int32
	sets  [][]int32 // instructions of each state
	prev  []int     // context before each state
	all   int32     // the state after a match: everything is accepted; -1: not made

	seen []bool
}

// regexWorkMax bounds the instructions followed while one expression is made deterministic.
const regexWorkMax = 2_000_000

func nodeDFA(b *budget, n *reNode) (*dfa, error) {
	p := &regexProgram{}
	match := p.add(inst{op: instMatch})
	var err error
	if p.start, err = p.build(n, match); err != nil {
		return nil, err
	}
	s := &regexSets{p: p, d: &dfa{}, byKey: map[string]int32{}, all: -1, seen: make([]bool, len(p.insts))}
	s.place([]int32{p.start}, edgeOfText)
	work := 0
	for at := 0; at < len(s.sets); at++ {
		if err := b.spend(len(s.sets)); err != nil {
			return nil, err
		}
		if work += len(s.sets[at]) + 1; work > regexWorkMax {
			return nil, fmt.Errorf("needs more than %d steps", regexWorkMax)
		}
		if int32(at) == s.all {
			continue
		}
		s.step(int32(at))
	}
	s.d.trim()
	return s.d, nil
}

func (s *regexSets) place(set []int32, prev int) int32 {
	slices.Sort(set)
	set = slices.Compact(set)
	key := []byte{byte(prev)}
	for _, pc := range set {
		key = binary.LittleEndian.AppendUint32(key, uint32(pc))
	}
	id, ok := s.byKey[string(key)]
	if !ok {
		id = s.d.state()
		s.byKey[string(key)] = id
		s.sets, s.prev = append(s.sets, set), append(s.prev, prev)
	}
	return id
}

func (s *regexSets) matched() int32 {
	if s.all < 0 {
		s.all = s.d.state()
		s.sets, s.prev = append(s.sets, nil), append(s.prev, edgeOfText)
		s.d.label[s.all] = 1
		s.d.spans[s.all] = []span{{0, runeMax, s.all}}
	}
	return s.all
}

// closure lists the character instructions reachable before a character of context next, and
// whether the expression matches there.
func (s *regexSets) closure(set []int32, prev, next int) (chars []int32, match bool) {
	clear(s.seen)
	work := slices.Clone(set)
	for len(work) > 0 {
		pc := work[len(work)-1]
		work = work[:len(work)-1]
		if s.seen[pc] {
			continue
		}
		s.seen[pc] = true
		in := &s.p.insts[pc]
		switch in.op {
		case instSet:
			chars = append(chars, pc)
		case instSplit:
			work = append(work, in.x, in.y)
		case instAssert:
			boundary := (prev == wordBeside) != (next == wordBeside)
			if in.kind == reBegin && prev == edgeOfText || in.kind == reEnd && next == edgeOfText ||
				in.kind == reWord && boundary || in.kind == reNotWord && !boundary {
				work = append(work, in.x)
			}
		case instMatch:
			match = true
		}
	}
	return chars, match
}

func (s *regexSets) step(at int32) {
	set, prev := s.sets[at], s.prev[at]
	if _, match := s.closure(set, prev, edgeOfText); match {
		s.d.label[at] = 1
	}
	contexts := map[int][]rune{otherBeside: {0, runeMax}}
	if s.p.hasWords {
		contexts = map[int][]rune{wordBeside: wordSet, otherBeside: invert(wordSet)}
	}
	var spans []span
	for next, within := range contexts {
		chars, match := s.closure(set, prev, next)
		bounds := []rune{0}
		for _, pc := range chars {
			for i, r := range s.p.insts[pc].set {
				bounds = append(bounds, r+rune(i&1))
			}
		}
		for i, r := range within {
			bounds = append(bounds, r+rune(i&1))
		}
		for _, cut := range between(bounds) {
			if !contains(within, cut[0]) {
				continue
			}
			to := s.follow(chars, match, cut[0], next)
			spans = append(spans, span{cut[0], cut[1], to})
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return int(a.lo - b.lo) })
	for _, one := range spans {
		s.d.spans[at] = appendSpan(s.d.spans[at], one.lo, one.hi, one.to)
	}
}

func (s *regexSets) follow(chars []int32, match bool, r rune, prev int) int32 {
	if match {
		return s.matched()
	}
	set := []int32{s.p.start} // the match may begin later
	for _, pc := range chars {
		if in := &s.p.insts[pc]; contains(in.set, r) {
			set = append(set, in.x)
		}
	}
	return s.place(set, prev)
}

func contains(set []rune, r rune) bool {
	for i := 0; i+1 < len(set); i += 2 {
		if set[i] <= r && r <= set[i+1] {
			return true
		}
	}
	return false
}
