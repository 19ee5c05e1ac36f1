package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// stripper writes the weights of 16 rows as lanes straight from where they lie: packed bytes are turned first and
// parted afterwards, so that half as many vectors, or fewer, are turned than by way of unpacked rows.
type stripper struct {
	name  string
	bytes int // of a step
	steps int // groups of 32 a step
	emit  func(rows strided, put putter)
}

// putter stores 4 columns of 16 rows: those from 4*step on of a group.
type putter func(group, step int, v VecVirtual)

var strippers = []stripper{
	{"Q8_0", 34, 1, stripQ8_0},
	{"Q4_0", 18, 1, stripQ4_0},
	{"Q4_K", 144, 8, stripQ4K},
	{"Q5_K", 176, 8, stripQ5K},
	{"Q6_K", 210, 8, stripQ6K},
}

func (s stripper) write() {
	TEXT("strip"+s.name+"AVX512", NOSPLIT, "func(dst *byte, w *byte, rowBytes int, blocks int)")
	Pragma("noescape")
	Doc("strip" + s.name + "AVX512 writes the weights of 16 rows: 4 columns of each, then the next 4 at 128 bytes.")
	dst, blocks := arg("dst"), arg("blocks")
	rows := rowPointers(arg("w"), arg("rowBytes"))
	Label("block")
	s.emit(rows, func(group, step int, v VecVirtual) {
		VMOVDQU32(v, at(dst, 128*(8*group+step)))
	})
	ADDQ(U32(s.steps*8*128), dst)
	rows.advance(uint32(s.bytes))
	SUBQ(U32(s.steps), blocks)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// ofBytes is a constant in memory that EVEX instructions spread over all lanes.
func ofBytes(x uint32) Mem { return words(x * 0x01010101) }

// keep sets v to its bits under a mask of bytes.
func keep(mask uint32, v VecVirtual) { VPANDD_BCST(ofBytes(mask), v, v) }

// nibblesOf parts v, which it overwrites.
func nibblesOf(v VecVirtual) (low, high VecVirtual) {
	low = ZMM()
	VPANDD_BCST(ofBytes(0x0f), v, low)
	VPSRLD(U8(4), v, v)
	keep(0x0f, v)
	return low, v
}

func stripQ8_0(rows strided, put putter) {
	for half := range 2 {
		for i, v := range turnAt(rows, 2+16*half) {
			VPXORD_BCST(ofBytes(0x80), v, v)
			put(0, 4*half+i, v)
		}
	}
}

func stripQ4_0(rows strided, put putter) {
	for i, v := range turnAt(rows, 2) {
		low, high := nibblesOf(v)
		put(0, i, low)
		put(0, 4+i, high)
	}
}

func stripQ4K(rows strided, put putter) {
	for part := range 8 { // of 16 bytes
		for i, v := range turnAt(rows, 16+16*part) {
			low, high := nibblesOf(v)
			put(part/2*2, part%2*4+i, low)
			put(part/2*2+1, part%2*4+i, high)
		}
	}
}

func stripQ5K(rows strided, put putter) {
	for half := range 2 {
		top := turnAt(rows, 16+16*half)
		for pair := range 4 {
			for i, v := range turnAt(rows, 48+32*pair+16*half) {
				low, high := nibblesOf(v)
				addBits(low, top[i], 2*pair-4, 0x10)
				addBits(high, top[i], 2*pair+1-4, 0x10)
				put(2*pair, 4*half+i, low)
				put(2*pair+1, 4*half+i, high)
			}
		}
	}
}

func stripQ6K(rows strided, put putter) {
	for part := range 2 {
		for half := range 2 {
			top := turnAt(rows, 128+32*part+16*half)
			for k := range 2 {
				for i, v := range turnAt(rows, 64*part+32*k+16*half) {
					low, high := nibblesOf(v)
					addBits(low, top[i], 2*k-4, 0x30)
					addBits(high, top[i], 2*k, 0x30)
					put(4*part+k, 4*half+i, low)
					put(4*part+k+2, 4*half+i, high)
				}
			}
		}
	}
}

// addBits sets in v the bits of top, shifted right by n, that are in a mask of bytes.
func addBits(v, top VecVirtual, n int, mask uint32) {
	bits := top
	if n != 0 {
		bits = ZMM()
	}
	if n > 0 {
		VPSRLD(U8(n), top, bits)
	} else if n < 0 {
		VPSLLD(U8(-n), top, bits)
	}
	VPTERNLOGD_BCST(U8(0xf8), ofBytes(mask), bits, v)
}

// turnAt is turn for the 16 bytes at an offset of each row.
func turnAt(rows strided, offset int) [4]VecVirtual {
	rows.offset = offset
	return turn(rows)
}

// scalesAVX512 writes what unpackAVX512 writes, without the weights.
func scalesAVX512(f format) {
	TEXT("scales"+f.name+"AVX512", NOSPLIT, "func(scales *float32, minima *float32, sub *int32, scaleStride int, w *byte, rowBytes int, rows int, blocks int)")
	Pragma("noescape")
	Doc("scales" + f.name + "AVX512 unpacks the scales of rows of at least 8 blocks. Strides are in bytes; that of sub is twice scaleStride.")
	unpackRows(f, false)
}
