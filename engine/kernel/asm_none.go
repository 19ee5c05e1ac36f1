//go:build purego || !amd64

package kernel

// missing says why a tier cannot be used, or nothing if it can.
func missing(t tier) string {
	if t == portable {
		return ""
	}
	return "this build has no assembly"
}

func quantize(to quants, x []float32) { quantizeRef(to, x) }

func matMulInt(y []float32, stride int, w Matrix, a *Acts, r0, r1 int) {
	matMulIntRef(y, stride, w, a, r0, r1)
}
