// Package device measures what a machine can do for a model: how fast it reads memory, how fast it multiplies int8
// matrices, and how fast given models run on it. The first bounds decoding, the second prefill.
//
// Measurements are short and the best of a few, since whatever else runs on a machine only ever makes it look
// slower. They are kept in a file and hold as long as the processor, its use and the program stay the same.
package device

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/klauspost/cpuid/v2"
	"github.com/shirou/gopsutil/v4/mem"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/engine/kernel"
	"github.com/weir-project/weir/engine/quant"
	"github.com/weir-project/weir/internal/invariant"
)

// Bounds of a measurement.
const (
	bufferBytes = 256 << 20 // beyond any cache but the largest
	readRounds  = 32
	readBudget  = 1200 * time.Millisecond
	gemmRows    = 2048
	gemmCols    = 2048
	gemmBatch   = 64
	gemmRounds  = 40
	gemmBudget  = 600 * time.Millisecond
	stretchAim  = 150 * time.Millisecond // a timing this long is not noise
	prefillMax  = 512
	decodeMax   = 64
)

// Facts describe the machine without measuring it. Its rates are zero.
func Facts() weir.DeviceCard {
	c := weir.DeviceCard{CPU: strings.TrimSpace(cpuid.CPU.BrandName), Cores: runtime.GOMAXPROCS(0), Kernels: kernels()}
	if c.CPU == "" {
		c.CPU = runtime.GOARCH // arm64 tells no name to programs
	}
	if m, err := mem.VirtualMemory(); err == nil { // a container may hide it: then it stays unknown
		c.MemoryBytes = int64(m.Total)
	}
	return c
}

// kernels names the instruction set that multiplies matrices.
func kernels() string {
	for _, v := range kernel.Variants() {
		if v.Kernel == "matmul "+quant.Q8_0.String() {
			return v.Chosen
		}
	}
	return "unknown"
}

// ReadBandwidth is how many bytes per second all workers together read from memory.
func ReadBandwidth(ctx context.Context, workers kernel.Workers) float64 {
	size := int64(bufferBytes)
	if m, err := mem.VirtualMemory(); err == nil {
		size = min(size, int64(m.Available)/4)
	}
	r := &reader{buffer: make([]uint64, size/8), width: workers.Width(), sums: make([]paddedSum, workers.Width())}
	for i := range r.buffer {
		r.buffer[i] = uint64(i) // touched, so that every page is there
	}
	best := fastest(ctx, readRounds, readBudget, func() { workers.Run(r.width, r) })
	// The buffer is as large as everything else in the process: give it back at once.
	r.buffer = nil
	debug.FreeOSMemory()
	if best == 0 {
		return 0
	}
	return float64(size) / best.Seconds()
}

// reader sums its share of a buffer for each chunk.
type reader struct {
	buffer []uint64
	width  int
	sums   []paddedSum
}

type paddedSum struct {
	v uint64
	_ [56]byte // so that workers do not share a cache line
}

func (r *reader) Do(chunk, worker int) {
	share := len(r.buffer) / r.width
	b := r.buffer[chunk*share:][:share]
	var s0, s1, s2, s3 uint64
	for ; len(b) >= 8; b = b[8:] {
		s0 += b[0] + b[4]
		s1 += b[1] + b[5]
		s2 += b[2] + b[6]
		s3 += b[3] + b[7]
	}
	r.sums[worker].v += s0 + s1 + s2 + s3
}

// Int8Rate is how many int8 operations per second all workers together do in the product of a Q8_0 matrix and a
// batch of activations. A multiplication with its addition counts as 2.
func Int8Rate(ctx context.Context, workers kernel.Workers) float64 {
	random := rand.New(rand.NewPCG(1, 2))
	values := make([]float32, gemmCols)
	w := kernel.Matrix{Type: quant.Q8_0, Rows: gemmRows, Cols: gemmCols}
	rowBytes := gemmCols / quant.Q8_0.BlockLen() * quant.Q8_0.BlockBytes()
	w.Data = make([]byte, gemmRows*rowBytes)
	for row := range gemmRows {
		for i := range values {
			values[i] = float32(random.NormFloat64())
		}
		err := quant.Quantize(w.Data[row*rowBytes:][:rowBytes], quant.Q8_0, values)
		invariant.Check(err == nil, "quantize normal numbers: %v", err)
	}
	x := make([]float32, gemmBatch*gemmCols)
	for i := range x {
		x[i] = float32(random.NormFloat64())
	}
	p := &product{w: w, y: make([]float32, gemmBatch*gemmRows), grain: kernel.RowGrain(w, gemmBatch)}
	p.acts.Set(x, gemmBatch, gemmCols)
	chunks := (gemmRows + p.grain - 1) / p.grain
	best := fastest(ctx, gemmRounds, gemmBudget, func() { workers.Run(chunks, p) })
	if best == 0 {
		return 0
	}
	return 2 * gemmRows * gemmCols * gemmBatch / best.Seconds()
}

// product multiplies some rows for each chunk.
type product struct {
	w     kernel.Matrix
	acts  kernel.Acts
	y     []float32
	grain int
}

func (p *product) Do(chunk, _ int) {
	from := chunk * p.grain
	kernel.MatMul(p.y, p.w.Rows, p.w, &p.acts, from, min(from+p.grain, p.w.Rows))
}

// fastest is the shortest of at most rounds calls of f, fewer when the budget or ctx ends; 0 if there was none.
func fastest(ctx context.Context, rounds int, budget time.Duration, f func()) (best time.Duration) {
	for started := time.Now(); rounds > 0 && ctx.Err() == nil && (best == 0 || time.Since(started) < budget); rounds-- {
		t := time.Now()
		f()
		if d := time.Since(t); best == 0 || d < best {
			best = d
		}
	}
	return best
}

// Timed is a model that can be timed; the engine's can.
type Timed interface {
	// Measure is the time of prompt tokens in batches and generate tokens one by one, after depth untimed ones.
	Measure(ctx context.Context, depth, prompt, generate int) (time.Duration, error)
}

// Rates of one model, in tokens per second.
type Rates struct {
	Decode  float64 `json:"decode"`
	Prefill float64 `json:"prefill"`
}

// RatesOf times a model whose context holds the given number of tokens. Each stretch is doubled until it is long
// enough to trust, or ctx ends; an error means that there was not time for even the shortest.
func RatesOf(ctx context.Context, m Timed, tokens int) (r Rates, err error) {
	r.Prefill, err = rate(16, min(prefillMax, tokens), func(n int) (time.Duration, error) { return m.Measure(ctx, 0, n, 0) })
	if err != nil {
		return Rates{}, fmt.Errorf("time the prefill: %w", err)
	}
	r.Decode, err = rate(2, min(decodeMax, tokens), func(n int) (time.Duration, error) { return m.Measure(ctx, 0, 0, n) })
	if err != nil {
		return Rates{}, fmt.Errorf("time the decoding: %w", err)
	}
	return r, nil
}

// rate is n per second for the smallest n, from first by doubling to at most limit, that takes long enough.
func rate(first, limit int, measure func(n int) (time.Duration, error)) (perSecond float64, err error) {
	for n := min(first, limit); ; n = min(2*n, limit) {
		d, err := measure(n)
		if err != nil && perSecond > 0 {
			return perSecond, nil // a shorter stretch was timed before
		}
		if err != nil {
			return 0, err
		}
		perSecond = float64(n) / max(d, time.Nanosecond).Seconds()
		if d >= stretchAim || n == limit {
			return perSecond, nil
		}
	}
}
