package template

import (
	"math"
	"slices"
	"strings"
)

// library holds what a template can name. Functions reach it through their interpreter, since some of them, such as
// the filter map, call others by name.
type library struct {
	globals map[string]*function
	filters map[string]filter
	tests   map[string]test
	methods map[string]map[string]method // by type name
}

var builtins = library{
	globals: globals(),
	filters: filters(),
	tests:   tests(),
	methods: map[string]map[string]method{
		"str": textMethods(), "list": listMethods(), "tuple": tupleMethods(), "dict": dictMethods(),
		"range": tupleMethods(), "float": {"is_integer": {call: floatIsInteger}},
	},
}

// method is a method of a built-in type; params is as for bind.
type method struct {
	params string
	call   func(it *interp, recv Value, a []Value) Value
	raw    func(it *interp, recv Value, a args) Value // instead of call, for one that takes any arguments
}

// method returns the attribute of obj with this name: a bound method, or a field of one of the template's objects.
func (it *interp) method(obj Value, name string) (Value, bool) {
	switch obj := obj.(type) {
	case *namespace:
		return obj.attrs.Lookup(name)
	case *loopValue:
		return it.loopAttr(obj, name)
	case *macro:
		return macroAttr(obj, name)
	}
	m, ok := it.lib.methods[typeName(obj)][name]
	if !ok {
		return nil, false
	}
	return &function{name, func(it *interp, a args) Value {
		if m.raw != nil {
			return m.raw(it, obj, a)
		}
		return m.call(it, obj, it.bind(name, m.params, a))
	}}, true
}

func macroAttr(m *macro, name string) (Value, bool) {
	switch name {
	case "name":
		return m.name, true
	case "arguments":
		t := make(Tuple, len(m.def.params))
		for i, p := range m.def.params {
			t[i] = p
		}
		return t, true
	case "catch_kwargs":
		return m.def.usesKwargs, true
	case "catch_varargs":
		return m.def.usesVarargs, true
	case "caller":
		return m.def.usesCaller, true
	}
	return nil, false
}

// loopAttr is an attribute of the variable loop.
func (it *interp) loopAttr(l *loopValue, name string) (Value, bool) {
	switch name {
	case "index":
		return int64(l.index0 + 1), true
	case "index0":
		return int64(l.index0), true
	case "first":
		return l.index0 == 0, true
	case "last":
		_, more := l.peek()
		return !more, true
	case "length":
		return int64(l.length(it)), true
	case "revindex":
		return int64(l.length(it) - l.index0), true
	case "revindex0":
		return int64(l.length(it) - l.index0 - 1), true
	case "depth":
		return int64(l.depth0 + 1), true
	case "depth0":
		return int64(l.depth0), true
	case "previtem":
		if l.index0 == 0 {
			return &undefined{hint: "there is no previous item"}, true
		}
		return l.before, true
	case "nextitem":
		v, ok := l.peek()
		if !ok {
			return &undefined{hint: "there is no next item"}, true
		}
		return v, true
	case "cycle":
		return &function{name, func(it *interp, a args) Value { return it.loopCycle(l, a) }}, true
	case "changed":
		return &function{name, func(it *interp, a args) Value { return it.loopChanged(l, a) }}, true
	}
	return nil, false
}

func (it *interp) loopCycle(l *loopValue, a args) Value {
	items := it.positional("cycle", a)
	if len(items) == 0 {
		it.fail(typeError, "no items for cycling given")
	}
	return items[l.index0%len(items)]
}

func (it *interp) loopChanged(l *loopValue, a args) Value {
	v := Tuple(it.positional("changed", a))
	if l.changed != nil && it.equal(l.changed, v) {
		return false
	}
	l.changed = v
	return true
}

// integer is v as an int within ±2³¹, to which larger ones are clamped; missing stands for an absent v or none.
func (it *interp) integer(v Value, missing int) int {
	if v == absent || v == nil {
		return missing
	}
	n, ok := intOf(v)
	if !ok {
		it.refuse(v)
		it.fail(typeError, "%s object cannot be interpreted as an integer", quote(typeName(v)))
	}
	if i, ok := n.(int64); ok {
		return int(max(-math.MaxInt32, min(i, math.MaxInt32)))
	}
	return bigOf(n).Sign() * math.MaxInt32
}

// width is a number of characters to make: at least 0, and paid for.
func (it *interp) width(v Value) int {
	n := max(0, it.integer(v, 0))
	it.grow(n)
	return n
}

// given reports whether an optional flag is there and true.
func given(v Value) bool { return v != absent && truth(v) }

func floatIsInteger(_ *interp, recv Value, _ []Value) Value {
	f, _ := recv.(float64)
	return f == math.Trunc(f) && !math.IsInf(f, 0)
}

// listMethods include those that change the list, which the reference's sandbox forbids but templates written for
// other engines use.
func listMethods() map[string]method {
	on := func(params string, call func(it *interp, l *List, a []Value) Value) method {
		return method{params: params, call: func(it *interp, recv Value, a []Value) Value {
			l, _ := recv.(*List)
			return call(it, l, a)
		}}
	}
	m := tupleMethods()
	m["copy"] = on("", func(it *interp, l *List, _ []Value) Value { return &List{it.items(l)} })
	m["append"] = on("item /", func(it *interp, l *List, a []Value) Value {
		it.grow(cellBytes)
		l.Items = append(l.Items, a[0])
		return nil
	})
	m["extend"] = on("items /", func(it *interp, l *List, a []Value) Value {
		l.Items = append(l.Items, it.items(a[0])...)
		return nil
	})
	m["insert"] = on("index item /", func(it *interp, l *List, a []Value) Value {
		it.grow(cellBytes)
		it.spend(len(l.Items) / scanBytes)
		l.Items = slices.Insert(l.Items, clampIndex(it.integer(a[0], 0), len(l.Items)), a[1])
		return nil
	})
	m["pop"] = on("? index /", func(it *interp, l *List, a []Value) Value {
		i, n := it.integer(a[0], -1), len(l.Items)
		if i < 0 {
			i += n
		}
		if i < 0 || i >= n {
			it.fail(indexError, "pop index out of range")
		}
		v := l.Items[i]
		it.spend(n / scanBytes)
		l.Items = slices.Delete(l.Items, i, i+1)
		return v
	})
	m["reverse"] = on("", func(it *interp, l *List, _ []Value) Value {
		it.spend(len(l.Items) / scanBytes)
		slices.Reverse(l.Items)
		return nil
	})
	m["clear"] = on("", func(_ *interp, l *List, _ []Value) Value {
		l.Items = nil
		return nil
	})
	return m
}

// clampIndex resolves an index that may count from the end and may lie outside.
func clampIndex(i, n int) int {
	if i < 0 {
		i += n
	}
	return max(0, min(i, n))
}

// tupleMethods serve every sequence that is not text.
func tupleMethods() map[string]method {
	return map[string]method{
		"count": {params: "item /", call: func(it *interp, recv Value, a []Value) Value {
			n := int64(0)
			for _, e := range it.items(recv) {
				if it.equal(e, a[0]) {
					n++
				}
			}
			return n
		}},
		"index": {params: "item ? start stop /", call: func(it *interp, recv Value, a []Value) Value {
			items := it.items(recv)
			stop := clampIndex(it.integer(a[2], len(items)), len(items))
			for i := clampIndex(it.integer(a[1], 0), len(items)); i < stop; i++ {
				if it.equal(items[i], a[0]) {
					return int64(i)
				}
			}
			it.fail(valueError, "%s is not in %s", reprShort(a[0]), typeName(recv))
			return nil
		}},
	}
}

func dictMethods() map[string]method {
	on := func(params string, call func(it *interp, m *Map, a []Value) Value) method {
		return method{params: params, call: func(it *interp, recv Value, a []Value) Value {
			m, _ := recv.(*Map)
			return call(it, m, a)
		}}
	}
	fallback := func(v Value) Value {
		if v == absent {
			return nil
		}
		return v
	}
	return map[string]method{
		"keys":   on("", func(_ *interp, m *Map, _ []Value) Value { return view{m, "dict_keys"} }),
		"values": on("", func(_ *interp, m *Map, _ []Value) Value { return view{m, "dict_values"} }),
		"items":  on("", func(_ *interp, m *Map, _ []Value) Value { return view{m, "dict_items"} }),
		"copy": on("", func(it *interp, m *Map, _ []Value) Value {
			it.growTimes(m.Len(), 3*cellBytes)
			return m.copy()
		}),
		"get": on("key ? default /", func(it *interp, m *Map, a []Value) Value {
			if i := m.find(it.hash(a[0])); i >= 0 {
				return m.entries[i].val
			}
			return fallback(a[1])
		}),
		"setdefault": on("key ? default /", func(it *interp, m *Map, a []Value) Value {
			if i := m.find(it.hash(a[0])); i >= 0 {
				return m.entries[i].val
			}
			it.setKey(m, a[0], fallback(a[1]))
			return fallback(a[1])
		}),
		"pop": on("key ? default /", func(it *interp, m *Map, a []Value) Value {
			i := m.find(it.hash(a[0]))
			switch {
			case i >= 0:
				v := m.entries[i].val
				it.spend(m.Len())
				m.remove(i)
				return v
			case a[1] == absent:
				it.fail(keyError, "%s", reprShort(a[0]))
			}
			return a[1]
		}),
		"update": on("? other /", func(it *interp, m *Map, a []Value) Value {
			if a[0] != absent {
				it.update(m, a[0])
			}
			return nil
		}),
	}
}

// joinTexts is sep.join(items).
func (it *interp) joinTexts(sep string, items []string) string {
	n := 0
	for _, s := range items {
		n += len(s)
	}
	it.grow(n)
	it.growTimes(len(items), len(sep))
	return strings.Join(items, sep)
}
