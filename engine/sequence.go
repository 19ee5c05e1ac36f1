package engine

import (
	"bytes"
	"strings"
	"sync/atomic"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/engine/kv"
	"github.com/weir-project/weir/engine/sample"
	"github.com/weir-project/weir/engine/token"
)

// sequence is one request while it runs. The loop owns everything but out and state.
type sequence struct {
	m         *Model
	req       Request
	limit     int // output tokens
	cache     *kv.Cache
	sampler   *sample.Sampler
	decoder   *token.Decoder
	mask      sample.Mask
	read      int   // prompt tokens that entered the cache
	next      int32 // the token to feed when decoding
	generated int
	text      []byte // decoded, not yet emitted
	stops     []string
	original  []float32 // logits before the sampler's edits, when log-probabilities are wanted
	logprobs  []sample.Logprob
	scratch   []sample.Logprob

	out   chan step
	state atomic.Int32
}

// The states of a sequence: whoever takes it out of waiting owns its end.
const (
	waiting int32 = iota
	running
	cancelled
)

// step is what the loop tells Generate. The last one has end or err set.
type step struct {
	event  Event
	end    weir.End
	err    error
	prompt int // prompt tokens computed
}

// outBuffer is how far a generation may run ahead of a slow reader.
const outBuffer = 32

func (m *Model) newSequence(r Request) (*sequence, error) {
	if err := m.check(&r); err != nil {
		return nil, err
	}
	sampler, err := sample.New(r.Sampling, m.arch.Vocab)
	if err != nil {
		return nil, err
	}
	s := &sequence{
		m: m, req: r, sampler: sampler, stops: r.Stop, limit: m.opts.Context - len(r.Prompt),
		decoder: m.tokenizer.NewDecoder(token.DecodeOptions{}), out: make(chan step, outBuffer),
	}
	if r.MaxTokens > 0 {
		s.limit = min(s.limit, r.MaxTokens)
	}
	if r.Constraint != nil {
		s.mask = make(sample.Mask, (m.arch.Vocab+63)/64)
	}
	return s, nil
}

// decoding reports whether the whole prompt is in the cache.
func (s *sequence) decoding() bool { return s.read == len(s.req.Prompt) }

// stalled reports whether the reader is too slow to be sent more. Two places stay free: for
// the step under way and the last one.
func (s *sequence) stalled() bool { return len(s.out) >= cap(s.out)-2 }

// finish sends the last step, with the text that was held back.
func (s *sequence) finish(end weir.End, err error) {
	e := step{end: end, err: err, prompt: s.read}
	if end == weir.EndLength || end == weir.EndStop {
		e.event.Text = string(s.decoder.Flush(s.text))
	}
	s.out <- e
}

// choose samples the next token from its logits and sends it. It reports whether the
// sequence goes on.
func (s *sequence) choose(logits []float32) bool {
	if s.req.Logprobs {
		// Log-probabilities are the model's own; the sampler edits its copy.
		s.original = append(s.original[:0], logits...)
	}
	c := s.req.Constraint
	if c != nil {
		clear(s.mask)
		c.Mask(s.mask)
	}
	id := s.sampler.Next(logits, s.mask)
	if id < 0 {
		if c != nil && c.Done() {
			s.finish(weir.EndStop, nil)
		} else {
			s.finish(weir.EndFailed, errNothingLeft)
		}
		return false
	}
	return s.accept(id)
}

// accept sends a token and what follows from it.
func (s *sequence) accept(id int32) bool {
	if c := s.req.Constraint; c != nil {
		if err := c.Accept(id); err != nil {
			s.finish(weir.EndFailed, err)
			return false
		}
	}
	if s.m.tokenizer.IsEOG(id) {
		s.finish(weir.EndStop, nil)
		return false
	}
	s.sampler.Accept(id)
	s.generated++
	s.next = id
	s.text = s.decoder.Append(s.text, id)
	e := Event{Tokens: []int32{id}, Logprobs: s.describe(id)}
	var stopped bool
	e.Text, stopped = s.release()
	s.out <- step{event: e}
	switch {
	case stopped:
		s.text = s.text[:0]
		s.decoder = s.m.tokenizer.NewDecoder(token.DecodeOptions{})
		s.finish(weir.EndStop, nil)
	case s.req.Constraint != nil && s.req.Constraint.Done():
		s.finish(weir.EndStop, nil)
	case s.generated == s.limit:
		s.finish(weir.EndLength, nil)
	default:
		return true
	}
	return false
}

// release takes the text that can no longer become part of a stop string, and reports
// whether one was found; the text then ends before it.
func (s *sequence) release() (string, bool) {
	first := -1
	for _, stop := range s.stops {
		if at := bytes.Index(s.text, []byte(stop)); at >= 0 && (first < 0 || at < first) {
			first = at
		}
	}
	if first >= 0 {
		return string(s.text[:first]), true
	}
	keep := 0
	for _, stop := range s.stops {
		for n := min(len(stop)-1, len(s.text)); n > keep; n-- {
			if strings.HasPrefix(stop, string(s.text[len(s.text)-n:])) {
				keep = n
				break
			}
		}
	}
	// A stop string may begin inside a character's bytes only if it is not UTF-8 itself, so
	// what is released is whole characters.
	text := string(s.text[:len(s.text)-keep])
	s.text = append(s.text[:0], s.text[len(s.text)-keep:]...)
	return text, false
}

// describe gives the log-probability of the chosen token and its rivals, if asked for.
func (s *sequence) describe(id int32) []weir.TokenLogprob {
	if !s.req.Logprobs {
		return nil
	}
	s.logprobs, s.scratch = sample.Logprobs(s.logprobs[:0], s.original, id, s.req.Top, s.scratch)
	one := func(l sample.Logprob) weir.TokenLogprob {
		b := s.m.tokenizer.Bytes(l.ID)
		return weir.TokenLogprob{ID: l.ID, Text: strings.ToValidUTF8(b, "\uFFFD"), Bytes: []byte(b), Logprob: l.V}
	}
	chosen := one(s.logprobs[0])
	for _, l := range s.logprobs[1:] {
		chosen.Top = append(chosen.Top, one(l))
	}
	return []weir.TokenLogprob{chosen}
}
