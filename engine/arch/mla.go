package arch

import (
	"math"

	"github.com/weir-project/weir/engine/kernel"
)

func inverseSqrt(n int) float32 { return float32(1 / math.Sqrt(float64(n))) }

// latentScratch holds the absorbed attention's intermediate values. Heads come first where
// each head has a matrix of its own.
type latentScratch struct {
	qLora  []float32     // [rows][q_lora]
	nope   []float32     // [heads][rows][nope]
	query  []float32     // [rows][heads][kv_lora+rope]: absorbed query beside its roped part
	mixed  []float32     // [heads][rows][kv_lora]: probability-weighted latents
	keys   []kernel.Acts // per head: nope
	values []kernel.Acts // per head: mixed
}

func (s *latentScratch) reserve(c *Config, rows int) {
	m := c.MLA
	s.qLora = make([]float32, rows*max(1, m.QLora))
	s.nope = make([]float32, rows*c.Heads*m.Nope)
	s.query = make([]float32, rows*c.Heads*(m.KVLora+c.Rope.Dims))
	s.mixed = make([]float32, rows*c.Heads*m.KVLora)
	s.keys, s.values = make([]kernel.Acts, c.Heads), make([]kernel.Acts, c.Heads)
	for h := range c.Heads {
		s.keys[h].Reserve(rows, m.Nope)
		s.values[h].Reserve(rows, m.KVLora)
	}
}

// attendLatent writes multi-head latent attention of all rows to h, in the absorbed form of
// DeepSeek-V2 section 2.1.2: the query enters the latent space, attends to the cached
// latents, and the mixed latents leave it. No key or value is ever expanded.
func (r *Runner) attendLatent(layer int, a *mla) {
	c, n := &r.m.Config, len(r.rows)
	lora, rope := c.MLA.KVLora, c.Rope.Dims
	r.mul(r.k, lora+rope, a.kvA, &r.acts)
	for i := range r.rows {
		entry := r.k[i*(lora+rope):][:lora+rope]
		kernel.RMSNorm(entry[:lora], entry[:lora], a.kvANorm, c.Eps)
		c.Rope.rotate(entry[lora:], r.angles[i*rope:][:rope])
		r.store(i, layer, 0, entry)
	}
	r.latentQueries(a)

	j := &r.jobMLA
	j.r, j.layer, j.a = r, layer, a
	j.step = absorbQuery
	r.workers.Run(c.Heads, j)
	j.step = mixLatents
	r.workers.Run(n*c.Heads, j)
	j.step = expandValue
	r.workers.Run(c.Heads, j)

	r.prepare(&r.acts, r.mixed, n, c.Heads*c.ValueDim)
	r.mul(r.h, c.Dim, a.o, &r.acts)
}

// latentQueries computes the queries, rotates their last part and sorts the rest by head.
func (r *Runner) latentQueries(a *mla) {
	c, s, n := &r.m.Config, &r.latent, len(r.rows)
	lora, rope, nope := c.MLA.KVLora, c.Rope.Dims, c.MLA.Nope
	if a.qA.Rows > 0 {
		r.mul(s.qLora, c.MLA.QLora, a.qA, &r.acts)
		for i := range n {
			q := s.qLora[i*c.MLA.QLora:][:c.MLA.QLora]
			kernel.RMSNorm(q, q, a.qANorm, c.Eps)
		}
		r.prepare(&r.acts, s.qLora, n, c.MLA.QLora)
	}
	width := c.Heads * c.KeyDim
	r.mul(r.q, width, a.q, &r.acts)
	for i := range n {
		for h := range c.Heads {
			q := r.q[i*width+h*c.KeyDim:][:c.KeyDim]
			copy(s.nope[(h*n+i)*nope:][:nope], q)
			roped := s.query[(i*c.Heads+h)*(lora+rope)+lora:][:rope]
			copy(roped, q[nope:])
			c.Rope.rotate(roped, r.angles[i*rope:][:rope])
		}
	}
}

type latentStep uint8

const (
	absorbQuery latentStep = iota // chunk: head
	mixLatents                    // chunk: row and head
	expandValue                   // chunk: head
)

type mlaJob struct {
	r     *Runner
	layer int
	a     *mla
	step  latentStep
}

func (j *mlaJob) Do(chunk, worker int) {
	c, s, n := &j.r.m.Config, &j.r.latent, len(j.r.rows)
	lora, entry := c.MLA.KVLora, c.MLA.KVLora+c.Rope.Dims
	switch j.step {
	case absorbQuery:
		h, nope := chunk, c.MLA.Nope
		s.keys[h].Set(s.nope[h*n*nope:][:n*nope], n, nope)
		kernel.MatMul(s.query[h*entry:], c.Heads*entry, j.a.uk.Slice(h*lora, (h+1)*lora), &s.keys[h], 0, lora)
	case mixLatents:
		i, h := chunk/c.Heads, chunk%c.Heads
		cached := view{row: &j.r.rows[i], layer: j.layer}
		out := s.mixed[(h*n+i)*lora:][:lora]
		cached.attend(out, s.query[chunk*entry:][:entry], j.r.scores[worker], c.MLA.Scale)
	case expandValue:
		h, at := chunk, chunk*j.a.uvStride+j.a.uvOffset
		s.values[h].Set(s.mixed[h*n*lora:][:n*lora], n, lora)
		kernel.MatMul(j.r.mixed[h*c.ValueDim:], c.Heads*c.ValueDim, j.a.uv.Slice(at, at+c.ValueDim), &s.values[h], 0, c.ValueDim)
	}
}
