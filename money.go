package weir

import (
	"fmt"
	"strconv"
	"strings"
)

// Nano is an amount of money in nano-USD, the unit of the ledger: 1 USD = 1e9.
// int64 holds ±$9.2 billion.
type Nano int64

// USD is one dollar.
const USD Nano = 1_000_000_000

// String prints n as dollars with as many decimals as it needs, at least two: $0.0000036.
func (n Nano) String() string {
	sign := ""
	u := uint64(n)
	if n < 0 {
		sign, u = "-", -u
	}
	frac := strings.TrimRight(fmt.Sprintf("%09d", u%uint64(USD)), "0")
	for len(frac) < 2 {
		frac += "0"
	}
	return sign + "$" + strconv.FormatUint(u/uint64(USD), 10) + "." + frac
}

// ParseNano reads a decimal amount of dollars such as "12", "0.40" or "$0.000001". More than
// nine decimals are refused: money is never rounded on the way in.
func ParseNano(s string) (Nano, error) {
	text := strings.TrimPrefix(strings.TrimSpace(s), "$")
	neg := strings.HasPrefix(text, "-")
	text = strings.TrimPrefix(strings.TrimPrefix(text, "-"), "$")
	whole, frac, _ := strings.Cut(text, ".")
	if whole == "" && frac == "" || strings.ContainsAny(text, "+-eE") {
		return 0, fmt.Errorf("amount %q: want dollars such as 0.40", s)
	}
	if len(frac) > 9 {
		return 0, fmt.Errorf("amount %q: at most nine decimals, the ledger's unit is a billionth of a dollar", s)
	}
	if whole == "" {
		whole = "0"
	}
	n, err := strconv.ParseInt(whole+frac+strings.Repeat("0", 9-len(frac)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("amount %q: want dollars such as 0.40, at most 9.2 billion", s)
	}
	if neg {
		n = -n
	}
	return Nano(n), nil
}

// Rate is a price in micro-USD per million tokens, which is pico-USD per token:
// $0.55 a million is Rate(550_000).
type Rate int64

// String prints r as dollars per million tokens.
func (r Rate) String() string { return Nano(r*1000).String() + "/M" }

// RateMax bounds every price on entry, so that no product of prices and token counts
// overflows 128 bits and no worst-case hold overflows the ledger: $1000 per million.
const RateMax Rate = 1_000_000_000

// Prices is the three-part price of a model.
type Prices struct {
	Input  Rate `json:"input" yaml:"input"`
	Cached Rate `json:"cached" yaml:"cached"`
	Output Rate `json:"output" yaml:"output"`
}

// Check refuses prices outside 0..RateMax and a cached price above the uncached one.
func (p Prices) Check() error {
	for _, part := range []struct {
		name string
		rate Rate
	}{{"input", p.Input}, {"cached", p.Cached}, {"output", p.Output}} {
		if part.rate < 0 || part.rate > RateMax {
			return fmt.Errorf("%s price %d: want 0 to %d micro-USD per million tokens", part.name, part.rate, RateMax)
		}
	}
	if p.Cached > p.Input {
		return fmt.Errorf("cached price %d is above the input price %d", p.Cached, p.Input)
	}
	return nil
}

// String prints the three parts in the order input/cached/output.
func (p Prices) String() string {
	return p.Input.String() + " " + p.Cached.String() + " " + p.Output.String()
}
