package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// quantizeAVX2 writes what quantizeAVX512 does.
func quantizeAVX2() {
	function(isa256, "quantize", "func(q *int8, d *float32, s *int32, h *int16, x *float32, groups int)", "quantises groups of 32 values.")
	q, d, s, h, x, groups := arg("q"), arg("d"), arg("s"), arg("h"), arg("x"), arg("groups")

	// The search needs nearly all sixteen registers, so nothing waits in one across groups.
	Label("group")
	var v [4]VecVirtual
	for i := range v {
		v[i] = loaded(at(x, 32*i))
	}
	largest, inverse, bits := largestMagnitude256(v), XMM(), GP32()
	VMOVD(largest, bits)
	CMPL(bits, U32(0x7f800000))
	JAE(LabelRef("poison"))
	VMOVSS(words(math.Float32bits(127)), inverse)
	VDIVSS(largest, inverse, inverse)
	VMOVD(inverse, bits)
	CMPL(bits, U32(0x7f800000))
	JAE(LabelRef("nothing"))
	factor := bestFactor256(v, largest, d)
	for i := range v {
		VMULPS(factor, v[i], v[i])
		VCVTPS2DQ(v[i], v[i])
	}
	// Packing works within 128 bits, so the words come out in the order 0 4 8 12, 1 5 9 13 of four.
	VPACKSSDW(v[1], v[0], v[0])
	VPACKSSDW(v[3], v[2], v[2])
	VPACKSSWB(v[2], v[0], v[0])
	order := loaded(words(0, 4, 1, 5, 2, 6, 3, 7))
	VPERMD(v[0], order, v[0])
	VMOVDQU(v[0], at(q, 0))
	VPXOR(words(times(8, 0x80808080)...), v[0], v[0])
	VPXOR(v[1], v[1], v[1])
	VPSADBW(v[1], v[0], v[0])
	VPSHUFD(U8(0x4e), v[0], v[1])
	VPADDQ(v[1], v[0], v[0])
	VEXTRACTI128(U8(1), v[0], v[1].AsX())
	storeSums(v[0].AsX(), v[1].AsX(), s, h)
	quantizeEnds(q, d, s, h, x, groups)
}

// bestFactor256 is bestFactor512 for four vectors.
func bestFactor256(v [4]VecVirtual, largest Register, d Register) VecVirtual {
	top, inverses := YMM(), loaded(peakBits(false))
	VBROADCASTSS(largest, top)
	VDIVPS(top, inverses, inverses)
	costs, second := YMM(), XMM()
	for half, to := range []Register{costs.AsX(), second} {
		var sums [4]Register
		for c := range sums {
			sums[c] = roundingError256(v, inverses, uint32(4*half+c))
		}
		sumOfFour(sums[:], to)
	}
	VINSERTF128(U8(1), second, costs, costs)
	VMULPS(peakBits(true), costs, costs)
	VEXTRACTF128(U8(1), costs, second)
	least, found, index, place := XMM(), YMM(), GP32(), YMM()
	leastOfEight(costs.AsX(), second, least)
	VBROADCASTSS(least, found)
	VCMPPS(U8(0), found, costs, found)
	VMOVMSKPS(found, index)
	BSFL(index, index)
	VMOVD(index, place.AsX())
	VPBROADCASTD(place.AsX(), place)
	VBROADCASTSS(largest, top)
	VDIVPS(peakBits(false), top, top)
	VPERMPS(top, place, top)
	VMOVSS(top.AsX(), at(d, 0))
	VPERMPS(inverses, place, inverses)
	return inverses
}

// roundingError256 adds up the squares that rounding leaves, down to four lanes.
func roundingError256(v [4]VecVirtual, inverses VecVirtual, c uint32) Register {
	factor := loaded(words(times(8, c)...))
	VPERMPS(inverses, factor, factor)
	square := func(x VecVirtual) VecVirtual {
		e, rounded := YMM(), YMM()
		VMULPS(factor, x, e)
		VROUNDPS(U8(0), e, rounded)
		VSUBPS(rounded, e, e)
		VMULPS(e, e, e)
		return e
	}
	a := square(v[0])
	VADDPS(square(v[2]), a, a)
	b := square(v[1])
	VADDPS(square(v[3]), b, b)
	VADDPS(b, a, a)
	VEXTRACTF128(U8(1), a, b.AsX())
	VADDPS(b.AsX(), a.AsX(), a.AsX())
	return a.AsX()
}

// largestMagnitude256 is largestMagnitude for four vectors.
func largestMagnitude256(v [4]VecVirtual) Register {
	var a [4]VecVirtual
	for i := range a {
		a[i] = YMM()
		VPAND(words(times(8, 0x7fffffff)...), v[i], a[i])
	}
	VPMAXUD(a[1], a[0], a[0])
	VPMAXUD(a[3], a[2], a[2])
	VPMAXUD(a[2], a[0], a[0])
	top, other := a[0].AsX(), a[1].AsX()
	VEXTRACTI128(U8(1), a[0], other)
	VPMAXUD(other, top, top)
	VPSHUFD(U8(0x4e), top, other)
	VPMAXUD(other, top, top)
	VPSHUFD(U8(0xb1), top, other)
	VPMAXUD(other, top, top)
	return top
}
