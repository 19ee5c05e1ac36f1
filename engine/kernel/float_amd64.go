//go:build !purego

package kernel

import (
	"math"

	"github.com/weir-project/weir/engine/quant"
)

// The float kernels take whole vectors. What is left of a slice is done in plain Go, or, where exp makes that slow,
// in a vector filled up with values that change nothing.

// whole is the part of n values that the kernels of a tier take. All CPUs with AVX2 convert halves (F16C) as well.
func whole(t tier, n int) int {
	switch t {
	case avx512:
		return n &^ 15
	case avx2:
		return n &^ 7
	}
	return 0
}

func dot(a, b []float32) (sum float32) {
	b = b[:len(a)]
	n := whole(using(), len(a))
	switch {
	case n == 0:
		return dotRef(a, b)
	case using() == avx512:
		sum = dotAVX512(&a[0], &b[0], n)
	default:
		sum = dotAVX2(&a[0], &b[0], n)
	}
	for i := n; i < len(a); i++ {
		sum += a[i] * b[i]
	}
	return sum
}

func dotF16(a []float32, b []uint16) (sum float32) {
	b = b[:len(a)]
	n := whole(using(), len(a))
	switch {
	case n == 0:
		return dotF16Ref(a, b)
	case using() == avx512:
		sum = dotF16AVX512(&a[0], &b[0], n)
	default:
		sum = dotF16AVX2(&a[0], &b[0], n)
	}
	for i := n; i < len(a); i++ {
		sum += a[i] * quant.F16ToF32(b[i])
	}
	return sum
}

func axpy(y []float32, s float32, x []float32) {
	x = x[:len(y)]
	n := whole(using(), len(y))
	switch {
	case n == 0:
	case using() == avx512:
		axpyAVX512(&y[0], s, &x[0], n)
	default:
		axpyAVX2(&y[0], s, &x[0], n)
	}
	axpyRef(y[n:], s, x[n:])
}

func axpyF16(y []float32, s float32, x []uint16) {
	x = x[:len(y)]
	n := whole(using(), len(y))
	switch {
	case n == 0:
	case using() == avx512:
		axpyF16AVX512(&y[0], s, &x[0], n)
	default:
		axpyF16AVX2(&y[0], s, &x[0], n)
	}
	axpyF16Ref(y[n:], s, x[n:])
}

// The kernels for several rows take rows of whole vectors only.

func dotRows(dst, a, b []float32, stride int) {
	n := whole(using(), len(a))
	switch {
	case n == 0 || n < len(a) || len(dst) == 0:
		dotRowsRef(dst, a, b, stride)
	case using() == avx512:
		dotRowsAVX512(&dst[0], &a[0], &b[0], 4*stride, n, len(dst))
	default:
		dotRowsAVX2(&dst[0], &a[0], &b[0], 4*stride, n, len(dst))
	}
}

func dotRowsF16(dst, a []float32, b []uint16, stride int) {
	n := whole(using(), len(a))
	switch {
	case n == 0 || n < len(a) || len(dst) == 0:
		dotRowsF16Ref(dst, a, b, stride)
	case using() == avx512:
		dotRowsF16AVX512(&dst[0], &a[0], &b[0], 2*stride, n, len(dst))
	default:
		dotRowsF16AVX2(&dst[0], &a[0], &b[0], 2*stride, n, len(dst))
	}
}

func axpyRows(y, s, x []float32, stride int) {
	n := whole(using(), len(y))
	switch {
	case n == 0 || n < len(y) || len(s) == 0:
		axpyRowsRef(y, s, x, stride)
	case using() == avx512:
		axpyRowsAVX512(&y[0], &s[0], &x[0], 4*stride, n, len(s))
	default:
		axpyRowsAVX2(&y[0], &s[0], &x[0], 4*stride, n, len(s))
	}
}

func axpyRowsF16(y, s []float32, x []uint16, stride int) {
	n := whole(using(), len(y))
	switch {
	case n == 0 || n < len(y) || len(s) == 0:
		axpyRowsF16Ref(y, s, x, stride)
	case using() == avx512:
		axpyRowsF16AVX512(&y[0], &s[0], &x[0], 2*stride, n, len(s))
	default:
		axpyRowsF16AVX2(&y[0], &s[0], &x[0], 2*stride, n, len(s))
	}
}

func toF16(dst []uint16, x []float32) {
	dst = dst[:len(x)]
	n := whole(using(), len(x))
	switch {
	case n == 0:
	case using() == avx512:
		toF16AVX512(&dst[0], &x[0], n)
	default:
		toF16AVX2(&dst[0], &x[0], n)
	}
	toF16Ref(dst[n:], x[n:])
}

func add(y, x []float32) {
	x = x[:len(y)]
	n := whole(using(), len(y))
	switch {
	case n == 0:
	case using() == avx512:
		addAVX512(&y[0], &x[0], n)
	default:
		addAVX2(&y[0], &x[0], n)
	}
	addRef(y[n:], x[n:])
}

func rmsNorm(dst, x, w []float32, eps float32) {
	n := whole(using(), len(x))
	if n == 0 {
		rmsNormRef(dst, x, w, eps)
		return
	}
	var sum float64
	if using() == avx512 {
		sum = sumSquaresAVX512(&x[0], n)
	} else {
		sum = sumSquaresAVX2(&x[0], n)
	}
	for _, v := range x[n:] {
		sum += float64(v) * float64(v)
	}
	dst, w = dst[:len(x)], w[:len(x)]
	scale := rmsScale(sum, len(x), eps)
	if using() == avx512 {
		scaleByAVX512(&dst[0], &x[0], &w[0], scale, n)
	} else {
		scaleByAVX2(&dst[0], &x[0], &w[0], scale, n)
	}
	scaleByRef(dst[n:], x[n:], w[n:], scale)
}

// softmax finds the largest value and the sum of exponentials by vectors. It needs no care for NaN: the exponential
// of a NaN reaches the sum, and by it everything.
func softmax(x []float32) {
	n := whole(using(), len(x))
	if n == 0 {
		softmaxRef(x)
		return
	}
	wide := using() == avx512
	var top float32
	if wide {
		top = topAVX512(&x[0], n)
	} else {
		top = topAVX2(&x[0], n)
	}
	var rest [lanes]float32
	for i := range rest {
		rest[i] = float32(math.Inf(-1))
	}
	copy(rest[:], x[n:])
	for _, v := range x[n:] {
		top = max(top, v)
	}
	var sum float32
	if wide {
		sum = expSumAVX512(&x[0], top, n) + expSumAVX512(&rest[0], top, lanes)
	} else {
		sum = expSumAVX2(&x[0], top, n) + expSumAVX2(&rest[0], top, lanes)
	}
	copy(x[n:], rest[:])
	if wide {
		scaleAVX512(&x[0], 1/sum, n)
	} else {
		scaleAVX2(&x[0], 1/sum, n)
	}
	for i := n; i < len(x); i++ {
		x[i] *= 1 / sum
	}
}

func siluMul(gate, up []float32) {
	up = up[:len(gate)]
	n := whole(using(), len(gate))
	switch {
	case n == 0:
	case using() == avx512:
		siluMulAVX512(&gate[0], &up[0], n)
	default:
		siluMulAVX2(&gate[0], &up[0], n)
	}
	if n == len(gate) || using() == portable {
		siluMulRef(gate[n:], up[n:])
		return
	}
	var g, u [lanes]float32
	copy(g[:], gate[n:])
	copy(u[:], up[n:])
	if using() == avx512 {
		siluMulAVX512(&g[0], &u[0], lanes)
	} else {
		siluMulAVX2(&g[0], &u[0], lanes)
	}
	copy(gate[n:], g[:])
}

func quantize(to quants, x []float32) {
	groups := len(x) / groupLen
	switch t := using(); {
	case groups == 0 || t == portable:
		groups = 0
	case t == avx512:
		quantizeAVX512(&to.q[0], &to.d[0], &to.s[0], &to.h[0], &x[0], groups)
	default:
		quantizeAVX2(&to.q[0], &to.d[0], &to.s[0], &to.h[0], &x[0], groups)
	}
	if len(to.d) > groups {
		quantizeRef(to.from(groups), x[groups*groupLen:])
	}
}

func expand(dst []float32, t quant.Type, src []byte) {
	n, wide := whole(using(), len(dst)), using() == avx512
	switch {
	case n == 0:
	case t == quant.F16 && wide:
		widenF16AVX512(&dst[0], &src[0], n)
	case t == quant.F16:
		widenF16AVX2(&dst[0], &src[0], n)
	case t == quant.BF16 && wide:
		widenBF16AVX512(&dst[0], &src[0], n)
	case t == quant.BF16:
		widenBF16AVX2(&dst[0], &src[0], n)
	case t == quant.Q2_K && wide:
		widenQ2KAVX512(&dst[0], &src[0], n/quant.BlockLenMax)
	case t == quant.Q2_K:
		widenQ2KAVX2(&dst[0], &src[0], n/quant.BlockLenMax)
	default:
		n = 0
	}
	expandRef(dst[n:], t, src[n/t.BlockLen()*t.BlockBytes():])
}

// dotColumns adds the products of parts of some rows of weights and of the same part of n activations, x[i*k:], to
// y[i*stride+row].
func dotColumns(y []float32, stride int, parts [][]float32, x []float32, k, n int) {
	i, size := 0, len(parts[0])
	if using() == avx512 && size%16 == 0 {
		var sums [4]float32
		for ; i+4 <= n; i += 4 {
			for row, part := range parts {
				dotFourAVX512(&sums[0], &part[0], &x[i*k], 4*k, size)
				for j, sum := range sums {
					y[(i+j)*stride+row] += sum
				}
			}
		}
	}
	if i < n {
		dotColumnsRef(y[i*stride:], stride, parts, x[i*k:], k, n-i)
	}
}
