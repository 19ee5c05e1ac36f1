package quantity

import (
	"fmt"
	"sort"
)

// Kind says what a quantity measures, and so the unit of Placeholder.Value.
type Kind uint8

// The kinds, with the unit of Placeholder.Value.
const (
	Num       Kind = iota // a bare number
	Rate                  // Mbit/s
	Latency               // milliseconds, from time spans given in seconds or less
	Duration              // minutes
	Time                  // a point in time; Value is unused, see Placeholder.Clock
	Money                 // units of Placeholder.Currency
	Percent               // per cent
	TokenRate             // tokens per second
	numKinds
)

// NumKinds is the number of kinds; MaxIndex is the highest number a placeholder of one kind can have.
const (
	NumKinds = int(numKinds)
	MaxIndex = 8
)

var kindNames = [numKinds]string{"num", "rate", "lat", "dur", "time", "money", "pct", "tps"}

// String returns the short name used in placeholder tokens: num, rate, lat, dur, time, money, pct or tps.
func (k Kind) String() string {
	if k < numKinds {
		return kindNames[k]
	}
	return fmt.Sprintf("kind%d", uint8(k))
}

// Currency is the currency of a Money placeholder.
type Currency uint8

// The two currencies an order can be budgeted in.
const (
	NoCurrency Currency = iota
	USD
	CNY
)

// Placeholder is one quantity found in the text.
type Placeholder struct {
	Kind       Kind
	Index      int // 1..MaxIndex, counted per kind in order of appearance
	Value      float64
	Unit       float64  // Value of one of the unit as written: 1000 for Gbit/s, 60 for hours; 0 when it has none
	Currency   Currency // of Money
	Clock      TimeExpr // of Time
	Raw        string   // as written
	Start, End int      // byte range in the original
}

// Token returns the name of the vocabulary entry that stands for p, such as "<rate1>".
func (p Placeholder) Token() string { return fmt.Sprintf("<%s%d>", p.Kind, p.Index) }

// Segment is a stretch of normalised text, or one placeholder when Placeholder is not nil (Text is then empty).
type Segment struct {
	Text        string
	Start, End  int // byte range in the original
	Placeholder *Placeholder

	offsets []int32 // of a text segment: original offset of each byte of Text, and of its end
}

// Range maps bytes i to j of Text to the byte range of the original they came from.
// Bounds outside the text are clamped. For a placeholder it is the placeholder's whole range.
func (s Segment) Range(i, j int) (start, end int) {
	if s.Placeholder != nil || len(s.offsets) == 0 {
		return s.Start, s.End
	}
	n := len(s.offsets) - 1
	i = min(max(i, 0), n)
	j = min(max(j, i), n)
	return int(s.offsets[i]), int(s.offsets[j])
}

// Reading is a wish split into text and quantities. The ranges of Segments follow each other without gaps,
// save for white space that normalisation dropped.
type Reading struct {
	Original     string
	Segments     []Segment
	Placeholders []Placeholder
}

// Find returns the placeholder of the given kind and index, or nil.
func (r *Reading) Find(k Kind, index int) *Placeholder {
	for i := range r.Placeholders {
		if p := &r.Placeholders[i]; p.Kind == k && p.Index == index {
			return p
		}
	}
	return nil
}

// Read normalises text and finds every quantity in it.
func Read(text string) Reading {
	sc := normalise(text)
	sc.scan()
	sc.promoteRanges()
	sort.SliceStable(sc.found, func(i, j int) bool { return sc.found[i].start < sc.found[j].start })
	return sc.reading()
}

// reading numbers the matches and cuts the text around them.
func (sc *scanner) reading() Reading {
	r := Reading{Original: sc.orig}
	var count [numKinds]int
	var kept []match
	for _, m := range sc.found {
		if count[m.kind] == MaxIndex {
			continue
		}
		count[m.kind]++
		kept = append(kept, m)
		start, end := sc.origRange(m.start, m.end)
		r.Placeholders = append(r.Placeholders, Placeholder{
			Kind: m.kind, Index: count[m.kind], Value: m.value, Unit: m.unit, Currency: m.currency, Clock: m.clock,
			Raw: sc.orig[start:end], Start: start, End: end,
		})
	}
	inheritDays(r.Placeholders)
	pos := 0
	for i, m := range kept {
		r.Segments = sc.appendText(r.Segments, pos, m.start)
		p := &r.Placeholders[i]
		r.Segments = append(r.Segments, Segment{Start: p.Start, End: p.End, Placeholder: p})
		pos = m.end
	}
	r.Segments = sc.appendText(r.Segments, pos, len(sc.s))
	return r
}

func (sc *scanner) appendText(dst []Segment, from, to int) []Segment {
	if from >= to {
		return dst
	}
	start, end := sc.origRange(from, to)
	offsets := append([]int32(nil), sc.at[from:to+1]...)
	offsets[to-from] = int32(end)
	return append(dst, Segment{Text: sc.s[from:to], Start: start, End: end, offsets: offsets})
}
