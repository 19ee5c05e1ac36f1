package template

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/weir-project/weir/internal/fault"
)

func parse(t *testing.T, src string) *Template {
	t.Helper()
	tmpl, err := Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

func TestChat(t *testing.T) {
	tmpl := parse(t, `{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content }}{{ eos_token }}
{% endfor %}{{ tools | tojson }}{{ documents is none }}{{ mode }}{{ 'go' if add_generation_prompt }}{{ strftime_now('%Y') }}`)
	f := func(c Conversation, want string) {
		t.Helper()
		c.Now = judgeNow
		if got, err := tmpl.Chat(c); err != nil || got != want {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
	one := []byte(`[{"role":"user","content":"hi"}]`)
	f(Conversation{Messages: one}, "user: hi\nnullTrue2026")
	f(Conversation{Messages: one, Tools: []byte(`[{"z":1,"a":1.0}]`), Documents: []byte(`[]`), AddGenerationPrompt: true, BOS: "<s>", EOS: "</s>"},
		"<s>user: hi</s>\n[{\"z\": 1, \"a\": 1.0}]Falsego2026")
	f(Conversation{Messages: one, Tools: []byte(`null`), Extra: []byte(`{"mode":"m","messages":[],"tools":1}`)}, "user: hi\nnullTruem2026")
}

func TestChatRefuses(t *testing.T) {
	tmpl := parse(t, `{% if messages[0].role != 'user' %}{{ raise_exception('user first') }}{% endif %}`)
	f := func(c Conversation, want string) {
		t.Helper()
		_, err := tmpl.Chat(c)
		if err == nil || !strings.Contains(err.Error(), want) || fault.KindOf(err) != fault.Invalid {
			t.Errorf("got %v, want %s of kind invalid", err, want)
		}
	}
	f(Conversation{}, "messages: expected a JSON list, got NoneType")
	f(Conversation{Messages: []byte(`{}`)}, "messages: expected a JSON list, got dict")
	f(Conversation{Messages: []byte(`[`)}, "messages: JSON at byte 1: expected a value")
	f(Conversation{Messages: []byte(`[]`), Tools: []byte(`"x"`)}, "tools: expected a JSON list, got str")
	f(Conversation{Messages: []byte(`[]`), Extra: []byte(`[]`)}, "extra variables: expected a JSON object, got list")
	f(Conversation{Messages: []byte(`[]`)}, "list object has no element 0")

	_, err := tmpl.Chat(Conversation{Messages: []byte(`[{"role":"tool"}]`)})
	if e, ok := errors.AsType[*RaisedError](err); !ok || e.Message != "user first" {
		t.Errorf("got %v, want the template's own message", err)
	}
}

const turns = `[{"role":"system","content":"Be brief."},{"role":"user","content":" Hi "},` +
	`{"role":"assistant","content":"Hello."},{"role":"user","content":[{"type":"text","text":"1+"},{"type":"text","text":"1?"}]}]`

func TestBuiltin(t *testing.T) {
	f := func(name, want string) {
		t.Helper()
		src, ok := Builtin(name)
		if !ok {
			t.Fatalf("no %s", name)
		}
		got, err := parse(t, src).Chat(Conversation{Messages: []byte(turns), AddGenerationPrompt: true, BOS: "<s>", EOS: "</s>"})
		if err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, want)
		}
	}
	f("chatml", "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n Hi <|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n"+
		"<|im_start|>user\n1+1?<|im_end|>\n<|im_start|>assistant\n")
	f("llama2", "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHi [/INST] Hello. </s><s>[INST] 1+1? [/INST]")
	f("deepseek", "<s>Be brief.<｜User｜> Hi <｜Assistant｜>Hello.</s><｜User｜>1+1?<｜Assistant｜>")
	f("deepseek2", "<s>Be brief.\n\nUser:  Hi \n\nAssistant: Hello.</s>User: 1+1?\n\nAssistant:")
	if _, ok := Builtin("nope"); ok {
		t.Error("a format that does not exist has a template")
	}
}

// TestBuiltinLikeModels compares ours with the templates of models in these formats.
func TestBuiltinLikeModels(t *testing.T) {
	for name, model := range map[string]string{"deepseek": "deepseek-ai-DeepSeek-R1-Distill.2025-01", "chatml": "Qwen-Qwen2.5-7B-Instruct"} {
		data, err := os.ReadFile("testdata/oracle/" + model + ".jinja")
		if err != nil {
			t.Fatal(err)
		}
		src, _ := Builtin(name)
		c := Conversation{Messages: []byte(`[{"role":"system","content":"S"},{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]`), BOS: "<b>", EOS: "<｜end▁of▁sentence｜>"}
		got, err := parse(t, src).Chat(c)
		if err != nil {
			t.Fatal(err)
		}
		want, err := parse(t, string(data)).Chat(c)
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s: got %q, %s gives %q", name, got, model, want)
		}
	}
}

// BenchmarkChat renders ten turns with a model's own template.
func BenchmarkChat(b *testing.B) {
	data, err := os.ReadFile("testdata/oracle/Qwen-Qwen3-0.6B.jinja")
	if err != nil {
		b.Fatal(err)
	}
	tmpl, err := Parse(string(data))
	if err != nil {
		b.Fatal(err)
	}
	turn := `{"role":"user","content":"` + strings.Repeat("word ", 100) + `"},{"role":"assistant","content":"` + strings.Repeat("text ", 100) + `"}`
	c := Conversation{Messages: []byte("[" + strings.Repeat(turn+",", 4) + turn + "]"), AddGenerationPrompt: true}
	b.SetBytes(int64(len(c.Messages)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tmpl.Chat(c); err != nil {
			b.Fatal(err)
		}
	}
}
