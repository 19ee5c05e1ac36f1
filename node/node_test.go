package node

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/bus"
	"github.com/weir-project/weir/engine"
	"github.com/weir-project/weir/internal/fault"
)

const secret = "node secret"

// scripted is a model that does what a test says.
type scripted struct {
	card   weir.ModelCard
	active atomic.Int64
	run    func(ctx context.Context, r engine.Request, emit func(engine.Event) error) (engine.Result, error)
}

func (s *scripted) Card() weir.ModelCard { return s.card }
func (s *scripted) Vocab() []byte        { return []byte("vocabulary of " + s.card.Name) }
func (s *scripted) Close() error         { return nil }
func (s *scripted) Load() weir.Load      { return weir.Load{Active: int(s.active.Load()), Slots: 4} }

func (s *scripted) Generate(ctx context.Context, r engine.Request, emit func(engine.Event) error) (engine.Result, error) {
	s.active.Add(1)
	defer s.active.Add(-1)
	return s.run(ctx, r, emit)
}

// says returns a script that emits MaxTokens tokens, taking a go-ahead for each from gate unless it is nil. Like the
// engine, it stops when ctx ends or emit fails, and accounts for what it emitted.
func says(gate <-chan struct{}) func(context.Context, engine.Request, func(engine.Event) error) (engine.Result, error) {
	return func(ctx context.Context, r engine.Request, emit func(engine.Event) error) (engine.Result, error) {
		res := engine.Result{Usage: weir.Usage{Input: weir.Tokens(len(r.Prompt))}, End: weir.EndLength, TTFT: time.Millisecond, Duration: time.Second}
		for i := range r.MaxTokens {
			if gate != nil {
				select {
				case <-gate:
				case <-ctx.Done():
				}
			}
			if ctx.Err() != nil {
				res.End = weir.EndCancelled
				return res, nil
			}
			if err := emit(engine.Event{Tokens: []int32{int32(i)}, Text: fmt.Sprint("w", i, " ")}); err != nil {
				res.End = weir.EndCancelled
				return res, err
			}
			res.Usage.Output++
		}
		return res, nil
	}
}

// logged collects log lines.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) has(part string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), part)
}

type fixture struct {
	*Node
	t    *testing.T
	conn *bus.Conn
	log  *logged
	http *http.Client
}

func newBus(t *testing.T) *bus.Conn {
	t.Helper()
	server, err := bus.Start(bus.Config{})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := server.Conn("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); server.Close() })
	return conn
}

// startNode runs a node with one scripted model named m.
func startNode(t *testing.T, run func(context.Context, engine.Request, func(engine.Event) error) (engine.Result, error), change func(*Config)) *fixture {
	t.Helper()
	f := &fixture{t: t, conn: newBus(t), log: &logged{}, http: &http.Client{Transport: &http.Transport{}}}
	c := Config{
		ID: "n1", Site: "plant", Provider: "p", Dir: t.TempDir(), Secret: secret, Models: make([]ModelConfig, 1),
		NoMeasure: true, DrainWait: 5 * time.Second, Log: slog.New(slog.NewTextHandler(f.log, nil)),
	}
	if change != nil {
		change(&c)
	}
	c, err := c.complete()
	if err != nil {
		t.Fatal(err)
	}
	m := newModel(&scripted{card: weir.ModelCard{Name: "m", Digest: "d1", Vocabulary: "v1"}, run: run}, nil, ModelConfig{Prices: weir.Prices{Input: 5}})
	if f.Node, err = start(t.Context(), c, f.conn, catalogue{m}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.http.CloseIdleConnections()
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func (f *fixture) do(ctx context.Context, method, path string, body []byte) *http.Response {
	f.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, f.URL()+path, bytes.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+secret)
	resp, err := f.http.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// answer is a generation as its client reads it.
type answer struct {
	*http.Response
	lines *bufio.Reader
}

func (f *fixture) generate(ctx context.Context, r weir.GenerateRequest) answer {
	f.t.Helper()
	body, err := json.Marshal(r)
	if err != nil {
		f.t.Fatal(err)
	}
	resp := f.do(ctx, http.MethodPost, weir.PathGenerate, body)
	return answer{resp, bufio.NewReader(resp.Body)}
}

func (a answer) next(t *testing.T) (e weir.GenerateEvent) {
	t.Helper()
	line, err := a.lines.ReadBytes('\n')
	if err != nil {
		t.Fatalf("read an event: %v", err)
	}
	if err := json.Unmarshal(line, &e); err != nil {
		t.Fatalf("event %q: %v", line, err)
	}
	return e
}

// all reads to the end; the last event is apart.
func (a answer) all(t *testing.T) (tokens []int32, text string, last weir.GenerateEvent) {
	t.Helper()
	for {
		last = a.next(t)
		if last.End != "" || last.Error != nil {
			break
		}
		tokens, text = append(tokens, last.Tokens...), text+last.Text
	}
	if rest, err := io.ReadAll(a.lines); err != nil || len(rest) > 0 {
		t.Errorf("after the last event: %q, %v", rest, err)
	}
	return tokens, text, last
}

func (f *fixture) cancelRequest(id weir.ID) (int, weir.GenerateEvent) {
	f.t.Helper()
	resp := f.do(f.t.Context(), http.MethodPost, weir.PathCancel+id.String(), nil)
	var e weir.GenerateEvent
	if err := json.NewDecoder(resp.Body).Decode(&e); err != nil {
		f.t.Fatal(err)
	}
	return resp.StatusCode, e
}

func request(n byte, tokens int) weir.GenerateRequest {
	return weir.GenerateRequest{ID: weir.ID{1, n}, Hold: weir.ID{2, n}, Model: "m", Prompt: []int32{1, 2, 3}, MaxTokens: weir.Tokens(tokens)}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after 10 s: no %s", what)
		}
	}
}

// openClaim checks a claim's signature and that it is this node's.
func (f *fixture) openClaim(e weir.GenerateEvent) weir.Claim {
	f.t.Helper()
	if e.Claim == nil {
		f.t.Fatalf("event %+v has no claim", e)
	}
	c, err := verifyClaim(*e.Claim, f.PublicKey())
	if err != nil {
		f.t.Fatal(err)
	}
	if c.Node != "n1" || c.Model != "m" || c.Digest != "d1" || c.Hold[1] != c.Request[1] {
		f.t.Errorf("claim %+v speaks of something else", c)
	}
	return c
}

func wantKind(t *testing.T, err error, kind fault.Kind, part string) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind || !strings.Contains(err.Error(), part) {
		t.Fatalf("got %v (%s), want %s with %q", err, fault.KindOf(err), kind, part)
	}
}

var errModel = errors.New("the matrix has holes")
