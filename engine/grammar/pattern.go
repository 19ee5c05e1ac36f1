package grammar

import (
	"regexp/syntax"
	"strings"
)

// pattern adds a quoted string whose content matches a regular expression anywhere, as JSON
// Schema has it. The strings it makes hold no escapes: characters that JSON must escape are
// left out, which narrows the choice but accepts nothing wrong.
func (c *compiler) pattern(path, expr string, from, to int32) error {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return refuse(path, "pattern %q: %v", expr, err)
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return refuse(path, "pattern %q: %v", expr, err)
	}
	if len(prog.Inst) > lengthMax {
		return refuse(path, "pattern %q is too large", expr)
	}
	p := &regexCompiler{c: c, prog: prog, states: map[regexPlace]int32{}, end: c.state()}
	start := c.text(from, `"`)
	c.free(c.text(p.end, `"`), to)
	c.free(start, p.place(regexPlace{pc: prog.Start, atStart: true}))
	skipped := c.state() // the match begins later
	p.join(start, skipped, []rune{0, 0x10ffff})
	p.join(skipped, skipped, []rune{0, 0x10ffff})
	c.free(skipped, p.place(regexPlace{pc: prog.Start}))
	for len(p.todo) > 0 {
		at := p.todo[len(p.todo)-1]
		p.todo = p.todo[:len(p.todo)-1]
		if err := p.step(at); err != nil {
			return refuse(path, "pattern %q: %v", expr, err)
		}
	}
	return c.check()
}

// regexPlace is an instruction, and what is known about where in the text it runs: at the
// start, or after $ has been met, so that nothing may follow.
type regexPlace struct {
	pc      int
	atStart bool
	ended   bool
}

type regexCompiler struct {
	c      *compiler
	prog   *syntax.Prog
	states map[regexPlace]int32
	todo   []regexPlace
	end    int32
}

func (p *regexCompiler) place(at regexPlace) int32 {
	s, ok := p.states[at]
	if !ok {
		s = p.c.state()
		p.states[at] = s
		p.todo = append(p.todo, at)
	}
	return s
}

// join adds the characters in pairs of bounds that need no escape.
func (p *regexCompiler) join(from, to int32, pairs []rune) {
	for i := 0; i+1 < len(pairs); i += 2 {
		lo, hi := max(pairs[i], 0x20), pairs[i+1]
		for _, cut := range []rune{'"', '\\', 0x10ffff + 1} {
			if lo < cut && lo <= hi {
				p.c.runes(from, to, lo, min(hi, cut-1))
			}
			lo = max(lo, cut+1)
		}
	}
}

func (p *regexCompiler) step(at regexPlace) error {
	from, in := p.states[at], &p.prog.Inst[at.pc]
	follow := func(pc uint32) int32 {
		return p.place(regexPlace{pc: int(pc), atStart: at.atStart, ended: at.ended})
	}
	switch in.Op {
	case syntax.InstAlt, syntax.InstAltMatch:
		p.c.free(from, follow(in.Out))
		p.c.free(from, follow(in.Arg))
	case syntax.InstNop, syntax.InstCapture:
		p.c.free(from, follow(in.Out))
	case syntax.InstEmptyWidth:
		return p.assertion(at, in)
	case syntax.InstMatch:
		p.c.free(from, p.end)
		if !at.ended {
			tail := p.c.state()
			p.join(from, tail, []rune{0, 0x10ffff})
			p.join(tail, tail, []rune{0, 0x10ffff})
			p.c.free(tail, p.end)
		}
	case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
		if at.ended {
			return nil
		}
		p.join(from, p.place(regexPlace{pc: int(in.Out)}), runePairs(in))
	}
	return nil
}

func (p *regexCompiler) assertion(at regexPlace, in *syntax.Inst) error {
	next := regexPlace{pc: int(in.Out), atStart: at.atStart, ended: at.ended}
	switch op := syntax.EmptyOp(in.Arg); op {
	case syntax.EmptyBeginText, syntax.EmptyBeginLine:
		if !at.atStart {
			return nil
		}
	case syntax.EmptyEndText, syntax.EmptyEndLine:
		next.ended = true
	default:
		return errWordBoundary
	}
	p.c.free(p.states[at], p.place(next))
	return nil
}

var errWordBoundary = &syntax.Error{Code: "word boundaries are not supported", Expr: `\b`}

// runePairs lists the characters that an instruction takes, as pairs of bounds.
func runePairs(in *syntax.Inst) []rune {
	switch {
	case in.Op == syntax.InstRuneAny, in.Op == syntax.InstRuneAnyNotNL:
		return []rune{0, 0x10ffff}
	case len(in.Rune) == 1:
		r := in.Rune[0]
		pairs := []rune{r, r}
		if syntax.Flags(in.Arg)&syntax.FoldCase != 0 {
			for _, other := range []string{strings.ToLower(string(r)), strings.ToUpper(string(r))} {
				o := []rune(other)[0]
				pairs = append(pairs, o, o)
			}
		}
		return pairs
	}
	return in.Rune
}
