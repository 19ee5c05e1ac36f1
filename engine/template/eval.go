package template

import (
	"math"
	"strings"
	"unicode/utf8"
)

// eval evaluates x within the limits.
func (it *interp) eval(x expr) Value {
	it.spend(0)
	it.deeper()
	v := x.eval(it)
	it.depth--
	return v
}

func (x *constExpr) eval(*interp) Value { return x.v }

func (x *nameExpr) eval(it *interp) Value { return it.lookup(x.name) }

func (x *tupleExpr) eval(it *interp) Value { return Tuple(it.evalAll(x.items)) }

func (x *listExpr) eval(it *interp) Value { return &List{it.evalAll(x.items)} }

func (it *interp) evalAll(items []expr) []Value {
	it.growTimes(len(items), cellBytes)
	vals := make([]Value, len(items))
	for i, e := range items {
		vals[i] = it.eval(e)
	}
	return vals
}

func (x *dictExpr) eval(it *interp) Value {
	m := &Map{}
	for i := range x.keys {
		k := it.eval(x.keys[i])
		it.setKey(m, k, it.eval(x.vals[i]))
	}
	return m
}

// setKey stores v under any hashable key.
func (it *interp) setKey(m *Map, k, v Value) {
	it.grow(3 * cellBytes)
	m.set(it.hash(k), k, v)
}

func (x *notExpr) eval(it *interp) Value { return !truth(it.eval(x.x)) }

func (x *signExpr) eval(it *interp) Value {
	v := it.eval(x.x)
	if x.op == "-" {
		return it.negate(v)
	}
	if n, ok := intOf(v); ok {
		return n
	}
	if !isNumber(v) {
		it.refuse(v)
		it.fail(typeError, "bad operand type for unary +: %s", quote(typeName(v)))
	}
	return v
}

func (x *logicExpr) eval(it *interp) Value {
	var v Value
	for _, t := range x.terms {
		if v = it.eval(t); truth(v) == x.isOr {
			break
		}
	}
	return v
}

func (x *condExpr) eval(it *interp) Value {
	switch {
	case truth(it.eval(x.test)):
		return it.eval(x.then)
	case x.otherwise != nil:
		return it.eval(x.otherwise)
	}
	return &undefined{hint: "the inline if-expression was false and has no else"}
}

func (x *concatExpr) eval(it *interp) Value {
	var b strings.Builder
	for _, t := range x.terms {
		s := it.text(it.eval(t))
		it.grow(len(s))
		b.WriteString(s)
	}
	return b.String()
}

// eval adds runs of texts in one buffer: templates build most of their output with chains of plus.
func (x *arithExpr) eval(it *interp) Value {
	v := it.eval(x.first)
	var run strings.Builder // the text so far, when v is its unfinished value
	running := false
	for i, op := range x.ops {
		y := it.eval(x.rest[i])
		s, isText := v.(string)
		t, ok := y.(string)
		if op == "+" && ok && (running || isText) {
			if !running {
				run.Reset()
				it.grow(len(s))
				run.WriteString(s)
				running = true
			}
			it.grow(len(t))
			run.WriteString(t)
			v = nil
			continue
		}
		if running {
			v, running = run.String(), false
			run = strings.Builder{}
		}
		v = it.binary(op, v, y)
	}
	if running {
		return run.String()
	}
	return v
}

// binary applies an arithmetic operator by Python's rules for the types of its operands.
func (it *interp) binary(op string, a, b Value) Value {
	if isNumber(a) && isNumber(b) {
		return it.arith(op, a, b)
	}
	if s, ok := a.(string); ok && op == "%" {
		return it.formatPercent(s, b)
	}
	it.refuse(a)
	it.refuse(b)
	switch op {
	case "+":
		return it.join(a, b)
	case "*":
		if n, ok := intOf(b); ok {
			if v, ok := it.repeat(a, n); ok {
				return v
			}
		} else if n, ok := intOf(a); ok {
			if v, ok := it.repeat(b, n); ok {
				return v
			}
		}
	}
	it.fail(typeError, "unsupported operand type(s) for %s: %s and %s", op, quote(typeName(a)), quote(typeName(b)))
	return nil
}

// join is plus for sequences.
func (it *interp) join(a, b Value) Value {
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok {
			it.grow(len(x) + len(y))
			return x + y
		}
		it.fail(typeError, `can only concatenate str (not "%s") to str`, typeName(b))
	case *List:
		if y, ok := b.(*List); ok {
			it.growTimes(len(x.Items)+len(y.Items), cellBytes)
			return &List{append(append([]Value(nil), x.Items...), y.Items...)}
		}
		it.fail(typeError, `can only concatenate list (not "%s") to list`, typeName(b))
	case Tuple:
		if y, ok := b.(Tuple); ok {
			it.growTimes(len(x)+len(y), cellBytes)
			return append(append(Tuple(nil), x...), y...)
		}
		it.fail(typeError, `can only concatenate tuple (not "%s") to tuple`, typeName(b))
	}
	it.fail(typeError, "unsupported operand type(s) for +: %s and %s", quote(typeName(a)), quote(typeName(b)))
	return nil
}

// repeat is a sequence times an integer; ok is false if v is not a sequence.
func (it *interp) repeat(v, times Value) (product Value, ok bool) {
	n, small := times.(int64)
	if !small {
		n = int64(bigOf(times).Sign()) * math.MaxInt32
	}
	n = max(0, min(n, math.MaxInt32))
	switch v := v.(type) {
	case string:
		it.growTimes(int(n), len(v))
		return strings.Repeat(v, int(n)), true
	case *List:
		return &List{it.repeatItems(v.Items, int(n))}, true
	case Tuple:
		return Tuple(it.repeatItems(v, int(n))), true
	}
	return nil, false
}

func (it *interp) repeatItems(items []Value, n int) []Value {
	if len(items) == 0 {
		return nil
	}
	it.growTimes(n, len(items)*cellBytes)
	out := make([]Value, 0, n*len(items))
	for range n {
		out = append(out, items...)
	}
	return out
}

func (x *attrExpr) eval(it *interp) Value { return it.attr(it.eval(x.x), x.name) }

func (x *itemExpr) eval(it *interp) Value {
	obj := it.eval(x.x)
	return it.item(obj, it.eval(x.key))
}

// attr is obj.name: a method or attribute first, then the key of a dict.
func (it *interp) attr(obj Value, name string) Value {
	it.refuse(obj)
	if v, ok := it.method(obj, name); ok {
		return v
	}
	if m, ok := obj.(*Map); ok {
		if v, ok := m.Lookup(name); ok {
			return v
		}
	}
	return &undefined{obj: obj, name: name, ofItem: true}
}

// item is obj[key]: an element first, then a method of that name.
func (it *interp) item(obj, key Value) Value {
	it.refuse(obj)
	if v, ok := it.element(obj, key); ok {
		return v
	}
	if name, ok := key.(string); ok {
		if v, ok := it.method(obj, name); ok {
			return v
		}
	}
	return &undefined{obj: obj, name: key, ofItem: true}
}

// element is the element of a container, if there is one.
func (it *interp) element(obj, key Value) (Value, bool) {
	if m, ok := obj.(*Map); ok {
		h, ok := it.tryHash(key)
		if !ok {
			return nil, false
		}
		if i := m.find(h); i >= 0 {
			return m.entries[i].val, true
		}
		return nil, false
	}
	n, ok := intOf(key)
	if !ok {
		return nil, false
	}
	i, ok := n.(int64)
	if !ok {
		return nil, false
	}
	switch obj := obj.(type) {
	case string:
		return it.charAt(obj, i)
	case *List, Tuple, rangeValue:
		size, _ := length(obj)
		if i < 0 {
			i += int64(size)
		}
		if i < 0 || i >= int64(size) {
			return nil, false
		}
		return itemAt(obj, int(i)), true
	}
	return nil, false
}

// itemAt is the element of a list, tuple, range or view at a position within it.
func itemAt(seq Value, i int) Value {
	switch seq := seq.(type) {
	case *List:
		return seq.Items[i]
	case Tuple:
		return seq[i]
	case rangeValue:
		return seq.at(i)
	case view:
		return seq.at(i)
	}
	return nil
}

// charAt is the character at index i, which may count from the end.
func (it *interp) charAt(s string, i int64) (Value, bool) {
	it.scan(s)
	if i < 0 {
		i += int64(utf8.RuneCountInString(s))
	}
	if i < 0 || i >= int64(len(s)) {
		return nil, false
	}
	start := runeOffset(s, int(i))
	if start == len(s) {
		return nil, false
	}
	_, size := utf8.DecodeRuneInString(s[start:])
	return s[start : start+size], true
}

// runeOffset is the byte offset of character n of s, or len(s) if s is shorter.
func runeOffset(s string, n int) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

func (x *sliceExpr) eval(it *interp) Value {
	obj := it.eval(x.x)
	bound := func(e expr) Value {
		if e == nil {
			return nil
		}
		return it.eval(e)
	}
	start, stop, step := bound(x.start), bound(x.stop), bound(x.step)
	it.refuse(obj)
	switch obj.(type) {
	case string, *List, Tuple, rangeValue:
	case *Map:
		it.fail(typeError, "unhashable type: 'slice'")
	default:
		it.fail(typeError, "%s object is not subscriptable", quote(typeName(obj)))
	}
	size, _ := length(obj)
	r := it.sliceRange(size, start, stop, step)
	switch obj := obj.(type) {
	case string:
		return it.sliceText(obj, r)
	case *List:
		return &List{it.sliceItems(obj.Items, r)}
	case Tuple:
		return Tuple(it.sliceItems(obj, r))
	case rangeValue:
		return rangeValue{obj.start + r.start*obj.step, obj.start + r.stop*obj.step, obj.step * r.step}
	}
	return nil
}

// sliceRange resolves the bounds of a slice over size elements to the positions taken.
func (it *interp) sliceRange(size int, start, stop, step Value) rangeValue {
	n := int64(size)
	by := it.sliceBound(step, 1)
	if by == 0 {
		it.fail(valueError, "slice step cannot be zero")
	}
	low, high := int64(0), n // where a bound is clamped to
	first, last := low, high
	if by < 0 {
		low, high = -1, n-1
		first, last = high, low
	}
	clamp := func(v Value, missing int64) int64 {
		if v == nil {
			return missing
		}
		i := it.sliceBound(v, 0)
		if i < 0 {
			i += n
		}
		return max(low, min(i, high))
	}
	by = max(-n-1, min(by, n+1))
	return rangeValue{clamp(start, first), clamp(stop, last), by}
}

func (it *interp) sliceBound(v Value, missing int64) int64 {
	if v == nil {
		return missing
	}
	n, ok := intOf(v)
	if !ok {
		it.fail(typeError, "slice indices must be integers or None or have an __index__ method")
	}
	if i, ok := n.(int64); ok {
		return max(-math.MaxInt32, min(i, math.MaxInt32))
	}
	return int64(bigOf(n).Sign()) * math.MaxInt32
}

func (it *interp) sliceItems(items []Value, r rangeValue) []Value {
	n := r.len()
	it.growTimes(n, cellBytes)
	it.spend(n / scanBytes)
	out := make([]Value, n)
	for i := range out {
		out[i] = items[r.start+int64(i)*r.step]
	}
	return out
}

func (it *interp) sliceText(s string, r rangeValue) Value {
	it.scan(s)
	n := r.len()
	if n == 0 {
		return ""
	}
	if r.step == 1 {
		start := runeOffset(s, int(r.start))
		return s[start : start+runeOffset(s[start:], n)]
	}
	it.growTimes(len(s), 5)
	runes := []rune(s)
	out := make([]rune, n)
	for i := range out {
		out[i] = runes[r.start+int64(i)*r.step]
	}
	return string(out)
}
