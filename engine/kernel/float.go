package kernel

import (
	"math"

	"github.com/weir-project/weir/engine/quant"
)

// The definitions of the float kernels. Where they sum, they use several partial sums, so that the error grows with
// the length of one of them.

const lanes = 16

func dotRef(a, b []float32) float32 {
	var sum [lanes]float32
	b = b[:len(a)]
	n := len(a) / lanes * lanes
	for i := 0; i < n; i += lanes {
		x, y := a[i:][:lanes], b[i:][:lanes]
		for l := range sum {
			sum[l] += float32(x[l] * y[l])
		}
	}
	for i := n; i < len(a); i++ {
		sum[i-n] += float32(a[i] * b[i])
	}
	return tree(&sum)
}

// tree adds the partial sums pairwise.
func tree(sum *[lanes]float32) float32 {
	for half := lanes / 2; half > 0; half /= 2 {
		for i := range half {
			sum[i] += sum[i+half]
		}
	}
	return sum[0]
}

func axpyRef(y []float32, s float32, x []float32) {
	x = x[:len(y)]
	for i := range y {
		y[i] += float32(s * x[i])
	}
}

func dotF16Ref(a []float32, b []uint16) float32 {
	var sum [lanes]float32
	b = b[:len(a)]
	for i := range a {
		sum[i%lanes] += float32(a[i] * quant.F16ToF32(b[i]))
	}
	return tree(&sum)
}

func axpyF16Ref(y []float32, s float32, x []uint16) {
	x = x[:len(y)]
	for i := range y {
		y[i] += float32(s * quant.F16ToF32(x[i]))
	}
}

func dotRowsRef(dst, a, b []float32, stride int) {
	for t := range dst {
		dst[t] = Dot(a, b[t*stride:][:len(a)])
	}
}

func dotRowsF16Ref(dst, a []float32, b []uint16, stride int) {
	for t := range dst {
		dst[t] = DotF16(a, b[t*stride:][:len(a)])
	}
}

func axpyRowsRef(y, s, x []float32, stride int) {
	for t, v := range s {
		Axpy(y, v, x[t*stride:][:len(y)])
	}
}

func axpyRowsF16Ref(y, s []float32, x []uint16, stride int) {
	for t, v := range s {
		AxpyF16(y, v, x[t*stride:][:len(y)])
	}
}

func toF16Ref(dst []uint16, x []float32) {
	dst = dst[:len(x)]
	for i := range x {
		dst[i] = quant.F32ToF16(x[i])
	}
}

func rmsNormRef(dst, x, w []float32, eps float32) {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	scaleByRef(dst, x, w, rmsScale(sum, len(x), eps))
}

// rmsScale is 1 over the root of the mean of n squares, whose sum is given, plus eps.
func rmsScale(sum float64, n int, eps float32) float32 {
	return float32(1 / math.Sqrt(sum/float64(n)+float64(eps)))
}

func scaleByRef(dst, x, w []float32, scale float32) {
	dst, w = dst[:len(x)], w[:len(x)]
	for i, v := range x {
		dst[i] = float32(v*scale) * w[i]
	}
}

func softmaxRef(x []float32) {
	top := float32(math.Inf(-1))
	for _, v := range x {
		top = max(top, v)
	}
	var sum float64
	for i, v := range x {
		x[i] = float32(math.Exp(float64(v - top)))
		sum += float64(x[i])
	}
	scale := float32(1 / sum)
	for i := range x {
		x[i] *= scale
	}
}

func siluMulRef(gate, up []float32) {
	up = up[:len(gate)]
	for i, g := range gate {
		gate[i] = float32(g/float32(1+math.Exp(-float64(g)))) * up[i]
	}
}

func addRef(y, x []float32) {
	x = x[:len(y)]
	for i := range y {
		y[i] += x[i]
	}
}
