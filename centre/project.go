package centre

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/weir-project/weir/centre/readmodel"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market"
	"github.com/weir-project/weir/market/journal"
)

const (
	// projectBatch bounds the events of one transaction of the read model during a replay.
	projectBatch = 4096
	// retryFirst and retryMax bound the wait after an error of the read model.
	retryFirst = 100 * time.Millisecond
	retryMax   = 10 * time.Second
)

// project keeps the read model behind the events, for as long as the centre runs. An error is
// reported and tried again: nothing else depends on it.
func (c *Centre) project() {
	wait := retryFirst
	for {
		err := c.follow()
		if errors.Is(err, errClosed) {
			return
		}
		c.config.Log.Warn("read model lags", "err", err, "retry", wait)
		select {
		case <-c.closing:
			return
		case <-time.After(wait):
		}
		wait = min(2*wait, retryMax)
	}
}

// follow projects events until something fails; errClosed is the good end.
func (c *Centre) follow() error {
	ctx := context.Background() // the end comes through the hub, after the last event
	for {
		seq, err := c.model.Seq(ctx)
		if err != nil {
			return err
		}
		events, err := c.Events(ctx, seq)
		switch {
		case fault.KindOf(err) == fault.Expired:
			if err := c.catchUp(ctx, seq); err != nil {
				return err
			}
		case err != nil:
			return err
		default:
			if err := c.model.Project(ctx, events); err != nil {
				return err
			}
		}
	}
}

// catchUp brings the read model forward from the journal when it is too far behind for the
// events kept in memory. A model that is ahead of the journal is from another history: it
// starts from nothing.
func (c *Centre) catchUp(ctx context.Context, seq uint64) error {
	if seq > c.hub.latest() {
		if err := c.model.Reset(ctx); err != nil {
			return err
		}
		seq = 0
	}
	return replayInto(ctx, c.model, seq, func(fn func(uint64, []byte) error) error {
		return c.journal.Replay(func(record uint64, payload []byte) error {
			select {
			case <-c.closing: // it goes on at the next start
				return errClosed
			default:
				return fn(record, payload)
			}
		})
	})
}

// latest is the number of the latest event.
func (h *hub) latest() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

// replayInto projects the events of a journal that come after number seq.
func replayInto(ctx context.Context, m *readmodel.Model, seq uint64, replay func(func(uint64, []byte) error) error) error {
	x := market.New()
	var batch []market.Event
	flush := func() error {
		err := m.Project(ctx, batch)
		batch = batch[:0]
		return err
	}
	err := replay(func(record uint64, payload []byte) error {
		events, err := recoverRecord(x, record, payload)
		if err != nil {
			return err
		}
		if x.EventSeq() > seq {
			batch = append(batch, events...)
		}
		if len(batch) < projectBatch {
			return ctx.Err()
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

// Rebuild makes the read model in dir anew from the journal. The centre must not be running.
func Rebuild(ctx context.Context, dir string) (err error) {
	j, _, err := journal.Open(journalDir(dir), journal.Config{})
	if err != nil {
		return fmt.Errorf("rebuild read model: %w", err)
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(modelPath(dir) + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("rebuild read model: %w", err)
		}
	}
	m, err := readmodel.Open(ctx, modelPath(dir))
	if err != nil {
		return fmt.Errorf("rebuild read model: %w", err)
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	if err := replayInto(ctx, m, 0, j.Replay); err != nil {
		return fmt.Errorf("rebuild read model: %w", err)
	}
	return nil
}
