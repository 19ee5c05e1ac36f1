package token

import (
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/weir-project/weir/internal/fault"
)

// wordPiece is BERT's tokenizer: text is cleaned and cut at white space and punctuation, and each word is covered by
// the longest pieces from the left. GGUF spells a piece that begins a word with a space mark, the others bare.
type wordPiece struct {
	ids   map[string]int32
	ok    []bool // by id: words may become it
	unk   int32
	most  int    // bytes of the longest piece
	canon *canon // nil: accents stay
	lower bool
	class *classes
}

// maxWordPieceRunes is BERT's max_input_chars_per_word.
const maxWordPieceRunes = 100

// initWordPiece builds the WordPiece tokenizer of t.vocab.
func (t *Tokenizer) initWordPiece() error {
	v := &t.vocab
	if v.UNK < 0 {
		return fault.New(fault.Invalid, "the vocabulary has no unknown token; tokenizer.ggml.model bert needs one")
	}
	t.first, t.last = v.CLS, v.SEP
	if t.first < 0 {
		t.first = v.BOS
	}
	t.prefix = true
	m := &wordPiece{ids: t.ids, ok: make([]bool, len(v.Tokens)), unk: v.UNK, class: newClasses()}
	m.lower = unless(true, v.Normalizer.Lowercase)
	if unless(m.lower, v.Normalizer.StripAccents) {
		m.canon = newCanon()
		m.canon.markDecomposed(m.class)
	}
	t.bytes = make([]string, len(v.Tokens))
	for i, text := range v.Tokens {
		m.ok[i] = t.fromText(int32(i))
		if m.ok[i] {
			m.most = max(m.most, len(text))
		}
		if t.typ(int32(i)) != Unused {
			t.bytes[i] = spelled(text)
		}
	}
	t.model = m
	return nil
}

// spelled is text with a space for its leading space mark.
func spelled(text string) string {
	if rest, ok := cutSpaceMark(text); ok {
		return " " + rest
	}
	return text
}

func cutSpaceMark(text string) (string, bool) {
	if len(text) >= len(spaceMark) && text[:len(spaceMark)] == spaceMark {
		return text[len(spaceMark):], true
	}
	return text, false
}

// appendText encodes text, which holds no special token.
func (m *wordPiece) appendText(dst []int32, text string) []int32 {
	if m.canon != nil {
		text = m.canon.nfd(m.class, text)
	}
	word := append(make([]byte, 0, 256), spaceMark...)
	flush := func() {
		if len(word) > len(spaceMark) {
			dst = m.appendWord(dst, word)
			word = word[:len(spaceMark)]
		}
	}
	for _, r := range text {
		k := m.class.of(r)
		switch {
		case r == 0, r == utf8.RuneError, isRemoved(r), m.canon != nil && unicode.Is(unicode.Mn, r):
		case k&space != 0:
			flush()
		case k&punct != 0, r < 0x80 && k&symbolic != 0, isIdeograph(r):
			flush()
			word = utf8.AppendRune(word, r)
			flush()
		case m.lower:
			word = utf8.AppendRune(word, unicode.ToLower(r))
		default:
			word = utf8.AppendRune(word, r)
		}
	}
	flush()
	return dst
}

// isRemoved reports what BERT's cleaning drops: control, format and private-use characters that are not line ends or
// tabs.
func isRemoved(r rune) bool {
	switch r {
	case '\t', '\n', '\r':
		return false
	}
	if r >= 0x20 && r < 0x7F {
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co)
}

// isIdeograph lists the blocks that BERT's tokenizer cuts into single characters. Extension E begins 0x100 late, as
// in the original's libraries.
func isIdeograph(r rune) bool {
	if r < 0x3400 {
		return false
	}
	return r <= 0x4DBF || in(r, 0x4E00, 0x9FFF) || in(r, 0xF900, 0xFAFF) || in(r, 0x20000, 0x2A6DF) ||
		in(r, 0x2A700, 0x2B73F) || in(r, 0x2B740, 0x2B81F) || in(r, 0x2B920, 0x2CEAF) || in(r, 0x2F800, 0x2FA1F)
}

func in(r, lo, hi rune) bool { return lo <= r && r <= hi }

// appendWord covers word, which begins with a space mark, by pieces.
func (m *wordPiece) appendWord(dst []int32, word []byte) []int32 {
	if starts(word) > maxWordPieceRunes+1 { // word is valid UTF-8: appendText built it from runes
		return append(dst, m.unk)
	}
	before := len(dst)
	for len(word) > 0 {
		end := min(len(word), m.most)
		id := int32(-1)
		for ; end > 0; end-- {
			if end < len(word) && !utf8.RuneStart(word[end]) {
				continue
			}
			if i, ok := m.ids[string(word[:end])]; ok && m.ok[i] {
				id = i
				break
			}
		}
		if id < 0 {
			return append(slices.Delete(dst, before, len(dst)), m.unk)
		}
		dst = append(dst, id)
		word = word[end:]
	}
	return dst
}
