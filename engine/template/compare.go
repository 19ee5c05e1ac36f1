package template

import "strings"

func (x *compareExpr) eval(it *interp) Value {
	a := it.eval(x.first)
	for i, op := range x.ops {
		b := it.eval(x.rest[i])
		if !it.compare(op, a, b) {
			return false
		}
		a = b
	}
	return true
}

// compare applies a comparison operator.
func (it *interp) compare(op string, a, b Value) bool {
	switch op {
	case "==":
		return it.equal(a, b)
	case "!=":
		return !it.equal(a, b)
	case "in":
		return it.contains(b, a)
	case "not in":
		return !it.contains(b, a)
	}
	return it.ordered(op, a, b)
}

// equal is Python's a == b. Values of unlike types are unequal, never an error.
func (it *interp) equal(a, b Value) bool {
	it.spend(0)
	switch x := a.(type) {
	case nil:
		return b == nil
	case string:
		y, ok := b.(string)
		if ok && len(x) == len(y) {
			it.scan(x)
			return x == y
		}
		return false
	case *List:
		y, ok := b.(*List)
		return ok && (x == y || it.equalItems(x.Items, y.Items))
	case Tuple:
		y, ok := b.(Tuple)
		return ok && it.equalItems(x, y)
	case *Map:
		y, ok := b.(*Map)
		return ok && (x == y || it.equalMaps(x, y))
	case *undefined:
		_, ok := b.(*undefined)
		return ok
	case view:
		y, ok := b.(view)
		return ok && x == y
	}
	if isNumber(a) && isNumber(b) {
		order, ok := compareNumbers(a, b)
		return ok && order == 0
	}
	if isNumber(a) || isNumber(b) {
		return false
	}
	return a == b // objects, by identity
}

func (it *interp) equalItems(a, b []Value) bool {
	if len(a) != len(b) {
		return false
	}
	it.deeper()
	defer it.shallower()
	for i := range a {
		if !it.equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func (it *interp) equalMaps(a, b *Map) bool {
	if a.Len() != b.Len() {
		return false
	}
	it.deeper()
	defer it.shallower()
	for _, e := range a.entries {
		i := b.find(e.hash)
		if i < 0 || !it.equal(e.val, b.entries[i].val) {
			return false
		}
	}
	return true
}

// ordered applies < <= > >=.
func (it *interp) ordered(op string, a, b Value) bool {
	it.refuse(a)
	it.refuse(b)
	order, ok := 0, true
	switch x := a.(type) {
	case string:
		y, isText := b.(string)
		if !isText {
			it.unordered(op, a, b)
		}
		it.scan(x)
		order = strings.Compare(x, y)
	case *List:
		y, isList := b.(*List)
		if !isList {
			it.unordered(op, a, b)
		}
		return it.orderedItems(op, x.Items, y.Items)
	case Tuple:
		y, isTuple := b.(Tuple)
		if !isTuple {
			it.unordered(op, a, b)
		}
		return it.orderedItems(op, x, y)
	default:
		if !isNumber(a) || !isNumber(b) {
			it.unordered(op, a, b)
		}
		order, ok = compareNumbers(a, b)
	}
	return ok && holds(op, order)
}

func holds(op string, order int) bool {
	switch op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

func (it *interp) unordered(op string, a, b Value) {
	it.fail(typeError, "%s not supported between instances of %s and %s",
		quote(op), quote(typeName(a)), quote(typeName(b)))
}

// orderedItems compares at the first difference, then by length.
func (it *interp) orderedItems(op string, a, b []Value) bool {
	it.deeper()
	defer it.shallower()
	for i := range min(len(a), len(b)) {
		if !it.equal(a[i], b[i]) {
			return it.ordered(op, a[i], b[i])
		}
	}
	return holds(op, len(a)-len(b))
}

// contains is Python's v in set.
func (it *interp) contains(set, v Value) bool {
	switch set := set.(type) {
	case string:
		s, ok := v.(string)
		if !ok {
			it.fail(typeError, "'in <string>' requires string as left operand, not %s", typeName(v))
		}
		it.scan(set)
		return strings.Contains(set, s)
	case *Map:
		return set.find(it.hash(v)) >= 0
	case nil, bool, int64, float64:
		it.fail(typeError, "argument of type %s is not iterable", quote(typeName(set)))
	}
	for each := it.iterate(set); ; {
		e, ok := each()
		if !ok {
			return false
		}
		if it.equal(e, v) {
			return true
		}
	}
}
