package main

import (
	"embed"
	"fmt"
	"hash/fnv"
	"io/fs"
	"strings"
)

//go:embed grammar/*.txt
var grammarFiles embed.FS

// extraCharacters are common characters that the grammars may lack; the vocabulary has them too.
//
//go:embed grammar/chars.txt
var extraCharacters string

// A rule is a list of alternatives. Alternatives of a rule whose name ends in "!" are
// split by their hash: one in ten is never used for training, and evaluation prefers it.
type rule struct {
	train []node // what training may use
	held  []node // held out for evaluation
}

// op is what a node of a parsed alternative does.
type op int

const (
	opText   op = iota // literal text
	opSeq              // kids in order
	opChoice           // one of kids
	opMaybe            // kids[0], half of the time
	opRule             // expansion of the rule named by text ($app, $iso, $local are filled in)
	opSlot             // a quantity: text is "field:kind+flag"
	opSpan             // text is "site" or "model": a labelled span
	opIf               // kids[0] while every field of text is pending
	opDone             // text names a field which the text so far has expressed
	opRandom           // a random number or letter of the range text
)

type node struct {
	op   op
	text string
	kids []node
}

// grammar holds the rules of one language.
type grammar map[string]*rule

// loadGrammar reads every rule of the files whose names start with one of the prefixes.
// A file is a sequence of "name:" lines, each followed by indented lines of alternatives
// separated by "|". "#" starts a comment line.
func loadGrammar(prefixes ...string) (grammar, error) {
	g := grammar{}
	names, err := fs.Glob(grammarFiles, "grammar/*.txt")
	if err != nil {
		return nil, fmt.Errorf("list grammar files: %w", err)
	}
	for _, name := range names {
		base := strings.TrimPrefix(name, "grammar/")
		for _, p := range prefixes {
			if !strings.HasPrefix(base, p) {
				continue
			}
			text, err := grammarFiles.ReadFile(name)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", name, err)
			}
			if err := g.parse(string(text)); err != nil {
				return nil, fmt.Errorf("parse %s: %w", name, err)
			}
		}
	}
	return g, g.check()
}

func (g grammar) parse(text string) error {
	var cur *rule
	split := false
	for i, line := range strings.Split(text, "\n") {
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if line[0] != ' ' {
			name, ok := strings.CutSuffix(strings.TrimSpace(line), ":")
			if !ok {
				return fmt.Errorf("line %d: want \"name:\", got %q", i+1, line)
			}
			name, split = strings.CutSuffix(name, "!")
			cur = g[name]
			if cur == nil {
				cur = &rule{}
				g[name] = cur
			}
			continue
		}
		p := parser{s: strings.TrimPrefix(line, "  ")}
		alts, err := p.alternatives(0)
		if err != nil {
			return fmt.Errorf("line %d: %w", i+1, err)
		}
		for j, a := range alts {
			if split && heldOut(p.raw[j]) {
				cur.held = append(cur.held, a)
			} else {
				cur.train = append(cur.train, a)
			}
		}
	}
	return nil
}

// heldOut says whether an alternative belongs to evaluation only.
func heldOut(s string) bool {
	h := fnv.New32a()
	h.Write([]byte(strings.TrimSpace(s)))
	return h.Sum32()>>8%10 == 0
}

// check reports references to rules that do not exist.
func (g grammar) check() error {
	var walk func(n node) error
	walk = func(n node) error {
		if n.op == opRule && !strings.Contains(n.text, "$") && !builtin[n.text] && g[n.text] == nil {
			return fmt.Errorf("no rule %q", n.text)
		}
		for _, k := range n.kids {
			if err := walk(k); err != nil {
				return err
			}
		}
		return nil
	}
	for name, r := range g {
		if len(r.train) == 0 {
			return fmt.Errorf("rule %q has no alternative", name)
		}
		for _, n := range append(append([]node(nil), r.train...), r.held...) {
			if err := walk(n); err != nil {
				return fmt.Errorf("in %q: %w", name, err)
			}
		}
	}
	return nil
}

// parser reads one line of alternatives.
type parser struct {
	s   string
	i   int
	raw []string // source text of each top-level alternative
}

// alternatives parses up to the closing byte end (0: the end of the line).
func (p *parser) alternatives(end byte) ([]node, error) {
	var alts []node
	var seq []node
	from := p.i
	flush := func() {
		if end == 0 {
			p.raw = append(p.raw, p.s[from:p.i])
			trim(seq)
		}
		alts = append(alts, node{op: opSeq, kids: seq})
		seq = nil
	}
	for p.i < len(p.s) {
		c := p.s[p.i]
		switch {
		case c == end && end != 0:
			flush()
			p.i++
			return alts, nil
		case c == '|':
			flush()
			p.i++
			from = p.i
		case strings.IndexByte("([<{", c) >= 0:
			n, err := p.group(c)
			if err != nil {
				return nil, err
			}
			seq = append(seq, n)
		default:
			j := p.i
			for j < len(p.s) && strings.IndexByte("|([<{)]}", p.s[j]) < 0 {
				j++
			}
			if j == p.i {
				return nil, fmt.Errorf("stray %q at %d in %q", c, p.i, p.s)
			}
			seq = append(seq, node{op: opText, text: entities.Replace(p.s[p.i:j])})
			p.i = j
		}
	}
	if end != 0 {
		return nil, fmt.Errorf("missing %q in %q", end, p.s)
	}
	flush()
	return alts, nil
}

// trim removes the blanks around a top-level alternative.
func trim(seq []node) {
	if len(seq) == 0 {
		return
	}
	if n := &seq[0]; n.op == opText {
		n.text = strings.TrimLeft(n.text, " ")
	}
	if n := &seq[len(seq)-1]; n.op == opText {
		n.text = strings.TrimRight(n.text, " ")
	}
}

func (p *parser) group(c byte) (node, error) {
	p.i++
	switch c {
	case '(':
		kids, err := p.alternatives(')')
		return node{op: opChoice, kids: kids}, err
	case '[':
		kids, err := p.alternatives(']')
		return node{op: opMaybe, kids: []node{{op: opChoice, kids: kids}}}, err
	case '<':
		j := strings.IndexByte(p.s[p.i:], '>')
		if j < 0 {
			return node{}, fmt.Errorf("missing '>' in %q", p.s)
		}
		n := node{op: opRule, text: p.s[p.i : p.i+j]}
		p.i += j + 1
		return n, nil
	}
	return p.brace()
}

// brace parses {?fields text}, {!field}, {r:range}, {site}, {model} and {field:kind}.
func (p *parser) brace() (node, error) {
	if p.i < len(p.s) && p.s[p.i] == '?' {
		j := strings.IndexByte(p.s[p.i:], ' ')
		if j < 0 {
			return node{}, fmt.Errorf("missing blank after condition in %q", p.s)
		}
		n := node{op: opIf, text: p.s[p.i+1 : p.i+j]}
		p.i += j + 1
		kids, err := p.alternatives('}')
		n.kids = []node{{op: opChoice, kids: kids}}
		return n, err
	}
	j := strings.IndexByte(p.s[p.i:], '}')
	if j < 0 {
		return node{}, fmt.Errorf("missing '}' in %q", p.s)
	}
	body := p.s[p.i : p.i+j]
	p.i += j + 1
	switch {
	case strings.HasPrefix(body, "!"):
		return node{op: opDone, text: body[1:]}, nil
	case strings.HasPrefix(body, "r:"):
		return node{op: opRandom, text: body[2:]}, nil
	case body == "site" || body == "model":
		return node{op: opSpan, text: body}, nil
	case strings.Contains(body, ":"):
		return node{op: opSlot, text: body}, nil
	}
	return node{}, fmt.Errorf("unknown %q in %q", body, p.s)
}

// entities spells the characters that have a meaning in grammar files.
var entities = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&bar;", "|", "&q;", "?")

// builtin names the rules that the writer chooses among others.
var builtin = map[string]bool{"linkx": true, "noun.any": true, "site.any": true}
