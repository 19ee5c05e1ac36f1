package main

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/weir-project/weir/engine"
	"github.com/weir-project/weir/engine/gguf"
	"github.com/weir-project/weir/engine/kv"
	"github.com/weir-project/weir/engine/parity"
	"github.com/weir-project/weir/engine/template"
	"github.com/weir-project/weir/engine/token"
	"github.com/weir-project/weir/internal/fault"
)

func evalCommand() *command {
	return &command{
		name: "eval", summary: "judge the engine against references",
		long: "Each judge prints a table and a last line \"N passed, N failed\", and exits with 1 if any failed.",
		subs: []*command{evalParityCommand(), evalTokenizerCommand(), evalTemplateCommand(), evalPerplexityCommand(), evalJSONSchemaCommand(), evalIntentCommand()},
	}
}

// verdict prints the line that every judge ends with.
func verdict(e env, passed, failed int) error {
	fmt.Fprintf(e.out, "%d passed, %d failed\n", passed, failed)
	if failed > 0 {
		return errJudged
	}
	return nil
}

func evalParityCommand() *command {
	return &command{
		name: "parity", args: "DIR", min: 1, max: 1, summary: "compare logits with exact references and other engines",
		long: "DIR holds cases NAME.json with NAME.gguf and files of reference logits; see docs/benchmarks/parity.md.",
		setup: func(f *flag.FlagSet) runFunc {
			threads := f.Int("threads", 0, "worker `threads`; 0: one per processor")
			return func(ctx context.Context, e env, args []string) error { return evalParity(ctx, e, args[0], *threads) }
		},
	}
}

func evalParity(ctx context.Context, e env, dir string, threads int) error {
	names, err := parity.Cases(os.DirFS(dir))
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	run := func(model []byte, tokens []int32, rows []int, exact bool) ([]float32, error) {
		o := engine.Options{Threads: threads, Context: len(tokens) + 1}
		if exact {
			o.Cache = kv.F32
		}
		m, err := engine.FromBytes(model, o)
		if err != nil {
			return nil, err
		}
		defer m.Close()
		return m.Logits(ctx, tokens, rows, nil)
	}
	w := tabwriter.NewWriter(e.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "case\tprompt\tmax diff\tmedian NMSE\tbetter peer\tworst NMSE\tfirst choice\tverdict")
	passed, failed := 0, 0
	for _, name := range names {
		results, err := parity.Judge(os.DirFS(dir), name, run)
		if err != nil {
			fmt.Fprintf(w, "%s\t\t\t\t\t\t\t%v\n", name, err)
			failed++
			continue
		}
		for _, r := range results {
			verdict := "ok"
			if r.Fail != "" {
				verdict = "FAILED: " + r.Fail
				failed++
			} else {
				passed++
			}
			fmt.Fprintf(w, "%s\t%d\t%.2g\t%.2g\t%.2g\t%.2g\t%d/%d\t%s\n", r.Case, r.Prompt, r.Max, r.Median, r.Peer, r.Worst, r.Top1, r.Rows, verdict)
		}
	}
	w.Flush()
	return verdict(e, passed, failed)
}

func evalTokenizerCommand() *command {
	return &command{
		name: "tokenizer", args: "DIR", min: 1, max: 1, summary: "compare token ids with test vectors",
		long: "DIR holds index.json, vocabularies as GGUF files (gzipped or not) and files of vectors.",
		setup: func(*flag.FlagSet) runFunc {
			return func(_ context.Context, e env, args []string) error { return evalTokenizer(e, args[0]) }
		},
	}
}

func evalTokenizer(e env, dir string) error {
	data, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		return fmt.Errorf("read test set: %w", err)
	}
	list, err := token.ParseIndex(data)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(e.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "vocabulary\tmodel\tpre\ttokens\tpassed\tfailed\t")
	passed, failed := 0, 0
	for _, l := range list {
		if l.File == "" {
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t-\t-\tvocabulary not included\n", l.Name, l.Model, l.Pre, l.Tokens)
			continue
		}
		p, f, note, err := judgeVocabulary(dir, l)
		if err != nil {
			return fmt.Errorf("%s: %w", l.Name, err)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%s\n", l.Name, l.Model, l.Pre, l.Tokens, p, f, note)
		passed, failed = passed+p, failed+f
	}
	w.Flush()
	return verdict(e, passed, failed)
}

func judgeVocabulary(dir string, l token.Listing) (passed, failed int, note string, err error) {
	data, err := readMaybeGzip(filepath.Join(dir, filepath.Base(l.File)))
	if err != nil {
		return 0, 0, "", err
	}
	f, err := gguf.Parse(data)
	if err != nil {
		return 0, 0, "", err
	}
	t, err := token.FromKV(f)
	if err != nil {
		return 0, 0, "", err
	}
	text, err := os.ReadFile(filepath.Join(dir, filepath.Base(l.Vectors)))
	if err != nil {
		return 0, 0, "", err
	}
	vectors, err := token.ParseVectors(text)
	if err != nil {
		return 0, 0, "", err
	}
	passed, failed, first := token.JudgeVectors(t, vectors)
	if len(first) > 0 {
		note = first[0]
	}
	return passed, failed, note, nil
}

func readMaybeGzip(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if !strings.HasSuffix(path, ".gz") {
		return io.ReadAll(f)
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

func evalTemplateCommand() *command {
	return &command{
		name: "template", args: "DIR", min: 1, max: 1, summary: "compare rendered conversations with references",
		long: "DIR holds pairs of NAME.jinja and NAME.json.",
		setup: func(f *flag.FlagSet) runFunc {
			verbose := f.Bool("v", false, "show the first differences")
			return func(_ context.Context, e env, args []string) error { return evalTemplate(e, args[0], *verbose) }
		},
	}
}

func evalTemplate(e env, dir string, verbose bool) error {
	sources, err := fs.Glob(os.DirFS(dir), "*.jinja")
	if err != nil || len(sources) == 0 {
		return fault.New(fault.NotFound, "%s holds no template: want pairs of NAME.jinja and NAME.json", dir)
	}
	w := tabwriter.NewWriter(e.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "template\tpassed\tfailed\t")
	passed, failed := 0, 0
	for _, name := range sources {
		src, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		cases, err := os.ReadFile(filepath.Join(dir, strings.TrimSuffix(name, ".jinja")+".json"))
		if err != nil {
			return err
		}
		p, f, diffs, err := template.Judge(string(src), cases)
		note := ""
		if err != nil {
			f, note = f+1, err.Error()
		} else if verbose && len(diffs) > 0 {
			note = strings.ReplaceAll(diffs[0], "\n", `\n`)
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\n", strings.TrimSuffix(name, ".jinja"), p, f, note)
		passed, failed = passed+p, failed+f
	}
	w.Flush()
	return verdict(e, passed, failed)
}

func evalPerplexityCommand() *command {
	return &command{
		name: "perplexity", args: "MODEL.gguf TEXT", min: 2, max: 2, summary: "measure how well a model predicts a text file",
		long: "The text is cut into windows of --window tokens; the second half of each is scored, given the first.",
		setup: func(f *flag.FlagSet) runFunc {
			var m modelFlags
			m.declare(f)
			window := f.Int("window", 512, "tokens in a window")
			limit := f.Float64("max", 0, "fail above this perplexity; 0: never")
			asJSON := f.Bool("json", false, "print JSON instead of the table")
			return func(ctx context.Context, e env, args []string) error {
				return evalPerplexity(ctx, e, &m, args, *window, *limit, *asJSON)
			}
		},
	}
}

func evalPerplexity(ctx context.Context, e env, flags *modelFlags, args []string, window int, limit float64, asJSON bool) error {
	if window < 2 {
		return usagef("--window %d: want 2 or more", window)
	}
	flags.context = max(flags.context, window+1)
	m, err := flags.open(args[0])
	if err != nil {
		return err
	}
	defer m.Close()
	text, err := os.ReadFile(args[1])
	if err != nil {
		return fmt.Errorf("read text: %w", err)
	}
	ids := m.Tokenizer().Encode(string(text), token.Options{})
	if len(ids) < window {
		return fault.New(fault.Invalid, "%s has %d tokens: want at least one window of %d", args[1], len(ids), window)
	}
	sum, n := 0.0, 0
	for from := 0; from+window <= len(ids); from += window {
		s, k, err := scoreWindow(ctx, m, ids[from:from+window])
		if err != nil {
			return err
		}
		sum, n = sum+s, n+k
		fmt.Fprintf(e.err, "\r%d of %d tokens, perplexity %.4f", from+window, len(ids), math.Exp(sum/float64(n)))
	}
	fmt.Fprintln(e.err)
	ppl := math.Exp(sum / float64(n))
	if asJSON {
		return json.NewEncoder(e.out).Encode(map[string]any{"model": args[0], "tokens": n, "nll": sum / float64(n), "perplexity": ppl})
	}
	fmt.Fprintf(e.out, "model       %s\ntokens      %d\nperplexity  %.4f\n", args[0], n, ppl)
	if math.IsNaN(ppl) || limit > 0 && ppl > limit {
		return verdict(e, 0, 1)
	}
	return verdict(e, 1, 0)
}

// scoreWindow sums the negative log-likelihood of the second half of a window.
func scoreWindow(ctx context.Context, m *engine.Model, ids []int32) (sum float64, n int, err error) {
	tok := m.Tokenizer()
	if tok.AddsBOS() {
		ids = append([]int32{tok.BOS()}, ids...)
	}
	var positions []int
	for i := len(ids) / 2; i+1 < len(ids); i++ {
		positions = append(positions, i)
	}
	_, err = m.Logits(ctx, ids, positions, func(i int, logits []float32) error {
		peak, total := float32(math.Inf(-1)), 0.0
		for _, l := range logits {
			peak = max(peak, l)
		}
		for _, l := range logits {
			total += math.Exp(float64(l - peak))
		}
		sum += float64(peak) + math.Log(total) - float64(logits[ids[i+1]])
		n++
		return nil
	})
	return sum, n, err
}
