package quantity

import (
	"strings"
	"time"
)

type dayWord struct {
	name string
	days int
	part DayPart
}

// dayWords are days relative to today, some with a part of the day.
var dayWords = []dayWord{
	{"今天", 0, NoPart},
	{"今日", 0, NoPart},
	{"今儿", 0, NoPart},
	{"今儿个", 0, NoPart},
	{"当天", 0, NoPart},
	{"今早", 0, Morning},
	{"今晨", 0, Morning},
	{"今晚", 0, Night},
	{"今晚上", 0, Night},
	{"今夜", 0, Night},
	{"今儿晚上", 0, Night},
	{"今午", 0, Noon},
	{"明天", 1, NoPart},
	{"明日", 1, NoPart},
	{"明儿", 1, NoPart},
	{"明儿个", 1, NoPart},
	{"明早", 1, Morning},
	{"明早上", 1, Morning},
	{"明晨", 1, Morning},
	{"明晚", 1, Night},
	{"明晚上", 1, Night},
	{"明夜", 1, Night},
	{"明儿早", 1, Morning},
	{"明个", 1, NoPart},
	{"听天", -1, NoPart},
	{"眀天", 1, NoPart},
	{"明午", 1, Noon},
	{"后天", 2, NoPart},
	{"后日", 2, NoPart},
	{"后儿", 2, NoPart},
	{"后早", 2, Morning},
	{"后晚", 2, Night},
	{"大后天", 3, NoPart},
	{"大后日", 3, NoPart},
	{"today", 0, NoPart},
	{"tonight", 0, Night},
	{"tonite", 0, Night},
	{"2night", 0, Night},
	{"this morning", 0, Morning},
	{"this afternoon", 0, Afternoon},
	{"this evening", 0, Evening},
	{"tonigt", 0, Night},
	{"later today", 0, NoPart},
	{"this noon", 0, Noon},
	{"tonihgt", 0, Night},
	{"todays", 0, NoPart},
	{"tdy", 0, NoPart},
	{"tomorrow", 1, NoPart},
	{"tomorow", 1, NoPart},
	{"tommorow", 1, NoPart},
	{"tommorrow", 1, NoPart},
	{"tmrw", 1, NoPart},
	{"tmr", 1, NoPart},
	{"tmw", 1, NoPart},
	{"tomorro", 1, NoPart},
	{"2morrow", 1, NoPart},
	{"tomorrw", 1, NoPart},
	{"tomorrow's", 1, NoPart},
	{"tomrrow", 1, NoPart},
	{"tomoroww", 1, NoPart},
	{"tomorrrow", 1, NoPart},
	{"2moro", 1, NoPart},
	{"tomarrow", 1, NoPart},
	{"tomororw", 1, NoPart},
	{"toomorrow", 1, NoPart},
	{"tmrow", 1, NoPart},
	{"tmmrw", 1, NoPart},
	{"tommorw", 1, NoPart},
	{"tmorrow", 1, NoPart},
	{"the day after tomorrow", 2, NoPart},
	{"day after tomorrow", 2, NoPart},
	{"the day after tmrw", 2, NoPart},
	{"overmorrow", 2, NoPart},
	{"day after tmrw", 2, NoPart},
	{"the day after tomorow", 2, NoPart},
	{"day after tommorow", 2, NoPart},
}

// afterWords are days relative to the start of a window.
var afterWords = []dayWord{
	{"次日", 1, NoPart},
	{"翌日", 1, NoPart},
	{"第二天", 1, NoPart},
	{"隔天", 1, NoPart},
	{"第三天", 2, NoPart},
	{"次晨", 1, Morning},
	{"翌晨", 1, Morning},
	{"隔日", 1, NoPart},
	{"隔夜", -1, NoPart},
	{"当日", 0, NoPart},
	{"当晚", 0, Night},
	{"同日", 0, NoPart},
	{"转天", 1, NoPart},
	{"次早", 1, Morning},
	{"the next day", 1, NoPart},
	{"next day", 1, NoPart},
	{"the following day", 1, NoPart},
	{"following day", 1, NoPart},
	{"the day after", 1, NoPart},
	{"the next morning", 1, Morning},
	{"next morning", 1, Morning},
	{"the following morning", 1, Morning},
	{"same day", 0, NoPart},
	{"the same day", 0, NoPart},
	{"that evening", 0, Evening},
	{"that night", 0, Night},
	{"that afternoon", 0, Afternoon},
	{"same evening", 0, Evening},
	{"the same evening", 0, Evening},
	{"the morning after", 1, Morning},
	{"following morning", 1, Morning},
	{"the following evening", 1, Evening},
	{"next evening", 1, Evening},
	{"the next evening", 1, Evening},
}

var partWords = []dayWord{
	{"凌晨", 0, SmallHours},
	{"清晨", 0, Morning},
	{"早上", 0, Morning},
	{"早晨", 0, Morning},
	{"早", 0, Morning},
	{"上午", 0, Morning},
	{"早间", 0, Morning},
	{"一早", 0, Morning},
	{"一大早", 0, Morning},
	{"大早上", 0, Morning},
	{"大清早", 0, Morning},
	{"晨", 0, Morning},
	{"朝", 0, Morning},
	{"午前", 0, Morning},
	{"拂晓", 0, SmallHours},
	{"黎明", 0, SmallHours},
	{"中午", 0, Noon},
	{"正午", 0, Noon},
	{"午间", 0, Noon},
	{"晌午", 0, Noon},
	{"下午", 0, Afternoon},
	{"午后", 0, Afternoon},
	{"后晌", 0, Afternoon},
	{"傍晚", 0, Evening},
	{"黄昏", 0, Evening},
	{"晚上", 0, Night},
	{"晚间", 0, Night},
	{"晚", 0, Night},
	{"夜里", 0, Night},
	{"夜间", 0, Night},
	{"夜晚", 0, Night},
	{"深夜", 0, Night},
	{"入夜", 0, Night},
	{"大晚上", 0, Night},
	{"夜", 0, Night},
	{"半夜", 0, Midnight},
	{"午夜", 0, Midnight},
	{"子夜", 0, Midnight},
	{"下半夜", 0, SmallHours},
	{"后半夜", 0, SmallHours},
	{"下晚", 0, Evening},
	{"下午晚些时候", -1, Afternoon},
	{"early morning", 0, Morning},
	{"in the morning", 0, Morning},
	{"morning", 0, Morning},
	{"mornings", 0, Morning},
	{"in the early morning", 0, Morning},
	{"in the late morning", 0, Morning},
	{"in the mornin", 0, Morning},
	{"in the afternoon", 0, Afternoon},
	{"afternoon", 0, Afternoon},
	{"in the evening", 0, Evening},
	{"evening", 0, Evening},
	{"at night", 0, Night},
	{"night", 0, Night},
	{"in the night", 0, Night},
	{"late night", 0, Night},
	{"late evening", 0, Evening},
	{"early afternoon", 0, Afternoon},
	{"late afternoon", 0, Afternoon},
	{"early evening", 0, Evening},
	{"morning of", -1, Morning},
	{"arvo", 0, Afternoon},
	{"eve", -1, Evening},
	{"of the morning", 0, Morning},
	{"in the small hours", 0, SmallHours},
}

func (sc *scanner) dayWord(i int, list []dayWord) (dayWord, int) {
	best, end := dayWord{}, -1
	for _, w := range list {
		if e := sc.lit(i, w.name); e > end {
			best, end = w, e
		}
	}
	if best.days < 0 {
		return best, -1
	}
	return best, end
}

var weekdayNames = map[string]time.Weekday{
	"monday": 1, "mon": 1, "tuesday": 2, "tue": 2, "tues": 2, "wednesday": 3, "wed": 3, "weds": 3, "thursday": 4, "thu": 4, "thur": 4, "thurs": 4,
	"friday": 5, "fri": 5, "saturday": 6, "sat": 6, "sunday": 0, "sun": 0, "wensday": 3, "wednsday": 3, "thrusday": 4, "tuseday": 2, "firday": 5, "satuday": 6, "saterday": 6, "mondy": 1, "fridy": 5, "wednesdy": 3, "thursdy": 4, "tusday": 2, "mondays": -1, "modnay": 1, "frday": 5, "teusday": 2, "thirsday": 4, "tueday": 2, "wendesday": 3, "suday": 0, "munday": 1, "wedensday": 3,
}

var monthNames = map[string]int{
	"january": 1, "jan": 1, "february": 2, "feb": 2, "march": 3, "mar": 3, "april": 4, "apr": 4, "may": 5, "june": 6, "jun": 6, "july": 7, "jul": 7, "august": 8, "aug": 8,
	"september": 9, "sep": 9, "sept": 9, "october": 10, "oct": 10, "november": 11, "nov": 11, "december": 12, "dec": 12, "febuary": 2, "septmber": 9, "decmber": 12, "novemeber": 11, "ocotber": 10, "janurary": 1, "agust": 8,
}

// day matches the name of a day at i and stores it in t.
func (sc *scanner) day(i int, t *TimeExpr) int {
	if w, e := sc.dayWord(i, dayWords); e >= 0 {
		t.Ref, t.Days, t.Part = DayOffset, w.days, max(t.Part, w.part)
		return e
	}
	if w, e := sc.dayWord(i, afterWords); e >= 0 {
		t.Ref, t.Days, t.Part = AfterStart, w.days, max(t.Part, w.part)
		return e
	}
	if e := sc.weekday(i, t); e >= 0 {
		return e
	}
	if e := sc.hanDate(i, t); e >= 0 {
		return e
	}
	if e := sc.numericDate(i, t); e >= 0 {
		return e
	}
	if e := sc.secondDate(i, t); e >= 0 {
		return e
	}
	return sc.englishDate(i, t)
}

var hanWeekdays = []struct {
	name string
	day  time.Weekday
}{{"一", 1}, {"二", 2}, {"三", 3}, {"四", 4}, {"五", 5}, {"六", 6}, {"日", 0}, {"天", 0}, {"末", 6}, {"1", 1}, {"2", 2}, {"3", 3}, {"4", 4}, {"5", 5}, {"6", 6}, {"7", 0}}

// weekday matches 下周一, 这周五, 星期天, next Monday, this Friday, Fri.
func (sc *scanner) weekday(i int, t *TimeExpr) int {
	week := AnyWeek
	k := i
	for _, w := range []struct {
		name string
		week int
	}{{"下下个", 2}, {"下下", 2}, {"下个", 1}, {"下", 1}, {"这个", 0}, {"这", 0}, {"本", 0}, {"next ", 1}, {"this coming ", AnyWeek}, {"this ", 0}, {"coming ", AnyWeek}, {"the coming ", AnyWeek}, {"on ", AnyWeek}, {"the next ", 1}, {"nxt ", 1}, {"upcoming ", AnyWeek}, {"the following ", 1}} {
		if sc.has(i, w.name) {
			week, k = w.week, i+len(w.name)
			break
		}
	}
	if e := sc.oneOf(k, "周", "星期", "礼拜"); e >= 0 {
		for _, d := range hanWeekdays {
			if sc.has(e, d.name) && !(isDigit(d.name[0]) && isAlnum(sc.byteAt(e+1))) && !(d.name == "日" && sc.has(e, "日报")) {
				end := e + len(d.name)
				if _, lone := hanUnits[sc.runeAt(end)]; lone || sc.anyPrefix(end, "周岁", "个月", "年") {
					return -1
				}
				t.Ref, t.Weekday, t.WeekOffset = OnWeekday, d.day, week
				return end
			}
		}
		if week > 0 {
			t.Ref, t.Weekday, t.WeekOffset = OnWeekday, time.Monday, week
			return e
		}
		return -1
	}
	w := sc.latinWord(k)
	if d, ok := weekdayNames[w]; ok && d >= 0 && !isAlnum(sc.byteAt(k+len(w))) {
		if (w == "sun" || w == "sat" || w == "mon" || w == "wed" || w == "mar") && k == i && !sc.shortDayFits(k, k+len(w)) {
			return -1
		}
		t.Ref, t.Weekday, t.WeekOffset = OnWeekday, d, week
		end := k + len(w)
		if sc.byteAt(end) == '.' && len(w) <= 5 && sc.byteAt(end+1) == ' ' {
			end++
		}
		return end
	}
	if week == 1 {
		if e := sc.oneOf(k, "week", "wk"); e >= 0 {
			t.Ref, t.Weekday, t.WeekOffset = OnWeekday, time.Monday, 1
			if sc.has(e, " on ") {
				e += 3
			}
			k = sc.skipSpace(e)
			if w := sc.latinWord(k); w != "" {
				if d, ok := weekdayNames[w]; ok && d >= 0 {
					t.Weekday, e = d, k+len(w)
				}
			}
			return e
		}
	}
	if e := sc.oneOf(k, "weekend"); e >= 0 && k > i || sc.lit(i, "the weekend") >= 0 || e >= 0 && sc.endsWith(i, "over the", "on the") {
		t.Ref, t.Weekday, t.WeekOffset = OnWeekday, time.Saturday, max(week, 0)
		return max(e, sc.lit(i, "the weekend"))
	}
	return -1
}

// shortDayFits reports whether a three-letter name that is also a word stands where a day would.
func (sc *scanner) shortDayFits(i, e int) bool {
	if sc.endsWith(i, "on", "from", "until", "till", "by", "next", "this", "to", "-", "through", "every", "since", "thru", ",", "for") || i == 0 {
		return true
	}
	k := sc.skipSpace(e)
	return isDigit(sc.byteAt(k)) || sc.anyPrefix(k, "at", "morning", "to", "-", "afternoon", "evening", "night", "from", "through", "noon", "until", "till")
}

// hanDate matches 12月3号, 2026年3月5日, 下个月3号, 三号下午 and 下个月.
func (sc *scanner) hanDate(i int, t *TimeExpr) int {
	k, month := i, 0
	if e := sc.oneOf(i, "下个月", "下月"); e >= 0 {
		t.Ref, t.Day = NextMonth, 1
		if n, ok := sc.number(e); ok && n.integer() && n.value >= 1 && n.value <= 31 {
			if d := sc.oneOf(n.end, "号", "日"); d >= 0 {
				t.Day = int(n.value)
				return d
			}
		}
		if d := sc.oneOf(e, "初", "月初"); d >= 0 {
			return d
		}
		return e
	}
	if e := sc.oneOf(i, "这个月底", "本月底", "月底"); e >= 0 {
		return -1
	}
	bound := false
	if e := sc.oneOf(i, "本月", "这个月", "当月"); e >= 0 {
		k, bound = e, true
	}
	n, ok := sc.number(k)
	if !ok || !n.integer() || n.style == words || n.value < 1 {
		return -1
	}
	year := 0
	if e := sc.oneOf(n.end, "年"); e >= 0 && n.value >= 2000 && n.value < 2200 && !bound {
		year = int(n.value)
		if n, ok = sc.number(e); !ok || !n.integer() {
			return -1
		}
	}
	if e := sc.oneOf(n.end, "月", "月份"); e >= 0 && n.value <= 12 && !bound {
		month = int(n.value)
		if n, ok = sc.number(sc.skipSpace(e)); !ok || !n.integer() {
			return -1
		}
	}
	if n.value < 1 || n.value > 31 {
		return -1
	}
	e := sc.oneOf(n.end, "号", "日")
	switch {
	case month > 0 && e < 0 && !sc.unitOrMeasure(n.end):
		e = n.end
	case e < 0:
		return -1
	case month == 0 && !bound && !sc.dayOfMonthFits(i, e):
		return -1
	}
	t.Ref, t.Year, t.Month, t.Day = OnDate, year, month, int(n.value)
	return e
}

// dayOfMonthFits decides whether N号 with no month is a date and not the number of a line, a building or a door.
func (sc *scanner) dayOfMonthFits(i, e int) bool {
	k := sc.skipSpace(e)
	if _, p := sc.dayWord(k, partWords); p >= 0 {
		return true
	}
	if sc.anyPrefix(k, "开始", "起", "之前", "以前", "前", "一早", "当天", "全天", "那天", "生效", "启用", "零点", "开通", "上线") {
		return true
	}
	if n, ok := sc.number(k); ok && n.style != words {
		var t TimeExpr
		if c := sc.clock(k, &t, false); c >= 0 {
			return true
		}
	}
	if d := sc.oneOf(k, "到", "至", "-", "~"); d >= 0 {
		if n, ok := sc.number(d); ok && n.integer() {
			if h := sc.oneOf(n.end, "号", "日"); h >= 0 && !sc.measure(h) {
				return sc.dateContext(h)
			}
		}
	}
	if last := len(sc.found) - 1; last >= 0 {
		f := sc.found[last]
		if f.kind == Time && f.clock.Ref == OnDate && sc.connects(sc.s[f.end:i]) {
			return true
		}
	}
	return false
}

// dateContext reports whether what follows a date at h is no noun that N号 could belong to.
func (sc *scanner) dateContext(h int) bool {
	k := sc.skipSpace(h)
	return k >= len(sc.s) || sc.anyPrefix(k, ",", "。", ";", "、", "期间", "每天", "的", "晚", "早", "下午", "上午", "用", "要", "需要", ".", "给", "全天", "白天", "之间", "这", "我", "开")
}

// numericDate matches 2026-03-05, 2026/3/5, 2026.3.5 and, beside a time, 3/5.
func (sc *scanner) numericDate(i int, t *TimeExpr) int {
	var parts [3]int
	k, count := i, 0
	sep := byte(0)
	for count < 3 {
		start := k
		for isDigit(sc.byteAt(k)) && k-start < 4 {
			parts[count] = parts[count]*10 + int(sc.s[k]-'0')
			k++
		}
		if k == start {
			return -1
		}
		count++
		c := sc.byteAt(k)
		if count == 3 || !(c == '-' || c == '/' || c == '.') || sep != 0 && c != sep || !isDigit(sc.byteAt(k+1)) {
			break
		}
		sep = c
		k++
	}
	if isAlnum(sc.byteAt(k)) && !(sc.byteAt(k) == 't' && isDigit(sc.byteAt(k+1))) {
		return -1
	}
	switch {
	case count == 3 && parts[0] >= 2000 && parts[0] < 2200 && validDate(parts[1], parts[2]):
		t.Ref, t.Year, t.Month, t.Day = OnDate, parts[0], parts[1], parts[2]
	case count == 3 && sep == '/' && parts[2] >= 2000 && parts[2] < 2200 && validDate(parts[0], parts[1]):
		t.Ref, t.Year, t.Month, t.Day = OnDate, parts[2], parts[0], parts[1]
	case count == 3 && sep != '-' && parts[2] >= 2000 && parts[2] < 2200 && validDate(parts[1], parts[0]):
		t.Ref, t.Year, t.Month, t.Day = OnDate, parts[2], parts[1], parts[0]
	case count == 2 && sep == '/' && validDate(parts[0], parts[1]) && sc.slashDateFits(i, k):
		t.Ref, t.Month, t.Day = OnDate, parts[0], parts[1]
	default:
		return -1
	}
	if sc.byteAt(k) == 't' {
		k++ // 2026-03-05T08:00
	}
	return k
}

// numericDateEnd reports whether a plain month/day that ends a range stands at i.
func (sc *scanner) numericDateEnd(i int) bool {
	m, _ := sc.number(i)
	d, ok := sc.number(m.end + 1)
	return ok && m.style == digits && d.style == digits && m.integer() && d.integer() && validDate(int(m.value), int(d.value)) && !sc.unitOrMeasure(d.end)
}

func validDate(month, day int) bool { return month >= 1 && month <= 12 && day >= 1 && day <= 31 }

func (sc *scanner) slashDateFits(i, k int) bool {
	j := sc.skipSpace(k)
	if _, e := sc.dayWord(j, partWords); e >= 0 {
		return true
	}
	var t TimeExpr
	if n, ok := sc.number(j); ok && n.style != words && sc.clock(j, &t, false) >= 0 {
		return true
	}
	if last := len(sc.found) - 1; last >= 0 && sc.found[last].clock.Ref == OnDate && rangeSign(sc.s[sc.found[last].end:i]) {
		return true
	}
	if e := sc.oneOf(j, "-", "~", "到", "至", "to"); e >= 0 {
		e = sc.skipSpace(e)
		m, mok := sc.number(e)
		if mok && sc.byteAt(m.end) == '/' && sc.numericDateEnd(e) {
			return true
		}
	}
	return sc.endsWith(i, "on", "starting", "from", "until", "by", "从", "自", "于", "在", "since") && !sc.unitOrMeasure(k) || sc.anyPrefix(j, "at", "开始", "起")
}

// secondDate matches the second day of a range in one month: Dec 24-26, March 15th to 17th.
func (sc *scanner) secondDate(i int, t *TimeExpr) int {
	last := len(sc.found) - 1
	if last < 0 {
		return -1
	}
	f := sc.found[last]
	if f.kind != Time || f.clock.Ref != OnDate || f.clock.Month == 0 || f.clock.HasClock {
		return -1
	}
	between := sc.s[f.end:min(i, len(sc.s))]
	if len(between) > 16 {
		return -1
	}
	if k := strings.LastIndex(between, "the "); k >= 0 {
		between = between[:k]
	}
	if !rangeSign(between) && strings.TrimSpace(between) != "through" && strings.TrimSpace(between) != "until" {
		return -1
	}
	d, e := sc.dayNumber(i)
	if e < 0 || d <= f.clock.Day || sc.unitOrMeasure(e) || sc.anyPrefix(e, "月", "点", "%", "/") || monthNames[sc.latinWord(sc.skipSpace(e))] > 0 {
		return -1
	}
	t.Ref, t.Year, t.Month, t.Day = OnDate, f.clock.Year, f.clock.Month, d
	return e
}

// englishDate matches Dec 3, December 3rd, 3 Dec, 3rd of December 2026, the 5th, next month.
func (sc *scanner) englishDate(i int, t *TimeExpr) int {
	if e := sc.oneOf(i, "next month", "the first of next month", "the 1st of next month", "1st of next month", "first of next month", "start of next month"); e >= 0 {
		t.Ref, t.Day = NextMonth, 1
		return e
	}
	if w := sc.latinWord(i); monthNames[w] > 0 {
		k := i + len(w)
		if sc.byteAt(k) == '.' {
			k++
		}
		k = sc.skipSpace(k)
		if e := sc.lit(k, "the"); e >= 0 {
			k = sc.skipSpace(e)
		}
		d, e := sc.dayNumber(k)
		if e < 0 {
			return -1
		}
		t.Ref, t.Month, t.Day = OnDate, monthNames[w], d
		return sc.optionalYear(e, t)
	}
	k := i
	if e := sc.oneOf(i, "the", "on the"); e >= 0 {
		k = sc.skipSpace(e)
	}
	d, e := sc.dayNumber(k)
	if e < 0 {
		return -1
	}
	if r := sc.oneOf(sc.skipSpace(e), "-", "to", "~"); r >= 0 { // 10-12 March
		d2, e2 := sc.dayNumber(sc.skipSpace(r))
		if e2 >= 0 && d2 > d {
			if month := monthNames[sc.latinWord(sc.skipSpace(e2))]; month > 0 {
				t.Ref, t.Month, t.Day = OnDate, month, d
				return e
			}
		}
	}
	m := sc.skipSpace(e)
	if of := sc.lit(m, "of"); of >= 0 {
		m = sc.skipSpace(of)
	}
	if w := sc.latinWord(m); monthNames[w] > 0 && (w != "may" && w != "march" && w != "mar" || m > e && sc.byteAt(e) == ' ') {
		t.Ref, t.Month, t.Day = OnDate, monthNames[w], d
		return sc.optionalYear(m+len(w), t)
	}
	if x := sc.oneOf(m, "next month"); x >= 0 {
		t.Ref, t.Day = NextMonth, d
		return x
	}
	if x := sc.oneOf(m, "this month"); x >= 0 {
		t.Ref, t.Day = OnDate, d
		return x
	}
	if k > i && sc.ordinalSuffix(e-2) && isDigit(sc.byteAt(e-3)) && !sc.nounAfter(e) {
		t.Ref, t.Day = OnDate, d
		return e
	}
	return -1
}

// nounAfter reports whether an ordinal at e qualifies a noun (the 5th floor).
func (sc *scanner) nounAfter(e int) bool {
	k := sc.skipSpace(e)
	return isLatin(sc.byteAt(k)) && !sc.anyPrefix(k, "at", "from", "until", "till", "to", "and", "for", "by", "between", "through", "in", "we", "i", "please", "with", "starting", "morning", "afternoon", "noon", "evening", "night", "onwards", "of", "thru", "on")
}

// dayNumber matches 3, 3rd, third at i as a day of the month.
func (sc *scanner) dayNumber(i int) (day, end int) {
	k := i
	for isDigit(sc.byteAt(k)) && k-i < 2 {
		day = day*10 + int(sc.s[k]-'0')
		k++
	}
	if k == i {
		for n, w := range []string{"first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"} {
			if e := sc.lit(i, w); e >= 0 {
				return n + 1, e
			}
		}
		return 0, -1
	}
	if day < 1 || day > 31 || isDigit(sc.byteAt(k)) {
		return 0, -1
	}
	if sc.ordinalSuffix(k) {
		return day, k + 2
	}
	if isAlnum(sc.byteAt(k)) || sc.byteAt(k) == ':' || sc.byteAt(k) == '.' && isDigit(sc.byteAt(k+1)) {
		return 0, -1
	}
	return day, k
}

// optionalYear takes a year after an English date.
func (sc *scanner) optionalYear(e int, t *TimeExpr) int {
	k := e
	if sc.byteAt(k) == ',' {
		k++
	}
	k = sc.skipSpace(k)
	y, j := 0, k
	for isDigit(sc.byteAt(j)) && j-k < 5 {
		y = y*10 + int(sc.s[j]-'0')
		j++
	}
	if j-k == 4 && y >= 2000 && y < 2200 && !isAlnum(sc.byteAt(j)) && !sc.unitOrMeasure(j) {
		t.Year = y
		return j
	}
	return e
}
