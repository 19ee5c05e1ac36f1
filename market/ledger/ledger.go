// Package ledger keeps double-entry accounts in int64 nano-USD, with transfers in two phases.
//
// It is the only place where money moves. A transfer takes an amount from one account and
// gives it to another, so the sum over all accounts is zero after every step. A pending
// transfer reserves; what it reserves counts against the limits of both accounts at once, so
// posting it later can never overdraw. Posting takes at most the reserve and returns the
// rest; voiding and expiry return all of it; each pending transfer is resolved exactly once.
//
// The client chooses a transfer's 128-bit id, which is its idempotency key: the same id with
// the same body gets the first answer, marked as a replay, with another body a Conflict that
// names the field. A chain of transfers is applied whole or not at all. Nothing recorded ever
// changes: a correction is a new transfer that names the old one.
//
// A Ledger has no clock and no I/O. Time is an argument and never runs backwards; timeouts
// are relative to it and fire in Tick alone, so a replayed journal expires the same transfers
// at the same place. It is not safe for concurrent use: one goroutine owns it. The semantics
// follow TigerBeetle's documentation (tigerbeetle: docs/reference/transfer.md).
package ledger

import (
	"fmt"
	"math"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
)

// ChainMax bounds the transfers of one chain.
const ChainMax = 64

// Account names an account. The caller chooses the scheme; the ledger only compares.
type Account string

// Flags limit an account. An account without flags may stand on either side.
type Flags uint8

const (
	// DebitsWithinCredits keeps posted plus pending debits at or below posted credits: the
	// account can never pay what it does not have. Tenants, providers and escrow.
	DebitsWithinCredits Flags = 1 << iota
	// CreditsWithinDebits is its mirror: a rail cannot pay out more than came in through it.
	CreditsWithinDebits
)

// Balance is an account's four running totals.
type Balance struct {
	Account        Account   `json:"account"`
	Flags          Flags     `json:"flags"`
	Debits         weir.Nano `json:"debits"`
	Credits        weir.Nano `json:"credits"`
	DebitsPending  weir.Nano `json:"debits_pending"`
	CreditsPending weir.Nano `json:"credits_pending"`
}

// Posted is what the account holds: credits minus debits.
func (b Balance) Posted() weir.Nano { return b.Credits - b.Debits }

// Available is what the account may still spend: posted minus reserved.
func (b Balance) Available() weir.Nano { return b.Credits - b.Debits - b.DebitsPending }

// Kind says what a transfer does.
type Kind uint8

// The kinds. Expire is written by Tick alone.
const (
	Move   Kind = iota + 1 // take from Debit and give to Credit, at once
	Pend                   // reserve, until posted, voided or expired
	Post                   // turn at most the reserve of Pending into a movement, return the rest
	Void                   // return the reserve of Pending
	Expire                 // return the reserve of Pending because its timeout passed
)

var kindNames = [...]string{Move: "move", Pend: "pend", Post: "post", Void: "void", Expire: "expire"}

// String is the kind's name.
func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// MarshalText prints the kind's name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads a kind's name.
func (k *Kind) UnmarshalText(text []byte) error {
	for i, name := range kindNames {
		if name != "" && name == string(text) {
			*k = Kind(i)
			return nil
		}
	}
	return fmt.Errorf("transfer kind %q: want move, pend, post, void or expire", text)
}

// Reason says what a transfer is for, in the caller's words: deposit, hold, payout.
type Reason string

// Transfer is one movement or one step of a movement in two phases.
type Transfer struct {
	ID     weir.ID   `json:"id"` // idempotency key, never zero
	Kind   Kind      `json:"kind"`
	Debit  Account   `json:"debit"`  // gives; Post and Void may leave both empty
	Credit Account   `json:"credit"` // takes
	Amount weir.Nano `json:"amount"` // Move: > 0; Pend, Post: ≥ 0; Void: 0 or the reserve
	// Pending is the transfer that Post and Void resolve.
	Pending weir.ID `json:"pending,omitzero"`
	// Corrects is the posted transfer that this Move takes back, in whole or in part.
	// Corrections of one transfer never add up to more than it moved.
	Corrects weir.ID `json:"corrects,omitzero"`
	// Timeout of a Pend, counted from its own instant; 0: never.
	Timeout time.Duration `json:"timeout,omitempty"`
	Reason  Reason        `json:"reason"`
	Ref     weir.ID       `json:"ref,omitzero"` // the caller's reference: a request, a command
}

// Entry is a transfer as recorded. Entries are immutable and ordered by Seq, from 1, gap-free.
type Entry struct {
	Transfer
	Seq uint64       `json:"seq"`
	At  weir.Instant `json:"at"`
}

// State is where a pending transfer stands. Only Open may change, and only once.
type State uint8

// The states of a pending transfer.
const (
	Open State = iota
	Posted
	Voided
	Expired
)

// String names the state.
func (s State) String() string {
	return [...]string{"open", "posted", "voided", "expired"}[s&3]
}

// Answer is what Apply did.
type Answer struct {
	Entries []Entry
	Replay  bool // the chain had been applied before; Entries are those of then
}

// Ledger holds the accounts and every entry. Its zero value is not usable: call New.
type Ledger struct {
	now      weir.Instant
	accounts []Balance // in order of opening
	byName   map[Account]int
	entries  entries
	byID     map[weir.ID]int   // → entries
	state    []State           // beside entries; means something for Pends
	fixed    map[int]weir.Nano // entry → sum of its corrections
	timeouts deadlines         // of Pends; resolved ones are skipped when they come up
	undo     []undo            // of the chain in progress
	touched  []int             // accounts that the chain in progress changed
}

// New returns a ledger without accounts.
func New() *Ledger {
	return &Ledger{
		byName: map[Account]int{},
		byID:   map[weir.ID]int{},
		fixed:  map[int]weir.Nano{},
	}
}

// Open creates an account. Opening it again with equal flags is a no-op, with others a Conflict.
func (l *Ledger) Open(name Account, flags Flags) error {
	if name == "" {
		return fault.New(fault.Invalid, "open account: the name is empty")
	}
	if i, ok := l.byName[name]; ok {
		if l.accounts[i].Flags != flags {
			return fault.New(fault.Conflict, "open account %s: it exists with flags %d, not %d", name, l.accounts[i].Flags, flags)
		}
		return nil
	}
	l.byName[name] = len(l.accounts)
	l.accounts = append(l.accounts, Balance{Account: name, Flags: flags})
	return nil
}

// Balance returns an account's totals.
func (l *Ledger) Balance(name Account) (Balance, bool) {
	i, ok := l.byName[name]
	if !ok {
		return Balance{}, false
	}
	return l.accounts[i], true
}

// Balances returns every account in order of opening.
func (l *Ledger) Balances() []Balance { return append([]Balance(nil), l.accounts...) }

// Entry returns a recorded transfer.
func (l *Ledger) Entry(id weir.ID) (Entry, bool) {
	i, ok := l.byID[id]
	if !ok {
		return Entry{}, false
	}
	return *l.entries.at(i), true
}

// Len is the number of entries; Seq runs from 1 to Len.
func (l *Ledger) Len() int { return l.entries.len }

// At returns the entry with Seq n, 1 ≤ n ≤ Len.
func (l *Ledger) At(n uint64) Entry { return *l.entries.at(int(n) - 1) }

// Pending returns a pending transfer's state and the instant at which it expires (0: never).
func (l *Ledger) Pending(id weir.ID) (State, weir.Instant, bool) {
	i, ok := l.byID[id]
	if !ok || l.entries.at(i).Kind != Pend {
		return 0, 0, false
	}
	return l.state[i], deadline(l.entries.at(i)), true
}

// Now is the latest instant the ledger has seen.
func (l *Ledger) Now() weir.Instant { return l.now }

// undo is what one step of a chain overwrote: an account, a Pend's state or the sum of an
// entry's corrections.
type undo struct {
	what    uint8
	index   int
	account Balance
	fixed   weir.Nano
}

const (
	undoAccount uint8 = iota
	undoState
	undoFixed
)

func deadline(e *Entry) weir.Instant {
	if e.Timeout == 0 {
		return 0
	}
	return e.At.Add(e.Timeout)
}

// sum adds two amounts and reports whether the result fits the ledger's unit.
func sum(a, b weir.Nano) (weir.Nano, bool) {
	if b > 0 && a > math.MaxInt64-b {
		return 0, false
	}
	return a + b, true
}

// entries is a list that grows by chunks: doubling one slice would copy the whole history
// again and again, and pause the exchange for it.
type entries struct {
	chunks [][]Entry
	len    int
}

const chunkLen = 4096

func (s *entries) at(i int) *Entry { return &s.chunks[i/chunkLen][i%chunkLen] }

func (s *entries) push(e Entry) {
	if s.len == len(s.chunks)*chunkLen {
		s.chunks = append(s.chunks, make([]Entry, chunkLen))
	}
	s.len++
	*s.at(s.len - 1) = e
}

// since copies the entries from index i on.
func (s *entries) since(i int) []Entry {
	out := make([]Entry, 0, s.len-i)
	for ; i < s.len; i++ {
		out = append(out, *s.at(i))
	}
	return out
}

// cut drops the entries from index n on.
func (s *entries) cut(n int) {
	for i := n; i < s.len; i++ {
		*s.at(i) = Entry{}
	}
	s.len = n
}
