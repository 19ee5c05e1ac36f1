package intent

import (
	"time"

	"github.com/weir-project/weir/models/intent/quantity"
)

// Stream turns the tokens of a form into the JSON text of its order while they arrive: each field is given out as
// soon as no later token can change it. The pieces together are exactly Resolve's order as AppendJSON writes it.
type Stream struct {
	*Constraint
	now  time.Time
	sent int // fields given out
	hold bool
	buf  []byte
}

// settled gives for each field of the order, but the question, the part after which it cannot change.
var settled = [NumFields - 1]stage{
	atKind, atApp, atSite, atDevices, atDown, atDown, atLatency, atAvailable, atIsolation, atEnd, atEnd, atModel, atStreams,
	atTokenRate, atFirstToken, atBudget, atLocal,
}

// NewStream starts the answer to a prompt for a wish said at now.
func NewStream(v *Vocab, p *Prompt, now time.Time) *Stream {
	return &Stream{Constraint: NewConstraint(v, p), now: now, hold: mayContradict(p, now)}
}

// mayContradict reports whether some form of the prompt would resolve to unclear, so that nothing may be said early.
func mayContradict(p *Prompt, now time.Time) bool {
	if boundsCross(&p.Reading) {
		return true
	}
	ps := p.Reading.Placeholders
	for i := range ps {
		for k := i + 1; k < len(ps); k++ {
			if ps[i].Kind != quantity.Time || ps[k].Kind != quantity.Time {
				continue
			}
			r := resolver{p: p, f: &Form{Start: &ps[i], End: &ps[k]}, now: now}
			if _, _, ok := r.window(); !ok {
				return true
			}
		}
	}
	return false
}

// Accept takes the next token and returns the JSON text that it settles, which may be empty.
func (s *Stream) Accept(id int32) (string, error) {
	if err := s.Constraint.Accept(id); err != nil {
		return "", err
	}
	if s.Done() {
		return s.Finish(), nil
	}
	if s.hold || s.form.Kind == Unclear {
		return "", nil
	}
	n := s.sent
	for n < len(settled) && s.isSettled(settled[n]) {
		n++
	}
	return s.upTo(n), nil
}

// isSettled reports whether a part is over: a later one has begun, or it was the kind, which is one token.
func (s *Stream) isSettled(at stage) bool {
	return s.at > at || at == atKind && s.form.Kind != ""
}

// upTo gives out the fields before n that have not been sent.
func (s *Stream) upTo(n int) string {
	if n <= s.sent {
		return ""
	}
	order := Resolve(s.p, s.form, s.now)
	s.buf = s.buf[:0]
	for ; s.sent < n; s.sent++ {
		sep := byte(',')
		if s.sent == 0 {
			sep = '{'
		}
		s.buf = order.appendField(append(s.buf, sep), s.sent)
	}
	return string(s.buf)
}

// Finish returns the rest of the JSON text, taking the form as it stands. It returns "" once the text is complete.
func (s *Stream) Finish() string {
	if s.sent == NumFields {
		return ""
	}
	return s.upTo(NumFields) + "}"
}

// Order is the order of the tokens accepted so far.
func (s *Stream) Order() Order { return Resolve(s.p, s.form, s.now) }
