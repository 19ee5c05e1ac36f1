package grammar

import (
	"fmt"
	"slices"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// Bounds of one regular expression.
const (
	regexDepthMax  = 100
	regexInstMax   = 20_000
	regexRepeatMax = 10_000
	runeMax        = rune(unicode.MaxRune)
)

// reOp is the kind of a node of a parsed regular expression.
type reOp uint8

const (
	reSet reOp = iota // one character of set
	reCat
	reAlt
	reRepeat
	reBegin   // ^
	reEnd     // $
	reWord    // \b
	reNotWord // \B
	reLook    // (?=x), (?!x) when negated: only at the start of an expression
)

type reNode struct {
	op          reOp
	subs        []*reNode
	set         []rune // pairs of bounds, ascending
	least, most int    // of reRepeat; most < 0: no bound
	negated     bool
}

// reParser reads the regular expressions of ECMA-262 (section 22.2, with the u flag's reading
// of characters), which JSON Schema uses. Back references and looking behind are refused.
type reParser struct {
	src   []rune
	at    int
	depth int
}

func parseRegex(expr string) (*reNode, error) {
	if !utf8.ValidString(expr) {
		return nil, fmt.Errorf("not UTF-8")
	}
	p := &reParser{src: []rune(expr)}
	n, err := p.alternation()
	if err != nil {
		return nil, err
	}
	if p.at < len(p.src) {
		return nil, fmt.Errorf("unmatched )")
	}
	return n, nil
}

func (p *reParser) more() bool { return p.at < len(p.src) }

func (p *reParser) peek(s string) bool {
	for i, r := range []rune(s) {
		if p.at+i >= len(p.src) || p.src[p.at+i] != r {
			return false
		}
	}
	return true
}

func (p *reParser) take(s string) bool {
	if !p.peek(s) {
		return false
	}
	p.at += utf8.RuneCountInString(s)
	return true
}

func (p *reParser) alternation() (*reNode, error) {
	if p.depth++; p.depth > regexDepthMax {
		return nil, fmt.Errorf("nested deeper than %d", regexDepthMax)
	}
	defer func() { p.depth-- }()
	out := &reNode{op: reAlt}
	for {
		cat := &reNode{op: reCat}
		for p.more() && !p.peek("|") && !p.peek(")") {
			n, err := p.repeated()
			if err != nil {
				return nil, err
			}
			cat.subs = append(cat.subs, n)
		}
		out.subs = append(out.subs, cat)
		if !p.take("|") {
			break
		}
	}
	if len(out.subs) == 1 {
		return out.subs[0], nil
	}
	return out, nil
}

// repeated reads an atom and its quantifiers; greedy or lazy makes no difference to what
// matches.
func (p *reParser) repeated() (*reNode, error) {
	n, err := p.atom()
	if err != nil {
		return nil, err
	}
	for p.more() {
		least, most, ok, err := p.quantifier()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		if n.op >= reBegin {
			return nil, fmt.Errorf("nothing to repeat")
		}
		p.take("?")
		n = &reNode{op: reRepeat, subs: []*reNode{n}, least: least, most: most}
	}
	return n, nil
}

func (p *reParser) quantifier() (least, most int, ok bool, err error) {
	switch {
	case p.take("*"):
		return 0, -1, true, nil
	case p.take("+"):
		return 1, -1, true, nil
	case p.take("?"):
		return 0, 1, true, nil
	case !p.peek("{"):
		return 0, 0, false, nil
	}
	start := p.at
	p.at++
	least, ok = p.count()
	most = least
	if p.take(",") {
		if most, _ = p.count(); !ok {
			ok = false
		} else if p.src[p.at-1] == ',' {
			most = -1
		}
	}
	if !ok || !p.take("}") {
		p.at = start // a literal brace, as annex B allows
		return 0, 0, false, nil
	}
	if least > regexRepeatMax || most > regexRepeatMax || most >= 0 && most < least {
		return 0, 0, false, fmt.Errorf("repetition {%d,%d}", least, most)
	}
	return least, most, true, nil
}

func (p *reParser) count() (int, bool) {
	start := p.at
	for p.more() && p.src[p.at] >= '0' && p.src[p.at] <= '9' {
		p.at++
	}
	n, err := strconv.Atoi(string(p.src[start:p.at]))
	if err != nil && p.at > start {
		return regexRepeatMax + 1, true
	}
	return n, err == nil
}

func (p *reParser) atom() (*reNode, error) {
	r := p.src[p.at]
	switch r {
	case '(':
		return p.group()
	case '[':
		p.at++
		set, err := p.class()
		return &reNode{op: reSet, set: set}, err
	case '.':
		p.at++
		return &reNode{op: reSet, set: invert([]rune{'\n', '\n', '\r', '\r', 0x2028, 0x2029})}, nil
	case '^':
		p.at++
		return &reNode{op: reBegin}, nil
	case '$':
		p.at++
		return &reNode{op: reEnd}, nil
	case '*', '+', '?':
		return nil, fmt.Errorf("nothing to repeat before %q", string(r))
	case '\\':
		p.at++
		switch {
		case p.take("b"):
			return &reNode{op: reWord}, nil
		case p.take("B"):
			return &reNode{op: reNotWord}, nil
		}
		set, err := p.escape()
		return &reNode{op: reSet, set: set}, err
	}
	p.at++
	return &reNode{op: reSet, set: []rune{r, r}}, nil
}

func (p *reParser) group() (*reNode, error) {
	p.at++
	n := &reNode{op: reCat}
	switch {
	case p.take("?:"):
	case p.take("?="):
		n.op = reLook
	case p.take("?!"):
		n.op, n.negated = reLook, true
	case p.peek("?<=") || p.peek("?<!"):
		return nil, fmt.Errorf("looking behind is not supported")
	case p.take("?<"), p.take("?P<"):
		for p.more() && !p.take(">") {
			p.at++
		}
	case p.peek("?"):
		return nil, fmt.Errorf("group flags are not supported")
	}
	sub, err := p.alternation()
	if err != nil {
		return nil, err
	}
	if !p.take(")") {
		return nil, fmt.Errorf("missing )")
	}
	n.subs = []*reNode{sub}
	return n, nil
}

// Character classes as pairs of bounds.
var (
	digitSet = []rune{'0', '9'}
	wordSet  = []rune{'0', '9', 'A', 'Z', '_', '_', 'a', 'z'}
	spaceSet = []rune{'\t', '\r', ' ', ' ', 0xa0, 0xa0, 0x1680, 0x1680, 0x2000, 0x200a, 0x2028, 0x2029, 0x202f, 0x202f, 0x205f, 0x205f, 0x3000, 0x3000, 0xfeff, 0xfeff}
)

// escape reads what follows a backslash.
func (p *reParser) escape() ([]rune, error) {
	if !p.more() {
		return nil, fmt.Errorf("ends in a backslash")
	}
	r := p.src[p.at]
	p.at++
	switch r {
	case 'd':
		return digitSet, nil
	case 'D':
		return invert(digitSet), nil
	case 'w':
		return wordSet, nil
	case 'W':
		return invert(wordSet), nil
	case 's':
		return spaceSet, nil
	case 'S':
		return invert(spaceSet), nil
	case 'p', 'P':
		return p.property(r == 'P')
	case 'x':
		return p.hex(2)
	case 'u':
		return p.unicodeEscape()
	case 'c':
		if p.more() && (p.src[p.at]|0x20 >= 'a' && p.src[p.at]|0x20 <= 'z') {
			p.at++
			return one(p.src[p.at-1] & 31), nil
		}
		return nil, fmt.Errorf(`\c without a letter`)
	}
	if r >= '1' && r <= '9' || r == 'k' {
		return nil, fmt.Errorf("back references are not supported")
	}
	if i := slices.Index([]rune("tnvfr0"), r); i >= 0 {
		return one([]rune("\t\n\v\f\r\x00")[i]), nil
	}
	if r < 0x80 && (unicode.IsLetter(r) || r == '0') {
		return nil, fmt.Errorf(`escape \%c is not supported`, r)
	}
	return one(r), nil
}

func one(r rune) []rune { return []rune{r, r} }

func (p *reParser) hex(n int) ([]rune, error) {
	if p.at+n > len(p.src) {
		return nil, fmt.Errorf("short hexadecimal escape")
	}
	v, err := strconv.ParseUint(string(p.src[p.at:p.at+n]), 16, 32)
	if err != nil {
		return nil, fmt.Errorf("hexadecimal escape %q", string(p.src[p.at:p.at+n]))
	}
	p.at += n
	return one(rune(v)), nil
}

func (p *reParser) unicodeEscape() ([]rune, error) {
	if p.take("{") {
		start := p.at
		for p.more() && !p.peek("}") {
			p.at++
		}
		v, err := strconv.ParseUint(string(p.src[start:p.at]), 16, 32)
		if err != nil || !p.take("}") || v > uint64(runeMax) {
			return nil, fmt.Errorf(`escape \u{...}`)
		}
		return one(rune(v)), nil
	}
	high, err := p.hex(4)
	if err != nil || high[0] < 0xd800 || high[0] > 0xdbff || !p.take(`\u`) {
		return high, err
	}
	low, err := p.hex(4)
	if err != nil || low[0] < 0xdc00 || low[0] > 0xdfff {
		return nil, fmt.Errorf("half a surrogate pair")
	}
	return one((high[0]-0xd800)<<10 + (low[0] - 0xdc00) + 0x10000), nil
}

// property reads the name of a Unicode category or script.
func (p *reParser) property(negated bool) ([]rune, error) {
	if !p.take("{") {
		return nil, fmt.Errorf(`\p without a name`)
	}
	start := p.at
	for p.more() && !p.peek("}") {
		p.at++
	}
	name := string(p.src[start:p.at])
	if !p.take("}") {
		return nil, fmt.Errorf(`\p without a name`)
	}
	for _, prefix := range []string{"Script=", "sc=", "General_Category=", "gc="} {
		if len(name) > len(prefix) && name[:len(prefix)] == prefix {
			name = name[len(prefix):]
		}
	}
	if long, ok := map[string]string{"Letter": "L", "Number": "N", "Punctuation": "P", "Symbol": "S", "Mark": "M", "Separator": "Z"}[name]; ok {
		name = long
	}
	table, ok := unicode.Categories[name]
	if !ok {
		table, ok = unicode.Scripts[name]
	}
	if !ok {
		return nil, fmt.Errorf(`\p{%s} is not known`, name)
	}
	var set []rune
	add := func(lo, hi, stride rune) {
		for ; stride > 1 && lo <= hi; lo += stride {
			set = append(set, lo, lo)
		}
		if stride == 1 {
			set = append(set, lo, hi)
		}
	}
	for _, r := range table.R16 {
		add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	for _, r := range table.R32 {
		add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	if set = tidySet(set); negated {
		set = invert(set)
	}
	return set, nil
}

// class reads a bracketed class after its [.
func (p *reParser) class() ([]rune, error) {
	negated := p.take("^")
	var set []rune
	for !p.take("]") {
		if !p.more() {
			return nil, fmt.Errorf("missing ]")
		}
		lo, err := p.classAtom()
		if err != nil {
			return nil, err
		}
		if p.peek("-") && !p.peek("-]") && len(lo) == 2 && lo[0] == lo[1] {
			p.at++
			if !p.more() {
				return nil, fmt.Errorf("missing ]")
			}
			hi, err := p.classAtom()
			if err != nil {
				return nil, err
			}
			if len(hi) != 2 || hi[0] != hi[1] {
				set = append(append(set, '-', '-'), hi...) // annex B: a class is no bound
			} else if hi[0] < lo[0] {
				return nil, fmt.Errorf("range %c-%c is out of order", lo[0], hi[0])
			} else {
				lo = []rune{lo[0], hi[0]}
			}
		}
		set = append(set, lo...)
	}
	if set = tidySet(set); negated {
		set = invert(set)
	}
	return set, nil
}

func (p *reParser) classAtom() ([]rune, error) {
	r := p.src[p.at]
	p.at++
	if r != '\\' {
		return one(r), nil
	}
	if p.take("b") {
		return one('\b'), nil
	}
	return p.escape()
}

// tidySet sorts pairs of bounds and joins those that touch.
func tidySet(set []rune) []rune {
	pairs := make([][2]rune, 0, len(set)/2)
	for i := 0; i+1 < len(set); i += 2 {
		pairs = append(pairs, [2]rune{set[i], set[i+1]})
	}
	slices.SortFunc(pairs, func(a, b [2]rune) int { return int(a[0] - b[0]) })
	var out []rune
	for _, p := range pairs {
		if n := len(out); n > 0 && p[0] <= out[n-1]+1 {
			out[n-1] = max(out[n-1], p[1])
			continue
		}
		out = append(out, p[0], p[1])
	}
	return out
}

// invert is the complement of an ascending set.
func invert(set []rune) []rune {
	var out []rune
	next := rune(0)
	for i := 0; i+1 < len(set); i += 2 {
		if set[i] > next {
			out = append(out, next, set[i]-1)
		}
		next = set[i+1] + 1
	}
	if next <= runeMax {
		out = append(out, next, runeMax)
	}
	return out
}
