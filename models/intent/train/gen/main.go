// Command gen makes the training data of the wish reader.
//
// It draws wishes with their meaning from the grammars in grammar/, reads each with the
// product's own quantity reader, and writes what the model sees and must answer as token
// ids. Wishes which the reader cuts differently from the generator are dropped and counted.
//
//	gen -vocab vocab.json -train-vocab 60000        learn the vocabulary from 60,000 wishes
//	gen -vocab vocab.json -n 400000 -out train.bin   write examples for the trainer
//	gen -vocab vocab.json -n 1000 -eval -out held.bin -jsonl held.jsonl
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/weir-project/weir/models/intent"
	"github.com/weir-project/weir/models/intent/quantity"
)

type options struct {
	vocab, out, jsonl string
	encode, check     string
	corpus            float64
	n, learn, size    int
	seed              uint64
	eval, show        bool
}

func main() {
	var o options
	flag.StringVar(&o.vocab, "vocab", "vocab.json", "vocabulary file")
	flag.StringVar(&o.out, "out", "", "file of token ids to write")
	flag.StringVar(&o.jsonl, "jsonl", "", "also write the wishes as JSON lines")
	flag.IntVar(&o.n, "n", 1000, "examples to write")
	flag.IntVar(&o.learn, "train-vocab", 0, "learn the vocabulary from this many wishes first")
	flag.IntVar(&o.size, "size", 4608, "size of a learnt vocabulary")
	flag.Uint64Var(&o.seed, "seed", 1, "seed")
	flag.StringVar(&o.encode, "encode", "", "encode the wishes of this text file, one a line, instead of drawing some")
	flag.StringVar(&o.check, "check", "", "report the faults of this corpus file, and write nothing")
	flag.Float64Var(&o.corpus, "corpus", 0.75, "share of wishes drawn from the corpus; the others come from the grammar")
	flag.BoolVar(&o.eval, "eval", false, "prefer words and phrases that training never sees")
	flag.BoolVar(&o.show, "show", false, "print examples and what was dropped")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	zh, err := loadGrammar("zh_")
	if err != nil {
		return err
	}
	en, err := loadGrammar("en_")
	if err != nil {
		return err
	}
	list, err := loadCorpus(corpusFiles)
	if err != nil {
		return err
	}
	src := &source{zh: zh, en: en, rng: rand.New(rand.NewPCG(o.seed, 7)), eval: o.eval, corpus: newCorpus(list, zh, en), share: o.corpus}
	if o.learn > 0 {
		v, err := learn(src, o.learn, o.size)
		if err != nil {
			return err
		}
		if err := v.save(o.vocab); err != nil {
			return err
		}
	}
	v, err := loadVocabulary(o.vocab)
	if err != nil {
		return err
	}
	tok, err := v.tokenizer()
	if err != nil {
		return fmt.Errorf("build tokenizer: %w", err)
	}
	e := &encoder{v: v, rng: rand.New(rand.NewPCG(o.seed, 8)), lost: map[string]int{}, seen: map[string]string{}}
	if e.product, err = intent.NewVocab(tok); err != nil {
		return err
	}
	if !o.eval && o.jsonl == "" {
		e.drop = 0.15
	}
	if o.check != "" {
		return checkFile(o.check, e, newCorpus(nil, zh, en))
	}
	if o.encode != "" {
		return encodeFile(o, e)
	}
	return write(o, src, e)
}

// encodeFile writes the prompts of given wishes, with empty answers.
func encodeFile(o options, e *encoder) error {
	text, err := os.ReadFile(o.encode)
	if err != nil {
		return fmt.Errorf("read wishes: %w", err)
	}
	var ids, lines []byte
	for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		x := example{wish: wish{plan: &plan{lang: "all"}, text: line}, prompt: e.prompt(e.cells(line, 0))}
		if ids, err = binary.Append(ids, binary.LittleEndian, packed(x)); err != nil {
			return fmt.Errorf("pack ids: %w", err)
		}
		r, err := e.record(x, i)
		if err != nil {
			return err
		}
		row, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("pack wish: %w", err)
		}
		lines = append(append(lines, row...), '\n')
	}
	if err := os.WriteFile(o.out, ids, 0o644); err != nil {
		return fmt.Errorf("write ids: %w", err)
	}
	if err := os.WriteFile(o.jsonl, lines, 0o644); err != nil {
		return fmt.Errorf("write wishes: %w", err)
	}
	return nil
}

// learn trains a vocabulary on the text between the quantities of n wishes.
func learn(src *source, n, size int) (*vocabulary, error) {
	counts := map[string]int{}
	for range n {
		r := quantity.Read(src.next().text)
		for _, g := range r.Segments {
			for _, p := range split(g.Text) {
				counts[p]++
			}
		}
	}
	for _, c := range extraCharacters {
		counts[string(c)] += 2
	}
	return trainBPE(counts, size)
}

// write draws o.n examples and writes them: per example the lengths of prompt and answer
// and their ids, all as little-endian 16-bit numbers.
func write(o options, src *source, e *encoder) error {
	var ids, lines *bufio.Writer
	for _, f := range []struct {
		path string
		to   **bufio.Writer
	}{{o.out, &ids}, {o.jsonl, &lines}} {
		if f.path == "" {
			continue
		}
		file, err := os.Create(f.path)
		if err != nil {
			return fmt.Errorf("create output: %w", err)
		}
		defer file.Close()
		*f.to = bufio.NewWriterSize(file, 1<<20)
		defer (*f.to).Flush()
	}
	tokens, got, drawn := 0, 0, 0
	for got < o.n {
		drawn++
		x, ok := e.encode(src.next())
		if !ok {
			continue
		}
		got++
		tokens += len(x.prompt) + len(x.answer)
		if o.show && got <= 60 {
			fmt.Printf("%s\n    %s\n", x.wish.text, e.spelled(x.answer))
		}
		if ids != nil {
			if err := binary.Write(ids, binary.LittleEndian, packed(x)); err != nil {
				return fmt.Errorf("write ids: %w", err)
			}
		}
		if lines != nil {
			r, err := e.record(x, got)
			if err != nil {
				return fmt.Errorf("resolve wish: %w", err)
			}
			if err := json.NewEncoder(lines).Encode(r); err != nil {
				return fmt.Errorf("write wishes: %w", err)
			}
		}
	}
	fmt.Printf("%d examples of %d drawn, %.1f tokens each\n", got, drawn, float64(tokens)/float64(got))
	e.report(o.show)
	return nil
}

func packed(x example) []uint16 {
	out := []uint16{uint16(len(x.prompt)), uint16(len(x.answer))}
	for _, id := range append(append([]int32(nil), x.prompt...), x.answer...) {
		out = append(out, uint16(id))
	}
	return out
}

// record is a line as "weir eval intent" reads it, with what only the trainer needs.
type record struct {
	ID     string        `json:"id"`
	Now    string        `json:"now"`
	Wish   string        `json:"wish"`
	Want   *intent.Order `json:"want,omitempty"`
	Lang   string        `json:"lang"`
	Answer []string      `json:"answer"`
}

// record resolves the wanted form to the order which the product would make of it.
func (e *encoder) record(x example, n int) (record, error) {
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC).Add(time.Duration(n*397) * time.Minute)
	r := record{
		ID: fmt.Sprintf("gen-%05d", n), Now: now.Format(intent.StartLayout), Wish: x.wish.text,
		Lang: x.wish.plan.lang, Answer: strings.Fields(e.spelled(x.answer)),
	}
	if len(x.answer) == 0 {
		return r, nil
	}
	p := e.product.Prompt(x.wish.text)
	f, err := e.product.Parse(p, x.answer)
	if err != nil {
		return r, fmt.Errorf("%q: %w", x.wish.text, err)
	}
	want := intent.Resolve(p, f, now)
	r.Want = &want
	return r, nil
}

func (e *encoder) spelled(ids []int32) string {
	var b strings.Builder
	for _, id := range ids {
		b.WriteString(e.v.Tokens[id] + " ")
	}
	return b.String()
}

// report prints why wishes were dropped.
func (e *encoder) report(show bool) {
	var reasons []string
	for r := range e.lost {
		reasons = append(reasons, r)
	}
	sort.Slice(reasons, func(i, j int) bool { return e.lost[reasons[i]] > e.lost[reasons[j]] })
	for _, r := range reasons {
		fmt.Printf("dropped %6d  %s\n", e.lost[r], r)
		if show {
			fmt.Println(e.seen[r])
		}
	}
}
