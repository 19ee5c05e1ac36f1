package main

import (
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/centre/readmodel"
	"github.com/weir-project/weir/market"
	"github.com/weir-project/weir/market/meter"
	"github.com/weir-project/weir/market/receipt"
)

func receiptCommand() *command {
	return &command{
		name: "receipt", summary: "list, show, export and verify receipts",
		long: `A receipt states what one request used and cost. The node signs what it claims, the gateway counts for
itself and signs the whole, so whoever has the two public keys can check it with no line to anyone.
ID is the receipt's own, or that of its request or hold.`,
		subs: []*command{receiptListCommand(), receiptShowCommand(), receiptExportCommand(), receiptVerifyCommand(), receiptKeysCommand()},
	}
}

func receiptListCommand() *command {
	return &command{
		name: "list", summary: "list the latest receipts", max: 0,
		examples: []string{"weir receipt list", "weir receipt list --tenant plant-a --since 7d", "weir receipt list --disputed --json"},
		setup: func(f *flag.FlagSet) runFunc {
			var b booksFlags
			b.declare(f)
			filter := readmodel.ReceiptFilter{Newest: true}
			f.IntVar(&filter.Limit, "limit", 20, "at most this many, the newest ones")
			f.BoolVar(&filter.Disputed, "disputed", false, "only those where node and gateway count differently")
			f.StringVar(&filter.Model, "model", "", "only this model; `name`")
			tenant := f.String("tenant", "", "only what this tenant paid; `name`")
			since := f.String("since", "", "only receipts settled at or after this `time`: 2026-11-25, or 24h for the last day")
			return func(ctx context.Context, e env, _ []string) (err error) {
				if filter.Since, err = sinceOf(*since, time.Now()); err != nil {
					return err
				}
				if filter.Limit < 1 {
					return usagef("--limit %d: want 1 to %d", filter.Limit, readmodel.LimitMax)
				}
				filter.Tenant = weir.TenantID(*tenant)
				found, err := view(ctx, &b, func(m *readmodel.Model) ([]readmodel.Receipt, error) { return m.Receipts(ctx, filter) })
				if err != nil {
					return err
				}
				if b.json {
					return printJSON(e.out, found)
				}
				return printReceipts(e, found)
			}
		},
	}
}

func printReceipts(e env, found []readmodel.Receipt) error {
	if len(found) == 0 {
		_, err := fmt.Fprintln(e.err, "no receipts")
		return err
	}
	g := newGrid("receipt", "settled (UTC)", "tenant", "node", "model", ">prompt", ">output", ">charged", "end")
	for _, r := range found {
		st := r.Statement
		end := string(st.End)
		if r.Disputed {
			end += ", disputed"
		}
		g.add(r.Settlement.Receipt.String(), clock(r.At), string(st.Tenant), string(st.Node), st.Model,
			fmt.Sprint(st.Usage.Prompt()), fmt.Sprint(st.Usage.Output), r.Split.Charge.String(), end)
	}
	return g.print(e.out)
}

// idOf reads the id of a receipt, request or hold.
func idOf(text string) (weir.ID, error) {
	id, err := weir.ParseID(strings.TrimPrefix(text, "chatcmpl-"))
	if err != nil {
		return id, usagef("%v; weir receipt list shows ids", err)
	}
	return id, nil
}

func (b *booksFlags) receipt(ctx context.Context, text string) (readmodel.Receipt, error) {
	id, err := idOf(text)
	if err != nil {
		return readmodel.Receipt{}, err
	}
	return view(ctx, b, func(m *readmodel.Model) (readmodel.Receipt, error) { return m.Receipt(ctx, id) })
}

func receiptShowCommand() *command {
	return &command{
		name: "show", args: "ID", summary: "show what a request used, what it cost and who was paid", min: 1, max: 1,
		examples: []string{"weir receipt show 35b0c13cea5150d04de43e398a3e71db"},
		setup: func(f *flag.FlagSet) runFunc {
			var b booksFlags
			b.declare(f)
			return func(ctx context.Context, e env, args []string) error {
				r, err := b.receipt(ctx, args[0])
				if err != nil {
					return err
				}
				if b.json {
					return printJSON(e.out, r)
				}
				return printReceipt(e.out, r)
			}
		},
	}
}

func printReceipt(w io.Writer, r readmodel.Receipt) error {
	st := r.Statement
	g := &grid{right: []bool{false, false}}
	g.add("receipt", r.Settlement.Receipt.String())
	g.add("request", st.Request.String())
	g.add("hold", st.Hold.String())
	g.add("settled", clock(r.At)+" UTC")
	g.add("tenant", string(st.Tenant))
	g.add("provider", string(st.Provider))
	g.add("node", fmt.Sprintf("%s at %s", st.Node, st.Site))
	g.add("gateway", st.Gateway)
	g.add("model", st.Model)
	g.add("digest", orDash(st.Digest))
	g.add("tokenizer", orDash(st.Tokenizer))
	g.add("offer", fmt.Sprintf("%s, version %d", st.Offer, st.PriceVersion))
	g.add("end", string(st.End))
	g.add("first token", st.TTFT.String())
	g.add("duration", st.Duration.String())
	g.add("count", counted(st))
	if err := g.print(w); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	return errors.Join(printLines(w, st), printSplit(w, r))
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// counted says how far node and gateway agree.
func counted(st receipt.Statement) string {
	switch {
	case st.Claim == nil:
		return "the gateway's alone: the node could not be heard"
	case st.Disputed:
		c, err := receipt.OpenClaim(*st.Claim)
		if err != nil {
			return "disputed; " + err.Error()
		}
		return fmt.Sprintf("disputed: the node claims %d + %d cached + %d output", c.Usage.Input, c.Usage.Cached, c.Usage.Output)
	case st.Estimated:
		return "estimated"
	}
	return "node and gateway agree"
}

// printLines prints the bill, line by line; costs are exact.
func printLines(w io.Writer, st receipt.Statement) error {
	g := newGrid("", ">tokens", ">price", ">cost")
	for _, line := range []struct {
		name   string
		tokens weir.Tokens
		rate   weir.Rate
	}{
		{"input", st.Usage.Input, st.Prices.Input},
		{"cached input", st.Usage.Cached, st.Prices.Cached},
		{"output", st.Usage.Output, st.Prices.Output},
	} {
		cost := meter.Charge(weir.Usage{Input: line.tokens}, weir.Prices{Input: line.rate})
		g.add(line.name, fmt.Sprint(line.tokens), line.rate.String(), dollars(cost))
	}
	g.add("exact", fmt.Sprint(st.Usage.Total()), "", dollars(st.Charge))
	g.add("charged", "", "rounded up", st.Amount.String())
	return g.print(w)
}

// dollars prints an exact amount with as many decimals as it needs, at least two.
func dollars(p meter.Pico) string {
	const places = 12
	s := p.String()
	if len(s) <= places {
		s = strings.Repeat("0", places+1-len(s)) + s
	}
	whole, frac := s[:len(s)-places], strings.TrimRight(s[len(s)-places:], "0")
	for len(frac) < 2 {
		frac += "0"
	}
	return "$" + whole + "." + frac
}

// printSplit prints where the money went.
func printSplit(w io.Writer, r readmodel.Receipt) error {
	st, s := r.Statement, r.Split
	g := newGrid("paid to", ">amount")
	g.add(string(market.ProviderAccount(st.Provider)), s.Payout.String())
	g.add(string(market.Fees), s.Fee.String())
	g.add(string(market.Rounding), s.Rounding.String())
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	if err := g.print(w); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nheld %s, charged %s, released %s\n", s.Charge+r.Released, s.Charge, r.Released)
	return err
}

func receiptExportCommand() *command {
	return &command{
		name: "export", args: "ID", summary: "print a receipt as a file that anyone can verify", min: 1, max: 1,
		examples: []string{"weir receipt export 35b0c13cea5150d04de43e398a3e71db > receipt.json"},
		setup: func(f *flag.FlagSet) runFunc {
			var b booksFlags
			f.StringVar(&b.data, "data", "weir-data", "data `directory` of the exchange")
			return func(ctx context.Context, e env, args []string) error {
				r, err := b.receipt(ctx, args[0])
				if err != nil {
					return err
				}
				file, err := r.Document.Encode()
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(e.out, "%s\n", file)
				return err
			}
		},
	}
}

func receiptKeysCommand() *command {
	return &command{
		name: "keys", summary: "list the public keys that receipts are signed with", max: 0,
		examples: []string{"weir receipt keys"},
		setup: func(f *flag.FlagSet) runFunc {
			var b booksFlags
			b.declare(f)
			return func(ctx context.Context, e env, _ []string) error {
				signers, err := view(ctx, &b, func(m *readmodel.Model) ([]market.Signer, error) { return m.Signers(ctx) })
				if err != nil {
					return err
				}
				if b.json {
					return printJSON(e.out, signers)
				}
				g := newGrid("role", "name", "provider", "ed25519 public key")
				for _, s := range signers {
					g.add(string(s.Role), s.Name, orDash(string(s.Provider)), hex.EncodeToString(s.Key))
				}
				return g.print(e.out)
			}
		},
	}
}
