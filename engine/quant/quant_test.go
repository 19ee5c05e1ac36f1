package quant

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

func TestLayouts(t *testing.T) {
	f := func(typ Type, name string, values, size int) {
		t.Helper()
		if typ.String() != name || typ.BlockLen() != values || typ.BlockBytes() != size || !typ.Known() {
			t.Errorf("%v: %d values in %d bytes, want %s: %d in %d", typ, typ.BlockLen(), typ.BlockBytes(), name,
				values, size)
		}
		if n, err := RowBytes(typ, 3*values); n != 3*size || err != nil {
			t.Errorf("RowBytes(%v, %d) = %d, %v, want %d", typ, 3*values, n, err, 3*size)
		}
	}
	f(F32, "F32", 1, 4)
	f(F16, "F16", 1, 2)
	f(BF16, "BF16", 1, 2)
	f(Q4_0, "Q4_0", 32, 18)
	f(Q4_1, "Q4_1", 32, 20)
	f(Q5_0, "Q5_0", 32, 22)
	f(Q5_1, "Q5_1", 32, 24)
	f(Q8_0, "Q8_0", 32, 34)
	f(Q2_K, "Q2_K", 256, 84)
	f(Q3_K, "Q3_K", 256, 110)
	f(Q4_K, "Q4_K", 256, 144)
	f(Q5_K, "Q5_K", 256, 176)
	f(Q6_K, "Q6_K", 256, 210)
	f(IQ4_NL, "IQ4_NL", 32, 18)
	f(IQ4_XS, "IQ4_XS", 256, 136)
}

func TestRowBytesRefuses(t *testing.T) {
	f := func(typ Type, n int, want string) {
		t.Helper()
		if got, err := RowBytes(typ, n); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("RowBytes(%v, %d) = %d, %v, want an error with %q", typ, n, got, err, want)
		}
	}
	f(Q4_K, 128, "not a multiple of 256")
	f(Q8_0, -32, "negative")
	f(Type(16), 256, "IQ2_XXS")
	f(Type(39), 32, "MXFP4")
	f(Type(99999), 32, "type 99999")
	f(F32, math.MaxInt/4+1, "overflows")
}

// golden calls f with every line of this kind in testdata/golden.txt, see golden.py there.
func golden(t *testing.T, kind string, f func(typ Type, from, to []byte)) {
	t.Helper()
	text, err := os.ReadFile("testdata/golden.txt")
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]Type{}
	for _, typ := range Types() {
		byName[typ.String()] = typ
	}
	lines, seen := bufio.NewScanner(bytes.NewReader(text)), 0
	lines.Buffer(nil, len(text))
	for lines.Scan() {
		field := strings.Fields(lines.Text())
		if len(field) != 4 || !byName[field[1]].Known() {
			t.Fatalf("bad line %.40q", lines.Text())
		}
		from, err1 := hex.DecodeString(field[2])
		to, err2 := hex.DecodeString(field[3])
		if err1 != nil || err2 != nil {
			t.Fatalf("bad hex in line %.40q", lines.Text())
		}
		if field[0] == kind {
			f(byName[field[1]], from, to)
			seen++
		}
	}
	if lines.Err() != nil || seen == 0 {
		t.Fatalf("%d lines of %s, %v", seen, kind, lines.Err())
	}
}

func floats(b []byte) []float32 {
	x := make([]float32, len(b)/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return x
}

func TestDequantizeGolden(t *testing.T) {
	seen := map[Type]bool{}
	golden(t, "dequantize", func(typ Type, blocks, values []byte) {
		seen[typ] = true
		want := floats(values)
		got := make([]float32, len(want))
		Dequantize(got, typ, blocks)
		for i := range want {
			if math.Float32bits(got[i]) != math.Float32bits(want[i]) && !(got[i] == 0 && want[i] == 0) {
				t.Fatalf("%v: value %d is %v, want %v", typ, i, got[i], want[i])
			}
		}
	})
	for _, typ := range Types() {
		if typ.BlockLen() > 1 && !seen[typ] {
			t.Errorf("no golden vector for %v", typ)
		}
	}
}

func TestQuantizeGolden(t *testing.T) {
	golden(t, "quantize", func(typ Type, values, blocks []byte) {
		got := make([]byte, len(blocks))
		if err := Quantize(got, typ, floats(values)); err != nil {
			t.Fatal(err)
		}
		for i := range got {
			if got[i] != blocks[i] {
				t.Fatalf("%v: byte %d of block %d is %#x, want %#x", typ, i%typ.BlockBytes(), i/typ.BlockBytes(),
					got[i], blocks[i])
			}
		}
	})
}

func TestQ8_0TakesMinus128(t *testing.T) {
	block := make([]byte, 34)
	binary.LittleEndian.PutUint16(block, F32ToF16(0.5))
	block[2], block[33] = 0x80, 0x7f
	got := make([]float32, 32)
	Dequantize(got, Q8_0, block)
	if got[0] != -64 || got[31] != 63.5 || got[1] != 0 {
		t.Errorf("got %v, %v, %v, want -64, 63.5, 0", got[0], got[31], got[1])
	}
}

// nmse is the error of Quantize and Dequantize relative to the sum of squares of x.
func nmse(tb testing.TB, typ Type, x []float32) float64 {
	tb.Helper()
	size, err := RowBytes(typ, len(x))
	if err != nil {
		tb.Fatal(err)
	}
	blocks := make([]byte, size)
	if err := Quantize(blocks, typ, x); err != nil {
		tb.Fatal(err)
	}
	y := make([]float32, len(x))
	Dequantize(y, typ, blocks)
	var num, den float64
	for i := range x {
		d := float64(x[i]) - float64(y[i])
		num += d * d
		den += float64(x[i]) * float64(x[i])
	}
	return num / den
}

// errorBounds is the NMSE that Gaussian rows must stay below: some 5 % above what the search reached when written.
// llama-quantize makes 5.1e-3 in Q4_K and 3.2e-4 in Q6_K of such rows.
var errorBounds = map[Type]float64{
	F32: 0, F16: 4.5e-8, BF16: 2.9e-6, Q8_0: 3.2e-5, Q6_K: 3.1e-4, Q5_K: 1.3e-3, Q5_1: 1.6e-3, Q5_0: 2e-3,
	Q4_K: 5.1e-3, IQ4_NL: 5.8e-3, IQ4_XS: 5.9e-3, Q4_1: 6.4e-3, Q4_0: 8.2e-3, Q3_K: 2.2e-2, Q2_K: 7.2e-2,
}

func TestQuantizeErrorBounds(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, 4096)
	for i := range x {
		x[i] = float32(rng.NormFloat64() * 0.02)
	}
	for _, typ := range Types() {
		bound, ok := errorBounds[typ]
		got := nmse(t, typ, x)
		t.Logf("%-6v %.3g", typ, got)
		if !ok || got > bound {
			t.Errorf("%v: NMSE %.3g, want at most %.3g", typ, got, bound)
		}
	}
}
