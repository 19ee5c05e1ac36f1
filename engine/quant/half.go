package quant

import "math"

// F16ToF32 widens an IEEE 754 binary16. The result is exact; a NaN stays a (quiet) NaN.
func F16ToF32(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	magnitude := uint32(h&0x7fff) << 13
	switch {
	case magnitude > 0x0f800000: // NaN
		return math.Float32frombits(sign | 0x7fc00000 | magnitude)
	case magnitude == 0x0f800000:
		return math.Float32frombits(sign | 0x7f800000)
	}
	// Read as a float32 the exponent is too small by the difference of the biases, 127-15. Multiplying by that
	// power of two is exact and turns subnormals into normal numbers on the way.
	f := math.Float32frombits(magnitude) * 0x1p112
	return math.Float32frombits(sign | math.Float32bits(f))
}

// F32ToF16 rounds to the nearest binary16, ties to even. Magnitudes of 65520 and more become infinite, and a NaN
// stays a (quiet) NaN.
func F32ToF16(f float32) uint16 {
	b := math.Float32bits(f)
	sign := uint16(b >> 16 & 0x8000)
	b &= 0x7fffffff
	switch {
	case b > 0x7f800000:
		return sign | 0x7e00 | uint16(b>>13&0x3ff)
	case b >= 0x477ff000: // 65520, half way between the largest finite value and the next power of two
		return sign | 0x7c00
	case b < 0x38800000: // below 2^-14: subnormal, so the unit is 2^-24 whatever the exponent
		// Adding 0.5 puts the unit in the last place of the sum at 2^-24: the hardware rounds.
		return sign | uint16(math.Float32bits(math.Float32frombits(b)+0.5)-0x3f000000)
	}
	b -= 112 << 23        // change the bias
	b += 0x0fff + b>>13&1 // round half to even
	return sign | uint16(b>>13)
}

// BF16ToF32 widens a bfloat16. The result is exact.
func BF16ToF32(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// F32ToBF16 rounds to the nearest bfloat16, ties to even. Values above the largest finite one become infinite, and
// a NaN stays a (quiet) NaN.
func F32ToBF16(f float32) uint16 {
	b := math.Float32bits(f)
	if b&0x7fffffff > 0x7f800000 {
		return uint16(b>>16) | 0x40
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}
