package template

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzRender feeds arbitrary sources and variables: nothing may panic, and what renders stays within the limits.
func FuzzRender(f *testing.F) {
	sources, _ := filepath.Glob(filepath.Join("testdata", "oracle", "*.jinja"))
	for _, path := range sources {
		src, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(src), []byte(`{"messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":{}}}]}],"tools":[{"function":{"name":"f","parameters":{}}}]}`))
	}
	data, err := os.ReadFile("testdata/semantics.json")
	if err != nil {
		f.Fatal(err)
	}
	v, err := DecodeJSON(data)
	if err != nil {
		f.Fatal(err)
	}
	file, _ := v.(*Map)
	cases, _ := file.Lookup("cases")
	list, _ := cases.(*List)
	for i, c := range list.Items {
		if m, ok := c.(*Map); ok && i%4 == 0 { // enough to start from
			src, _ := lookupText(m, "src")
			f.Add(src, []byte(`{"l":[3,1,2],"s":"text","d":{"b":1,"a":[null,true,1.5]},"users":[{"name":"A","age":3}]}`))
		}
	}
	f.Fuzz(func(t *testing.T, src string, vars []byte) {
		tmpl, err := Parse(src)
		if err != nil {
			if _, ok := errors.AsType[*SyntaxError](err); !ok {
				t.Fatalf("unexpected kind of error: %v", err)
			}
			return
		}
		v, _ := DecodeJSON(vars)
		m, _ := v.(*Map)
		const bytes = 1 << 20
		text, err := tmpl.Render(m, Options{MaxSteps: 100_000, MaxBytes: bytes})
		if len(text) > bytes || !utf8.ValidString(text) || err != nil && text != "" {
			t.Fatalf("%d bytes, valid %v, error %v", len(text), utf8.ValidString(text), err)
		}
	})
}

// FuzzDecodeJSON checks that what is read can be written and read again.
func FuzzDecodeJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5,"x\u00e9",null,true]}`, `[[[]]]`, `"\ud83d\ude00"`, `1e400`, `-0`, "\"\xff\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := DecodeJSON(data)
		if err != nil {
			return
		}
		it := newInterp(nil, Options{})
		e := &encoder{writer: writer{it: it}, item: ",", key: ":"}
		e.value(v, 0)
		if strings.Contains(e.String(), "Infinity") {
			return // what Python writes for a float out of range is not JSON
		}
		again, err := DecodeJSON([]byte(e.String()))
		if err != nil {
			t.Fatal(err)
		}
		if !it.equal(v, again) {
			t.Fatalf("%q became %q", data, e.String())
		}
	})
}
