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
	subs   func(consts any, p Register) Register // 16 signed bytes, integer scales of 16 weights each; nil for none
	setup  func() any
	load   func(consts any, p Register) [4]VecVirtual
	halves *halves // nil where it does not pay
	scales func(consts any, p Register) VecVirtual
}

// halves is another way to load: 16 weights of each of four groups to a vector, so that two vectors, of the first
// and of the second 16, add up in one accumulator and half of the work to sum lanes is saved. The activations must
// lie in the same order: see quants.arrange in package kernel.
type halves struct {
	load    func(consts any, p Register) [4]VecVirtual
	order   [8]uint32 // where the sum of each group is
	times16 bool      // the last two vectors hold 16 times the weights
}

var (
	// inOrder: groups 0 to 3, then 4 to 7.
	inOrder = [8]uint32{0, 4, 8, 12, 2, 6, 10, 14}
	// evenOdd: groups 0, 2, 4, 6, then 1, 3, 5, 7.
	evenOdd = [8]uint32{0, 2, 4, 6, 8, 10, 12, 14}
)

var formats512 = []format{
	q8_0(), q4_0(), q4_1(), q5_0(), q5_1(), iq4_NL(),
	q3_K(), q4_K(), q5_K(), q6_K(), iq4_XS(),
}

// q8_0: the top bit flipped makes -128..127 unsigned.
func q8_0() format {
	type consts struct {
		flip VecVirtual
		d    scattered
	}
	return format{
		name: "Q8_0", bytes: 272, zero: 128,
		setup: func() any { return consts{spread(0x80808080), newScattered(34, 0, [4]int{0, 64, 128, 192})} },
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
			d := k.(consts).d.read(p)
			VCVTPH2PS(d.AsX(), d.AsY())
			return d
		},
	}
}

// scattered reads one f16 field of 8 consecutive blocks. Two pairs of vectors, which begin at the given offsets,
// hold four fields each.
type scattered struct {
	starts [4]int
	places [2]VecVirtual
}

func newScattered(stride, offset int, starts [4]int) scattered {
	s := scattered{starts: starts}
	for pair := range s.places {
		place := make([]int, 32)
		for i := range 4 {
			at, vector := stride*(4*pair+i)+offset, 0
			if at+2 > starts[2*pair]+64 {
				vector = 1
			}
			place[i] = 32*vector + (at-starts[2*pair+vector])/2
		}
		s.places[pair] = ZMM()
		VMOVDQU32(halfwords(place...), s.places[pair])
	}
	return s
}

func (s scattered) read(p Register) VecVirtual {
	var four [2]VecVirtual
	for pair := range four {
		a := ZMM()
		four[pair] = ZMM()
		VMOVDQU64(at(p, s.starts[2*pair]), a)
		VMOVDQA64(s.places[pair], four[pair])
		VPERMI2W(at(p, s.starts[2*pair+1]), a, four[pair])
	}
	VPUNPCKLQDQ(four[1].AsX(), four[0].AsX(), four[0].AsX())
	return four[0]
}

// nibbles spreads the 16 bytes of a block: low halves, then high halves; two blocks to a vector.
type nibbles struct {
	low, shift VecVirtual
	upper      OpmaskVirtual
	lane       [4]OpmaskVirtual
}

func newNibbles() nibbles {
	shift := append(times(4, 0), times(4, 4)...)
	n := nibbles{low: spread(0x0f0f0f0f), shift: constant(append(shift, shift...)...), upper: K()}
	mask := GP32()
	MOVL(U32(0xff00), mask)
	KMOVW(mask, n.upper)
	for i := 1; i < 4; i++ {
		n.lane[i] = K()
		MOVL(U32(0xf<<(4*i)), mask)
		KMOVW(mask, n.lane[i])
	}
	return n
}

// halves reads the 16 bytes of four blocks to a vector; low halves come before high ones.
func (n nibbles) halves(p Register, offset, stride int) (w [4]VecVirtual) {
	for i := range 2 {
		low, high := ZMM(), ZMM()
		VBROADCASTI32X4(at(p, offset+4*stride*i), high)
		for lane := 1; lane < 4; lane++ {
			VBROADCASTI32X4(at(p, offset+4*stride*i+stride*lane), n.lane[lane], high)
		}
		w[2*i], w[2*i+1] = n.split(low, high)
	}
	return w
}

func (n nibbles) split(low, high VecVirtual) (VecVirtual, VecVirtual) {
	VPANDD(n.low, high, low)
	VPSRLD(U8(4), high, high)
	VPANDD(n.low, high, high)
	return low, high
}

// load reads the 8 blocks whose quants begin at offset.
func (n nibbles) load(p Register, offset, stride int) (w [4]VecVirtual) {
	for i := range w {
		w[i] = ZMM()
		VBROADCASTI32X4(at(p, offset+2*stride*i), w[i])
		VBROADCASTI32X4(at(p, offset+2*stride*i+stride), n.upper, w[i])
		VPSRLVD(n.shift, w[i], w[i])
		VPANDD(n.low, w[i], w[i])
	}
	return w
}

// pairs reads fields of 8 blocks that lie at equal places of two vectors.
func pairs(p Register, place VecVirtual, second int) VecVirtual {
	a, d := ZMM(), ZMM()
	VMOVDQU64(at(p, 0), a)
	VMOVDQA64(place, d)
	VPERMI2W(at(p, second), a, d)
	return d
}

func q4_0() format {
	type consts struct {
		nibbles
		place VecVirtual
	}
	return format{
		name: "Q4_0", bytes: 144, zero: 8,
		setup: func() any {
			c := consts{newNibbles(), ZMM()}
			VMOVDQU32(halfwords(append([]int{0, 9, 18, 27, 32, 41, 50, 59}, make([]int, 24)...)...), c.place)
			return c
		},
		load: func(k any, p Register) [4]VecVirtual { return k.(consts).nibbles.load(p, 2, 18) },
		halves: &halves{order: inOrder, load: func(k any, p Register) [4]VecVirtual {
			return k.(consts).nibbles.halves(p, 2, 18)
		}},
		scales: func(k any, p Register) VecVirtual {
			d := pairs(p, k.(consts).place, 72)
			VCVTPH2PS(d.AsX(), d.AsY())
			return d
		},
	}
}

// iq4_NL: as Q4_0 with a table, to whose values 128 is added.
func iq4_NL() format {
	type consts struct {
		base  any
		table VecVirtual
	}
	f := q4_0()
	f.name, f.zero = "IQ4_NL", 128
	base := f
	f.setup = func() any { return consts{base.setup(), tableIQ4()} }
	f.load = func(k any, p Register) [4]VecVirtual {
		return through(k.(consts).table, base.load(k.(consts).base, p))
	}
	f.halves = &halves{order: inOrder, load: func(k any, p Register) [4]VecVirtual {
		return through(k.(consts).table, base.halves.load(k.(consts).base, p))
	}}
	f.scales = func(k any, p Register) VecVirtual { return base.scales(k.(consts).base, p) }
	return f
}

func through(table VecVirtual, w [4]VecVirtual) [4]VecVirtual {
	for _, v := range w {
		VPSHUFB(v, table, v)
	}
	return w
}

// tableIQ4 is quant.IQ4NLValues plus 128, four times.
func tableIQ4() VecVirtual {
	v := ZMM()
	VBROADCASTI32X4(bytes(1, 24, 45, 63, 79, 93, 106, 118, 129, 141, 153, 166, 181, 197, 217, 241), v)
	return v
}

// minus flips the sign of minima where a file stores what is added.
func minus() VecVirtual { return constant(append(times(8, 0), times(8, 0x80000000)...)...) }

func q4_1() format {
	type consts struct {
		nibbles
		place, minus VecVirtual
	}
	return format{
		name: "Q4_1", bytes: 160, minima: true,
		setup: func() any {
			c := consts{newNibbles(), ZMM(), minus()}
			place := []int{0, 10, 20, 30, 32, 42, 52, 62, 1, 11, 21, 31, 33, 43, 53, 63}
			VMOVDQU32(halfwords(append(place, make([]int, 16)...)...), c.place)
			return c
		},
		load: func(k any, p Register) [4]VecVirtual { return k.(consts).nibbles.load(p, 4, 20) },
		halves: &halves{order: inOrder, load: func(k any, p Register) [4]VecVirtual {
			return k.(consts).nibbles.halves(p, 4, 20)
		}},
		scales: func(k any, p Register) VecVirtual {
			d := pairs(p, k.(consts).place, 80)
			VCVTPH2PS(d.AsY(), d)
			VPXORD(k.(consts).minus, d, d)
			return d
		},
	}
}

// fifth adds bits: bit i of the 32 at offset to value i of a block, for two blocks a vector.
func fifth(w [4]VecVirtual, bit VecVirtual, p Register, offset, stride int) [4]VecVirtual {
	for i := range w {
		first, second := K(), K()
		KMOVD(at(p, offset+2*stride*i), first)
		KMOVD(at(p, offset+2*stride*i+stride), second)
		KUNPCKDQ(first, second, second)
		VPADDB(bit, w[i], second, w[i])
	}
	return w
}

func q5_0() format {
	type consts struct {
		nibbles
		bit VecVirtual
		d   scattered
	}
	return format{
		name: "Q5_0", bytes: 176, zero: 16,
		setup: func() any {
			return consts{newNibbles(), spread(0x10101010), newScattered(22, 0, [4]int{0, 66, 66, 112})}
		},
		load: func(k any, p Register) [4]VecVirtual {
			c := k.(consts)
			return fifth(c.nibbles.load(p, 6, 22), c.bit, p, 2, 22)
		},
		scales: func(k any, p Register) VecVirtual {
			d := k.(consts).d.read(p)
			VCVTPH2PS(d.AsX(), d.AsY())
			return d
		},
	}
}

func q5_1() format {
	type consts struct {
		nibbles
		bit, minus VecVirtual
		d, m       scattered
	}
	return format{
		name: "Q5_1", bytes: 192, minima: true,
		setup: func() any {
			starts := [4]int{0, 72, 72, 128}
			return consts{newNibbles(), spread(0x10101010), minus(), newScattered(24, 0, starts), newScattered(24, 2, starts)}
		},
		load: func(k any, p Register) [4]VecVirtual {
			c := k.(consts)
			return fifth(c.nibbles.load(p, 8, 24), c.bit, p, 4, 24)
		},
		scales: func(k any, p Register) VecVirtual {
			c := k.(consts)
			d, m := c.d.read(p), c.m.read(p)
			VINSERTI32X4(U8(1), m.AsX(), d.AsY(), d.AsY())
			VCVTPH2PS(d.AsY(), d)
			VPXORD(c.minus, d, d)
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
		low, high, shift VecVirtual
	}
	return format{
		name: "Q4_K", bytes: 144, long: true, minima: true,
		setup: func() any {
			return consts{newKHeader(), spread(0x0f0f0f0f), spread(0xf0f0f0f0), constant(append(times(8, 0), times(8, 4)...)...)}
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
		halves: &halves{order: evenOdd, times16: true, load: func(k any, p Register) (w [4]VecVirtual) {
			c := k.(consts)
			w[0], w[1] = halvesK(p, 16)
			w[2], w[3] = ZMM(), ZMM()
			VPANDD(c.high, w[0], w[2])
			VPANDD(c.high, w[1], w[3])
			VPANDD(c.low, w[0], w[0])
			VPANDD(c.low, w[1], w[1])
			return w
		}},
		scales: func(k any, p Register) VecVirtual { return k.(consts).kHeader.scales(p) },
	}
}

// halvesK reads 128 bytes and parts the first from the second 16 of each 32.
func halvesK(p Register, offset int) (first, second VecVirtual) {
	low, high := ZMM(), ZMM()
	first, second = ZMM(), ZMM()
	VMOVDQU64(at(p, offset), low)
	VMOVDQU64(at(p, offset+64), high)
	VSHUFI32X4(U8(0x88), high, low, first)
	VSHUFI32X4(U8(0xdd), high, low, second)
	return first, second
}

// q5_K: as Q4_K; the fifth bits of group g are bit g of 32 bytes. A rotation brings them to bit 4.
func q5_K() format {
	type consts struct {
		kHeader
		low, shift, fifth VecVirtual
		rotate            [4]Mem
		even, odd         VecVirtual
	}
	return format{
		name: "Q5_K", bytes: 176, long: true, minima: true,
		setup: func() any {
			c := consts{newKHeader(), spread(0x0f0f0f0f), constant(append(times(8, 0), times(8, 4)...)...), spread(0x10101010), [4]Mem{}, ZMM(), ZMM()}
			var even, odd []uint32
			for lane := range 4 {
				even = append(even, times(4, uint32(4-2*lane)&31)...)
				odd = append(odd, times(4, uint32(3-2*lane)&31)...)
			}
			VMOVDQU32(words(even...), c.even)
			VMOVDQU32(words(odd...), c.odd)
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
		halves: &halves{order: evenOdd, load: func(k any, p Register) (w [4]VecVirtual) {
			c := k.(consts)
			first, second := halvesK(p, 48)
			for i, v := range []VecVirtual{first, second} {
				low, high, top, bit := ZMM(), v, ZMM(), ZMM()
				VBROADCASTI32X4(at(p, 16+16*i), top)
				VPANDD(c.low, high, low)
				VPSRLD(U8(4), high, high)
				VPANDD(c.low, high, high)
				VPROLVD(c.even, top, bit)
				VPTERNLOGD(U8(0xf8), c.fifth, bit, low)
				VPROLVD(c.odd, top, top)
				VPTERNLOGD(U8(0xf8), c.fifth, top, high)
				w[i], w[2+i] = low, high
			}
			return w
		}},
		scales: func(k any, p Register) VecVirtual { return k.(consts).kHeader.scales(p) },
	}
}

// q6_K: 64 bytes of low bits hold groups 0, 1 in their low and 2, 3 in their high halves; 32 bytes hold the upper
// two bits of all four.
func q6_K() format {
	type consts struct{ low, upper, left, right VecVirtual }
	return format{
		name: "Q6_K", bytes: 210, long: true, zero: 32,
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
		subs: func(_ any, p Register) Register {
			v := XMM()
			VMOVDQU32(at(p, 192), v)
			return v
		},
	}
}

// iq4_XS: groups as in IQ4_NL; scales of 6 bits whose zero is 32, the two high bits apart.
func iq4_XS() format {
	type consts struct {
		nibbles
		table, lowShift, highShift, low, high, zero VecVirtual
	}
	return format{
		name: "IQ4_XS", bytes: 136, long: true, zero: 128,
		setup: func() any {
			return consts{
				newNibbles(), tableIQ4(), steps(0, 4), steps(12, 2), spread(15), spread(0x30), spread(32),
			}
		},
		load: func(k any, p Register) [4]VecVirtual {
			return through(k.(consts).table, k.(consts).nibbles.load(p, 8, 16))
		},
		halves: &halves{order: inOrder, load: func(k any, p Register) (w [4]VecVirtual) {
			for i := range 2 {
				high := ZMM()
				VMOVDQU64(at(p, 8+64*i), high)
				w[2*i], w[2*i+1] = k.(consts).nibbles.split(ZMM(), high)
			}
			return through(k.(consts).table, w)
		}},
		scales: func(k any, p Register) VecVirtual {
			c := k.(consts)
			s, high, d := ZMM(), ZMM(), ZMM()
			VPBROADCASTD(at(p, 4), s.AsY())
			VPSRLVD(c.lowShift.AsY(), s.AsY(), s.AsY())
			VPANDD(c.low.AsY(), s.AsY(), s.AsY())
			VPBROADCASTD(at(p, 0), high.AsY())
			VPSRLVD(c.highShift.AsY(), high.AsY(), high.AsY())
			VPTERNLOGD(U8(0xf8), c.high.AsY(), high.AsY(), s.AsY())
			VPSUBD(c.zero.AsY(), s.AsY(), s.AsY())
			VCVTDQ2PS(s.AsY(), s.AsY())
			VPBROADCASTW(at(p, 0), d.AsX())
			VCVTPH2PS(d.AsX(), d.AsY())
			VMULPS(d.AsY(), s.AsY(), s.AsY())
			return s
		},
	}
}

// steps is first, first+step and so on in 8 lanes.
func steps(first, step int) VecVirtual {
	v := times(16, 0)
	for i := range 8 {
		v[i] = uint32(first + step*i)
	}
	return constant(v...)
}

// q3_K: two bits of groups g to g+3 in 32 bytes, the third in bit g of 32 others; scales of 6 bits.
func q3_K() format {
	type consts struct {
		two, four, lowPlace, highPlace, shift, rotate, low, high, zero VecVirtual
	}
	return format{
		name: "Q3_K", bytes: 110, long: true, zero: 4,
		setup: func() any {
			c := consts{
				two: spread(0x03030303), four: spread(0x04040404), lowPlace: ZMM(), highPlace: ZMM(),
				low: spread(0x0f0f0f0f), high: spread(0x30303030), zero: spread(0x20202020),
			}
			// The 12 bytes of scales begin at 2 of the 16 that end a block.
			VMOVDQU32(bytes(2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5, 6, 7, 8, 9), c.lowPlace.AsX())
			VMOVDQU32(bytes(10, 11, 12, 13, 10, 11, 12, 13, 10, 11, 12, 13, 10, 11, 12, 13), c.highPlace.AsX())
			c.shift = constant(append([]uint32{0, 0, 4, 4}, times(12, 0)...)...)
			c.rotate = constant(append([]uint32{4, 2, 0, 30}, times(12, 0)...)...)
			return c
		},
		load: func(k any, p Register) (w [4]VecVirtual) {
			c := k.(consts)
			top, bit := ZMM(), ZMM()
			VBROADCASTI64X4(at(p, 0), top)
			for i := range w {
				w[i] = ZMM()
				VBROADCASTI64X4(at(p, 32+i/2*32), w[i])
				shift := uint32(i % 2 * 4)
				VPSRLVD(words(append(times(8, shift), times(8, shift+2)...)...), w[i], w[i])
				VPANDD(c.two, w[i], w[i])
				VPROLVD(words(append(times(8, uint32(2-2*i)&31), times(8, uint32(1-2*i)&31)...)...), top, bit)
				VPTERNLOGD(U8(0xf8), c.four, bit, w[i])
			}
			return w
		},
		scales: func(k any, p Register) VecVirtual {
			d := ZMM()
			VPBROADCASTW(at(p, 108), d.AsX())
			VCVTPH2PS(d.AsX(), d.AsY())
			return d
		},
		subs: func(k any, p Register) Register {
			c := k.(consts)
			s, low, high := XMM(), XMM(), XMM()
			VMOVDQU32(at(p, 94), s)
			VPSHUFB(c.lowPlace.AsX(), s, low)
			VPSRLVD(c.shift.AsX(), low, low)
			VPANDD(c.low.AsX(), low, low)
			VPSHUFB(c.highPlace.AsX(), s, high)
			VPROLVD(c.rotate.AsX(), high, high)
			VPTERNLOGD(U8(0xf8), c.high.AsX(), high, low)
			VPSUBB(c.zero.AsX(), low, low)
			return low
		},
	}
}
