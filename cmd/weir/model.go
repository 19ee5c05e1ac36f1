package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/weir-project/weir/engine"
	"github.com/weir-project/weir/engine/arch"
	"github.com/weir-project/weir/engine/gguf"
	"github.com/weir-project/weir/engine/kv"
)

func modelCommand() *command {
	return &command{
		name: "model", summary: "look at and change model files",
		subs: []*command{modelShowCommand(), modelQuantizeCommand()},
	}
}

func modelShowCommand() *command {
	return &command{
		name: "show", args: "MODEL.gguf", min: 1, max: 1,
		summary: "say what a model file holds and what it will need",
		examples: []string{
			"weir model show model.gguf --context 32768",
			"weir model show model.gguf --keys --tensors",
		},
		setup: func(f *flag.FlagSet) runFunc {
			s := &modelShow{}
			f.IntVar(&s.context, "context", 0, "context in `tokens` for the memory figures; 0: the model's")
			f.BoolVar(&s.keys, "keys", false, "list the metadata")
			f.BoolVar(&s.tensors, "tensors", false, "list the tensors")
			f.BoolVar(&s.json, "json", false, "print JSON")
			return s.run
		},
	}
}

type modelShow struct {
	context             int
	keys, tensors, json bool
}

// modelFacts is what `weir model show --json` prints.
type modelFacts struct {
	File       string         `json:"file"`
	Name       string         `json:"name,omitempty"`
	Arch       string         `json:"arch"`
	Version    uint32         `json:"gguf_version"`
	Digest     string         `json:"digest"`
	Params     int64          `json:"params"`
	Active     int64          `json:"active_params"` // that one token passes through
	Bytes      int64          `json:"bytes"`
	Types      map[string]int `json:"tensor_types"`
	Tokenizer  string         `json:"tokenizer"`
	Vocab      int            `json:"vocab"`
	Layers     int            `json:"layers"`
	Attention  string         `json:"attention"`
	Experts    string         `json:"experts,omitempty"`
	Trained    int            `json:"trained_context"`
	Context    int            `json:"context"`
	CacheToken int            `json:"cache_bytes_per_token"`
	CacheMHA   int            `json:"cache_bytes_per_token_mha"`
	CacheBytes int64          `json:"cache_bytes"`
	Template   bool           `json:"chat_template"`
}

func (s *modelShow) run(_ context.Context, e env, args []string) error {
	f, unmap, err := engine.MapFile(args[0])
	if err != nil {
		return err
	}
	defer unmap()
	facts, err := s.facts(args[0], f)
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	if s.json {
		enc := json.NewEncoder(e.out)
		enc.SetIndent("", "  ")
		return enc.Encode(facts)
	}
	printFacts(e.out, facts)
	if s.keys {
		printKeys(e.out, f)
	}
	if s.tensors {
		printTensors(e.out, f)
	}
	return nil
}

func (s *modelShow) facts(path string, f *gguf.File) (*modelFacts, error) {
	digest := f.Digest()
	m := &modelFacts{File: path, Version: f.Version, Digest: fmt.Sprintf("%x", digest), Params: arch.Params(f), Types: map[string]int{}}
	m.Name, _ = f.String("general.name")
	m.Arch, _ = f.String("general.architecture")
	model, _ := f.String("tokenizer.ggml.model")
	pre, _ := f.String("tokenizer.ggml.pre")
	m.Tokenizer = strings.TrimSpace(model + " " + pre)
	_, m.Template = f.String("tokenizer.chat_template")
	tokens, _ := f.Strings("tokenizer.ggml.tokens")
	m.Vocab = len(tokens)
	for i := range f.Tensors {
		m.Bytes += int64(len(f.Tensors[i].Data))
		m.Types[f.Tensors[i].Type.String()]++
	}
	if len(f.Tensors) == 0 {
		return m, nil // a vocabulary
	}
	c, err := arch.ReadConfig(f)
	if err != nil {
		return nil, err
	}
	m.Active = activeParams(f, c)
	m.Layers, m.Trained, m.Context, m.Vocab = c.Layers, c.Context, s.context, c.Vocab
	if m.Context == 0 {
		m.Context = c.Context
	}
	g := c.CacheGeometry(kv.F16)
	m.CacheToken = g.BytesPerToken()
	m.CacheMHA = kv.Geometry{Layers: c.Layers, Width: c.ExpandedWidth(), Type: kv.F16}.BytesPerToken()
	m.CacheBytes = int64(m.Context) * int64(m.CacheToken)
	m.Attention = fmt.Sprintf("grouped-query, %d heads of %d on %d", c.Heads, c.KeyDim, c.KVHeads)
	if c.MLA != nil {
		m.Attention = fmt.Sprintf("multi-head latent, %d heads of %d/%d, latent %d+%d", c.Heads, c.KeyDim, c.ValueDim, c.MLA.KVLora, c.Rope.Dims)
	}
	m.Experts = describeExperts(c)
	return m, nil
}

// activeParams counts the weights that one token passes through: of the routed experts only
// those used.
func activeParams(f *gguf.File, c *arch.Config) int64 {
	n := arch.Params(f)
	if c.MoE == nil {
		return n
	}
	for i := range f.Tensors {
		t := &f.Tensors[i]
		if strings.Contains(t.Name, "_exps.") {
			all := int64(t.Rows()) * int64(t.Cols())
			n -= all - all*int64(c.MoE.Used)/int64(c.MoE.Experts)
		}
	}
	return n
}

func describeExperts(c *arch.Config) string {
	m := c.MoE
	if m == nil {
		return ""
	}
	gate, groups := "softmax", "no groups"
	if m.Sigmoid {
		gate = "sigmoid"
	}
	if m.Groups > 1 {
		groups = fmt.Sprintf("best %d of %d groups", m.GroupsUsed, m.Groups)
	}
	return fmt.Sprintf("%d of %d, %d shared, %s gate, %s", m.Used, m.Experts, m.Shared, gate, groups)
}

func printFacts(w io.Writer, m *modelFacts) {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	defer t.Flush()
	row := func(name, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	row("file", "%s (GGUF v%d)", m.File, m.Version)
	row("name", "%s", m.Name)
	row("architecture", "%s", m.Arch)
	row("digest", "%s", m.Digest)
	row("tokenizer", "%s, %d tokens, chat template: %s", m.Tokenizer, m.Vocab, yesNo(m.Template))
	if m.Layers == 0 {
		return
	}
	row("weights", "%s, %s active a token, %s", count(m.Params), count(m.Active), size(m.Bytes))
	var types []string
	for name, n := range m.Types {
		types = append(types, fmt.Sprintf("%d %s", n, name))
	}
	slices.Sort(types)
	row("tensors", "%s", strings.Join(types, ", "))
	row("layers", "%d", m.Layers)
	row("attention", "%s", m.Attention)
	if m.Experts != "" {
		row("experts", "%s", m.Experts)
	}
	row("context", "%d (trained for %d)", m.Context, m.Trained)
	row("cache", "%d bytes a token, %s for the context; as plain multi-head attention %d bytes a token (%.1fx)",
		m.CacheToken, size(m.CacheBytes), m.CacheMHA, float64(m.CacheMHA)/float64(m.CacheToken))
}

func printKeys(w io.Writer, f *gguf.File) {
	fmt.Fprintln(w)
	for _, k := range f.Keys {
		text := fmt.Sprint(k.Value)
		if runes := []rune(text); len(runes) > 100 {
			text = string(runes[:100]) + "…"
		}
		fmt.Fprintf(w, "%s = %s\n", k.Key, strings.ReplaceAll(text, "\n", `\n`))
	}
}

func printTensors(w io.Writer, f *gguf.File) {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	defer t.Flush()
	fmt.Fprintln(t)
	for i := range f.Tensors {
		x := &f.Tensors[i]
		fmt.Fprintf(t, "%s\t%s\t%v\t%s\n", x.Name, x.Type, x.Shape, size(int64(len(x.Data))))
	}
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// size prints bytes with a unit that leaves three or four digits.
func size(n int64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 10<<20:
		return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.0f KiB", float64(n)/(1<<10))
}

// count prints a number of weights.
func count(n int64) string {
	if n >= 1e9 {
		return fmt.Sprintf("%.2f B", float64(n)/1e9)
	}
	return fmt.Sprintf("%.2f M", float64(n)/1e6)
}
