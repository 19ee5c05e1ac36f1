package gateway

import (
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/market/meter"
)

// account is the object "weir" of an answer: what the request cost and, if the client asked
// for an explanation, why it ran where it did.
type account struct {
	Request  weir.ID         `json:"request"`
	Receipt  weir.ID         `json:"receipt"`
	Charge   string          `json:"charge"`      // dollars, rounded up once
	Exact    meter.Pico      `json:"charge_pico"` // pico-USD
	Disputed bool            `json:"disputed,omitempty"`
	Node     weir.NodeID     `json:"node"`
	Site     weir.SiteID     `json:"site"`
	Provider weir.ProviderID `json:"provider"`
	Offer    weir.OfferID    `json:"offer"`

	Explain *explanation `json:"explain,omitempty"`
}

type explanation struct {
	Hold         weir.ID      `json:"hold"`
	Held         string       `json:"held"` // dollars
	Released     string       `json:"released"`
	StateVersion uint64       `json:"state_version"`
	Lines        []meter.Line `json:"lines"`
	TTFT         float64      `json:"ttft_ms"`
	Duration     float64      `json:"duration_ms"`
	Tries        []try        `json:"tries,omitempty"` // nodes that failed before
	Considered   []considered `json:"considered"`      // the first eligible one that answered was chosen
}

// considered is one offer as the router saw it.
type considered struct {
	Offer    weir.OfferID    `json:"offer"`
	Provider weir.ProviderID `json:"provider"`
	Site     weir.SiteID     `json:"site"`
	Node     weir.NodeID     `json:"node"`
	Prices   weir.Prices     `json:"prices"` // micro-USD per million tokens
	Chosen   bool            `json:"chosen,omitempty"`
	Rejected string          `json:"rejected,omitempty"` // why
	Worst    string          `json:"worst,omitempty"`    // dollars, what would be held
	Expected string          `json:"expected,omitempty"` // dollars
	TTFT     float64         `json:"ttft_ms,omitempty"`  // forecast
	Duration float64         `json:"duration_ms,omitempty"`
	Score    weir.Nano       `json:"score,omitempty"` // lower is better
	Load     weir.Load       `json:"load"`
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// account states what an outcome cost.
func (r *request) account(o *outcome, b *bill) *account {
	offer := o.offer.Offer
	a := &account{
		Request: r.id, Receipt: b.receipt, Charge: b.charge.Nano().String(), Exact: b.charge, Disputed: b.disputed,
		Node: offer.Node, Site: offer.Site, Provider: offer.Provider, Offer: offer.ID,
	}
	if !r.params.Weir.Explain {
		return a
	}
	a.Explain = &explanation{
		Hold: r.hold, Held: r.amount.String(), Released: (r.amount - b.charge.Nano()).String(),
		StateVersion: r.decision.StateVersion, Lines: b.lines, TTFT: millis(o.ttft), Duration: millis(o.duration), Tries: r.tries,
	}
	for _, c := range r.decision.Considered {
		k := considered{
			Offer: c.Offer.ID, Provider: c.Offer.Provider, Site: c.Offer.Site, Node: c.Offer.Node, Prices: c.Offer.Prices,
			Chosen: c.Offer.ID == offer.ID, Rejected: c.Rejected, Load: c.Load,
		}
		if c.Rejected == "" {
			k.Worst, k.Expected, k.Score = c.Worst.String(), c.Expected.String(), c.Score
			k.TTFT, k.Duration = millis(c.TTFT), millis(c.Duration)
		}
		a.Explain.Considered = append(a.Explain.Considered, k)
	}
	return a
}
