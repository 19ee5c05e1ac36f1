package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// unpackAVX512 writes the kernel that makes unsigned bytes and scales of whole rows, in column order.
func unpackAVX512(f format) {
	TEXT("unpack"+f.name+"AVX512", NOSPLIT, "func(q *uint8, qStride int, scales *float32, minima *float32, sub *int32, scaleStride int, w *byte, rowBytes int, rows int, blocks int)")
	Pragma("noescape")
	Doc("unpack" + f.name + "AVX512 unpacks rows of at least 8 blocks. Strides are in bytes; that of sub is twice scaleStride.")
	unpackRows(f, true)
}

// unpackRows is the body of unpackAVX512, and of scalesAVX512, which leaves the weights out.
func unpackRows(f format, weights bool) {
	scales, minima, sub, scaleStride := arg("scales"), arg("minima"), arg("sub"), arg("scaleStride")
	w, rowBytes := arg("w"), arg("rowBytes")
	consts := f.setup()
	q := GP64()
	if weights {
		Load(Param("q"), q)
	} else {
		XORQ(q, q)
	}

	Label("row")
	p, x, index, left := GP64(), GP64(), GP64(), GP64()
	MOVQ(w, p)
	MOVQ(q, x)
	XORQ(index, index)
	Load(Param("blocks"), left)
	Label("block")
	if weights {
		for i, z := range f.load(consts, p) {
			VMOVDQU32(z, at(x, 64*i))
		}
	}
	s := f.scales(consts, p)
	VMOVUPS(s.AsY(), atIndex(scales, index, 4, 0))
	if f.minima {
		VEXTRACTF64X4(U8(1), s, s.AsY())
		VMOVUPS(s.AsY(), atIndex(minima, index, 4, 0))
	}
	if f.subs != nil {
		VPMOVSXBD(f.subs(consts, p), s)
		VMOVDQU32(s, atIndex(sub, index, 8, 0))
	}
	nextBlocks(f, false, p, x, index, left)
	if weights {
		addParam("qStride", q)
	}
	ADDQ(scaleStride, scales)
	ADDQ(scaleStride, minima)
	LEAQ(atIndex(sub, scaleStride, 2, 0), sub)
	ADDQ(rowBytes, w)
	rows, err := Param("rows").Resolve()
	if err != nil {
		panic(err)
	}
	DECQ(rows.Addr)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// turnAVX512 writes the kernel that makes columns of rows: 16 rows of 32-bit words become words of 16 lanes.
func turnAVX512() {
	TEXT("turnAVX512", NOSPLIT, "func(dst *byte, dstStride int, src *byte, srcStride int, words int)")
	Pragma("noescape")
	Doc("turnAVX512 sets word r at dst+dstStride*i to word i at src+srcStride*r, for 16 r. words is rounded up to 4.")
	dst, dstStride, src, srcStride, words := arg("dst"), arg("dstStride"), arg("src"), arg("srcStride"), arg("words")
	rows := rowPointers(src, srcStride)
	Label("four")
	for _, z := range turn(rows) {
		VMOVUPS(z, at(dst, 0))
		ADDQ(dstStride, dst)
	}
	rows.advance(16)
	SUBQ(U32(4), words)
	JG(LabelRef("four"))
	VZEROUPPER()
	RET()
}

// tileKind is one of three ways to bring zero points, minima and integer scales into a tile.
type tileKind int

const (
	tileZero tileKind = iota // (q-zero)·scale
	tileMin                  // q·scale - minimum
	tileSub                  // sub·(q-zero)·scale
)

var tileNames = [...]string{"Zero", "Min", "Sub"}

// columnsMax is how many columns fit the registers: each takes two accumulators of integers and two of floats; with
// integer scales two more.
func (k tileKind) columnsMax() int {
	if k == tileSub {
		return 4
	}
	return 6
}

// tile is the state of one tile kernel: 32 rows of weights by n rows of activations.
type tile struct {
	kind         tileKind
	n            int
	w            GPVirtual // [columns/4][32][4]
	scales       GPVirtual // [blocks][32]
	extra        GPVirtual // minima [blocks][32] or sub [2*blocks][32]
	q, d, s      columns
	sums, floats [2][]VecVirtual // by half, column
	constant     [2]VecVirtual
}

// columns addresses up to 6 rows of activations.
type columns struct{ first, fourth, stride GPVirtual }

func newColumns(name string, stride GPVirtual, n int) columns {
	c := columns{first: arg(name), stride: stride}
	if n > 3 {
		c.fourth = GP64()
		LEAQ(Mem{Base: c.first, Index: stride, Scale: 2}, c.fourth)
		ADDQ(stride, c.fourth)
	}
	return c
}

func (c columns) at(column, offset int) Mem {
	base := c.first
	if column >= 3 {
		base = c.fourth
	}
	m := Mem{Base: base, Disp: offset}
	if column%3 > 0 {
		m.Index, m.Scale = c.stride, uint8(column%3)
	}
	return m
}

func (c columns) advance(bytes uint32) {
	ADDQ(U32(bytes), c.first)
	if c.fourth != nil {
		ADDQ(U32(bytes), c.fourth)
	}
}

// tileAVX512 writes a tile kernel. Time for 32 columns of 32 x 6: 96 dots, 48 cycles where two start a cycle, and
// about 50 instructions to scale them.
func tileAVX512(kind tileKind, n int) {
	name := fmt.Sprintf("tile%s%dAVX512", tileNames[kind], n)
	TEXT(name, NOSPLIT, "func(y *float32, yStride int, w *uint8, scales *float32, extra *float32, zero int, q *int8, qStride int, d *float32, s *int32, dStride int, blocks int, ahead uintptr, lines int)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s adds the products of 32 rows of weights and %d of activations to y. Strides are in bytes.", name, n),
		"Each block fetches so many cache lines from ahead on.")
	t := &tile{kind: kind, n: n, w: arg("w"), scales: arg("scales"), extra: arg("extra")}
	qStride, dStride := arg("qStride"), arg("dStride")
	t.q, t.d, t.s = newColumns("q", qStride, n), newColumns("d", dStride, n), newColumns("s", dStride, n)
	blocks, ahead := arg("blocks"), arg("ahead")
	t.setup()
	t.loadFloats()
	Label("block")
	fetch(ahead)
	t.block()
	ADDQ(U32(8*128), t.w)
	ADDQ(U32(128), t.scales)
	if kind != tileZero {
		ADDQ(U32(128*int(kind)), t.extra)
	}
	t.q.advance(32)
	t.d.advance(4)
	t.s.advance(4)
	DECQ(blocks)
	JNZ(LabelRef("block"))
	t.storeFloats()
	VZEROUPPER()
	RET()
}

// fetch asks for the weights of a later strip. A tile leaves the memory idle, so that is the time for it.
func fetch(ahead GPVirtual) {
	left := GP64()
	Load(Param("lines"), left)
	TESTQ(left, left)
	JZ(LabelRef("fetched"))
	Label("line")
	PREFETCHT1(at(ahead, 0))
	ADDQ(U32(64), ahead)
	DECQ(left)
	JNZ(LabelRef("line"))
	Label("fetched")
}

// setup makes the vectors that the zero point needs, negated.
func (t *tile) setup() {
	if t.kind == tileMin {
		return
	}
	zero := arg("zero")
	NEGQ(zero)
	t.constant[0] = ZMM()
	if t.kind == tileZero {
		VPBROADCASTD(zero.As32(), t.constant[0])
		return
	}
	t.constant[1] = ZMM()
	VPBROADCASTD(zero.As32(), t.constant[1])
	VPSLLD(U8(16), t.constant[1], t.constant[1]) // times the second of two sums of 16
	VPSRLD(U8(16), t.constant[1], t.constant[0]) // times the first
}

func (t *tile) loadFloats() {
	y, stride := arg("y"), arg("yStride")
	for c := range t.n {
		for half := range 2 {
			z := ZMM()
			VMOVUPS(at(y, 64*half), z)
			t.floats[half] = append(t.floats[half], z)
		}
		if c < t.n-1 {
			ADDQ(stride, y)
		}
	}
}

func (t *tile) storeFloats() {
	y, stride := arg("y"), arg("yStride")
	for c := range t.n {
		for half := range 2 {
			VMOVUPS(t.floats[half][c], at(y, 64*half))
		}
		if c < t.n-1 {
			ADDQ(stride, y)
		}
	}
}

// block adds 32 columns of weights.
func (t *tile) block() {
	if t.kind == tileSub {
		first := t.dots(0, 4, t.constant[0])
		t.weigh(first, 0)
		second := t.dots(4, 4, t.constant[1])
		t.weigh(second, 1)
		for half := range 2 {
			for c := range t.n {
				VPADDD(second[half][c], first[half][c], first[half][c])
			}
		}
		t.scale(first)
		return
	}
	t.scale(t.dots(0, 8, t.constant[0]))
}

// start sets the accumulators of one column to minus the zero point's share.
func (t *tile) start(c int, constant VecVirtual) (low, high VecVirtual) {
	low, high = ZMM(), ZMM()
	switch t.kind {
	case tileMin:
		VPXORD(low, low, low)
		VPXORD(high, high, high)
		return low, high
	case tileZero:
		VPMULLD_BCST(t.s.at(c, 0), constant, low)
	case tileSub:
		VPBROADCASTD(t.s.at(c, 0), low)
		VPMADDWD(constant, low, low)
	}
	VMOVDQA64(low, high)
	return low, high
}

// dots multiplies steps of 4 columns.
func (t *tile) dots(from, steps int, constant VecVirtual) (sums [2][]VecVirtual) {
	for c := range t.n {
		low, high := t.start(c, constant)
		sums[0], sums[1] = append(sums[0], low), append(sums[1], high)
	}
	for step := from; step < from+steps; step++ {
		low, high := ZMM(), ZMM()
		VMOVDQU32(at(t.w, 128*step), low)
		VMOVDQU32(at(t.w, 128*step+64), high)
		for c := range t.n {
			x := ZMM()
			VPBROADCASTD(t.q.at(c, 4*step), x)
			VPDPBUSD(x, low, sums[0][c])
			VPDPBUSD(x, high, sums[1][c])
		}
	}
	return sums
}

// weigh multiplies by the integer scales of the first or second 16 columns.
func (t *tile) weigh(sums [2][]VecVirtual, part int) {
	for half := range 2 {
		for c := range t.n {
			VPMULLD(at(t.extra, 128*part+64*half), sums[half][c], sums[half][c])
		}
	}
}

// scale turns sums into terms and adds them times the activations' scales.
func (t *tile) scale(sums [2][]VecVirtual) {
	var scales, minima [2]VecVirtual
	for half := range 2 {
		scales[half] = ZMM()
		VMOVUPS(at(t.scales, 64*half), scales[half])
		if t.kind == tileMin {
			minima[half] = ZMM()
			VMOVUPS(at(t.extra, 64*half), minima[half])
		}
	}
	for c := range t.n {
		total := ZMM()
		if t.kind == tileMin {
			VCVTDQ2PS_BCST(t.s.at(c, 0), total)
		}
		for half := range 2 {
			z := sums[half][c]
			VCVTDQ2PS(z, z)
			VMULPS(scales[half], z, z)
			if t.kind == tileMin {
				VFNMADD231PS(total, minima[half], z)
			}
			VFMADD231PS_BCST(t.d.at(c, 0), z, t.floats[half][c])
		}
	}
}
