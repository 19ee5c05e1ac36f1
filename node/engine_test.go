package node

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/models/intent"
)

// engineNode serves real models: the 320-token llama of the parity fixtures and the bundled intent model.
func engineNode(t *testing.T, dir string, measure bool) *fixture {
	t.Helper()
	f := &fixture{t: t, conn: newBus(t), log: &logged{}, http: &http.Client{Transport: &http.Transport{}}}
	n, err := Start(t.Context(), Config{
		ID: "n1", Site: "plant", Provider: "p", Dir: dir, Secret: secret, NoMeasure: !measure,
		Models: []ModelConfig{
			{Name: "llama", Path: filepath.Join("..", "engine", "parity", "testdata", "llama-f32.gguf")},
			{Name: intent.Name, Bytes: intent.GGUF()},
		},
		Log: slog.New(slog.NewTextHandler(f.log, nil)),
	}, f.conn)
	if err != nil {
		t.Fatal(err)
	}
	f.Node = n
	t.Cleanup(func() {
		f.http.CloseIdleConnections()
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func TestEngineOverHTTP(t *testing.T) {
	f := engineNode(t, t.TempDir(), false)
	r := weir.GenerateRequest{ID: weir.ID{1}, Model: "llama", Prompt: []int32{1, 45, 43, 255, 161}, MaxTokens: 16}
	want := []int32{26, 144, 102, 85, 102, 158, 265, 263, 149, 150, 248, 252, 248, 30, 236, 297} // of llama.cpp
	got, text, last := f.generate(t.Context(), r).all(t)
	if !slices.Equal(got, want) || text == "" || last.End != weir.EndLength {
		t.Errorf("got %v %q %+v, want %v", got, text, last, want)
	}
	c, err := verifyClaim(*last.Claim, f.PublicKey())
	if err != nil || c.Usage != (weir.Usage{Input: 5, Output: 16}) || c.TTFT <= 0 || c.Duration < c.TTFT || c.Digest != f.Models()[0].Digest {
		t.Errorf("claim %+v %v", c, err)
	}

	refused := func(change func(*weir.GenerateRequest), part string) {
		t.Helper()
		r := r
		r.ID[1]++
		change(&r)
		a := f.generate(t.Context(), r)
		if e := a.next(t); a.StatusCode != 400 || e.Error.Kind != "invalid" || !strings.Contains(e.Error.Message, part) {
			t.Errorf("%d %+v, want %q", a.StatusCode, e.Error, part)
		}
	}
	refused(func(r *weir.GenerateRequest) { r.Prompt = make([]int32, 9000) }, "9000 tokens: the context of llama holds")
	refused(func(r *weir.GenerateRequest) { r.Prompt = []int32{320} }, "token 320 is outside the vocabulary of 320")
	refused(func(r *weir.GenerateRequest) { r.Prompt = nil }, "empty")
	refused(func(r *weir.GenerateRequest) { r.Sampling.TopP = 2 }, "top_p is 2")
	refused(func(r *weir.GenerateRequest) { r.Top = 21 }, "21")
	refused(func(r *weir.GenerateRequest) { r.Schema = []byte(`{"type":"strange"}`) }, "strange")
	refused(func(r *weir.GenerateRequest) { r.Wish = &weir.Wish{Text: "hello", Now: "2026-03-01T09:30"} }, "llama answers no wishes")

	vocab, err := io.ReadAll(f.do(t.Context(), "GET", weir.PathVocab+"llama", nil).Body)
	sum := sha256.Sum256(vocab)
	if err != nil || hex.EncodeToString(sum[:]) != f.Models()[0].Vocabulary {
		t.Errorf("%d bytes of vocabulary have digest %x, the card says %s: %v", len(vocab), sum, f.Models()[0].Vocabulary, err)
	}
}

func TestEngineCancel(t *testing.T) {
	f := engineNode(t, t.TempDir(), false)
	r := weir.GenerateRequest{ID: weir.ID{1}, Model: "llama", Prompt: []int32{1, 45}, MaxTokens: 100_000}
	a := f.generate(t.Context(), r)
	a.next(t)
	status, e := f.cancelRequest(r.ID)
	if status != 200 || e.Claim == nil || e.End != weir.EndCancelled && e.End != weir.EndStop && e.End != weir.EndLength {
		t.Errorf("%d %+v", status, e)
	}
	eventually(t, "free slot", func() bool { return f.models.load().Active == 0 })
}

func TestSchemaHoldsTheEngine(t *testing.T) {
	f := engineNode(t, t.TempDir(), false)
	m, err := f.models.find("llama", "")
	if err != nil {
		t.Fatal(err)
	}
	r := weir.GenerateRequest{
		ID: weir.ID{1}, Model: "llama", Prompt: []int32{1, 45, 43}, MaxTokens: 200, Sampling: weir.Sampling{Temperature: 1, Seed: 3},
		Schema: []byte(`{"type":"object","properties":{"a":{"type":"boolean"},"b":{"enum":["x","yy"]}},"required":["a","b"],"additionalProperties":false}`),
	}
	if !spells(m, `{":,truefalsbxy }`) {
		t.Skip("the fixture's vocabulary cannot spell JSON")
	}
	for seed := range uint64(5) {
		r.ID[1], r.Sampling.Seed = byte(seed+1), seed
		_, text, last := f.generate(t.Context(), r).all(t)
		var v struct {
			A *bool
			B string
		}
		if err := json.Unmarshal([]byte(text), &v); err != nil || v.A == nil || v.B != "x" && v.B != "yy" || last.End != weir.EndStop {
			t.Errorf("seed %d: %q, %v, ended %+v", seed, text, err, last)
		}
	}
}

// spells reports whether each byte of text is a token.
func spells(m *model, text string) bool {
	for _, b := range []byte(text) {
		found := false
		for id := range int32(m.tokens.Len()) {
			found = found || m.tokens.Bytes(id) == string(b)
		}
		if !found {
			return false
		}
	}
	return true
}

func TestWishes(t *testing.T) {
	f := engineNode(t, t.TempDir(), false)
	m, err := f.models.find(intent.Name, "")
	if err != nil {
		t.Fatal(err)
	}
	wish := weir.Wish{Text: "给三号产线的质检相机开一条上行50兆、时延10毫秒以内的专线，明早八点到晚六点", Now: "2026-03-01T09:30"}
	prompt := m.wishes.Prompt(wish.Text).IDs
	ask := func(id byte, prompt []int32) (string, int, weir.GenerateEvent) {
		t.Helper()
		a := f.generate(t.Context(), weir.GenerateRequest{ID: weir.ID{id}, Model: intent.Name, Prompt: prompt, Wish: &wish, MaxTokens: 200})
		tokens, text, last := a.all(t)
		return text, len(tokens), last
	}
	text, tokens, last := ask(1, prompt)
	var order intent.Order
	if err := json.Unmarshal([]byte(text), &order); err != nil || last.End != weir.EndStop {
		t.Fatalf("%q: %v, ended %+v %+v", text, err, last, last.Error)
	}
	c, err := verifyClaim(*last.Claim, f.PublicKey())
	if err != nil || c.Usage != (weir.Usage{Input: weir.Tokens(len(prompt)), Output: weir.Tokens(tokens)}) {
		t.Errorf("claim %+v %v; %d tokens came", c, err, tokens)
	}
	if again, _, _ := ask(2, nil); again != text {
		t.Errorf("without the prompt: %q", again)
	}
	if _, _, last := ask(3, prompt[1:]); last.Error == nil || last.Error.Kind != "conflict" {
		t.Errorf("another prompt: %+v", last)
	}
	wish.Now = "tomorrow"
	if _, _, last := ask(4, nil); last.Error == nil || !strings.Contains(last.Error.Message, "2026-03-01T09:30") {
		t.Errorf("no time: %+v", last)
	}
	wish.Now, wish.Text = "2026-03-01T09:30", strings.Repeat("x", wishMax+1)
	if _, _, last := ask(5, nil); last.Error == nil || !strings.Contains(last.Error.Message, "at most 4096") {
		t.Errorf("long wish: %+v", last)
	}
}

func TestDeviceCardIsMeasuredOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("measures for seconds")
	}
	dir := t.TempDir()
	f := engineNode(t, dir, true)
	for deadline := time.Now().Add(idleWaits + 2*measureMax); f.Card() == nil; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no device card")
		}
	}
	card := f.Card()
	for _, m := range []string{"llama", intent.Name} {
		if card.DecodeRate[m] <= 0 || card.PrefillRate[m] <= 0 {
			t.Errorf("%s: %+v", m, card)
		}
	}
	if card.ReadBandwidth <= 0 || card.Int8Rate <= 0 || card.Measured == 0 || card.CPU == "" {
		t.Errorf("card %+v", card)
	}
	eventually(t, "file", func() bool { _, err := os.Stat(filepath.Join(dir, "device-card.json")); return err == nil })
	before, err := os.ReadFile(filepath.Join(dir, "device-card.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f = engineNode(t, dir, true)
	eventually(t, "kept card", func() bool { return f.Card() != nil })
	if again := f.Card(); again.Measured != card.Measured {
		t.Error("the second start measured again")
	}
	if after, _ := os.ReadFile(filepath.Join(dir, "device-card.json")); !bytes.Equal(after, before) {
		t.Error("the file was written again")
	}
}
