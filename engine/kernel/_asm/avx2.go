package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// format256 is format for 16 registers of 32 bytes: weights come one group at a time and constants stay in memory.
type format256 struct {
	name   string
	bytes  int
	long   bool
	signed bool // weights are signed, and there is no zero point
	zero   int
	load   func(p Register, group int) VecVirtual
	scales func(p Register) VecVirtual
	minima func(p Register) VecVirtual // nil for none
	subs   func(p Register) VecVirtual // 16 signed words; nil for none
}

var formats256 = []format256{
	{name: "Q8_0", bytes: 272, signed: true, load: func(p Register, g int) VecVirtual {
		return loaded(at(p, 2+34*g))
	}, scales: func(p Register) VecVirtual { return gather(p, 34, 0) }},
	{name: "Q4_0", bytes: 144, zero: 8, load: func(p Register, g int) VecVirtual {
		return spreadNibbles(at(p, 2+18*g))
	}, scales: func(p Register) VecVirtual { return gather(p, 18, 0) }},
	{name: "Q4_1", bytes: 160, load: func(p Register, g int) VecVirtual {
		return spreadNibbles(at(p, 4+20*g))
	}, scales: func(p Register) VecVirtual { return gather(p, 20, 0) }, minima: func(p Register) VecVirtual {
		return negative(gather(p, 20, 2))
	}},
	{name: "Q5_0", bytes: 176, zero: 16, load: func(p Register, g int) VecVirtual {
		return withFifth(spreadNibbles(at(p, 6+22*g)), at(p, 2+22*g))
	}, scales: func(p Register) VecVirtual { return gather(p, 22, 0) }},
	{name: "Q5_1", bytes: 192, load: func(p Register, g int) VecVirtual {
		return withFifth(spreadNibbles(at(p, 8+24*g)), at(p, 4+24*g))
	}, scales: func(p Register) VecVirtual { return gather(p, 24, 0) }, minima: func(p Register) VecVirtual {
		return negative(gather(p, 24, 2))
	}},
	{name: "IQ4_NL", bytes: 144, signed: true, load: func(p Register, g int) VecVirtual {
		return iq4Values(spreadNibbles(at(p, 2+18*g)))
	}, scales: func(p Register) VecVirtual { return gather(p, 18, 0) }},
	{name: "IQ4_XS", bytes: 136, long: true, signed: true, load: func(p Register, g int) VecVirtual {
		return iq4Values(spreadNibbles(at(p, 8+16*g)))
	}, scales: scalesIQ4XS},
	{name: "Q3_K", bytes: 110, long: true, zero: 4, load: loadQ3K, subs: subsQ3K, scales: func(p Register) VecVirtual {
		return half(at(p, 108))
	}},
	{name: "Q4_K", bytes: 144, long: true, load: func(p Register, g int) VecVirtual {
		return masked(shifted(loaded(at(p, 16+g/2*32)), g%2*4), 0x0f)
	}, scales: scalesK, minima: minimaK},
	{name: "Q5_K", bytes: 176, long: true, load: func(p Register, g int) VecVirtual {
		v := masked(shifted(loaded(at(p, 48+g/2*32)), g%2*4), 0x0f)
		return or(v, masked(shifted(loaded(at(p, 16)), g-4), 0x10))
	}, scales: scalesK, minima: minimaK},
	{name: "Q6_K", bytes: 210, long: true, zero: 32, load: func(p Register, g int) VecVirtual {
		part, k := g/4, g%4
		v := masked(shifted(loaded(at(p, 64*part+k%2*32)), k/2*4), 0x0f)
		return or(v, masked(shifted(loaded(at(p, 128+32*part)), 2*k-4), 0x30))
	}, subs: func(p Register) VecVirtual {
		v := YMM()
		VPMOVSXBW(at(p, 192), v)
		return v
	}, scales: func(p Register) VecVirtual { return half(at(p, 208)) }},
}

func loaded(m Mem) VecVirtual {
	v := YMM()
	VMOVDQU(m, v)
	return v
}

// shifted moves bytes right by n bits, left for negative n. What crosses to a neighbour must be masked out.
func shifted(v VecVirtual, n int) VecVirtual {
	switch {
	case n > 0:
		VPSRLW(U8(n), v, v)
	case n < 0:
		VPSLLW(U8(-n), v, v)
	}
	return v
}

// masked keeps these bits of each byte.
func masked(v VecVirtual, bits uint32) VecVirtual {
	VPAND(words(times(8, bits*0x01010101)...), v, v)
	return v
}

func or(a, b VecVirtual) VecVirtual {
	VPOR(b, a, a)
	return a
}

// spreadNibbles makes 32 bytes of 16: low halves, then high halves.
func spreadNibbles(m Mem) VecVirtual {
	v, high := YMM(), XMM()
	VMOVDQU(m, v.AsX())
	VPSRLW(U8(4), v.AsX(), high)
	VINSERTI128(U8(1), high, v, v)
	return masked(v, 0x0f)
}

// withFifth sets bit 4 of value i where bit i of the 32 at m is set.
func withFifth(v VecVirtual, m Mem) VecVirtual {
	b := YMM()
	VPBROADCASTD(m, b)
	var place []int
	for i := range 32 {
		place = append(place, i/8)
	}
	VPSHUFB(bytes(place...), b, b)
	VPOR(words(0xf7fbfdfe, 0x7fbfdfef, 0xf7fbfdfe, 0x7fbfdfef, 0xf7fbfdfe, 0x7fbfdfef, 0xf7fbfdfe, 0x7fbfdfef), b, b)
	ones := YMM()
	VPCMPEQB(ones, ones, ones)
	VPCMPEQB(ones, b, b)
	return or(v, masked(b, 0x10))
}

func iq4Values(v VecVirtual) VecVirtual {
	table := YMM()
	VBROADCASTI128(bytes(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113), table)
	VPSHUFB(v, table, v)
	return v
}

// gather converts one f16 of each of 8 blocks.
func gather(p Register, stride, offset int) VecVirtual {
	v := YMM()
	VPXOR(v.AsX(), v.AsX(), v.AsX())
	for i := range 8 {
		VPINSRW(U8(i), at(p, stride*i+offset), v.AsX(), v.AsX())
	}
	VCVTPH2PS(v.AsX(), v)
	return v
}

// half converts one f16 for all groups.
func half(m Mem) VecVirtual {
	v := YMM()
	VPBROADCASTW(m, v.AsX())
	VCVTPH2PS(v.AsX(), v)
	return v
}

func negative(v VecVirtual) VecVirtual {
	VXORPS(words(times(8, 0x80000000)...), v, v)
	return v
}

// scalesK and minimaK decode the header that kHeader describes, one half each.
func scalesK(p Register) VecVirtual { return halfHeader(p, 0) }
func minimaK(p Register) VecVirtual { return halfHeader(p, 1) }

func halfHeader(p Register, minimum int) VecVirtual {
	var place []int
	none := 0x80
	for group := range 8 {
		if group < 4 {
			place = append(place, 4+4*minimum+group, none, none, none)
		} else {
			place = append(place, 12+group-4, 4+4*minimum+group-4, none, none)
		}
	}
	base, high := YMM(), YMM()
	VBROADCASTI128(at(p, 0), base)
	VPSHUFB(bytes(place...), base, base)
	VPSRLD(U8(10), base, high)
	VPAND(words(times(8, 0x30)...), high, high)
	if minimum == 1 {
		VPSRLVD(words(append(times(4, 0), times(4, 4)...)...), base, base)
	}
	VPAND(words(append(times(4, 63), times(4, 15)...)...), base, base)
	or(base, high)
	VCVTDQ2PS(base, base)
	VMULPS(half(at(p, 2*minimum)), base, base)
	return base
}

func scalesIQ4XS(p Register) VecVirtual {
	s, high := YMM(), YMM()
	VPBROADCASTD(at(p, 4), s)
	VPSRLVD(words(0, 4, 8, 12, 16, 20, 24, 28), s, s)
	VPAND(words(times(8, 15)...), s, s)
	VPBROADCASTD(at(p, 0), high)
	VPSRLVD(words(12, 14, 16, 18, 20, 22, 24, 26), high, high)
	VPAND(words(times(8, 0x30)...), high, high)
	or(s, high)
	VPSUBD(words(times(8, 32)...), s, s)
	VCVTDQ2PS(s, s)
	VMULPS(half(at(p, 0)), s, s)
	return s
}

func loadQ3K(p Register, g int) VecVirtual {
	v := masked(shifted(loaded(at(p, 32+g/4*32)), g%4*2), 3)
	return or(v, masked(shifted(loaded(at(p, 0)), g-2), 4))
}

// subsQ3K: the 12 bytes of scales begin at 2 of the 16 that end a block.
func subsQ3K(p Register) VecVirtual {
	s, low, high := XMM(), XMM(), YMM()
	VMOVDQU(at(p, 94), s)
	VPSHUFB(bytes(2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5, 6, 7, 8, 9), s, low)
	VPSRLVD(words(0, 0, 4, 4), low, low)
	VPAND(words(times(4, 0x0f0f0f0f)...), low, low)
	VPSHUFB(bytes(10, 11, 12, 13, 10, 11, 12, 13, 10, 11, 12, 13, 10, 11, 12, 13), s, s)
	VPSLLVD(words(4, 2, 0, 0), s, high.AsX())
	VPSRLVD(words(0, 0, 0, 2), high.AsX(), high.AsX())
	VPAND(words(times(4, 0x30303030)...), high.AsX(), high.AsX())
	VPOR(high.AsX(), low, low)
	VPSUBB(words(times(4, 0x20202020)...), low, low)
	out := YMM()
	VPMOVSXBW(low, out)
	return out
}

// matmulAVX2 writes the kernels for AVX2.
func matmulAVX2() {
	for _, f := range formats256 {
		termsAVX2(f)
	}
	foldAVX2()
}

// termsAVX2 writes what termsAVX512 does. Bytes multiply in pairs to words without overflow: up to 63·127·2, or, of
// signed weights, 128·127·2.
func termsAVX2(f format256) {
	TEXT("terms"+f.name+"AVX2", NOSPLIT, "func(terms *float32, termStride int, w *byte, rowBytes int, rows int, q *int8, s *int32, h *int16, blocks int)")
	Pragma("noescape")
	Doc("terms" + f.name + "AVX2 sets terms[row*termStride/4+block] for rows of at least 8 blocks.")
	terms, w, q, s, h := arg("terms"), arg("w"), arg("q"), arg("s"), arg("h")
	Label("row")
	p, x, index, left := GP64(), GP64(), GP64(), GP64()
	MOVQ(w, p)
	MOVQ(q, x)
	XORQ(index, index)
	Load(Param("blocks"), left)
	Label("block")
	for line := range (f.bytes + 63) / 64 {
		PREFETCHT0(at(p, prefetch+64*line))
	}
	sums := sumsAVX2(f, p, x, h, index)
	if f.zero != 0 && f.subs == nil {
		total := YMM()
		VMOVDQU(atIndex(s, index, 4, 0), total)
		VPSLLD(U8(log2(f.zero)), total, total)
		VPSUBD(total, sums, sums)
	}
	VCVTDQ2PS(sums, sums)
	VMULPS(f.scales(p), sums, sums)
	if f.minima != nil {
		total := YMM()
		VCVTDQ2PS(atIndex(s, index, 4, 0), total)
		VFNMADD231PS(total, f.minima(p), sums)
	}
	VMOVUPS(sums, atIndex(terms, index, 4, 0))
	nextBlocks(format{bytes: f.bytes, long: f.long}, false, p, x, index, left)
	addParam("termStride", terms)
	addParam("rowBytes", w)
	rows, err := Param("rows").Resolve()
	if err != nil {
		panic(err)
	}
	DECQ(rows.Addr)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// addParam adds an argument to p.
func addParam(name string, p Register) {
	a, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	ADDQ(a.Addr, p)
}

// sumsAVX2 gives the exact sums of 8 groups.
func sumsAVX2(f format256, p, x, h, index Register) VecVirtual {
	var factors [2]VecVirtual // words to multiply by, for groups 0 to 3 and 4 to 7
	var zero VecVirtual
	if f.subs != nil {
		subs := f.subs(p)
		zero = YMM()
		VPMADDWD(atIndex(h, index, 4, 0), subs, zero)
		VPSLLD(U8(log2(f.zero)), zero, zero)
		for i := range factors {
			factors[i] = YMM()
			VPERM2I128(U8(0x11*i), subs, subs, factors[i])
		}
	} else {
		factors[0] = YMM()
		VPCMPEQW(factors[0], factors[0], factors[0])
		VPSRLW(U8(15), factors[0], factors[0])
	}
	var quarter [2]VecVirtual
	for i := range quarter {
		var pair [2]VecVirtual
		for j := range pair {
			a := groupAVX2(f, p, x, 4*i+2*j, factors)
			b := groupAVX2(f, p, x, 4*i+2*j+1, factors)
			VPHADDD(b, a, a)
			pair[j] = a
		}
		VPHADDD(pair[1], pair[0], pair[0])
		quarter[i] = pair[0]
	}
	low, high := YMM(), YMM()
	VPERM2I128(U8(0x20), quarter[1], quarter[0], low)
	VPERM2I128(U8(0x31), quarter[1], quarter[0], high)
	VPADDD(high, low, low)
	if f.subs != nil {
		VPSUBD(zero, low, low)
	}
	return low
}

// groupAVX2 multiplies 32 weights and gives 8 partial sums.
func groupAVX2(f format256, p, x Register, g int, factors [2]VecVirtual) VecVirtual {
	w, a := f.load(p, g), at(x, 32*g)
	if f.signed { // |weight| x (activation with the weight's sign)
		signed := loaded(a)
		VPSIGNB(w, signed, signed)
		VPABSB(w, w)
		VPMADDUBSW(signed, w, w)
	} else {
		VPMADDUBSW(a, w, w)
	}
	if f.subs == nil {
		VPMADDWD(factors[0], w, w)
		return w
	}
	var place []int // the words of two runs of 16, eight times each
	for half := range 2 {
		for range 8 {
			sub := 2*(g%4) + half
			place = append(place, 2*sub, 2*sub+1)
		}
	}
	factor := YMM()
	VPSHUFB(bytes(place...), factors[g/4], factor)
	VPMADDWD(factor, w, w)
	return w
}

// foldAVX2 writes what foldAVX512 writes, for 8 rows.
func foldAVX2() {
	TEXT("foldAVX2", NOSPLIT, "func(y *float32, terms *float32, termStride int, d *float32, blocks int)")
	Pragma("noescape")
	Doc("foldAVX2 adds Σ d[b]·terms[row*termStride/4+b] to y[row] for 8 rows. It may read 3 terms too many.")
	y, terms, stride, d, blocks := arg("y"), arg("terms"), arg("termStride"), arg("d"), arg("blocks")
	three, fourth, sum := GP64(), GP64(), YMM()
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, three)
	LEAQ(Mem{Base: terms, Index: stride, Scale: 4}, fourth)
	rows := strided{base: [4]GPVirtual{terms, fourth}, stride: stride, three: three}
	VMOVUPS(at(y, 0), sum)
	step := func(i int, turned [4]VecVirtual) {
		scale := YMM()
		VBROADCASTSS(at(d, 4*i), scale)
		VFMADD231PS(scale, turned[i], sum)
	}
	Label("four")
	CMPQ(blocks, U32(4))
	JLT(LabelRef("rest"))
	turned := turn8(rows)
	for i := range turned {
		step(i, turned)
	}
	ADDQ(U32(16), terms)
	ADDQ(U32(16), fourth)
	ADDQ(U32(16), d)
	SUBQ(U32(4), blocks)
	JMP(LabelRef("four"))
	Label("rest")
	TESTQ(blocks, blocks)
	JZ(LabelRef("end"))
	turned = turn8(rows)
	for i := range 3 {
		step(i, turned)
		if i < 2 {
			DECQ(blocks)
			JZ(LabelRef("end"))
		}
	}
	Label("end")
	VMOVUPS(sum, at(y, 0))
	VZEROUPPER()
	RET()
}

// turn8 is turn for 8 rows.
func turn8(rows strided) [4]VecVirtual {
	var v [4]VecVirtual
	for i := range v { // the lower half is row i, the upper row 4+i
		v[i] = YMM()
		VMOVUPS(rows.row(i), v[i].AsX())
		VINSERTF128(U8(1), rows.row(4+i), v[i], v[i])
	}
	a, b, c, d := YMM(), YMM(), YMM(), YMM()
	VUNPCKLPS(v[1], v[0], a)
	VUNPCKHPS(v[1], v[0], b)
	VUNPCKLPS(v[3], v[2], c)
	VUNPCKHPS(v[3], v[2], d)
	out := [4]VecVirtual{YMM(), YMM(), YMM(), YMM()}
	VUNPCKLPD(c, a, out[0])
	VUNPCKHPD(c, a, out[1])
	VUNPCKLPD(d, b, out[2])
	VUNPCKHPD(d, b, out[3])
	return out
}
