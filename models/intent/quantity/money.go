package quantity

import "strings"

type coin struct {
	name     string
	factor   float64
	currency Currency
}

var coins = []coin{
	{"美元", 1, USD},
	{"美金", 1, USD},
	{"美刀", 1, USD},
	{"刀", 1, USD},
	{"美分", 0.01, USD},
	{"刀乐", 1, USD},
	{"个美元", 1, USD},
	{"个美金", 1, USD},
	{"usd", 1, USD},
	{"us$", 1, USD},
	{"us dollars", 1, USD},
	{"us dollar", 1, USD},
	{"dollars", 1, USD},
	{"dollar", 1, USD},
	{"dolars", 1, USD},
	{"dollers", 1, USD},
	{"dollors", 1, USD},
	{"u.s. dollars", 1, USD},
	{"dollar's", 1, USD},
	{"usdt", 1, USD},
	{"bucks", 1, USD},
	{"buck", 1, USD},
	{"$", 1, USD},
	{"grand", 1000, USD},
	{"cents", 0.01, USD},
	{"cent", 0.01, USD},
	{"¢", 0.01, USD},
	{"us cents", 0.01, USD},
	{"ct", 0.01, USD},
	{"cts", 0.01, USD},
	{"usd cents", 0.01, USD},
	{"dollar cents", 0.01, USD},
	{"c", 0.01, USD},
	{"人民币", 1, CNY},
	{"元人民币", 1, CNY},
	{"块人民币", 1, CNY},
	{"元钱", 1, CNY},
	{"元整", 1, CNY},
	{"元", 1, CNY},
	{"块钱", 1, CNY},
	{"块", 1, CNY},
	{"圆", 1, CNY},
	{"個元", 1, CNY},
	{"毛钱", 0.1, CNY},
	{"毛", 0.1, CNY},
	{"角钱", 0.1, CNY},
	{"角", 0.1, CNY},
	{"分钱", 0.01, CNY},
	{"大洋", 1, CNY},
	{"软妹币", 1, CNY},
	{"rmb", 1, CNY},
	{"cny", 1, CNY},
	{"yuan", 1, CNY},
	{"yuans", 1, CNY},
	{"kuai", 1, CNY},
	{"renminbi", 1, CNY},
	{"¥", 1, CNY},
	{"chinese yuan", 1, CNY},
	{"mao", 0.1, CNY},
	{"cn¥", 1, CNY},
	{"yuan rmb", 1, CNY},
	{"元rmb", 1, CNY},
}

var prefixCoins = []coin{
	{"us$", 1, USD},
	{"usd", 1, USD},
	{"$", 1, USD},
	{"美元", 1, USD},
	{"美金", 1, USD},
	{"usd$", 1, USD},
	{"us $", 1, USD},
	{"人民币", 1, CNY},
	{"rmb¥", 1, CNY},
	{"rmb", 1, CNY},
	{"cny", 1, CNY},
	{"¥", 1, CNY},
	{"cn¥", 1, CNY},
	{"人民币¥", 1, CNY},
}

func (sc *scanner) coin(i int, list []coin) (coin, int) {
	best, end := coin{}, -1
	for _, c := range list {
		if e := sc.lit(i, c.name); e > end {
			best, end = c, e
		}
	}
	return best, end
}

// prefixedMoney matches $40, ¥1.2万, rmb 300, usd 2k at i.
func (sc *scanner) prefixedMoney(i int) (match, bool) {
	c, e := sc.coin(i, prefixCoins)
	if e < 0 {
		return match{}, false
	}
	e = sc.skipSpace(e)
	if k := sc.oneOf(e, ":", "约", "大概", "最多"); k >= 0 {
		e = sc.skipSpace(k)
	}
	n, ok := sc.number(e)
	if !ok || n.article || n.style == words {
		return match{}, false
	}
	sc.magnitude(&n)
	m := match{kind: Money, start: i, end: n.end, value: n.value * c.factor, unit: c.factor, currency: c.currency, number: n}
	after, k := sc.coin(sc.skipSpace(m.end), coins)
	if k >= 0 && (after.currency == c.currency || c.name == "$") && after.name != "c" {
		m.end = k // "¥300元", "$40 usd"
	}
	return m, true
}

// magnitude applies m, w, mn: multipliers that only amounts of money take.
func (sc *scanner) magnitude(n *number) {
	for _, f := range []unitName{{"m", 1e6}, {"mn", 1e6}, {"w", 1e4}, {"k", 1e3}} {
		if e := sc.lit(n.end, f.name); e >= 0 && !isDigit(sc.byteAt(e)) && n.style == digits {
			n.value, n.end, n.scaled = n.value*f.factor, e, true
			return
		}
	}
}

// pieces are things that 块 counts wherever the number stands: 平板16块, 16块平板.
var pieces = []string{
	"平板", "大屏", "屏", "屏幕", "黑板", "电表", "水表", "气表", "热表", "仪表", "展板", "看板", "班牌", "站牌", "手表", "电池", "地磅", "白板", "面板",
}

// counted are things that 块 before them counts, so that 三块显卡 is no price.
var counted = append([]string{
	"gpu", "卡", "显卡", "板", "h100", "a100", "h800", "a800", "h20", "4090", "3090", "l40", "v100", "英伟达", "nvidia", "ssd", "硬盘", "工位", "牌", "昇腾",
	"加速", "区域", "地", "场地", "npu", "芯片", "主板", "显示", "表", "rtx", "玻璃", "盘", "b200", "h200", "计算卡", "推理卡", "算力", "的gpu", "910", "田",
}, pieces...)

// suffixedMoney matches a currency after the number n.
func (sc *scanner) suffixedMoney(n number) (match, bool) {
	i := n.end
	scaled := n
	if n.style == digits {
		if e := sc.lit(i, "w"); e >= 0 {
			scaled.value, i = n.value*1e4, e
		}
	}
	i = sc.skipSpace(i)
	if sc.byteAt(i) == '-' && isLatin(sc.byteAt(i+1)) {
		i++
	}
	if e := sc.oneOf(i, "多", "来", "余", "几", "多个"); e >= 0 {
		i = e
	}
	c, e := sc.coin(i, coins)
	if e < 0 || n.article && (c.name == "c" || c.name == "$" || c.name == "grand" && n.value == 1) {
		return match{}, false
	}
	if c.name == "$" && isDigit(sc.byteAt(e)) || c.name == "c" && (n.style != digits || n.integer() && n.value > 99 || i != n.end) ||
		c.name == "¥" && isDigit(sc.byteAt(e)) {
		return match{}, false
	}
	if (c.name == "块" || c.name == "角" || c.name == "刀") && sc.anyPrefix(sc.skipSpace(e), counted...) {
		return match{}, false
	}
	if c.name == "块" && sc.endsWith(n.start, pieces...) {
		return match{}, false
	}
	if c.name == "元" && sc.anyPrefix(e, "件", "素", "旦", "器", "宇宙", "月", "月", "模型") || c.name == "角" && sc.anyPrefix(e, "度", "落", "色") {
		return match{}, false
	}
	if (c.name == "块" || c.name == "毛") && n.lone && n.value == 1 && sc.anyPrefix(e, "儿", "用", "办", "上", "做", "开", "走", "病", "算") {
		return match{}, false
	}
	m := match{kind: Money, start: n.start, end: e, value: scaled.value * c.factor, unit: c.factor, currency: c.currency, number: n}
	sc.smallChange(&m, c)
	if strings.Contains(c.name, "块") || strings.Contains(c.name, "元") {
		if k := sc.oneOf(m.end, "人民币", "rmb", "钱"); k >= 0 {
			m.end = k
		}
	}
	m.value = tidy(m.value)
	return m, true
}

// smallChange reads what follows the main unit: 三块八毛, 两块五, 三块半, 2 dollars and 50 cents.
func (sc *scanner) smallChange(m *match, c coin) {
	if c.factor != 1 || strings.Contains(c.name, "人民币") {
		if c.name == "毛" || c.name == "角" {
			if n, ok := sc.number(m.end); ok && n.value < 10 && n.integer() && n.style != words {
				if e := sc.oneOf(n.end, "分钱", "分"); e >= 0 {
					m.value, m.end = m.value+n.value/100, e
				} else if !sc.unitOrMeasure(n.end) && n.style == han {
					m.value, m.end = m.value+n.value/100, n.end
				}
			}
		}
		return
	}
	if sc.has(m.end, "半") && !sc.anyPrefix(m.end, "半小时", "半天", "半个", "半年") {
		m.value, m.end = m.value+0.5, m.end+3
		if e := sc.oneOf(m.end, "钱"); e >= 0 {
			m.end = e
		}
		return
	}
	if e := sc.andAHalf(m.end); e >= 0 {
		m.value, m.end = m.value+0.5, e
		return
	}
	k := sc.oneOf(m.end, " and ", " ", "零", "")
	if k < 0 {
		k = m.end
	}
	if d, ok := hanDigits[sc.runeAt(m.end)]; ok && sc.perAfterMoney(m.end+3) >= 0 {
		m.value, m.end = m.value+d/10, m.end+3 // 三块五一小时
		return
	}
	n, ok := sc.number(k)
	if !ok || !n.integer() || n.article || n.value > 99 {
		return
	}
	if d, e := sc.coin(sc.skipSpace(n.end), coins); e >= 0 && d.factor < 1 && d.currency == c.currency && d.name != "c" {
		m.value, m.end = m.value+n.value*d.factor, e
		return
	}
	if c.currency == USD && k == m.end+1 && (n.style == words || n.end-k == 2) && n.value >= 10 && sc.priceEnds(n.end) {
		m.value, m.end = m.value+n.value/100, n.end // three dollars fifty
		return
	}
	if k == m.end && n.style != words && n.value < 10 && n.value > 0 && (c.name == "块" || c.name == "元") && !sc.unitOrMeasure(n.end) &&
		!isAlnum(sc.byteAt(n.end)) && !sc.anyPrefix(n.end, "点", "号", "月", "个", "分", "毛", "%") {
		m.value, m.end = m.value+n.value/10, n.end
		if e := sc.oneOf(m.end, "钱"); e >= 0 {
			m.end = e
		}
	}
}

// priceEnds reports whether nothing that could be counted follows a price at i.
func (sc *scanner) priceEnds(i int) bool {
	k := sc.skipSpace(i)
	return k >= len(sc.s) || strings.IndexByte(",.;!?/)", sc.s[k]) >= 0 || sc.anyPrefix(k, "per", "an", "a", "each", "max", "tops", "total", "at", "or", "all", "in")
}

// perAfterMoney matches the time unit of a price ("an hour", "一天") so that it is not read as a duration.
func (sc *scanner) perAfterMoney(i int) int {
	k := sc.skipSpace(i)
	return sc.oneOf(k, "an hour", "a hour", "an hr", "a day", "a week", "a month", "a minute", "a second", "one hour", "一个小时", "一小时", "一个钟头", "一个钟", "一天", "一个月", "一周", "一分钟", "一晚", "1小时", "1个小时",
		"/1小时", "/1h", "/一小时", "per 1 hour", "/ 1 hour", "一月", "一年", "a year", "每1小时", "每一小时", "每一个小时", "每一天", "/ 小时", "一个小時")
}

// tidy removes the noise of decimal factors such as 0.1.
func tidy(v float64) float64 {
	const scale = 1e9
	if v > 1e6 || v < -1e6 {
		return v
	}
	r := float64(int64(v*scale + 0.5))
	return r / scale
}
