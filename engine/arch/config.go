// Package arch runs the forward pass of decoder-only transformers: llama, qwen2 and qwen3
// with grouped-query attention, and deepseek2 (DeepSeek V2, V2-Lite, V3, R1) with multi-head
// latent attention and a mixture of experts.
//
// Load binds the tensors of a GGUF file to a Model, which is read-only and shared. A Runner
// owns the scratch memory of one forward pass at a time and computes it on the Workers it
// was given. The rows of a pass may belong to different sequences, each with its own kv.Cache;
// a row's result does not depend on the rows beside it. What variant of an architecture a file
// holds is decided by the tensors and keys present, never by the number of layers.
//
// The code follows the papers' order and names: DeepSeek-V2 (arXiv 2405.04434), DeepSeek-V3
// (arXiv 2412.19437), YaRN (arXiv 2309.00071), RoFormer (arXiv 2104.09864).
package arch

import (
	"math"
	"strings"

	"github.com/weir-project/weir/engine/gguf"
	"github.com/weir-project/weir/engine/kv"
	"github.com/weir-project/weir/internal/fault"
)

// Names lists the architectures that Load knows, as general.architecture spells them.
var Names = []string{"llama", "qwen2", "qwen3", "deepseek2"}

// Config is the shape of a model, read from the file's metadata.
type Config struct {
	Arch     string
	Layers   int
	Dim      int // embedding length
	Heads    int
	KVHeads  int // grouped-query attention only
	KeyDim   int // per head
	ValueDim int // per head
	FF       int // width of the dense feed-forward layers
	Vocab    int
	Context  int // tokens the model was trained for
	Eps      float32
	Rope     Rope
	MLA      *MLA // nil: grouped-query attention
	MoE      *MoE // nil: dense
}

// MLA is the shape of multi-head latent attention.
type MLA struct {
	QLora  int // rank of the query projection; 0: a full matrix
	KVLora int // width of the latent
	Nope   int // key values without position, per head
	Scale  float32
}

// MoE is the shape of a mixture-of-experts layer.
type MoE struct {
	Leading    int // first layers that are dense
	Experts    int
	Used       int // experts per token
	Shared     int // experts every token passes through
	Groups     int // 1: no groups
	GroupsUsed int
	Sigmoid    bool // gate by sigmoid, else by softmax
	Normalise  bool // divide the chosen weights by their sum
	Scale      float32
}

// CacheGeometry is the shape of a sequence's cache: key and value heads side by side, or
// the latent and the shared roped key.
func (c *Config) CacheGeometry(t kv.Type) kv.Geometry {
	width := c.KVHeads * (c.KeyDim + c.ValueDim)
	if c.MLA != nil {
		width = c.MLA.KVLora + c.Rope.Dims
	}
	return kv.Geometry{Layers: c.Layers, Width: width, Type: t}
}

// ExpandedWidth is the number of values a token and layer would take if keys and values of
// every head were stored, as multi-head attention does.
func (c *Config) ExpandedWidth() int { return c.Heads * (c.KeyDim + c.ValueDim) }

// keys reads metadata under the architecture's prefix and keeps the first error.
type keys struct {
	f    *gguf.File
	arch string
	err  error
}

func (k *keys) fail(format string, args ...any) {
	if k.err == nil {
		k.err = fault.New(fault.Invalid, format, args...)
	}
}

// count reads a required size; limit bounds it so that later products cannot overflow.
func (k *keys) count(name string, limit int) int {
	n, ok := k.optional(name, 0, limit)
	if !ok || n == 0 {
		k.fail("key %s.%s is missing or zero", k.arch, name)
	}
	return n
}

func (k *keys) optional(name string, otherwise, limit int) (int, bool) {
	v, ok := k.f.Uint(k.arch + "." + name)
	if !ok {
		return otherwise, false
	}
	if v > uint64(limit) {
		k.fail("key %s.%s is %d: at most %d makes sense", k.arch, name, v, limit)
		return otherwise, false
	}
	return int(v), true
}

func (k *keys) float(name string, otherwise float64) float64 {
	v, ok := k.f.Float(k.arch + "." + name)
	if !ok {
		return otherwise
	}
	if math.IsNaN(v) || math.IsInf(v, 0) {
		k.fail("key %s.%s is %v: want a finite number", k.arch, name, v)
	}
	return v
}

// Bounds on sizes read from a file, far above any published model.
const (
	maxLayers  = 1 << 10
	maxDim     = 1 << 17
	maxVocab   = 1 << 22
	maxContext = 1 << 27
	maxExperts = 1 << 12
	maxGroups  = 64
)

// ReadConfig reads the shape of a model and checks that it makes sense.
func ReadConfig(f *gguf.File) (*Config, error) {
	name, ok := f.String("general.architecture")
	if !ok {
		return nil, fault.New(fault.Invalid, "key general.architecture is missing: this file holds no model")
	}
	k := &keys{f: f, arch: name}
	c := &Config{Arch: name}
	switch name {
	case "llama", "qwen2", "qwen3", "deepseek2":
	default:
		return nil, fault.New(fault.Invalid, "architecture %q is not supported: want one of %s", name, strings.Join(Names, ", "))
	}
	c.Layers = k.count("block_count", maxLayers)
	c.Dim = k.count("embedding_length", maxDim)
	c.Heads = k.count("attention.head_count", maxDim)
	c.FF, _ = k.optional("feed_forward_length", 0, maxDim*16)
	c.Context, _ = k.optional("context_length", 4096, maxContext)
	c.Eps = float32(k.float("attention.layer_norm_rms_epsilon", 1e-5))
	c.Vocab = vocabulary(k)
	if k.err != nil {
		return nil, k.err
	}
	if name == "deepseek2" {
		readDeepseek(k, c)
	} else {
		readGrouped(k, c)
	}
	if k.err == nil {
		c.Rope = readRope(k, c)
	}
	if c.MLA != nil && k.err == nil {
		c.MLA.Scale = latentScale(k, c)
	}
	return c, k.err
}

// vocabulary is the number of rows of the embedding.
func vocabulary(k *keys) int {
	t, ok := k.f.Tensor("token_embd.weight")
	if !ok {
		k.fail("tensor token_embd.weight is missing: this file holds no weights")
		return 0
	}
	if t.Rows() > maxVocab {
		k.fail("token_embd.weight has %d rows: at most %d makes sense", t.Rows(), maxVocab)
	}
	return t.Rows()
}

func readGrouped(k *keys, c *Config) {
	if n, _ := k.optional("expert_count", 0, maxExperts); n > 0 {
		k.fail("architecture %s with %d experts is not supported: want a dense model, or deepseek2", c.Arch, n)
		return
	}
	c.KVHeads, _ = k.optional("attention.head_count_kv", c.Heads, maxDim)
	c.KeyDim, _ = k.optional("attention.key_length", c.Dim/c.Heads, maxDim)
	c.ValueDim, _ = k.optional("attention.value_length", c.KeyDim, maxDim)
	if c.KVHeads == 0 || c.Heads%c.KVHeads != 0 {
		k.fail("%d query heads cannot share %d key heads: want a divisor", c.Heads, c.KVHeads)
	}
	if c.KeyDim == 0 || c.ValueDim == 0 {
		k.fail("%s: head size is zero", c.Arch)
	}
}

func readDeepseek(k *keys, c *Config) {
	m := &MLA{KVLora: k.count("attention.kv_lora_rank", maxDim)}
	m.QLora, _ = k.optional("attention.q_lora_rank", 0, maxDim)
	c.MLA, c.KVHeads = m, 1
	rope := k.count("rope.dimension_count", maxDim)
	// Files with split k_b and v_b state the sizes of the absorbed heads in key_length and
	// value_length, and the true ones in the _mla keys.
	length := func(name string) int {
		if n, ok := k.optional("attention."+name+"_mla", 0, maxDim); ok {
			return n
		}
		return k.count("attention."+name, maxDim)
	}
	c.KeyDim, c.ValueDim = length("key_length"), length("value_length")
	m.Nope = c.KeyDim - rope
	if m.Nope <= 0 {
		k.fail("deepseek2: key_length %d leaves nothing beside the %d rotated values", c.KeyDim, rope)
	}
	c.MoE = readExperts(k)
}

func readExperts(k *keys) *MoE {
	n, _ := k.optional("expert_count", 0, maxExperts)
	if n == 0 {
		return nil
	}
	m := &MoE{Experts: n, Used: k.count("expert_used_count", n)}
	m.Leading, _ = k.optional("leading_dense_block_count", 0, maxLayers)
	m.Shared, _ = k.optional("expert_shared_count", 0, maxExperts)
	m.Scale = float32(k.float("expert_weights_scale", 1))
	m.Normalise, _ = k.f.Bool(k.arch + ".expert_weights_norm")
	switch gate, _ := k.optional("expert_gating_func", 1, math.MaxInt32); gate {
	case 0, 1:
	case 2:
		m.Sigmoid = true
	default:
		k.fail("expert_gating_func %d is not supported: want 1 (softmax) or 2 (sigmoid)", gate)
	}
	m.Groups, _ = k.optional("expert_group_count", 1, n)
	m.Groups = max(m.Groups, 1)
	m.GroupsUsed, _ = k.optional("expert_group_used_count", m.Groups, m.Groups)
	switch {
	case n%m.Groups != 0 || m.Groups > maxGroups:
		k.fail("%d experts do not divide into %d groups: want a divisor up to %d", n, m.Groups, maxGroups)
	case m.GroupsUsed == 0 || m.GroupsUsed*(n/m.Groups) < m.Used:
		k.fail("%d of %d expert groups cannot yield %d experts", m.GroupsUsed, m.Groups, m.Used)
	}
	return m
}

// latentScale is m²/sqrt(key length), m = 1 + multiplier·ln(factor): the YaRN correction of
// DeepSeek, where the multiplier is 0.1·mscale_all_dim. It holds absorbed or not.
func latentScale(k *keys, c *Config) float32 {
	m := 1.0
	if c.Rope.Factor > 1 {
		m += k.float("rope.scaling.yarn_log_multiplier", 0) * math.Log(c.Rope.Factor)
	}
	return float32(m * m / math.Sqrt(float64(c.KeyDim)))
}
