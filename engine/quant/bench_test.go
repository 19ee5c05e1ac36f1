package quant

import (
	"math/rand/v2"
	"testing"
)

func benchRow() []float32 {
	rng := rand.New(rand.NewPCG(3, 4))
	x := make([]float32, 4096)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

func BenchmarkQuantize(b *testing.B) {
	x := benchRow()
	for _, typ := range Types() {
		size, err := RowBytes(typ, len(x))
		if err != nil {
			b.Fatal(err)
		}
		blocks := make([]byte, size)
		b.Run(typ.String(), func(b *testing.B) {
			b.SetBytes(int64(4 * len(x)))
			for b.Loop() {
				if err := Quantize(blocks, typ, x); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDequantize(b *testing.B) {
	x := benchRow()
	for _, typ := range Types() {
		size, err := RowBytes(typ, len(x))
		if err != nil {
			b.Fatal(err)
		}
		blocks := make([]byte, size)
		if err := Quantize(blocks, typ, x); err != nil {
			b.Fatal(err)
		}
		b.Run(typ.String(), func(b *testing.B) {
			b.SetBytes(int64(4 * len(x)))
			for b.Loop() {
				Dequantize(x, typ, blocks)
			}
		})
	}
}
