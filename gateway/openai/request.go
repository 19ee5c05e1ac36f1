package openai

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/weir-project/weir"
)

// Bounds of a request. The engine has the same.
const (
	stopsMax     = 16
	stopBytesMax = 256
	topMax       = 20
	biasesMax    = 1024
	sitesMax     = 64
	tokensMax    = 1 << 30
	penaltyMax   = 2
)

// Params are what chat and text completions have in common.
type Params struct {
	Model     string
	MaxTokens weir.Tokens // 0: as many as the model's context allows
	Sampling  weir.Sampling
	Seeded    bool // the client chose the seed
	Stop      []string
	Logprobs  bool
	Top       int // alternatives per token
	Stream    bool
	Usage     bool // a stream ends with a chunk that has the usage
	User      string
	Weir      Extension
}

// Extension is the object "weir" of a request.
type Extension struct {
	MaxPrice   *weir.Nano    // for the whole request
	MaxLatency time.Duration // to the first token; 0: any
	Residency  []weir.SiteID // only there; empty: anywhere
	Node       weir.NodeID   // only this one
	Site       weir.SiteID   // only there
	Explain    bool          // the answer says how it was routed and charged
	Now        string        // local time for wishes, 2006-01-02T15:04
}

func (o *object) params(p *Params) {
	p.Model = o.text("model")
	if p.Model == "" {
		o.fail("model", "is missing: want the name of a model, GET /v1/models lists them")
	}
	p.MaxTokens = weir.Tokens(o.integer("max_tokens", 0, tokensMax, 0))
	if n := o.integer("max_completion_tokens", 0, tokensMax, 0); n > 0 {
		p.MaxTokens = weir.Tokens(n)
	}
	if n := o.integer("n", 1, math.MaxInt32, 1); n != 1 {
		o.refuse("n", "%d choices are asked, one is made: send %d requests", n, n)
	}
	o.sampling(p)
	p.Stop = o.stop()
	p.Stream = o.flag("stream")
	if s := o.inner("stream_options"); s != nil {
		p.Usage = s.flag("include_usage") && p.Stream
		o.join(s)
	}
	p.User = o.text("user")
	o.extension(&p.Weir)
}

func (o *object) sampling(p *Params) {
	s := &p.Sampling
	s.Temperature = float32(o.number("temperature", 0, 2, 1))
	s.TopK = int(o.integer("top_k", -1, math.MaxInt32, 0))
	if s.TopK < 0 { // other servers' way to say off
		s.TopK = 0
	}
	s.TopP = float32(o.number("top_p", 0, 1, 1))
	if s.TopP == 0 {
		// The client wants nothing but the likeliest token; to the engine 0 means off.
		s.TopP, s.TopK = 1, 1
	}
	s.MinP = float32(o.number("min_p", 0, 1, 0))
	s.FrequencyPenalty = float32(o.number("frequency_penalty", -penaltyMax, penaltyMax, 0))
	s.PresencePenalty = float32(o.number("presence_penalty", -penaltyMax, penaltyMax, 0))
	for _, name := range []string{"repetition_penalty", "repeat_penalty"} {
		if v := o.number(name, 0.01, 10, 0); v != 0 {
			s.RepeatPenalty = float32(v)
		}
	}
	if seed, ok := take[int64](o, "seed", "a whole number"); ok {
		s.Seed, p.Seeded = uint64(seed), true
	}
	s.LogitBias = o.biases()
}

// biases reads logit_bias: token ids as text, each with −100 to 100.
func (o *object) biases() map[int32]float32 {
	given, _ := take[map[string]float64](o, "logit_bias", "an object of numbers by token id")
	if len(given) > biasesMax {
		o.fail("logit_bias", "%d tokens: at most %d", len(given), biasesMax)
		return nil
	}
	var biases map[int32]float32
	for text, v := range given {
		if v == 0 {
			continue
		}
		id, err := strconv.ParseInt(text, 10, 32)
		if err != nil || id < 0 || v < -100 || v > 100 {
			o.fail("logit_bias", "%q: %v: want a token id and a number from -100 to 100", cut(text), v)
			return nil
		}
		if biases == nil {
			biases = make(map[int32]float32, len(given))
		}
		biases[int32(id)] = float32(v)
	}
	return biases
}

func (o *object) stop() []string {
	raw, ok := o.raw("stop")
	if !ok {
		return nil
	}
	var stops []string
	var one string
	if json.Unmarshal(raw, &one) == nil {
		stops = []string{one}
	} else if err := json.Unmarshal(raw, &stops); err != nil {
		o.fail("stop", "want a string or an array of strings, got %s", kindOf(raw))
		return nil
	}
	if len(stops) > stopsMax {
		o.fail("stop", "%d strings: at most %d", len(stops), stopsMax)
	}
	for _, s := range stops {
		if s == "" || len(s) > stopBytesMax {
			o.fail("stop", "a string of %d bytes: want 1 to %d", len(s), stopBytesMax)
		}
	}
	return stops
}

func (o *object) extension(x *Extension) {
	w := o.inner("weir")
	if w == nil {
		return
	}
	w.only("max_price", "max_latency_ms", "residency", "node", "site", "explain", "now")
	if text, ok := take[string](w, "max_price", `a string in dollars such as "0.002"`); ok {
		price, err := weir.ParseNano(text)
		if err != nil || price < 0 {
			w.fail("max_price", `%q: want dollars for the whole request, such as "0.002"`, cut(text))
		}
		x.MaxPrice = &price
	}
	const dayMillis = 24 * 60 * 60 * 1000
	x.MaxLatency = time.Duration(w.number("max_latency_ms", 0, dayMillis, 0) * float64(time.Millisecond))
	sites, _ := take[[]weir.SiteID](w, "residency", "an array of site names")
	if len(sites) > sitesMax || slices.Contains(sites, "") {
		w.fail("residency", "want 1 to %d names of sites", sitesMax)
	}
	x.Residency = sites
	x.Node, x.Site = weir.NodeID(w.text("node")), weir.SiteID(w.text("site"))
	x.Explain = w.flag("explain")
	if x.Now = w.text("now"); x.Now != "" {
		if _, err := time.Parse(NowLayout, x.Now); err != nil {
			w.fail("now", "%q: want local time such as 2026-11-25T08:30", cut(x.Now))
		}
	}
	o.join(w)
}

// NowLayout is the form of Extension.Now.
const NowLayout = "2006-01-02T15:04"

// cut shortens what a client sent before it is repeated in an error.
func cut(s string) string {
	const shown = 64
	if len(s) <= shown {
		return s
	}
	return strings.ToValidUTF8(s[:shown], "") + "…"
}
