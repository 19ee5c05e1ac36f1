package token

import (
	"slices"
	"strings"

	"github.com/weir-project/weir/internal/fault"
)

// bpe is byte-level BPE: text is cut into words, a word into bytes, and bytes are merged by rank.
type bpe struct {
	classes *classes
	canon   *canon // for NFC; nil if the model's tokenizer does not normalise
	stages  []rule
	byteID  [256]int32 // piece of one byte, or -1: then the byte is dropped
	merges  pairTable
	words   map[string]int32 // pieces by their bytes; nil unless such words are taken whole
}

// initBPE builds the byte-level BPE tokenizer of t.vocab.
func (t *Tokenizer) initBPE() error {
	if t.vocab.Pre == "" {
		t.vocab.Pre = "default"
	}
	rules, ok := pres[t.vocab.Pre]
	if !ok {
		return fault.New(fault.Invalid, "unknown tokenizer.ggml.pre %s; known are %s", quote(t.vocab.Pre), strings.Join(Pres(), ", "))
	}
	if err := t.wrap(rules.bos, false); err != nil {
		return err
	}
	b := &bpe{classes: newClasses(), stages: rules.stages}
	if unless(rules.nfc, t.vocab.Normalizer.NFC) {
		b.canon = newCanon()
		b.canon.markUnstable(b.classes)
	}
	if err := b.initMerges(t); err != nil {
		return err
	}
	for i := range b.byteID {
		b.byteID[i] = -1
		if id, ok := t.ids[string(byteRune(byte(i)))]; ok && t.fromText(id) {
			b.byteID[i] = id
		}
	}
	t.bytes = t.byteLevelTexts()
	if rules.whole {
		b.words = make(map[string]int32, len(t.bytes))
		for i, text := range t.bytes {
			if id := int32(i); text != "" && t.fromText(id) {
				b.words[text] = id
			}
		}
	}
	t.model = b
	return nil
}

func (b *bpe) initMerges(t *Tokenizer) error {
	b.merges = newPairTable(len(t.vocab.Merges))
	var joined []byte
	merged := int32(-1)
	for i, m := range t.vocab.Merges {
		// A piece may begin with a space in vocabularies that are not quite byte-level; it never is empty.
		cut := -1
		if len(m) > 1 {
			cut = strings.IndexByte(m[1:], ' ') + 1
		}
		if cut <= 0 || cut == len(m)-1 {
			return fault.New(fault.Invalid, "merge %d is %s, not two pieces with a space between", i, quote(m))
		}
		joined = append(append(joined[:0], m[:cut]...), m[cut+1:]...)
		left, okLeft := t.ids[m[:cut]]
		right, okRight := t.ids[m[cut+1:]]
		merged++ // pieces mostly follow the order of their merges: no need to search then
		okMerged := int(merged) < len(t.vocab.Tokens) && t.vocab.Tokens[merged] == string(joined)
		if !okMerged {
			merged, okMerged = t.ids[string(joined)]
		}
		if !okLeft || !okRight || !okMerged {
			return fault.New(fault.Invalid, "merge %d, %s, names a piece that is not in the vocabulary", i, quote(m))
		}
		// A merge that would let plain text become a control token is left out.
		if t.fromText(left) && t.fromText(right) && t.fromText(merged) {
			b.merges.add(left, right, merged, uint32(i))
		}
	}
	return nil
}

// appendText encodes text, which holds no special token.
func (b *bpe) appendText(dst []int32, text string) []int32 {
	if b.canon != nil {
		text = b.canon.nfc(b.classes, text)
	}
	var syms [shortWord]symbol
	dst, _ = b.appendStage(dst, text, b.stages, scratch{syms: syms[:0]})
	return dst
}

// appendStage cuts text by the first of stages, the words by the second, and so on.
func (b *bpe) appendStage(dst []int32, text string, stages []rule, s scratch) ([]int32, scratch) {
	if len(stages) == 0 {
		return b.appendWord(dst, text, s)
	}
	for len(text) > 0 {
		n := stages[0](b.classes, text)
		dst, s = b.appendStage(dst, text[:n], stages[1:], s)
		text = text[n:]
	}
	return dst, s
}

func (b *bpe) appendWord(dst []int32, word string, s scratch) ([]int32, scratch) {
	if b.words != nil {
		if id, ok := b.words[word]; ok {
			return append(dst, id), s
		}
	}
	s.syms = slices.Grow(s.syms[:0], len(word))
	for i := range len(word) {
		s.syms = append(s.syms, symbol{start: int32(i), end: int32(i) + 1, id: b.byteID[word[i]]})
	}
	s = mergeSymbols(b, s, nil)
	for i := range s.syms {
		if id := s.syms[i].id; id >= 0 {
			dst = append(dst, id)
		}
	}
	return dst, s
}

// pair looks two pieces up among the merges.
func (b *bpe) pair(left, right int32, _ []byte) (prio uint32, merged int32) {
	s := b.merges.slot(left, right)
	return s.rank, s.merged
}

// byteRune is the character by which byte-level vocabularies spell a byte: itself if it prints in Latin-1, else one
// from U+0100 on (Radford et al. 2019).
func byteRune(b byte) rune {
	switch {
	case b < 0x21:
		return 0x100 + rune(b)
	case b < 0x7F:
		return rune(b)
	case b < 0xA1:
		return 0x121 + rune(b) - 0x7F
	case b == 0xAD:
		return 0x143
	}
	return rune(b)
}

// runeBytes is the inverse of byteRune, -1 where there is none.
func runeBytes() (table [0x144]int16) {
	for i := range table {
		table[i] = -1
	}
	for b := range 256 {
		table[byteRune(byte(b))] = int16(b)
	}
	return table
}

// byteLevelTexts spells every normal piece out in the bytes it stands for. Pieces that spell themselves share the
// vocabulary's string, the others one block of memory.
func (t *Tokenizer) byteLevelTexts() []string {
	table := runeBytes()
	texts := make([]string, len(t.vocab.Tokens))
	var block strings.Builder
	starts := make([]int, 0, len(texts))
	for i, text := range t.vocab.Tokens {
		starts = append(starts, block.Len())
		switch t.typ(int32(i)) {
		case Control, Unknown, UserDefined, Unused:
		case Byte:
			if b, ok := hexByte(text); ok {
				block.WriteByte(b)
			}
		default:
			writeBytes(&block, text, &table)
		}
	}
	starts = append(starts, block.Len())
	for i, text := range t.vocab.Tokens {
		switch spelt := block.String()[starts[i]:starts[i+1]]; {
		case t.typ(int32(i)) == Unused:
		case spelt == "":
			texts[i] = text // a special token, or a piece that is no byte-level spelling
		default:
			texts[i] = spelt
		}
	}
	return texts
}

// writeBytes appends the bytes that text spells, or nothing if it has a character that spells none.
func writeBytes(dst *strings.Builder, text string, table *[0x144]int16) {
	for _, r := range text {
		if r >= 0x144 || table[r] < 0 {
			return
		}
	}
	for _, r := range text {
		dst.WriteByte(byte(table[r]))
	}
}

// hexByte reads the text of a byte token, <0x0A>.
func hexByte(text string) (byte, bool) {
	if len(text) != 6 || !strings.HasPrefix(text, "<0x") || text[5] != '>' {
		return 0, false
	}
	hi, lo := hexDigit(text[3]), hexDigit(text[4])
	return byte(hi<<4 | lo), hi >= 0 && lo >= 0
}

func hexDigit(b byte) int {
	switch {
	case isDigit(b):
		return int(b - '0')
	case 'A' <= b && b <= 'F':
		return int(b-'A') + 10
	case 'a' <= b && b <= 'f':
		return int(b-'a') + 10
	}
	return -1
}
