package quantity

import "strings"

// clock matches a time of day at i and stores it in t; with bare set a plain number counts if nothing after it
// makes it a quantity of something.
func (sc *scanner) clock(i int, t *TimeExpr, bare bool) int {
	for _, w := range []struct {
		name string
		hour int
		part DayPart
	}{{"noon", 12, Noon}, {"midday", 12, Noon}, {"mid-day", 12, Noon}, {"12 noon", 12, Noon}, {"noontime", 12, Noon}, {"noon time", 12, Noon}, {"high noon", 12, Noon}, {"midnight", 12, Midnight}, {"mid-night", 12, Midnight}, {"12 midnight", 12, Midnight}, {"12noon", 12, Noon}, {"twelve noon", 12, Noon}, {"twelve midnight", 12, Midnight}} {
		if e := sc.lit(i, w.name); e >= 0 {
			if w.part == Noon && sc.lit(i, "noon") >= 0 && sc.anyPrefix(sc.skipSpace(e), "rush", "peak") {
				return -1
			}
			t.HasClock, t.Hour, t.Minute, t.Part = true, w.hour, 0, w.part
			return e
		}
	}
	if e := sc.spokenClock(i, t); e >= 0 {
		return e
	}
	if e := sc.colonClock(i, t); e >= 0 {
		return e
	}
	n, ok := sc.clockNumber(i)
	if !ok {
		return -1
	}
	if e := sc.hanClock(n, t); e >= 0 {
		return e
	}
	if n.value > 24 {
		return sc.militaryClock(n, t)
	}
	k := sc.skipSpace(n.end)
	if e := sc.oneOf(k, "o'clock", "oclock", "o clock", "o' clock", "o’clock", "h00", "0'clock"); e >= 0 {
		sc.setHour(t, int(n.value), 0)
		return sc.meridiem(e, t)
	}
	if e := sc.meridiemAt(k, t, int(n.value)); e >= 0 {
		sc.setHour(t, int(n.value), 0)
		return e
	}
	if e := sc.oneOf(n.end, "ish"); e >= 0 && bare {
		sc.setHour(t, int(n.value), 0)
		return sc.meridiem(e, t)
	}
	if sc.pairedHour(n) || n.value >= 1 && n.value <= 12 && sc.oneOf(k, "tonight", "tonite") >= 0 || bare && sc.bareHour(i, n, *t) {
		sc.setHour(t, int(n.value), 0)
		return sc.meridiem(n.end, t)
	}
	return -1
}

// clockNumber is the numeral of an hour at i: one or two digits, or a word. Scaling ("8k") disqualifies it.
func (sc *scanner) clockNumber(i int) (number, bool) {
	n, ok := sc.number(i)
	if !ok || n.article || n.scaled || i > 0 && sc.byteAt(i-1) == '.' {
		return n, false
	}
	if n.fraction {
		n.fraction = false
		if k := strings.IndexByte(sc.s[i:n.end], '.'); k > 0 && n.style == digits { // 9.30pm
			n.end = i + k
			n.value = decimal(sc.s[i:n.end])
			return n, n.value <= 24 && sc.dottedMinutes(n) > 0
		}
		if k := strings.Index(sc.s[i:n.end], "点"); k > 0 {
			n.end = i + k
			if m, found := sc.number(i); found && m.end >= n.end {
				n.value = sc.valueOf(i, n.end)
			}
			return n, n.value <= 24
		}
		return n, false
	}
	return n, n.integer()
}

// valueOf parses the numeral in [i, j) by itself.
func (sc *scanner) valueOf(i, j int) float64 {
	sub := &scanner{orig: sc.orig, s: sc.s[:j], at: sc.at, to: sc.to}
	n, ok := sub.number(i)
	if !ok || n.end != j {
		return 99
	}
	return n.value
}

// dottedMinutes returns the end of ".MM" after n when am or pm follows, or -1.
func (sc *scanner) dottedMinutes(n number) int {
	k := n.end
	if sc.byteAt(k) != '.' || !isDigit(sc.byteAt(k+1)) || !isDigit(sc.byteAt(k+2)) || isDigit(sc.byteAt(k+3)) {
		return -1
	}
	var t TimeExpr
	if sc.meridiemAt(sc.skipSpace(k+3), &t, int(n.value)) < 0 {
		return -1
	}
	return k + 3
}

func (sc *scanner) setHour(t *TimeExpr, h, m int) {
	t.HasClock, t.Hour, t.Minute = true, h, m
	if h == 0 || h > 12 {
		t.Is24 = true
	}
}

// colonClock matches 18:00, 8:30pm, 08:00:00 and 9.30am.
func (sc *scanner) colonClock(i int, t *TimeExpr) int {
	k, h := i, 0
	for isDigit(sc.byteAt(k)) && k-i < 3 {
		h = h*10 + int(sc.s[k]-'0')
		k++
	}
	if k == i || k-i > 2 || h > 24 {
		return -1
	}
	sep := sc.byteAt(k)
	if sep != ':' && sep != '.' && sep != 'h' || !isDigit(sc.byteAt(k+1)) || !isDigit(sc.byteAt(k+2)) || isAlnum(sc.byteAt(k+3)) && sc.byteAt(k+3) != 'a' && sc.byteAt(k+3) != 'p' && sc.byteAt(k+3) != 'h' {
		return -1
	}
	m := int(sc.s[k+1]-'0')*10 + int(sc.s[k+2]-'0')
	if m > 59 {
		return -1
	}
	e := k + 3
	if sep == ':' && sc.byteAt(e) == ':' && isDigit(sc.byteAt(e+1)) && isDigit(sc.byteAt(e+2)) {
		e += 3
	}
	next := *t
	x := sc.meridiem(e, &next)
	if sep != ':' && x == e {
		return -1
	}
	if isLatin(sc.byteAt(x)) && sc.oneOf(x, "h", "hrs") < 0 {
		return -1
	}
	*t = next
	t.Is24 = t.Is24 || sc.s[i] == '0' && k-i == 2
	sc.setHour(t, h, m)
	if y := sc.oneOf(sc.skipSpace(x), "hrs", "h", "hours"); y >= 0 && x == e {
		t.Is24 = true
		return y
	}
	return x
}

// meridiem takes am, pm or a part of the day after a clock time that ends at e, if there is one.
func (sc *scanner) meridiem(e int, t *TimeExpr) int {
	if x := sc.meridiemAt(sc.skipSpace(e), t, 0); x >= 0 {
		return x
	}
	return e
}

// meridiemAt matches am, pm, "in the morning" at i.
func (sc *scanner) meridiemAt(i int, t *TimeExpr, hour int) int {
	part, e := NoPart, -1
	if x := sc.oneOf(i, "am", "a.m.", "a.m", "a m", "a. m."); x >= 0 {
		part, e = Morning, x
	} else if x := sc.oneOf(i, "pm", "p.m.", "p.m", "p m", "p. m."); x >= 0 {
		part, e = Afternoon, x
	} else if x := sc.oneOf(i, "in the morning", "in the early morning", "in the mornin"); x >= 0 && hour <= 12 {
		part, e = Morning, x
	} else if x := sc.oneOf(i, "in the afternoon"); x >= 0 && hour <= 12 {
		part, e = Afternoon, x
	} else if x := sc.oneOf(i, "in the evening"); x >= 0 && hour <= 12 {
		part, e = Evening, x
	} else if x := sc.oneOf(i, "at night"); x >= 0 && hour <= 12 {
		part, e = Night, x
	}
	if e < 0 || hour > 24 {
		return -1
	}
	if t.Part != Night && t.Part != Evening || part == Evening || part == Night {
		t.Part = part
	}
	t.Meridiem = true
	if x := sc.oneOf(e, " sharp"); x >= 0 {
		e = x
	}
	return e
}

// hanClock matches 八点, 8点半, 三点一刻, 20点30分, 8时30分 after the hour n.
func (sc *scanner) hanClock(n number, t *TimeExpr) int {
	if n.value > 24 {
		return -1
	}
	e := sc.oneOf(n.end, "点钟", "点整", "点", "時", "时整", "时", "点正")
	if e < 0 {
		if k := sc.skipSpace(n.end); k > n.end {
			e = sc.oneOf(k, "点钟", "点整", "点")
		}
		if e < 0 {
			return -1
		}
	}
	isHour := strings.Contains(sc.s[n.end:e], "时")
	if isHour && (t.Part == NoPart && t.Ref == NoDay && n.value < 13 && !sc.anyPrefix(e, "到", "至", "-", "起", "开始", "整", "前", "~") && !sc.minuteAfter(e) && !sc.endsWith(n.start, "到", "至", "-", "从", "~") ||
		sc.anyPrefix(e, "延", "候", "间", "长", "段", "效")) {
		return -1
	}
	if sc.anyPrefix(e, "位", "云", "要求", "需求", "说明", "建议", "左右延", "个要求", "希望", "注意", "意见", "问题", "胶", "检", "阵", "播", "击", "钱", "以上要求") {
		return -1
	}
	if n.value == 1 && n.lone && t.Part == NoPart && t.Ref == NoDay && !sc.anyPrefix(e, "半", "到", "至", "整", "开始", "一刻", "三刻") &&
		!sc.endsWith(n.start, "到", "至", "从") && !strings.HasSuffix(sc.s[n.end:e], "钟") && !sc.minuteAfter(e) {
		return -1 // 快一点
	}
	minute := 0
	if k := sc.oneOf(e, "半钟", "半"); k >= 0 && !sc.anyPrefix(e, "半小时", "半个", "半天") {
		minute, e = 30, k
	} else if k := sc.oneOf(e, "一刻", "1刻"); k >= 0 {
		minute, e = 15, k
	} else if k := sc.oneOf(e, "三刻", "3刻"); k >= 0 {
		minute, e = 45, k
	} else if m, k := sc.hanMinute(e); k >= 0 {
		minute, e = m, k
	}
	sc.setHour(t, int(n.value), minute)
	t.Is24 = t.Is24 || n.zeroLed
	if k := sc.oneOf(e, "整", "钟"); k >= 0 {
		e = k
	}
	return e
}

func (sc *scanner) minuteAfter(e int) bool {
	_, k := sc.hanMinute(e)
	return k >= 0
}

// hanMinute matches 三十分, 05, 过五分 after an hour.
func (sc *scanner) hanMinute(i int) (minute, end int) {
	if e := sc.oneOf(i, "过", "零"); e >= 0 && sc.has(i, "过") {
		i = e
	}
	n, ok := sc.number(i)
	if !ok || !n.integer() || n.style == words || n.value > 59 || n.scaled {
		return 0, -1
	}
	if e := sc.oneOf(n.end, "分钟"); e >= 0 {
		return 0, -1
	}
	if e := sc.oneOf(n.end, "分"); e >= 0 {
		return int(n.value), e
	}
	long := n.style == digits && n.end-n.start == 2 || n.style == han && (n.value >= 10 || n.zeroLed)
	if !long || sc.unitOrMeasure(n.end) || sc.byteAt(n.end) == '%' || sc.anyPrefix(n.end, "点", "元", "号", "月", "多") || isAlnum(sc.byteAt(n.end)) {
		return 0, -1
	}
	return int(n.value), n.end
}

// spokenClock matches half past nine, quarter to ten, ten past nine.
func (sc *scanner) spokenClock(i int, t *TimeExpr) int {
	offset, k := 0, -1
	for _, w := range []struct {
		name   string
		offset int
	}{
		{"half past ", 30},
		{"half-past ", 30},
		{"quarter past ", 15},
		{"a quarter past ", 15},
		{"quarter after ", 15},
		{"a quarter after ", 15},
		{"quarter to ", -15},
		{"a quarter to ", -15},
		{"quarter till ", -15},
		{"quarter of ", -15},
		{"ten past ", 10},
		{"ten to ", -10},
		{"twenty past ", 20},
		{"twenty to ", -20},
		{"five past ", 5},
		{"five to ", -5},
		{"twenty-five past ", 25},
		{"twenty-five to ", -25},
		{"10 past ", 10},
		{"20 past ", 20},
		{"5 past ", 5},
		{"half passed ", 30},
	} {
		if sc.has(i, w.name) {
			offset, k = w.offset, i+len(w.name)
			break
		}
	}
	if k < 0 && sc.has(i, "half ") && sc.endsWith(i, "at", "from", "until", "till", "by", "between") {
		offset, k = 30, i+len("half ") // British: half nine is 9:30
	}
	if k < 0 {
		return -1
	}
	n, ok := sc.number(k)
	if !ok || n.article || !n.integer() || n.value < 1 || n.value > 12 {
		return -1
	}
	if offset == -10 || offset == -5 || offset == -20 || offset == -25 || strings.HasPrefix(sc.s[i:], "quarter of") {
		var probe TimeExpr
		if sc.meridiemAt(sc.skipSpace(n.end), &probe, 0) < 0 {
			return -1 // "ten to twelve cameras"
		}
	}
	h, m := int(n.value), offset
	if m < 0 {
		h, m = h-1, m+60
		if h == 0 {
			h = 12
		}
	}
	sc.setHour(t, h, m)
	return sc.meridiem(n.end, t)
}

// militaryClock matches 1800 hours and 0800 where an hour is expected.
func (sc *scanner) militaryClock(n number, t *TimeExpr) int {
	h, m := int(n.value)/100, int(n.value)%100
	if n.style != digits || n.end-n.start != 4 || h > 24 || m > 59 {
		return -1
	}
	e := sc.oneOf(sc.skipSpace(n.end), "hrs", "hours", "h", "local")
	lead := sc.endsWith(n.start, "at", "from", "until", "till", "to", "-", "by", "between")
	switch {
	case e >= 0 && (lead || n.zeroLed || sc.fourDigitsFollow(e)):
	case e < 0 && n.zeroLed && (lead || sc.fourDigitsFollow(n.end)), e < 0 && sc.windowBefore(n.start) && !sc.unitOrMeasure(n.end):
		e = n.end
	default:
		return -1
	}
	sc.setHour(t, h, m)
	t.Is24 = true
	return e
}

// fourDigitsFollow reports whether a second time in four digits follows at i.
func (sc *scanner) fourDigitsFollow(i int) bool {
	e := sc.oneOf(sc.skipSpace(i), "-", "to", "until", "till", "~", "到", "至")
	if e < 0 {
		return false
	}
	n, ok := sc.number(sc.skipSpace(e))
	return ok && n.style == digits && n.end-n.start == 4 && n.integer() && n.value <= 2400
}

// pairedHour reports whether the plain number n is the first end of a window whose second end is unmistakably a clock
// time: 8到10点, 9-11am, 8-18:00.
func (sc *scanner) pairedHour(n number) bool {
	if n.value > 24 || sc.measure(n.end) {
		return false
	}
	k := sc.skipSpace(n.end)
	e := sc.oneOf(k, "-", "~", "to", "until", "till", "til", "到", "至", "and", "--")
	if e < 0 || sc.has(k, "and") && !sc.endsWith(n.start, "between") {
		return false
	}
	e = sc.skipSpace(e)
	var t TimeExpr
	if w, p := sc.dayWord(e, partWords); p >= 0 && sc.s[e] >= 0x80 {
		t.Part = w.part
		x := sc.clock(p, &t, false)
		return x >= 0
	}
	if m, ok := sc.number(e); !ok || m.article || m.value > 24 && m.end-m.start != 4 {
		w := sc.latinWord(e)
		return w == "noon" || w == "midnight" || w == "midday"
	}
	return sc.strictClock(e, &t) >= 0
}

// strictClock matches a clock time that needs no context, and no pair.
func (sc *scanner) strictClock(i int, t *TimeExpr) int {
	if e := sc.colonClock(i, t); e >= 0 {
		return e
	}
	n, ok := sc.clockNumber(i)
	if !ok || n.value > 24 {
		return -1
	}
	if e := sc.hanClock(n, t); e >= 0 {
		return e
	}
	k := sc.skipSpace(n.end)
	if e := sc.oneOf(k, "o'clock", "oclock"); e >= 0 {
		return e
	}
	return sc.meridiemAt(k, t, int(n.value))
}

// bareHour decides whether a plain number in a place where an hour may stand is one.
func (sc *scanner) bareHour(i int, n number, t TimeExpr) bool {
	if n.value > 24 || n.style == digits && n.end-n.start > 2 || isLatin(sc.byteAt(n.end)) || sc.byteAt(n.end) == '%' || sc.has(i, "零") {
		return false
	}
	k := sc.skipSpace(n.end)
	if sc.unitOrMeasure(n.end) || sc.has(k, "$") || sc.byteAt(k) == '%' || sc.byteAt(n.end) == '.' && isDigit(sc.byteAt(n.end+1)) {
		return false
	}
	if c, e := sc.coin(k, coins); e >= 0 && c.name != "c" {
		return false
	}
	if n.style == han || t.Part != NoPart && i > 0 && sc.s[i-1] >= 0x80 {
		if t.Part != NoPart {
			return !sc.anyPrefix(n.end, "百", "千", "万", "/", ".") && !(n.style == han && n.lone && sc.anyPrefix(n.end, "方", "楼", "中", "院"))
		}
		return sc.windowBefore(i) && (k >= len(sc.s) || sc.anyPrefix(k, ",", "。", "的", " ", ";"))
	}
	if sc.endsWith(i, "at", "by") && t.Ref == NoDay && t.Part == NoPart {
		return sc.followsHour(k, false) || sc.endsWith(i, "starting at", "start at", "starts at", "begin at", "beginning at", "off at", "start by") && sc.followsHour(k, true)
	}
	if sc.endsWith(i, "from", "between") && t.Ref == NoDay {
		return sc.secondHour(k) || sc.followsHour(k, false)
	}
	if t.Ref != NoDay && !sc.endsWith(i, "at", "from", "between", "around", "about", "by") {
		return sc.secondHour(k) || sc.followsHour(k, t.Part != NoPart)
	}
	return sc.followsHour(k, true)
}

// windowBefore reports whether the text before i joins this number to a time found just before.
func (sc *scanner) windowBefore(i int) bool {
	last := len(sc.found) - 1
	return last >= 0 && sc.found[last].kind == Time && sc.found[last].clock.HasClock && windowJoint(sc.s[sc.found[last].end:i])
}

// secondHour reports whether "until N" follows with N an hour of its own.
func (sc *scanner) secondHour(k int) bool {
	e := sc.oneOf(k, "to", "until", "till", "til", "-", "and", "through", "~", "untill", "thru")
	if e < 0 {
		return false
	}
	e = sc.skipSpace(e)
	if sc.oneOf(k, "until", "till", "til", "untill") >= 0 {
		if w := sc.latinWord(e); w == "tomorrow" || w == "noon" || w == "midnight" || w == "tonight" {
			return true
		}
	}
	m, ok := sc.number(e)
	if !ok || m.article || !m.integer() || m.value > 24 || isLatin(sc.byteAt(m.end)) && sc.oneOf(m.end, "am", "pm") < 0 {
		return false
	}
	until := sc.oneOf(k, "until", "till", "til", "untill") >= 0
	after := sc.skipSpace(m.end)
	if sc.unitOrMeasure(m.end) || sc.byteAt(after) == '%' {
		return false
	}
	return until || sc.followsHour(after, true)
}

// followsHour reports whether what stands at k can follow an hour and not a count. ends also allows punctuation and
// words that go on with the sentence.
func (sc *scanner) followsHour(k int, ends bool) bool {
	if sc.anyPrefix(k, "until", "till", "til", "tomorrow", "today", "tonight", "tmrw", "tmr", "sharp", "this morning", "this afternoon", "this evening", "on monday", "on tuesday", "on wednesday", "on thursday", "on friday", "on saturday", "on sunday", "next monday", "next tuesday", "next wednesday", "next thursday", "next friday", "on the", "the next day", "the following day", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "the next morning", "tommorow", "tomorow", "exactly", "in the morning", "the day after", "next morning") {
		return true
	}
	if !ends {
		return false
	}
	if k >= len(sc.s) {
		return true
	}
	if strings.IndexByte(",;!?)。", sc.s[k]) >= 0 || sc.s[k] == '.' && !isDigit(sc.byteAt(k+1)) || sc.has(k, "。") || sc.has(k, "、") {
		return true
	}
	return sc.anyPrefix(k, "on", "please", "for the", "for our", "for a", "for my", "with", "every", "each day", "daily", "next", "this", "local", "or so", "we", "i", "at the", "in the", "and then", "max", "budget", "near", "at gate", "to", "-", "but", "because", "so", "no more", "under", "over", "using", "then", "when", "will", "plus", "i'd", "by", "for")
}
