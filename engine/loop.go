package engine

import (
	"sync/atomic"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/engine/arch"
	"github.com/weir-project/weir/engine/kv"
	"github.com/weir-project/weir/internal/fault"
)

var (
	errNothingLeft = fault.New(fault.Internal, "no token can follow: every logit is NaN or the constraint allows none")
	errClosed      = fault.New(fault.Unavailable, "the model is being closed")
)

// loop runs the forward passes of a model on one goroutine. It owns the sequences that run.
type loop struct {
	m      *Model
	queue  chan *sequence
	wake   chan struct{} // a slow reader took something, or a sequence was cancelled
	quit   chan struct{}
	done   chan struct{}
	closed atomic.Bool

	active atomic.Int64

	running []*sequence
	caches  []*kv.Cache // free ones
	rows    []arch.Row
	owners  []*sequence // of the rows that want logits
	logits  []float32
}

func startLoop(m *Model) *loop {
	l := &loop{
		m: m, queue: make(chan *sequence, m.opts.Queue), wake: make(chan struct{}, 1),
		quit: make(chan struct{}), done: make(chan struct{}),
		rows: make([]arch.Row, 0, m.opts.BatchRows), logits: make([]float32, m.opts.Slots*m.arch.Vocab),
	}
	go l.run()
	return l
}

func (l *loop) load() weir.Load {
	return weir.Load{Active: int(l.active.Load()), Queued: len(l.queue), Slots: l.m.opts.Slots}
}

func (l *loop) submit(s *sequence) error {
	if l.closed.Load() {
		return errClosed
	}
	select {
	case l.queue <- s:
		return nil
	default:
		return fault.New(fault.NoCapacity, "%s is busy: %d requests run, %d wait", l.m.card.Name, l.m.opts.Slots, cap(l.queue))
	}
}

func (l *loop) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// cancel asks the loop to end s. It reports whether s had not even started: then the loop
// will never answer.
func (l *loop) cancel(s *sequence) bool {
	if s.state.CompareAndSwap(waiting, cancelled) {
		return true
	}
	s.state.Store(cancelled)
	l.nudge()
	return false
}

// stop ends the loop; sequences that run or wait end with an error.
func (l *loop) stop() {
	if !l.closed.Swap(true) {
		close(l.quit)
	}
	<-l.done
}

func (l *loop) run() {
	defer close(l.done)
	for {
		select {
		case <-l.quit:
			l.abandon()
			return
		default:
		}
		l.admit()
		l.reap()
		if !l.plan() {
			if !l.wait() {
				l.abandon()
				return
			}
			continue
		}
		l.step()
	}
}

// wait blocks until there may be something to do; false: the model closes.
func (l *loop) wait() bool {
	if len(l.running) >= l.m.opts.Slots {
		select {
		case <-l.wake:
		case <-l.quit:
			return false
		}
		return true
	}
	select {
	case s := <-l.queue:
		l.start(s)
	case <-l.wake:
	case <-l.quit:
		return false
	}
	return true
}

// admit starts waiting sequences while there are slots.
func (l *loop) admit() {
	for len(l.running) < l.m.opts.Slots {
		select {
		case s := <-l.queue:
			l.start(s)
		default:
			return
		}
	}
}

func (l *loop) start(s *sequence) {
	if !s.state.CompareAndSwap(waiting, running) {
		return // cancelled while it waited
	}
	if n := len(l.caches); n > 0 {
		s.cache, l.caches = l.caches[n-1], l.caches[:n-1]
	} else {
		c, err := kv.New(l.m.arch.CacheGeometry(l.m.opts.Cache), l.m.opts.Context)
		if err != nil {
			s.finish(weir.EndFailed, err)
			return
		}
		s.cache = c
	}
	l.running = append(l.running, s)
	l.active.Store(int64(len(l.running)))
}

// reap ends cancelled sequences.
func (l *loop) reap() {
	for i := 0; i < len(l.running); {
		if s := l.running[i]; s.state.Load() == cancelled {
			s.finish(weir.EndCancelled, nil)
			l.remove(s)
			continue
		}
		i++
	}
}

func (l *loop) remove(s *sequence) {
	for i, r := range l.running {
		if r == s {
			l.running = append(l.running[:i], l.running[i+1:]...)
			break
		}
	}
	s.cache.Truncate(0)
	l.caches = append(l.caches, s.cache)
	l.active.Store(int64(len(l.running)))
}

// plan fills rows with one token of every sequence that decodes and, in what is left of the
// pass, with prompts, first come first served. It reports whether there is work.
func (l *loop) plan() bool {
	l.rows, l.owners = l.rows[:0], l.owners[:0]
	for _, s := range l.running {
		if s.decoding() && !s.stalled() {
			pos := len(s.req.Prompt) + s.generated - 1
			l.add(s, s.next, pos, true)
		}
	}
	for _, s := range l.running {
		n := min(len(s.req.Prompt)-s.read, l.m.opts.BatchRows-len(l.rows))
		if s.stalled() {
			continue
		}
		for range n {
			last := s.read == len(s.req.Prompt)-1
			l.add(s, s.req.Prompt[s.read], s.read, last)
			s.read++
		}
	}
	return len(l.rows) > 0
}

func (l *loop) add(s *sequence, id int32, pos int, logits bool) {
	// The context was checked against the cache's size, so growing cannot fail.
	if err := s.cache.Grow(pos + 1); err != nil {
		panic(err)
	}
	l.rows = append(l.rows, arch.Row{Token: id, Pos: pos, Cache: s.cache, Logits: logits})
	if logits {
		l.owners = append(l.owners, s)
	}
}

// step runs the planned pass and lets every sequence that got logits choose.
func (l *loop) step() {
	l.m.pass.Lock()
	err := l.m.runner.Eval(l.rows, l.logits)
	l.m.pass.Unlock()
	if err != nil {
		for _, s := range append([]*sequence(nil), l.running...) {
			s.finish(weir.EndFailed, err)
			l.remove(s)
		}
		return
	}
	for i, s := range l.owners {
		if !s.choose(l.logits[i*l.m.arch.Vocab:][:l.m.arch.Vocab]) {
			l.remove(s)
		}
	}
}

// abandon fails everything when the model closes.
func (l *loop) abandon() {
	for len(l.running) > 0 {
		s := l.running[0]
		s.finish(weir.EndFailed, errClosed)
		l.remove(s)
	}
	for {
		select {
		case s := <-l.queue:
			s.finish(weir.EndFailed, errClosed)
		default:
			return
		}
	}
}
