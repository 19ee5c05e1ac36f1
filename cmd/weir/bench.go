package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/weir-project/weir/engine"
)

func benchCommand() *command {
	return &command{
		name: "bench", summary: "measure a model's speed on this machine, with the flags and JSON of llama-bench",
		long: `Each test is run -r times after a warm-up: -p reads a prompt, -n generates, -gp N,M generates M tokens
after a prompt of N that is not timed. A length of 0 leaves a test out.`,
		examples: []string{
			"weir bench -m model.gguf -p 512 -n 64 -t 1,2",
			"weir bench -m model.gguf -p 0 -n 0 -gp 4096,32 -r 3 -o json",
		},
		setup: func(f *flag.FlagSet) runFunc {
			b := &bencher{}
			f.StringVar(&b.model, "m", "", "model `file`")
			f.StringVar(&b.prompt, "p", "512", "prompt `lengths`, by comma")
			f.StringVar(&b.generate, "n", "128", "generation `lengths`, by comma")
			f.StringVar(&b.depth, "gp", "", "`N,M`: generate M tokens at depth N")
			f.StringVar(&b.threads, "t", strconv.Itoa(runtime.NumCPU()), "thread `counts`, by comma")
			f.IntVar(&b.reps, "r", 5, "repetitions")
			f.IntVar(&b.batch, "b", 512, "rows per forward pass")
			f.StringVar(&b.cache, "cache", "f16", "`type` of the attention cache: f16 or f32")
			f.StringVar(&b.out, "o", "md", "output `format`: md or json")
			return b.run
		},
	}
}

type bencher struct {
	model, prompt, generate, depth, threads, cache, out string
	reps, batch                                         int
}

// benchTest is one cell: depth tokens untimed, then prompt or generate timed.
type benchTest struct{ depth, prompt, generate int }

func (t benchTest) name() string {
	name := fmt.Sprintf("pp%d", t.prompt)
	if t.generate > 0 {
		name = fmt.Sprintf("tg%d", t.generate)
	}
	if t.depth > 0 {
		name += fmt.Sprintf("@%d", t.depth)
	}
	return name
}

// benchRow has the names of llama-bench's JSON, so that its readers can read ours.
type benchRow struct {
	BuildCommit string    `json:"build_commit"`
	Model       string    `json:"model_filename"`
	ModelType   string    `json:"model_type"`
	ModelSize   int64     `json:"model_size"`
	Params      int64     `json:"model_n_params"`
	Batch       int       `json:"n_batch"`
	Threads     int       `json:"n_threads"`
	CacheType   string    `json:"type_k"`
	Prompt      int       `json:"n_prompt"`
	Generate    int       `json:"n_gen"`
	Depth       int       `json:"n_depth"`
	TestTime    string    `json:"test_time"`
	AvgNS       int64     `json:"avg_ns"`
	StddevNS    int64     `json:"stddev_ns"`
	AvgTS       float64   `json:"avg_ts"`
	StddevTS    float64   `json:"stddev_ts"`
	SamplesNS   []int64   `json:"samples_ns"`
	SamplesTS   []float64 `json:"samples_ts"`
}

func (b *bencher) run(ctx context.Context, e env, _ []string) error {
	if b.model == "" {
		return usagef("bench needs -m MODEL.gguf")
	}
	if b.out != "md" && b.out != "json" {
		return usagef("-o %s: want md or json", b.out)
	}
	tests, err := b.tests()
	if err != nil {
		return err
	}
	threads, err := numbers("-t", b.threads)
	if err != nil {
		return err
	}
	var rows []benchRow
	for _, n := range threads {
		more, err := b.measure(ctx, n, tests)
		if err != nil {
			return err
		}
		rows = append(rows, more...)
	}
	if b.out == "json" {
		enc := json.NewEncoder(e.out)
		enc.SetIndent("", "  ")
		return enc.Encode(rows)
	}
	w := tabwriter.NewWriter(e.out, 0, 0, 1, ' ', 0)
	fmt.Fprintln(w, "| model\t| params\t| size\t| threads\t| test\t| tokens/s\t|")
	fmt.Fprintln(w, "|---\t|---\t|---\t|---\t|---\t|---\t|")
	for _, r := range rows {
		t := benchTest{r.Depth, r.Prompt, r.Generate}
		fmt.Fprintf(w, "| %s\t| %s\t| %s\t| %d\t| %s\t| %.2f ± %.2f\t|\n", filepath.Base(r.Model), count(r.Params), size(r.ModelSize), r.Threads, t.name(), r.AvgTS, r.StddevTS)
	}
	return w.Flush()
}

func (b *bencher) tests() ([]benchTest, error) {
	prompts, err := numbers("-p", b.prompt)
	if err != nil {
		return nil, err
	}
	lengths, err := numbers("-n", b.generate)
	if err != nil {
		return nil, err
	}
	var tests []benchTest
	for _, p := range prompts {
		if p > 0 {
			tests = append(tests, benchTest{prompt: p})
		}
	}
	for _, n := range lengths {
		if n > 0 {
			tests = append(tests, benchTest{generate: n})
		}
	}
	if b.depth != "" {
		pair, err := numbers("-gp", b.depth)
		if err != nil {
			return nil, err
		}
		if len(pair) != 2 || pair[1] == 0 {
			return nil, usagef("-gp %s: want N,M, a depth and a positive length", b.depth)
		}
		tests = append(tests, benchTest{depth: pair[0], generate: pair[1]})
	}
	if len(tests) == 0 {
		return nil, usagef("nothing to measure: give -p, -n or -gp a positive length")
	}
	return tests, nil
}

func (b *bencher) measure(ctx context.Context, threads int, tests []benchTest) ([]benchRow, error) {
	context := 0
	for _, t := range tests {
		context = max(context, t.depth+t.prompt+t.generate)
	}
	flags := modelFlags{threads: threads, cache: b.cache}
	o, err := flags.options()
	if err != nil {
		return nil, err
	}
	o.Context, o.BatchRows = max(context, 64), b.batch
	m, err := engine.Open(b.model, o)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	var rows []benchRow
	for _, t := range tests {
		row, err := b.repeat(ctx, m, t)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// repeat runs one test after a warm-up that touches every weight.
func (b *bencher) repeat(ctx context.Context, m *engine.Model, t benchTest) (benchRow, error) {
	card := m.Card()
	r := benchRow{
		BuildCommit: buildVersion(), Model: b.model, ModelType: card.Arch, ModelSize: card.Bytes, Params: card.Params,
		Batch: b.batch, Threads: m.Options().Threads, CacheType: m.Options().Cache.String(),
		Prompt: t.prompt, Generate: t.generate, Depth: t.depth, TestTime: time.Now().UTC().Format(time.RFC3339),
	}
	if _, err := m.Measure(ctx, 0, min(t.prompt, 32), 2*min(1, t.generate)); err != nil {
		return r, err
	}
	for range max(1, b.reps) {
		d, err := m.Measure(ctx, t.depth, t.prompt, t.generate)
		if err != nil {
			return r, err
		}
		r.SamplesNS = append(r.SamplesNS, d.Nanoseconds())
		r.SamplesTS = append(r.SamplesTS, float64(t.prompt+t.generate)/d.Seconds())
	}
	var ns []float64
	for _, v := range r.SamplesNS {
		ns = append(ns, float64(v))
	}
	mean, dev := meanAndDeviation(ns)
	r.AvgNS, r.StddevNS = int64(mean), int64(dev)
	r.AvgTS, r.StddevTS = meanAndDeviation(r.SamplesTS)
	return r, nil
}

func meanAndDeviation(v []float64) (mean, dev float64) {
	for _, x := range v {
		mean += x / float64(len(v))
	}
	if len(v) < 2 {
		return mean, 0
	}
	for _, x := range v {
		dev += (x - mean) * (x - mean) / float64(len(v)-1)
	}
	return mean, math.Sqrt(dev)
}

// numbers reads a list of counts such as "1,2".
func numbers(flag, list string) ([]int, error) {
	var out []int
	for _, s := range strings.Split(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < 0 || n > 1<<24 {
			return nil, usagef("%s %s: want numbers such as 512 or 1,2", flag, list)
		}
		out = append(out, n)
	}
	return out, nil
}
