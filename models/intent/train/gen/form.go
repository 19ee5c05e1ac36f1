package main

import (
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/weir-project/weir/models/intent"
	"github.com/weir-project/weir/models/intent/quantity"
)

// example is a wish as the model is trained on it.
type example struct {
	wish   wish
	prompt []int32
	answer []int32
}

// encoder turns wishes into examples.
type encoder struct {
	v    *vocabulary
	rng  *rand.Rand
	drop float64           // share of examples whose words are cut at random
	lost map[string]int    // dropped wishes by reason
	seen map[string]string // some of them

	product *intent.Vocab // the product's view of the same vocabulary
}

// cell is a token of a prompt with the bytes of the wish it stands for.
type cell struct {
	id       int32
	from, to int
	quantity *quantity.Placeholder
}

// cells reads a wish as the product does: quantities become single tokens.
func (e *encoder) cells(text string, drop float64) []cell {
	r := quantity.Read(text)
	var out []cell
	for _, g := range r.Segments {
		if g.Placeholder != nil {
			out = append(out, cell{e.v.ids[g.Placeholder.Token()], g.Start, g.End, g.Placeholder})
			continue
		}
		pos := 0
		for _, id := range e.v.encode(nil, g.Text, drop, e.rng) {
			n := e.v.width(id)
			from, to := g.Range(pos, pos+n)
			out = append(out, cell{id: id, from: from, to: to})
			pos += n
		}
	}
	return out
}

// encode builds the example of w; ok is false when the reading and the generator disagree.
func (e *encoder) encode(w wish) (example, bool) {
	drop := 0.0
	if e.rng.Float64() < e.drop {
		drop = 0.02 + 0.2*e.rng.Float64()
	}
	cells := e.cells(w.text, drop)
	answer, why := e.answer(w, cells)
	if why != "" {
		e.lost[why]++
		if e.lost[why] < 40 {
			e.seen[why] += "\n    " + strings.ReplaceAll(w.text, "\n", "\\n")
		}
		return example{}, false
	}
	return example{wish: w, prompt: e.prompt(cells), answer: answer}, true
}

// prompt is the wish as the product gives it to the model: twice.
func (e *encoder) prompt(cells []cell) []int32 {
	var ids []int32
	for range 2 {
		ids = append(ids, e.v.ids["<bos>"])
		for _, c := range cells {
			ids = append(ids, c.id)
		}
	}
	return append(ids, e.v.ids["<order>"])
}

// kindsOf lists the kinds of quantity that a field takes besides a bare number.
var kindsOf = map[string][]quantity.Kind{
	"up": {quantity.Rate}, "down": {quantity.Rate}, "both": {quantity.Rate}, "lat": {quantity.Latency}, "avail": {quantity.Percent},
	"start": {quantity.Time}, "end": {quantity.Time}, "dur": {quantity.Duration, quantity.Latency}, "tps": {quantity.TokenRate},
	"ttft": {quantity.Latency}, "budget": {quantity.Money}, "dev": nil, "streams": nil,
}

// formOrder is the order of parts that the form has.
var formOrder = strings.Fields("app site dev both up down lat avail iso start end dur model streams tps ttft budget local")

var (
	ofCompute = map[string]bool{"model": true, "streams": true, "tps": true, "ttft": true}
	ofNetwork = map[string]bool{"dev": true, "up": true, "down": true, "both": true}
)

// answer lists the form's ids. A non-empty reason says why the wish cannot be used.
func (e *encoder) answer(w wish, cells []cell) (ids []int32, why string) {
	p := w.plan
	put := func(name string) { ids = append(ids, e.v.ids[name]) }
	put("<" + p.kind + ">")
	if p.kind == "unclear" {
		put("<q:" + map[string]string{"what": "what", "how": "how_much", "which": "which", "price": "price"}[p.question] + ">")
		put("<eos>")
		return ids, ""
	}
	said := map[string]mark{}
	for _, m := range w.marks {
		said[m.field] = m
	}
	for _, f := range formOrder {
		switch m, ok := said[f]; {
		case p.kind == "slice" && ofCompute[f] || p.kind == "compute" && ofNetwork[f]:
			// the product knows no such part of this kind
		case f == "app" && p.label != "":
			put("<app:" + p.label + ">")
		case f == "iso" && p.iso != "":
			put("<iso:" + p.iso + ">")
		case f == "local" && p.local != "":
			put("<local:" + p.local + ">")
		case !ok:
		case f == "site" || f == "model":
			put("<" + f + ">")
			span := spanOf(m, cells, w.text)
			switch {
			case span == nil:
				return nil, f + ": no token boundary"
			case len(span) > intent.MaxSpan:
				return nil, f + ": too long"
			case !e.nameable(span):
				return nil, f + ": holds a measure"
			}
			ids = append(ids, span...)
		default:
			put("<" + f + ">")
			id, bad := valueOf(m, cells)
			if bad != "" {
				return nil, f + ": " + bad
			}
			ids = append(ids, id)
			if m.flag != "" && (m.flag != "each" || e.perDevice(w.text, m)) {
				put("<" + m.flag + ">")
			}
		}
	}
	put("<eos>")
	return ids, ""
}

// nameable reports whether the product takes every token of span for a part of a name.
func (e *encoder) nameable(span []int32) bool {
	return !slices.ContainsFunc(span, func(id int32) bool { return !e.product.Nameable(id) })
}

// perDevice reports whether the product would take the rate of m as one per device.
func (e *encoder) perDevice(text string, m mark) bool {
	p := e.product.Prompt(text)
	for i := range p.Reading.Placeholders {
		if q := &p.Reading.Placeholders[i]; q.Start < m.to && q.End > m.from {
			return p.PerDevice(q)
		}
	}
	return true
}

// valueOf finds the quantity that covers m.
func valueOf(m mark, cells []cell) (id int32, why string) {
	var found []cell
	for _, c := range cells {
		if c.quantity != nil && c.from < m.to && c.to > m.from {
			found = append(found, c)
		}
	}
	if len(found) == 0 {
		return 0, "not read"
	}
	c := found[0]
	if m.last {
		c = found[len(found)-1]
	}
	if len(found) > 1 && (found[0].quantity.Kind == quantity.Time || found[0].quantity.Kind == quantity.Duration) {
		return 0, "read in parts"
	}
	if found[0].from > m.from+3 || found[len(found)-1].to < m.to-7 {
		return 0, "read in part"
	}
	if c.quantity.Kind == quantity.Num {
		if (m.field == "start" || m.field == "end") && c.quantity.Value > 24 {
			return 0, "no hour of day"
		}
		return c.id, ""
	}
	for _, k := range kindsOf[m.field] {
		if k == c.quantity.Kind {
			return c.id, ""
		}
	}
	return 0, "read as " + c.quantity.Kind.String()
}

// spanOf lists the tokens that make up m, or nil if one of them also covers other text.
func spanOf(m mark, cells []cell, text string) []int32 {
	var ids []int32
	from, to := -1, -1
	for _, c := range cells {
		if c.from >= m.to || c.to <= m.from {
			continue
		}
		if strings.TrimSpace(text[c.from:c.to]) == "" && (len(ids) == 0 || c.to >= m.to) {
			continue
		}
		if from < 0 {
			from = c.from
		}
		to = c.to
		ids = append(ids, c.id)
	}
	if from < 0 || intent.InsideWord(text, from) || intent.InsideWord(text, to) || strings.TrimSpace(text[from:to]) != strings.TrimSpace(text[m.from:m.to]) {
		return nil
	}
	return ids
}
