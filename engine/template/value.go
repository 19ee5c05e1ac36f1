package template

import (
	"fmt"
	"iter"
	"math"
	"math/big"
	"slices"
	"strings"
	"unicode/utf8"
)

// Value is anything an expression can yield. Variables may hold nil (none), bool, int64, *big.Int, float64, string
// (valid UTF-8), *List, Tuple and *Map, nested at will; rendering makes further kinds of its own.
type Value any

// List is a mutable sequence.
type List struct{ Items []Value }

// Tuple is an immutable sequence.
type Tuple []Value

// smallMap is the size up to which a Map is searched linearly: most objects of a conversation have few keys.
const smallMap = 8

// Map is a dictionary that keeps the order in which keys were first set. The zero Map is empty and ready.
type Map struct {
	entries []entry
	index   map[any]int // hash to position; nil while the map is small
}

// entry keeps the hash beside the key, since only an interpreter can compute it within its limits.
type entry struct {
	hash     any
	key, val Value
}

// Len is the number of keys.
func (m *Map) Len() int { return len(m.entries) }

// Set gives key a value; a new key goes last.
func (m *Map) Set(key string, v Value) { m.set(key, key, v) }

// Lookup returns the value of key and whether there is one.
func (m *Map) Lookup(key string) (Value, bool) {
	if i := m.find(key); i >= 0 {
		return m.entries[i].val, true
	}
	return nil, false
}

// All yields keys and values in order.
func (m *Map) All() iter.Seq2[Value, Value] {
	return func(yield func(Value, Value) bool) {
		for _, e := range m.entries {
			if !yield(e.key, e.val) {
				return
			}
		}
	}
}

// find returns the position of the key with this hash, or -1.
func (m *Map) find(hash any) int {
	if m.index != nil {
		if i, ok := m.index[hash]; ok {
			return i
		}
		return -1
	}
	for i := range m.entries {
		if m.entries[i].hash == hash {
			return i
		}
	}
	return -1
}

// set stores v under key, whose hash the caller has computed.
func (m *Map) set(hash any, key, v Value) {
	if i := m.find(hash); i >= 0 {
		m.entries[i].val = v
		return
	}
	m.entries = append(m.entries, entry{hash, key, v})
	if m.index != nil {
		m.index[hash] = len(m.entries) - 1
	} else if len(m.entries) > smallMap {
		m.reindex()
	}
}

// remove deletes the entry at position i.
func (m *Map) remove(i int) {
	m.entries = slices.Delete(m.entries, i, i+1)
	m.reindex()
}

// reindex rebuilds the index after entries changed.
func (m *Map) reindex() {
	m.index = nil
	if len(m.entries) <= smallMap {
		return
	}
	m.index = make(map[any]int, 2*len(m.entries))
	for i := range m.entries {
		m.index[m.entries[i].hash] = i
	}
}

func (m *Map) copy() *Map {
	c := &Map{entries: slices.Clone(m.entries)}
	c.reindex()
	return c
}

// undefined is the value of a name, key or attribute that does not exist. It prints as nothing, is false and has no
// items; every other use of it fails with its message.
type undefined struct {
	hint   string // full message, when it is neither a name nor an attribute
	name   Value
	obj    Value
	ofItem bool // name was looked up on obj
}

func (u *undefined) message() string {
	switch {
	case u.hint != "":
		return u.hint
	case !u.ofItem:
		return reprShort(u.name) + " is undefined"
	}
	if s, ok := u.name.(string); ok {
		return quote(objectName(u.obj)) + " has no attribute " + quote(s)
	}
	return objectName(u.obj) + " has no element " + reprShort(u.name)
}

// namespace is the one object whose attributes a template may assign.
type namespace struct{ attrs Map }

// rangeValue is Python's range: a sequence that is not stored.
type rangeValue struct{ start, stop, step int64 }

func (r rangeValue) len() int {
	switch {
	case r.step > 0 && r.start < r.stop:
		return int((r.stop-r.start-1)/r.step) + 1
	case r.step < 0 && r.start > r.stop:
		return int((r.start-r.stop-1)/-r.step) + 1
	}
	return 0
}

func (r rangeValue) at(i int) Value { return r.start + int64(i)*r.step }

// view is what keys(), values() and items() of a dict return.
type view struct {
	m    *Map
	kind string // dict_keys, dict_values or dict_items
}

func (v view) at(i int) Value {
	switch v.kind {
	case "dict_keys":
		return v.m.entries[i].key
	case "dict_values":
		return v.m.entries[i].val
	}
	return Tuple{v.m.entries[i].key, v.m.entries[i].val}
}

// next is an iterator: it returns the next value, or false at the end and ever after.
type next func() (Value, bool)

// generator is an iterable that can be consumed once, as the filters map and select return it.
type generator struct {
	name string
	next next
}

// function is a callable that is not written in the template: a global or a bound method.
type function struct {
	name string
	call func(it *interp, a args) Value
}

// typeName is the name of v's type in Python, as it appears in messages.
func typeName(v Value) string {
	switch v := v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int64, *big.Int:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case *List:
		return "list"
	case Tuple:
		return "tuple"
	case *Map:
		return "dict"
	case *undefined:
		return "Undefined"
	case rangeValue:
		return "range"
	case view:
		return v.kind
	case *generator:
		return "generator"
	case *namespace:
		return "Namespace"
	case *macro:
		return "Macro"
	case *loopValue:
		return "LoopContext"
	}
	return "builtin_function_or_method"
}

// objectName is how a message about a missing attribute names the object.
func objectName(v Value) string {
	if v == nil {
		return "None"
	}
	return typeName(v) + " object"
}

// truth is Python's bool(v).
func truth(v Value) bool {
	switch v := v.(type) {
	case nil, *undefined:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case *big.Int:
		return v.Sign() != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case *List:
		return len(v.Items) > 0
	case Tuple:
		return len(v) > 0
	case *Map:
		return v.Len() > 0
	case rangeValue:
		return v.len() > 0
	case view:
		return v.m.Len() > 0
	}
	return true
}

// length is Python's len(v), and whether v has one.
func length(v Value) (int, bool) {
	switch v := v.(type) {
	case string:
		return utf8.RuneCountInString(v), true
	case *List:
		return len(v.Items), true
	case Tuple:
		return len(v), true
	case *Map:
		return v.Len(), true
	case rangeValue:
		return v.len(), true
	case view:
		return v.m.Len(), true
	case *undefined:
		return 0, true
	}
	return 0, false
}

// bigKey, tupleKey and unitKey are the hashes of values that Go cannot compare directly the way Python does.
type (
	bigKey   string
	tupleKey string
	unitKey  string
)

// hash returns a comparable Go value that is equal for equal keys: 1, 1.0 and true are one key, as in Python. It
// fails for values that cannot be keys.
func (it *interp) hash(v Value) any {
	h, ok := it.tryHash(v)
	if !ok {
		it.fail(typeError, "unhashable type: %s", quote(typeName(v)))
	}
	return h
}

// tryHash is hash, reporting instead of failing.
func (it *interp) tryHash(v Value) (hash any, ok bool) {
	switch v := v.(type) {
	case nil:
		return unitKey("None"), true
	case bool:
		if v {
			return int64(1), true
		}
		return int64(0), true
	case *big.Int:
		return bigKey(it.text(v)), true
	case float64:
		if n, ok := intOfFloat(v); ok && math.Trunc(v) == v {
			return it.tryHash(n)
		}
		return v, true
	case Tuple:
		return it.hashTuple(v)
	case *undefined:
		return unitKey("Undefined"), true
	case *List, *Map, view:
		return nil, false
	}
	return v, true
}

// hashTuple writes the hashes of the elements, each with its length, so that equal texts mean equal tuples.
func (it *interp) hashTuple(t Tuple) (any, bool) {
	it.deeper()
	var b strings.Builder
	for _, e := range t {
		h, ok := it.tryHash(e)
		if !ok {
			it.shallower()
			return nil, false
		}
		it.spend(8)
		s := fmt.Sprintf("%T:%v", h, h)
		it.grow(len(s))
		fmt.Fprintf(&b, "%d:%s", len(s), s)
	}
	it.shallower()
	return tupleKey(b.String()), true
}
