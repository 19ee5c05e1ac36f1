package quantity

import "math"

// hanPercent matches 百分之99.9 and 百分百 at i.
func (sc *scanner) hanPercent(i int) (match, bool) {
	if e := sc.oneOf(i, "百分百"); e >= 0 {
		return match{kind: Percent, start: i, end: e, value: 100}, true
	}
	e := sc.oneOf(i, "百分之", "百分 之", "百份之", "百分只")
	if e < 0 {
		return match{}, false
	}
	if k := sc.oneOf(e, "百"); k >= 0 {
		return match{kind: Percent, start: i, end: k, value: 100}, true
	}
	n, ok := sc.number(sc.skipSpace(e))
	if !ok || n.style == words {
		return match{}, false
	}
	if sc.byteAt(n.end) == '%' {
		n.end++
	}
	return match{kind: Percent, start: i, end: n.end, value: n.value, number: n}, true
}

// percent matches what makes the number n a percentage: a sign, the word, or "nines".
func (sc *scanner) percent(n number) (match, bool) {
	i := sc.skipSpace(n.end)
	if sc.byteAt(i) == '%' {
		return match{kind: Percent, start: n.start, end: i + 1, value: n.value, number: n}, true
	}
	if e := sc.oneOf(i, "percent", "per cent", "pct", "precent", "percents", "个百分点", "persent", "perc"); e >= 0 && !n.article {
		return match{kind: Percent, start: n.start, end: e, value: n.value, number: n}, true
	}
	return sc.nines(n)
}

// nines matches four nines, 4 9s, 四个九, 三个9一个5 and three and a half nines; four nines is 99.99.
func (sc *scanner) nines(n number) (match, bool) {
	whole := math.Floor(n.value)
	if whole < 1 || whole > 9 || n.article {
		return match{}, false
	}
	i := sc.skipSpace(n.end)
	if sc.byteAt(i) == '-' {
		i++
	}
	e := sc.oneOf(i, "nines", "nine's", "9s", "9's", "个九", "个9", "个 9", "x9", "x 9", "*9", "nine s", "ninees", "nins", "个nine", "个nines", "ninse")
	if k := sc.oneOf(i, "个半9", "个半九"); k >= 0 {
		return match{kind: Percent, start: n.start, end: k, value: ninesValue(int(whole), true), number: n}, true
	}
	if e < 0 && whole >= 2 && n.style != digits && sc.lit(i, "nine") >= 0 && !isLatin(sc.byteAt(i+4)) && n.lone {
		e = i + 4
	}
	if e < 0 || isDigit(sc.byteAt(e)) || sc.byteAt(e) == '.' && isDigit(sc.byteAt(e+1)) {
		return match{}, false
	}
	if last := sc.s[e-1]; (last == '9' || last >= 0x80) && sc.measure(e) {
		return match{}, false // 三个9寸屏
	}
	half := n.value != whole
	if k := sc.oneOf(e, "一个五", "一个5", "1个5", "半", "加一个5", " and a half", " and a five", " five", "一个 5", "五"); k >= 0 {
		e, half = k, true
	}
	return match{kind: Percent, start: n.start, end: e, value: ninesValue(int(whole), half), number: n}, true
}

// ninesValue is the availability of n nines, with a trailing five when half is set: 3 → 99.9, 3½ → 99.95.
func ninesValue(n int, half bool) float64 {
	if half {
		return tidy(100 - 5*math.Pow10(1-n))
	}
	v := 0.0
	for range n {
		v = v*10 + 9
	}
	return v / math.Pow10(n-2)
}
