// Package convert makes one model file out of another.
//
// Quantize plans a copy of a GGUF file with its matrices in the types of a Mix; the copy is made while it is written,
// so a model larger than memory passes through.
package convert

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/weir-project/weir/engine/gguf"
	"github.com/weir-project/weir/engine/quant"
)

// Mix says in which type each matrix of a model is kept. Its name is what users know it by.
type Mix struct {
	Name     string
	FileType uint32     // general.file_type, as the GGUF specification numbers it
	base     quant.Type // of most matrices
	more     quant.Type // of those that hurt most when coarse; equal to base in a plain mix
	output   quant.Type // of the output head, and of the embeddings where they serve as one
}

// mixes are sorted from fine to coarse.
var mixes = []Mix{
	{"F32", 0, quant.F32, quant.F32, quant.F32},
	{"F16", 1, quant.F16, quant.F16, quant.F16},
	{"BF16", 32, quant.BF16, quant.BF16, quant.BF16},
	{"Q8_0", 7, quant.Q8_0, quant.Q8_0, quant.Q8_0},
	{"Q6_K", 18, quant.Q6_K, quant.Q6_K, quant.Q6_K},
	{"Q5_K_M", 17, quant.Q5_K, quant.Q6_K, quant.Q6_K},
	{"Q5_K_S", 16, quant.Q5_K, quant.Q5_K, quant.Q6_K},
	{"Q5_1", 9, quant.Q5_1, quant.Q5_1, quant.Q6_K},
	{"Q5_0", 8, quant.Q5_0, quant.Q5_0, quant.Q6_K},
	{"Q4_K_M", 15, quant.Q4_K, quant.Q6_K, quant.Q6_K},
	{"Q4_K_S", 14, quant.Q4_K, quant.Q4_K, quant.Q6_K},
	{"IQ4_NL", 25, quant.IQ4_NL, quant.IQ4_NL, quant.Q6_K},
	{"IQ4_XS", 30, quant.IQ4_XS, quant.IQ4_XS, quant.Q6_K},
	{"Q4_1", 3, quant.Q4_1, quant.Q4_1, quant.Q6_K},
	{"Q4_0", 2, quant.Q4_0, quant.Q4_0, quant.Q6_K},
	{"Q3_K_M", 12, quant.Q3_K, quant.Q4_K, quant.Q6_K},
	{"Q3_K_S", 11, quant.Q3_K, quant.Q3_K, quant.Q6_K},
	{"Q2_K", 10, quant.Q2_K, quant.Q3_K, quant.Q6_K},
}

// MixNames lists the names of all mixes, from fine to coarse.
func MixNames() []string {
	names := make([]string, len(mixes))
	for i, m := range mixes {
		names[i] = m.Name
	}
	return names
}

// MixNamed finds a mix by its name, in capitals or not.
func MixNamed(name string) (Mix, error) {
	i := slices.IndexFunc(mixes, func(m Mix) bool { return strings.EqualFold(m.Name, name) })
	if i < 0 {
		return Mix{}, fmt.Errorf("no quantisation is called %q; there are %s", name, strings.Join(MixNames(), ", "))
	}
	return mixes[i], nil
}

// plan is what a mix needs to know of the whole model.
type plan struct {
	mix    Mix
	layers int
	tied   bool // the embeddings are the output head
}

func newPlan(f *gguf.File, m Mix) plan {
	arch, _ := f.String("general.architecture")
	layers, _ := f.Uint(arch + ".block_count")
	_, untied := f.Tensor("output.weight")
	return plan{mix: m, layers: int(layers), tied: !untied}
}

// typeOf is the type that t is kept in. Vectors, the scores of a router and biases stay as they are: they are small,
// and errors in them reach everything.
func (p plan) typeOf(t *gguf.Tensor) quant.Type {
	if len(t.Shape) < 2 || !strings.HasSuffix(t.Name, ".weight") || strings.Contains(t.Name, "ffn_gate_inp") || strings.Contains(t.Name, "_norm") {
		return t.Type
	}
	want := p.mix.base
	switch {
	case t.Name == "output.weight", t.Name == "token_embd.weight" && p.tied:
		want = p.mix.output
	case p.sensitive(t.Name):
		want = p.mix.more
	}
	return fitting(want, t.Cols())
}

// sensitive reports whether the mix keeps the matrix finer: values of attention and the last matrix of feed-forward
// blocks, in the first and last eighth of the layers and every third between, as llama.cpp does in Q4_K_M.
func (p plan) sensitive(name string) bool {
	rest, ok := strings.CutPrefix(name, "blk.")
	if !ok {
		return false
	}
	number, part, _ := strings.Cut(rest, ".")
	i, err := strconv.Atoi(number)
	if err != nil || !strings.HasPrefix(part, "attn_v") && !strings.HasPrefix(part, "ffn_down") {
		return false
	}
	eighth := p.layers / 8
	return i < eighth || i >= p.layers-eighth || (i-eighth)%3 == 2
}

// fitting is t, or what comes nearest to it without being coarser among the types whose blocks divide rows of cols
// values.
func fitting(t quant.Type, cols int) quant.Type {
	for cols%t.BlockLen() != 0 {
		switch t {
		case quant.Q2_K, quant.Q3_K, quant.IQ4_XS:
			t = quant.IQ4_NL
		case quant.Q4_K:
			t = quant.Q5_0
		case quant.Q5_K:
			t = quant.Q5_1
		case quant.Q6_K:
			t = quant.Q8_0
		default:
			t = quant.F16
		}
	}
	return t
}
