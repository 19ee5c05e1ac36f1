package centre

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/centre/readmodel"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market"
	"github.com/weir-project/weir/market/journal"
	"github.com/weir-project/weir/market/ledger"
)

// Report is what a check of the books found.
type Report struct {
	Records  uint64       `json:"records"` // last journal record
	Commands uint64       `json:"commands"`
	Events   uint64       `json:"events"`
	At       weir.Instant `json:"at"` // of the last command
	Accounts int          `json:"accounts"`
	Entries  int          `json:"entries"`
	Holds    int          `json:"holds"`
	Open     int          `json:"open"` // holds that are neither captured nor released
	Receipts int          `json:"receipts"`
	Disputed int          `json:"disputed"`
	// Deposited is what came in through the rails less what went out; it equals the sum of all
	// accounts inside.
	Deposited weir.Nano `json:"deposited"`
	Hash      string    `json:"hash"`            // of the exchange's state
	Chain     string    `json:"chain"`           // head of the journal's hash chain
	Torn      string    `json:"torn,omitempty"`  // end of the journal that nobody was told of
	Model     string    `json:"model,omitempty"` // how the read model compares
	// Problems lists what must not be; empty means that the books are clean.
	Problems []string `json:"problems,omitempty"`
}

// Clean reports whether nothing is wrong.
func (r Report) Clean() bool { return len(r.Problems) == 0 }

// problem adds one, up to a bound: the first ones say enough.
func (r *Report) problem(format string, args ...any) {
	const problemsMax = 100
	if len(r.Problems) < problemsMax {
		r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
	}
}

// Check audits the books in dir without changing them, from the journal alone: the hash chain,
// every signature of every receipt, each rule of each command, zero sum and limits, that each
// receipt was settled once and each hold resolved once, that no hold is open past its expiry,
// and that the read model, as far as it has come, equals the state. It may run beside the
// centre. An error means that the check could not be done; what it found is in the Report.
func Check(ctx context.Context, dir string) (Report, error) {
	var r Report
	model, seq, done, err := openModel(ctx, dir)
	if err != nil {
		r.problem("read model: %v", err)
	}
	defer done()
	x := market.New()
	compared := false
	compare := func() error {
		if compared || model == nil || x.EventSeq() < seq {
			return nil
		}
		compared = true
		return compareModel(ctx, &r, x, model)
	}
	if err := compare(); err != nil {
		return r, err
	}
	recovery, err := journal.Read(journalDir(dir), func(record uint64, payload []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		replayChecked(&r, x, record, payload)
		return compare()
	})
	if err := r.journal(recovery, err); err != nil {
		return r, err
	}
	r.state(x)
	switch {
	case model == nil && r.Model == "":
		r.Model = "absent"
	case model != nil && !compared:
		r.problem("read model has seen event %d, the journal ends at %d: it is from another history, rebuild it", seq, x.EventSeq())
	case model != nil:
		r.Model = fmt.Sprintf("%d of %d events", seq, x.EventSeq())
	}
	return r, nil
}

// openModel opens the read model, if there is one, as it is now: the centre may go on writing
// to it. done is for when it was read.
func openModel(ctx context.Context, dir string) (_ *readmodel.Model, seq uint64, done func(), err error) {
	none := func() {}
	if _, err := os.Stat(modelPath(dir)); errors.Is(err, fs.ErrNotExist) {
		return nil, 0, none, nil
	}
	m, err := readmodel.Open(ctx, modelPath(dir))
	if err != nil {
		return nil, 0, none, err
	}
	frozen, thaw, err := m.Frozen(ctx)
	if err != nil {
		return nil, 0, none, errors.Join(err, m.Close())
	}
	done = func() { _ = errors.Join(thaw(), m.Close()) } // it was only read
	if seq, err = frozen.Seq(ctx); err != nil {
		done()
		return nil, 0, none, err
	}
	return frozen, seq, done, nil
}

// replayChecked applies a journalled command with every check, signatures included.
func replayChecked(r *Report, x *market.Exchange, record uint64, payload []byte) {
	cmd, err := market.DecodeCommand(payload)
	if err != nil {
		r.problem("record %d: %v", record, err)
		return
	}
	result, events, err := x.Apply(cmd)
	switch {
	case err != nil:
		r.problem("record %d was accepted and should have been refused: %v", record, err)
	case result.Replay:
		r.problem("record %d repeats an earlier one", record)
	}
	for _, e := range events {
		if e.Settled != nil {
			r.Receipts++
			if e.Settled.Disputed {
				r.Disputed++
			}
		}
	}
}

// journal turns what reading the journal gave into findings.
func (r *Report) journal(recovery journal.Recovery, err error) error {
	r.Records, r.Chain = recovery.Last, hex.EncodeToString(recovery.Head[:])
	if recovery.Cut != nil {
		r.Torn = recovery.Cut.String()
	}
	if corrupt, ok := errors.AsType[*journal.Corrupt](err); ok {
		r.problem("%v", corrupt)
		return nil
	}
	return err
}

// state audits the exchange that the journal leads to.
func (r *Report) state(x *market.Exchange) {
	if err := x.Check(); err != nil {
		r.problem("%v", err)
	}
	r.Commands, r.Events, r.At = x.Seq(), x.EventSeq(), x.Now()
	r.Accounts, r.Entries = len(x.Ledger().Balances()), x.Ledger().Len()
	for _, h := range x.Holds() {
		r.Holds++
		if h.State != market.HoldOpen {
			continue
		}
		r.Open++
		if h.Deadline <= x.Now() {
			r.problem("hold %s is open, it expired at %s", h.Hold, h.Deadline)
		}
	}
	for _, b := range x.Ledger().Balances() {
		if b.Flags&ledger.CreditsWithinDebits != 0 {
			r.Deposited += b.Debits - b.Credits
		}
	}
	hash := x.Hash()
	r.Hash = hex.EncodeToString(hash[:])
}

// compareModel compares every table of the read model with the exchange at the same event.
func compareModel(ctx context.Context, r *Report, x *market.Exchange, m *readmodel.Model) error {
	s := x.Snapshot()
	slices.SortFunc(s.Balances, func(a, b ledger.Balance) int { return strings.Compare(string(a.Account), string(b.Account)) })
	return errors.Join(
		same(ctx, r, "accounts", s.Balances, m.Accounts),
		same(ctx, r, "tenants", s.Tenants, m.Tenants),
		same(ctx, r, "keys", s.Keys, m.Keys),
		same(ctx, r, "providers", s.Providers, m.Providers),
		same(ctx, r, "signers", s.Signers, m.Signers),
		same(ctx, r, "offers", s.Offers, func(ctx context.Context) (out []market.PostedOffer, err error) {
			offers, err := m.Offers(ctx, false)
			for _, o := range offers {
				out = append(out, o.PostedOffer)
			}
			return out, err
		}),
		same(ctx, r, "holds", x.Holds(), func(ctx context.Context) (out []market.Hold, err error) {
			return pages(func(after weir.ID) ([]market.Hold, weir.ID, error) {
				page, err := m.Holds(ctx, readmodel.HoldFilter{After: after, Limit: readmodel.LimitMax})
				return page, last(page).Hold, err
			})
		}),
		compareEntries(ctx, r, x, m),
		compareReceipts(ctx, r, x, m),
	)
}

// same compares one table, row by row.
func same[T any](ctx context.Context, r *Report, table string, want []T, read func(context.Context) ([]T, error)) error {
	got, err := read(ctx)
	if err != nil {
		return fault.New(fault.Unavailable, "check read model: %w", err)
	}
	if len(got) != len(want) {
		r.problem("read model: %s has %d rows, the exchange %d", table, len(got), len(want))
		return nil
	}
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) {
			r.problem("read model: %s row %d is %+v, the exchange has %+v", table, i+1, got[i], want[i])
		}
	}
	return nil
}

func compareEntries(ctx context.Context, r *Report, x *market.Exchange, m *readmodel.Model) error {
	want := make([]ledger.Entry, x.Ledger().Len())
	for i := range want {
		want[i] = x.Ledger().At(uint64(i) + 1)
	}
	return same(ctx, r, "entries", want, func(ctx context.Context) ([]ledger.Entry, error) {
		return pages(func(after uint64) ([]ledger.Entry, uint64, error) {
			page, err := m.Entries(ctx, readmodel.EntryFilter{After: after, Limit: readmodel.LimitMax})
			return page, last(page).Seq, err
		})
	})
}

// compareReceipts checks that the receipts of the model are the settlements of the exchange,
// and that each document is the one that its id names.
func compareReceipts(ctx context.Context, r *Report, x *market.Exchange, m *readmodel.Model) error {
	receipts, err := pages(func(after uint64) ([]readmodel.Receipt, uint64, error) {
		page, err := m.Receipts(ctx, readmodel.ReceiptFilter{After: after, Limit: readmodel.LimitMax})
		return page, last(page).Seq, err
	})
	if err != nil {
		return fault.New(fault.Unavailable, "check read model: %w", err)
	}
	captured := 0
	for _, h := range x.Holds() {
		if h.State == market.HoldCaptured {
			captured++
		}
	}
	if len(receipts) != captured {
		r.problem("read model: %d receipts, the exchange settled %d", len(receipts), captured)
	}
	for _, got := range receipts {
		want, ok := x.Settlement(got.Hold)
		if !ok || want != got.Settlement || got.Document.ID() != got.Settlement.Receipt {
			r.problem("read model: receipt %s is %+v, the exchange has %+v", got.Settlement.Receipt, got.Settlement, want)
		}
	}
	return nil
}

// pages reads a query to its end. Each page says where the next one starts.
func pages[T, A any](page func(after A) (rows []T, last A, err error)) ([]T, error) {
	var all []T
	var after A
	for {
		rows, next, err := page(after)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
		if len(rows) < readmodel.LimitMax {
			return all, nil
		}
		after = next
	}
}

// last is the last of rows, or the zero value.
func last[T any](rows []T) (v T) {
	if len(rows) > 0 {
		v = rows[len(rows)-1]
	}
	return v
}
