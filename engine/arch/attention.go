package arch

import (
	"github.com/weir-project/weir/engine/kernel"
	"github.com/weir-project/weir/engine/kv"
)

// attendGrouped writes the attention of all rows to h. Each group of query heads shares one
// head of keys and values; a cache row is [kv heads][key] followed by [kv heads][value].
func (r *Runner) attendGrouped(layer int, a *gqa) {
	c := &r.m.Config
	r.mul(r.q, a.qDim, a.q, &r.acts)
	r.mul(r.k, a.kDim, a.k, &r.acts)
	r.mul(r.v, a.vDim, a.v, &r.acts)
	for i := range r.rows {
		q, k, v := r.q[i*a.qDim:][:a.qDim], r.k[i*a.kDim:][:a.kDim], r.v[i*a.vDim:][:a.vDim]
		addBias(q, a.qBias)
		addBias(k, a.kBias)
		addBias(v, a.vBias)
		r.turnHeads(q, a.qNorm, i)
		r.turnHeads(k, a.kNorm, i)
		r.store(i, layer, 0, k)
		r.store(i, layer, a.kDim, v)
	}
	j := &r.jobGQA
	*j = gqaJob{r: r, layer: layer, a: a, scale: inverseSqrt(c.KeyDim)}
	r.workers.Run(len(r.rows)*c.Heads, j)
	r.prepare(&r.acts, r.mixed, len(r.rows), a.oDim)
	r.mul(r.h, c.Dim, a.o, &r.acts)
	if a.oBias != nil {
		for i := range r.rows {
			addBias(r.h[i*c.Dim:][:c.Dim], a.oBias)
		}
	}
}

func addBias(x, bias []float32) {
	if bias != nil {
		kernel.Add(x, bias)
	}
}

// turnHeads norms (qwen3) and rotates the heads of one row in place.
func (r *Runner) turnHeads(x, norm []float32, row int) {
	c := &r.m.Config
	angles := r.angles[row*c.Rope.Dims:][:c.Rope.Dims]
	for h := 0; h < len(x); h += c.KeyDim {
		head := x[h:][:c.KeyDim]
		if norm != nil {
			kernel.RMSNorm(head, head, norm, c.Eps)
		}
		c.Rope.rotate(head, angles)
	}
}

// store writes part of row i's entry in its cache, beginning at value `at`.
func (r *Runner) store(i, layer, at int, x []float32) {
	row := r.rows[i]
	page := row.Cache.Page(layer, row.Pos/kv.PageTokens)
	at += row.Pos % kv.PageTokens * row.Cache.Geometry().Width
	if page.F32 != nil {
		copy(page.F32[at:], x)
		return
	}
	kernel.ToF16(page.F16[at:][:len(x)], x)
}

type gqaJob struct {
	r     *Runner
	layer int
	a     *gqa
	scale float32
}

// Do computes one query head of one row.
func (j *gqaJob) Do(chunk, worker int) {
	c := &j.r.m.Config
	i, h := chunk/c.Heads, chunk%c.Heads
	g := h / (c.Heads / c.KVHeads)
	q := j.r.q[i*j.a.qDim+h*c.KeyDim:][:c.KeyDim]
	out := j.r.mixed[i*j.a.oDim+h*c.ValueDim:][:c.ValueDim]
	head := view{row: &j.r.rows[i], layer: j.layer, key: g * c.KeyDim, value: j.a.kDim + g*c.ValueDim}
	head.attend(out, q, j.r.scores[worker], j.scale)
}

// view is one head's part of a sequence's cache at one layer.
type view struct {
	row        *Row
	layer      int
	key, value int // offsets within a cache row
}

// attend mixes the cached values up to the row's position by how well their keys match q.
// q is [key], out is [value], scores is scratch of at least position+1.
func (v view) attend(out, q, scores []float32, scale float32) {
	n, width := v.row.Pos+1, v.row.Cache.Geometry().Width
	scores = scores[:n]
	for t0 := 0; t0 < n; t0 += kv.PageTokens {
		page := v.row.Cache.Page(v.layer, t0/kv.PageTokens)
		for t := range min(kv.PageTokens, n-t0) {
			at := t*width + v.key
			if page.F32 != nil {
				scores[t0+t] = scale * kernel.Dot(q, page.F32[at:][:len(q)])
			} else {
				scores[t0+t] = scale * kernel.DotF16(q, page.F16[at:][:len(q)])
			}
		}
	}
	kernel.Softmax(scores)
	clear(out)
	for t0 := 0; t0 < n; t0 += kv.PageTokens {
		page := v.row.Cache.Page(v.layer, t0/kv.PageTokens)
		for t := range min(kv.PageTokens, n-t0) {
			at := t*width + v.value
			if page.F32 != nil {
				kernel.Axpy(out, scores[t0+t], page.F32[at:][:len(out)])
			} else {
				kernel.AxpyF16(out, scores[t0+t], page.F16[at:][:len(out)])
			}
		}
	}
}
