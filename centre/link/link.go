// Package link carries the exchange over the bus: Serve answers for a centre, Remote asks it
// from any process.
//
// Commands are requests whose answers are durable. Events are published as they become
// durable, in order; Follow starts a reader from a snapshot, feeds it every event once, and
// starts it again when a gap shows. A Remote cannot tell whether the centre is in its own
// process.
package link

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/bus"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market"
	"github.com/weir-project/weir/market/receipt"
)

// Centre is what Serve needs of an exchange's shell.
type Centre interface {
	Do(ctx context.Context, cmd market.Command) (market.Result, error)
	Snapshot(ctx context.Context) (market.Snapshot, error)
	Events(ctx context.Context, after uint64) ([]market.Event, error)
	Head(ctx context.Context) (uint64, error)
	Receipt(ctx context.Context, id weir.ID) (receipt.Receipt, error)
}

const (
	workers  = 512  // requests handled at once: each waits for the same fsync
	waiting  = 4096 // requests that may wait for a worker
	batchMax = 256  // events in one message
)

// batch is what is published: events in order.
type batch struct {
	Events []market.Event `json:"events"`
}

// Service is a centre on the bus.
type Service struct {
	subs []*bus.Subscription
	err  error
	stop context.CancelFunc
	done chan struct{}
}

// Serve answers commands and snapshots on conn, and publishes events, until Close.
func Serve(c Centre, conn *bus.Conn, log *slog.Logger) (*Service, error) {
	limits := bus.Limits{Workers: workers, Waiting: waiting}
	ctx, stop := context.WithCancel(context.Background())
	s := &Service{stop: stop, done: make(chan struct{})}
	s.add(bus.Serve(conn, bus.SubjectCentreDo, limits, c.Do))
	s.add(bus.Serve(conn, bus.SubjectQuery("snapshot"), bus.Limits{}, func(ctx context.Context, _ struct{}) (market.Snapshot, error) {
		return c.Snapshot(ctx)
	}))
	s.add(bus.Serve(conn, bus.SubjectQuery("head"), bus.Limits{}, func(ctx context.Context, _ struct{}) (uint64, error) {
		return c.Head(ctx)
	}))
	s.add(bus.Serve(conn, bus.SubjectQuery("receipt"), bus.Limits{}, c.Receipt))
	seq, err := c.Head(ctx)
	if err = errors.Join(s.err, err); err != nil {
		close(s.done)
		s.Close()
		return nil, fmt.Errorf("serve the exchange: %w", err)
	}
	go func() {
		defer close(s.done)
		publish(ctx, c, conn, seq, log)
	}()
	return s, nil
}

// add keeps a subscription, or the first error.
func (s *Service) add(sub *bus.Subscription, err error) {
	if err != nil {
		s.err = errors.Join(s.err, err)
		return
	}
	s.subs = append(s.subs, sub)
}

// publish sends events on as they become durable. While the bus is away they are not kept:
// readers see the gap and start again.
func publish(ctx context.Context, c Centre, conn *bus.Conn, seq uint64, log *slog.Logger) {
	for {
		events, err := c.Events(ctx, seq)
		switch {
		case ctx.Err() != nil:
			return
		case fault.KindOf(err) == fault.Expired:
			if seq, err = c.Head(ctx); err != nil {
				return
			}
			continue
		case err != nil:
			log.Error("events stopped", "err", err)
			return
		}
		for len(events) > 0 {
			n := min(len(events), batchMax)
			if err := bus.Publish(conn, bus.SubjectEvents, batch{events[:n]}); err != nil {
				log.Warn("events not published", "first", events[0].Seq, "count", n, "err", err)
			}
			seq, events = events[n-1].Seq, events[n:]
		}
	}
}

// Close stops serving.
func (s *Service) Close() {
	s.stop()
	<-s.done
	for _, sub := range s.subs {
		sub.Close()
	}
}

// Remote is an exchange that some process of the bus serves.
type Remote struct{ conn *bus.Conn }

// NewRemote returns the exchange behind conn.
func NewRemote(conn *bus.Conn) *Remote { return &Remote{conn} }

// Do has the exchange carry out a command; the answer is durable.
func (r *Remote) Do(ctx context.Context, cmd market.Command) (market.Result, error) {
	return bus.Request[market.Command, market.Result](ctx, r.conn, bus.SubjectCentreDo, cmd)
}

// Snapshot is the exchange's durable state.
func (r *Remote) Snapshot(ctx context.Context) (market.Snapshot, error) {
	return bus.Request[struct{}, market.Snapshot](ctx, r.conn, bus.SubjectQuery("snapshot"), struct{}{})
}

// Head is the number of the exchange's latest durable event.
func (r *Remote) Head(ctx context.Context) (uint64, error) {
	return bus.Request[struct{}, uint64](ctx, r.conn, bus.SubjectQuery("head"), struct{}{})
}

// Receipt returns a settled receipt. It may be known a moment after its settlement was
// acknowledged.
func (r *Remote) Receipt(ctx context.Context, id weir.ID) (receipt.Receipt, error) {
	return bus.Request[weir.ID, receipt.Receipt](ctx, r.conn, bus.SubjectQuery("receipt"), id)
}

// Reader follows an exchange. market.Directory in a lock is one.
type Reader interface {
	Restore(s market.Snapshot)
	Follow(e market.Event) error
}

// Follow keeps reader up to date until ctx ends: snapshot first, then every event once, a
// fresh snapshot after a gap. ready is closed after the first snapshot.
func (r *Remote) Follow(ctx context.Context, reader Reader, log *slog.Logger) (ready <-chan struct{}, err error) {
	f := &follower{reader: reader, stale: make(chan struct{}, 1), ready: make(chan struct{})}
	sub, err := bus.Subscribe(r.conn, bus.SubjectEvents, f.take)
	if err != nil {
		return nil, fmt.Errorf("follow the exchange: %w", err)
	}
	f.stale <- struct{}{}
	go func() {
		defer sub.Close()
		f.run(ctx, r, log)
	}()
	return f.ready, nil
}

type follower struct {
	reader Reader
	stale  chan struct{} // a snapshot is needed
	ready  chan struct{}
	once   sync.Once

	mu  sync.Mutex // guards the fields below, and orders calls of reader
	seq uint64
	ok  bool
}

// take feeds a batch of events; those before the snapshot are known already.
func (f *follower) take(b batch) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.ok {
		return
	}
	for _, e := range b.Events {
		if e.Seq <= f.seq {
			continue
		}
		if err := f.reader.Follow(e); err != nil {
			f.ok = false
			select {
			case f.stale <- struct{}{}:
			default:
			}
			return
		}
		f.seq = e.Seq
	}
}

// auditEvery is how often a reader asks whether the exchange went on without it: events may
// be lost with the connection, and then no later one need come to show the gap.
const auditEvery = 5 * time.Second

func (f *follower) run(ctx context.Context, r *Remote, log *slog.Logger) {
	audit := time.NewTicker(auditEvery)
	defer audit.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.stale:
		case <-audit.C:
			if seq, err := r.Head(ctx); err == nil && f.has(seq) {
				continue
			}
		}
		s, err := r.Snapshot(ctx)
		if err == nil {
			f.restore(s)
			continue
		}
		if !errors.Is(err, context.Canceled) {
			log.Warn("the exchange does not answer", "err", err)
		}
		if !f.restoreLater(ctx) {
			return
		}
	}
}

// has reports whether the reader knows event seq, or will from what is on its way.
func (f *follower) has(seq uint64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ok && f.seq >= seq
}

// restoreLater asks for a snapshot again, if one was wanted, after a pause.
func (f *follower) restoreLater(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(200 * time.Millisecond):
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.ok {
		select {
		case f.stale <- struct{}{}:
		default:
		}
	}
	return true
}

// restore hands the reader a snapshot unless its own state is as new.
func (f *follower) restore(s market.Snapshot) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ok && s.Seq <= f.seq {
		return
	}
	f.reader.Restore(s)
	f.seq, f.ok = s.Seq, true
	f.once.Do(func() { close(f.ready) })
}

// Beats calls take with every heartbeat on the bus until ctx ends.
func Beats(ctx context.Context, conn *bus.Conn, take func(weir.Heartbeat)) error {
	sub, err := bus.Subscribe(conn, bus.SubjectBeat, take)
	if err != nil {
		return fmt.Errorf("listen for heartbeats: %w", err)
	}
	context.AfterFunc(ctx, sub.Close)
	return nil
}
