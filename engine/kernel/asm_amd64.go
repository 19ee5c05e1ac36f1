//go:build !purego

package kernel

import (
	"strings"

	"golang.org/x/sys/cpu"

	"github.com/weir-project/weir/engine/quant"
)

// missing says why a tier cannot be used, or nothing if it can.
func missing(t tier) string {
	var lacks []string
	need := func(has bool, name string) {
		if !has {
			lacks = append(lacks, name)
		}
	}
	switch t {
	case avx512:
		need(cpu.X86.HasAVX512F, "AVX512F")
		need(cpu.X86.HasAVX512BW, "AVX512BW")
		need(cpu.X86.HasAVX512DQ, "AVX512DQ")
		need(cpu.X86.HasAVX512VL, "AVX512VL")
		need(cpu.X86.HasAVX512VNNI, "AVX512VNNI")
		fallthrough
	case avx2:
		need(cpu.X86.HasAVX2, "AVX2")
		need(cpu.X86.HasFMA, "FMA")
	}
	if lacks == nil {
		return ""
	}
	return "the CPU lacks " + strings.Join(lacks, ", ")
}

func matMulInt(y []float32, stride int, w Matrix, a *Acts, r0, r1 int) {
	switch t := using(); {
	case t == portable:
		matMulIntRef(y, stride, w, a, r0, r1)
	case t == avx512 && a.N >= tileFrom:
		matMul512(y, stride, w, a, r0, r1)
	case w.Cols < quant.BlockLenMax:
		matVecShort(y, stride, w, a, r0, r1)
	default:
		matVec(y, stride, w, a, r0, r1)
	}
}

// tileFrom is how many rows of activations make it worth turning weights into strips.
const tileFrom = 3
