// Package kernel multiplies quantised weights by activations, and does the float work of a transformer layer.
//
// A caller prepares rows of activations once (Acts.Set) and multiplies them by as many weight matrices as it likes
// (MatMul). Weights stay in the blocks of their GGUF file and are read in place. Every function works on slices its
// caller owns, starts no goroutine, keeps no state and allocates nothing, except that Acts grows in Reserve and Set.
// To use several cores, cut the rows of a matrix into chunks (RowGrain) and give the chunks to a Workers.
//
// # Numbers
//
// Weights of type F32, F16, BF16 and Q2_K multiply the float32 activations. All other types multiply activations
// rounded to int8 with one scale for each 32 values. For row r, and for each run b of 32 columns in order:
//
//	sum  = Σ sub[r][c]·(q[r][c]-zero)·a[c]        over the 32 columns, an exact integer below 2^24
//	term = scale[r][b]·sum - minimum[r][b]·Σ a[c]
//	y[r] = y[r] + d[b]·term
//
// where a are the rounded activations and d their scales. Only the float operations round. Every variant keeps this
// order, so the result of one row of weights and one row of activations depends neither on the rows beside it nor
// on how the work was cut: N = 1 and N = 512 agree to the last bit. Variants of different instruction sets differ
// only where one fuses a multiplication with an addition and the other rounds in between.
//
// NaN and infinity in activations or in the scales of weights make the results that depend on them NaN or
// infinite; they never reach other results.
//
// # Variants
//
// Each kernel exists in portable Go, which is the definition, and may exist in assembly (Variants lists them). The
// best one that the CPU can run is chosen at start; the build tag purego leaves the assembly out.
package kernel
