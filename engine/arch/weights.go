package arch

import (
	"fmt"

	"github.com/weir-project/weir/engine/gguf"
	"github.com/weir-project/weir/engine/kernel"
	"github.com/weir-project/weir/engine/quant"
	"github.com/weir-project/weir/internal/fault"
)

// Model is a set of weights bound to names. Matrices are views into the file.
type Model struct {
	Config
	embedding  kernel.Matrix // [vocab][dim]
	outputNorm []float32     // [dim]
	output     kernel.Matrix // [vocab][dim]; the embedding where the file ties them
	layers     []layer
}

type layer struct {
	attnNorm []float32 // [dim]
	gqa      *gqa
	mla      *mla
	ffnNorm  []float32 // [dim]
	ffn      ffn       // dense, or the shared experts of a mixture
	moe      *experts
}

// gqa is grouped-query attention: heads in rows.
type gqa struct {
	q, k, v, o             kernel.Matrix
	qBias, kBias, vBias    []float32 // nil: none
	oBias                  []float32
	qNorm, kNorm           []float32 // per head, qwen3; nil: none
	qDim, kDim, vDim, oDim int       // rows of q, k, v; columns of o
}

// mla is multi-head latent attention in the absorbed form. uk takes a query head into the
// latent space, uv takes the mixed latents of a head out of it.
type mla struct {
	q        kernel.Matrix // [heads*(nope+rope)][dim or q_lora]
	qA       kernel.Matrix // [q_lora][dim]; Rows 0: none
	qANorm   []float32
	kvA      kernel.Matrix // [kv_lora+rope][dim]
	kvANorm  []float32
	uk       kernel.Matrix // [heads*kv_lora][nope]
	uv       kernel.Matrix // rows of head h: [h*uvStride+uvOffset, +value)
	uvStride int
	uvOffset int
	o        kernel.Matrix // [dim][heads*value]
}

// ffn is a gated feed-forward layer: down(silu(gate·x) * up·x). Rows 0: absent.
type ffn struct{ gate, up, down kernel.Matrix }

type experts struct {
	router         kernel.Matrix // [experts][dim]
	bias           []float32     // [experts], for the choice alone; nil: none
	gate, up, down kernel.Matrix // experts stacked by rows
}

// Load binds the tensors of f. The file's bytes must outlive the model.
func Load(f *gguf.File) (*Model, error) {
	c, err := ReadConfig(f)
	if err != nil {
		return nil, err
	}
	b := &binder{f: f, c: c}
	m := &Model{Config: *c}
	m.embedding = b.matrix("token_embd.weight", c.Dim, c.Vocab)
	m.outputNorm = b.vector("output_norm.weight", c.Dim)
	m.output = m.embedding
	if b.has("output.weight") {
		m.output = b.matrix("output.weight", c.Dim, c.Vocab)
	}
	m.layers = make([]layer, c.Layers)
	for i := range m.layers {
		b.prefix = fmt.Sprintf("blk.%d.", i)
		m.layers[i] = b.layer(i)
		if b.err != nil {
			return nil, b.err
		}
	}
	return m, b.err
}

// Params is the number of weights in the file's tensors.
func Params(f *gguf.File) int64 {
	var n int64
	for i := range f.Tensors {
		n += int64(f.Tensors[i].Rows()) * int64(f.Tensors[i].Cols())
	}
	return n
}

// binder finds tensors, checks their shapes and keeps the first error.
type binder struct {
	f      *gguf.File
	c      *Config
	prefix string
	err    error
}

func (b *binder) fail(format string, args ...any) {
	if b.err == nil {
		b.err = fault.New(fault.Invalid, format, args...)
	}
}

func (b *binder) has(name string) bool {
	_, ok := b.f.Tensor(name)
	return ok
}

func (b *binder) own(name string) bool { return b.has(b.prefix + name) }

// matrix returns a tensor that must have the given columns and, stacked, rows.
func (b *binder) matrix(name string, cols, rows int) kernel.Matrix {
	t, ok := b.f.Tensor(name)
	if !ok {
		b.fail("tensor %s is missing: %s needs it", name, b.c.Arch)
		return kernel.Matrix{}
	}
	if t.Cols() != cols || t.Rows() != rows {
		b.fail("tensor %s is %v: want %d columns and %d rows in all", name, t.Shape, cols, rows)
		return kernel.Matrix{}
	}
	return kernel.Matrix{Type: t.Type, Rows: rows, Cols: cols, Data: t.Data}
}

func (b *binder) blk(name string, cols, rows int) kernel.Matrix {
	return b.matrix(b.prefix+name+".weight", cols, rows)
}

// vector copies a small tensor as float32.
func (b *binder) vector(name string, n int) []float32 {
	m := b.matrix(name, n, 1)
	if b.err != nil {
		return nil
	}
	v := make([]float32, n)
	quant.Dequantize(v, m.Type, m.Data)
	return v
}

func (b *binder) norm(name string, n int) []float32 { return b.vector(b.prefix+name+".weight", n) }

func (b *binder) bias(name string, n int) []float32 {
	if !b.own(name + ".bias") {
		return nil
	}
	return b.vector(b.prefix+name+".bias", n)
}

func (b *binder) layer(i int) layer {
	c := b.c
	l := layer{attnNorm: b.norm("attn_norm", c.Dim), ffnNorm: b.norm("ffn_norm", c.Dim)}
	if c.MLA != nil {
		l.mla = b.mla()
	} else {
		l.gqa = b.gqa()
	}
	if c.MoE == nil || i < c.MoE.Leading || !b.own("ffn_gate_inp.weight") {
		l.ffn = b.ffn("", c.FF)
		return l
	}
	l.moe = b.experts()
	if b.own("ffn_gate_shexp.weight") {
		t, _ := b.f.Tensor(b.prefix + "ffn_gate_shexp.weight")
		l.ffn = b.ffn("_shexp", t.Rows())
	} else if c.MoE.Shared > 0 {
		b.fail("tensor %sffn_gate_shexp.weight is missing: the file declares %d shared experts", b.prefix, c.MoE.Shared)
	}
	return l
}

func (b *binder) ffn(suffix string, width int) ffn {
	d := b.c.Dim
	if width == 0 {
		b.fail("%s.feed_forward_length is missing or zero", b.c.Arch)
	}
	return ffn{
		gate: b.blk("ffn_gate"+suffix, d, width), up: b.blk("ffn_up"+suffix, d, width),
		down: b.blk("ffn_down"+suffix, width, d),
	}
}

func (b *binder) experts() *experts {
	c := b.c
	t, ok := b.f.Tensor(b.prefix + "ffn_gate_exps.weight")
	if !ok || len(t.Shape) != 3 {
		b.fail("tensor %sffn_gate_exps.weight is missing or not stacked by expert", b.prefix)
		return nil
	}
	n, width := c.MoE.Experts, t.Shape[1]
	e := &experts{
		router: b.blk("ffn_gate_inp", c.Dim, n),
		gate:   b.blk("ffn_gate_exps", c.Dim, width*n), up: b.blk("ffn_up_exps", c.Dim, width*n),
		down: b.blk("ffn_down_exps", width, c.Dim*n),
	}
	for _, name := range []string{"exp_probs_b.bias", "exp_probs_b.weight", "exp_probs_b"} {
		if b.own(name) {
			e.bias = b.vector(b.prefix+name, n)
			break
		}
	}
	return e
}

func (b *binder) gqa() *gqa {
	c := b.c
	g := &gqa{qDim: c.Heads * c.KeyDim, kDim: c.KVHeads * c.KeyDim, vDim: c.KVHeads * c.ValueDim, oDim: c.Heads * c.ValueDim}
	g.q, g.k = b.blk("attn_q", c.Dim, g.qDim), b.blk("attn_k", c.Dim, g.kDim)
	g.v, g.o = b.blk("attn_v", c.Dim, g.vDim), b.blk("attn_output", g.oDim, c.Dim)
	g.qBias, g.kBias, g.vBias = b.bias("attn_q", g.qDim), b.bias("attn_k", g.kDim), b.bias("attn_v", g.vDim)
	g.oBias = b.bias("attn_output", c.Dim)
	if c.Arch == "qwen3" {
		g.qNorm, g.kNorm = b.norm("attn_q_norm", c.KeyDim), b.norm("attn_k_norm", c.KeyDim)
	}
	return g
}

func (b *binder) mla() *mla {
	c, m := b.c, b.c.MLA
	a := &mla{
		kvA: b.blk("attn_kv_a_mqa", c.Dim, m.KVLora+c.Rope.Dims), kvANorm: b.norm("attn_kv_a_norm", m.KVLora),
		o: b.blk("attn_output", c.Heads*c.ValueDim, c.Dim),
	}
	if b.own("attn_q_a.weight") {
		if m.QLora == 0 {
			b.fail("%sattn_q_a is present but deepseek2.attention.q_lora_rank is not", b.prefix)
			return a
		}
		a.qA, a.qANorm = b.blk("attn_q_a", c.Dim, m.QLora), b.norm("attn_q_a_norm", m.QLora)
		a.q = b.blk("attn_q_b", m.QLora, c.Heads*c.KeyDim)
	} else {
		a.q = b.blk("attn_q", c.Dim, c.Heads*c.KeyDim)
	}
	if b.own("attn_k_b.weight") {
		a.uk = b.blk("attn_k_b", m.Nope, c.Heads*m.KVLora)
		a.uv = b.blk("attn_v_b", m.KVLora, c.Heads*c.ValueDim)
		a.uvStride = c.ValueDim
		return a
	}
	a.uv = b.blk("attn_kv_b", m.KVLora, c.Heads*(m.Nope+c.ValueDim))
	a.uvStride, a.uvOffset = m.Nope+c.ValueDim, m.Nope
	if b.err == nil {
		a.uk = transposeKeys(a.uv, c)
	}
	return a
}

// transposeKeys takes the key half of kv_b, [nope][kv_lora] a head, to [kv_lora][nope], so
// that a query can be absorbed by one multiplication. Float types keep their precision;
// quantised ones become Q8_0, whose error is far below theirs, where blocks fit.
func transposeKeys(kvB kernel.Matrix, c *Config) kernel.Matrix {
	nope, lora := c.MLA.Nope, c.MLA.KVLora
	t := quant.Q8_0
	switch {
	case kvB.Type == quant.F32 || kvB.Type == quant.F16 || kvB.Type == quant.BF16:
		t = kvB.Type
	case nope%quant.Q8_0.BlockLen() != 0:
		t = quant.F16
	}
	rowBytes := nope / t.BlockLen() * t.BlockBytes()
	out := kernel.Matrix{Type: t, Rows: c.Heads * lora, Cols: nope, Data: make([]byte, c.Heads*lora*rowBytes)}
	keys := make([]float32, nope*lora)
	row := make([]float32, nope)
	for h := range c.Heads {
		at := h * (nope + c.ValueDim)
		quant.Dequantize(keys, kvB.Type, kvB.Slice(at, at+nope).Data)
		for l := range lora {
			for n := range row {
				row[n] = keys[n*lora+l]
			}
			dst := out.Data[(h*lora+l)*rowBytes:][:rowBytes]
			// The type and the length are ours, so Quantize cannot refuse them.
			if err := quant.Quantize(dst, t, row); err != nil {
				panic(err)
			}
		}
	}
	return out
}
