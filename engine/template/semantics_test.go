package template

import (
	"errors"
	"os"
	"slices"
	"testing"
)

// TestSemantics runs small templates whose results come from Jinja2 itself (testdata/semantics.py).
func TestSemantics(t *testing.T) {
	data, err := os.ReadFile("testdata/semantics.json")
	if err != nil {
		t.Fatal(err)
	}
	file := decodeMap(t, data)
	vars, _ := file.Lookup("vars")
	cases, _ := file.Lookup("cases")
	list, ok := cases.(*List)
	if !ok || len(list.Items) < 900 {
		t.Fatal("cases are missing")
	}
	for _, v := range list.Items {
		c, _ := v.(*Map)
		src, _ := lookupText(c, "src")
		want, renders := lookupText(c, "output")
		kind, _ := lookupText(c, "error")
		message, _ := lookupText(c, "message")
		input, _ := vars.(*Map)
		got, err := renderText(src, input)
		switch {
		case renders && err != nil:
			t.Errorf("%s: %v, want %q", src, err, want)
		case renders && got != want:
			t.Errorf("%s: got %q, want %q", src, got, want)
		case !renders && err == nil:
			t.Errorf("%s: got %q, want %s: %s", src, got, kind, message)
		case !renders && !isKind(err, kind):
			t.Errorf("%s: got %v, want %s: %s", src, err, kind, message)
		}
	}
}

func decodeMap(t *testing.T, data []byte) *Map {
	t.Helper()
	v, err := DecodeJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	m, ok := v.(*Map)
	if !ok {
		t.Fatal("not an object")
	}
	return m
}

func renderText(src string, vars *Map) (string, error) {
	tmpl, err := Parse(src)
	if err != nil {
		return "", err
	}
	return tmpl.Render(vars, Options{Now: judgeNow})
}

// isKind reports whether err is what Python calls kind; a source that is refused is not told apart further. Unknown
// filters and tests, which the reference may find when it compiles, are found here when they are reached.
func isKind(err error, kind string) bool {
	if e, ok := errors.AsType[*RuntimeError](err); ok {
		return e.Kind == kind || e.Kind == runtimeError && kind == "TemplateAssertionError"
	}
	if _, ok := errors.AsType[*RaisedError](err); ok {
		return kind == "TemplateError"
	}
	_, ok := errors.AsType[*SyntaxError](err)
	return ok && slices.Contains([]string{"TemplateSyntaxError", "TemplateAssertionError", "SyntaxError"}, kind)
}
