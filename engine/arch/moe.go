package arch

import (
	"math"

	"github.com/weir-project/weir/engine/kernel"
)

// expertScratch holds the routing of one pass. A slot is a (row, rank) pair; slots are
// bucketed by expert, so that each expert's weights are read once a pass.
type expertScratch struct {
	weights []float32     // [rows][experts]: router logits, then gate values
	choice  []float32     // [experts]: gate values plus bias, for the choice alone
	groups  []float32     // [groups]
	slots   []slot        // [rows*used], in order of row and rank
	bucket  []int32       // [rows*used]: rows in order of expert
	start   []int32       // [experts+1]: an expert's part of bucket
	active  []int32       // experts that have slots
	cursor  []int32       // [experts]
	in      []kernel.Acts // per active expert, in order of active
	hidden  []kernel.Acts
	out     []float32 // [rows*used][dim], in bucket order
}

type slot struct {
	expert int32
	at     int32 // place in bucket
	weight float32
}

func (s *expertScratch) reserve(c *Config, rows, width int) {
	m := c.MoE
	s.weights = make([]float32, rows*m.Experts)
	s.choice, s.groups = make([]float32, m.Experts), make([]float32, m.Groups)
	s.slots, s.bucket = make([]slot, rows*m.Used), make([]int32, rows*m.Used)
	s.start, s.cursor = make([]int32, m.Experts+1), make([]int32, m.Experts)
	s.active = make([]int32, 0, m.Experts)
	s.out = make([]float32, rows*m.Used*c.Dim)
	s.in, s.hidden = make([]kernel.Acts, m.Experts), make([]kernel.Acts, m.Experts)
	// A uniform share for every expert now; a skewed pass grows its buckets once.
	share := min(rows, 2*rows*m.Used/m.Experts+1)
	for i := range s.in {
		s.in[i].ReserveGather(share, c.Dim)
		s.hidden[i].Reserve(share, width)
	}
}

// mixture writes the output of the routed and shared experts to h.
func (r *Runner) mixture(l *layer) {
	s, n, d := &r.experts, len(r.rows), r.m.Dim
	r.mul(s.weights, r.m.MoE.Experts, l.moe.router, &r.acts)
	for i := range n {
		r.m.MoE.route(s, i, l.moe.bias)
	}
	r.fillBuckets(n)
	if l.ffn.gate.Rows > 0 {
		r.feedForward(&l.ffn, r.h)
	} else {
		clear(r.h[:n*d])
	}
	r.runExperts(l.moe)
	// Summed in order of rank, so that a row's result does not depend on its neighbours.
	for i, sl := range s.slots[:n*r.m.MoE.Used] {
		row := i / r.m.MoE.Used
		kernel.Axpy(r.h[row*d:][:d], sl.weight, s.out[int(sl.at)*d:][:d])
	}
}

// route chooses the experts of row i from its router logits, as class Gate of DeepSeek-V3's
// inference/model.py does: gate values by softmax or sigmoid, choice by value plus bias
// within the best groups, equal values to the lower index.
func (m *MoE) route(s *expertScratch, i int, bias []float32) {
	gate := s.weights[i*m.Experts:][:m.Experts]
	if m.Sigmoid {
		for e, x := range gate {
			gate[e] = float32(1 / (1 + math.Exp(-float64(x))))
		}
	} else {
		kernel.Softmax(gate)
	}
	copy(s.choice, gate)
	if bias != nil {
		kernel.Add(s.choice, bias)
	}
	if m.GroupsUsed < m.Groups {
		m.limitGroups(s, bias != nil)
	}
	slots, sum := s.slots[i*m.Used:][:m.Used], float32(0)
	for rank := range slots {
		best := argmax(s.choice)
		slots[rank] = slot{expert: int32(best), weight: gate[best]}
		s.choice[best] = float32(math.Inf(-1))
		sum += gate[best]
	}
	scale := m.Scale
	if m.Normalise {
		scale /= sum
	}
	for rank := range slots {
		slots[rank].weight *= scale
	}
}

// limitGroups sets the choice of all experts outside the best groups to minus infinity. A
// group counts by its best expert, or with a bias by its best two.
func (m *MoE) limitGroups(s *expertScratch, pairs bool) {
	size := m.Experts / m.Groups
	for g := range s.groups {
		first, second := float32(math.Inf(-1)), float32(math.Inf(-1))
		for _, c := range s.choice[g*size:][:size] {
			if c > first {
				first, second = c, first
			} else if c > second {
				second = c
			}
		}
		s.groups[g] = first
		if pairs && size > 1 {
			s.groups[g] += second
		}
	}
	kept := uint64(0) // bit g: group g stays
	for range m.GroupsUsed {
		best := argmax(s.groups)
		kept |= 1 << best
		s.groups[best] = float32(math.Inf(-1))
	}
	for g := range m.Groups {
		if kept>>g&1 == 0 {
			for e := range size {
				s.choice[g*size+e] = float32(math.Inf(-1))
			}
		}
	}
}

// argmax is the index of the largest value, the lowest of equals; NaN never wins.
func argmax(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] || x[best] != x[best] {
			best = i
		}
	}
	return best
}

// fillBuckets sorts the slots of n rows by expert: count, prefix sum, place.
func (r *Runner) fillBuckets(n int) {
	s, used := &r.experts, r.m.MoE.Used
	clear(s.start)
	for _, sl := range s.slots[:n*used] {
		s.start[sl.expert+1]++
	}
	s.active = s.active[:0]
	for e := range s.cursor {
		if s.start[e+1] > 0 {
			s.active = append(s.active, int32(e))
		}
		s.start[e+1] += s.start[e]
		s.cursor[e] = s.start[e]
	}
	for i := range s.slots[:n*used] {
		sl := &s.slots[i]
		sl.at = s.cursor[sl.expert]
		s.cursor[sl.expert]++
		s.bucket[sl.at] = int32(i / used)
	}
}

// runExperts computes every slot's expert output, in bucket order.
func (r *Runner) runExperts(e *experts) {
	j := &r.jobExpert
	j.r, j.e, j.width = r, e, e.down.Cols
	strips := func(rows int) int {
		// One row a bucket is the common case in decoding; a bucket's grain follows it.
		w := kernel.Matrix{Type: e.gate.Type, Rows: rows, Cols: e.gate.Cols}
		j.grain = kernel.RowGrain(w, max(1, len(r.rows)*r.m.MoE.Used/r.m.MoE.Experts))
		return (rows + j.grain - 1) / j.grain
	}
	n := len(r.experts.active)
	j.step, j.strips = gatherRows, 1
	r.workers.Run(n, j)
	j.step, j.strips = gateAndUp, strips(j.width)
	r.workers.Run(n*j.strips, j)
	j.step, j.strips = activateRows, 1
	r.workers.Run(n, j)
	j.step, j.strips = projectDown, strips(r.m.Dim)
	r.workers.Run(n*j.strips, j)
}

type expertStep uint8

const (
	gatherRows   expertStep = iota // chunk: active expert
	gateAndUp                      // chunk: active expert and strip of rows
	activateRows                   // chunk: active expert
	projectDown                    // chunk: active expert and strip of rows
)

type expertJob struct {
	r      *Runner
	e      *experts
	step   expertStep
	width  int // of an expert's hidden layer
	strips int
	grain  int
}

func (j *expertJob) Do(chunk, _ int) {
	r, s := j.r, &j.r.experts
	a := chunk / j.strips
	e, r0 := int(s.active[a]), chunk%j.strips*j.grain
	first, last := int(s.start[e]), int(s.start[e+1])
	d, w := r.m.Dim, j.width
	gate, up := r.gate[first*w:last*w], r.up[first*w:last*w]
	switch j.step {
	case gatherRows:
		s.in[a].Gather(&r.acts, s.bucket[first:last])
	case gateAndUp:
		r1 := min(r0+j.grain, w)
		kernel.MatMul(gate, w, j.e.gate.Slice(e*w, (e+1)*w), &s.in[a], r0, r1)
		kernel.MatMul(up, w, j.e.up.Slice(e*w, (e+1)*w), &s.in[a], r0, r1)
	case activateRows:
		kernel.SiLUMul(gate, up)
		s.hidden[a].Set(gate, last-first, w)
	case projectDown:
		kernel.MatMul(s.out[first*d:last*d], d, j.e.down.Slice(e*d, (e+1)*d), &s.hidden[a], r0, min(r0+j.grain, d))
	}
}
