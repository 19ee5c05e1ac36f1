package device

import "github.com/klauspost/cpuid/v2"

// Kernels names the instruction set that the engine's kernels use on this CPU.
func Kernels() string {
	c := cpuid.CPU
	switch {
	case c.Supports(cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL, cpuid.AVX512VNNI, cpuid.AVX2, cpuid.FMA3):
		return "avx512vnni"
	case c.Supports(cpuid.AVX2, cpuid.FMA3):
		return "avx2"
	}
	return "go"
}
