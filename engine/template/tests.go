package template

import "math/big"

// test is a question asked with "is"; params is as for bind, without the value that is asked about.
type test struct {
	params string
	call   func(it *interp, v Value, a []Value) bool
}

func (x *testExpr) eval(it *interp) Value {
	v := it.eval(x.x)
	a := it.arguments(&x.args)
	it.line = x.line
	return it.test(x.name, v, a)
}

// test applies a test by name.
func (it *interp) test(name string, v Value, a args) bool {
	t, ok := it.lib.tests[name]
	if !ok {
		it.fail(runtimeError, "no test named %s", quote(name))
	}
	it.spend(0)
	return t.call(it, v, it.bind(name, t.params, a))
}

func tests() map[string]test {
	is := func(call func(v Value) bool) test {
		return test{call: func(_ *interp, v Value, _ []Value) bool { return call(v) }}
	}
	m := map[string]test{
		"boolean":   is(func(v Value) bool { _, ok := v.(bool); return ok }),
		"callable":  is(isCallable),
		"defined":   is(func(v Value) bool { _, missing := v.(*undefined); return !missing }),
		"undefined": is(func(v Value) bool { _, missing := v.(*undefined); return missing }),
		"escaped":   is(func(Value) bool { return false }),
		"false":     is(func(v Value) bool { return v == false }),
		"true":      is(func(v Value) bool { return v == true }),
		"float":     is(func(v Value) bool { _, ok := v.(float64); return ok }),
		"integer":   is(isInteger),
		"iterable":  is(isIterable),
		"mapping":   is(func(v Value) bool { _, ok := v.(*Map); return ok }),
		"none":      is(func(v Value) bool { return v == nil }),
		"number":    is(isNumber),
		"sequence":  is(isSequence),
		"string":    is(func(v Value) bool { _, ok := v.(string); return ok }),
		"lower": {call: func(it *interp, v Value, _ []Value) bool {
			s := it.text(v)
			it.spend(len(s) / 8)
			return isCase(s, isLower)
		}},
		"upper": {call: func(it *interp, v Value, _ []Value) bool {
			s := it.text(v)
			it.spend(len(s) / 8)
			return isCase(s, isUpper)
		}},
		"odd":  {call: func(it *interp, v Value, _ []Value) bool { return it.remainderIs(v, int64(2), 1) }},
		"even": {call: func(it *interp, v Value, _ []Value) bool { return it.remainderIs(v, int64(2), 0) }},
		"divisibleby": {"num", func(it *interp, v Value, a []Value) bool {
			return it.remainderIs(v, a[0], 0)
		}},
		"filter": {call: func(it *interp, v Value, _ []Value) bool { return has(it.lib.filters, v) }},
		"test":   {call: func(it *interp, v Value, _ []Value) bool { return has(it.lib.tests, v) }},
		"sameas": {"other", func(_ *interp, v Value, a []Value) bool { return same(v, a[0]) }},
		"in":     {"seq", func(it *interp, v Value, a []Value) bool { return it.contains(a[0], v) }},
	}
	for op, names := range map[string][]string{
		"==": {"==", "eq", "equalto"},
		"!=": {"!=", "ne"},
		"<":  {"<", "lt", "lessthan"},
		"<=": {"<=", "le"},
		">":  {">", "gt", "greaterthan"},
		">=": {">=", "ge"},
	} {
		for _, name := range names {
			m[name] = test{"other", func(it *interp, v Value, a []Value) bool { return it.compare(op, v, a[0]) }}
		}
	}
	return m
}

// remainderIs asks whether v % by is want.
func (it *interp) remainderIs(v, by Value, want int64) bool {
	return it.equal(it.binary("%", v, by), want)
}

func has[T any](m map[string]T, v Value) bool {
	name, _ := v.(string)
	_, ok := m[name]
	return ok
}

func isCallable(v Value) bool {
	switch v.(type) {
	case *function, *macro, *loopValue, *undefined:
		return true
	}
	return false
}

func isInteger(v Value) bool {
	switch v.(type) {
	case int64, *big.Int:
		return true
	}
	return false
}

func isIterable(v Value) bool {
	switch v.(type) {
	case string, *List, Tuple, *Map, view, rangeValue, *generator, *loopValue, *undefined:
		return true
	}
	return false
}

func isSequence(v Value) bool {
	switch v.(type) {
	case string, *List, Tuple, *Map, rangeValue, *undefined:
		return true
	}
	return false
}

// same is Python's a is b, as far as it is determined there: equal small numbers and texts are taken as one object.
func same(a, b Value) bool {
	if ta, ok := a.(Tuple); ok {
		tb, ok := b.(Tuple)
		return ok && len(ta) == len(tb) && (len(ta) == 0 || &ta[0] == &tb[0])
	}
	if _, ok := b.(Tuple); ok {
		return false
	}
	if x, ok := a.(*big.Int); ok {
		y, ok := b.(*big.Int)
		return ok && x.Cmp(y) == 0
	}
	return a == b
}
