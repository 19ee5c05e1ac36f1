package template

import (
	"math"
	"math/big"
	"math/bits"
)

// maxDigits bounds the decimal digits of an integer that is read or printed, as Python does, and maxBits the size of
// one that arithmetic may yield.
const (
	maxDigits = 4300
	maxBits   = 1 << 16
)

// normal returns b as int64 when it fits, so that every integer has one representation.
func normal(b *big.Int) Value {
	if b.IsInt64() {
		return b.Int64()
	}
	return b
}

// intOf returns v as an integer value (int64 or *big.Int) if v is an int or bool.
func intOf(v Value) (Value, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return int64(1), true
		}
		return int64(0), true
	case int64, *big.Int:
		return v, true
	}
	return nil, false
}

func bigOf(v Value) *big.Int {
	switch v := v.(type) {
	case int64:
		return big.NewInt(v)
	case *big.Int:
		return v
	}
	return new(big.Int)
}

// intOfFloat truncates f towards zero; ok is false for infinities and NaN.
func intOfFloat(f float64) (Value, bool) {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return nil, false
	}
	if math.Abs(f) < 1<<62 {
		return int64(f), true
	}
	b, _ := new(big.Float).SetFloat64(f).Int(nil)
	return normal(b), true
}

// floatOf returns a number as float64; exact integers are rounded to nearest.
func (it *interp) floatOf(v Value) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case bool:
		if v {
			return 1
		}
		return 0
	case int64:
		return float64(v)
	case *big.Int:
		f, _ := new(big.Float).SetInt(v).Float64()
		if math.IsInf(f, 0) {
			it.fail(overflowError, "int too large to convert to float")
		}
		return f
	}
	it.fail(typeError, "must be real number, not %s", typeName(v))
	return 0
}

func isNumber(v Value) bool {
	switch v.(type) {
	case bool, int64, *big.Int, float64:
		return true
	}
	return false
}

// compareNumbers returns -1, 0 or 1, exactly also between integers and floats; ok is false if either is NaN.
func compareNumbers(a, b Value) (order int, ok bool) {
	fa, aFloat := a.(float64)
	fb, bFloat := b.(float64)
	switch {
	case aFloat && bFloat:
		return compareFloats(fa, fb)
	case aFloat:
		order, ok = compareIntFloat(b, fa)
		return -order, ok
	case bFloat:
		return compareIntFloat(a, fb)
	}
	ia, _ := intOf(a)
	ib, _ := intOf(b)
	x, xSmall := ia.(int64)
	y, ySmall := ib.(int64)
	if !xSmall || !ySmall {
		return bigOf(ia).Cmp(bigOf(ib)), true
	}
	switch {
	case x < y:
		return -1, true
	case x > y:
		return 1, true
	}
	return 0, true
}

func compareFloats(a, b float64) (order int, ok bool) {
	switch {
	case a < b:
		return -1, true
	case a > b:
		return 1, true
	}
	return 0, a == b
}

func compareIntFloat(n Value, f float64) (order int, ok bool) {
	i, _ := intOf(n)
	if small, isSmall := i.(int64); isSmall && small < 1<<53 && small > -1<<53 {
		return compareFloats(float64(small), f)
	}
	if math.IsNaN(f) {
		return 0, false
	}
	return new(big.Float).SetInt(bigOf(i)).Cmp(big.NewFloat(f)), true
}

// arith applies one of + - * / // % ** to two numbers.
func (it *interp) arith(op string, a, b Value) Value {
	_, aFloat := a.(float64)
	_, bFloat := b.(float64)
	if aFloat || bFloat {
		return it.arithFloat(op, it.floatOf(a), it.floatOf(b))
	}
	ia, _ := intOf(a)
	ib, _ := intOf(b)
	if x, ok := ia.(int64); ok {
		if y, ok := ib.(int64); ok {
			if v, ok := arithSmall(op, x, y); ok {
				return v
			}
		}
	}
	return it.arithBig(op, bigOf(ia), bigOf(ib))
}

// arithSmall handles what fits in int64; ok is false where it may not, or where there is an error to report.
func arithSmall(op string, x, y int64) (v Value, ok bool) {
	switch op {
	case "+":
		s := x + y
		return s, (s > x) == (y > 0)
	case "-":
		d := x - y
		return d, (d < x) == (y > 0)
	case "*":
		hi, lo := bits.Mul64(magnitude(x), magnitude(y))
		return x * y, hi == 0 && lo < 1<<63
	case "//", "%":
		if y == 0 || y == -1 {
			return nil, false
		}
		q, r := x/y, x%y
		if r != 0 && (r < 0) != (y < 0) {
			q, r = q-1, r+y
		}
		if op == "%" {
			return r, true
		}
		return q, true
	}
	return nil, false
}

func magnitude(x int64) uint64 {
	if x < 0 {
		return -uint64(x)
	}
	return uint64(x)
}

func (it *interp) arithBig(op string, a, b *big.Int) Value {
	it.spend((a.BitLen()/64 + 1) * (b.BitLen()/64 + 1) / 16)
	r := new(big.Int)
	switch op {
	case "+":
		r.Add(a, b)
	case "-":
		r.Sub(a, b)
	case "*":
		it.checkBits(a.BitLen() + b.BitLen())
		r.Mul(a, b)
	case "**":
		return it.power(a, b)
	case "/":
		return it.divide(a, b)
	default:
		if b.Sign() == 0 {
			it.fail(zeroDivision, "integer division or modulo by zero")
		}
		m := new(big.Int)
		r.DivMod(a, b, m)
		if m.Sign() != 0 && b.Sign() < 0 { // DivMod is Euclidean, Python's floors
			r.Sub(r, big.NewInt(1))
			m.Add(m, b)
		}
		if op == "%" {
			r = m
		}
	}
	it.checkBits(r.BitLen())
	return normal(r)
}

func (it *interp) checkBits(n int) {
	if n > maxBits {
		it.fail(overflowError, "integer of more than %d bits", maxBits)
	}
}

func (it *interp) power(a, b *big.Int) Value {
	if b.Sign() < 0 {
		return it.arithFloat("**", it.floatOf(a), it.floatOf(b))
	}
	if a.BitLen() > 1 {
		if !b.IsInt64() || b.Int64() > maxBits {
			it.checkBits(maxBits + 1)
		}
		it.checkBits((a.BitLen() - 1) * int(b.Int64()))
		it.spend((a.BitLen() * int(b.Int64())) >> 6)
		return normal(new(big.Int).Exp(a, b, nil))
	}
	switch { // 0, 1 and -1 to any power
	case a.Sign() == 0 && b.Sign() > 0:
		return int64(0)
	case a.Sign() < 0 && b.Bit(0) == 1:
		return int64(-1)
	}
	return int64(1)
}

// divide is true division: the float nearest to the exact quotient.
func (it *interp) divide(a, b *big.Int) Value {
	if b.Sign() == 0 {
		it.fail(zeroDivision, "division by zero")
	}
	f, _ := new(big.Rat).SetFrac(a, b).Float64()
	if math.IsInf(f, 0) {
		it.fail(overflowError, "integer division result too large for a float")
	}
	return f
}

func (it *interp) arithFloat(op string, a, b float64) Value {
	switch op {
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	case "**":
		return it.powerFloat(a, b)
	}
	if b == 0 {
		it.fail(zeroDivision, "float division by zero")
	}
	switch op {
	case "/":
		return a / b
	case "%":
		return floorMod(a, b)
	}
	q := math.Round((a - floorMod(a, b)) / b)
	if q == 0 {
		return math.Copysign(0, a/b)
	}
	return q
}

// floorMod is a remainder with the sign of b.
func floorMod(a, b float64) float64 {
	m := math.Mod(a, b)
	if m == 0 {
		return math.Copysign(0, b)
	}
	if (m < 0) != (b < 0) {
		m += b
	}
	return m
}

func (it *interp) powerFloat(a, b float64) Value {
	if a == 0 && b < 0 {
		it.fail(zeroDivision, "0.0 cannot be raised to a negative power")
	}
	p := math.Pow(a, b)
	if math.IsNaN(p) && !math.IsNaN(a) && !math.IsNaN(b) {
		it.fail(typeError, "complex numbers are not supported")
	}
	if math.IsInf(p, 0) && !math.IsInf(a, 0) && !math.IsInf(b, 0) {
		it.fail(overflowError, "numerical result out of range")
	}
	return p
}

// negate is unary minus.
func (it *interp) negate(v Value) Value {
	if f, ok := v.(float64); ok {
		return -f
	}
	n, ok := intOf(v)
	if !ok {
		it.refuse(v)
		it.fail(typeError, "bad operand type for unary -: %s", quote(typeName(v)))
	}
	return it.arith("-", int64(0), n)
}
