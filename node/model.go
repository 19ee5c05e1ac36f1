package node

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/engine"
	"github.com/weir-project/weir/engine/grammar"
	"github.com/weir-project/weir/engine/token"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/models/intent"
)

// generator is what a node needs of a model. The engine's has it; servers upstream will.
type generator interface {
	Card() weir.ModelCard
	Vocab() []byte
	Load() weir.Load
	// Generate calls emit on the calling goroutine, and is as engine.Model's.
	Generate(ctx context.Context, r engine.Request, emit func(engine.Event) error) (engine.Result, error)
	Close() error
}

// model is a generator with what the node knows of it.
type model struct {
	generator
	card   weir.ModelCard // with the node's name and prices for it
	tokens *token.Tokenizer
	wishes *intent.Vocab // nil: it answers no wishes

	vocabulary func() *grammar.Vocabulary
}

// open loads the models of the configuration; on failure none stays open.
func open(c Config) (models []*model, err error) {
	defer func() {
		if err != nil {
			for _, m := range models {
				_ = m.Close() // the first error is the one to tell
			}
		}
	}()
	for _, mc := range c.Models {
		o := engine.Options{Name: mc.Name, Threads: c.Threads, Context: c.Context, Slots: c.Slots}
		var e *engine.Model
		if mc.Path != "" {
			e, err = engine.Open(mc.Path, o)
		} else {
			e, err = engine.FromBytes(mc.Bytes, o)
		}
		if err != nil {
			return models, err
		}
		models = append(models, newModel(e, e.Tokenizer(), mc))
	}
	return models, nil
}

func newModel(g generator, tokens *token.Tokenizer, c ModelConfig) *model {
	m := &model{generator: g, tokens: tokens, card: g.Card()}
	m.card.Prices = c.Prices
	if c.Name != "" {
		m.card.Name = c.Name
	}
	if tokens != nil {
		// An error only says that this is another kind of model.
		m.wishes, _ = intent.NewVocab(tokens)
	}
	m.vocabulary = sync.OnceValue(func() *grammar.Vocabulary { return grammar.NewVocabulary(tokens) })
	return m
}

// catalogue finds models by name.
type catalogue []*model

func (c catalogue) find(name, digest string) (*model, error) {
	for _, m := range c {
		if m.card.Name != name {
			continue
		}
		if digest != "" && digest != m.card.Digest {
			return nil, fault.New(fault.Conflict, "model %s is here with digest %s, not %s", name, m.card.Digest, digest)
		}
		return m, nil
	}
	return nil, fault.New(fault.NotFound, "no model %q on this node: it serves %s", name, strings.Join(c.names(), ", "))
}

func (c catalogue) names() []string {
	names := make([]string, len(c))
	for i, m := range c {
		names[i] = m.card.Name
	}
	return names
}

func (c catalogue) check() error {
	for i, m := range c {
		if m.card.Name == "" {
			return fault.New(fault.Invalid, "model %d has no name, in its file or in the configuration", i+1)
		}
		if slices.Contains(c.names()[:i], m.card.Name) {
			return fault.New(fault.Invalid, "two models are named %s", m.card.Name)
		}
		if err := m.card.Prices.Check(); err != nil {
			return fault.New(fault.Invalid, "model %s: %w", m.card.Name, err)
		}
	}
	return nil
}

func (c catalogue) load() (sum weir.Load) {
	for _, m := range c {
		l := m.Load()
		sum.Active += l.Active
		sum.Queued += l.Queued
		sum.Slots += l.Slots
	}
	return sum
}

// task is a request made ready for the engine.
type task struct {
	engine.Request
	text func(engine.Event) (string, error) // what the client reads of an event
	rest func() string                      // and at a regular end
}

// prepare checks what the engine cannot, and builds the constraint.
func (m *model) prepare(r *weir.GenerateRequest) (task, error) {
	t := task{
		Request: engine.Request{
			Prompt: r.Prompt, MaxTokens: int(r.MaxTokens), Sampling: r.Sampling, Stop: r.Stop, Logprobs: r.Logprobs, Top: r.Top,
		},
		text: func(e engine.Event) (string, error) { return e.Text, nil },
		rest: func() string { return "" },
	}
	switch {
	case r.ID.IsZero():
		return t, fault.New(fault.Invalid, "the request has no id")
	case r.Timeout < 0:
		return t, fault.New(fault.Invalid, "timeout is %s: want 0 for none, or more", r.Timeout)
	case r.Wish != nil && r.Schema != nil:
		return t, fault.New(fault.Invalid, "a wish has its own schema: leave schema out")
	case r.Wish != nil:
		return t, m.prepareWish(&t, r)
	case r.Schema != nil:
		if m.tokens == nil {
			return t, fault.New(fault.Invalid, "model %s cannot be held to a schema", m.card.Name)
		}
		// Not kept between requests: matchers of one grammar may not run side by side.
		g, err := grammar.CompileSchema(r.Schema)
		if err != nil {
			return t, err
		}
		t.Constraint = grammar.NewMatcher(g, m.vocabulary())
	}
	return t, nil
}

// prepareWish rebuilds the reading of the wish: the gateway's prompt is only its tokens.
func (m *model) prepareWish(t *task, r *weir.GenerateRequest) error {
	if m.wishes == nil {
		return fault.New(fault.Invalid, "model %s answers no wishes", m.card.Name)
	}
	if len(r.Wish.Text) > wishMax {
		return fault.New(fault.Invalid, "the wish has %d bytes: at most %d", len(r.Wish.Text), wishMax)
	}
	now, err := time.Parse("2006-01-02T15:04", r.Wish.Now)
	if err != nil {
		return fault.New(fault.Invalid, "now is %q: want local time such as 2026-03-01T09:30", r.Wish.Now)
	}
	p := m.wishes.Prompt(r.Wish.Text)
	if len(r.Prompt) > 0 && !slices.Equal(r.Prompt, p.IDs) {
		return fault.New(fault.Conflict, "the prompt of %d tokens is not that of the wish, %d tokens", len(r.Prompt), len(p.IDs))
	}
	stream := intent.NewStream(m.wishes, p, now)
	t.Prompt, t.Constraint = p.IDs, intent.NewConstraint(m.wishes, p)
	// The constraint runs ahead on the engine's goroutine; the stream follows what was emitted.
	t.text = func(e engine.Event) (string, error) {
		var text strings.Builder
		for _, id := range e.Tokens {
			piece, err := stream.Accept(id)
			if err != nil {
				return "", fault.New(fault.Internal, "read the order: %w", err)
			}
			text.WriteString(piece)
		}
		return text.String(), nil
	}
	t.rest = stream.Finish
	return nil
}
