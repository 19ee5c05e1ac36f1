package quantity

import "strings"

var nowWords = []string{
	"现在", "马上", "立刻", "立即", "即刻", "这就", "此刻", "眼下", "立马", "尽快", "尽早", "即日", "马上立刻", "当下", "现在马上", "现在立刻",
	"right now", "now", "at once", "immediately", "immediatly", "imediately", "asap", "a.s.a.p.", "a.s.a.p", "as soon as possible", "right away", "straight away", "straightaway", "this instant", "this minute", "right this minute", "this very moment", "immediatley", "effective immediately", "with immediate effect", "rn", "rite now", "this second", "as of now", "pronto", "instantly", "inmediately", "immediate", "straigth away",
}

// timeAt matches the longest expression of a point in time at i.
func (sc *scanner) timeAt(i int) (match, bool) {
	if e := sc.oneOf(i, nowWords...); e >= 0 && !sc.endsWith(i, "for", "until", "till", "by", "to", "users", "sessions", "people", "streams", "requests", "chats", "all", "agents", "conversations", "clients", "calls", "queries") && !sc.anyPrefix(e, " that", "'s") && !(sc.has(i, "immediate") && sc.s[i:e] == "immediate") {
		return match{kind: Time, start: i, end: e, clock: TimeExpr{Now: true}}, true
	}
	if m, ok := sc.relative(i); ok {
		return m, true
	}
	var t TimeExpr
	e := sc.composed(i, i, &t)
	if e < 0 {
		return match{}, false
	}
	return match{kind: Time, start: i, end: e, clock: t}, true
}

// relative matches "in 20 minutes", "an hour from now", 半小时后, 再过10分钟.
func (sc *scanner) relative(i int) (match, bool) {
	k, lead := i, false
	if e := sc.oneOf(i, "in about", "in around", "in roughly", "in approximately", "in another", "in", "after about", "after another", "after", "再过", "过", "再等", "in like", "in the next"); e >= 0 {
		if sc.lit(i, "in the next") == e {
			return match{}, false
		}
		k, lead = sc.skipSpace(e), true
	}
	span, ok := sc.durationAt(k)
	if !ok {
		return match{}, false
	}
	e := span.end
	suffix := sc.oneOf(e, "之后", "以后", "后", " from now", " later", " hence", "'s time", "' time", " time", "s' time", "s time", "过后", " after now", " from right now", " from this moment")
	if suffix >= 0 && sc.s[suffix-1] >= 0x80 && sc.anyPrefix(suffix, "台", "端", "面", "续", "备", "勤", "厨", "方", "视", "院", "门", "缀", "排", "场", "轮", "街", "厂", "区") {
		suffix = -1
	}
	if suffix >= 0 && strings.HasSuffix(sc.s[e:suffix], "time") && !lead {
		suffix = -1
	}
	switch {
	case suffix >= 0:
		e = suffix
	case !lead || sc.s[i] >= 0x80 && !sc.has(i, "再过") && !sc.anyPrefix(sc.skipSpace(e), "就", "再", "开", "要", "给", "启", "我", ",", "帮", "以", "需"):
		return match{}, false
	case sc.anyPrefix(sc.skipSpace(e), "blocks", "chunks", "slots", "windows", "steps", "increments", "bursts", "of", "intervals", "total", "at most", "max"):
		return match{}, false
	}
	t := TimeExpr{Relative: true, Minutes: span.value}
	if days := span.value / 1440; days >= 1 && days == float64(int(days)) && days < 4000 {
		on := TimeExpr{Ref: DayOffset, Days: int(days)}
		if x := sc.composed(i, e, &on); x > e {
			return match{kind: Time, start: i, end: x, clock: on}, true
		}
	}
	return match{kind: Time, start: i, end: e, clock: t}, true
}

// durationAt matches a span of at least a minute at i.
func (sc *scanner) durationAt(i int) (match, bool) {
	best, ok := sc.halfUnit(i)
	if ok && best.kind != Duration {
		ok = false
	}
	if n, found := sc.number(i); found {
		if m, fits := sc.measured(n); fits && m.kind == Duration && (!ok || m.end > best.end) {
			return m, true
		}
	}
	return best, ok
}

// composed matches day, part of day and clock in any sensible order from position pos, adding to t. start is where the
// whole expression began. It returns the end, or -1 when nothing was found at pos.
func (sc *scanner) composed(start, pos int, t *TimeExpr) int {
	end := -1
	if pos > start {
		end = pos
	}
	for range 4 {
		best := -1
		var bestT TimeExpr
		for _, from := range sc.connected(pos, end >= 0, *t) {
			next, e := sc.component(from.at, *t, from.bare)
			if e > best {
				best, bestT = e, next
			}
		}
		if best < 0 {
			break
		}
		*t, end, pos = bestT, best, best
	}
	if end < 0 || end == pos && pos == start {
		return -1
	}
	if t.Ref == NoDay && !t.HasClock && !sc.lonePart(start, end) {
		return -1
	}
	return end
}

// lonePart decides whether a part of the day without day or clock is a time of its own.
func (sc *scanner) lonePart(start, end int) bool {
	w := sc.s[start:end]
	if w[0] < 0x80 {
		return strings.HasPrefix(w, "in the ")
	}
	return len(w) >= 6
}

type joint struct {
	at   int
	bare bool // a plain number may be an hour here
}

// connected lists where the next component may start after pos.
func (sc *scanner) connected(pos int, inside bool, t TimeExpr) []joint {
	if !inside {
		return []joint{{pos, sc.bareLead(pos)}}
	}
	daySaid := t.Ref != NoDay || t.Part != NoPart
	k := sc.skipSpace(pos)
	prevHan := pos > 0 && sc.s[pos-1] >= 0x80
	js := []joint{{k, daySaid && !t.HasClock}}
	for _, w := range []string{",", "的", "at ", "around ", "about ", "@", "@ ", "on ", ", at ", "约", "大约", "大概", ", on ", ", around ", "exactly at ", "的时候", "at about ", "at around ", "(", ") at ", ") from ", ")", "), ", "sharp on ", "sharp ", "、"} {
		if sc.has(k, w) && !(w == "、") {
			after := sc.skipSpace(k + len(w))
			bare := daySaid && !t.HasClock && (strings.Contains(w, "at ") || strings.HasPrefix(w, "@") || strings.Contains(w, "around") || strings.Contains(w, "约") || strings.Contains(w, "大概"))
			if w == "," && prevHan && t.HasClock {
				continue
			}
			js = append(js, joint{after, bare})
		}
	}
	if !t.HasClock && daySaid {
		for _, w := range []string{"from ", "between ", "从", "starting at ", "starting from ", "start at ", "starting ", "by ", ", from ", ", starting at ", ", between ", ",从", "开始从", "自", "once it's "} {
			if sc.has(k, w) {
				js = append(js, joint{sc.skipSpace(k + len(w)), true})
			}
		}
	}
	return js
}

// component matches one more part of a time expression at i, returning t with it and its end, or -1.
func (sc *scanner) component(i int, t TimeExpr, bare bool) (TimeExpr, int) {
	best := -1
	out := t
	if t.Ref == NoDay {
		n := t
		if e := sc.day(i, &n); e > best {
			out, best = n, e
		}
	}
	if t.Ref == OnWeekday || t.Ref == OnDate || t.Ref == DayOffset {
		var n TimeExpr
		if e := sc.day(i, &n); e > best && n.Part == NoPart {
			switch { // Saturday, June 13; 明天周四: one day named twice
			case n.Ref == OnDate && t.Ref == OnWeekday:
				out, best = t, e
				out.Ref, out.Year, out.Month, out.Day = n.Ref, n.Year, n.Month, n.Day
			case n.Ref == OnWeekday && t.Ref != OnWeekday && n.WeekOffset == AnyWeek && n.namesWeekday(sc.s[i:e]):
				out, best = t, e
			}
		}
	}
	if !t.HasClock {
		n := t
		if e := sc.clock(i, &n, bare); e > best {
			out, best = n, e
		}
	}
	if t.Part == NoPart || t.Part == Night || t.Part == Morning {
		w, e := sc.dayWord(i, partWords)
		if e > best && (t.Part == NoPart || w.part == t.Part || !t.HasClock && w.part == Midnight) && sc.partFits(i, e, t) {
			n := t
			n.Part = w.part
			out, best = n, e
		}
	}
	return out, best
}

// namesWeekday reports whether the text of a day is that of a weekday alone, not of a weekend.
func (t TimeExpr) namesWeekday(text string) bool {
	return !strings.Contains(text, "末") && !strings.Contains(text, "end")
}

// partFits rejects short part words that belong to something else (早班, 夜班, good morning).
func (sc *scanner) partFits(i, e int, t TimeExpr) bool {
	w := sc.s[i:e]
	if w[0] < 0x80 {
		if t.Ref == NoDay && !t.HasClock {
			return strings.HasPrefix(w, "in the ")
		}
		return !sc.anyPrefix(sc.skipSpace(e), "shift", "rush", "peak", "shifts", "market", "ward")
	}
	if len(w) <= 3 {
		if sc.anyPrefix(e, "班", "高峰", "会", "市", "点", "餐", "自习", "场", "就", "已", "前", "期") && !sc.anyPrefix(e, "点钟") {
			return false
		}
		if t.Ref != NoDay {
			return true
		}
		var n TimeExpr
		n.Part = Morning
		return sc.clock(sc.skipSpace(e), &n, true) >= 0
	}
	return !sc.anyPrefix(e, "班", "高峰", "好")
}

// bareLead reports whether a plain number at i is introduced like an hour: until 6, from 9 to 5.
func (sc *scanner) bareLead(i int) bool {
	if last := len(sc.found) - 1; last >= 0 {
		if f := sc.found[last]; f.kind == Time && (f.clock.HasClock || f.clock.Now || f.clock.Part != NoPart) && windowJoint(sc.s[f.end:i]) {
			return true
		}
	}
	return sc.endsWith(i, "until", "till", "til", "untill", "starting at", "start at", "starts at", "begin at", "beginning at", "starting from", "kick off at", "from", "between", "at", "by", "untl", "kicks off at", "start from", "starting around", "o'clock")
}

// windowJoint reports whether text between two times makes them the ends of a window.
func windowJoint(s string) bool {
	switch strings.TrimSpace(s) {
	case "-", "~", "to", "until", "till", "til", "到", "至", "and", "through", "thru", "up to", "一直到", "直到", "to about", "until about", "--", ",到", ", until", ", till", ", to", "", "持续到", "用到", "untill", "结束于", "until around", "till around", "til about", "左右到", "开始到", "起到", "起至", "开始,到", "开始至", "整到", "up until", "right through to", "through to", "all the way to", "所有到", "一路到", "左右至", "跑到", "开到", "干到", "忙到", "租到", "的到", "为止到", "~~", "-到", "onwards to", "sharp to", "sharp until", "or so to", "or so until", "ish to", "ish until":
		return true
	}
	return false
}
