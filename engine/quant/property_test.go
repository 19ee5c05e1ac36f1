package quant

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// worstRMS bounds the root mean square error of any block, however uneven, as a share of its largest magnitude:
// half a step of the grid if it spans both signs, and something for scales that are quantised themselves.
var worstRMS = map[Type]float64{
	F32: 0, F16: 0x1p-11, BF16: 0x1p-8, Q8_0: 0.5 / 126, Q6_K: 0.6 / 31, Q5_K: 0.6 / 15, Q5_1: 0.51 / 15.5,
	Q5_0: 1.01 / 16, Q4_K: 0.6 / 7, IQ4_NL: 0.13, IQ4_XS: 0.13, Q4_1: 0.51 / 7.5, Q4_0: 1.01 / 8, Q3_K: 0.26, Q2_K: 0.4,
}

// drawBlock makes values of one or of very different magnitudes, some zero, some equal.
func drawBlock(rt *rapid.T, typ Type) []float32 {
	n := max(typ.BlockLen(), 16)
	magnitude := rapid.SampledFrom([]float64{0.05, 1, 60000}).Draw(rt, "magnitude")
	spread := rapid.SampledFrom([]float64{0, 1, 6}).Draw(rt, "spread")
	shift := rapid.SampledFrom([]float64{0, 1, -1}).Draw(rt, "shift")
	seed := rapid.Uint64().Draw(rt, "seed")
	x := make([]float32, n)
	uniform := func() float64 { // splitmix64
		seed += 0x9e3779b97f4a7c15
		z := seed
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		return float64((z^z>>31)>>11) * 0x1p-53
	}
	for i := range x {
		v := (2*uniform() - 1) * math.Pow(10, -spread*uniform())
		if shift != 0 {
			v = (v + shift) / 2
		}
		if uniform() < 0.1 {
			v = 0
		}
		x[i] = float32(v * magnitude)
	}
	return x
}

func TestQuantizeWorstError(t *testing.T) {
	for _, typ := range Types() {
		t.Run(typ.String(), func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				x := drawBlock(rt, typ)
				size, err := RowBytes(typ, len(x))
				if err != nil {
					rt.Fatal(err)
				}
				blocks := make([]byte, size)
				if err := Quantize(blocks, typ, x); err != nil {
					rt.Fatal(err)
				}
				y := make([]float32, len(x))
				Dequantize(y, typ, blocks)
				var sum, most float64
				for i := range x {
					d := float64(x[i]) - float64(y[i])
					sum += d * d
					most = max(most, math.Abs(float64(x[i])))
				}
				const halfScale = 0x1p-25 // what a subnormal scale may be off
				if rms := math.Sqrt(sum / float64(len(x))); !(rms <= worstRMS[typ]*most+128*halfScale) {
					rt.Fatalf("RMS error %.3g of values up to %.3g, want at most %.3g of them", rms, most, worstRMS[typ])
				}
			})
		})
	}
}

func TestQuantizeZerosAndTinyValues(t *testing.T) {
	for _, typ := range Types() {
		for _, v := range []float32{0, math.SmallestNonzeroFloat32, -1e-30, 1e-12} {
			x := make([]float32, max(typ.BlockLen(), 32))
			x[3] = v
			size, _ := RowBytes(typ, len(x))
			blocks := make([]byte, size)
			if err := Quantize(blocks, typ, x); err != nil {
				t.Fatal(err)
			}
			y := make([]float32, len(x))
			Dequantize(y, typ, blocks)
			for i := range y {
				if !(math.Abs(float64(y[i]-x[i])) <= 1e-12) {
					t.Fatalf("%v: %v of %v came back as %v", typ, x[i], v, y[i])
				}
			}
		}
	}
}

func TestQuantizeRefuses(t *testing.T) {
	f := func(typ Type, bytes int, x []float32, want string) {
		t.Helper()
		if err := Quantize(make([]byte, bytes), typ, x); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	row := func(v float32) []float32 {
		x := make([]float32, 32)
		x[7] = v
		return x
	}
	inf := float32(math.Inf(1))
	f(Q8_0, 34, row(float32(math.NaN())), "value 7 is NaN")
	f(Q8_0, 34, row(inf), "value 7 is +Inf")
	f(Q4_0, 18, row(-inf), "value 7 is -Inf")
	f(Q4_0, 18, row(1e9), "value 7 is 1e+09")
	f(F16, 64, row(65505), "65504")
	f(BF16, 64, row(math.MaxFloat32), "value 7")
	f(Q8_0, 33, row(1), "buffer has 33 bytes, want 34")
	f(Q4_K, 18, row(1), "not a multiple of 256")
	f(Type(15), 18, row(1), "Q8_K")
}

func TestDequantizePanicsOnMisuse(t *testing.T) {
	f := func(name string, dst int, typ Type, src int) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("%s: no panic", name)
			}
		}()
		Dequantize(make([]float32, dst), typ, make([]byte, src))
	}
	f("short source", 64, Q8_0, 34)
	f("long source", 32, Q8_0, 68)
	f("part of a block", 31, Q8_0, 34)
	f("unknown type", 32, Type(16), 66)
}

func TestEveryBlockDequantizes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		typ := rapid.SampledFrom(Types()).Draw(rt, "type")
		block := rapid.SliceOfN(rapid.Byte(), typ.BlockBytes(), typ.BlockBytes()).Draw(rt, "block")
		x := make([]float32, typ.BlockLen()+1)
		x[typ.BlockLen()] = 42
		Dequantize(x[:typ.BlockLen()], typ, block)
		if x[typ.BlockLen()] != 42 {
			rt.Fatal("wrote past the block")
		}
		one := make([]float32, 2*typ.BlockLen()) // a block means the same wherever it stands in a row
		Dequantize(one, typ, append(append([]byte(nil), block...), block...))
		for i := range one {
			want := x[i%typ.BlockLen()]
			if math.Float32bits(one[i]) != math.Float32bits(want) && one[i] == one[i] {
				rt.Fatalf("value %d is %v in a row, %v alone", i, one[i], want)
			}
		}
	})
}
