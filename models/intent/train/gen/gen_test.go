package main

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func testSource(t *testing.T, eval bool) *source {
	t.Helper()
	zh, err := loadGrammar("zh_")
	if err != nil {
		t.Fatal(err)
	}
	en, err := loadGrammar("en_")
	if err != nil {
		t.Fatal(err)
	}
	list, err := loadCorpus(corpusFiles)
	if err != nil {
		t.Fatal(err)
	}
	return &source{zh: zh, en: en, rng: rand.New(rand.NewPCG(3, 7)), eval: eval, corpus: newCorpus(list, zh, en), share: 0.5}
}

// The trainer's ids and forms must be what serving sees and accepts.
func TestExamplesAgreeWithProduct(t *testing.T) {
	src := testSource(t, false)
	e := testEncoder(t, src)
	kept, refused := 0, 0
	for range 1500 {
		x, ok := e.encode(src.next())
		if !ok {
			continue
		}
		kept++
		p := e.product.Prompt(x.wish.text)
		if !slices.Equal(p.IDs, x.prompt) {
			t.Fatalf("%q: ids %v, the product's %v", x.wish.text, x.prompt, p.IDs)
		}
		if _, err := e.product.Parse(p, x.answer); err != nil {
			refused++
			t.Logf("%q: %s: %v", x.wish.text, e.spelled(x.answer), err)
		}
	}
	if kept < 1300 || refused > 0 {
		t.Errorf("kept %d of 1500 wishes, product refuses %d forms", kept, refused)
	}
}

func TestMergesStayInsideCharacters(t *testing.T) {
	v, err := learn(testSource(t, false), 2000, 1600)
	if err != nil {
		t.Fatal(err)
	}
	ids := v.encode(nil, "三号产线hello产线", 0, nil)
	for _, id := range ids {
		if n := v.width(id); n > 3 && v.Tokens[id][0] >= 0x80 && v.Tokens[id] != spell(" hello") {
			t.Errorf("token %q of %d bytes holds more than one character", v.Tokens[id], n)
		}
	}
	if len(ids) > 14 {
		t.Errorf("%d tokens for 11 characters", len(ids))
	}
}

// Held-out alternatives must not leak into training.
func TestHeldOutIsApart(t *testing.T) {
	src := testSource(t, true)
	for _, g := range []grammar{src.zh, src.en} {
		r := g["city"]
		if len(r.held) == 0 || len(r.held) > len(r.train) {
			t.Errorf("city: %d for training, %d held out", len(r.train), len(r.held))
		}
	}
}
