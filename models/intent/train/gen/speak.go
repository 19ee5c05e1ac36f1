package main

import (
	"math/rand/v2"
	"strings"
	"unicode"
)

// corpus draws wishes from hand-written sentences.
type corpus struct {
	train, held []sentence
	names       map[string][]string // places and models by pool
	donors      map[bool][]clause   // clauses that may join other wishes, by whether they are Chinese
	words       map[bool]grammar    // words of the applications, by the same
}

// newCorpus splits the sentences and collects the names which they use.
func newCorpus(list []sentence, zh, en grammar) *corpus {
	c := &corpus{names: map[string][]string{}, donors: map[bool][]clause{}, words: map[bool]grammar{true: zh, false: en}}
	for _, s := range list {
		if s.held {
			c.held = append(c.held, s)
			continue
		}
		c.train = append(c.train, s)
		c.collect(s, s.body)
		for i, part := range s.clauses {
			if i > 0 && s.kind != "unclear" && part.only(movable) {
				c.donors[s.zh] = append(c.donors[s.zh], part)
			}
		}
	}
	return c
}

func (c *corpus) collect(s sentence, p phrase) {
	if p.op == phraseMark && (strings.HasPrefix(p.field, "site") || p.field == "model") {
		if text, plain := literal(p); plain {
			key := pool(p.field, strings.TrimSuffix(s.app, anyApp), isHan(text))
			c.names[key] = append(c.names[key], text)
		}
	}
	for _, k := range p.kids {
		c.collect(s, k)
	}
}

// pool names the list that a place or a model may be exchanged within. A place that tells the application, or stands
// in a wish which has one, is exchanged within it.
func pool(field, app string, han bool) string {
	if field == "model" {
		return "model"
	}
	return field + " " + app + map[bool]string{true: " zh", false: " en"}[han]
}

func isHan(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) }) >= 0
}

// literal is the text of a phrase without alternatives.
func literal(p phrase) (string, bool) {
	switch p.op {
	case phraseText:
		return p.text, true
	case phraseSeq, phraseMark, phraseAttr:
		var b strings.Builder
		for _, k := range p.kids {
			s, ok := literal(k)
			if !ok {
				return "", false
			}
			b.WriteString(s)
		}
		return b.String(), true
	}
	return "", false
}

// speaker expands one sentence.
type speaker struct {
	c    *corpus
	rng  *rand.Rand
	s    *sentence
	w    *writer
	swap bool // exchange names
}

// speak fills w with an expansion of s.
func (c *corpus) speak(w *writer, s *sentence, swap bool) {
	p := w.plan
	p.kind, p.question, p.label, p.iso, p.local = s.kind, s.question, s.app, s.iso, s.local
	if s.app == anyApp {
		p.label = pick(w.rng, apps)
	}
	p.app = p.label
	sp := speaker{c: c, rng: w.rng, s: s, w: w, swap: swap}
	for _, part := range sp.rearranged() {
		for _, k := range part.kids {
			sp.expand(k)
		}
		sp.text(part.stop)
	}
	if s.kind == "unclear" {
		w.marks = nil
	}
}

func (sp *speaker) expand(p phrase) {
	w := sp.w
	switch p.op {
	case phraseText:
		sp.text(p.text)
	case phraseSeq:
		for _, k := range p.kids {
			sp.expand(k)
		}
	case phraseChoice:
		sp.expand(pick(sp.rng, p.kids))
	case phraseWord:
		sp.word(p.text)
	case phraseAttr:
		sp.set(p.field, p.text)
		sp.expand(p.kids[0])
	case phraseMark:
		field := strings.TrimSuffix(p.field, "!")
		hi := field == "lat" || field == "ttft" || field == "budget"
		w.note(mark{field: field, flag: p.flag, last: hi}, func() {
			old := w.span
			w.span = true
			sp.marked(p)
			w.span = old
		})
	}
}

// word writes a word of the application, as the grammar has it.
func (sp *speaker) word(kind string) {
	r := sp.c.words[sp.s.zh][kind+"."+sp.w.plan.app]
	list := r.train
	if sp.w.eval && len(r.held) > 0 {
		list = r.held
	}
	sp.text(firstText(pick(sp.rng, list)))
}

// firstText is the text of a grammar's alternative, of every choice in it the first.
func firstText(n node) string {
	switch {
	case n.op == opText:
		return n.text
	case n.op == opChoice:
		return firstText(n.kids[0])
	}
	var b strings.Builder
	for _, k := range n.kids {
		b.WriteString(firstText(k))
	}
	return b.String()
}

// set records what an alternative says of the whole wish.
func (sp *speaker) set(attr, value string) {
	p := sp.w.plan
	switch attr {
	case "iso":
		p.iso = value
	case "app":
		p.label, p.app = value, value
	case "local":
		p.local = value
	}
}

// marked writes the words of a mark; places and models are exchanged for others more often than not.
func (sp *speaker) marked(p phrase) {
	text, plain := literal(p)
	if plain && sp.swap && (p.field == "model" || strings.HasPrefix(p.field, "site")) && sp.w.chance(0.6) {
		app := sp.s.app
		if app == anyApp {
			app = ""
		}
		if p.field == "site" && sp.w.chance(0.4) {
			app = "" // a place that implies nothing fits everywhere
		}
		if p.field == "site" && sp.w.chance(0.45) {
			if sp.w.chance(0.5) {
				sp.text(inventedPlace(sp.rng, isHan(text)))
			} else {
				sp.text(plainPlace(sp.rng, app, isHan(text)))
			}
			return
		}
		if names := sp.c.names[pool(p.field, app, isHan(text))]; len(names) > 0 {
			sp.text(pick(sp.rng, names))
			return
		}
	}
	if p.field == "avail" && plain && sp.swap && strings.HasSuffix(text, "%") && sp.w.chance(0.2) {
		sp.text(strings.TrimSuffix(text, "%")) // many leave the sign out
		return
	}
	sp.expand(p.kids[0])
}

// text appends words; blanks never double, and none starts the wish or stands before closing punctuation that an
// empty alternative left behind.
func (sp *speaker) text(s string) {
	w := sp.w
	if !w.span {
		s = w.noise.apply(w.rng, s)
	}
	n := len(w.buf)
	if n == 0 || w.buf[n-1] == ' ' || w.buf[n-1] == '\n' {
		s = strings.TrimLeft(s, " ")
	}
	if n > 0 && s != "" && w.buf[n-1] == ' ' && strings.IndexByte(",.;!?)", s[0]) >= 0 && !w.endsMark(n) {
		w.buf = w.buf[:n-1]
	}
	w.buf = append(w.buf, s...)
}

// added are the fields which a generated clause may add to a written wish.
var added = map[string][]string{
	"slice":   {"lat", "avail", "budget", "dur", "start", "iso", "local"},
	"compute": {"lat", "avail", "budget", "dur", "start", "iso", "local", "streams", "tps", "ttft"},
	"bundle":  {"lat", "avail", "budget", "dur", "start", "iso", "local", "streams", "tps", "ttft"},
}

// extend adds clauses of the grammar for fields which the wish leaves unsaid.
func (w *writer) extend(st style) {
	said := map[string]bool{"iso": w.plan.iso != "", "local": w.plan.local != ""}
	for _, m := range w.marks {
		said[m.field] = true
	}
	said["start"] = said["start"] || said["end"] || said["dur"]
	said["dur"] = said["start"]
	for range 1 + w.rng.IntN(2) {
		f := pick(w.rng, added[w.plan.kind])
		if said[f] {
			continue
		}
		said[f] = true
		switch f {
		case "start":
			if said["dur"] = true; w.chance(0.5) {
				w.pending["end"] = true
			}
		case "dur":
			said["start"] = true
		case "iso":
			w.plan.iso = pick(w.rng, isos)
		case "local":
			w.plan.local = weighted(w.rng, "yes", 3, "no", 2)
		}
		w.pending[f] = true
	}
	for {
		c := w.nextClause(st, "")
		if c == "" {
			return
		}
		w.join(st)
		w.clause(c)
	}
}

var (
	periodsBefore = []string{"每月", "每天", "每日", "每周", "每个月", "一个月", "一天", "月租", "月费", "日租", "monthly", "daily", "weekly", "per month", "a month", "per day"}
	periodsAfter  = []string{"一个月", "每月", "每个月", "/月", "一天", "每天", "/天", "一周", "每周", "a month", "per month", "/month", "monthly", "each month", "a day", "per day", "/day", "daily", "each day", "a week", "per week", "weekly"}
)

// perPeriod flags a budget that is said per day, week or month as one to be multiplied, as those per hour are.
func (w *writer) perPeriod() {
	const reach = 20 // bytes
	for i := range w.marks {
		m := &w.marks[i]
		if m.field != "budget" || m.flag != "" {
			continue
		}
		from, to := max(0, m.from-reach), min(len(w.buf), m.to+reach)
		for _, d := range w.marks {
			if d.field == "dur" || d.field == "start" || d.field == "end" {
				if d.to <= m.from {
					from = max(from, d.to)
				} else if d.from >= m.to {
					to = min(to, d.from)
				}
			}
		}
		before, after := strings.ToLower(string(w.buf[from:m.from])), strings.ToLower(string(w.buf[m.to:to]))
		if j := strings.LastIndexAny(before, ",.;，。；"); j >= 0 {
			before = before[j:]
		}
		if j := strings.IndexAny(after, ",.;，。；"); j >= 0 {
			after = after[:j]
		}
		if containsAny(before, periodsBefore) || containsAny(after, periodsAfter) {
			m.flag = "hourly"
		}
	}
}

func containsAny(s string, words []string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// partner is a sentence about compute that may follow one about a network, so that both make a bundle; mostly nil.
func (s *source) partner(line *sentence) *sentence {
	list := s.corpus.train
	if line.kind != "slice" || s.rng.Float64() > 0.12 || s.eval {
		return nil
	}
	for range 20 {
		other := &list[s.rng.IntN(len(list))]
		if other.kind == "compute" && other.zh == line.zh && line.joins(other) {
			return other
		}
	}
	return nil
}

// joins reports whether nothing is said in both sentences.
func (s *sentence) joins(other *sentence) bool {
	if s.app != other.app && s.app != "" && other.app != "" || s.app == anyApp || other.app == anyApp {
		return false
	}
	said := map[string]bool{"iso": s.iso != "", "local": s.local != ""}
	for _, c := range s.clauses {
		for _, f := range c.fields {
			said[strings.TrimSuffix(f, "!")] = true
		}
	}
	if other.iso != "" && said["iso"] || other.local != "" && said["local"] {
		return false
	}
	if said["start"] || said["end"] || said["dur"] {
		said["start"], said["end"], said["dur"] = true, true, true
	}
	for _, c := range other.clauses {
		for _, f := range c.fields {
			if said[strings.TrimSuffix(f, "!")] {
				return false
			}
		}
	}
	return true
}

var (
	zhPlus = []string{"，另外，", "。另外，", "，还有，", "，同时，", "；再就是，", "。还要算力：", "，顺便，", "。第二件事，"}
	enPlus = []string{". Also, ", ", and ", "; plus ", ", and also ", ". On top of that, ", ". Second thing: ", " plus ", ", together with "}
)

// add writes a sentence about compute behind one about a network.
func (c *corpus) add(w *writer, s *sentence) {
	text := strings.TrimRight(string(w.buf), "。.，,；;！! ")
	w.buf = append([]byte(text), pick(w.rng, map[bool][]string{true: zhPlus, false: enPlus}[s.zh])...)
	first := *w.plan
	c.speak(w, s, true)
	p := w.plan
	p.kind = "bundle"
	for _, f := range []struct{ have, was *string }{{&p.label, &first.label}, {&p.app, &first.app}, {&p.iso, &first.iso}, {&p.local, &first.local}} {
		if *f.was != "" {
			*f.have = *f.was
		}
	}
}

// spoken draws a wish from the corpus.
func (s *source) spoken() wish {
	list := s.corpus.train
	if s.eval {
		list = s.corpus.held
	}
	line := &list[s.rng.IntN(len(list))]
	p := &plan{lang: "en"}
	w := &writer{rng: s.rng, eval: s.eval, plan: p, pending: map[string]bool{}, old: map[string]bool{}, noise: newNoise(s.rng), zh: line.zh, main: s.en, other: s.zh}
	if line.zh {
		p.lang, w.main, w.other = "zh", s.zh, s.en
	}
	w.g = w.main
	second := s.partner(line)
	if w.chance(0.07) {
		w.rule(pick(w.rng, []string{"hello", "hello", "role"}))
		w.blank()
	}
	w.joined = second != nil
	s.corpus.speak(w, line, true)
	if second != nil {
		s.corpus.add(w, second)
	}
	w.perPeriod()
	if line.kind != "unclear" && second == nil && w.chance(0.15) {
		w.extend(w.style())
	}
	if w.chance(0.05) {
		w.raw(w.stop())
		w.rule("distract")
	}
	if w.chance(0.06) {
		w.raw(w.stop())
		w.rule("closer")
	}
	return wish{plan: p, text: strings.TrimRight(w.noise.finish(string(w.buf), w.marks), " "), marks: w.marks}
}
