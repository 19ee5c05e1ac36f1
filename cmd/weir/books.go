package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/centre/link"
	"github.com/weir-project/weir/centre/readmodel"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market"
	"github.com/weir-project/weir/market/ledger"
)

// booksFlags say whose books a command reads or changes.
type booksFlags struct {
	data, bus string
	json      bool
}

func (b *booksFlags) declare(f *flag.FlagSet) {
	f.StringVar(&b.data, "data", "weir-data", "data `directory` of the exchange")
	f.BoolVar(&b.json, "json", false, "print JSON; money is in nano-USD, instants are nanoseconds since 1970")
}

// declareBus is for commands that need a running system, which may be on another machine.
func (b *booksFlags) declareBus(f *flag.FlagSet) {
	b.declare(f)
	f.StringVar(&b.bus, "bus", "", "`url` of a running centre's bus; default: the one on the data directory")
}

func (b *booksFlags) home() *home { return &home{b.data} }

const (
	dialMax  = time.Second      // a bus of this machine answers at once or is not there
	askMax   = 15 * time.Second // for the exchange's answer
	catchMax = 5 * time.Second  // for the read model to catch up
)

// exchange is a running exchange and the state it had when it was joined.
type exchange struct {
	*link.Remote
	home *home
	undo cleanup
}

func (x *exchange) close() { _ = x.undo.run() } // nothing of ours is lost with the line

// running joins the system that runs on the data directory.
func (b *booksFlags) running(ctx context.Context) (*exchange, error) {
	x := &exchange{home: b.home()}
	c := config{Bus: busConfig{URL: b.bus}}
	none := fault.New(fault.Unavailable, "no system runs on this data directory (%s): start weir up", b.data)
	if c.Bus.URL == "" {
		text, err := x.home.text(fileBus)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, none
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", fileBus, err)
		}
		c.Bus.URL = text
	}
	if err := knock(ctx, c.Bus.URL); err != nil {
		if b.bus == "" {
			return nil, none // an earlier system left its address behind
		}
		return nil, fault.New(fault.Unavailable, "no bus answers at %s: %w", b.bus, err)
	}
	if _, err := os.Stat(x.home.path(fileSecret)); err != nil {
		return nil, fault.New(fault.Denied, "%s has no %s, which admits to the bus", b.data, fileSecret)
	}
	ctx, cancel := context.WithTimeout(ctx, askMax)
	defer cancel()
	conn, err := join(ctx, nil, &c, x.home, "weir command", slog.New(slog.DiscardHandler), &x.undo)
	if err != nil {
		return nil, err
	}
	x.Remote = link.NewRemote(conn)
	return x, nil
}

// knock finds out whether anyone listens at a bus URL.
func knock(ctx context.Context, address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return fault.New(fault.Invalid, "bus %q: want nats://HOST:PORT", address)
	}
	d := net.Dialer{Timeout: dialMax}
	c, err := d.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return err
	}
	return c.Close()
}

// do has the exchange carry out a command. While the answer stays away it is asked again under
// the same id, which does nothing twice.
func (x *exchange) do(ctx context.Context, cmd market.Command) (market.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, askMax)
	defer cancel()
	for {
		r, err := x.Do(ctx, cmd)
		if err == nil || fault.KindOf(err) != fault.Unavailable {
			return r, err
		}
		select {
		case <-ctx.Done():
			return r, fault.New(fault.Unavailable, "%w; what became of command %s is unknown", err, cmd.ID)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// snapshot asks a running exchange for its state.
func (x *exchange) snapshot(ctx context.Context) (market.Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, askMax)
	defer cancel()
	return x.Snapshot(ctx)
}

// model opens the read model. If a system runs on the data directory, it first waits until the
// model has seen everything that was acknowledged.
func (b *booksFlags) model(ctx context.Context) (*readmodel.Model, error) {
	path := b.home().path("centre", "read.db")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "no exchange keeps its books in %s: start weir up, or give --data DIR", b.data)
	}
	m, err := readmodel.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	if err := b.catchUp(ctx, m); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// catchUp waits until m has seen what the running exchange has acknowledged.
func (b *booksFlags) catchUp(ctx context.Context, m *readmodel.Model) error {
	x, err := b.running(ctx)
	if err != nil {
		return nil // nothing runs, so nothing is coming
	}
	defer x.close()
	ctx, cancel := context.WithTimeout(ctx, catchMax)
	defer cancel()
	head, err := x.Head(ctx)
	if err != nil {
		return nil // it is just going: what it projects while closing is not waited for
	}
	for {
		seq, err := m.Seq(ctx)
		if err == nil && seq >= head {
			return nil
		}
		select {
		case <-ctx.Done():
			return fault.New(fault.Unavailable, "the read model has seen event %d of %d and does not catch up: %w", seq, head, errors.Join(err, ctx.Err()))
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// offline reports whether the read model may stand in for a running system that err says there
// is none of.
func (b *booksFlags) offline(err error) bool {
	return b.bus == "" && fault.KindOf(err) == fault.Unavailable
}

// view runs a query on the read model.
func view[T any](ctx context.Context, b *booksFlags, query func(*readmodel.Model) (T, error)) (_ T, err error) {
	m, err := b.model(ctx)
	if err != nil {
		var none T
		return none, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	return query(m)
}

// printJSON prints one document on one line.
func printJSON(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) }

// grid prints rows in columns: text to the left, numbers to the right.
type grid struct {
	right []bool // per column
	rows  [][]string
}

// newGrid begins a table. A title that starts with ">" makes its column right-aligned.
func newGrid(titles ...string) *grid {
	g := &grid{}
	for i, t := range titles {
		name, right := strings.CutPrefix(t, ">")
		titles[i] = strings.ToUpper(name)
		g.right = append(g.right, right)
	}
	g.add(titles...)
	return g
}

func (g *grid) add(cells ...string) { g.rows = append(g.rows, cells) }

func (g *grid) print(w io.Writer) error {
	widths := make([]int, len(g.right))
	for _, row := range g.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, row := range g.rows {
		line := ""
		for i, cell := range row {
			gap := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if g.right[i] {
				line += gap + cell + "  "
			} else {
				line += cell + gap + "  "
			}
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// clock prints an instant for people, in UTC as everything in the books.
func clock(t weir.Instant) string {
	if t == 0 {
		return "-"
	}
	return t.Time().Format("2006-01-02 15:04:05")
}

// balanceOf finds an account among balances.
func balanceOf(balances []ledger.Balance, account ledger.Account) ledger.Balance {
	for _, b := range balances {
		if b.Account == account {
			return b
		}
	}
	return ledger.Balance{Account: account}
}
