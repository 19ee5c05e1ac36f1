package intent

import (
	"fmt"
	"math"
	"slices"

	"github.com/weir-project/weir/engine/sample"
	"github.com/weir-project/weir/models/intent/quantity"
)

// expect is what the next token of a form must be.
type expect uint8

const (
	wantKind expect = iota
	wantClass
	wantValue     // a placeholder for the field at stage
	wantSpanStart // any token of the wish
	inSpan        // a further token of the span, or the next part
	wantPart      // the next part, perhaps after a flag
	wantEnd       // <eos> only
	finished
)

// MaxSpan bounds the tokens of a site or model name.
const MaxSpan = 48

// Constraint follows a form while it is decoded and tells which tokens may come next, so that a form is valid by
// construction. It belongs to one prompt; Reset makes it fit for another decoding of the same prompt.
type Constraint struct {
	v *Vocab
	p *Prompt

	want  expect
	at    stage // of the part being read or read last
	field special
	flag  role    // flag token that may follow the last value, or plain
	open  []int32 // positions in the prompt where the span read so far may end
	span  int     // tokens read of the span
	form  Form

	allowed []int32 // scratch of Mask
}

// accepts tells which kinds of placeholder a field takes, besides a bare number.
var accepts = [atDone]uint16{
	atDevices:    0,
	atUp:         1 << quantity.Rate,
	atDown:       1 << quantity.Rate,
	atLatency:    1<<quantity.Latency | 1<<quantity.Duration,
	atAvailable:  1 << quantity.Percent,
	atStart:      1 << quantity.Time,
	atEnd:        1 << quantity.Time,
	atStreams:    0,
	atTokenRate:  1 << quantity.TokenRate,
	atFirstToken: 1<<quantity.Latency | 1<<quantity.Duration,
	atBudget:     1 << quantity.Money,
}

// takes reports whether the field may have a placeholder as its value: the kind must fit, and a bare number the range.
func (s special) takes(q *quantity.Placeholder) bool {
	if q.Kind == quantity.Num {
		whole := q.Value == math.Trunc(q.Value)
		switch {
		case s.stage == atDevices || s.stage == atStreams:
			return whole && q.Value >= 1
		case s.stage == atAvailable:
			return q.Value > 0 && q.Value <= 100
		case s.stage == atStart || s.stage == atEnd && !s.dur:
			return whole && q.Value <= 24
		}
		return true
	}
	if s.dur {
		return q.Kind == quantity.Duration || q.Kind == quantity.Latency ||
			q.Kind == quantity.Time && q.Clock.Relative // "done in 20 minutes" is a length, not a start
	}
	return accepts[s.stage]>>q.Kind&1 == 1 && !(s.stage == atAvailable && q.Value > 100)
}

// NewConstraint starts a form for the prompt.
func NewConstraint(v *Vocab, p *Prompt) *Constraint {
	return &Constraint{v: v, p: p, open: make([]int32, 0, len(p.words))}
}

// Reset starts the form anew.
func (c *Constraint) Reset() { *c = Constraint{v: c.v, p: c.p, open: c.open[:0]} }

// Done reports whether the form has ended.
func (c *Constraint) Done() bool { return c.want == finished }

// Form returns what was read so far.
func (c *Constraint) Form() Form { return c.form }

// Allowed appends the ids that may come next, each once. It appends none when the form has ended.
func (c *Constraint) Allowed(dst []int32) []int32 {
	switch c.want {
	case wantKind:
		return c.appendRole(dst, kindTok)
	case wantClass:
		return c.appendRole(dst, classTok)
	case wantValue:
		return c.appendValues(dst, c.field)
	case wantSpanStart:
		base := len(dst)
		for pos, id := range c.p.words {
			if c.p.wordStart(pos) && c.v.Nameable(id) {
				dst = appendOnce(dst, base, id)
			}
		}
		return dst
	case inSpan:
		if c.ends() {
			dst = c.appendParts(dst)
		}
		base := len(dst)
		for _, pos := range c.open {
			if c.goesOn(pos) && c.span < MaxSpan {
				dst = appendOnce(dst, base, c.p.words[pos+1])
			}
		}
		return dst
	case wantPart:
		switch c.flag {
		case eachTok, hourlyTok:
			dst = c.appendRole(dst, c.flag)
		}
		return c.appendParts(dst)
	case wantEnd:
		return append(dst, c.v.eos)
	}
	return dst
}

// Mask sets dst to the allowed ids. Ids beyond dst are dropped.
func (c *Constraint) Mask(dst sample.Mask) {
	clear(dst)
	c.allowed = c.Allowed(c.allowed[:0])
	for _, id := range c.allowed {
		if w := int(id) >> 6; w < len(dst) {
			dst[w] |= 1 << (uint(id) & 63)
		}
	}
}

func appendOnce(dst []int32, base int, id int32) []int32 {
	for _, have := range dst[base:] {
		if have == id {
			return dst
		}
	}
	return append(dst, id)
}

func (c *Constraint) appendRole(dst []int32, r role) []int32 {
	for i, s := range specials {
		if s.role == r {
			dst = append(dst, c.v.ids[i])
		}
	}
	return dst
}

func (c *Constraint) appendValues(dst []int32, field special) []int32 {
	for i := range c.p.Reading.Placeholders {
		q := &c.p.Reading.Placeholders[i]
		if field.takes(q) {
			dst = append(dst, c.v.places[value{q.Kind, int8(q.Index)}])
		}
	}
	return dst
}

// appendParts appends the tokens that start a later part, and <eos>.
func (c *Constraint) appendParts(dst []int32) []int32 {
	for _, id := range c.v.fields {
		if c.mayStart(c.v.byID[id]) {
			dst = append(dst, id)
		}
	}
	return append(dst, c.v.eos)
}

// mayStart reports whether the part that s opens may come now: in order, and only if the prompt has something for it.
func (c *Constraint) mayStart(s special) bool {
	if s.stage <= c.at || c.form.Kind == Slice && ofCompute(s.stage) || c.form.Kind == Compute && ofNetwork(s.stage) {
		return false
	}
	if s.role != fieldTok {
		return true
	}
	if s.stage == atSite || s.stage == atModel {
		return slices.ContainsFunc(c.p.words, c.v.Nameable)
	}
	for i := range c.p.Reading.Placeholders {
		if s.takes(&c.p.Reading.Placeholders[i]) {
			return true
		}
	}
	return false
}

// ofCompute reports whether only an order with compute can have the part.
func ofCompute(s stage) bool {
	return s == atModel || s == atStreams || s == atTokenRate || s == atFirstToken
}

// ofNetwork reports whether only an order with a network can have the part: compute alone moves no rates and serves
// no devices.
func ofNetwork(s stage) bool { return s == atDevices || s == atUp || s == atDown }

// Accept takes the next token of the form. It fails for a token that Allowed does not list.
func (c *Constraint) Accept(id int32) error {
	if c.want == inSpan && c.extend(id) {
		return nil
	}
	s, isSpecial := c.v.byID[id]
	ok := false
	switch c.want {
	case wantKind:
		ok = isSpecial && s.role == kindTok
	case wantClass:
		ok = isSpecial && s.role == classTok
	case wantValue:
		ok = isSpecial && s.role == place && c.setValue(s.place)
		if ok {
			c.want = wantPart
			return nil
		}
	case wantSpanStart:
		if c.begin(id) {
			return nil
		}
	case wantPart, inSpan:
		if isSpecial && c.want == wantPart && c.flag != plain && s.role == c.flag {
			c.setFlag()
			return nil
		}
		switch {
		case !isSpecial || c.want == inSpan && !c.ends():
		case s.role == eosTok:
			ok = true
		default:
			ok = (s.role == appTok || s.role == isoTok || s.role == fieldTok || s.role == localTok) && c.mayStart(s)
		}
	case wantEnd:
		ok = id == c.v.eos
	}
	if !ok {
		return fmt.Errorf("token %d may not come here", id)
	}
	c.take(s)
	return nil
}

// take moves on with an allowed special token other than a value or a flag.
func (c *Constraint) take(s special) {
	c.flag = plain
	c.at = max(c.at, s.stage)
	switch s.role {
	case kindTok:
		c.form.Kind = kinds[s.arg]
		c.want = wantPart
		if c.form.Kind == Unclear {
			c.want = wantClass
		}
	case classTok:
		c.form.Class = classes[s.arg]
		c.want = wantEnd
	case appTok:
		c.form.App, c.want = applications[s.arg], wantPart
	case isoTok:
		c.form.Isolation, c.want = isolations[s.arg], wantPart
	case localTok:
		yes := s.arg == 1
		c.form.Local, c.want = &yes, wantPart
	case fieldTok:
		c.field, c.want = s, wantValue
		if s.stage == atSite || s.stage == atModel {
			c.want, c.span, c.open = wantSpanStart, 0, c.open[:0]
		}
		if s.both {
			c.at = atDown
		}
	case eosTok:
		c.at, c.want = atDone, finished
	}
}

// begin starts a span with every place in the prompt that holds id.
func (c *Constraint) begin(id int32) bool {
	for pos, have := range c.p.words {
		if have == id && c.p.wordStart(pos) && c.v.Nameable(id) {
			c.open = append(c.open, int32(pos))
		}
	}
	if len(c.open) == 0 {
		return false
	}
	c.span, c.want = 1, inSpan
	c.setSpan()
	return true
}

// extend goes on with a span if id follows one of the places where it may end.
func (c *Constraint) extend(id int32) bool {
	if c.span >= MaxSpan || !slices.ContainsFunc(c.open, func(pos int32) bool { return c.follows(pos, id) }) {
		return false
	}
	open := c.open[:0]
	for _, pos := range c.open {
		if c.follows(pos, id) {
			open = append(open, pos+1)
		}
	}
	c.open = open
	c.span++
	c.setSpan()
	return true
}

// goesOn reports whether a name may go on after position pos.
func (c *Constraint) goesOn(pos int32) bool {
	next := int(pos) + 1
	return next < len(c.p.words) && c.v.Nameable(c.p.words[next])
}

// follows reports whether id goes on with a name that stands at position pos.
func (c *Constraint) follows(pos, id int32) bool { return c.goesOn(pos) && c.p.words[pos+1] == id }

// ends reports whether the span read so far may end: at the end of a word, or where it can go no further.
func (c *Constraint) ends() bool {
	for _, pos := range c.open {
		if c.p.wordEnd(int(pos)) || !c.goesOn(pos) {
			return true
		}
	}
	return c.span >= MaxSpan
}

// setSpan records the span read so far, at the first place in the wish where it ends with a word.
func (c *Constraint) setSpan() {
	last := int(c.open[0])
	for _, pos := range c.open {
		if c.p.wordEnd(int(pos)) {
			last = int(pos)
			break
		}
	}
	first := last - c.span + 1
	sp := &Span{Start: int(c.p.spans[first].start), End: int(c.p.spans[last].end)}
	if c.field.stage == atSite {
		c.form.Site = sp
	} else {
		c.form.Model = sp
	}
}

// setValue stores the placeholder as the value of the field being read.
func (c *Constraint) setValue(val value) bool {
	q := c.p.Reading.Find(val.kind, int(val.index))
	if q == nil || !c.field.takes(q) {
		return false
	}
	f := &c.form
	switch c.field.stage {
	case atDevices:
		f.Devices = q
	case atUp:
		if c.p.PerDevice(q) {
			c.flag = eachTok
		}
		if c.field.both {
			f.Both.Value = q
		} else {
			f.Up.Value = q
		}
	case atDown:
		if c.p.PerDevice(q) {
			c.flag = eachTok
		}
		f.Down.Value = q
	case atLatency:
		f.Latency = q
	case atAvailable:
		f.Available = q
	case atStart:
		f.Start = q
	case atEnd:
		if c.field.dur {
			f.Duration = q
		} else {
			f.End = q
		}
	case atStreams:
		f.Streams = q
	case atTokenRate:
		f.TokenRate = q
	case atFirstToken:
		f.FirstToken = q
	case atBudget:
		c.flag = hourlyTok
		f.Budget = q
	}
	return true
}

// setFlag applies <each> or <hourly> to the value just read.
func (c *Constraint) setFlag() {
	switch {
	case c.flag == hourlyTok:
		c.form.Hourly = true
	case c.field.both:
		c.form.Both.Each = true
	case c.field.stage == atUp:
		c.form.Up.Each = true
	default:
		c.form.Down.Each = true
	}
	c.flag = plain
}
