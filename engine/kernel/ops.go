package kernel

import "fmt"

// Dot is Σ a[i]·b[i]. b must be at least as long as a; the same holds for the second operand everywhere below.
func Dot(a, b []float32) float32 { return dot(a, b) }

// Axpy adds s·x to y.
func Axpy(y []float32, s float32, x []float32) { axpy(y, s, x) }

// DotF16 is Dot with IEEE binary16 values on one side.
func DotF16(a []float32, b []uint16) float32 { return dotF16(a, b) }

// AxpyF16 is Axpy with IEEE binary16 values.
func AxpyF16(y []float32, s float32, x []uint16) { axpyF16(y, s, x) }

// DotRows sets dst[t] to the Dot of a and the len(a) values of b from t*stride on: a query against the keys of a page.
func DotRows(dst, a, b []float32, stride int) {
	checkRows(len(dst), len(a), len(b), stride)
	dotRows(dst, a, b, stride)
}

// DotRowsF16 is DotRows for IEEE binary16 values.
func DotRowsF16(dst, a []float32, b []uint16, stride int) {
	checkRows(len(dst), len(a), len(b), stride)
	dotRowsF16(dst, a, b, stride)
}

// AxpyRows adds s[t] times the len(y) values of x from t*stride on to y, for t in order, with the result of as many
// calls of Axpy: it mixes the values of a page.
func AxpyRows(y, s, x []float32, stride int) {
	checkRows(len(s), len(y), len(x), stride)
	axpyRows(y, s, x, stride)
}

// AxpyRowsF16 is AxpyRows for IEEE binary16 values.
func AxpyRowsF16(y, s []float32, x []uint16, stride int) {
	checkRows(len(s), len(y), len(x), stride)
	axpyRowsF16(y, s, x, stride)
}

// checkRows panics unless so many rows of n values fit.
func checkRows(rows, n, have, stride int) {
	if rows > 0 && (stride < 0 || (rows-1)*stride+n > have) {
		panic(fmt.Sprintf("kernel: %d rows of %d values at stride %d need more than %d", rows, n, stride, have))
	}
}

// ToF16 rounds x to IEEE binary16, nearest even; magnitudes from 65520 become infinite.
func ToF16(dst []uint16, x []float32) { toF16(dst, x) }

// RMSNorm sets dst to x / sqrt(mean(x²) + eps) · w, with the mean in float64. dst may be x.
func RMSNorm(dst, x, w []float32, eps float32) { rmsNorm(dst, x, w, eps) }

// Softmax replaces x by exp(x - max x) over its sum. If x holds NaN or +Inf, or nothing above -Inf, all of it
// becomes NaN. Values below 2^-126 of the largest may become 0.
func Softmax(x []float32) { softmax(x) }

// SiLUMul sets gate to gate / (1 + exp(-gate)) · up. It is exact to 1e-6 of the result, or 1e-35 where gate is below
// -80; at -Inf it is -Inf or NaN.
func SiLUMul(gate, up []float32) { siluMul(gate, up) }

// Add adds x to y.
func Add(y, x []float32) { add(y, x) }
