// Package quant is the numeric specification of the tensor formats that model files use.
//
// A format packs a fixed number of consecutive values of one row into a block of a fixed number of bytes. The
// package says how long blocks are, what number each bit pattern stands for (Dequantize), and how to choose bit
// patterns for given numbers (Quantize). It is plain Go, single-threaded and never fast at the expense of being
// readable: package kernel holds the fast copies and is tested against this one.
//
// Layouts are those of the published GGUF format and all multi-byte fields are little endian. Dequantize is exact:
// every product of scales and quants fits a float32's 24 bits, so formats without an offset give the exact value
// and formats with one (Q4_1, Q5_1, Q2_K, Q4_K, Q5_K) round once, in the final addition, whether or not the
// compiler fuses it.
//
// Quantize refuses values that a format cannot hold; the slices it and Dequantize get belong to the caller.
package quant

//lint:file-ignore ST1003 the constants carry the published names of the formats (2025-11-25)

import (
	"fmt"
	"math"
)

// Type identifies a tensor format by the id that GGUF files store.
type Type uint32

// The supported formats. A name's digits are bits per value before scales; K formats nest two levels of scales in
// blocks of 256; IQ4 formats index a fixed table of 16 unevenly spaced values.
const (
	F32    Type = 0
	F16    Type = 1
	Q4_0   Type = 2
	Q4_1   Type = 3
	Q5_0   Type = 6
	Q5_1   Type = 7
	Q8_0   Type = 8
	Q2_K   Type = 10
	Q3_K   Type = 11
	Q4_K   Type = 12
	Q5_K   Type = 13
	Q6_K   Type = 14
	IQ4_NL Type = 20
	IQ4_XS Type = 23
	BF16   Type = 30
)

// Types lists the supported formats in the order of their ids.
func Types() []Type {
	return []Type{F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS, BF16}
}

// BlockLenMax is the largest BlockLen of any supported format.
const BlockLenMax = 256

type layout struct{ values, bytes int }

func (t Type) layout() layout {
	switch t {
	case F32:
		return layout{1, 4}
	case F16, BF16:
		return layout{1, 2}
	case Q4_0, IQ4_NL:
		return layout{32, 18}
	case Q4_1:
		return layout{32, 20}
	case Q5_0:
		return layout{32, 22}
	case Q5_1:
		return layout{32, 24}
	case Q8_0:
		return layout{32, 34}
	case Q2_K:
		return layout{256, 84}
	case Q3_K:
		return layout{256, 110}
	case Q4_K:
		return layout{256, 144}
	case Q5_K:
		return layout{256, 176}
	case Q6_K:
		return layout{256, 210}
	case IQ4_XS:
		return layout{256, 136}
	}
	return layout{}
}

// Known reports whether this package implements t.
func (t Type) Known() bool { return t.layout().values != 0 }

// BlockLen is the number of values in a block, or 0 if t is not Known.
func (t Type) BlockLen() int { return t.layout().values }

// BlockBytes is the number of bytes in a block, or 0 if t is not Known.
func (t Type) BlockBytes() int { return t.layout().bytes }

// String is TypeName of t.
func (t Type) String() string { return TypeName(uint32(t)) }

// RowBytes is the size in bytes of a row of n values. It fails if t is not Known, if n is negative or not a
// multiple of the block length, or if the size does not fit an int.
func RowBytes(t Type, n int) (int, error) {
	l := t.layout()
	switch {
	case l.values == 0:
		return 0, fmt.Errorf("type %s is not supported", t)
	case n < 0:
		return 0, fmt.Errorf("row length %d is negative", n)
	case n%l.values != 0:
		return 0, fmt.Errorf("row length %d is not a multiple of %d, the block length of %s", n, l.values, t)
	case n/l.values > math.MaxInt/l.bytes:
		return 0, fmt.Errorf("row of %d values of %s overflows the address space", n, t)
	}
	return n / l.values * l.bytes, nil
}
