package template

// run executes statements until one leaves the loop around them.
func (it *interp) run(body []stmt) control {
	for _, s := range body {
		it.spend(0)
		it.deeper()
		c := s.exec(it)
		it.depth--
		if c != proceed {
			return c
		}
	}
	return proceed
}

func (s *textStmt) exec(it *interp) control {
	it.print(s.text)
	return proceed
}

func (s *outputStmt) exec(it *interp) control {
	it.line = s.line
	it.print(it.text(it.eval(s.x)))
	return proceed
}

func (s *ifStmt) exec(it *interp) control {
	it.line = s.line
	for i, t := range s.tests {
		if truth(it.eval(t)) {
			return it.run(s.bodies[i])
		}
	}
	return it.run(s.otherwise)
}

func (s *loopStmt) exec(*interp) control { return s.control }

func (s *scopeStmt) exec(it *interp) control {
	return it.inScope(it.scope, func() control { return it.run(s.body) })
}

func (s *setStmt) exec(it *interp) control {
	it.line = s.line
	it.assign(&s.target, it.eval(s.x))
	return proceed
}

// assign binds v to t in the current scope.
func (it *interp) assign(t *target, v Value) {
	switch {
	case t.parts != nil:
		it.unpack(t, v)
	case t.attr != "":
		ns, ok := it.lookup(t.name).(*namespace)
		if !ok {
			it.fail(runtimeError, "cannot assign attribute on non-namespace object")
		}
		it.setKey(&ns.attrs, t.attr, v)
	default:
		it.spend(len(it.scope.names) / 8)
		it.scope.set(t.name, v)
	}
}

func (it *interp) unpack(t *target, v Value) {
	it.refuse(v)
	each := it.iterate(v)
	var vals []Value
	for len(vals) <= len(t.parts) {
		e, ok := each()
		if !ok {
			break
		}
		vals = append(vals, e)
	}
	switch {
	case len(vals) < len(t.parts):
		it.fail(valueError, "not enough values to unpack (expected %d, got %d)", len(t.parts), len(vals))
	case len(vals) > len(t.parts):
		it.fail(valueError, "too many values to unpack (expected %d)", len(t.parts))
	}
	for i := range t.parts {
		it.assign(&t.parts[i], vals[i])
	}
}

// block runs the body of a set or filter block and applies its filters to what it printed.
func (it *interp) block(body []stmt, filter expr) (Value, control) {
	text, c := it.capture(func() control {
		return it.inScope(it.scope, func() control { return it.run(body) })
	})
	if filter == nil || c != proceed {
		return text, c
	}
	return it.applyChain(filter, text), c
}

// applyChain evaluates a chain of filters whose innermost operand is text.
func (it *interp) applyChain(filter expr, text Value) Value {
	f, ok := filter.(*filterExpr)
	if !ok {
		return text
	}
	it.deeper()
	v := it.applyChain(f.x, text)
	it.depth--
	it.line = f.line
	return it.filter(f.name, v, it.arguments(&f.args))
}

func (x *blockValue) eval(*interp) Value { return "" }

func (s *setBlockStmt) exec(it *interp) control {
	it.line = s.line
	v, c := it.block(s.body, s.filter)
	if c == proceed {
		it.assign(&s.target, v)
	}
	return c
}

func (s *filterStmt) exec(it *interp) control {
	it.line = s.line
	v, c := it.block(s.body, s.filter)
	if c == proceed {
		it.print(it.text(v))
	}
	return c
}

func (s *withStmt) exec(it *interp) control {
	it.line = s.line
	vals := it.evalAll(s.vals) // seen from outside the block
	return it.inScope(it.scope, func() control {
		for i := range s.targets {
			it.assign(&s.targets[i], vals[i])
		}
		return it.run(s.body)
	})
}

func (s *macroStmt) exec(it *interp) control {
	it.scope.set(s.def.name, &macro{s.def, s.def.name, it.scope})
	return proceed
}

func (s *callStmt) exec(it *interp) control {
	it.line = s.line
	fn := it.eval(s.call.fn)
	a := it.arguments(&s.call.args)
	a.named = append(a.named, named{"caller", &macro{def: s.def, scope: it.scope}})
	it.line = s.call.line
	it.print(it.text(it.call(fn, a)))
	return proceed
}

func (s *forStmt) exec(it *interp) control {
	it.line = s.line
	return it.loop(s, it.eval(s.iter), it.scope, 0)
}

// loop runs a for statement over v in a scope inside outer; depth counts its recursions.
func (it *interp) loop(s *forStmt, v Value, outer *scope, depth int) control {
	l := &loopValue{stmt: s, scope: outer, depth0: depth, index0: -1, size: -1}
	if s.test == nil {
		if n, ok := length(v); ok {
			l.size = n
		}
	}
	l.next = it.filtered(s, it.iterate(v), outer)
	completed := false
	for {
		item, ok := l.advance()
		if !ok {
			break
		}
		it.spend(0)
		c := it.inScope(outer, func() control {
			it.scope.set("loop", l)
			it.assign(&s.target, item)
			return it.run(s.body)
		})
		if c == breakLoop {
			break
		}
		// As in the reference, a loop whose every round ended early counts as one that had no rounds.
		completed = completed || c == proceed
	}
	if completed || s.otherwise == nil {
		return proceed
	}
	return it.inScope(outer, func() control { return it.run(s.otherwise) })
}

// filtered skips the items for which the test of a for statement is false, as late as the loop asks for them.
func (it *interp) filtered(s *forStmt, items next, outer *scope) next {
	if s.test == nil {
		return items
	}
	return func() (Value, bool) {
		for {
			item, ok := items()
			if !ok {
				return nil, false
			}
			keep := false
			it.inScope(outer, func() control {
				it.assign(&s.target, item)
				keep = truth(it.eval(s.test))
				return proceed
			})
			if keep {
				return item, true
			}
		}
	}
}

// loopValue is the variable named loop inside a for statement.
type loopValue struct {
	stmt   *forStmt
	scope  *scope
	depth0 int
	index0 int
	size   int // -1 until known
	next   next

	before, current Value
	peeked          bool
	after           Value
	hasAfter        bool
	changed         Value // what the last call of changed was given
}

// advance moves to the next item.
func (l *loopValue) advance() (Value, bool) {
	v, ok := l.peek()
	if !ok {
		return nil, false
	}
	l.peeked = false
	l.index0++
	l.before, l.current = l.current, v
	return v, true
}

// peek is the item after the current one.
func (l *loopValue) peek() (Value, bool) {
	if !l.peeked {
		l.after, l.hasAfter = l.next()
		l.peeked = true
	}
	return l.after, l.hasAfter
}

// length counts the items, which reads those to come if the iterable cannot tell.
func (l *loopValue) length(it *interp) int {
	if l.size >= 0 {
		return l.size
	}
	var ahead []Value
	for {
		v, ok := l.peek()
		if !ok {
			break
		}
		it.grow(cellBytes)
		ahead = append(ahead, v)
		l.peeked = false
	}
	l.peeked = false
	l.next = listNext(&List{ahead})
	l.size = l.index0 + 1 + len(ahead)
	return l.size
}
