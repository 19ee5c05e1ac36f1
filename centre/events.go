package centre

import (
	"context"
	"iter"
	"slices"
	"sync"

	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market"
)

// EventsKept is how many of the latest events a reader may lag behind before it must take a
// new snapshot.
const EventsKept = 1 << 14

// Events returns the durable events after the one numbered after, in order, and waits until
// there is one. Readers start from a Snapshot's Seq and ask on with the number of the last
// event they got. Who asks for events that are no longer kept, or not yet known, gets Expired
// and starts again from a snapshot.
func (c *Centre) Events(ctx context.Context, after uint64) ([]market.Event, error) {
	for {
		events, changed, err := c.hub.since(after)
		if err != nil || len(events) > 0 {
			return events, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// Subscribe iterates over the events after the one numbered after, until ctx ends, the centre
// closes or the reader falls too far behind; the error says which.
func (c *Centre) Subscribe(ctx context.Context, after uint64) iter.Seq2[market.Event, error] {
	return func(yield func(market.Event, error) bool) {
		for {
			events, err := c.Events(ctx, after)
			if err != nil {
				yield(market.Event{}, err)
				return
			}
			for _, e := range events {
				if !yield(e, nil) {
					return
				}
				after = e.Seq
			}
		}
	}
}

// hub keeps the latest events. One goroutine publishes, any number read.
type hub struct {
	mu      sync.Mutex // guards the fields below
	kept    []market.Event
	last    uint64        // number of the latest event
	changed chan struct{} // closed and replaced at each publication
	closed  bool
}

func newHub() *hub { return &hub{changed: make(chan struct{})} }

func (h *hub) publish(events []market.Event) {
	if len(events) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	// Readers hold slices of the old array, so it is never overwritten: it is trimmed by moving
	// to a new one, once it has twice what is kept.
	if len(h.kept)+len(events) > 2*EventsKept {
		h.kept = slices.Clone(h.kept[max(0, len(h.kept)-EventsKept):])
	}
	h.kept = append(h.kept, events...)
	h.last = events[len(events)-1].Seq
	close(h.changed)
	h.changed = make(chan struct{})
}

// since returns the events after a number and, if there are none, what to wait for.
func (h *hub) since(after uint64) ([]market.Event, <-chan struct{}, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if after > h.last {
		return nil, nil, fault.New(fault.Expired, "event %d is not known here, the latest is %d: take a new snapshot", after, h.last)
	}
	missing := h.last - after
	if missing > uint64(len(h.kept)) {
		return nil, nil, fault.New(fault.Expired, "events after %d are no longer kept: take a new snapshot", after)
	}
	if missing == 0 && h.closed {
		return nil, nil, errClosed
	}
	n := len(h.kept)
	return h.kept[n-int(missing) : n : n], h.changed, nil
}

// close wakes the readers; they get what is left, then an error.
func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.closed = true
		close(h.changed)
	}
}
