package token

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/weir-project/weir/internal/fault"
)

// spaceMark is U+2581, by which SentencePiece vocabularies spell a space.
const spaceMark = "▁"

// spm is SentencePiece's BPE: characters merge by the score of the piece they form, without looking at words. What no
// piece covers falls back to bytes.
type spm struct {
	ids    map[string]int32
	prios  []uint32 // by id: lower merges first; none for tokens that text does not form
	byteID [256]int32
	bytes  bool // every byte has a token
	unk    int32
	most   int  // bytes of the longest piece
	prefix bool // put a space before the text
	words  bool // no piece spans the end of a word, so that words may be encoded one by one
}

// initSPM builds the SentencePiece tokenizer of t.vocab.
func (t *Tokenizer) initSPM() error {
	v := &t.vocab
	if len(v.Scores) == 0 {
		return fault.New(fault.Invalid, "the vocabulary has no scores; tokenizer.ggml.model llama needs them")
	}
	if err := t.wrap(true, false); err != nil {
		return err
	}
	t.prefix = unless(true, v.AddSpacePrefix)
	m := &spm{ids: t.ids, prios: make([]uint32, len(v.Tokens)), unk: v.UNK, prefix: t.prefix, words: true, bytes: true}
	for i, text := range v.Tokens {
		m.prios[i] = none
		if text == "" || !t.fromText(int32(i)) {
			continue
		}
		m.prios[i] = descending(v.Scores[i])
		m.most = max(m.most, len(text))
		m.words = m.words && !spansWords(text)
	}
	for b := range m.byteID {
		m.byteID[b] = -1
	}
	t.bytes = make([]string, len(v.Tokens))
	for i, text := range v.Tokens {
		switch b, ok := hexByte(text); {
		case t.typ(int32(i)) == Byte && ok:
			m.byteID[b] = int32(i)
			t.bytes[i] = string([]byte{b})
		case t.fromText(int32(i)) && t.typ(int32(i)) != UserDefined:
			t.bytes[i] = strings.ReplaceAll(text, spaceMark, " ")
		default:
			t.bytes[i] = text
		}
		if t.typ(int32(i)) == Unused {
			t.bytes[i] = ""
		}
	}
	for _, id := range m.byteID {
		m.bytes = m.bytes && id >= 0
	}
	t.model = m
	return nil
}

// descending maps scores to numbers that ascend as scores descend, all below none.
func descending(score float32) uint32 {
	if score != score { // NaN merges last
		return none - 1
	}
	n := math.Float32bits(score + 0) // -0 and 0 are equal scores
	if n>>31 == 0 {
		n |= 1 << 31
	} else {
		n = ^n
	}
	return min(^n, none-1)
}

// spansWords reports a space mark behind another character.
func spansWords(text string) bool {
	return strings.Contains(strings.TrimLeft(text, spaceMark), spaceMark)
}

// appendText encodes text, which holds no special token.
func (m *spm) appendText(dst []int32, text string) []int32 {
	var syms [shortWord]symbol
	s := scratch{syms: syms[:0]}
	word := make([]byte, 0, 256)
	if m.prefix {
		word = append(word, spaceMark...)
	}
	inWord := false // a character other than a space has come since the word began
	for i := 0; i < len(text); {
		if text[i] == ' ' || strings.HasPrefix(text[i:], spaceMark) {
			if inWord && m.words {
				dst, s = m.appendWord(dst, word, s)
				word = word[:0]
				inWord = false
			}
			word = append(word, spaceMark...)
			if text[i] == ' ' {
				i++
			} else {
				i += len(spaceMark)
			}
			continue
		}
		inWord = true
		word = append(word, text[i])
		i++
	}
	dst, _ = m.appendWord(dst, word, s)
	return dst
}

// appendWord encodes word, whose spaces are space marks.
func (m *spm) appendWord(dst []int32, word []byte, s scratch) ([]int32, scratch) {
	s.syms = slices.Grow(s.syms[:0], starts(word))
	for i := 0; i < len(word); {
		_, n := utf8.DecodeRune(word[i:])
		s.syms = append(s.syms, symbol{start: int32(i), end: int32(i + n), id: -1})
		i += n
	}
	s = mergeSymbols(m, s, word)
	for i := range s.syms {
		sym := &s.syms[i]
		if sym.id >= 0 {
			dst = append(dst, sym.id)
			continue
		}
		dst = m.appendRune(dst, word[sym.start:sym.end])
	}
	return dst, s
}

// starts counts the bytes that begin a character. (utf8.RuneCount of a slice allocates.)
func starts(b []byte) (n int) {
	for _, c := range b {
		if utf8.RuneStart(c) {
			n++
		}
	}
	return n
}

// appendRune encodes a character that has merged with neither neighbour.
func (m *spm) appendRune(dst []int32, char []byte) []int32 {
	if id, ok := m.ids[string(char)]; ok && m.prios[id] != none {
		return append(dst, id)
	}
	if m.bytes {
		for _, b := range char {
			dst = append(dst, m.byteID[b])
		}
		return dst
	}
	if m.unk >= 0 {
		dst = append(dst, m.unk)
	}
	return dst
}

// pair looks the joined text up among the pieces.
func (m *spm) pair(_, _ int32, joined []byte) (prio uint32, merged int32) {
	if len(joined) > m.most {
		return none, 0
	}
	id, ok := m.ids[string(joined)]
	if !ok {
		return none, 0
	}
	return m.prios[id], id
}
