package token

// casedWords is the pattern of o200k and Tekken, which also cuts where small letters turn to capitals. With
// U = [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}], L = [\p{Ll}\p{Lm}\p{Lo}\p{M}] and, for o200k, E = (?i:'s|'t|'re|'ve|'m|'ll|'d):
//
//	[^\r\n\p{L}\p{N}]?U*L+E?|[^\r\n\p{L}\p{N}]?U+L*E?|\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
type casedWords struct {
	digits       int
	contractions bool
}

func (w casedWords) next(c *classes, s string) int {
	if end := casedWord(c, s); end > 0 {
		if w.contractions {
			end += contraction(s[end:], true)
		}
		return end
	}
	if n := atMostRun(c, s, w.digits); n > 0 {
		return n
	}
	if end := symbols(c, s, space|letter|number); end > 0 {
		return skipAny(s, end, "\r\n/")
	}
	if end := lines(c, s); end > 0 {
		return end
	}
	return blank(c, s)
}

// casedWord tries the pattern's first two alternatives, each with the leading rune taken as a prefix first.
func casedWord(c *classes, s string) int {
	k, n := c.at(s, 0)
	prefixed := k&(newline|letter|number) == 0
	for _, match := range []func(*classes, string, int) int{endsSmall, startsCapital} {
		if prefixed {
			if end := match(c, s, n); end > n {
				return end
			}
		}
		if end := match(c, s, 0); end > 0 {
			return end
		}
	}
	return 0
}

// canBeCapital and canBeSmall are the pattern's U and L: letters without case and marks are in both.
func canBeCapital(k class) bool { return k&mark != 0 || k&(letter|lower) == letter }
func canBeSmall(k class) bool   { return k&mark != 0 || k&(letter|upper) == letter }

// endsSmall is the end of U*L+ from s[i:] on, or i.
func endsSmall(c *classes, s string, i int) int {
	start, both := i, i // both: where the last rune that can be either ends, among those taken as U
	for {
		k, n := c.at(s, i)
		if !canBeCapital(k) {
			break
		}
		i += n
		if canBeSmall(k) {
			both = i
		}
	}
	end := smallRun(c, s, i)
	switch {
	case end > i:
		return end
	case both > start: // U* gives back what L+ needs
		return both
	}
	return start
}

// startsCapital is the end of U+L* from s[i:] on, or i.
func startsCapital(c *classes, s string, i int) int {
	start := i
	for {
		k, n := c.at(s, i)
		if !canBeCapital(k) {
			break
		}
		i += n
	}
	if i == start {
		return start
	}
	return smallRun(c, s, i)
}

func smallRun(c *classes, s string, i int) int {
	for {
		k, n := c.at(s, i)
		if !canBeSmall(k) {
			return i
		}
		i += n
	}
}
