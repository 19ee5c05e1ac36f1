package grammar

import (
	"slices"
	"sort"
	"unicode/utf8"

	"github.com/weir-project/weir/engine/sample"
	"github.com/weir-project/weir/engine/token"
)

// Vocabulary is a tokenizer's tokens as tries of their bytes. It is read-only and may be
// shared.
//
// Most tokens are plain text: whole characters that a JSON string may hold unescaped. Inside
// a string whether they fit depends on their number of characters alone, so their masks are
// tables, and only the trie of the others is walked.
type Vocabulary struct {
	tokens []string // by id; empty: never allowed
	ends   []int32
	all    trie
	rest   trie              // of the tokens that are no plain text
	plain  []sample.Mask     // by n: the plain tokens of at most n characters
	begin  [0x80]sample.Mask // by first byte: the plain tokens; nil: none
}

// plainMax bounds the characters of the tokens that count as plain text.
const plainMax = 48

// trie holds its nodes in the order of a walk, children by ascending byte.
type trie struct {
	bytes []byte
	depth []int32    // of the parent: 0 for the first byte
	skip  []int32    // the node after the last one below
	own   [][2]int32 // the tokens that end here: from, to in ids
	ids   []int32    // in the order of their bytes
	deep  int        // bytes of the longest token
}

// NewVocabulary builds the tries of t. Control tokens are left out, but those that end a
// generation are known.
func NewVocabulary(t *token.Tokenizer) *Vocabulary {
	tokens := make([]string, t.Len())
	for id := range int32(t.Len()) {
		switch t.Type(id) {
		case token.Normal, token.UserDefined, token.Byte:
			tokens[id] = t.Bytes(id)
		}
	}
	return newVocabulary(tokens, t.EOG())
}

func newVocabulary(tokens []string, ends []int32) *Vocabulary {
	v := &Vocabulary{tokens: tokens, ends: slices.Clone(ends)}
	slices.Sort(v.ends)
	for _, id := range v.ends {
		if int(id) < len(tokens) && id >= 0 {
			tokens[id] = ""
		}
	}
	var order, rest []int32
	for id, text := range tokens {
		if text != "" {
			order = append(order, int32(id))
		}
	}
	sort.Slice(order, func(i, j int) bool { return tokens[order[i]] < tokens[order[j]] })
	lengths := make(map[int32]int, len(order))
	longest := 0
	for _, id := range order {
		if n := plainLength(tokens[id]); n > 0 {
			lengths[id] = n
			longest = max(longest, n)
		} else {
			rest = append(rest, id)
		}
	}
	v.all, v.rest = newTrie(tokens, order), newTrie(tokens, rest)
	for n := range longest + 1 {
		mask := make(sample.Mask, (len(tokens)+63)/64)
		for id, length := range lengths {
			if length <= n {
				mask[id>>6] |= 1 << (id & 63)
			}
		}
		v.plain = append(v.plain, mask)
	}
	for id := range lengths {
		if b := tokens[id][0]; b < 0x80 {
			if v.begin[b] == nil {
				v.begin[b] = make(sample.Mask, (len(tokens)+63)/64)
			}
			v.begin[b][id>>6] |= 1 << (id & 63)
		}
	}
	return v
}

// plainLength is the number of characters of a plain token, 0 if it is none.
func plainLength(text string) int {
	if !utf8.ValidString(text) {
		return 0
	}
	n := 0
	for _, r := range text {
		if n++; r < 0x20 || r == '"' || r == '\\' || n > plainMax {
			return 0
		}
	}
	return n
}

// newTrie builds the trie of tokens given in the order of their bytes.
func newTrie(tokens []string, order []int32) trie {
	t := trie{ids: order}
	var path []int32 // nodes of the last token
	last := ""
	leave := func(depth int) {
		for len(path) > depth {
			t.skip[path[len(path)-1]] = int32(len(t.bytes))
			path = path[:len(path)-1]
		}
	}
	for i, id := range order {
		text := tokens[id]
		t.deep = max(t.deep, len(text))
		common := 0
		for common < min(len(text), len(last)) && text[common] == last[common] {
			common++
		}
		leave(common)
		for depth := common; depth < len(text); depth++ {
			path = append(path, int32(len(t.bytes)))
			t.bytes, t.depth = append(t.bytes, text[depth]), append(t.depth, int32(depth))
			t.skip, t.own = append(t.skip, 0), append(t.own, [2]int32{})
		}
		own := &t.own[path[len(path)-1]]
		if own[1] == 0 {
			own[0] = int32(i)
		}
		own[1] = int32(i) + 1 // equal tokens follow each other
		last = text
	}
	leave(0)
	return t
}

func (v *Vocabulary) isEnd(id int32) bool {
	_, ok := slices.BinarySearch(v.ends, id)
	return ok
}

// fill sets the bits of the tokens that may follow a set of configurations.
func (v *Vocabulary) fill(s *sets, at setID, dst sample.Mask) {
	room, other := s.room(at)
	if room > 0 && len(v.plain) > 0 {
		for i, bits := range v.plain[min(int(room), len(v.plain)-1)] {
			dst[i] |= bits
		}
		if !other {
			v.rest.walk(s, at, dst, 0, int32(len(v.rest.bytes)))
			return
		}
	}
	// Where keys that are not named may stand, most first characters lead to a place where any
	// others may follow: there the tables serve again.
	left := int32(0) // node of rest with this first byte, or where it would be
	for i := int32(0); i < int32(len(v.all.bytes)); i = v.all.skip[i] {
		b := v.all.bytes[i]
		for left < int32(len(v.rest.bytes)) && v.rest.bytes[left] < b {
			left = v.rest.skip[left]
		}
		next := s.step(at, b)
		if next == nowhere {
			continue
		}
		if b < 0x80 && v.begin[b] != nil {
			if room, other := s.room(next); int(room) >= len(v.plain)-1 && !other {
				for w, bits := range v.begin[b] {
					dst[w] |= bits
				}
				if left < int32(len(v.rest.bytes)) && v.rest.bytes[left] == b {
					v.rest.walk(s, at, dst, left, v.rest.skip[left])
				}
				continue
			}
		}
		v.all.walk(s, at, dst, i, v.all.skip[i])
	}
}

// walk sets the bits of the tokens of a trie that the automaton lets through, in the nodes
// from i to end, which begin with a first byte.
func (t *trie) walk(s *sets, at setID, dst sample.Mask, i, end int32) {
	path := make([]setID, t.deep+1)
	path[0] = at
	for i < end {
		d := t.depth[i]
		next := s.step(path[d], t.bytes[i])
		if next == nowhere {
			i = t.skip[i]
			continue
		}
		path[d+1] = next
		for _, id := range t.ids[t.own[i][0]:t.own[i][1]] {
			dst[id>>6] |= 1 << (id & 63)
		}
		i++
	}
}
