package template

import (
	"slices"
	"strings"
)

// tupleRule says what a possibly bare tuple may hold and what ends it.
type tupleRule struct {
	condition bool   // "a if b else c" may stand in it without brackets
	end       string // a keyword that ends it, if any
	brackets  bool   // it is in brackets, so it may be empty
}

// tuple parses one expression, or several with commas as a tuple.
func (p *parser) tuple(rule tupleRule) expr {
	var items []expr
	isTuple := false
	for {
		if p.tupleEnds(rule) {
			break
		}
		if rule.condition {
			items = append(items, p.expression())
		} else {
			p.nest()
			items = append(items, p.or())
			p.depth--
		}
		if !p.skipOp(",") {
			break
		}
		isTuple = true
	}
	switch {
	case isTuple:
	case len(items) == 1:
		return items[0]
	case !rule.brackets:
		p.fail("expected an expression, got %s", p.tok().describe())
	}
	return &tupleExpr{items}
}

func (p *parser) tupleEnds(rule tupleRule) bool {
	k := p.tok().kind
	return k == tokVarEnd || k == tokBlockEnd || p.isOp(")") || rule.end != "" && p.isName(rule.end)
}

// expression parses a full expression: the conditional binds least.
func (p *parser) expression() expr {
	p.nest()
	x := p.or()
	for p.skipName("if") {
		c := &condExpr{then: x, test: p.or()}
		if p.skipName("else") {
			c.otherwise = p.expression()
		}
		x = c
	}
	p.depth--
	return x
}

func (p *parser) or() expr {
	terms := []expr{p.and()}
	for p.skipName("or") {
		terms = append(terms, p.and())
	}
	if len(terms) == 1 {
		return terms[0]
	}
	return &logicExpr{true, terms}
}

func (p *parser) and() expr {
	terms := []expr{p.not()}
	for p.skipName("and") {
		terms = append(terms, p.not())
	}
	if len(terms) == 1 {
		return terms[0]
	}
	return &logicExpr{false, terms}
}

func (p *parser) not() expr {
	if !p.skipName("not") {
		return p.compare()
	}
	p.nest()
	x := p.not()
	p.depth--
	return &notExpr{x}
}

var compareOps = []string{"==", "!=", "<", "<=", ">", ">="}

func (p *parser) compare() expr {
	x := p.sum()
	c := &compareExpr{first: x}
	for {
		op := ""
		switch t := p.tok(); {
		case t.kind == tokOp && slices.Contains(compareOps, t.text), p.isName("in"):
			op = p.advance().text
		case p.isName("not") && p.peek().kind == tokName && p.peek().text == "in":
			p.advance()
			p.advance()
			op = "not in"
		case len(c.ops) == 0:
			return x
		default:
			return c
		}
		c.ops = append(c.ops, op)
		c.rest = append(c.rest, p.sum())
	}
}

// chain parses operands of the given operators, which associate to the left.
func (p *parser) chain(operand func() expr, ops ...string) expr {
	a := &arithExpr{first: operand()}
	for p.tok().kind == tokOp && slices.Contains(ops, p.tok().text) {
		a.ops = append(a.ops, p.advance().text)
		a.rest = append(a.rest, operand())
	}
	if len(a.ops) == 0 {
		return a.first
	}
	return a
}

func (p *parser) sum() expr     { return p.chain(p.concat, "+", "-") }
func (p *parser) product() expr { return p.chain(p.power, "*", "/", "//", "%") }
func (p *parser) power() expr   { return p.chain(func() expr { return p.unary(true) }, "**") }

func (p *parser) concat() expr {
	terms := []expr{p.product()}
	for p.skipOp("~") {
		terms = append(terms, p.product())
	}
	if len(terms) == 1 {
		return terms[0]
	}
	return &concatExpr{terms}
}

// unary parses signs, an operand and what follows it; filters bind to the signed value.
func (p *parser) unary(filters bool) expr {
	var x expr
	if p.isOp("-") || p.isOp("+") {
		p.nest()
		x = &signExpr{p.advance().text, p.unary(false)}
		p.depth--
	} else {
		x = p.primary()
	}
	x = p.postfix(x)
	for filters {
		switch {
		case p.isOp("|"):
			x = p.filterChain(x, false)
		case p.isName("is"):
			x = p.test(x)
		case p.isOp("("):
			x = p.call(x)
		default:
			return x
		}
	}
	return x
}

func (p *parser) primary() expr {
	t := p.tok()
	switch {
	case t.kind == tokName:
		p.advance()
		switch t.text {
		case "true", "True":
			return &constExpr{true}
		case "false", "False":
			return &constExpr{false}
		case "none", "None":
			return &constExpr{nil}
		}
		p.note(t.text)
		return &nameExpr{t.text}
	case t.kind == tokString:
		var s strings.Builder // literals side by side are one
		for p.tok().kind == tokString {
			s.WriteString(p.advance().text)
		}
		return &constExpr{s.String()}
	case t.kind == tokNumber:
		return &constExpr{p.advance().num}
	case p.skipOp("("):
		x := p.tuple(tupleRule{condition: true, brackets: true})
		p.expectOp(")")
		return x
	case p.skipOp("["):
		return p.list()
	case p.skipOp("{"):
		return p.dict()
	}
	p.fail("expected an expression, got %s", t.describe())
	return nil
}

func (p *parser) list() expr {
	l := &listExpr{}
	for !p.skipOp("]") {
		if len(l.items) > 0 {
			p.expectOp(",")
			if p.skipOp("]") {
				break
			}
		}
		l.items = append(l.items, p.expression())
	}
	return l
}

func (p *parser) dict() expr {
	d := &dictExpr{}
	for !p.skipOp("}") {
		if len(d.keys) > 0 {
			p.expectOp(",")
			if p.skipOp("}") {
				break
			}
		}
		d.keys = append(d.keys, p.expression())
		p.expectOp(":")
		d.vals = append(d.vals, p.expression())
	}
	return d
}

// postfix parses attributes, subscripts and calls after x.
func (p *parser) postfix(x expr) expr {
	for {
		switch {
		case p.skipOp("."):
			switch t := p.advance(); {
			case t.kind == tokName:
				x = &attrExpr{x, t.text}
			case t.kind == tokNumber && typeName(t.num) == "int":
				x = &itemExpr{x, &constExpr{t.num}}
			default:
				p.failAt(t.line, "expected a name or a number after '.', got %s", t.describe())
			}
		case p.skipOp("["):
			x = p.subscript(x)
		case p.isOp("("):
			x = p.call(x)
		default:
			return x
		}
	}
}

// subscript parses what is between the brackets of x[…], and the closing one.
func (p *parser) subscript(x expr) expr {
	var keys []expr
	for !p.skipOp("]") {
		if len(keys) > 0 {
			p.expectOp(",")
		}
		if p.isOp(":") {
			return p.slice(&sliceExpr{x: x})
		}
		key := p.expression()
		if p.isOp(":") {
			return p.slice(&sliceExpr{x: x, start: key})
		}
		keys = append(keys, key)
	}
	if len(keys) == 1 {
		return &itemExpr{x, keys[0]}
	}
	return &itemExpr{x, &tupleExpr{keys}}
}

// slice parses the rest of a slice from its first colon on.
func (p *parser) slice(s *sliceExpr) expr {
	p.expectOp(":")
	if !p.isOp(":") && !p.isOp("]") {
		s.stop = p.expression()
	}
	if p.skipOp(":") && !p.isOp("]") {
		s.step = p.expression()
	}
	p.expectOp("]")
	return s
}

func (p *parser) call(fn expr) expr {
	line := p.tok().line
	return &callExpr{fn, p.arguments(), line}
}

// arguments parses an argument list with its brackets.
func (p *parser) arguments() argExprs {
	var a argExprs
	p.expectOp("(")
	for first := true; !p.skipOp(")"); first = false {
		if len(a.pos)+len(a.keys) > maxParams {
			p.fail("more than %d arguments", maxParams)
		}
		if !first {
			p.expectOp(",")
			if p.skipOp(")") {
				break
			}
		}
		switch {
		case p.isOp("*") && a.star == nil && a.starStar == nil:
			p.advance()
			a.star = p.expression()
		case p.isOp("**") && a.starStar == nil:
			p.advance()
			a.starStar = p.expression()
		case p.tok().kind == tokName && p.peek().kind == tokOp && p.peek().text == "=" && a.starStar == nil:
			key := p.advance().text
			p.advance()
			if slices.Contains(a.keys, key) {
				p.fail("argument %s twice", quote(key))
			}
			a.keys = append(a.keys, key)
			a.vals = append(a.vals, p.expression())
		case len(a.keys) == 0 && a.star == nil && a.starStar == nil:
			a.pos = append(a.pos, p.expression())
		default:
			p.fail("positional argument after a named one")
		}
	}
	return a
}

// filterChain parses filters after x; bare says that the first one stands without its bar.
func (p *parser) filterChain(x expr, bare bool) expr {
	for bare || p.skipOp("|") {
		bare = false
		f := &filterExpr{x: x, line: p.tok().line, name: p.dotted()}
		if p.isOp("(") {
			f.args = p.arguments()
		}
		x = f
	}
	return x
}

// dotted parses the name of a filter or test.
func (p *parser) dotted() string {
	name := p.expectKind(tokName).text
	for p.skipOp(".") {
		name += "." + p.expectKind(tokName).text
	}
	return name
}

func (p *parser) test(x expr) expr {
	t := &testExpr{x: x, line: p.advance().line}
	negated := p.skipName("not")
	t.name = p.dotted()
	switch tok := p.tok(); {
	case p.isOp("("):
		t.args = p.arguments()
	case p.isName("is"):
		p.fail("tests cannot be chained with 'is'")
	case tok.kind == tokName && !p.isName("else", "or", "and"),
		tok.kind == tokString, tok.kind == tokNumber, p.isOp("["), p.isOp("{"):
		t.args.pos = []expr{p.postfix(p.primary())}
	}
	if negated {
		return &notExpr{t}
	}
	return t
}
