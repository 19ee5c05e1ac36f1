package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// isa is what the float kernels for AVX2 and AVX-512 differ in: they are written once.
type isa struct {
	name  string
	lanes int // float32 values in a vector
	vec   func() VecVirtual
	half  func(VecVirtual) Register // the lower half
}

var (
	isa256 = isa{"AVX2", 8, YMM, func(v VecVirtual) Register { return v.AsX() }}
	isa512 = isa{"AVX512", 16, ZMM, func(v VecVirtual) Register { return v.AsY() }}
)

func (i isa) bytes() int { return 4 * i.lanes }

// floatKernels writes all float kernels. Each takes whole vectors; the callers finish what is left.
func floatKernels(i isa) {
	dot(i, "dot", loadFloats)
	dot(i, "dotF16", loadHalves)
	axpy(i, "axpy", loadFloats)
	axpy(i, "axpyF16", loadHalves)
	if i.lanes == 16 {
		dotFour(i)
	}
	dotRows(i, "dotRows", loadFloats)
	dotRows(i, "dotRowsF16", loadHalves)
	axpyRows(i, "axpyRows", loadFloats)
	axpyRows(i, "axpyRowsF16", loadHalves)
	toF16(i)
	widen(i, "widenF16", loadHalves)
	widen(i, "widenBF16", loadBrain)
	widenQ2K(i)
	add(i)
	scaleBy(i)
	scale(i)
	sumSquares(i)
	top(i)
	expSum(i)
	siluMul(i)
}

// load reads a vector of float32 from p, at value offset.
type load struct {
	size int // of a value
	read func(i isa, p Register, offset int, v VecVirtual)
}

var (
	loadFloats = load{4, func(i isa, p Register, offset int, v VecVirtual) { VMOVUPS(at(p, 4*offset), v) }}
	loadHalves = load{2, func(i isa, p Register, offset int, v VecVirtual) { VCVTPH2PS(at(p, 2*offset), v) }}
	loadBrain  = load{2, func(i isa, p Register, offset int, v VecVirtual) {
		VPMOVZXWD(at(p, 2*offset), v)
		VPSLLD(U8(16), v, v)
	}}
)

func pointee(l load) string {
	if l.size == 2 {
		return "*uint16"
	}
	return "*float32"
}

// every runs body for each step of so many values of n, as often as they fit, and takes them from n.
func every(label string, n GPVirtual, values int, body func()) {
	Label(label)
	CMPQ(n, U32(values))
	JLT(LabelRef(label + "End"))
	body()
	SUBQ(U32(values), n)
	JMP(LabelRef(label))
	Label(label + "End")
}

func function(i isa, name, signature, doc string) {
	TEXT(name+i.name, NOSPLIT, signature)
	Pragma("noescape")
	Doc(name + i.name + " " + doc)
}

func finish() {
	VZEROUPPER()
	RET()
}

func zeroVec(i isa) VecVirtual {
	v := i.vec()
	VXORPS(v.AsX(), v.AsX(), v.AsX())
	return v
}

// spreadFloat is a vector whose lanes all hold x.
func spreadFloat(i isa, x float32) VecVirtual {
	v := i.vec()
	VBROADCASTSS(words(math.Float32bits(x)), v)
	return v
}

func spreadArg(i isa, name string) VecVirtual {
	v := i.vec()
	a, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(a.Addr, v)
	return v
}

// fold adds, or takes the maximum of, the lanes of v with op.
func fold(i isa, v VecVirtual, op func(...Op)) VecVirtual {
	h := i.vec()
	if i.lanes == 16 {
		VEXTRACTF64X4(U8(1), v, h.AsY())
		op(h.AsY(), v.AsY(), v.AsY())
		VEXTRACTF32X4(U8(1), v.AsY(), h.AsX())
	} else {
		VEXTRACTF128(U8(1), v, h.AsX())
	}
	op(h.AsX(), v.AsX(), v.AsX())
	VPERMILPS(U8(0x4e), v.AsX(), h.AsX())
	op(h.AsX(), v.AsX(), v.AsX())
	VPERMILPS(U8(0xb1), v.AsX(), h.AsX())
	op(h.AsX(), v.AsX(), v.AsX())
	return v
}

// dot sums four vectors of products side by side, then one at a time.
func dot(i isa, name string, l load) {
	function(i, name, "func(a *float32, b "+pointee(l)+", n int) float32", "is the dot product of n values, a multiple of the vector's length.")
	sum := dotBody(i, l, arg("a"), arg("b"), arg("n"))
	Store(sum.AsX(), ReturnIndex(0))
	finish()
}

func dotBody(i isa, l load, a, b, n GPVirtual) VecVirtual {
	var sums [4]VecVirtual
	for j := range sums {
		sums[j] = zeroVec(i)
	}
	step := func(vectors int) func() {
		return func() {
			for j := range vectors {
				v := i.vec()
				l.read(i, b, j*i.lanes, v)
				VFMADD231PS(at(a, j*i.bytes()), v, sums[j])
			}
			ADDQ(U32(vectors*i.bytes()), a)
			ADDQ(U32(vectors*i.lanes*l.size), b)
		}
	}
	every("four", n, 4*i.lanes, step(4))
	every("one", n, i.lanes, step(1))
	VADDPS(sums[1], sums[0], sums[0])
	VADDPS(sums[3], sums[2], sums[2])
	VADDPS(sums[2], sums[0], sums[0])
	return fold(i, sums[0], VADDPS)
}

// dotFour is dot for four rows of b at once, adding in the same order. AVX2 has too few registers for it.
func dotFour(i isa) {
	function(i, "dotFour", "func(sums *float32, a *float32, b *float32, stride int, n int)", "sets 4 sums to the dot products of a and four rows, at stride bytes, of n values, a multiple of the vector's length.")
	a, b, stride, n := arg("a"), arg("b"), arg("stride"), arg("n")
	three := GP64()
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, three)
	rows := strided{base: [4]GPVirtual{b}, stride: stride, three: three}
	var sums [4][4]VecVirtual // by row
	for row := range sums {
		for j := range sums[row] {
			sums[row][j] = zeroVec(i)
		}
	}
	step := func(vectors int) func() {
		return func() {
			for j := range vectors {
				v := i.vec()
				VMOVUPS(at(a, j*i.bytes()), v)
				for row := range sums {
					m := rows.row(row)
					m.Disp = j * i.bytes()
					VFMADD231PS(m, v, sums[row][j])
				}
			}
			ADDQ(U32(vectors*i.bytes()), a)
			ADDQ(U32(vectors*i.bytes()), b)
		}
	}
	every("four", n, 4*i.lanes, step(4))
	every("one", n, i.lanes, step(1))
	out := arg("sums")
	for row, s := range sums {
		VADDPS(s[1], s[0], s[0])
		VADDPS(s[3], s[2], s[2])
		VADDPS(s[2], s[0], s[0])
		VMOVSS(fold(i, s[0], VADDPS).AsX(), at(out, 4*row))
	}
	finish()
}

// dotRows adds as dot does, so that the results are equal.
func dotRows(i isa, name string, l load) {
	function(i, name, "func(dst *float32, a *float32, b "+pointee(l)+", stride int, n int, rows int)", "sets dst to the dot products of a and rows, at stride bytes, of n values, a multiple of the vector's length.")
	dst, a, b, stride, n, rows := arg("dst"), arg("a"), arg("b"), arg("stride"), arg("n"), arg("rows")
	Label("row")
	x, y, left := GP64(), GP64(), GP64()
	MOVQ(a, x)
	MOVQ(b, y)
	MOVQ(n, left)
	VMOVSS(dotBody(i, l, x, y, left).AsX(), at(dst, 0))
	ADDQ(stride, b)
	ADDQ(U32(4), dst)
	DECQ(rows)
	JNZ(LabelRef("row"))
	finish()
}

// axpyRows keeps up to eight vectors of y in registers while all rows pass by.
func axpyRows(i isa, name string, l load) {
	function(i, name, "func(y *float32, s *float32, x "+pointee(l)+", stride int, n int, rows int)", "adds s[r]·x[r] to y, row after row at stride bytes, for n values, a multiple of the vector's length.")
	y, s, x, stride, n := arg("y"), arg("s"), arg("x"), arg("stride"), arg("n")
	step := func(label string, vectors int) func() {
		return func() {
			p, scale, rows := GP64(), GP64(), GP64()
			MOVQ(x, p)
			MOVQ(s, scale)
			Load(Param("rows"), rows)
			var sums []VecVirtual
			for j := range vectors {
				sums = append(sums, i.vec())
				VMOVUPS(at(y, j*i.bytes()), sums[j])
			}
			Label(label)
			factor := i.vec()
			VBROADCASTSS(at(scale, 0), factor)
			for j := range vectors {
				v := i.vec()
				l.read(i, p, j*i.lanes, v)
				VFMADD231PS(factor, v, sums[j])
			}
			ADDQ(stride, p)
			ADDQ(U32(4), scale)
			DECQ(rows)
			JNZ(LabelRef(label))
			for j := range vectors {
				VMOVUPS(sums[j], at(y, j*i.bytes()))
			}
			ADDQ(U32(vectors*i.bytes()), y)
			ADDQ(U32(vectors*i.lanes*l.size), x)
		}
	}
	every("eight", n, 8*i.lanes, step("eightRows", 8))
	every("one", n, i.lanes, step("oneRows", 1))
	finish()
}

func axpy(i isa, name string, l load) {
	function(i, name, "func(y *float32, s float32, x "+pointee(l)+", n int)", "adds s·x to y for n values, a multiple of the vector's length.")
	y, x, n := arg("y"), arg("x"), arg("n")
	s := spreadArg(i, "s")
	step := func(vectors int) func() {
		return func() {
			for j := range vectors {
				v, sum := i.vec(), i.vec()
				l.read(i, x, j*i.lanes, v)
				VMOVUPS(at(y, j*i.bytes()), sum)
				VFMADD231PS(s, v, sum)
				VMOVUPS(sum, at(y, j*i.bytes()))
			}
			ADDQ(U32(vectors*i.lanes*l.size), x)
			ADDQ(U32(vectors*i.bytes()), y)
		}
	}
	every("four", n, 4*i.lanes, step(4))
	every("one", n, i.lanes, step(1))
	finish()
}

func toF16(i isa) {
	function(i, "toF16", "func(dst *uint16, x *float32, n int)", "rounds n values, a multiple of the vector's length.")
	dst, x, n := arg("dst"), arg("x"), arg("n")
	every("one", n, i.lanes, func() {
		v := i.vec()
		VMOVUPS(at(x, 0), v)
		VCVTPS2PH(U8(0), v, at(dst, 0)) // nearest even
		ADDQ(U32(i.bytes()), x)
		ADDQ(U32(i.bytes()/2), dst)
	})
	finish()
}

func widen(i isa, name string, l load) {
	function(i, name, "func(dst *float32, x *byte, n int)", "widens n values, a multiple of the vector's length.")
	dst, x, n := arg("dst"), arg("x"), arg("n")
	every("one", n, i.lanes, func() {
		v := i.vec()
		l.read(i, x, 0, v)
		VMOVUPS(v, at(dst, 0))
		ADDQ(U32(i.lanes*l.size), x)
		ADDQ(U32(i.bytes()), dst)
	})
	finish()
}

// widenQ2K expands runs of 16 values: four bits of scale and of minimum for each, two bits a value.
func widenQ2K(i isa) {
	function(i, "widenQ2K", "func(dst *float32, x *byte, blocks int)", "expands blocks of 256 values.")
	dst, x, blocks := arg("dst"), arg("x"), arg("blocks")
	two, four, one := i.vec(), i.vec(), i.vec()
	VPBROADCASTD(words(3), two)
	VPBROADCASTD(words(15), four)
	VPBROADCASTD(words(1), one)
	Label("block")
	var scales, minima []VecVirtual
	for at16 := 0; at16 < 16; at16 += i.lanes {
		s, m, d := i.vec(), i.vec(), i.vec()
		VPMOVZXBD(at(x, at16), s)
		VPSRLD(U8(4), s, m)
		bitAnd(i, four, s)
		for j, v := range []VecVirtual{s, m} {
			VCVTDQ2PS(v, v)
			VPBROADCASTW(at(x, 80+2*j), d.AsX())
			VCVTPH2PS(d.AsX(), d.AsX())
			VBROADCASTSS(d.AsX(), d)
			VMULPS(d, v, v)
		}
		scales, minima = append(scales, s), append(minima, m)
	}
	index := i.vec()
	for run := range 16 {
		if run%i.lanes == 0 {
			VXORPS(index.AsX(), index.AsX(), index.AsX())
		} else {
			VPADDD(one, index, index)
		}
		scale, minimum := i.vec(), i.vec()
		VPERMPS(scales[run/i.lanes], index, scale)
		VPERMPS(minima[run/i.lanes], index, minimum)
		for part := 0; part < 16; part += i.lanes {
			v := i.vec()
			VPMOVZXBD(at(x, 16+run/8*32+run%2*16+part), v)
			if shift := run % 8 / 2 * 2; shift > 0 {
				VPSRLD(U8(shift), v, v)
			}
			bitAnd(i, two, v)
			VCVTDQ2PS(v, v)
			VFMSUB213PS(minimum, scale, v)
			VMOVUPS(v, at(dst, 64*run+4*part))
		}
	}
	ADDQ(U32(84), x)
	ADDQ(U32(1024), dst)
	DECQ(blocks)
	JNZ(LabelRef("block"))
	finish()
}

func bitAnd(i isa, mask, v VecVirtual) {
	if i.lanes == 16 {
		VPANDD(mask, v, v)
	} else {
		VPAND(mask, v, v)
	}
}

func add(i isa) {
	function(i, "add", "func(y *float32, x *float32, n int)", "adds x to y for n values, a multiple of the vector's length.")
	y, x, n := arg("y"), arg("x"), arg("n")
	every("one", n, i.lanes, func() {
		v := i.vec()
		VMOVUPS(at(y, 0), v)
		VADDPS(at(x, 0), v, v)
		VMOVUPS(v, at(y, 0))
		ADDQ(U32(i.bytes()), x)
		ADDQ(U32(i.bytes()), y)
	})
	finish()
}

func scaleBy(i isa) {
	function(i, "scaleBy", "func(dst *float32, x *float32, w *float32, scale float32, n int)", "sets dst to x·scale·w for n values, a multiple of the vector's length.")
	dst, x, w, n := arg("dst"), arg("x"), arg("w"), arg("n")
	scale := spreadArg(i, "scale")
	every("one", n, i.lanes, func() {
		v := i.vec()
		VMULPS(at(x, 0), scale, v)
		VMULPS(at(w, 0), v, v)
		VMOVUPS(v, at(dst, 0))
		ADDQ(U32(i.bytes()), x)
		ADDQ(U32(i.bytes()), w)
		ADDQ(U32(i.bytes()), dst)
	})
	finish()
}

func scale(i isa) {
	function(i, "scale", "func(x *float32, s float32, n int)", "multiplies n values, a multiple of the vector's length, by s.")
	x, n := arg("x"), arg("n")
	s := spreadArg(i, "s")
	every("one", n, i.lanes, func() {
		v := i.vec()
		VMULPS(at(x, 0), s, v)
		VMOVUPS(v, at(x, 0))
		ADDQ(U32(i.bytes()), x)
	})
	finish()
}

// sumSquares adds in float64, half a vector of values at a time.
func sumSquares(i isa) {
	function(i, "sumSquares", "func(x *float32, n int) float64", "is Σ x² of n values, a multiple of the vector's length.")
	x, n := arg("x"), arg("n")
	sums := [2]VecVirtual{zeroVec(i), zeroVec(i)}
	every("one", n, i.lanes, func() {
		for j := range sums {
			v := i.vec()
			VCVTPS2PD(at(x, j*i.bytes()/2), v)
			VFMADD231PD(v, v, sums[j])
		}
		ADDQ(U32(i.bytes()), x)
	})
	v, h := sums[0], i.vec()
	VADDPD(sums[1], v, v)
	if i.lanes == 16 {
		VEXTRACTF64X4(U8(1), v, h.AsY())
		VADDPD(h.AsY(), v.AsY(), v.AsY())
		VEXTRACTF64X2(U8(1), v.AsY(), h.AsX())
	} else {
		VEXTRACTF128(U8(1), v, h.AsX())
	}
	VADDPD(h.AsX(), v.AsX(), v.AsX())
	VPERMILPD(U8(1), v.AsX(), h.AsX())
	VADDPD(h.AsX(), v.AsX(), v.AsX())
	Store(v.AsX(), ReturnIndex(0))
	finish()
}

// top ignores NaN where another value is beside it: whoever wants it must look for it otherwise.
func top(i isa) {
	function(i, "top", "func(x *float32, n int) float32", "is the largest of n values, a multiple of the vector's length.")
	x, n := arg("x"), arg("n")
	v := spreadFloat(i, float32(math.Inf(-1)))
	every("one", n, i.lanes, func() {
		VMAXPS(at(x, 0), v, v)
		ADDQ(U32(i.bytes()), x)
	})
	Store(fold(i, v, VMAXPS).AsX(), ReturnIndex(0))
	finish()
}

// expConsts are the constants of exp, in registers.
type expConsts struct {
	low, high, log2e, magic, ln2High, ln2Low, one VecVirtual
	bias                                          VecVirtual
	poly                                          [5]VecVirtual
}

func newExp(i isa) expConsts {
	c := expConsts{
		low: spreadFloat(i, -110), high: spreadFloat(i, 88.37),
		log2e: spreadFloat(i, math.Log2E), magic: spreadFloat(i, 3<<22),
		ln2High: spreadFloat(i, 0.693359375), ln2Low: spreadFloat(i, math.Ln2-0.693359375),
		one: spreadFloat(i, 1), bias: i.vec(),
	}
	VPBROADCASTD(words(127), c.bias)
	// (exp(r)-1-r)/r² on |r| ≤ ln(2)/2, by weighted least squares; exp is then right to 3e-9 before rounding.
	for j, x := range [5]float32{0x1.6a23cep-10, 0x1.123a2p-7, 0x1.5558f2p-5, 0x1.555492p-3, 0x1.fffffcp-2} {
		c.poly[j] = spreadFloat(i, x)
	}
	return c
}

// exp replaces x by exp(x). Below 2^-126 the result is 0, above 2.4e38 it stays there; NaN stays NaN.
func (c expConsts) exp(i isa, x VecVirtual) {
	n, p, scale := i.vec(), i.vec(), i.vec()
	VMAXPS(x, c.low, x) // of a NaN and a number the second source is taken, which is x
	VMINPS(x, c.high, x)
	VMOVAPS(c.magic, n)
	VFMADD231PS(c.log2e, x, n) // the integer nearest to x·log2(e) in the low bits
	VPSUBD(c.magic, n, scale)
	VSUBPS(c.magic, n, n)
	VFNMADD231PS(c.ln2High, n, x)
	VFNMADD231PS(c.ln2Low, n, x)
	VMOVAPS(c.poly[0], p)
	for _, k := range c.poly[1:] {
		VFMADD213PS(k, x, p)
	}
	VFMADD213PS(c.one, x, p)
	VFMADD213PS(c.one, x, p)
	VPADDD(c.bias, scale, scale)
	zero := zeroVec(i)
	VPMAXSD(zero, scale, scale) // an exponent of 0 without fraction is 0
	VPSLLD(U8(23), scale, scale)
	VMULPS(scale, p, x)
}

func expSum(i isa) {
	function(i, "expSum", "func(x *float32, top float32, n int) float32", "sets x to exp(x-top) and returns the sum, for n values, a multiple of the vector's length.")
	x, n := arg("x"), arg("n")
	c := newExp(i)
	top, sum := spreadArg(i, "top"), zeroVec(i)
	every("one", n, i.lanes, func() {
		v := i.vec()
		VMOVUPS(at(x, 0), v)
		VSUBPS(top, v, v)
		c.exp(i, v)
		VADDPS(v, sum, sum)
		VMOVUPS(v, at(x, 0))
		ADDQ(U32(i.bytes()), x)
	})
	Store(fold(i, sum, VADDPS).AsX(), ReturnIndex(0))
	finish()
}

func siluMul(i isa) {
	function(i, "siluMul", "func(gate *float32, up *float32, n int)", "sets gate to silu(gate)·up for n values, a multiple of the vector's length.")
	gate, up, n := arg("gate"), arg("up"), arg("n")
	c := newExp(i)
	every("one", n, i.lanes, func() {
		g, e := i.vec(), i.vec()
		VMOVUPS(at(gate, 0), g)
		VXORPS(e, e, e)
		VSUBPS(g, e, e)
		c.exp(i, e)
		VADDPS(c.one, e, e)
		VDIVPS(e, g, g)
		VMULPS(at(up, 0), g, g)
		VMOVUPS(g, at(gate, 0))
		ADDQ(U32(i.bytes()), gate)
		ADDQ(U32(i.bytes()), up)
	})
	finish()
}
