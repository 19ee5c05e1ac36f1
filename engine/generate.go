package engine

import (
	"context"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/engine/sample"
	"github.com/weir-project/weir/internal/fault"
)

// Request is one generation.
type Request struct {
	Prompt     []int32
	MaxTokens  int // 0: as the context allows
	Sampling   weir.Sampling
	Stop       []string // the text ends before the first of these
	Logprobs   bool
	Top        int        // alternatives per token beside the chosen one, 0..20
	Constraint Constraint // nil: free text
}

// Constraint limits which token may come next. It belongs to one generation.
type Constraint interface {
	// Mask sets dst to the tokens that may follow.
	Mask(dst sample.Mask)
	// Accept records that id followed.
	Accept(id int32) error
	// Done reports that nothing more may follow.
	Done() bool
}

// Event is progress of a generation. Text is whole characters and may lag behind Tokens, by
// what could still become a stop string.
type Event struct {
	Tokens   []int32
	Text     string
	Logprobs []weir.TokenLogprob
}

// Result says what a generation used and how it ended.
type Result struct {
	Usage    weir.Usage
	End      weir.End
	TTFT     time.Duration // from the call to the first token
	Duration time.Duration
}

// Limits of a request.
const (
	stopsMax     = 16
	stopBytesMax = 256
	topMax       = 20
)

// Generate runs one request and calls emit for each token, on the calling goroutine. When
// ctx ends or emit fails, generation stops within one forward pass and the result says what
// had been used; only emit's own error is returned then.
func (m *Model) Generate(ctx context.Context, r Request, emit func(Event) error) (Result, error) {
	started := time.Now()
	s, err := m.newSequence(r)
	if err != nil {
		return Result{}, err
	}
	if err := m.loop.submit(s); err != nil {
		return Result{}, err
	}
	var res Result
	var failed error
	for {
		var e step
		select {
		case e = <-s.out:
		case <-m.loop.done:
			return res, errClosed
		case <-ctx.Done():
			if m.loop.cancel(s) {
				return Result{End: weir.EndCancelled, Duration: time.Since(started)}, nil
			}
			e = <-s.out
		}
		if len(e.event.Tokens) > 0 && res.TTFT == 0 {
			res.TTFT = time.Since(started)
		}
		cancelled := failed != nil || ctx.Err() != nil
		if !cancelled && (len(e.event.Tokens) > 0 || e.event.Text != "") {
			if failed = emit(e.event); failed != nil {
				m.loop.cancel(s)
				cancelled = true
			} else {
				res.Usage.Output += weir.Tokens(len(e.event.Tokens))
			}
		}
		m.loop.nudge() // there is room in out again
		if e.end == "" && e.err == nil {
			continue
		}
		res.Usage.Input, res.End, res.Duration = weir.Tokens(e.prompt), e.end, time.Since(started)
		if cancelled {
			res.End = weir.EndCancelled
			return res, failed
		}
		return res, e.err
	}
}

// check refuses what cannot be generated, with the numbers.
func (m *Model) check(r *Request) error {
	n, limit := len(r.Prompt), m.opts.Context
	switch {
	case n == 0:
		return fault.New(fault.Invalid, "the prompt is empty")
	case n >= limit:
		return fault.New(fault.Invalid, "the prompt has %d tokens: the context of %s holds %d, at least one of them for the answer", n, m.card.Name, limit)
	case r.MaxTokens < 0:
		return fault.New(fault.Invalid, "max_tokens is %d: want 1 or more", r.MaxTokens)
	case r.Top < 0 || r.Top > topMax:
		return fault.New(fault.Invalid, "top_logprobs is %d: want 0 to %d", r.Top, topMax)
	case len(r.Stop) > stopsMax:
		return fault.New(fault.Invalid, "%d stop strings: at most %d", len(r.Stop), stopsMax)
	}
	for _, s := range r.Stop {
		if s == "" || len(s) > stopBytesMax {
			return fault.New(fault.Invalid, "a stop string of %d bytes: want 1 to %d", len(s), stopBytesMax)
		}
	}
	for _, id := range r.Prompt {
		if id < 0 || int(id) >= m.arch.Vocab {
			return fault.New(fault.Invalid, "token %d is outside the vocabulary of %d", id, m.arch.Vocab)
		}
	}
	return nil
}
