package template

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxWidth bounds widths and precisions, so that they cannot overflow before they are charged for.
const maxWidth = 1 << 20

// spec is one conversion of a format string, in the notation of % or of str.format.
type spec struct {
	fill      string
	align     byte // < > ^ = or 0
	sign      byte // + space or 0
	alternate bool // #
	zero      bool
	comma     byte // , or _ between thousands
	width     int
	precision int // -1 if none
	verb      byte
}

// formatPercent is Python's s % v.
func (it *interp) formatPercent(s string, v Value) string {
	w := &writer{it: it}
	vals, isTuple := v.(Tuple)
	if !isTuple {
		vals = Tuple{v}
	}
	used := 0
	next := func() Value {
		if used >= len(vals) {
			it.fail(typeError, "not enough arguments for format string")
		}
		used++
		return vals[used-1]
	}
	for {
		i := strings.IndexByte(s, '%')
		if i < 0 {
			w.put(s)
			break
		}
		w.put(s[:i])
		s = it.percentItem(w, s[i+1:], v, next)
	}
	switch v.(type) {
	case *Map, *List, rangeValue, *undefined: // what can be subscripted counts as a mapping, of which nothing need be used
	default:
		if used < len(vals) {
			it.fail(typeError, "not all arguments converted during string formatting")
		}
	}
	return w.String()
}

// percentItem formats the conversion at the start of s, which follows a percent sign, and returns what is after it.
func (it *interp) percentItem(w *writer, s string, all Value, next func() Value) string {
	it.spend(0)
	if strings.HasPrefix(s, "(") {
		end := strings.IndexByte(s, ')')
		m, ok := all.(*Map)
		if end < 0 || !ok {
			it.fail(typeError, "format requires a mapping")
		}
		v, ok := m.Lookup(s[1:end])
		if !ok {
			it.fail(keyError, "%s", quote(s[1:end]))
		}
		next = func() Value { return v }
		s = s[end+1:]
	}
	f := spec{precision: -1, align: '>', fill: " "}
	for ; s != "" && strings.IndexByte("#0- +", s[0]) >= 0; s = s[1:] {
		f.flag(s[0])
	}
	if f.width, s = it.percentNumber(s, next); f.width < 0 {
		f.width, f.align = -f.width, '<'
	}
	if t, ok := strings.CutPrefix(s, "."); ok {
		f.precision, s = it.percentNumber(t, next)
		f.precision = max(0, f.precision)
	}
	s = strings.TrimLeft(s, "hlL")
	if s == "" {
		it.fail(valueError, "incomplete format")
	}
	f.verb = s[0]
	if f.verb == '%' {
		w.put("%")
		return s[1:]
	}
	w.put(it.percentValue(f, next()))
	return s[1:]
}

func (f *spec) flag(c byte) {
	switch c {
	case '#':
		f.alternate = true
	case '0':
		f.zero = true
	case '-':
		f.align = '<'
	case '+':
		f.sign = '+'
	case ' ':
		if f.sign == 0 {
			f.sign = ' '
		}
	}
}

// percentNumber reads a width or precision, which may be a star for an argument.
func (it *interp) percentNumber(s string, next func() Value) (n int, rest string) {
	if t, ok := strings.CutPrefix(s, "*"); ok {
		v, ok := next().(int64)
		if !ok || v > maxWidth || v < -maxWidth {
			it.fail(typeError, "* wants a small int")
		}
		return int(v), t
	}
	return it.leadingInt(s)
}

// leadingInt reads the digits at the start of s; without any the number is 0.
func (it *interp) leadingInt(s string) (n int, rest string) {
	for s != "" && isDecimal(s[0]) {
		if n = n*10 + int(s[0]-'0'); n > maxWidth {
			it.fail(valueError, "format width over %d", maxWidth)
		}
		s = s[1:]
	}
	return n, s
}

func (it *interp) percentValue(f spec, v Value) string {
	switch f.verb {
	case 's', 'r', 'a':
		s := ""
		if f.verb == 's' {
			s = it.text(v)
		} else {
			s = it.repr(v)
		}
		if f.precision >= 0 {
			s = s[:runeOffset(s, f.precision)]
		}
		return it.pad(f, "", s)
	case 'c':
		if s, ok := v.(string); ok && utf8.RuneCountInString(s) == 1 {
			return it.pad(f, "", s)
		}
		n, ok := v.(int64)
		if !ok || n < 0 || n > utf8.MaxRune {
			it.fail(typeError, "%%c requires int or char")
		}
		return it.pad(f, "", string(rune(n)))
	}
	if !isNumber(v) {
		it.refuse(v)
		it.fail(typeError, "%%%c format: a real number is required, not %s", f.verb, typeName(v))
	}
	if f.zero && f.align == '>' {
		f.align, f.fill = '=', "0"
	}
	switch f.verb {
	case 'd', 'i', 'u', 'x', 'X', 'o':
		if x, ok := v.(float64); ok {
			n, finite := intOfFloat(x)
			if f.verb == 'x' || f.verb == 'X' || f.verb == 'o' || !finite {
				it.fail(typeError, "%%%c format: an integer is required, not float", f.verb)
			}
			v = n
		}
		return it.formatInt(f, v)
	case 'e', 'E', 'f', 'F', 'g', 'G':
		return it.formatFloat(f, it.floatOf(v))
	}
	it.fail(valueError, "unsupported format character %s", quote(string(rune(f.verb))))
	return ""
}

// formatInt formats in the base of the verb.
func (it *interp) formatInt(f spec, v Value) string {
	n, _ := intOf(v)
	b := bigOf(n)
	base, prefix := 10, ""
	switch f.verb {
	case 'x', 'X':
		base, prefix = 16, "0"+string(rune(f.verb))
	case 'o':
		base, prefix = 8, "0o"
	case 'b':
		base, prefix = 2, "0b"
	default:
		it.digits(b) // refuses what is too long
	}
	it.spend(b.BitLen() / 8)
	digits := new(big.Int).Abs(b).Text(base)
	if f.verb == 'X' {
		digits = strings.ToUpper(digits)
	}
	if len(digits) < f.precision { // only % has a precision here
		it.grow(f.precision)
		digits = strings.Repeat("0", f.precision-len(digits)) + digits
	}
	if !f.alternate {
		prefix = ""
	}
	return it.pad(f, f.signOf(b.Sign() < 0)+prefix, f.group(digits))
}

func (f *spec) signOf(negative bool) string {
	switch {
	case negative:
		return "-"
	case f.sign != 0 && f.sign != '-':
		return string(rune(f.sign))
	}
	return ""
}

// group puts the separator between groups of digits, before a fraction if there is one.
func (f *spec) group(digits string) string {
	if f.comma == 0 {
		return digits
	}
	size := 3
	if f.verb == 'x' || f.verb == 'X' || f.verb == 'o' || f.verb == 'b' {
		size = 4
	}
	whole, rest := digits, ""
	if i := strings.IndexAny(digits, ".e%"); i >= 0 && size == 3 {
		whole, rest = digits[:i], digits[i:]
	}
	var b strings.Builder
	for i, c := range whole {
		if i > 0 && (len(whole)-i)%size == 0 {
			b.WriteByte(f.comma)
		}
		b.WriteRune(c)
	}
	return b.String() + rest
}

// formatFloat formats with the verbs e f g % and, without a verb, like str.
func (it *interp) formatFloat(f spec, x float64) string {
	precision := f.precision
	if precision < 0 {
		precision = 6
	}
	precision = min(precision, maxWidth)
	negative := math.Signbit(x) && !math.IsNaN(x)
	a := math.Abs(x)
	it.grow(precision + 400)
	it.spend(precision / 8)
	s := ""
	switch {
	case math.IsInf(a, 0), math.IsNaN(a):
		s = reprFloat(a)
	case f.verb == 'e' || f.verb == 'E':
		s = strconv.FormatFloat(a, 'e', precision, 64)
	case f.verb == 'f' || f.verb == 'F':
		s = strconv.FormatFloat(a, 'f', precision, 64)
	case f.verb == '%':
		s = strconv.FormatFloat(a*100, 'f', precision, 64) + "%"
	case f.verb == 0 && f.precision < 0:
		s = reprFloat(a)
	default:
		s = general(a, max(1, precision), f.alternate, f.verb == 0)
	}
	if f.verb == 'E' || f.verb == 'G' || f.verb == 'F' {
		s = strings.ToUpper(s)
	}
	return it.pad(f, f.signOf(negative), f.group(s))
}

// general is the g conversion: plain digits for moderate exponents, no zeros at the end. A point is kept when the
// number must still look like a float.
func general(a float64, precision int, keepZeros, keepPoint bool) string {
	e := strconv.FormatFloat(a, 'e', precision-1, 64)
	mantissa, expText, _ := strings.Cut(e, "e")
	exp, _ := strconv.Atoi(expText)
	limit := precision
	if keepPoint {
		limit--
	}
	trim := func(s string) string {
		if keepZeros || !strings.Contains(s, ".") {
			return s
		}
		return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	}
	if exp < -4 || exp >= limit {
		return trim(mantissa) + "e" + expText
	}
	s := trim(strconv.FormatFloat(a, 'f', max(0, precision-1-exp), 64))
	if keepPoint && !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// pad fills prefix+s to the width; with align '=' the fill goes between the two.
func (it *interp) pad(f spec, prefix, s string) string {
	n := f.width - utf8.RuneCountInString(prefix) - utf8.RuneCountInString(s)
	it.grow(len(prefix) + len(s))
	if n <= 0 {
		return prefix + s
	}
	it.growTimes(n, len(f.fill))
	left := n
	switch f.align {
	case '<':
		left = 0
	case '^':
		left = n / 2
	case '=':
		return prefix + strings.Repeat(f.fill, n) + s
	}
	return strings.Repeat(f.fill, left) + prefix + s + strings.Repeat(f.fill, n-left)
}

// formatBraces is Python's s.format(…).
func (it *interp) formatBraces(s string, a args, depth int) string {
	w := &writer{it: it}
	auto := 0
	for s != "" {
		i := strings.IndexAny(s, "{}")
		if i < 0 {
			w.put(s)
			break
		}
		w.put(s[:i])
		if i+1 < len(s) && s[i+1] == s[i] {
			w.put(s[i : i+1])
			s = s[i+2:]
			continue
		}
		end := -1
		if s[i] == '{' {
			end = closingBrace(s[i+1:])
		}
		if end < 0 || depth > 1 {
			it.fail(valueError, "unbalanced braces in format string")
		}
		w.put(it.bracesField(s[i+1:i+1+end], a, &auto, depth))
		s = s[i+end+2:]
	}
	return w.String()
}

// closingBrace is the offset of the brace that ends a field, which may hold nested ones.
func closingBrace(s string) int {
	open := 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			open++
		case '}':
			if open == 0 {
				return i
			}
			open--
		}
	}
	return -1
}

// bracesField formats one field: name, !conversion and :spec.
func (it *interp) bracesField(field string, a args, auto *int, depth int) string {
	it.spend(0)
	name, specText, _ := strings.Cut(field, ":")
	name, conversion, _ := strings.Cut(name, "!")
	v := it.fieldValue(name, a, auto)
	switch conversion {
	case "r", "a":
		v = it.repr(v)
	case "s":
		v = it.text(v)
	case "":
	default:
		it.fail(valueError, "unknown conversion %s", quote(conversion))
	}
	if strings.ContainsAny(specText, "{}") {
		nested := args{pos: a.pos, named: a.named}
		if *auto > 0 && *auto <= len(a.pos) {
			nested.pos = a.pos[*auto:]
		}
		specText = it.formatBraces(specText, nested, depth+1)
	}
	return it.formatValue(v, specText)
}

// fieldValue resolves a field's name: an index or key, then attributes and items.
func (it *interp) fieldValue(name string, a args, auto *int) Value {
	end := strings.IndexAny(name, ".[")
	if end < 0 {
		end = len(name)
	}
	first, path := name[:end], name[end:]
	var v Value
	if first == "" || isDecimal(first[0]) {
		n, rest := *auto, ""
		if first == "" {
			*auto++
		} else if n, rest = it.leadingInt(first); rest != "" {
			it.fail(keyError, "%s", quote(first))
		}
		if n >= len(a.pos) {
			it.fail(indexError, "replacement index %d out of range", n)
		}
		v = a.pos[n]
	} else {
		it.spend(len(a.named) / 8)
		i := a.find(first)
		if i < 0 {
			it.fail(keyError, "%s", quote(first))
		}
		v = a.named[i].v
	}
	for path != "" {
		if path[0] == '.' {
			end := strings.IndexAny(path[1:], ".[") + 1
			if end == 0 {
				end = len(path)
			}
			v, path = it.attr(v, path[1:end]), path[end:]
			continue
		}
		end := strings.IndexByte(path, ']')
		if path[0] != '[' || end < 0 {
			it.fail(valueError, "bad field %s in format string", quote(name))
		}
		var key Value = path[1:end]
		if n, rest := it.leadingInt(path[1:end]); rest == "" && end > 1 {
			key = int64(n)
		}
		v, path = it.item(v, key), path[end+1:]
	}
	return v
}

// formatValue is Python's format(v, spec).
func (it *interp) formatValue(v Value, text string) string {
	if text == "" {
		return it.text(v)
	}
	f := it.parseSpec(text)
	switch v := v.(type) {
	case string:
		if strings.IndexByte("\x00s", f.verb) < 0 || f.sign != 0 || f.align == '=' {
			it.fail(valueError, "format %s does not fit a str", quote(text))
		}
		if f.precision >= 0 {
			v = v[:runeOffset(v, f.precision)]
		}
		if f.align == 0 {
			f.align = '<'
		}
		return it.pad(f, "", v)
	case bool, int64, *big.Int, float64:
		return it.formatNumber(f, v, text)
	}
	it.refuse(v)
	it.fail(typeError, "unsupported format string passed to %s.__format__", typeName(v))
	return ""
}

func (it *interp) formatNumber(f spec, v Value, text string) string {
	if f.align == 0 {
		f.align = '>'
	}
	_, isFloat := v.(float64)
	isInt := !isFloat
	switch {
	case strings.IndexByte("eEfFgG%", f.verb) >= 0, isFloat && f.verb == 0:
		return it.formatFloat(f, it.floatOf(v))
	case isInt && f.precision < 0 && (f.verb == 0 || strings.IndexByte("dnxXob", f.verb) >= 0):
		return it.formatInt(f, v)
	case isInt && f.verb == 'c':
		f.verb = 0
		n, _ := intOf(v)
		if small, ok := n.(int64); ok && small >= 0 && small <= utf8.MaxRune {
			return it.pad(f, "", string(rune(small)))
		}
	}
	it.fail(valueError, "format %s does not fit a %s", quote(text), typeName(v))
	return ""
}

// parseSpec reads [[fill]align][sign][#][0][width][,][.precision][verb].
func (it *interp) parseSpec(s string) spec {
	f := spec{precision: -1, fill: " "}
	const aligns = "<>=^"
	_, n := utf8.DecodeRuneInString(s)
	if len(s) > n && strings.IndexByte(aligns, s[n]) >= 0 {
		f.fill, f.align, s = s[:n], s[n], s[n+1:]
	} else if strings.IndexByte(aligns, s[0]) >= 0 {
		f.align, s = s[0], s[1:]
	}
	if s != "" && strings.IndexByte("+- ", s[0]) >= 0 {
		f.sign, s = s[0], s[1:]
	}
	if t, ok := strings.CutPrefix(s, "#"); ok {
		f.alternate, s = true, t
	}
	if t, ok := strings.CutPrefix(s, "0"); ok {
		s = t
		if f.align == 0 {
			f.align, f.fill = '=', "0"
		}
	}
	f.width, s = it.leadingInt(s)
	if s != "" && (s[0] == ',' || s[0] == '_') {
		f.comma, s = s[0], s[1:]
	}
	if t, ok := strings.CutPrefix(s, "."); ok {
		if t == "" || !isDecimal(t[0]) {
			it.fail(valueError, "format specifier missing precision")
		}
		f.precision, s = it.leadingInt(t)
	}
	if s != "" {
		f.verb, s = s[0], s[1:]
	}
	if s != "" {
		it.fail(valueError, "invalid format specifier")
	}
	return f
}
