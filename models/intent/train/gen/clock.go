package main

import (
	"fmt"
	"strconv"
)

// clock writes a moment: a day and a time of day, or one of them.
func (w *writer) clock() string {
	if w.zh {
		return w.zhClock()
	}
	return w.enClock()
}

// until writes the end of a window: usually a time of day alone.
func (w *writer) until() string {
	if w.chance(0.3) {
		return w.clock()
	}
	if w.zh {
		return w.zhHour()
	}
	return w.enHour()
}

func (w *writer) now() string {
	if w.zh {
		return pick(w.rng, []string{"现在", "马上", "立刻", "立即", "即刻", "现在就", "此刻"})
	}
	return pick(w.rng, []string{"now", "right now", "immediately", "at once", "right away", "straight away"})
}

func (w *writer) zhHour() string {
	h := 1 + w.rng.IntN(12)
	part := pick(w.rng, []string{"早上", "上午", "下午", "晚上", "中午", "早", "晚", "凌晨", "傍晚", "", "", "夜里", "早晨"})
	num := strconv.Itoa(h)
	if w.chance(0.5) {
		num = zhNumber(h, true)
	}
	switch w.rng.IntN(8) {
	case 0:
		return fmt.Sprintf("%02d:%02d", w.rng.IntN(24), 5*w.rng.IntN(12))
	case 1:
		return fmt.Sprintf("%d:%02d", w.rng.IntN(24), 15*w.rng.IntN(4))
	case 2:
		return part + num + "点半"
	case 3:
		return part + num + "点" + pick(w.rng, []string{"整", "钟", "一刻", "四十", "十分", "20"})
	case 4:
		return pick(w.rng, []string{"中午", "半夜十二点", "正午", "午夜", part + num + "时", num + "时"})
	}
	return part + num + "点"
}

func (w *writer) zhClock() string {
	day := ""
	switch w.rng.IntN(7) {
	case 0, 1, 2:
		day = pick(w.rng, []string{"今天", "明天", "明天", "后天", "大后天", "今晚", "明早", "明晚", "今天", "明日", "次日", "今日", "当天"})
	case 3:
		day = pick(w.rng, []string{"周", "下周", "这周", "本周", "星期", "下星期", "礼拜", "下礼拜"}) + pick(w.rng, []string{"一", "二", "三", "四", "五", "六", "日", "天"})
	case 4:
		m, d := 1+w.rng.IntN(12), 1+w.rng.IntN(28)
		day = pick(w.rng, []string{fmt.Sprintf("%d月%d号", m, d), fmt.Sprintf("%d月%d日", m, d), zhNumber(m, false) + "月" + zhNumber(d, false) + "号", fmt.Sprintf("2026年%d月%d日", m, d), fmt.Sprintf("2026-%02d-%02d ", m, d), fmt.Sprintf("%d号", d), fmt.Sprintf("%d/%d ", m, d)})
	case 5:
		if w.chance(0.4) {
			return w.duration() + pick(w.rng, []string{"后", "之后", "以后"})
		}
	}
	if day != "" && w.chance(0.15) {
		return day
	}
	return day + w.zhHour()
}

func (w *writer) enHour() string {
	h := 1 + w.rng.IntN(12)
	switch w.rng.IntN(9) {
	case 0:
		return fmt.Sprintf("%02d:%02d", w.rng.IntN(24), 5*w.rng.IntN(12))
	case 1:
		return pick(w.rng, []string{"noon", "midnight", "noon"})
	case 2:
		return fmt.Sprintf("%d:%02d %s", h, 15*w.rng.IntN(4), pick(w.rng, []string{"am", "pm", "a.m.", "p.m."}))
	case 3:
		return enOnes[h] + pick(w.rng, []string{" o'clock", "", " in the morning", " in the evening", " in the afternoon", " tonight", " pm", " am"})
	case 4:
		return pick(w.rng, []string{"half past ", "quarter past ", "quarter to "}) + enOnes[h]
	}
	return strconv.Itoa(h) + pick(w.rng, []string{"am", "pm", " am", " pm", "pm", "am", ":30", " PM", "p.m.", " in the morning", " at night"})
}

func (w *writer) enClock() string {
	days := []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}
	months := []string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December", "Jan", "Feb", "Mar", "Apr", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}
	day := ""
	switch w.rng.IntN(7) {
	case 0, 1, 2:
		day = pick(w.rng, []string{"tomorrow", "tomorrow morning", "tomorrow", "today", "tonight", "this afternoon", "the day after tomorrow", "tomorrow night", "this evening", "tomorrow evening", "tomorrow afternoon"})
	case 3:
		day = pick(w.rng, []string{"", "next ", "this ", "on ", "coming "}) + pick(w.rng, days)
	case 4:
		d := 1 + w.rng.IntN(28)
		m := pick(w.rng, months)
		day = pick(w.rng, []string{fmt.Sprintf("%s %d", m, d), fmt.Sprintf("%d %s", d, m), fmt.Sprintf("%s %dth", m, d), fmt.Sprintf("2026-%02d-%02d", 1+w.rng.IntN(12), d), fmt.Sprintf("the %dth", d), fmt.Sprintf("%d/%d", 1+w.rng.IntN(12), d)})
	case 5:
		if w.chance(0.5) {
			return pick(w.rng, []string{"in ", "in ", "starting in "}) + w.duration()
		}
	}
	switch {
	case day == "":
		return w.enHour()
	case w.chance(0.25):
		return day
	case w.chance(0.3):
		return w.enHour() + " " + day
	case len(day) > 3 && day[:2] == "20":
		return day + pick(w.rng, []string{" ", "T", " at "}) + fmt.Sprintf("%02d:%02d", w.rng.IntN(24), 30*w.rng.IntN(2))
	}
	return day + pick(w.rng, []string{" at ", " ", " at ", ", "}) + w.enHour()
}
