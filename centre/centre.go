// Package centre runs the exchange: it owns the pure core, journals what it accepts, and
// answers only what is durable.
//
// One goroutine owns the market.Exchange and applies commands in the order of their arrival.
// A second one makes them durable: while it waits for an fsync, the first goes on applying,
// and everything that was applied meanwhile goes into the next fsync. Answers, events and
// snapshots leave after the fsync that covers all they depend on; rejections too, because they
// may rest on a state that is not durable yet. Recovery replays the journal through the same
// core, so it reaches the same state.
//
// The exchange's time is the wall clock, but never before the newest record. Before a command
// is applied, whatever is due at its instant expires by a Tick of its own.
//
// A SQLite read model follows the events; it may lag, may be deleted, and is rebuilt from the
// journal. No command waits for it. When the journal stops (disk full), so does the centre:
// commands and reads are refused as Unavailable until it is opened again.
//
// Layout of the directory: journal/ is the truth, read.db the read model.
package centre

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/centre/readmodel"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market"
	"github.com/weir-project/weir/market/journal"
)

const (
	// GroupMax bounds the requests that one fsync covers.
	GroupMax = 4096
	// tickEvery is how often an idle exchange looks for what is due.
	tickEvery = 50 * time.Millisecond
)

// Config says how to run a centre.
type Config struct {
	Dir string // created if it does not exist; one process at a time
	// Now is the wall clock; nil: time.Now.
	Now func() time.Time
	// Log gets what an operator should know; nil: nothing.
	Log *slog.Logger
	// WithoutReadModel leaves read.db alone: nothing can be queried, everything else works.
	WithoutReadModel bool
	// Journal tunes the journal; its zero value is the default.
	Journal journal.Config
}

// Centre is a running exchange. Its methods may be called from any goroutine.
type Centre struct {
	config   Config
	journal  *journal.Journal
	model    *readmodel.Model // nil without one
	recovery journal.Recovery

	exchange *market.Exchange // owned by run after Open
	signers  sync.Map         // signer → market.Signer: durable ones, so that callers can verify
	requests chan *request
	groups   chan *group
	hub      *hub

	closing   chan struct{} // closed by Close: no new requests
	closeOnce sync.Once
	closeErr  error
	workers   sync.WaitGroup // run, commit and project
}

type signer struct {
	role market.Role
	name string
}

// Open recovers the exchange in config.Dir and starts it.
func Open(ctx context.Context, config Config) (_ *Centre, err error) {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	j, recovery, err := journal.Open(journalDir(config.Dir), config.Journal)
	if err != nil {
		return nil, fmt.Errorf("open centre: %w", err)
	}
	c := &Centre{
		config: config, journal: j, recovery: recovery,
		exchange: market.New(), hub: newHub(),
		requests: make(chan *request), groups: make(chan *group), closing: make(chan struct{}),
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.shut())
		}
	}()
	if recovery.Cut != nil {
		config.Log.Warn("journal had a torn end, which nobody was told of", "cut", recovery.Cut.String())
	}
	if !config.WithoutReadModel {
		if c.model, err = readmodel.Open(ctx, modelPath(config.Dir)); err != nil {
			return nil, fmt.Errorf("open centre: %w", err)
		}
	}
	if err := c.recover(ctx); err != nil {
		return nil, fmt.Errorf("recover centre: %w", err)
	}
	c.workers.Go(c.run)
	c.workers.Go(c.commit)
	if c.model != nil {
		c.workers.Go(c.project)
	}
	return c, nil
}

func journalDir(dir string) string { return filepath.Join(dir, "journal") }
func modelPath(dir string) string  { return filepath.Join(dir, "read.db") }

// recover replays the journal. Each record was accepted once and must be accepted again.
func (c *Centre) recover(ctx context.Context) error {
	started := time.Now()
	err := c.journal.Replay(func(seq uint64, payload []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		events, err := recoverRecord(c.exchange, seq, payload)
		c.hub.publish(events)
		c.learn(events)
		return err
	})
	if err != nil {
		return err
	}
	c.config.Log.Info("exchange recovered", "commands", c.exchange.Seq(), "events", c.exchange.EventSeq(), "took", time.Since(started).Round(time.Millisecond))
	return nil
}

// recoverRecord applies one journalled command.
func recoverRecord(x *market.Exchange, seq uint64, payload []byte) ([]market.Event, error) {
	result, events, err := x.Recover(payload)
	if err != nil {
		return nil, fault.New(fault.Internal, "journal record %d was accepted once and is refused now: %w", seq, err)
	}
	if result.Replay {
		return nil, fault.New(fault.Internal, "journal record %d repeats an earlier one", seq)
	}
	return events, nil
}

// learn takes note of signers, so that callers can verify receipts on their own goroutines.
func (c *Centre) learn(events []market.Event) {
	for _, e := range events {
		if s := e.SignerRegistered; s != nil {
			c.signers.Store(signer{s.Role, s.Name}, *s)
		}
	}
}

func (c *Centre) signer(role market.Role, name string) (market.Signer, bool) {
	s, ok := c.signers.Load(signer{role, name})
	if !ok {
		return market.Signer{}, false
	}
	return s.(market.Signer), true
}

// Do has the exchange carry out a command and returns once the outcome is durable. The time in
// the command is ignored. If ctx ends first, the command may or may not be carried out:
// repeating it with the same id tells, and does nothing twice.
func (c *Centre) Do(ctx context.Context, cmd market.Command) (market.Result, error) {
	p, err := market.Prepare(cmd, c.signer)
	if err != nil {
		return market.Result{}, err
	}
	r := &request{command: &p, done: make(chan struct{})}
	if err := c.ask(ctx, r); err != nil {
		return market.Result{}, err
	}
	return r.result, r.err
}

// Snapshot is the durable state, as of the event number that it names. Follow Events from
// there to keep it up to date.
func (c *Centre) Snapshot(ctx context.Context) (market.Snapshot, error) {
	var s market.Snapshot
	err := c.Read(ctx, func(x *market.Exchange) { s = x.Snapshot() })
	return s, err
}

// Hold returns a hold by its id.
func (c *Centre) Hold(ctx context.Context, id weir.ID) (h market.Hold, err error) {
	var ok bool
	if err := c.Read(ctx, func(x *market.Exchange) { h, ok = x.Hold(id) }); err != nil {
		return market.Hold{}, err
	}
	if !ok {
		return market.Hold{}, fault.New(fault.NotFound, "no hold %s", id)
	}
	return h, nil
}

// Read calls fn with the exchange, between two commands, and returns once all that fn may have
// seen is durable. fn must only read, be quick, and keep no reference.
func (c *Centre) Read(ctx context.Context, fn func(*market.Exchange)) error {
	r := &request{read: fn, done: make(chan struct{})}
	if err := c.ask(ctx, r); err != nil {
		return err
	}
	return r.err
}

// ask hands a request to the exchange's goroutine and waits for its answer.
func (c *Centre) ask(ctx context.Context, r *request) error {
	select {
	case c.requests <- r:
	case <-c.closing:
		return errClosed
	case <-ctx.Done():
		return fault.New(fault.Unavailable, "ask the exchange: %w", context.Cause(ctx))
	}
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		return fault.New(fault.Unavailable, "wait for the exchange: %w; the outcome is unknown, repeat with the same id", context.Cause(ctx))
	}
}

var errClosed = fault.New(fault.Unavailable, "the centre is closed")

// Model is the read model for queries, nil without one. It may lag behind.
func (c *Centre) Model() *readmodel.Model { return c.model }

// Recovery says what Open found in the journal.
func (c *Centre) Recovery() journal.Recovery { return c.recovery }

// Close answers what was asked, brings the read model up to date and lets the directory go.
func (c *Centre) Close() error {
	c.closeOnce.Do(func() {
		close(c.closing)
		c.workers.Wait()
		c.closeErr = c.shut()
	})
	return c.closeErr
}

// shut closes the files.
func (c *Centre) shut() error {
	c.hub.close()
	err := c.journal.Close()
	if c.model != nil {
		err = errors.Join(err, c.model.Close())
	}
	return err
}
