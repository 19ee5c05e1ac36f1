package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// format tells the kernels how 256 weights of one type become integers and scales. load gives four vectors of 64
// unsigned weights in column order. scales gives the float scales of 8 groups and, in types that have them, the
// minima: in the lower and upper half of one vector.
type format struct {
	name   string
	bytes  int  // of 256 weights
	long   bool // blocks are 256 weights; otherwise 32
	zero   int
	minima bool
	sub    int // offset of 16 signed integer scales of 16 weights each; 0 for none
	setup  func() any
	load   func(consts any, p Register) [4]VecVirtual
	scales func(consts any, p Register) VecVirtual
}

var formats512 = []format{q8_0(), q4_0(), q4_K(), q5_K(), q6_K()}

// q8_0: the top bit flipped makes -128..127 unsigned.
func q8_0() format {
	type consts struct{ flip, first, second VecVirtual }
	return format{
		name: "Q8_0", bytes: 272, zero: 128,
		setup: func() any {
			c := consts{flip: spread(0x80808080), first: ZMM(), second: ZMM()}
			VMOVDQU32(halfwords(q8Scales(0)...), c.first)
			VMOVDQU32(halfwords(q8Scales(4)...), c.second)
			return c
		},
		load: func(k any, p Register) (w [4]VecVirtual) {
			for i := range w {
				w[i] = ZMM()
				VMOVDQU32(at(p, 2+68*i), w[i].AsY())
				VINSERTI64X4(U8(1), at(p, 36+68*i), w[i], w[i])
				VPXORD(k.(consts).flip, w[i], w[i])
			}
			return w
		},
		scales: func(k any, p Register) VecVirtual {
			// Four vectors of 64 bytes hold two scales each.
			a, c, first, second := ZMM(), ZMM(), ZMM(), ZMM()
			VMOVDQU64(at(p, 0), a)
			VMOVDQU64(at(p, 128), c)
			VMOVDQA64(k.(consts).first, first)
			VMOVDQA64(k.(consts).second, second)
			VPERMI2W(at(p, 64), a, first)
			VPERMI2W(at(p, 192), c, second)
			VPUNPCKLQDQ(second.AsX(), first.AsX(), first.AsX())
			VCVTPH2PS(first.AsX(), first.AsY())
			return first
		},
	}
}

// q8Scales are the indices of the scales of four blocks, the first being block, in the words of two vectors that
// start 32*block bytes in.
func q8Scales(block int) []int {
	v := make([]int, 32)
	for i := range 4 {
		v[i] = (34*(block+i) - 32*block) / 2
	}
	return v
}

// q4_0: a block's 16 bytes fill both halves of 32; the upper half is shifted down.
func q4_0() format {
	type consts struct {
		low, shift, scales VecVirtual
		upper              OpmaskVirtual
	}
	return format{
		name: "Q4_0", bytes: 144, zero: 8,
		setup: func() any {
			shift := append(times(4, 0), times(4, 4)...)
			c := consts{spread(0x0f0f0f0f), constant(append(shift, shift...)...), ZMM(), K()}
			VMOVDQU32(halfwords(append([]int{0, 9, 18, 27, 32, 41, 50, 59}, make([]int, 24)...)...), c.scales)
			mask := GP32()
			MOVL(U32(0xff00), mask)
			KMOVW(mask, c.upper)
			return c
		},
		load: func(k any, p Register) (w [4]VecVirtual) {
			c := k.(consts)
			for i := range w {
				w[i] = ZMM()
				VBROADCASTI32X4(at(p, 2+36*i), w[i])
				VBROADCASTI32X4(at(p, 20+36*i), c.upper, w[i])
				VPSRLVD(c.shift, w[i], w[i])
				VPANDD(c.low, w[i], w[i])
			}
			return w
		},
		scales: func(k any, p Register) VecVirtual {
			a, d := ZMM(), ZMM()
			VMOVDQU64(at(p, 0), a)
			VMOVDQA64(k.(consts).scales, d)
			VPERMI2W(at(p, 72), a, d)
			VCVTPH2PS(d.AsX(), d.AsY())
			return d
		},
	}
}

// kHeader decodes the 16 bytes that start Q4_K and Q5_K blocks: d, dmin and 8 scales and minima of 6 bits. One
// shuffle puts the byte with the lower bits, and for groups 4 to 7 the one with the two upper bits behind it, into
// each lane.
type kHeader struct{ place, shift, mask, upper, factors VecVirtual }

func newKHeader() kHeader {
	h := kHeader{ZMM(), constant(append(times(12, 0), times(4, 4)...)...), ZMM(), spread(0x30), ZMM()}
	var place []int
	none := 0x80
	for lane := range 16 {
		group, minimum := lane%8, lane/8
		if group < 4 {
			place = append(place, 4+4*minimum+group, none, none, none)
		} else {
			place = append(place, 12+group-4, 4+4*minimum+group-4, none, none)
		}
	}
	VMOVDQU32(bytes(place...), h.place)
	mask := append(times(4, 63), times(4, 15)...)
	VMOVDQU32(words(append(mask, mask...)...), h.mask)
	var factors []int
	for lane := range 16 {
		factors = append(factors, lane/8*2, lane/8*2+1)
	}
	VMOVDQU32(bytes(append(factors, make([]int, 32)...)...), h.factors)
	return h
}

func (h kHeader) scales(p Register) VecVirtual {
	head, base, high, d := ZMM(), ZMM(), ZMM(), ZMM()
	VBROADCASTI32X4(at(p, 0), head)
	VPSHUFB(h.place, head, base)
	VPSRLD(U8(10), base, high)
	VPSRLVD(h.shift, base, base)
	VPANDD(h.mask, base, base)
	VPTERNLOGD(U8(0xf8), h.upper, high, base) // base | high & 0x30
	VPSHUFB(h.factors.AsY(), head.AsY(), d.AsY())
	VCVTPH2PS(d.AsY(), d)
	VCVTDQ2PS(base, base)
	VMULPS(d, base, base)
	return base
}

// q4_K: 32 bytes hold group 2i in their low and 2i+1 in their high halves.
func q4_K() format {
	type consts struct {
		kHeader
		low, shift VecVirtual
	}
	return format{
		name: "Q4_K", bytes: 144, long: true, minima: true,
		setup: func() any {
			return consts{newKHeader(), spread(0x0f0f0f0f), constant(append(times(8, 0), times(8, 4)...)...)}
		},
		load: func(k any, p Register) (w [4]VecVirtual) {
			c := k.(consts)
			for i := range w {
				w[i] = ZMM()
				VBROADCASTI64X4(at(p, 16+32*i), w[i])
				VPSRLVD(c.shift, w[i], w[i])
				VPANDD(c.low, w[i], w[i])
			}
			return w
		},
		scales: func(k any, p Register) VecVirtual { return k.(consts).kHeader.scales(p) },
	}
}

// q5_K: as Q4_K; the fifth bits of group g are bit g of 32 bytes. A rotation brings them to bit 4.
func q5_K() format {
	type consts struct {
		kHeader
		low, shift, fifth VecVirtual
		rotate            [4]Mem
	}
	return format{
		name: "Q5_K", bytes: 176, long: true, minima: true,
		setup: func() any {
			c := consts{newKHeader(), spread(0x0f0f0f0f), constant(append(times(8, 0), times(8, 4)...)...), spread(0x10101010), [4]Mem{}}
			for i := range c.rotate {
				c.rotate[i] = words(append(times(8, uint32(4-2*i)&31), times(8, uint32(3-2*i)&31)...)...)
			}
			return c
		},
		load: func(k any, p Register) (w [4]VecVirtual) {
			c := k.(consts)
			top, bit := ZMM(), ZMM()
			VBROADCASTI64X4(at(p, 16), top)
			for i := range w {
				w[i] = ZMM()
				VBROADCASTI64X4(at(p, 48+32*i), w[i])
				VPSRLVD(c.shift, w[i], w[i])
				VPANDD(c.low, w[i], w[i])
				VPROLVD(c.rotate[i], top, bit)
				VPTERNLOGD(U8(0xf8), c.fifth, bit, w[i])
			}
			return w
		},
		scales: func(k any, p Register) VecVirtual { return k.(consts).kHeader.scales(p) },
	}
}

// q6_K: 64 bytes of low bits hold groups 0, 1 in their low and 2, 3 in their high halves; 32 bytes hold the upper
// two bits of all four.
func q6_K() format {
	type consts struct{ low, upper, left, right VecVirtual }
	return format{
		name: "Q6_K", bytes: 210, long: true, zero: 32, sub: 192,
		setup: func() any {
			return consts{spread(0x0f0f0f0f), spread(0x30303030), constant(append(times(8, 4), times(8, 2)...)...), constant(append(times(8, 0), times(8, 2)...)...)}
		},
		load: func(k any, p Register) (w [4]VecVirtual) {
			c := k.(consts)
			for part := range 2 {
				lo, hi, top, bits := ZMM(), ZMM(), ZMM(), ZMM()
				VMOVDQU64(at(p, 64*part), hi)
				VBROADCASTI64X4(at(p, 128+32*part), top)
				VPANDD(c.low, hi, lo)
				VPSRLD(U8(4), hi, hi)
				VPANDD(c.low, hi, hi)
				VPSLLVD(c.left, top, bits)
				VPTERNLOGD(U8(0xf8), c.upper, bits, lo)
				VPSRLVD(c.right, top, top)
				VPTERNLOGD(U8(0xf8), c.upper, top, hi)
				w[2*part], w[2*part+1] = lo, hi
			}
			return w
		},
		scales: func(k any, p Register) VecVirtual {
			d := ZMM()
			VPBROADCASTW(at(p, 208), d.AsX())
			VCVTPH2PS(d.AsX(), d.AsY())
			return d
		},
	}
}
