package template

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// text is Python's str(v): what {{ v }} prints.
func (it *interp) text(v Value) string {
	switch v := v.(type) {
	case string:
		return v
	case *undefined:
		return ""
	}
	return it.repr(v)
}

// repr is Python's repr(v).
func (it *interp) repr(v Value) string {
	switch v.(type) {
	case string, *List, Tuple, *Map, view, *namespace:
		w := &writer{it: it}
		w.repr(v)
		return w.String()
	}
	s := it.reprScalar(v)
	it.grow(len(s))
	return s
}

// writer builds a text within the byte limit of its interpreter.
type writer struct {
	it *interp
	strings.Builder
}

func (w *writer) put(s string) {
	w.it.grow(len(s))
	w.WriteString(s)
}

func (w *writer) repr(v Value) {
	w.it.deeper()
	switch v := v.(type) {
	case string:
		w.it.spend(len(v) / 8)
		quoteTo(w.put, v)
	case *List:
		w.put("[")
		w.reprItems(v.Items)
		w.put("]")
	case Tuple:
		w.put("(")
		w.reprItems(v)
		if len(v) == 1 {
			w.put(",")
		}
		w.put(")")
	case *Map:
		w.reprMap(v)
	case view:
		w.put(v.kind + "([")
		for i := range v.m.Len() {
			if i > 0 {
				w.put(", ")
			}
			w.repr(v.at(i))
		}
		w.put("])")
	case *namespace:
		w.put("<Namespace ")
		w.reprMap(&v.attrs)
		w.put(">")
	default:
		w.put(w.it.reprScalar(v))
	}
	w.it.shallower()
}

func (w *writer) reprItems(items []Value) {
	for i, e := range items {
		if i > 0 {
			w.put(", ")
		}
		w.repr(e)
	}
}

func (w *writer) reprMap(m *Map) {
	w.put("{")
	for i, e := range m.entries {
		if i > 0 {
			w.put(", ")
		}
		w.repr(e.key)
		w.put(": ")
		w.repr(e.val)
	}
	w.put("}")
}

// reprScalar covers values that hold no others, except text.
func (it *interp) reprScalar(v Value) string {
	switch v := v.(type) {
	case *big.Int:
		return it.digits(v)
	case *loopValue:
		return fmt.Sprintf("<LoopContext %d/%d>", v.index0+1, v.length(it))
	}
	return reprShort(v)
}

// digits writes a large integer in decimal. Like Python, it refuses one whose conversion would take long.
func (it *interp) digits(b *big.Int) string {
	it.spend(b.BitLen() / 8)
	s := b.String()
	if len(s) > maxDigits+1 {
		it.fail(valueError, "Exceeds the limit (%d digits) for integer string conversion", maxDigits)
	}
	return s
}

// reprShort is repr for messages, where the contents of containers do not matter.
func reprShort(v Value) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return reprFloat(v)
	case string:
		return quote(v)
	case *undefined:
		return "Undefined"
	case rangeValue:
		if v.step != 1 {
			return fmt.Sprintf("range(%d, %d, %d)", v.start, v.stop, v.step)
		}
		return fmt.Sprintf("range(%d, %d)", v.start, v.stop)
	case *generator:
		return "<generator object " + v.name + ">"
	case *macro:
		if v.name == "" {
			return "<Macro anonymous>"
		}
		return "<Macro " + quote(v.name) + ">"
	case *loopValue:
		return "<LoopContext>"
	case *function:
		return "<built-in function " + v.name + ">"
	}
	return "<" + typeName(v) + ">"
}

// reprFloat is the shortest decimal that reads back as f, in Python's layout.
func reprFloat(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// quote is Python's repr of a str: in single quotes, unless it holds some and no double ones.
func quote(s string) string {
	var b strings.Builder
	quoteTo(func(part string) { b.WriteString(part) }, s)
	return b.String()
}

// quoteTo gives the parts of quote(s) to put.
func quoteTo(put func(string), s string) {
	q := "'"
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		q = `"`
	}
	put(q)
	start := 0
	for i, r := range s {
		if r >= ' ' && r < 0x7f && r != '\'' && r != '\\' {
			continue
		}
		if escape := escapeRepr(r, q); escape != "" {
			put(s[start:i])
			put(escape)
			start = i + utf8.RuneLen(r)
		}
	}
	put(s[start:])
	put(q)
}

// escapeRepr is how a character is written inside the quotes q, or empty if it stands for itself.
func escapeRepr(r rune, q string) string {
	switch {
	case r == '\\':
		return `\\`
	case r == '\'':
		if q == "'" {
			return `\'`
		}
		return ""
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case unicode.IsPrint(r):
		return ""
	case r < 0x100:
		return hexEscape(`\x`, r, 2)
	case r < 0x10000:
		return hexEscape(`\u`, r, 4)
	}
	return hexEscape(`\U`, r, 8)
}

// hexEscape writes r after prefix in so many hexadecimal digits.
func hexEscape(prefix string, r rune, digits int) string {
	b := append(make([]byte, 0, 10), prefix...)
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[r>>shift&15])
	}
	return string(b)
}
