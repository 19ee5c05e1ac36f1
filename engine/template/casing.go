package template

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// wideUpper and wideTitle list the characters whose upper or title case is several characters, each followed by
// them. Source: the unconditional mappings of SpecialCasing.txt of the Unicode Character Database.
var (
	wideUpper = wideCases("ßSS ŉʼN ǰJ\u030c ΐΙ\u0308\u0301 ΰΥ\u0308\u0301 ևԵՒ ẖH\u0331 ẗT\u0308 ẘW\u030a ẙY\u030a ẚAʾ " +
		"ὐΥ\u0313 ὒΥ\u0313\u0300 ὔΥ\u0313\u0301 ὖΥ\u0313\u0342 ᾀἈΙ ᾁἉΙ ᾂἊΙ ᾃἋΙ ᾄἌΙ ᾅἍΙ ᾆἎΙ ᾇἏΙ ᾈἈΙ ᾉἉΙ " +
		"ᾊἊΙ ᾋἋΙ ᾌἌΙ ᾍἍΙ ᾎἎΙ ᾏἏΙ ᾐἨΙ ᾑἩΙ ᾒἪΙ ᾓἫΙ ᾔἬΙ ᾕἭΙ ᾖἮΙ ᾗἯΙ ᾘἨΙ ᾙἩΙ ᾚἪΙ ᾛἫΙ ᾜἬΙ ᾝἭΙ ᾞἮΙ ᾟἯΙ ᾠὨΙ ᾡὩΙ " +
		"ᾢὪΙ ᾣὫΙ ᾤὬΙ ᾥὭΙ ᾦὮΙ ᾧὯΙ ᾨὨΙ ᾩὩΙ ᾪὪΙ ᾫὫΙ ᾬὬΙ ᾭὭΙ ᾮὮΙ ᾯὯΙ ᾲᾺΙ ᾳΑΙ ᾴΆΙ ᾶΑ\u0342 ᾷΑ\u0342Ι ᾼΑΙ ῂῊΙ " +
		"ῃΗΙ ῄΉΙ ῆΗ\u0342 ῇΗ\u0342Ι ῌΗΙ ῒΙ\u0308\u0300 ΐΙ\u0308\u0301 ῖΙ\u0342 ῗΙ\u0308\u0342 " +
		"ῢΥ\u0308\u0300 ΰΥ\u0308\u0301 ῤΡ\u0313 ῦΥ\u0342 ῧΥ\u0308\u0342 ῲῺΙ ῳΩΙ ῴΏΙ ῶΩ\u0342 ῷΩ\u0342Ι " +
		"ῼΩΙ ﬀFF ﬁFI ﬂFL ﬃFFI ﬄFFL ﬅST ﬆST ﬓՄՆ ﬔՄԵ ﬕՄԻ ﬖՎՆ ﬗՄԽ")
	wideTitle = wideCases("ßSs ŉʼN ǰJ\u030c ΐΙ\u0308\u0301 ΰΥ\u0308\u0301 ևԵւ ẖH\u0331 ẗT\u0308 ẘW\u030a ẙY\u030a ẚAʾ " +
		"ὐΥ\u0313 ὒΥ\u0313\u0300 ὔΥ\u0313\u0301 ὖΥ\u0313\u0342 ᾲᾺ\u0345 ᾴΆ\u0345 ᾶΑ\u0342 ᾷΑ\u0342\u0345 " +
		"ῂῊ\u0345 ῄΉ\u0345 ῆΗ\u0342 ῇΗ\u0342\u0345 ῒΙ\u0308\u0300 ΐΙ\u0308\u0301 ῖΙ\u0342 ῗΙ\u0308\u0342 " +
		"ῢΥ\u0308\u0300 ΰΥ\u0308\u0301 ῤΡ\u0313 ῦΥ\u0342 ῧΥ\u0308\u0342 ῲῺ\u0345 ῴΏ\u0345 ῶΩ\u0342 " +
		"ῷΩ\u0342\u0345 ﬀFf ﬁFi ﬂFl ﬃFfi ﬄFfl ﬅSt ﬆSt ﬓՄն ﬔՄե ﬕՄի ﬖՎն ﬗՄխ")
)

func wideCases(list string) map[rune]string {
	m := map[rune]string{}
	for word := range strings.FieldsSeq(list) {
		r, n := utf8.DecodeRuneInString(word)
		m[r] = word[n:]
	}
	return m
}

// upper is Python's str.upper.
func upper(s string) string { return mapCase(s, wideUpper, unicode.ToUpper) }

func mapCase(s string, wide map[rune]string, one func(rune) rune) string {
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		if r >= utf8.RuneSelf {
			if w, ok := wide[r]; ok {
				b.WriteString(w)
				continue
			}
		}
		b.WriteRune(one(r))
	}
	return b.String()
}

// lower is Python's str.lower, with the two characters whose lower case is not a single fixed one.
func lower(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i, r := range s {
		switch r {
		case 'İ':
			b.WriteString("i\u0307")
		case 'Σ':
			b.WriteRune(lowerSigma(s[:i], s[i+len("Σ"):]))
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

// lowerSigma is the final form at the end of a word.
func lowerSigma(before, after string) rune {
	before = strings.TrimRightFunc(before, isCaseIgnorable)
	after = strings.TrimLeftFunc(after, isCaseIgnorable)
	last, _ := utf8.DecodeLastRuneInString(before)
	next, _ := utf8.DecodeRuneInString(after)
	if isCased(last) && !isCased(next) {
		return 'ς'
	}
	return 'σ'
}

func isCaseIgnorable(r rune) bool {
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk) || strings.ContainsRune("'.:··՟״‘’․﹒﹕＇．：", r)
}

func isCased(r rune) bool { return isLower(r) || isUpper(r) || unicode.IsTitle(r) }

func isLower(r rune) bool { return unicode.IsLower(r) || unicode.Is(unicode.Other_Lowercase, r) }

func isUpper(r rune) bool { return unicode.IsUpper(r) || unicode.Is(unicode.Other_Uppercase, r) }

// casefold is lower case for comparing text without regard to case.
func casefold(s string) string {
	return lower(mapCase(s, wideUpper, func(r rune) rune {
		if r == 'ı' {
			return r
		}
		return unicode.ToUpper(r)
	}))
}

// capitalize is Python's str.capitalize.
func capitalize(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return mapCase(s[:n], wideTitle, unicode.ToTitle) + lower(s[n:])
}

// titleWords is Python's str.title: a letter after anything but a letter starts a word.
func titleWords(s string) string {
	var b strings.Builder
	for inWord := false; s != ""; {
		r, n := utf8.DecodeRuneInString(s)
		if inWord {
			b.WriteString(lower(s[:n]))
		} else {
			b.WriteString(mapCase(s[:n], wideTitle, unicode.ToTitle))
		}
		inWord = isCased(r)
		s = s[n:]
	}
	return b.String()
}

// swapcase is Python's str.swapcase.
func swapcase(s string) string {
	var b strings.Builder
	for _, r := range s {
		c := string(r)
		switch {
		case unicode.IsUpper(r):
			c = lower(c)
		case unicode.IsLower(r):
			c = upper(c)
		}
		b.WriteString(c)
	}
	return b.String()
}

// charTests are the methods of str that are true if the text is not empty and every character passes.
var charTests = map[string]func(rune) bool{
	"isalpha":   unicode.IsLetter,
	"isdecimal": unicode.IsDigit,
	"isdigit":   isDigit,
	"isnumeric": isNumeric,
	"isalnum":   func(r rune) bool { return unicode.IsLetter(r) || isNumeric(r) },
	"isspace":   isSpace,
}

// isDigit includes the digits in circles, subscripts and the like that have no place value.
func isDigit(r rune) bool {
	return unicode.IsDigit(r) || strings.ContainsRune("²³¹⁰⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉", r) ||
		r >= '①' && r <= '⑨' || r >= '⑴' && r <= '⑼' || r >= '⒈' && r <= '⒐'
}

func isNumeric(r rune) bool {
	return unicode.IsNumber(r) || strings.ContainsRune("〇零一二两三四五六七八九十百千万亿億兆壹贰叁肆伍陆柒捌玖拾", r)
}

// isCase reports whether s has cased characters and all of them are of the case that is tells.
func isCase(s string, is func(rune) bool) bool {
	found := false
	for _, r := range s {
		if isCased(r) {
			if !is(r) {
				return false
			}
			found = true
		}
	}
	return found
}

// isTitled is Python's str.istitle.
func isTitled(s string) bool {
	found, inWord := false, false
	for _, r := range s {
		switch {
		case isUpper(r) || unicode.IsTitle(r):
			if inWord {
				return false
			}
			found, inWord = true, true
		case isLower(r):
			if !inWord {
				return false
			}
		default:
			inWord = false
		}
	}
	return found
}

func isIdentifier(s string) bool {
	return s != "" && !isDecimal(s[0]) && strings.TrimFunc(s, isWordRune) == "" && strings.IndexFunc(s, func(r rune) bool { return !isWordRune(r) }) < 0
}
