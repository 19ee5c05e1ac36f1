package gateway

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/gateway/openai"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market/route"
)

// complete runs one completion from its placement to its bill.
func (g *Gateway) complete(w http.ResponseWriter, hr *http.Request, r *request) error {
	client, leave := context.WithCancelCause(hr.Context())
	defer leave(nil)
	r.leave = leave
	ctx, cancel := context.WithTimeoutCause(client, g.config.Timeouts.Request, errTimeout)
	defer cancel()
	if err := g.place(ctx, r); err != nil {
		return err
	}
	if err := g.takeHold(ctx, r); err != nil {
		return err
	}
	defer func() {
		if !r.resolved { // a bug on the way must not lock the tenant's money
			g.void(r, "the gateway failed")
		}
	}()
	if !r.params.Stream {
		return g.whole(ctx, w, r)
	}
	return g.stream(ctx, w, r)
}

// whole answers in one piece.
func (g *Gateway) whole(ctx context.Context, w http.ResponseWriter, r *request) error {
	to := &wholeSink{}
	o, err := g.run(ctx, r, to)
	if err != nil {
		return err
	}
	b, err := g.settle(r, o)
	if err != nil {
		return err
	}
	if o.end == weir.EndCancelled {
		return context.Cause(ctx)
	}
	g.wait(b)
	answer := r.answer(o)
	h := w.Header()
	h.Set("Weir-Charge", b.charge.Nano().String())
	if !b.receipt.IsZero() {
		h.Set("Weir-Receipt", b.receipt.String())
	}
	var account any
	if r.params.Weir.Explain {
		account = r.account(o, b)
	}
	text := r.echo + to.text.String()
	if r.chat {
		return reply(w, http.StatusOK, openai.ChatCompletion{
			Answer: answer, Usage: openai.UsageOf(b.usage), Weir: account,
			Choices: []openai.ChatChoice{{
				Message:  openai.ChatMessage{Role: "assistant", Content: text},
				Logprobs: openai.ChatLogprobsOf(to.tokens), Finish: openai.FinishOf(o.end),
			}},
		})
	}
	return reply(w, http.StatusOK, openai.TextCompletion{
		Answer: answer, Usage: openai.UsageOf(b.usage), Weir: account,
		Choices: []openai.TextChoice{{
			Text: text, Logprobs: openai.TextLogprobsOf(to.tokens, 0), Finish: openai.FinishOf(o.end),
		}},
	})
}

// stream answers piece by piece.
func (g *Gateway) stream(ctx context.Context, w http.ResponseWriter, r *request) error {
	first := g.candidates(r)[0]
	chunks, err := openai.NewChunks(r.answer(&outcome{offer: first, digest: r.digestOf(first)}), r.params.Usage)
	if err != nil {
		return fault.New(fault.Internal, "begin the answer: %w", err)
	}
	to := &streamSink{
		w: w, control: http.NewResponseController(w), wait: g.config.Timeouts.Write, chunks: chunks, prefix: r.echo,
	}
	o, err := g.run(ctx, r, to)
	if err != nil {
		return err
	}
	b, err := g.settle(r, o)
	switch {
	case err != nil:
		to.start()
		return g.breakOff(to, err)
	case o.end == weir.EndCancelled && !to.begun():
		return context.Cause(ctx)
	case o.end == weir.EndCancelled:
		return g.breakOff(to, context.Cause(ctx))
	case o.end == weir.EndFailed:
		return g.breakOff(to, o.err)
	}
	return g.endStream(to, r, o, b)
}

// endStream writes what comes after the text. What mentions a receipt waits for it.
func (g *Gateway) endStream(to *streamSink, r *request, o *outcome, b *bill) error {
	to.start()
	to.buffer = to.chunks.Finish(to.buffer, o.end)
	if r.params.Usage || r.params.Weir.Explain {
		if err := to.flush(); err != nil {
			return errLeft
		}
		g.wait(b)
		var err error
		if to.buffer, err = to.chunks.Summary(to.buffer, b.usage, r.account(o, b)); err != nil {
			return g.breakOff(to, err)
		}
	}
	to.buffer = openai.Done(to.buffer)
	if err := to.flush(); err != nil {
		return errLeft
	}
	return nil
}

// errBroken says that an answer was cut and the client has been told: the body must not end
// as if it were whole.
type errBroken struct{ cause error }

func (e errBroken) Error() string { return "the answer was cut: " + e.cause.Error() }
func (e errBroken) Unwrap() error { return e.cause }

// breakOff tells the client of a failure within the stream.
func (g *Gateway) breakOff(to *streamSink, cause error) error {
	if !errors.Is(cause, errLeft) && !errors.Is(cause, context.Canceled) {
		to.buffer = openai.Failed(to.buffer, answerOf(cause))
		// If the client is gone as well, there is nobody left to tell.
		_ = to.flush()
	}
	return errBroken{cause}
}

// run tries nodes until one has answered, content has begun, or there is none left. An error
// means that the hold is released and the client has seen nothing.
func (g *Gateway) run(ctx context.Context, r *request, to sink) (*outcome, error) {
	var last error
	busy := true
	for _, c := range g.candidates(r) {
		to.reset()
		o := g.attempt(ctx, r, c, to)
		g.metrics.attempted(&o)
		if o.end != "" {
			g.suspects.clear(c.Offer.Node)
			if o.ttft > 0 {
				g.metrics.firstToken.Observe(o.ttft.Seconds())
			}
			return &o, nil
		}
		r.tries = append(r.tries, try{c.Offer.ID, c.Offer.Node, o.err.Error()})
		g.log.Warn("a node failed before the first content", "request", r.id, "node", c.Offer.Node, "err", o.err)
		last = o.err
		if fault.KindOf(last) == fault.Invalid {
			break
		}
		if fault.KindOf(last) != fault.NoCapacity {
			g.suspects.add(c.Offer.Node, g.config.Now())
			busy = false
		}
	}
	g.void(r, "no node answered")
	switch {
	case fault.KindOf(last) == fault.Invalid:
		return nil, last
	case busy:
		return nil, fault.New(fault.NoCapacity, "all %d nodes tried are busy: %w", len(r.tries), last)
	}
	return nil, fault.New(fault.Unavailable, "%d nodes tried: %w", len(r.tries), last)
}

// wait gives the exchange time to take a settlement; it goes on in the background after that.
func (g *Gateway) wait(b *bill) {
	if b.settled == nil {
		return
	}
	t := time.NewTimer(g.config.Timeouts.Exchange)
	defer t.Stop()
	select {
	case <-b.settled:
	case <-t.C:
	}
}

// left is the time until ctx ends.
func (g *Gateway) left(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return g.config.Timeouts.Request
	}
	return max(time.Until(deadline), 1)
}

func (r *request) digestOf(c route.Candidate) string {
	card, _ := cardOf(r.nodes[c.Offer.Node], c.Offer.Model)
	return card.Digest
}

// answer heads the answer of an outcome.
func (r *request) answer(o *outcome) openai.Answer {
	fingerprint := ""
	const shown = 12
	if len(o.digest) >= shown {
		fingerprint = "fp_" + o.digest[:shown]
	}
	return openai.NewAnswer(r.id.String(), r.chat, r.started.Unix(), r.params.Model, fingerprint)
}
