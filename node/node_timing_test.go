package node

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/bus"
	"github.com/weir-project/weir/engine"
	"github.com/weir-project/weir/models/intent"
)

// benchNode serves models and returns a way to run a request and the times of its first and last event.
func benchNode(b *testing.B, models catalogue) func(weir.GenerateRequest) (first, last time.Duration) {
	server, err := bus.Start(bus.Config{})
	if err != nil {
		b.Fatal(err)
	}
	conn, err := server.Conn("bench")
	if err != nil {
		b.Fatal(err)
	}
	c, err := Config{ID: "n", Site: "s", Provider: "p", Dir: b.TempDir(), Secret: secret, Models: make([]ModelConfig, 1), NoMeasure: true}.complete()
	if err != nil {
		b.Fatal(err)
	}
	n, err := start(b.Context(), c, conn, models)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { n.Close(); conn.Close(); server.Close() })
	return func(r weir.GenerateRequest) (first, last time.Duration) {
		rand.Read(r.ID[:])
		body, err := json.Marshal(r)
		if err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		h, err := http.NewRequestWithContext(b.Context(), http.MethodPost, n.URL()+weir.PathGenerate, bytes.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		h.Header.Set("Authorization", "Bearer "+secret)
		resp, err := http.DefaultClient.Do(h)
		if err != nil {
			b.Fatal(err)
		}
		defer resp.Body.Close()
		lines := bufio.NewScanner(resp.Body)
		for lines.Scan() {
			if first == 0 {
				first = time.Since(began)
			}
		}
		return first, time.Since(began)
	}
}

func report(b *testing.B, name string, d []time.Duration) {
	slices.Sort(d)
	b.ReportMetric(float64(d[len(d)/2].Microseconds())/1000, name+"-p50-ms")
	b.ReportMetric(float64(d[len(d)*95/100].Microseconds())/1000, name+"-p95-ms")
}

// BenchmarkWish is a wish on the bundled model, from request to last event.
func BenchmarkWish(b *testing.B) {
	e, err := engine.FromBytes(intent.GGUF(), engine.Options{})
	if err != nil {
		b.Fatal(err)
	}
	run := benchNode(b, catalogue{newModel(e, e.Tokenizer(), ModelConfig{Name: intent.Name})})
	r := weir.GenerateRequest{Model: intent.Name, MaxTokens: 200, Wish: &weir.Wish{
		Text: "I need deepseek-r1 distilled 7b near the Hangzhou site for 2 hours, first token under 300 ms, at most 40 cents", Now: "2026-03-01T09:30",
	}}
	var firsts, lasts []time.Duration
	for b.Loop() {
		first, last := run(r)
		firsts, lasts = append(firsts, first), append(lasts, last)
	}
	report(b, "first", firsts)
	report(b, "last", lasts)
}

// BenchmarkEvents is the node's own cost: 100 events of a model that takes no time.
func BenchmarkEvents(b *testing.B) {
	m := &scripted{card: weir.ModelCard{Name: "m"}, run: func(ctx context.Context, r engine.Request, emit func(engine.Event) error) (engine.Result, error) {
		return says(nil)(ctx, r, emit)
	}}
	run := benchNode(b, catalogue{newModel(m, nil, ModelConfig{})})
	b.ReportAllocs()
	for b.Loop() {
		run(weir.GenerateRequest{Model: "m", Prompt: []int32{1}, MaxTokens: 100})
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/100, "µs/event")
}
