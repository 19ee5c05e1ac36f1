package main

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// split cuts text as the pre-tokenizer "qwen2" does: contractions, words with the one
// character before them, single digits, punctuation with the blank before it, white space.
func split(s string) []string {
	var out []string
	for len(s) > 0 {
		n := 0
		for _, f := range []func(string) int{contraction, word, digit, punctuation, lineEnd, space} {
			if n = f(s); n > 0 {
				break
			}
		}
		out = append(out, s[:n])
		s = s[n:]
	}
	return out
}

func contraction(s string) int {
	if s[0] != '\'' {
		return 0
	}
	for _, c := range []string{"s", "t", "re", "ve", "m", "ll", "d"} {
		if len(s) > len(c) && strings.EqualFold(s[1:1+len(c)], c) {
			return 1 + len(c)
		}
	}
	return 0
}

func letters(s string) int {
	for i, r := range s {
		if !unicode.IsLetter(r) {
			return i
		}
	}
	return len(s)
}

func word(s string) int {
	r, n := utf8.DecodeRuneInString(s)
	if unicode.IsLetter(r) {
		return letters(s)
	}
	if r == '\r' || r == '\n' || unicode.IsNumber(r) {
		return 0
	}
	if m := letters(s[n:]); m > 0 {
		return n + m
	}
	return 0
}

func digit(s string) int {
	r, n := utf8.DecodeRuneInString(s)
	if unicode.IsNumber(r) {
		return n
	}
	return 0
}

func punctuation(s string) int {
	i := 0
	if s[0] == ' ' {
		i = 1
	}
	from := i
	for i < len(s) {
		r, n := utf8.DecodeRuneInString(s[i:])
		if unicode.IsSpace(r) || unicode.IsLetter(r) || unicode.IsNumber(r) {
			break
		}
		i += n
	}
	if i == from {
		return 0
	}
	for i < len(s) && (s[i] == '\r' || s[i] == '\n') {
		i++
	}
	return i
}

// lineEnd takes white space up to and with its last line end.
func lineEnd(s string) int {
	end := 0
	for i, r := range s {
		if !unicode.IsSpace(r) {
			break
		}
		if r == '\r' || r == '\n' {
			end = i + 1
		}
	}
	return end
}

// space takes white space, but leaves the last of it to a following word.
func space(s string) int {
	last, n := 0, 0
	for i, r := range s {
		if !unicode.IsSpace(r) {
			break
		}
		last, n = i, i+utf8.RuneLen(r)
	}
	if n < len(s) && last > 0 {
		return last
	}
	if n == 0 {
		_, n = utf8.DecodeRuneInString(s)
	}
	return n
}
