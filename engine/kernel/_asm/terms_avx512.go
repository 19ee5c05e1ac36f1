package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// prefetch is how far ahead weights are fetched.
const prefetch = 8192

// matmulAVX512 writes the kernels for AVX-512 with VNNI.
func matmulAVX512() {
	for _, f := range formats512 {
		termsAVX512(f)
		unpackAVX512(f)
		for _, s := range strippers {
			if s.name == f.name {
				scalesAVX512(f)
				s.write()
			}
		}
	}
	foldAVX512("fold16AVX512", 1)
	foldAVX512("fold32AVX512", 2)
	turnAVX512()
	for kind := tileZero; kind <= tileSub; kind++ {
		for n := 1; n <= kind.columnsMax(); n++ {
			tileAVX512(kind, n)
		}
	}
}

// termsAVX512 writes the kernel that turns rows of weights and one row of activations into terms: see the package
// comment of kernel. Bytes: every weight is read once. Time, for 256 weights: about 50 instructions, 14 cycles on a
// core that starts four a cycle, so 144 bytes of Q4_K arrive at 40 GB/s at 4 GHz.
//
// A row whose blocks are no multiple of 8 does the last 8 as its last step, some of them for the second time.
func termsAVX512(f format) {
	TEXT("terms"+f.name+"AVX512", NOSPLIT, "func(terms *float32, termStride int, w *byte, rowBytes int, rows int, q *int8, s *int32, h *int16, blocks int)")
	Pragma("noescape")
	Doc("terms" + f.name + "AVX512 sets terms[row*termStride/4+block] for rows of at least 8 blocks.")
	terms, stride, w, rowBytes, rows := arg("terms"), arg("termStride"), arg("w"), arg("rowBytes"), arg("rows")
	q, s, h, blocks := arg("q"), arg("s"), arg("h"), arg("blocks")
	consts := f.setup()
	r := newReduce(f)

	Label("row")
	p, x, index, left := GP64(), GP64(), GP64(), GP64()
	MOVQ(w, p)
	MOVQ(q, x)
	XORQ(index, index)
	MOVQ(blocks, left)
	Label("block")
	for line := range (f.bytes + 63) / 64 {
		PREFETCHT0(at(p, prefetch+64*line))
	}
	sums := r.sums(f, consts, p, x, h, index)
	finishAVX512(f, sums, f.scales(consts, p), terms, s, index)
	nextBlocks(f, f.halves != nil, p, x, index, left)
	ADDQ(stride, terms)
	ADDQ(rowBytes, w)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// nextBlocks advances by 8 blocks, or by what is left to make the last 8 the next, and leaves the loop at the end.
// Arranged activations hold the last 8 blocks once more.
func nextBlocks(f format, arranged bool, p, x, index, left GPVirtual) {
	SUBQ(U32(8), left)
	if f.long {
		ADDQ(U32(f.bytes), p)
		ADDQ(U32(256), x)
		ADDQ(U32(8), index)
		TESTQ(left, left)
		JNZ(LabelRef("block"))
		return
	}
	JZ(LabelRef("done"))
	if arranged {
		ADDQ(U32(256), x)
	}
	step, eight, bytes := GP64(), GP64(), GP64()
	MOVQ(U32(8), eight)
	MOVQ(left, step)
	CMPQ(left, eight)
	CMOVQGT(eight, step) // step = min(left, 8)
	CMOVQLT(eight, left)
	ADDQ(step, index)
	IMUL3Q(U32(f.bytes/8), step, bytes)
	ADDQ(bytes, p)
	if !arranged {
		SHLQ(U8(5), step)
		ADDQ(step, x)
	}
	JMP(LabelRef("block"))
	Label("done")
}

// reduce holds the constants that bring sums into the order of the groups.
type reduce struct{ order, sub, shift VecVirtual }

func newReduce(f format) reduce {
	r := reduce{order: ZMM()}
	if f.halves != nil {
		VMOVDQU32(words(append(f.halves.order[:], times(8, 0)...)...), r.order)
		if f.halves.times16 {
			r.shift = ZMM()
			VMOVDQU32(words(append([]uint32{0, 4, 0, 4, 0, 4, 0, 4}, times(8, 0)...)...), r.shift)
		}
		return r
	}
	if f.subs == nil {
		VMOVDQU32(words(append([]uint32{0, 4, 8, 12, 2, 6, 10, 14}, times(8, 0)...)...), r.order)
		return r
	}
	VMOVDQU32(words(append([]uint32{0, 8, 1, 9, 2, 10, 3, 11}, times(8, 0)...)...), r.order)
	// Lane l of 128 bits, element j, is the run of 16 weights 4j+l.
	var order []int
	for lane := range 4 {
		for j := range 4 {
			order = append(order, 4*j+lane)
		}
	}
	r.sub = ZMM()
	VMOVDQU32(bytes(append(order, make([]int, 48)...)...), r.sub)
	return r
}

// sums multiplies 256 weights by activations and gives the exact sums of 8 groups, less the zero point.
func (r reduce) sums(f format, consts any, p, x, h, index Register) VecVirtual {
	if f.halves != nil {
		return r.sumsHalves(f.halves, consts, p, x)
	}
	weights := f.load(consts, p)
	var v [4]VecVirtual
	for i := range v {
		v[i] = ZMM()
		VPXORD(v[i], v[i], v[i])
		VPDPBUSD(at(x, 64*i), weights[i], v[i])
	}
	if f.subs != nil {
		return r.sumsSub(v, f.subs(consts, p), f.zero, h, index)
	}
	left, right := addHalves(v[0], v[1]), addHalves(v[2], v[3])
	return r.addQuarters(left, right)
}

// addQuarters adds the four lanes of each 128 bits, of two vectors, and sorts the sums.
func (r reduce) addQuarters(a, b VecVirtual) VecVirtual {
	low, high := ZMM(), ZMM()
	VPUNPCKLQDQ(b, a, low)
	VPUNPCKHQDQ(b, a, high)
	VPADDD(low, high, low)
	VPSHUFD(U8(0xb1), low, high)
	VPADDD(low, high, low)
	VPERMD(low, r.order, low)
	return low
}

// sumsHalves is sums for weights and activations that lie by halves of groups.
func (r reduce) sumsHalves(f *halves, consts any, p, x Register) VecVirtual {
	weights := f.load(consts, p)
	var v [2]VecVirtual
	for i := range v {
		v[i] = ZMM()
		VPXORD(v[i], v[i], v[i])
		VPDPBUSD(at(x, 128*i), weights[2*i], v[i])
		VPDPBUSD(at(x, 128*i+64), weights[2*i+1], v[i])
	}
	sum := r.addQuarters(v[0], v[1])
	if f.times16 {
		VPSRAVD(r.shift.AsY(), sum.AsY(), sum.AsY())
	}
	return sum
}

// addHalves adds neighbouring lanes of 128 bits: of a, then of b.
func addHalves(a, b VecVirtual) VecVirtual {
	even, odd := ZMM(), ZMM()
	VSHUFI32X4(U8(0x88), b, a, even)
	VSHUFI32X4(U8(0xdd), b, a, odd)
	VPADDD(even, odd, even)
	return even
}

// sumsSub weighs the sums of 16 with their integer scales before it adds them in pairs.
func (r reduce) sumsSub(v [4]VecVirtual, subs Register, zeroPoint int, h, index Register) VecVirtual {
	pair := func(a, b VecVirtual) VecVirtual {
		low, high := ZMM(), ZMM()
		VPUNPCKLQDQ(b, a, low)
		VPUNPCKHQDQ(b, a, high)
		VPADDD(low, high, low)
		return low
	}
	left, right := pair(v[0], v[1]), pair(v[2], v[3])
	even, odd, sub := ZMM(), ZMM(), ZMM()
	VSHUFPS(U8(0x88), right, left, even)
	VSHUFPS(U8(0xdd), right, left, odd)
	VPADDD(even, odd, even)
	VPSHUFB(r.sub.AsX(), subs, sub.AsX())
	VPMOVSXBD(sub.AsX(), sub)
	VPMULLD(sub, even, even)
	VSHUFI32X4(U8(0xb1), even, even, odd)
	VPADDD(even, odd, even)
	VPERMD(even, r.order, even)
	// The zero point: sub·sum of the activations.
	zero := ZMM()
	VPMOVSXBW(subs, zero.AsY())
	VPMADDWD(atIndex(h, index, 4, 0), zero.AsY(), zero.AsY())
	VPSLLD(U8(log2(zeroPoint)), zero.AsY(), zero.AsY())
	VPSUBD(zero.AsY(), even.AsY(), even.AsY())
	return even
}

// finishAVX512 scales the sums and stores the terms.
func finishAVX512(f format, sums, scales VecVirtual, terms, s, index Register) {
	if f.zero != 0 && f.subs == nil {
		zero := ZMM()
		VPSLLD(U8(log2(f.zero)), atIndex(s, index, 4, 0), zero.AsY())
		VPSUBD(zero.AsY(), sums.AsY(), sums.AsY())
	}
	t := ZMM()
	VCVTDQ2PS(sums.AsY(), t.AsY())
	VMULPS(scales.AsY(), t.AsY(), t.AsY())
	if f.minima {
		minima, total := ZMM(), ZMM()
		VEXTRACTF64X4(U8(1), scales, minima.AsY())
		VCVTDQ2PS(atIndex(s, index, 4, 0), total.AsY())
		VFNMADD231PS(total.AsY(), minima.AsY(), t.AsY())
	}
	VMOVUPS(t.AsY(), atIndex(terms, index, 4, 0))
}

func log2(x int) (n int) {
	for ; x > 1; x /= 2 {
		n++
	}
	return n
}

// foldAVX512 writes the kernels that add the terms of 16 or 32 rows, in the order of their blocks, times the scales
// of the activations. They turn 4 blocks of 16 rows at a time so that rows become lanes. Each sum waits for the one
// before it; with 32 rows two of them wait side by side.
func foldAVX512(name string, groups int) {
	TEXT(name, NOSPLIT, "func(y *float32, terms *float32, termStride int, d *float32, blocks int)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s adds Σ d[b]·terms[row*termStride/4+b] to y[row] for %d rows. It may read 3 terms too many.", name, 16*groups))
	terms, stride, d, blocks := arg("terms"), arg("termStride"), arg("d"), arg("blocks")
	rows, sums := make([]strided, groups), make([]VecVirtual, groups)
	y := arg("y")
	for g := range rows {
		rows[g] = rowPointers(terms, stride)
		if g+1 < groups {
			terms = GP64()
			LEAQ(Mem{Base: rows[g].base[3], Index: stride, Scale: 4}, terms)
		}
		sums[g] = ZMM()
		VMOVUPS(at(y, 64*g), sums[g])
	}
	Label("four")
	CMPQ(blocks, U32(4))
	JLT(LabelRef("rest"))
	for g := range rows {
		for i, terms := range turn(rows[g]) {
			VFMADD231PS_BCST(at(d, 4*i), terms, sums[g])
		}
		rows[g].advance(16)
	}
	ADDQ(U32(16), d)
	SUBQ(U32(4), blocks)
	JMP(LabelRef("four"))
	Label("rest")
	TESTQ(blocks, blocks)
	JZ(LabelRef("end"))
	turned := make([][4]VecVirtual, groups)
	for g := range rows {
		turned[g] = turn(rows[g])
	}
	for i := range 3 {
		for g := range rows {
			VFMADD231PS_BCST(at(d, 4*i), turned[g][i], sums[g])
		}
		if i < 2 {
			DECQ(blocks)
			JZ(LabelRef("end"))
		}
	}
	Label("end")
	y = arg("y")
	for g := range sums {
		VMOVUPS(sums[g], at(y, 64*g))
	}
	VZEROUPPER()
	RET()
}

// strided addresses 16 rows from few registers: the rows 0, 4, 8 and 12, and the stride with its multiple.
type strided struct {
	base          [4]GPVirtual
	stride, three GPVirtual
	offset        int
}

func rowPointers(p, stride GPVirtual) strided {
	s := strided{stride: stride, three: GP64()}
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, s.three)
	for i := range s.base {
		s.base[i] = GP64()
		if i == 0 {
			MOVQ(p, s.base[0])
		} else {
			LEAQ(Mem{Base: s.base[i-1], Index: stride, Scale: 4}, s.base[i])
		}
	}
	return s
}

// row is the memory of row r.
func (s strided) row(r int) Mem {
	m := Mem{Base: s.base[r/4], Disp: s.offset}
	switch r % 4 {
	case 1:
		m.Index, m.Scale = s.stride, 1
	case 2:
		m.Index, m.Scale = s.stride, 2
	case 3:
		m.Index, m.Scale = s.three, 1
	}
	return m
}

func (s strided) advance(bytes uint32) {
	for _, p := range s.base {
		ADDQ(U32(bytes), p)
	}
}

// turn loads 4 words of each of 16 rows and gives 4 vectors of 16 lanes, one for each row.
func turn(rows strided) [4]VecVirtual {
	var v [4]VecVirtual
	for i := range v { // lane l of 128 bits is row 4l+i
		v[i] = ZMM()
		VBROADCASTF32X4(rows.row(i), v[i]) // defines all of v, unlike a move of 16 bytes
		for lane := 1; lane < 4; lane++ {
			VINSERTF32X4(U8(lane), rows.row(4*lane+i), v[i], v[i])
		}
	}
	a, b, c, d := ZMM(), ZMM(), ZMM(), ZMM()
	VUNPCKLPS(v[1], v[0], a) // words 0, 1 of rows 0, 1
	VUNPCKHPS(v[1], v[0], b)
	VUNPCKLPS(v[3], v[2], c)
	VUNPCKHPS(v[3], v[2], d)
	out := [4]VecVirtual{ZMM(), ZMM(), ZMM(), ZMM()}
	VUNPCKLPD(c, a, out[0])
	VUNPCKHPD(c, a, out[1])
	VUNPCKLPD(d, b, out[2])
	VUNPCKHPD(d, b, out[3])
	return out
}
