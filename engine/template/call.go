package template

import (
	"math"
	"slices"
	"strings"
)

// args are the evaluated arguments of a call.
type args struct {
	pos   []Value
	named []named
}

type named struct {
	name string
	v    Value
}

// take removes a named argument and returns it.
func (a *args) take(name string) (Value, bool) {
	i := a.find(name)
	if i < 0 {
		return nil, false
	}
	v := a.named[i].v
	a.named = slices.Delete(slices.Clone(a.named), i, i+1)
	return v, true
}

// find is the position of a named argument, or -1.
func (a *args) find(name string) int {
	return slices.IndexFunc(a.named, func(n named) bool { return n.name == name })
}

// absent marks an optional argument that was not given.
type absentType struct{}

var absent Value = absentType{}

// bind matches arguments with the parameters of a built-in function called name. Each parameter is a word; those
// after "?" may be left out and come back as absent, those before "/" cannot be given by name.
func (it *interp) bind(name, params string, a args) []Value {
	words := strings.Fields(params)
	out := make([]Value, 0, len(words))
	optional, next := false, 0
	positionalOnly := slices.Index(words, "/")
	for i, w := range words {
		switch w {
		case "?":
			optional = true
			continue
		case "/":
			continue
		}
		v, given := Value(nil), false
		if next < len(a.pos) {
			v, given = a.pos[next], true
			next++
		} else if i > positionalOnly {
			v, given = a.take(w)
		}
		if !given {
			if !optional {
				it.fail(typeError, "%s() missing argument %s", name, quote(w))
			}
			v = absent
		}
		out = append(out, v)
	}
	if next < len(a.pos) {
		it.fail(typeError, "%s() takes %d arguments, %d given", name, next, len(a.pos))
	}
	if len(a.named) > 0 {
		it.fail(typeError, "%s() got an unexpected keyword argument %s", name, quote(a.named[0].name))
	}
	return out
}

// arguments evaluates an argument list.
func (it *interp) arguments(x *argExprs) args {
	var a args
	if len(x.pos) > 0 {
		a.pos = it.evalAll(x.pos)
	}
	for i, k := range x.keys {
		a.named = append(a.named, named{k, it.eval(x.vals[i])})
	}
	if x.star != nil {
		a.pos = append(a.pos, it.items(it.eval(x.star))...)
	}
	if x.starStar == nil {
		return a
	}
	m, ok := it.eval(x.starStar).(*Map)
	if !ok {
		it.fail(typeError, "argument after ** must be a mapping")
	}
	for _, e := range m.entries {
		k, ok := e.key.(string)
		if !ok {
			it.fail(typeError, "keywords must be strings")
		}
		if slices.Contains(x.keys, k) {
			it.fail(typeError, "got multiple values for keyword argument %s", quote(k))
		}
		it.grow(2 * cellBytes)
		a.named = append(a.named, named{k, e.val})
	}
	return a
}

func (x *callExpr) eval(it *interp) Value {
	fn := it.eval(x.fn)
	a := it.arguments(&x.args)
	line := it.line
	it.line = x.line
	v := it.call(fn, a)
	it.line = line
	return v
}

// call calls any callable.
func (it *interp) call(fn Value, a args) Value {
	it.spend(len(a.pos) + len(a.named))
	it.deeper()
	defer it.shallower()
	switch fn := fn.(type) {
	case *function:
		return fn.call(it, a)
	case *macro:
		return it.callMacro(fn, a)
	case *loopValue:
		return it.recurse(fn, a)
	}
	it.refuse(fn)
	it.fail(typeError, "%s object is not callable", quote(typeName(fn)))
	return nil
}

// recurse is loop(items): the body of a recursive for statement over other items.
func (it *interp) recurse(l *loopValue, a args) Value {
	items := it.bind("loop", "iterable", a)[0]
	if !l.stmt.recursive {
		it.fail(typeError, "the loop must have the 'recursive' marker to be called recursively")
	}
	text, _ := it.capture(func() control { return it.loop(l.stmt, items, l.scope, l.depth0+1) })
	return text
}

// macro is a macro or call block together with the scope it was defined in.
type macro struct {
	def   *macroDef
	name  string
	scope *scope
}

// callMacro binds arguments as the reference does and returns what the body prints.
func (it *interp) callMacro(m *macro, a args) Value {
	def := m.def
	it.spend(len(def.params) * (len(def.params) + len(a.named)) / 8)
	s := &scope{outer: m.scope}
	n := min(len(a.pos), len(def.params))
	for i, name := range def.params[:n] {
		s.set(name, a.pos[i])
	}
	extra := a.pos[n:]
	var missing []int
	for i, name := range def.params[n:] {
		v, ok := a.take(name)
		if !ok {
			v = &undefined{hint: "parameter " + quote(name) + " was not provided"}
			missing = append(missing, n+i)
		}
		s.set(name, v)
	}
	it.bindImplicit(m, s, &a, extra)
	saved, line := it.scope, it.line
	it.scope = s
	for _, i := range missing { // a default may refer to the parameters before it
		if d := i - (len(def.params) - len(def.defaults)); d >= 0 {
			s.set(def.params[i], it.eval(def.defaults[d]))
		}
	}
	text, _ := it.capture(func() control { return it.run(def.body) })
	it.scope, it.line = saved, line
	return text
}

// bindImplicit binds caller, kwargs and varargs for a macro that mentions them, and refuses what is left over.
func (it *interp) bindImplicit(m *macro, s *scope, a *args, extra []Value) {
	def := m.def
	if def.usesCaller {
		caller, ok := a.take("caller")
		if !ok || caller == nil {
			caller = &undefined{hint: "No caller defined"}
		}
		s.set("caller", caller)
	}
	switch {
	case def.usesKwargs:
		kwargs := &Map{}
		for _, n := range a.named {
			it.setKey(kwargs, n.name, n.v)
		}
		s.set("kwargs", kwargs)
	case len(a.named) > 0:
		it.fail(typeError, "macro %s takes no keyword argument %s", quote(m.name), quote(a.named[0].name))
	}
	switch {
	case def.usesVarargs:
		s.set("varargs", Tuple(extra))
	case len(extra) > 0:
		it.fail(typeError, "macro %s takes not more than %d argument(s)", quote(m.name), len(def.params))
	}
}

// globals are the functions every template can call.
func globals() map[string]*function {
	list := []*function{
		{"range", callRange},
		{"dict", callDict},
		{"namespace", callNamespace},
		{"cycler", callCycler},
		{"joiner", callJoiner},
		{"raise_exception", callRaise},
		{"strftime_now", callStrftimeNow},
	}
	m := make(map[string]*function, len(list))
	for _, f := range list {
		m[f.name] = f
	}
	return m
}

// maxRange bounds the length of a range, as the reference's sandbox does.
const maxRange = 100_000

func callRange(it *interp, a args) Value {
	var n [3]int64
	for i, v := range it.bind("range", "start ? stop step /", a) {
		switch v := v.(type) {
		case absentType:
			n[i] = 1 // only the step is left at this
		case int64:
			n[i] = v
		case bool:
			n[i] = v2int(v)
		default:
			it.refuse(v)
			it.fail(typeError, "%s object cannot be interpreted as an integer", quote(typeName(v)))
		}
		if n[i] > math.MaxInt32 || n[i] < -math.MaxInt32 {
			it.fail(overflowError, "range bound too big")
		}
	}
	r := rangeValue{n[0], n[1], n[2]}
	if len(a.pos) == 1 {
		r = rangeValue{0, n[0], 1}
	}
	if r.step == 0 {
		it.fail(valueError, "range() arg 3 must not be zero")
	}
	if r.len() > maxRange {
		it.fail(overflowError, "range of more than %d items", maxRange)
	}
	return r
}

func v2int(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func callDict(it *interp, a args) Value {
	m := &Map{}
	if len(a.pos) > 1 {
		it.fail(typeError, "dict expected at most 1 argument, got %d", len(a.pos))
	}
	if len(a.pos) == 1 {
		it.update(m, a.pos[0])
	}
	for _, n := range a.named {
		it.setKey(m, n.name, n.v)
	}
	return m
}

// update adds to m the entries of a dict, or of an iterable of pairs.
func (it *interp) update(m *Map, v Value) {
	if from, ok := v.(*Map); ok {
		it.growTimes(from.Len(), 3*cellBytes)
		for _, e := range from.copy().entries {
			m.set(e.hash, e.key, e.val)
		}
		return
	}
	for _, e := range it.items(v) {
		pair := it.items(e)
		if len(pair) != 2 {
			it.fail(valueError, "dictionary update sequence element has length %d; 2 is required", len(pair))
		}
		it.setKey(m, pair[0], pair[1])
	}
}

func callNamespace(it *interp, a args) Value {
	return &namespace{attrs: *callDict(it, a).(*Map)}
}

func callRaise(it *interp, a args) Value {
	msg := it.bind("raise_exception", "message", a)[0]
	panic(failure{&RaisedError{Line: it.line, Message: it.text(msg)}})
}

func callStrftimeNow(it *interp, a args) Value {
	format, ok := it.bind("strftime_now", "format", a)[0].(string)
	if !ok {
		it.fail(typeError, "strftime_now() takes a str")
	}
	return it.strftime(format, it.opt.Now)
}

// callCycler makes an object that goes round its items.
func callCycler(it *interp, a args) Value {
	items := slices.Clone(it.positional("cycler", a))
	if len(items) == 0 {
		it.fail(runtimeError, "at least one item has to be provided")
	}
	pos := 0
	c := &namespace{}
	c.attrs.Set("current", items[0])
	step := func(to int) Value {
		v := items[pos]
		pos = to % len(items)
		c.attrs.Set("current", items[pos])
		return v
	}
	c.attrs.Set("next", &function{"next", func(*interp, args) Value { return step(pos + 1) }})
	c.attrs.Set("reset", &function{"reset", func(*interp, args) Value { step(0); return nil }})
	return c
}

// callJoiner makes a function that returns nothing the first time and a separator after that.
func callJoiner(it *interp, a args) Value {
	sep := it.bind("joiner", "? sep", a)[0]
	if sep == absent {
		sep = ", "
	}
	used := false
	return &function{"joiner", func(*interp, args) Value {
		if !used {
			used = true
			return ""
		}
		return sep
	}}
}

// positional returns the positional arguments and refuses named ones.
func (it *interp) positional(name string, a args) []Value {
	if len(a.named) > 0 {
		it.fail(typeError, "%s() takes no keyword arguments", name)
	}
	return a.pos
}
