package template

import (
	"fmt"

	"github.com/weir-project/weir/internal/fault"
)

// SyntaxError says that a template's source is not in the subset, and where.
type SyntaxError struct {
	Line    int // 1 based
	Message string
}

// Error gives the line and what was expected there.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("template line %d: %s", e.Line, e.Message)
}

// RaisedError is a template's own refusal of its input, made with raise_exception. Message is written by the model's
// makers for whoever wrote the conversation ("roles must alternate"), and should reach that person unchanged.
type RaisedError struct {
	Line    int
	Message string
}

// Error gives the template's message with the line that raised it.
func (e *RaisedError) Error() string {
	return fmt.Sprintf("template line %d refused the input: %s", e.Line, e.Message)
}

// RuntimeError is an operation that has no meaning for the values it met, such as text plus a list.
type RuntimeError struct {
	Line    int
	Kind    string // name of the exception in Python: TypeError, UndefinedError, …
	Message string
}

// Error gives line, kind and message.
func (e *RuntimeError) Error() string {
	return fmt.Sprintf("template line %d: %s: %s", e.Line, e.Kind, e.Message)
}

// LimitError says that rendering was stopped because it went past a bound of Options.
type LimitError struct {
	Line int
	What string // "steps", "bytes" or "depth"
	Max  int64
}

// Error names the bound and its value.
func (e *LimitError) Error() string {
	return fmt.Sprintf("template line %d: more than %d %s", e.Line, e.Max, e.What)
}

// failure carries an error up to the exported function that was called. Any operation on any value can fail, as it
// can in Python, so evaluation unwinds by panic like text/template does; other panics pass through.
type failure struct{ err error }

// failed turns what recover returned into an error of kind fault.Invalid, or keeps err if there was no panic.
func failed(recovered any, err error) error {
	if recovered == nil {
		return err
	}
	if f, ok := recovered.(failure); ok {
		return fault.As(fault.Invalid, f.err)
	}
	panic(recovered)
}

// Kinds of RuntimeError, named as in Python.
const (
	typeError      = "TypeError"
	valueError     = "ValueError"
	undefinedError = "UndefinedError"
	indexError     = "IndexError"
	keyError       = "KeyError"
	overflowError  = "OverflowError"
	zeroDivision   = "ZeroDivisionError"
	filterError    = "FilterArgumentError"
	runtimeError   = "TemplateRuntimeError"
	attributeError = "AttributeError"
)
