package weir

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNanoString(t *testing.T) {
	f := func(n Nano, want string) {
		t.Helper()
		if got := n.String(); got != want {
			t.Errorf("Nano(%d) = %s, want %s", int64(n), got, want)
		}
	}
	f(0, "$0.00")
	f(USD, "$1.00")
	f(400_000_000, "$0.40")
	f(3600, "$0.0000036")
	f(-1, "-$0.000000001")
	f(math.MinInt64, "-$9223372036.854775808")
}

func TestParseNano(t *testing.T) {
	f := func(s string, want Nano, problem string) {
		t.Helper()
		got, err := ParseNano(s)
		if got != want || (err == nil) != (problem == "") || (err != nil && !strings.Contains(err.Error(), problem)) {
			t.Errorf("ParseNano(%q) = %d, %v; want %d, %q", s, got, err, want, problem)
		}
	}
	f("12", 12*USD, "")
	f("0.40", 400_000_000, "")
	f("$.5", USD/2, "")
	f("-$1.25", -USD*5/4, "")
	f("0.0000000001", 0, "at most nine decimals")
	f("1e3", 0, "want dollars")
	f("", 0, "want dollars")
	f("99999999999", 0, "9.2 billion")
}

func TestNanoRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := Nano(rapid.Int64Min(math.MinInt64+1).Draw(t, "n"))
		got, err := ParseNano(n.String())
		if err != nil || got != n {
			t.Fatalf("%s read back as %d, %v; want %d", n, got, err, n)
		}
	})
}

func TestIDText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var id, back ID
		copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		text, err := id.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		if err := back.UnmarshalText(text); err != nil || back != id {
			t.Fatalf("%s read back as %s, %v", id, back, err)
		}
	})
	if _, err := ParseID("12"); err == nil || !strings.Contains(err.Error(), "32 hexadecimal digits") {
		t.Errorf("ParseID(12): %v", err)
	}
}

func TestInstantString(t *testing.T) {
	if got, want := Instant(1_500_000_000).String(), "1970-01-01T00:00:01.5Z"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestPricesCheck(t *testing.T) {
	f := func(p Prices, problem string) {
		t.Helper()
		err := p.Check()
		if (err == nil) != (problem == "") || (err != nil && !strings.Contains(err.Error(), problem)) {
			t.Errorf("%v.Check() = %v, want %q", p, err, problem)
		}
	}
	f(Prices{550_000, 55_000, 2_190_000}, "")
	f(Prices{-1, 0, 0}, "input price -1")
	f(Prices{0, 0, RateMax + 1}, "output price")
	f(Prices{5, 6, 0}, "cached price 6 is above")
}
