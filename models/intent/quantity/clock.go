package quantity

import "time"

// DayRef says how a TimeExpr names its day.
type DayRef uint8

// The ways to name a day.
const (
	NoDay      DayRef = iota // only a clock time was said
	DayOffset                // Days after today
	OnWeekday                // Weekday, in the week WeekOffset
	OnDate                   // Month and Day, and Year when not 0; Month 0 means this or the next month
	AfterStart               // Days after the start of the window (次日, the next day)
	NextMonth                // Day of the month after this (1 when only the month was said)
)

// DayPart is a part of the day; it decides between morning and evening hours and gives a default hour.
type DayPart uint8

// The parts of the day.
const (
	NoPart DayPart = iota
	SmallHours
	Morning
	Noon
	Afternoon
	Evening
	Night
	Midnight
)

// defaultHour is when a part begins if no hour is said.
var defaultHour = [...]int{NoPart: 0, SmallHours: 0, Morning: 9, Noon: 12, Afternoon: 14, Evening: 18, Night: 20, Midnight: 24}

// AnyWeek is the WeekOffset of a weekday said without "this" or "next": its next occurrence.
const AnyWeek = -1

// TimeExpr is a time as said, before it is known when it was said.
type TimeExpr struct {
	Now      bool    // now, at once
	Relative bool    // Minutes from now
	Minutes  float64 // of Relative

	Ref         DayRef
	Days        int // of DayOffset and AfterStart
	Weekday     time.Weekday
	WeekOffset  int // of OnWeekday: 0 this week, 1 next week, AnyWeek
	Year, Month int // of OnDate
	Day         int // of OnDate and NextMonth

	Part         DayPart
	HasClock     bool
	Hour, Minute int
	Meridiem     bool // the part was said as am or pm
	Is24         bool // written on the 24-hour clock: the hour is taken literally

	inheritedFrom *TimeExpr // another expression of the wish, whose day serves this one too
}

// Resolve returns the point in time that t means when it is said at now, in now's location, to the minute.
// It reports false for an expression that names no time at all.
func (t TimeExpr) Resolve(now time.Time) (time.Time, bool) {
	now = now.Truncate(time.Minute)
	switch {
	case t.Now:
		return now, true
	case t.Relative:
		const century = 100 * 366 * 24 * 60 // minutes; more would overflow a Duration before long
		if !(t.Minutes <= century) {
			return time.Time{}, false
		}
		return now.Add(time.Duration(t.Minutes * float64(time.Minute))), true
	}
	if t.Ref == NoDay && t.inheritedFrom != nil {
		from := *t.inheritedFrom
		t.Ref, t.Days, t.Weekday, t.WeekOffset, t.Year, t.Month, t.Day =
			from.Ref, from.Days, from.Weekday, from.WeekOffset, from.Year, from.Month, from.Day
		if t.Part == NoPart && t.HasClock && t.Hour <= 12 && !t.Is24 {
			t.Part = from.Part
		}
	}
	if !t.HasClock && t.Part == NoPart && t.Ref == NoDay {
		return time.Time{}, false
	}
	day, ok := t.day(now)
	if !ok {
		return time.Time{}, false
	}
	at := day.Add(t.sinceMidnight())
	switch {
	case t.Ref == DayOffset && t.Days == 0 && !t.clocked():
		return now, true // "today", with no hour: what is left of it
	case t.Ref == NoDay && at.Before(now):
		at = t.nextAfter(now)
	case t.Ref == OnWeekday && t.WeekOffset == AnyWeek && t.clocked() && at.Before(now):
		at = at.AddDate(0, 0, 7)
	case t.Ref == DayOffset && t.Days == 0 && t.Part == SmallHours && at.Before(now):
		at = at.AddDate(0, 0, 1) // "in the small hours today" is the night to come
	case t.Ref == DayOffset && t.Days == 0 && t.HasClock && at.Before(now) && t.Part == NoPart && t.Hour < 12 && !t.Is24:
		at = at.Add(12 * time.Hour) // "today at 8" said at noon
	}
	return at, true
}

func (t TimeExpr) clocked() bool { return t.HasClock || t.Part != NoPart }

// nextAfter is the next occurrence of a bare clock time that has passed today.
func (t TimeExpr) nextAfter(now time.Time) time.Time {
	at := midnight(now).Add(t.sinceMidnight())
	if t.Part == NoPart && t.HasClock && t.Hour < 12 && !t.Is24 {
		if later := at.Add(12 * time.Hour); !later.Before(now) && sameDay(later, now) {
			return later
		}
	}
	return midnight(now).AddDate(0, 0, 1).Add(t.sinceMidnight())
}

func sameDay(a, b time.Time) bool { return midnight(a).Equal(midnight(b)) }

func midnight(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}

// day is midnight at the start of the day t names.
func (t TimeExpr) day(now time.Time) (time.Time, bool) {
	today := midnight(now)
	switch t.Ref {
	case DayOffset, AfterStart:
		return today.AddDate(0, 0, t.Days), true
	case OnWeekday:
		monday := today.AddDate(0, 0, -mondayBased(today.Weekday()))
		d := monday.AddDate(0, 0, mondayBased(t.Weekday))
		if t.WeekOffset > 0 {
			return d.AddDate(0, 0, 7*t.WeekOffset), true
		}
		if d.Before(today) {
			d = d.AddDate(0, 0, 7)
		}
		return d, true
	case OnDate:
		return t.date(today)
	case NextMonth:
		first := time.Date(today.Year(), today.Month()+1, 1, 0, 0, 0, 0, today.Location())
		return first.AddDate(0, 0, max(t.Day, 1)-1), true
	}
	return today, true
}

func mondayBased(d time.Weekday) int { return (int(d) + 6) % 7 }

// date is the named calendar date; without a year, or without a month, the next one that is not past.
func (t TimeExpr) date(today time.Time) (time.Time, bool) {
	year, month := t.Year, time.Month(t.Month)
	if month == 0 {
		month = today.Month()
		if t.Day < today.Day() {
			month++
		}
		year = today.Year()
	} else if year == 0 {
		year = today.Year()
		if d := time.Date(year, month, t.Day, 0, 0, 0, 0, today.Location()); d.Before(today) {
			year++
		}
	}
	d := time.Date(year, month, t.Day, 0, 0, 0, 0, today.Location())
	return d, d.Day() == t.Day
}

// sinceMidnight is the clock time as an offset from the day's midnight; it passes 24 h for hours after midnight that
// belong to the night before (今晚12点, tonight at 1).
func (t TimeExpr) sinceMidnight() time.Duration {
	if !t.HasClock {
		return time.Duration(defaultHour[t.Part]) * time.Hour
	}
	h := t.Hour
	switch t.Part {
	case Morning:
		if h == 12 && t.Meridiem {
			h = 0
		}
	case SmallHours:
		if h == 12 {
			h = 0
		}
	case Noon:
		if h < 10 {
			h += 12
		}
	case Afternoon:
		if h < 12 {
			h += 12
		}
	case Evening, Night, Midnight:
		switch {
		case h == 12:
			h = 24
		case h < 5 && t.Part != Evening:
			h += 24
		case h < 12:
			h += 12
		}
	case NoPart:
		if !t.Is24 && h >= 1 && h < 6 {
			h += 12
		}
	}
	return time.Duration(h)*time.Hour + time.Duration(t.Minute)*time.Minute
}

// ResolveEnd returns when a window that begins at start ends. Said without a day the end takes the day of the start,
// or of the day after when it would not be later than start; an hour without part of day is the first one after start.
func (t TimeExpr) ResolveEnd(start, now time.Time) (time.Time, bool) {
	switch {
	case t.Now:
		return time.Time{}, false
	case t.Relative:
		return t.Resolve(now)
	case t.Ref == NoDay || t.Ref == AfterStart || t.Ref == DayOffset && t.Days == 0 && start.Before(midnight(now).AddDate(0, 0, 2)) && !sameDay(start, now) && !t.clocked():
		return t.endAfter(start)
	}
	day, ok := t.day(now)
	if !ok {
		return time.Time{}, false
	}
	at := day.Add(t.sinceMidnight())
	if !t.clocked() {
		at = day.AddDate(0, 0, 1) // "until Friday" includes Friday
	}
	if t.Ref == OnDate && t.Month == 0 && !at.After(start) {
		at = at.AddDate(0, 1, 0) // from the 28th to the 3rd
	}
	if t.loose() && t.Hour >= 6 && !at.After(start) && at.Add(12*time.Hour).After(start) {
		at = at.Add(12 * time.Hour)
	}
	for step := 0; !at.After(start) && step < 2 && t.Ref == OnWeekday && t.WeekOffset == AnyWeek; step++ {
		at = at.AddDate(0, 0, 7)
	}
	return at, at.After(start)
}

// loose reports whether the clock time could be before or after noon.
func (t TimeExpr) loose() bool { return t.HasClock && t.Part == NoPart && !t.Is24 && t.Hour <= 12 }

func (t TimeExpr) endAfter(start time.Time) (time.Time, bool) {
	if !t.clocked() && t.Ref != AfterStart {
		return time.Time{}, false
	}
	day := midnight(start)
	if t.Ref == AfterStart {
		day = day.AddDate(0, 0, t.Days)
		if !t.clocked() {
			return day.AddDate(0, 0, 1), true
		}
		return day.Add(t.sinceMidnight()), day.Add(t.sinceMidnight()).After(start)
	}
	if t.loose() {
		at := day.Add(time.Duration(t.Hour%12)*time.Hour + time.Duration(t.Minute)*time.Minute)
		for !at.After(start) {
			at = at.Add(12 * time.Hour)
		}
		return at, true
	}
	at := day.Add(t.sinceMidnight())
	if (t.Part == Evening || t.Part == Night || t.Part == Midnight) && at.Sub(start) >= 24*time.Hour {
		at = at.AddDate(0, 0, -1)
	}
	if !at.After(start) {
		at = at.AddDate(0, 0, 1)
	}
	return at, true
}

// ResolveWindow resolves the two ends of a window together, so that a day or a half of the day said with one of them
// serves both: "from ten until two tomorrow", "8-10pm".
func ResolveWindow(start, end TimeExpr, now time.Time) (from, to time.Time, ok bool) {
	if start.clocked() && !start.Now && start.Ref == NoDay && end.clocked() && end.Ref != NoDay && end.Ref != AfterStart {
		if to, ok = end.Resolve(now); !ok {
			return from, to, false
		}
		day := midnight(to)
		if to.Equal(day) {
			day = day.AddDate(0, 0, -1)
		}
		return start.before(to, day)
	}
	if start.loose() && start.Ref == NoDay && start.inheritedFrom == nil && end.Meridiem && end.Ref == NoDay {
		start.Part, start.Meridiem = start.nearest(end), true
	} else if start.loose() && end.Meridiem {
		start.Part, start.Meridiem = start.nearest(end), true
	}
	if from, ok = start.Resolve(now); !ok {
		return from, to, false
	}
	if start.loose() && end.loose() && start.Ref == NoDay && start.inheritedFrom == nil && start.Hour >= 7 && start.Hour < 12 && from.Hour() >= 12 {
		if late, fits := end.ResolveEnd(from, now); now.Hour() < 17 || !fits || !sameDay(from, late) {
			from = from.Add(12 * time.Hour) // "nine to five" said at ten is about tomorrow's day, not tonight
		}
	}
	to, ok = end.ResolveEnd(from, now)
	return from, to, ok && to.After(from)
}

// nearest picks the half of the day that puts t the shorter time before end.
func (t TimeExpr) nearest(end TimeExpr) DayPart {
	e := end.sinceMidnight()
	at := time.Duration(t.Hour%12)*time.Hour + time.Duration(t.Minute)*time.Minute
	gap := func(d time.Duration) time.Duration { return (e - d + 48*time.Hour) % (24 * time.Hour) }
	am, pm := gap(at), gap(at+12*time.Hour)
	if am == 0 || pm != 0 && pm < am {
		return Afternoon
	}
	return Morning
}

// before resolves a start without a day against an end that has one; a loose hour is the last one before the end.
func (t TimeExpr) before(to, day time.Time) (from, end time.Time, ok bool) {
	if t.loose() {
		at := day.Add(time.Duration(t.Hour%12)*time.Hour + time.Duration(t.Minute)*time.Minute + 12*time.Hour)
		for !at.Before(to) {
			at = at.Add(-12 * time.Hour)
		}
		return at, to, true
	}
	at := day.Add(t.sinceMidnight())
	for step := 0; !at.Before(to) && step < 2; step++ {
		at = at.AddDate(0, 0, -1)
	}
	return at, to, at.Before(to)
}

// inheritDays lets a clock time without a day share the day of the time said before it, or of a day said after it.
// It also takes every plain hour literally once one of the wish's times is written on the 24-hour clock.
func inheritDays(ps []Placeholder) {
	literal := false
	for i := range ps {
		c := &ps[i].Clock
		literal = literal || ps[i].Kind == Time && c.HasClock && c.Part == NoPart && (c.Is24 || c.Hour > 12)
	}
	var last *TimeExpr
	for i := range ps {
		c := &ps[i].Clock
		if ps[i].Kind != Time || c.Now || c.Relative {
			continue
		}
		if literal && c.HasClock && c.Part == NoPart {
			c.Is24 = true
		}
		switch {
		case c.Ref != NoDay && c.Ref != AfterStart:
			copied := *c
			last = &copied
		case c.Ref == NoDay:
			c.inheritedFrom = last
		}
	}
	for i := len(ps) - 1; i >= 0; i-- {
		c := &ps[i].Clock
		if ps[i].Kind != Time || c.Now || c.Relative {
			continue
		}
		if c.Ref != NoDay && c.Ref != AfterStart && !c.HasClock {
			copied := *c
			last = &copied
		} else if c.Ref == NoDay && c.inheritedFrom == nil && last != nil && !last.HasClock {
			c.inheritedFrom = last
		}
	}
}
