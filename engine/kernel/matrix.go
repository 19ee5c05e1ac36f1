package kernel

import (
	"fmt"

	"github.com/weir-project/weir/engine/quant"
)

// Matrix is a weight matrix [Rows][Cols] in a GGUF block format, viewed in place. Data holds the rows one after the
// other, each a whole number of blocks.
type Matrix struct {
	Type       quant.Type
	Rows, Cols int
	Data       []byte
}

// rowBytes is the size of one row in bytes.
func (m Matrix) rowBytes() int { return m.Cols / m.Type.BlockLen() * m.Type.BlockBytes() }

// row is the data of row r.
func (m Matrix) row(r int) []byte {
	n := m.rowBytes()
	return m.Data[r*n:][:n:n]
}

// Slice is the view of rows r0 to r1 (exclusive): one expert, one head.
func (m Matrix) Slice(r0, r1 int) Matrix {
	n := m.rowBytes()
	return Matrix{Type: m.Type, Rows: r1 - r0, Cols: m.Cols, Data: m.Data[r0*n : r1*n : r1*n]}
}

// Job is work cut into numbered chunks. Do may run on any worker, at the same time as others of the same job, and
// is called once for each chunk. worker is below the Width of the Workers that run it, and no two calls with equal
// worker overlap: scratch may be kept by it.
type Job interface{ Do(chunk, worker int) }

// Workers runs the chunks of a job and returns when all are done.
type Workers interface {
	// Width is how many chunks may run at once.
	Width() int
	Run(chunks int, job Job)
}

// Serial is the Workers that runs every chunk on the calling goroutine, in order.
type Serial struct{}

// Width is 1.
func (Serial) Width() int { return 1 }

// Run calls job.Do for each chunk.
func (Serial) Run(chunks int, job Job) {
	for i := range chunks {
		job.Do(i, 0)
	}
}

// RowGrain says how many rows of w make a chunk of work worth handing to a worker when there are n rows of
// activations: by estimate between 20 µs and 1 ms. It is a multiple of 32, the height of a strip, unless w has
// fewer rows.
func RowGrain(w Matrix, n int) int {
	const (
		strip     = 32
		nanos     = 100_000 // a chunk's aim
		macsPerNs = 100     // of a row's arithmetic, once its weights are here
		readPerNs = 20      // bytes
	)
	perRow := max(1, w.Cols*max(n, 1)/macsPerNs, w.rowBytes()/readPerNs)
	rows := nanos / perRow / strip * strip
	return max(1, min(max(rows, strip), w.Rows))
}

// check panics if y, w and a do not fit each other: that is a mistake of the caller, never of a file, because
// whoever builds a Matrix from a file has checked its size.
func check(y []float32, stride int, w Matrix, a *Acts, r0, r1 int) {
	switch {
	case a.K != w.Cols:
		panic(fmt.Sprintf("kernel: multiply %d columns of %s by %d activations", w.Cols, w.Type, a.K))
	case r0 < 0 || r1 > w.Rows || r0 > r1:
		panic(fmt.Sprintf("kernel: rows %d to %d of %d", r0, r1, w.Rows))
	case len(w.Data) < r1*w.rowBytes():
		panic(fmt.Sprintf("kernel: %d bytes hold no %d rows of %d columns of %s", len(w.Data), r1, w.Cols, w.Type))
	case a.N > 0 && (r1 > stride && a.N > 1 || (a.N-1)*stride+r1 > len(y)):
		panic(fmt.Sprintf("kernel: %d rows of %d results at stride %d need more than %d", a.N, r1, stride, len(y)))
	}
}
