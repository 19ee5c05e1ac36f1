package meter

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
)

func TestCharge(t *testing.T) {
	f := func(u weir.Usage, p weir.Prices, pico string, nano weir.Nano) {
		t.Helper()
		got := Charge(u, p)
		if got.String() != pico || got.Nano() != nano {
			t.Errorf("Charge(%+v, %v) = %s pico, %d nano; want %s, %d", u, p, got, got.Nano(), pico, nano)
		}
		var sum Pico
		for _, line := range Lines(u, p) {
			sum = sum.plus(line.Charge)
		}
		if sum != got {
			t.Errorf("the lines add up to %s, the charge is %s", sum, got)
		}
	}
	r1 := weir.Prices{Input: 550_000, Cached: 140_000, Output: 2_190_000}
	f(weir.Usage{}, r1, "0", 0)
	f(weir.Usage{Input: 1_000_000}, r1, "550000000000", 550_000_000) // $0.55
	f(weir.Usage{Input: 100, Cached: 50, Output: 20}, r1, "105800000", 105_800)
	// $0.003625 per million cached tokens is 3.625 nano-USD a token, rounded once at the end.
	f(weir.Usage{Cached: 3}, weir.Prices{Input: 4000, Cached: 3625}, "10875", 11)
	f(weir.Usage{Cached: 8}, weir.Prices{Input: 4000, Cached: 3625}, "29000", 29)
	f(weir.Usage{Input: 1}, weir.Prices{Input: 1}, "1", 1)
	// The largest charge there can be: 3·2^40 tokens at $1000 a million.
	most := weir.Usage{Input: TokensMax, Cached: TokensMax, Output: TokensMax}
	f(most, weir.Prices{Input: weir.RateMax, Cached: weir.RateMax, Output: weir.RateMax}, "3298534883328000000000", 3_298_534_883_328_000_000)
}

func TestWorstCase(t *testing.T) {
	f := func(prompt, output weir.Tokens, want weir.Nano, problem string, prices ...weir.Prices) {
		t.Helper()
		got, err := WorstCase(prompt, output, prices...)
		if got != want || (err == nil) != (problem == "") || err != nil && (!strings.Contains(err.Error(), problem) || fault.KindOf(err) != fault.Invalid) {
			t.Errorf("got %d, %v; want %d, %q", got, err, want, problem)
		}
	}
	day, night := weir.Prices{Input: 1000, Output: 4000}, weir.Prices{Input: 500, Cached: 500, Output: 5000}
	f(10, 10, 50, "", day)
	f(10, 10, 55, "", day, night)
	f(10, 10, 55, "", night, day)
	f(10, 0, 10, "", day, night)
	f(-1, 0, 0, "input tokens", day)
	f(0, TokensMax+1, 0, "output tokens", day)
	f(0, 0, 0, "cached price", weir.Prices{Input: 1, Cached: 2})
}

func TestDivide(t *testing.T) {
	f := func(pico string, fee int, want Split) {
		t.Helper()
		p, err := ParsePico(pico)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Divide(p, fee); err != nil || got != want {
			t.Errorf("Divide(%s, %d) = %+v, %v; want %+v", pico, fee, got, err, want)
		}
	}
	f("0", 500, Split{})
	f("100000", 0, Split{Charge: 100, Payout: 100})
	f("100000", 500, Split{Charge: 100, Payout: 95, Fee: 5})
	f("100000", FeeMax, Split{Charge: 100, Fee: 100})
	f("1", 500, Split{Charge: 1, Payout: 1})
	f("1", FeeMax, Split{Charge: 1, Rounding: 1})
	f("1500", 5000, Split{Charge: 2, Payout: 1, Rounding: 1}) // 0.75 each: up, down, and the rest
	f("101001", 500, Split{Charge: 102, Payout: 96, Fee: 5, Rounding: 1})
	for _, fee := range []int{-1, FeeMax + 1} {
		if _, err := Divide(Pico{}, fee); fault.KindOf(err) != fault.Invalid {
			t.Errorf("fee %d: %v", fee, err)
		}
	}
}

func usage(t *rapid.T) weir.Usage {
	n := func(name string) weir.Tokens {
		// Small counts and the whole range: rounding shows in the former, width in the latter.
		return weir.Tokens(rapid.OneOf(rapid.Int64Range(0, 10), rapid.Int64Range(0, int64(TokensMax))).Draw(t, name))
	}
	return weir.Usage{Input: n("input"), Cached: n("cached"), Output: n("output")}
}

func prices(t *rapid.T) weir.Prices {
	r := func(name string, most weir.Rate) weir.Rate {
		return weir.Rate(rapid.OneOf(rapid.Int64Range(0, min(int64(most), 5000)), rapid.Int64Range(0, int64(most))).Draw(t, name))
	}
	p := weir.Prices{Input: r("input price", weir.RateMax), Output: r("output price", weir.RateMax)}
	p.Cached = r("cached price", p.Input)
	return p
}

func exact(u weir.Usage, p weir.Prices) *big.Int {
	sum := new(big.Int)
	for _, line := range [][2]int64{{int64(u.Input), int64(p.Input)}, {int64(u.Cached), int64(p.Cached)}, {int64(u.Output), int64(p.Output)}} {
		sum.Add(sum, new(big.Int).Mul(big.NewInt(line[0]), big.NewInt(line[1])))
	}
	return sum
}

// ceilDiv and floorDiv divide non-negative integers.
func ceilDiv(a *big.Int, b int64) int64 {
	q, r := new(big.Int).DivMod(a, big.NewInt(b), new(big.Int))
	if r.Sign() > 0 {
		q.Add(q, big.NewInt(1))
	}
	return q.Int64()
}

func floorDiv(a *big.Int, b int64) int64 { return new(big.Int).Div(a, big.NewInt(b)).Int64() }

// TestAgainstBig compares with arbitrary precision; invariant 16: rounding is below one
// nano-USD and booked.
func TestAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u, p, fee := usage(t), prices(t), rapid.IntRange(0, FeeMax).Draw(t, "fee")
		want, got := exact(u, p), Charge(u, p)
		if got.String() != want.String() {
			t.Fatalf("charge %s, want %s", got, want)
		}
		s, err := Divide(got, fee)
		if err != nil {
			t.Fatal(err)
		}
		payout := new(big.Int).Mul(want, big.NewInt(int64(FeeMax-fee)))
		share := new(big.Int).Mul(want, big.NewInt(int64(fee)))
		if int64(s.Charge) != ceilDiv(want, 1000) || int64(s.Payout) != ceilDiv(payout, 1000*FeeMax) || int64(s.Fee) != floorDiv(share, 1000*FeeMax) {
			t.Fatalf("split %+v of %s at %d", s, want, fee)
		}
		if s.Payout+s.Fee+s.Rounding != s.Charge || s.Rounding < 0 || s.Rounding > 1 {
			t.Fatalf("split %+v does not add up", s)
		}
		worst, err := WorstCase(u.Prompt()%TokensMax, u.Output, p)
		if actual := Charge(weir.Usage{Input: u.Prompt()%TokensMax - u.Cached%(u.Prompt()%TokensMax+1), Cached: u.Cached % (u.Prompt()%TokensMax + 1), Output: u.Output}, p).Nano(); err != nil || worst < actual {
			t.Fatalf("worst case %d is below the charge of %d: %v", worst, actual, err)
		}
	})
}

func TestPicoText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Pico{rapid.Uint64().Draw(t, "hi"), rapid.Uint64().Draw(t, "lo")}
		want := new(big.Int).Add(new(big.Int).Lsh(new(big.Int).SetUint64(p.hi), 64), new(big.Int).SetUint64(p.lo)).String()
		if p.String() != want {
			t.Fatalf("%+v prints %s, want %s", p, p, want)
		}
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var back Pico
		if err := json.Unmarshal(b, &back); err != nil || back != p || back.Cmp(p) != 0 {
			t.Fatalf("%s read back as %s, %v", p, back, err)
		}
	})
	for _, s := range []string{"", "-1", "+1", "01", "1.0", "1e3", " 1", "340282366920938463463374607431768211456"} {
		if p, err := ParsePico(s); err == nil {
			t.Errorf("ParsePico(%q) = %s", s, p)
		}
	}
	if p, err := ParsePico("340282366920938463463374607431768211455"); err != nil || p != (Pico{^uint64(0), ^uint64(0)}) {
		t.Errorf("2^128-1 read as %s, %v", p, err)
	}
}

func TestPicoCmp(t *testing.T) {
	f := func(a, b Pico, want int) {
		t.Helper()
		if got, back := a.Cmp(b), b.Cmp(a); got != want || back != -want {
			t.Errorf("%s against %s is %d, and back %d; want %d", a, b, got, back, want)
		}
	}
	f(Pico{0, 1}, Pico{0, 1}, 0)
	f(Pico{0, 1}, Pico{0, 2}, -1)
	f(Pico{0, 9}, Pico{1, 0}, -1)
}

func BenchmarkDivide(b *testing.B) {
	u, p := weir.Usage{Input: 1234, Cached: 567, Output: 89}, weir.Prices{Input: 550_000, Cached: 55_000, Output: 2_190_000}
	b.ReportAllocs()
	for b.Loop() {
		if s, err := Divide(Charge(u, p), 500); err != nil || s.Charge == 0 {
			b.Fatal(err)
		}
	}
}
