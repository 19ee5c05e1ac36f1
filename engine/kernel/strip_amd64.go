//go:build !purego

package kernel

import (
	"unsafe"

	"github.com/weir-project/weir/engine/quant"
)

const (
	stripRows = 32
	// stripGroups is how many groups of 32 columns of a strip are unpacked at once. Weights and scales, 20 KB, stay
	// in the first cache while the activations pass by.
	stripGroups = 16
	// rawRows is how many rows are unpacked before they are turned.
	rawRows = 16
	// rawStride keeps the rows of unpacked weights in different sets of the cache.
	rawStride = stripGroups*groupLen + 64
	// rawScales leaves room for the last vector of four words.
	rawScales = stripGroups + 4
)

// strip is a part of 32 rows of weights as the tile kernels want it, with rows as lanes.
type strip struct {
	q      [stripGroups * groupLen / 4][stripRows][4]uint8
	scales [stripGroups + 4][stripRows]float32
	minima [stripGroups + 4][stripRows]float32
	sub    [2*stripGroups + 4][stripRows]int32
	zero   int32
	kind   tileKind
	next   fetcher
}

// fetcher spreads the fetching of a strip's bytes over the tiles of the strip before.
type fetcher struct {
	at, end uintptr // addresses: they may lie beyond the matrix, where fetching does nothing
	lines   int     // a block of a tile
}

const cacheLine = 64

// aim starts over, for bytes to be fetched during so many blocks.
func (f *fetcher) aim(from uintptr, bytes, blocks int) {
	f.at, f.end = from, from+uintptr(bytes)
	f.lines = (bytes/cacheLine + blocks - 1) / blocks
}

// take gives where n blocks are to fetch from, and how many lines each.
func (f *fetcher) take(n int) (at uintptr, lines int) {
	if f.at >= f.end {
		return 0, 0
	}
	at = f.at
	f.at += uintptr(n * f.lines * cacheLine)
	return at, f.lines
}

// tileKind is which tile kernels a type needs: see the package comment for the formula.
type tileKind int

const (
	tileZero tileKind = iota
	tileMin
	tileSub
)

// columnsMax is how many rows of activations a tile has at most.
func (k tileKind) columnsMax() int {
	if k == tileSub {
		return 4
	}
	return 6
}

func tileKindOf(t quant.Type) (kind tileKind, zero int32) {
	switch t {
	case quant.Q4_0:
		return tileZero, 8
	case quant.Q5_0:
		return tileZero, 16
	case quant.Q8_0, quant.IQ4_NL, quant.IQ4_XS:
		return tileZero, 128
	case quant.Q3_K:
		return tileSub, 4
	case quant.Q6_K:
		return tileSub, 32
	}
	return tileMin, 0
}

// rawStrip is 16 rows unpacked, before they are turned. Strides are in bytes; that of sub is twice scaleStride.
type rawStrip struct {
	q                    [rawRows * rawStride]uint8
	scales, minima       [rawRows * rawScales]float32
	sub                  [rawRows * 2 * rawScales]int32
	qStride, scaleStride int
}

// matMul512 multiplies by tiles of 32 rows of weights and up to 6 rows of activations.
func matMul512(y []float32, stride int, w Matrix, a *Acts, r0, r1 int) {
	var s strip
	var raw rawStrip
	s.kind, s.zero = tileKindOf(w.Type)
	groups, size := w.Cols/groupLen, w.rowBytes()
	tiles := (a.N + s.kind.columnsMax() - 1) / s.kind.columnsMax()
	for r := r0; r < r1; r += stripRows {
		rows := min(stripRows, r1-r)
		s.next.aim(uintptr(unsafe.Pointer(&w.Data[r*size]))+uintptr(stripRows*size), stripRows*size, groups*tiles)
		for i := range a.N {
			clear(y[i*stride+r:][:rows])
		}
		for g := 0; g < groups; {
			n := min(groups-g, stripGroups)
			if left := groups - g - n; left > 0 && left < groupsMax {
				n -= groupsMax
			}
			for half := 0; half < rows; half += rawRows {
				s.fill(&raw, w, r+half, g, half, min(rawRows, rows-half), n)
			}
			s.multiply(y, stride, a, r, rows, g, n)
			g += n
		}
	}
}

// fill reads groups g to g+n of some rows from r on to the given row of the strip.
func (s *strip) fill(raw *rawStrip, w Matrix, r, g, row, rows, n int) {
	if rows == rawRows && n >= groupsMax && s.fillWhole(raw, w, r, g, row, n) {
		s.turnScales(raw, row, n)
		return
	}
	raw.unpack(w, r, g, rows, n)
	turnAVX512(&s.q[0][row][0], 4*stripRows, &raw.q[0], raw.qStride, n*groupLen/4)
	s.turnScales(raw, row, n)
}

// fillWhole reads 16 rows without the detour of unpacked rows, if there are kernels for that, except for the scales.
func (s *strip) fillWhole(raw *rawStrip, w Matrix, r, g, row, n int) bool {
	const rows = rawRows
	raw.scaleStride = 4 * rawScales
	from, size, q, stride := w.part(r, g), w.rowBytes(), &s.q[0][row][0], raw.scaleStride
	scales, minima, sub := &raw.scales[0], &raw.minima[0], &raw.sub[0]
	switch w.Type {
	case quant.Q8_0:
		scalesQ8_0AVX512(scales, minima, sub, stride, from, size, rows, n)
		stripQ8_0AVX512(q, from, size, n)
	case quant.Q4_0:
		scalesQ4_0AVX512(scales, minima, sub, stride, from, size, rows, n)
		stripQ4_0AVX512(q, from, size, n)
	case quant.Q4_K:
		scalesQ4_KAVX512(scales, minima, sub, stride, from, size, rows, n)
		stripQ4_KAVX512(q, from, size, n)
	case quant.Q5_K:
		scalesQ5_KAVX512(scales, minima, sub, stride, from, size, rows, n)
		stripQ5_KAVX512(q, from, size, n)
	case quant.Q6_K:
		scalesQ6_KAVX512(scales, minima, sub, stride, from, size, rows, n)
		stripQ6_KAVX512(q, from, size, n)
	default:
		return false
	}
	return true
}

// unpack reads groups g to g+n of some rows from r on. Rows of fewer than 8 groups are read as one.
func (raw *rawStrip) unpack(w Matrix, r, g, rows, n int) {
	raw.qStride, raw.scaleStride = rawStride, 4*rawScales
	if n < groupsMax {
		raw.qStride, raw.scaleStride = n*groupLen, 4*n
		rows, n = 1, rows*n
	}
	if n < groupsMax {
		raw.unpackRef(w, r, n)
		return
	}
	from, size, q, scales, minima, sub := w.part(r, g), w.rowBytes(), &raw.q[0], &raw.scales[0], &raw.minima[0], &raw.sub[0]
	switch w.Type {
	case quant.Q8_0:
		unpackQ8_0AVX512(q, raw.qStride, scales, minima, sub, raw.scaleStride, from, size, rows, n)
	case quant.Q4_0:
		unpackQ4_0AVX512(q, raw.qStride, scales, minima, sub, raw.scaleStride, from, size, rows, n)
	case quant.Q4_1:
		unpackQ4_1AVX512(q, raw.qStride, scales, minima, sub, raw.scaleStride, from, size, rows, n)
	case quant.Q5_0:
		unpackQ5_0AVX512(q, raw.qStride, scales, minima, sub, raw.scaleStride, from, size, rows, n)
	case quant.Q5_1:
		unpackQ5_1AVX512(q, raw.qStride, scales, minima, sub, raw.scaleStride, from, size, rows, n)
	case quant.IQ4_NL:
		unpackIQ4_NLAVX512(q, raw.qStride, scales, minima, sub, raw.scaleStride, from, size, rows, n)
	case quant.Q3_K:
		unpackQ3_KAVX512(q, raw.qStride, scales, minima, sub, raw.scaleStride, from, size, rows, n)
	case quant.Q4_K:
		unpackQ4_KAVX512(q, raw.qStride, scales, minima, sub, raw.scaleStride, from, size, rows, n)
	case quant.Q5_K:
		unpackQ5_KAVX512(q, raw.qStride, scales, minima, sub, raw.scaleStride, from, size, rows, n)
	case quant.Q6_K:
		unpackQ6_KAVX512(q, raw.qStride, scales, minima, sub, raw.scaleStride, from, size, rows, n)
	case quant.IQ4_XS:
		unpackIQ4_XSAVX512(q, raw.qStride, scales, minima, sub, raw.scaleStride, from, size, rows, n)
	}
}

// unpackRef reads fewer than 8 groups from the start of row r.
func (raw *rawStrip) unpackRef(w Matrix, r, n int) {
	var u unpacked
	u.unpack(w.Type, w.Data[r*w.rowBytes():], n*groupLen)
	copy(raw.q[:], u.q[:n*groupLen])
	copy(raw.scales[:], u.scale[:n])
	copy(raw.minima[:], u.minimum[:n])
}

// turnScales moves the scales of n groups of 16 rows to the given row of the strip.
func (s *strip) turnScales(raw *rawStrip, row, n int) {
	const stride = 4 * stripRows
	turnAVX512(asBytes(&s.scales[0][row]), stride, asBytes(&raw.scales[0]), raw.scaleStride, n)
	switch s.kind {
	case tileMin:
		turnAVX512(asBytes(&s.minima[0][row]), stride, asBytes(&raw.minima[0]), raw.scaleStride, n)
	case tileSub:
		turnAVX512(asBytes(&s.sub[0][row]), stride, asBytes(&raw.sub[0]), 2*raw.scaleStride, 2*n)
	}
}

func asBytes[T int32 | float32](p *T) *byte { return (*byte)(unsafe.Pointer(p)) }

// multiply adds the products of the strip, which holds n groups from g on, to rows of y from r on.
func (s *strip) multiply(y []float32, stride int, a *Acts, r, rows, g, n int) {
	widest := s.kind.columnsMax()
	var part [6 * stripRows]float32
	for i, tiles := 0, (a.N+widest-1)/widest; i < a.N; tiles-- {
		columns := (a.N - i + tiles - 1) / tiles
		if rows == stripRows {
			s.tile(&y[i*stride+r], stride, a, i, columns, g, n)
		} else {
			for c := range columns {
				copy(part[c*stripRows:][:rows], y[(i+c)*stride+r:])
			}
			s.tile(&part[0], stripRows, a, i, columns, g, n)
			for c := range columns {
				copy(y[(i+c)*stride+r:][:rows], part[c*stripRows:])
			}
		}
		i += columns
	}
}
