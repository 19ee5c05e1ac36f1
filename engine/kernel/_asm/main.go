// Command _asm writes the amd64 assembly of package kernel. Its argument names the set to write: regen.sh runs it
// once for each. The files are committed; a test in package kernel fails when they are out of date.
package main

import (
	"flag"
	"log"

	"github.com/mmcloughlin/avo/build"
)

// sets are the output files by the name of the variant and purpose.
var sets = map[string]func(){
	"matmul_avx512": matmulAVX512,
	"matmul_avx2":   matmulAVX2,
	"float_avx512":  func() { floatKernels(isa512); quantizeAVX512() },
	"float_avx2":    func() { floatKernels(isa256); quantizeAVX2() },
}

func main() {
	name := flag.String("set", "", "which set to write")
	flag.Parse()
	write, ok := sets[*name]
	if !ok {
		log.Fatalf("set %q is unknown", *name)
	}
	build.ConstraintExpr("!purego")
	write()
	build.Generate()
}
