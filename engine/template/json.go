package template

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxJSONDepth bounds nested arrays and objects in JSON that is read.
const maxJSONDepth = 500

// DecodeJSON reads one JSON value. Objects become *Map in the order of their keys (of equal keys the last value
// counts), arrays *List, null nil; a number with a fraction or exponent becomes float64, any other int64 or *big.Int.
// Bytes that are not UTF-8 and lone surrogates become U+FFFD.
func DecodeJSON(data []byte) (v Value, err error) {
	d := &decoder{s: strings.ToValidUTF8(string(data), "\uFFFD")}
	defer func() { err = failed(recover(), err) }()
	v = d.value()
	d.space()
	if d.pos < len(d.s) {
		d.fail("more text after the value")
	}
	return v, nil
}

// decoder reads JSON. It fails by panic, like the interpreter.
type decoder struct {
	s     string
	pos   int
	depth int
}

func (d *decoder) fail(format string, a ...any) {
	panic(failure{fmt.Errorf("JSON at byte %d: %s", d.pos, fmt.Sprintf(format, a...))})
}

func (d *decoder) space() {
	for d.pos < len(d.s) && strings.IndexByte(" \t\r\n", d.s[d.pos]) >= 0 {
		d.pos++
	}
}

// next is the next byte that is not white space, or 0 at the end.
func (d *decoder) next() byte {
	d.space()
	if d.pos == len(d.s) {
		return 0
	}
	return d.s[d.pos]
}

func (d *decoder) expect(c byte) {
	if d.next() != c {
		d.fail("expected '%c'", c)
	}
	d.pos++
}

func (d *decoder) value() Value {
	switch c := d.next(); {
	case c == '{' || c == '[':
		if d.depth++; d.depth > maxJSONDepth {
			d.fail("nested deeper than %d", maxJSONDepth)
		}
		d.pos++
		var v Value
		if c == '{' {
			v = d.object()
		} else {
			v = d.array()
		}
		d.depth--
		return v
	case c == '"':
		return d.text()
	case c == '-' || isDecimal(c):
		return d.number()
	}
	for _, word := range []struct {
		text string
		v    Value
	}{{"true", true}, {"false", false}, {"null", nil}} {
		if strings.HasPrefix(d.s[d.pos:], word.text) {
			d.pos += len(word.text)
			return word.v
		}
	}
	d.fail("expected a value")
	return nil
}

func (d *decoder) object() Value {
	m := &Map{}
	if d.next() == '}' {
		d.pos++
		return m
	}
	for {
		if d.next() != '"' {
			d.fail("expected a key")
		}
		k := d.text()
		d.expect(':')
		m.Set(k, d.value())
		if d.next() == ',' {
			d.pos++
			continue
		}
		d.expect('}')
		return m
	}
}

func (d *decoder) array() Value {
	l := &List{}
	if d.next() == ']' {
		d.pos++
		return l
	}
	for {
		l.Items = append(l.Items, d.value())
		if d.next() == ',' {
			d.pos++
			continue
		}
		d.expect(']')
		return l
	}
}

// text reads a string, whose opening quote is next.
func (d *decoder) text() string {
	d.pos++
	start := d.pos
	for d.pos < len(d.s) {
		switch c := d.s[d.pos]; {
		case c == '"':
			d.pos++
			return d.s[start : d.pos-1]
		case c == '\\':
			return d.escaped(start)
		case c < ' ':
			d.fail("control character in a string")
		}
		d.pos++
	}
	d.fail("string without an end")
	return ""
}

// escaped goes on with a string at its first escape.
func (d *decoder) escaped(start int) string {
	var b strings.Builder
	b.WriteString(d.s[start:d.pos])
	for d.pos < len(d.s) {
		c := d.s[d.pos]
		switch {
		case c == '"':
			d.pos++
			return b.String()
		case c < ' ':
			d.fail("control character in a string")
		case c != '\\':
			b.WriteByte(c)
			d.pos++
			continue
		}
		d.pos++
		if d.pos == len(d.s) {
			break
		}
		c = d.s[d.pos]
		d.pos++
		if c == 'u' {
			b.WriteRune(d.unicode())
			continue
		}
		i := strings.IndexByte(`"\/bfnrt`, c)
		if i < 0 {
			d.fail("unknown escape")
		}
		b.WriteByte("\"\\/\b\f\n\r\t"[i])
	}
	d.fail("string without an end")
	return ""
}

// unicode reads the digits of a \u escape, and a second one if they make a pair.
func (d *decoder) unicode() rune {
	r := d.hex()
	if utf16.IsSurrogate(r) && strings.HasPrefix(d.s[d.pos:], `\u`) {
		back := d.pos
		d.pos += 2
		if pair := utf16.DecodeRune(r, d.hex()); pair != utf8.RuneError {
			return pair
		}
		d.pos = back
	}
	return r
}

func (d *decoder) hex() rune {
	if d.pos+4 > len(d.s) {
		d.fail("truncated escape")
	}
	n, err := strconv.ParseUint(d.s[d.pos:d.pos+4], 16, 16)
	if err != nil {
		d.fail("bad escape")
	}
	d.pos += 4
	return rune(n)
}

func (d *decoder) number() Value {
	start := d.pos
	if d.s[d.pos] == '-' {
		d.pos++
	}
	whole := d.digits()
	if whole > 1 && d.s[d.pos-whole] == '0' {
		d.fail("number with a leading zero")
	}
	isFloat := false
	if d.pos < len(d.s) && d.s[d.pos] == '.' {
		d.pos++
		d.digits()
		isFloat = true
	}
	if d.pos < len(d.s) && d.s[d.pos]|0x20 == 'e' {
		d.pos++
		if d.pos < len(d.s) && (d.s[d.pos] == '+' || d.s[d.pos] == '-') {
			d.pos++
		}
		d.digits()
		isFloat = true
	}
	s := d.s[start:d.pos]
	if isFloat {
		f, _ := strconv.ParseFloat(s, 64) // out of range is infinity, as in Python
		return f
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	if len(s) > maxDigits {
		d.fail("integer of more than %d digits", maxDigits)
	}
	b, _ := new(big.Int).SetString(s, 10)
	return normal(b)
}

// digits moves past at least one digit and returns how many there were.
func (d *decoder) digits() int {
	start := d.pos
	for d.pos < len(d.s) && isDecimal(d.s[d.pos]) {
		d.pos++
	}
	if d.pos == start {
		d.fail("expected a digit")
	}
	return d.pos - start
}

// encoder writes JSON as Python's json.dumps does.
type encoder struct {
	writer
	indent   string
	pretty   bool // one element a line
	item     string
	key      string
	sortKeys bool
	ascii    bool
}

// filterTojson is the filter tojson with the arguments that transformers gives it, and without HTML escapes.
func filterTojson(it *interp, v Value, a []Value) Value {
	e := &encoder{writer: writer{it: it}, item: ", ", key: ": "}
	e.ascii = a[0] != absent && truth(a[0])
	switch indent := a[1].(type) {
	case absentType, nil:
	case string:
		e.pretty, e.indent = true, indent
	default:
		e.pretty, e.indent = true, strings.Repeat(" ", it.width(indent))
	}
	if e.pretty {
		e.item = ","
	}
	if a[2] != absent && a[2] != nil {
		pair := it.items(a[2])
		if len(pair) != 2 {
			it.fail(valueError, "separators must be a pair")
		}
		e.item, e.key = it.text(pair[0]), it.text(pair[1])
	}
	e.sortKeys = a[3] != absent && truth(a[3])
	e.value(v, 0)
	return e.String()
}

func (e *encoder) value(v Value, level int) {
	e.it.spend(0)
	e.it.deeper()
	switch v := v.(type) {
	case nil:
		e.put("null")
	case bool:
		e.put(strconv.FormatBool(v))
	case int64, *big.Int:
		e.put(e.it.reprScalar(v))
	case float64:
		e.put(jsonFloat(v))
	case string:
		e.text(v)
	case *List:
		e.array(v.Items, level)
	case Tuple:
		e.array(v, level)
	case *Map:
		e.object(v, level)
	default:
		e.it.fail(typeError, "Object of type %s is not JSON serializable", typeName(v))
	}
	e.it.shallower()
}

func jsonFloat(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case math.IsNaN(f):
		return "NaN"
	}
	return reprFloat(f)
}

// line starts a new line at a level of nesting, if elements go on lines of their own.
func (e *encoder) line(level int) {
	if e.pretty {
		e.put("\n")
		e.it.growTimes(level, len(e.indent))
		e.WriteString(strings.Repeat(e.indent, level))
	}
}

func (e *encoder) array(items []Value, level int) {
	if len(items) == 0 {
		e.put("[]")
		return
	}
	e.put("[")
	for i, v := range items {
		if i > 0 {
			e.put(e.item)
		}
		e.line(level + 1)
		e.value(v, level+1)
	}
	e.line(level)
	e.put("]")
}

func (e *encoder) object(m *Map, level int) {
	if m.Len() == 0 {
		e.put("{}")
		return
	}
	entries := m.entries
	if e.sortKeys {
		e.it.growTimes(len(entries), 3*cellBytes)
		entries = slices.Clone(entries)
		for to, from := range e.it.sortBy(len(entries), func(i int) Value { return m.entries[i].key }, false) {
			entries[to] = m.entries[from]
		}
	}
	e.put("{")
	for i, entry := range entries {
		if i > 0 {
			e.put(e.item)
		}
		e.line(level + 1)
		e.text(e.keyText(entry.key))
		e.put(e.key)
		e.value(entry.val, level+1)
	}
	e.line(level)
	e.put("}")
}

// keyText is a key as JSON wants it: a string.
func (e *encoder) keyText(k Value) string {
	switch k := k.(type) {
	case string:
		return k
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(k)
	case float64:
		return jsonFloat(k)
	case int64, *big.Int:
		return e.it.reprScalar(k)
	}
	e.it.fail(typeError, "keys must be str, int, float, bool or None, not %s", typeName(k))
	return ""
}

// text writes a string with its quotes.
func (e *encoder) text(s string) {
	e.put(`"`)
	start := 0
	for i, r := range s {
		if r >= ' ' && r != '"' && r != '\\' && (!e.ascii || r < 0x7f) {
			continue
		}
		e.put(s[start:i])
		start = i + utf8.RuneLen(r)
		e.put(escapeJSON(r))
	}
	e.put(s[start:])
	e.put(`"`)
}

func escapeJSON(r rune) string {
	if i := strings.IndexRune("\"\\\b\f\n\r\t", r); i >= 0 {
		return `\` + `"\bfnrt`[i:i+1]
	}
	if r < 0x10000 {
		return hexEscape(`\u`, r, 4)
	}
	high, low := utf16.EncodeRune(r)
	return hexEscape(`\u`, high, 4) + hexEscape(`\u`, low, 4)
}

// filterFromJSON is the filter from_json.
func filterFromJSON(it *interp, v Value, _ []Value) Value {
	s, ok := v.(string)
	if !ok {
		it.refuse(v)
		it.fail(typeError, "the JSON object must be str, not %s", typeName(v))
	}
	it.spend(len(s) / 8)
	it.growTimes(len(s), 2*cellBytes) // an array of empty arrays takes about that
	out, err := DecodeJSON([]byte(s))
	if err != nil {
		it.fail("JSONDecodeError", "%s", err.Error())
	}
	return out
}
