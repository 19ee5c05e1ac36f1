package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strconv"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/centre/readmodel"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market"
)

func tenantCommand() *command {
	return &command{
		name: "tenant", summary: "open tenants and bring them money",
		long: "A tenant is who pays: it owns keys and an account. Nothing runs on credit.",
		subs: []*command{tenantListCommand(), tenantAddCommand(), tenantDepositCommand()},
	}
}

// tenantView is a tenant with its money.
type tenantView struct {
	Tenant    weir.TenantID `json:"tenant"`
	Opened    weir.Instant  `json:"opened"`
	Posted    weir.Nano     `json:"posted"`
	Held      weir.Nano     `json:"held"`
	Available weir.Nano     `json:"available"`
	Keys      int           `json:"keys"` // that work
}

func viewTenant(s market.Snapshot, t market.Tenant) tenantView {
	b := balanceOf(s.Balances, market.TenantAccount(t.Tenant))
	v := tenantView{Tenant: t.Tenant, Opened: t.Opened, Posted: b.Posted(), Held: b.DebitsPending, Available: b.Available()}
	for _, k := range s.Keys {
		if k.Tenant == t.Tenant && keyState(k, now()) == keyActive {
			v.Keys++
		}
	}
	return v
}

// parties reads tenants, keys and balances: from the running system, else from the read model.
func (b *booksFlags) parties(ctx context.Context) (market.Snapshot, error) {
	x, err := b.running(ctx)
	if err == nil {
		defer x.close()
		return x.snapshot(ctx)
	}
	if !b.offline(err) {
		return market.Snapshot{}, err
	}
	return view(ctx, b, func(m *readmodel.Model) (s market.Snapshot, err error) {
		if s.Tenants, err = m.Tenants(ctx); err != nil {
			return s, err
		}
		if s.Keys, err = m.Keys(ctx); err != nil {
			return s, err
		}
		s.Balances, err = m.Accounts(ctx)
		return s, err
	})
}

func tenantListCommand() *command {
	return &command{
		name: "list", summary: "list tenants with their money", max: 0,
		examples: []string{"weir tenant list"},
		setup: func(f *flag.FlagSet) runFunc {
			var b booksFlags
			b.declareBus(f)
			return func(ctx context.Context, e env, _ []string) error {
				s, err := b.parties(ctx)
				if err != nil {
					return err
				}
				tenants := make([]tenantView, len(s.Tenants))
				for i, t := range s.Tenants {
					tenants[i] = viewTenant(s, t)
				}
				if b.json {
					return printJSON(e.out, tenants)
				}
				return printTenants(e, tenants)
			}
		},
	}
}

func printTenants(e env, tenants []tenantView) error {
	if len(tenants) == 0 {
		_, err := fmt.Fprintln(e.err, "no tenants; weir tenant add NAME opens one")
		return err
	}
	g := newGrid("tenant", ">posted", ">held", ">available", ">keys", "opened (UTC)")
	for _, t := range tenants {
		g.add(string(t.Tenant), t.Posted.String(), t.Held.String(), t.Available.String(), strconv.Itoa(t.Keys), clock(t.Opened))
	}
	return g.print(e.out)
}

func tenantAddCommand() *command {
	return &command{
		name: "add", args: "NAME", summary: "open a tenant", min: 1, max: 1,
		long:     "Opening a tenant that is open changes nothing.",
		examples: []string{"weir tenant add plant-a", "weir tenant deposit plant-a 25.00", "weir key add --tenant plant-a --name line-3"},
		setup: func(f *flag.FlagSet) runFunc {
			var b booksFlags
			b.declareBus(f)
			return func(ctx context.Context, e env, args []string) error {
				x, err := b.running(ctx)
				if err != nil {
					return err
				}
				defer x.close()
				t := weir.TenantID(args[0])
				r, err := x.do(ctx, market.Command{ID: newID(), OpenTenant: &market.OpenTenant{Tenant: t}})
				if err != nil {
					return err
				}
				return x.sayTenant(ctx, e.out, t, b.json, func(v tenantView) string {
					if r.Replay {
						return fmt.Sprintf("tenant %s is open since %s, with %s", t, clock(v.Opened), v.Posted)
					}
					return fmt.Sprintf("tenant %s is open", t)
				})
			}
		},
	}
}

// sayTenant prints how a tenant stands after a change.
func (x *exchange) sayTenant(ctx context.Context, w io.Writer, id weir.TenantID, asJSON bool, line func(tenantView) string) error {
	s, err := x.snapshot(ctx)
	if err != nil {
		return fmt.Errorf("the change was made; ask for what became of it: %w", err)
	}
	for _, t := range s.Tenants {
		if t.Tenant != id {
			continue
		}
		v := viewTenant(s, t)
		if asJSON {
			return printJSON(w, v)
		}
		_, err := fmt.Fprintln(w, line(v))
		return err
	}
	return fault.New(fault.Internal, "the exchange opened tenant %s and does not list it", id)
}

func tenantDepositCommand() *command {
	return &command{
		name: "deposit", args: "NAME AMOUNT", summary: "book money that a tenant has paid", min: 2, max: 2,
		long: `AMOUNT is in dollars, with up to nine decimals. The rail says how the money came: a bank, a card
processor, "manual". To make sure that a repeated deposit is booked once, give both the same --id.`,
		examples: []string{
			"weir tenant deposit plant-a 25.00",
			"weir tenant deposit plant-a 1000 --rail bank --reference 'invoice 2026-0117'",
		},
		setup: func(f *flag.FlagSet) runFunc {
			var b booksFlags
			b.declareBus(f)
			rail := f.String("rail", "manual", "`name` of the way the money came")
			reference := f.String("reference", "", "`text` that finds the payment there")
			id := f.String("id", "", "32 hexadecimal `digits` that name this deposit; default: random")
			return func(ctx context.Context, e env, args []string) error {
				cmd := market.Command{ID: newID()}
				amount, err := weir.ParseNano(args[1])
				if err != nil {
					return usagef("%v", err)
				}
				if *id != "" {
					if cmd.ID, err = weir.ParseID(*id); err != nil {
						return usagef("--id: %v", err)
					}
				}
				t := weir.TenantID(args[0])
				cmd.Deposit = &market.Deposit{Tenant: t, Amount: amount, Rail: *rail, Reference: *reference}
				return b.deposit(ctx, e, cmd)
			}
		},
	}
}

func (b *booksFlags) deposit(ctx context.Context, e env, cmd market.Command) error {
	x, err := b.running(ctx)
	if err != nil {
		return err
	}
	defer x.close()
	d := cmd.Deposit
	r, err := x.do(ctx, cmd)
	if fault.KindOf(err) == fault.NotFound {
		return fault.New(fault.NotFound, "%w; weir tenant add %s opens it", err, d.Tenant)
	}
	if err != nil {
		return err
	}
	return x.sayTenant(ctx, e.out, d.Tenant, b.json, func(v tenantView) string {
		done := "deposited"
		if r.Replay {
			done = "booked before, and not again:"
		}
		return fmt.Sprintf("%s %s for %s; balance %s, available %s", done, d.Amount, d.Tenant, v.Posted, v.Available)
	})
}
