package gateway

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/gateway/openai"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market"
	"github.com/weir-project/weir/market/route"
)

// vocabsPerModel bounds how many different vocabularies under one model's name are tried.
const vocabsPerModel = 4

// request is one completion on its way through the gateway. Its handler's goroutine owns it.
type request struct {
	id      weir.ID
	started time.Time
	key     market.Key
	params  *openai.Params
	chat    bool
	schema  json.RawMessage
	wish    *weir.Wish
	count   func(*vocab) ([]int32, error) // renders and counts the prompt
	echo    string                        // comes before the answer's text

	// Set by place:
	prompt    []int32
	outputMax weir.Tokens
	tokenizer string // digest of the vocabulary that counted
	decision  route.Decision
	nodes     map[weir.NodeID]weir.Heartbeat

	// Set by the hold:
	hold     weir.ID
	amount   weir.Nano
	resolved bool // a settlement or a void is on its way

	tries []try
	leave context.CancelCauseFunc // the client is gone
}

// try is one node that was asked and did not answer.
type try struct {
	Offer weir.OfferID `json:"offer"`
	Node  weir.NodeID  `json:"node"`
	Error string       `json:"error"`
}

// place counts the prompt and decides where the request may run.
func (g *Gateway) place(ctx context.Context, r *request) error {
	now := weir.InstantOf(g.config.Now())
	state := g.view.State(r.params.Model, now)
	if len(state.Offers) == 0 {
		return noModel(r.params.Model)
	}
	groups := byVocabulary(state, r.params.Model)
	if len(groups) == 0 {
		return fault.New(fault.NoCapacity, "model %s is on offer, but no node that has it is alive", r.params.Model)
	}
	var first error
	for _, nodes := range groups[:min(len(groups), vocabsPerModel)] {
		err := g.placeOn(ctx, r, state, nodes)
		if err == nil {
			return nil
		}
		first = cmp.Or(first, err)
	}
	return first
}

// byVocabulary groups the nodes that have a model by the vocabulary they have it with, the
// largest group first.
func byVocabulary(s route.State, model string) [][]route.Node {
	groups := map[string][]route.Node{}
	for _, n := range s.Nodes {
		if card, ok := cardOf(n.Heartbeat, model); ok && !n.Leaving {
			groups[card.Vocabulary] = append(groups[card.Vocabulary], n)
		}
	}
	digests := slices.SortedFunc(maps.Keys(groups), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(groups[b]), len(groups[a])), strings.Compare(a, b))
	})
	out := make([][]route.Node, len(digests))
	for i, d := range digests {
		out[i] = groups[d]
	}
	return out
}

// placeOn decides among nodes that share a vocabulary.
func (g *Gateway) placeOn(ctx context.Context, r *request, state route.State, nodes []route.Node) error {
	card, _ := cardOf(nodes[0].Heartbeat, r.params.Model)
	v, err := g.vocabs.lookup(ctx, card.Vocabulary, r.params.Model, nodes)
	if err != nil {
		return err
	}
	if r.prompt, err = r.count(v); err != nil {
		return err
	}
	if err := checkTokens(r, v); err != nil {
		return err
	}
	if r.outputMax, err = g.roomFor(r, state); err != nil {
		return err
	}
	want, err := routeRequest(r, state, nodes)
	if err != nil {
		return err
	}
	if r.decision, err = g.choose(state, want); err != nil {
		return err
	}
	r.tokenizer = card.Vocabulary
	r.nodes = make(map[weir.NodeID]weir.Heartbeat, len(nodes))
	for _, n := range nodes {
		r.nodes[n.Node] = n.Heartbeat
	}
	return nil
}

// choose decides without the nodes that just failed, or with them where it must.
func (g *Gateway) choose(state route.State, want route.Request) (route.Decision, error) {
	trusted := want
	if doubtful := g.suspects.list(g.config.Now()); len(doubtful) > 0 {
		trusted.Exclude = slices.Concat(want.Exclude, doubtful)
		if d, err := route.Choose(state, trusted); err == nil {
			return d, nil
		}
	}
	return route.Choose(state, want)
}

// checkTokens refuses token ids that the model does not have.
func checkTokens(r *request, v *vocab) error {
	if len(r.prompt) == 0 {
		return fault.New(fault.Invalid, "the prompt is empty")
	}
	limit := int32(v.tokens.Len())
	for i, id := range r.prompt {
		if id < 0 || id >= limit {
			return fault.New(fault.Invalid, "prompt[%d]: token %d: model %s has tokens 0 to %d", i, id, r.params.Model, limit-1)
		}
	}
	for id := range r.params.Sampling.LogitBias {
		if id >= limit {
			return fault.New(fault.Invalid, "logit_bias: token %d: model %s has tokens 0 to %d", id, r.params.Model, limit-1)
		}
	}
	return nil
}

// roomFor is how many tokens the answer may have: what the client wants, within what the
// longest context on offer leaves.
func (g *Gateway) roomFor(r *request, state route.State) (weir.Tokens, error) {
	var longest weir.Tokens
	for _, o := range state.Offers {
		longest = max(longest, o.Context)
	}
	n := weir.Tokens(len(r.prompt))
	if n >= longest {
		return 0, &openai.Error{
			Status: http.StatusBadRequest, Type: openai.TypeInvalid, Code: "context_length_exceeded",
			Message: fault.New(fault.Invalid, "the prompt has %d tokens, the context of %s holds %d, at least one of them for the answer",
				n, r.params.Model, longest).Error(),
		}
	}
	room := longest - n
	if g.config.OutputMax > 0 {
		room = min(room, g.config.OutputMax)
	}
	if r.params.MaxTokens > 0 {
		room = min(room, r.params.MaxTokens)
	}
	return room, nil
}

// routeRequest says what the client will bear, in the router's words.
func routeRequest(r *request, state route.State, nodes []route.Node) (route.Request, error) {
	x := &r.params.Weir
	want := route.Request{
		Model: r.params.Model, Prompt: weir.Tokens(len(r.prompt)), MaxOutput: r.outputMax,
		Sites: x.Residency, CostMax: x.MaxPrice, LatencyMax: x.MaxLatency,
	}
	if x.Site != "" {
		if len(x.Residency) > 0 && !slices.Contains(x.Residency, x.Site) {
			return want, fault.New(fault.Invalid, "weir.site: %s is outside weir.residency", x.Site)
		}
		want.Sites = []weir.SiteID{x.Site}
	}
	for _, n := range state.Nodes {
		same := slices.ContainsFunc(nodes, func(m route.Node) bool { return m.Node == n.Node })
		if !same || x.Node != "" && n.Node != x.Node {
			want.Exclude = append(want.Exclude, n.Node)
		}
	}
	return want, nil
}

// candidates are the offers that may be tried, best first.
func (g *Gateway) candidates(r *request) []route.Candidate {
	list := r.decision.Candidates()
	return list[:min(len(list), g.config.Attempts)]
}

// generateRequest is what a node is asked.
func (r *request) generateRequest(c route.Candidate, digest string, timeout time.Duration) weir.GenerateRequest {
	return weir.GenerateRequest{
		ID: r.id, Hold: r.hold, Model: c.Offer.Model, Digest: digest,
		Prompt: r.prompt, MaxTokens: r.outputMax, Sampling: r.params.Sampling, Stop: r.params.Stop,
		Logprobs: r.params.Logprobs, Top: r.params.Top, Schema: r.schema, Wish: r.wish, Timeout: timeout,
	}
}
