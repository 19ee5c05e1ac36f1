// Package meter turns what a request used into what it costs.
//
// Prices are integer micro-USD per million tokens, which is pico-USD per token, so a charge
// is a sum of integer products: exact in 128 bits. It is rounded once, up, to the ledger's
// nano-USD. A provider's payout is rounded up (a seller is never paid less than quoted), the
// exchange's fee down; what is left, 0 or 1 nano-USD, belongs to the rounding account.
package meter

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/internal/invariant"
)

// TokensMax bounds each count on entry. With prices up to weir.RateMax the largest charge is
// 3·2^40·10^9 pico-USD, about 3.3 billion dollars, which the ledger can hold.
const TokensMax weir.Tokens = 1 << 40

// FeeMax is the whole charge, in basis points.
const FeeMax = 10_000

// Check refuses counts that are negative or above TokensMax.
func Check(u weir.Usage) error {
	for _, part := range []struct {
		name string
		n    weir.Tokens
	}{{"input", u.Input}, {"cached", u.Cached}, {"output", u.Output}} {
		if part.n < 0 || part.n > TokensMax {
			return fault.New(fault.Invalid, "%s tokens %d: want 0 to %d", part.name, part.n, TokensMax)
		}
	}
	return nil
}

// Line is one part of a bill.
type Line struct {
	Part   string      `json:"part"` // input, cached or output
	Tokens weir.Tokens `json:"tokens"`
	Rate   weir.Rate   `json:"rate"`
	Charge Pico        `json:"charge"`
}

// Lines bills each part by itself, exactly.
func Lines(u weir.Usage, p weir.Prices) []Line {
	return []Line{
		{"input", u.Input, p.Input, product(u.Input, p.Input)},
		{"cached", u.Cached, p.Cached, product(u.Cached, p.Cached)},
		{"output", u.Output, p.Output, product(u.Output, p.Output)},
	}
}

// Charge is the exact charge for u at p. Both must have passed their Check.
func Charge(u weir.Usage, p weir.Prices) Pico {
	return product(u.Input, p.Input).plus(product(u.Cached, p.Cached)).plus(product(u.Output, p.Output))
}

// WorstCase is the most that a request can cost: its whole prompt at the uncached price and
// every token it may generate, each at the highest of the prices that may be in force.
func WorstCase(prompt, output weir.Tokens, prices ...weir.Prices) (weir.Nano, error) {
	u := weir.Usage{Input: prompt, Output: output}
	if err := Check(u); err != nil {
		return 0, err
	}
	var most weir.Nano
	for _, p := range prices {
		if err := p.Check(); err != nil {
			return 0, fault.As(fault.Invalid, err)
		}
		// A cached price is never above the uncached one (Prices.Check), so it cannot be worse.
		most = max(most, Charge(u, p).Nano())
	}
	return most, nil
}

// Split is where a charge goes: Charge = Payout + Fee + Rounding.
type Split struct {
	Charge   weir.Nano `json:"charge"`   // what the tenant pays: the exact charge rounded up
	Payout   weir.Nano `json:"payout"`   // the provider's share, rounded up
	Fee      weir.Nano `json:"fee"`      // the exchange's share, rounded down
	Rounding weir.Nano `json:"rounding"` // 0 or 1
}

// Divide splits an exact charge by a fee in basis points, 0 to FeeMax.
func Divide(charge Pico, fee int) (Split, error) {
	if fee < 0 || fee > FeeMax {
		return Split{}, fault.New(fault.Invalid, "fee of %d basis points: want 0 to %d", fee, FeeMax)
	}
	s := Split{
		Charge: charge.Nano(),
		Payout: charge.share(uint64(FeeMax-fee), true),
		Fee:    charge.share(uint64(fee), false),
	}
	s.Rounding = s.Charge - s.Payout - s.Fee
	if s.Rounding != 0 && s.Rounding != 1 {
		broken("rounding of %s at %d basis points is %d", charge, fee, s.Rounding)
	}
	return s, nil
}

// broken stops the process. It stands apart so that its arguments are only built when needed:
// metering runs once a request and allocates nothing.
func broken(format string, args ...any) { invariant.Check(false, format, args...) }

// product is tokens × rate; both are bounded, so it fits.
func product(n weir.Tokens, r weir.Rate) Pico {
	hi, lo := bits.Mul64(uint64(n), uint64(r))
	return Pico{hi, lo}
}

// Pico is an exact, non-negative amount in pico-USD, in 128 bits.
type Pico struct{ hi, lo uint64 }

// picoPerNano and picoPerShare are the two divisors in use.
const (
	picoPerNano  = 1000
	picoPerShare = picoPerNano * FeeMax
)

func (p Pico) plus(q Pico) Pico {
	lo, carry := bits.Add64(p.lo, q.lo, 0)
	hi, over := bits.Add64(p.hi, q.hi, carry)
	if over != 0 {
		broken("the sum of %s and %s exceeds 128 bits", p, q)
	}
	return Pico{hi, lo}
}

// Nano rounds up to the ledger's unit. This is the one place where a charge is rounded.
func (p Pico) Nano() weir.Nano { return p.divide(picoPerNano, true) }

// share is p × points / FeeMax in nano-USD, rounded up or down.
func (p Pico) share(points uint64, up bool) weir.Nano {
	carry, lo := bits.Mul64(p.lo, points)
	over, hi := bits.Mul64(p.hi, points)
	hi, c := bits.Add64(hi, carry, 0)
	if over != 0 || c != 0 {
		broken("a share of %s exceeds 128 bits", p)
	}
	return Pico{hi, lo}.divide(picoPerShare, up)
}

func (p Pico) divide(by uint64, up bool) weir.Nano {
	if p.hi >= by {
		broken("%s exceeds the ledger's range", p)
	}
	q, rest := bits.Div64(p.hi, p.lo, by)
	if up && rest > 0 {
		q++
	}
	if q > math.MaxInt64 {
		broken("%s exceeds the ledger's range", p)
	}
	return weir.Nano(q)
}

// Cmp orders two amounts: -1, 0 or +1.
func (p Pico) Cmp(q Pico) int {
	switch {
	case p == q:
		return 0
	case p.hi < q.hi || p.hi == q.hi && p.lo < q.lo:
		return -1
	}
	return 1
}

// String prints the integer number of pico-USD.
func (p Pico) String() string {
	const chunk = 1_000_000_000_000_000_000 // 10^18
	if p.hi == 0 {
		return fmt.Sprint(p.lo)
	}
	hi, mid := p.hi/chunk, p.hi%chunk
	q, low := bits.Div64(mid, p.lo, chunk)
	// hi is at most 18 and q below 2^64; together they are the quotient by 10^18.
	if hi == 0 {
		return fmt.Sprintf("%d%018d", q, low)
	}
	top, mid := bits.Div64(hi, q, chunk)
	return fmt.Sprintf("%d%018d%018d", top, mid, low)
}

// ParsePico reads what String prints, and nothing else: no sign, no leading zeros.
func ParsePico(s string) (Pico, error) {
	var p Pico
	if s == "" || len(s) > 1 && s[0] == '0' {
		return p, fmt.Errorf("amount %q: want an integer number of pico-USD", s)
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return Pico{}, fmt.Errorf("amount %q: want an integer number of pico-USD", s)
		}
		over, hi := bits.Mul64(p.hi, 10)
		carry, lo := bits.Mul64(p.lo, 10)
		hi, c1 := bits.Add64(hi, carry, 0)
		lo, c2 := bits.Add64(lo, uint64(c-'0'), 0)
		hi, c3 := bits.Add64(hi, 0, c2)
		if over+c1+c3 > 0 {
			return Pico{}, fmt.Errorf("amount %q: more than 128 bits", s)
		}
		p = Pico{hi, lo}
	}
	return p, nil
}

// MarshalText prints p as a decimal string: JSON numbers are not exact at this size.
func (p Pico) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what MarshalText prints.
func (p *Pico) UnmarshalText(text []byte) error {
	v, err := ParsePico(string(text))
	if err != nil {
		return err
	}
	*p = v
	return nil
}
