package quantity

import "strings"

// scan walks the text once, taking at each place the longest quantity that starts there.
func (sc *scanner) scan() {
	for i := 0; i < len(sc.s); {
		if e := sc.skipIdiom(i); e > i {
			i = e
			continue
		}
		if m, ok := sc.quantity(i); ok {
			sc.found = append(sc.found, m)
			i = m.end
			if m.kind == Money {
				if e := sc.perAfterMoney(i); e >= 0 {
					i = e
				}
			}
			continue
		}
		i = sc.nextPlace(i)
	}
}

// nextPlace is where the next quantity could start after text at i.
func (sc *scanner) nextPlace(i int) int {
	c := sc.s[i]
	switch {
	case isDigit(c):
		return sc.afterDigits(i)
	case isLatin(c):
		if i > 0 && isAlnum(sc.s[i-1]) && !isDigit(sc.s[i-1]) {
			return i + 1
		}
		return max(sc.identifier(i), i+1)
	case c < 0x80:
		return i + 1
	}
	r := sc.runeAt(i)
	return i + len(string(r))
}

// afterDigits skips a numeral that is no quantity together with the letters it belongs to.
func (sc *scanner) afterDigits(i int) int {
	j := i
	for isAlnum(sc.byteAt(j)) || strings.IndexByte("-_.:", sc.byteAt(j)) >= 0 && isAlnum(sc.byteAt(j+1)) {
		j++
	}
	return max(j, i+1)
}

// idioms hold numerals that count nothing.
var idioms = []string{
	"第一时间", "一起", "一直", "一定", "一下", "一些", "一样", "一般", "一切", "一旦", "一律", "一致", "一共", "一块儿", "一块用", "一块上", "一并", "长三角", "珠三角", "三角洲", "三角形", "三角地", "统一", "万一", "唯一", "同一",
	"之一", "一方面", "进一步", "一边", "一种", "一点都", "有一点", "差一点", "早一点", "晚一点", "快一点", "低一点", "高一点", "便宜一点", "多一点", "少一点", "好一点", "大一点", "小一点", "稳一点", "一半", "千万", "万分", "十分感谢", "十分重要", "十分着急", "十分",
	"双十一", "双十二", "双11", "双12", "618大促", "618活动", "618期间", "五一节", "五一假", "五一期间", "十一假", "十一期间", "十一黄金", "三方", "第三方", "百度", "三甲", "三维", "二维", "四周", "三亚", "四川", "九江", "五台山", "八达岭", "六安", "十堰", "三门峡", "万州", "千岛湖", "百色", "六合区", "九龙", "五道口", "三里屯", "八里庄", "两江", "万达", "百货",
	"三星", "百兆级别", "一期一会", "二手", "三令五申", "七七八八", "七上八下", "乱七八糟", "一五一十", "两边", "两地", "两端", "两头", "两者", "多一倍", "四六级", "一一", "丁一", "一把手", "二维码", "三脚架", "六轴", "三轴", "五轴", "四轴", "七轴", "四足", "三防", "三相", "两化", "五金", "十字路口", "丁字路口", "一体化", "一体机", "一站式", "一线", "二线", "三线城市", "一流", "一键", "一带一路", "一卡通", "一网通", "三农", "两会",
	"一次性", "一模一样", "一会儿", "一会", "一边", "另一", "某一", "每一", "这一", "那一", "哪一", "任一", "单一", "一天到晚", "一人一", "三权", "万物", "万能", "万科", "百万庄", "千里马", "千问", "通义千问", "零售", "零件", "零部件", "零碎", "零星", "零延", "零丢", "零中断", "零信任", "零时延", "零等待", "零食", "归零", "一路上", "一路顺", "一路从", "七牛", "九章", "九州", "五洲", "四海", "三峡", "三沙", "三明", "三水", "三元桥", "三环", "二环", "四环", "五环", "六环", "八宝山", "六里桥", "五棵松", "四惠", "百望山", "万寿路", "万柳", "千灯", "十里堡",
	"7x24", "24x7", "7*24", "24*7", "24/7", "24 x 7", "7 x 24", "7/24", "七乘二十四", "9.9包邮", "365天", "24-7",
	"no one", "this one", "that one", "which one", "one of", "the one", "one more thing", "one-off", "one off", "one time", "one-time", "one way", "one-way", "two-way", "two way", "three-phase", "three phase", "four-legged", "one-stop", "one day i", "someone", "one another", "each one", "every one", "first one", "last one", "another one", "new one", "right one", "old one", "big one", "small one", "private one", "ten-fold", "zero-trust", "zero trust", "zero touch", "zero-touch", "zero downtime", "zero-downtime", "zero loss", "zero-loss", "zero packet", "one thing", "one last thing", "zero tolerance", "one question", "one is", "one that", "one with", "one for",
	"and a half-", "hand in hand", "second hand", "second-hand", "the second", "a second line", "a second one", "a second link", "a second slice", "on second thought", "second thought", "second thoughts", "split second", "sub-second", "every second", "per second", "per minute", "per hour", "per day", "an hourly", "monthly", "hours a day", "hour a day",
}

var idiomsByByte = func() (t [256][]string) {
	for _, w := range idioms {
		t[w[0]] = append(t[w[0]], w)
	}
	return t
}()

// lasting are the words before 四周 where it is a length of time and not the surroundings.
var lasting = []string{"试", "用", "租", "订", "跑", "开", "签", "连", "为期", "满", "共", "先", "约", "大概", "期限", "时长", "周期", "最多", "至少", "持续"}

// skipIdiom returns the end of an idiom or an ordinal at i, or i.
func (sc *scanner) skipIdiom(i int) int {
	if sc.has(i, "第") && !sc.has(i, "第二天") {
		if n, ok := sc.number(sc.skipSpace(i + 3)); ok && n.style != words {
			return n.end
		}
	}
	best := i
	if isLatin(sc.s[i]) && i > 0 && isAlnum(sc.s[i-1]) || sc.has(i, "四周") && sc.endsWith(i, lasting...) {
		return i
	}
	for _, w := range idiomsByByte[sc.s[i]] {
		if e := sc.lit(i, w); e > best {
			best = e
		}
	}
	if best > i && isDigit(sc.s[i]) && (i > 0 && isDigit(sc.s[i-1]) || isDigit(sc.byteAt(best))) {
		return i
	}
	if best > i && sc.has(i, "十分") && sc.anyPrefix(i+6, "钟") {
		return i
	}
	if best > i && sc.anyPrefix(i, "四周", "一会", "一半", "一路", "一次性", "一线") && sc.anyPrefix(best, "内", "时间", "视频", "并发") {
		return i
	}
	return best
}

// quantity is the best match that starts at i.
func (sc *scanner) quantity(i int) (match, bool) {
	c := sc.s[i]
	if isAlnum(c) && i > 0 && isAlnum(sc.s[i-1]) && !sc.mayStart(i) {
		return match{}, false
	}
	if isDigit(c) && i > 0 && (sc.s[i-1] == '.' && i > 1 && isDigit(sc.s[i-2])) {
		return match{}, false
	}
	best, ok := sc.timeAt(i)
	better := func(m match, found bool) {
		if found && (!ok || m.end > best.end) && !sc.isKey(m.end) {
			best, ok = m, true
		}
	}
	if m, found := sc.prefixedMoney(i); found {
		return m, true
	}
	better(sc.hanPercent(i))
	better(sc.halfUnit(i))
	n, found := sc.number(i)
	if !found {
		return best, ok
	}
	if isDigit(c) && sc.ordinalSuffix(n.end) {
		return best, ok
	}
	better(sc.percent(n))
	better(sc.suffixedMoney(n))
	better(sc.measured(n))
	if !ok {
		return sc.bare(n)
	}
	return best, ok
}

// isKey reports whether the word before i is no unit but names the value after it: "streams:4 tps:25". A colon with a
// blank behind it ends a part of a sentence: "200 Mbps: 5 cameras".
func (sc *scanner) isKey(i int) bool {
	c := sc.byteAt(i)
	return i > 0 && isLatin(sc.s[i-1]) && (c == '=' || c == ':' && isDigit(sc.byteAt(i+1)))
}

// mayStart allows a digit right after a glued word, and a letter right after a digit never.
func (sc *scanner) mayStart(i int) bool {
	if !isDigit(sc.s[i]) {
		return false
	}
	j := i
	for j > 0 && isLatin(sc.s[j-1]) {
		j--
	}
	word := sc.s[j:i]
	if len(word) > 1 && sc.measureAfter(i) && (j == 0 || !isDigit(sc.s[j-1])) {
		return true
	}
	return j < i && glued[word] && (word == "x" || j == 0 || !isDigit(sc.s[j-1]))
}

func (sc *scanner) ordinalSuffix(i int) bool { return sc.anyPrefix(i, "st", "nd", "rd", "th") }

// gap skips what may stand between a number and its unit.
func (sc *scanner) gap(n number) int {
	i := sc.skipSpace(n.end)
	if sc.byteAt(i) == '-' && (isLatin(sc.byteAt(i+1)) || sc.byteAt(i+1) >= 0x80) {
		i = sc.skipSpace(i + 1)
	}
	if e := sc.oneOf(i, "多", "来", "余", "几"); e >= 0 {
		i = e
	}
	if e := sc.oneOf(i, "ish", "odd", "or so"); e >= 0 {
		i = sc.skipSpace(e)
	}
	if sc.byteAt(i) == '+' {
		i = sc.skipSpace(i + 1)
	}
	return i
}

// measured matches a number with a unit of rate, time span or token rate, and compounds such as 1h30m.
func (sc *scanner) measured(n number) (match, bool) {
	i := sc.gap(n)
	if n.style == words && i == n.end && !n.article {
		return match{}, false // no space: another word begins
	}
	if n.article && !sc.articleUnit(i, n) {
		return match{}, false
	}
	if k := sc.oneOf(i, "个半"); k >= 0 {
		for _, f := range durationNames {
			if e := sc.lit(k, f.name); e >= 0 && f.factor > 0 && sc.s[k] >= 0x80 {
				m := match{kind: Duration, start: n.start, end: e, value: (n.value + 0.5) * f.factor, unit: f.factor, number: n}
				return m, true
			}
		}
		if e := sc.oneOf(k, "月"); e >= 0 {
			return match{kind: Duration, start: n.start, end: e, value: (n.value + 0.5) * 43200, unit: 43200, number: n}, true
		}
	}
	half := 0.0
	if sc.has(i, "半") && n.style != words {
		if u, ok := sc.span(i+3, n); ok { // 三分半钟, 两半小时
			half, i = 0.5, u.end-(u.end-(i+3))
		}
	}
	u, ok := sc.anyUnit(i, n)
	if !ok {
		return match{}, false
	}
	m := match{kind: u.kind, start: n.start, end: u.end, value: tidy((n.value + half) * u.factor), unit: u.factor, number: n}
	if n.fraction && n.style == words && u.kind == Duration && n.value == 0.25 {
		return m, true
	}
	sc.halfAfter(&m, u)
	if m.kind == Duration {
		sc.compound(&m)
	}
	return m, true
}

// articleUnit reports whether "a", "an" or "half" may be followed by the unit at i.
func (sc *scanner) articleUnit(i int, n number) bool {
	w := sc.latinWord(i)
	if n.value == 0.5 {
		return len(w) > 2
	}
	switch w {
	case "hour", "minute", "day", "week", "month", "fortnight", "year", "gig", "gigabit", "millisecond", "min", "hr":
		return i > n.end && !sc.endsWith(n.start, "tokens", "token", "times", "hours", "hour", "once", "twice", "times", "gb", "tb", "requests", "minutes")
	case "second", "sec":
		return i > n.end && sc.endsWith(n.start, "within", "under", "below", "than", "in", "half", "of", "about", "max", "for") && !sc.anyPrefix(i+len(w), " line", " link", " one", " camera", " site", " slice")
	}
	return false
}

// halfAfter reads 一天半, "an hour and a half".
func (sc *scanner) halfAfter(m *match, u unit) {
	unitMinutes := u.factor
	if u.han && sc.has(m.end, "半") && !sc.anyPrefix(m.end, "半小时", "半天", "半个", "半年", "半夜") {
		m.value, m.end = m.value+0.5*unitMinutes, m.end+3
		if e := sc.oneOf(m.end, "钟"); e >= 0 {
			m.end = e
		}
		return
	}
	if u.kind != Duration && u.kind != Latency {
		return
	}
	if e := sc.andAHalf(m.end); e >= 0 {
		m.value, m.end = m.value+0.5*unitMinutes, e
	} else if e := sc.oneOf(m.end, " and a quarter"); e >= 0 {
		m.value, m.end = m.value+0.25*unitMinutes, e
	} else if e := sc.oneOf(m.end, " and three quarters"); e >= 0 {
		m.value, m.end = m.value+0.75*unitMinutes, e
	}
}

// compound adds smaller units that follow a duration: 1h30m, 2小时30分钟, 1 day and 4 hours.
func (sc *scanner) compound(m *match) {
	for range 3 {
		i, joined := m.end, true
		if e := sc.oneOf(i, " and ", ", ", "零", "又", " & ", "加", ", and ", "外加"); e >= 0 {
			i, joined = e, false
		}
		i = sc.skipSpace(i)
		if sc.has(i, "半小时") || sc.has(i, "半个小时") {
			if m.value >= 60 {
				m.value += 30
				m.end = sc.oneOf(i, "半小时", "半个小时")
			}
			return
		}
		n, ok := sc.number(i)
		if !ok || n.article {
			return
		}
		f, e := sc.longest(sc.gap(n), durationNames)
		if k := sc.oneOf(n.end, "分", "m"); k > e {
			f, e = 1, k
		} else if e < 0 && sc.s[m.end-1] == 'h' && i == m.end && n.style == digits && n.end == i+2 && !isAlnum(sc.byteAt(n.end)) {
			f, e = 1, n.end // 1h30
		}
		if e < 0 || f <= 0 || n.value*f >= m.value || n.value >= 60 && f == 1 || !joined && sc.timeFollows(e) {
			return
		}
		m.value, m.end = m.value+n.value*f, e
	}
}

// timeFollows reports whether the span that ends at e is really a point in time (两天后 …).
func (sc *scanner) timeFollows(e int) bool { return sc.anyPrefix(e, "后", "之后", "以后") }

// halves are spans of time that carry their number in a word.
var halves = []unitName{
	{"半小时", 30},
	{"半个小时", 30},
	{"半个钟头", 30},
	{"半个钟", 30},
	{"半钟头", 30},
	{"半天", 720},
	{"大半天", 720},
	{"半日", 720},
	{"半个月", 21600},
	{"半年", 262800},
	{"半分钟", 0.5},
	{"半个工作日", 240},
	{"半周", 5040},
	{"半个星期", 5040},
	{"全天", 1440},
	{"一整天", 1440},
	{"整天", 1440},
	{"一昼夜", 1440},
	{"整周", 10080},
	{"整月", 43200},
	{"整个月", 43200},
	{"一刻钟", 15},
	{"三刻钟", 45},
	{"一个半小时", 90},
	{"hour and a half", 90},
	{"hour and half", 90},
	{"day and a half", 2160},
	{"week and a half", 15120},
	{"month and a half", 64800},
	{"半个多小时", 30},
	{"半个来小时", 30},
	{"half hour", 30},
	{"half-hour", 30},
	{"half an hour", 30},
	{"half day", 720},
	{"half-day", 720},
	{"quarter of an hour", 15},
	{"a quarter of an hour", 15},
	{"quarter hour", 15},
	{"three quarters of an hour", 45},
	{"three-quarters of an hour", 45},
	{"quarter-hour", 15},
	{"a quarter hour", 15},
	{"half a month", 21600},
	{"all day long", 1440},
	{"all day", 1440},
	{"the whole day", 1440},
	{"whole day", 1440},
	{"the entire day", 1440},
	{"full day", 1440},
	{"round the clock", -1},
	{"a full day", 1440},
	{"an entire day", 1440},
	{"a whole day", 1440},
	{"a whole week", 10080},
	{"a full week", 10080},
	{"a full month", 43200},
	{"a full hour", 60},
	{"a whole month", 43200},
	{"the whole week", 10080},
	{"the whole weekend", 2880},
	{"whole weekend", 2880},
	{"all weekend", 2880},
	{"the entire weekend", 2880},
	{"整个周末", 2880},
	{"the whole month", 43200},
	{"a whole hour", 60},
	{"a good hour", 60},
	{"a quarter", -1},
	{"24h", 1440},
	{"a solid hour", 60},
	{"an additional hour", 60},
	{"the next hour", 60},
	{"next hour", 60},
	{"one full hour", 60},
	{"one whole day", 1440},
	{"one full day", 1440},
	{"a calendar month", 43200},
	{"a single day", 1440},
	{"a single hour", 60},
	{"another hour", 60},
}

// fixed are quantities of other kinds that carry their number in a word.
var fixed = []struct {
	name  string
	kind  Kind
	value float64
}{
	{"半秒钟", Latency, 500},
	{"半秒", Latency, 500},
	{"半毫秒", Latency, 0.5},
	{"half a second", Latency, 500},
	{"half second", Latency, 500},
	{"half-second", Latency, 500},
	{"half-a-second", Latency, 500},
	{"quarter of a second", Latency, 250},
	{"a quarter of a second", Latency, 250},
	{"a quarter second", Latency, 250},
	{"quarter second", Latency, 250},
	{"half sec", Latency, 500},
	{"一秒半", Latency, 1500},
	{"百兆", Rate, 100},
	{"千兆", Rate, 1000},
	{"万兆", Rate, 10000},
	{"半个g", Rate, 500},
	{"半g", Rate, 500},
	{"半兆", Rate, 0.5},
	{"half a gig", Rate, 500},
	{"half a gigabit", Rate, 500},
	{"gigabit", Rate, 1000},
	{"half gig", Rate, 500},
	{"half a megabit", Rate, 0.5},
	{"half a meg", Rate, 0.5},
	{"quarter of a gig", Rate, 250},
	{"a quarter gig", Rate, 250},
	{"百m", Rate, 100},
	{"千m", Rate, 1000},
	{"double nines", Percent, 99},
	{"triple nines", Percent, 99.9},
	{"triple nine", Percent, 99.9},
	{"triple 9", Percent, 99.9},
	{"triple 9s", Percent, 99.9},
	{"quadruple nines", Percent, 99.99},
	{"quad nines", Percent, 99.99},
	{"a couple hours", Duration, 120},
	{"couple hours", Duration, 120},
	{"a dime", Money, 0.1},
	{"a quarter dollar", Money, 0.25},
	{"half a dollar", Money, 0.5},
	{"half a buck", Money, 0.5},
	{"a dollar fifty", Money, 1.5},
	{"a buck fifty", Money, 1.5},
	{"半块", Money, 0.5},
	{"半美元", Money, 0.5},
	{"a dollar and a half", Money, 1.5},
	{"half a grand", Money, 500},
}

// halfUnit matches the spans in halves and fractions of a second or of a unit of rate.
func (sc *scanner) halfUnit(i int) (match, bool) {
	f, e := sc.longest(i, halves)
	if e >= 0 && f > 0 && !sc.anyPrefix(e, "候", "后期") {
		m := match{kind: Duration, start: i, end: e, value: f}
		return m, true
	}
	for _, u := range fixed {
		e := sc.lit(i, u.name)
		if e < 0 {
			continue
		}
		m := match{kind: u.kind, start: i, end: e, value: u.value}
		if u.kind == Rate {
			if sc.volumeAfter(e) {
				continue
			}
			if k := sc.oneOf(e, perSecond...); k >= 0 {
				m.end = k
			} else if k := sc.oneOf(e, "比特", "bps"); k >= 0 {
				m.end = k
			}
		}
		if u.kind == Money {
			m.currency = USD
			if u.name == "半块" {
				m.currency = CNY
			}
		}
		return m, true
	}
	return match{}, false
}

// bare accepts a number without a unit, unless it is part of another word.
func (sc *scanner) bare(n number) (match, bool) {
	if n.article || n.end <= n.start {
		return match{}, false
	}
	m := match{kind: Num, start: n.start, end: n.end, value: n.value, number: n}
	switch n.style {
	case digits:
		if c := sc.byteAt(n.end); isLatin(c) {
			w := sc.latinWord(n.end)
			if w == "w" && !isAlnum(sc.byteAt(n.end+1)) && (sc.runeAt(n.end+1) >= 0x2e80 && sc.runeAt(n.end+1) < 0xff00 || sc.endsWith(n.start, "预算", "总价", "不超过", "以内", "费用")) {
				m.value, m.end = n.value*1e4, n.end+1 // 3w: three times 万
				return m, true
			}
			if w == "x" || len(w) >= 4 && !isDigit(sc.byteAt(n.end+len(w))) && !volumeWord[w] {
				return m, true
			}
			return match{}, false
		}
		if sc.byteAt(n.end) == '.' && isAlnum(sc.byteAt(n.end+1)) || sc.byteAt(n.end) == '_' {
			return match{}, false
		}
		if sc.idDash(n) || n.fraction && n.start > 0 && sc.s[n.start-1] == '.' {
			return match{}, false
		}
		return m, true
	case han:
		if !n.lone {
			return m, true
		}
		return m, sc.loneHan(n)
	}
	if sc.byteAt(n.end) == '-' && sc.anyPrefix(n.end+1, "way", "off", "time", "phase", "fold", "tier", "stop", "legged", "sided", "storey", "factor") {
		return match{}, false
	}
	if n.lone {
		return m, sc.byteAt(n.end) == ' ' && isLatin(sc.byteAt(n.end+1)) && !sc.anyPrefix(n.end+1, "of", "is", "that", "and", "or", "for", "more", "to", "in", "with", "thing", "day", "who")
	}
	return m, true
}

var volumeWord = map[string]bool{"gbyte": true, "gbytes": true, "terabyte": true, "terabytes": true, "gigabytes": true, "megabytes": true, "mbytes": true, "fpses": true}

// idDash reports whether the digits belong to a dashed identifier: 2024-A7, 10-2-1.
func (sc *scanner) idDash(n number) bool {
	if sc.byteAt(n.end) != '-' || !isAlnum(sc.byteAt(n.end+1)) {
		return false
	}
	k := n.end + 1
	letters, numerals := false, false
	for isAlnum(sc.byteAt(k)) {
		letters = letters || isLatin(sc.s[k])
		numerals = numerals || isDigit(sc.s[k])
		k++
	}
	if letters && numerals {
		next, _ := sc.number(n.end + 1)
		_, ok := sc.measured(next)
		return !ok // 10-20mbps is a range
	}
	return !letters && sc.byteAt(k) == '-' && isAlnum(sc.byteAt(k+1))
}

// loneHan decides whether a single Chinese numeral counts something.
func (sc *scanner) loneHan(n number) bool {
	if sc.measure(n.end) {
		return !(n.value == 1 && sc.anyPrefix(n.end, "条", "套", "组", "次", "家", "所", "门", "把", "班", "款", "类", "种", "机", "人", "用", "通", "体", "会", "级", "期", "批", "轮"))
	}
	if n.value == 1 {
		return false
	}
	next := sc.runeAt(n.end)
	if n.end >= len(sc.s) || strings.ContainsRune(" ,.。;!?、)到至~-/或和吧", next) {
		return n.start == 0 || !sc.endsWith(n.start, "星期", "周", "礼拜", "老", "小", "第")
	}
	return false
}

// promoteRanges gives the first number of a range the unit of the second: 50-100 Mbps, 两到三小时.
func (sc *scanner) promoteRanges() {
	for k := 0; k+1 < len(sc.found); k++ {
		a, b := &sc.found[k], sc.found[k+1]
		if a.kind == Money && b.kind == Num && !isDigit(sc.s[a.start]) && a.number.end == a.end && b.value > a.number.value &&
			rangeSign(sc.s[a.end:b.start]) { // $20-30
			sc.found[k+1].kind, sc.found[k+1].currency, sc.found[k+1].unit = Money, a.currency, a.unit
			continue
		}
		if a.kind != Num || b.kind == Num || b.kind == Time || b.number.value == 0 && b.value == 0 {
			continue
		}
		if !sc.connects(sc.s[a.end:b.start]) {
			continue
		}
		factor := 1.0
		if b.number.value > 0 {
			factor = b.value / b.number.value
		} else if b.kind != Percent {
			continue
		}
		if b.kind == Percent && (a.value > 100 || b.number.value != b.value) {
			continue
		}
		a.kind, a.currency, a.value, a.unit = b.kind, b.currency, tidy(a.value*factor), b.unit
	}
}

// rangeSign reports whether the text between two numbers makes them a range and nothing else.
func rangeSign(between string) bool {
	switch strings.TrimSpace(between) {
	case "-", "~", "到", "至", "to", "--":
		return true
	}
	return false
}

// connects reports whether the text between two numbers joins them into a range or a pair.
func (sc *scanner) connects(between string) bool {
	switch strings.TrimSpace(between) {
	case "-", "~", "到", "至", "to", "/", "or", "或", "或者", "and", "--", "~~", "...", "、", "-to-", "或是", "up to", "..", "和", "与", "及":
		return true
	}
	return false
}
