package arch

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-project/weir/engine/gguf"
	"github.com/weir-project/weir/engine/kernel"
	"github.com/weir-project/weir/internal/fault"
)

func fixture(t testing.TB, name string) *gguf.File {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "parity", "testdata", name+".gguf"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// edited writes the file again with keys changed (nil: removed) and tensors left out.
func edited(t testing.TB, f *gguf.File, keys map[string]any, drop string) *gguf.File {
	t.Helper()
	var w gguf.Writer
	for _, k := range f.Keys {
		v, ok := keys[k.Key]
		switch {
		case !ok:
			w.Set(k.Key, k.Value)
		case v != nil:
			w.Set(k.Key, v)
		}
	}
	for k, v := range keys {
		if v != nil {
			w.Set(k, v)
		}
	}
	for _, x := range f.Tensors {
		if x.Name != drop {
			w.Add(x.Name, x.Type, x.Shape, x.Data)
		}
	}
	var b bytes.Buffer
	if _, err := w.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	out, err := gguf.Parse(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestHostileFiles changes one thing in a good file: Load must say what is wrong.
func TestHostileFiles(t *testing.T) {
	llama, dsv3 := fixture(t, "llama-f32"), fixture(t, "dsv3-f32")
	f := func(file *gguf.File, key string, value any, want string) {
		t.Helper()
		_, err := Load(edited(t, file, map[string]any{key: value}, ""))
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%s = %v: %v, want an invalid-request error with %q", key, value, err, want)
		}
	}
	f(llama, "general.architecture", nil, "holds no model")
	f(llama, "general.architecture", "mamba", `architecture "mamba" is not supported: want one of llama`)
	f(llama, "llama.block_count", uint32(0), "block_count is missing or zero")
	f(llama, "llama.block_count", uint32(3), "blk.2.attn_norm.weight is missing")
	f(llama, "llama.block_count", uint32(1<<31), "at most 1024")
	f(llama, "llama.embedding_length", uint32(65), "want 65 columns")
	f(llama, "llama.attention.head_count", uint32(1<<30), "at most")
	f(llama, "llama.attention.head_count_kv", uint32(3), "cannot share 3 key heads")
	f(llama, "llama.expert_count", uint32(8), "8 experts is not supported")
	f(llama, "llama.rope.scaling.type", "longrope", `"longrope" is not supported`)
	f(llama, "llama.rope.dimension_count", uint32(5), "even number")
	f(llama, "llama.rope.freq_base", float32(0), "base above 1")
	f(dsv3, "deepseek2.attention.kv_lora_rank", nil, "kv_lora_rank is missing")
	f(dsv3, "deepseek2.expert_used_count", uint32(99), "at most 8")
	f(dsv3, "deepseek2.expert_gating_func", uint32(7), "want 1 (softmax) or 2 (sigmoid)")
	f(dsv3, "deepseek2.expert_group_count", uint32(3), "do not divide into 3 groups")
	f(dsv3, "deepseek2.rope.dimension_count", uint32(48), "leaves nothing")
	for _, drop := range []string{"token_embd.weight", "output_norm.weight", "blk.1.ffn_gate_exps.weight", "blk.0.attn_kv_a_norm.weight"} {
		if _, err := Load(edited(t, dsv3, nil, drop)); err == nil || !strings.Contains(err.Error(), drop) {
			t.Errorf("without %s: %v, want an error that names it", drop, err)
		}
	}
}

func TestEvalRefusesWhatDoesNotFit(t *testing.T) {
	m, err := Load(fixture(t, "llama-f32"))
	if err != nil {
		t.Fatal(err)
	}
	r := NewRunner(m, kernel.Serial{}, 2, 64)
	cache := mustCache(t, m, 3)
	logits := make([]float32, m.Vocab)
	f := func(want string, logits []float32, rows ...Row) {
		t.Helper()
		if err := r.Eval(rows, logits); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an invalid-request error with %q", err, want)
		}
	}
	f("want 1 to 2", logits)
	f("outside the vocabulary", logits, Row{Token: 320, Cache: cache})
	f("outside the vocabulary", logits, Row{Token: -1, Cache: cache})
	f("position 3", logits, Row{Pos: 3, Cache: cache})
	f("room for 10 logits", logits[:10], Row{Cache: cache, Logits: true})
}
