package ledger

import (
	"crypto/sha256"
	"slices"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/internal/invariant"
)

// Tick moves time to now and expires every open pending transfer whose timeout has passed, in
// order of deadline, then of recording. A transfer expires at, not after, its instant.
func (l *Ledger) Tick(now weir.Instant) ([]Entry, error) {
	if now < l.now {
		return nil, fault.New(fault.Invalid, "tick to %s is before the ledger's %s: time never runs backwards", now, l.now)
	}
	l.now = now
	l.undo, l.touched = l.undo[:0], l.touched[:0]
	first := l.entries.len
	for len(l.timeouts) > 0 && l.timeouts[0].at <= now {
		i := l.timeouts.pop().entry
		if l.state[i] != Open {
			continue
		}
		p := l.entries.at(i)
		ok := l.resolve(i, Transfer{
			ID: expiryID(p.ID), Kind: Expire, Debit: p.Debit, Credit: p.Credit,
			Amount: p.Amount, Pending: p.ID, Reason: "expiry", Ref: p.Ref,
		})
		invariant.Check(ok, "the expiry of %s overflows", p.ID)
	}
	return l.entries.since(first), nil
}

// NextExpiry is the earliest deadline of an open pending transfer; ok is false when there is
// none. Transfers resolved since they were recorded are forgotten on the way.
func (l *Ledger) NextExpiry() (at weir.Instant, ok bool) {
	for len(l.timeouts) > 0 && l.state[l.timeouts[0].entry] != Open {
		l.timeouts.pop()
	}
	if len(l.timeouts) == 0 {
		return 0, false
	}
	return l.timeouts[0].at, true
}

// Touched returns the accounts that the last successful Apply or Tick changed, each once, in
// order of opening.
func (l *Ledger) Touched() []Balance {
	slices.Sort(l.touched)
	l.touched = slices.Compact(l.touched)
	out := make([]Balance, len(l.touched))
	for k, i := range l.touched {
		out[k] = l.accounts[i]
	}
	return out
}

// expiryID derives the id of an expiry from the transfer that expires, so that a replay
// writes the same one.
func expiryID(pending weir.ID) (id weir.ID) {
	h := sha256.Sum256(append([]byte("weir ledger expiry "), pending[:]...))
	copy(id[:], h[:])
	return id
}

// due is the deadline of the Pend at index entry.
type due struct {
	at    weir.Instant
	entry int
}

func (d due) before(e due) bool { return d.at < e.at || d.at == e.at && d.entry < e.entry }

// deadlines is a binary min-heap. Its order is total, so pops are deterministic.
type deadlines []due

func (h *deadlines) push(d due) {
	*h = append(*h, d)
	s := *h
	for i := len(s) - 1; i > 0; {
		parent := (i - 1) / 2
		if !s[i].before(s[parent]) {
			return
		}
		s[i], s[parent] = s[parent], s[i]
		i = parent
	}
}

func (h *deadlines) pop() due {
	s := *h
	top, last := s[0], len(s)-1
	s[0] = s[last]
	*h = s[:last]
	h.down(0)
	return top
}

func (h *deadlines) down(i int) {
	s := *h
	for {
		least, left := i, 2*i+1
		for _, child := range [2]int{left, left + 1} {
			if child < len(s) && s[child].before(s[least]) {
				least = child
			}
		}
		if least == i {
			return
		}
		s[i], s[least] = s[least], s[i]
		i = least
	}
}

// cut removes the deadlines of entries from index first on. It is linear, and runs only when
// a chain that contains a Pend is refused after it.
func (h *deadlines) cut(first int) {
	n := len(*h)
	*h = slices.DeleteFunc(*h, func(d due) bool { return d.entry >= first })
	if len(*h) == n {
		return
	}
	for i := len(*h)/2 - 1; i >= 0; i-- {
		h.down(i)
	}
}
