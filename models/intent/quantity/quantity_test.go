package quantity

import (
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// testNow is a Wednesday.
var testNow = time.Date(2026, 3, 4, 9, 20, 0, 0, time.UTC)

const testLayout = "01-02T15:04"

// readCase is a wording and what should be read from it: "kind value" in order of appearance.
type readCase struct{ text, want string }

func checkCases(t *testing.T, cases []readCase) {
	t.Helper()
	for _, c := range cases {
		r := Read(c.text)
		checkReading(t, c.text, r)
		if got := describe(r); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

func describe(r Reading) string {
	var out []string
	for _, p := range r.Placeholders {
		v := strconv.FormatFloat(p.Value, 'f', -1, 64)
		if p.Kind == Time {
			at, _ := p.Clock.Resolve(testNow)
			v = at.Format(testLayout)
		}
		out = append(out, p.Kind.String()+" "+v+[]string{"", "$", "¥"}[p.Currency])
	}
	return strings.Join(out, ", ")
}

// FuzzRead checks what must hold for any bytes: no panic, ranges that slice the original in order, numbering per kind.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		"", "给三号产线的质检相机开一条上行50兆、时延10毫秒以内、可用性四个9的专线，明早八点到晚六点",
		"from ten until two tomorrow, 20 cameras at 8 Mbps each", "\xff\xfe三百", "１２：３０－１４：００", "$$$1.5k 1-1a-1a", "1,000,000.5.6",
		"half a", "in a", "一一一一一一一一一一一一一一一一一一一", "12月3号到", "a hundred and and", "２０２６年３月", "零点零零", "百分之",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkReading(t, s, Read(s)) })
}

func checkReading(t *testing.T, s string, r Reading) {
	t.Helper()
	pos := 0
	var count [NumKinds]int
	next := 0
	for _, g := range r.Segments {
		if g.Start < pos || g.End < g.Start || g.End > len(s) {
			t.Fatalf("segment [%d,%d) after %d in %d bytes", g.Start, g.End, pos, len(s))
		}
		pos = g.End
		if p := g.Placeholder; p != nil {
			count[p.Kind]++
			if p.Index != count[p.Kind] || p.Index > MaxIndex || p.Raw != s[p.Start:p.End] || p.Start != g.Start || p.End != g.End {
				t.Fatalf("placeholder %+v does not fit %q", p, s)
			}
			if *p != r.Placeholders[next] {
				t.Fatalf("segments and placeholders disagree at %d", next)
			}
			next++
			continue
		}
		if g.Text == "" || !utf8.ValidString(g.Text) {
			t.Fatalf("text segment %q", g.Text)
		}
		last := g.Start
		for i := range len(g.Text) {
			a, b := g.Range(i, i+1)
			if a < last || b < a || b > g.End {
				t.Fatalf("byte %d of %q maps to [%d,%d) after %d", i, g.Text, a, b, last)
			}
			last = a
		}
		if strings.ToLower(s[g.Start:g.End]) == g.Text {
			if a, b := g.Range(0, len(g.Text)); a != g.Start || b != g.End {
				t.Fatalf("whole text maps to [%d,%d), want [%d,%d)", a, b, g.Start, g.End)
			}
		}
	}
	if next != len(r.Placeholders) {
		t.Fatalf("%d placeholders in segments, %d in all", next, len(r.Placeholders))
	}
}
