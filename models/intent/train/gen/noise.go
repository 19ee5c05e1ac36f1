package main

import (
	"math/rand/v2"
	"strings"
)

// noise is how carelessly a wish is typed.
type noise struct {
	typo  float64 // share of letters or characters that go wrong
	bare  bool    // without punctuation
	upper bool
	lower bool
}

func newNoise(rng *rand.Rand) noise {
	var n noise
	if rng.Float64() < 0.12 {
		n.typo = 0.01 + 0.03*rng.Float64()
	}
	n.bare = rng.Float64() < 0.07
	n.upper = rng.Float64() < 0.03
	n.lower = rng.Float64() < 0.2
	return n
}

var homophones = map[rune]string{
	'带': "代", '宽': "款", '时': "实", '延': "沿", '迟': "持", '的': "得", '线': "现", '路': "陆", '要': "药", '在': "再", '行': "型", '给': "个", '用': "拥",
	'需': "须", '至': "致", '少': "小", '预': "予", '算': "蒜", '机': "机", '型': "形", '模': "摸", '性': "兴", '据': "剧", '本': "苯", '低': "底", '证': "正",
	'传': "船", '上': "尚", '下': "夏", '字': "自", '首': "手", '发': "法", '部': "布", '署': "暑", '网': "往", '络': "洛", '享': "想", '隔': "格", '离': "里",
}

const keyboard = "qwertyuiopasdfghjklzxcvbnm"

// apply returns s with typos.
func (n noise) apply(rng *rand.Rand, s string) string {
	if n.typo == 0 {
		return s
	}
	var b strings.Builder
	rs := []rune(s)
	for i := 0; i < len(rs); i++ {
		r := rs[i]
		if rng.Float64() >= n.typo || r == ' ' {
			b.WriteRune(r)
			continue
		}
		switch alt, ok := homophones[r]; {
		case ok:
			b.WriteString(alt)
		case r >= 0x4e00 || !isLetter(r):
			b.WriteRune(r)
			if r >= 0x4e00 && rng.IntN(3) == 0 {
				b.WriteRune(r)
			}
		default:
			i += n.slip(rng, &b, rs[i:])
		}
	}
	return b.String()
}

func isLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

// slip mistypes the first of rs and returns how many more it used up.
func (n noise) slip(rng *rand.Rand, b *strings.Builder, rs []rune) int {
	switch rng.IntN(4) {
	case 0: // swapped
		if len(rs) > 1 && isLetter(rs[1]) {
			b.WriteRune(rs[1])
			b.WriteRune(rs[0])
			return 1
		}
		b.WriteRune(rs[0])
	case 1: // left out
	case 2: // doubled
		b.WriteRune(rs[0])
		b.WriteRune(rs[0])
	default:
		b.WriteByte(keyboard[rng.IntN(len(keyboard))])
	}
	return 0
}

// finish changes case and drops punctuation without moving the marks.
func (n noise) finish(s string, marks []mark) string {
	b := []byte(s)
	inside := func(i int) bool {
		for _, m := range marks {
			if i >= m.from && i < m.to {
				return true
			}
		}
		return false
	}
	for i, c := range b {
		switch {
		case n.upper && c >= 'a' && c <= 'z':
			b[i] = c - 32
		case n.lower && !n.upper && c >= 'A' && c <= 'Z':
			b[i] = c + 32
		case n.bare && (c == ',' || c == ';') && !inside(i):
			b[i] = ' '
		}
	}
	if !n.bare {
		return string(b)
	}
	// A full-width comma takes three bytes: three blanks keep every offset, and reading drops two of them.
	return strings.NewReplacer("，", "   ", "；", "   ").Replace(string(b))
}
