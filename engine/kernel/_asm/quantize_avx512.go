package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// quantizeAVX512 writes the kernel that rounds activations to int8. The groups are independent, so a core overlaps
// the long chain from the largest magnitude over two divisions to the sums.
func quantizeAVX512() {
	function(isa512, "quantize", "func(q *int8, d *float32, s *int32, h *int16, x *float32, groups int)", "quantises groups of 32 values.")
	q, d, s, h, x, groups := arg("q"), arg("d"), arg("s"), arg("h"), arg("x"), arg("groups")
	magnitude, flip, zero := spread(0x7fffffff), spread(0x80808080), ZMM()
	VPXORD(zero, zero, zero)
	full := XMM()
	VMOVSS(words(math.Float32bits(127)), full)

	Label("group")
	v := [2]VecVirtual{ZMM(), ZMM()}
	VMOVUPS(at(x, 0), v[0])
	VMOVUPS(at(x, 64), v[1])
	largest, inverse := largestMagnitude(v, magnitude), XMM()
	bits := GP32()
	VMOVD(largest, bits)
	CMPL(bits, U32(0x7f800000))
	JAE(LabelRef("poison")) // infinite or NaN
	VDIVSS(largest, full, inverse)
	VMOVD(inverse, bits)
	CMPL(bits, U32(0x7f800000))
	JAE(LabelRef("nothing"))
	scale := XMM()
	VDIVSS(full, largest, scale)
	VMOVSS(scale, at(d, 0))
	factor, bytes := ZMM(), ZMM()
	VBROADCASTSS(inverse, factor)
	for i := range v {
		VMULPS(factor, v[i], v[i])
		VCVTPS2DQ(v[i], v[i])
		VPMOVSDB(v[i], v[i].AsX())
	}
	VINSERTI32X4(U8(1), v[1].AsX(), v[0].AsY(), bytes.AsY())
	VMOVDQU32(bytes.AsY(), at(q, 0))
	sumBytes(bytes, flip, zero, s, h)
	quantizeEnds(zero, q, d, s, h, x, groups)
}

// quantizeEnds goes on to the next group, and does those that have no scale.
func quantizeEnds(zero VecVirtual, q, d, s, h, x, groups Register) {
	Label("next")
	ADDQ(U32(128), x)
	ADDQ(U32(32), q)
	for _, p := range []Register{d, s, h} {
		ADDQ(U32(4), p)
	}
	DECQ(groups)
	JNZ(LabelRef("group"))
	finish()

	Label("poison")
	MOVL(U32(0x7fc00000), at(d, 0))
	JMP(LabelRef("clear"))
	Label("nothing")
	MOVL(U32(0), at(d, 0))
	Label("clear")
	VMOVUPS(zero.AsY(), at(q, 0))
	MOVL(U32(0), at(s, 0))
	MOVL(U32(0), at(h, 0))
	JMP(LabelRef("next"))
}

// largestMagnitude compares bit patterns, whose order is that of magnitudes, with infinity and NaN above all.
func largestMagnitude(v [2]VecVirtual, mask VecVirtual) Register {
	a, b := ZMM(), ZMM()
	VPANDD(mask, v[0], a)
	VPANDD(mask, v[1], b)
	VPMAXUD(b, a, a)
	VEXTRACTI64X4(U8(1), a, b.AsY())
	VPMAXUD(b.AsY(), a.AsY(), a.AsY())
	VEXTRACTI32X4(U8(1), a.AsY(), b.AsX())
	VPMAXUD(b.AsX(), a.AsX(), a.AsX())
	VPSHUFD(U8(0x4e), a.AsX(), b.AsX())
	VPMAXUD(b.AsX(), a.AsX(), a.AsX())
	VPSHUFD(U8(0xb1), a.AsX(), b.AsX())
	VPMAXUD(b.AsX(), a.AsX(), a.AsX())
	return a.AsX()
}

// sumBytes stores the sums of 16 and of 32 signed bytes. They are summed with 128 added to each.
func sumBytes(bytes, flip, zero VecVirtual, s, h Register) {
	sums, other := ZMM(), ZMM()
	VPXORD(flip.AsY(), bytes.AsY(), sums.AsY())
	VPSADBW(zero.AsY(), sums.AsY(), sums.AsY())
	VPSHUFD(U8(0x4e), sums.AsY(), other.AsY())
	VPADDQ(other.AsY(), sums.AsY(), sums.AsY())
	VEXTRACTI32X4(U8(1), sums.AsY(), other.AsX())
	storeSums(sums.AsX(), other.AsX(), s, h)
}

// storeSums takes 128 from each of 16 and 16 values.
func storeSums(a, b, s, h Register) {
	first, second := GP32(), GP32()
	VMOVD(a, first)
	VMOVD(b, second)
	SUBL(U32(16*128), first)
	SUBL(U32(16*128), second)
	MOVW(first.As16(), at(h, 0))
	MOVW(second.As16(), at(h, 2))
	ADDL(second, first)
	MOVL(first, at(s, 0))
}
