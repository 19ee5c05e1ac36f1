package intent

import (
	"strings"

	"github.com/weir-project/weir/models/intent/quantity"
)

var lowerBounds = []string{
	"at least", "no less than", "not less than", "minimum", "min", "no lower than", "not below", "no fewer than", "more than", "≥", ">=",
	"至少", "不低于", "不少于", "不小于", "起码", "最少", "最低", "最小", "下限", "大于", "超过", "高于",
}

var upperBounds = []string{
	"at most", "no more than", "not more than", "maximum", "max", "not exceed", "not exceeding", "not over", "no higher than", "less than", "below", "under", "≤", "<=",
	"最多", "不超过", "不高于", "不大于", "至多", "最高", "最大", "上限", "不能超过", "不得超过", "别超过", "小于", "低于", "少于",
}

// separators between two bounds make them speak of different things.
var separators = []string{
	"up", "down", "上行", "下行", "上传", "下载", ".", ";", "。", "；", "each", "per ", "每", "total", "一共", "总", "no,", "sorry", "不对", "wait", "actually", "改", "not ", "时延", "首", "first", "or ", "或", "预算", "budget",
}

// boundsCross reports whether the wish sets a lower bound above the upper bound of the same quantity, as in
// "at least 100 Mbps but no more than 50 Mbps". The model, which sees no values, cannot.
func boundsCross(r *quantity.Reading) bool {
	const reach = 28 // bytes of text that may name a bound
	var last *quantity.Placeholder
	lead, lastSide := "", none
	for i := range r.Segments {
		g := &r.Segments[i]
		p := g.Placeholder
		if p == nil {
			lead = g.Text
			continue
		}
		side, rest := boundOf(lead, reach)
		comparable := last != nil && last.Kind == p.Kind && p.Kind != quantity.Time && p.Kind != quantity.Num && last.Currency == p.Currency
		if comparable && last.Value > p.Value && lastSide == lower && side == upper && len(lead) <= 2*reach && !containsAny(rest, separators) {
			return true
		}
		last, lead, lastSide = p, "", side
	}
	return false
}

type side int8

const (
	none side = iota
	lower
	upper
)

// boundOf finds the bound that stands last in the last bytes of lead, the longest of those that end there, and returns
// the text before it.
func boundOf(lead string, reach int) (which side, rest string) {
	from := max(0, len(lead)-reach)
	end, begin := -1, 0
	find := func(words []string, s side) {
		for _, w := range words {
			i := strings.LastIndex(lead[from:], w)
			if i < 0 {
				continue
			}
			if b, e := from+i, from+i+len(w); e > end || e == end && b < begin {
				which, begin, end = s, b, e
			}
		}
	}
	find(lowerBounds, lower)
	find(upperBounds, upper)
	if which == none {
		return none, lead
	}
	return which, lead[:begin]
}

func containsAny(s string, words []string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}
