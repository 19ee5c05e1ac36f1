package gateway

import (
	"encoding/binary"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/gateway/openai"
)

const welcomeText = `Weir: a computing power network.

This is a gateway. It speaks the OpenAI API:

  GET  /v1/models
  POST /v1/chat/completions
  POST /v1/completions

Point any OpenAI client at this address with /v1 appended and a key of the form weir_….
`

func (g *Gateway) welcome(w http.ResponseWriter, _ *http.Request, _ *visit) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusOK)
	if _, err := io.WriteString(w, welcomeText); err != nil {
		return errLeft
	}
	return nil
}

// health is 200 once keys are known, so that a balancer sends nobody here before.
func (g *Gateway) health(w http.ResponseWriter, _ *http.Request, _ *visit) error {
	if !g.view.Ready() {
		return &openai.Error{
			Status: http.StatusServiceUnavailable, Type: "server_error", Code: "unavailable",
			Message: "the gateway has not heard from the exchange yet", Retry: retryAfter,
		}
	}
	return reply(w, http.StatusOK, map[string]string{"status": "ok"})
}

// modelFacts is the object "weir" of a model.
type modelFacts struct {
	Arch    string        `json:"arch,omitempty"`
	Params  int64         `json:"params,omitempty"`
	Context weir.Tokens   `json:"context"`
	Nodes   int           `json:"nodes"`  // alive
	Offers  int           `json:"offers"` // standing
	Prices  []weir.Prices `json:"prices"` // micro-USD per million tokens, cheapest first
}

func (g *Gateway) models() []openai.Model {
	var list []openai.Model
	for _, l := range g.view.Models(weir.InstantOf(g.config.Now())) {
		facts := modelFacts{Arch: l.Card.Arch, Params: l.Card.Params, Nodes: l.Nodes, Offers: len(l.Offers)}
		for _, o := range l.Offers {
			facts.Context = max(facts.Context, o.Context)
			if !slices.Contains(facts.Prices, o.Prices) {
				facts.Prices = append(facts.Prices, o.Prices)
			}
		}
		slices.SortFunc(facts.Prices, func(a, b weir.Prices) int { return int(a.Input + a.Output - b.Input - b.Output) })
		list = append(list, openai.Model{
			ID: l.Model, Object: "model", Created: l.Since.Unix(), OwnedBy: string(l.Offers[0].Provider), Weir: facts,
		})
	}
	slices.SortFunc(list, func(a, b openai.Model) int { return strings.Compare(a.ID, b.ID) })
	return list
}

func (g *Gateway) listModels(w http.ResponseWriter, r *http.Request, v *visit) error {
	if _, err := g.authenticate(r, v); err != nil {
		return err
	}
	list := openai.ModelList{Object: "list", Data: g.models()}
	if list.Data == nil {
		list.Data = []openai.Model{}
	}
	return reply(w, http.StatusOK, list)
}

func (g *Gateway) oneModel(w http.ResponseWriter, r *http.Request, v *visit) error {
	if _, err := g.authenticate(r, v); err != nil {
		return err
	}
	id := r.PathValue("id")
	for _, m := range g.models() {
		if m.ID == id {
			return reply(w, http.StatusOK, m)
		}
	}
	return noModel(id)
}

// admit does what every completion begins with: key, place, body.
func (g *Gateway) admit(w http.ResponseWriter, hr *http.Request, v *visit) (r *request, body []byte, leave func(), err error) {
	k, err := g.authenticate(hr, v)
	if err != nil {
		return nil, nil, nil, err
	}
	if leave, err = g.enter(); err != nil {
		return nil, nil, nil, err
	}
	if body, err = g.body(w, hr); err != nil {
		leave()
		return nil, nil, nil, err
	}
	return &request{id: v.id, started: v.started, key: k}, body, leave, nil
}

func (g *Gateway) chat(w http.ResponseWriter, hr *http.Request, v *visit) error {
	r, body, leave, err := g.admit(w, hr, v)
	if err != nil {
		return err
	}
	defer leave()
	c, bad := openai.ParseChat(body)
	if bad != nil {
		return bad
	}
	r.params, r.chat, r.schema = &c.Params, true, c.Schema
	v.model = c.Model
	if c.Model == g.config.Intent {
		return g.wish(w, hr, r, lastUser(c.Messages))
	}
	now := g.config.Now()
	r.count = func(v *vocab) ([]int32, error) { return v.encodeChat(c, now) }
	r.seed()
	return g.complete(w, hr, r)
}

func (g *Gateway) completion(w http.ResponseWriter, hr *http.Request, v *visit) error {
	r, body, leave, err := g.admit(w, hr, v)
	if err != nil {
		return err
	}
	defer leave()
	c, bad := openai.ParseCompletion(body)
	if bad != nil {
		return bad
	}
	r.params = &c.Params
	v.model = c.Model
	if c.Model == g.config.Intent && c.Tokens == nil {
		return g.wish(w, hr, r, c.Text)
	}
	r.count = func(v *vocab) ([]int32, error) {
		if c.Tokens != nil {
			return c.Tokens, nil
		}
		return v.encodeText(c.Text), nil
	}
	if c.Echo {
		r.echo = c.Text
	}
	r.seed()
	return g.complete(w, hr, r)
}

// seed draws a seed for a client that named none, so that equal requests may differ.
func (r *request) seed() {
	if !r.params.Seeded {
		r.params.Sampling.Seed = binary.LittleEndian.Uint64(r.id[:])
	}
}

func lastUser(messages []openai.Message) string {
	for _, m := range slices.Backward(messages) {
		if m.Role == "user" {
			return m.Text
		}
	}
	return ""
}

// wish runs a wish on the bundled model: its prompt is its own, its answer is an order in
// JSON, and nothing about its decoding is left to chance.
func (g *Gateway) wish(w http.ResponseWriter, hr *http.Request, r *request, text string) error {
	if strings.TrimSpace(text) == "" {
		return &openai.Error{
			Status: http.StatusBadRequest, Type: openai.TypeInvalid, Param: "messages", Message: "the wish is empty: want a user message",
		}
	}
	now := r.params.Weir.Now
	if now == "" {
		now = g.config.Now().Format(openai.NowLayout)
	}
	r.wish = &weir.Wish{Text: text, Now: now}
	r.params.Sampling, r.params.Stop, r.schema = weir.Sampling{}, nil, nil
	r.count = func(v *vocab) ([]int32, error) {
		words, err := v.wishes()
		if err != nil {
			return nil, err
		}
		return words.Prompt(text).IDs, nil
	}
	return g.complete(w, hr, r)
}
