package kernel

import (
	"encoding/binary"

	"github.com/weir-project/weir/engine/quant"
)

// unpacked is up to 256 consecutive weights of one row as integers and scales, the form in which all types with
// integer kernels are alike: see the package comment for the formula. It is what the assembly is tested against.
type unpacked struct {
	q       [quant.BlockLenMax]uint8
	zero    int32
	scale   [groupsMax]float32
	minimum [groupsMax]float32
	sub     [2 * groupsMax]int8 // integer scales of 16 values; 1 in types that have none
}

const groupsMax = quant.BlockLenMax / groupLen

// integer reports whether t multiplies the int8 activations.
func integer(t quant.Type) bool {
	switch t {
	case quant.F32, quant.F16, quant.BF16, quant.Q2_K:
		return false
	}
	return true
}

// unpack reads n weights from the start of src, a multiple of the block length of t and at most 256.
func (u *unpacked) unpack(t quant.Type, src []byte, n int) {
	for i := range u.sub {
		u.sub[i] = 1
	}
	u.minimum = [groupsMax]float32{}
	switch t {
	case quant.Q4_K:
		u.q4k(src[:144])
	case quant.Q5_K:
		u.q5k(src[:176])
	case quant.Q6_K:
		u.q6k(src[:210])
	case quant.Q3_K:
		u.q3k(src[:110])
	case quant.IQ4_XS:
		u.iq4xs(src[:136])
	default:
		size := t.BlockBytes()
		for g := range n / groupLen {
			u.group(t, g, src[g*size:][:size])
		}
	}
}

// group unpacks a block of one of the types whose blocks are 32 values.
func (u *unpacked) group(t quant.Type, g int, src []byte) {
	q := u.q[g*groupLen:][:groupLen]
	u.scale[g] = half(src)
	switch t {
	case quant.Q8_0:
		u.zero = 128
		for i, b := range src[2:34] {
			q[i] = b ^ 0x80
		}
	case quant.Q4_0:
		u.zero = 8
		nibbles(q, src[2:18])
	case quant.Q4_1:
		u.zero = 0
		u.minimum[g] = -half(src[2:])
		nibbles(q, src[4:20])
	case quant.Q5_0:
		u.zero = 16
		nibbles(q, src[6:22])
		fifthBits(q, src[2:6])
	case quant.Q5_1:
		u.zero = 0
		u.minimum[g] = -half(src[2:])
		nibbles(q, src[8:24])
		fifthBits(q, src[4:8])
	case quant.IQ4_NL:
		u.zero = 128
		nibbles(q, src[2:18])
		throughTable(q)
	}
}

func half(b []byte) float32 { return quant.F16ToF32(binary.LittleEndian.Uint16(b)) }

// nibbles spreads 16 bytes: value i is the low half of byte i, value i+16 the high half.
func nibbles(q []uint8, src []byte) {
	for i, b := range src[:16] {
		q[i], q[i+16] = b&15, b>>4
	}
}

// fifthBits adds bit i of src as the fifth bit of value i.
func fifthBits(q []uint8, src []byte) {
	top := binary.LittleEndian.Uint32(src)
	for i := range q[:groupLen] {
		q[i] |= uint8(top>>i&1) << 4
	}
}

// throughTable replaces indices by the values of IQ4_NL, plus 128.
func throughTable(q []uint8) {
	for i := range q {
		q[i] = uint8(int(quant.IQ4NLValues[q[i]&15]) + 128)
	}
}

func (u *unpacked) q4k(src []byte) {
	u.zero = 0
	u.scalesK(src)
	for pair := range 4 {
		for i, b := range src[16+32*pair:][:32] {
			u.q[64*pair+i], u.q[64*pair+32+i] = b&15, b>>4
		}
	}
}

func (u *unpacked) q5k(src []byte) {
	u.zero = 0
	u.scalesK(src)
	top := src[16:48]
	for pair := range 4 {
		for i, b := range src[48+32*pair:][:32] {
			u.q[64*pair+i] = b&15 | top[i]>>(2*pair)&1<<4
			u.q[64*pair+32+i] = b>>4 | top[i]>>(2*pair+1)&1<<4
		}
	}
}

// scalesK reads the header that Q4_K and Q5_K share. Both products are exact: 11 bits times 6.
func (u *unpacked) scalesK(src []byte) {
	d, dmin := half(src), half(src[2:])
	for g := range groupsMax {
		scale, minimum := quant.ScaleMinK(src[4:16], g)
		u.scale[g], u.minimum[g] = d*float32(scale), dmin*float32(minimum)
	}
}

func (u *unpacked) q6k(src []byte) {
	u.zero = 32
	d := half(src[208:])
	for g := range groupsMax {
		u.scale[g] = d
		u.sub[2*g], u.sub[2*g+1] = int8(src[192+2*g]), int8(src[193+2*g])
	}
	for part := range 2 {
		low, high := src[64*part:][:64], src[128+32*part:][:32]
		q := u.q[128*part:][:128]
		for i, h := range high {
			q[i] = low[i]&15 | h&3<<4
			q[i+32] = low[i+32]&15 | h>>2&3<<4
			q[i+64] = low[i]>>4 | h>>4&3<<4
			q[i+96] = low[i+32]>>4 | h>>6<<4
		}
	}
}

func (u *unpacked) q3k(src []byte) {
	u.zero = 4
	d := half(src[108:])
	for g := range groupsMax {
		u.scale[g] = d
		for s := 2 * g; s < 2*g+2; s++ {
			u.sub[s] = int8(quant.ScaleQ3K(src[96:108], s)) - 32
		}
		low, shift := src[32+g/4*32:][:32], g%4*2
		for i, b := range low {
			u.q[groupLen*g+i] = b>>shift&3 | src[i]>>g&1<<2
		}
	}
}

func (u *unpacked) iq4xs(src []byte) {
	u.zero = 128
	d := half(src)
	for g := range groupsMax {
		u.scale[g] = d * float32(int(quant.ScaleIQ4XS(src[2:8], g))-32)
		nibbles(u.q[groupLen*g:][:groupLen], src[8+16*g:])
	}
	throughTable(u.q[:])
}
