package kernel

import (
	"fmt"
	"sync/atomic"
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

// Force makes all kernels use the named variant ("avx512vnni", "avx2" or "go"), or the next lower one where a
// kernel has none of that name. It is meant for tests and comparisons: results of the same name are always equal,
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
