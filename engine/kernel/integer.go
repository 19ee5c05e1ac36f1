package kernel

import "github.com/weir-project/weir/engine/quant"

// Integer reports whether MatMul multiplies weights of type t by the int8 form of the activations. The others take
// the float32 form, without rounding.
func Integer(t quant.Type) bool { return integer(t) }

// Residual writes what rounding took from the rows of a: x[i] = X[i] - D·Q[i], [N][K]. Prepared and multiplied in
// its turn and added to the first product, it makes the activations about 15 bits wide.
func (a *Acts) Residual(x []float32) {
	for i := range a.N {
		row := a.row(i)
		for c, v := range a.X[i*a.K:][:a.K] {
			x[i*a.K+c] = v - float32(row.d[c/groupLen]*float32(row.q[c]))
		}
	}
}
