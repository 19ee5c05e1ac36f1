package device

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/engine/kernel"
)

func TestFacts(t *testing.T) {
	c := Facts()
	if c.CPU == "" || c.Cores < 1 || c.Kernels == "unknown" || c.Kernels == "" {
		t.Errorf("%+v", c)
	}
	if c.MemoryBytes < 64<<20 {
		t.Errorf("%d bytes of memory", c.MemoryBytes)
	}
}

// TestRates checks magnitudes alone: no machine that runs the tests reads below 50 MB/s or above 10 TB/s.
func TestRates(t *testing.T) {
	if testing.Short() {
		t.Skip("reads memory for a second")
	}
	if r := ReadBandwidth(t.Context(), kernel.Serial{}); r < 50e6 || r > 10e12 {
		t.Errorf("reads %g bytes/s", r)
	}
	if r := Int8Rate(t.Context(), kernel.Serial{}); r < 10e6 || r > 1e15 {
		t.Errorf("%g operations/s", r)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if r := ReadBandwidth(ended, kernel.Serial{}); r != 0 {
		t.Errorf("measured %g after the end", r)
	}
}

// paced is a model of known speed.
type paced struct {
	prompt, token time.Duration
	calls         int
	failAfter     int // calls; 0: never
}

var errPaced = errors.New("out of time")

func (p *paced) Measure(_ context.Context, _, prompt, generate int) (time.Duration, error) {
	if p.calls++; p.failAfter > 0 && p.calls > p.failAfter {
		return 0, errPaced
	}
	return time.Duration(prompt)*p.prompt + time.Duration(generate)*p.token, nil
}

func TestRatesOf(t *testing.T) {
	f := func(p paced, tokens int, want Rates, calls int) {
		t.Helper()
		got, err := RatesOf(t.Context(), &p, tokens)
		near := math.Abs(got.Decode/want.Decode-1) < 1e-9 && math.Abs(got.Prefill/want.Prefill-1) < 1e-9
		if err != nil || !near || p.calls != calls {
			t.Errorf("got %+v in %d calls, %v; want %+v in %d", got, p.calls, err, want, calls)
		}
	}
	ms := time.Millisecond
	f(paced{prompt: 10 * ms, token: 100 * ms}, 8192, Rates{Decode: 10, Prefill: 100}, 1+1)        // slow: the shortest stretch does
	f(paced{prompt: ms, token: 20 * ms}, 8192, Rates{Decode: 50, Prefill: 1000}, 5+3)             // 16..256 tokens, 2..8 tokens
	f(paced{prompt: 1, token: 1}, 8192, Rates{Decode: 1e9, Prefill: 1e9}, 6+6)                    // fast: to the limits
	f(paced{prompt: 1, token: 1}, 20, Rates{Decode: 1e9, Prefill: 1e9}, 2+5)                      // a small context
	f(paced{prompt: ms, token: 20 * ms, failAfter: 6}, 8192, Rates{Decode: 50, Prefill: 1000}, 7) // time ran out: the last stretch counts
	_, err := RatesOf(t.Context(), &paced{failAfter: 1, prompt: time.Second}, 8192)
	if !errors.Is(err, errPaced) {
		t.Errorf("no time to decode: %v", err)
	}
}

func TestCache(t *testing.T) {
	dir := t.TempDir()
	facts := weir.DeviceCard{CPU: "c", Cores: 2, Kernels: "go", ReadBandwidth: 5}
	key := Key(facts, 2)
	if s := Load(dir, key); s.Machine != nil || len(s.Models) != 0 || s.Key != key {
		t.Errorf("nothing kept: %+v", s)
	}
	s := Saved{Key: key, Machine: &facts, Models: map[string]Rates{"d": {Decode: 1, Prefill: 2}}}
	for range 2 { // the second replaces the first
		if err := s.Save(dir); err != nil {
			t.Fatal(err)
		}
	}
	if got := Load(dir, key); got.Machine == nil || got.Machine.ReadBandwidth != 5 || got.Models["d"].Prefill != 2 {
		t.Errorf("kept %+v", got)
	}
	for _, other := range []string{Key(facts, 1), Key(weir.DeviceCard{CPU: "d", Cores: 2, Kernels: "go"}, 2), Key(weir.DeviceCard{CPU: "c", Cores: 2, Kernels: "avx2"}, 2)} {
		if got := Load(dir, other); got.Machine != nil || got.Key != other {
			t.Errorf("%q takes what %q measured", other, key)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, cacheFile), []byte(`{"key":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := Load(dir, key); got.Machine != nil {
		t.Error("a damaged file counts")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*-*-*")); len(left) > 0 {
		t.Errorf("left behind %v", left)
	}
	if err := s.Save(filepath.Join(dir, "absent")); err == nil {
		t.Error("saved into a directory that is not there")
	}
}
