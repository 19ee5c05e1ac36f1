package kernel

import (
	"fmt"
	"testing"

	"github.com/weir-project/weir/engine/quant"
)

// BenchmarkMatMul reports the bytes of weights read and the operations done in a second, on one core. The matrices
// do not fit the caches, so that n=1 shows how much of the memory's bandwidth is used.
func BenchmarkMatMul(b *testing.B) {
	for _, typ := range quant.Types() {
		for _, n := range []int{1, 2, 4, 8, 32, 512} {
			b.Run(fmt.Sprintf("%s/n=%d", typ, n), func(b *testing.B) { benchmarkMatMul(b, typ, n) })
		}
	}
}

func benchmarkMatMul(b *testing.B, typ quant.Type, n int) {
	const cols = 1536
	rows := 512
	if n <= 8 {
		rows = 64 << 20 / (cols / typ.BlockLen() * typ.BlockBytes())
	}
	r := newRand(9)
	block := randomMatrix(r, typ, 1, cols)
	w := Matrix{Type: typ, Rows: rows, Cols: cols}
	for range rows {
		w.Data = append(w.Data, block.Data...)
	}
	var a Acts
	a.Set(randomRows(r, n*cols), n, cols)
	y := make([]float32, n*rows)
	grain := RowGrain(w, n)
	for b.Loop() {
		for r0 := 0; r0 < rows; r0 += grain {
			MatMul(y, rows, w, &a, r0, min(r0+grain, rows))
		}
	}
	ops := 2 * float64(rows) * cols * float64(n) * float64(b.N)
	b.ReportMetric(ops/1e9/b.Elapsed().Seconds(), "GOPS")
	b.ReportMetric(float64(len(w.Data))*float64(b.N)/1e9/b.Elapsed().Seconds(), "GB/s")
}
