package main

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"unicode"
)

// The corpus holds wishes as people write them. A line is "HEAD | TEXT". HEAD is the kind, then the application,
// isolation and locality that hold whatever the alternatives; of an unclear wish its class. TEXT has marks
// "[field words]" or "[field+flag words]" around what carries a value, "[iso=hard words]" around what sets an attribute,
// and alternatives "{a|b|}", which nest. "<noun>" and "<purpose>" stand for words of the application; where the head
// says "any" they are of one drawn at random. A backslash takes the next character literally.
//
//go:embed corpus
var corpusFiles embed.FS

// A sentence is one line of the corpus.
type sentence struct {
	kind, question, app, iso, local string

	zh   bool
	held bool // for evaluation only
	body phrase
	line string // where it stands

	clauses []clause // of body
}

// phrase is a node of a parsed text.
type phrase struct {
	op    phraseOp
	text  string // literal text, or the name of an attribute's value
	field string // of a mark or an attribute
	flag  string
	kids  []phrase
}

type phraseOp uint8

const (
	phraseText phraseOp = iota
	phraseSeq
	phraseChoice
	phraseMark
	phraseAttr
	phraseWord // "noun" or "purpose" of the application
)

// anyApp in a head stands for each application in turn.
const anyApp = "any"

var (
	markFields = strings.Fields("site site! dev up down both lat avail start end dur model streams tps ttft budget")
	markFlags  = map[string][]string{"up": {"each"}, "down": {"each"}, "both": {"each"}, "budget": {"hourly"}}
	isoNames   = strings.Fields("shared rate hard dedicated")
)

// loadCorpus reads every sentence of the files in fsys.
func loadCorpus(fsys fs.FS) ([]sentence, error) {
	names, err := fs.Glob(fsys, "corpus/*.txt")
	if err != nil {
		return nil, fmt.Errorf("list corpus: %w", err)
	}
	var all []sentence
	for _, name := range names {
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("read corpus: %w", err)
		}
		list, faults := parseCorpus(name, string(text))
		if len(faults) > 0 {
			return nil, fmt.Errorf("corpus: %s", faults[0])
		}
		all = append(all, list...)
	}
	return all, nil
}

// parseCorpus parses a file; faults name the lines that are not sentences.
func parseCorpus(name, text string) (list []sentence, faults []string) {
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		at := fmt.Sprintf("%s:%d", name, i+1)
		s, err := parseSentence(line)
		if err != nil {
			faults = append(faults, fmt.Sprintf("%s: %v", at, err))
			continue
		}
		s.line = at
		list = append(list, s)
	}
	return list, faults
}

func parseSentence(line string) (sentence, error) {
	head, text, ok := strings.Cut(line, "|")
	if !ok {
		return sentence{}, fmt.Errorf("no \"HEAD | TEXT\"")
	}
	s := sentence{held: heldOut(line)}
	for i, w := range strings.Fields(head) {
		switch {
		case i == 0 && slices.Contains([]string{"slice", "compute", "bundle", "unclear"}, w):
			s.kind = w
		case i == 1 && s.kind == "unclear" && slices.Contains([]string{"what", "how", "which", "price"}, w):
			s.question = w
		case s.kind == "unclear" || s.kind == "":
			return s, fmt.Errorf("head: unknown word %q", w)
		case slices.Contains(apps, w) || w == anyApp:
			s.app = w
		case slices.Contains(isoNames, w):
			s.iso = w
		case w == "local":
			s.local = "yes"
		case w == "away":
			s.local = "no"
		default:
			return s, fmt.Errorf("head: unknown word %q", w)
		}
	}
	if s.kind == "" || s.kind == "unclear" && s.question == "" {
		return s, fmt.Errorf("head: no kind or no class")
	}
	p := phraseParser{s: strings.TrimSpace(text)}
	body, err := p.sequence("")
	if err != nil {
		return s, err
	}
	if p.i < len(p.s) {
		return s, fmt.Errorf("stray %q at %q", p.s[p.i], p.s[p.i:])
	}
	s.body, s.clauses = body, clausesOf(body)
	s.zh = strings.IndexFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) }) >= 0
	return s, nil
}

// phraseParser reads one text.
type phraseParser struct {
	s string
	i int
}

// sequence parses up to one of the bytes in end, which it leaves unread.
func (p *phraseParser) sequence(end string) (phrase, error) {
	seq := phrase{op: phraseSeq}
	var lit strings.Builder
	flush := func() {
		if lit.Len() > 0 {
			seq.kids = append(seq.kids, phrase{op: phraseText, text: lit.String()})
			lit.Reset()
		}
	}
	for p.i < len(p.s) {
		c := p.s[p.i]
		switch {
		case strings.IndexByte(end, c) >= 0:
			flush()
			return seq, nil
		case c == '\\' && p.i+1 < len(p.s):
			lit.WriteByte(p.s[p.i+1])
			p.i += 2
		case strings.HasPrefix(p.s[p.i:], "<noun>") || strings.HasPrefix(p.s[p.i:], "<purpose>"):
			flush()
			word, _, _ := strings.Cut(p.s[p.i+1:], ">")
			seq.kids = append(seq.kids, phrase{op: phraseWord, text: word})
			p.i += len(word) + 2
		case c == '{' || c == '[':
			flush()
			p.i++
			n, err := p.group(c)
			if err != nil {
				return seq, err
			}
			seq.kids = append(seq.kids, n)
		case strings.IndexByte("]}|", c) >= 0:
			return seq, fmt.Errorf("stray %q at %q", c, p.s[p.i:])
		default:
			lit.WriteByte(c)
			p.i++
		}
	}
	flush()
	if end != "" {
		return seq, fmt.Errorf("missing one of %q at the end", end)
	}
	return seq, nil
}

func (p *phraseParser) group(open byte) (phrase, error) {
	if open == '[' {
		return p.mark()
	}
	n := phrase{op: phraseChoice}
	for {
		kid, err := p.sequence("|}")
		if err != nil {
			return n, err
		}
		n.kids = append(n.kids, kid)
		p.i++
		if p.s[p.i-1] == '}' {
			return n, nil
		}
	}
}

// mark parses "field words]", "field+flag words]" or "name=value words]".
func (p *phraseParser) mark() (phrase, error) {
	name, _, ok := strings.Cut(p.s[p.i:], " ")
	if !ok {
		return phrase{}, fmt.Errorf("no words in mark at %q", p.s[p.i:])
	}
	p.i += len(name) + 1
	n := phrase{op: phraseMark}
	n.field, n.flag, _ = strings.Cut(name, "+")
	if attr, value, is := strings.Cut(name, "="); is {
		n = phrase{op: phraseAttr, field: attr, text: value}
		known := map[string][]string{"iso": isoNames, "app": apps, "local": {"yes", "no"}}
		if !slices.Contains(known[attr], value) {
			return n, fmt.Errorf("unknown attribute %q", name)
		}
	} else if !slices.Contains(markFields, n.field) || n.flag != "" && !slices.Contains(markFlags[n.field], n.flag) {
		return n, fmt.Errorf("unknown field %q", name)
	}
	kid, err := p.sequence("]")
	if err != nil {
		return n, err
	}
	p.i++
	n.kids = []phrase{kid}
	return n, nil
}
