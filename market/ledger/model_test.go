package ledger

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
)

// naive is the ledger as one would write it on a napkin: every question is answered by going
// through the whole history. It shares no code with the real one.
type naive struct {
	flags   map[Account]Flags
	history []naiveStep
	now     weir.Instant
}

type naiveStep struct {
	Transfer
	at weir.Instant
}

// position is what an account has posted and reserved on both sides.
type position struct{ debits, credits, debitsPending, creditsPending weir.Nano }

func (n *naive) find(id weir.ID) (naiveStep, bool) {
	i := slices.IndexFunc(n.history, func(s naiveStep) bool { return s.ID == id })
	if i < 0 {
		return naiveStep{}, false
	}
	return n.history[i], true
}

// resolution is the step that resolved a pending transfer.
func (n *naive) resolution(pending weir.ID) (naiveStep, bool) {
	i := slices.IndexFunc(n.history, func(s naiveStep) bool { return s.Pending == pending })
	if i < 0 {
		return naiveStep{}, false
	}
	return n.history[i], true
}

func (n *naive) positions() map[Account]position {
	out := map[Account]position{}
	for _, s := range n.history {
		d, c := out[s.Debit], out[s.Credit]
		switch s.Kind {
		case Move, Post:
			d.debits += s.Amount
			c.credits += s.Amount
		case Pend:
			if _, done := n.resolution(s.ID); !done {
				d.debitsPending += s.Amount
				c.creditsPending += s.Amount
			}
		}
		out[s.Debit], out[s.Credit] = d, c
	}
	return out
}

func (n *naive) withinLimits() bool {
	for name, p := range n.positions() {
		if n.flags[name]&DebitsWithinCredits != 0 && p.debits+p.debitsPending > p.credits {
			return false
		}
		if n.flags[name]&CreditsWithinDebits != 0 && p.credits+p.creditsPending > p.debits {
			return false
		}
	}
	return true
}

// apply returns whether the chain is applied; a replay counts as applied.
func (n *naive) apply(now weir.Instant, chain []Transfer) bool {
	known := 0
	for _, t := range chain {
		if old, ok := n.find(t.ID); ok {
			if n.complete(t) != old.Transfer {
				return false
			}
			known++
		}
	}
	if known > 0 {
		return known == len(chain)
	}
	if now < n.now {
		return false
	}
	before := len(n.history)
	for _, t := range chain {
		if !n.step(now, t) {
			n.history = n.history[:before]
			return false
		}
	}
	n.now = now
	return true
}

func (n *naive) complete(t Transfer) Transfer {
	if p, ok := n.find(t.Pending); ok && (t.Kind == Post || t.Kind == Void) {
		t.Debit, t.Credit = p.Debit, p.Credit
		if t.Kind == Void {
			t.Amount = p.Amount
		}
	}
	return t
}

func (n *naive) step(now weir.Instant, t Transfer) bool {
	if _, again := n.find(t.ID); again {
		return false
	}
	switch t.Kind {
	case Move, Pend:
		_, debitOK := n.flags[t.Debit]
		_, creditOK := n.flags[t.Credit]
		if !debitOK || !creditOK || t.Debit == t.Credit || t.Amount < 0 || t.Kind == Move && t.Amount == 0 || !n.mayCorrect(t) {
			return false
		}
	case Post, Void:
		p, ok := n.find(t.Pending)
		_, done := n.resolution(t.Pending)
		late := p.Timeout > 0 && p.at.Add(p.Timeout) <= now
		if !ok || p.Kind != Pend || done || late || t.Amount > p.Amount || t.Amount < 0 {
			return false
		}
	}
	n.history = append(n.history, naiveStep{n.complete(t), now})
	return n.withinLimits()
}

func (n *naive) mayCorrect(t Transfer) bool {
	if t.Corrects.IsZero() {
		return true
	}
	old, ok := n.find(t.Corrects)
	if !ok || old.Kind != Move && old.Kind != Post || t.Kind != Move {
		return false
	}
	total := t.Amount
	for _, s := range n.history {
		if s.Corrects == t.Corrects {
			total += s.Amount
		}
	}
	return total <= old.Amount
}

// tick returns the pending transfers that expire, by deadline.
func (n *naive) tick(now weir.Instant) []weir.ID {
	var due []naiveStep
	for _, s := range n.history {
		_, done := n.resolution(s.ID)
		if s.Kind == Pend && !done && s.Timeout > 0 && s.at.Add(s.Timeout) <= now {
			due = append(due, s)
		}
	}
	slices.SortStableFunc(due, func(a, b naiveStep) int { return int(a.at.Add(a.Timeout) - b.at.Add(b.Timeout)) })
	var out []weir.ID
	for _, s := range due {
		out = append(out, s.ID)
		n.history = append(n.history, naiveStep{Transfer{ID: expiryID(s.ID), Kind: Expire, Debit: s.Debit, Credit: s.Credit, Amount: s.Amount, Pending: s.ID}, now})
	}
	n.now = now
	return out
}

// machine drives both ledgers with the same steps.
type machine struct {
	real  *Ledger
	naive *naive
	ids   []weir.ID // used so far, so that steps meet each other
}

var accountNames = []Account{"rail", "a", "b", "open"}

func (m *machine) anyID(t *rapid.T) weir.ID {
	if len(m.ids) > 0 && rapid.IntRange(0, 3).Draw(t, "old id") > 0 {
		return rapid.SampledFrom(m.ids).Draw(t, "id")
	}
	v := id(fmt.Sprint(len(m.ids)))
	m.ids = append(m.ids, v)
	return v
}

func (m *machine) transfer(t *rapid.T) Transfer {
	v := Transfer{
		ID:     m.anyID(t),
		Kind:   Kind(rapid.IntRange(int(Move), int(Void)).Draw(t, "kind")),
		Amount: weir.Nano(rapid.Int64Range(0, 60).Draw(t, "amount")),
	}
	switch v.Kind {
	case Move, Pend:
		v.Debit = rapid.SampledFrom(accountNames).Draw(t, "debit")
		v.Credit = rapid.SampledFrom(accountNames).Draw(t, "credit")
		if v.Kind == Pend {
			v.Timeout = time.Duration(rapid.Int64Range(0, 20).Draw(t, "timeout"))
		} else if rapid.IntRange(0, 4).Draw(t, "correction") == 0 {
			v.Corrects = m.anyID(t)
		}
	case Post:
		v.Pending = m.anyID(t)
	case Void:
		v.Pending, v.Amount = m.anyID(t), 0
	}
	return v
}

func (m *machine) apply(t *rapid.T) {
	now := m.naive.now + weir.Instant(rapid.Int64Range(-1, 5).Draw(t, "passes"))
	var chain []Transfer
	for range rapid.IntRange(1, 3).Draw(t, "chain") {
		chain = append(chain, m.transfer(t))
	}
	before := m.real.Hash()
	answer, err := m.real.Apply(now, chain...)
	if applied := m.naive.apply(now, chain); applied != (err == nil) {
		t.Fatalf("%+v at %d: %v; the naive ledger says applied = %t", chain, now, err, applied)
	}
	if (err != nil || answer.Replay) && m.real.Hash() != before {
		t.Fatalf("a refusal or a replay changed the ledger: %v", err)
	}
	if err != nil && fault.KindOf(err) == fault.Internal {
		t.Fatalf("an error without a kind: %v", err)
	}
}

func (m *machine) tick(t *rapid.T) {
	now := m.naive.now + weir.Instant(rapid.Int64Range(0, 15).Draw(t, "passes"))
	entries, err := m.real.Tick(now)
	if err != nil {
		t.Fatal(err)
	}
	var got []weir.ID
	for _, e := range entries {
		got = append(got, e.Pending)
	}
	if want := m.naive.tick(now); !slices.Equal(got, want) {
		t.Fatalf("tick expires %v, the naive ledger %v", got, want)
	}
}

func (m *machine) check(t *rapid.T) {
	if err := m.real.Check(); err != nil {
		t.Fatal(err)
	}
	positions := m.naive.positions()
	for _, b := range m.real.Balances() {
		if got := (position{b.Debits, b.Credits, b.DebitsPending, b.CreditsPending}); got != positions[b.Account] {
			t.Fatalf("%s stands at %+v, the naive ledger has %+v", b.Account, got, positions[b.Account])
		}
	}
	if m.real.Len() != len(m.naive.history) {
		t.Fatalf("%d entries, the naive ledger has %d", m.real.Len(), len(m.naive.history))
	}
}

// TestAgainstNaive runs random steps on the ledger and on the naive one, and compares after
// each; at the end, the recorded history replayed gives the same hash.
func TestAgainstNaive(t *testing.T) {
	flags := map[Account]Flags{"rail": CreditsWithinDebits, "a": DebitsWithinCredits, "b": DebitsWithinCredits, "open": 0}
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{real: New(), naive: &naive{flags: flags}}
		for _, name := range accountNames {
			if err := m.real.Open(name, flags[name]); err != nil {
				t.Fatal(err)
			}
		}
		t.Repeat(map[string]func(*rapid.T){"apply": m.apply, "apply2": m.apply, "apply3": m.apply, "tick": m.tick, "": m.check})
		if got, want := replayed(t, m.real), m.real.Hash(); got != want {
			t.Fatalf("replayed history gives %x, the ledger is at %x", got, want)
		}
	})
}

// replayed builds a ledger from the entries of another.
func replayed(t *rapid.T, old *Ledger) [32]byte {
	l := New()
	for _, b := range old.Balances() {
		if err := l.Open(b.Account, b.Flags); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range old.entries.since(0) {
		if e.Kind == Expire {
			if _, err := l.Tick(e.At); err != nil {
				t.Fatal(err)
			}
			continue
		}
		// Chains are gone from the record, so limits that held for the whole may not hold for
		// every prefix; they do, because the ledger checks each step of a chain.
		if _, err := l.Apply(e.At, e.Transfer); err != nil {
			t.Fatal(err)
		}
	}
	l.now = old.now
	return l.Hash()
}
