//go:build !purego

package kernel

import "github.com/weir-project/weir/engine/quant"

const (
	// foldRows is how many rows of terms are added up at once.
	foldRows = 16
	// termsMax is how many terms of a row are kept at once: those of 8192 columns. A multiple of 8.
	termsMax = 256
	// termsStride keeps equal terms of different rows in different sets of the cache, and leaves room for a vector
	// beyond the last.
	termsStride = termsMax + 8
)

// matVec multiplies by one row of activations at a time: the terms of 16 rows of weights, then their sums.
func matVec(y []float32, stride int, w Matrix, a *Acts, r0, r1 int) {
	var terms [foldRows * termsStride]float32
	for r := r0; r < r1; r += foldRows {
		rows := min(foldRows, r1-r)
		for i := range a.N {
			matVecRows(y[i*stride+r:][:rows], &terms, w, a.row(i), r, rows)
		}
	}
}

// matVecRows sets y to the products of some rows of weights from r on and one of activations.
func matVecRows(y []float32, terms *[foldRows * termsStride]float32, w Matrix, x quants, r, rows int) {
	const stride, middle = 4 * termsStride, foldRows / 2
	var sum [foldRows]float32
	groups := w.Cols / groupLen
	for g := 0; g < groups; {
		n := min(groups-g, termsMax)
		if left := groups - g - n; left > 0 && left < groupsMax {
			n -= groupsMax // the kernels want at least 8 blocks
		}
		if using() == avx512 {
			terms512(terms, w, x.from(g), r, g, rows, n)
			foldAVX512(&sum[0], &terms[0], stride, &x.d[g], n)
		} else {
			terms256(terms, w, x.from(g), r, g, rows, n)
			foldAVX2(&sum[0], &terms[0], stride, &x.d[g], n)
			foldAVX2(&sum[middle], &terms[middle*termsStride], stride, &x.d[g], n)
		}
		g += n
	}
	copy(y, sum[:rows])
}

// part is where the blocks of row r begin that hold group g.
func (m Matrix) part(r, g int) *byte {
	return &m.Data[r*m.rowBytes()+g*groupLen/m.Type.BlockLen()*m.Type.BlockBytes()]
}

// terms512 computes the terms of the groups from g on for some rows. x starts at g.
func terms512(terms *[foldRows * termsStride]float32, w Matrix, x quants, r, g, rows, groups int) {
	const stride = 4 * termsStride
	from, size := w.part(r, g), w.rowBytes()
	switch w.Type {
	case quant.Q8_0:
		termsQ8_0AVX512(&terms[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q4_0:
		termsQ4_0AVX512(&terms[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q4_1:
		termsQ4_1AVX512(&terms[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q5_0:
		termsQ5_0AVX512(&terms[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q5_1:
		termsQ5_1AVX512(&terms[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.IQ4_NL:
		termsIQ4_NLAVX512(&terms[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q3_K:
		termsQ3_KAVX512(&terms[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q4_K:
		termsQ4_KAVX512(&terms[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q5_K:
		termsQ5_KAVX512(&terms[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q6_K:
		termsQ6_KAVX512(&terms[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.IQ4_XS:
		termsIQ4_XSAVX512(&terms[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	}
}

// terms256 is terms512 for AVX2.
func terms256(terms *[foldRows * termsStride]float32, w Matrix, x quants, r, g, rows, groups int) {
	const stride = 4 * termsStride
	from, size := w.part(r, g), w.rowBytes()
	switch w.Type {
	case quant.Q8_0:
		termsQ8_0AVX2(&terms[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q4_0:
		termsQ4_0AVX2(&terms[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q4_1:
		termsQ4_1AVX2(&terms[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q5_0:
		termsQ5_0AVX2(&terms[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q5_1:
		termsQ5_1AVX2(&terms[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.IQ4_NL:
		termsIQ4_NLAVX2(&terms[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q3_K:
		termsQ3_KAVX2(&terms[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q4_K:
		termsQ4_KAVX2(&terms[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q5_K:
		termsQ5_KAVX2(&terms[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q6_K:
		termsQ6_KAVX2(&terms[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.IQ4_XS:
		termsIQ4_XSAVX2(&terms[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	}
}
