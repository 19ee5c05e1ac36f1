package readmodel

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market"
	"github.com/weir-project/weir/market/ledger"
	"github.com/weir-project/weir/market/receipt"
)

// Limits of one page of a query.
const (
	LimitDefault = 100
	LimitMax     = 10_000
)

// Accounts lists all accounts by name.
func (m *Model) Accounts(ctx context.Context) ([]ledger.Balance, error) {
	return collect(ctx, m.q, `SELECT account, flags, debits, credits, debits_pending, credits_pending FROM accounts ORDER BY account`, nil,
		func(row *sql.Rows) (b ledger.Balance, err error) {
			return b, row.Scan(&b.Account, &b.Flags, &b.Debits, &b.Credits, &b.DebitsPending, &b.CreditsPending)
		})
}

// EntryFilter selects ledger entries; zero fields select all.
type EntryFilter struct {
	Account ledger.Account // on either side
	Reason  ledger.Reason
	Ref     weir.ID // request, or command for deposits and payouts
	ID      weir.ID
	Since   weir.Instant // at or after
	Until   weir.Instant // before
	After   uint64       // entries with a greater number: the next page
	Limit   int          // 0: LimitDefault
	Newest  bool         // the last ones instead of the first; still in order of their numbers
}

// Entries lists ledger entries in order.
func (m *Model) Entries(ctx context.Context, f EntryFilter) ([]ledger.Entry, error) {
	var w where
	w.text("(debit = ? OR credit = ?)", string(f.Account), 2)
	w.text("reason = ?", string(f.Reason), 1)
	w.id("ref = ?", f.Ref)
	w.id("id = ?", f.ID)
	w.number("at >= ?", int64(f.Since))
	w.number("at < ?", int64(f.Until))
	w.number("seq > ?", int64(f.After))
	query, err := w.page(`seq, id, kind, debit, credit, amount, pending, corrects, timeout, reason, ref, at FROM entries`, f.Limit, f.Newest)
	if err != nil {
		return nil, err
	}
	return collect(ctx, m.q, query, w.args, scanEntry)
}

func scanEntry(row *sql.Rows) (e ledger.Entry, err error) {
	var kind string
	if err := row.Scan(&e.Seq, idText{&e.ID}, &kind, &e.Debit, &e.Credit, &e.Amount, idText{&e.Pending}, idText{&e.Corrects},
		&e.Timeout, &e.Reason, idText{&e.Ref}, &e.At); err != nil {
		return e, err
	}
	return e, e.Kind.UnmarshalText([]byte(kind))
}

// Receipt is a settled receipt with what became of it.
type Receipt struct {
	Seq uint64       `json:"seq"` // of the event that settled it
	At  weir.Instant `json:"at"`
	market.Settlement
	Document  receipt.Receipt   `json:"document"`
	Statement receipt.Statement `json:"-"` // of Document
}

// Receipt finds a receipt by its own id, or by that of its request or hold.
func (m *Model) Receipt(ctx context.Context, id weir.ID) (Receipt, error) {
	s := id.String()
	found, err := collect(ctx, m.q, `SELECT `+receiptColumns+` WHERE receipt = ? OR request = ? OR hold = ? ORDER BY seq DESC LIMIT 1`, []any{s, s, s}, scanReceipt)
	if err != nil {
		return Receipt{}, err
	}
	if len(found) == 0 {
		return Receipt{}, fault.New(fault.NotFound, "no receipt with id, request or hold %s", id)
	}
	return found[0], nil
}

// ReceiptFilter selects receipts; zero fields select all.
type ReceiptFilter struct {
	Tenant   weir.TenantID
	Provider weir.ProviderID
	Node     weir.NodeID
	Model    string
	Disputed bool // only those
	Since    weir.Instant
	Until    weir.Instant
	After    uint64 // receipts with a greater Seq: the next page
	Limit    int    // 0: LimitDefault
	Newest   bool   // the last ones instead of the first; still in order of Seq
}

// Receipts lists receipts in the order in which they were settled.
func (m *Model) Receipts(ctx context.Context, f ReceiptFilter) ([]Receipt, error) {
	var w where
	w.text("tenant = ?", string(f.Tenant), 1)
	w.text("provider = ?", string(f.Provider), 1)
	w.text("node = ?", string(f.Node), 1)
	w.text("model = ?", f.Model, 1)
	if f.Disputed {
		w.number("disputed = ?", 1)
	}
	w.number("at >= ?", int64(f.Since))
	w.number("at < ?", int64(f.Until))
	w.number("seq > ?", int64(f.After))
	query, err := w.page(receiptColumns, f.Limit, f.Newest)
	if err != nil {
		return nil, err
	}
	return collect(ctx, m.q, query, w.args, scanReceipt)
}

const receiptColumns = `seq, at, receipt, hold, charge, amount, payout, fee, rounding, released, disputed, excess, document FROM receipts`

func scanReceipt(row *sql.Rows) (r Receipt, err error) {
	var charge, document string
	if err := row.Scan(&r.Seq, &r.At, idText{&r.Settlement.Receipt}, idText{&r.Hold}, &charge, &r.Split.Charge, &r.Split.Payout, &r.Split.Fee,
		&r.Split.Rounding, &r.Released, &r.Disputed, &r.Excess, &document); err != nil {
		return r, err
	}
	if err := r.Charge.UnmarshalText([]byte(charge)); err != nil {
		return r, err
	}
	if r.Document, err = receipt.Decode([]byte(document)); err != nil {
		return r, err
	}
	r.Statement, err = r.Document.Open()
	return r, err
}

// Offer is an offer as it was posted, and how it ended.
type Offer struct {
	market.PostedOffer
	Posted weir.Instant `json:"posted"`
	Closed weir.Instant `json:"closed,omitempty"` // 0: standing
	Reason string       `json:"reason,omitempty"` // withdrawn, expired or replaced
}

// Offers lists offers by id and version: the standing ones, or all there ever were.
func (m *Model) Offers(ctx context.Context, closed bool) ([]Offer, error) {
	query := `SELECT offer, version, provider, site, node, model, digest, input, cached, output, context, streams, expires, posted, closed, reason FROM offers`
	if !closed {
		query += ` WHERE closed = 0`
	}
	return collect(ctx, m.q, query+` ORDER BY offer, version`, nil, func(row *sql.Rows) (o Offer, err error) {
		return o, row.Scan(&o.ID, &o.Version, &o.Provider, &o.Site, &o.Node, &o.Model, &o.Digest, &o.Prices.Input, &o.Prices.Cached, &o.Prices.Output,
			&o.Context, &o.Streams, &o.Expires, &o.Posted, &o.Closed, &o.Reason)
	})
}

// HoldFilter selects holds; zero fields select all.
type HoldFilter struct {
	Tenant weir.TenantID
	State  market.HoldState
	After  weir.ID // holds with a greater id: the next page
	Limit  int     // 0: LimitDefault
}

// Holds lists holds by id.
func (m *Model) Holds(ctx context.Context, f HoldFilter) ([]market.Hold, error) {
	var w where
	w.text("tenant = ?", string(f.Tenant), 1)
	w.text("state = ?", string(f.State), 1)
	w.id("hold > ?", f.After)
	limit, err := pageLimit(f.Limit)
	if err != nil {
		return nil, err
	}
	query := fmt.Sprintf(`SELECT hold, request, tenant, key, amount, deadline, state, receipt, captured, refunded, provider FROM holds%s ORDER BY hold LIMIT %d`, w.clause(), limit)
	return collect(ctx, m.q, query, w.args, func(row *sql.Rows) (h market.Hold, err error) {
		return h, row.Scan(idText{&h.Hold}, idText{&h.Request}, &h.Tenant, &h.Key, &h.Amount, &h.Deadline, &h.State,
			idText{&h.Receipt}, &h.Captured, &h.Refunded, &h.Provider)
	})
}

// Keys lists API keys by id; the keys themselves are nowhere, only digests.
func (m *Model) Keys(ctx context.Context) ([]market.Key, error) {
	return collect(ctx, m.q, `SELECT key, tenant, digest, name, expires, revoked FROM keys ORDER BY key`, nil, func(row *sql.Rows) (k market.Key, err error) {
		return k, row.Scan(&k.Key, &k.Tenant, &k.Digest, &k.Name, &k.Expires, &k.Revoked)
	})
}

// Tenants lists tenants by id.
func (m *Model) Tenants(ctx context.Context) ([]market.Tenant, error) {
	return collect(ctx, m.q, `SELECT tenant, opened FROM tenants ORDER BY tenant`, nil, func(row *sql.Rows) (t market.Tenant, err error) {
		return t, row.Scan(&t.Tenant, &t.Opened)
	})
}

// Providers lists providers by id.
func (m *Model) Providers(ctx context.Context) ([]market.Provider, error) {
	return collect(ctx, m.q, `SELECT provider, payout FROM providers ORDER BY provider`, nil, func(row *sql.Rows) (p market.Provider, err error) {
		return p, row.Scan(&p.Provider, &p.Payout)
	})
}

// Signers lists registered public keys by role and name.
func (m *Model) Signers(ctx context.Context) ([]market.Signer, error) {
	return collect(ctx, m.q, `SELECT role, name, provider, key FROM signers ORDER BY role, name`, nil, func(row *sql.Rows) (s market.Signer, err error) {
		return s, row.Scan(&s.Role, &s.Name, &s.Provider, (*[]byte)(&s.Key))
	})
}

// collect runs a query and reads every row.
func collect[T any](ctx context.Context, q querier, query string, args []any, scan func(*sql.Rows) (T, error)) (_ []T, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("query read model: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	out := []T{}
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("read read model: %w", err)
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// where collects conditions; values never become part of the SQL text.
type where struct {
	conditions []string
	args       []any
}

func (w *where) add(condition string, times int, arg any) {
	w.conditions = append(w.conditions, condition)
	for range times {
		w.args = append(w.args, arg)
	}
}

// text adds a condition with the value in times places, unless the value is empty.
func (w *where) text(condition, value string, times int) {
	if value != "" {
		w.add(condition, times, value)
	}
}

func (w *where) id(condition string, id weir.ID) {
	if !id.IsZero() {
		w.add(condition, 1, id.String())
	}
}

func (w *where) number(condition string, n int64) {
	if n != 0 {
		w.add(condition, 1, n)
	}
}

func (w *where) clause() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conditions, " AND ")
}

// page completes a query over a table with a seq column.
func (w *where) page(columns string, limit int, newest bool) (string, error) {
	limit, err := pageLimit(limit)
	if err != nil {
		return "", err
	}
	if newest {
		return fmt.Sprintf("SELECT * FROM (SELECT %s%s ORDER BY seq DESC LIMIT %d) ORDER BY seq", columns, w.clause(), limit), nil
	}
	return fmt.Sprintf("SELECT %s%s ORDER BY seq LIMIT %d", columns, w.clause(), limit), nil
}

func pageLimit(n int) (int, error) {
	if n == 0 {
		return LimitDefault, nil
	}
	if n < 0 || n > LimitMax {
		return 0, fault.New(fault.Invalid, "limit %d: want 1 to %d", n, LimitMax)
	}
	return n, nil
}

// idText scans an id from its 32 hexadecimal digits.
type idText struct{ id *weir.ID }

// Scan implements sql.Scanner.
func (t idText) Scan(v any) error {
	s, ok := v.(string)
	if !ok {
		return fmt.Errorf("id is a %T, want text", v)
	}
	return t.id.UnmarshalText([]byte(s))
}
