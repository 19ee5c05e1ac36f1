package quant

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Dequantize writes the numbers that the blocks in src stand for to dst. len(dst) must be a multiple of the block
// length and src must hold exactly its blocks: anything else, or a type that is not Known, is a mistake of the
// caller and panics. (RowBytes tells the right size, with an error.)
func Dequantize(dst []float32, t Type, src []byte) {
	l := t.layout()
	if l.values == 0 {
		panic(fmt.Sprintf("quant: dequantize unsupported %s", t))
	}
	if len(dst)%l.values != 0 || len(src) != len(dst)/l.values*l.bytes {
		panic(fmt.Sprintf("quant: dequantize %d bytes of %s to %d values", len(src), t, len(dst)))
	}
	switch t {
	case F32:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
		}
		return
	case F16:
		for i := range dst {
			dst[i] = F16ToF32(binary.LittleEndian.Uint16(src[2*i:]))
		}
		return
	case BF16:
		for i := range dst {
			dst[i] = BF16ToF32(binary.LittleEndian.Uint16(src[2*i:]))
		}
		return
	}
	block := dequantizers[t]
	for len(dst) > 0 {
		block(dst[:l.values:l.values], src[:l.bytes:l.bytes])
		dst, src = dst[l.values:], src[l.bytes:]
	}
}

// dequantizers hold, by type, the function for one block.
var dequantizers = map[Type]func(dst []float32, src []byte){
	Q4_0: dequantizeQ4_0, Q4_1: dequantizeQ4_1, Q5_0: dequantizeQ5_0, Q5_1: dequantizeQ5_1, Q8_0: dequantizeQ8_0,
	Q2_K: dequantizeQ2K, Q3_K: dequantizeQ3K, Q4_K: dequantizeQ4K, Q5_K: dequantizeQ5K, Q6_K: dequantizeQ6K,
	IQ4_NL: dequantizeIQ4NL, IQ4_XS: dequantizeIQ4XS,
}

func half(b []byte) float32 { return F16ToF32(binary.LittleEndian.Uint16(b)) }

// dequantizeQ4_0: scale d (f16), then 16 bytes; byte j holds value j in its low and value j+16 in its high half.
// A value is d*(q-8).
func dequantizeQ4_0(dst []float32, src []byte) {
	d := half(src)
	for j, b := range src[2:18] {
		dst[j] = d * float32(int(b&15)-8)
		dst[j+16] = d * float32(int(b>>4)-8)
	}
}

// dequantizeQ4_1: scale d, minimum m (f16), 16 bytes as in Q4_0. A value is d*q + m.
func dequantizeQ4_1(dst []float32, src []byte) {
	d, m := half(src), half(src[2:])
	for j, b := range src[4:20] {
		dst[j] = d*float32(b&15) + m
		dst[j+16] = d*float32(b>>4) + m
	}
}

// dequantizeQ5_0: scale d, 32 bits with the fifth bit of each value, 16 bytes as in Q4_0. A value is d*(q-16).
func dequantizeQ5_0(dst []float32, src []byte) {
	d, top := half(src), binary.LittleEndian.Uint32(src[2:])
	for j, b := range src[6:22] {
		dst[j] = d * float32(int(uint32(b&15)|top>>j&1<<4)-16)
		dst[j+16] = d * float32(int(uint32(b>>4)|top>>(j+16)&1<<4)-16)
	}
}

// dequantizeQ5_1: scale d, minimum m, fifth bits, 16 bytes as in Q4_0. A value is d*q + m.
func dequantizeQ5_1(dst []float32, src []byte) {
	d, m, top := half(src), half(src[2:]), binary.LittleEndian.Uint32(src[4:])
	for j, b := range src[8:24] {
		dst[j] = d*float32(uint32(b&15)|top>>j&1<<4) + m
		dst[j+16] = d*float32(uint32(b>>4)|top>>(j+16)&1<<4) + m
	}
}

// dequantizeQ8_0: scale d, 32 signed bytes, of which -128 is as good as any. A value is d*q.
func dequantizeQ8_0(dst []float32, src []byte) {
	d := half(src)
	for j, b := range src[2:34] {
		dst[j] = d * float32(int8(b))
	}
}

// dequantizeQ2K: 16 bytes of a 4-bit scale (low) and a 4-bit minimum (high), one for each run of 16 values; 64
// bytes of quants; d, dmin (f16). Each half of the block is 32 bytes, each byte 4 values at distance 32. A value
// is d*scale*q - dmin*min.
func dequantizeQ2K(dst []float32, src []byte) {
	d, dmin := half(src[80:]), half(src[82:])
	for run := range 16 {
		scale, minimum := d*float32(src[run]&15), dmin*float32(src[run]>>4)
		q, shift := quarterRun(src[16:80], run)
		for j, b := range q {
			dst[16*run+j] = scale*float32(b>>shift&3) - minimum
		}
	}
}

// quarterRun finds the run of 16 values with this index where 2-bit quants lie as in Q2_K and Q3_K: the 16 bytes
// that hold it and how far to shift them.
func quarterRun(quants []byte, run int) (q []byte, shift int) {
	return quants[run/8*32+run%2*16:][:16], run % 8 / 2 * 2
}

// dequantizeQ3K: 32 bytes with the third bit of each value (byte j, bit k: value j+32k); 64 bytes with the two
// lower bits as in Q2_K; 12 bytes with 16 scales of 6 bits; d (f16). A value is d*(scale-32)*(q-4).
func dequantizeQ3K(dst []float32, src []byte) {
	d := half(src[108:])
	for run := range 16 {
		scale := d * float32(int(ScaleQ3K(src[96:108], run))-32)
		q, shift := quarterRun(src[32:96], run)
		top := src[run%2*16:][:16]
		for j, b := range q {
			dst[16*run+j] = scale * float32(int(b>>shift&3|top[j]>>(run/2)&1<<2)-4)
		}
	}
}

// ScaleQ3K unpacks the 6-bit scale of run i (0 to 15) from the 12 scale bytes of a Q3_K block; its zero is 32. The
// low 4 bits are a half of byte i%8, the high 2 bits lie in bytes 8 to 11.
func ScaleQ3K(scales []byte, i int) uint8 {
	return scales[i%8]>>(i/8*4)&15 | scales[8+i%4]>>(i/4*2)&3<<4
}

// ScaleMinK unpacks the 6-bit scale and minimum of group i (0 to 7) from the 12 scale bytes of a Q4_K or Q5_K
// block. Those of groups 0 to 3 are the low 6 bits of bytes 0 to 3 and 4 to 7; the others keep their low 4 bits in
// bytes 8 to 11 and their high 2 bits on top of the former.
func ScaleMinK(scales []byte, i int) (scale, minimum uint8) {
	if i < 4 {
		return scales[i] & 63, scales[i+4] & 63
	}
	return scales[i+4]&15 | scales[i-4]>>6<<4, scales[i+4]>>4 | scales[i]>>6<<4
}

// dequantizeQ4K: d, dmin (f16); 12 bytes with 8 scales and minima of 6 bits, one for each group of 32; 128 bytes
// of quants. Each 32 bytes hold two groups, the first in the low halves. A value is d*scale*q - dmin*min.
func dequantizeQ4K(dst []float32, src []byte) {
	d, dmin := half(src), half(src[2:])
	for group := range 8 {
		s, m := ScaleMinK(src[4:16], group)
		scale, minimum := d*float32(s), dmin*float32(m)
		for j, b := range src[16+group/2*32:][:32] {
			dst[32*group+j] = scale*float32(b>>(group%2*4)&15) - minimum
		}
	}
}

// dequantizeQ5K: as Q4_K, with 32 bytes of fifth bits (byte j, bit k: value j+32k) before the quants.
func dequantizeQ5K(dst []float32, src []byte) {
	d, dmin := half(src), half(src[2:])
	top := src[16:48]
	for group := range 8 {
		s, m := ScaleMinK(src[4:16], group)
		scale, minimum := d*float32(s), dmin*float32(m)
		for j, b := range src[48+group/2*32:][:32] {
			dst[32*group+j] = scale*float32(b>>(group%2*4)&15|top[j]>>group&1<<4) - minimum
		}
	}
}

// dequantizeQ6K: 128 bytes with the low 4 bits, 64 with the high 2, 16 signed scales for runs of 16, d (f16). In
// each half of the block value j+32k has its low bits in byte j (k even) or j+32 (k odd), low halves for k < 2, and
// its high bits in byte j at 2k. A value is d*scale*(q-32).
func dequantizeQ6K(dst []float32, src []byte) {
	d := half(src[208:])
	for row := range 8 { // of 32 values
		k := row % 4
		low, high := src[row/4*64+k%2*32:][:32], src[128+row/4*32:][:32]
		for j := range 32 {
			q := low[j]>>(k/2*4)&15 | high[j]>>(2*k)&3<<4
			scale := int8(src[192+row*2+j/16])
			dst[32*row+j] = d * float32(scale) * float32(int(q)-32)
		}
	}
}

// IQ4NLValues are the values that the 4-bit quants of IQ4_NL and IQ4_XS index.
var IQ4NLValues = [16]int8{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}

// dequantizeIQ4NL: laid out as Q4_0. A value is d*table[q].
func dequantizeIQ4NL(dst []float32, src []byte) {
	d := half(src)
	for j, b := range src[2:18] {
		dst[j] = d * float32(IQ4NLValues[b&15])
		dst[j+16] = d * float32(IQ4NLValues[b>>4])
	}
}

// dequantizeIQ4XS: d (f16); 8 scales of 6 bits, the high 2 bits in 16 bits, the low 4 in 4 bytes; 8 groups of 32
// values laid out as in Q4_0. A value is d*(scale-32)*table[q].
func dequantizeIQ4XS(dst []float32, src []byte) {
	d := half(src)
	for group := range 8 {
		scale := d * float32(int(ScaleIQ4XS(src[2:8], group))-32)
		for j, b := range src[8+16*group:][:16] {
			dst[32*group+j] = scale * float32(IQ4NLValues[b&15])
			dst[32*group+j+16] = scale * float32(IQ4NLValues[b>>4])
		}
	}
}

// ScaleIQ4XS unpacks the 6-bit scale of group i (0 to 7) from the 6 scale bytes of an IQ4_XS block; its zero is 32.
func ScaleIQ4XS(scales []byte, i int) uint8 {
	high := binary.LittleEndian.Uint16(scales)
	return scales[2+i/2]>>(i%2*4)&15 | uint8(high>>(2*i)&3<<4)
}
