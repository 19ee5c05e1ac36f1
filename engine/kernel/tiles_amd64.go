//go:build !purego

package kernel

import "unsafe"

// tile runs the tile kernel for some rows of activations, from i on, and n groups of columns from g on.
func (s *strip) tile(y *float32, stride int, a *Acts, i, columns, g, n int) {
	at := i*a.groups + g
	t := tileArgs{
		y: y, yStride: 4 * stride, w: &s.q[0][0][0], scales: &s.scales[0][0], extra: &s.minima[0][0], zero: int(s.zero),
		q: &a.Q[at*groupLen], qStride: a.groups * groupLen, d: &a.D[at], s: &a.S[at], dStride: 4 * a.groups, blocks: n,
	}
	t.ahead, t.lines = s.next.take(n)
	switch s.kind {
	case tileZero:
		t.zeroKind(columns)
	case tileMin:
		t.minKind(columns)
	case tileSub:
		t.extra = (*float32)(unsafe.Pointer(&s.sub[0][0]))
		t.s = (*int32)(unsafe.Pointer(&a.H[2*at]))
		t.subKind(columns)
	}
}

// tileArgs are the arguments of a tile kernel.
type tileArgs struct {
	y             *float32
	yStride       int
	w             *uint8
	scales, extra *float32
	zero          int
	q             *int8
	qStride       int
	d             *float32
	s             *int32
	dStride       int
	blocks        int
	ahead         uintptr
	lines         int
}

func (t *tileArgs) zeroKind(columns int) {
	switch columns {
	case 1:
		tileZero1AVX512(t.y, t.yStride, t.w, t.scales, t.extra, t.zero, t.q, t.qStride, t.d, t.s, t.dStride, t.blocks, t.ahead, t.lines)
	case 2:
		tileZero2AVX512(t.y, t.yStride, t.w, t.scales, t.extra, t.zero, t.q, t.qStride, t.d, t.s, t.dStride, t.blocks, t.ahead, t.lines)
	case 3:
		tileZero3AVX512(t.y, t.yStride, t.w, t.scales, t.extra, t.zero, t.q, t.qStride, t.d, t.s, t.dStride, t.blocks, t.ahead, t.lines)
	case 4:
		tileZero4AVX512(t.y, t.yStride, t.w, t.scales, t.extra, t.zero, t.q, t.qStride, t.d, t.s, t.dStride, t.blocks, t.ahead, t.lines)
	case 5:
		tileZero5AVX512(t.y, t.yStride, t.w, t.scales, t.extra, t.zero, t.q, t.qStride, t.d, t.s, t.dStride, t.blocks, t.ahead, t.lines)
	case 6:
		tileZero6AVX512(t.y, t.yStride, t.w, t.scales, t.extra, t.zero, t.q, t.qStride, t.d, t.s, t.dStride, t.blocks, t.ahead, t.lines)
	}
}

func (t *tileArgs) minKind(columns int) {
	switch columns {
	case 1:
		tileMin1AVX512(t.y, t.yStride, t.w, t.scales, t.extra, t.zero, t.q, t.qStride, t.d, t.s, t.dStride, t.blocks, t.ahead, t.lines)
	case 2:
		tileMin2AVX512(t.y, t.yStride, t.w, t.scales, t.extra, t.zero, t.q, t.qStride, t.d, t.s, t.dStride, t.blocks, t.ahead, t.lines)
	case 3:
		tileMin3AVX512(t.y, t.yStride, t.w, t.scales, t.extra, t.zero, t.q, t.qStride, t.d, t.s, t.dStride, t.blocks, t.ahead, t.lines)
	case 4:
		tileMin4AVX512(t.y, t.yStride, t.w, t.scales, t.extra, t.zero, t.q, t.qStride, t.d, t.s, t.dStride, t.blocks, t.ahead, t.lines)
	case 5:
		tileMin5AVX512(t.y, t.yStride, t.w, t.scales, t.extra, t.zero, t.q, t.qStride, t.d, t.s, t.dStride, t.blocks, t.ahead, t.lines)
	case 6:
		tileMin6AVX512(t.y, t.yStride, t.w, t.scales, t.extra, t.zero, t.q, t.qStride, t.d, t.s, t.dStride, t.blocks, t.ahead, t.lines)
	}
}

func (t *tileArgs) subKind(columns int) {
	switch columns {
	case 1:
		tileSub1AVX512(t.y, t.yStride, t.w, t.scales, t.extra, t.zero, t.q, t.qStride, t.d, t.s, t.dStride, t.blocks, t.ahead, t.lines)
	case 2:
		tileSub2AVX512(t.y, t.yStride, t.w, t.scales, t.extra, t.zero, t.q, t.qStride, t.d, t.s, t.dStride, t.blocks, t.ahead, t.lines)
	case 3:
		tileSub3AVX512(t.y, t.yStride, t.w, t.scales, t.extra, t.zero, t.q, t.qStride, t.d, t.s, t.dStride, t.blocks, t.ahead, t.lines)
	case 4:
		tileSub4AVX512(t.y, t.yStride, t.w, t.scales, t.extra, t.zero, t.q, t.qStride, t.d, t.s, t.dStride, t.blocks, t.ahead, t.lines)
	}
}
