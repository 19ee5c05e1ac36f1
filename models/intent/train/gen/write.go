package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// A mark says which bytes of a wish express a field.
type mark struct {
	field    string
	from, to int
	flag     string // "each" or "hourly"
	last     bool   // of several numbers in the range the last one counts
}

// writer expands grammar nodes into one wish.
type writer struct {
	g           grammar
	main, other grammar
	mix         bool
	rng         *rand.Rand
	eval        bool // prefer held-out alternatives
	zh          bool
	plan        *plan
	pending     map[string]bool // fields of the plan not yet expressed
	old         map[string]bool // fields whose first value will be corrected later
	buf         []byte
	marks       []mark
	noise       noise
	span        bool // inside a labelled span: no typos
	joined      bool // of two sentences, which were chosen to say different things
}

func (w *writer) chance(p float64) bool { return w.rng.Float64() < p }

func pick[T any](rng *rand.Rand, list []T) T { return list[rng.IntN(len(list))] }

// rule expands the named rule.
func (w *writer) rule(name string) {
	switch name {
	case "linkx":
		name = "link"
		if r := "link." + w.plan.iso; w.pending["iso"] && w.has(r) && w.chance(0.6) {
			name = r
			delete(w.pending, "iso")
		}
	case "noun.any":
		name = "noun." + pick(w.rng, apps)
	case "site.any":
		name = "site." + pick(w.rng, allPlaces)
	}
	if w.mix && w.chance(0.25) && (strings.HasPrefix(name, "noun.") || strings.HasPrefix(name, "purpose.") || strings.HasPrefix(name, "link") || name == "in" || strings.HasPrefix(name, "site.")) {
		w.mix = false
		w.swap(func() { w.blankIf(); w.rule(name); w.blankIf() })
		w.mix = true
		return
	}
	name = strings.NewReplacer("$app", w.plan.appRule(), "$iso", w.plan.iso, "$local", w.plan.local).Replace(name)
	r := w.g[name]
	if r == nil {
		panic(fmt.Sprintf("no rule %q", name)) // a fault of the grammar files, found by any test run
	}
	list := r.train
	if w.eval && len(r.held) > 0 && w.chance(0.7) {
		list = r.held
	}
	w.expand(pick(w.rng, list))
}

func (w *writer) has(name string) bool { return w.g[name] != nil }

func (w *writer) expand(n node) {
	switch n.op {
	case opText:
		w.text(n.text)
	case opSeq:
		for _, k := range n.kids {
			w.expand(k)
		}
	case opChoice:
		w.expand(pick(w.rng, n.kids))
	case opMaybe:
		if w.chance(0.5) {
			w.expand(n.kids[0])
		}
	case opRule:
		w.rule(n.text)
	case opSlot:
		w.slot(n.text)
	case opSpan:
		w.labelled(n.text)
	case opIf:
		if w.ready(n.text) && w.chance(0.9) {
			w.expand(n.kids[0])
		}
	case opDone:
		delete(w.pending, n.text)
	case opRandom:
		w.random(n.text)
	}
}

// ready says whether every field of an "a&b" list is pending; "!a" asks for the opposite.
func (w *writer) ready(fields string) bool {
	for _, f := range strings.Split(fields, "&") {
		if name, not := strings.CutPrefix(f, "!"); w.pending[name] == not {
			return false
		}
	}
	return true
}

// text appends literal text, with typos where the wish is to have some.
func (w *writer) text(s string) {
	if !w.span {
		s = w.noise.apply(w.rng, s)
	}
	w.raw(s)
}

// raw appends s; blanks never double, and none stands before closing punctuation.
func (w *writer) raw(s string) {
	if s == "" {
		return
	}
	n := len(w.buf)
	blank := n == 0 || w.buf[n-1] == ' ' || w.buf[n-1] == '\n'
	if blank {
		s = strings.TrimLeft(s, " ")
	}
	if n == 0 || strings.HasSuffix(strings.TrimRight(string(w.buf[max(0, n-4):]), " "), ":") || endsSentence(w.buf) {
		apart := !blank && s[0] == ' '
		s = strings.TrimLeft(s, " ,:;，：；、")
		if apart && !w.zh {
			s = " " + s
		}
	}
	if n > 0 && w.buf[n-1] == ' ' && s != "" && strings.IndexByte(",.;:?!)", s[0]) >= 0 && !w.endsMark(n) {
		w.buf = w.buf[:n-1]
	}
	w.buf = append(w.buf, s...)
}

// endsSentence reports whether nothing but a word may follow.
func endsSentence(b []byte) bool {
	s := strings.TrimRight(string(b[max(0, len(b)-4):]), " ")
	for _, p := range []string{".", ",", "!", "，", "：", "。", "；", "！"} {
		if strings.HasSuffix(s, p) {
			return true
		}
	}
	return false
}

func (w *writer) endsMark(n int) bool {
	return len(w.marks) > 0 && w.marks[len(w.marks)-1].to == n
}

// labelled expands the span of a site or model.
func (w *writer) labelled(field string) {
	if w.old[field] {
		delete(w.old, field)
		w.spanText(field)
		return
	}
	w.note(mark{field: field}, func() { w.spanText(field) })
	delete(w.pending, field)
}

func (w *writer) spanText(field string) {
	w.span = true
	name := w.plan.siteRule
	if field == "model" {
		name = "model"
	}
	w.rule(name)
	w.span = false
}

// note records the bytes which f writes, without blanks at either end.
func (w *writer) note(m mark, f func()) {
	m.from = len(w.buf)
	f()
	m.to = len(w.buf)
	for m.from < m.to && w.buf[m.from] == ' ' {
		m.from++
	}
	for m.to > m.from && w.buf[m.to-1] == ' ' {
		m.to--
	}
	w.marks = append(w.marks, m)
}

// slot writes a quantity. Spec is "field:kind" or "field:kind+flag"; field "_" labels nothing.
func (w *writer) slot(spec string) {
	field, kind, _ := strings.Cut(spec, ":")
	kind, flag, _ := strings.Cut(kind, "+")
	hi := field == "lat" || field == "ttft" || field == "budget"
	if field != "_" && w.old[field] {
		delete(w.old, field)
		w.raw(w.value("_", kind))
		return
	}
	if field == "_" {
		w.raw(w.value(field, kind))
		return
	}
	if w.chance(0.035) && kind != "time" {
		w.raw(w.value(field, w.shorter(kind)))
		if !w.zh {
			w.raw(" ")
		}
		w.rule("oops")
		if !w.zh {
			w.raw(" ")
		}
	}
	text := w.value(field, kind)
	if flag == "" && w.chance(0.05) && (hi || kind == "rate") {
		text = w.rangeOf(kind)
	}
	w.note(mark{field: field, flag: flag, last: hi}, func() { w.raw(text) })
	delete(w.pending, slotField(field, flag))
}

// blankIf sets an English word apart from what stands before it.
func (w *writer) blankIf() {
	if n := len(w.buf); n > 0 && w.buf[n-1] < 0x80 && w.buf[n-1] != ' ' && w.chance(0.7) {
		w.raw(" ")
	}
}

// shorter is the kind of a value that is about to be taken back: often said without unit.
func (w *writer) shorter(kind string) string {
	if w.chance(0.5) && (kind == "rate" || kind == "lat" || kind == "money") {
		return "num"
	}
	return kind
}

// random writes a number of "1-20" or a letter of "A-F".
func (w *writer) random(spec string) {
	a, b, _ := strings.Cut(spec, "-")
	lo, err := strconv.Atoi(a)
	if err != nil {
		w.raw(string(a[0] + byte(w.rng.IntN(int(b[0]-a[0])+1))))
		return
	}
	hi, err := strconv.Atoi(b)
	if err != nil {
		panic(fmt.Sprintf("bad range %q", spec)) // a fault of the grammar files
	}
	w.raw(strconv.Itoa(lo + w.rng.IntN(hi-lo+1)))
}
