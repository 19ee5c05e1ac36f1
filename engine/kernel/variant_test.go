package kernel

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/weir-project/weir/engine/quant"
)

// eachVariant runs f once with every variant that this CPU and build have.
func eachVariant(t *testing.T, f func(t *testing.T)) {
	before := using()
	defer chosen.Store(int32(before))
	for _, name := range []string{"avx512vnni", "avx2", "go"} {
		t.Run(name, func(t *testing.T) {
			if err := Force(name); err != nil {
				t.Skip(err)
			}
			f(t)
		})
	}
}

// TestMatMulAgainstReference: integer parts are equal, so results differ by the rounding of floats alone.
func TestMatMulAgainstReference(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		if using() == portable {
			t.Skip("that is the reference")
		}
		for _, typ := range quant.Types() {
			for _, cols := range []int{32, 64, 224, 256, 288, 480, 512, 896, 1280, 8192 + 32, 8192 + 256} {
				if cols%typ.BlockLen() != 0 {
					continue
				}
				for _, n := range []int{1, 2, 5, 7, 16, 19} {
					if cols > 2000 && n > 2 {
						continue
					}
					testAgainstReference(t, typ, cols, n)
				}
			}
		}
	})
}

func testAgainstReference(t *testing.T, typ quant.Type, cols, n int) {
	t.Helper()
	const rows, r0, r1, canary = 70, 3, 68, 12345
	r := newRand(uint64(cols + n))
	w := unaligned(randomMatrix(r, typ, rows, cols))
	var a Acts
	a.Set(randomRows(r, n*cols), n, cols)
	got, want := make([]float32, n*rows+1), make([]float32, n*rows+1)
	for i := range got {
		got[i], want[i] = canary, canary
	}
	MatMul(got[:n*rows], rows, w, &a, r0, r1)
	if integer(typ) {
		matMulIntRef(want, rows, w, &a, r0, r1)
	} else {
		matMulFloat(want, rows, w, &a, r0, r1)
	}
	for i := range want {
		tolerance := 0.0
		if want[i] != canary {
			_, magnitude := exact(w, &a, i%rows, i/rows)
			tolerance = 1e-6 * magnitude
		}
		if diff := math.Abs(float64(got[i]) - float64(want[i])); !(diff <= tolerance) {
			t.Fatalf("%s, %d columns, %d activations, element %d,%d: got %g, want %g", typ, cols, n, i/rows, i%rows, got[i], want[i])
		}
	}
}

// unaligned moves the data to an odd address, with nothing behind it.
func unaligned(m Matrix) Matrix {
	data := make([]byte, 1+len(m.Data))
	copy(data[1:], m.Data)
	m.Data = data[1:]
	return m
}

// TestExtremeQuants sets every bit of the quants, or none, or -128, against activations of -127 and 127.
func TestExtremeQuants(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		for _, typ := range quant.Types() {
			for _, fill := range []byte{0, 0x7f, 0x80, 0xff} {
				t.Run(fmt.Sprintf("%s/%#x", typ, fill), func(t *testing.T) { testExtreme(t, typ, fill) })
			}
		}
	})
}

func testExtreme(t *testing.T, typ quant.Type, fill byte) {
	const rows, cols, n = 33, 512, 8
	r := newRand(5)
	w := randomMatrix(r, typ, rows, cols)
	if !integer(typ) {
		t.Skip("a float type")
	}
	for i := range w.Data {
		w.Data[i] = fill
	}
	for i := 0; i < len(w.Data); i += typ.BlockBytes() {
		setScales(r, typ, w.Data[i:][:typ.BlockBytes()])
	}
	x := make([]float32, n*cols)
	for i := range x {
		x[i] = float32([]int{127, -127, 127, 127}[(i+i/cols)%4])
	}
	var a Acts
	a.Set(x, n, cols)
	got, want := make([]float32, n*rows), make([]float32, n*rows)
	MatMul(got, rows, w, &a, 0, rows)
	matMulIntRef(want, rows, w, &a, 0, rows)
	for i := range want {
		_, magnitude := exact(w, &a, i%rows, i/rows)
		if diff := math.Abs(float64(got[i] - want[i])); diff > 1e-6*magnitude {
			t.Fatalf("element %d: got %g, want %g", i, got[i], want[i])
		}
	}
}

func TestForce(t *testing.T) {
	before := using()
	defer chosen.Store(int32(before))
	if err := Force("sse9"); err == nil {
		t.Error("sse9 was accepted")
	}
	if err := Force("go"); err != nil {
		t.Fatal(err)
	}
	for _, v := range Variants() {
		if v.Chosen != "go" || v.Why == "" || !slices.Contains(v.Exists, "go") {
			t.Errorf("after Force(go): %+v", v)
		}
	}
	chosen.Store(int32(before))
	if got := Variants()[0].Chosen; got != bestTier().String() {
		t.Errorf("chosen at start: %s, want %s", got, bestTier())
	}
}
