// Package engine loads a model and generates with it.
//
// A Model owns the mapped file, a team of worker threads and one loop goroutine that runs
// forward passes. Requests of many callers join the passes as they come: each pass carries
// one row of every sequence that decodes and a bounded chunk of one that still reads its
// prompt. What a request gets does not depend on its neighbours. Cancelling a context takes
// effect within one pass.
//
// The numerics live below, in arch, kernel and quant, which are pure; this package owns
// goroutines, memory and time.
package engine

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/engine/arch"
	"github.com/weir-project/weir/engine/gguf"
	"github.com/weir-project/weir/engine/kv"
	"github.com/weir-project/weir/engine/token"
	"github.com/weir-project/weir/internal/fault"
)

// Options tune a model. Zero values are the documented defaults.
type Options struct {
	Name      string  // catalogue name; default: the file's general.name or base name
	Threads   int     // worker threads; default: one per processor
	Context   int     // tokens per sequence; default: the model's, at most DefaultContext
	Slots     int     // sequences that run at once; default 4
	Queue     int     // requests that may wait for a slot; default 64
	BatchRows int     // rows per forward pass; default 256
	Cache     kv.Type // default F16
}

// DefaultContext bounds the context unless Options ask for more, so that a model made for
// 128k tokens does not claim the memory for it.
const DefaultContext = 8192

func (o Options) withDefaults(c *arch.Config) Options {
	set := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	set(&o.Threads, runtime.GOMAXPROCS(0))
	set(&o.Context, min(c.Context, DefaultContext))
	set(&o.Slots, 4)
	set(&o.Queue, 64)
	set(&o.BatchRows, 256)
	o.BatchRows = max(o.BatchRows, o.Slots)
	return o
}

// Model is a loaded model. Its methods may be called by many goroutines.
type Model struct {
	arch      *arch.Model
	file      *gguf.File
	opts      Options
	card      weir.ModelCard
	tokenizer *token.Tokenizer
	vocab     []byte
	unmap     func() error // nil: not mapped
	team      *Team
	runner    *arch.Runner // owned by the loop; Measure and Logits borrow it through pass
	pass      sync.Mutex   // held while a forward pass runs
	loop      *loop
}

// MapFile maps a GGUF file, or all parts of a split one given any of them, and parses it.
// The file is good until unmap is called.
func MapFile(path string) (f *gguf.File, unmap func() error, err error) {
	names := []string{path}
	if parts, ok := gguf.SplitNames(filepath.Base(path)); ok {
		names = names[:0]
		for _, p := range parts {
			names = append(names, filepath.Join(filepath.Dir(path), p))
		}
	}
	var parts [][]byte
	var mapped []func() error
	unmap = func() error {
		var errs []error
		for _, f := range mapped {
			errs = append(errs, f())
		}
		return errors.Join(errs...)
	}
	for _, name := range names {
		data, done, err := mapFile(name)
		if err != nil {
			_ = unmap() // the first error is the one to tell
			if errors.Is(err, os.ErrNotExist) {
				return nil, nil, fault.New(fault.NotFound, "model %s: no such file", name)
			}
			return nil, nil, fmt.Errorf("map model %s: %w", name, err)
		}
		parts, mapped = append(parts, data), append(mapped, done)
	}
	if f, err = gguf.ParseSplit(parts); err != nil {
		_ = unmap()
		return nil, nil, fmt.Errorf("load %s: %w", path, err)
	}
	return f, unmap, nil
}

// Open maps and loads a model file.
func Open(path string, o Options) (*Model, error) {
	f, unmap, err := MapFile(path)
	if err != nil {
		return nil, err
	}
	if o.Name == "" {
		o.Name = strings.TrimSuffix(filepath.Base(path), ".gguf")
	}
	m, err := load(f, o)
	if err != nil {
		_ = unmap()
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	m.unmap = unmap
	return m, nil
}

// FromBytes loads a model from memory, which must stay unchanged.
func FromBytes(data []byte, o Options) (*Model, error) {
	f, err := gguf.Parse(data)
	if err != nil {
		return nil, err
	}
	return load(f, o)
}

func load(f *gguf.File, o Options) (*Model, error) {
	a, err := arch.Load(f)
	if err != nil {
		return nil, err
	}
	t, err := token.FromKV(f)
	if err != nil {
		return nil, err
	}
	var vocab bytes.Buffer
	if _, err := gguf.MetadataOnly(f).WriteTo(&vocab); err != nil {
		return nil, fmt.Errorf("write vocabulary: %w", err)
	}
	m := &Model{arch: a, file: f, tokenizer: t, vocab: vocab.Bytes(), opts: o.withDefaults(&a.Config)}
	m.card = m.describe()
	m.team = NewTeam(m.opts.Threads)
	m.runner = arch.NewRunner(a, m.team, m.opts.BatchRows, m.opts.Context)
	m.loop = startLoop(m)
	return m, nil
}

func (m *Model) describe() weir.ModelCard {
	digest, vocab := m.file.Digest(), sha256.Sum256(m.vocab)
	c := weir.ModelCard{
		Name: m.opts.Name, Arch: m.arch.Arch, Params: arch.Params(m.file), Context: weir.Tokens(m.opts.Context),
		Digest: hex.EncodeToString(digest[:]), Vocabulary: hex.EncodeToString(vocab[:]),
	}
	for i := range m.file.Tensors {
		c.Bytes += int64(len(m.file.Tensors[i].Data))
	}
	if c.Name == "" {
		c.Name, _ = m.file.String("general.name")
	}
	return c
}

// Close ends all requests, stops the workers and unmaps the file.
func (m *Model) Close() error {
	m.loop.stop()
	m.pass.Lock()
	defer m.pass.Unlock()
	m.team.Close()
	if m.unmap == nil {
		return nil
	}
	unmap := m.unmap
	m.unmap = nil
	return unmap()
}

// Card describes the model for the pool.
func (m *Model) Card() weir.ModelCard { return m.card }

// Config is the shape of the model.
func (m *Model) Config() arch.Config { return m.arch.Config }

// Options are those in force, defaults filled in.
func (m *Model) Options() Options { return m.opts }

// Tokenizer is the model's own.
func (m *Model) Tokenizer() *token.Tokenizer { return m.tokenizer }

// ChatTemplate is the Jinja source in the file; empty if there is none.
func (m *Model) ChatTemplate() string {
	s, _ := m.file.String("tokenizer.chat_template")
	return s
}

// Vocab is a GGUF file without tensors: what a gateway needs to render and count. Its
// SHA-256 is Card().Vocabulary.
func (m *Model) Vocab() []byte { return m.vocab }

// Load is how busy the model is.
func (m *Model) Load() weir.Load { return m.loop.load() }
