package engine

import (
	"context"
	"time"

	"github.com/weir-project/weir/engine/arch"
	"github.com/weir-project/weir/engine/kv"
	"github.com/weir-project/weir/internal/fault"
)

// Measure times a bare generation without sampling: a prompt of depth tokens that is not
// timed, then prompt tokens in passes, then generate tokens one by one. It returns the time
// of the last two.
func (m *Model) Measure(ctx context.Context, depth, prompt, generate int) (time.Duration, error) {
	m.pass.Lock()
	defer m.pass.Unlock()
	cache, err := kv.New(m.arch.CacheGeometry(m.opts.Cache), m.opts.Context)
	if err != nil {
		return 0, err
	}
	s := &stretch{m: m, cache: cache, logits: make([]float32, m.arch.Vocab)}
	if err := s.feed(ctx, depth, m.opts.BatchRows); err != nil {
		return 0, err
	}
	started := time.Now()
	if err := s.feed(ctx, prompt, m.opts.BatchRows); err != nil {
		return 0, err
	}
	if err := s.feed(ctx, generate, 1); err != nil {
		return 0, err
	}
	return time.Since(started), nil
}

// stretch is a sequence of arbitrary tokens under measurement.
type stretch struct {
	m      *Model
	cache  *kv.Cache
	rows   []arch.Row
	logits []float32
	pos    int
}

// feed runs n more tokens in passes of at most rows; the last token of a stretch, or each
// one of single-row passes, gets logits.
func (s *stretch) feed(ctx context.Context, n, rows int) error {
	for n > 0 {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		k := min(n, rows)
		if err := s.cache.Grow(s.pos + k); err != nil {
			return err
		}
		s.rows = s.rows[:0]
		for i := range k {
			// Any token will do; a walk over the vocabulary avoids reading one row again.
			id := int32((s.pos + i) * 7919 % s.m.arch.Vocab)
			s.rows = append(s.rows, arch.Row{Token: id, Pos: s.pos + i, Cache: s.cache, Logits: i == k-1 && (k == n || rows == 1)})
		}
		if err := s.m.runner.Eval(s.rows, s.logits); err != nil {
			return err
		}
		s.pos, n = s.pos+k, n-k
	}
	return nil
}

// Logits returns the logits after each of the given positions of a sequence, ascending:
// [len(positions)][vocab]. each, if not nil, is called instead with every row as it comes,
// so that a long text needs no memory for all of them.
func (m *Model) Logits(ctx context.Context, tokens []int32, positions []int, each func(position int, logits []float32) error) ([]float32, error) {
	if len(tokens) == 0 || len(tokens) > m.opts.Context {
		return nil, fault.New(fault.Invalid, "%d tokens: want 1 to %d, the context", len(tokens), m.opts.Context)
	}
	m.pass.Lock()
	defer m.pass.Unlock()
	cache, err := kv.New(m.arch.CacheGeometry(m.opts.Cache), len(tokens))
	if err != nil {
		return nil, err
	}
	if err := cache.Grow(len(tokens)); err != nil {
		return nil, err
	}
	var all []float32
	if each == nil {
		all = make([]float32, 0, len(positions)*m.arch.Vocab)
		each = func(_ int, logits []float32) error {
			all = append(all, logits...)
			return nil
		}
	}
	buf := make([]float32, m.opts.BatchRows*m.arch.Vocab)
	for from := 0; from < len(tokens); from += m.opts.BatchRows {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		var rows []arch.Row
		var wanted []int
		for i := from; i < min(from+m.opts.BatchRows, len(tokens)); i++ {
			want := len(positions) > 0 && positions[0] == i
			if want {
				wanted, positions = append(wanted, i), positions[1:]
			}
			rows = append(rows, arch.Row{Token: tokens[i], Pos: i, Cache: cache, Logits: want})
		}
		if err := m.runner.Eval(rows, buf); err != nil {
			return nil, err
		}
		for i, pos := range wanted {
			if err := each(pos, buf[i*m.arch.Vocab:][:m.arch.Vocab]); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}
