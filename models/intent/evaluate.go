package intent

import (
	"fmt"
	"io"
	"math"
	"sort"
)

// tolerance is the relative difference below which two numbers count as equal.
const tolerance = 1e-6

// Match says how one field of an answer compares to what was wanted.
type Match uint8

// The outcomes for a field.
const (
	BothNull Match = iota
	Right          // said and equal
	Wrong          // said, but another value
	Missing        // wanted, not said
	Extra          // said, not wanted
)

// Compare compares an answer with what was wanted, field by field in the schema's order. Numbers are equal within
// 1e-6 relative; of questions only counts whether there is one.
func Compare(got, want Order) (exact bool, fields [NumFields]Match) {
	exact = true
	for i := range NumFields {
		g, w := got.field(i), want.field(i)
		switch {
		case g == nil && w == nil:
			fields[i] = BothNull
		case w == nil:
			fields[i] = Extra
		case g == nil:
			fields[i] = Missing
		case i == NumFields-1 || equal(g, w):
			fields[i] = Right
		default:
			fields[i] = Wrong
		}
		exact = exact && fields[i] <= Right
	}
	return exact, fields
}

func equal(a, b any) bool {
	x, ok := a.(float64)
	y, both := b.(float64)
	if !ok || !both {
		return a == b
	}
	return math.Abs(x-y) <= tolerance*math.Max(math.Abs(x), math.Abs(y))
}

// Item is one wish of an evaluation.
type Item struct {
	ID        string
	Wish      string
	Got, Want Order
}

// Score counts the outcomes of one field.
type Score struct{ Right, Wrong, Missing, Extra int }

func (s *Score) add(m Match) {
	switch m {
	case Right:
		s.Right++
	case Wrong:
		s.Wrong++
	case Missing:
		s.Missing++
	case Extra:
		s.Extra++
	}
}

// Precision is the share of said values that are right; NaN when none was said.
func (s Score) Precision() float64 { return ratio(s.Right, s.Right+s.Wrong+s.Extra) }

// Recall is the share of wanted values that were said right; NaN when none was wanted.
func (s Score) Recall() float64 { return ratio(s.Right, s.Right+s.Wrong+s.Missing) }

// F1 is the harmonic mean of precision and recall; NaN when nothing was said or wanted.
func (s Score) F1() float64 {
	return ratio(2*s.Right, 2*s.Right+2*s.Wrong+s.Missing+s.Extra)
}

func ratio(a, b int) float64 {
	if b == 0 {
		return math.NaN()
	}
	return float64(a) / float64(b)
}

// Group is the result over the wishes that share a language or a kind.
type Group struct {
	Name   string
	Items  int
	Exact  int
	Fields [NumFields]Score
}

// All is the score over all fields of the group together.
func (g *Group) All() Score {
	var sum Score
	for _, f := range g.Fields {
		sum.Right += f.Right
		sum.Wrong += f.Wrong
		sum.Missing += f.Missing
		sum.Extra += f.Extra
	}
	return sum
}

// Report is the result of an evaluation: all wishes first, then by language (zh, en), then by the kind that was wanted.
type Report struct {
	Groups []Group
	Failed []string // ids of the wishes whose answer is not exact
}

// Evaluate compares every answer with what was wanted.
func Evaluate(items []Item) Report {
	groups := map[string]*Group{}
	rank := []string{"all", "zh", "en", Slice, Compute, Bundle, Unclear}
	var r Report
	for _, it := range items {
		exact, fields := Compare(it.Got, it.Want)
		if !exact {
			r.Failed = append(r.Failed, it.ID)
		}
		language := "en"
		if Chinese(it.Wish) {
			language = "zh"
		}
		for _, name := range []string{"all", language, it.Want.Kind} {
			g := groups[name]
			if g == nil {
				g = &Group{Name: name}
				groups[name] = g
			}
			g.Items++
			if exact {
				g.Exact++
			}
			for i, m := range fields {
				g.Fields[i].add(m)
			}
		}
	}
	at := func(name string) int {
		for i, n := range rank {
			if n == name {
				return i
			}
		}
		return len(rank)
	}
	for _, g := range groups {
		r.Groups = append(r.Groups, *g)
	}
	sort.Slice(r.Groups, func(i, j int) bool {
		a, b := r.Groups[i].Name, r.Groups[j].Name
		if at(a) != at(b) {
			return at(a) < at(b)
		}
		return a < b
	})
	return r
}

// WriteTable writes exact match by group, and precision, recall and F1 of each field by group, as plain text.
func (r Report) WriteTable(w io.Writer) error {
	if len(r.Groups) == 0 {
		_, err := fmt.Fprintln(w, "no wishes")
		return err
	}
	if _, err := fmt.Fprintf(w, "%-17s %6s %6s %7s  %6s %6s %6s\n", "wishes", "count", "exact", "", "P", "R", "F1"); err != nil {
		return err
	}
	for i := range r.Groups {
		g := &r.Groups[i]
		all := g.All()
		_, err := fmt.Fprintf(w, "%-17s %6d %6d %s  %s %s %s\n", g.Name, g.Items, g.Exact,
			percent(ratio(g.Exact, g.Items), 7), percent(all.Precision(), 6), percent(all.Recall(), 6), percent(all.F1(), 6))
		if err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(w, "\n%-17s %6s %6s", "F1 by field", "P", "R"); err != nil {
		return err
	}
	for _, g := range r.Groups {
		if _, err := fmt.Fprintf(w, " %7s", g.Name); err != nil {
			return err
		}
	}
	for i, name := range fieldNames {
		all := r.Groups[0].Fields[i]
		if _, err := fmt.Fprintf(w, "\n%-17s %s %s", name, percent(all.Precision(), 6), percent(all.Recall(), 6)); err != nil {
			return err
		}
		for _, g := range r.Groups {
			if _, err := fmt.Fprintf(w, " %s", percent(g.Fields[i].F1(), 7)); err != nil {
				return err
			}
		}
	}
	_, err := fmt.Fprintln(w)
	return err
}

// percent formats a share in width columns, "-" for none.
func percent(v float64, width int) string {
	if math.IsNaN(v) {
		return fmt.Sprintf("%*s", width, "-")
	}
	return fmt.Sprintf("%*.1f%%", width-1, 100*v)
}
