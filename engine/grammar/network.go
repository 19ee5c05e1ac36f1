// Package grammar limits what a model may say to the JSON texts that a schema accepts.
//
// CompileSchema turns a JSON Schema into a recursive transition network over bytes: states
// joined by byte ranges and by calls to other networks, which is a pushdown automaton. A
// Matcher runs it beside a generation: Mask names the tokens that may follow, Accept takes
// the one that did. Sets of configurations are interned and their transitions remembered, so
// the automaton becomes deterministic where it is used, and the vocabulary's trie is walked
// once per set.
//
// A schema is first resolved to a shape: for each type of value the alternatives that remain
// once allOf, anyOf, oneOf, not, if and $ref are combined. Nested values stay goals,
// conjunctions of schemas or their negations, and become networks of their own; equal goals
// share one, so recursive schemas end.
//
// The text is compact JSON, with at most one space after a colon or comma, and object keys in
// the order of `properties`, then others. Bounded numbers have no exponent. Keywords that the
// automaton cannot obey are refused by name, never ignored. Sizes, depth and work are bounded.
package grammar

import (
	"slices"

	"github.com/weir-project/weir/internal/fault"
)

// Bounds: a schema that needs more is refused with the number.
const (
	statesMax = 1_000_000
	depthMax  = 64 // nested values in the text
	schemaMax = 64 // nested schemas
)

// edge leads to a state. A byte edge takes one byte in [lo, hi]; a call edge runs another
// network first; a free edge takes nothing.
type edge struct {
	lo, hi byte
	kind   edgeKind
	call   int32 // start state of the called network
	to     int32
}

type edgeKind uint8

const (
	bytesEdge edgeKind = iota
	freeEdge
	callEdge
)

// network is a set of states; state 0 is never used.
type network struct {
	edges [][]edge
	final []bool // the network that the state belongs to may return here
	// room is how many characters of a string may follow a state, whichever they are. Masks of
	// such states come from tables instead of walks.
	room      map[int32]int32
	charStart int32 // start of the network of one character
}

// roomEndless is the room of a string without a maximal length.
const roomEndless = 1 << 30

// Grammar is a compiled schema. A Matcher of it may not run beside another one's.
type Grammar struct {
	network
	start  int32
	sets   *sets
	orders map[int32][]string // by state where a key begins: the keys of the object in order
}

func newNetwork() *network {
	n := &network{room: map[int32]int32{}}
	n.state()
	return n
}

func (n *network) state() int32 {
	n.edges = append(n.edges, nil)
	n.final = append(n.final, false)
	return int32(len(n.edges) - 1)
}

func (n *network) check() error {
	if len(n.edges) > statesMax {
		return fault.New(fault.Invalid, "the schema needs more than %d states: bound its lengths, enums and properties", statesMax)
	}
	return nil
}

// prune cuts edges from which no text comes to an end, so that a generation is never led
// into them.
func (n *network) prune() {
	live := make([]bool, len(n.edges))
	leads := func(e edge) bool { return live[e.to] && (e.kind != callEdge || live[e.call]) }
	from := make([][]int32, len(n.edges)) // states that may become live with this one
	var work []int32
	for at, edges := range n.edges {
		for _, e := range edges {
			from[e.to] = append(from[e.to], int32(at))
			if e.kind == callEdge {
				from[e.call] = append(from[e.call], int32(at))
			}
		}
		if n.final[at] {
			live[at] = true
			work = append(work, int32(at))
		}
	}
	for len(work) > 0 {
		at := work[len(work)-1]
		work = work[:len(work)-1]
		for _, f := range from[at] {
			if !live[f] && slices.ContainsFunc(n.edges[f], leads) {
				live[f] = true
				work = append(work, f)
			}
		}
	}
	for at := range n.edges {
		n.edges[at] = slices.DeleteFunc(n.edges[at], func(e edge) bool { return !leads(e) })
	}
}

func (n *network) join(from int32, lo, hi byte, to int32) {
	n.edges[from] = append(n.edges[from], edge{lo: lo, hi: hi, to: to})
}

func (n *network) free(from, to int32) {
	n.edges[from] = append(n.edges[from], edge{kind: freeEdge, to: to})
}

func (n *network) call(from, network, to int32) {
	n.edges[from] = append(n.edges[from], edge{kind: callEdge, call: network, to: to})
}

// text adds a chain of the given bytes and returns its end.
func (n *network) text(from int32, s string) int32 {
	for i := range len(s) {
		to := n.state()
		n.join(from, s[i], s[i], to)
		from = to
	}
	return from
}

// spaced adds a byte and, optionally, one space.
func (n *network) spaced(from int32, b byte) int32 {
	mid, to := n.state(), n.state()
	n.join(from, b, b, mid)
	n.free(mid, to)
	n.join(mid, ' ', ' ', to)
	return to
}

// digits adds one or more digits; the end state loops.
func (n *network) digits(from int32) int32 {
	to := n.state()
	n.join(from, '0', '9', to)
	n.join(to, '0', '9', to)
	return to
}

// sign says which numbers are allowed.
type sign uint8

const (
	anySign sign = iota
	notNegative
	positive // integers only: at least 1
)

// number adds a JSON number (RFC 8259 section 6); whole leaves out fraction and exponent.
func (n *network) number(from, to int32, whole bool, s sign) {
	first := n.state()
	n.free(from, first)
	if s == anySign {
		n.join(from, '-', '-', first)
	}
	integer := n.state()
	if s != positive {
		n.join(first, '0', '0', integer)
	}
	lead := n.state()
	n.join(first, '1', '9', lead)
	n.join(lead, '0', '9', lead)
	n.free(lead, integer)
	n.free(integer, to)
	if whole {
		return
	}
	point := n.text(integer, ".")
	fraction := n.digits(point)
	n.free(fraction, to)
	exponent, power := n.state(), n.state()
	for _, at := range []int32{integer, fraction} {
		n.join(at, 'e', 'e', exponent)
		n.join(at, 'E', 'E', exponent)
	}
	n.free(exponent, power)
	n.join(exponent, '+', '+', power)
	n.join(exponent, '-', '-', power)
	n.free(n.digits(power), to)
}

// character builds the network of one character of a JSON string: UTF-8 as RFC 3629 has it,
// or an escape. Surrogates are refused: half a pair is no character.
func (n *network) character() int32 {
	from, to := n.state(), n.state()
	n.final[to] = true
	n.join(from, 0x20, 0x21, to)
	n.join(from, 0x23, 0x5b, to)
	n.join(from, 0x5d, 0x7f, to)
	n.runes(from, to, 0x80, 0x10ffff)
	escape := n.text(from, `\`)
	for _, b := range []byte(`"\/bfnrt`) {
		n.join(escape, b, b, to)
	}
	u := n.text(escape, "u")
	n.hex(u, to)
	return from
}

// hex adds four hexadecimal digits that are no surrogate (D800 to DFFF).
func (n *network) hex(from, to int32) {
	digit := func(a, b int32, lo, hi byte) {
		for _, r := range [][2]byte{{'0', '9'}, {'a', 'f'}, {'A', 'F'}} {
			if l, h := max(lo, r[0]), min(hi, r[1]); l <= h {
				n.join(a, l, h, b)
			}
		}
	}
	second, afterD, third, fourth := n.state(), n.state(), n.state(), n.state()
	digit(from, second, '0', 'C')
	digit(from, second, 'a', 'c')
	digit(from, second, 'E', 'F')
	digit(from, second, 'e', 'f')
	n.join(from, 'd', 'd', afterD)
	n.join(from, 'D', 'D', afterD)
	n.join(afterD, '0', '7', third)
	digit(second, third, 0, 255)
	digit(third, fourth, 0, 255)
	digit(fourth, to, 0, 255)
}

// runes adds the UTF-8 encodings of the code points in [lo, hi], split so that each part is a
// sequence of byte ranges.
func (n *network) runes(from, to int32, lo, hi rune) {
	for lo <= hi {
		if lo >= 0xd800 && lo <= 0xdfff {
			lo = 0xe000
			continue
		}
		end := hi
		for _, last := range []rune{0x7f, 0x7ff, 0xd7ff, 0xffff} {
			if lo <= last && end > last {
				end = last
			}
		}
		// Trim so that all bytes after the first differing one are full ranges.
		for shift := 6; shift <= 18; shift += 6 {
			mask := rune(1)<<shift - 1
			if lo>>shift == end>>shift {
				continue
			}
			if lo&mask != 0 {
				end = lo | mask
				break
			}
			if end&mask != mask && end>>shift > lo>>shift {
				end = end&^mask - 1
			}
		}
		a, b := string(lo), string(end)
		at := from
		for i := range len(a) {
			next := to
			if i < len(a)-1 {
				next = n.state()
			}
			n.join(at, a[i], b[i], next)
			at = next
		}
		lo = end + 1
	}
}
