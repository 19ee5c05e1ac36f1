package grammar

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/weir-project/weir/engine/gguf"
	"github.com/weir-project/weir/engine/sample"
	"github.com/weir-project/weir/engine/token"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/internal/testkit"
	"pgregory.net/rapid"
)

func compile(t testing.TB, schema string) *Grammar {
	t.Helper()
	g, err := CompileSchema([]byte(schema))
	if err != nil {
		t.Fatalf("%s: %v", schema, err)
	}
	return g
}

func TestAccepts(t *testing.T) {
	f := func(schema string, yes, no []string) {
		t.Helper()
		g := compile(t, schema)
		for _, text := range yes {
			if ok, at := g.Accepts([]byte(text)); !ok {
				t.Errorf("%s refuses %s at byte %d", schema, text, at)
			}
		}
		for _, text := range no {
			if ok, _ := g.Accepts([]byte(text)); ok {
				t.Errorf("%s accepts %s", schema, text)
			}
		}
	}
	f(`{"type":"integer"}`, []string{"0", "-12", "7"}, []string{"01", "1.5", "-", "", "1 ", "true"})
	f(`{"type":"integer","minimum":1}`, []string{"1", "10"}, []string{"0", "-1", "01"})
	f(`{"type":"number","minimum":0}`, []string{"0", "1.5", "-0"}, []string{"-1", ".5", "1.", "-0.1"})
	f(`{"type":"string","minLength":1,"maxLength":2}`, []string{`"a"`, `"堰x"`, `"\n\u00e9"`}, []string{`""`, `"abc"`, `"`, "\"\xff\""})
	f(`{"type":"string"}`, []string{`"\ud7ff"`, `"\"\\"`, `"😀"`}, []string{`"\ud800"`, "\"\n\"", `"\x"`, "\"\xed\xa0\x80\""})
	f(`{"enum":["a\"b",3,null,{"x":[1]}]}`, []string{`"a\"b"`, "3", "null", `{"x":[1]}`}, []string{"4", `"a"`})
	f(`{"enum":["a",null],"type":"string"}`, []string{`"a"`}, []string{"null"})
	f(`{"type":["string","null"],"maxLength":1}`, []string{`"a"`, "null"}, []string{`"ab"`})
	f(`{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"null"},"c":{"type":"boolean"}},"required":["b"]}`,
		[]string{`{"b":null}`, `{"a":1,"b":null}`, `{"a": 1, "b": null, "c": true}`, `{"b":null,"c":false}`},
		[]string{`{}`, `{"a":1}`, `{"b":null,"a":1}`, `{,"b":null}`, `{"b":null,}`, `{"a":1 "b":null}`})
	f(`{"properties":{"a":{},"b":{}}}`, []string{`{}`, `{"b":[{"x":1}]}`, `{"a":"x","b":2}`, `{"c":1}`, `7`}, []string{`{"c":1,"a":2}`, `{"a":}`})
	f(`{"type":"object","additionalProperties":{"type":"integer"}}`, []string{`{}`, `{"x":1,"y":2}`}, []string{`{"x":"1"}`})
	f(`{"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":3}`, []string{"[1]", "[1,2, 3]"}, []string{"[]", "[1,2,3,4]", "[1,]"})
	f(`{"type":"array","items":{"type":"integer"},"minItems":2}`, []string{"[1,2]", "[1,2,3,4,5]"}, []string{"[]", "[1]"})
	f(`{"type":"array","prefixItems":[{"type":"null"}],"items":{"type":"integer"}}`, []string{"[]", "[null]", "[null,4,5]"}, []string{"[4]", "[null,null]"})
	f(`{"anyOf":[{"type":"integer"},{"type":"string","maxLength":1}]}`, []string{"5", `"x"`}, []string{`"xy"`, "null"})
	f(`{"$ref":"#/$defs/tree","$defs":{"tree":{"type":"object","properties":{"left":{"anyOf":[{"$ref":"#/$defs/tree"},{"type":"null"}]}},"required":["left"]}}}`,
		[]string{`{"left":null}`, `{"left":{"left":{"left":null}}}`}, []string{`{"left":{}}`, `{"left":{"left":null}`})
	f(`{"type":"string","pattern":"^\\d{4}-\\d{2}$"}`, []string{`"2026-11"`}, []string{`"2026-1"`, `"x2026-11"`, `"2026-111"`})
	f(`{"type":"string","pattern":"b|é+"}`, []string{`"abc"`, `"éé"`, `"b"`}, []string{`"ac"`, `""`})
	f(`true`, []string{`[1,{"a":null}]`, "1.5e3", `"x"`}, []string{"[1", "nul"})
}

func TestRefusesByName(t *testing.T) {
	f := func(schema, want string) {
		t.Helper()
		_, err := CompileSchema([]byte(schema))
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an invalid-request error with %q", schema, err, want)
		}
	}
	f(`{`, "not JSON")
	f(`{"type":"integer","multipleOf":1234567}`, "multipleOf")
	f(`{"type":"colour"}`, "type colour")
	f(`{"unevaluatedProperties":false}`, `"unevaluatedProperties"`)
	f(`{"type":"array","uniqueItems":true}`, "uniqueItems")
	f(`{"properties":{"a":{"format":"iri"}}}`, `"iri"`)
	f(`{"properties":{"a":{"required":true}}}`, "required")
	f(`{"type":"object","minProperties":2}`, "minProperties 2")
	f(`{"not":{"if":{},"then":{}}}`, `"if"`)
	f(`{"$ref":"https://example.org/x"}`, "within the document")
	f(`{"$ref":"#/$defs/none"}`, "points nowhere")
	f(`{"$ref":"#"}`, "refers to itself")
	f(`false`, "no text satisfies")
	f(`{"type":"string","maxLength":99999999}`, "maxLength")
	f(`{"type":"string","pattern":"(a"}`, "pattern")
	f(`{"type":"string","pattern":"a(?<=b)"}`, "behind")
	f(`{"type":"string","pattern":"(a)\\1"}`, "back references")
	f(strings.Repeat(`{"items":`, 150)+"{}"+strings.Repeat("}", 150), "nested deeper")
	f(strings.Repeat("[", 100000), "nested deeper")
}

// TestRunes compares byte sequences with the definition, code point by code point.
func TestRunes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lo := rune(rapid.IntRange(0, 0x10ffff).Draw(t, "lo"))
		hi := rune(rapid.IntRange(int(lo), 0x10ffff).Draw(t, "hi"))
		n := newNetwork()
		from, to := n.state(), n.state()
		n.final[to] = true
		n.runes(from, to, lo, hi)
		g := &Grammar{network: *n, start: from, sets: newSets(n, from)}
		for _, r := range []rune{lo, hi, lo - 1, hi + 1, (lo + hi) / 2, rune(rapid.IntRange(0, 0x10ffff).Draw(t, "r"))} {
			if r < 0 || r > 0x10ffff || r >= 0xd800 && r <= 0xdfff {
				continue
			}
			if ok, _ := g.Accepts([]byte(string(r))); ok != (r >= lo && r <= hi) {
				t.Fatalf("range %x-%x: %x accepted: %v", lo, hi, r, ok)
			}
		}
	})
}

func vocabulary(t testing.TB) (*token.Tokenizer, *Vocabulary) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "parity", "testdata", "llama-f32.gguf"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := token.FromKV(f)
	if err != nil {
		t.Fatal(err)
	}
	return tok, NewVocabulary(tok)
}

// TestRandomGenerationIsValid lets dice choose among the allowed tokens: whatever they say
// must be what the schema says.
func TestRandomGenerationIsValid(t *testing.T) {
	_, v := vocabulary(t)
	g := compile(t, `{"type":"object","properties":{"n":{"type":"integer"},"s":{"type":"string","maxLength":5},
		"l":{"type":"array","items":{"enum":["x","y"]},"maxItems":3},"p":{"type":"string","pattern":"^[a-c]{2}$"}},"required":["n","l","p"]}`)
	whole := regexp.MustCompile(`^\{"n": ?-?(0|[1-9]\d*),`)
	rapid.Check(t, func(t *rapid.T) {
		m := NewMatcher(g, v)
		mask := make(sample.Mask, (len(v.tokens)+63)/64)
		var text []byte
		for step := 0; !m.Done(); step++ {
			clear(mask)
			m.Mask(mask)
			var allowed []int32
			for id := range int32(len(v.tokens)) {
				if mask.Allows(id) {
					allowed = append(allowed, id)
				}
			}
			if len(allowed) == 0 {
				t.Fatalf("stuck after %s", text)
			}
			id := rapid.SampledFrom(allowed).Draw(t, "token")
			if step > 200 { // numbers may go on for ever
				return
			}
			if err := m.Accept(id); err != nil {
				t.Fatal(err)
			}
			text = append(text, v.tokens[id]...)
		}
		if !json.Valid(text) || !whole.Match(text) {
			t.Fatalf("generated %s", text)
		}
	})
}

// TestMaskIsExact compares the trie walk with trying every token.
func TestMaskIsExact(t *testing.T) {
	tok, v := vocabulary(t)
	g := compile(t, `{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"number"}}}`)
	for _, prefix := range []string{"", "{", `{"a":"`, `{"a":"x\`, `{"a":"x","b":1`, `{"a":"x"}`} {
		m := NewMatcher(g, v)
		for _, b := range []byte(prefix) {
			m.at = g.sets.step(m.at, b)
		}
		mask := make(sample.Mask, (len(v.tokens)+63)/64)
		m.Mask(mask)
		for id := range int32(tok.Len()) {
			want := v.tokens[id] != "" && (&Matcher{g: g, v: v, at: m.at}).Accept(id) == nil
			if v.isEnd(id) {
				want = g.sets.list[m.at].final
			}
			if mask.Allows(id) != want {
				t.Errorf("after %s token %q allowed: %v, want %v", prefix, tok.Bytes(id), mask.Allows(id), want)
			}
		}
	}
}

func TestForgettingKeepsTheText(t *testing.T) {
	_, v := vocabulary(t)
	g := compile(t, `true`)
	m := NewMatcher(g, v)
	deep := strings.Repeat(`[{"k":`, 20)
	for _, b := range []byte(deep) {
		m.at = g.sets.step(m.at, b)
	}
	for len(g.sets.list) < setsMax { // crowd the memory out
		g.sets.list = append(g.sets.list, &set{})
	}
	m.Mask(make(sample.Mask, (len(v.tokens)+63)/64))
	for _, b := range []byte(`1` + strings.Repeat(`}]`, 20)) {
		if m.at = g.sets.step(m.at, b); m.at == nowhere {
			t.Fatal("the text was lost")
		}
	}
	if !m.Done() {
		t.Error("the text is whole but the matcher goes on")
	}
}

// TestBenchHasNoFalseAccept runs the schemas of JSONSchemaBench that compile: an invalid
// instance must be refused somewhere.
func TestBenchHasNoFalseAccept(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(testkit.Shared(t, "fixtures/jsonschema"), "bench", "*"))
	compiled, all := 0, 0
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
			var c struct {
				ID     string
				Schema json.RawMessage
				Tests  []struct {
					Valid  bool
					Data   json.RawMessage
					Format bool
				}
			}
			if err := json.Unmarshal([]byte(line), &c); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			all++
			g, err := CompileSchema(c.Schema)
			if err != nil {
				continue
			}
			compiled++
			for _, one := range c.Tests {
				ok, err := g.AcceptsValue(one.Data)
				if err != nil {
					t.Fatal(err)
				}
				if ok && !one.Valid {
					t.Errorf("%s accepts %s", c.ID, one.Data)
				}
			}
		}
	}
	t.Logf("%d of %d schemas compile", compiled, all)
}

func FuzzCompile(f *testing.F) {
	f.Add(`{"type":"object","properties":{"a":{"$ref":"#"}}}`, `{"a":{}}`)
	f.Add(`{"type":"string","pattern":"^(a|b)*$"}`, `"abab"`)
	f.Add(`{"anyOf":[{"$ref":"#"}]}`, `1`)
	f.Fuzz(func(t *testing.T, schema, text string) {
		if len(schema) > 2000 || len(text) > 200 {
			return
		}
		g, err := CompileSchema([]byte(schema))
		if err != nil {
			return
		}
		if ok, _ := g.Accepts([]byte(text)); ok && !json.Valid([]byte(text)) {
			t.Errorf("%s accepts %q, which is not JSON", schema, text)
		}
	})
}
