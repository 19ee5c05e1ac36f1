package quant

import (
	"math"
	"testing"
)

// halfValue is the definition of binary16: sign, 5 bits of exponent with bias 15, 10 of fraction.
func halfValue(h uint16) float64 {
	exponent, fraction := int(h>>10&31), float64(h&1023)
	v := math.Ldexp(fraction, -24)
	switch {
	case exponent == 31 && fraction != 0:
		return math.NaN()
	case exponent == 31:
		v = math.Inf(1)
	case exponent > 0:
		v = math.Ldexp(1024+fraction, exponent-25)
	}
	if h>>15 != 0 {
		v = math.Copysign(v, -1)
	}
	return v
}

func TestF16EveryPattern(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		want, got := halfValue(h), F16ToF32(h)
		if math.IsNaN(want) {
			if got == got || F32ToF16(got)&0x7fff <= 0x7c00 {
				t.Fatalf("%#04x: got %v and back %#04x, want a NaN", h, got, F32ToF16(got))
			}
			continue
		}
		if float64(got) != want || math.Signbit(float64(got)) != (h>>15 != 0) {
			t.Fatalf("%#04x: got %v, want %v", h, got, want)
		}
		if back := F32ToF16(got); back != h {
			t.Fatalf("%#04x came back as %#04x", h, back)
		}
	}
}

func TestF16RoundsToNearestEven(t *testing.T) {
	for h := uint16(0); h < 0x7c00; h++ {
		low, high := halfValue(h), halfValue(h+1)
		if h == 0x7bff {
			high = 65536 // where the next value would be
		}
		middle := float32((low + high) / 2) // exact: 12 bits
		even := h + h&1
		f := func(x float32, want uint16) {
			t.Helper()
			if got := F32ToF16(x); got != want {
				t.Fatalf("%v (above %#04x): got %#04x, want %#04x", x, h, got, want)
			}
			if got := F32ToF16(-x); got != want|0x8000 {
				t.Fatalf("%v (below -%#04x): got %#04x, want %#04x", -x, h, got, want|0x8000)
			}
		}
		f(middle, even)
		f(math.Nextafter32(middle, 0), h)
		f(math.Nextafter32(middle, 1e9), h+1)
	}
	if got := F32ToF16(math.MaxFloat32); got != 0x7c00 {
		t.Errorf("largest float32 gives %#04x, want infinity", got)
	}
}

func TestBF16(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		f := BF16ToF32(h)
		back := F32ToBF16(f)
		if f != f {
			if back&0x7fff <= 0x7f80 {
				t.Fatalf("NaN %#04x came back as %#04x", h, back)
			}
			continue
		}
		if back != h || math.Float32bits(f) != uint32(h)<<16 {
			t.Fatalf("%#04x is %v and came back as %#04x", h, f, back)
		}
		if h&0x7fff >= 0x7f80 {
			continue
		}
		middle := math.Float32frombits(uint32(h)<<16 | 0x8000)
		below := math.Float32frombits(uint32(h)<<16 | 0x7fff)
		above := math.Float32frombits(uint32(h)<<16 | 0x8001)
		if F32ToBF16(middle) != h+h&1 || F32ToBF16(below) != h || F32ToBF16(above) != h+1 {
			t.Fatalf("around %v: got %#04x, %#04x, %#04x", middle, F32ToBF16(below), F32ToBF16(middle),
				F32ToBF16(above))
		}
	}
}
