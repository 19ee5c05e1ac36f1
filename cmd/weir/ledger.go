package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/centre"
	"github.com/weir-project/weir/centre/readmodel"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market/ledger"
)

func ledgerCommand() *command {
	return &command{
		name: "ledger", summary: "show the accounts and entries, and audit the books",
		long: `The ledger is double entry in billionths of a dollar: what one account gives, another takes, so all
accounts together hold nothing. tenant:NAME and provider:NAME are what people own, rail:NAME is the
outside world, clearing is where a charge passes, fees and rounding are the exchange's.`,
		subs: []*command{ledgerAccountsCommand(), ledgerEntriesCommand(), ledgerCheckCommand()},
	}
}

func ledgerAccountsCommand() *command {
	return &command{
		name: "accounts", summary: "list balances: posted, pending and available", max: 0,
		long: `Posted is what an account holds. Pending out is set aside by holds, pending in is what they will bring
if captured. Available is what may still be spent; accounts of the outside world spend nothing.`,
		examples: []string{"weir ledger accounts", "weir ledger accounts --json | jq '.[] | select(.account == \"fees\")'"},
		setup: func(f *flag.FlagSet) runFunc {
			var b booksFlags
			b.declare(f)
			return func(ctx context.Context, e env, _ []string) error {
				balances, err := view(ctx, &b, func(m *readmodel.Model) ([]ledger.Balance, error) { return m.Accounts(ctx) })
				if err != nil {
					return err
				}
				accounts := make([]accountView, len(balances))
				for i, balance := range balances {
					accounts[i] = viewAccount(balance)
				}
				if b.json {
					return printJSON(e.out, accounts)
				}
				return printAccounts(e.out, accounts)
			}
		},
	}
}

// accountView is an account for readers.
type accountView struct {
	Account    ledger.Account `json:"account"`
	Posted     weir.Nano      `json:"posted"`
	PendingOut weir.Nano      `json:"pending_out"`
	PendingIn  weir.Nano      `json:"pending_in"`
	Available  *weir.Nano     `json:"available,omitempty"` // nil: the outside world
}

func viewAccount(b ledger.Balance) accountView {
	v := accountView{Account: b.Account, Posted: b.Posted(), PendingOut: b.DebitsPending, PendingIn: b.CreditsPending}
	if b.Flags&ledger.DebitsWithinCredits != 0 {
		n := b.Available()
		v.Available = &n
	}
	return v
}

func printAccounts(w io.Writer, accounts []accountView) error {
	g := newGrid("account", ">posted", ">pending out", ">pending in", ">available")
	var sum weir.Nano
	for _, a := range accounts {
		available := "-"
		if a.Available != nil {
			available = a.Available.String()
		}
		sum += a.Posted
		g.add(string(a.Account), a.Posted.String(), a.PendingOut.String(), a.PendingIn.String(), available)
	}
	g.add("sum", sum.String(), "", "", "")
	return g.print(w)
}

func ledgerEntriesCommand() *command {
	return &command{
		name: "entries", summary: "list the latest entries", max: 0,
		long: `An entry takes an amount from one account and gives it to another. move does so at once; pend sets it
aside; post turns what was set aside into a movement; void and expire return it. REF is the request, or
the command that brought the money.`,
		examples: []string{
			"weir ledger entries --limit 20",
			"weir ledger entries --account tenant:home --since 24h",
			"weir ledger entries --since 2026-11-01 --json",
		},
		setup: func(f *flag.FlagSet) runFunc {
			var b booksFlags
			b.declare(f)
			filter := readmodel.EntryFilter{Newest: true}
			account := f.String("account", "", "only entries of this `account`, on either side")
			f.IntVar(&filter.Limit, "limit", 50, "at most this many, the newest ones")
			since := f.String("since", "", "only entries at or after this `time`: 2026-11-25, 2026-11-25T08:00:00Z, or 24h for the last day")
			return func(ctx context.Context, e env, _ []string) (err error) {
				if filter.Since, err = sinceOf(*since, time.Now()); err != nil {
					return err
				}
				filter.Account = ledger.Account(*account)
				entries, err := view(ctx, &b, func(m *readmodel.Model) ([]ledger.Entry, error) { return entriesOf(ctx, m, filter) })
				if err != nil {
					return err
				}
				if b.json {
					return printJSON(e.out, entries)
				}
				return printEntries(e, entries)
			}
		},
	}
}

// entriesOf lists entries; an account that nobody has is an error, not an empty list.
func entriesOf(ctx context.Context, m *readmodel.Model, filter readmodel.EntryFilter) ([]ledger.Entry, error) {
	if filter.Limit < 1 {
		return nil, usagef("--limit %d: want 1 to %d", filter.Limit, readmodel.LimitMax)
	}
	entries, err := m.Entries(ctx, filter)
	if err != nil || len(entries) > 0 || filter.Account == "" {
		return entries, err
	}
	accounts, err := m.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, a := range accounts {
		if a.Account == filter.Account {
			return entries, nil
		}
		names = append(names, string(a.Account))
	}
	return nil, fault.New(fault.NotFound, "no account %q%s", filter.Account, suggest(string(filter.Account), names))
}

func printEntries(e env, entries []ledger.Entry) error {
	if len(entries) == 0 {
		_, err := fmt.Fprintln(e.err, "no entries")
		return err
	}
	g := newGrid(">seq", "time (UTC)", "kind", "from", "to", ">amount", "reason", "ref")
	for _, t := range entries {
		g.add(strconv.FormatUint(t.Seq, 10), clock(t.At), t.Kind.String(), string(t.Debit), string(t.Credit), t.Amount.String(), string(t.Reason), t.Ref.String())
	}
	return g.print(e.out)
}

// sinceOf reads a moment from the command line: a date, a time, or how long ago. Empty
// text is the beginning of time.
func sinceOf(text string, now time.Time) (weir.Instant, error) {
	if text == "" {
		return 0, nil
	}
	if ago, err := lifetime(text); err == nil {
		return weir.InstantOf(now.Add(-ago)), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateTime, time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, time.UTC); err == nil {
			return weir.InstantOf(t), nil
		}
	}
	return 0, usagef("--since %q: want a date (2026-11-25), a time (2026-11-25T08:00:00Z, UTC unless it says so), or how long ago (90m, 24h, 7d)", text)
}

// lifetime reads a positive duration as Go writes it, or in days: 90m, 24h, 30d.
func lifetime(text string) (time.Duration, error) {
	const daysMax = 36_500
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 1 || n > daysMax {
			return 0, fmt.Errorf("%q: want 1d to %dd", text, daysMax)
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q: want a duration such as 90m, 24h or 30d", text)
	}
	return d, nil
}

func ledgerCheckCommand() *command {
	return &command{
		name: "check", summary: "audit the books: replay the journal and compare everything", max: 0,
		long: `It reads the journal alone, changes nothing, and may run while weir up does. Every command since the
beginning is applied again with all its signatures, and what comes out is compared with the rules of the
exchange and with the read model. The last line counts the checks; the exit code is 1 if one failed.`,
		examples: []string{"weir ledger check", "weir ledger check --data backup/weir-data --json"},
		setup: func(f *flag.FlagSet) runFunc {
			var b booksFlags
			b.declare(f)
			return func(ctx context.Context, e env, _ []string) error {
				dir := b.home().path("centre")
				if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
					return fault.New(fault.NotFound, "no exchange keeps its books in %s: start weir up, or give --data DIR", b.data)
				}
				report, err := centre.Check(ctx, dir)
				if err != nil {
					return err
				}
				if !b.json {
					return printReport(e, &report)
				}
				if err := printJSON(e.out, report); err != nil {
					return err
				}
				return judged(report.Clean())
			}
		},
	}
}

// audit is one line of the table: a check, and how the report words what it finds.
type audit struct {
	name    string
	problem string // what its problems start with
	detail  func(r *centre.Report) string
}

// audits lists the checks that centre.Check makes, in its order. invariants stop at the first
// that does not hold, so those after it are not reached.
var audits = []audit{
	{"journal: hash chain and checksums", "journal is damaged", func(r *centre.Report) string {
		return fmt.Sprintf("%d records, head %.16s…", r.Records, r.Chain)
	}},
	{"journal: every command is accepted again, once", "record ", func(r *centre.Report) string {
		return fmt.Sprintf("%d commands, %d events, %s with signatures", r.Commands, r.Events, plural(r.Receipts, "receipt"))
	}},
	{"ledger: totals, limits, zero sum", rule + "10, 11, 12, 14: ledger", func(r *centre.Report) string {
		return fmt.Sprintf("%d accounts, %d entries", r.Accounts, r.Entries)
	}},
	{"clearing is empty", rule + "10: clearing", nil},
	{"inside equals what came in", rule + "10: zero sum", func(r *centre.Report) string { return r.Deposited.String() }},
	{"each hold is resolved at most once", rule + "12: each hold", func(r *centre.Report) string {
		return fmt.Sprintf("%s, %d open", plural(r.Holds, "hold"), r.Open)
	}},
	{"each receipt is settled once, exactly", rule + "15", func(r *centre.Report) string {
		return fmt.Sprintf("%s, %d disputed", plural(r.Receipts, "receipt"), r.Disputed)
	}},
	{"no hold is open past its deadline", "hold ", nil},
	{"read model equals the exchange", "read model", func(r *centre.Report) string { return r.Model }},
}

const rule = "invariant " // how the problems of market.Exchange.Check start

// finding is a row of the table of checks.
type finding struct{ name, result, detail string }

const (
	passed  = "ok"
	failed  = "FAILED"
	notDone = "not reached"
)

// judge sorts a report's problems by the check that found them. None is lost: what no check
// claims gets a row of its own.
func judge(r *centre.Report) []finding {
	found := make([][]string, len(audits)+1)
	for _, p := range r.Problems {
		i := 0
		for i < len(audits) && !strings.HasPrefix(p, audits[i].problem) {
			i++
		}
		found[i] = append(found[i], p)
	}
	var rows []finding
	stopped := false // among the invariants
	for i, a := range audits {
		v := finding{a.name, passed, ""}
		isInvariant := strings.HasPrefix(a.problem, rule)
		switch {
		case len(found[i]) > 0:
			v.result, v.detail = failed, plural(len(found[i]), "problem")
			stopped = stopped || isInvariant
		case isInvariant && stopped:
			v.result = notDone
		case a.detail != nil:
			v.detail = a.detail(r)
		}
		rows = append(rows, v)
	}
	if other := found[len(audits)]; len(other) > 0 {
		rows = append(rows, finding{"anything else", failed, plural(len(other), "problem")})
	}
	return rows
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func printReport(e env, r *centre.Report) error {
	rows := judge(r)
	if err := printFindings(e.out, rows, r.Problems); err != nil {
		return err
	}
	if r.Torn != "" {
		fmt.Fprintf(e.out, "the journal has a torn end, which nobody was told of and the next start cuts: %s\n", r.Torn)
	}
	return conclude(e, rows)
}

// printFindings prints the table of checks and what they found.
func printFindings(w io.Writer, rows []finding, problems []string) error {
	g := newGrid("check", "result", "detail")
	for _, v := range rows {
		g.add(v.name, v.result, v.detail)
	}
	err := g.print(w)
	for _, p := range problems {
		_, perr := fmt.Fprintf(w, "  %s\n", p)
		err = errors.Join(err, perr)
	}
	return err
}

// conclude prints the last line of a table of checks.
func conclude(e env, rows []finding) error {
	good, bad := 0, 0
	for _, f := range rows {
		switch f.result {
		case passed:
			good++
		case failed:
			bad++
		}
	}
	return verdict(e, good, bad)
}

// judged turns the outcome of a judgement that is already printed into an exit code.
func judged(clean bool) error {
	if clean {
		return nil
	}
	return errJudged
}
