package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market/meter"
	"github.com/weir-project/weir/market/receipt"
	"github.com/weir-project/weir/market/route"
)

// sink takes what a node generates to the client.
type sink interface {
	// content takes text with the log-probabilities of its tokens. An error means that the
	// client is gone.
	content(text string, tokens []weir.TokenLogprob) error
	// flush sends what content took.
	flush() error
	// begun reports whether the client has seen content, so that it cannot be taken back.
	begun() bool
	// reset forgets what content took; only before begun.
	reset()
}

// outcome is what became of a request on one node.
type outcome struct {
	offer     route.Candidate
	digest    string            // of the model file
	delivered weir.Tokens       // the gateway's count
	end       weir.End          // "" if it failed before its first content
	claim     *weir.SignedClaim // valid, or nil
	claimed   weir.Usage        // what claim says
	ttft      time.Duration     // from the gateway's view; 0: no token
	duration  time.Duration
	err       error // why it failed
}

// errSilent is why a node is given up that sends nothing.
var errSilent = fault.New(fault.Unavailable, "the node is silent for too long: %w", context.DeadlineExceeded)

// errLost is why a node is given up whose heartbeats stopped.
var errLost = fault.New(fault.Unavailable, "the node was lost: its heartbeats stopped and it does not answer")

// errLeft is why a request was stopped whose client went away.
var errLeft = errors.New("the client went away")

// attempt runs the request on one node and counts what the client gets. ctx ends when the
// client leaves or the request has taken too long; the node is then told to stop.
func (g *Gateway) attempt(ctx context.Context, r *request, c route.Candidate, to sink) outcome {
	node := r.nodes[c.Offer.Node]
	card, _ := cardOf(node, c.Offer.Model)
	a := &attempt{
		gateway: g, request: r, node: node, to: to,
		outcome: outcome{offer: c, digest: card.Digest},
	}
	a.run(ctx)
	a.duration = max(g.config.Now().Sub(r.started), a.ttft)
	return a.outcome
}

// attempt is a request while it runs on one node.
type attempt struct {
	outcome
	gateway *Gateway
	request *request
	node    weir.Heartbeat
	to      sink
	waiting []weir.TokenLogprob // of tokens whose text has not come yet
	events  atomic.Int64        // received, for watch
}

func (a *attempt) run(ctx context.Context) {
	g := a.gateway
	body, err := json.Marshal(a.request.generateRequest(a.offer, a.digest, g.left(ctx)))
	if err != nil {
		a.fail(fault.New(fault.Internal, "encode the request to a node: %w", err))
		return
	}
	// The call outlives ctx for as long as the node needs to confirm that it stopped.
	life, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	var last weir.GenerateEvent
	cancelled := make(chan struct{})
	stay := context.AfterFunc(ctx, func() {
		defer close(cancelled)
		var err error
		if last, err = g.cancelOn(a.node.URL, a.request.id); err != nil {
			g.log.Info("a node did not confirm a cancellation", "request", a.request.id, "node", a.node.Node, "err", err)
		}
		stop(errLeft)
	})
	go a.watch(life, stop)
	a.stream(ctx, life, body)
	if a.end == weir.EndStop || a.end == weir.EndLength {
		stay()
		return
	}
	if stay() || ctx.Err() == nil {
		return
	}
	<-cancelled
	a.end = weir.EndCancelled
	if a.claim == nil && last.Claim != nil {
		a.accept(last.Claim)
	}
}

// watchEvery is how often a running call is looked after.
const watchEvery = 250 * time.Millisecond

// watch ends the call when the node is silent for too long, or is silent, lost by the pool and
// does not answer a probe: a node that hangs, or a line that was cut without a word, breaks no
// connection. Lost heartbeats alone end nothing, since it may be the bus that is down.
func (a *attempt) watch(life context.Context, stop context.CancelCauseFunc) {
	ticks := time.NewTicker(watchEvery)
	defer ticks.Stop()
	seen, since := int64(0), a.gateway.config.Now()
	for {
		select {
		case <-life.Done():
			return
		case <-ticks.C:
		}
		now := a.gateway.config.Now()
		limit := a.gateway.config.Timeouts.Token
		switch n := a.events.Load(); {
		case n != seen:
			seen, since = n, now
			continue
		case n == 0:
			limit = a.gateway.config.Timeouts.FirstToken
		}
		if now.Sub(since) >= limit {
			stop(errSilent)
			return
		}
		if !a.gateway.view.Alive(a.node.Node, a.node.Epoch, weir.InstantOf(now)) && !a.gateway.probe(life, a.node.URL) {
			stop(errLost)
			return
		}
	}
}

// stream calls the node and passes on its events until the end, a failure, or the end of ctx.
func (a *attempt) stream(ctx, life context.Context, body []byte) {
	s, err := a.gateway.generate(life, a.node.URL, body)
	if err != nil {
		a.fail(because(life, err))
		return
	}
	defer func() { s.close(a.err == nil && a.claim != nil) }()
	for {
		e, err := s.next()
		if err != nil {
			a.fail(because(life, err))
			return
		}
		a.events.Add(1)
		if ctx.Err() != nil {
			// What comes after the loss was seen is the provider's own; its claim is evidence.
			if e.Claim != nil {
				a.accept(e.Claim)
				return
			}
			continue
		}
		if done := a.take(e); done {
			return
		}
		if s.drained() {
			if err := a.to.flush(); err != nil {
				a.request.leave(errLeft)
			}
		}
	}
}

// because prefers the reason why a call was ended over the error that this caused.
func because(life context.Context, err error) error {
	if cause := context.Cause(life); cause != nil {
		return cause
	}
	return err
}

// take passes one event on and reports whether it was the last.
func (a *attempt) take(e *weir.GenerateEvent) (done bool) {
	n := weir.Tokens(len(e.Tokens))
	if n > 0 && a.ttft == 0 {
		a.ttft = max(a.gateway.config.Now().Sub(a.request.started), 1)
	}
	if a.delivered+n > a.request.outputMax {
		a.fail(fault.New(fault.Unavailable, "the node sent more than the %d tokens it was asked for", a.request.outputMax))
		return true
	}
	a.waiting = append(a.waiting, e.Logprobs...)
	if e.Text != "" {
		if err := a.to.content(e.Text, a.waiting); err != nil {
			a.request.leave(errLeft)
			return false // the node's last event is still to come
		}
		a.waiting = nil
	}
	a.delivered += n
	switch {
	case e.Error != nil:
		if e.Claim != nil {
			a.accept(e.Claim)
		}
		a.fail(wireError(e.Error))
	case e.End == weir.EndStop, e.End == weir.EndLength:
		if err := a.accept(e.Claim); err != nil {
			a.fail(err)
			return true
		}
		a.finish(e.End)
	case e.End != "":
		if e.Claim != nil {
			a.accept(e.Claim)
		}
		a.fail(fault.New(fault.Unavailable, "the node ended the request: %s", e.End))
	default:
		return false
	}
	return true
}

// finish ends an answer that is complete.
func (a *attempt) finish(end weir.End) {
	if len(a.waiting) > 0 {
		if err := a.to.content("", a.waiting); err != nil {
			a.request.leave(errLeft)
		}
		a.waiting = nil
	}
	a.end = end
}

// fail records why the attempt failed.
func (a *attempt) fail(err error) {
	a.err = err
	if a.to.begun() {
		a.end = weir.EndFailed
	}
}

// accept keeps a claim if it is the node's and speaks of this request.
func (a *attempt) accept(s *weir.SignedClaim) error {
	if s == nil {
		return fault.New(fault.Unavailable, "the node ended without a claim")
	}
	c, err := receipt.VerifyClaim(*s, a.node.PublicKey)
	if err != nil {
		return fault.New(fault.Unavailable, "the node's claim: %w", err)
	}
	if err := meter.Check(c.Usage); err != nil {
		return fault.New(fault.Unavailable, "the node's claim: %w", err)
	}
	r := a.request
	if c.Request != r.id || c.Hold != r.hold || c.Node != a.node.Node || c.Model != a.offer.Offer.Model || c.Digest != a.digest {
		return fault.New(fault.Unavailable, "the node's claim is for another request, node or model")
	}
	a.claim, a.claimed = s, c.Usage
	return nil
}

// usage is what the tenant pays for: the gateway's count of the output, and of the prompt the
// part that was computed. How much of it the node had cached is the node's to say, in the
// tenant's favour.
func (o *outcome) usage(prompt weir.Tokens) weir.Usage {
	u := weir.Usage{Output: o.delivered}
	if o.claim != nil {
		u.Cached = min(max(o.claimed.Cached, 0), prompt)
	}
	switch {
	case o.delivered > 0 || o.end == weir.EndStop || o.end == weir.EndLength:
		u.Input = prompt - u.Cached
	case o.claim != nil:
		u.Input = min(max(o.claimed.Input, 0), prompt-u.Cached)
	}
	return u
}
