package convert

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/weir-project/weir/engine/gguf"
	"github.com/weir-project/weir/engine/quant"
)

// Options of Quantize. Threads below one mean one.
type Options struct {
	Threads int
	// Requantize allows sources that are quantised already. Their error adds to the new one.
	Requantize bool
	// Progress, if set, is told how many of the values of all matrices are written.
	Progress func(done, total int64)
}

// Quantize plans a copy of f with its matrices in the types of m. The work is done by WriteTo of the result, which
// fails where a value is not finite and when ctx ends; f must stay open until then. It refuses a quantised source
// unless o.Requantize is set, and a file without weights.
func Quantize(ctx context.Context, f *gguf.File, m Mix, o Options) (*gguf.Writer, error) {
	if len(f.Tensors) == 0 {
		return nil, fmt.Errorf("the file holds no weights")
	}
	w := gguf.MetadataOnly(f)
	w.Set("general.file_type", m.FileType)
	w.Set("general.quantization_version", uint32(2))
	q := quantizer{stopped: ctx.Err, threads: max(1, o.Threads), progress: o.Progress}
	p := newPlan(f, m)
	for i := range f.Tensors {
		t := &f.Tensors[i]
		to := p.typeOf(t)
		if to == t.Type {
			w.AddFrom(t.Name, t.Type, t.Shape, func(out io.Writer) error { return q.copy(out, t) })
		} else {
			if !plain(t.Type) && !o.Requantize {
				return nil, fmt.Errorf("tensor %s is %s already: quantise the original, or allow it to be done twice (its errors add up)", t.Name, t.Type)
			}
			w.AddFrom(t.Name, to, t.Shape, func(out io.Writer) error { return q.convert(out, t, to) })
		}
		q.total += int64(t.Rows()) * int64(t.Cols())
	}
	return w, nil
}

// plain reports whether a type holds floating-point numbers as they are.
func plain(t quant.Type) bool { return t == quant.F32 || t == quant.F16 || t == quant.BF16 }

// quantizer converts one tensor after another.
type quantizer struct {
	stopped     func() error
	threads     int
	progress    func(done, total int64)
	done, total int64
}

func (q *quantizer) advance(values int) {
	q.done += int64(values)
	if q.progress != nil {
		q.progress(q.done, q.total)
	}
}

func (q *quantizer) copy(out io.Writer, t *gguf.Tensor) error {
	if err := q.stopped(); err != nil {
		return fmt.Errorf("stopped: %w", err)
	}
	if _, err := out.Write(t.Data); err != nil {
		return err
	}
	q.advance(t.Rows() * t.Cols())
	return nil
}

// strip is how many values one worker converts at a time: enough to make its start cheap, few enough for the caches.
const strip = 1 << 18

// convert writes t in another type, a strip of rows a worker.
func (q *quantizer) convert(out io.Writer, t *gguf.Tensor, to quant.Type) error {
	cols := t.Cols()
	rows := max(1, strip/cols)
	workers := make([]worker, q.threads)
	for row := 0; row < t.Rows(); {
		if err := q.stopped(); err != nil {
			return fmt.Errorf("stopped: %w", err)
		}
		var group sync.WaitGroup
		used := 0
		for ; used < len(workers) && row < t.Rows(); used++ {
			n := min(rows, t.Rows()-row)
			w, from := &workers[used], row
			group.Go(func() { w.err = w.convert(t, to, from, n) })
			row += n
		}
		group.Wait()
		for i := range workers[:used] {
			if err := workers[i].err; err != nil {
				return err
			}
			if _, err := out.Write(workers[i].dst); err != nil {
				return err
			}
			q.advance(len(workers[i].values))
		}
	}
	return nil
}

// worker holds what one strip needs.
type worker struct {
	values []float32
	dst    []byte
	err    error
}

// convert reads n rows of t and keeps their blocks of type to in dst.
func (w *worker) convert(t *gguf.Tensor, to quant.Type, row, n int) error {
	cols := t.Cols()
	w.values = grown(w.values, n*cols)
	size, err := quant.RowBytes(to, cols)
	if err != nil {
		return err
	}
	w.dst = grown(w.dst, n*size)
	old := len(t.Data) / t.Rows()
	quant.Dequantize(w.values, t.Type, t.Data[row*old:(row+n)*old])
	if err := quant.Quantize(w.dst, to, w.values); err != nil {
		return fmt.Errorf("rows from %d: %w", row, err)
	}
	return nil
}

// grown is s with length n, its contents unspecified.
func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
