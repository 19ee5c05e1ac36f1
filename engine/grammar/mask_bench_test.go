package grammar

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/weir-project/weir/engine/sample"
)

// syntheticVocabulary has n tokens in about the mix of a real one: all bytes, words with and
// without a leading space, numbers, runs of punctuation and space, and other scripts.
func syntheticVocabulary(n int) *Vocabulary {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(set string, least, most int) string {
		runes := []rune(set)
		var out []rune
		for range least + r.IntN(most-least+1) {
			out = append(out, runes[r.IntN(len(runes))])
		}
		return string(out)
	}
	const letters = "eeeetttaaaoooiiinnnssshhhrrrdlcumwfgypbvk"
	var tokens []string
	for b := range 256 {
		tokens = append(tokens, string([]byte{byte(b)}))
	}
	for len(tokens) < n {
		switch k := r.IntN(100); {
		case k < 40:
			tokens = append(tokens, " "+pick(letters, 2, 9))
		case k < 70:
			tokens = append(tokens, pick(letters, 2, 10))
		case k < 75:
			tokens = append(tokens, pick("0123456789", 1, 3))
		case k < 85:
			tokens = append(tokens, pick("\"{}[]:,.\\/-_ \n\t()<>=;", 2, 5))
		default:
			tokens = append(tokens, pick("的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经", 1, 3))
		}
	}
	return newVocabulary(tokens, []int32{int32(n)})
}

// BenchmarkMask walks texts byte by byte and computes the mask of each new set, at 100,000
// tokens. It reports percentiles of the time of one mask, cached ones left out (miss) and
// counted (all).
func BenchmarkMask(b *testing.B) {
	v := syntheticVocabulary(100_000)
	schema := `{"type":"object","properties":{"name":{"type":"string","maxLength":40},"id":{"type":"string","format":"uuid"},
		"when":{"type":"string","format":"date-time"},"kind":{"enum":["alpha","beta","gamma"]},"count":{"type":"integer","minimum":3,"maximum":5000},
		"code":{"type":"string","pattern":"^[a-z]+-[0-9]{2,4}$"},"tags":{"type":"array","items":{"type":"string"}},"note":{}},"required":["name","id"]}`
	text := `{"name":"The quick brown fox","id":"01234567-89ab-cdef-0123-456789abcdef","when":"2026-11-25T10:00:00Z","kind":"beta","count":412,` +
		`"code":"abcdef-123","tags":["one","two, three"],"note":{"free":[1,2.5,"text with \"quotes\" in it"]},"extra":true}`
	mask := make(sample.Mask, (len(v.tokens)+63)/64)
	var missed, all []time.Duration
	for b.Loop() {
		g, err := CompileSchema([]byte(schema))
		if err != nil {
			b.Fatal(err)
		}
		m := NewMatcher(g, v)
		for i := range text {
			_, cached := g.sets.masks[m.at]
			start := time.Now()
			m.Mask(mask)
			took := time.Since(start)
			if all = append(all, took); !cached {
				missed = append(missed, took)
			}
			if m.at = g.sets.step(m.at, text[i]); m.at == nowhere {
				b.Fatalf("refused at byte %d of %s", i, text)
			}
		}
	}
	for name, times := range map[string][]time.Duration{"miss": missed, "all": all} {
		slices.Sort(times)
		for _, p := range []int{50, 99} {
			b.ReportMetric(float64(times[len(times)*p/100].Nanoseconds())/1e3, fmt.Sprintf("%s-p%d-µs", name, p))
		}
	}
}

// TestMaskTablesAreExact compares masks that come from tables with trying every token, inside
// bounded and endless strings and where keys begin.
func TestMaskTablesAreExact(t *testing.T) {
	v := syntheticVocabulary(3000)
	g := compile(t, `{"type":"object","properties":{"name":{"type":"string","maxLength":4},"note":{"type":"string","minLength":3},"code":{"type":"string","pattern":"^a.*$"}}}`)
	for _, prefix := range []string{`{"`, `{"n`, `{"na`, `{"name":"`, `{"name":"ab`, `{"name":"abcd`, `{"note":"`, `{"note":"abc`, `{"code":"`, `{"code":"a`, `{"x`, `{"x":`} {
		m := NewMatcher(g, v)
		for _, b := range []byte(prefix) {
			m.at = g.sets.step(m.at, b)
		}
		mask := make(sample.Mask, (len(v.tokens)+63)/64)
		m.Mask(mask)
		for id, text := range v.tokens {
			want := (&Matcher{g: g, v: v, at: m.at}).Accept(int32(id)) == nil
			if mask.Allows(int32(id)) != want {
				t.Fatalf("after %s token %q allowed: %v, want %v", prefix, text, !want, want)
			}
		}
	}
}

// TestKeywords judges what the resolution to shapes adds, a line a case.
func TestKeywords(t *testing.T) {
	f := func(schema string, yes, no string) {
		t.Helper()
		g := compile(t, schema)
		for want, values := range map[bool]string{true: yes, false: no} {
			list, err := decode([]byte("[" + values + "]"))
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range list.([]any) {
				text := appendValue(nil, v)
				if ok, err := g.AcceptsValue(text); ok != want || err != nil {
					t.Errorf("%s on %s: %v, %v; want %v", schema, text, ok, err, want)
				}
			}
		}
	}
	f(`{"allOf":[{"minimum":-2.5},{"exclusiveMaximum":10}]}`, `-2.5, 0, 9.99, "x"`, `-2.51, 10, 11`)
	f(`{"type":"integer","multipleOf":7,"minimum":20}`, `21, 700`, `14, 22, -21`)
	f(`{"type":"number","multipleOf":0.25}`, `0.25, 1.5, -3`, `0.3, 1.125`)
	f(`{"type":"string","pattern":"^[a-z]+$","maxLength":3}`, `"a", "abc"`, `"abcd", "A", ""`)
	f(`{"type":"string","pattern":"^(?!ab).*z$"}`, `"az", "z"`, `"abz", "a"`)
	f(`{"type":"string","not":{"enum":["a","b"]}}`, `"c", ""`, `"a", "b", 1`)
	f(`{"oneOf":[{"type":"integer"},{"minimum":5}]}`, `1, 5.5, "x"`, `6, 1.5`)
	f(`{"type":"object","properties":{"k":{"const":1}},"patternProperties":{"^x":{"type":"null"}},"additionalProperties":{"type":"string"}}`,
		`{"x":null,"k":1}, {"other":"s"}`, `{"k":2}, {"x1":"s"}, {"other":1}`)
	f(`{"type":"object","not":{"additionalProperties":{"type":"string"}}}`, `{"a":1}, {"a":"s","b":null}`, `{}, {"a":"s"}`)
	f(`{"type":"object","dependentRequired":{"a":["b"]}}`, `{}, {"b":1}, {"a":1,"b":2}`, `{"a":1}`)
	f(`{"type":"object","propertyNames":{"maxLength":2},"maxProperties":2}`, `{"ab":1}`, `{"abc":1}, {"a":1,"b":1,"c":1}`)
	f(`{"type":"array","contains":{"type":"null"},"maxContains":1}`, `[null], [1,null,2]`, `[], [1], [null,null]`)
	f(`{"if":{"properties":{"t":{"const":"n"}},"required":["t"]},"then":{"required":["v"]},"else":{"required":["w"]},"type":"object"}`,
		`{"t":"n","v":1}, {"w":1}, {"t":"m","w":1}`, `{"t":"n"}, {"t":"m","v":1}, {}`)
	f(`{"format":"date"}`, `"2024-02-29", 5`, `"2023-02-29", "2024-13-01"`)
	f(`{"format":"ipv6"}`, `"::1", "fe80::1:2"`, `"1::2::3", "12345::"`)
	f(`{"$schema":"http://json-schema.org/draft-04/schema#","minimum":1,"exclusiveMinimum":true,"const":7}`, `1.5`, `1`)
}
