package grammar

import (
	"slices"
	"sort"

	"github.com/weir-project/weir/engine/sample"
	"github.com/weir-project/weir/engine/token"
)

// Vocabulary is a tokenizer's tokens as a trie of their bytes. It is read-only and may be
// shared.
type Vocabulary struct {
	tokens []string // by id; empty: never allowed
	ends   []int32
	nodes  []trieNode
}

type trieNode struct {
	ids      []int32 // tokens that end here
	bytes    []byte  // of the children, ascending
	children []int32
}

// NewVocabulary builds the trie of t. Control tokens are left out, but those that end a
// generation are known.
func NewVocabulary(t *token.Tokenizer) *Vocabulary {
	v := &Vocabulary{tokens: make([]string, t.Len()), ends: slices.Clone(t.EOG())}
	var order []int32
	for id := range int32(t.Len()) {
		switch t.Type(id) {
		case token.Normal, token.UserDefined, token.Byte:
		default:
			continue
		}
		if text := t.Bytes(id); text != "" && !v.isEnd(id) {
			v.tokens[id] = text
			order = append(order, id)
		}
	}
	sort.Slice(order, func(i, j int) bool { return v.tokens[order[i]] < v.tokens[order[j]] })
	v.nodes = append(v.nodes, trieNode{})
	for _, id := range order {
		at := int32(0)
		for _, b := range []byte(v.tokens[id]) {
			at = v.child(at, b)
		}
		v.nodes[at].ids = append(v.nodes[at].ids, id)
	}
	return v
}

// child finds or adds a child; tokens come in order, so a new one goes last.
func (v *Vocabulary) child(at int32, b byte) int32 {
	n := &v.nodes[at]
	if k := len(n.bytes); k > 0 && n.bytes[k-1] == b {
		return n.children[k-1]
	}
	to := int32(len(v.nodes))
	n.bytes, n.children = append(n.bytes, b), append(n.children, to)
	v.nodes = append(v.nodes, trieNode{})
	return to
}

func (v *Vocabulary) isEnd(id int32) bool {
	_, ok := slices.BinarySearch(v.ends, id)
	return ok
}

// walk sets the bits of the tokens below a trie node that the automaton lets through.
func (v *Vocabulary) walk(s *sets, at setID, node int32, dst sample.Mask) {
	n := &v.nodes[node]
	for _, id := range n.ids {
		dst[id>>6] |= 1 << (id & 63)
	}
	for i, b := range n.bytes {
		if next := s.step(at, b); next != nowhere {
			v.walk(s, next, n.children[i], dst)
		}
	}
}
