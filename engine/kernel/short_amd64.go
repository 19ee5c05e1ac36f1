//go:build !purego

package kernel

import "github.com/weir-project/weir/engine/quant"

// Rows of fewer than 8 groups, such as the heads of latent attention have, are too short for the kernels. But rows
// follow each other without a gap, so 16 of them make one row that is long enough, to be multiplied by the
// activations 16 times over. Terms stay what they are; only the last step must know where a row ends.

// joinedRows is how many short rows make one.
const joinedRows = 16

// shortRow is a short row of activations, 16 times.
type shortRow struct {
	q [joinedRows * quant.BlockLenMax]int8
	s [joinedRows * groupsMax]int32
	h [joinedRows * groupsMax * 2]int16
}

func (to *shortRow) repeat(x quants, groups int) {
	for i := range joinedRows {
		copy(to.q[i*groups*groupLen:], x.q[:groups*groupLen])
		copy(to.s[i*groups:], x.s[:groups])
		copy(to.h[i*groups*2:], x.h[:groups*2])
	}
}

// matVecShort is matVec for rows of fewer than 8 groups.
func matVecShort(y []float32, stride int, w Matrix, a *Acts, r0, r1 int) {
	var x shortRow
	var arranged [joinedRows * quant.BlockLenMax]int8
	groups, order := w.Cols/groupLen, orderOf(w.Type)
	for i := range a.N {
		x.repeat(a.row(i), groups)
		view := quants{q: x.q[:], d: a.row(i).d, s: x.s[:], h: x.h[:]}
		for r := r0; r < r1; r += joinedRows {
			rows := min(joinedRows, r1-r)
			if order != nil && (r == r0 || rows < joinedRows) {
				arrange(arranged[:], x.q[:], order, max(rows*groups, groupsMax))
				view.q = arranged[:]
			}
			matVecShortRows(y[i*stride+r:][:rows], w, view, r, groups)
		}
	}
}

// matVecShortRows sets y to the products of rows from r on, with x 16 times over.
func matVecShortRows(y []float32, w Matrix, x quants, r, groups int) {
	const middle, blockBytesMax = joinedRows / 2, 34
	var t shortTerms
	var sum [joinedRows]float32
	var few [groupsMax * blockBytesMax]byte
	blocks, data := len(y)*groups, w.Data[r*w.rowBytes():]
	if blocks < groupsMax { // zeros make up what is missing
		blocks = groupsMax
		copy(few[:], data[:len(y)*w.rowBytes()])
		data = few[:]
	}
	joined := Matrix{Type: w.Type, Rows: 1, Cols: blocks * groupLen, Data: data}
	if using() == avx512 {
		terms512(t[:], joined, x, 0, 0, 1, blocks)
		fold16AVX512(&sum[0], &t[0], 4*groups, &x.d[0], groups)
	} else {
		terms256(t[:], joined, x, 0, 0, 1, blocks)
		foldAVX2(&sum[0], &t[0], 4*groups, &x.d[0], groups)
		foldAVX2(&sum[middle], &t[middle*groups], 4*groups, &x.d[0], groups)
	}
	copy(y, sum[:])
}

// shortTerms are those of 16 short rows, with room for the vector beyond the last.
type shortTerms [joinedRows*groupsMax + 4]float32
