package kv

import (
	"testing"

	"github.com/weir-project/weir/internal/fault"
)

func TestGrowByPages(t *testing.T) {
	c, err := New(Geometry{Layers: 2, Width: 3, Type: F32}, 70)
	if err != nil {
		t.Fatal(err)
	}
	f := func(n, pages int) {
		t.Helper()
		if err := c.Grow(n); err != nil {
			t.Fatal(err)
		}
		if got := len(c.pages[1]); got != pages || c.Len() != n {
			t.Errorf("Grow(%d): %d pages, length %d; want %d, %d", n, got, c.Len(), pages, n)
		}
	}
	f(1, 1)
	f(32, 1)
	f(33, 2)
	f(70, 3)
	if err := c.Grow(71); fault.KindOf(err) != fault.Invalid {
		t.Errorf("Grow past the context: %v, want an invalid-request error", err)
	}
	c.Truncate(5)
	f(6, 3) // pages stay
}

func TestTypes(t *testing.T) {
	f := func(s string, bytesPerToken int, ok bool) {
		t.Helper()
		typ, err := ParseType(s)
		if (err == nil) != ok {
			t.Fatalf("ParseType(%q): %v", s, err)
		}
		if got := (Geometry{Layers: 61, Width: 576, Type: typ}).BytesPerToken(); ok && got != bytesPerToken {
			t.Errorf("%s: %d bytes a token, want %d", s, got, bytesPerToken)
		}
	}
	f("f16", 70272, true) // DeepSeek-V3, ENGINE.md section 8
	f("f32", 140544, true)
	f("q8_0", 0, false)
}

func TestNewRefusesNonsense(t *testing.T) {
	for _, g := range []Geometry{{0, 1, F16}, {1, 0, F16}, {-1, 4, F32}} {
		if _, err := New(g, 10); fault.KindOf(err) != fault.Invalid {
			t.Errorf("New(%v): %v, want an invalid-request error", g, err)
		}
	}
}
