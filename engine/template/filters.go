package template

import (
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// filter is a function applied with a bar; params is as for bind, without the value that is filtered.
type filter struct {
	params string
	call   func(it *interp, v Value, a []Value) Value
	raw    func(it *interp, v Value, a args) Value // instead of call, for one that takes any arguments
}

func (x *filterExpr) eval(it *interp) Value {
	v := it.eval(x.x)
	a := it.arguments(&x.args)
	it.line = x.line
	return it.filter(x.name, v, a)
}

// filter applies a filter by name.
func (it *interp) filter(name string, v Value, a args) Value {
	f, ok := it.lib.filters[name]
	if !ok {
		it.fail(runtimeError, "no filter named %s", quote(name))
	}
	it.spend(len(a.pos))
	if f.raw != nil {
		return f.raw(it, v, a)
	}
	return f.call(it, v, it.bind(name, f.params, a))
}

func filters() map[string]filter {
	m := map[string]filter{
		"abs":        {call: filterAbs},
		"attr":       {params: "name", call: filterAttr},
		"center":     {params: "? width", call: filterCenter},
		"default":    {params: "? default_value boolean", call: filterDefault},
		"escape":     {call: filterEscape},
		"float":      {params: "? default", call: filterFloat},
		"format":     {raw: filterFormat},
		"from_json":  {call: filterFromJSON},
		"indent":     {params: "? width first blank", call: filterIndent},
		"int":        {params: "? default base", call: filterInt},
		"length":     {call: filterLength},
		"replace":    {params: "old new ? count", call: filterReplace},
		"round":      {params: "? precision method", call: filterRound},
		"safe":       {call: filterString},
		"string":     {call: filterString},
		"title":      {call: filterTitle},
		"tojson":     {params: "? ensure_ascii indent separators sort_keys", call: filterTojson},
		"trim":       {params: "? chars", call: filterTrim},
		"truncate":   {params: "? length killwords end leeway", call: filterTruncate},
		"wordcount":  {call: filterWordcount},
		"upper":      textFilter("upper"),
		"lower":      textFilter("lower"),
		"capitalize": textFilter("capitalize"),
		"batch":      {params: "linecount ? fill_with", call: filterBatch},
		"dictsort":   {params: "? case_sensitive by reverse", call: filterDictsort},
		"first":      {call: filterFirst},
		"items":      {call: filterItems},
		"join":       {params: "? d attribute", call: filterJoin},
		"last":       {call: filterLast},
		"list":       {call: func(it *interp, v Value, _ []Value) Value { return &List{it.items(v)} }},
		"map":        {raw: filterMap},
		"max":        {params: "? case_sensitive attribute", call: filterExtreme(">")},
		"min":        {params: "? case_sensitive attribute", call: filterExtreme("<")},
		"reject":     {raw: filterSelect(false, false)},
		"rejectattr": {raw: filterSelect(true, false)},
		"reverse":    {call: filterReverse},
		"select":     {raw: filterSelect(false, true)},
		"selectattr": {raw: filterSelect(true, true)},
		"slice":      {params: "slices ? fill_with", call: filterSlice},
		"sort":       {params: "? reverse case_sensitive attribute", call: filterSort},
		"sum":        {params: "? attribute start", call: filterSum},
		"unique":     {params: "? case_sensitive attribute", call: filterUnique},
	}
	m["count"], m["d"], m["e"], m["forceescape"] = m["length"], m["default"], m["escape"], m["escape"]
	return m
}

// textFilter applies a method of str to the text of any value.
func textFilter(name string) filter {
	return filter{call: func(it *interp, v Value, _ []Value) Value {
		return it.lib.methods["str"][name].call(it, it.text(v), nil)
	}}
}

func filterString(it *interp, v Value, _ []Value) Value { return it.text(v) }

func filterAbs(it *interp, v Value, _ []Value) Value {
	if f, ok := v.(float64); ok {
		return math.Abs(f)
	}
	n, ok := intOf(v)
	if !ok {
		it.refuse(v)
		it.fail(typeError, "bad operand type for abs(): %s", quote(typeName(v)))
	}
	if bigOf(n).Sign() < 0 {
		return it.negate(n)
	}
	return n
}

// filterAttr looks up an attribute, but never the key of a dict.
func filterAttr(it *interp, v Value, a []Value) Value {
	it.refuse(v)
	if attr, ok := it.method(v, it.wantText(a[0])); ok {
		return attr
	}
	return &undefined{obj: v, name: a[0], ofItem: true}
}

func filterCenter(it *interp, v Value, a []Value) Value {
	return it.center(it.text(v), it.integer(a[0], 80), " ")
}

func filterDefault(_ *interp, v Value, a []Value) Value {
	if _, missing := v.(*undefined); !missing && (!given(a[1]) || truth(v)) {
		return v
	}
	if a[0] == absent {
		return ""
	}
	return a[0]
}

var htmlEscapes = []string{"&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&#39;", `"`, "&#34;"}

func filterEscape(it *interp, v Value, _ []Value) Value {
	s := it.text(v)
	for i := 0; i < len(htmlEscapes); i += 2 {
		s = it.replace(s, htmlEscapes[i], htmlEscapes[i+1], -1)
	}
	return s
}

// parseFloat is Python's float(s).
func parseFloat(s string) (float64, bool) {
	s = strings.TrimFunc(s, isSpace)
	digits := strings.TrimLeft(s, "+-")
	for i := range len(digits) { // underscores stand between digits only; Go would also read hexadecimal
		switch c := digits[i]; {
		case c == 'x' || c == 'X' || c == 'p' || c == 'P':
			return 0, false
		case c == '_' && (i == 0 || i+1 == len(digits) || !isDecimal(digits[i-1]) || !isDecimal(digits[i+1])):
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	return f, true
}

// parseInt is Python's int(s, base).
func parseInt(s string, base int) (Value, bool) {
	s = strings.TrimFunc(s, isSpace)
	sign := ""
	if s != "" && (s[0] == '-' || s[0] == '+') {
		sign, s = s[:1], s[1:]
	}
	if len(s) > 2 && s[0] == '0' {
		prefix := map[byte]int{'b': 2, 'o': 8, 'x': 16}[s[1]|0x20]
		if prefix > 0 && (base == prefix || base == 0) {
			s, base = strings.TrimPrefix(s[2:], "_"), prefix
		}
	}
	if base == 0 {
		base = 10
		if len(s) > 1 && s[0] == '0' && strings.Trim(s, "0_") != "" {
			return nil, false // like 010, which could be meant as octal
		}
	}
	plain := strings.ReplaceAll(s, "_", "")
	if plain == "" || s[0] == '_' || s[len(s)-1] == '_' || strings.Contains(s, "__") || len(plain) > maxDigits {
		return nil, false
	}
	if plain[0] == '+' || plain[0] == '-' {
		return nil, false
	}
	b, ok := new(big.Int).SetString(sign+plain, base)
	if !ok {
		return nil, false
	}
	return normal(b), true
}

func filterInt(it *interp, v Value, a []Value) Value {
	fallback := a[0]
	if fallback == absent {
		fallback = int64(0)
	}
	base := it.integer(a[1], 10)
	if base != 0 && (base < 2 || base > 36) {
		it.fail(valueError, "int() base must be >= 2 and <= 36, or 0")
	}
	switch v := v.(type) {
	case bool, int64, *big.Int:
		n, _ := intOf(v)
		return n
	case float64:
		if n, ok := intOfFloat(v); ok {
			return n
		}
		if math.IsInf(v, 0) {
			it.fail(overflowError, "cannot convert float infinity to integer")
		}
	case string:
		it.scan(v)
		if n, ok := parseInt(v, base); ok {
			return n
		}
		if f, ok := parseFloat(v); ok {
			if n, ok := intOfFloat(f); ok {
				return n
			}
		}
	case *undefined:
		it.refuse(v)
	}
	return fallback
}

func filterFloat(it *interp, v Value, a []Value) Value {
	it.refuse(v)
	if s, ok := v.(string); ok {
		it.scan(s)
		if f, ok := parseFloat(s); ok {
			return f
		}
	} else if isNumber(v) {
		return it.floatOf(v)
	}
	if a[0] == absent {
		return 0.0
	}
	return a[0]
}

func filterFormat(it *interp, v Value, a args) Value {
	if len(a.named) == 0 {
		return it.formatPercent(it.text(v), Tuple(a.pos))
	}
	if len(a.pos) > 0 {
		it.fail(filterError, "can't handle positional and keyword arguments at the same time")
	}
	m := &Map{}
	for _, n := range a.named {
		it.setKey(m, n.name, n.v)
	}
	return it.formatPercent(it.text(v), m)
}

func filterIndent(it *interp, v Value, a []Value) Value {
	s := it.wantText(v)
	indent := "    "
	switch width := a[0].(type) {
	case absentType:
	case string:
		indent = width
	default:
		indent = strings.Repeat(" ", it.width(width))
	}
	lines := it.lines(s+"\n", false) // a newline at the end does not make an empty line
	it.growTimes(len(lines), len(indent)+1)
	it.grow(2 * len(s))
	var b strings.Builder
	for i, line := range lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		if i == 0 && given(a[1]) || i > 0 && (line != "" || given(a[2])) {
			b.WriteString(indent)
		}
		b.WriteString(line)
	}
	return b.String()
}

func filterLength(it *interp, v Value, _ []Value) Value {
	switch v := v.(type) {
	case string:
		it.scan(v)
	case *loopValue:
		return int64(v.length(it))
	}
	n, ok := length(v)
	if !ok {
		it.fail(typeError, "object of type %s has no len()", quote(typeName(v)))
	}
	return int64(n)
}

func filterReplace(it *interp, v Value, a []Value) Value {
	return it.replace(it.text(v), it.text(a[0]), it.text(a[1]), it.integer(a[2], -1))
}

func filterRound(it *interp, v Value, a []Value) Value {
	method := "common"
	if a[1] != absent {
		method = it.text(a[1])
	}
	if !isNumber(v) {
		it.refuse(v)
		it.fail(typeError, "type %s doesn't define __round__ method", typeName(v))
	}
	precision := max(-400, min(it.integer(a[0], 0), 400))
	switch method {
	case "ceil", "floor":
		scale := it.arith("**", int64(10), int64(precision))
		f := math.Ceil
		if method == "floor" {
			f = math.Floor
		}
		n, ok := intOfFloat(f(it.floatOf(it.arith("*", v, scale))))
		if !ok {
			it.fail(overflowError, "cannot convert float infinity or NaN to integer")
		}
		return it.arith("/", n, scale)
	case "common":
		if f, ok := v.(float64); ok {
			return roundFloat(f, precision)
		}
		n, _ := intOf(v)
		return it.roundInt(n, precision)
	}
	it.fail(filterError, "method must be common, ceil or floor")
	return nil
}

// roundFloat rounds to decimal places, exact halves to even, judging by the exact value of f.
func roundFloat(f float64, places int) Value {
	if places >= 0 || math.IsInf(f, 0) || math.IsNaN(f) {
		r, err := strconv.ParseFloat(strconv.FormatFloat(f, 'f', max(0, places), 64), 64)
		if err != nil {
			return f
		}
		return r
	}
	scale := math.Pow(10, float64(-places))
	if math.IsInf(scale, 0) {
		return math.Copysign(0, f)
	}
	return math.RoundToEven(f/scale) * scale
}

// roundInt rounds an integer to a power of ten, halves to even.
func (it *interp) roundInt(n Value, places int) Value {
	if places >= 0 {
		return n
	}
	unit := it.arith("**", int64(10), int64(-places))
	down := it.arith("-", n, it.arith("%", n, unit))
	rest := it.arith("*", it.arith("-", n, down), int64(2))
	up := it.arith("+", down, unit)
	order, _ := compareNumbers(rest, unit)
	odd := it.arith("%", it.arith("//", down, unit), int64(2)) == int64(1)
	if order > 0 || order == 0 && odd {
		return up
	}
	return down
}

// filterTitle differs from the method title: only spaces, hyphens and opening brackets end a word.
func filterTitle(it *interp, v Value, _ []Value) Value {
	s := it.text(v)
	it.growTimes(len(s), 3)
	it.spend(len(s) / 8)
	var b strings.Builder
	inWord := false
	for s != "" {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case isSpace(r) || strings.ContainsRune("-({[<", r):
			inWord = false
			b.WriteRune(r)
		case inWord:
			b.WriteString(lower(s[:n]))
		default:
			inWord = true
			b.WriteString(upper(s[:n]))
		}
		s = s[n:]
	}
	return b.String()
}

func filterTrim(it *interp, v Value, a []Value) Value {
	return it.lib.methods["str"]["strip"].call(it, it.text(v), a)
}

func filterTruncate(it *interp, v Value, a []Value) Value {
	s, end := "", "..."
	if a[2] != absent {
		end = it.wantText(a[2])
	}
	size, leeway := it.integer(a[0], 255), it.integer(a[3], 5)
	keep := size - utf8.RuneCountInString(end)
	if keep < 0 || leeway < 0 {
		it.fail("AssertionError", "expected length >= %d and leeway >= 0", utf8.RuneCountInString(end))
	}
	if n, ok := length(v); ok && n <= size+leeway {
		return v
	}
	s = it.wantText(v)
	it.scan(s)
	s = s[:runeOffset(s, keep)]
	if !given(a[1]) {
		if i := strings.LastIndexByte(s, ' '); i >= 0 {
			s = s[:i]
		}
	}
	it.grow(len(s) + len(end))
	return s + end
}

func filterWordcount(it *interp, v Value, _ []Value) Value {
	s := it.text(v)
	it.spend(len(s) / 8)
	n, inWord := int64(0), false
	for _, r := range s {
		w := isWordRune(r)
		if w && !inWord {
			n++
		}
		inWord = w
	}
	return n
}

// ignoreCase is the sort key of a value where case does not count.
func (it *interp) ignoreCase(v Value) Value {
	if s, ok := v.(string); ok {
		it.grow(len(s))
		return lower(s)
	}
	return v
}

// sortBy returns the positions of n elements in the order of their keys; equal ones stay in order, also in reverse.
func (it *interp) sortBy(n int, key func(i int) Value, reverse bool) []int {
	it.growTimes(n, 2*cellBytes)
	keys, order := make([]Value, n), make([]int, n)
	for i := range n {
		keys[i], order[i] = key(i), i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		it.spend(0)
		if reverse {
			a, b = b, a
		}
		switch {
		case it.ordered("<", keys[a], keys[b]):
			return -1
		case it.ordered("<", keys[b], keys[a]):
			return 1
		}
		return 0
	})
	return order
}
