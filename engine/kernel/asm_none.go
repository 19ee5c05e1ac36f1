//go:build purego || !amd64

package kernel

import "github.com/weir-project/weir/engine/quant"

// missing says why a tier cannot be used, or nothing if it can.
func missing(t tier) string {
	if t == portable {
		return ""
	}
	return "this build has no assembly"
}

func dot(a, b []float32) float32                          { return dotRef(a, b) }
func axpy(y []float32, s float32, x []float32)            { axpyRef(y, s, x) }
func dotF16(a []float32, b []uint16) float32              { return dotF16Ref(a, b) }
func axpyF16(y []float32, s float32, x []uint16)          { axpyF16Ref(y, s, x) }
func dotRows(dst, a, b []float32, stride int)             { dotRowsRef(dst, a, b, stride) }
func dotRowsF16(dst, a []float32, b []uint16, stride int) { dotRowsF16Ref(dst, a, b, stride) }
func axpyRows(y, s, x []float32, stride int)              { axpyRowsRef(y, s, x, stride) }
func axpyRowsF16(y, s []float32, x []uint16, stride int)  { axpyRowsF16Ref(y, s, x, stride) }
func toF16(dst []uint16, x []float32)                     { toF16Ref(dst, x) }
func rmsNorm(dst, x, w []float32, eps float32)            { rmsNormRef(dst, x, w, eps) }
func softmax(x []float32)                                 { softmaxRef(x) }
func siluMul(gate, up []float32)                          { siluMulRef(gate, up) }
func add(y, x []float32)                                  { addRef(y, x) }
func quantize(to quants, x []float32)                     { quantizeRef(to, x) }

func matMulInt(y []float32, stride int, w Matrix, a *Acts, r0, r1 int) {
	matMulIntRef(y, stride, w, a, r0, r1)
}

func expand(dst []float32, t quant.Type, src []byte) { expandRef(dst, t, src) }

func dotColumns(y []float32, stride int, parts [][]float32, x []float32, k, n int) {
	dotColumnsRef(y, stride, parts, x, k, n)
}
