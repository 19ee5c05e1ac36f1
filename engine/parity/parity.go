// Package parity judges an engine's logits against exact references and other engines.
//
// A case is NAME.json with a model, prompts and files of reference logits, in the format of
// Weir's engine fixtures: `ref` is computed in float64 without rounding, other names are
// engines. How close is close enough follows from what the case rounds: nothing (F32 weights),
// half-precision weights, or quantised ones, where Weir must come as near as the best peer.
package parity

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/weir-project/weir/internal/fault"
)

// Run computes the logits of a model file after each of the given positions of a prompt:
// [len(rows)][vocab]. exact asks for a float32 cache: weights that are not quantised are
// judged without the cache's rounding.
type Run func(model []byte, tokens []int32, rows []int, exact bool) ([]float32, error)

// Result is the verdict on one prompt of one case.
type Result struct {
	Case   string
	Prompt int // length in tokens
	Max    float64
	Median float64 // NMSE over the prompt's rows
	Worst  float64 // NMSE
	Peer   float64 // the better peer's median NMSE; 0: none given
	Top1   int     // rows whose largest logit agrees with the reference
	Rows   int
	Fail   string // empty: passed
}

type fixture struct {
	Name    string   `json:"name"`
	Arch    string   `json:"arch"`
	Model   string   `json:"model"`
	Vocab   int      `json:"n_vocab"`
	Prompts []prompt `json:"prompts"`
}

type prompt struct {
	Tokens []int32           `json:"tokens"`
	Rows   []int             `json:"rows"`
	Logits map[string]string `json:"logits"`
}

// Cases lists the cases of a folder.
func Cases(dir fs.FS) ([]string, error) {
	names, err := fs.Glob(dir, "*.json")
	if err != nil {
		return nil, err
	}
	var cases []string
	for _, n := range names {
		name := strings.TrimSuffix(n, ".json")
		if _, err := fs.Stat(dir, name+".gguf"); err == nil {
			cases = append(cases, name)
		}
	}
	if len(cases) == 0 {
		return nil, fault.New(fault.NotFound, "no case here: want pairs of NAME.json and NAME.gguf")
	}
	return cases, nil
}

// Judge runs one case.
func Judge(dir fs.FS, name string, run Run) ([]Result, error) {
	text, err := fs.ReadFile(dir, name+".json")
	if err != nil {
		return nil, err
	}
	var c fixture
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, fault.New(fault.Invalid, "%s.json: %w", name, err)
	}
	model, err := fs.ReadFile(dir, path.Base(c.Model))
	if err != nil {
		return nil, err
	}
	var out []Result
	for i := range c.Prompts {
		r, err := c.judge(dir, model, &c.Prompts[i], run)
		if err != nil {
			return nil, fmt.Errorf("%s, prompt %d: %w", name, i, err)
		}
		out = append(out, r)
	}
	return out, nil
}

func (c *fixture) judge(dir fs.FS, model []byte, p *prompt, run Run) (Result, error) {
	res := Result{Case: c.Name, Prompt: len(p.Tokens), Rows: len(p.Rows)}
	logits := map[string][]float32{}
	for engine, file := range p.Logits {
		v, err := readFloats(dir, file)
		if err == nil && len(v) != len(p.Rows)*c.Vocab {
			err = fault.New(fault.Invalid, "%s holds %d values: want %d rows of %d", file, len(v), len(p.Rows), c.Vocab)
		}
		if err != nil {
			return res, err
		}
		logits[engine] = v
	}
	ref := logits["ref"]
	if ref == nil {
		return res, fault.New(fault.Invalid, "no logits of the engine ref")
	}
	got, err := run(model, p.Tokens, p.Rows, !quantised(c.Name))
	if err != nil {
		return res, err
	}
	if len(got) != len(ref) {
		return res, fault.New(fault.Internal, "the engine gave %d logits: want %d", len(got), len(ref))
	}
	own := compare(got, ref, c.Vocab)
	res.Max, res.Median, res.Worst, res.Top1 = own.max, own.median(), slices.Max(own.nmse), own.top1
	res.Peer = math.Inf(1)
	for engine, v := range logits {
		if engine != "ref" {
			res.Peer = min(res.Peer, compare(v, ref, c.Vocab).median())
		}
	}
	if math.IsInf(res.Peer, 1) {
		res.Peer = 0
	}
	res.Fail = verdict(c, &res, own)
	return res, nil
}

// Bounds of the fixtures' README.
const (
	maxExact      = 1e-4 // F32: largest difference
	medianHalf    = 1e-5 // F16: median NMSE
	worstHalf     = 1e-4 // F16: any row, unless an expert flips
	medianQuant   = 2.5e-3
	peerFactor    = 1.25
	marginCertain = 1.0 // dense models agree on the first choice beyond this margin
)

func verdict(c *fixture, r *Result, own comparison) string {
	moe := c.Arch == "deepseek2"
	switch {
	case strings.HasSuffix(c.Name, "-f32"):
		if !(r.Max <= maxExact) {
			return fmt.Sprintf("largest difference above %g", maxExact)
		}
	case strings.HasSuffix(c.Name, "-f16"):
		if !(r.Median <= medianHalf) {
			return fmt.Sprintf("median NMSE above %g", medianHalf)
		}
		if !moe && !(r.Worst <= worstHalf) {
			return fmt.Sprintf("a row's NMSE above %g", worstHalf)
		}
	default:
		if r.Peer > 0 && !(r.Median <= peerFactor*r.Peer) {
			return fmt.Sprintf("median NMSE above %g x the better peer", peerFactor)
		}
		if !(r.Median <= medianQuant) {
			return fmt.Sprintf("median NMSE above %g", medianQuant)
		}
		if !moe && own.wrongFirst > 0 {
			return "another first choice where the reference is certain"
		}
	}
	return ""
}

// quantised reports whether a case's name ends in a block type.
func quantised(name string) bool {
	return !strings.HasSuffix(name, "-f32") && !strings.HasSuffix(name, "-f16")
}

func readFloats(dir fs.FS, name string) ([]float32, error) {
	b, err := fs.ReadFile(dir, path.Base(name))
	if err != nil {
		return nil, err
	}
	v := make([]float32, len(b)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v, nil
}

// comparison is what logits have in common with a reference, row by row.
type comparison struct {
	max        float64
	nmse       []float64
	top1       int
	wrongFirst int // rows where the reference is certain and the first choice differs
}

func (c comparison) median() float64 {
	v := slices.Sorted(slices.Values(c.nmse))
	n := len(v)
	return (v[(n-1)/2] + v[n/2]) / 2
}

// compare computes, for each row, NMSE = Σ(a-b)² / Σ(a-mean a)² with a the reference.
func compare(got, ref []float32, vocab int) comparison {
	var c comparison
	for r := 0; r < len(ref); r += vocab {
		a, b := ref[r:r+vocab], got[r:r+vocab]
		mean, spread, diff := 0.0, 0.0, 0.0
		for _, x := range a {
			mean += float64(x) / float64(vocab)
		}
		for i := range a {
			d := math.Abs(float64(a[i]) - float64(b[i]))
			if math.IsNaN(d) {
				d = math.Inf(1)
			}
			c.max = max(c.max, d)
			diff += d * d
			spread += (float64(a[i]) - mean) * (float64(a[i]) - mean)
		}
		c.nmse = append(c.nmse, diff/spread)
		first, second := firstTwo(a)
		got, _ := firstTwo(b)
		if got == first {
			c.top1++
		} else if float64(a[first]-a[second]) > marginCertain {
			c.wrongFirst++
		}
	}
	return c
}

func firstTwo(x []float32) (first, second int) {
	first, second = 0, 1
	if x[1] > x[0] {
		first, second = 1, 0
	}
	for i := 2; i < len(x); i++ {
		switch {
		case x[i] > x[first]:
			first, second = i, first
		case x[i] > x[second]:
			second = i
		}
	}
	return first, second
}
