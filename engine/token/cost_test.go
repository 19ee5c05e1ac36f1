package token

import (
	"strings"
	"testing"
	"time"
)

// counter counts how often pairs are looked up.
type counter struct {
	pairer
	n int
}

func (c *counter) pair(left, right int32, joined []byte) (uint32, int32) {
	c.n++
	return c.pairer.pair(left, right, joined)
}

// doubling merges any two pieces of equal length, so that a run of one byte merges as far as it can.
type doubling struct{}

func (doubling) pair(left, right int32, _ []byte) (uint32, int32) {
	if left != right || left > 1<<10 {
		return none, 0
	}
	return uint32(left), left * 2
}

func TestLongWordsAreNotQuadratic(t *testing.T) {
	const n = 1 << 18
	s := scratch{syms: make([]symbol, n)}
	for i := range s.syms {
		s.syms[i] = symbol{start: int32(i), end: int32(i) + 1, id: 1}
	}
	c := &counter{pairer: doubling{}}
	s = mergeSymbols(c, s, nil)
	if len(s.syms) != n>>11 || c.n > 4*n {
		t.Errorf("%d pieces after %d look-ups, want %d and at most %d", len(s.syms), c.n, n>>11, 4*n)
	}
}

// TestSplitIsLinear cuts long unbroken runs, which takes milliseconds. A rule that looks through a run once per rune
// takes a thousand times as long.
func TestSplitIsLinear(t *testing.T) {
	const size = 1 << 16
	c := newClasses()
	for name := range patterns {
		for _, unit := range []string{" ", "\n", " \n", "a", "A", "ʰ", "1", "'", "́", "中", "\u3000", "\x00", "\xff", ".", "'s", " 1", "\t\u00a0"} {
			text := strings.Repeat(unit, size/len(unit)) + "x"
			start := time.Now()
			n := 0
			for _, w := range cut(c, pres[name].stages, text) {
				n += len(w)
			}
			if took := time.Since(start); n != len(text) || took > 2*time.Second {
				t.Errorf("%s: %d bytes of %q come out as %d in %v", name, len(text), unit, n, took)
			}
		}
	}
}

func TestEncodeAllocatesOnlyTheResult(t *testing.T) {
	f := func(want float64, model string, scores []float32, merges ...string) {
		t.Helper()
		v := NewVocab(model)
		v.Tokens = []string{"a", "b", "c", "ab", "Ġ", "Ġab", "▁", "▁a"}
		v.Merges, v.Scores, v.UNK = merges, scores, 2
		tok, err := New(v)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Repeat("ab abc 中 c\n", 100)
		ids := make([]int32, 0, 4*len(text))
		if got := testing.AllocsPerRun(20, func() { ids = tok.AppendEncode(ids[:0], text, Options{}) }); got > want {
			t.Errorf("%s: %v allocations, want %v", model, got, want)
		}
	}
	f(0, modelBPE, nil, "a b", "Ġ ab")
	f(1, modelSPM, make([]float32, 8)) // the word's spelling
	f(0, modelBERT, nil)
}

func TestDecodeAllocatesNothing(t *testing.T) {
	v := NewVocab(modelBPE)
	v.Tokens = []string{"ä", "¸", "Ń", "Ġhello"} // three bytes of a character, a word
	tok, err := New(v)
	if err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 0, 64)
	d := tok.NewDecoder(DecodeOptions{})
	if got := testing.AllocsPerRun(20, func() {
		text = text[:0]
		for id := range int32(4) {
			text = d.Append(text, id)
		}
		text = d.Flush(text)
	}); got > 0 {
		t.Errorf("%v allocations", got)
	}
	if string(text) != "中 hello" {
		t.Errorf("got %q", text)
	}
}
