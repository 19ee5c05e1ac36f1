package template

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weir-project/weir/internal/fault"
)

const (
	// maxSource bounds the bytes of a template; the largest known chat template has 17 thousand.
	maxSource = 1 << 18
	// maxNesting bounds how deep expressions and blocks may nest in a source.
	maxNesting = 250
	// maxParams bounds the parameters of a macro and the arguments written in a call.
	maxParams = 255
)

// Template is a parsed chat template.
type Template struct {
	body []stmt
}

// Parse compiles the source of a template. Its error is a *SyntaxError, of kind fault.Invalid.
func Parse(src string) (t *Template, err error) {
	if len(src) > maxSource {
		err := &SyntaxError{Line: 1, Message: fmt.Sprintf("source of %d bytes, limit %d", len(src), maxSource)}
		return nil, fault.As(fault.Invalid, err)
	}
	defer func() { err = failed(recover(), err) }()
	p := &parser{tokens: lex(src)}
	body := p.statements()
	if p.tok().kind != tokEOF {
		p.fail("unexpected %s", p.tok().describe())
	}
	return &Template{body: body}, nil
}

// parser is a recursive descent parser over the tokens of one source.
type parser struct {
	tokens  []token
	pos     int
	depth   int
	loops   int               // for loops around the current statement, inside its macro
	open    []string          // tags which wait for their end
	mention []map[string]bool // implicit parameters read inside each macro around the current place
}

func (p *parser) tok() token { return p.tokens[p.pos] }

// peek is the token after the current one.
func (p *parser) peek() token { return p.tokens[min(p.pos+1, len(p.tokens)-1)] }

// advance returns the current token and moves on; the last token stays current.
func (p *parser) advance() token {
	t := p.tok()
	if p.pos < len(p.tokens)-1 {
		p.pos++
	}
	return t
}

func (p *parser) fail(format string, a ...any) {
	p.failAt(p.tok().line, format, a...)
}

func (p *parser) failAt(line int, format string, a ...any) {
	panic(failure{&SyntaxError{Line: line, Message: fmt.Sprintf(format, a...)}})
}

func (p *parser) isOp(op string) bool {
	t := p.tok()
	return t.kind == tokOp && t.text == op
}

func (p *parser) isName(names ...string) bool {
	t := p.tok()
	return t.kind == tokName && slices.Contains(names, t.text)
}

func (p *parser) skipOp(op string) bool {
	ok := p.isOp(op)
	if ok {
		p.advance()
	}
	return ok
}

func (p *parser) skipName(name string) bool {
	ok := p.isName(name)
	if ok {
		p.advance()
	}
	return ok
}

func (p *parser) expectOp(op string) {
	if !p.skipOp(op) {
		p.fail("expected '%s', got %s", op, p.tok().describe())
	}
}

func (p *parser) expectKind(kind tokenKind) token {
	if p.tok().kind != kind {
		p.fail("expected %s, got %s", map[tokenKind]string{
			tokName: "a name", tokVarEnd: "'}}'", tokBlockEnd: "'%}'",
		}[kind], p.tok().describe())
	}
	return p.advance()
}

// nest counts one more level around a call of parse.
func (p *parser) nest() {
	if p.depth++; p.depth > maxNesting {
		p.fail("nested deeper than %d levels", maxNesting)
	}
}

// statements parses up to a block whose tag is one of ends, leaving that tag current, or to the end of the source.
func (p *parser) statements(ends ...string) []stmt {
	p.nest()
	defer func() { p.depth-- }()
	var body []stmt
	for {
		switch p.tok().kind {
		case tokEOF:
			if len(ends) > 0 {
				p.fail("end of template inside %s, expected %s", p.open[len(p.open)-1], strings.Join(ends, " or "))
			}
			return body
		case tokData:
			body = append(body, &textStmt{p.advance().text})
		case tokVarBegin:
			line := p.advance().line
			body = append(body, &outputStmt{p.tuple(tupleRule{condition: true}), line})
			p.expectKind(tokVarEnd)
		default: // a block: no other token stands outside tags
			p.advance()
			if p.isName(ends...) {
				return body
			}
			body = append(body, p.statement()...)
			p.expectKind(tokBlockEnd)
		}
	}
}

// block parses the body of a tag after its head, up to one of ends.
func (p *parser) block(ends ...string) []stmt {
	p.skipOp(":")
	p.expectKind(tokBlockEnd)
	return p.statements(ends...)
}

// blockEnd is block for a single end tag, which is consumed.
func (p *parser) blockEnd(end string) []stmt {
	body := p.block(end)
	p.advance()
	return body
}

// statement parses one tag, whose name is current, with its body.
func (p *parser) statement() []stmt {
	t := p.tok()
	if t.kind != tokName {
		p.fail("expected the name of a tag, got %s", t.describe())
	}
	p.advance()
	p.open = append(p.open, t.text)
	defer func() { p.open = p.open[:len(p.open)-1] }()
	switch t.text {
	case "if":
		return []stmt{p.ifTag(t.line)}
	case "for":
		return []stmt{p.forTag(t.line)}
	case "set":
		return []stmt{p.setTag(t.line)}
	case "macro":
		return []stmt{p.macroTag(t.line)}
	case "call":
		return []stmt{p.callTag(t.line)}
	case "filter":
		return []stmt{&filterStmt{p.filterChain(&blockValue{}, true), p.blockEnd("endfilter"), t.line}}
	case "with":
		return []stmt{p.withTag(t.line)}
	case "generation":
		return []stmt{&scopeStmt{p.function(func() []stmt { return p.blockEnd("endgeneration") })}}
	case "print":
		return p.printTag(t.line)
	case "break", "continue":
		return []stmt{p.loopTag(t)}
	case "include", "import", "from", "extends", "block", "autoescape":
		p.failAt(t.line, "tag %s is not supported", quote(t.text))
	}
	around := "there is no open block"
	if len(p.open) > 1 {
		around = "the innermost open block is " + p.open[len(p.open)-2]
	}
	p.failAt(t.line, "unknown tag %s; %s", quote(t.text), around)
	return nil
}

func (p *parser) ifTag(line int) stmt {
	s := &ifStmt{line: line}
	for {
		s.tests = append(s.tests, p.tuple(tupleRule{}))
		s.bodies = append(s.bodies, p.block("elif", "else", "endif"))
		switch p.advance().text {
		case "elif":
			continue
		case "else":
			s.otherwise = p.blockEnd("endif")
		}
		return s
	}
}

func (p *parser) forTag(line int) stmt {
	s := &forStmt{line: line}
	p.loops++ // the target too must not be called loop
	s.target = p.target("in")
	p.loops--
	if !p.skipName("in") {
		p.fail("expected 'in', got %s", p.tok().describe())
	}
	s.iter = p.tuple(tupleRule{end: "recursive"})
	if p.skipName("if") {
		s.test = p.expression()
	}
	s.recursive = p.skipName("recursive")
	p.loops++
	s.body = p.block("endfor", "else")
	p.loops--
	if p.advance().text == "else" {
		s.otherwise = p.blockEnd("endfor")
	}
	return s
}

func (p *parser) loopTag(t token) stmt {
	if p.loops == 0 {
		p.failAt(t.line, "%s outside a loop", quote(t.text))
	}
	if t.text == "break" {
		return &loopStmt{breakLoop}
	}
	return &loopStmt{continueLoop}
}

func (p *parser) setTag(line int) stmt {
	to := p.target("")
	if p.skipOp("=") {
		return &setStmt{to, p.tuple(tupleRule{condition: true}), line}
	}
	var filter expr
	if p.isOp("|") {
		filter = p.filterChain(&blockValue{}, false)
	}
	return &setBlockStmt{to, filter, p.blockEnd("endset"), line}
}

func (p *parser) withTag(line int) stmt {
	s := &withStmt{line: line}
	for p.tok().kind != tokBlockEnd {
		if len(s.targets) > 0 {
			p.expectOp(",")
		}
		s.targets = append(s.targets, p.target(""))
		p.expectOp("=")
		s.vals = append(s.vals, p.expression())
	}
	s.body = p.blockEnd("endwith")
	return s
}

func (p *parser) printTag(line int) []stmt {
	var out []stmt
	for p.tok().kind != tokBlockEnd {
		if len(out) > 0 {
			p.expectOp(",")
		}
		out = append(out, &outputStmt{p.expression(), line})
	}
	return out
}

// function parses a body that a loop around it cannot be left from.
func (p *parser) function(parse func() []stmt) []stmt {
	loops := p.loops
	p.loops = 0
	body := parse()
	p.loops = loops
	return body
}

func (p *parser) macroTag(line int) stmt {
	def := &macroDef{name: p.expectKind(tokName).text}
	p.signature(def)
	p.macroBody(def, "endmacro")
	return &macroStmt{def, line}
}

func (p *parser) callTag(line int) stmt {
	def := &macroDef{}
	if p.isOp("(") {
		p.signature(def)
	}
	call, ok := p.expression().(*callExpr)
	if !ok {
		p.failAt(line, "expected a call after 'call'")
	}
	p.macroBody(def, "endcall")
	return &callStmt{call, def, line}
}

// macroBody parses the body and notes which implicit parameters it mentions.
func (p *parser) macroBody(def *macroDef, end string) {
	names := map[string]bool{}
	p.mention = append(p.mention, names)
	def.body = p.function(func() []stmt { return p.blockEnd(end) })
	p.mention = p.mention[:len(p.mention)-1]
	implicit := func(name string) bool { return names[name] && !slices.Contains(def.params, name) }
	def.usesCaller, def.usesKwargs, def.usesVarargs = implicit("caller"), implicit("kwargs"), implicit("varargs")
}

func (p *parser) signature(def *macroDef) {
	p.expectOp("(")
	for !p.isOp(")") {
		if len(def.params) > 0 {
			p.expectOp(",")
		}
		name := p.expectKind(tokName).text
		if slices.Contains(def.params, name) {
			p.fail("parameter %s twice", quote(name))
		}
		if def.params = append(def.params, name); len(def.params) > maxParams {
			p.fail("more than %d parameters", maxParams)
		}
		if p.skipOp("=") {
			def.defaults = append(def.defaults, p.expression())
		} else if len(def.defaults) > 0 {
			p.fail("parameter without a default after one with a default")
		}
	}
	p.advance()
}

// target parses what an assignment binds; until names the keyword that ends it, if any.
func (p *parser) target(until string) target {
	var parts []target
	for {
		if len(parts) > 0 && (p.isName(until) || p.isOp("=") || p.isOp(")") || p.tok().kind == tokBlockEnd) {
			break // a comma at the end makes a tuple of one
		}
		parts = append(parts, p.targetPart())
		if !p.skipOp(",") {
			if len(parts) == 1 {
				return parts[0]
			}
			break
		}
	}
	return target{parts: parts}
}

func (p *parser) targetPart() target {
	if p.skipOp("(") {
		p.nest()
		t := p.target("")
		p.depth--
		p.expectOp(")")
		return t
	}
	name := p.expectKind(tokName)
	switch name.text {
	case "true", "false", "none", "True", "False", "None":
		p.failAt(name.line, "cannot assign to %s", quote(name.text))
	}
	if name.text == "loop" && p.loops > 0 {
		p.failAt(name.line, "cannot assign to 'loop' in a loop")
	}
	t := target{name: name.text}
	if p.skipOp(".") {
		t.attr = p.expectKind(tokName).text
		p.note(t.name)
	}
	return t
}

// note records that the macros around here read name, if it is an implicit parameter.
func (p *parser) note(name string) {
	switch name {
	case "caller", "kwargs", "varargs":
		for _, names := range p.mention {
			names[name] = true
		}
	}
}
