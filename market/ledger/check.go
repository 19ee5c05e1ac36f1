package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/weir-project/weir"
)

// Check recomputes every account from the entries alone and compares: totals, the zero sum of
// posted and pending amounts, limits, and that each pending transfer is resolved at most once.
// It costs one pass over all entries.
func (l *Ledger) Check() error {
	want := make([]Balance, len(l.accounts))
	for i, b := range l.accounts {
		want[i] = Balance{Account: b.Account, Flags: b.Flags}
	}
	resolved := map[weir.ID]State{}
	for n := range l.entries.len {
		e := *l.entries.at(n)
		if e.Seq != uint64(n)+1 {
			return fmt.Errorf("entry %d has sequence number %d", n+1, e.Seq)
		}
		if err := l.replayEntry(want, resolved, e); err != nil {
			return fmt.Errorf("entry %d, %s %s: %w", e.Seq, e.Kind, e.ID, err)
		}
	}
	for i, b := range l.accounts {
		if b != want[i] {
			return fmt.Errorf("account %s stands at %+v, its entries say %+v", b.Account, b, want[i])
		}
	}
	for i, state := range l.state {
		if e := l.entries.at(i); e.Kind == Pend && resolved[e.ID] != state {
			return fmt.Errorf("pending transfer %s is %s, its entries say %s", e.ID, state, resolved[e.ID])
		}
	}
	return zeroSum(l.accounts)
}

// replayEntry books e into the naive balances; limits must hold after every entry.
func (l *Ledger) replayEntry(want []Balance, resolved map[weir.ID]State, e Entry) error {
	d, c := &want[l.byName[e.Debit]], &want[l.byName[e.Credit]]
	switch e.Kind {
	case Move:
		d.Debits += e.Amount
		c.Credits += e.Amount
	case Pend:
		d.DebitsPending += e.Amount
		c.CreditsPending += e.Amount
	case Post, Void, Expire:
		p, ok := l.Entry(e.Pending)
		if !ok || p.Seq >= e.Seq {
			return errors.New("it resolves a transfer that is not recorded before it")
		}
		if resolved[p.ID] != Open {
			return fmt.Errorf("it resolves %s a second time", p.ID)
		}
		d.DebitsPending -= p.Amount
		c.CreditsPending -= p.Amount
		resolved[p.ID] = Voided
		if e.Kind == Expire {
			resolved[p.ID] = Expired
		}
		if e.Kind == Post {
			resolved[p.ID] = Posted
			d.Debits += e.Amount
			c.Credits += e.Amount
		}
	}
	if err := within(*d, 0); err != nil {
		return err
	}
	return within(*c, 0)
}

// zeroSum checks that what some accounts gave is what others took.
func zeroSum(accounts []Balance) error {
	var posted, pending weir.Nano
	for _, b := range accounts {
		// Wrapping is harmless: a sum that is zero is zero modulo 2^64.
		posted += b.Credits - b.Debits
		pending += b.CreditsPending - b.DebitsPending
	}
	if posted != 0 || pending != 0 {
		return fmt.Errorf("the accounts sum to %s posted and %s pending, not to zero", posted, pending)
	}
	return nil
}

// Hash digests the whole state. Equal histories give equal hashes on every machine.
func (l *Ledger) Hash() [sha256.Size]byte {
	h := sha256.New()
	var buf []byte
	flush := func() { h.Write(buf); buf = buf[:0] }
	put := func(v int64) { buf = binary.BigEndian.AppendUint64(buf, uint64(v)) }
	text := func(s string) { put(int64(len(s))); buf = append(buf, s...) }
	put(int64(l.now))
	put(int64(len(l.accounts)))
	for _, b := range l.accounts {
		text(string(b.Account))
		for _, v := range [...]weir.Nano{weir.Nano(b.Flags), b.Debits, b.Credits, b.DebitsPending, b.CreditsPending} {
			put(int64(v))
		}
		flush()
	}
	for i := range l.entries.len {
		e := l.entries.at(i)
		buf = append(buf, e.ID[:]...)
		buf = append(buf, e.Pending[:]...)
		buf = append(buf, e.Corrects[:]...)
		buf = append(buf, e.Ref[:]...)
		text(string(e.Debit))
		text(string(e.Credit))
		text(string(e.Reason))
		for _, v := range [...]int64{int64(e.Kind), int64(e.Amount), int64(e.Timeout), int64(e.At), int64(l.state[i]), int64(l.fixed[i])} {
			put(v)
		}
		flush()
	}
	return [sha256.Size]byte(h.Sum(nil))
}
