package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/engine"
	"github.com/weir-project/weir/engine/kv"
	"github.com/weir-project/weir/engine/template"
	"github.com/weir-project/weir/engine/token"
	"github.com/weir-project/weir/internal/fault"
)

// modelFlags are shared by commands that load a model in this process.
type modelFlags struct {
	threads, context int
	cache            string
}

func (m *modelFlags) declare(f *flag.FlagSet) {
	f.IntVar(&m.threads, "threads", 0, "worker `threads`; 0: one per processor")
	f.IntVar(&m.context, "context", 0, "context in `tokens`; 0: the model's, at most 8192")
	f.StringVar(&m.cache, "cache", "f16", "`type` of the attention cache: f16 or f32")
}

func (m *modelFlags) options() (engine.Options, error) {
	t, err := kv.ParseType(m.cache)
	if err != nil {
		return engine.Options{}, err
	}
	return engine.Options{Threads: m.threads, Context: m.context, Cache: t}, nil
}

// open loads a model file.
func (m *modelFlags) open(name string) (*engine.Model, error) {
	o, err := m.options()
	if err != nil {
		return nil, err
	}
	return engine.Open(name, o)
}

// samplingFlags are shared by commands that generate.
type samplingFlags struct {
	temperature, topP, minP, repeat float64
	topK, maxTokens                 int
	seed                            uint64
}

func (s *samplingFlags) declare(f *flag.FlagSet) {
	f.Float64Var(&s.temperature, "temperature", 0, "sampling temperature; 0: greedy")
	f.Float64Var(&s.topP, "top-p", 0, "keep the likeliest tokens of this `mass`; 0: all")
	f.Float64Var(&s.minP, "min-p", 0, "keep tokens at least this `share` as likely as the first; 0: all")
	f.IntVar(&s.topK, "top-k", 0, "keep this many tokens; 0: all")
	f.Float64Var(&s.repeat, "repeat-penalty", 0, "divide the logits of tokens seen before; 0 or 1: off")
	f.IntVar(&s.maxTokens, "max-tokens", 0, "longest answer; 0: as the context allows")
	f.Uint64Var(&s.seed, "seed", 0, "seed of the sampler")
}

func (s *samplingFlags) sampling() weir.Sampling {
	return weir.Sampling{
		Temperature: float32(s.temperature), TopP: float32(s.topP), MinP: float32(s.minP), TopK: s.topK,
		RepeatPenalty: float32(s.repeat), Seed: s.seed,
	}
}

// message is one turn of a conversation.
type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// conversation renders messages as a model's own template has it and encodes the result.
type conversation struct {
	model    *engine.Model
	template *template.Template
}

func newConversation(m *engine.Model) (*conversation, error) {
	src := m.ChatTemplate()
	if src == "" {
		return nil, fault.New(fault.Invalid, "%s has no chat template: use --raw to send the text as it is", m.Card().Name)
	}
	t, err := template.Parse(src)
	if err != nil {
		return nil, fmt.Errorf("chat template of %s: %w", m.Card().Name, err)
	}
	return &conversation{m, t}, nil
}

func (c *conversation) prompt(messages []message) ([]int32, error) {
	text, err := json.Marshal(messages)
	if err != nil {
		return nil, err
	}
	list, err := template.DecodeJSON(text)
	if err != nil {
		return nil, err
	}
	tok := c.model.Tokenizer()
	var vars template.Map
	vars.Set("messages", list)
	vars.Set("add_generation_prompt", true)
	vars.Set("bos_token", tok.Bytes(tok.BOS()))
	vars.Set("eos_token", tok.Bytes(tok.EOS()))
	out, err := c.template.Render(&vars, template.Options{Now: time.Now()})
	if err != nil {
		return nil, fault.As(fault.Invalid, err)
	}
	ids := tok.Encode(out, token.Options{Special: true})
	if tok.AddsBOS() && (len(ids) == 0 || ids[0] != tok.BOS()) {
		ids = append([]int32{tok.BOS()}, ids...)
	}
	return ids, nil
}
