package main

import (
	"context"
	"flag"
	"fmt"
	"strconv"

	"github.com/weir-project/weir/centre/readmodel"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market"
)

func marketCommand() *command {
	return &command{
		name: "market", summary: "show what is on offer",
		subs: []*command{marketOffersCommand()},
	}
}

func marketOffersCommand() *command {
	return &command{
		name: "offers", summary: "list standing offers with their prices", max: 0,
		long: `An offer is a provider's standing ask: a model at a node, with prices per million tokens for computed
input, input found in a cache, and output. The list comes from the running exchange; if none runs, from
its books as it left them.`,
		examples: []string{"weir market offers", "weir market offers --model intent --json"},
		setup: func(f *flag.FlagSet) runFunc {
			var b booksFlags
			b.declareBus(f)
			model := f.String("model", "", "only offers of this model; `name`")
			return func(ctx context.Context, e env, _ []string) error {
				offers, err := b.offers(ctx)
				if err != nil {
					return err
				}
				if offers, err = offersOf(offers, *model); err != nil {
					return err
				}
				if b.json {
					return printJSON(e.out, offers)
				}
				return printOffers(e, offers)
			}
		},
	}
}

// offers asks the running system, else the read model.
func (b *booksFlags) offers(ctx context.Context) ([]market.PostedOffer, error) {
	x, err := b.running(ctx)
	if err == nil {
		defer x.close()
		s, err := x.snapshot(ctx)
		return s.Offers, err
	}
	if !b.offline(err) {
		return nil, err
	}
	return view(ctx, b, func(m *readmodel.Model) ([]market.PostedOffer, error) {
		kept, err := m.Offers(ctx, false)
		offers := make([]market.PostedOffer, len(kept))
		for i, o := range kept {
			offers[i] = o.PostedOffer
		}
		return offers, err
	})
}

// offersOf selects a model's offers; a model that nobody offers is an error that names the
// nearest one.
func offersOf(offers []market.PostedOffer, model string) ([]market.PostedOffer, error) {
	if model == "" {
		return offers, nil
	}
	found := []market.PostedOffer{}
	var names []string
	for _, o := range offers {
		names = append(names, o.Model)
		if o.Model == model {
			found = append(found, o)
		}
	}
	if len(found) == 0 {
		return nil, fault.New(fault.NotFound, "nobody offers %q%s", model, suggest(model, names))
	}
	return found, nil
}

func printOffers(e env, offers []market.PostedOffer) error {
	if len(offers) == 0 {
		_, err := fmt.Fprintln(e.err, "nothing is on offer")
		return err
	}
	g := newGrid("offer", "model", "provider", "site", "node", ">input", ">cached", ">output", ">context", ">streams", "expires (UTC)")
	for _, o := range offers {
		expires := "never"
		if o.Expires != 0 {
			expires = clock(o.Expires)
		}
		g.add(string(o.ID), o.Model, string(o.Provider), string(o.Site), string(o.Node),
			o.Prices.Input.String(), o.Prices.Cached.String(), o.Prices.Output.String(),
			strconv.FormatInt(int64(o.Context), 10), strconv.Itoa(o.Streams), expires)
	}
	return g.print(e.out)
}
