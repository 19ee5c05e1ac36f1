// Package readmodel keeps what the exchange did in SQLite, for people and programs that ask.
//
// It is a projection of events: every row follows from the journal, and the whole file may be
// deleted and made again. Therefore it runs with WAL and synchronous=NORMAL, which may lose
// the last transactions when the power fails, but never their order: the model is then merely
// behind, and goes on from the event number it remembers. Money is never decided here.
//
// Project takes events in order, each batch in one transaction together with the number of its
// last event, so a batch is in the model once or not at all. Queries see whole batches.
package readmodel

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver named sqlite: pure Go

	"github.com/weir-project/weir/market"
	"github.com/weir-project/weir/market/ledger"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Model is an open read model. Its methods may be called from any goroutine; Project and Reset
// from one at a time.
type Model struct {
	db *sql.DB
	q  querier // where queries go: db, or the transaction of a frozen model
}

// querier is what queries ask: the database, or one transaction of it.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Open opens or creates the read model in a file and brings its schema up to date.
func Open(ctx context.Context, path string) (_ *Model, err error) {
	options := url.Values{"_pragma": {"journal_mode(WAL)", "synchronous(NORMAL)", "busy_timeout(5000)", "foreign_keys(ON)"}, "_txlock": {"immediate"}}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+options.Encode())
	if err != nil {
		return nil, fmt.Errorf("open read model: %w", err)
	}
	m := &Model{db: db, q: db}
	if err := m.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open read model %s: %w", path, err), db.Close())
	}
	return m, nil
}

func (m *Model) migrate(ctx context.Context) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, m.db, dir)
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return err
	}
	return m.seed(ctx)
}

// seed enters the accounts that every exchange is born with.
func (m *Model) seed(ctx context.Context) error {
	for _, b := range market.New().Ledger().Balances() {
		if _, err := m.db.ExecContext(ctx, `INSERT INTO accounts (account, flags) VALUES (?, ?) ON CONFLICT DO NOTHING`, b.Account, b.Flags); err != nil {
			return fmt.Errorf("seed accounts: %w", err)
		}
	}
	return nil
}

// Frozen returns the model as it is now: its queries agree with one another, however much is
// projected meanwhile. It is for one goroutine; thaw ends it.
func (m *Model) Frozen(ctx context.Context) (_ *Model, thaw func() error, err error) {
	tx, err := m.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, nil, fmt.Errorf("freeze read model: %w", err)
	}
	f := &Model{db: m.db, q: tx}
	// SQLite takes the snapshot with the first read.
	if _, err := f.Seq(ctx); err != nil {
		return nil, nil, errors.Join(err, tx.Rollback())
	}
	return f, tx.Rollback, nil
}

// Close closes the file.
func (m *Model) Close() error { return m.db.Close() }

// Seq is the number of the last event in the model.
func (m *Model) Seq(ctx context.Context) (seq uint64, err error) {
	if err := m.q.QueryRowContext(ctx, `SELECT event_seq FROM progress`).Scan(&seq); err != nil {
		return 0, fmt.Errorf("read model progress: %w", err)
	}
	return seq, nil
}

// Reset empties the model.
func (m *Model) Reset(ctx context.Context) error {
	err := m.transact(ctx, func(tx *sql.Tx) error {
		for _, table := range []string{"accounts", "entries", "holds", "receipts", "offers", "tenants", "keys", "providers", "signers"} {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `UPDATE progress SET event_seq = 0`)
		return err
	})
	if err != nil {
		return fmt.Errorf("reset read model: %w", err)
	}
	return m.seed(ctx)
}

// transact runs fn in one transaction.
func (m *Model) transact(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := m.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := fn(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// Project adds events in order. Those that are in the model already are skipped; a gap is an
// error and adds nothing.
func (m *Model) Project(ctx context.Context, events []market.Event) error {
	if len(events) == 0 {
		return nil
	}
	err := m.transact(ctx, func(tx *sql.Tx) error {
		var seq uint64
		if err := tx.QueryRowContext(ctx, `SELECT event_seq FROM progress`).Scan(&seq); err != nil {
			return err
		}
		p := newProjector(ctx, tx)
		for i := range events {
			e := &events[i]
			if e.Seq <= seq {
				continue
			}
			if e.Seq != seq+1 {
				return fmt.Errorf("event %d follows %d", e.Seq, seq)
			}
			if err := p.event(e); err != nil {
				return fmt.Errorf("event %d: %w", e.Seq, err)
			}
			seq = e.Seq
		}
		if err := p.balances(); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE progress SET event_seq = ?`, seq)
		return err
	})
	if err != nil {
		return fmt.Errorf("project events: %w", err)
	}
	return nil
}

// projector writes the events of one transaction.
type projector struct {
	ctx      context.Context
	tx       *sql.Tx
	prepared map[string]*sql.Stmt // closed with the transaction
	touched  map[ledger.Account]ledger.Balance
	order    []ledger.Account // of touched
}

func newProjector(ctx context.Context, tx *sql.Tx) *projector {
	return &projector{ctx: ctx, tx: tx, prepared: map[string]*sql.Stmt{}, touched: map[ledger.Account]ledger.Balance{}}
}

func (p *projector) exec(query string, args ...any) error {
	stmt, ok := p.prepared[query]
	if !ok {
		var err error
		if stmt, err = p.tx.PrepareContext(p.ctx, query); err != nil {
			return err
		}
		p.prepared[query] = stmt
	}
	_, err := stmt.ExecContext(p.ctx, args...)
	return err
}

// touch remembers an account's latest totals; balances writes each account once a transaction.
func (p *projector) touch(b ledger.Balance) {
	if _, ok := p.touched[b.Account]; !ok {
		p.order = append(p.order, b.Account)
	}
	p.touched[b.Account] = b
}

func (p *projector) balances() error {
	for _, name := range p.order {
		b := p.touched[name]
		if err := p.exec(`INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (account) DO UPDATE SET debits = excluded.debits, credits = excluded.credits,
			debits_pending = excluded.debits_pending, credits_pending = excluded.credits_pending`,
			b.Account, b.Flags, b.Debits, b.Credits, b.DebitsPending, b.CreditsPending); err != nil {
			return err
		}
	}
	return nil
}
