package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/weir-project/weir/engine"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/models/intent"
)

func evalIntentCommand() *command {
	return &command{
		name: "intent", args: "[FILE.jsonl]", max: 1, summary: "judge the bundled model on wishes with known orders",
		long: `Each line of FILE is {"id","now","wish","want"}; --out writes {"id","got"} a line. The table shows exact
match of the whole order and the F1 of each field, by language and kind; a question counts as asked or
not asked. Without a file the hand-written test set of the repository is read.`,
		setup: func(f *flag.FlagSet) runFunc {
			j := &intentJudge{}
			f.StringVar(&j.out, "out", "", "`file` for the answers")
			f.StringVar(&j.model, "model", "", "another model `file` of the same vocabulary")
			f.BoolVar(&j.verbose, "v", false, "show every wrong answer")
			f.IntVar(&j.threads, "threads", 0, "worker `threads`; 0: one per processor")
			return j.run
		},
	}
}

type intentJudge struct {
	out, model string
	verbose    bool
	threads    int
}

// wishLine is one line of a test set.
type wishLine struct {
	ID   string       `json:"id"`
	Now  string       `json:"now"`
	Wish string       `json:"wish"`
	Want intent.Order `json:"want"`
}

const defaultWishes = "models/intent/testdata/wishes.jsonl"

func (j *intentJudge) run(ctx context.Context, e env, args []string) error {
	path := defaultWishes
	if len(args) > 0 {
		path = args[0]
	}
	lines, err := readWishes(path)
	if err != nil {
		return err
	}
	reader, err := j.open()
	if err != nil {
		return err
	}
	defer reader.model.Close()
	items := make([]intent.Item, 0, len(lines))
	for i, l := range lines {
		now, err := time.Parse(intent.StartLayout, l.Now)
		if err != nil {
			return fault.New(fault.Invalid, "%s, line %d: now %q: want the form %s", path, i+1, l.Now, intent.StartLayout)
		}
		got, err := reader.read(ctx, l.Wish, now)
		if err != nil {
			return fmt.Errorf("wish %s: %w", l.ID, err)
		}
		items = append(items, intent.Item{ID: l.ID, Wish: l.Wish, Got: got, Want: l.Want})
	}
	if err := j.write(items); err != nil {
		return err
	}
	report := intent.Evaluate(items)
	if err := report.WriteTable(e.out); err != nil {
		return err
	}
	if j.verbose {
		printMisses(e, items)
	}
	return verdict(e, len(items)-len(report.Failed), len(report.Failed))
}

func readWishes(path string) ([]wishLine, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.New(fault.NotFound, "wishes: %w", err)
	}
	defer f.Close()
	var lines []wishLine
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		if len(s.Bytes()) == 0 {
			continue
		}
		var l wishLine
		if err := json.Unmarshal(s.Bytes(), &l); err != nil {
			return nil, fault.New(fault.Invalid, "%s, line %d: %w", path, len(lines)+1, err)
		}
		lines = append(lines, l)
	}
	if len(lines) == 0 && s.Err() == nil {
		return nil, fault.New(fault.Invalid, "%s holds no wish", path)
	}
	return lines, s.Err()
}

func (j *intentJudge) write(items []intent.Item) error {
	if j.out == "" {
		return nil
	}
	f, err := os.Create(j.out)
	if err != nil {
		return fmt.Errorf("write answers: %w", err)
	}
	w := bufio.NewWriter(f)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, it := range items {
		if err := enc.Encode(struct {
			ID  string       `json:"id"`
			Got intent.Order `json:"got"`
		}{it.ID, it.Got}); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write answers: %w", err)
	}
	return f.Close()
}

func printMisses(e env, items []intent.Item) {
	for _, it := range items {
		if exact, _ := intent.Compare(it.Got, it.Want); !exact {
			got, _ := json.Marshal(it.Got)
			want, _ := json.Marshal(it.Want)
			fmt.Fprintf(e.out, "\n%s  %s\n  got  %s\n  want %s\n", it.ID, it.Wish, got, want)
		}
	}
}

// wishReader runs the intent model in this process.
type wishReader struct {
	model *engine.Model
	vocab *intent.Vocab
}

func (j *intentJudge) open() (*wishReader, error) {
	o := engine.Options{Name: intent.Name, Threads: j.threads}
	var m *engine.Model
	var err error
	if j.model != "" {
		m, err = engine.Open(j.model, o)
	} else {
		m, err = engine.FromBytes(intent.GGUF(), o)
	}
	if err != nil {
		return nil, err
	}
	v, err := intent.NewVocab(m.Tokenizer())
	if err != nil {
		m.Close()
		return nil, err
	}
	return &wishReader{m, v}, nil
}

func (r *wishReader) read(ctx context.Context, wish string, now time.Time) (intent.Order, error) {
	p := r.vocab.Prompt(wish)
	c := intent.NewConstraint(r.vocab, p)
	_, err := r.model.Generate(ctx, engine.Request{Prompt: p.IDs, Constraint: c}, func(engine.Event) error { return nil })
	if err != nil {
		return intent.Order{}, err
	}
	return intent.Resolve(p, c.Form(), now), nil
}
