package engine

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/engine/kernel"
	"github.com/weir-project/weir/engine/kv"
	"github.com/weir-project/weir/engine/sample"
	"github.com/weir-project/weir/internal/fault"
)

func open(t *testing.T, name string, o Options) *Model {
	t.Helper()
	m, err := Open(filepath.Join("parity", "testdata", name+".gguf"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

type answer struct {
	ids  []int32
	text string
	res  Result
}

func generate(t *testing.T, m *Model, r Request) answer {
	t.Helper()
	var a answer
	res, err := m.Generate(context.Background(), r, func(e Event) error {
		a.ids = append(a.ids, e.Tokens...)
		a.text += e.Text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	a.res = res
	return a
}

// TestGreedyFollowsReference compares with the float64 reference's own continuation, up to
// the first step whose margin is too small to tell.
func TestGreedyFollowsReference(t *testing.T) {
	f := func(name string, prompt, want []int32) {
		t.Helper()
		for _, threads := range []int{1, 3} {
			m := open(t, name, Options{Threads: threads})
			got := generate(t, m, Request{Prompt: prompt, MaxTokens: len(want)})
			if !slices.Equal(got.ids, want) {
				t.Errorf("%s on %d threads: %v, want %v", name, threads, got.ids, want)
			}
			if u := got.res.Usage; u.Input != weir.Tokens(len(prompt)) || u.Output != weir.Tokens(len(want)) {
				t.Errorf("%s: usage %+v", name, u)
			}
		}
	}
	prompt := readPrompt(t, "llama-f32")
	f("llama-f32", prompt, []int32{26, 144, 102, 85, 102, 158, 265, 263, 149, 150, 248, 252, 248, 30, 236, 297})
}

func readPrompt(t *testing.T, name string) []int32 {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("parity", "testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var c struct{ Prompts []struct{ Tokens []int32 } }
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	return c.Prompts[0].Tokens
}

// TestNeighboursDoNotMatter runs many requests at once: each must get what it gets alone.
func TestNeighboursDoNotMatter(t *testing.T) {
	for _, name := range []string{"llama-q4_k_m", "dsv3-split-q4_0", "qwen3-f16"} {
		m := open(t, name, Options{Threads: 2, Slots: 3, BatchRows: 16})
		var requests []Request
		for i := range 7 {
			p := make([]int32, 1+i*9)
			for j := range p {
				p[j] = int32((i*31 + j*17) % 300)
			}
			requests = append(requests, Request{Prompt: p, MaxTokens: 12, Sampling: weir.Sampling{Temperature: 0.8, Seed: uint64(i)}})
		}
		alone := make([]answer, len(requests))
		for i, r := range requests {
			alone[i] = generate(t, m, r)
		}
		var wg sync.WaitGroup
		for i, r := range requests {
			wg.Add(1)
			go func() {
				defer wg.Done()
				if got := generate(t, m, r); !slices.Equal(got.ids, alone[i].ids) || got.text != alone[i].text {
					t.Errorf("%s: request %d among others gave %v, alone %v", name, i, got.ids, alone[i].ids)
				}
			}()
		}
		wg.Wait()
	}
}

func TestCancelStopsAtOnce(t *testing.T) {
	m := open(t, "llama-f32", Options{Threads: 1, Slots: 1})
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	res, err := m.Generate(ctx, Request{Prompt: []int32{5, 6, 7}, MaxTokens: 1500, Sampling: ban(m)}, func(Event) error {
		if n++; n == 3 {
			cancel()
		}
		return nil
	})
	if err != nil || res.End != weir.EndCancelled || res.Usage.Output != 3 || res.Usage.Input != 3 {
		t.Errorf("cancelled: %+v, %v", res, err)
	}
	gone := errors.New("client gone")
	res, err = m.Generate(context.Background(), Request{Prompt: []int32{5}, MaxTokens: 1500, Sampling: ban(m)}, func(Event) error { return gone })
	if !errors.Is(err, gone) || res.End != weir.EndCancelled || res.Usage.Output != 0 {
		t.Errorf("emit failed: %+v, %v", res, err)
	}
	if l := m.Load(); l.Queued != 0 {
		t.Errorf("load after cancels: %+v", l)
	}
}

// ban keeps a random model from ending its text.
func ban(m *Model) weir.Sampling {
	s := weir.Sampling{LogitBias: map[int32]float32{}}
	for _, id := range m.Tokenizer().EOG() {
		s.LogitBias[id] = -100
	}
	return s
}

func TestQueueIsBounded(t *testing.T) {
	m := open(t, "llama-f32", Options{Threads: 1, Slots: 1, Queue: 1})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var wg sync.WaitGroup
	long := func() { // until cancelled
		wg.Go(func() {
			if _, err := m.Generate(ctx, Request{Prompt: []int32{1}, Sampling: ban(m)}, func(Event) error { return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	await := func(what string, ok func(weir.Load) bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); !ok(m.Load()); time.Sleep(100 * time.Microsecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s did not come about: %+v", what, m.Load())
			}
		}
	}
	long()
	await("a running request", func(l weir.Load) bool { return l.Active == 1 })
	long()
	await("a waiting request", func(l weir.Load) bool { return l.Queued == 1 })
	_, err := m.Generate(ctx, Request{Prompt: []int32{1}, MaxTokens: 1}, func(Event) error { return nil })
	if fault.KindOf(err) != fault.NoCapacity {
		t.Errorf("third request: %v, want no capacity", err)
	}
	cancel()
	wg.Wait()
}

func TestStopStrings(t *testing.T) {
	m := open(t, "llama-f32", Options{Threads: 1})
	r := Request{Prompt: []int32{5, 6, 7}, MaxTokens: 60, Sampling: ban(m)}
	whole := generate(t, m, r).text
	for from := 1; from+3 < len(whole); from += 7 {
		stop := whole[from : from+3]
		if !isText(stop) {
			continue
		}
		r.Stop = []string{"never said", stop}
		got := generate(t, m, r)
		want := whole[:strings.Index(whole, stop)]
		if got.text != want || got.res.End != weir.EndStop {
			t.Errorf("stop at %q: %q (%s), want %q", stop, got.text, got.res.End, want)
		}
	}
}

func isText(s string) bool { return strings.ToValidUTF8(s, "") == s && !strings.Contains(s, "\uFFFD") }

func TestBadRequestsNameTheProblem(t *testing.T) {
	m := open(t, "llama-f32", Options{Threads: 1, Context: 64})
	f := func(r Request, want string) {
		t.Helper()
		_, err := m.Generate(context.Background(), r, func(Event) error { return nil })
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want an invalid-request error with %q", err, want)
		}
	}
	f(Request{}, "prompt is empty")
	f(Request{Prompt: make([]int32, 64)}, "64 tokens: the context of llama-f32 holds 64")
	f(Request{Prompt: []int32{320}}, "token 320 is outside the vocabulary of 320")
	f(Request{Prompt: []int32{1}, Stop: []string{""}}, "stop string of 0 bytes")
	f(Request{Prompt: []int32{1}, Top: 21}, "want 0 to 20")
	f(Request{Prompt: []int32{1}, Sampling: weir.Sampling{TopP: 2}}, "top_p is 2")
	got := generate(t, m, Request{Prompt: make([]int32, 60), Sampling: ban(m)})
	if got.res.End != weir.EndLength || got.res.Usage.Output != 4 {
		t.Errorf("at the context's end: %+v, want 4 tokens and length", got.res)
	}
}

// only allows one token at each step.
type only struct{ ids []int32 }

func (o *only) Mask(dst sample.Mask) {
	if len(o.ids) > 0 {
		dst[o.ids[0]>>6] |= 1 << (o.ids[0] & 63)
	}
}
func (o *only) Accept(int32) error { o.ids = o.ids[1:]; return nil }
func (o *only) Done() bool         { return len(o.ids) == 0 }

func TestConstraintDecides(t *testing.T) {
	m := open(t, "llama-f32", Options{Threads: 1})
	want := []int32{70, 300, 71, 5}
	got := generate(t, m, Request{Prompt: []int32{9}, Constraint: &only{slices.Clone(want)}})
	if !slices.Equal(got.ids, want) || got.res.End != weir.EndStop {
		t.Errorf("constrained: %v (%s), want %v", got.ids, got.res.End, want)
	}
}

func TestLogprobsOfChosenToken(t *testing.T) {
	m := open(t, "llama-f32", Options{Threads: 1})
	var events []Event
	_, err := m.Generate(context.Background(), Request{Prompt: []int32{9}, MaxTokens: 5, Logprobs: true, Top: 2}, func(e Event) error {
		events = append(events, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if len(e.Tokens) == 0 {
			continue
		}
		l := e.Logprobs[0]
		if l.ID != e.Tokens[0] || l.Logprob > 0 || len(l.Top) != 2 || l.Top[0].ID != l.ID || l.Top[0].Logprob != l.Logprob {
			t.Errorf("greedy token %d: %+v", e.Tokens[0], l)
		}
	}
}

func TestCloseEndsRequests(t *testing.T) {
	before := runtime.NumGoroutine()
	m, err := Open("parity/testdata/llama-f32.gguf", Options{Threads: 2, Slots: 1})
	if err != nil {
		t.Fatal(err)
	}
	errs := make(chan error, 3)
	started := make(chan struct{}, 1)
	for range 3 {
		go func() {
			_, err := m.Generate(context.Background(), Request{Prompt: []int32{1}, MaxTokens: 2000, Sampling: ban(m)}, func(Event) error {
				select {
				case started <- struct{}{}:
				default:
				}
				return nil
			})
			errs <- err
		}()
	}
	<-started
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := <-errs; fault.KindOf(err) != fault.Unavailable {
			t.Errorf("request of a closed model: %v, want unavailable", err)
		}
	}
	for i := 0; runtime.NumGoroutine() > before; i++ {
		if i > 1000 {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
		time.Sleep(time.Millisecond)
	}
}

type countJob struct{ seen []int32 }

func (j *countJob) Do(chunk, _ int) { j.seen[chunk]++ }

func TestTeamRunsEachChunkOnce(t *testing.T) {
	team := NewTeam(4)
	defer team.Close()
	var w kernel.Workers = team
	for n := range 200 {
		j := &countJob{seen: make([]int32, n)}
		w.Run(n, j)
		for c, k := range j.seen {
			if k != 1 {
				t.Fatalf("job of %d chunks: chunk %d ran %d times", n, c, k)
			}
		}
		if n%50 == 49 {
			time.Sleep(2 * spinFor) // let the members park
		}
	}
}

func TestEvalAllocatesNothing(t *testing.T) {
	for _, name := range []string{"llama-q4_k_m", "dsv3-q4_k_m"} {
		m := open(t, name, Options{Threads: 2, Context: 256})
		s := &stretch{m: m, logits: make([]float32, m.arch.Vocab)}
		s.cache = mustCache(t, m)
		m.pass.Lock()
		if err := s.feed(context.Background(), 33, 33); err != nil {
			t.Fatal(err)
		}
		n := testing.AllocsPerRun(20, func() {
			if err := s.feed(context.Background(), 1, 1); err != nil {
				t.Error(err)
			}
		})
		m.pass.Unlock()
		if n > 0 {
			t.Errorf("%s: %v allocations a token, want none", name, n)
		}
	}
}

func mustCache(t *testing.T, m *Model) *kv.Cache {
	t.Helper()
	c, err := kv.New(m.arch.CacheGeometry(kv.F16), 64) // two pages, both there before counting
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Grow(64); err != nil {
		t.Fatal(err)
	}
	return c
}
