package token

import (
	"unicode"
	"unicode/utf8"
)

// class is what the splitting rules need to know about a rune.
type class uint16

const (
	letter   class = 1 << iota // L
	number                     // N
	punct                      // P
	symbolic                   // S
	mark                       // M
	space                      // White_Space
	newline                    // \r and \n
	upper                      // Lu, Lt
	lower                      // Ll
	llmCased                   // the letters, ...
	llmPunct                   // ... punctuation and ...
	llmCJK                     // ... ideographs, kana, hangul that DeepSeek-LLM's rules list
	v3CJK                      // the ideographs and kana that DeepSeek-V3's rules list
	unstable                   // normalisation may change or move it; set by canon alone
)

// classes is a two-level table over all code points: a lookup costs two loads, where unicode.Is searches.
type classes struct {
	pages [unicode.MaxRune>>8 + 1]*[256]class
}

func newClasses() *classes {
	c := &classes{}
	c.pages[0] = new([256]class)
	c.add(letter, unicode.L)
	c.add(number, unicode.N)
	c.add(punct, unicode.P)
	c.add(symbolic, unicode.S)
	c.add(mark, unicode.M)
	c.add(space, unicode.White_Space)
	c.add(upper, unicode.Lu)
	c.add(upper, unicode.Lt)
	c.add(lower, unicode.Ll)
	c.add(llmCased, llmCasedTable)
	c.addRange(newline, '\n', '\n')
	c.addRange(newline, '\r', '\r')
	for _, r := range [][2]rune{{'!', '/'}, {':', '~'}, {0xFF01, 0xFF0F}, {0xFF1A, 0xFF5E}, {0x2018, 0x201F}, {0x3000, 0x3002}} {
		c.addRange(llmPunct, r[0], r[1])
	}
	for _, r := range [][2]rune{{0x0800, 0x9FA5}, {0xAC00, 0xD7FF}} {
		c.addRange(llmCJK, r[0], r[1])
	}
	for _, r := range [][2]rune{{0x4E00, 0x9FA5}, {0x3040, 0x309F}, {0x30A0, 0x30FF}} {
		c.addRange(v3CJK, r[0], r[1])
	}
	return c
}

func (c *classes) add(k class, table *unicode.RangeTable) {
	for _, r := range table.R16 {
		for i := rune(r.Lo); i <= rune(r.Hi); i += rune(r.Stride) {
			c.addRange(k, i, i)
		}
	}
	for _, r := range table.R32 {
		for i := rune(r.Lo); i <= rune(r.Hi); i += rune(r.Stride) {
			c.addRange(k, i, i)
		}
	}
}

func (c *classes) addRange(k class, lo, hi rune) {
	for r := lo; r <= hi; r++ {
		p := c.pages[r>>8]
		if p == nil {
			p = new([256]class)
			c.pages[r>>8] = p
		}
		p[r&0xFF] |= k
	}
}

// of is the class of one rune.
func (c *classes) of(r rune) class {
	if p := c.pages[r>>8]; p != nil {
		return p[r&0xFF]
	}
	return 0
}

// at is the class and the length in bytes of the rune at s[i:]; the length is 0 at the end. A byte that is not UTF-8
// counts as U+FFFD, a symbol.
func (c *classes) at(s string, i int) (class, int) {
	if i >= len(s) {
		return 0, 0
	}
	if b := s[i]; b < utf8.RuneSelf {
		return c.pages[0][b], 1
	}
	r, n := utf8.DecodeRuneInString(s[i:])
	return c.of(r), n
}

// run is the end of the run of runes from s[i:] on that have a class in want.
func (c *classes) run(s string, i int, want class) int {
	for {
		k, n := c.at(s, i)
		if k&want == 0 {
			return i
		}
		i += n
	}
}

// runWithout is the end of the run of runes from s[i:] on that have no class in stop.
func (c *classes) runWithout(s string, i int, stop class) int {
	for {
		k, n := c.at(s, i)
		if n == 0 || k&stop != 0 {
			return i
		}
		i += n
	}
}

// llmCasedTable holds the letters with case that DeepSeek-LLM's tokenizer lists one by one. The list is its own:
// unicode.Lu, Ll and Lt hold 1,366 more, among them the small letters of Armenian.
var llmCasedTable = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x41, 0x5A, 1},
		{0x61, 0x7A, 1},
		{0xB5, 0xB5, 1},
		{0xC0, 0xD6, 1},
		{0xD8, 0xF6, 1},
		{0xF8, 0x1BA, 1},
		{0x1BC, 0x1BF, 1},
		{0x1C4, 0x293, 1},
		{0x295, 0x2AF, 1},
		{0x370, 0x373, 1},
		{0x376, 0x376, 1},
		{0x377, 0x377, 1},
		{0x37B, 0x37D, 1},
		{0x37F, 0x37F, 1},
		{0x386, 0x386, 1},
		{0x388, 0x38A, 1},
		{0x38C, 0x38C, 1},
		{0x38E, 0x3A1, 1},
		{0x3A3, 0x3F5, 1},
		{0x3F7, 0x481, 1},
		{0x48A, 0x52F, 1},
		{0x531, 0x556, 1},
		{0x10A0, 0x10C5, 1},
		{0x13A0, 0x13F5, 1},
		{0x13F8, 0x13FD, 1},
		{0x1C90, 0x1CBA, 1},
		{0x1CBD, 0x1CBF, 1},
		{0x1D00, 0x1D2B, 1},
		{0x1D6B, 0x1D77, 1},
		{0x1D79, 0x1D9A, 1},
		{0x1E00, 0x1F15, 1},
		{0x1F18, 0x1F1D, 1},
		{0x1F20, 0x1F45, 1},
		{0x1F48, 0x1F4D, 1},
		{0x1F50, 0x1F57, 1},
		{0x1F59, 0x1F59, 1},
		{0x1F5B, 0x1F5B, 1},
		{0x1F5D, 0x1F5D, 1},
		{0x1F5F, 0x1F7D, 1},
		{0x1F80, 0x1FB4, 1},
		{0x1FB6, 0x1FBC, 1},
		{0x1FBE, 0x1FBE, 1},
		{0x1FC2, 0x1FC4, 1},
		{0x1FC6, 0x1FCC, 1},
		{0x1FD0, 0x1FD3, 1},
		{0x1FD6, 0x1FDB, 1},
		{0x1FE0, 0x1FEC, 1},
		{0x1FF2, 0x1FF4, 1},
		{0x1FF6, 0x1FFC, 1},
		{0x2102, 0x2102, 1},
		{0x2107, 0x2107, 1},
		{0x210A, 0x2113, 1},
		{0x2115, 0x2115, 1},
		{0x2119, 0x211D, 1},
		{0x2124, 0x2124, 1},
		{0x2126, 0x2126, 1},
		{0x2128, 0x2128, 1},
		{0x212A, 0x212D, 1},
		{0x212F, 0x2134, 1},
		{0x2139, 0x2139, 1},
		{0x213C, 0x213F, 1},
		{0x2145, 0x2149, 1},
		{0x214E, 0x214E, 1},
		{0x2183, 0x2184, 1},
		{0x2C00, 0x2C7B, 1},
		{0x2C7E, 0x2CE4, 1},
		{0x2CEB, 0x2CEE, 1},
		{0x2CF2, 0x2CF3, 1},
		{0xA640, 0xA66D, 1},
		{0xA680, 0xA69B, 1},
		{0xA722, 0xA76F, 1},
		{0xA771, 0xA787, 1},
		{0xA78B, 0xA78E, 1},
		{0xAB70, 0xABBF, 1},
		{0xFB00, 0xFB06, 1},
		{0xFB13, 0xFB17, 1},
		{0xFF21, 0xFF3A, 1},
		{0xFF41, 0xFF5A, 1},
	},
	R32: []unicode.Range32{
		{0x10400, 0x1044F, 1},
		{0x104B0, 0x104D3, 1},
		{0x104D8, 0x104FB, 1},
		{0x10C80, 0x10CB2, 1},
		{0x10CC0, 0x10CF2, 1},
		{0x118A0, 0x118DF, 1},
		{0x1E900, 0x1E943, 1},
	},
	LatinOffset: 5,
}
