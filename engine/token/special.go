package token

import (
	"slices"
	"strings"
)

// special finds tokens that are recognised in raw text: the longest at the leftmost place. It is a trie over bytes.
type special struct {
	nodes  []specialNode
	always [256]bool // first bytes of user-defined tokens
	opted  [256]bool // first bytes of control and unknown tokens
	any    bool      // there is a user-defined token
	rstrip []int32   // tokens that swallow the white space behind them, ascending
}

// specialNode has its children in a list. Vocabularies hold a few thousand such tokens at most, and the lists are
// short, since their texts are words between brackets.
type specialNode struct {
	child, next int32 // 0 for none: node 0 is the root
	id          int32 // token that ends here, or -1
	always      bool  // recognised without Options.Special
	b           byte
}

func newSpecial(t *Tokenizer) special {
	s := special{nodes: []specialNode{{id: -1}}}
	for i, text := range t.vocab.Tokens {
		id := int32(i)
		if text == "" {
			continue
		}
		switch t.typ(id) {
		case UserDefined:
			s.any = true
			s.always[text[0]] = true
			s.insert(text, id, true)
		case Control, Unknown:
			s.opted[text[0]] = true
			s.insert(text, id, false)
		}
	}
	s.rstrip = rstripped(t)
	return s
}

// rstripped lists the tokens of Phi-3 whose definition says "rstrip". GGUF has no field for it; the name must do.
func rstripped(t *Tokenizer) []int32 {
	name := strings.ToLower(t.vocab.Name)
	if !strings.Contains(name, "phi-3") && !strings.Contains(name, "phi3") {
		return nil
	}
	var ids []int32
	for i, text := range t.vocab.Tokens {
		switch t.typ(int32(i)) {
		case UserDefined, Control, Unknown:
			if text != "<unk>" && text != "<s>" && text != "<|endoftext|>" {
				ids = append(ids, int32(i))
			}
		}
	}
	return ids
}

func (s *special) insert(text string, id int32, always bool) {
	at := int32(0)
	for i := range len(text) {
		next := s.step(at, text[i])
		if next == 0 {
			next = int32(len(s.nodes))
			s.nodes = append(s.nodes, specialNode{id: -1, b: text[i], next: s.nodes[at].child})
			s.nodes[at].child = next
		}
		at = next
	}
	s.nodes[at].id, s.nodes[at].always = id, always
}

// step is the child of node at for byte b, or 0.
func (s *special) step(at int32, b byte) int32 {
	for c := s.nodes[at].child; c != 0; c = s.nodes[c].next {
		if s.nodes[c].b == b {
			return c
		}
	}
	return 0
}

// find returns the first special token in text and where it lies; without one, id is -1 and both ends are len(text).
func (s *special) find(text string, opted bool) (start, end int, id int32) {
	if !s.any && !opted {
		return len(text), len(text), -1
	}
	for i := range len(text) {
		if b := text[i]; !s.always[b] && (!opted || !s.opted[b]) {
			continue
		}
		if end, id := s.longest(text, i, opted); id >= 0 {
			return i, end, id
		}
	}
	return len(text), len(text), -1
}

func (s *special) longest(text string, i int, opted bool) (end int, id int32) {
	id = -1
	for at := int32(0); i < len(text); {
		if at = s.step(at, text[i]); at == 0 {
			break
		}
		i++
		if n := &s.nodes[at]; n.id >= 0 && (opted || n.always) {
			end, id = i, n.id
		}
	}
	return end, id
}

// strip counts the bytes of white space that token id swallows at the start of rest.
func (s *special) strip(id int32, rest string) int {
	if len(s.rstrip) == 0 {
		return 0
	}
	if _, ok := slices.BinarySearch(s.rstrip, id); !ok {
		return 0
	}
	return len(rest) - len(strings.TrimLeft(rest, " \t\n\v\f\r"))
}
