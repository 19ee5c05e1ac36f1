package route

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market"
)

const now = weir.Instant(1_000_000_000_000)

func offer(id, node string, in weir.Rate) market.PostedOffer {
	return market.PostedOffer{Version: 1, Offer: weir.Offer{
		ID: weir.OfferID(id), Provider: "lab", Site: "s1", Node: weir.NodeID(node), Model: "m",
		Prices: weir.Prices{Input: in, Cached: in / 10, Output: 4 * in}, Context: 4096, Streams: 4,
	}}
}

func node(id string, decode float64, load weir.Load) Node {
	return Node{Seen: now, Heartbeat: weir.Heartbeat{
		Node: weir.NodeID(id), Site: "s1", Provider: "lab", URL: "http://" + id, Load: load,
		Models: []weir.ModelCard{{Name: "m", Params: 1e9, Bytes: 1e9}},
		Card:   &weir.DeviceCard{DecodeRate: map[string]float64{"m": decode}, PrefillRate: map[string]float64{"m": 10 * decode}},
	}}
}

var request = Request{Model: "m", Prompt: 1000, MaxOutput: 100}

// order is the eligible offers, best first, then each rejected one as id:reason.
func order(t *testing.T, s State, r Request) string {
	t.Helper()
	d, err := Choose(s, r)
	if (err == nil) != (d.Eligible > 0) {
		t.Fatalf("%d eligible, error %v", d.Eligible, err)
	}
	var out []string
	for _, c := range d.Considered {
		s := string(c.Offer.ID)
		if c.Rejected != "" {
			s += ":" + c.Rejected
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

func TestChooseWeighsPriceAgainstTime(t *testing.T) {
	cheapSlow, dearFast := offer("cheap", "slow", 100_000), offer("dear", "fast", 200_000)
	s := State{Now: now, Offers: []market.PostedOffer{dearFast, cheapSlow}, Nodes: []Node{
		node("slow", 10, weir.Load{Slots: 4}), node("fast", 1000, weir.Load{Slots: 4}),
	}}
	f := func(weight weir.Nano, want string) {
		t.Helper()
		r := request
		r.Weight = weight
		if got := order(t, s, r); got != want {
			t.Errorf("weight %d: got %s, want %s", weight, got, want)
		}
	}
	// cheap: 1000·0.1 + 100·0.4 = 140 µ$, 10.1 s to the first token, 20.1 s in all.
	// dear: 280 µ$, 0.201 s in all. They are even at 140 µ$ ÷ 19.899 s = 7035.5 nano-USD/s.
	f(7_035, "cheap, dear")
	f(7_036, "dear, cheap")
	f(0, "dear, cheap")
	d, err := Choose(s, request)
	if err != nil {
		t.Fatal(err)
	}
	c := d.Considered[1]
	if c.Expected != 140_000 || c.Worst != 140_000 || c.TTFT != 10*time.Second+100*time.Millisecond || c.Duration != c.TTFT+10*time.Second ||
		c.Score != c.Expected+2_010_000 {
		t.Errorf("parts of the score: %+v", c)
	}
}

func TestChooseRejects(t *testing.T) {
	f := func(change func(s *State, r *Request), want string) {
		t.Helper()
		s := State{Now: now, Offers: []market.PostedOffer{offer("o", "n", 1000)}, Nodes: []Node{node("n", 100, weir.Load{Slots: 4})}}
		r := request
		change(&s, &r)
		if got := order(t, s, r); !strings.HasPrefix(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	worst := weir.Nano(1_400)
	less := worst - 1
	f(func(*State, *Request) {}, "o")
	f(func(_ *State, r *Request) { r.CostMax = &worst }, "o")
	f(func(_ *State, r *Request) { r.CostMax = &less }, "o:worst case $0.0000014 is above the cap of $0.000001399")
	f(func(_ *State, r *Request) { r.Model = "other" }, "o:another model")
	f(func(_ *State, r *Request) { r.Digest = "d" }, "o:another file")
	f(func(_ *State, r *Request) { r.Sites = []weir.SiteID{"s2"} }, "o:site s1 is outside")
	f(func(_ *State, r *Request) { r.Sites = []weir.SiteID{"s2", "s1"} }, "o")
	f(func(_ *State, r *Request) { r.Exclude = []weir.NodeID{"n"} }, "o:the node is excluded")
	f(func(_ *State, r *Request) { r.MaxOutput = 3096 }, "o")
	f(func(_ *State, r *Request) { r.MaxOutput = 3097 }, "o:context of 4096 tokens is too short for 4097")
	f(func(_ *State, r *Request) { r.PricesMax = &weir.Prices{Input: 999, Cached: 999, Output: 9999} }, "o:prices")
	f(func(_ *State, r *Request) { r.PricesMax = &weir.Prices{Input: 1000, Cached: 100, Output: 4000} }, "o")
	f(func(s *State, _ *Request) { s.Offers[0].Expires = now }, "o:the offer has expired")
	f(func(s *State, _ *Request) { s.Offers[0].Expires = now + 1 }, "o")
	f(func(s *State, _ *Request) { s.Nodes = nil }, "o:its node is not in the pool")
	f(func(s *State, _ *Request) { s.Nodes[0].Site = "s2" }, "o:its node reports from site s2")
	f(func(s *State, _ *Request) { s.Nodes[0].Seen = now - weir.Instant(weir.HeartbeatLost) }, "o:its node is silent for 3.5s")
	f(func(s *State, _ *Request) { s.Nodes[0].Seen = now - weir.Instant(weir.HeartbeatLost) + 1 }, "o")
	f(func(s *State, _ *Request) { s.Nodes[0].Draining = true }, "o:its node is draining")
	f(func(s *State, _ *Request) { s.Nodes[0].Leaving = true }, "o:its node is leaving")
	f(func(s *State, _ *Request) { s.Nodes[0].Models = nil }, "o:its node does not have the model loaded")
	f(func(s *State, _ *Request) { s.Offers[0].Digest, s.Nodes[0].Models[0].Digest = "a", "b" }, "o:its node serves another file")
	f(func(_ *State, r *Request) { r.LatencyMax = 1010 * time.Millisecond }, "o")
	f(func(_ *State, r *Request) { r.LatencyMax = 1009 * time.Millisecond }, "o:first token expected after 1.01s, the bound is 1.009s")
	f(func(s *State, r *Request) { s.Nodes[0].Card, r.LatencyMax = nil, time.Second }, "o:first token expected after 30s")
	f(func(s *State, r *Request) { s.Nodes[0].RoundTrip, r.LatencyMax = time.Second, 2*time.Second }, "o:first token expected after 2.01s")
}

func TestChooseErrors(t *testing.T) {
	f := func(r Request, kind fault.Kind, problem string) {
		t.Helper()
		_, err := Choose(State{Now: now, Offers: []market.PostedOffer{offer("o", "gone", 1)}}, r)
		if err == nil || fault.KindOf(err) != kind || !strings.Contains(err.Error(), problem) {
			t.Errorf("got %v (%v), want %v: %s", err, fault.KindOf(err), kind, problem)
		}
	}
	f(request, fault.NoCapacity, "o: its node is not in the pool")
	f(Request{Model: "x"}, fault.NotFound, `nobody offers model "x"`)
	f(Request{Model: "m", Cached: 1}, fault.Invalid, "cached tokens")
	f(Request{Model: "m", Prompt: math.MaxInt64}, fault.Invalid, "input tokens")
	f(Request{Model: "m", Weight: 2 * weir.USD}, fault.Invalid, "weight")
	f(Request{Model: "m", LatencyMax: -1}, fault.Invalid, "latency bound")
}

func TestChooseQueue(t *testing.T) {
	f := func(l weir.Load, want time.Duration) {
		t.Helper()
		if got := queue(l, 4, time.Second); got != want {
			t.Errorf("queue(%+v) = %s, want %s", l, got, want)
		}
	}
	f(weir.Load{Slots: 4}, 0)
	f(weir.Load{Slots: 4, Active: 3}, 0)
	f(weir.Load{Slots: 4, Active: 4}, 250*time.Millisecond)
	f(weir.Load{Slots: 4, Active: 4, Queued: 7}, 2*time.Second)
	f(weir.Load{Slots: 0, Active: 4}, 250*time.Millisecond)
	f(weir.Load{Slots: 100, Active: 4}, 250*time.Millisecond) // the offer sells four streams
	f(weir.Load{Slots: 1, Active: math.MaxInt32, Queued: math.MaxInt32}, secondsMax)
}

func TestChooseTies(t *testing.T) {
	s := State{
		Now:    now,
		Offers: []market.PostedOffer{offer("c", "idle", 1000), offer("b", "idle", 1000), offer("a", "busy", 1000)},
		Nodes:  []Node{node("busy", 100, weir.Load{Slots: 4, Active: 1}), node("idle", 100, weir.Load{Slots: 4})},
	}
	if got, want := order(t, s, request), "b, c, a"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRatesFallBack(t *testing.T) {
	n := node("n", 0, weir.Load{})
	n.Card = &weir.DeviceCard{ReadBandwidth: 20e9, Int8Rate: 1e12}
	prefill, decode, ok := rates(&n, "m")
	if !ok || prefill != 500_000 || decode != 20_000 {
		t.Errorf("rates = %d, %d, %t milli-tokens/s; want 500000, 20000", prefill, decode, ok)
	}
	n.Card.ReadBandwidth = math.NaN()
	if _, _, ok := rates(&n, "m"); ok {
		t.Error("NaN is no rate")
	}
}

// TestChooseIsAFunction shuffles the input and throws absurd values at it: the decision must
// not change, no constraint may be broken (invariant 22), nothing may panic.
func TestChooseIsAFunction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s State
		s.Now, s.Version = now, rapid.Uint64().Draw(t, "version")
		for i := range rapid.IntRange(0, 6).Draw(t, "nodes") {
			n := node(string(rune('a'+i)), rapid.Float64().Draw(t, "rate"), weir.Load{
				Active: rapid.IntRange(-1, 9).Draw(t, "active"), Queued: rapid.Int().Draw(t, "queued"), Slots: rapid.IntRange(-1, 4).Draw(t, "slots"),
			})
			n.Seen = now - weir.Instant(rapid.Int64Range(0, int64(2*weir.HeartbeatLost)).Draw(t, "age"))
			n.RoundTrip = time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "rtt"))
			s.Nodes = append(s.Nodes, n)
			s.Offers = append(s.Offers, offer(string(rune('z'-i)), string(n.Node), weir.Rate(rapid.Int64Range(0, int64(weir.RateMax/4)).Draw(t, "price"))))
		}
		limit := weir.Nano(rapid.Int64Range(0, int64(weir.USD)).Draw(t, "cap"))
		r := Request{
			Model: "m", Prompt: weir.Tokens(rapid.Int64Range(0, 5000).Draw(t, "prompt")), MaxOutput: weir.Tokens(rapid.Int64Range(0, 5000).Draw(t, "output")),
			CostMax: &limit, LatencyMax: time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "bound")),
		}
		d, err := Choose(s, r)
		slices.Reverse(s.Nodes)
		slices.Reverse(s.Offers)
		again, errAgain := Choose(s, r)
		if !reflect.DeepEqual(d, again) || (err == nil) != (errAgain == nil) {
			t.Fatalf("the order of the input changes the decision:\n%+v\n%+v", d, again)
		}
		if d.StateVersion != s.Version || len(d.Considered) != len(s.Offers) {
			t.Fatalf("decision %+v is incomplete", d)
		}
		for _, c := range d.Candidates() {
			if c.Worst > limit || r.LatencyMax > 0 && c.TTFT > r.LatencyMax || r.Prompt+r.MaxOutput > c.Offer.Context || c.Score < c.Expected {
				t.Fatalf("candidate %+v breaks a constraint of %+v", c, r)
			}
		}
	})
}

func BenchmarkChoose(b *testing.B) {
	s := State{Now: now}
	for i := range 256 {
		id := string(rune('a'+i/26)) + string(rune('a'+i%26))
		s.Nodes = append(s.Nodes, node(id, float64(10+i), weir.Load{Slots: 4, Active: i % 5}))
		s.Offers = append(s.Offers, offer(id, id, weir.Rate(1000+i)))
	}
	for b.Loop() {
		if d, err := Choose(s, request); err != nil || d.Eligible != 256 {
			b.Fatal(err)
		}
	}
}
