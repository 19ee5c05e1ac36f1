package convert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/weir-project/weir/engine/gguf"
	"github.com/weir-project/weir/engine/quant"
)

// model is a file with one of each sort of tensor, of random weights.
func model(t *testing.T, cols int, from quant.Type) *gguf.File {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	var w gguf.Writer
	w.Set("general.architecture", "llama")
	w.Set("llama.block_count", uint32(16))
	w.Set("general.file_type", uint32(0))
	add := func(name string, typ quant.Type, shape ...int) {
		n := 1
		for _, d := range shape {
			n *= d
		}
		values := make([]float32, n)
		for i := range values {
			values[i] = float32(rng.NormFloat64())
		}
		size, err := quant.RowBytes(typ, shape[0])
		if err != nil {
			t.Fatal(err)
		}
		data := make([]byte, size*n/shape[0])
		if err := quant.Quantize(data, typ, values); err != nil {
			t.Fatal(err)
		}
		w.Add(name, typ, shape, data)
	}
	add("token_embd.weight", from, cols, 24)
	for i := range 16 {
		add(fmt.Sprintf("blk.%d.attn_norm.weight", i), quant.F32, cols)
		add(fmt.Sprintf("blk.%d.attn_q.weight", i), from, cols, 4)
		add(fmt.Sprintf("blk.%d.attn_v.weight", i), from, cols, 4)
		add(fmt.Sprintf("blk.%d.ffn_gate_inp.weight", i), quant.F32, cols, 2)
		add(fmt.Sprintf("blk.%d.ffn_down_exps.weight", i), from, cols, 2, 2)
	}
	return written(t, &w)
}

func written(t *testing.T, w *gguf.Writer) *gguf.File {
	t.Helper()
	var b bytes.Buffer
	if _, err := w.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Parse(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func quantized(t *testing.T, f *gguf.File, mix string, o Options) *gguf.File {
	t.Helper()
	m, err := MixNamed(mix)
	if err != nil {
		t.Fatal(err)
	}
	w, err := Quantize(t.Context(), f, m, o)
	if err != nil {
		t.Fatal(err)
	}
	return written(t, w)
}

func values(t *testing.T, x *gguf.Tensor) []float32 {
	t.Helper()
	v := make([]float32, x.Rows()*x.Cols())
	quant.Dequantize(v, x.Type, x.Data)
	return v
}

// TestEveryMix: each mix yields a file that reads back near the original, nearer the finer it is.
func TestEveryMix(t *testing.T) {
	f := model(t, 256, quant.F32)
	last := -1.0
	for _, name := range MixNames() {
		got := quantized(t, f, name, Options{Threads: 3})
		m, _ := MixNamed(name)
		if id, _ := got.Uint("general.file_type"); uint32(id) != m.FileType {
			t.Errorf("%s: file type %d, want %d", name, id, m.FileType)
		}
		var square, power float64
		for i := range f.Tensors {
			was, is := &f.Tensors[i], &got.Tensors[i]
			if was.Name != is.Name || was.Rows() != is.Rows() || was.Cols() != is.Cols() {
				t.Fatalf("%s: tensor %d is %s %v, want %s %v", name, i, is.Name, is.Shape, was.Name, was.Shape)
			}
			a, b := values(t, was), values(t, is)
			for j := range a {
				d := float64(a[j] - b[j])
				square, power = square+d*d, power+float64(a[j])*float64(a[j])
			}
		}
		nmse := square / power
		if nmse > 0.1 || nmse < last/3 {
			t.Errorf("%s: NMSE %.2g after %.2g of a finer mix", name, nmse, last)
		}
		last = max(last, nmse)
	}
}

// TestMixKeepsWhatMatters: the output head, the values of attention and the last matrices of some layers are finer;
// vectors and routers are left alone.
func TestMixKeepsWhatMatters(t *testing.T) {
	got := quantized(t, model(t, 256, quant.F16), "q4_k_m", Options{})
	for name, want := range map[string]quant.Type{
		"token_embd.weight":          quant.Q6_K, // no output.weight: the embeddings are the head
		"blk.0.attn_v.weight":        quant.Q6_K,
		"blk.1.ffn_down_exps.weight": quant.Q6_K,
		"blk.3.attn_v.weight":        quant.Q4_K,
		"blk.4.ffn_down_exps.weight": quant.Q6_K,
		"blk.15.attn_v.weight":       quant.Q6_K,
		"blk.0.attn_q.weight":        quant.Q4_K,
		"blk.0.ffn_gate_inp.weight":  quant.F32,
		"blk.0.attn_norm.weight":     quant.F32,
	} {
		if x, ok := got.Tensor(name); !ok || x.Type != want {
			t.Errorf("%s is %v, want %s", name, x, want)
		}
	}
}

// TestNarrowRows: rows that no block of 256 divides get the nearest type that fits.
func TestNarrowRows(t *testing.T) {
	for cols, want := range map[int]quant.Type{96: quant.Q5_0, 40: quant.F16} {
		got := quantized(t, model(t, cols, quant.F32), "Q4_K_S", Options{})
		if x, _ := got.Tensor("blk.0.attn_q.weight"); x.Type != want {
			t.Errorf("%d columns become %s, want %s", cols, x.Type, want)
		}
	}
}

func TestThreadsAgree(t *testing.T) {
	f := model(t, 256, quant.F32)
	one, many := quantized(t, f, "Q4_K_M", Options{Threads: 1}), quantized(t, f, "Q4_K_M", Options{Threads: 7})
	for i := range one.Tensors {
		if !bytes.Equal(one.Tensors[i].Data, many.Tensors[i].Data) {
			t.Errorf("%s differs with the number of threads", one.Tensors[i].Name)
		}
	}
}

func TestRefusals(t *testing.T) {
	if _, err := MixNamed("Q9"); err == nil || !strings.Contains(err.Error(), "Q4_K_M") {
		t.Errorf("got %v, want the names there are", err)
	}
	m, _ := MixNamed("Q4_0")
	twice := quantized(t, model(t, 256, quant.F32), "Q8_0", Options{})
	if _, err := Quantize(t.Context(), twice, m, Options{}); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("got %v, want a refusal to quantise twice", err)
	}
	if _, err := Quantize(t.Context(), twice, m, Options{Requantize: true}); err != nil {
		t.Error(err)
	}
	if _, err := Quantize(t.Context(), &gguf.File{}, m, Options{}); err == nil {
		t.Error("a file without weights was taken")
	}
	f := model(t, 256, quant.F32)
	f.Tensors[0].Data = bytes.Clone(f.Tensors[0].Data)
	copy(f.Tensors[0].Data[4096:], []byte{0, 0, 0xc0, 0x7f}) // a NaN
	w, err := Quantize(t.Context(), f, m, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteTo(io.Discard); err == nil || !strings.Contains(err.Error(), "token_embd.weight") {
		t.Errorf("got %v, want the tensor with the NaN", err)
	}
}

func TestStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	m, _ := MixNamed("Q4_0")
	w, err := Quantize(ctx, model(t, 256, quant.F32), m, Options{Progress: func(done, total int64) {
		if done > total/2 {
			cancel()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteTo(io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
