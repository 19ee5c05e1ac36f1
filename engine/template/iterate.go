package template

import "unicode/utf8"

// iterate is Python's iter(v).
func (it *interp) iterate(v Value) next {
	switch v := v.(type) {
	case string:
		return textNext(v)
	case *List:
		return listNext(v)
	case Tuple:
		return seqNext(v, len(v))
	case rangeValue:
		return seqNext(v, v.len())
	case *Map:
		return viewNext(view{v, "dict_keys"})
	case view:
		return viewNext(v)
	case *generator:
		return v.next
	case *loopValue:
		return func() (Value, bool) {
			item, ok := v.advance()
			return Tuple{item, v}, ok
		}
	case *undefined:
		return func() (Value, bool) { return nil, false }
	}
	it.fail(typeError, "%s object is not iterable", quote(typeName(v)))
	return nil
}

func textNext(s string) next {
	return func() (Value, bool) {
		if s == "" {
			return nil, false
		}
		_, n := utf8.DecodeRuneInString(s)
		c := s[:n]
		s = s[n:]
		return c, true
	}
}

// listNext sees items that are appended on the way, as in Python.
func listNext(l *List) next {
	i := 0
	return func() (Value, bool) {
		if i >= len(l.Items) {
			return nil, false
		}
		i++
		return l.Items[i-1], true
	}
}

func seqNext(seq Value, n int) next {
	i := 0
	return func() (Value, bool) {
		if i >= n {
			return nil, false
		}
		i++
		return itemAt(seq, i-1), true
	}
}

func viewNext(v view) next {
	i := 0
	return func() (Value, bool) {
		if i >= v.m.Len() {
			return nil, false
		}
		i++
		return v.at(i - 1), true
	}
}

// items is Python's list(v), as a slice of its own.
func (it *interp) items(v Value) []Value {
	it.spend(0)
	if l, ok := v.(*List); ok {
		it.growTimes(len(l.Items), cellBytes)
		return append([]Value(nil), l.Items...)
	}
	var out []Value
	for each := it.iterate(v); ; {
		e, ok := each()
		if !ok {
			return out
		}
		it.spend(0)
		it.grow(cellBytes)
		out = append(out, e)
	}
}
