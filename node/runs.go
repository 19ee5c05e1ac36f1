package node

import (
	"context"
	"sync"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
)

// run is one generation while it runs and, for a while, how it ended.
type run struct {
	id     weir.ID
	cancel context.CancelFunc
	done   chan struct{}      // closed when the fields below are set
	last   weir.GenerateEvent // its last event, with the claim
	output weir.Tokens
	ended  time.Time
}

// runs knows what runs and how the latest requests ended. Running requests are bounded by the models' slots and
// queues, ended ones by number and age.
type runs struct {
	keep    time.Duration
	keepMax int

	mu       sync.Mutex // guards the fields below
	draining bool
	begun    int // requests admitted so far
	active   map[weir.ID]*run
	ended    map[weir.ID]*run
	order    []*run // ended, oldest first
}

func newRuns(keep time.Duration, keepMax int) *runs {
	return &runs{keep: keep, keepMax: keepMax, active: map[weir.ID]*run{}, ended: map[weir.ID]*run{}}
}

// begin admits a request. An id that runs, or that produced something, is a conflict; one that came to nothing may
// be tried again.
func (r *runs) begin(id weir.ID, cancel context.CancelFunc) (*run, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.draining {
		return nil, fault.New(fault.Unavailable, "the node drains and takes nothing new")
	}
	if r.active[id] != nil {
		return nil, fault.New(fault.Conflict, "request %s is running here", id)
	}
	if old := r.ended[id]; old != nil && old.output > 0 {
		return nil, fault.New(fault.Conflict, "request %s has run here and produced %d tokens", id, old.output)
	}
	g := &run{id: id, cancel: cancel, done: make(chan struct{})}
	r.active[id] = g
	r.begun++
	return g, nil
}

// refuse forgets a request that used nothing.
func (r *runs) refuse(g *run) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.active, g.id)
	close(g.done)
}

// end keeps how a request ended.
func (r *runs) end(g *run, last weir.GenerateEvent, output weir.Tokens, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	g.last, g.output, g.ended = last, output, now
	delete(r.active, g.id)
	r.ended[g.id] = g
	r.order = append(r.order, g)
	r.trim(now)
	close(g.done)
}

// trim forgets ends that are too old or too many.
func (r *runs) trim(now time.Time) {
	n := 0
	for n < len(r.order) && (len(r.order)-n > r.keepMax || now.Sub(r.order[n].ended) > r.keep) {
		if g := r.order[n]; r.ended[g.id] == g { // an id tried again has a newer end
			delete(r.ended, g.id)
		}
		r.order[n] = nil
		n++
	}
	r.order = r.order[n:]
}

// find is a request that runs or whose end is known.
func (r *runs) find(id weir.ID, now time.Time) *run {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trim(now)
	if g := r.active[id]; g != nil {
		return g
	}
	return r.ended[id]
}

// setDraining refuses new requests, or takes them again.
func (r *runs) setDraining(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.draining = on
}

func (r *runs) isDraining() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.draining
}

// total is how many requests were admitted so far.
func (r *runs) total() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.begun
}

// wait returns when all requests have ended that run now, or when ctx has.
func (r *runs) wait(ctx context.Context) error {
	for _, g := range r.running() {
		select {
		case <-g.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// cancelAll cancels what runs.
func (r *runs) cancelAll() {
	for _, g := range r.running() {
		g.cancel()
	}
}

func (r *runs) running() []*run {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]*run, 0, len(r.active))
	for _, g := range r.active {
		list = append(list, g)
	}
	return list
}
