package arch

import (
	"io/fs"
	"os"
	"testing"

	"github.com/weir-project/weir/engine/gguf"
	"github.com/weir-project/weir/engine/kernel"
	"github.com/weir-project/weir/engine/kv"
	"github.com/weir-project/weir/engine/parity"
	"github.com/weir-project/weir/internal/testkit"
)

// run evaluates a prompt in passes of the given number of rows.
func run(chunk int) parity.Run {
	return func(model []byte, tokens []int32, rows []int, exact bool) ([]float32, error) {
		f, err := gguf.Parse(model)
		if err != nil {
			return nil, err
		}
		m, err := Load(f)
		if err != nil {
			return nil, err
		}
		t := kv.F16
		if exact {
			t = kv.F32
		}
		cache, err := kv.New(m.CacheGeometry(t), len(tokens))
		if err != nil {
			return nil, err
		}
		if err := cache.Grow(len(tokens)); err != nil {
			return nil, err
		}
		wanted := map[int]bool{}
		for _, r := range rows {
			wanted[r] = true
		}
		r := NewRunner(m, kernel.Serial{}, chunk, len(tokens))
		logits := make([]float32, len(rows)*m.Vocab)
		at := 0
		for from := 0; from < len(tokens); from += chunk {
			var pass []Row
			n := 0
			for i := from; i < min(from+chunk, len(tokens)); i++ {
				pass = append(pass, Row{Token: tokens[i], Pos: i, Cache: cache, Logits: wanted[i]})
				if wanted[i] {
					n++
				}
			}
			if err := r.Eval(pass, logits[at:]); err != nil {
				return nil, err
			}
			at += n * m.Vocab
		}
		return logits, nil
	}
}

func judgeAll(t *testing.T, dir fs.FS, run parity.Run) {
	t.Helper()
	names, err := parity.Cases(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			results, err := parity.Judge(dir, name, run)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range results {
				t.Logf("%3d tokens: max %.2g, NMSE median %.2g (peer %.2g), worst %.2g, first choice %d of %d", r.Prompt, r.Max, r.Median, r.Peer, r.Worst, r.Top1, r.Rows)
				if r.Fail != "" {
					t.Errorf("%d tokens: %s", r.Prompt, r.Fail)
				}
			}
		})
	}
}

func TestParityShared(t *testing.T) {
	judgeAll(t, os.DirFS(testkit.Shared(t, "fixtures/engine")), run(64))
}

func TestParity(t *testing.T) {
	judgeAll(t, os.DirFS("../parity/testdata"), run(64))
}

// TestPassesDoNotMatter cuts a prompt in passes of different sizes: the logits must be equal
// to the last bit.
func TestPassesDoNotMatter(t *testing.T) {
	for _, name := range []string{"llama-q4_k_m", "qwen2-q4_k_m", "qwen3-f16", "dsv3-q4_k_m", "dsv3-split-q4_0", "dsv3-f32"} {
		model, err := os.ReadFile("../parity/testdata/" + name + ".gguf")
		if err != nil {
			t.Fatal(err)
		}
		tokens := make([]int32, 40)
		for i := range tokens {
			tokens[i] = int32(i * 37 % 320)
		}
		want, err := run(1)(model, tokens, []int{20, 39}, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, chunk := range []int{2, 7, 40} {
			got, err := run(chunk)(model, tokens, []int{20, 39}, false)
			if err != nil {
				t.Fatal(err)
			}
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("%s in passes of %d: logit %d is %v, one by one %v", name, chunk, i, got[i], want[i])
					break
				}
			}
		}
	}
}

func mustCache(t *testing.T, m *Model, tokens int) *kv.Cache {
	t.Helper()
	c, err := kv.New(m.CacheGeometry(kv.F16), tokens)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Grow(tokens); err != nil {
		t.Fatal(err)
	}
	return c
}
