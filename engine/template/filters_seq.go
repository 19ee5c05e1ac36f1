package template

import (
	"slices"
	"strings"
)

// path splits an attribute path such as "user.tags.0" into keys.
func (it *interp) path(v Value) []Value {
	switch v := v.(type) {
	case absentType, nil:
		return nil
	case string:
		var keys []Value
		for part := range strings.SplitSeq(v, ".") {
			it.grow(2 * cellBytes)
			if n, ok := parseInt(part, 10); ok && strings.Trim(part, "0123456789") == "" {
				keys = append(keys, n)
			} else {
				keys = append(keys, part)
			}
		}
		return keys
	}
	return []Value{v}
}

// follow looks up the keys of a path one after another; fallback stands for undefined ones unless it is absent.
func (it *interp) follow(v Value, path []Value, fallback Value) Value {
	for _, key := range path {
		it.spend(0)
		v = it.item(v, key)
		if _, missing := v.(*undefined); missing && fallback != absent && fallback != nil {
			v = fallback
		}
	}
	return v
}

// keyOf returns the function that gives an item's key for comparing.
func (it *interp) keyOf(caseSensitive, attribute Value) func(Value) Value {
	path := it.path(attribute)
	return func(v Value) Value {
		v = it.follow(v, path, absent)
		if given(caseSensitive) {
			return v
		}
		return it.ignoreCase(v)
	}
}

func filterBatch(it *interp, v Value, a []Value) Value {
	return later("do_batch", func() next { return listNext(it.batch(v, it.integer(a[0], 0), a[1])) })
}

// batch cuts items into rows of a size; the last row is filled up unless fill is absent or none.
func (it *interp) batch(v Value, size int, fill Value) *List {
	out := &List{}
	var row *List
	for items := it.iterate(v); ; {
		e, ok := items()
		if !ok {
			break
		}
		it.spend(0)
		it.grow(5 * cellBytes)
		if row == nil || len(row.Items) == size {
			row = &List{}
			out.Items = append(out.Items, row)
		}
		row.Items = append(row.Items, e)
	}
	if row != nil && fill != absent && fill != nil && len(row.Items) < size {
		row.Items = append(row.Items, it.repeatItems([]Value{fill}, size-len(row.Items))...)
	}
	return out
}

// once is an iterable over l that can be consumed once.
func once(name string, l *List) Value { return &generator{name, listNext(l)} }

// later is an iterable whose work begins, and may fail, when it is first asked for an item.
func later(name string, start func() next) Value {
	var items next
	return &generator{name, func() (Value, bool) {
		if items == nil {
			items = start()
		}
		return items()
	}}
}

func filterDictsort(it *interp, v Value, a []Value) Value {
	m, ok := v.(*Map)
	if !ok {
		it.refuse(v)
		it.fail(attributeError, "%s object has no attribute 'items'", quote(typeName(v)))
	}
	pos := 0
	if a[1] != absent && !it.equal(a[1], "key") {
		if pos = 1; !it.equal(a[1], "value") {
			it.fail(filterError, `You can only sort by either "key" or "value"`)
		}
	}
	pairs := it.items(view{m, "dict_items"})
	it.growTimes(len(pairs), 3*cellBytes)
	order := it.sortBy(len(pairs), func(i int) Value {
		pair, _ := pairs[i].(Tuple)
		if given(a[0]) {
			return pair[pos]
		}
		return it.ignoreCase(pair[pos])
	}, given(a[2]))
	return pick(pairs, order)
}

// pick returns the items at the given positions.
func pick(items []Value, order []int) Value {
	out := make([]Value, len(order))
	for to, from := range order {
		out[to] = items[from]
	}
	return &List{out}
}

func filterFirst(it *interp, v Value, _ []Value) Value {
	if e, ok := it.iterate(v)(); ok {
		return e
	}
	return &undefined{hint: "No first item, sequence was empty."}
}

func filterLast(it *interp, v Value, _ []Value) Value {
	if e, ok := it.iterate(it.reversed(v))(); ok {
		return e
	}
	return &undefined{hint: "No last item, sequence was empty."}
}

// reversed is Python's reversed(v).
func (it *interp) reversed(v Value) Value {
	switch v := v.(type) {
	case string:
		it.growTimes(len(v), 5)
		r := []rune(v)
		slices.Reverse(r)
		return once("reversed", &List{it.items(string(r))})
	case *undefined:
		return once("reversed", &List{})
	case *Map:
		return it.reversed(view{v, "dict_keys"})
	case *List, Tuple, rangeValue, view:
		i, _ := length(v)
		return &generator{"reversed", func() (Value, bool) {
			n, _ := length(v)
			if i = min(i, n); i == 0 {
				return nil, false
			}
			i--
			return itemAt(v, i), true
		}}
	}
	it.fail(typeError, "%s object is not reversible", quote(typeName(v)))
	return nil
}

func filterReverse(it *interp, v Value, _ []Value) Value {
	switch v := v.(type) {
	case string:
		it.growTimes(len(v), 5)
		r := []rune(v)
		slices.Reverse(r)
		return string(r)
	case *List, Tuple, rangeValue, *Map, view, *undefined:
		return it.reversed(v)
	}
	items := it.items(v)
	slices.Reverse(items)
	return &List{items}
}

func filterItems(it *interp, v Value, _ []Value) Value {
	switch v := v.(type) {
	case *undefined:
		return once("do_items", &List{})
	case *Map:
		return &generator{"do_items", it.iterate(view{v, "dict_items"})}
	}
	return later("do_items", func() next {
		it.fail(typeError, "Can only get item pairs from a mapping.")
		return nil
	})
}

func filterJoin(it *interp, v Value, a []Value) Value {
	sep := ""
	if a[0] != absent {
		sep = it.text(a[0])
	}
	path := it.path(a[1])
	var parts []string
	for each := it.iterate(v); ; {
		e, ok := each()
		if !ok {
			return it.joinTexts(sep, parts)
		}
		it.spend(0)
		it.grow(cellBytes)
		parts = append(parts, it.text(it.follow(e, path, absent)))
	}
}

func filterMap(it *interp, v Value, a args) Value {
	return &generator{"sync_do_map", it.lazily(v, func() func(Value) (Value, bool) {
		attribute, ok := a.take("attribute")
		if ok && len(a.pos) == 0 {
			fallback, ok := a.take("default")
			if !ok {
				fallback = absent
			}
			if len(a.named) > 0 {
				it.fail(filterError, "Unexpected keyword argument %s", quote(a.named[0].name))
			}
			path := it.path(attribute)
			return func(e Value) (Value, bool) { return it.follow(e, path, fallback), true }
		}
		if len(a.pos) == 0 {
			it.fail(filterError, "map requires a filter argument")
		}
		name, rest := it.wantText(a.pos[0]), args{a.pos[1:], a.named}
		return func(e Value) (Value, bool) { return it.filter(name, e, rest), true }
	})}
}

// lazily is the generator behind map, select and their like. Each item goes through what prepare returns, which
// gives its replacement and whether to keep it; a false value has no items, whatever its type.
func (it *interp) lazily(v Value, prepare func() func(Value) (Value, bool)) next {
	var items next
	var each func(Value) (Value, bool)
	return func() (Value, bool) {
		if items == nil {
			if !truth(v) {
				return nil, false
			}
			each = prepare()
			items = it.iterate(v)
		}
		for {
			it.spend(0)
			e, ok := items()
			if !ok {
				return nil, false
			}
			if e, keep := each(e); keep {
				return e, true
			}
		}
	}
}

// filterSelect makes select, reject and, with an attribute to look at, selectattr and rejectattr.
func filterSelect(byAttribute, want bool) func(*interp, Value, args) Value {
	return func(it *interp, v Value, a args) Value {
		return &generator{"select_or_reject", it.lazily(v, func() func(Value) (Value, bool) {
			var path []Value
			if byAttribute {
				if len(a.pos) == 0 {
					it.fail(filterError, "Missing parameter for attribute name")
				}
				path = it.path(a.pos[0])
				a.pos = a.pos[1:]
			}
			test := truth
			if len(a.pos) > 0 {
				name, rest := it.wantText(a.pos[0]), args{a.pos[1:], a.named}
				test = func(e Value) bool { return it.test(name, e, rest) }
			}
			return func(e Value) (Value, bool) { return e, test(it.follow(e, path, absent)) == want }
		})}
	}
}

// filterExtreme makes min and max: the first item than which none is better.
func filterExtreme(better string) func(*interp, Value, []Value) Value {
	return func(it *interp, v Value, a []Value) Value {
		key := it.keyOf(a[0], a[1])
		each := it.iterate(v)
		best, ok := each()
		if !ok {
			return &undefined{hint: "No aggregated item, sequence was empty."}
		}
		bestKey := key(best)
		for {
			e, ok := each()
			if !ok {
				return best
			}
			it.spend(0)
			if k := key(e); it.ordered(better, k, bestKey) {
				best, bestKey = e, k
			}
		}
	}
}

func filterSlice(it *interp, v Value, a []Value) Value {
	return later("sync_do_slice", func() next { return listNext(it.columns(it.items(v), it.integer(a[0], 0), a[1])) })
}

// columns cuts items into n lists of almost equal size; those that are one short get fill unless it is absent or none.
func (it *interp) columns(items []Value, n int, fill Value) *List {
	if n == 0 {
		it.fail(zeroDivision, "integer division or modulo by zero")
	}
	out := &List{}
	each, more := len(items)/max(n, 1), len(items)%max(n, 1)
	for i := range max(n, 0) {
		it.spend(0)
		it.grow(4 * cellBytes)
		size := each
		if i < more {
			size++
		}
		row := &List{items[:size:size]}
		items = items[size:]
		if i >= more && fill != absent && fill != nil {
			row.Items = append(row.Items, fill)
			it.growTimes(size+1, cellBytes)
		}
		out.Items = append(out.Items, row)
	}
	return out
}

func filterSort(it *interp, v Value, a []Value) Value {
	items := it.items(v)
	var paths [][]Value // several attributes are compared one after another
	if s, ok := a[2].(string); ok {
		for part := range strings.SplitSeq(s, ",") {
			paths = append(paths, it.path(part))
		}
	} else {
		paths = [][]Value{it.path(a[2])}
	}
	order := it.sortBy(len(items), func(i int) Value {
		it.growTimes(len(paths), cellBytes)
		key := make(Tuple, len(paths))
		for j, path := range paths {
			if key[j] = it.follow(items[i], path, absent); !given(a[1]) {
				key[j] = it.ignoreCase(key[j])
			}
		}
		return key
	}, given(a[0]))
	return pick(items, order)
}

func filterSum(it *interp, v Value, a []Value) Value {
	path := it.path(a[0])
	total := a[1]
	if total == absent {
		total = int64(0)
	}
	if _, isText := total.(string); isText {
		it.fail(typeError, "sum() can't sum strings")
	}
	for each := it.iterate(v); ; {
		e, ok := each()
		if !ok {
			return total
		}
		it.spend(0)
		total = it.binary("+", total, it.follow(e, path, absent))
	}
}

func filterUnique(it *interp, v Value, a []Value) Value {
	return later("sync_do_unique", func() next {
		key := it.keyOf(a[0], a[1])
		seen := &Map{}
		items := it.iterate(v)
		return func() (Value, bool) {
			for {
				e, ok := items()
				if !ok {
					return nil, false
				}
				it.spend(0)
				if h := it.hash(key(e)); seen.find(h) < 0 {
					it.grow(3 * cellBytes)
					seen.set(h, nil, nil)
					return e, true
				}
			}
		}
	})
}
