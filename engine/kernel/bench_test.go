//go:build linux

package kernel

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"

	"github.com/weir-project/weir/engine/quant"
)

// BenchmarkMatMul reports the bytes of weights read and the operations done in a second, on one core. The matrices
// do not fit the caches, so that n=1 shows how much of the memory's bandwidth is used.
func BenchmarkMatMul(b *testing.B) {
	before := using()
	defer chosen.Store(int32(before))
	for _, variant := range []string{"avx512vnni", "avx2", "go"} {
		if err := Force(variant); err != nil {
			continue
		}
		for _, typ := range quant.Types() {
			for _, n := range []int{1, 2, 4, 8, 32, 512} {
				b.Run(fmt.Sprintf("%s/%s/n=%d", variant, typ, n), func(b *testing.B) { benchmarkMatMul(b, typ, n) })
			}
		}
	}
}

// BenchmarkSet quantises 512 rows of 1536 activations, and reports values.
func BenchmarkSet(b *testing.B) {
	const n, k = 512, 1536
	x := randomRows(newRand(10), n*k)
	var a Acts
	seconds := busy(b, func() { a.Set(x, n, k) })
	b.ReportMetric(n*k/1e9/seconds, "Gvalues/s")
}

// BenchmarkFloat runs the float kernels on 1536 values.
func BenchmarkFloat(b *testing.B) {
	x, y, h := randomRows(newRand(11), 1536), randomRows(newRand(12), 1536), make([]uint16, 1536)
	for name, f := range map[string]func(){
		"Dot":     func() { Dot(x, y) },
		"DotF16":  func() { DotF16(x, h) },
		"Axpy":    func() { Axpy(x, 1e-9, y) },
		"AxpyF16": func() { AxpyF16(x, 1, h) },
		"RMSNorm": func() { RMSNorm(x, x, y, 1e-6) },
		"Softmax": func() { Softmax(x) },
		"SiLUMul": func() { SiLUMul(y, x) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportMetric(1536/1e9/busy(b, f), "Gvalues/s")
		})
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
	seconds := busy(b, func() {
		for r0 := 0; r0 < rows; r0 += grain {
			MatMul(y, rows, w, &a, r0, min(r0+grain, rows))
		}
	})
	b.ReportMetric(2*float64(rows)*cols*float64(n)/1e9/seconds, "GOPS")
	b.ReportMetric(float64(len(w.Data))/1e9/seconds, "GB/s")
}

// busy runs f as the benchmark's body and gives the time a call took by the thread's own clock, which stands still
// while the machine does something else.
func busy(b *testing.B, f func()) (seconds float64) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := threadTime(b)
	for b.Loop() {
		f()
	}
	return (threadTime(b) - before) / float64(b.N)
}

func threadTime(b *testing.B) (seconds float64) {
	const ofThread = 1 // RUSAGE_THREAD
	var r syscall.Rusage
	if err := syscall.Getrusage(ofThread, &r); err != nil {
		b.Fatal(err)
	}
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
}
