package main

import (
	"fmt"
	"strconv"
	"strings"
)

var (
	rates   = []int{1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 16, 18, 20, 24, 25, 30, 32, 35, 40, 45, 48, 50, 60, 64, 70, 75, 80, 90, 96, 100, 120, 128, 150, 160, 180, 200, 220, 250, 256, 300, 320, 350, 400, 450, 500, 512, 600, 640, 700, 750, 800, 900, 1000, 1200, 1500, 2000, 5000}
	lats    = []int{1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 20, 25, 28, 30, 35, 40, 45, 50, 60, 70, 75, 80, 90, 100, 120, 150, 180, 200, 220, 250, 300, 350, 400, 450, 500, 600, 700, 750, 800, 900, 1000, 1200, 1500}
	counts  = []int{2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 18, 20, 22, 24, 25, 28, 30, 32, 35, 36, 40, 45, 48, 50, 56, 60, 64, 72, 75, 80, 90, 96, 100, 110, 120, 128, 150, 180, 200, 240, 256, 300, 350, 400, 500, 600, 800, 1000, 1200, 2000}
	speeds  = []int{5, 8, 10, 12, 15, 18, 20, 25, 30, 35, 40, 45, 50, 60, 70, 75, 80, 90, 100, 120, 150, 180, 200, 250, 300, 400, 500, 600, 800, 1000, 1500, 2000, 3000}
	budgets = []int{1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 15, 18, 20, 25, 30, 35, 40, 45, 50, 60, 70, 75, 80, 90, 99, 100, 120, 150, 180, 200, 250, 299, 300, 350, 400, 450, 500, 600, 750, 800, 900, 1000, 1200, 1500, 2000, 2500, 3000, 5000, 8000, 10000}
)

// value returns the text of a random quantity of a kind, in the writer's language.
func (w *writer) value(field, kind string) string {
	switch kind {
	case "num":
		list := counts
		switch field {
		case "up", "down", "both":
			list = rates
		case "lat", "ttft":
			list = lats
		case "tps":
			list = speeds
		case "budget":
			list = budgets
		}
		return w.number(pick(w.rng, list))
	case "rate":
		return w.rate(pick(w.rng, rates))
	case "lat":
		return w.latency(pick(w.rng, lats))
	case "dur":
		return w.duration()
	case "tps":
		return w.speed()
	case "money":
		return w.money()
	case "pct":
		return w.percent()
	case "time", "clock", "from":
		return w.clock()
	case "until":
		return w.until()
	case "now":
		return w.now()
	}
	panic(fmt.Sprintf("no kind %q", kind)) // a fault of the grammar files
}

// number writes n in digits or words.
func (w *writer) number(n int) string {
	switch p := w.rng.Float64(); {
	case p < 0.72:
		if n >= 1000 && w.chance(0.4) {
			return fmt.Sprintf("%d,%03d", n/1000, n%1000)
		}
		return strconv.Itoa(n)
	case w.zh:
		return zhNumber(n, n == 2 || w.chance(0.1))
	case n <= 2000:
		return enNumber(n)
	}
	return strconv.Itoa(n)
}

func (w *writer) rate(n int) string {
	if n%1000 == 0 || n == 1500 {
		s := strings.TrimSuffix(fmt.Sprintf("%.1f", float64(n)/1000), ".0")
		if w.zh {
			return s + pick(w.rng, []string{"G", "Gbps", " Gbps", "千兆", "Gb"})
		}
		return s + pick(w.rng, []string{"G", " Gbps", "Gbps", " Gbit/s", " gig", " gigabit", "gbps"})
	}
	if w.zh {
		unit := pick(w.rng, []string{"兆", "兆", "兆", "M", "M", "Mbps", "Mbps", " Mbps", "Mbit/s", "mbps", "Mb/s", "兆每秒", "兆bps", "MB/s", "Mb", "m"})
		if w.chance(0.25) {
			return zhNumber(n, n == 2) + pick(w.rng, []string{"兆", "兆", "M", "兆每秒", "个兆"})
		}
		return strconv.Itoa(n) + unit
	}
	if w.chance(0.08) {
		return enNumber(n) + pick(w.rng, []string{" megabits", " meg", " Mbps", " megs", " megabits per second", " megabit"})
	}
	if w.chance(0.08) {
		return strconv.FormatFloat(float64(n)/2, 'g', 6, 64) + pick(w.rng, []string{" Mbps", "Mbps", " Mbit/s", "M"})
	}
	return strconv.Itoa(n) + pick(w.rng, []string{" Mbps", " Mbps", " Mbps", "Mbps", "Mbps", " Mbit/s", "M", " mbps", "mbps", " Mb/s", " megabits", " meg", " megs", " MB/s", "MB/s", " megabytes per second", " kbps", " megabits per second", "mb"})
}

func (w *writer) latency(n int) string {
	if n >= 1000 || n%500 == 0 && w.chance(0.4) {
		s := strconv.FormatFloat(float64(n)/1000, 'g', 4, 64)
		if w.zh {
			return s + pick(w.rng, []string{"秒", "s", "秒钟", " s"})
		}
		return s + pick(w.rng, []string{" s", "s", " seconds", " sec", " second"})
	}
	if w.zh {
		if w.chance(0.25) {
			return zhNumber(n, n == 2) + "毫秒"
		}
		return strconv.Itoa(n) + pick(w.rng, []string{"毫秒", "毫秒", "毫秒", "ms", "ms", "ms", " ms", "MS", "个毫秒"})
	}
	if w.chance(0.08) {
		return enNumber(n) + pick(w.rng, []string{" milliseconds", " ms", " millis"})
	}
	return strconv.Itoa(n) + pick(w.rng, []string{" ms", " ms", "ms", "ms", " milliseconds", " millisecond", "msec", " MS", " msec"})
}

func (w *writer) duration() string {
	type unit struct {
		zh, en string
		most   int
	}
	u := pick(w.rng, []unit{{"小时", "hours", 12}, {"小时", "hours", 72}, {"个小时", "hours", 24}, {"分钟", "minutes", 90}, {"天", "days", 30}, {"天", "days", 14}, {"周", "weeks", 8}, {"个月", "months", 24}, {"个星期", "weeks", 6}, {"h", "h", 48}, {"min", "min", 120}})
	n := 1 + w.rng.IntN(u.most)
	if u.en == "minutes" || u.en == "min" {
		n = pick(w.rng, []int{5, 10, 15, 20, 30, 40, 45, 60, 90, 120})
	}
	if w.zh {
		if w.chance(0.1) {
			return pick(w.rng, []string{"半小时", "半个小时", "两个半小时", "一个半小时", "半天", "三个半小时", "一整天", "半个月", "两个钟头", "一刻钟", "1.5小时"})
		}
		if w.chance(0.35) {
			return zhNumber(n, n == 2) + u.zh
		}
		return strconv.Itoa(n) + pick(w.rng, []string{"", "", " "}) + u.zh
	}
	if w.chance(0.1) {
		return pick(w.rng, []string{"half an hour", "an hour", "one hour", "an hour and a half", "a day", "a week", "a month", "one month", "a couple of hours", "two and a half hours", "90 min", "1.5 hours", "half a day", "one week", "1 hour", "1h30m", "2h", "24h", "one year"})
	}
	name := u.en
	if n == 1 {
		name = strings.TrimSuffix(name, "s")
	}
	if w.chance(0.25) && n <= 100 && len(u.en) > 3 {
		return enNumber(n) + " " + name
	}
	if w.chance(0.15) && u.en == "hours" {
		return strconv.Itoa(n) + pick(w.rng, []string{"h", " hrs", "hrs", " hr", " h"})
	}
	return strconv.Itoa(n) + pick(w.rng, []string{" ", " ", " ", "-", ""}) + name
}

func (w *writer) speed() string {
	n := w.number(pick(w.rng, speeds))
	if w.zh {
		return n + pick(w.rng, []string{" tokens/s", "tokens/s", " tok/s", "tok/s", "token每秒", "个token每秒", " token/s", "个token/秒", "token/s", "tps", " TPS", " tokens per second", "t/s"})
	}
	return n + pick(w.rng, []string{" tokens/s", " tok/s", " tokens per second", " tokens a second", " t/s", " tps", "tok/s", " tokens/sec", " toks/s", " TPS", " token/s", " tokens each second"})
}

func (w *writer) money() string {
	n := pick(w.rng, budgets)
	s := w.number(n)
	if w.zh {
		if w.chance(0.3) {
			return s + pick(w.rng, []string{"美元", "美金", "刀", " USD", "USD", "美元"})
		}
		if w.chance(0.1) {
			return pick(w.rng, []string{"¥", "￥", "$", "CNY ", "RMB "}) + strconv.Itoa(n)
		}
		if n < 10 && w.chance(0.2) {
			return pick(w.rng, []string{"三毛", "五毛", "两块五", "八毛钱", "一块五", "3块5", "五角", "六毛钱"})
		}
		if n <= 20 && w.chance(0.2) {
			return s + pick(w.rng, []string{"万", "万元", "万块"})
		}
		return s + pick(w.rng, []string{"元", "元", "块", "块钱", "元", "块", "元人民币", "人民币", " RMB", " CNY"})
	}
	if w.chance(0.12) {
		return strconv.Itoa(5+5*w.rng.IntN(19)) + pick(w.rng, []string{" cents", " cents", "c", "¢", " US cents"})
	}
	if w.chance(0.12) {
		return pick(w.rng, []string{"¥", "RMB ", "CNY ", "￥"}) + strconv.Itoa(n)
	}
	if w.chance(0.1) {
		return strconv.Itoa(n) + pick(w.rng, []string{" yuan", " RMB", " CNY", " kuai"})
	}
	if w.chance(0.1) {
		return "$" + fmt.Sprintf("%.2f", float64(n)+0.5)
	}
	if w.chance(0.55) {
		return "$" + strconv.Itoa(n) + pick(w.rng, []string{"", "", "", "", " USD"})
	}
	return s + pick(w.rng, []string{" dollars", " USD", " bucks", " dollars", "USD", " US dollars"})
}

func (w *writer) percent() string {
	if w.zh && w.chance(0.5) {
		return pick(w.rng, []string{"四个9", "三个9", "五个9", "四个九", "三个九", "五个九", "两个9", "4个9", "3个9", "5个9", "百分之九十九点九", "百分之99.9", "百分之九十九", "六个9"})
	}
	if !w.zh && w.chance(0.35) {
		return pick(w.rng, []string{"four nines", "three nines", "five nines", "4 nines", "3 nines", "5 nines", "two nines", "99.9 percent", "99 per cent", "six nines", "99.95 percent"})
	}
	return pick(w.rng, []string{"99.9%", "99.99%", "99.999%", "99%", "99.5%", "99.95%", "98%", "99.9 %", "95%", "99.98%"})
}

// rangeOf writes a quantity with a lower and an upper value.
func (w *writer) rangeOf(kind string) string {
	i := w.rng.IntN(20)
	a, b := rates[i], rates[i+2+w.rng.IntN(8)]
	join := pick(w.rng, []string{"-", "~", " to ", "-", "–"})
	unit := pick(w.rng, []string{" Mbps", "Mbps", "M", " mbps"})
	if kind == "lat" {
		unit = pick(w.rng, []string{" ms", "ms", " milliseconds"})
	}
	if w.zh {
		join = pick(w.rng, []string{"到", "-", "~", "至"})
		unit = pick(w.rng, []string{"兆", "M", "Mbps"})
		if kind == "lat" {
			unit = pick(w.rng, []string{"毫秒", "ms"})
		}
	}
	if kind == "money" {
		if w.zh {
			return strconv.Itoa(a) + join + strconv.Itoa(b) + pick(w.rng, []string{"元", "块", "美元", "块钱"})
		}
		return "$" + strconv.Itoa(a) + join + pick(w.rng, []string{"$", ""}) + strconv.Itoa(b)
	}
	return strconv.Itoa(a) + join + strconv.Itoa(b) + unit
}

var zhDigits = []string{"零", "一", "二", "三", "四", "五", "六", "七", "八", "九"}

// zhNumber writes n in Chinese numerals; liang prefers 两 to 二 before a measure word.
func zhNumber(n int, liang bool) string {
	if n == 2 && liang {
		return "两"
	}
	if n >= 10000 {
		s := zhNumber(n/10000, true) + "万"
		if n%10000 == 0 {
			return s
		}
		return s + zhNumber(n%10000, false)
	}
	var b strings.Builder
	zero := false
	for _, u := range []struct {
		size int
		name string
	}{{1000, "千"}, {100, "百"}, {10, "十"}, {1, ""}} {
		d := n / u.size % 10
		switch {
		case d == 0:
			zero = b.Len() > 0
			continue
		case zero:
			b.WriteString("零")
		}
		zero = false
		if u.size == 10 && d == 1 && b.Len() == 0 {
			b.WriteString(u.name)
			continue
		}
		if d == 2 && u.size >= 100 {
			b.WriteString("两" + u.name)
			continue
		}
		b.WriteString(zhDigits[d] + u.name)
	}
	return b.String()
}

var (
	enOnes = strings.Fields("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen")
	enTens = strings.Fields("- - twenty thirty forty fifty sixty seventy eighty ninety")
)

// enNumber writes 0 <= n < 10,000 in English words.
func enNumber(n int) string {
	switch {
	case n < 20:
		return enOnes[n]
	case n < 100:
		s := enTens[n/10]
		if n%10 > 0 {
			s += "-" + enOnes[n%10]
		}
		return s
	case n < 1000:
		s := enOnes[n/100] + " hundred"
		if n%100 > 0 {
			s += " and " + enNumber(n%100)
		}
		return s
	}
	s := enNumber(n/1000) + " thousand"
	if n%1000 > 0 {
		s += " " + enNumber(n%1000)
	}
	return s
}
