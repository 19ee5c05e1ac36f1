package ledger

import (
	"math"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
)

// Apply records a chain of transfers at an instant, whole or not at all. An error leaves the
// ledger exactly as it was. A chain all of whose ids are recorded with equal bodies is a
// replay; one of which only a part is recorded is a Conflict.
func (l *Ledger) Apply(now weir.Instant, chain ...Transfer) (Answer, error) {
	if len(chain) == 0 || len(chain) > ChainMax {
		return Answer{}, fault.New(fault.Invalid, "chain of %d transfers: want 1 to %d", len(chain), ChainMax)
	}
	if replay, ok, err := l.replay(chain); ok || err != nil {
		return replay, err
	}
	if now < l.now {
		return Answer{}, fault.New(fault.Invalid, "instant %s is before the ledger's %s: time never runs backwards", now, l.now)
	}
	l.undo, l.touched = l.undo[:0], l.touched[:0]
	first, before := l.entries.len, l.now
	l.now = now
	for i, t := range chain {
		if err := l.step(t); err != nil {
			l.rollback(first, before)
			if len(chain) == 1 {
				return Answer{}, err
			}
			return Answer{}, fault.New(fault.KindOf(err), "transfer %d of %d, %s: %w", i+1, len(chain), t.ID, err)
		}
	}
	return Answer{Entries: l.entries.since(first)}, nil
}

// replay answers a chain that was applied before. A chain that repeats an id inside itself is
// caught in step, because its first half is recorded by then.
func (l *Ledger) replay(chain []Transfer) (Answer, bool, error) {
	var known []Entry
	for _, t := range chain {
		i, ok := l.byID[t.ID]
		if !ok {
			continue
		}
		old := *l.entries.at(i)
		if field := difference(old.Transfer, l.filled(t)); field != "" {
			return Answer{}, false, fault.New(fault.Conflict, "transfer %s is recorded with another %s", t.ID, field)
		}
		known = append(known, old)
	}
	switch len(known) {
	case 0:
		return Answer{}, false, nil
	case len(chain):
		return Answer{Entries: known, Replay: true}, true, nil
	}
	return Answer{}, false, fault.New(fault.Conflict, "%d of the chain's %d transfers are recorded already, the others are not", len(known), len(chain))
}

// filled completes a Post or Void with what follows from the transfer it resolves.
func (l *Ledger) filled(t Transfer) Transfer {
	if t.Kind != Post && t.Kind != Void {
		return t
	}
	i, ok := l.byID[t.Pending]
	if !ok {
		return t
	}
	p := l.entries.at(i)
	if t.Debit == "" {
		t.Debit = p.Debit
	}
	if t.Credit == "" {
		t.Credit = p.Credit
	}
	if t.Kind == Void && t.Amount == 0 {
		t.Amount = p.Amount
	}
	return t
}

// difference names the first field in which two bodies differ, "" if none.
func difference(a, b Transfer) string {
	for _, f := range []struct {
		name string
		same bool
	}{
		{"kind", a.Kind == b.Kind},
		{"debit account", a.Debit == b.Debit},
		{"credit account", a.Credit == b.Credit},
		{"amount", a.Amount == b.Amount},
		{"pending", a.Pending == b.Pending},
		{"corrects", a.Corrects == b.Corrects},
		{"timeout", a.Timeout == b.Timeout},
		{"reason", a.Reason == b.Reason},
		{"ref", a.Ref == b.Ref},
	} {
		if !f.same {
			return f.name
		}
	}
	return ""
}

// step checks and records one transfer of a chain.
func (l *Ledger) step(t Transfer) error {
	if t.ID.IsZero() {
		return fault.New(fault.Invalid, "the id is zero")
	}
	if _, ok := l.byID[t.ID]; ok {
		return fault.New(fault.Conflict, "the id occurs twice in the chain")
	}
	if t.Amount < 0 {
		return fault.New(fault.Invalid, "amount %d is negative", int64(t.Amount))
	}
	if t.Kind != Pend && t.Timeout != 0 {
		return fault.New(fault.Invalid, "only a pending transfer has a timeout")
	}
	if t.Kind != Move && !t.Corrects.IsZero() {
		return fault.New(fault.Invalid, "only a move corrects another transfer")
	}
	switch t.Kind {
	case Move, Pend:
		return l.stepNew(t)
	case Post, Void:
		return l.stepResolve(t)
	case Expire:
		return fault.New(fault.Invalid, "expiry is the ledger's own doing")
	}
	return fault.New(fault.Invalid, "unknown %s", t.Kind)
}

func (l *Ledger) stepNew(t Transfer) error {
	if !t.Pending.IsZero() {
		return fault.New(fault.Invalid, "a %s resolves nothing, but names pending transfer %s", t.Kind, t.Pending)
	}
	if t.Kind == Move && t.Amount == 0 {
		return fault.New(fault.Invalid, "a move of nothing")
	}
	if t.Timeout < 0 || t.Timeout > time.Duration(math.MaxInt64-int64(l.now)) {
		return fault.New(fault.Invalid, "timeout %s is out of range", t.Timeout)
	}
	debit, credit, err := l.pair(t)
	if err != nil {
		return err
	}
	if err := l.correct(t); err != nil {
		return err
	}
	d, c := l.change(debit), l.change(credit)
	fits, pendFits := true, true
	if t.Kind == Move {
		d.Debits, fits = sum(d.Debits, t.Amount)
		c.Credits, pendFits = sum(c.Credits, t.Amount)
	} else {
		d.DebitsPending, fits = sum(d.DebitsPending, t.Amount)
		c.CreditsPending, pendFits = sum(c.CreditsPending, t.Amount)
	}
	if !fits || !pendFits {
		return fault.New(fault.Invalid, "amount %s overflows the total of an account", t.Amount)
	}
	if err := within(*d, t.Amount); err != nil {
		return err
	}
	if err := within(*c, t.Amount); err != nil {
		return err
	}
	l.record(t)
	return nil
}

// correct charges a correction to the transfer it names.
func (l *Ledger) correct(t Transfer) error {
	if t.Corrects.IsZero() {
		return nil
	}
	i, ok := l.byID[t.Corrects]
	if !ok {
		return fault.New(fault.NotFound, "transfer %s, which it corrects, is not recorded", t.Corrects)
	}
	old := l.entries.at(i)
	if old.Kind != Move && old.Kind != Post {
		return fault.New(fault.Invalid, "transfer %s, which it corrects, is a %s: it moved nothing", t.Corrects, old.Kind)
	}
	before := l.fixed[i]
	if t.Amount > old.Amount-before {
		return fault.New(fault.Invalid, "corrections of %s would reach %s, it moved %s", t.Corrects, before+t.Amount, old.Amount)
	}
	l.fixed[i] = before + t.Amount
	l.undo = append(l.undo, undo{what: undoFixed, index: i, fixed: before})
	return nil
}

func (l *Ledger) stepResolve(t Transfer) error {
	i, ok := l.byID[t.Pending]
	if !ok {
		return fault.New(fault.NotFound, "pending transfer %s is not recorded", t.Pending)
	}
	p := l.entries.at(i)
	if p.Kind != Pend {
		return fault.New(fault.Invalid, "transfer %s is a %s, not pending", t.Pending, p.Kind)
	}
	switch state := l.state[i]; {
	case state == Expired, state == Open && p.Timeout != 0 && deadline(p) <= l.now:
		return fault.New(fault.Expired, "pending transfer %s expired at %s", t.Pending, deadline(p))
	case state != Open:
		return fault.New(fault.Conflict, "pending transfer %s is %s already", t.Pending, state)
	}
	t = l.filled(t)
	if t.Debit != p.Debit || t.Credit != p.Credit {
		return fault.New(fault.Invalid, "pending transfer %s is between %s and %s", t.Pending, p.Debit, p.Credit)
	}
	if t.Kind == Void && t.Amount != p.Amount {
		return fault.New(fault.Invalid, "a void returns the whole reserve of %s, not %s", p.Amount, t.Amount)
	}
	if t.Kind == Post && t.Amount > p.Amount {
		return fault.New(fault.Invalid, "post of %s is above the reserve of %s", t.Amount, p.Amount)
	}
	if !l.resolve(i, t) {
		return fault.New(fault.Invalid, "amount %s overflows the total of an account", t.Amount)
	}
	return nil
}

// resolve returns the reserve of the open Pend at index i and, for a Post, moves its amount.
// It reports whether the totals fit.
func (l *Ledger) resolve(i int, t Transfer) bool {
	p := l.entries.at(i)
	d, c := l.change(l.byName[p.Debit]), l.change(l.byName[p.Credit])
	d.DebitsPending -= p.Amount
	c.CreditsPending -= p.Amount
	state, fits, alsoFits := Voided, true, true
	switch t.Kind {
	case Post:
		state = Posted
		d.Debits, fits = sum(d.Debits, t.Amount)
		c.Credits, alsoFits = sum(c.Credits, t.Amount)
	case Expire:
		state = Expired
	}
	l.state[i] = state
	l.undo = append(l.undo, undo{what: undoState, index: i})
	if !fits || !alsoFits {
		return false
	}
	l.record(t)
	return true
}

// pair finds the two accounts of a transfer.
func (l *Ledger) pair(t Transfer) (debit, credit int, err error) {
	if t.Debit == t.Credit {
		return 0, 0, fault.New(fault.Invalid, "debit and credit account are both %q", t.Debit)
	}
	debit, ok := l.byName[t.Debit]
	if !ok {
		return 0, 0, fault.New(fault.NotFound, "no account %q to debit", t.Debit)
	}
	credit, ok = l.byName[t.Credit]
	if !ok {
		return 0, 0, fault.New(fault.NotFound, "no account %q to credit", t.Credit)
	}
	return debit, credit, nil
}

// within checks an account's limits after amount was booked. Pending counts, and the other
// side's pending does not help: money that may still be voided cannot be spent.
func within(b Balance, amount weir.Nano) error {
	if b.Flags&DebitsWithinCredits != 0 && b.Debits > b.Credits-b.DebitsPending {
		return fault.New(fault.Denied, "account %s has %s available, %s is asked", b.Account, b.Available()+amount, amount)
	}
	if b.Flags&CreditsWithinDebits != 0 && b.Credits > b.Debits-b.CreditsPending {
		return fault.New(fault.Denied, "account %s may take %s, %s is given", b.Account, b.Debits-b.Credits-b.CreditsPending+amount, amount)
	}
	return nil
}

// change returns an account for writing and remembers it for rollback.
func (l *Ledger) change(i int) *Balance {
	l.undo = append(l.undo, undo{what: undoAccount, index: i, account: l.accounts[i]})
	l.touched = append(l.touched, i)
	return &l.accounts[i]
}

func (l *Ledger) record(t Transfer) {
	i := l.entries.len
	l.entries.push(Entry{Transfer: t, Seq: uint64(i) + 1, At: l.now})
	l.state = append(l.state, Open)
	l.byID[t.ID] = i
	if t.Kind == Pend && t.Timeout != 0 {
		l.timeouts.push(due{deadline(l.entries.at(i)), i})
	}
}

// rollback undoes a chain that was applied in part.
func (l *Ledger) rollback(first int, before weir.Instant) {
	for i := len(l.undo) - 1; i >= 0; i-- {
		switch u := l.undo[i]; {
		case u.what == undoAccount:
			l.accounts[u.index] = u.account
		case u.what == undoState:
			l.state[u.index] = Open
		case u.fixed == 0:
			delete(l.fixed, u.index)
		default:
			l.fixed[u.index] = u.fixed
		}
	}
	for i := first; i < l.entries.len; i++ {
		delete(l.byID, l.entries.at(i).ID)
	}
	l.entries.cut(first)
	l.timeouts.cut(first)
	l.state, l.now = l.state[:first], before
	l.touched = l.touched[:0]
}
