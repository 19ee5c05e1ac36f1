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
	var order [peaks]VecVirtual
	for c := range order {
		order[c] = spread(uint32(c))
	}

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
	factor, bytes := bestFactor512(v, largest, order, d), ZMM()
	for i := range v {
		VMULPS(factor, v[i], v[i])
		VCVTPS2DQ(v[i], v[i])
		VPMOVSDB(v[i], v[i].AsX())
	}
	VINSERTI32X4(U8(1), v[1].AsX(), v[0].AsY(), bytes.AsY())
	VMOVDQU32(bytes.AsY(), at(q, 0))
	sumBytes(bytes, flip, zero, s, h)
	quantizeEnds(q, d, s, h, x, groups)
}

// peaks is how many quants the largest value may get: 127 and down.
const peaks = 8

// peakBits are the peaks, or with weight their inverse squares.
func peakBits(weight bool) Mem {
	var v []uint32
	for c := range peaks {
		p := float32(127 - c)
		if weight {
			p = float32(1 / float64(p*p))
		}
		v = append(v, math.Float32bits(p))
	}
	return words(v...)
}

// bestFactor512 tries every peak, stores the scale of the one that leaves the least error and returns its inverse in
// all lanes.
func bestFactor512(v [2]VecVirtual, largest Register, order [peaks]VecVirtual, d Register) VecVirtual {
	top, list, inverses, scales := ZMM(), YMM(), ZMM(), ZMM()
	VBROADCASTSS(largest, top.AsY())
	VMOVUPS(peakBits(false), list)
	VDIVPS(top.AsY(), list, inverses.AsY())
	VDIVPS(list, top.AsY(), scales.AsY())
	var sums [peaks]Register
	for c := range sums {
		factor, e := ZMM(), [2]VecVirtual{ZMM(), ZMM()}
		VPERMPS(inverses, order[c], factor)
		for i := range e {
			rounded := ZMM()
			VMULPS(factor, v[i], e[i])
			VRNDSCALEPS(U8(0), e[i], rounded)
			VSUBPS(rounded, e[i], e[i])
			VMULPS(e[i], e[i], e[i])
		}
		half := e[1]
		VADDPS(half, e[0], e[0])
		VEXTRACTI64X4(U8(1), e[0], half.AsY())
		VADDPS(half.AsY(), e[0].AsY(), e[0].AsY())
		VEXTRACTI32X4(U8(1), e[0].AsY(), half.AsX())
		VADDPS(half.AsX(), e[0].AsX(), e[0].AsX())
		sums[c] = e[0].AsX()
	}
	costs, second, least := ZMM(), XMM(), XMM()
	sumOfFour(sums[:4], costs.AsX())
	sumOfFour(sums[4:], second)
	VINSERTI32X4(U8(1), second, costs.AsY(), costs.AsY())
	VMULPS(peakBits(true), costs.AsY(), costs.AsY())
	VEXTRACTI32X4(U8(1), costs.AsY(), second)
	leastOfEight(costs.AsX(), second, least)
	found, index, place := K(), GP32(), ZMM()
	VBROADCASTSS(least, top.AsY())
	VCMPPS(U8(0), top.AsY(), costs.AsY(), found)
	KMOVW(found, index)
	BSFL(index, index)
	VPBROADCASTD(index, place)
	VPERMPS(scales.AsY(), place.AsY(), scales.AsY())
	VMOVSS(scales.AsX(), at(d, 0))
	best := ZMM()
	VPERMPS(inverses, place, best)
	return best
}

// sumOfFour adds the four lanes of each of four vectors, as (0+1)+(2+3).
func sumOfFour(v []Register, to Register) {
	lo, hi, lo2, hi2 := XMM(), XMM(), XMM(), XMM()
	VUNPCKLPS(v[1], v[0], lo)
	VUNPCKHPS(v[1], v[0], hi)
	VUNPCKLPS(v[3], v[2], lo2)
	VUNPCKHPS(v[3], v[2], hi2)
	odd := XMM()
	VUNPCKHPD(lo2, lo, odd)
	VUNPCKLPD(lo2, lo, to)
	VADDPS(odd, to, to)
	VUNPCKHPD(hi2, hi, odd)
	VUNPCKLPD(hi2, hi, hi)
	VADDPS(odd, hi, hi)
	VADDPS(hi, to, to)
}

// leastOfEight is the smallest lane of two vectors; the second is lost.
func leastOfEight(a, b, least Register) {
	VMINPS(b, a, least)
	VPSHUFD(U8(0x4e), least, b)
	VMINPS(b, least, least)
	VPSHUFD(U8(0xb1), least, b)
	VMINPS(b, least, least)
}

// quantizeEnds goes on to the next group, and does those that have no scale.
func quantizeEnds(q, d, s, h, x, groups Register) {
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
	zero := YMM()
	VPXOR(zero, zero, zero)
	VMOVUPS(zero, at(q, 0))
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
