package kernel

import (
	"fmt"
	"math"
)

// groupLen is how many consecutive activations share a scale.
const groupLen = 32

// Acts holds N rows of K activations prepared to be multiplied. The zero value is ready for Reserve or Set.
//
// Rows are independent: SetRows may prepare different rows on different workers at the same time.
type Acts struct {
	N, K int
	X    []float32 // [N][K], the activations as they were given, not copied by Set
	Q    []int8    // [N][groups*32], X/D to the nearest integer, in -127..127, zero beyond K
	D    []float32 // [N][groups], a scale for each 32 values: max|X| over a peak
	S    []int32   // [N][groups], sums of Q over 32 values
	H    []int16   // [N][groups*2], sums of Q over 16 values

	groups int       // a row's: K/32 rounded up
	own    []float32 // backs X after Gather
}

// Reserve grows the buffers, so that later calls with at most n rows of at most k values do not allocate.
func (a *Acts) Reserve(n, k int) {
	groups := (k + groupLen - 1) / groupLen
	if need := n * groups; need > cap(a.D) {
		a.Q = make([]int8, need*groupLen)
		a.D = make([]float32, need)
		a.S = make([]int32, need)
		a.H = make([]int16, 2*need)
	}
}

// Set prepares x, which is [n][k] and must stay unchanged while a is in use.
func (a *Acts) Set(x []float32, n, k int) { a.Shape(x, n, k); a.SetRows(x, n, k, 0, n) }

// Shape declares the size and takes x as the float view without preparing any row: SetRows must follow for each.
// Call it once before workers call SetRows.
func (a *Acts) Shape(x []float32, n, k int) {
	if len(x) < n*k {
		panic(fmt.Sprintf("kernel: %d values are no %d rows of %d", len(x), n, k))
	}
	a.Reserve(n, k)
	a.N, a.K, a.X = n, k, x[:n*k]
	a.groups = (k + groupLen - 1) / groupLen
	a.Q = a.Q[:n*a.groups*groupLen]
	a.D, a.S, a.H = a.D[:n*a.groups], a.S[:n*a.groups], a.H[:2*n*a.groups]
}

// SetRows prepares rows r0 to r1 of x, which is [n][k]. It is the part of Set that workers may share, after Shape;
// a single caller may leave Shape out.
func (a *Acts) SetRows(x []float32, n, k, r0, r1 int) {
	if a.N != n || a.K != k || len(a.X) > 0 && &a.X[0] != &x[0] {
		a.Shape(x, n, k)
	}
	for r := r0; r < r1; r++ {
		quantize(a.row(r), x[r*k:][:k:k])
	}
}

// quants is one quantised row, or a part of one that starts at a group: see Acts.
type quants struct {
	q []int8
	d []float32
	s []int32
	h []int16
}

// row is the quantised form of row r.
func (a *Acts) row(r int) quants {
	g := a.groups
	return quants{a.Q[r*g*groupLen:][: g*groupLen : g*groupLen], a.D[r*g:][:g:g], a.S[r*g:][:g:g], a.H[r*g*2:][: 2*g : 2*g]}
}

// from is the row from group g on.
func (x quants) from(g int) quants { return quants{x.q[g*groupLen:], x.d[g:], x.s[g:], x.h[2*g:]} }

// ReserveGather is Reserve for a later Gather, which needs room for a copy of the float view besides.
func (a *Acts) ReserveGather(n, k int) {
	a.Reserve(n, k)
	if n*k > cap(a.own) {
		a.own = make([]float32, n*k)
	}
}

// Gather makes a the given rows of src, in that order: the activations routed to one expert. It copies, and grows
// the buffers if need be.
func (a *Acts) Gather(src *Acts, rows []int32) {
	n, k := len(rows), src.K
	a.ReserveGather(n, k)
	a.own = a.own[:n*k]
	a.Shape(a.own, n, k)
	for i, r := range rows {
		copy(a.X[i*k:][:k], src.X[int(r)*k:])
		to, from := a.row(i), src.row(int(r))
		copy(to.q, from.q)
		copy(to.d, from.d)
		copy(to.s, from.s)
		copy(to.h, from.h)
	}
}

// quantizeRef is the definition of quantize. A group's scale is its largest magnitude over one of the peaks, the one
// that leaves the least error (the first of equals); a value becomes the nearest integer multiple, ties to even. A
// group of zeros, or one whose scale's inverse overflows, has scale 0 and quants 0. A group that holds NaN or an
// infinity has scale NaN, so that whatever it is multiplied by is NaN.
func quantizeRef(to quants, x []float32) {
	for g := range to.d {
		group := x[g*groupLen : min((g+1)*groupLen, len(x))]
		out := to.q[g*groupLen:][:groupLen]
		to.d[g] = quantizeGroup(out, group)
		to.h[2*g], to.h[2*g+1] = sum16(out), sum16(out[16:])
		to.s[g] = int32(to.h[2*g]) + int32(to.h[2*g+1])
	}
}

func quantizeGroup(out []int8, x []float32) (scale float32) {
	clear(out)
	var top float32
	var poison float32 // stays 0 for finite values
	for _, v := range x {
		top = max(top, float32(math.Abs(float64(v))))
		poison += v * 0
	}
	if poison != poison {
		return float32(math.NaN())
	}
	if 127/top > math.MaxFloat32 {
		return 0
	}
	var inverse, least float32
	for c, peak := range peaks {
		i := peak / top
		if cost := float32(roundingError(x, i) * peakWeights[c]); c == 0 || cost < least {
			least, inverse, scale = cost, i, top/peak
		}
	}
	for i, v := range x {
		out[i] = int8(math.RoundToEven(float64(float32(v * inverse))))
	}
	return scale
}

// peaks are the quants that a group's largest value may get. A lower one makes the steps a little wider but draws the
// rounding errors anew; the best of eight has about a fifth less of it than 127 alone, and the error of whole models
// falls by 15 % (docs/decisions/0003-activations.md).
var peaks = [8]float32{127, 126, 125, 124, 123, 122, 121, 120}

// peakWeights turn an error in steps into one in values, but for a factor that all peaks of a group share.
var peakWeights = func() (w [len(peaks)]float32) {
	for c, p := range peaks {
		w[c] = float32(1 / float64(p*p))
	}
	return w
}()

// roundingError is the sum of squares that rounding x·inverse leaves, in the order of additions that vectors of 16
// or twice 8 lanes share.
func roundingError(x []float32, inverse float32) float32 {
	var p [16]float32
	for i, v := range x {
		t := float32(v * inverse)
		e := t - float32(math.RoundToEven(float64(t)))
		p[i%16] += float32(e * e)
	}
	for i := range 8 {
		p[i] += p[i+8]
	}
	for i := range 4 {
		p[i] += p[i+4]
	}
	return (p[0] + p[1]) + (p[2] + p[3])
}

func sum16(q []int8) (sum int16) {
	for _, v := range q[:16] {
		sum += int16(v)
	}
	return sum
}
