package node

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/engine"
	"github.com/weir-project/weir/engine/sample"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market/receipt"
	"github.com/weir-project/weir/models/intent"
)

func verifyClaim(s weir.SignedClaim, key ed25519.PublicKey) (weir.Claim, error) {
	return receipt.VerifyClaim(s, key)
}

func TestEventsArriveAsTheyCome(t *testing.T) {
	gate := make(chan struct{})
	f := startNode(t, says(gate), nil)
	gate2 := func() { gate <- struct{}{} }
	first := make(chan answer)
	go func() { first <- f.generate(t.Context(), request(1, 3)) }()
	gate2()
	a := <-first // the answer began with the first token: the second has not been made
	if e := a.next(t); !slices.Equal(e.Tokens, []int32{0}) || e.Text != "w0 " || e.End != "" {
		t.Errorf("first event %+v", e)
	}
	if ct := a.Header.Get("Content-Type"); a.StatusCode != 200 || ct != "application/x-ndjson" {
		t.Errorf("status %d, type %q", a.StatusCode, ct)
	}
	gate2()
	gate2()
	tokens, text, last := a.all(t)
	if !slices.Equal(tokens, []int32{1, 2}) || text != "w1 w2 " || last.End != weir.EndLength || last.Error != nil {
		t.Errorf("then %v %q %+v", tokens, text, last)
	}
	c := f.openClaim(last)
	want := weir.Usage{Input: 3, Output: 3}
	if c.Request != request(1, 0).ID || c.Usage != want || c.End != weir.EndLength || c.TTFT != time.Millisecond || c.Duration != time.Second {
		t.Errorf("claim %+v", c)
	}
	if again, err := receipt.VerifyClaim(*last.Claim, make(ed25519.PublicKey, 32)); err == nil {
		t.Errorf("another key verifies %+v", again)
	}
}

func TestRefusals(t *testing.T) {
	f := startNode(t, func(_ context.Context, r engine.Request, _ func(engine.Event) error) (engine.Result, error) {
		if r.MaxTokens == 99 {
			return engine.Result{}, fault.New(fault.NoCapacity, "m is busy")
		}
		return engine.Result{}, fault.New(fault.Invalid, "the prompt has %d tokens: the context holds 2", len(r.Prompt))
	}, func(c *Config) { c.BodyMax = 2000 })
	check := func(a answer, status int, kind fault.Kind, part string) {
		t.Helper()
		e := a.next(t)
		if a.StatusCode != status || e.Error == nil || e.Error.Kind != kind.String() || !strings.Contains(e.Error.Message, part) || e.Claim != nil {
			t.Errorf("status %d, event %+v %+v; want %d, %s with %q", a.StatusCode, e, e.Error, status, kind, part)
		}
	}
	change := func(change func(*weir.GenerateRequest)) answer {
		t.Helper()
		r := request(1, 5)
		change(&r)
		return f.generate(t.Context(), r)
	}
	text := func(body string) answer {
		t.Helper()
		resp := f.do(t.Context(), http.MethodPost, weir.PathGenerate, []byte(body))
		return answer{resp, newLines(resp.Body)}
	}
	check(change(func(r *weir.GenerateRequest) { r.Model = "other" }), 404, fault.NotFound, `no model "other" on this node: it serves m`)
	check(change(func(r *weir.GenerateRequest) { r.Digest = "d2" }), 409, fault.Conflict, "digest d1, not d2")
	check(change(func(r *weir.GenerateRequest) { r.ID = weir.ID{} }), 400, fault.Invalid, "no id")
	check(change(func(r *weir.GenerateRequest) { r.Timeout = -1 }), 400, fault.Invalid, "timeout")
	check(change(func(r *weir.GenerateRequest) { r.Schema = []byte(`{}`) }), 400, fault.Invalid, "schema")
	check(change(func(r *weir.GenerateRequest) { r.Wish = &weir.Wish{Text: "hello"} }), 400, fault.Invalid, "answers no wishes")
	check(change(func(r *weir.GenerateRequest) { r.Wish, r.Schema = &weir.Wish{}, []byte(`{}`) }), 400, fault.Invalid, "own schema")
	check(change(func(*weir.GenerateRequest) {}), 400, fault.Invalid, "3 tokens: the context holds 2")
	check(change(func(r *weir.GenerateRequest) { r.MaxTokens = 99 }), 429, fault.NoCapacity, "busy")
	check(change(func(r *weir.GenerateRequest) { r.Prompt = make([]int32, 2000) }), 413, fault.Invalid, "exceeds 2000 bytes")
	check(text("{"), 400, fault.Invalid, "no request")
	check(text(`{"prompt":"text"}`), 400, fault.Invalid, "prompt")
	check(text(`{"modle":"m"}`), 400, fault.Invalid, "modle")
	check(text(`{} {}`), 400, fault.Invalid, "goes on")
	if status, e := f.cancelRequest(request(1, 0).ID); status != 404 || e.Error.Kind != "not_found" {
		t.Errorf("a refused request is remembered: %d %+v", status, e.Error)
	}
	if n := testutil.ToFloat64(f.metrics.refusals.WithLabelValues("invalid")); n < 8 {
		t.Errorf("%v refusals counted", n)
	}
}

func TestSecretIsRequired(t *testing.T) {
	f := startNode(t, says(nil), nil)
	f.generate(t.Context(), request(1, 1)).all(t)
	status := func(method, path, header string) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, f.URL()+path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		resp, err := f.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	routes := []struct{ method, path string }{
		{"POST", weir.PathGenerate},
		{"POST", weir.PathCancel + request(1, 0).ID.String()},
		{"GET", weir.PathVocab + "m"},
		{"GET", "/metrics"},
		{"GET", "/"},
		{"GET", "/debug/pprof/"},
	}
	for _, r := range routes {
		for _, header := range []string{"", "Bearer", "Bearer ", "Bearer wrong", "Basic " + secret, "Bearer " + secret + "x"} {
			if got := status(r.method, r.path, header); got != 401 {
				t.Errorf("%s %s with %q: %d, want 401", r.method, r.path, header, got)
			}
		}
	}
	f2 := func(method, path string, want int) {
		t.Helper()
		if got := status(method, path, "bearer "+secret); got != want {
			t.Errorf("%s %s: %d, want %d", method, path, got, want)
		}
	}
	f2("GET", "/", 404)
	f2("GET", "/debug/pprof/", 404)
	f2("GET", weir.PathGenerate, 405)
	f2("GET", "/metrics", 200)
	f2("POST", weir.PathCancel+"xyz", 400)
	f2("POST", weir.PathCancel+weir.ID{9}.String(), 404)
	f2("POST", weir.PathCancel+request(1, 0).ID.String(), 200)
	if got := status("GET", "/node/v1/health", ""); got != 200 {
		t.Errorf("health: %d", got)
	}
}

func TestVocabIsCacheable(t *testing.T) {
	f := startNode(t, says(nil), nil)
	resp := f.do(t.Context(), "GET", weir.PathVocab+"m", nil)
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 || string(body) != "vocabulary of m" || resp.Header.Get("ETag") != `"v1"` {
		t.Errorf("%d %q %v, tag %s", resp.StatusCode, body, err, resp.Header.Get("ETag"))
	}
	r, err := http.NewRequestWithContext(t.Context(), "GET", f.URL()+weir.PathVocab+"m", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+secret)
	r.Header.Set("If-None-Match", `"v1"`)
	again, err := f.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	again.Body.Close()
	if again.StatusCode != http.StatusNotModified {
		t.Errorf("unchanged: %d, want 304", again.StatusCode)
	}
	if resp := f.do(t.Context(), "GET", weir.PathVocab+"deepseek/r1", nil); resp.StatusCode != 404 {
		t.Errorf("unknown model: %d", resp.StatusCode)
	}
}

func TestMetrics(t *testing.T) {
	f := startNode(t, says(nil), nil)
	f.generate(t.Context(), request(1, 5)).all(t)
	f.generate(t.Context(), request(2, 7)).all(t)
	problems, err := testutil.GatherAndLint(f.metrics.registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
	text, err := io.ReadAll(f.do(t.Context(), "GET", "/metrics", nil).Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`weir_node_requests_total{end="length",model="m"} 2`,
		`weir_node_tokens_total{kind="output",model="m"} 12`,
		`weir_node_tokens_total{kind="input",model="m"} 6`,
		`weir_node_time_to_first_token_seconds_count{model="m"} 2`,
		`weir_node_output_tokens_per_second_count{model="m"} 2`,
		`weir_node_slots{model="m"} 4`,
		`weir_node_active{model="m"} 0`,
	} {
		if !strings.Contains(string(text), line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
}

func TestHandlerPanics(t *testing.T) {
	f := startNode(t, says(nil), nil)
	serve := func(h http.HandlerFunc) (*http.Response, error) {
		server := httptest.NewServer(f.recovered(h))
		t.Cleanup(server.Close)
		resp, err := server.Client().Get(server.URL)
		if err == nil {
			t.Cleanup(func() { resp.Body.Close() })
		}
		return resp, err
	}
	resp, err := serve(func(http.ResponseWriter, *http.Request) { panic("early") })
	if err != nil || resp.StatusCode != 500 {
		t.Fatalf("%v %v", resp, err)
	}
	if body, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(body), `"kind":"internal"`) || strings.Contains(string(body), "early") {
		t.Errorf("%q %v", body, err)
	}
	resp, err = serve(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, strings.Repeat("x", 10_000))
		panic("late")
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("a body cut by a panic looks whole")
	}
	if !f.log.has("early") || !f.log.has("late") {
		t.Error("the panics are not in the log")
	}
}

// FuzzRequest feeds foreign bytes to everything that reads a request before the engine does.
func FuzzRequest(f *testing.F) {
	for _, r := range []weir.GenerateRequest{
		request(1, 5),
		{ID: weir.ID{1}, Model: "intent", Wish: &weir.Wish{Text: "a 50 Mbps line for camera 3, 8 to 6 tomorrow", Now: "2026-03-01T09:30"}},
		{ID: weir.ID{1}, Model: "intent", Schema: []byte(`{"type":"object","properties":{"a":{"type":"array","items":{"enum":[1,"x"]}}}}`)},
	} {
		body, err := json.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Add([]byte(`{"id":"`))
	e, err := engine.FromBytes(intent.GGUF(), engine.Options{Threads: 1, Slots: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { e.Close() })
	m := newModel(e, e.Tokenizer(), ModelConfig{Name: "intent"})
	f.Fuzz(func(t *testing.T, body []byte) {
		var r weir.GenerateRequest
		w := httptest.NewRecorder()
		err := decode(w, httptest.NewRequest(http.MethodPost, weir.PathGenerate, bytes.NewReader(body)), 1<<16, &r)
		var k task
		if err == nil {
			k, err = m.prepare(&r)
		}
		if err != nil {
			if kind := fault.KindOf(err); kind != fault.Invalid && kind != fault.Conflict {
				t.Fatalf("%s: %v", kind, err)
			}
			return
		}
		if k.Constraint != nil {
			k.Constraint.Mask(make(sample.Mask, (e.Tokenizer().Len()+63)/64))
		}
	})
}
