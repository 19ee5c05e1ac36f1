package intent

import (
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/weir-project/weir/models/intent/quantity"
)

// yuanPerDollar is the fixed rate of the schema.
const yuanPerDollar = 7

const (
	minutesPerHour  = 60
	minutesPerDay   = 24 * minutesPerHour
	minutesPerMonth = 30 * minutesPerDay
	maxName         = 64      // characters of a site or model
	maxNumber       = 1 << 53 // beyond it a JSON number is no longer exact
)

// Resolve computes the order that a form describes for a wish said at now; times come out in now's location.
// The order satisfies the schema whatever the form. A form that contradicts itself becomes unclear.
func Resolve(p *Prompt, f Form, now time.Time) Order {
	wish := p.Reading.Original
	if f.Kind == "" || f.Kind == Unclear {
		return unclear(f.Class, wish)
	}
	if boundsCross(&p.Reading) {
		return unclear("which", wish)
	}
	o := Order{Kind: f.Kind, Application: text(f.App), Isolation: text(f.Isolation), LocalOnly: f.Local}
	r := resolver{p: p, f: &f, now: now}
	o.Site = text(placeName(r.quote(f.Site)))
	o.Model = text(modelName(r.quote(f.Model)))
	o.Devices = count(f.Devices)
	o.Streams = count(f.Streams)
	if f.Both.Value != nil {
		o.Uplink = r.rate(f.Both, o.Devices)
		o.Downlink = o.Uplink
	} else {
		o.Uplink, o.Downlink = r.rate(f.Up, o.Devices), r.rate(f.Down, o.Devices)
	}
	o.Latency, o.FirstToken = r.milliseconds(f.Latency), r.milliseconds(f.FirstToken)
	o.TokenRate = number(plainValue(f.TokenRate))
	o.Available = percentage(f.Available)
	start, minutes, ok := r.window()
	if !ok {
		return unclear("which", wish)
	}
	o.Start = start
	if minutes >= 1 {
		n := int64(math.Round(minutes))
		o.Duration = &n
	}
	o.Budget = r.budget(minutes)
	return o
}

func unclear(class, wish string) Order {
	q := question(class, wish)
	return Order{Kind: Unclear, Question: &q}
}

// resolver computes the fields of one form.
type resolver struct {
	p   *Prompt
	f   *Form
	now time.Time
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// number rounds away the noise of unit factors and drops what no order can hold.
func number(v float64) *float64 {
	if math.IsNaN(v) || v < 0 || v > maxNumber {
		return nil
	}
	if v < 1e6 {
		v = math.Round(v*1e6) / 1e6
	}
	return &v
}

// plainValue is the value of a placeholder in its own unit, or NaN for none.
func plainValue(q *quantity.Placeholder) float64 {
	if q == nil {
		return math.NaN()
	}
	return q.Value
}

// count is a whole number of at least one; anything else said is no count.
func count(q *quantity.Placeholder) *int64 {
	if q == nil || q.Value < 1 || q.Value > maxNumber {
		return nil
	}
	n := int64(math.Round(q.Value))
	return &n
}

// percentage is an availability; 0.999 without a sign is 99.9.
func percentage(q *quantity.Placeholder) *float64 {
	if q == nil || q.Value > 100 {
		return nil
	}
	v := q.Value
	if q.Kind == quantity.Num && v <= 1 {
		v *= 100
	}
	return number(v)
}

// unitOf is the unit of a bare number: that of the next placeholder of kind k, else of the one before, else fallback.
func (r *resolver) unitOf(q *quantity.Placeholder, k quantity.Kind, fallback float64) float64 {
	unit := fallback
	for i := range r.p.Reading.Placeholders {
		other := &r.p.Reading.Placeholders[i]
		if other.Kind != k || other.Unit == 0 {
			continue
		}
		unit = other.Unit
		if other.Start > q.Start {
			break
		}
	}
	return unit
}

// rate is in Mbit/s over all devices.
func (r *resolver) rate(x Rate, devices *int64) *float64 {
	if x.Value == nil {
		return nil
	}
	v := x.Value.Value
	if x.Value.Kind == quantity.Num {
		unit := r.unitOf(x.Value, quantity.Rate, 1)
		if unit >= 1000 && v >= 50 {
			unit = 1 // "200 up, 1 Gbps down": nobody means 200 Gbps
		}
		v *= unit
	}
	if x.Each && devices != nil {
		v *= float64(*devices)
	}
	return number(v)
}

// milliseconds is a bound on latency. A bare number is in milliseconds.
func (r *resolver) milliseconds(q *quantity.Placeholder) *float64 {
	v := plainValue(q)
	if q != nil && q.Kind == quantity.Duration {
		v *= 60_000
	}
	return number(v)
}

// window returns the start, the length in minutes (0 when unsaid), and false when the two contradict each other.
func (r *resolver) window() (start *string, minutes float64, ok bool) {
	var from time.Time
	begins, ends := moment(r.f.Start), moment(r.f.End)
	if begins != nil && ends != nil {
		a, b, fits := quantity.ResolveWindow(*begins, *ends, r.now)
		switch {
		case fits:
			from, minutes = a, b.Sub(a).Minutes()
		case dated(begins) && dated(ends) && r.f.Start.Start < r.f.End.Start:
			return nil, 0, false
		default:
			ends = nil
		}
	}
	if begins != nil && ends == nil {
		if from, ok = begins.Resolve(r.now); !ok {
			begins = nil
		}
	}
	if begins == nil && ends != nil {
		if to, fits := ends.ResolveEnd(r.now, r.now); fits {
			minutes = to.Sub(r.now.Truncate(time.Minute)).Minutes()
		}
	}
	if begins != nil {
		s := from.Format(StartLayout)
		start = &s
	}
	if d := r.f.Duration; d != nil {
		minutes = r.length(d)
	}
	if minutes > 0 && minutes < 1 {
		minutes = 1
	}
	if minutes > maxNumber {
		minutes = 0
	}
	return start, minutes, true
}

// dated reports whether a time names its day, so that a window which ends before it starts is the wish's own fault.
func dated(t *quantity.TimeExpr) bool { return t.Ref != quantity.NoDay && t.Ref != quantity.AfterStart }

// moment is the time a placeholder names; a bare number is an hour.
func moment(q *quantity.Placeholder) *quantity.TimeExpr {
	switch {
	case q == nil:
		return nil
	case q.Kind == quantity.Time:
		return &q.Clock
	case q.Value >= 0 && q.Value <= 24 && q.Value == math.Trunc(q.Value):
		h := int(q.Value)
		return &quantity.TimeExpr{HasClock: true, Hour: h, Is24: h == 0 || h > 12}
	}
	return nil
}

// length is a duration in minutes. A bare number takes the unit of the next duration, and is in hours without one.
func (r *resolver) length(q *quantity.Placeholder) float64 {
	switch q.Kind {
	case quantity.Latency:
		return q.Value / 60_000
	case quantity.Time:
		return q.Clock.Minutes
	case quantity.Num:
		return q.Value * r.unitOf(q, quantity.Duration, minutesPerHour)
	}
	return q.Value
}

// budget is the ceiling for the whole order in dollars.
func (r *resolver) budget(minutes float64) *float64 {
	q := r.f.Budget
	if q == nil {
		return nil
	}
	v, currency := q.Value, q.Currency
	if q.Kind == quantity.Num {
		var unit float64
		currency, unit = r.currencyOf(q)
		v *= unit
	}
	if r.f.Hourly && minutes > 0 {
		v *= minutes / r.period(q)
	}
	if currency == quantity.CNY {
		v = math.Round(v/yuanPerDollar*100) / 100
	}
	return number(v)
}

// currencyOf is the currency and unit of a bare amount: those of the next amount of money, else of any, else the
// wish's language decides.
func (r *resolver) currencyOf(q *quantity.Placeholder) (quantity.Currency, float64) {
	currency, unit := quantity.USD, 1.0
	if Chinese(r.p.Reading.Original) {
		currency = quantity.CNY
	}
	for i := range r.p.Reading.Placeholders {
		other := &r.p.Reading.Placeholders[i]
		if other.Kind != quantity.Money {
			continue
		}
		currency, unit = other.Currency, 1
		if other.Start > q.Start {
			if other.Unit > 0 && other.Unit < 1 {
				unit = other.Unit
			}
			break
		}
	}
	return currency, unit
}

var periods = []struct {
	minutes float64
	words   []string
}{
	{minutesPerHour, []string{"hour", "/h", "小时", "钟头", "hr", "个钟", "时"}},
	{1, []string{"minute", "/min", "分钟"}},
	{minutesPerDay, []string{"day", "daily", "/d", "天", "日"}},
	{minutesPerMonth, []string{"month", "/mo", "月"}},
	{7 * minutesPerDay, []string{"week", "/w", "周", "星期"}},
}

// period is the time in minutes that a price given per time is for: that of the first period named after the amount,
// else the last named before it, else an hour.
func (r *resolver) period(q *quantity.Placeholder) float64 {
	const reach = 24 // bytes
	wish := strings.ToLower(r.p.Reading.Original)
	if len(wish) != len(r.p.Reading.Original) {
		return minutesPerHour
	}
	after := wish[q.End:min(len(wish), q.End+reach)]
	before := wish[max(0, q.Start-reach):q.Start]
	best, at := 0.0, len(after)
	for _, p := range periods {
		for _, w := range p.words {
			if i := strings.Index(after, w); i >= 0 && i < at && !strings.ContainsAny(after[:i], ",.;，。；") {
				best, at = p.minutes, i
			}
		}
	}
	if best > 0 {
		return best
	}
	last := -1
	for _, p := range periods {
		for _, w := range p.words {
			if i := strings.LastIndex(before, w); i > last {
				best, last = p.minutes, i
			}
		}
	}
	if best > 0 {
		return best
	}
	return minutesPerHour
}

// quote returns the text of a span as it was written, without what stands around a name.
func (r *resolver) quote(s *Span) string {
	if s == nil {
		return ""
	}
	q := strings.ToValidUTF8(r.p.Reading.Original[s.Start:s.End], "")
	q = strings.TrimFunc(q, func(c rune) bool {
		return unicode.IsSpace(c) || unicode.IsControl(c) || strings.ContainsRune(",.;:!?，。；：！？、\"'“”‘’「」《》<>", c)
	})
	return clip(q)
}

// Words that stand around a place and are no part of its name.
var (
	beforePlace = []string{"the ", "our ", "my ", "at ", "near ", "我们的", "咱们的", "我们", "咱们"}
	afterPlace  = []string{"那边", "这边", "那儿", "这儿", "那里", "这里", "附近"}
)

// placeName cuts off what a span of the model may hold beside the name of a place. A name that would vanish stays.
func placeName(s string) string {
	for again := true; again; {
		again = false
		for _, w := range beforePlace {
			if len(s) > len(w) && strings.EqualFold(s[:len(w)], w) {
				s, again = s[len(w):], true
			}
		}
		for _, w := range afterPlace {
			if len(s) > len(w) && strings.HasSuffix(s, w) {
				s, again = s[:len(s)-len(w)], true
			}
		}
	}
	return s
}

// clip cuts a name to the schema's length.
func clip(s string) string {
	for utf8.RuneCountInString(s) > maxName {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return s
}

// modelName is a model as written, in lower case, with hyphens for spaces.
func modelName(s string) string {
	return clip(strings.Join(strings.Fields(strings.ToLower(s)), "-"))
}
