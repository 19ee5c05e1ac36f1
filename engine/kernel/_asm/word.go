package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Constants live in read-only data, are named by their content, and are written once.
var constants = map[string]Mem{}

// words is a vector of 32-bit constants.
func words(v ...uint32) Mem {
	name := "w"
	for i := 0; i < len(v); {
		n := 1
		for i+n < len(v) && v[i+n] == v[i] {
			n++
		}
		name += fmt.Sprintf("_%xx%d", v[i], n)
		i += n
	}
	if m, ok := constants[name]; ok {
		return m
	}
	m := GLOBL(name, RODATA|NOPTR)
	for i, x := range v {
		DATA(4*i, U32(x))
	}
	constants[name] = m
	return m
}

// bytes is a vector of 8-bit constants.
func bytes(v ...int) Mem {
	w := make([]uint32, len(v)/4)
	for i, x := range v {
		w[i/4] |= uint32(uint8(x)) << (i % 4 * 8)
	}
	return words(w...)
}

// halfwords is a vector of 16-bit constants.
func halfwords(v ...int) Mem {
	w := make([]uint32, len(v)/2)
	for i, x := range v {
		w[i/2] |= uint32(uint16(x)) << (i % 2 * 16)
	}
	return words(w...)
}

// times repeats x.
func times(n int, x uint32) []uint32 {
	v := make([]uint32, n)
	for i := range v {
		v[i] = x
	}
	return v
}

// spread is a zmm register whose 32-bit lanes all hold x.
func spread(x uint32) VecVirtual {
	z := ZMM()
	VPBROADCASTD(words(x), z)
	return z
}

// constant is a zmm register with these 32-bit lanes.
func constant(v ...uint32) VecVirtual {
	z := ZMM()
	VMOVDQU32(words(v...), z)
	return z
}

// at is the memory at a pointer plus an offset.
func at(p Register, offset int) Mem { return Mem{Base: p, Disp: offset} }

// atIndex is the memory at a pointer plus scaled index plus offset.
func atIndex(p, index Register, scale uint8, offset int) Mem {
	return Mem{Base: p, Index: index, Scale: scale, Disp: offset}
}

// pointer loads a pointer or integer argument.
func arg(name string) GPVirtual {
	r := GP64()
	Load(Param(name), r)
	return r
}
