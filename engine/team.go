package engine

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weir-project/weir/engine/kernel"
)

// Team is a kernel.Workers of several goroutines. The caller of Run is one of them; the others
// wait between jobs, first spinning, since the next job of a forward pass comes within
// microseconds, then parked. Chunks are handed out by an atomic counter and a job ends with
// its last chunk, whoever did it: a member that sleeps, or whose core the machine took away,
// delays at most the chunk it holds and is not waited for otherwise.
type Team struct {
	width   int
	members []*member
	done    sync.WaitGroup

	// A job is published by storing it and then its chunks in left. Whoever takes left from n+1
	// to n, n at least 0, holds chunk n counted from the end; until pending says that it is done
	// the job cannot change, so reading job and chunks then is safe.
	job     kernel.Job
	chunks  int64
	left    atomic.Int64
	pending atomic.Int64
	closed  atomic.Bool
}

type member struct {
	parked atomic.Bool
	wake   chan struct{}
}

const (
	// spinFor is how long a member looks for the next job before it parks.
	spinFor = 50 * time.Microsecond
	// wakeFor is how much work must be left for waking a parked member to pay.
	wakeFor = 20 * time.Microsecond
)

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

// Width is the number of workers, the caller included.
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
	t.pending.Store(int64(chunks))
	t.left.Store(int64(chunks))
	if t.anyParked() {
		started := time.Now()
		if t.take(0) && time.Since(started)*time.Duration(chunks-1) > wakeFor {
			t.wakeParked()
		}
	}
	for t.take(0) {
	}
	for spins := 0; t.pending.Load() > 0; spins++ {
		if spins > 1000 {
			runtime.Gosched() // the holder of the last chunk may need this processor
		}
	}
}

// take does one chunk, if there is one.
func (t *Team) take(worker int) bool {
	if t.left.Load() <= 0 {
		return false
	}
	n := t.left.Add(-1)
	if n < 0 {
		return false
	}
	t.job.Do(int(t.chunks-1-n), worker)
	t.pending.Add(-1)
	return true
}

func (t *Team) anyParked() bool {
	for _, m := range t.members {
		if m.parked.Load() {
			return true
		}
	}
	return false
}

func (t *Team) wakeParked() {
	for _, m := range t.members {
		if m.parked.CompareAndSwap(true, false) {
			m.wake <- struct{}{}
		}
	}
}

func (t *Team) serve(m *member, worker int) {
	defer t.done.Done()
	idle, since := 0, time.Time{}
	for !t.closed.Load() {
		if t.take(worker) {
			idle = 0
			continue
		}
		switch idle++; {
		case idle == 1:
			since = time.Now()
		case idle%256 == 0 && time.Since(since) > spinFor:
			t.park(m)
			idle = 0
		}
	}
}

// park waits to be woken. A member that parks just as a job comes misses it, and only it:
// the next Run sees the flag.
func (t *Team) park(m *member) {
	m.parked.Store(true)
	if t.closed.Load() && m.parked.CompareAndSwap(true, false) {
		return
	}
	<-m.wake
}

// Close ends the team; no Run may be under way or follow.
func (t *Team) Close() {
	t.closed.Store(true)
	t.wakeParked()
	t.done.Wait()
}
