package quant

import (
	"encoding/binary"
	"math"
)

// putScale stores d as F16 and returns what a reader will see.
func putScale(dst []byte, d float64) float64 {
	h := F32ToF16(float32(d))
	binary.LittleEndian.PutUint16(dst, h)
	return float64(F16ToF32(h))
}

// blockScale is the d with which the scale of largest magnitude becomes end, the longer end of the integer scales.
func blockScale(scales []float64, end float64) float64 {
	var e float64
	for _, s := range scales {
		if math.Abs(s) > math.Abs(e) {
			e = s
		}
	}
	return e / end
}

// symmetric chooses scales for equal runs of src, stores d at dd, and returns the integer scale of each run and the
// index into g of each value.
func symmetric(g *grid, dd []byte, src []float32, runs, low, high int) (scales [16]int, index [256]uint8) {
	var fitted [16]float64
	n := len(src) / runs
	for r := range runs {
		fitted[r] = g.fitScale(src[n*r:][:n])
	}
	d := putScale(dd, blockScale(fitted[:runs], float64(low)))
	for r := range runs {
		x := src[n*r:][:n]
		scales[r] = g.roundScale(x, fitted[r], d, low, high)
		for j, v := range x {
			index[n*r+j] = g.index(v, d*float64(scales[r]), 0)
		}
	}
	return scales, index
}

// affine is symmetric for types with offsets: d goes to dd, dmin to dd[2:].
func affine(g *grid, dd []byte, src []float32, runs, high int) (scales, offsets [16]int, index [256]uint8) {
	var fittedS, fittedO [16]float64
	n := len(src) / runs
	for r := range runs {
		fittedS[r], fittedO[r] = g.fitAffine(src[n*r:][:n])
	}
	d := putScale(dd, blockScale(fittedS[:runs], float64(high)))
	dmin := putScale(dd[2:], blockScale(fittedO[:runs], float64(high)))
	for r := range runs {
		x := src[n*r:][:n]
		scales[r], offsets[r] = g.roundAffine(x, fittedS[r], fittedO[r], d, dmin, high)
		for j, v := range x {
			index[n*r+j] = g.index(v, d*float64(scales[r]), dmin*float64(offsets[r]))
		}
	}
	return scales, offsets, index
}

// Each packer below writes the layout that the dequantizer of the same name documents.

func quantizeQ2K(dst []byte, src []float32) {
	clear(dst)
	scales, offsets, q := affine(&grid2, dst[80:], src, 16, 15)
	for run := range 16 {
		dst[run] = byte(scales[run] | offsets[run]<<4)
		part, shift := quarterRun(dst[16:80], run)
		for j := range part {
			part[j] |= q[16*run+j] << shift
		}
	}
}

func quantizeQ3K(dst []byte, src []float32) {
	clear(dst)
	scales, q := symmetric(&grid3, dst[108:], src, 16, -32, 31)
	for run := range 16 {
		s := uint8(scales[run] + 32)
		dst[96+run%8] |= s & 15 << (run / 8 * 4)
		dst[104+run%4] |= s >> 4 << (run / 4 * 2)
		part, shift := quarterRun(dst[32:96], run)
		top := dst[run%2*16:][:16]
		for j := range part {
			part[j] |= q[16*run+j] & 3 << shift
			top[j] |= q[16*run+j] >> 2 << (run / 2)
		}
	}
}

func putScalesMinsK(dst []byte, scales, offsets [16]int) {
	for i := range 4 {
		dst[i] = byte(scales[i] | scales[i+4]>>4<<6)
		dst[i+4] = byte(offsets[i] | offsets[i+4]>>4<<6)
		dst[i+8] = byte(scales[i+4]&15 | offsets[i+4]&15<<4)
	}
}

func quantizeQ4K(dst []byte, src []float32) {
	clear(dst)
	scales, offsets, q := affine(&grid4, dst, src, 8, 63)
	putScalesMinsK(dst[4:16], scales, offsets)
	for group := range 8 {
		for j := range 32 {
			dst[16+group/2*32+j] |= q[32*group+j] << (group % 2 * 4)
		}
	}
}

func quantizeQ5K(dst []byte, src []float32) {
	clear(dst)
	scales, offsets, q := affine(&grid5, dst, src, 8, 63)
	putScalesMinsK(dst[4:16], scales, offsets)
	for group := range 8 {
		for j := range 32 {
			dst[16+j] |= q[32*group+j] >> 4 << group
			dst[48+group/2*32+j] |= q[32*group+j] & 15 << (group % 2 * 4)
		}
	}
}

func quantizeQ6K(dst []byte, src []float32) {
	clear(dst)
	scales, q := symmetric(&grid6, dst[208:], src, 16, -128, 127)
	for run, s := range scales {
		dst[192+run] = byte(int8(s))
	}
	for row := range 8 {
		k := row % 4
		low, high := dst[row/4*64+k%2*32:][:32], dst[128+row/4*32:][:32]
		for j := range 32 {
			low[j] |= q[32*row+j] & 15 << (k / 2 * 4)
			high[j] |= q[32*row+j] >> 4 << (2 * k)
		}
	}
}

func quantizeIQ4NL(dst []byte, src []float32) {
	d := putScale(dst, gridNL.fitScale(src))
	for j := range 16 {
		dst[2+j] = gridNL.index(src[j], d, 0) | gridNL.index(src[j+16], d, 0)<<4
	}
}

func quantizeIQ4XS(dst []byte, src []float32) {
	clear(dst)
	scales, q := symmetric(&gridNL, dst, src, 8, -32, 31)
	var high uint16
	for group := range 8 {
		s := uint8(scales[group] + 32)
		dst[4+group/2] |= s & 15 << (group % 2 * 4)
		high |= uint16(s>>4) << (2 * group)
		for j := range 16 {
			dst[8+16*group+j] = q[32*group+j] | q[32*group+j+16]<<4
		}
	}
	binary.LittleEndian.PutUint16(dst[2:], high)
}
