package arch

import (
	"github.com/weir-project/weir/engine/kernel"
	"github.com/weir-project/weir/engine/kv"
	"github.com/weir-project/weir/engine/quant"
	"github.com/weir-project/weir/internal/fault"
)

// Row is one token of a forward pass.
type Row struct {
	Token  int32
	Pos    int
	Cache  *kv.Cache // of the token's sequence
	Logits bool      // whether the row's logits are wanted
}

// Runner computes forward passes of one model. It owns scratch memory for a bounded number
// of rows and allocates nothing once made; only one pass may run at a time.
type Runner struct {
	m       *Model
	workers kernel.Workers
	rowsMax int

	rows   []Row
	angles []float32 // [rows][rope dims]

	x, h     []float32 // [rows][dim]: the residual stream, and a layer's addition to it
	normed   []float32 // [rows][dim]
	q        []float32 // [rows][heads*key]
	k, v     []float32 // [rows][kv heads*key], [rows][kv heads*value]; latent in k for MLA
	mixed    []float32 // [rows][heads*value]
	gate     []float32 // [rows][ff], also experts: [rows*used][ff]
	up       []float32
	scores   [][]float32 // per worker, [context]
	acts     kernel.Acts // input of the next multiplication
	hidden   kernel.Acts // input of the down projection
	rest     kernel.Acts // what rounding took from the input of the head
	products [][]float32 // per worker: the head's product with rest
	latent   latentScratch
	experts  expertScratch

	// Jobs live here so that handing one to the workers allocates nothing.
	jobMul     mulJob
	jobHead    headJob
	jobNorm    normJob
	jobAct     actJob
	jobPrepare prepareJob
	jobGQA     gqaJob
	jobMLA     mlaJob
	jobExpert  expertJob
}

// NewRunner returns a Runner for passes of at most rowsMax rows over contexts of at most
// contextMax tokens.
func NewRunner(m *Model, workers kernel.Workers, rowsMax, contextMax int) *Runner {
	c := &m.Config
	r := &Runner{m: m, workers: workers, rowsMax: rowsMax}
	f := func(n int) []float32 { return make([]float32, rowsMax*n) }
	r.rows = make([]Row, 0, rowsMax)
	r.angles = f(c.Rope.Dims)
	r.x, r.h, r.normed = f(c.Dim), f(c.Dim), f(c.Dim)
	r.q, r.mixed = f(c.Heads*c.KeyDim), f(c.Heads*c.ValueDim)
	widest := max(c.Dim, c.Heads*c.ValueDim)
	if c.MLA != nil {
		r.k = f(c.MLA.KVLora + c.Rope.Dims)
		widest = max(widest, c.MLA.QLora)
		r.latent.reserve(c, rowsMax)
	} else {
		r.k, r.v = f(c.KVHeads*c.KeyDim), f(c.KVHeads*c.ValueDim)
	}
	hidden := r.reserveFFN(m)
	r.acts.Reserve(rowsMax, widest)
	r.hidden.Reserve(rowsMax, hidden)
	r.rest.Reserve(rowsMax, c.Dim)
	r.products = make([][]float32, workers.Width())
	contextMax = (contextMax + kv.PageTokens - 1) / kv.PageTokens * kv.PageTokens
	r.scores = make([][]float32, workers.Width())
	for i := range r.scores {
		r.scores[i] = make([]float32, contextMax)
	}
	return r
}

// reserveFFN sizes the feed-forward scratch and returns the widest dense layer.
func (r *Runner) reserveFFN(m *Model) int {
	dense, routed := 1, 0
	for i := range m.layers {
		dense = max(dense, m.layers[i].ffn.gate.Rows)
		if e := m.layers[i].moe; e != nil {
			routed = max(routed, e.down.Cols)
		}
	}
	n := dense
	if routed > 0 {
		n = max(n, routed*m.MoE.Used)
		r.experts.reserve(&m.Config, r.rowsMax, routed)
	}
	r.gate, r.up = make([]float32, r.rowsMax*n), make([]float32, r.rowsMax*n)
	return dense
}

// RowsMax is the largest pass.
func (r *Runner) RowsMax() int { return r.rowsMax }

// Eval runs one pass. Keys and values of all rows enter their caches, which must have been
// grown; the rows of one sequence stand in order of position. Logits of the rows that want
// them are written to logits, [wanted][vocab], in row order.
func (r *Runner) Eval(rows []Row, logits []float32) error {
	if err := r.check(rows, logits); err != nil {
		return err
	}
	r.rows = append(r.rows[:0], rows...)
	c := &r.m.Config
	for i, row := range rows {
		r.m.embed(r.x[i*c.Dim:][:c.Dim], row.Token)
		c.Rope.angles(r.angles[i*c.Rope.Dims:][:c.Rope.Dims], row.Pos)
	}
	for i := range r.m.layers {
		r.layer(i, &r.m.layers[i])
	}
	r.head(logits)
	return nil
}

func (r *Runner) check(rows []Row, logits []float32) error {
	if len(rows) == 0 || len(rows) > r.rowsMax {
		return fault.New(fault.Invalid, "forward pass of %d rows: want 1 to %d", len(rows), r.rowsMax)
	}
	wanted := 0
	for _, row := range rows {
		if row.Token < 0 || int(row.Token) >= r.m.Vocab {
			return fault.New(fault.Invalid, "token %d is outside the vocabulary of %d", row.Token, r.m.Vocab)
		}
		if row.Pos < 0 || row.Pos >= row.Cache.Len() || row.Pos >= len(r.scores[0]) {
			return fault.New(fault.Invalid, "position %d: the cache holds %d tokens, the runner was made for %d", row.Pos, row.Cache.Len(), len(r.scores[0]))
		}
		if row.Logits {
			wanted++
		}
	}
	if len(logits) < wanted*r.m.Vocab {
		return fault.New(fault.Invalid, "room for %d logits: %d rows need %d", len(logits), wanted, wanted*r.m.Vocab)
	}
	return nil
}

// embed writes the embedding of a token.
func (m *Model) embed(dst []float32, token int32) {
	row := m.embedding.Slice(int(token), int(token)+1)
	quant.Dequantize(dst, row.Type, row.Data)
}

// layer adds attention and feed-forward of layer i to the residual stream.
func (r *Runner) layer(i int, l *layer) {
	n, d := len(r.rows), r.m.Dim
	r.norm(r.x, l.attnNorm)
	if l.mla != nil {
		r.attendLatent(i, l.mla)
	} else {
		r.attendGrouped(i, l.gqa)
	}
	kernel.Add(r.x[:n*d], r.h[:n*d])

	r.norm(r.x, l.ffnNorm)
	if l.moe != nil {
		r.mixture(l)
	} else {
		r.feedForward(&l.ffn, r.h)
	}
	kernel.Add(r.x[:n*d], r.h[:n*d])
}

// head normalises the rows whose logits are wanted and multiplies them by the output matrix.
func (r *Runner) head(logits []float32) {
	d, n := r.m.Dim, 0
	for i, row := range r.rows {
		if row.Logits {
			kernel.RMSNorm(r.normed[n*d:][:d], r.x[i*d:][:d], r.m.outputNorm, r.m.Eps)
			n++
		}
	}
	if n == 0 {
		return
	}
	r.acts.Set(r.normed[:n*d], n, d)
	if !kernel.Integer(r.m.output.Type) {
		r.mul(logits, r.m.Vocab, r.m.output, &r.acts)
		return
	}
	// The head's rounding goes straight into the logits, and its rows are few: it multiplies
	// what rounding left as well, while a strip of weights is in the cache.
	r.acts.Residual(r.h[:n*d])
	r.rest.Set(r.h[:n*d], n, d)
	j := &r.jobHead
	j.y, j.stride, j.w, j.a, j.rest = logits, r.m.Vocab, r.m.output, &r.acts, &r.rest
	j.grain = kernel.RowGrain(j.w, 2*n)
	for i := range r.products {
		r.products[i] = grow(r.products[i], n*j.grain)
	}
	j.products = r.products
	r.workers.Run((j.w.Rows+j.grain-1)/j.grain, j)
}

// grow returns a slice of n values, the given one if it has room.
func grow(x []float32, n int) []float32 {
	if cap(x) < n {
		return make([]float32, n)
	}
	return x[:n]
}

// headJob multiplies a strip by the activations and by their residual.
type headJob struct {
	mulJob
	rest     *kernel.Acts
	products [][]float32 // per worker
}

func (j *headJob) Do(chunk, worker int) {
	r0 := chunk * j.grain
	strip := j.w.Slice(r0, min(r0+j.grain, j.w.Rows))
	kernel.MatMul(j.y[r0:], j.stride, strip, j.a, 0, strip.Rows)
	low := j.products[worker]
	kernel.MatMul(low, strip.Rows, strip, j.rest, 0, strip.Rows)
	for i := range j.a.N {
		kernel.Add(j.y[i*j.stride+r0:][:strip.Rows], low[i*strip.Rows:][:strip.Rows])
	}
}

// feedForward computes down(silu(gate·x)*(up·x)) of the rows in acts.
func (r *Runner) feedForward(f *ffn, out []float32) {
	n, width := len(r.rows), f.gate.Rows
	r.mul(r.gate, width, f.gate, &r.acts)
	r.mul(r.up, width, f.up, &r.acts)
	r.activate(n, width, &r.hidden)
	r.mul(out, r.m.Dim, f.down, &r.hidden)
}

// mul computes y[i*stride+r] = w[r]·a[i] on the workers.
func (r *Runner) mul(y []float32, stride int, w kernel.Matrix, a *kernel.Acts) {
	j := &r.jobMul
	j.y, j.stride, j.w, j.a = y, stride, w, a
	j.grain = kernel.RowGrain(w, a.N)
	r.workers.Run((w.Rows+j.grain-1)/j.grain, j)
}

type mulJob struct {
	y      []float32
	stride int
	w      kernel.Matrix
	a      *kernel.Acts
	grain  int
}

func (j *mulJob) Do(chunk, _ int) {
	r0 := chunk * j.grain
	kernel.MatMul(j.y, j.stride, j.w, j.a, r0, min(r0+j.grain, j.w.Rows))
}

// rowGrain is the number of rows in a chunk of row-wise work: norms, activations.
const rowGrain = 4

// norm writes the normed rows of x to acts, ready to be multiplied.
func (r *Runner) norm(x, weight []float32) {
	j := &r.jobNorm
	j.x, j.weight, j.dst, j.eps = x, weight, r.normed, r.m.Eps
	j.acts, j.n, j.d = &r.acts, len(r.rows), len(weight)
	r.acts.Shape(r.normed, j.n, j.d)
	r.workers.Run((j.n+rowGrain-1)/rowGrain, j)
}

type normJob struct {
	x, weight, dst []float32
	eps            float32
	acts           *kernel.Acts
	n, d           int
}

func (j *normJob) Do(chunk, _ int) {
	first, last := chunk*rowGrain, min(chunk*rowGrain+rowGrain, j.n)
	for i := first; i < last; i++ {
		kernel.RMSNorm(j.dst[i*j.d:][:j.d], j.x[i*j.d:][:j.d], j.weight, j.eps)
	}
	j.acts.SetRows(j.dst, j.n, j.d, first, last)
}

// activate turns gate and up, [n][width], into the input of the down projection.
func (r *Runner) activate(n, width int, to *kernel.Acts) {
	j := &r.jobAct
	j.gate, j.up, j.acts, j.n, j.width = r.gate, r.up, to, n, width
	to.Shape(r.gate, n, width)
	r.workers.Run((n+rowGrain-1)/rowGrain, j)
}

type actJob struct {
	gate, up []float32
	acts     *kernel.Acts
	n, width int
}

func (j *actJob) Do(chunk, _ int) {
	first, last := chunk*rowGrain, min(chunk*rowGrain+rowGrain, j.n)
	a, b := first*j.width, last*j.width
	kernel.SiLUMul(j.gate[a:b], j.up[a:b])
	j.acts.SetRows(j.gate, j.n, j.width, first, last)
}

// prepare quantises n rows of x on the workers.
func (r *Runner) prepare(to *kernel.Acts, x []float32, n, width int) {
	j := &r.jobPrepare
	j.acts, j.x, j.n, j.width = to, x, n, width
	to.Shape(x, n, width)
	r.workers.Run((n+rowGrain-1)/rowGrain, j)
}

type prepareJob struct {
	acts     *kernel.Acts
	x        []float32
	n, width int
}

func (j *prepareJob) Do(chunk, _ int) {
	j.acts.SetRows(j.x, j.n, j.width, chunk*rowGrain, min(chunk*rowGrain+rowGrain, j.n))
}
