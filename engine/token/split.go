package token

import "strings"

// A rule is the length in bytes of the next word of s, which is not empty. A match is a rule that answers 0 where
// its pattern does not match at the very start.
type rule func(c *classes, s string) int

// isolate makes a rule of a match: what matches is a word, and so is what lies between two matches.
func isolate(match rule) rule {
	return func(c *classes, s string) int {
		if n := match(c, s); n > 0 {
			return n
		}
		for i := 0; ; {
			_, n := c.at(s, i)
			i += n
			if i == len(s) || match(c, s[i:]) > 0 {
				return i
			}
		}
	}
}

var (
	oneNumber    = isolate(atMost(1, number))
	threeNumbers = isolate(atMost(3, number))
	oneNewline   = isolate(atMost(1, newline))
)

// atMost matches one to n runes of a class in want.
func atMost(n int, want class) rule {
	return func(c *classes, s string) int {
		i := 0
		for range n {
			k, size := c.at(s, i)
			if k&want == 0 {
				break
			}
			i += size
		}
		return i
	}
}

// runOf matches a run of runes of a class in want.
func runOf(want class) rule {
	return func(c *classes, s string) int { return c.run(s, 0, want) }
}

// spaced matches a run of runes of a class in want, with one white space before it if there is one.
func spaced(want class) rule {
	return func(c *classes, s string) int {
		if k, n := c.at(s, 0); k&space != 0 {
			if end := c.run(s, n, want); end > n {
				return end
			}
		}
		return c.run(s, 0, want)
	}
}

// defaultPunct is [\p{P}$+<=>^~|]+, falconPunct the same with a backtick.
func defaultPunct(c *classes, s string) int { return punctWith(c, s, "$+<=>^~|") }
func falconPunct(c *classes, s string) int  { return punctWith(c, s, "$+<=>^~|`") }

func punctWith(c *classes, s, more string) int {
	for i := 0; ; {
		k, n := c.at(s, i)
		if k&punct == 0 && (n != 1 || strings.IndexByte(more, s[i]) < 0) {
			return i
		}
		i += n
	}
}

// threeDigits is [0-9][0-9][0-9].
func threeDigits(_ *classes, s string) int {
	if len(s) >= 3 && isDigit(s[0]) && isDigit(s[1]) && isDigit(s[2]) {
		return 3
	}
	return 0
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

func isASCIILetter(b byte) bool { return 'a' <= b|0x20 && b|0x20 <= 'z' }

// trailingSpace cuts the white space off the end. It looks from behind: matching \s+$ at every place would cost the
// square of a long run.
func trailingSpace(c *classes, s string) int {
	start := 0 // of the last run of white space
	inRun := false
	for i := 0; i < len(s); {
		k, n := c.at(s, i)
		if k&space == 0 {
			inRun = false
		} else if !inRun {
			inRun, start = true, i
		}
		i += n
	}
	if !inRun || start == 0 {
		return len(s)
	}
	return start
}

// blank is \s+(?!\S)|\s+: a run of white space, less its last rune if a word follows, which takes that rune along.
func blank(c *classes, s string) int {
	last := 0
	for i := 0; ; {
		k, n := c.at(s, i)
		if n == 0 || (k&space == 0 && last == 0) {
			return i
		}
		if k&space == 0 {
			return last
		}
		last = i
		i += n
	}
}

// lines is \s*[\r\n]+: white space up to and with the last line end of its run.
func lines(c *classes, s string) int {
	end := 0
	for i := 0; ; {
		k, n := c.at(s, i)
		if k&space == 0 {
			return end
		}
		i += n
		if k&newline != 0 {
			end = i
		}
	}
}

// contraction is the length of an English ending at the start of s: 's 't 'm 'd 're 've 'll, in any case if fold.
func contraction(s string, fold bool) int {
	if len(s) < 2 || s[0] != '\'' {
		return 0
	}
	if fold && strings.HasPrefix(s[1:], "ſ") { // the long s, which case folding makes an s
		return 1 + len("ſ")
	}
	a, b := s[1], byte(0)
	if len(s) > 2 {
		b = s[2]
	}
	if fold {
		a, b = a|0x20, b|0x20
	}
	switch {
	case a == 's', a == 't', a == 'm', a == 'd':
		return 2
	case a == 'r' && b == 'e', a == 'v' && b == 'e', a == 'l' && b == 'l':
		return 3
	}
	return 0
}

// gpt2Words is 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ (Radford et al. 2019).
func gpt2Words(c *classes, s string) int {
	if n := contraction(s, false); n > 0 {
		return n
	}
	i := 0
	if s[0] == ' ' {
		i = 1
	}
	k, n := c.at(s, i)
	switch {
	case k&letter != 0:
		return c.run(s, i+n, letter)
	case k&number != 0:
		return c.run(s, i+n, number)
	case n > 0 && k&space == 0:
		return c.runWithout(s, i+n, space|letter|number)
	}
	return blank(c, s)
}

// words is the pattern of cl100k and its descendants:
//
//	(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[tail]*|\s*[\r\n]+|\s+(?!\S)|\s+
type words struct {
	digits int
	tail   string // bytes that may follow symbols
	marks  bool   // marks count as letters
}

func (w words) next(c *classes, s string) int {
	if n := contraction(s, true); n > 0 {
		return n
	}
	text := letter
	if w.marks {
		text |= mark
	}
	k, n := c.at(s, 0)
	if k&text != 0 {
		return c.run(s, n, text)
	}
	if k&number != 0 {
		return atMostRun(c, s, w.digits)
	}
	if k&newline == 0 {
		if end := c.run(s, n, text); end > n {
			return end
		}
	}
	if end := symbols(c, s, space|text|number); end > 0 {
		return skipAny(s, end, w.tail)
	}
	if end := lines(c, s); end > 0 {
		return end
	}
	return blank(c, s)
}

// atMostRun is the length of a run of numbers at the start of s, most runes at most.
func atMostRun(c *classes, s string, most int) int {
	i := 0
	for range most {
		k, n := c.at(s, i)
		if k&number == 0 {
			break
		}
		i += n
	}
	return i
}

// symbols is " ?" and a run of runes without a class in stop; 0 without such a run.
func symbols(c *classes, s string, stop class) int {
	i := 0
	if s[0] == ' ' {
		i = 1
	}
	if end := c.runWithout(s, i, stop); end > i {
		return end
	}
	return 0
}

// skipAny is the end of the run of bytes in set from s[i:] on.
func skipAny(s string, i int, set string) int {
	for i < len(s) && strings.IndexByte(set, s[i]) >= 0 {
		i++
	}
	return i
}

// deepseekV3Words matches
//
//	[!-/:-@\[-`{-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
func deepseekV3Words(c *classes, s string) int {
	k, n := c.at(s, 0)
	if k&(punct|symbolic) != 0 && n == 1 && s[0] < 0x80 && len(s) > 1 && isASCIILetter(s[1]) {
		i := 2
		for i < len(s) && isASCIILetter(s[i]) {
			i++
		}
		return i
	}
	if k&(letter|mark) != 0 {
		return c.run(s, n, letter|mark)
	}
	if k&(newline|punct|symbolic) == 0 {
		if end := c.run(s, n, letter|mark); end > n {
			return end
		}
	}
	i := 0
	if s[0] == ' ' {
		i = 1
	}
	if end := c.run(s, i, punct|symbolic); end > i {
		return skipAny(s, end, "\r\n")
	}
	if end := lines(c, s); end > 0 {
		return end
	}
	return blank(c, s)
}
