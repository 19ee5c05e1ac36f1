package kernel

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/weir-project/weir/engine/quant"
)

// MatMul sets y[i*stride+r] = Σ_c w[r][c]·a[i][c] for the rows r of w in [r0, r1) and all rows i of a. y is
// [a.N][stride]; other elements stay as they are. Calls for different rows of w may run at the same time. Sizes that
// do not fit each other are a mistake of the caller and panic.
func MatMul(y []float32, stride int, w Matrix, a *Acts, r0, r1 int) {
	check(y, stride, w, a, r0, r1)
	switch {
	case r0 == r1 || a.N == 0:
	case integer(w.Type):
		matMulInt(y, stride, w, a, r0, r1)
	default:
		matMulFloat(y, stride, w, a, r0, r1)
	}
}

// matMulIntRef is the definition for types that multiply int8 activations.
func matMulIntRef(y []float32, stride int, w Matrix, a *Acts, r0, r1 int) {
	var u unpacked
	size := w.Type.BlockBytes()
	for r := r0; r < r1; r++ {
		row := w.row(r)
		for i := range a.N {
			y[i*stride+r] = 0
		}
		for c := 0; c < w.Cols; c += quant.BlockLenMax {
			n := min(w.Cols-c, quant.BlockLenMax)
			u.unpack(w.Type, row[c/w.Type.BlockLen()*size:], n)
			for i := range a.N {
				y[i*stride+r] = u.accumulate(y[i*stride+r], a.row(i).from(c/groupLen), n/groupLen)
			}
		}
	}
}

// accumulate adds the products of the unpacked weights and as many activations to y, group by group.
func (u *unpacked) accumulate(y float32, x quants, groups int) float32 {
	for g := range groups {
		y += float32(x.d[g] * u.term(x, g))
	}
	return y
}

// term is that of group g.
func (u *unpacked) term(x quants, g int) float32 {
	var sum int32
	for h := 2 * g; h < 2*g+2; h++ {
		var part int32
		w, a := u.q[h*16:][:16], x.q[h*16:][:16]
		for c := range w {
			part += (int32(w[c]) - u.zero) * int32(a[c])
		}
		sum += int32(u.sub[h]) * part
	}
	return float32(u.scale[g]*float32(sum)) - float32(u.minimum[g]*float32(x.s[g]))
}

const (
	pieceLen  = 1024
	pieceRows = 8
)

// matMulFloat multiplies the float32 activations by rows expanded piece by piece, a few rows at a time so that the
// activations are fetched less often. The pieces' sums are added in order, so the result does not depend on a.N.
func matMulFloat(y []float32, stride int, w Matrix, a *Acts, r0, r1 int) {
	var scratch [pieceRows][pieceLen + 16]float32 // equal places of rows lie in different sets of the cache
	var parts [pieceRows][]float32
	block, size := w.Type.BlockLen(), w.Type.BlockBytes()
	atOnce := pieceRows
	if a.N < 16 {
		atOnce = 1 // weights are best read as they lie
	}
	for r := r0; r < r1; r += atOnce {
		rows := min(atOnce, r1-r)
		for i := range a.N {
			clear(y[i*stride+r:][:rows])
		}
		for c := 0; c < w.Cols; c += pieceLen {
			n := min(w.Cols-c, pieceLen)
			for j := range rows {
				parts[j] = weights(scratch[j][:], w.Type, w.row(r + j)[c/block*size:][:n/block*size])
			}
			dotColumns(y[r:], stride, parts[:rows], a.X[c:], a.K, a.N)
		}
	}
}

// dotColumnsRef is dotColumns (see its variants) by one product at a time.
func dotColumnsRef(y []float32, stride int, parts [][]float32, x []float32, k, n int) {
	for i := range n {
		for row, part := range parts {
			y[i*stride+row] += Dot(part, x[i*k:][:len(part)])
		}
	}
}

// weights are the blocks in src as float32: a view if they are float32 and aligned, otherwise expanded to piece.
func weights(piece []float32, t quant.Type, src []byte) []float32 {
	if t == quant.F32 && uintptr(unsafe.Pointer(&src[0]))%4 == 0 && littleEndian {
		return unsafe.Slice((*float32)(unsafe.Pointer(&src[0])), len(src)/4)
	}
	n := len(src) / t.BlockBytes() * t.BlockLen()
	expand(piece[:n], t, src)
	return piece[:n]
}

// littleEndian tells whether float32 lie in memory as they do in files.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// expandRef turns blocks into float32, for the types that are not integer. (quant.Dequantize would do, but its slices
// escape to the heap.)
func expandRef(dst []float32, t quant.Type, src []byte) {
	switch t {
	case quant.F32:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
		}
	case quant.F16:
		for i := range dst {
			dst[i] = half(src[2*i:])
		}
	case quant.BF16:
		for i := range dst {
			dst[i] = quant.BF16ToF32(binary.LittleEndian.Uint16(src[2*i:]))
		}
	case quant.Q2_K:
		for ; len(dst) > 0; dst, src = dst[256:], src[84:] {
			expandQ2K(dst[:256], src[:84])
		}
	}
}

// expandQ2K expands one block: quant.Dequantize has the layout.
func expandQ2K(dst []float32, src []byte) {
	d, dmin := half(src[80:]), half(src[82:])
	for run := range 16 {
		scale, minimum := d*float32(src[run]&15), dmin*float32(src[run]>>4)
		q, shift := src[16+run/8*32+run%2*16:][:16], run%8/2*2
		for i, b := range q {
			dst[16*run+i] = float32(scale*float32(b>>shift&3)) - minimum
		}
	}
}
