package intent

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/weir-project/weir/engine/token"
	"pgregory.net/rapid"
)

// now of the tests is a Wednesday.
var now = time.Date(2026, 3, 4, 9, 20, 0, 0, time.UTC)

// byteVocab is a vocabulary of single bytes, so that every character of more than one byte is cut inside.
func byteVocab(t testing.TB) *Vocab {
	t.Helper()
	v := token.NewVocab("gpt2")
	v.Pre = "qwen2"
	next := rune(256)
	for b := range 256 {
		r := rune(b)
		if b <= ' ' || b >= 0x7f && b <= 0xa0 || b == 0xad {
			r = next
			next++
		}
		v.Tokens = append(v.Tokens, string(r))
		v.Types = append(v.Types, int32(token.Normal))
	}
	for _, s := range Specials() {
		v.Tokens = append(v.Tokens, s)
		v.Types = append(v.Types, int32(token.UserDefined))
	}
	tok, err := token.New(v)
	if err != nil {
		t.Fatal(err)
	}
	vocab, err := NewVocab(tok)
	if err != nil {
		t.Fatal(err)
	}
	return vocab
}

// emit spells a form for the byte vocabulary: words in angle brackets are special, anything else is a span.
func emit(t testing.TB, v *Vocab, form string) []int32 {
	t.Helper()
	var ids []int32
	for form != "" {
		if form[0] == '<' {
			end := strings.IndexByte(form, '>') + 1
			id, ok := v.tok.ID(form[:end])
			if !ok {
				t.Fatalf("no token %s", form[:end])
			}
			ids, form = append(ids, id), form[end:]
			continue
		}
		end := strings.IndexByte(form, '<')
		if end < 0 {
			end = len(form)
		}
		ids, form = v.tok.AppendEncode(ids, form[:end], token.Options{}), form[end:]
	}
	return append(ids, v.eos)
}

func TestResolve(t *testing.T) {
	v := byteVocab(t)
	for _, c := range []struct{ name, wish, form, want string }{
		{
			"the issue's slice", "给三号产线的质检相机开一条上行50兆、时延10毫秒以内、可用性四个9的专线，明早八点到晚六点",
			"<slice><app:inspection><site><num1>号产线<up><rate1><lat><lat1><avail><pct1><iso:dedicated><start><time1><end><time2>",
			`"kind":"slice","application":"inspection","site":"三号产线","uplink_mbps":50,"latency_ms":10,"availability_pct":99.99,"isolation":"dedicated","start":"2026-03-05T08:00","duration_min":600`,
		},
		{
			"the issue's compute", "I need deepseek-r1 distilled 7b near the Hangzhou site for 2 hours, first token under 300 ms, at most 40 cents",
			"<compute><site>hangzhou<dur><dur1><model>deepseek-r1 distilled 7b<ttft><lat1><budget><money1>",
			`"kind":"compute","site":"Hangzhou","duration_min":120,"model":"deepseek-r1-distilled-7b","ttft_ms":300,"budget_usd":0.4`,
		},
		{"per device", "12台AGV，每台5M上行", "<slice><dev><num1><up><rate1><each>", `"kind":"slice","devices":12,"uplink_mbps":60`},
		{"both directions per device", "20 cameras at 8 Mbps each", "<slice><dev><num1><both><rate1><each>", `"kind":"slice","devices":20,"uplink_mbps":160,"downlink_mbps":160`},
		{"per device without a count", "8 Mbps per camera", "<slice><both><rate1><each>", `"kind":"slice","uplink_mbps":8,"downlink_mbps":8`},
		{"bytes", "push 10 MB/s up", "<slice><up><rate1>", `"kind":"slice","uplink_mbps":80`},
		{"bare number takes the unit of the next", "100 up / 20 Mbps down", "<slice><up><num1><down><rate1>", `"kind":"slice","uplink_mbps":100,"downlink_mbps":20`},
		{"bare gigabit", "2 up and 1 Gbps down", "<slice><up><num1><down><rate1>", `"kind":"slice","uplink_mbps":2000,"downlink_mbps":1000`},
		{"bare number too large for gigabits", "200 up and 1 Gbps down", "<slice><up><num1><down><rate1>", `"kind":"slice","uplink_mbps":200,"downlink_mbps":1000`},
		{"yuan", "预算300元", "<compute><budget><money1>", `"kind":"compute","budget_usd":42.86`},
		{"hourly yuan", "3块钱一小时，用四个小时", "<compute><dur><dur1><budget><money1><hourly>", `"kind":"compute","duration_min":240,"budget_usd":1.71`},
		{"hourly dollars", "$2.5 an hour from 9am to 1pm tomorrow", "<compute><start><time1><end><time2><budget><money1><hourly>", `"kind":"compute","start":"2026-03-05T09:00","duration_min":240,"budget_usd":10`},
		{"daily", "$24 a day for 3 days", "<compute><dur><dur1><budget><money1><hourly>", `"kind":"compute","duration_min":4320,"budget_usd":72`},
		{"daily before", "用两天，每天70元", "<compute><dur><dur1><budget><money1><hourly>", `"kind":"compute","duration_min":2880,"budget_usd":20`},
		{"bare budget in Chinese", "预算700以内", "<compute><budget><num1>", `"kind":"compute","budget_usd":100`},
		{"bare budget in English", "budget 70 max", "<compute><budget><num1>", `"kind":"compute","budget_usd":70`},
		{"month", "one month, four nines", "<slice><avail><pct1><dur><dur1>", `"kind":"slice","availability_pct":99.99,"duration_min":43200`},
		{"fraction availability", "availability 0.999", "<slice><avail><num1>", `"kind":"slice","availability_pct":99.9`},
		{"window past midnight", "from 8pm until 6am", "<slice><start><time1><end><time2>", `"kind":"slice","start":"2026-03-04T20:00","duration_min":600`},
		{"from ten until two", "from ten until two", "<slice><start><time1><end><time2>", `"kind":"slice","start":"2026-03-04T10:00","duration_min":240`},
		{"now", "马上开，用到晚上十点", "<slice><start><time1><end><time2>", `"kind":"slice","start":"2026-03-04T09:20","duration_min":760`},
		{"end alone", "until 6pm", "<slice><end><time1>", `"kind":"slice","duration_min":520`},
		{"in twenty minutes", "in 20 minutes for 90 seconds", "<slice><start><time1><dur><lat1>", `"kind":"slice","start":"2026-03-04T09:40","duration_min":2`},
		{"hour as a bare number", "20 cameras, start 14", "<slice><dev><num1><start><num2>", `"kind":"slice","devices":20,"start":"2026-03-04T14:00"`},
		{"compute rates", "8 streams of 40 tok/s, r1 7B, data stays on site", "<compute><model>r1 7b<streams><num1><tps><tps1><local:yes>", `"kind":"compute","model":"r1-7b","streams":8,"tokens_per_s":40,"local_only":true`},
		{"full width", "给Ａ区５号门开２０Ｍ", "<slice><site>a区<num1>号门<both><rate1>", `"kind":"slice","site":"Ａ区５号门","uplink_mbps":20,"downlink_mbps":20`},
		{"dates the wrong way round", "from Dec 5 to Dec 3 2026", "<slice><start><time1><end><time2>", ""},
		{"bounds crossed", "at least 100 Mbps but at most 50 Mbps", "<slice><both><rate1>", ""},
		{"bounds crossed in Chinese", "带宽不低于100M，不超过50M", "<slice><both><rate1>", ""},
		{"bounds in order", "at least 50 Mbps but at most 100 Mbps", "<slice><both><rate1>", `"kind":"slice","uplink_mbps":50,"downlink_mbps":50`},
		{"question", "how are you", "<unclear><q:what>", ""},
		{"span with a quote", `at "Gate 4", now`, `<slice><site>"gate <num1>"`, `"kind":"slice","site":"Gate 4"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := v.Prompt(c.wish)
			f, err := v.Parse(p, emit(t, v, c.form))
			if err != nil {
				t.Fatal(err)
			}
			got := Resolve(p, f, now)
			checkOrder(t, got)
			if c.want == "" {
				if got.Kind != Unclear || Chinese(*got.Question) != Chinese(c.wish) {
					t.Fatalf("got %s, want unclear with a question in the wish's language", got.AppendJSON(nil))
				}
				return
			}
			var want Order
			if err := json.Unmarshal([]byte("{"+c.want+"}"), &want); err != nil {
				t.Fatal(err)
			}
			if exact, _ := Compare(got, want); !exact {
				t.Errorf("\n got %s\nwant %s", got.AppendJSON(nil), want.AppendJSON(nil))
			}
		})
	}
}

// checkOrder checks what the schema demands of an order, by the schema itself.
func checkOrder(t testing.TB, o Order) {
	t.Helper()
	text := o.AppendJSON(nil)
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	var s struct {
		Required   []string
		Properties map[string]struct {
			Type             any
			Enum             []any
			Minimum, Maximum *float64
			MaxLength        int
			Pattern          string
		}
	}
	if err := json.Unmarshal(Schema(), &s); err != nil {
		t.Fatal(err)
	}
	if len(doc) != len(s.Required) {
		t.Fatalf("%s has %d fields, want %d", text, len(doc), len(s.Required))
	}
	for i, name := range s.Required {
		if name != FieldNames()[i] {
			t.Fatalf("field %d is %s, want %s", i, FieldNames()[i], name)
		}
		p, v := s.Properties[name], doc[name]
		if p.Enum != nil {
			found := false
			for _, e := range p.Enum {
				found = found || e == v
			}
			if !found {
				t.Fatalf("%s: %s is %v", text, name, v)
			}
			continue
		}
		switch v := v.(type) {
		case float64:
			if p.Minimum != nil && v < *p.Minimum || p.Maximum != nil && v > *p.Maximum {
				t.Fatalf("%s: %s out of range", text, name)
			}
		case string:
			if utf8.RuneCountInString(v) > p.MaxLength && p.MaxLength > 0 || v == "" {
				t.Fatalf("%s: length of %s", text, name)
			}
			if p.Pattern != "" {
				if _, err := time.Parse(StartLayout, v); err != nil {
					t.Fatalf("%s: %v", text, err)
				}
			}
		case nil, bool:
		default:
			t.Fatalf("%s: %s is a %T", text, name, v)
		}
	}
	if (o.Kind == Unclear) != (o.Question != nil) {
		t.Fatalf("%s: question", text)
	}
}

var wishParts = []string{
	"给三号产线", "的质检相机", "开一条", "上行50兆", "，", "时延10毫秒以内", "四个9", "专线", "明早八点", "到", "晚六点", "I need ", "r1 7b ", "near Gate 4 ",
	"for 2 hours", ", ", "at most 40 cents", "12 cameras ", "20 Mbps each ", "from ten until two ", "tomorrow ", "每台", "5M", "预算300元", "now ", "until Friday 6pm ",
	"2026-03-05 08:00", "120%", "0 ", "8路", "每秒40个token", "３０Ｇ", "\xff", "é", "İ", "in 90000000 years ", "999999999999999天后", "99999999999 G ", "二〇二六年", "$999999999999999", "e\u0301 가 ", "in 20 minutes ", "后天", "at least 100 Mbps ", "at most 5 Mbps ", "<rate1>", "<eos>", "next month ", "下周一",
}

// decode runs a form of random allowed tokens and returns it.
func decode(t testing.TB, v *Vocab, p *Prompt, rng *rand.Rand, accept func(int32)) []int32 {
	c := NewConstraint(v, p)
	var ids, allowed []int32
	bits := make([]uint64, v.tok.Len()/64+1)
	for !c.Done() {
		c.Mask(bits)
		allowed = c.Allowed(allowed[:0])
		if len(allowed) == 0 || len(ids) > 400 {
			t.Fatalf("form of %d tokens cannot go on", len(ids))
		}
		id := allowed[rng.IntN(len(allowed))]
		if rng.IntN(6) == 0 {
			id = allowed[len(allowed)-1]
		}
		set := 0
		for id := range int32(v.tok.Len()) {
			if bits[id/64]>>(id%64)&1 == 1 {
				set++
				continue
			}
			if rng.IntN(50) == 0 {
				probe := *c
				probe.open = append([]int32(nil), c.open...)
				if probe.Accept(id) == nil {
					t.Fatalf("token %s accepted but not allowed", v.tok.Bytes(id))
				}
			}
		}
		if set != len(allowed) {
			t.Fatalf("%d bits for %d allowed ids", set, len(allowed))
		}
		if err := c.Accept(id); err != nil {
			t.Fatalf("allowed token refused: %v", err)
		}
		accept(id)
		ids = append(ids, id)
	}
	return ids
}

// TestConstrainedFormsResolve: whatever allowed tokens come, the form parses, its order fits the schema, and the
// streamed text is that order.
func TestConstrainedFormsResolve(t *testing.T) {
	v := byteVocab(t)
	rapid.Check(t, func(rt *rapid.T) {
		wish := strings.Join(rapid.SliceOfN(rapid.SampledFrom(wishParts), 0, 12).Draw(rt, "wish"), "")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		p := v.Prompt(wish)
		s := NewStream(v, p, now)
		streamed := ""
		ids := decode(t, v, p, rng, func(id int32) {
			piece, err := s.Accept(id)
			if err != nil {
				rt.Fatal(err)
			}
			streamed += piece
		})
		f, err := v.Parse(p, ids)
		if err != nil {
			rt.Fatal(err)
		}
		order := Resolve(p, f, now)
		checkOrder(t, order)
		if want := string(order.AppendJSON(nil)); streamed+s.Finish() != want {
			rt.Fatalf("wish %q\nstreamed %s\n    want %s", wish, streamed, want)
		}
		var back Order
		if err := json.Unmarshal(order.AppendJSON(nil), &back); err != nil {
			rt.Fatal(err)
		}
		if exact, _ := Compare(back, order); !exact {
			rt.Fatalf("round trip of %s", order.AppendJSON(nil))
		}
	})
}

func TestStreamIsEarly(t *testing.T) {
	v := byteVocab(t)
	p := v.Prompt("给三号产线开上行50兆，预算300元")
	s := NewStream(v, p, now)
	var pieces []string
	for _, id := range emit(t, v, "<slice><site><num1>号产线<up><rate1><budget><money1>") {
		piece, err := s.Accept(id)
		if err != nil {
			t.Fatal(err)
		}
		if piece != "" {
			pieces = append(pieces, piece)
		}
	}
	want := []string{
		`{"kind":"slice"`, `,"application":null`, `,"site":"三号产线","devices":null`,
		`,"uplink_mbps":50,"downlink_mbps":null,"latency_ms":null,"availability_pct":null,"isolation":null,"start":null,"duration_min":null,"model":null,"streams":null,"tokens_per_s":null,"ttft_ms":null`,
		`,"budget_usd":42.86,"local_only":null,"question":null}`,
	}
	if strings.Join(pieces, "|") != strings.Join(want, "|") {
		t.Errorf("got  %q\nwant %q", pieces, want)
	}
}

func TestRefusals(t *testing.T) {
	v := byteVocab(t)
	p := v.Prompt("20 cameras at 8 Mbps near the dock")
	for _, form := range []string{
		"<up><rate1>", "<slice><slice>", "<slice><up><num2>", "<slice><dev><rate1>", "<slice><down><rate1><up><rate1>", "<slice><both><rate1><down><rate1>",
		"<slice><site>harbour", "<slice><site>dock at", "<unclear>", "<unclear><q:what><app:chat>", "<slice><lat>", "<slice><dev><num1><each>",
		"<slice><start><rate1>", "<slice><up><rate1><each><each>", "<slice><local:yes><local:no>", "<order>", "<bos>", "<slice><budget><hourly>", "<slice><site>",
	} {
		if f, err := v.Parse(p, emit(t, v, form)); err == nil {
			t.Errorf("%s accepted as %+v", form, f)
		}
	}
	ids := emit(t, v, "<slice>")
	if _, err := v.Parse(p, ids[:1]); err == nil {
		t.Error("form without an end accepted")
	}
	if _, err := v.ParseNames(p, []string{"<slice>", "<nonsense>"}); err == nil {
		t.Error("unknown name accepted")
	}
	if f, err := v.ParseNames(p, []string{"<slice>", "<dev>", "<num1>", "<eos>"}); err != nil || f.Devices.Value != 20 {
		t.Errorf("got %+v, %v", f, err)
	}
}

// TestNamesHoldNoMeasures: a name may hold a number, but ends before a rate or a time.
func TestNamesHoldNoMeasures(t *testing.T) {
	v := byteVocab(t)
	p := v.Prompt("gate 4 20 Mbps")
	c := NewConstraint(v, p)
	accept := func(want bool, names ...string) {
		t.Helper()
		for _, n := range names {
			id, ok := v.tok.ID(n)
			if !ok {
				t.Fatalf("no token %q", n)
			}
			if err := c.Accept(id); (err == nil) != want {
				t.Errorf("%q: %v", n, err)
			}
		}
	}
	accept(true, "<slice>", "<site>")
	accept(false, "<rate1>")
	accept(true, "g", "a", "t", "e", "Ġ", "<num1>")
	if got := c.Form().Site; got == nil || got.End != len("gate 4") {
		t.Errorf("got %v", got)
	}
	accept(true, "Ġ")
	accept(false, "<rate1>")
	accept(true, "<eos>")
}

// TestPromptIsSafe: text that spells a special token does not become one.
func TestPromptIsSafe(t *testing.T) {
	v := byteVocab(t)
	p := v.Prompt("a<rate1>b<<order>> 5 Mbps")
	places := 0
	for _, id := range p.words {
		if s, ok := v.byID[id]; ok {
			if s.role != place {
				t.Errorf("token %v in the text", s)
			}
			places++
		}
	}
	if places != 1 {
		t.Errorf("%d placeholders, want only that of 5 Mbps", places)
	}
	n := len(p.words) + 1
	if !slices.Equal(p.IDs[:n], p.IDs[n:2*n]) || len(p.IDs) != 2*n+1 {
		t.Errorf("got %v, want the wish twice", p.IDs)
	}
}

// TestPromptKeepsTheWay: a tokenizer that composes characters does not shift the ranges of what follows.
func TestPromptKeepsTheWay(t *testing.T) {
	v := byteVocab(t)
	wish := "near cafe\u0301 dock, 20 Mbps"
	p := v.Prompt(wish)
	var spelt strings.Builder
	last := byteRange{}
	for i, r := range p.spans {
		if r != last {
			spelt.WriteString(wish[r.start:r.end])
			last = r
		}
		if v.tok.Bytes(p.words[i]) == "k" && wish[r.start:r.end] != "k" {
			t.Errorf("k maps to %q", wish[r.start:r.end])
		}
	}
	if spelt.String() != wish {
		t.Errorf("tokens spell %q, want %q", spelt.String(), wish)
	}
}

func TestEvaluate(t *testing.T) {
	f := func(v float64) *float64 { return &v }
	q := "why?"
	items := []Item{
		{ID: "1", Wish: "fifty up", Got: Order{Kind: Slice, Uplink: f(50)}, Want: Order{Kind: Slice, Uplink: f(50.00001)}},
		{ID: "2", Wish: "上行五十", Got: Order{Kind: Slice, Uplink: f(5), Latency: f(1)}, Want: Order{Kind: Slice, Uplink: f(50), Downlink: f(1)}},
		{ID: "3", Wish: "hm", Got: Order{Kind: Unclear, Question: &q}, Want: Order{Kind: Unclear, Question: text("what?")}},
	}
	r := Evaluate(items)
	if len(r.Groups) != 5 || r.Groups[0].Exact != 2 || r.Groups[1].Name != "zh" || r.Groups[1].Exact != 0 || len(r.Failed) != 1 || r.Failed[0] != "2" {
		t.Fatalf("%+v", r)
	}
	up := r.Groups[0].Fields[4]
	if up != (Score{Right: 1, Wrong: 1}) || up.F1() != 0.5 {
		t.Errorf("uplink %+v", up)
	}
	if all := r.Groups[1].All(); all != (Score{Right: 1, Wrong: 1, Missing: 1, Extra: 1}) {
		t.Errorf("zh %+v", all)
	}
	var b strings.Builder
	if err := r.WriteTable(&b); err != nil || !strings.Contains(b.String(), "uplink_mbps        50.0%  50.0%   50.0%    0.0%  100.0%") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func TestOrderJSON(t *testing.T) {
	var o Order
	for _, bad := range []string{`{"kind":"slice","colour":1}`, `{"devices":1.5}`, `[`, `{"streams":1e300}`} {
		if json.Unmarshal([]byte(bad), &o) == nil {
			t.Errorf("%s accepted", bad)
		}
	}
	if err := json.Unmarshal([]byte(`{"kind":"slice","devices":12.0,"site":"<a&b>"}`), &o); err != nil || *o.Devices != 12 {
		t.Fatal(err)
	}
	if got := string(o.AppendJSON(nil)); !strings.Contains(got, `"site":"<a&b>","devices":12,`) {
		t.Error(got)
	}
}

func BenchmarkAllowed(b *testing.B) {
	v := byteVocab(b)
	p := v.Prompt("给三号产线的质检相机开一条上行50兆、时延10毫秒以内、可用性四个9的专线，明早八点到晚六点")
	c := NewConstraint(v, p)
	ids := emit(b, v, "<slice><site><num1>号产线<up><rate1><lat><lat1>")
	bits := make([]uint64, 64)
	b.ReportAllocs()
	for b.Loop() {
		c.Reset()
		for _, id := range ids {
			c.Mask(bits)
			if err := c.Accept(id); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// A span holds whole words, and a kind has only the parts that make sense for it.
func TestConstraintKeepsWordsAndKinds(t *testing.T) {
	v := byteVocab(t)
	p := v.Prompt("an insurer at gate B 用r1跑")
	for _, c := range []struct {
		form string
		ok   bool
	}{
		{"<slice><site>gate b", true},
		{"<slice><site>surer", false},
		{"<slice><site>gat", false},
		{"<slice><site>用", true},
		{"<compute><model>r1", true},
		{"<compute><model>r", false},
		{"<slice><model>r1", false},
	} {
		_, err := v.Parse(p, emit(t, v, c.form))
		if (err == nil) != c.ok {
			t.Errorf("%s: error %v, want valid = %v", c.form, err, c.ok)
		}
	}
	for wish, ok := range map[string]bool{
		"12 cameras, 50 Mbps": false, "12 cameras at 50 Mbps each": true, "12 cameras x 50 Mbps": true, "50 Mbps a camera, 12 of them": true,
		"12台相机共50兆": false, "12台相机，每台50兆": true, "50M/台，12台": true, "12 tablets of our teachers, 50 Mbps": false, "单路50兆，12路": true,
	} {
		p := v.Prompt(wish)
		form := "<slice><dev><num1><up><rate1><each>"
		if _, err := v.Parse(p, emit(t, v, form)); (err == nil) != ok {
			t.Errorf("%s: %s: error %v, want valid = %v", wish, form, err, ok)
		}
	}
	p = v.Prompt("12 cameras, 50 Mbps")
	for form, ok := range map[string]bool{
		"<slice><dev><num1><both><rate1>": true, "<bundle><dev><num1>": true, "<compute><dev><num1>": false, "<compute><up><rate1>": false,
	} {
		if _, err := v.Parse(p, emit(t, v, form)); (err == nil) != ok {
			t.Errorf("%s: error %v, want valid = %v", form, err, ok)
		}
	}
}
