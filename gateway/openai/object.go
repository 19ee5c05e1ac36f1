package openai

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// object is a JSON object being read field by field. The first error stays.
type object struct {
	path   string // before the names of fields, "messages[2]." for instance
	fields map[string]json.RawMessage
	err    *Error
}

// parse reads the outermost object of a request.
func parse(body []byte) *object {
	o := &object{}
	switch {
	case len(bytes.TrimSpace(body)) == 0:
		o.err = invalid("", "the body is empty: want a JSON object")
	case !utf8.Valid(body):
		o.err = invalid("", "the body is not UTF-8: byte %d begins no character", firstBad(body))
	default:
		if err := json.Unmarshal(body, &o.fields); err != nil {
			o.err = invalid("", "%s", complain(err, body))
		}
	}
	return o
}

// firstBad is the offset of the first byte that is not part of UTF-8 text.
func firstBad(b []byte) int {
	at := 0
	for at < len(b) {
		r, n := utf8.DecodeRune(b[at:])
		if r == utf8.RuneError && n <= 1 {
			break
		}
		at += n
	}
	return at
}

// complain says where a body stops being a JSON object.
func complain(err error, body []byte) string {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("the body is not JSON: %s at byte %d", strings.TrimPrefix(syntax.Error(), "json: "), syntax.Offset)
	}
	return "the body is " + kindOf(body) + ": want a JSON object"
}

// kindOf names the type of a JSON value.
func kindOf(raw []byte) string {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return "nothing"
	}
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	const shown = 24
	if len(raw) > shown {
		return "the number " + string(raw[:shown]) + "…"
	}
	return "the number " + string(raw)
}

func (o *object) fail(name, format string, args ...any) {
	if o.err == nil {
		o.err = invalid(o.path+name, format, args...)
	}
}

func (o *object) refuse(name, format string, args ...any) {
	if o.err == nil {
		o.err = unsupported(o.path+name, format, args...)
	}
}

// raw returns a field that is there and not null.
func (o *object) raw(name string) (json.RawMessage, bool) {
	raw, ok := o.fields[name]
	if o.err != nil || !ok || string(raw) == "null" {
		return nil, false
	}
	return raw, true
}

// take reads a field of a simple type. want names the type in words.
func take[T any](o *object, name, want string) (v T, ok bool) {
	raw, ok := o.raw(name)
	if !ok {
		return v, false
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		o.fail(name, "want %s, got %s", want, kindOf(raw))
		var zero T
		return zero, false
	}
	return v, true
}

func (o *object) text(name string) string {
	s, _ := take[string](o, name, "a string")
	return s
}

func (o *object) flag(name string) bool {
	b, _ := take[bool](o, name, "true or false")
	return b
}

// number reads a number between two bounds; absent is fallback.
func (o *object) number(name string, low, high, fallback float64) float64 {
	v, ok := take[float64](o, name, "a number")
	if !ok {
		return fallback
	}
	if v < low || v > high {
		o.fail(name, "%v is out of range: want %v to %v", v, low, high)
	}
	return v
}

// integer reads a whole number between two bounds; absent is fallback.
func (o *object) integer(name string, low, high, fallback int64) int64 {
	v, ok := take[int64](o, name, "a whole number")
	if !ok {
		return fallback
	}
	if v < low || v > high {
		o.fail(name, "%d is out of range: want %d to %d", v, low, high)
	}
	return v
}

// list reads an array whose elements are read later.
func (o *object) list(name string) []json.RawMessage {
	l, _ := take[[]json.RawMessage](o, name, "an array")
	return l
}

// inner reads an object inside this one; absent is nil.
func (o *object) inner(name string) *object {
	fields, ok := take[map[string]json.RawMessage](o, name, "an object")
	if !ok {
		return nil
	}
	return &object{path: o.path + name + ".", fields: fields}
}

// element reads the i-th element of a list as an object.
func (o *object) element(name string, i int, raw json.RawMessage) *object {
	at := fmt.Sprintf("%s[%d]", name, i)
	e := &object{path: o.path + at + "."}
	if err := json.Unmarshal(raw, &e.fields); err != nil || e.fields == nil {
		o.fail(at, "want an object, got %s", kindOf(raw))
		return nil
	}
	return e
}

// join takes over the error of an object inside.
func (o *object) join(inner *object) {
	if o.err == nil && inner != nil {
		o.err = inner.err
	}
}

// only refuses fields beside the known ones.
func (o *object) only(known ...string) {
	for _, name := range slices.Sorted(maps.Keys(o.fields)) {
		if !slices.Contains(known, name) {
			o.fail(name, "unknown field: want one of %s", strings.Join(known, ", "))
		}
	}
}
