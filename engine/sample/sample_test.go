package sample

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/weir-project/weir"
	"pgregory.net/rapid"
)

func next(t *testing.T, p weir.Sampling, logits ...float32) int32 {
	t.Helper()
	s, err := New(p, len(logits))
	if err != nil {
		t.Fatal(err)
	}
	return s.Next(logits, nil)
}

func TestGreedy(t *testing.T) {
	f := func(want int32, logits ...float32) {
		t.Helper()
		if got := next(t, weir.Sampling{}, logits...); got != want {
			t.Errorf("greedy of %v = %d, want %d", logits, got, want)
		}
	}
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	f(1, 0, 3, 2)
	f(0, 3, 3, 3) // the lower id
	f(2, nan, inf, -5)
	f(-1, nan, nan)
}

func TestMask(t *testing.T) {
	s, _ := New(weir.Sampling{}, 70)
	logits := make([]float32, 70)
	logits[3], logits[69] = 9, 5
	if got := s.Next(logits, Mask{0, 1 << 5}); got != 69 {
		t.Errorf("masked choice %d, want 69", got)
	}
	if got := s.Next(logits, Mask{0, 0}); got != -1 {
		t.Errorf("empty mask chose %d, want -1", got)
	}
}

// frequencies draws n tokens from fixed logits.
func frequencies(t *testing.T, p weir.Sampling, n int, logits ...float32) []float64 {
	t.Helper()
	s, err := New(p, len(logits))
	if err != nil {
		t.Fatal(err)
	}
	f := make([]float64, len(logits))
	work := make([]float32, len(logits))
	for range n {
		copy(work, logits)
		f[s.Next(work, nil)] += 1 / float64(n)
	}
	return f
}

func TestDistribution(t *testing.T) {
	ln := func(p float64) float32 { return float32(math.Log(p)) }
	logits := []float32{ln(0.5), ln(0.3), ln(0.15), ln(0.05)}
	f := func(p weir.Sampling, want ...float64) {
		t.Helper()
		p.Seed = 7
		got := frequencies(t, p, 40000, logits...)
		for i := range want {
			if math.Abs(got[i]-want[i]) > 0.01 {
				t.Fatalf("%+v: frequencies %.3f, want %.3f", p, got, want)
			}
		}
	}
	f(weir.Sampling{Temperature: 1}, 0.5, 0.3, 0.15, 0.05)
	f(weir.Sampling{Temperature: 0.5}, 0.685, 0.247, 0.062, 0.007) // squares, normalised
	f(weir.Sampling{Temperature: 1, TopK: 2}, 0.625, 0.375, 0, 0)
	f(weir.Sampling{Temperature: 1, TopP: 0.9}, 0.526, 0.316, 0.158, 0) // 0.8 is too little
	f(weir.Sampling{Temperature: 1, MinP: 0.4}, 0.625, 0.375, 0, 0)
	f(weir.Sampling{Temperature: 1, LogitBias: map[int32]float32{0: -100}}, 0, 0.6, 0.3, 0.1)
}

func TestPenalties(t *testing.T) {
	f := func(p weir.Sampling, history []int32, want ...float32) {
		t.Helper()
		s, err := New(p, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range history {
			s.Accept(id)
		}
		logits := []float32{2, -2, 1}
		s.Next(logits, nil)
		if fmt.Sprint(logits) != fmt.Sprint(want) {
			t.Errorf("%+v after %v: logits %v, want %v", p, history, logits, want)
		}
	}
	f(weir.Sampling{RepeatPenalty: 2}, []int32{0, 1, 1}, 1, -4, 1)
	f(weir.Sampling{FrequencyPenalty: 0.5}, []int32{0, 1, 1}, 1.5, -3, 1)
	f(weir.Sampling{PresencePenalty: 0.5}, []int32{0, 1, 1}, 1.5, -2.5, 1)
	f(weir.Sampling{PresencePenalty: 0.5, PenaltyWindow: 1}, []int32{0, 1}, 2, -2.5, 1)
}

func TestSeedDecides(t *testing.T) {
	draw := func(seed uint64) string {
		s, _ := New(weir.Sampling{Temperature: 1, Seed: seed}, 100)
		out := ""
		for range 20 {
			out += fmt.Sprint(s.Next(make([]float32, 100), nil), " ")
		}
		return out
	}
	first, again := draw(1), draw(1)
	if first != again || first == draw(2) {
		t.Error("equal seeds must give equal tokens, different ones different tokens")
	}
}

func TestCheckNamesTheParameter(t *testing.T) {
	f := func(p weir.Sampling, want string) {
		t.Helper()
		if err := Check(p, 10); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Check(%+v) = %v, want %q", p, err, want)
		}
	}
	f(weir.Sampling{Temperature: -1}, "temperature is -1")
	f(weir.Sampling{Temperature: float32(math.NaN())}, "temperature is NaN")
	f(weir.Sampling{TopP: 1.5}, "top_p is 1.5")
	f(weir.Sampling{TopK: -1}, "top_k -1")
	f(weir.Sampling{FrequencyPenalty: 3}, "frequency_penalty is 3")
	f(weir.Sampling{LogitBias: map[int32]float32{10: 1}}, "token 10")
}

// TestLargest compares the quickselect with sorting.
func TestLargest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SliceOfN(rapid.Float32Range(-3, 3), 1, 80).Draw(t, "v")
		k := rapid.IntRange(1, len(v)).Draw(t, "k")
		c := make([]candidate, len(v))
		for i := range v {
			c[i] = candidate{int32(i), float32(math.Round(float64(v[i])))}
		}
		worst := candidate{-1, float32(math.Inf(1))}
		in := map[int32]bool{}
		for _, x := range largest(c, k) {
			in[x.id] = true
			if order(x, worst) > 0 {
				worst = x
			}
		}
		for _, x := range c {
			if !in[x.id] && order(x, worst) < 0 {
				t.Fatalf("%v was left out, %v was kept", x, worst)
			}
		}
	})
}

func TestLogprobs(t *testing.T) {
	logits := []float32{1, 3, 3, 0}
	got, _ := Logprobs(nil, logits, 0, 3, nil)
	want := []int32{0, 1, 2, 0} // the chosen one, then the top three
	total := 0.0
	for i := range want {
		if got[i].ID != want[i] {
			t.Fatalf("logprobs %v, want ids %v", got, want)
		}
	}
	for i := range logits {
		lp, _ := Logprobs(nil, logits, int32(i), 0, nil)
		total += math.Exp(float64(lp[0].V))
	}
	if math.Abs(total-1) > 1e-6 {
		t.Errorf("probabilities sum to %v", total)
	}
}

func TestNextAllocatesNothing(t *testing.T) {
	s, _ := New(weir.Sampling{Temperature: 0.8, TopK: 40, TopP: 0.9, MinP: 0.01, Seed: 3}, 1000)
	logits := make([]float32, 1000)
	for i := range logits {
		logits[i] = float32(i%37) / 5
	}
	if n := testing.AllocsPerRun(50, func() { s.Next(logits, nil) }); n != 0 {
		t.Errorf("%v allocations a token, want none", n)
	}
}
