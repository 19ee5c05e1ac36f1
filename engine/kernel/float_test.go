package kernel

import (
	"fmt"
	"math"
	"testing"

	"github.com/weir-project/weir/engine/quant"
)

// canary stands before and after every output.
const canary = 12345

// fenced is a slice of n random values at an address that is no multiple of a vector's, with canaries around it. The
// second result checks them.
func fenced(t *testing.T, seed uint64, n int) ([]float32, func()) {
	t.Helper()
	all := make([]float32, n+2)
	copy(all[1:], randomRows(newRand(seed), n))
	all[0], all[n+1] = canary, canary
	return all[1 : n+1 : n+1], func() {
		t.Helper()
		if all[0] != canary || all[n+1] != canary {
			t.Errorf("length %d: written outside the slice", n)
		}
	}
}

// eachLength covers 0, 1 and both sides of every unrolled width.
func eachLength(f func(n int)) {
	for n := range 140 {
		f(n)
	}
	f(1000)
}

func checkClose(t *testing.T, what string, got, want []float32, relative, absolute float64) {
	t.Helper()
	for i := range want {
		g, w := float64(got[i]), float64(want[i])
		if math.IsNaN(g) && math.IsNaN(w) || g == w {
			continue
		}
		if !(math.Abs(g-w) <= relative*math.Abs(w)+absolute) {
			t.Fatalf("%s, length %d, element %d: got %g, want %g", what, len(want), i, g, w)
		}
	}
}

func TestFloatKernelsAgainstReference(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		eachLength(func(n int) {
			testDots(t, n)
			testElements(t, n)
			testRows(t, n)
		})
	})
}

func testDots(t *testing.T, n int) {
	t.Helper()
	a, _ := fenced(t, 1, n)
	b, _ := fenced(t, 2, n)
	half := make([]uint16, n)
	toF16Ref(half, b)
	var magnitude float64
	for i := range a {
		magnitude += math.Abs(float64(a[i] * b[i]))
	}
	checkClose(t, "Dot", []float32{Dot(a, b)}, []float32{dotRef(a, b)}, 0, 1e-6*magnitude)
	checkClose(t, "DotF16", []float32{DotF16(a, half)}, []float32{dotF16Ref(a, half)}, 0, 1e-6*magnitude)
}

func testElements(t *testing.T, n int) {
	t.Helper()
	x, _ := fenced(t, 3, n)
	half := make([]uint16, n+1)
	half[n] = canary
	ToF16(half[:n], x)
	want16 := make([]uint16, n)
	toF16Ref(want16, x)
	for i := range want16 {
		if half[i] != want16[i] || half[n] != canary {
			t.Fatalf("ToF16, length %d, element %d: got %#x, want %#x", n, i, half[i], want16[i])
		}
	}
	f := func(what string, tolerance float64, run, ref func(y []float32)) {
		t.Helper()
		got, check := fenced(t, 4, n)
		want, _ := fenced(t, 4, n)
		run(got)
		ref(want)
		check()
		checkClose(t, what, got, want, tolerance, tolerance)
	}
	f("Add", 0, func(y []float32) { Add(y, x) }, func(y []float32) { addRef(y, x) })
	f("Axpy", 1e-6, func(y []float32) { Axpy(y, 1.7, x) }, func(y []float32) { axpyRef(y, 1.7, x) })
	f("AxpyF16", 1e-6, func(y []float32) { AxpyF16(y, 1.7, half[:n]) }, func(y []float32) { axpyF16Ref(y, 1.7, want16) })
	f("SiLUMul", 1e-6, func(y []float32) { SiLUMul(y, x) }, func(y []float32) { siluMulRef(y, x) })
}

func testRows(t *testing.T, n int) {
	t.Helper()
	if n == 0 {
		return
	}
	w, _ := fenced(t, 5, n)
	x, check := fenced(t, 6, n)
	want := make([]float32, n)
	rmsNormRef(want, x, w, 1e-5)
	dst, checkDst := fenced(t, 7, n)
	RMSNorm(dst, x, w, 1e-5)
	checkClose(t, "RMSNorm", dst, want, 1e-6, 0)
	RMSNorm(x, x, w, 1e-5)
	checkClose(t, "RMSNorm in place", x, want, 1e-6, 0)
	copy(want, x)
	softmaxRef(want)
	Softmax(x)
	check()
	checkDst()
	checkClose(t, "Softmax", x, want, 5e-7, 0)
}

// TestExponentials walks through the range of exp, by Softmax of two values and by SiLUMul.
func TestExponentials(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		ones := make([]float32, 16)
		for i := range ones {
			ones[i] = 1
		}
		for v := -140.0; v < 140; v += 0.0371 {
			x := make([]float32, 16)
			x[0] = float32(v)
			want := append([]float32(nil), x...)
			SiLUMul(x, ones)
			siluMulRef(want, ones)
			checkClose(t, fmt.Sprintf("silu(%g)", v), x, want, 3e-7, 1e-35)
			for i := range x {
				x[i] = -math.MaxFloat32
			}
			x[0], x[1] = 0, float32(-math.Abs(v))
			want = append(want[:0], x...)
			Softmax(x)
			softmaxRef(want)
			checkClose(t, fmt.Sprintf("exp(%g)", x[1]), x, want, 2.5e-7, 1.2e-38)
		}
	})
}

// TestNonFinite: what is not a number stays so, and infinities are not lost.
func TestNonFinite(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	eachVariant(t, func(t *testing.T) {
		for _, n := range []int{1, 7, 16, 40, 67} {
			for _, bad := range []float32{nan, inf, -inf} {
				for at := range n {
					x, _ := fenced(t, 8, n)
					x[at] = bad
					testNonFinite(t, x, at)
				}
			}
			x := make([]float32, n)
			for i := range x {
				x[i] = -inf
			}
			Softmax(x)
			if !math.IsNaN(float64(x[n/2])) {
				t.Errorf("Softmax of nothing but -Inf: got %g, want NaN", x[n/2])
			}
		}
	})
}

// testNonFinite has one value of x, that at at, not finite.
func testNonFinite(t *testing.T, x []float32, at int) {
	t.Helper()
	finite := func(v float32) bool { return v-v == 0 }
	ones := make([]float32, len(x))
	for i := range ones {
		ones[i] = 1
	}
	if finite(Dot(x, ones)) || finite(Dot(ones, x)) {
		t.Errorf("Dot with %g at %d of %d is finite", x[at], at, len(x))
	}
	y := append([]float32(nil), x...)
	SiLUMul(y, ones)
	for i, v := range y {
		if finite(v) != (i != at) {
			t.Errorf("SiLUMul with %g at %d of %d: element %d is %g", x[at], at, len(x), i, v)
		}
	}
	y = append(y[:0], x...)
	Softmax(y)
	if masked := x[at] < 0; len(x) > 1 && masked == math.IsNaN(float64(y[0])) {
		t.Errorf("Softmax with %g at %d of %d: element 0 is %g", x[at], at, len(x), y[0])
	} else if masked && y[at] != 0 && len(x) > 1 {
		t.Errorf("Softmax of -Inf is %g", y[at])
	}
	RMSNorm(y, x, ones, 1e-5)
	if !math.IsNaN(float64(y[at])) {
		t.Errorf("RMSNorm with %g at %d of %d: got %g there", x[at], at, len(x), y[at])
	}
}

// TestRowsAgainstOne: kernels for several rows give what as many calls for one row give.
func TestRowsAgainstOne(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		for _, n := range []int{0, 1, 8, 16, 31, 48, 64, 128, 192, 576, 600} {
			for _, rows := range []int{0, 1, 3, 32} {
				testRowsAgainstOne(t, n, rows, n+5)
			}
		}
	})
}

func testRowsAgainstOne(t *testing.T, n, rows, stride int) {
	t.Helper()
	b, _ := fenced(t, 1, max(0, (rows-1)*stride+n))
	half := make([]uint16, len(b))
	ToF16(half, b)
	a, _ := fenced(t, 2, n)
	s, _ := fenced(t, 3, rows)
	f := func(what string, size int, run, ref func(y []float32)) {
		t.Helper()
		got, check := fenced(t, 4, size)
		want, _ := fenced(t, 4, size)
		run(got)
		ref(want)
		check()
		checkBits(t, fmt.Sprintf("%s of %d rows of %d", what, rows, n), got, want)
	}
	f("DotRows", rows, func(y []float32) { DotRows(y, a, b, stride) }, func(y []float32) { dotRowsRef(y, a, b, stride) })
	f("DotRowsF16", rows, func(y []float32) { DotRowsF16(y, a, half, stride) }, func(y []float32) { dotRowsF16Ref(y, a, half, stride) })
	f("AxpyRows", n, func(y []float32) { AxpyRows(y, s, b, stride) }, func(y []float32) { axpyRowsRef(y, s, b, stride) })
	f("AxpyRowsF16", n, func(y []float32) { AxpyRowsF16(y, s, half, stride) }, func(y []float32) { axpyRowsF16Ref(y, s, half, stride) })
}

func TestQuantizeAgainstReference(t *testing.T) {
	special := []float32{0, 1e-38, 1e-45, 3e-37, math.MaxFloat32, float32(math.Inf(1)), float32(math.NaN()), -0.5}
	eachVariant(t, func(t *testing.T) {
		r := newRand(11)
		for n := 1; n < 300; n++ {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(r.NormFloat64() * math.Exp(r.NormFloat64()*4))
			}
			if n%3 == 0 {
				group := r.IntN((n + 31) / 32)
				for i := group * 32; i < min(n, group*32+32); i++ {
					x[i] = special[(n/3)%len(special)] * float32(1-2*(i%2)) // a whole group of them
				}
			}
			var got, want Acts
			got.Set(x, 1, n)
			want.Shape(x, 1, n)
			quantizeRef(want.row(0), x)
			for g := range want.D {
				if math.Float32bits(got.D[g]) != math.Float32bits(want.D[g]) && !(got.D[g] != got.D[g] && want.D[g] != want.D[g]) {
					t.Fatalf("length %d, scale %d: got %g, want %g", n, g, got.D[g], want.D[g])
				}
				if got.S[g] != want.S[g] || got.H[2*g] != want.H[2*g] || got.H[2*g+1] != want.H[2*g+1] {
					t.Fatalf("length %d, group %d: sums differ", n, g)
				}
			}
			for i := range want.Q {
				if got.Q[i] != want.Q[i] {
					t.Fatalf("length %d, value %d: got %d, want %d", n, i, got.Q[i], want.Q[i])
				}
			}
		}
	})
}

func TestGather(t *testing.T) {
	const n, k = 9, 96
	var src, got Acts
	src.Set(randomRows(newRand(12), n*k), n, k)
	rows := []int32{7, 0, 7, 3}
	got.Gather(&src, rows)
	if got.N != len(rows) || got.K != k {
		t.Fatalf("got %d rows of %d", got.N, got.K)
	}
	for i, r := range rows {
		checkBits(t, "X", got.X[i*k:][:k], src.X[int(r)*k:][:k])
		checkBits(t, "D", got.row(i).d, src.row(int(r)).d)
		if fmt.Sprint(got.row(i)) != fmt.Sprint(src.row(int(r))) {
			t.Errorf("row %d differs from row %d of the source", i, r)
		}
	}
	allocs := testing.AllocsPerRun(5, func() { got.Gather(&src, rows) })
	if allocs != 0 {
		t.Errorf("%g allocations", allocs)
	}
}

func TestHalfRoundTrip(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		x := make([]float32, 1<<16)
		for i := range x {
			x[i] = quant.F16ToF32(uint16(i))
		}
		back := make([]uint16, len(x))
		ToF16(back, x)
		one := make([]float32, 32)
		one[3] = 1
		for i, h := range back {
			nan := i&0x7fff > 0x7c00
			if !nan && h != uint16(i) || nan && h&0x7fff <= 0x7c00 {
				t.Fatalf("%#x came back as %#x", i, h)
			}
			if i%97 == 0 && !nan && i&0x7fff != 0x7c00 {
				half := make([]uint16, 32)
				half[3] = h
				checkClose(t, "DotF16", []float32{DotF16(one, half)}, []float32{x[i]}, 0, 0)
			}
		}
	})
}
