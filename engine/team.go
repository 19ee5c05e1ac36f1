package engine

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weir-project/weir/engine/kernel"
)

// Team is a kernel.Workers of several threads. The caller of Run is one of them; the others
// wait between jobs, first spinning, since the next job of a forward pass comes within
// microseconds, then parked. Chunks are handed out by an atomic counter, so that a core the
// machine takes away delays one chunk and not a fixed share of the work.
type Team struct {
	width   int
	members []*member
	done    sync.WaitGroup

	// A job is published by storing it and then raising generation.
	job        kernel.Job
	chunks     int64
	generation atomic.Uint64
	next       atomic.Int64
	working    atomic.Int64 // members that have not finished the job
	closed     atomic.Bool
}

type member struct {
	parked atomic.Bool
	wake   chan struct{}
}

// spinFor is how long a member looks for the next job before it parks.
const spinFor = 50 * time.Microsecond

// NewTeam starts a team of the given width, at least 1.
func NewTeam(width int) *Team {
	t := &Team{width: max(1, width)}
	for i := 1; i < t.width; i++ {
		m := &member{wake: make(chan struct{}, 1)}
		t.members = append(t.members, m)
		t.done.Add(1)
		go t.serve(m, i)
	}
	return t
}

// Width is the number of threads, the caller included.
func (t *Team) Width() int { return t.width }

// Run hands out the chunks of job and returns when all are done. One Run at a time.
func (t *Team) Run(chunks int, job kernel.Job) {
	if t.width == 1 || chunks <= 1 {
		for c := range chunks {
			job.Do(c, 0)
		}
		return
	}
	t.job, t.chunks = job, int64(chunks)
	t.next.Store(0)
	t.working.Store(int64(len(t.members)))
	t.generation.Add(1)
	t.wakeParked()
	t.share(0)
	for spins := 0; t.working.Load() > 0; spins++ {
		if spins > 200 {
			runtime.Gosched()
		}
	}
}

func (t *Team) wakeParked() {
	for _, m := range t.members {
		if m.parked.CompareAndSwap(true, false) {
			m.wake <- struct{}{}
		}
	}
}

// share takes chunks until none is left.
func (t *Team) share(worker int) {
	for {
		c := t.next.Add(1) - 1
		if c >= t.chunks {
			return
		}
		t.job.Do(int(c), worker)
	}
}

func (t *Team) serve(m *member, worker int) {
	runtime.LockOSThread()
	defer t.done.Done()
	seen := uint64(0)
	for {
		g := t.await(m, seen)
		if t.closed.Load() {
			return
		}
		seen = g
		t.share(worker)
		t.working.Add(-1)
	}
}

// await returns the generation that follows seen.
func (t *Team) await(m *member, seen uint64) uint64 {
	started := time.Now()
	for spins := 1; ; spins++ {
		if g := t.generation.Load(); g != seen {
			return g
		}
		if spins%64 == 0 {
			if time.Since(started) > spinFor {
				break
			}
			runtime.Gosched()
		}
	}
	m.parked.Store(true)
	// Between the last look and the flag a job may have been published: whoever takes the
	// flag back owes, or is owed, the wake-up.
	if g := t.generation.Load(); g != seen && m.parked.CompareAndSwap(true, false) {
		return g
	}
	<-m.wake
	return t.generation.Load()
}

// Close ends the team; no Run may be under way or follow.
func (t *Team) Close() {
	t.closed.Store(true)
	t.generation.Add(1)
	t.wakeParked()
	t.done.Wait()
}
