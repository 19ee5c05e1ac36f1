package token

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCanonText(t *testing.T) {
	form := regexp.MustCompile(`^(#.*|@[1-9][0-9]* [0-9A-F]{4,6}(-[0-9A-F]{4,6})?|!?[0-9A-F]{4,6}( [0-9A-F]{4,6}){1,2})\n$`)
	for line := range strings.Lines(canonText) {
		if !form.MatchString(line) {
			t.Errorf("line %q has no known form", line)
		}
	}
}

// TestNormalForms has the examples of Unicode Standard Annex 15, figures 3 to 6, and cases at the edges of the rules.
func TestNormalForms(t *testing.T) {
	c := newCanon()
	composed, decomposed := newClasses(), newClasses()
	c.markUnstable(composed)
	c.markDecomposed(decomposed)
	f := func(text, wantNFC, wantNFD string) {
		t.Helper()
		if got := c.nfc(composed, text); got != wantNFC {
			t.Errorf("NFC of %+q: got %+q, want %+q", text, got, wantNFC)
		}
		if got := c.nfd(decomposed, text); got != wantNFD {
			t.Errorf("NFD of %+q: got %+q, want %+q", text, got, wantNFD)
		}
	}
	f("", "", "")
	f("plain", "plain", "plain")
	f("\u212b", "\u00c5", "A\u030a")                   // singleton
	f("\u2126", "\u03a9", "\u03a9")                    // singleton
	f("\u00c5", "\u00c5", "A\u030a")                   // composes
	f("\u1e69", "\u1e69", "s\u0323\u0307")             // two marks
	f("\u1e0b\u0323", "\u1e0d\u0307", "d\u0323\u0307") // reordered, then composed anew
	f("q\u0307\u0323", "q\u0323\u0307", "q\u0323\u0307")
	f("\ufb01", "\ufb01", "\ufb01")             // a compatibility form stays
	f("\u0958", "\u0915\u093c", "\u0915\u093c") // excluded from composition
	f("\u1161\u11a8", "\u1161\u11a8", "\u1161\u11a8")
	f("\u1112\u1161\u11ab", "\ud55c", "\u1112\u1161\u11ab")
	f("\uac00\u11a8", "\uac01", "\u1100\u1161\u11a8")
	f("\uac01\u11a8", "\uac01\u11a8", "\u1100\u1161\u11a8\u11a8")
	f("a\u0308\u0301", "\u00e4\u0301", "a\u0308\u0301") // \u0301 is blocked from a by a mark of its class
	f("a\u0301\u0308", "\u00e1\u0308", "a\u0301\u0308")
	f("\u0041\u0327\u030a", "\u00c5\u0327", "A\u0327\u030a") // not blocked by a lower class
	f("\u0308a", "\u0308a", "\u0308a")                       // a mark with nothing before it
	f("e\u0301\xff\u0301", "\u00e9\xff\u0301", "e\u0301\xff\u0301")
}

func TestNormalFormsAreStable(t *testing.T) {
	c := newCanon()
	k := newClasses()
	c.markUnstable(k)
	var all []rune
	for r := range c.decomposed {
		all = append(all, r)
	}
	for r := range c.combining {
		all = append(all, r, r)
	}
	all = append(all, 'a', 'e', 'D', hangulL, hangulV+1, hangulT+1, hangulS, hangulS+numT)
	r := rand.New(rand.NewPCG(1, 1))
	for range 5000 {
		var text []byte
		for range 1 + r.IntN(8) {
			text = utf8.AppendRune(text, all[r.IntN(len(all))])
		}
		s := string(text)
		nfc := c.nfc(k, s)
		nfd := encodeRunes(c.decompose(s))
		if again := c.nfc(k, nfc); again != nfc {
			t.Fatalf("NFC of %+q is %+q, whose NFC is %+q", s, nfc, again)
		}
		if back := c.nfc(k, nfd); back != nfc {
			t.Fatalf("NFC of %+q is %+q, by way of NFD %+q", s, nfc, back)
		}
		if back := encodeRunes(c.decompose(nfc)); back != nfd {
			t.Fatalf("NFD of %+q is %+q, by way of NFC %+q", s, nfd, back)
		}
	}
}
