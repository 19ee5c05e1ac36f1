// Package journal is an append-only log on a file system: what was acknowledged survives.
//
// Append returns after the record is on disk. Writers share fsyncs without a timer: a write
// takes whatever arrived while the last fsync ran, so one caller gets the raw fsync rate and a
// thousand get full batches. Records are numbered from 1 and linked by a hash chain over all
// segments. Sequence numbers grow but may skip one where a journal was closed in order: the
// skipped record is a seal, which proves the records before it.
//
// A crash can tear the end of the last batch, which nobody was told of. Open finds that, cuts
// it and reports what it cut. Damage anywhere else (a bit that flipped in a record that was
// acknowledged) is an error that names file and offset; the journal is not opened, because
// going on would lose or invent history. Damage to the very last batch of a journal that was
// not closed in order cannot be told from a torn tail.
//
// When a write or an fsync fails (disk full, a dying disk) the journal stops: every later
// Append is Unavailable, until it is opened again. What was acknowledged stays; a write whose
// fsync failed may or may not be there afterwards. One process at a time owns a directory.
package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/weir-project/weir/internal/fault"
)

// SegmentBytes is the default size at which a new segment is begun.
const SegmentBytes = 64 << 20

// BatchBytes bounds what one fsync takes; the rest waits for the next.
const BatchBytes = 8 << 20

// Config says how to keep a journal. Its zero value is the default.
type Config struct {
	SegmentBytes int64 // 0: the constant SegmentBytes
}

// file is what the journal asks of a segment; tests break it.
type file interface {
	io.Writer
	Sync() error
	Truncate(size int64) error
	Close() error
}

// Journal is an open log. Its methods may be called from any goroutine.
type Journal struct {
	dir    string
	config Config
	lock   io.Closer
	create func(path string) (file, error)
	wake   chan struct{} // tells the writer that the queue or stopping changed
	done   chan struct{} // closed when the writer has ended

	// The writer goroutine owns these.
	segment file
	size    int64 // of the segment; all of it durable between commits
	head    Hash
	next    uint64
	sealed  bool // the last record is a seal, or there is none
	buf     []byte

	mu       sync.Mutex // guards the fields below
	queue    []*batch   // one per waiting caller, so callers bound it
	stopping bool
	failed   error
	durable  uint64 // last record on disk
}

// batch is what one caller wants written in one piece.
type batch struct {
	payloads [][]byte
	bytes    int
	first    uint64
	err      error
	done     chan struct{}
}

// Open recovers the journal in dir, which is created if it does not exist, and readies it for
// appending.
func Open(dir string, config Config) (*Journal, Recovery, error) {
	return open(dir, config, func(path string) (file, error) {
		return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	})
}

func open(dir string, config Config, create func(string) (file, error)) (_ *Journal, _ Recovery, err error) {
	if config.SegmentBytes == 0 {
		config.SegmentBytes = SegmentBytes
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, Recovery{}, fmt.Errorf("open journal: %w", err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, Recovery{}, fault.New(fault.Unavailable, "open journal %s: another process has it: %w", dir, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, lock.Close())
		}
	}()
	state, err := scan(dir, nil)
	if err != nil {
		return nil, state.Recovery, err
	}
	j := &Journal{
		dir: dir, config: config, lock: lock, create: create,
		wake: make(chan struct{}, 1), done: make(chan struct{}),
		head: state.Head, next: state.Last + 1, durable: state.Last, sealed: state.sealed,
	}
	if err := j.resume(state); err != nil {
		return nil, state.Recovery, fmt.Errorf("open journal %s: %w", dir, err)
	}
	go j.run()
	return j, state.Recovery, nil
}

// resume cuts what is torn and opens the last segment for appending.
func (j *Journal) resume(state scanned) error {
	if c := state.Cut; c != nil {
		path := filepath.Join(j.dir, c.File)
		if c.Offset < fileHeader {
			// The crash came while a segment was begun: it holds nothing.
			if err := os.Remove(path); err != nil {
				return err
			}
		} else if err := truncate(path, c.Offset); err != nil {
			return err
		}
		if err := syncDir(j.dir); err != nil {
			return err
		}
	}
	if state.tail == "" {
		return j.begin()
	}
	f, err := j.create(filepath.Join(j.dir, state.tail))
	if err != nil {
		return err
	}
	j.segment, j.size = f, state.tailSize
	return nil
}

// truncate cuts a segment for good: a torn tail must not come back after the next crash.
func truncate(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(size), f.Sync(), f.Close())
}

// begin starts a segment.
func (j *Journal) begin() error {
	f, err := j.create(filepath.Join(j.dir, segmentName(j.next)))
	if err != nil {
		return err
	}
	if _, err := f.Write(appendHeader(nil, j.next, j.head)); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), syncDir(j.dir)); err != nil {
		return errors.Join(err, f.Close())
	}
	if j.segment != nil {
		if err := j.segment.Close(); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	j.segment, j.size = f, fileHeader
	return nil
}

// Append writes one record and returns its sequence number once it is durable.
func (j *Journal) Append(ctx context.Context, payload []byte) (uint64, error) {
	return j.AppendBatch(ctx, [][]byte{payload})
}

// AppendBatch writes records with consecutive sequence numbers and returns the first once all
// are durable. The payloads must not change until it returns. When ctx ends before the write
// began, nothing is written; a write that began is waited for.
func (j *Journal) AppendBatch(ctx context.Context, payloads [][]byte) (first uint64, err error) {
	b := &batch{payloads: payloads, done: make(chan struct{})}
	for _, p := range payloads {
		if len(p) == 0 || len(p) > PayloadMax {
			return 0, fault.New(fault.Invalid, "append a record of %d bytes: want 1 to %d", len(p), PayloadMax)
		}
		b.bytes += recHeader + len(p)
	}
	if len(payloads) == 0 {
		return 0, fault.New(fault.Invalid, "append no record")
	}
	if err := j.enqueue(b); err != nil {
		return 0, err
	}
	select {
	case <-b.done:
	case <-ctx.Done():
		if j.withdraw(b) {
			return 0, fmt.Errorf("append to journal: %w", context.Cause(ctx))
		}
		<-b.done
	}
	return b.first, b.err
}

func (j *Journal) enqueue(b *batch) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failed != nil {
		return j.failed
	}
	if j.stopping {
		return fault.New(fault.Unavailable, "append to journal: it is closed")
	}
	j.queue = append(j.queue, b)
	j.notify()
	return nil
}

// notify wakes the writer; a wake-up that is pending already will see the change.
func (j *Journal) notify() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// withdraw takes b out of the queue unless its write has begun.
func (j *Journal) withdraw(b *batch) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i, q := range j.queue {
		if q == b {
			j.queue = slices.Delete(j.queue, i, i+1)
			return true
		}
	}
	return false
}

// Last is the sequence number of the last durable record.
func (j *Journal) Last() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.durable
}

// Err is why the journal stopped, nil while it works.
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.failed
}

// Replay calls fn with every durable record in order. The payload is valid during the call.
// Appending may go on meanwhile; records that become durable after the call began may be left
// out.
func (j *Journal) Replay(fn func(seq uint64, payload []byte) error) error {
	last := j.Last()
	_, err := scan(j.dir, func(seq uint64, payload []byte) error {
		if seq > last {
			return errStop
		}
		return fn(seq, payload)
	})
	return err
}

// Close waits for writes in progress, seals the journal and lets it go.
func (j *Journal) Close() error {
	j.mu.Lock()
	j.stopping = true
	j.notify()
	j.mu.Unlock()
	<-j.done
	return j.lock.Close()
}
