// Package sample turns logits into a token.
//
// A Sampler belongs to one sequence. Its order of work is that of the OpenAI API and vLLM:
// logit bias, penalties, mask, then temperature, top-k, min-p, top-p, and a draw from a seeded
// generator, so that equal inputs give equal tokens on every machine. Temperature 0 is greedy
// and draws nothing; of equal logits the lower id wins.
package sample

import (
	"math"
	"slices"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
)

// Check refuses parameters outside their ranges, naming the one that is wrong.
func Check(p weir.Sampling, vocab int) error {
	for _, r := range []struct {
		name     string
		v        float32
		min, max float32
	}{
		{"temperature", p.Temperature, 0, 100},
		{"top_p", p.TopP, 0, 1},
		{"min_p", p.MinP, 0, 1},
		{"repeat_penalty", p.RepeatPenalty, 0, 100},
		{"frequency_penalty", p.FrequencyPenalty, -2, 2},
		{"presence_penalty", p.PresencePenalty, -2, 2},
	} {
		if !(r.v >= r.min && r.v <= r.max) {
			return fault.New(fault.Invalid, "%s is %v: want %v to %v", r.name, r.v, r.min, r.max)
		}
	}
	if p.TopK < 0 || p.PenaltyWindow < 0 {
		return fault.New(fault.Invalid, "top_k %d, penalty_window %d: want 0 or more", p.TopK, p.PenaltyWindow)
	}
	for id, b := range p.LogitBias {
		if id < 0 || int(id) >= vocab {
			return fault.New(fault.Invalid, "logit_bias names token %d: the vocabulary holds %d", id, vocab)
		}
		if !(b >= -100 && b <= 100) {
			return fault.New(fault.Invalid, "logit_bias of token %d is %v: want -100 to 100", id, b)
		}
	}
	return nil
}

// Mask is a set of token ids, one bit each; nil allows all.
type Mask []uint64

// Allows reports whether id is in the set.
func (m Mask) Allows(id int32) bool { return m == nil || m[id>>6]>>(id&63)&1 == 1 }

// Sampler chooses the next token of one sequence.
type Sampler struct {
	p      weir.Sampling
	bias   []bias
	rng    uint64
	recent []int32 // generated tokens, those that penalties look at
	counts map[int32]int
	cand   []candidate
}

type bias struct {
	id int32
	v  float32
}

type candidate struct {
	id int32
	v  float32 // logit, later probability
}

// New returns a sampler for a vocabulary of the given size.
func New(p weir.Sampling, vocab int) (*Sampler, error) {
	if err := Check(p, vocab); err != nil {
		return nil, err
	}
	s := &Sampler{p: p, rng: p.Seed, cand: make([]candidate, 0, vocab)}
	for id, v := range p.LogitBias {
		s.bias = append(s.bias, bias{id, v})
	}
	slices.SortFunc(s.bias, func(a, b bias) int { return int(a.id - b.id) })
	if s.penalises() {
		s.counts = make(map[int32]int)
	}
	return s, nil
}

func (s *Sampler) penalises() bool {
	repeat := s.p.RepeatPenalty != 0 && s.p.RepeatPenalty != 1
	return repeat || s.p.FrequencyPenalty != 0 || s.p.PresencePenalty != 0
}

// Greedy reports whether the choice is the largest logit.
func (s *Sampler) Greedy() bool { return s.p.Temperature == 0 }

// Next chooses a token. It changes logits in place; mask may be nil. When nothing is allowed
// or every logit is NaN, it returns -1.
func (s *Sampler) Next(logits []float32, mask Mask) int32 {
	for _, b := range s.bias {
		logits[b.id] += b.v
	}
	s.penalise(logits)
	if s.Greedy() {
		return greedy(logits, mask)
	}
	return s.draw(logits, mask)
}

// Accept records that id was emitted, for the penalties.
func (s *Sampler) Accept(id int32) {
	if s.counts == nil {
		return
	}
	s.counts[id]++
	s.recent = append(s.recent, id)
	if w := s.p.PenaltyWindow; w > 0 && len(s.recent) > w {
		old := s.recent[0]
		s.recent = s.recent[1:]
		if s.counts[old]--; s.counts[old] == 0 {
			delete(s.counts, old)
		}
	}
}

// penalise lowers the logits of tokens seen before: the repetition penalty of CTRL
// (arXiv 1909.05858) and OpenAI's frequency and presence penalties. Each token is changed by
// its own count alone, so map order does not matter.
func (s *Sampler) penalise(logits []float32) {
	for id, n := range s.counts {
		l := logits[id]
		if r := s.p.RepeatPenalty; r != 0 {
			if l > 0 {
				l /= r
			} else {
				l *= r
			}
		}
		logits[id] = l - s.p.FrequencyPenalty*float32(n) - s.p.PresencePenalty
	}
}

func greedy(logits []float32, mask Mask) int32 {
	best, at := float32(math.Inf(-1)), int32(-1)
	for i, l := range logits {
		if l > best && mask.Allows(int32(i)) {
			best, at = l, int32(i)
		}
	}
	return at
}

func (s *Sampler) draw(logits []float32, mask Mask) int32 {
	s.cand = s.cand[:0]
	for i, l := range logits {
		if l == l && !math.IsInf(float64(l), 0) && mask.Allows(int32(i)) {
			s.cand = append(s.cand, candidate{int32(i), l})
		}
	}
	if len(s.cand) == 0 {
		return -1
	}
	c := s.cand
	if k := s.p.TopK; k > 0 && k < len(c) {
		c = largest(c, k)
	}
	sum := softmax(c, s.p.Temperature)
	if s.p.MinP > 0 {
		c, sum = atLeast(c, s.p.MinP)
	}
	if p := s.p.TopP; p > 0 && p < 1 {
		c, sum = nucleus(c, p*sum)
	}
	u := s.uniform() * float64(sum)
	for _, x := range c {
		if u -= float64(x.v); u < 0 {
			return x.id
		}
	}
	return c[len(c)-1].id // rounding left a sliver
}

// order sorts by value, largest first, then by id, so that a cut is deterministic.
func order(a, b candidate) int {
	switch {
	case a.v > b.v:
		return -1
	case a.v < b.v:
		return 1
	}
	return int(a.id - b.id)
}

// largest moves the k largest candidates to the front and returns them, by quickselect.
func largest(c []candidate, k int) []candidate {
	lo, hi := 0, len(c)
	for hi-lo > 1 {
		pivot := c[lo+(hi-lo)/2]
		i, j := lo, hi-1
		for i <= j {
			for order(c[i], pivot) < 0 {
				i++
			}
			for order(c[j], pivot) > 0 {
				j--
			}
			if i <= j {
				c[i], c[j] = c[j], c[i]
				i++
				j--
			}
		}
		switch {
		case k <= j:
			hi = j + 1
		case k >= i:
			lo = i
		default:
			return c[:k]
		}
	}
	return c[:k]
}

// softmax turns logits into unnormalised probabilities, largest 1, and returns their sum.
func softmax(c []candidate, temperature float32) float32 {
	top := c[0].v
	for _, x := range c {
		top = max(top, x.v)
	}
	sum := float64(0)
	for i := range c {
		c[i].v = float32(math.Exp(float64(c[i].v-top) / float64(temperature)))
		sum += float64(c[i].v)
	}
	return float32(sum)
}

// atLeast keeps candidates whose probability is p times the largest or more (min-p,
// arXiv 2407.01082); the largest is 1 after softmax.
func atLeast(c []candidate, p float32) ([]candidate, float32) {
	kept, sum := c[:0], float32(0)
	for _, x := range c {
		if x.v >= p {
			kept = append(kept, x)
			sum += x.v
		}
	}
	return kept, sum
}

// nucleus keeps the fewest candidates whose mass reaches the given one (top-p,
// arXiv 1904.09751). It sorts only as many as it needs.
func nucleus(c []candidate, mass float32) ([]candidate, float32) {
	for k := 64; ; k *= 4 {
		k = min(k, len(c))
		head := largest(c, k)
		slices.SortFunc(head, order)
		sum := float32(0)
		for i, x := range head {
			if sum += x.v; sum >= mass {
				return head[:i+1], sum
			}
		}
		if k == len(c) {
			return head, sum
		}
	}
}

// uniform draws from [0, 1) by SplitMix64 (Steele, Lea, Flood 2014).
func (s *Sampler) uniform() float64 {
	s.rng += 0x9e3779b97f4a7c15
	z := s.rng
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	return float64(z>>11) / (1 << 53)
}

// Logprob is the natural logarithm of a token's probability.
type Logprob struct {
	ID int32
	V  float32
}

// Logprobs appends the log-probability of id and then those of the top tokens, largest first,
// as the model gave them: before bias, penalties and temperature. scratch is reused.
func Logprobs(dst []Logprob, logits []float32, id int32, top int, scratch []Logprob) ([]Logprob, []Logprob) {
	peak := float32(math.Inf(-1))
	for _, l := range logits {
		if l > peak {
			peak = l
		}
	}
	sum := float64(0)
	for _, l := range logits {
		if l == l {
			sum += math.Exp(float64(l - peak))
		}
	}
	norm := peak + float32(math.Log(sum))
	dst = append(dst, Logprob{id, logits[id] - norm})
	if top <= 0 {
		return dst, scratch
	}
	scratch = scratch[:0]
	for i, l := range logits {
		v := Logprob{int32(i), l - norm}
		if len(scratch) == top && !(v.V > scratch[top-1].V) {
			continue
		}
		at, _ := slices.BinarySearchFunc(scratch, v, func(a, b Logprob) int {
			if a.V >= b.V { // equal: the lower id came first
				return -1
			}
			return 1
		})
		if len(scratch) == top {
			scratch = scratch[:top-1]
		}
		scratch = slices.Insert(scratch, at, v)
	}
	return append(dst, scratch...), scratch
}
