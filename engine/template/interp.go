package template

import (
	"fmt"
	"strings"
	"time"
)

// Options bound a rendering and give it the time. Zero values mean the defaults.
type Options struct {
	// Now is what strftime_now formats, in its own location. Zero prints as the year 1.
	Now time.Time
	// MaxSteps bounds the work: about one step per node evaluated, and one per 64 bytes scanned. Default 20 million:
	// some two seconds.
	MaxSteps int64
	// MaxBytes bounds the text and list cells made on the way to the result, and so memory. Default 128 MiB.
	MaxBytes int64
	// MaxDepth bounds nested evaluation, macro calls and the depth of values. Default 5000.
	MaxDepth int
}

const (
	defaultSteps = 20_000_000
	defaultBytes = 128 << 20
	defaultDepth = 5000
	// cellBytes is what one element of a list or dict is counted as.
	cellBytes = 16
	// maxMessage bounds the bytes of a RuntimeError's message, which may quote values.
	maxMessage = 500
	// scanBytes is how much text one step scans.
	scanBytes = 64
)

// Render runs the template over vars, which may be nil, and returns the text. Names that vars lacks are undefined.
// A template may change the lists in vars. The error wraps a *RaisedError, *RuntimeError or
// *LimitError and is of kind fault.Invalid.
func (t *Template) Render(vars *Map, opt Options) (text string, err error) {
	it := newInterp(vars, opt)
	defer func() { err = failed(recover(), err) }()
	it.run(t.body)
	return it.out.String(), nil
}

// interp is the state of one rendering.
type interp struct {
	opt   Options
	lib   *library
	vars  *Map
	scope *scope
	out   *strings.Builder // what is being printed to: the result, or the body of a macro or block
	steps int64            // left
	bytes int64            // left
	depth int              // in use
	line  int              // of the statement or call in progress
}

func newInterp(vars *Map, opt Options) *interp {
	if opt.MaxSteps <= 0 {
		opt.MaxSteps = defaultSteps
	}
	if opt.MaxBytes <= 0 {
		opt.MaxBytes = defaultBytes
	}
	if opt.MaxDepth <= 0 {
		opt.MaxDepth = defaultDepth
	}
	if vars == nil {
		vars = &Map{}
	}
	return &interp{
		opt: opt, lib: &builtins, vars: vars, scope: &scope{}, out: &strings.Builder{},
		steps: opt.MaxSteps, bytes: opt.MaxBytes,
	}
}

// fail ends the rendering with a RuntimeError.
func (it *interp) fail(kind, format string, a ...any) {
	message := fmt.Sprintf(format, a...)
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "") + "…"
	}
	panic(failure{&RuntimeError{Line: it.line, Kind: kind, Message: message}})
}

// refuse fails if v is undefined: most operations on it must not be reported as a type error.
func (it *interp) refuse(v Value) {
	if u, ok := v.(*undefined); ok {
		it.fail(undefinedError, "%s", u.message())
	}
}

// spend takes n steps, and always at least one.
func (it *interp) spend(n int) {
	it.steps -= int64(n) + 1
	if it.steps < 0 {
		panic(failure{&LimitError{Line: it.line, What: "steps", Max: it.opt.MaxSteps}})
	}
}

// scan takes the steps for going over s once.
func (it *interp) scan(s string) { it.spend(len(s) / scanBytes) }

// grow takes n bytes. Call it before making what needs them.
func (it *interp) grow(n int) {
	it.bytes -= int64(n)
	if it.bytes < 0 || n < 0 {
		panic(failure{&LimitError{Line: it.line, What: "bytes", Max: it.opt.MaxBytes}})
	}
}

// growTimes takes n*size bytes, whose product may overflow.
func (it *interp) growTimes(n, size int) {
	if n > 0 && size > 0 {
		if int64(n) > it.bytes/int64(size) {
			it.grow(-1)
		}
		it.grow(n * size)
	}
}

// deeper enters one level of nesting; shallower leaves it. A failure unwinds everything, so needs no shallower.
func (it *interp) deeper() {
	it.depth++
	if it.depth > it.opt.MaxDepth {
		panic(failure{&LimitError{Line: it.line, What: "depth", Max: int64(it.opt.MaxDepth)}})
	}
}

func (it *interp) shallower() { it.depth-- }

// print writes to the current output.
func (it *interp) print(s string) {
	it.grow(len(s))
	it.out.WriteString(s)
}

// capture runs body and returns what it printed.
func (it *interp) capture(body func() control) (string, control) {
	outer := it.out
	it.out = &strings.Builder{}
	c := body()
	s := it.out.String()
	it.out = outer
	return s, c
}

// scope holds the variables set in one block; blocks see those around them.
type scope struct {
	names []string
	vals  []Value
	outer *scope
}

// set sets a variable of this scope. Few are set, so they are searched one by one; lookup charges for more.
func (s *scope) set(name string, v Value) {
	for i, n := range s.names {
		if n == name {
			s.vals[i] = v
			return
		}
	}
	s.names = append(s.names, name)
	s.vals = append(s.vals, v)
}

// inScope runs body with a new scope inside outer.
func (it *interp) inScope(outer *scope, body func() control) control {
	saved := it.scope
	it.scope = &scope{outer: outer}
	c := body()
	it.scope = saved
	return c
}

// lookup finds a variable: in the blocks around, then in what the caller gave, then among the globals.
func (it *interp) lookup(name string) Value {
	for s := it.scope; s != nil; s = s.outer {
		if n := len(s.names) / 8; n > 0 {
			it.spend(n)
		}
		for i, n := range s.names {
			if n == name {
				return s.vals[i]
			}
		}
	}
	if v, ok := it.vars.Lookup(name); ok {
		return v
	}
	if f, ok := it.lib.globals[name]; ok {
		return f
	}
	return &undefined{name: name, hint: quote(name) + " is undefined"}
}
