package centre

import (
	"context"
	"errors"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/internal/invariant"
	"github.com/weir-project/weir/market"
)

// request is one caller's command or read; result and err are set before done is closed.
type request struct {
	command *market.Prepared
	read    func(*market.Exchange)
	result  market.Result
	err     error
	done    chan struct{}
}

// group is what one fsync covers: records to write, events to publish and callers to answer
// after it. The answers of callers whose request wrote nothing wait with the others, because
// they saw a state that is durable only then.
type group struct {
	payloads [][]byte
	events   []market.Event
	callers  []*request
}

// run owns the exchange. It collects a group while the one before is being written.
func (c *Centre) run() {
	defer close(c.groups)
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	g := &group{}
	for {
		requests, groups := c.requests, c.groups
		if len(g.callers) >= GroupMax {
			requests = nil
		}
		if len(g.callers) == 0 && len(g.payloads) == 0 {
			groups = nil
		}
		select {
		case r := <-requests:
			c.serve(g, r)
		case groups <- g:
			g = &group{}
		case <-tick.C:
			c.expire(g, c.now())
		case <-c.closing:
			// ask gives up when closing is closed, so whoever handed its request over before is
			// in g, and nobody comes after.
			if len(g.callers) > 0 || len(g.payloads) > 0 {
				c.groups <- g
			}
			return
		}
	}
}

// now is the exchange's time: the wall clock, but never before the newest record.
func (c *Centre) now() weir.Instant {
	return max(weir.InstantOf(c.config.Now()), c.exchange.Now())
}

// serve carries out one request; the answer waits in g.
func (c *Centre) serve(g *group, r *request) {
	g.callers = append(g.callers, r)
	if r.read != nil {
		r.read(c.exchange)
		return
	}
	at := c.now()
	c.expire(g, at)
	r.command.Stamp(at)
	r.result, r.err = c.apply(g, r.command)
}

// expire ends what is due, so that no command ever meets a hold that should be gone.
func (c *Centre) expire(g *group, at weir.Instant) {
	if due, ok := c.exchange.NextDue(); !ok || due > at {
		return
	}
	tick, err := market.Prepare(market.Command{Tick: &market.Tick{}}, nil)
	invariant.Check(err == nil, "prepare tick: %v", err)
	tick.Stamp(at)
	_, err = c.apply(g, &tick)
	invariant.Check(err == nil, "tick at %s: %v", at, err)
}

// apply applies a command and, if it changed anything, adds it to what g will write.
func (c *Centre) apply(g *group, p *market.Prepared) (market.Result, error) {
	result, events, err := c.exchange.ApplyPrepared(p)
	if err != nil || len(events) == 0 {
		return result, err
	}
	g.payloads = append(g.payloads, p.Append(nil))
	g.events = append(g.events, events...)
	return result, nil
}

// commit makes groups durable, then lets out what they hold. After a failed write the exchange
// is ahead of the journal for good: from then on every caller is refused.
func (c *Centre) commit() {
	defer c.hub.close()
	var failed error
	for g := range c.groups {
		if len(g.payloads) > 0 && failed == nil {
			// Nothing cancels a group: its callers are told what became of it.
			if _, err := c.journal.AppendBatch(context.Background(), g.payloads); err != nil {
				failed = fault.New(fault.Unavailable, "the exchange has stopped, open it again: %w", err)
				c.config.Log.Error("the exchange has stopped", "err", err)
			}
		}
		if failed == nil {
			c.learn(g.events)
			c.hub.publish(g.events)
		}
		for _, r := range g.callers {
			if failed != nil {
				r.result, r.err = market.Result{}, failed
			}
			close(r.done)
		}
	}
}

// Err is why the exchange has stopped, nil while it works.
func (c *Centre) Err() error {
	select {
	case <-c.closing:
		return errors.Join(errClosed, c.journal.Err())
	default:
		return c.journal.Err()
	}
}
