package key

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
)

func TestRoundTrip(t *testing.T) {
	for _, id := range []weir.KeyID{"", "first", "plant-3"} {
		text, got, err := New(id, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if id != "" && got != id {
			t.Errorf("New(%q) made id %q", id, got)
		}
		parsed, err := Parse(text)
		if err != nil || parsed != got {
			t.Errorf("Parse(%q) = %q, %v; want %q", text, parsed, err, got)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, id := range []weir.KeyID{"a_b", "Upper", "käse", weir.KeyID(strings.Repeat("a", idMax+1))} {
		if text, _, err := New(id, rand.Reader); fault.KindOf(err) != fault.Invalid {
			t.Errorf("New(%q) = %q, %v; want Invalid", id, text, err)
		}
	}
	if _, _, err := New("", bytes.NewReader([]byte("short"))); err == nil {
		t.Error("a short source of randomness made a key")
	}
}

func TestParseRefuses(t *testing.T) {
	good, _, err := New("first", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(good) {
		bad := []byte(good)
		bad[i]++
		if _, err := Parse(string(bad)); fault.KindOf(err) != fault.Denied {
			t.Errorf("changed character %d of a key: %v; want Denied", i, err)
		}
	}
	for _, bad := range []string{"", "sk-123", "weir___", good + "x", good[1:], good + "_", strings.Repeat("a", 1<<20)} {
		if _, err := Parse(bad); fault.KindOf(err) != fault.Denied {
			t.Errorf("Parse of %d bytes: %v; want Denied", len(bad), err)
		} else if bad != "" && len(bad) < 200 && strings.Contains(err.Error(), bad) {
			t.Errorf("the error repeats the key: %v", err)
		}
	}
}

func TestDigest(t *testing.T) {
	// RFC 4231, test case 2.
	const want = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
	if got := Digest([]byte("Jefe"), "what do ya want for nothing?"); got != want || !Equal(got, want) {
		t.Errorf("Digest = %s, want %s", got, want)
	}
	if Equal(want, want[:63]+"4") || Equal(want, "") {
		t.Error("unequal digests compare equal")
	}
}

func FuzzParse(f *testing.F) {
	good, _, _ := New("first", rand.Reader)
	f.Add(good)
	f.Add("weir_a_b_c")
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := Parse(s); err == nil && !strings.HasPrefix(s, "weir_"+string(id)+"_") {
			t.Errorf("Parse(%q) = %q", s, id)
		}
	})
}
