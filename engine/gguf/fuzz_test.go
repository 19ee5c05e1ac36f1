package gguf

import (
	"math/rand/v2"
	"testing"

	"github.com/weir-project/weir/engine/quant"
)

// FuzzParse feeds damaged files to Parse. What it accepts must keep the package's promise about tensors and come
// back unchanged through Writer.
func FuzzParse(f *testing.F) {
	seed := sample(f)
	f.Add(seed)
	f.Add([]byte(header(2, 1, 1).key(keyAlignment, 64).tensor("w", quant.Q4_K, 0, 256, 2).align().zeros(352)))
	f.Add([]byte(header(3, 2, 0).tensor("a", quant.F32, 0, 8).tensor("b", quant.BF16, 32, 2, 2).align().zeros(64)))
	f.Add([]byte(header(3, 0, 1).str("a").u32(typeArray).u32(typeString).u64(2).str("x").str("yz")))
	rng := rand.New(rand.NewPCG(5, 6))
	for range 64 {
		flipped := append([]byte(nil), seed...)
		for range 1 + rng.IntN(3) {
			flipped[rng.IntN(len(flipped))] ^= 1 << rng.IntN(8)
		}
		f.Add(flipped)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse(data)
		if err != nil {
			return
		}
		for i := range file.Tensors {
			w := &file.Tensors[i]
			row, err := quant.RowBytes(w.Type, w.Cols())
			if err != nil || len(w.Data) != row*w.Rows() || w.Rows() < 1 {
				t.Fatalf("tensor %+v: row of %d bytes, %v", w, row, err)
			}
			if found, ok := file.Tensor(w.Name); !ok || found != w {
				t.Fatalf("tensor %q is not found by its name", w.Name)
			}
		}
		file.Digest()
		checkRewrite(t, file)
	})
}

// TestEverySingleBitFlip is the part of FuzzParse that runs each time: a flipped bit is refused or leaves a file
// that keeps the promises.
func TestEverySingleBitFlip(t *testing.T) {
	data := sample(t)
	refused := 0
	for i := range data {
		for bit := range 8 {
			data[i] ^= 1 << bit
			f, err := Parse(data)
			if err != nil {
				refused++
			} else {
				checkRewrite(t, f)
			}
			data[i] ^= 1 << bit
		}
	}
	if refused == 0 {
		t.Error("no flip was refused")
	}
}
