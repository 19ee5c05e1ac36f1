package grammar

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// Bounds of a number in a schema.
const (
	exponentMax = 400
	divisorMax  = 20_000 // states that multipleOf may cost
	decimalMax  = 50_000 // states of all numbers of a schema
)

// decimal is a number as ± digits, with a point before the last `point` of them.
type decimal struct {
	negative bool
	whole    string // without leading zeros; empty: 0
	fraction string // without trailing zeros
	rat      *big.Rat
}

func parseDecimal(n json.Number) (decimal, error) {
	if _, after, ok := strings.Cut(strings.ToLower(n.String()), "e"); ok {
		if e, err := strconv.Atoi(after); err != nil || e > exponentMax || e < -exponentMax {
			return decimal{}, fmt.Errorf("number %s is out of range", n)
		}
	}
	r, ok := new(big.Rat).SetString(n.String())
	if !ok || len(n) > exponentMax {
		return decimal{}, fmt.Errorf("number %s is out of range", n)
	}
	return newDecimal(r), nil
}

// newDecimal writes a fraction of tens exactly.
func newDecimal(r *big.Rat) decimal {
	text := new(big.Rat).Abs(r).FloatString(2 * exponentMax)
	whole, fraction, _ := strings.Cut(text, ".")
	return decimal{
		negative: r.Sign() < 0, whole: strings.TrimLeft(whole, "0"),
		fraction: strings.TrimRight(fraction, "0"), rat: r,
	}
}

// String is the number without an exponent.
func (d decimal) String() string {
	s := d.whole
	if s == "" {
		s = "0"
	}
	if d.fraction != "" {
		s += "." + d.fraction
	}
	if d.negative {
		s = "-" + s
	}
	return s
}

// order is a set of outcomes of comparing a number with a bound.
type order uint8

const (
	less order = 1 << iota
	equal
	greater
)

// bound allows the numbers that compare with value as given.
type bound struct {
	value decimal
	allow order
}

func (b bound) holds(r *big.Rat) bool {
	switch r.Cmp(b.value.rat) {
	case -1:
		return b.allow&less != 0
	case 0:
		return b.allow&equal != 0
	}
	return b.allow&greater != 0
}

// divisor allows the multiples of a number, or, negated, all others.
type divisor struct {
	by      *big.Rat
	negated bool
}

func (d divisor) holds(r *big.Rat) bool {
	return new(big.Rat).Quo(r, d.by).IsInt() != d.negated
}

// numbers are the constraints on a number.
type numbers struct {
	bounds   []bound
	divisors []divisor
}

func (n *numbers) holds(r *big.Rat) bool {
	for _, b := range n.bounds {
		if !b.holds(r) {
			return false
		}
	}
	for _, d := range n.divisors {
		if !d.holds(r) {
			return false
		}
	}
	return true
}

// exact is the one number allowed, if the bounds name it.
func (n *numbers) exact() (decimal, bool) {
	for _, b := range n.bounds {
		if b.allow == equal {
			return b.value, true
		}
	}
	return decimal{}, false
}

func (n *numbers) integer() bool {
	for _, d := range n.divisors {
		if !d.negated && d.by.IsInt() {
			return true
		}
	}
	return false
}

// empty reports that no number fits, as far as single constraints and pairs of bounds tell.
func (n *numbers) empty() bool {
	if v, ok := n.exact(); ok {
		return !n.holds(v.rat)
	}
	for _, lo := range n.bounds {
		for _, hi := range n.bounds {
			if lo.allow&less == 0 && hi.allow&greater == 0 {
				c := lo.value.rat.Cmp(hi.value.rat)
				if c > 0 || c == 0 && lo.allow&hi.allow&equal == 0 {
					return true
				}
			}
		}
	}
	for i, a := range n.divisors {
		for _, b := range n.divisors[i+1:] {
			if a.negated != b.negated && a.by.Cmp(b.by) == 0 {
				return true
			}
		}
	}
	return false
}

// plain reports that the numbers are all, or all integers.
func (n *numbers) plain() bool {
	for _, d := range n.divisors {
		if d.negated || d.by.Cmp(big.NewRat(1, 1)) != 0 {
			return false
		}
	}
	return len(n.bounds) == 0
}

// numberPlace is a state of the automaton that reads a number of one sign without exponent.
type numberPlace struct {
	part  int8   // 0: before a digit, 1: a leading zero, 2: whole digits, 3: after the point, 4: fraction digits
	count int    // digits read: whole ones up to the longest bound + 1, or fraction ones up to the longest
	cmp   string // outcome by bound, as less, equal or greater; before the point: of the digits read
	rest  string // remainders by divisor, as decimal numbers
}

// numberReader builds that automaton.
type numberReader struct {
	c        *compiler
	n        *numbers
	bounds   []bound // on the magnitude
	mods     []int64 // divisors as whole numbers, scaled by 10^scales
	scales   []int
	wholeMax int
	fracMax  int
	states   map[numberPlace]int32
	todo     []numberPlace
	to       int32
}

// numbers adds the numbers allowed by n. Where they are constrained the text has no exponent.
func (c *compiler) numbers(path string, n *numbers, from, to int32) error {
	if v, ok := n.exact(); ok {
		if n.holds(v.rat) {
			c.free(c.text(from, v.String()), to)
		}
		return nil
	}
	if n.plain() {
		c.number(from, to, n.integer(), anySign)
		return nil
	}
	for _, negative := range []bool{false, true} {
		r := &numberReader{c: c, n: n, states: map[numberPlace]int32{}, to: to}
		if !r.magnitudes(negative) {
			continue
		}
		if err := r.measure(path); err != nil {
			return err
		}
		start := from
		if negative {
			start = c.text(from, "-")
		}
		first := numberPlace{cmp: strings.Repeat("=", len(r.bounds)), rest: strings.TrimSpace(strings.Repeat("0 ", len(r.mods)))}
		c.free(start, r.place(first))
		for len(r.todo) > 0 {
			at := r.todo[len(r.todo)-1]
			r.todo = r.todo[:len(r.todo)-1]
			r.step(at)
			if c.decimals++; c.decimals > decimalMax {
				return refuse(path, "number bounds and multipleOf together need more than %d states", decimalMax)
			}
		}
	}
	return nil
}

// magnitudes turns the bounds into those on the magnitude of numbers of one sign, which the
// text shows after it; false: there are none.
func (r *numberReader) magnitudes(negative bool) bool {
	for _, b := range r.n.bounds {
		if negative {
			turned := b.allow & equal
			if b.allow&less != 0 {
				turned |= greater
			}
			if b.allow&greater != 0 {
				turned |= less
			}
			b = bound{newDecimal(new(big.Rat).Neg(b.value.rat)), turned}
		}
		switch {
		case !b.value.negative:
			r.bounds = append(r.bounds, b)
		case b.allow&greater == 0: // no magnitude is below 0
			return false
		}
	}
	return true
}

func (r *numberReader) measure(path string) error {
	for _, b := range r.bounds {
		r.wholeMax = max(r.wholeMax, len(b.value.whole))
		r.fracMax = max(r.fracMax, len(b.value.fraction))
	}
	for _, d := range r.n.divisors {
		text := newDecimal(d.by)
		scaled := new(big.Rat).Set(d.by)
		for range len(text.fraction) {
			scaled.Mul(scaled, big.NewRat(10, 1))
		}
		if !scaled.IsInt() || !scaled.Num().IsInt64() || scaled.Num().Int64() > divisorMax {
			return refuse(path, "multipleOf %s needs more than %d states", text, divisorMax)
		}
		r.mods = append(r.mods, scaled.Num().Int64())
		r.scales = append(r.scales, len(text.fraction))
		r.fracMax = max(r.fracMax, len(text.fraction))
	}
	return nil
}

func (r *numberReader) place(at numberPlace) int32 {
	s, ok := r.states[at]
	if !ok {
		s = r.c.state()
		r.states[at] = s
		r.todo = append(r.todo, at)
	}
	return s
}

func (r *numberReader) step(at numberPlace) {
	from := r.states[at]
	if at.part == 3 || at.part == 4 {
		for digit := byte('0'); digit <= '9'; digit++ {
			if to, ok := r.fraction(at, digit); ok {
				r.c.join(from, digit, digit, r.place(to))
			}
		}
		if at.part == 4 && r.holds(at) {
			r.c.free(from, r.to)
		}
		return
	}
	for digit := byte('0'); digit <= '9' && at.part != 1; digit++ {
		r.c.join(from, digit, digit, r.place(r.whole(at, digit)))
	}
	if at.part == 0 {
		return
	}
	settled := r.settle(at)
	if r.holds(settled) {
		r.c.free(from, r.to)
	}
	if !r.n.integer() {
		r.c.join(from, '.', '.', r.place(settled))
	}
}

// whole reads a digit before the point.
func (r *numberReader) whole(at numberPlace, digit byte) numberPlace {
	to := numberPlace{part: 2, count: min(at.count+1, r.wholeMax+1), rest: r.remainders(at, digit)}
	if at.part == 0 && digit == '0' {
		to.part, to.count = 1, 0
		to.cmp = at.cmp
		return to
	}
	cmp := []byte(at.cmp)
	for i := range cmp {
		w := r.bounds[i].value.whole
		if cmp[i] == '=' && at.count < len(w) {
			cmp[i] = compareDigit(digit, w[at.count])
		}
	}
	to.cmp = string(cmp)
	return to
}

func compareDigit(a, b byte) byte {
	switch {
	case a < b:
		return '<'
	case a > b:
		return '>'
	}
	return '='
}

// settle compares the whole part with each bound once its length is known.
func (r *numberReader) settle(at numberPlace) numberPlace {
	cmp := []byte(at.cmp)
	for i := range cmp {
		b := r.bounds[i].value
		switch {
		case at.count < len(b.whole):
			cmp[i] = '<'
		case at.count > len(b.whole):
			cmp[i] = '>'
		}
	}
	return numberPlace{part: 3, cmp: string(cmp), rest: at.rest}
}

// fraction reads a digit after the point; false: no multiple has it there.
func (r *numberReader) fraction(at numberPlace, digit byte) (numberPlace, bool) {
	cmp := []byte(at.cmp)
	for i := range cmp {
		f := r.bounds[i].value.fraction
		want := byte('0')
		if at.count < len(f) {
			want = f[at.count]
		}
		if cmp[i] == '=' {
			cmp[i] = compareDigit(digit, want)
		}
	}
	to := numberPlace{part: 4, count: min(at.count+1, r.fracMax+1), cmp: string(cmp), rest: at.rest}
	var rest []string
	for i, f := range strings.Fields(at.rest) {
		v, _ := strconv.ParseInt(f, 10, 64)
		switch {
		case at.count < r.scales[i]:
			v = (v*10 + int64(digit-'0')) % r.mods[i]
		case digit != '0' && !r.n.divisors[i].negated:
			return to, false
		case digit != '0':
			v = -1 // no multiple any more
		}
		if v < 0 {
			v = -1
		}
		rest = append(rest, strconv.FormatInt(v, 10))
	}
	to.rest = strings.Join(rest, " ")
	return to, true
}

func (r *numberReader) remainders(at numberPlace, digit byte) string {
	var rest []string
	for i, f := range strings.Fields(at.rest) {
		v, _ := strconv.ParseInt(f, 10, 64)
		rest = append(rest, strconv.FormatInt((v*10+int64(digit-'0'))%r.mods[i], 10))
	}
	return strings.Join(rest, " ")
}

// holds tells whether a number may end at a place whose whole part is settled.
func (r *numberReader) holds(at numberPlace) bool {
	for i, b := range r.bounds {
		got := map[byte]order{'<': less, '=': equal, '>': greater}[at.cmp[i]]
		if got == equal && at.count < len(b.value.fraction) {
			got = less // the bound has digits left, and its last one is not 0
		}
		if b.allow&got == 0 {
			return false
		}
	}
	for i, f := range strings.Fields(at.rest) {
		v, _ := strconv.ParseInt(f, 10, 64)
		for j := at.count; v > 0 && j < r.scales[i]; j++ {
			v = v * 10 % r.mods[i]
		}
		if (v == 0) == r.n.divisors[i].negated {
			return false
		}
	}
	return true
}
