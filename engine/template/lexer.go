package template

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind is the class of a token.
type tokenKind uint8

const (
	tokEOF tokenKind = iota
	tokData
	tokVarBegin
	tokVarEnd
	tokBlockBegin
	tokBlockEnd
	tokName
	tokString
	tokNumber // num holds its value
	tokOp     // text holds the operator
)

type token struct {
	kind tokenKind
	line int
	text string
	num  Value
}

// describe names a token in a message.
func (t token) describe() string {
	switch t.kind {
	case tokEOF:
		return "end of template"
	case tokData:
		return "text"
	case tokVarBegin:
		return "'{{'"
	case tokVarEnd:
		return "'}}'"
	case tokBlockBegin:
		return "'{%'"
	case tokBlockEnd:
		return "'%}'"
	case tokNumber:
		return reprShort(t.num)
	}
	return quote(t.text)
}

// lexer splits a source into tokens. Its rules for white space around tags are Jinja2's with trim_blocks and
// lstrip_blocks on: the newline after a block or comment goes, and so does the indentation before one.
type lexer struct {
	src       string
	pos       int
	line      int
	lineStart bool // the last thing taken ended with a newline
	open      []byte
	tokens    []token
}

// lex returns the tokens of src, the last of which is tokEOF. It fails by panic, like the parser.
func lex(src string) []token {
	src = strings.ToValidUTF8(src, "\uFFFD")
	src = strings.ReplaceAll(src, "\r\n", "\n")
	src = strings.ReplaceAll(src, "\r", "\n")
	src = strings.TrimSuffix(src, "\n")
	l := &lexer{src: src, line: 1, lineStart: true}
	for l.pos < len(l.src) {
		l.root()
	}
	l.emit(tokEOF, "")
	return l.tokens
}

func (l *lexer) fail(format string, a ...any) {
	panic(failure{&SyntaxError{Line: l.line, Message: fmt.Sprintf(format, a...)}})
}

func (l *lexer) emit(kind tokenKind, text string) {
	l.tokens = append(l.tokens, token{kind: kind, line: l.line, text: text})
}

// take moves past n bytes and counts their lines.
func (l *lexer) take(n int) {
	s := l.src[l.pos : l.pos+n]
	l.line += strings.Count(s, "\n")
	if n > 0 {
		l.lineStart = s[n-1] == '\n'
	}
	l.pos += n
}

// rest is what has not been taken yet.
func (l *lexer) rest() string { return l.src[l.pos:] }

// takeSpace moves past white space.
func (l *lexer) takeSpace() {
	l.take(len(l.rest()) - len(strings.TrimLeftFunc(l.rest(), isSpace)))
}

// root takes text up to the next tag, then the tag.
func (l *lexer) root() {
	n := nextTag(l.rest())
	if n < 0 {
		l.emit(tokData, l.rest())
		l.take(len(l.rest()))
		return
	}
	text := l.src[l.pos : l.pos+n]
	tag := l.src[l.pos+n : l.pos+n+2]
	sign := byte(0)
	if after := l.src[l.pos+n+2:]; after != "" && (after[0] == '-' || after[0] == '+') {
		sign = after[0]
	}
	if text = l.strip(text, sign, tag == "{{"); text != "" {
		l.emit(tokData, text)
	}
	l.take(n)
	if length := rawBegin(l.rest()); length > 0 {
		l.take(length)
		l.raw()
		return
	}
	l.take(2)
	if sign != 0 {
		l.take(1)
	}
	switch tag {
	case "{#":
		l.comment()
	case "{%":
		l.emit(tokBlockBegin, "")
		l.inside("%}", tokBlockEnd)
	default:
		l.emit(tokVarBegin, "")
		l.inside("}}", tokVarEnd)
	}
}

// nextTag is the offset of the first "{{", "{%" or "{#" in s, or -1.
func nextTag(s string) int {
	for i := 0; ; i++ {
		j := strings.IndexByte(s[i:], '{')
		if j < 0 || i+j+1 >= len(s) {
			return -1
		}
		i += j
		if c := s[i+1]; c == '{' || c == '%' || c == '#' {
			return i
		}
	}
}

// strip removes the white space that the tag after text asks to remove.
func (l *lexer) strip(text string, sign byte, isVariable bool) string {
	switch {
	case sign == '-':
		return strings.TrimRightFunc(text, isSpace)
	case sign == '+' || isVariable:
		return text
	}
	start := strings.LastIndexByte(text, '\n') + 1
	if (start > 0 || l.lineStart) && strings.TrimLeftFunc(text[start:], isSpace) == "" {
		return text[:start]
	}
	return text
}

// comment moves past a comment whose start is taken.
func (l *lexer) comment() {
	n := strings.Index(l.rest(), "#}")
	if n < 0 {
		l.fail("missing end of comment")
	}
	sign := byte(0)
	if n > 0 {
		sign = l.rest()[n-1]
	}
	l.take(n + 2)
	l.afterTag(sign)
}

// afterTag applies the white space rule of a block or comment that has just ended with this sign.
func (l *lexer) afterTag(sign byte) {
	switch {
	case sign == '-':
		l.takeSpace()
	case sign != '+' && strings.HasPrefix(l.rest(), "\n"):
		l.take(1)
	}
}

// rawBegin is the length of a raw tag at the start of s, or 0.
func rawBegin(s string) int {
	t, ok := strings.CutPrefix(s, "{%")
	if !ok {
		return 0
	}
	if t != "" && (t[0] == '-' || t[0] == '+') {
		t = t[1:]
	}
	if t, ok = strings.CutPrefix(strings.TrimLeftFunc(t, isSpace), "raw"); !ok {
		return 0
	}
	t = strings.TrimLeftFunc(t, isSpace)
	if u, ok := strings.CutPrefix(t, "-%}"); ok {
		return len(s) - len(strings.TrimLeftFunc(u, isSpace))
	}
	if u, ok := strings.CutPrefix(t, "%}"); ok {
		return len(s) - len(u)
	}
	return 0
}

// raw takes text literally up to the endraw tag, and that tag.
func (l *lexer) raw() {
	s := l.rest()
	for i := 0; ; i++ {
		j := strings.Index(s[i:], "{%")
		if j < 0 {
			l.fail("missing end of raw block")
		}
		i += j
		length, begin, end := rawEnd(s[i:])
		if length == 0 {
			continue
		}
		if text := l.strip(s[:i], begin, false); text != "" {
			l.emit(tokData, text)
		}
		l.take(i + length)
		l.afterTag(end)
		return
	}
}

// rawEnd is the length of an endraw tag at the start of s with the signs at its ends, or 0.
func rawEnd(s string) (length int, begin, end byte) {
	t := s[2:]
	if t != "" && (t[0] == '-' || t[0] == '+') {
		begin, t = t[0], t[1:]
	}
	t, ok := strings.CutPrefix(strings.TrimLeftFunc(t, isSpace), "endraw")
	if !ok {
		return 0, 0, 0
	}
	t = strings.TrimLeftFunc(t, isSpace)
	if t != "" && (t[0] == '-' || t[0] == '+') {
		end, t = t[0], t[1:]
	}
	if !strings.HasPrefix(t, "%}") {
		return 0, 0, 0
	}
	return len(s) - len(t) + 2, begin, end
}

// inside takes the tokens of a tag up to its end.
func (l *lexer) inside(closing string, kind tokenKind) {
	l.open = l.open[:0]
	for l.pos < len(l.src) {
		if len(l.open) == 0 && l.tagEnd(closing, kind) {
			return
		}
		c, _ := utf8.DecodeRuneInString(l.rest())
		switch {
		case isSpace(c):
			l.takeSpace()
		case c >= '0' && c <= '9':
			l.number()
		case isWordRune(c):
			n := len(l.rest()) - len(strings.TrimLeftFunc(l.rest(), isWordRune))
			l.emit(tokName, l.rest()[:n])
			l.take(n)
		case c == '\'' || c == '"':
			l.quoted(byte(c))
		default:
			l.operator()
		}
	}
}

// tagEnd takes the end of a tag if it is next.
func (l *lexer) tagEnd(closing string, kind tokenKind) bool {
	s, sign := l.rest(), byte(0)
	if s[0] == '-' || s[0] == '+' && kind == tokBlockEnd {
		s, sign = s[1:], s[0]
	}
	if !strings.HasPrefix(s, closing) {
		return false
	}
	l.emit(kind, "")
	l.take(len(l.rest()) - len(s) + len(closing))
	if kind == tokVarEnd && sign == 0 {
		return true // the newline after a printed value stays
	}
	l.afterTag(sign)
	return true
}

// operators of two characters; those of one are listed in operator.
var longOperators = []string{"//", "**", "==", "!=", ">=", "<="}

func (l *lexer) operator() {
	s := l.rest()
	op := s[:1]
	if len(s) > 1 {
		for _, o := range longOperators {
			if s[:2] == o {
				op = o
			}
		}
	}
	if len(op) == 1 && !strings.Contains("+-/*%~[](){}><=.:|,;", op) {
		r, _ := utf8.DecodeRuneInString(s)
		l.fail("unexpected character %s", quote(string(r)))
	}
	l.balance(op[0])
	l.emit(tokOp, op)
	l.take(len(op))
}

// balance tracks brackets: the end of a tag is looked for outside them only, so that "}}" can end two dicts.
func (l *lexer) balance(c byte) {
	switch c {
	case '{':
		l.open = append(l.open, '}')
	case '(':
		l.open = append(l.open, ')')
	case '[':
		l.open = append(l.open, ']')
	case '}', ')', ']':
		if len(l.open) == 0 {
			l.fail("unexpected '%c'", c)
		}
		if want := l.open[len(l.open)-1]; want != c {
			l.fail("unexpected '%c', expected '%c'", c, want)
		}
		l.open = l.open[:len(l.open)-1]
	}
}

// number takes an integer or a float; digits may be grouped with underscores.
func (l *lexer) number() {
	s := l.rest()
	if n := floatLen(s); n > 0 && !strings.HasSuffix(l.src[:l.pos], ".") {
		f, _ := strconv.ParseFloat(strings.ReplaceAll(s[:n], "_", ""), 64)
		l.tokens = append(l.tokens, token{kind: tokNumber, line: l.line, num: f})
		l.take(n)
		return
	}
	n, digits, base := integerLen(s)
	digits = strings.ReplaceAll(digits, "_", "")
	if len(digits) > maxDigits {
		l.fail("integer of more than %d digits", maxDigits)
	}
	b, _ := new(big.Int).SetString(digits, base)
	l.tokens = append(l.tokens, token{kind: tokNumber, line: l.line, num: normal(b)})
	l.take(n)
}

// digitRun is the length of a run of digits at the start of s, with single underscores between them.
func digitRun(s string, isDigit func(byte) bool) int {
	n := 0
	for n < len(s) {
		switch {
		case isDigit(s[n]):
			n++
		case n > 0 && s[n] == '_' && n+1 < len(s) && isDigit(s[n+1]):
			n += 2
		default:
			return n
		}
	}
	return n
}

func isDecimal(c byte) bool { return c >= '0' && c <= '9' }

// floatLen is the length of a float literal at the start of s, or 0.
func floatLen(s string) int {
	n := digitRun(s, isDecimal)
	isFloat := false
	if n < len(s) && s[n] == '.' {
		if frac := digitRun(s[n+1:], isDecimal); frac > 0 {
			n, isFloat = n+1+frac, true
		}
	}
	if n < len(s) && (s[n] == 'e' || s[n] == 'E') {
		sign := 0
		if n+1 < len(s) && (s[n+1] == '+' || s[n+1] == '-') {
			sign = 1
		}
		if exp := digitRun(s[n+1+sign:], isDecimal); exp > 0 {
			n, isFloat = n+1+sign+exp, true
		}
	}
	if !isFloat {
		return 0
	}
	return n
}

// integerLen returns the length of an integer literal, its digits and its base.
func integerLen(s string) (n int, digits string, base int) {
	if len(s) > 2 && s[0] == '0' {
		base := map[byte]int{'b': 2, 'o': 8, 'x': 16}[s[1]|0x20]
		if base > 0 {
			run := digitRun(strings.TrimPrefix(s[2:], "_"), func(c byte) bool { return digitValue(c) < base })
			if run > 0 {
				n = 2 + len(s[2:]) - len(strings.TrimPrefix(s[2:], "_")) + run
				return n, s[2:n], base
			}
		}
	}
	if s[0] == '0' { // a zero, or several; other digits after it are another token
		n = digitRun(s, func(c byte) bool { return c == '0' })
		return n, "0", 10
	}
	n = digitRun(s, isDecimal)
	return n, s[:n], 10
}

// digitValue is the value of c as a digit in base 16 or less, or 16.
func digitValue(c byte) int {
	switch {
	case isDecimal(c):
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return 16
}

// quoted takes a string literal.
func (l *lexer) quoted(q byte) {
	s := l.rest()
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case q:
			l.emit(tokString, l.unescape(s[1:i]))
			l.take(i + 1)
			return
		}
	}
	l.fail("string without an end")
}

// unescape resolves the escapes of a string literal as Python's unicode-escape codec does: unknown ones stay.
func (l *lexer) unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			i++
			continue
		}
		c, size := utf8.DecodeRuneInString(s[i+1:])
		if simple := strings.IndexByte("\n\\'\"abfnrtv", byte(c)); c < 0x80 && simple >= 0 {
			b.WriteString([]string{"", `\`, "'", `"`, "\a", "\b", "\f", "\n", "\r", "\t", "\v"}[simple])
			i += 2
			continue
		}
		switch {
		case c == 'x' || c == 'u' || c == 'U':
			width := map[rune]int{'x': 2, 'u': 4, 'U': 8}[c]
			i += 2
			if len(s) < i+width {
				l.fail(`truncated \%c escape`, c)
			}
			n, err := strconv.ParseUint(s[i:i+width], 16, 32)
			if err != nil || n > unicode.MaxRune {
				l.fail(`bad \%c escape`, c)
			}
			b.WriteRune(rune(n)) // a lone surrogate becomes U+FFFD
			i += width
		case c >= '0' && c <= '7':
			n, end := 0, min(i+4, len(s))
			for i++; i < end && s[i] >= '0' && s[i] <= '7'; i++ {
				n = n*8 + int(s[i]-'0')
			}
			b.WriteRune(rune(n))
		case c == 'N':
			l.fail(`\N escapes are not supported`)
		default:
			b.WriteString(s[i : i+1+size])
			i += 1 + size
		}
	}
	return b.String()
}

// isSpace is Python's str.isspace for one character.
func isSpace(r rune) bool {
	return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f
}

func isWordRune(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Mc, r)
}
