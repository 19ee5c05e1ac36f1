package template

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// strftime formats t as C's strftime does in the C locale, with the GNU flags - (no padding), _ and 0.
func (it *interp) strftime(format string, t time.Time) string {
	w := &writer{it: it}
	for {
		i := strings.IndexByte(format, '%')
		if i < 0 || i == len(format)-1 {
			w.put(format)
			return w.String()
		}
		w.put(format[:i])
		format = format[i+1:]
		flag := byte(0)
		if strings.IndexByte("-_0", format[0]) >= 0 && len(format) > 1 {
			flag, format = format[0], format[1:]
		}
		it.spend(0)
		if format[0] >= utf8.RuneSelf {
			w.put("%")
			continue
		}
		w.put(timeField(t, format[0], flag))
		format = format[1:]
	}
}

// composed maps directives to what they abbreviate.
var composed = map[byte]string{
	'c': "Mon Jan _2 15:04:05 2006", 'x': "01/02/06", 'X': "15:04:05", 'D': "01/02/06", 'F': "2006-01-02",
	'T': "15:04:05", 'R': "15:04", 'r': "03:04:05 PM",
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'h': "Jan", 'B': "January", 'p': "PM",
}

// numeric maps directives to the number they print, its width and its padding.
var numeric = map[byte]struct {
	width int
	pad   string
	of    func(t time.Time) int
}{
	'Y': {1, "0", time.Time.Year},
	'C': {2, "0", func(t time.Time) int { return t.Year() / 100 }},
	'y': {2, "0", func(t time.Time) int { return t.Year() % 100 }},
	'm': {2, "0", func(t time.Time) int { return int(t.Month()) }},
	'd': {2, "0", time.Time.Day},
	'e': {2, " ", time.Time.Day},
	'H': {2, "0", time.Time.Hour},
	'k': {2, " ", time.Time.Hour},
	'I': {2, "0", hour12},
	'l': {2, " ", hour12},
	'M': {2, "0", time.Time.Minute},
	'S': {2, "0", time.Time.Second},
	'f': {6, "0", func(t time.Time) int { return t.Nanosecond() / 1000 }},
	'j': {3, "0", time.Time.YearDay},
	'u': {1, "0", func(t time.Time) int { return daysSinceMonday(t) + 1 }},
	'w': {1, "0", func(t time.Time) int { return int(t.Weekday()) }},
	'U': {2, "0", func(t time.Time) int { return (t.YearDay() + 6 - int(t.Weekday())) / 7 }},
	'W': {2, "0", func(t time.Time) int { return (t.YearDay() + 6 - daysSinceMonday(t)) / 7 }},
	'G': {1, "0", func(t time.Time) int { year, _ := t.ISOWeek(); return year }},
	'g': {2, "0", func(t time.Time) int { year, _ := t.ISOWeek(); return year % 100 }},
	'V': {2, "0", func(t time.Time) int { _, week := t.ISOWeek(); return week }},
}

func hour12(t time.Time) int { return (t.Hour()+11)%12 + 1 }

func daysSinceMonday(t time.Time) int { return (int(t.Weekday()) + 6) % 7 }

// timeField formats one directive; an unknown one stands for itself.
func timeField(t time.Time, verb, flag byte) string {
	if layout, ok := composed[verb]; ok {
		return t.Format(layout)
	}
	if f, ok := numeric[verb]; ok {
		switch flag {
		case '-':
			f.width = 0
		case '_':
			f.pad = " "
		case '0':
			f.pad = "0"
		}
		s := strconv.Itoa(f.of(t))
		return strings.Repeat(f.pad, max(0, f.width-len(s))) + s
	}
	switch verb {
	case 's':
		return strconv.FormatInt(t.Unix(), 10)
	case 'P':
		return strings.ToLower(t.Format("PM"))
	case 'z', 'Z':
		return "" // the reference's clock carries no zone
	case 'n':
		return "\n"
	case 't':
		return "\t"
	case '%':
		return "%"
	}
	return "%" + string(rune(verb))
}
