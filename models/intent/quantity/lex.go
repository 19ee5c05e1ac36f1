package quantity

import (
	"strings"
	"unicode/utf8"
)

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isLatin(c byte) bool { return c >= 'a' && c <= 'z' }
func isAlnum(c byte) bool { return isDigit(c) || isLatin(c) }

// byteAt is the byte at i, or 0 outside the text.
func (sc *scanner) byteAt(i int) byte {
	if i < 0 || i >= len(sc.s) {
		return 0
	}
	return sc.s[i]
}

// runeAt is the character at i, or utf8.RuneError past the end.
func (sc *scanner) runeAt(i int) rune {
	if i < 0 || i >= len(sc.s) {
		return utf8.RuneError
	}
	r, _ := utf8.DecodeRuneInString(sc.s[i:])
	return r
}

func (sc *scanner) has(i int, p string) bool {
	return i >= 0 && i <= len(sc.s) && strings.HasPrefix(sc.s[i:], p)
}

// lit matches p at i, requiring that a Latin word does not go on after it, and returns the end or -1.
func (sc *scanner) lit(i int, p string) int {
	if p == "" || !sc.has(i, p) {
		return -1
	}
	end := i + len(p)
	if isLatin(p[len(p)-1]) && isLatin(sc.byteAt(end)) {
		return -1
	}
	return end
}

// oneOf returns the end of the longest of words that matches at i, or -1.
func (sc *scanner) oneOf(i int, words ...string) int {
	best := -1
	for _, w := range words {
		if e := sc.lit(i, w); e > best {
			best = e
		}
	}
	return best
}

// anyPrefix reports whether one of words starts at i, whole Latin words only.
func (sc *scanner) anyPrefix(i int, words ...string) bool { return sc.oneOf(i, words...) >= 0 }

// endsWith reports whether the text before i ends with one of words, spaces ignored, whole Latin words only.
func (sc *scanner) endsWith(i int, words ...string) bool {
	before := strings.TrimRight(sc.s[:i], " ")
	for _, w := range words {
		if !strings.HasSuffix(before, w) {
			continue
		}
		k := len(before) - len(w)
		if isLatin(w[0]) && k > 0 && isAlnum(before[k-1]) {
			continue
		}
		return true
	}
	return false
}

// skipSpace returns the first position at or after i that is not a space.
func (sc *scanner) skipSpace(i int) int {
	for sc.byteAt(i) == ' ' {
		i++
	}
	return i
}

// latinWord returns the run of Latin letters at i.
func (sc *scanner) latinWord(i int) string {
	i = min(i, len(sc.s))
	j := i
	for isLatin(sc.byteAt(j)) {
		j++
	}
	return sc.s[i:j]
}

// before returns up to n bytes that stand before i, perhaps cutting a character.
func (sc *scanner) before(i, n int) string { return sc.s[max(0, i-n):i] }

func containsAny(s string, words ...string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// glued are English words that typists run together with a number ("within10ms", "x12"); any other letters before a
// digit make the whole an identifier.
var glued = map[string]bool{
	"up": true, "down": true, "uplink": true, "downlink": true, "within": true, "under": true, "below": true,
	"for": true, "at": true, "in": true, "least": true, "most": true, "about": true, "around": true, "sub": true,
	"latency": true, "budget": true, "x": true, "than": true, "of": true, "to": true, "from": true, "until": true,
	"max": true, "min": true, "ul": true, "dl": true, "bandwidth": true, "and": true, "or": true, "with": true,
	"need": true, "the": true, "delay": true, "rtt": true, "ttft": true, "upto": true, "till": true, "by": true,
	"usd": true, "rmb": true, "cny": true, "over": true, "upload": true, "download": true, "only": true,
}

// measureAfter reports whether the digits at i are followed at once by a measure, so that letters before them are a
// word of their own: "AGV18台", "token200毫秒".
func (sc *scanner) measureAfter(i int) bool {
	j := i
	for isDigit(sc.byteAt(j)) || sc.byteAt(j) == '.' && isDigit(sc.byteAt(j+1)) {
		j++
	}
	if sc.anyPrefix(j, "ms", "mbps", "gbps", "mbit", "毫秒", "秒", "兆", "台", "路", "张", "辆", "块", "元", "小时", "分钟", "把", "部", "套", "只", "座", "架", "艘", "枚", "支", "顶") {
		return true
	}
	return j > i+1 && sc.anyPrefix(j, "个")
}

// identifier returns the end of the word at i: letters and digits, with the parts of names such as r1-7b, a_10 and
// qwen2.5 kept together. It returns i when there is no word.
func (sc *scanner) identifier(i int) int {
	j := i
	digit := false
	for isAlnum(sc.byteAt(j)) {
		if isDigit(sc.s[j]) {
			if !digit && j > i && (glued[sc.s[i:j]] || j > i+1 && sc.measureAfter(j)) {
				return j
			}
			digit = true
		}
		j++
	}
	for j > i && strings.IndexByte("-_.", sc.byteAt(j)) >= 0 && isAlnum(sc.byteAt(j+1)) {
		if glued[sc.s[i:j]] {
			return j
		}
		k, next := j+1, false
		for isAlnum(sc.byteAt(k)) {
			next = next || isDigit(sc.s[k])
			k++
		}
		if !digit && !next {
			return j
		}
		digit, j = true, k
	}
	return j
}
