package quant

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Quantize writes blocks of type t that stand for numbers near those in src to dst. len(src) must be a multiple of
// the block length and dst have exactly the size of its blocks. It fails, leaving dst undefined, if t is not Known,
// a size is wrong, or src holds a NaN, an infinity or a value too large for t; F32 takes every value.
//
// The plain types (Q4_0 to Q8_0) round to the grid that a block's extreme values span, as every quantiser does. The
// K and IQ4 types search for the scales with the least squared error, which is the error of a product with inputs
// of no preferred direction.
func Quantize(dst []byte, t Type, src []float32) error {
	l := t.layout()
	switch {
	case l.values == 0:
		return fmt.Errorf("quantize to %s: type is not supported", t)
	case len(src)%l.values != 0:
		return fmt.Errorf("quantize to %s: %d values are not a multiple of %d", t, len(src), l.values)
	case len(dst) != len(src)/l.values*l.bytes:
		return fmt.Errorf("quantize %d values to %s: buffer has %d bytes, want %d", len(src), t, len(dst),
			len(src)/l.values*l.bytes)
	}
	if t == F32 {
		for i, x := range src {
			binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(x))
		}
		return nil
	}
	most, block := float32(halfMax), quantizers[t]
	if t == BF16 {
		most = bfloatMax
	}
	for i, x := range src {
		if !(x >= -most && x <= most) { // a NaN is neither
			return fmt.Errorf("quantize to %s: value %d is %v, want magnitudes up to %v", t, i, x, most)
		}
	}
	for len(src) > 0 {
		block(dst[:l.bytes:l.bytes], src[:l.values:l.values])
		dst, src = dst[l.bytes:], src[l.values:]
	}
	return nil
}

// The largest finite F16 and BF16. No block format needs a scale above halfMax for values up to halfMax.
const (
	halfMax   = 65504
	bfloatMax = 0x1.fep127
)

// quantizers hold, by type, the function for one block of finite values.
var quantizers = map[Type]func(dst []byte, src []float32){
	F16: quantizeF16, BF16: quantizeBF16,
	Q4_0: quantizeQ4_0, Q4_1: quantizeQ4_1, Q5_0: quantizeQ5_0, Q5_1: quantizeQ5_1, Q8_0: quantizeQ8_0,
	Q2_K: quantizeQ2K, Q3_K: quantizeQ3K, Q4_K: quantizeQ4K, Q5_K: quantizeQ5K, Q6_K: quantizeQ6K,
	IQ4_NL: quantizeIQ4NL, IQ4_XS: quantizeIQ4XS,
}

func quantizeF16(dst []byte, src []float32) {
	binary.LittleEndian.PutUint16(dst, F32ToF16(src[0]))
}

func quantizeBF16(dst []byte, src []float32) {
	binary.LittleEndian.PutUint16(dst, F32ToBF16(src[0]))
}

// putHalf stores f as F16 and returns 1/f, or 0 where the stored value is 0 and quants no longer matter.
func putHalf(dst []byte, f float32) (inverse float32) {
	h := F32ToF16(f)
	if h&0x7fff == 0 {
		h, f = 0, float32(math.Inf(1)) // not -0, which would give all values a sign
	}
	binary.LittleEndian.PutUint16(dst, h)
	return 1 / f
}

// extreme is the value of largest magnitude, the first of several.
func extreme(src []float32) float32 {
	var e float32
	for _, x := range src {
		if abs(x) > abs(e) {
			e = x
		}
	}
	return e
}

func abs(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }

// gridIndex is x counted in steps of 1/inverse from -offset, rounded half up, and at most top. The product is
// rounded on its own, so that machines which fuse multiply and add agree with those that do not.
func gridIndex(x, inverse, offset float32, top uint8) uint8 {
	return min(top, uint8(float32(x*inverse)+offset+0.5))
}

// quantizeQ4_0 maps the extreme value to -8, the longer end of the grid.
func quantizeQ4_0(dst []byte, src []float32) {
	inverse := putHalf(dst, extreme(src)/-8)
	for j := range 16 {
		dst[2+j] = gridIndex(src[j], inverse, 8, 15) | gridIndex(src[j+16], inverse, 8, 15)<<4
	}
}

func quantizeQ4_1(dst []byte, src []float32) {
	low, high := bounds(src)
	inverse := putHalf(dst, (high-low)/15)
	putHalf(dst[2:], low)
	for j := range 16 {
		dst[4+j] = gridIndex(src[j]-low, inverse, 0, 15) | gridIndex(src[j+16]-low, inverse, 0, 15)<<4
	}
}

// quantizeQ5_0 maps the extreme value to -16.
func quantizeQ5_0(dst []byte, src []float32) {
	inverse := putHalf(dst, extreme(src)/-16)
	var top uint32
	for j := range 16 {
		a, b := gridIndex(src[j], inverse, 16, 31), gridIndex(src[j+16], inverse, 16, 31)
		dst[6+j] = a&15 | b<<4
		top |= uint32(a>>4)<<j | uint32(b>>4)<<(j+16)
	}
	binary.LittleEndian.PutUint32(dst[2:], top)
}

func quantizeQ5_1(dst []byte, src []float32) {
	low, high := bounds(src)
	inverse := putHalf(dst, (high-low)/31)
	putHalf(dst[2:], low)
	var top uint32
	for j := range 16 {
		a, b := gridIndex(src[j]-low, inverse, 0, 31), gridIndex(src[j+16]-low, inverse, 0, 31)
		dst[8+j] = a&15 | b<<4
		top |= uint32(a>>4)<<j | uint32(b>>4)<<(j+16)
	}
	binary.LittleEndian.PutUint32(dst[4:], top)
}

// quantizeQ8_0 maps the extreme magnitude to 127 and rounds half away from zero; it never writes -128.
func quantizeQ8_0(dst []byte, src []float32) {
	inverse := putHalf(dst, abs(extreme(src))/127)
	for j, x := range src {
		dst[2+j] = byte(int8(math.Round(float64(x * inverse))))
	}
}

func bounds(src []float32) (low, high float32) {
	low, high = src[0], src[0]
	for _, x := range src {
		low, high = min(low, x), max(high, x)
	}
	return low, high
}
