package gateway

import (
	"context"
	"crypto/rand"
	mathrand "math/rand/v2"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market"
	"github.com/weir-project/weir/market/meter"
	"github.com/weir-project/weir/market/receipt"
)

// Exchange carries a gateway's commands to the centre: holds, settlements, voids. A command
// may be repeated; it is done once.
type Exchange interface {
	Do(ctx context.Context, cmd market.Command) (market.Result, error)
}

// Backoff between repetitions of a settlement.
const (
	settleFirst = 50 * time.Millisecond
	settleLast  = 5 * time.Second
)

// newID draws an identifier.
func newID() (id weir.ID) {
	rand.Read(id[:]) // never fails
	return id
}

// takeHold sets the worst case of the nodes that may be tried aside.
func (g *Gateway) takeHold(ctx context.Context, r *request) error {
	for _, c := range g.candidates(r) {
		r.amount = max(r.amount, c.Worst)
	}
	select {
	case g.unsettled <- struct{}{}:
	default:
		return fault.New(fault.NoCapacity, "%d settlements wait for the exchange, no more are taken on", cap(g.unsettled))
	}
	defer func() {
		if r.hold.IsZero() { // nothing will be resolved
			<-g.unsettled
		}
	}()
	id := newID()
	call, cancel := context.WithTimeout(ctx, g.config.Timeouts.Exchange)
	defer cancel()
	_, err := g.exchange.Do(call, market.Command{ID: id, Hold: &market.TakeHold{
		Tenant: r.key.Tenant, Key: r.key.Key, Request: r.id, Amount: r.amount,
		Timeout: g.config.Timeouts.Request + settleGrace,
	}})
	if err == nil {
		r.hold = id
		return nil
	}
	switch fault.KindOf(err) {
	case fault.Denied:
		err = noMoney(err)
	case fault.Expired, fault.NotFound:
		err = unauthorised(err.Error())
	case fault.Invalid, fault.Conflict:
		// The gateway composed the command.
		err = fault.As(fault.Internal, err)
	default:
		// It may have been carried out, with the answer lost: the money must not stay locked.
		r.hold = id
		g.void(r, "the hold was not confirmed")
		return fault.As(fault.Unavailable, err)
	}
	return err
}

// void releases a hold that nothing is charged to.
func (g *Gateway) void(r *request, reason string) {
	g.resolve(r, market.Command{ID: newID(), Void: &market.Void{Hold: r.hold, Reason: reason}})
}

// settle charges what the outcome says and returns the bill. A request that used nothing is not
// charged.
func (g *Gateway) settle(r *request, o *outcome) (*bill, error) {
	b := &bill{usage: o.usage(weir.Tokens(len(r.prompt)))}
	if b.usage == (weir.Usage{}) {
		g.void(r, "nothing was used")
		return b, nil
	}
	offer := o.offer.Offer
	statement := receipt.Statement{
		Request: r.id, Hold: r.hold, Tenant: r.key.Tenant, Provider: offer.Provider, Site: offer.Site,
		Node: offer.Node, Gateway: g.config.Name, Model: offer.Model, Digest: o.digest, Tokenizer: r.tokenizer,
		Offer: offer.ID, PriceVersion: offer.Version, Prices: offer.Prices, Usage: b.usage,
		TTFT: o.ttft, Duration: o.duration, Ended: weir.InstantOf(g.config.Now()), End: o.end,
		RouteVersion: r.decision.StateVersion, Claim: o.claim,
	}
	signed, err := receipt.Sign(statement, g.config.Key)
	if err != nil {
		return nil, fault.New(fault.Internal, "settle: %w", err)
	}
	b.charge = meter.Charge(b.usage, offer.Prices)
	b.receipt, b.lines = signed.ID(), meter.Lines(b.usage, offer.Prices)
	b.disputed = o.claim != nil && o.claimed != b.usage
	b.settled = g.resolve(r, market.Command{ID: newID(), Settle: &market.Settle{Receipt: signed}})
	g.metrics.charged(b.usage, b.charge.Nano())
	return b, nil
}

// bill is what a request cost.
type bill struct {
	usage    weir.Usage
	charge   meter.Pico
	lines    []meter.Line
	receipt  weir.ID // zero: nothing was charged
	disputed bool
	settled  <-chan struct{} // nil: nothing to wait for
}

// resolve ends a hold by a settlement or a void, repeated until the exchange has answered or
// the hold is over. The channel is closed then. Nobody needs to wait.
func (g *Gateway) resolve(r *request, cmd market.Command) <-chan struct{} {
	r.resolved = true
	done := make(chan struct{})
	deadline := r.started.Add(g.config.Timeouts.Request + settleGrace)
	g.settling.Go(func() {
		defer func() {
			close(done)
			<-g.unsettled
		}()
		wait := settleFirst
		for {
			err := g.tell(cmd)
			if err == nil {
				return
			}
			again := false
			switch fault.KindOf(err) {
			case fault.Unavailable, fault.NoCapacity, fault.Internal:
				again = g.config.Now().Before(deadline)
			case fault.NotFound:
				if cmd.Void != nil { // the hold was never taken
					return
				}
			}
			if !again {
				g.metrics.unsettled.Inc()
				g.log.Error("a hold was not resolved", "kind", cmd.Kind(), "request", r.id, "hold", r.hold, "err", err)
				return
			}
			select {
			case <-time.After(wait/2 + mathrand.N(wait)):
			case <-g.closing:
				// One last try is all that a stopping process can give; the hold expires by itself.
				if err := g.tell(cmd); err != nil {
					g.log.Error("a hold was left to expire", "kind", cmd.Kind(), "request", r.id, "hold", r.hold, "err", err)
				}
				return
			}
			wait = min(2*wait, settleLast)
		}
	})
	return done
}

func (g *Gateway) tell(cmd market.Command) error {
	ctx, cancel := context.WithTimeout(context.Background(), g.config.Timeouts.Exchange)
	defer cancel()
	_, err := g.exchange.Do(ctx, cmd)
	return err
}
