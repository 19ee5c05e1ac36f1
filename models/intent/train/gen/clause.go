package main

import (
	"slices"
	"strings"
)

// clause is a part of a sentence up to punctuation, which it ends with.
type clause struct {
	kids   []phrase
	stop   string
	fields []string // marked in it, each once; attributes count under their name
	each   bool     // speaks of a value per device or per hour
}

// movable are the fields whose clauses make sense in another wish.
var movable = strings.Fields("up down both lat avail start end dur streams tps ttft budget iso local")

// droppable are the fields whose clauses a wish may lose without changing the meaning of the others.
var droppable = strings.Fields("lat avail streams tps ttft budget")

// placeOnly is what a clause marks that only names the place: many wishes name none.
var placeOnly = []string{"site"}

var stops = []string{"，", "。", "；", "！", ", ", ". ", "; ", "! "}

// clausesOf splits a parsed text at the punctuation outside marks and alternatives.
func clausesOf(body phrase) []clause {
	var list []clause
	var cur clause
	end := func(stop string) {
		cur.stop = stop
		for _, k := range cur.kids {
			cur.note(k)
		}
		list = append(list, cur)
		cur = clause{}
	}
	for _, k := range body.kids {
		if k.op != phraseText {
			cur.kids = append(cur.kids, k)
			continue
		}
		s := k.text
		for {
			i, stop := firstStop(s)
			if i < 0 {
				break
			}
			cur.kids = append(cur.kids, phrase{op: phraseText, text: s[:i]})
			end(stop)
			s = s[i+len(stop):]
		}
		if s != "" {
			cur.kids = append(cur.kids, phrase{op: phraseText, text: s})
		}
	}
	if len(cur.kids) > 0 {
		end("")
	}
	return list
}

func firstStop(s string) (at int, stop string) {
	at = -1
	for _, p := range stops {
		if i := strings.Index(s, p); i >= 0 && (at < 0 || i < at) {
			at, stop = i, p
		}
	}
	return at, stop
}

// note records what the phrase marks.
func (c *clause) note(p phrase) {
	if p.op == phraseMark || p.op == phraseAttr {
		if f := p.field; !slices.Contains(c.fields, f) {
			c.fields = append(c.fields, f)
		}
		c.each = c.each || p.flag != ""
	}
	for _, k := range p.kids {
		c.note(k)
	}
}

// only reports whether the clause marks something, and nothing beyond the fields.
func (c *clause) only(fields []string) bool {
	for _, f := range c.fields {
		if !slices.Contains(fields, f) {
			return false
		}
	}
	return len(c.fields) > 0 && !c.each
}

// fits reports whether the clause of another wish may join one of this kind which has said the fields.
func (c *clause) fits(kind string, said []string) bool {
	for _, f := range c.fields {
		switch {
		case slices.Contains(said, f):
			return false
		case kind == "slice" && slices.Contains([]string{"streams", "tps", "ttft"}, f):
			return false
		case kind == "compute" && slices.Contains([]string{"up", "down", "both"}, f):
			return false
		case (f == "up" || f == "down" || f == "both") && (slices.Contains(said, "up") || slices.Contains(said, "down") || slices.Contains(said, "both")):
			return false
		case (f == "start" || f == "end" || f == "dur") && (slices.Contains(said, "start") || slices.Contains(said, "end") || slices.Contains(said, "dur")):
			return false
		}
	}
	return true
}

// rearranged is the sentence's clauses, now and then without one that may be dropped, and with one or two of other
// sentences.
func (sp *speaker) rearranged() []clause {
	s := sp.s
	list := slices.Clone(s.clauses)
	if !sp.swap || s.kind == "unclear" || len(list) == 0 {
		return list
	}
	for i := len(list) - 1; i > 0; i-- {
		if list[i].only(droppable) && sp.w.chance(0.15) || list[i].only(placeOnly) && sp.w.chance(0.08) {
			list = slices.Delete(list, i, i+1)
		}
	}
	if len(list) > 1 && list[0].only(placeOnly) && sp.w.chance(0.08) {
		list = list[1:]
	}
	said := []string{}
	for _, c := range list {
		said = append(said, c.fields...)
	}
	if s.iso != "" {
		said = append(said, "iso")
	}
	if s.local != "" {
		said = append(said, "local")
	}
	donors := sp.c.donors[s.zh]
	for n := weighted(sp.rng, "", 6, "+", 3, "++", 1); n != "" && len(donors) > 0 && !sp.w.joined; n = n[1:] {
		d := pick(sp.rng, donors)
		if !d.fits(s.kind, said) {
			continue
		}
		said = append(said, d.fields...)
		at := 1 + sp.rng.IntN(len(list))
		if at == len(list) && list[at-1].stop == "" || d.stop == "" {
			comma := ", "
			if s.zh {
				comma = "，"
			}
			if list[at-1].stop == "" {
				list[at-1].stop = comma
			}
			if at < len(list) && d.stop == "" {
				d.stop = comma
			}
		}
		list = slices.Insert(list, at, d)
	}
	return list
}
