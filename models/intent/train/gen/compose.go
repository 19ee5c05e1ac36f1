package main

import (
	"math/rand/v2"
	"strings"
)

// wish is a generated text with what it means.
type wish struct {
	plan  *plan
	text  string
	marks []mark
}

// source generates wishes.
type source struct {
	zh, en grammar
	rng    *rand.Rand
	eval   bool
	corpus *corpus
	share  float64 // of wishes from the corpus
}

// next draws a wish.
func (s *source) next() wish {
	if s.rng.Float64() < s.share {
		return s.spoken()
	}
	p := newPlan(s.rng)
	w := &writer{rng: s.rng, eval: s.eval, plan: p, pending: map[string]bool{}, old: map[string]bool{}, noise: newNoise(s.rng), main: s.zh, other: s.en}
	w.zh = p.lang == "zh" || p.lang == "mix" && s.rng.Float64() < 0.75
	if !w.zh {
		w.main, w.other = s.en, s.zh
	}
	w.g = w.main
	w.mix = p.lang == "mix"
	if p.kind == "unclear" {
		w.unclear()
	} else {
		w.order()
	}
	return wish{plan: p, text: w.noise.finish(string(w.buf), w.marks), marks: w.marks}
}

// unclear writes a text that is no order.
func (w *writer) unclear() {
	if w.chance(0.25) {
		w.rule("hello")
	}
	if w.plan.question == "what" && w.chance(0.12) {
		for i := 0; i < 1+w.rng.IntN(2); i++ {
			w.rule(pick(w.rng, []string{"role", "distract", "distract", "distract.ask"}))
			w.raw(w.stop())
		}
	} else {
		if w.chance(0.12) {
			w.rule("role")
		}
		w.blank()
		w.rule("u." + w.plan.question)
	}
	if w.chance(0.15) {
		w.raw(w.stop())
		w.rule(pick(w.rng, []string{"closer", "distract"}))
	}
	w.marks = nil
}

// style is how the parts of an order are joined.
type style struct {
	keys    bool // "uplink: 50 Mbps" rather than sentences
	json    bool // a JSON object
	joins   []string
	opening float64 // how likely a greeting or introduction is
}

var (
	zhStyles = []style{
		{joins: []string{"，", "，", "，", "、", "，"}, opening: 0.25},
		{joins: []string{"，"}, opening: 0.2},
		{joins: []string{"，", "。", "；", "，并且", "，还要", "，另外"}, opening: 0.35},
		{joins: []string{"，", "，", "。", "，然后", "，还有", "～", "，对了，", "。哦对，"}, opening: 0.45},
		{joins: []string{" ", " ", "，"}, opening: 0.1},
		{joins: []string{"；", "；", "。"}, opening: 0.3},
		{keys: true, joins: []string{"；"}, opening: 0.15},
		{keys: true, joins: []string{"，"}, opening: 0.1},
		{keys: true, joins: []string{"\n"}, opening: 0.15},
		{keys: true, joins: []string{" ", " / ", "、", " | "}, opening: 0.05},
		{keys: true, json: true, joins: []string{", ", ","}},
	}
	enStyles = []style{
		{joins: []string{", ", ", ", ", ", " and ", ", "}, opening: 0.25},
		{joins: []string{", "}, opening: 0.2},
		{joins: []string{", ", ". ", "; ", ", and ", ", also ", ". Also, "}, opening: 0.35},
		{joins: []string{", ", ". ", ", plus ", " - ", ", oh and ", "... ", ". ah and ", ", btw "}, opening: 0.45},
		{joins: []string{" ", " ", ", "}, opening: 0.1},
		{joins: []string{". ", ". ", "; "}, opening: 0.3},
		{keys: true, joins: []string{"; "}, opening: 0.15},
		{keys: true, joins: []string{", "}, opening: 0.1},
		{keys: true, joins: []string{"\n"}, opening: 0.15},
		{keys: true, joins: []string{" ", " / ", " | ", ","}, opening: 0.05},
		{keys: true, json: true, joins: []string{", ", ","}},
	}
)

// order writes an order: opening, head, clauses in random order, closing.
func (w *writer) order() {
	for _, f := range w.plan.fields {
		w.pending[f] = true
	}
	st := w.style()
	if st.json && w.plan.app == "" && !w.placeImplied() {
		w.plan.label = "" // nobody says who asks
	}
	if st.json {
		w.object(st)
		return
	}
	fix := w.planCorrection(st)
	w.open(st)
	if w.chance(0.07) {
		w.rule("distract")
		w.raw(w.stop())
	}
	w.head(st)
	extra := weighted(w.rng, "", 72, "d", 18, "dd", 4, "a", 6)
	for {
		c := w.nextClause(st, fix)
		if c == "" && extra == "" {
			break
		}
		w.join(st)
		if extra != "" && (c == "" || w.chance(0.3)) {
			w.rule(map[byte]string{'d': "distract", 'a': "distract.ask"}[extra[0]])
			extra = extra[1:]
			continue
		}
		w.clause(c)
	}
	if fix != "" && w.pending[fix] {
		w.raw(w.stop())
		w.rule("fix." + fix)
	}
	if w.chance(0.22) {
		w.raw(pick(w.rng, []string{w.stop(), pick(w.rng, st.joins)}))
		w.rule("closer")
	} else if w.chance(0.35) {
		w.raw(strings.TrimRight(w.stop(), " "))
	}
}

// style draws how to join the parts: in three of four wishes as sentences.
func (w *writer) style() style {
	list := enStyles
	if w.zh {
		list = zhStyles
	}
	keys := w.chance(0.25)
	for {
		if st := pick(w.rng, list); st.keys == keys {
			return st
		}
	}
}

// object writes the order as JSON.
func (w *writer) object(st style) {
	if w.chance(0.1) {
		w.rule("hello")
		w.blank()
	}
	w.raw("{")
	w.rule("j.head." + w.plan.kind)
	for note := w.chance(0.4); ; {
		c := w.nextClause(st, "")
		if c == "" {
			break
		}
		w.raw(pick(w.rng, st.joins))
		if note && w.chance(0.4) {
			note = false
			w.rule("j.note")
			w.raw(pick(w.rng, st.joins))
		}
		w.rule(c)
	}
	w.raw("}")
}

// open greets, or says who asks. A role that implies the application is always said.
func (w *writer) open(st style) {
	implied := w.plan.app == "" && w.plan.role != "" && !w.placeImplied()
	if w.chance(st.opening) {
		w.rule(pick(w.rng, []string{"hello", "hello", "role"}))
		w.blank()
	}
	if w.plan.role != "" && (implied || w.chance(0.12)) {
		w.rule("role." + w.plan.role)
		w.blank()
	}
}

// placeImplied reports whether the place alone tells the application.
func (w *writer) placeImplied() bool {
	return w.pending["site"] && placeImplies[strings.TrimPrefix(w.plan.siteRule, "site.")] == w.plan.label
}

// planCorrection picks a field whose value will be taken back at the end, or none.
func (w *writer) planCorrection(st style) string {
	if st.keys || !w.chance(0.07) {
		return ""
	}
	var list []string
	for _, f := range w.plan.fields {
		if w.has("fix." + f) {
			list = append(list, f)
		}
	}
	if len(list) == 0 {
		return ""
	}
	f := pick(w.rng, list)
	w.old[f] = true
	return f
}

// head writes what is ordered.
func (w *writer) head(st style) {
	if st.keys && w.chance(0.75) {
		w.rule("k.head." + w.plan.kind)
		return
	}
	name := "head." + w.plan.kind
	if w.plan.kind == "compute" && !w.pending["model"] {
		name = "head.gpu"
	}
	w.rule(name)
}

// nextClause names a rule for fields still pending; empty when none is left.
func (w *writer) nextClause(st style, fix string) string {
	prefix := "c."
	switch {
	case st.json:
		prefix = "j."
	case st.keys:
		prefix = "k."
	}
	var list []string
	add := func(f string) {
		if w.has(prefix + f) {
			list = append(list, prefix+f)
		}
	}
	open := map[string]bool{}
	for f := range w.pending {
		open[f] = f != fix || w.old[f]
	}
	for _, f := range fieldOrder {
		if !open[f] || f == "end" || f == "dur" && open["start"] || f == "app" && open["thing"] || f == "dev" && open["thing"] {
			continue
		}
		for _, g := range fieldOrder {
			if open[g] && g != f && w.has(prefix+f+"&"+g) && (f != "dev" || w.chance(0.6)) {
				add(f + "&" + g)
			}
		}
		switch {
		case f == "start" && (open["end"] || open["dur"]):
			continue
		case f == "thing" && open["dev"] && !st.keys && w.chance(0.5):
			for _, g := range []string{"both", "up", "down"} {
				if open[g] {
					add("dev&" + g)
				}
			}
		case f == "iso":
			f += "." + w.plan.iso
		case f == "local":
			f += "." + w.plan.local
		case (f == "up" || f == "down" || f == "both") && w.hasDev() && !open["dev"] && !w.old[f] && !st.keys && w.chance(0.3):
			f = "each." + f
		}
		add(f)
	}
	if len(list) == 0 {
		return ""
	}
	return pick(w.rng, list)
}

func (w *writer) hasDev() bool {
	for _, f := range w.plan.fields {
		if f == "dev" {
			return true
		}
	}
	return false
}

// clause writes a rule, in the other language now and then when the wish mixes both.
func (w *writer) clause(name string) {
	if w.mix && w.chance(0.3) {
		w.swap(func() { w.rule(name) })
		return
	}
	w.rule(name)
}

// swap runs f in the other language.
func (w *writer) swap(f func()) {
	w.zh, w.g = !w.zh, w.other
	w.main, w.other = w.other, w.main
	f()
	w.zh, w.g = !w.zh, w.other
	w.main, w.other = w.other, w.main
}

func (w *writer) join(st style) {
	n := len(w.buf)
	if n > 0 && (w.buf[n-1] == '\n' || strings.HasSuffix(string(w.buf[max(0, n-3):]), "：") || w.buf[n-1] == ':') {
		return
	}
	w.raw(pick(w.rng, st.joins))
}

// stop ends a sentence.
func (w *writer) stop() string {
	if w.zh {
		return pick(w.rng, []string{"。", "。", "，", "！", "；"})
	}
	return pick(w.rng, []string{". ", ". ", ", ", "! ", ". "})
}

// blank separates words where the language does.
func (w *writer) blank() {
	if !w.zh && len(w.buf) > 0 {
		w.raw(" ")
	}
}
