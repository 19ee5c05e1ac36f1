package token

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// canonText lists canonical decompositions and combining classes; its first lines say where they come from.
//
//go:embed canon.txt
var canonText string

// canon normalises text (Unicode Standard Annex 15). It is built for the few tokenizers that need it.
type canon struct {
	decomposed map[rune][2]rune // one step; the second is 0 for a singleton
	composed   map[[2]rune]rune
	combining  map[rune]uint8 // canonical combining class, if not 0
}

func newCanon() *canon {
	c := &canon{
		decomposed: make(map[rune][2]rune, 2100),
		composed:   make(map[[2]rune]rune, 1000),
		combining:  make(map[rune]uint8, 1000),
	}
	for line := range strings.Lines(canonText) {
		c.read(strings.TrimSuffix(line, "\n"))
	}
	return c
}

// read takes one line of canonText in, whose form is checked by a test.
func (c *canon) read(line string) {
	head, rest, _ := strings.Cut(line, " ")
	switch {
	case line == "" || line[0] == '#':
	case line[0] == '@':
		k, _ := strconv.Atoi(head[1:])
		lo, hi, ranged := strings.Cut(rest, "-")
		if !ranged {
			hi = lo
		}
		for r := hexRune(lo); r <= hexRune(hi); r++ {
			c.combining[r] = uint8(k)
		}
	default:
		code, excluded := strings.CutPrefix(head, "!")
		first, second, _ := strings.Cut(rest, " ")
		r, parts := hexRune(code), [2]rune{hexRune(first), hexRune(second)}
		c.decomposed[r] = parts
		if !excluded {
			c.composed[parts] = r
		}
	}
}

func hexRune(s string) rune {
	n, _ := strconv.ParseUint(s, 16, 21)
	return rune(n)
}

// The syllables of Hangul are composed by arithmetic (Unicode Standard, section 3.12).
const (
	hangulS, hangulL, hangulV, hangulT = 0xAC00, 0x1100, 0x1161, 0x11A7

	numL, numV, numT = 19, 21, 28
	numS             = numL * numV * numT
)

// markUnstable notes which runes NFC may change, move or combine with the one before. Text without any is in NFC.
func (c *canon) markUnstable(k *classes) {
	for r := range c.combining {
		k.addRange(unstable, r, r)
	}
	for r, parts := range c.decomposed {
		if c.composed[parts] != r {
			k.addRange(unstable, r, r)
		}
	}
	for parts := range c.composed {
		k.addRange(unstable, parts[1], parts[1])
	}
	k.addRange(unstable, hangulV, hangulV+numV-1)
	k.addRange(unstable, hangulT+1, hangulT+numT-1)
}

// markDecomposed notes which runes NFD may change or move. Text without any is in NFD.
func (c *canon) markDecomposed(k *classes) {
	for r := range c.combining {
		k.addRange(unstable, r, r)
	}
	for r := range c.decomposed {
		k.addRange(unstable, r, r)
	}
	k.addRange(unstable, hangulS, hangulS+numS-1)
}

// nfc is text in composed form; k has the marks of markUnstable.
func (c *canon) nfc(k *classes, text string) string {
	if k.runWithout(text, 0, unstable) == len(text) {
		return text
	}
	return encodeRunes(c.compose(c.decompose(text)))
}

// nfd is text in decomposed form; k has the marks of markDecomposed.
func (c *canon) nfd(k *classes, text string) string {
	if k.runWithout(text, 0, unstable) == len(text) {
		return text
	}
	return encodeRunes(c.decompose(text))
}

// rawByte stands for a byte that is not UTF-8, which passes through unchanged: rawByte+b.
const rawByte = 1 << 24

// decompose is text in NFD, as runes.
func (c *canon) decompose(text string) []rune {
	out := make([]rune, 0, len(text))
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && n == 1 {
			r = rawByte + rune(text[i])
		}
		out = c.appendDecomposed(out, r)
		i += n
	}
	c.reorder(out)
	return out
}

func (c *canon) appendDecomposed(out []rune, r rune) []rune {
	if r < 0xC0 {
		return append(out, r)
	}
	if s := r - hangulS; s >= 0 && s < numS {
		out = append(out, hangulL+s/(numV*numT), hangulV+s%(numV*numT)/numT)
		if t := s % numT; t > 0 {
			out = append(out, hangulT+t)
		}
		return out
	}
	parts, ok := c.decomposed[r]
	if !ok {
		return append(out, r)
	}
	out = c.appendDecomposed(out, parts[0]) // the tables are finite and acyclic: at most four deep
	if parts[1] != 0 {
		out = append(out, parts[1])
	}
	return out
}

// reorder sorts each run of combining marks by class.
func (c *canon) reorder(runes []rune) {
	for i := 0; i < len(runes); i++ {
		if c.combining[runes[i]] == 0 {
			continue
		}
		end := i + 1
		for end < len(runes) && c.combining[runes[end]] != 0 {
			end++
		}
		slices.SortStableFunc(runes[i:end], func(a, b rune) int { return int(c.combining[a]) - int(c.combining[b]) })
		i = end
	}
}

// compose turns NFD into NFC in place.
func (c *canon) compose(runes []rune) []rune {
	out := runes[:0]
	starter := -1 // index in out of the last rune of class 0
	last := uint8(0)
	for _, r := range runes {
		k := c.combining[r]
		// r is blocked from the starter by a mark between them of its class or a higher one.
		if starter >= 0 && (starter == len(out)-1 || last < k) {
			if whole, ok := c.pair(out[starter], r); ok {
				out[starter] = whole
				continue
			}
		}
		if k == 0 {
			starter = len(out)
		}
		last = k
		out = append(out, r)
	}
	return out
}

// pair is the composition of two runes, if there is one.
func (c *canon) pair(a, b rune) (rune, bool) {
	if l, v := a-hangulL, b-hangulV; l >= 0 && l < numL && v >= 0 && v < numV {
		return hangulS + (l*numV+v)*numT, true
	}
	if s, t := a-hangulS, b-hangulT; s >= 0 && s < numS && s%numT == 0 && t > 0 && t < numT {
		return a + t, true
	}
	r, ok := c.composed[[2]rune{a, b}]
	return r, ok
}

func encodeRunes(runes []rune) string {
	out := make([]byte, 0, len(runes)*2)
	for _, r := range runes {
		if r >= rawByte {
			out = append(out, byte(r-rawByte))
			continue
		}
		out = utf8.AppendRune(out, r)
	}
	return string(out)
}
