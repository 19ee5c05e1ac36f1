package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/weir-project/weir/engine/quant"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 17)) }

// randomMatrix has random quants and scales of moderate size: every bit of a block may be set.
func randomMatrix(r *rand.Rand, t quant.Type, rows, cols int) Matrix {
	m := Matrix{Type: t, Rows: rows, Cols: cols}
	m.Data = make([]byte, rows*m.rowBytes())
	for i := range m.Data {
		m.Data[i] = byte(r.Uint32())
	}
	for i := 0; i < len(m.Data); i += t.BlockBytes() {
		setScales(r, t, m.Data[i:][:t.BlockBytes()])
	}
	return m
}

// halves says where the f16 fields of a block are.
func halves(t quant.Type) []int {
	switch t {
	case quant.Q4_0, quant.Q5_0, quant.Q8_0, quant.IQ4_NL, quant.IQ4_XS, quant.F16:
		return []int{0}
	case quant.Q4_1, quant.Q5_1, quant.Q4_K, quant.Q5_K:
		return []int{0, 2}
	case quant.Q2_K:
		return []int{80, 82}
	case quant.Q3_K:
		return []int{108}
	case quant.Q6_K:
		return []int{208}
	}
	return nil
}

func setScales(r *rand.Rand, t quant.Type, block []byte) {
	for _, at := range halves(t) {
		h := quant.F32ToF16(float32(r.NormFloat64()) * 0.02)
		block[at], block[at+1] = byte(h), byte(h>>8)
	}
	switch t {
	case quant.F32:
		b := math.Float32bits(float32(r.NormFloat64()))
		block[0], block[1], block[2], block[3] = byte(b), byte(b>>8), byte(b>>16), byte(b>>24)
	case quant.BF16:
		h := quant.F32ToBF16(float32(r.NormFloat64()))
		block[0], block[1] = byte(h), byte(h>>8)
	}
}

func randomRows(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// exact is the product in float64 of the dequantised weights and the activations that the kernels see.
func exact(w Matrix, a *Acts, r, i int) (sum, magnitude float64) {
	row := make([]float32, w.Cols)
	quant.Dequantize(row, w.Type, w.row(r))
	act := a.row(i)
	for c, v := range row {
		x := float64(a.X[i*a.K+c])
		if integer(w.Type) {
			x = float64(act.q[c]) * float64(act.d[c/groupLen])
		}
		sum += float64(v) * x
		magnitude += math.Abs(float64(v) * x)
	}
	return sum, magnitude
}

func TestMatMulAgainstFloat64(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		for _, typ := range quant.Types() {
			for _, cols := range []int{256, 768, 1280} {
				testAgainstFloat64(t, typ, cols)
			}
		}
	})
}

func testAgainstFloat64(t *testing.T, typ quant.Type, cols int) {
	t.Helper()
	const rows, n = 7, 3
	r := newRand(1)
	w := randomMatrix(r, typ, rows, cols)
	var a Acts
	a.Set(randomRows(r, n*cols), n, cols)
	y := make([]float32, n*rows)
	MatMul(y, rows, w, &a, 0, rows)
	for i := range n {
		for row := range rows {
			want, magnitude := exact(w, &a, row, i)
			if diff := math.Abs(float64(y[i*rows+row]) - want); !(diff <= 1e-6*magnitude) {
				t.Fatalf("%s, %d columns, row %d·%d: got %g, want %g", typ, cols, row, i, y[i*rows+row], want)
			}
		}
	}
}

// TestBatchInvariance: a result does not depend on how many rows of activations or weights are multiplied with it.
func TestBatchInvariance(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		for _, typ := range quant.Types() {
			for _, cols := range []int{64, 192, 1280, 8192 + 2560} {
				if cols%typ.BlockLen() == 0 && (cols < 8192 || using() != portable) {
					t.Run(fmt.Sprintf("%s/%d", typ, cols), func(t *testing.T) { testBatchInvariance(t, typ, cols) })
				}
			}
		}
	})
}

func testBatchInvariance(t *testing.T, typ quant.Type, cols int) {
	r := newRand(2)
	const rows, n = 75, 11
	w := randomMatrix(r, typ, rows, cols)
	x := randomRows(r, n*cols)
	var a, one, two Acts
	a.Set(x, n, cols)
	y := make([]float32, n*rows)
	MatMul(y, rows, w, &a, 0, rows)
	for i := range n - 1 {
		one.Set(x[i*cols:][:cols], 1, cols)
		two.Gather(&a, []int32{int32(i + 1), int32(i)})
		got, pair := make([]float32, rows), make([]float32, 2*rows)
		for r0 := 0; r0 < rows; {
			r1 := min(rows, r0+1+r.IntN(40))
			MatMul(got, rows, w, &one, r0, r1)
			MatMul(pair, rows, w, &two, r0, r1)
			r0 = r1
		}
		checkBits(t, fmt.Sprintf("activation %d alone", i), got, y[i*rows:][:rows])
		checkBits(t, fmt.Sprintf("activation %d of two", i), pair[rows:], y[i*rows:][:rows])
	}
}

func checkBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s, element %d: got %x (%g), want %x (%g)", what, i,
				math.Float32bits(got[i]), got[i], math.Float32bits(want[i]), want[i])
		}
	}
}

func TestNoAllocations(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		for _, typ := range quant.Types() {
			for _, n := range []int{1, 3, 9} {
				for _, cols := range []int{96, 512} {
					if cols%typ.BlockLen() == 0 {
						testNoAllocations(t, typ, n, cols)
					}
				}
			}
		}
	})
}

func testNoAllocations(t *testing.T, typ quant.Type, n, cols int) {
	t.Helper()
	r := newRand(3)
	w := randomMatrix(r, typ, 33, cols)
	x := randomRows(r, n*cols)
	y := make([]float32, n*33)
	var a Acts
	a.Reserve(n, cols)
	got := testing.AllocsPerRun(3, func() {
		a.Set(x, n, cols)
		MatMul(y, 33, w, &a, 0, 33)
		Softmax(y)
		SiLUMul(y, y)
	})
	if got != 0 {
		t.Errorf("%s, %d rows of %d: %g allocations", typ, n, cols, got)
	}
}
