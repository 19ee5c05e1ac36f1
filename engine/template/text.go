package template

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// textMethods are the methods of str.
func textMethods() map[string]method {
	on := func(params string, call func(it *interp, s string, a []Value) Value) method {
		return method{params: params, call: func(it *interp, recv Value, a []Value) Value {
			s, _ := recv.(string)
			it.scan(s)
			return call(it, s, a)
		}}
	}
	m := map[string]method{
		"split":        on("? sep maxsplit", textSplit),
		"rsplit":       on("? sep maxsplit", textRsplit),
		"splitlines":   on("? keepends", textSplitlines),
		"strip":        on("? chars /", textStrip(strings.TrimFunc)),
		"lstrip":       on("? chars /", textStrip(strings.TrimLeftFunc)),
		"rstrip":       on("? chars /", textStrip(strings.TrimRightFunc)),
		"startswith":   on("prefix ? start end /", textAffix(strings.HasPrefix)),
		"endswith":     on("suffix ? start end /", textAffix(strings.HasSuffix)),
		"removeprefix": on("prefix /", textRemove(strings.TrimPrefix)),
		"removesuffix": on("suffix /", textRemove(strings.TrimSuffix)),
		"replace":      on("old new ? count /", textReplace),
		"find":         on("sub ? start end /", textFind(strings.Index)),
		"rfind":        on("sub ? start end /", textFind(strings.LastIndex)),
		"index":        on("sub ? start end /", textIndex(strings.Index)),
		"rindex":       on("sub ? start end /", textIndex(strings.LastIndex)),
		"count":        on("sub ? start end /", textCount),
		"partition":    on("sep /", textPartition(strings.Index, false)),
		"rpartition":   on("sep /", textPartition(strings.LastIndex, true)),
		"join":         on("items /", textJoin),
		"ljust":        on("width ? fill /", textJustify('<')),
		"rjust":        on("width ? fill /", textJustify('>')),
		"center":       on("width ? fill /", textCenter),
		"zfill":        on("width /", textZfill),
		"expandtabs":   on("? tabsize", textExpandtabs),
	}
	for name, convert := range map[string]func(string) string{
		"upper": upper, "lower": lower, "title": titleWords, "capitalize": capitalize, "swapcase": swapcase,
		"casefold": casefold,
	} {
		m[name] = on("", func(it *interp, s string, _ []Value) Value {
			it.growTimes(len(s), 3)
			it.spend(len(s) / 8)
			return convert(s)
		})
	}
	for name, is := range charTests {
		m[name] = on("", func(it *interp, s string, _ []Value) Value {
			it.spend(len(s) / 8)
			return s != "" && strings.IndexFunc(s, func(r rune) bool { return !is(r) }) < 0
		})
	}
	for name, is := range map[string]func(string) bool{
		"islower":      func(s string) bool { return isCase(s, isLower) },
		"isupper":      func(s string) bool { return isCase(s, isUpper) },
		"istitle":      isTitled,
		"isidentifier": isIdentifier,
		"isascii":      func(s string) bool { return strings.IndexFunc(s, func(r rune) bool { return r > 0x7f }) < 0 },
		"isprintable":  func(s string) bool { return strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 },
	} {
		m[name] = on("", func(it *interp, s string, _ []Value) Value {
			it.spend(len(s) / 8)
			return is(s)
		})
	}
	m["format"], m["format_map"] = method{raw: textFormat}, method{raw: textFormatMap}
	return m
}

func textFormatMap(it *interp, recv Value, a args) Value {
	m, ok := it.bind("format_map", "mapping /", a)[0].(*Map)
	if !ok {
		it.fail(typeError, "format_map() takes a dict")
	}
	var fields args
	for _, e := range m.entries {
		it.grow(2 * cellBytes)
		fields.named = append(fields.named, named{it.text(e.key), e.val})
	}
	return textFormat(it, recv, fields)
}

func textFormat(it *interp, recv Value, a args) Value {
	s, _ := recv.(string)
	return it.formatBraces(s, a, 0)
}

// wantText is v, which must be a string.
func (it *interp) wantText(v Value) string {
	s, ok := v.(string)
	if !ok {
		it.refuse(v)
		it.fail(typeError, "must be str, not %s", typeName(v))
	}
	return s
}

// textList charges for and makes a list of parts of a text.
func (it *interp) textList(parts []string) Value {
	l := &List{make([]Value, len(parts))}
	for i, p := range parts {
		l.Items[i] = p
	}
	return l
}

// splitSep is the separator of a split: empty text stands for runs of white space.
func (it *interp) splitSep(v Value) string {
	if v == absent || v == nil {
		return ""
	}
	sep := it.wantText(v)
	if sep == "" {
		it.fail(valueError, "empty separator")
	}
	return sep
}

// splitMax is how many parts a split makes at most, or -1.
func (it *interp) splitMax(v Value) int {
	if n := it.integer(v, -1); n >= 0 {
		return n + 1
	}
	return -1
}

func textSplit(it *interp, s string, a []Value) Value {
	sep, most := it.splitSep(a[0]), it.splitMax(a[1])
	if sep != "" {
		n := strings.Count(s, sep) + 1
		if most >= 0 {
			n = min(n, most)
		}
		it.growTimes(n, 4*cellBytes)
		return it.textList(strings.SplitN(s, sep, most))
	}
	var parts []string
	for s = strings.TrimLeftFunc(s, isSpace); s != ""; s = strings.TrimLeftFunc(s, isSpace) {
		it.grow(4 * cellBytes)
		it.spend(0)
		end := strings.IndexFunc(s, isSpace)
		if end < 0 || len(parts)+1 == most { // what is left keeps the space at its end
			end = len(s)
		}
		parts = append(parts, s[:end])
		s = s[end:]
	}
	return it.textList(parts)
}

func textRsplit(it *interp, s string, a []Value) Value {
	sep, most := it.splitSep(a[0]), it.splitMax(a[1])
	var parts []string // from the end
	if sep == "" {
		s = strings.TrimRightFunc(s, isSpace)
	}
	for {
		it.grow(4 * cellBytes)
		it.spend(0)
		i, skip := 0, len(sep)
		if sep != "" {
			i = strings.LastIndex(s, sep)
		} else if i = strings.LastIndexFunc(s, isSpace); i >= 0 {
			_, skip = utf8.DecodeRuneInString(s[i:])
		}
		if i < 0 || len(parts)+1 == most {
			break
		}
		parts = append(parts, s[i+skip:])
		s = s[:i]
		if sep == "" {
			s = strings.TrimRightFunc(s, isSpace)
		}
	}
	if sep != "" || s != "" {
		parts = append(parts, s)
	}
	l := &List{make([]Value, len(parts))}
	for i, p := range parts {
		l.Items[len(parts)-1-i] = p
	}
	return l
}

// lines splits at Python's line ends, which stay at the ends of the lines if keep is set.
func (it *interp) lines(s string, keep bool) []string {
	var out []string
	for s != "" {
		it.grow(4 * cellBytes)
		it.spend(0)
		end := strings.IndexFunc(s, isLineEnd)
		if end < 0 {
			return append(out, s)
		}
		_, n := utf8.DecodeRuneInString(s[end:])
		if strings.HasPrefix(s[end:], "\r\n") {
			n = 2
		}
		if keep {
			out = append(out, s[:end+n])
		} else {
			out = append(out, s[:end])
		}
		s = s[end+n:]
	}
	return out
}

func isLineEnd(r rune) bool {
	return r >= '\n' && r <= '\r' || r >= 0x1c && r <= 0x1e || r == 0x85 || r == 0x2028 || r == 0x2029
}

func textSplitlines(it *interp, s string, a []Value) Value {
	return it.textList(it.lines(s, given(a[0])))
}

func textStrip(trim func(string, func(rune) bool) string) func(*interp, string, []Value) Value {
	return func(it *interp, s string, a []Value) Value {
		if a[0] == absent || a[0] == nil {
			return trim(s, isSpace)
		}
		chars := it.wantText(a[0])
		it.spend(len(chars))
		return trim(s, func(r rune) bool {
			it.spend(len(chars) / scanBytes)
			return strings.ContainsRune(chars, r)
		})
	}
}

// window is s[start:end] as given by optional arguments, with its offset in characters. ok is false if start lies
// beyond the end, where not even empty text is found.
func (it *interp) window(s string, start, end Value) (part string, offset int, ok bool) {
	if start == absent && end == absent {
		return s, 0, true
	}
	n := utf8.RuneCountInString(s)
	from := it.integer(start, 0)
	if from < 0 {
		from = max(0, from+n)
	}
	to := clampIndex(it.integer(end, n), n)
	if from > to {
		return "", 0, false
	}
	low := runeOffset(s, from)
	return s[low : low+runeOffset(s[low:], to-from)], from, true
}

func textAffix(has func(s, affix string) bool) func(*interp, string, []Value) Value {
	return func(it *interp, s string, a []Value) Value {
		part, _, ok := it.window(s, a[1], a[2])
		if t, isTuple := a[0].(Tuple); isTuple {
			for _, e := range t {
				if affix := it.wantText(e); ok && has(part, affix) {
					return true
				}
			}
			return false
		}
		affix := it.wantText(a[0])
		return ok && has(part, affix)
	}
}

func textRemove(trim func(s, affix string) string) func(*interp, string, []Value) Value {
	return func(it *interp, s string, a []Value) Value { return trim(s, it.wantText(a[0])) }
}

func textReplace(it *interp, s string, a []Value) Value {
	return it.replace(s, it.wantText(a[0]), it.wantText(a[1]), it.integer(a[2], -1))
}

// replace replaces the first most occurrences of from, or all if most is negative.
func (it *interp) replace(s, from, to string, most int) string {
	it.scan(s)
	n := strings.Count(s, from)
	if most >= 0 {
		n = min(n, most)
	}
	if n == 0 {
		return s
	}
	it.grow(len(s))
	it.growTimes(n, len(to))
	return strings.Replace(s, from, to, n)
}

func textFind(index func(s, sub string) int) func(*interp, string, []Value) Value {
	return func(it *interp, s string, a []Value) Value {
		part, offset, ok := it.window(s, a[1], a[2])
		i := index(part, it.wantText(a[0]))
		if i < 0 || !ok {
			return int64(-1)
		}
		return int64(offset + utf8.RuneCountInString(part[:i]))
	}
}

func textIndex(index func(s, sub string) int) func(*interp, string, []Value) Value {
	find := textFind(index)
	return func(it *interp, s string, a []Value) Value {
		i := find(it, s, a)
		if i == int64(-1) {
			it.fail(valueError, "substring not found")
		}
		return i
	}
}

func textCount(it *interp, s string, a []Value) Value {
	part, _, ok := it.window(s, a[1], a[2])
	sub := it.wantText(a[0])
	if !ok {
		return int64(0)
	}
	return int64(strings.Count(part, sub))
}

func textPartition(index func(s, sub string) int, fromEnd bool) func(*interp, string, []Value) Value {
	return func(it *interp, s string, a []Value) Value {
		sep := it.splitSep(a[0])
		if sep == "" {
			it.fail(typeError, "must be str, not NoneType")
		}
		i := index(s, sep)
		switch {
		case i >= 0:
			return Tuple{s[:i], sep, s[i+len(sep):]}
		case fromEnd:
			return Tuple{"", "", s}
		}
		return Tuple{s, "", ""}
	}
}

func textJoin(it *interp, sep string, a []Value) Value {
	items := it.items(a[0])
	parts := make([]string, len(items))
	for i, e := range items {
		s, ok := e.(string)
		if !ok {
			it.fail(typeError, "sequence item %d: expected str instance, %s found", i, typeName(e))
		}
		parts[i] = s
	}
	return it.joinTexts(sep, parts)
}

// fillChar is the optional fill character of a justification.
func (it *interp) fillChar(v Value) string {
	if v == absent {
		return " "
	}
	s := it.wantText(v)
	if utf8.RuneCountInString(s) != 1 {
		it.fail(typeError, "the fill character must be exactly one character long")
	}
	return s
}

func textJustify(align byte) func(*interp, string, []Value) Value {
	return func(it *interp, s string, a []Value) Value {
		return it.pad(spec{align: align, fill: it.fillChar(a[1]), width: it.integer(a[0], 0)}, "", s)
	}
}

func textCenter(it *interp, s string, a []Value) Value {
	return it.center(s, it.integer(a[0], 0), it.fillChar(a[1]))
}

func (it *interp) center(s string, width int, fill string) string {
	n := width - utf8.RuneCountInString(s)
	if n <= 0 {
		return s
	}
	it.growTimes(n, len(fill))
	it.grow(len(s))
	left := n/2 + n&width&1
	return strings.Repeat(fill, left) + s + strings.Repeat(fill, n-left)
}

func textZfill(it *interp, s string, a []Value) Value {
	sign := ""
	if s != "" && (s[0] == '-' || s[0] == '+') {
		sign, s = s[:1], s[1:]
	}
	return it.pad(spec{align: '=', fill: "0", width: it.integer(a[0], 0)}, sign, s)
}

func textExpandtabs(it *interp, s string, a []Value) Value {
	size := it.integer(a[0], 8)
	w := &writer{it: it}
	column := 0
	for _, r := range s {
		switch r {
		case '\t':
			n := 0
			if size > 0 {
				n = size - column%size
			}
			column += n
			it.grow(n)
			w.WriteString(strings.Repeat(" ", n))
			continue
		case '\n', '\r':
			column = -1
		}
		column++
		it.grow(utf8.RuneLen(r))
		w.WriteRune(r)
	}
	return w.String()
}
