package main

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/weir-project/weir/models/intent"
)

func testEncoder(t *testing.T, src *source) *encoder {
	t.Helper()
	v, err := learn(src, 3000, 1600)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := v.tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	product, err := intent.NewVocab(tok)
	if err != nil {
		t.Fatal(err)
	}
	return &encoder{v: v, rng: src.rng, lost: map[string]int{}, seen: map[string]string{}, product: product}
}

// Nearly every written sentence must be one that the product can read right; those it cannot are dropped in training.
func TestCorpusIsReadable(t *testing.T) {
	src := testSource(t, false)
	e, bad, all := testEncoder(t, src), 0, append(slices.Clone(src.corpus.train), src.corpus.held...)
	for i := range all {
		w := &writer{rng: src.rng, plan: &plan{}, zh: all[i].zh}
		src.corpus.speak(w, &all[i], false)
		if why := e.fault(wish{plan: w.plan, text: string(w.buf), marks: w.marks}); why != "" {
			bad++
			t.Logf("%s: %s: %s", all[i].line, why, w.buf)
		}
	}
	if len(all) < 3000 || bad*50 > len(all) {
		t.Errorf("%d of %d sentences are not read as they are marked", bad, len(all))
	}
}

func TestParseSentence(t *testing.T) {
	s, err := parseSentence(`bundle video hard local | {add|give us} [dev 4] cameras at [site! Pier 7], [up+each 8 Mbps] each{|, [model yolo]}, \{ok\}`)
	if err != nil {
		t.Fatal(err)
	}
	if s.kind != "bundle" || s.app != "video" || s.iso != "hard" || s.local != "yes" || s.zh {
		t.Errorf("head read as %+v", s)
	}
	c, rng := newCorpus(nil, nil, nil), rand.New(rand.NewPCG(1, 1))
	texts := map[string]bool{}
	for range 50 {
		w := &writer{rng: rng, plan: &plan{}}
		c.speak(w, &s, false)
		text := string(w.buf)
		texts[text] = true
		m := w.marks[1]
		if m.field != "site" || text[m.from:m.to] != "Pier 7" || w.marks[2].flag != "each" || !strings.HasSuffix(text, ", {ok}") {
			t.Fatalf("%q has marks %+v", text, w.marks)
		}
	}
	if len(texts) != 4 {
		t.Errorf("2 x 2 alternatives gave %d texts", len(texts))
	}
}

func TestParseSentenceRefuses(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"slice no bar", "HEAD"},
		{"order | x", "head"},
		{"slice loud | x", `unknown word "loud"`},
		{"unclear | x", "no class"},
		{"slice | [colour red]", `unknown field "colour"`},
		{"slice | [dev+each 3] cams", "unknown field"},
		{"slice | [iso=soft x]", "unknown attribute"},
		{"slice | {a|b", "missing"},
		{"slice | a ] b", "stray"},
		{"slice | [dev]", "no words"},
	} {
		if _, err := parseSentence(c.line); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want one with %q", c.line, err, c.want)
		}
	}
}

// Clauses move between wishes only where they contradict nothing.
func TestDonorsFit(t *testing.T) {
	src := testSource(t, false)
	for range 3000 {
		w := src.spoken()
		seen := map[string]bool{}
		for _, m := range w.marks {
			seen[m.field] = true
		}
		if seen["both"] && (seen["up"] || seen["down"]) || seen["end"] && seen["dur"] || w.plan.kind == "slice" && seen["ttft"] {
			t.Fatalf("%q: %+v", w.text, w.marks)
		}
	}
}

func TestInventedPlaces(t *testing.T) {
	rng, seen := rand.New(rand.NewPCG(2, 2)), map[string]bool{}
	for range 2000 {
		for _, han := range []bool{true, false} {
			p := inventedPlace(rng, han)
			if p == "" || p != strings.TrimSpace(p) || isHan(p) != han || len([]rune(p)) > 64 {
				t.Fatalf("bad place %q", p)
			}
			seen[p] = true
		}
	}
	if len(seen) < 3000 {
		t.Errorf("only %d different places of 4000", len(seen))
	}
}

// TestPlainPlaces: every application has places, and what is drawn for it is never empty.
func TestPlainPlaces(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, han := range []bool{true, false} {
		for _, app := range append([]string{"", anyApp}, apps...) {
			for range 50 {
				if p := plainPlace(rng, app, han); p == "" || isHan(p) && !han {
					t.Fatalf("%q for %q, Chinese %v", p, app, han)
				}
			}
		}
	}
	for _, app := range apps {
		switch app {
		case "video", "chat", "bulk", "inspection":
			continue
		}
		if len(plainPlaces["zh "+app]) < 10 || len(plainPlaces["en "+app]) < 10 {
			t.Errorf("few places for %s", app)
		}
	}
}
