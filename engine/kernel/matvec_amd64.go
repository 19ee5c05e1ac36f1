//go:build !purego

package kernel

import "github.com/weir-project/weir/engine/quant"

const (
	// foldRows is how many rows of terms are added up at once.
	foldRows = 32
	// termsMax is how many terms of a row are kept at once: those of 10240 columns. A multiple of 8.
	termsMax = 320
	// termsStride keeps equal terms of different rows in different sets of the cache, and leaves room for a vector
	// beyond the last.
	termsStride = termsMax + 8
)

// terms holds those of some rows.
type terms [foldRows * termsStride]float32

// matVec multiplies by one row of activations at a time: the terms of 32 rows of weights, then their sums.
func matVec(y []float32, stride int, w Matrix, a *Acts, r0, r1 int) {
	var t terms
	var arranged [tileFrom - 1]arrangement
	order := orderOf(w.Type)
	groups := w.Cols / groupLen
	for g := 0; g < groups; {
		n := min(groups-g, termsMax)
		if left := groups - g - n; left > 0 && left < groupsMax {
			n -= groupsMax // the kernels want at least 8 blocks
		}
		if order != nil {
			for i := range a.N {
				arrange(arranged[i][:], a.row(i).from(g).q, order, n)
			}
		}
		for r := r0; r < r1; r += foldRows {
			rows := min(foldRows, r1-r)
			for i := range a.N {
				x := a.row(i).from(g)
				if order != nil {
					x.q = arranged[i][:]
				}
				matVecRows(y[i*stride+r:][:rows], &t, w, x, r, g, n)
			}
		}
		g += n
	}
}

// matVecRows adds to y, or sets it if g is 0, what n groups from g on contribute to some rows of weights from r on.
func matVecRows(y []float32, t *terms, w Matrix, x quants, r, g, n int) {
	const stride, lanes256 = 4 * termsStride, 8
	var sum [foldRows]float32
	if g > 0 {
		copy(sum[:], y)
	}
	if using() == avx512 {
		terms512(t[:], w, x, r, g, len(y), n)
		fold32AVX512(&sum[0], &t[0], stride, &x.d[0], n)
	} else {
		terms256(t[:], w, x, r, g, len(y), n)
		for i := 0; i < len(y); i += lanes256 {
			foldAVX2(&sum[i], &t[i*termsStride], stride, &x.d[0], n)
		}
	}
	copy(y, sum[:])
}

// An arrangement is a row of activations in the order in which some kernels for one row load weights: by 16 values,
// which are halves of groups.
type arrangement [termsMax * groupLen]int8

// The orders of 16 halves of 8 groups. Two vectors of four halves each add up in one accumulator.
var (
	inOrder = [16]uint8{0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15}
	evenOdd = [16]uint8{0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15}
)

// orderOf is the order that the kernels in use want for a type, or nil.
func orderOf(t quant.Type) *[16]uint8 {
	if using() != avx512 {
		return nil
	}
	switch t {
	case quant.Q4_K, quant.Q5_K:
		return &evenOdd
	case quant.Q4_0, quant.Q4_1, quant.IQ4_NL, quant.IQ4_XS:
		return &inOrder
	}
	return nil
}

// arrange puts groups of q, at least 8, in order. If they are no multiple of 8, the last 8 follow whole, as the
// kernels read them.
func arrange(to, q []int8, order *[16]uint8, groups int) {
	for g := 0; g < groups; g += groupsMax {
		from := q[min(g, groups-groupsMax)*groupLen:][:quant.BlockLenMax]
		into := to[g*groupLen:][:quant.BlockLenMax]
		for i, half := range order {
			copy(into[16*i:][:16], from[16*int(half&15):][:16])
		}
	}
}

// part is where the blocks of row r begin that hold group g.
func (m Matrix) part(r, g int) *byte {
	return &m.Data[r*m.rowBytes()+g*groupLen/m.Type.BlockLen()*m.Type.BlockBytes()]
}

// terms512 computes the terms of the groups from g on for some rows. x starts at g.
func terms512(t []float32, w Matrix, x quants, r, g, rows, groups int) {
	const stride = 4 * termsStride
	from, size := w.part(r, g), w.rowBytes()
	switch w.Type {
	case quant.Q8_0:
		termsQ8_0AVX512(&t[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q4_0:
		termsQ4_0AVX512(&t[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q4_1:
		termsQ4_1AVX512(&t[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q5_0:
		termsQ5_0AVX512(&t[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q5_1:
		termsQ5_1AVX512(&t[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.IQ4_NL:
		termsIQ4_NLAVX512(&t[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q3_K:
		termsQ3_KAVX512(&t[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q4_K:
		termsQ4_KAVX512(&t[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q5_K:
		termsQ5_KAVX512(&t[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q6_K:
		termsQ6_KAVX512(&t[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.IQ4_XS:
		termsIQ4_XSAVX512(&t[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	}
}

// terms256 is terms512 for AVX2.
func terms256(t []float32, w Matrix, x quants, r, g, rows, groups int) {
	const stride = 4 * termsStride
	from, size := w.part(r, g), w.rowBytes()
	switch w.Type {
	case quant.Q8_0:
		termsQ8_0AVX2(&t[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q4_0:
		termsQ4_0AVX2(&t[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q4_1:
		termsQ4_1AVX2(&t[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q5_0:
		termsQ5_0AVX2(&t[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q5_1:
		termsQ5_1AVX2(&t[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.IQ4_NL:
		termsIQ4_NLAVX2(&t[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q3_K:
		termsQ3_KAVX2(&t[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q4_K:
		termsQ4_KAVX2(&t[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q5_K:
		termsQ5_KAVX2(&t[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.Q6_K:
		termsQ6_KAVX2(&t[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	case quant.IQ4_XS:
		termsIQ4_XSAVX2(&t[0], stride, from, size, rows, &x.q[0], &x.s[0], &x.h[0], groups)
	}
}
