package arch

import (
	"math"

	"github.com/weir-project/weir/engine/quant"
)

// Rope is rotary position embedding (RoFormer), with YaRN or linear scaling.
type Rope struct {
	Dims   int // rotated values per head
	Base   float64
	Factor float64 // context extension; 1: none
	Halves bool    // pairs are (i, i+Dims/2), else neighbours (2i, 2i+1)

	frequencies []float64 // radians per position, per pair
	magnitude   float64   // multiplies sine and cosine
}

func readRope(k *keys, c *Config) Rope {
	r := Rope{
		Base: k.float("rope.freq_base", 10000), Factor: k.float("rope.scaling.factor", 1),
		Halves: c.Arch == "qwen2" || c.Arch == "qwen3", magnitude: 1,
	}
	r.Dims, _ = k.optional("rope.dimension_count", c.KeyDim, maxDim)
	if r.Dims <= 0 || r.Dims%2 != 0 || r.Dims > c.KeyDim {
		k.fail("rope.dimension_count %d: want an even number up to the key length %d", r.Dims, c.KeyDim)
		return r
	}
	if r.Base <= 1 || r.Factor <= 0 {
		k.fail("rope base %v, scaling factor %v: want a base above 1 and a positive factor", r.Base, r.Factor)
		return r
	}
	kind, _ := k.f.String(k.arch + ".rope.scaling.type")
	original, _ := k.optional("rope.scaling.original_context_length", 0, maxContext)
	if kind == "" && c.MLA != nil && r.Factor != 1 && original > 0 {
		kind = "yarn" // files without the type key: DeepSeek scales by YaRN alone
	}
	r.frequencies = make([]float64, r.Dims/2)
	for i := range r.frequencies {
		r.frequencies[i] = math.Pow(r.Base, -2*float64(i)/float64(r.Dims))
	}
	switch kind {
	case "", "none":
		r.Factor = 1
	case "linear":
		for i := range r.frequencies {
			r.frequencies[i] /= r.Factor
		}
	case "yarn":
		r.yarn(k, c, original)
	default:
		k.fail("rope.scaling.type %q is not supported: want none, linear or yarn", kind)
	}
	r.divide(k)
	return r
}

// yarn blends interpolated and original frequencies (YaRN, section 3.2): pairs that turn
// more than betaFast times within the original context keep theirs, those that turn less
// than betaSlow times are stretched.
func (r *Rope) yarn(k *keys, c *Config, original int) {
	if original == 0 {
		original = c.Context
	}
	fast, slow := k.float("rope.scaling.yarn_beta_fast", 32), k.float("rope.scaling.yarn_beta_slow", 1)
	pair := func(turns float64) float64 {
		return float64(r.Dims) * math.Log(float64(original)/(turns*2*math.Pi)) / (2 * math.Log(r.Base))
	}
	lo := max(0, math.Floor(pair(fast)))
	hi := min(float64(r.Dims-1), math.Ceil(pair(slow)))
	for i := range r.frequencies {
		ramp := 1 - min(1, max(0, (float64(i)-lo)/max(0.001, hi-lo)))
		r.frequencies[i] *= (1-ramp)/r.Factor + ramp
	}
	// DeepSeek puts the attention correction into the softmax scale (latentScale); all others
	// into the rotation (YaRN, section 3.4).
	if c.MLA == nil && r.Factor > 1 {
		r.magnitude = k.float("rope.scaling.attn_factor", 1) * (1 + 0.1*math.Log(r.Factor))
	}
}

// divide applies the per-pair factors that Llama 3.1 and later carry as a tensor.
func (r *Rope) divide(k *keys) {
	t, ok := k.f.Tensor("rope_freqs.weight")
	if !ok {
		return
	}
	if t.Cols() != len(r.frequencies) || t.Rows() != 1 || t.Type != quant.F32 {
		k.fail("rope_freqs.weight is %v of %s: want %d values of F32", t.Shape, t.Type, len(r.frequencies))
		return
	}
	factors := make([]float32, len(r.frequencies))
	quant.Dequantize(factors, t.Type, t.Data)
	for i, f := range factors {
		r.frequencies[i] /= float64(f)
	}
}

// angles writes cosine and sine of every pair at a position: [Dims/2][2].
func (r *Rope) angles(dst []float32, pos int) {
	for i, f := range r.frequencies {
		sin, cos := math.Sincos(float64(pos) * f)
		dst[2*i] = float32(cos * r.magnitude)
		dst[2*i+1] = float32(sin * r.magnitude)
	}
}

// rotate turns the first Dims values of one head in place.
func (r *Rope) rotate(x, angles []float32) {
	half, step, next := r.Dims/2, 2, 1
	if r.Halves {
		step, next = 1, half
	}
	for i := range half {
		cos, sin := angles[2*i], angles[2*i+1]
		a, b := x[i*step], x[i*step+next]
		x[i*step] = a*cos - b*sin
		x[i*step+next] = a*sin + b*cos
	}
}
