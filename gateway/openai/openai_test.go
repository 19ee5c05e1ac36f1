package openai

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/weir-project/weir"
)

const hello = `"messages":[{"role":"user","content":"hello"}]`

// refused expects an error that blames param and whose message contains all of words.
func refused(t *testing.T, body, param string, words ...string) {
	t.Helper()
	r, err := ParseChat([]byte(body))
	if err == nil {
		t.Errorf("%s was read as %+v", body, r)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v: want %q in it", body, err, word)
		}
	}
	if err.Param != param || err.Status != 400 || err.Type != TypeInvalid {
		t.Errorf("%s: param %q, status %d, type %q, want param %q", body, err.Param, err.Status, err.Type, param)
	}
}

func TestParseChatRefusesBodies(t *testing.T) {
	f := func(body, param string, words ...string) {
		t.Helper()
		refused(t, body, param, words...)
	}
	f(``, "", "empty")
	f(`nonsense`, "", "not JSON", "byte 2")
	f(`{"model":"m"`, "", "not JSON")
	f(`[]`, "", "an array", "want a JSON object")
	f("{\"a\":\"\xc3\x28\"}", "", "not UTF-8", "byte 6")
	f(`{`+hello+`}`, "model", "missing")
	f(`{"model":"m"}`, "messages", "missing")
	f(`{"model":7,`+hello+`}`, "model", "want a string", "the number 7")
	f(`{"model":"m","messages":[]}`, "messages", "at least one")
	f(`{"model":"m","messages":{}}`, "messages", "want an array", "an object")
	f(`{"model":"m","messages":["hello"]}`, "messages[0]", "want an object", "a string")
	f(`{"model":"m","messages":[{"content":"x"}]}`, "messages[0].role", "want one of")
	f(`{"model":"m","messages":[{"role":"boss","content":"x"}]}`, "messages[0].role", "boss")
	f(`{"model":"m","messages":[{"role":"user"}]}`, "messages[0].content", "missing")
	f(`{"model":"m","messages":[{"role":"user","content":"a"},{"role":"user","content":true}]}`, "messages[1].content", "a boolean")
	f(`{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]}`, "messages[0].content[0].type", "text alone")
	f(`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":5}]}]}`, "messages[0].content[0].text", "want a string")
}

func TestParseChatRefusesFields(t *testing.T) {
	with := func(extra, param string, words ...string) {
		t.Helper()
		refused(t, `{"model":"m",`+hello+`,`+extra+`}`, param, words...)
	}
	with(`"temperature":"1"`, "temperature", "want a number", "a string")
	with(`"temperature":2.5`, "temperature", "out of range", "0 to 2")
	with(`"top_p":-0.1`, "top_p", "out of range")
	with(`"max_tokens":1.5`, "max_tokens", "whole number", "1.5")
	with(`"max_tokens":-1`, "max_tokens", "out of range")
	with(`"max_tokens":1e400`, "max_tokens", "whole number")
	with(`"n":3`, "n", "one is made")
	with(`"n":0`, "n", "out of range")
	with(`"stream":"yes"`, "stream", "true or false")
	with(`"stream_options":[]`, "stream_options", "want an object")
	with(`"stream_options":{"include_usage":1}`, "stream_options.include_usage", "true or false")
	with(`"stop":5`, "stop", "a string or an array")
	with(`"stop":["a",5]`, "stop", "a string or an array")
	with(`"stop":""`, "stop", "0 bytes")
	with(`"stop":[`+strings.Repeat(`"a",`, 16)+`"a"]`, "stop", "17 strings")
	with(`"logit_bias":{"a":1}`, "logit_bias", "token id")
	with(`"logit_bias":{"5":101}`, "logit_bias", "-100 to 100")
	with(`"logit_bias":{"-1":1}`, "logit_bias", "token id")
	with(`"seed":"x"`, "seed", "whole number")
	with(`"top_logprobs":3`, "top_logprobs", "set logprobs")
	with(`"logprobs":true,"top_logprobs":21`, "top_logprobs", "0 to 20")
	with(`"response_format":{"type":"xml"}`, "response_format.type", "json_schema")
	with(`"response_format":{"type":"json_schema"}`, "response_format.json_schema", "missing")
	with(`"response_format":{"type":"json_schema","json_schema":{"name":"a"}}`, "response_format.json_schema.schema", "missing")
	with(`"response_format":{"type":"json_schema","json_schema":{"schema":[]}}`, "response_format.json_schema.schema", "want an object")
	with(`"tools":[{"type":"browser"}]`, "tools[0].type", "want function")
	with(`"tools":[{"type":"function"}],"tool_choice":"required"`, "tool_choice", "forced")
	with(`"modalities":["text","audio"]`, "modalities[1]", "audio")
	with(`"chat_template_kwargs":[]`, "chat_template_kwargs", "want an object")
	with(`"weir":7`, "weir", "want an object")
	with(`"weir":{"maxprice":"1"}`, "weir.maxprice", "unknown field", "max_price")
	with(`"weir":{"max_price":0.5}`, "weir.max_price", "a string in dollars")
	with(`"weir":{"max_price":"-1"}`, "weir.max_price", "want dollars")
	with(`"weir":{"max_price":"0.0000000001"}`, "weir.max_price", "want dollars")
	with(`"weir":{"max_latency_ms":-1}`, "weir.max_latency_ms", "out of range")
	with(`"weir":{"residency":"a"}`, "weir.residency", "an array of site names")
	with(`"weir":{"residency":[""]}`, "weir.residency", "names of sites")
	with(`"weir":{"now":"tomorrow"}`, "weir.now", "2026-11-25T08:30")
}

func TestParseChatReads(t *testing.T) {
	r, err := ParseChat([]byte(`{"model":"m","messages":[
		{"role":"developer","content":null,"refusal":"no"},{"role":"system","content":"be"}]}`))
	if err == nil {
		t.Errorf("a developer message without content was read: %+v", r)
	}
	r, err = ParseChat([]byte(`{"model":"m","unheard_of":{"a":[1]},"user":null,"temperature":null,"tools":null,"stop":null,
		"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}],"name":"n"},
			{"role":"assistant","content":null,"tool_calls":[{}]},{"role":"tool","content":"t","tool_call_id":"1"}],
		"stream":true,"stream_options":{"include_usage":true},"max_tokens":7,"max_completion_tokens":9,"top_k":-1,
		"logit_bias":{"foo":0},"tool_choice":"none","response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{"type":"object"}}},
		"weir":{"max_price":"0.25","max_latency_ms":1.5,"residency":["a","b"],"node":"n","site":"a","explain":true,"now":"2026-11-25T08:30"}}`))
	if err != nil {
		t.Fatal(err)
	}
	price := weir.USD / 4
	want := Extension{
		MaxPrice: &price, MaxLatency: 1_500_000, Residency: []weir.SiteID{"a", "b"}, Node: "n", Site: "a", Explain: true, Now: "2026-11-25T08:30",
	}
	if !reflect.DeepEqual(r.Weir, want) {
		t.Errorf("extension %+v, want %+v", r.Weir, want)
	}
	if r.MaxTokens != 9 || !r.Usage || r.Messages[0].Text != "ab" || string(r.Schema) != `{"type":"object"}` || r.Sampling.TopK != 0 || r.Tools != nil {
		t.Errorf("request %+v", r)
	}
}

func TestParseCompletionRefuses(t *testing.T) {
	f := func(fields, param, word string) {
		t.Helper()
		r, err := ParseCompletion([]byte(`{"model":"m",` + fields + `}`))
		if err == nil || err.Param != param || !strings.Contains(err.Message, word) {
			t.Errorf("%s: %+v, %v; want param %q and %q", fields, r, err, param, word)
		}
	}
	f(`"x":1`, "prompt", "missing")
	f(`"prompt":{}`, "prompt", "an object")
	f(`"prompt":[]`, "prompt", "token ids")
	f(`"prompt":[1,"a"]`, "prompt", "token ids")
	f(`"prompt":[1.5]`, "prompt", "token ids")
	f(`"prompt":[99999999999]`, "prompt", "token ids")
	f(`"prompt":["a","b"]`, "prompt", "one request for each")
	f(`"prompt":"a","suffix":"b"`, "suffix", "its end")
	f(`"prompt":"a","best_of":2`, "best_of", "one is made")
	f(`"prompt":"a","logprobs":21`, "logprobs", "0 to 20")
	f(`"prompt":"a","logprobs":true`, "logprobs", "a boolean")
	f(`"prompt":"a","logprobs":1,"echo":true`, "echo", "log-probabilities")
}

// AppendString writes what encoding/json reads back.
func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "a\"b\\c/d", "\x00\x1f\x7f\n\r\t", "堰 é 😀", "\xff\xc3", "a\xe2\x82", "<&>\u2028\ufffd"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		b := AppendString(nil, s)
		if err := json.Unmarshal(b, &got); err != nil || got != strings.ToValidUTF8(s, "\ufffd") && got != string([]rune(s)) {
			t.Errorf("%q became %s, read as %q, %v", s, b, got, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, body := range []string{
		`{"model":"m",` + hello + `}`, `{"model":"m","prompt":[1,2]}`, `{"model":"m","prompt":["a"],"logprobs":2,"stop":["a"]}`,
		`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a"}]}],"weir":{"max_price":"1","residency":["a"]}}`,
		`{"logit_bias":{"5":1},"tools":[{"type":"function"}],"response_format":{"type":"json_object"}}`, `null`, `{"messages":[null]}`, "\xff",
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		chat, err := ParseChat(body)
		if (err == nil) == (chat == nil) {
			t.Errorf("chat %+v, error %v", chat, err)
		}
		text, err2 := ParseCompletion(body)
		if (err2 == nil) == (text == nil) {
			t.Errorf("completion %+v, error %v", text, err2)
		}
		for _, e := range []*Error{err, err2} {
			if e == nil {
				continue
			}
			if b, err := json.Marshal(e); err != nil || e.Message == "" || len(b) > len(body)+4096 {
				t.Errorf("error of %d bytes, %v", len(b), err)
			}
		}
	})
}

func TestErrorShape(t *testing.T) {
	b, err := json.Marshal(&Error{Status: 400, Message: "bad", Type: TypeInvalid, Param: "n"})
	if want := `{"error":{"message":"n: bad","type":"invalid_request_error","param":"n","code":null}}`; err != nil || string(b) != want {
		t.Errorf("%s, %v; want %s", b, err, want)
	}
}

// A node may send any float; a chunk must stay JSON.
func TestLogprobsThatAreNoNumbers(t *testing.T) {
	c, err := NewChunks(NewAnswer("1", true, 0, "m", ""), false)
	if err != nil {
		t.Fatal(err)
	}
	b := c.Content(nil, "x", []weir.TokenLogprob{{Logprob: float32(math.Inf(-1))}})
	if !json.Valid(b[len("data: "):]) {
		t.Errorf("chunk %s", b)
	}
}
