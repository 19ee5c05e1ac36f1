// Package route picks where one request runs.
//
// Hard constraints come first: model, file digest, residency, price cap, context, health,
// latency bound. What is left is ordered by
//
//	score = expected price + weight × expected seconds
//
// in nano-USD. The expected price is that of the prompt (cached tokens at their price) and of
// the output that such requests usually have. Expected seconds are the forecast time to first
// token plus the decode of that output. The weight says what a second is worth to the caller;
// zero means DefaultWeight. Equal scores go to the less loaded node, then to the smaller offer
// id, so a decision is a function of its inputs alone.
//
// Every offer appears in the Decision, with the parts of its score or the reason why it was
// rejected, and the Decision records the version of the state it was made from. A node that
// was silent for longer than weir.HeartbeatLost is not chosen: old state is refused.
//
// Rates arrive as floats, from measurement. They are turned into whole milli-tokens per second
// on entry; from there on everything is integers.
package route

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market"
	"github.com/weir-project/weir/market/meter"
)

const (
	// DefaultWeight is what a second of waiting is worth: $0.0001, a cent for 100 seconds.
	DefaultWeight weir.Nano = 100_000
	// DefaultOutput is the output expected of a request that may generate more.
	DefaultOutput weir.Tokens = 256
	// UnknownTTFT is the forecast for a node that has measured nothing. It is long, so that
	// such a node is the last resort, and it fails every latency bound.
	UnknownTTFT = 30 * time.Second
	// secondsMax bounds forecasts, so that scores cannot overflow.
	secondsMax = 24 * time.Hour
	weightMax  = weir.USD
)

// Request is what the caller wants and will bear.
type Request struct {
	Model     string
	Digest    string // of the model file; "": any
	Prompt    weir.Tokens
	Cached    weir.Tokens // of Prompt, expected in a prefix cache
	MaxOutput weir.Tokens
	Expected  weir.Tokens // output expected; 0: the smaller of MaxOutput and DefaultOutput

	Sites   []weir.SiteID // residency: where it may run; empty: anywhere
	Exclude []weir.NodeID // nodes that failed this request before
	// CostMax caps the worst case, PricesMax each part of the price; nil: no cap.
	CostMax    *weir.Nano
	PricesMax  *weir.Prices
	LatencyMax time.Duration // of the forecast TTFT; 0: no bound
	Weight     weir.Nano     // per expected second; 0: DefaultWeight
}

// Node is what the pool knows of a node.
type Node struct {
	weir.Heartbeat
	Seen      weir.Instant  // when the heartbeat arrived
	RoundTrip time.Duration // between gateway and node
}

// State is what a decision is made from.
type State struct {
	Version uint64
	Now     weir.Instant
	Offers  []market.PostedOffer
	Nodes   []Node
}

// Candidate is one offer as the router saw it.
type Candidate struct {
	Offer    market.PostedOffer `json:"offer"`
	URL      string             `json:"url,omitempty"`      // of the node
	Rejected string             `json:"rejected,omitempty"` // why; "": it could serve
	Worst    weir.Nano          `json:"worst"`              // what to hold
	Expected weir.Nano          `json:"expected"`           // price expected
	TTFT     time.Duration      `json:"ttft"`               // forecast
	Duration time.Duration      `json:"duration"`           // forecast, TTFT included
	Score    weir.Nano          `json:"score"`              // Expected + Weight × Duration; lower is better
	Load     weir.Load          `json:"load"`
}

// Decision is the answer with its reasons.
type Decision struct {
	// Considered has every offer: first those that could serve, best first, then the rejected
	// by offer id.
	Considered   []Candidate `json:"considered"`
	Eligible     int         `json:"eligible"` // how many could serve
	StateVersion uint64      `json:"state_version"`
}

// Chosen is the best candidate.
func (d Decision) Chosen() (Candidate, bool) {
	if d.Eligible == 0 {
		return Candidate{}, false
	}
	return d.Considered[0], true
}

// Candidates are those that could serve, best first: where to try next if one fails.
func (d Decision) Candidates() []Candidate { return d.Considered[:d.Eligible] }

// Choose decides where r may run. Finding nobody is a NoCapacity error that says what came
// closest, a model that nobody offers NotFound; the Decision is complete in either case.
func Choose(s State, r Request) (Decision, error) {
	if err := r.check(); err != nil {
		return Decision{StateVersion: s.Version}, err
	}
	nodes := make(map[weir.NodeID]*Node, len(s.Nodes))
	for i := range s.Nodes {
		nodes[s.Nodes[i].Node] = &s.Nodes[i]
	}
	d := Decision{StateVersion: s.Version, Considered: make([]Candidate, 0, len(s.Offers))}
	for _, o := range s.Offers {
		c := consider(s.Now, r, o, nodes[o.Node])
		if c.Rejected == "" {
			d.Eligible++
		}
		d.Considered = append(d.Considered, c)
	}
	slices.SortFunc(d.Considered, compare)
	if d.Eligible > 0 {
		return d, nil
	}
	return d, d.nobody(r)
}

// nobody explains an empty choice.
func (d Decision) nobody(r Request) error {
	reasons, offered := "", false
	for _, c := range d.Considered {
		if c.Offer.Model != r.Model {
			continue
		}
		offered = true
		if len(reasons) < 500 {
			reasons += fmt.Sprintf("; %s: %s", c.Offer.ID, c.Rejected)
		}
	}
	if !offered {
		return fault.New(fault.NotFound, "nobody offers model %q", r.Model)
	}
	return fault.New(fault.NoCapacity, "no offer of model %q fits%s", r.Model, reasons)
}

func (r Request) check() error {
	if r.Cached < 0 || r.Cached > r.Prompt {
		return fault.New(fault.Invalid, "cached tokens %d: want 0 to the prompt's %d", r.Cached, r.Prompt)
	}
	if r.Weight < 0 || r.Weight > weightMax {
		return fault.New(fault.Invalid, "weight %s per second: want nothing to %s", r.Weight, weightMax)
	}
	if r.LatencyMax < 0 || r.Expected < 0 {
		return fault.New(fault.Invalid, "latency bound %s and expected output %d must not be negative", r.LatencyMax, r.Expected)
	}
	if err := meter.Check(weir.Usage{Input: r.Prompt, Output: r.MaxOutput}); err != nil {
		return err
	}
	return nil
}

// expected is the output that the score counts with.
func (r Request) expected() weir.Tokens {
	if r.Expected > 0 {
		return min(r.Expected, r.MaxOutput)
	}
	return min(DefaultOutput, r.MaxOutput)
}

// consider fills in what is known of an offer, and why it cannot serve if it cannot.
func consider(now weir.Instant, r Request, o market.PostedOffer, n *Node) Candidate {
	c := Candidate{Offer: o}
	if c.Rejected = rejectOffer(now, r, o); c.Rejected != "" {
		return c
	}
	worst, err := meter.WorstCase(r.Prompt, r.MaxOutput, o.Prices)
	if err != nil {
		c.Rejected = err.Error()
		return c
	}
	c.Worst = worst
	c.Expected = meter.Charge(weir.Usage{Input: r.Prompt - r.Cached, Cached: r.Cached, Output: r.expected()}, o.Prices).Nano()
	if r.CostMax != nil && c.Worst > *r.CostMax {
		c.Rejected = fmt.Sprintf("worst case %s is above the cap of %s", c.Worst, *r.CostMax)
		return c
	}
	if n == nil {
		c.Rejected = "its node is not in the pool"
		return c
	}
	c.Load, c.URL = n.Load, n.URL
	if c.Rejected = rejectNode(now, r, o, n); c.Rejected != "" {
		return c
	}
	c.TTFT, c.Duration = forecast(r, o, n)
	if r.LatencyMax > 0 && c.TTFT > r.LatencyMax {
		c.Rejected = fmt.Sprintf("first token expected after %s, the bound is %s", c.TTFT.Round(time.Millisecond), r.LatencyMax)
		return c
	}
	weight := cmp.Or(r.Weight, DefaultWeight)
	c.Score = saturate(c.Expected, weigh(weight, c.Duration))
	return c
}

func rejectOffer(now weir.Instant, r Request, o market.PostedOffer) string {
	switch {
	case o.Model != r.Model:
		return "another model"
	case r.Digest != "" && o.Digest != r.Digest:
		return "another file under the model's name"
	case o.Expires != 0 && o.Expires <= now:
		return "the offer has expired"
	case len(r.Sites) > 0 && !slices.Contains(r.Sites, o.Site):
		return fmt.Sprintf("site %s is outside the allowed sites", o.Site)
	case slices.Contains(r.Exclude, o.Node):
		return "the node is excluded"
	case r.Prompt+r.MaxOutput > o.Context:
		return fmt.Sprintf("context of %d tokens is too short for %d", o.Context, r.Prompt+r.MaxOutput)
	}
	if m := r.PricesMax; m != nil && (o.Prices.Input > m.Input || o.Prices.Cached > m.Cached || o.Prices.Output > m.Output) {
		return fmt.Sprintf("prices %s are above the cap %s", o.Prices, *m)
	}
	return ""
}

func rejectNode(now weir.Instant, r Request, o market.PostedOffer, n *Node) string {
	switch {
	case n.Site != o.Site:
		// Residency was checked against the offer; a node that reports from elsewhere breaks it.
		return fmt.Sprintf("its node reports from site %s, the offer says %s", n.Site, o.Site)
	case now.Sub(n.Seen) >= weir.HeartbeatLost:
		return fmt.Sprintf("its node is silent for %s", now.Sub(n.Seen).Round(time.Millisecond))
	case n.Leaving:
		return "its node is leaving"
	case n.Draining:
		return "its node is draining"
	}
	i := slices.IndexFunc(n.Models, func(m weir.ModelCard) bool { return m.Name == o.Model })
	if i < 0 {
		return "its node does not have the model loaded"
	}
	if d := n.Models[i].Digest; o.Digest != "" && d != "" && d != o.Digest {
		return "its node serves another file under the model's name"
	}
	return ""
}

// forecast is the expected time to the first token and to the end.
func forecast(r Request, o market.PostedOffer, n *Node) (ttft, total time.Duration) {
	prefill, decode, ok := rates(n, o.Model)
	if !ok {
		return UnknownTTFT, UnknownTTFT
	}
	run := during(r.expected(), decode)
	ttft = n.RoundTrip + queue(n.Load, o.Streams, run) + during(r.Prompt-r.Cached, prefill) + during(1, decode)
	ttft = min(ttft, secondsMax)
	return ttft, min(ttft+run, secondsMax)
}

// queue is the wait for a slot: the requests ahead, each as long as this one, over the slots.
func queue(l weir.Load, streams int, run time.Duration) time.Duration {
	slots := max(1, min(cmp.Or(l.Slots, streams), streams))
	ahead := max(0, l.Active) + max(0, l.Queued) - slots + 1
	if ahead <= 0 {
		return 0
	}
	if int64(ahead) > int64(secondsMax/max(run, 1)) {
		return secondsMax
	}
	return run * time.Duration(ahead) / time.Duration(slots)
}

// milli is a rate in whole milli-tokens per second.
type milli int64

// rates reads a node's measured speed for a model. Without a measurement of the model itself,
// decode is bounded by reading the weights once a token, prefill by the int8 rate at two
// operations a parameter.
func rates(n *Node, model string) (prefill, decode milli, ok bool) {
	if n.Card == nil {
		return 0, 0, false
	}
	prefill, decode = whole(n.Card.PrefillRate[model]), whole(n.Card.DecodeRate[model])
	for _, m := range n.Models {
		if m.Name != model {
			continue
		}
		if decode == 0 && m.Bytes > 0 {
			decode = whole(n.Card.ReadBandwidth / float64(m.Bytes))
		}
		if prefill == 0 && m.Params > 0 {
			prefill = whole(n.Card.Int8Rate / 2 / float64(m.Params))
		}
	}
	return prefill, decode, prefill > 0 && decode > 0
}

// whole refuses what is no rate: NaN, negative, absurd.
func whole(perSecond float64) milli {
	if !(perSecond > 0) || perSecond > 1e12 {
		return 0
	}
	return milli(math.Floor(perSecond * 1000))
}

// during is how long n tokens take, at most secondsMax.
func during(n weir.Tokens, rate milli) time.Duration {
	const scale = 1000 * uint64(time.Second)
	hi, lo := bits.Mul64(uint64(max(0, n)), scale)
	if hi >= uint64(rate) {
		return secondsMax
	}
	q, _ := bits.Div64(hi, lo, uint64(rate))
	return time.Duration(min(q, uint64(secondsMax)))
}

// weigh is weight × d in nano-USD: at most $1 × 86,400, so it fits.
func weigh(weight weir.Nano, d time.Duration) weir.Nano {
	hi, lo := bits.Mul64(uint64(weight), uint64(d))
	q, _ := bits.Div64(hi, lo, uint64(time.Second))
	return weir.Nano(q)
}

// saturate adds two amounts that are not negative.
func saturate(a, b weir.Nano) weir.Nano {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// compare puts those that could serve first, by score, load and offer id.
func compare(a, b Candidate) int {
	if (a.Rejected == "") != (b.Rejected == "") {
		if a.Rejected == "" {
			return -1
		}
		return 1
	}
	if a.Rejected == "" {
		if c := cmp.Or(cmp.Compare(a.Score, b.Score), compareLoad(a, b)); c != 0 {
			return c
		}
	}
	return cmp.Compare(a.Offer.ID, b.Offer.ID)
}

// compareLoad compares busy ÷ slots without dividing.
func compareLoad(a, b Candidate) int {
	busy := func(c Candidate) int64 { return int64(max(0, c.Load.Active)) + int64(max(0, c.Load.Queued)) }
	slots := func(c Candidate) int64 { return int64(max(1, cmp.Or(c.Load.Slots, c.Offer.Streams))) }
	clamp := func(n int64) int64 { return min(n, math.MaxInt32) }
	return cmp.Compare(clamp(busy(a))*clamp(slots(b)), clamp(busy(b))*clamp(slots(a)))
}
