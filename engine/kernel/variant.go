package kernel

import (
	"fmt"
	"sync/atomic"

	"github.com/weir-project/weir/engine/quant"
)

// tier is a set of instructions that kernels are written for.
type tier int32

const (
	portable tier = iota
	avx2
	avx512
)

func (t tier) String() string {
	switch t {
	case avx512:
		return "avx512vnni"
	case avx2:
		return "avx2"
	}
	return "go"
}

// chosen is the tier in use. It changes in Force alone.
var chosen atomic.Int32

func init() { chosen.Store(int32(bestTier())) }

func using() tier { return tier(chosen.Load()) }

// Variant says how one kernel is done at present.
type Variant struct {
	Kernel string   // what it does: "matmul Q4_K", "softmax"
	Exists []string // the variants written, best first
	Chosen string
	Why    string
}

// Variants lists all kernels.
func Variants() []Variant {
	why := whyChosen()
	var list []Variant
	for _, name := range kernelNames() {
		v := Variant{Kernel: name, Chosen: using().String(), Why: why}
		for t := avx512; t >= portable; t-- {
			v.Exists = append(v.Exists, t.String())
		}
		list = append(list, v)
	}
	return list
}

// kernelNames are what has a variant of every tier, which is everything.
func kernelNames() []string {
	var names []string
	for _, t := range quant.Types() {
		names = append(names, "matmul "+t.String())
	}
	return append(names, "quantise activations", "dot", "axpy", "rms norm", "softmax", "silu", "add", "to f16")
}

// whyChosen explains the tier in use.
func whyChosen() string {
	switch best := bestTier(); {
	case using() != best:
		return "forced; the best here is " + best.String()
	case best == avx512:
		return "the CPU has all it needs"
	default:
		return "for " + (best + 1).String() + " " + missing(best+1)
	}
}

// Force makes all kernels use the named variant: "avx512vnni", "avx2" or "go". It is meant for tests and comparisons: results of the same name are always equal,
// those of different names differ in the last bits. It fails if the CPU cannot run the variant, or the build left
// it out.
func Force(name string) error {
	for t := portable; t <= avx512; t++ {
		if t.String() != name {
			continue
		}
		if why := missing(t); why != "" {
			return fmt.Errorf("force kernel variant %s: %s", name, why)
		}
		chosen.Store(int32(t))
		return nil
	}
	return fmt.Errorf("force kernel variant %q: the variants are avx512vnni, avx2 and go", name)
}

// bestTier is the highest that is not missing.
func bestTier() tier {
	for t := avx512; t > portable; t-- {
		if missing(t) == "" {
			return t
		}
	}
	return portable
}
