package quantity

import (
	"math"
	"strings"
)

type style uint8

const (
	digits style = iota
	han
	words
)

// number is a parsed numeral, before any unit.
type number struct {
	value      float64
	start, end int
	style      style
	lone       bool // a single Chinese numeral or the English "one": often part of another word
	article    bool // "a", "an", "half": a number only in front of a unit
	fraction   bool
	zeroLed    bool // "08"
	scaled     bool // carried k, 万, thousand …
}

func (n number) integer() bool { return n.value == math.Trunc(n.value) }

// number parses the longest numeral at i.
func (sc *scanner) number(i int) (number, bool) {
	c := sc.byteAt(i)
	switch {
	case isDigit(c), c == '.' && isDigit(sc.byteAt(i+1)) && !isAlnum(sc.byteAt(i-1)) && sc.byteAt(i-1) != '.':
		return sc.digitNumber(i)
	case isLatin(c):
		return sc.wordNumber(i)
	case c >= 0x80:
		return sc.hanNumber(i)
	}
	return number{}, false
}

// digitNumber parses 1200, 1,200, 0.5, 3k, 1.5万, 2千3百, 99点9 and "2 thousand".
func (sc *scanner) digitNumber(i int) (number, bool) {
	n := number{start: i, style: digits, zeroLed: sc.byteAt(i) == '0' && isDigit(sc.byteAt(i+1))}
	j := i
	for isDigit(sc.byteAt(j)) {
		j++
	}
	if j-i <= 3 && j > i {
		j = sc.thousands(j)
	}
	if sc.byteAt(j) == '.' && isDigit(sc.byteAt(j+1)) {
		k := j + 1
		for isDigit(sc.byteAt(k)) {
			k++
		}
		if sc.byteAt(k) == '.' && isDigit(sc.byteAt(k+1)) {
			return n, false // an address or a version
		}
		j, n.fraction = k, true
	}
	if j-i > 15 {
		return n, false
	}
	n.value, n.end = decimal(strings.ReplaceAll(sc.s[i:j], ",", "")), j
	sc.scaleDigits(&n)
	return n, true
}

// thousands skips groups ",ddd" after position j. A full-width comma separates a list, not thousands.
func (sc *scanner) thousands(j int) int {
	for sc.byteAt(j) == ',' && isDigit(sc.byteAt(j+1)) && isDigit(sc.byteAt(j+2)) && isDigit(sc.byteAt(j+3)) &&
		!isDigit(sc.byteAt(j+4)) && sc.raw(j, j+1) == "," {
		j += 4
	}
	return j
}

// decimal is the value of a plain decimal numeral. Digits are gathered as an integer and divided once, so 0.3 comes out
// as the nearest float to 0.3.
func decimal(s string) float64 {
	v, scale := 0.0, 1.0
	dot := false
	for k := range len(s) {
		if s[k] == '.' {
			dot = true
			continue
		}
		v = v*10 + float64(s[k]-'0')
		if dot {
			scale *= 10
		}
	}
	return v / scale
}

// scaleDigits applies a multiplier that follows plain digits.
func (sc *scanner) scaleDigits(n *number) {
	if e := sc.lit(n.end, "点"); e >= 0 && isDigit(sc.byteAt(e)) && !n.fraction {
		k := e
		for isDigit(sc.byteAt(k)) {
			k++
		}
		if k-e <= 4 && (n.value > 24 || sc.decimalUnit(k)) {
			n.value, n.end, n.fraction = decimal(sc.s[n.start:n.end]+"."+sc.s[e:k]), k, true
		}
	}
	if c := sc.byteAt(n.end); c == 'k' && !isAlnum(sc.byteAt(n.end+1)) && !sc.resolutionWord(n.end+1) &&
		!(sc.directionWord(n.end+1) && n.value >= 64) {
		n.value, n.end, n.scaled = n.value*1000, n.end+1, true
		return
	}
	if m := hanUnits[sc.runeAt(n.end)]; m >= 100 && !sc.has(n.end, "千兆") && !sc.notMultiplier(n.end) {
		sc.scaleHan(n, m)
		return
	}
	sp := n.end
	if sc.byteAt(sp) == ' ' {
		sp++
	}
	for _, w := range []string{"thousand", "hundred", "million", "dozen"} {
		if e := sc.lit(sp, w); e >= 0 {
			n.value, n.end, n.scaled = n.value*wordScale[w], e, true
			return
		}
	}
	if e := sc.andAHalf(n.end); e >= 0 {
		n.value, n.end, n.fraction = n.value+0.5, e, true
	}
}

// scaleHan reads what follows digits and a Chinese multiplier: 2千3百, 1万2.
func (sc *scanner) scaleHan(n *number, m float64) {
	n.value *= m
	n.end += 3
	n.scaled = true
	rest, ok := sc.number(n.end)
	if !ok || rest.style == words {
		return
	}
	switch {
	case rest.scaled && rest.value < m:
		n.value, n.end = n.value+rest.value, rest.end
	case rest.style == digits && rest.value < 10 && rest.integer() && rest.end == n.end+1 && !sc.unitOrMeasure(rest.end):
		n.value, n.end = n.value+rest.value*m/10, rest.end
	case rest.style == han && rest.lone && rest.value > 0 && !sc.unitOrMeasure(rest.end):
		n.value, n.end = n.value+rest.value*m/10, rest.end
	case rest.style == digits && rest.value >= 10 && rest.value < m && rest.integer():
		n.value, n.end = n.value+rest.value, rest.end
	}
}

// andAHalf matches " and a half" at i when a unit or nothing numeric follows, and returns its end or -1.
func (sc *scanner) andAHalf(i int) int {
	return sc.oneOf(i, " and a half", " and half", " & a half", " 1/2", " and one half", "-and-a-half")
}

// resolutionWord reports whether what follows makes 4k or 8k a picture format.
func (sc *scanner) resolutionWord(i int) bool {
	i = sc.skipSpace(i)
	return sc.anyPrefix(i, "camera", "cameras", "video", "videos", "stream", "streams", "streaming", "feed", "feeds",
		"uhd", "hdr", "live", "tv", "tvs", "cam", "cams", "resolution", "footage", "broadcast", "display", "screens",
		"摄", "相机", "视频", "高清", "超高清", "直播", "画质", "画面", "监控", "分辨率", "超清", "清晰", "录像", "大屏", "电视", "枪机", "球机", "转播", "内窥", "腹腔", "影像", "的视频", "的摄", "的直播", "推流", "回传", "镜头", "显示")
}

var hanDigits = map[rune]float64{
	'零': 0, '一': 1, '二': 2, '两': 2, '三': 3, '四': 4, '五': 5, '六': 6, '七': 7, '八': 8, '九': 9, '仨': 3,
}

var hanUnits = map[rune]float64{'十': 10, '百': 100, '千': 1000, '万': 1e4, '亿': 1e8}

// hanNumber parses Chinese numerals: 三百二十, 两千五 (2500), 一万二 (12000), 二零二六, 三点五.
func (sc *scanner) hanNumber(i int) (number, bool) {
	n := number{start: i, end: i, style: han}
	if u := hanUnits[sc.runeAt(i)]; u >= 100 && !sc.has(i+3, "兆") {
		return n, false // 百货, 万达, 千元 …: a multiplier needs something to multiply
	}
	var total, section, digit, lastUnit float64
	count, zero, pending := 0, false, false
	plain := true // no multiplier so far
	var run float64
	for count < 16 {
		r := sc.runeAt(n.end)
		if d, ok := hanDigits[r]; ok {
			if pending && !plain && digit != 0 {
				break // 三百二二: not a number
			}
			run = run*10 + d
			zero = zero || d == 0
			digit, pending = d, true
		} else if u, ok := hanUnits[r]; ok && !sc.notMultiplier(n.end) {
			if plain && count > 1 && sc.plainHan(run, count) == run {
				break // 二零二六万; but 两三百 is an estimate, its last numeral counts
			}
			if !pending && u != 10 && count > 0 && u < 1e4 {
				break
			}
			if !pending && (count == 0 || u == 10) {
				digit = 1
			}
			plain = false
			if u >= 1e4 {
				total = (total + section + digit) * u
				section = 0
			} else {
				section += digit * u
			}
			digit, lastUnit, pending, zero = 0, u, false, false
		} else {
			break
		}
		n.end += 3
		count++
	}
	if count == 0 {
		return n, false
	}
	n.lone = count == 1
	n.scaled = !plain && lastUnit >= 100
	switch {
	case plain:
		n.value = sc.plainHan(run, count)
		n.zeroLed = count > 1 && sc.has(i, "零")
	case pending && lastUnit >= 100 && !zero && digit > 0:
		n.value = total + section + digit*lastUnit/10
	default:
		n.value = total + section + digit
	}
	sc.hanDecimal(&n)
	return n, true
}

// notMultiplier reports whether the multiplier at i starts another word: 千兆, 百分, 万一 …
func (sc *scanner) notMultiplier(i int) bool {
	return sc.has(i, "千瓦") || sc.has(i, "千伏") || sc.has(i, "千克") || sc.has(i, "千赫") || sc.has(i, "百帕") || sc.has(i, "千米") || sc.has(i, "百度") || sc.has(i, "万达") || sc.has(i, "百分") ||
		sc.has(i, "十字")
}

// plainHan is the value of numerals written without multipliers. Two neighbours in a row (三四台) are an estimate: the
// larger counts.
func (sc *scanner) plainHan(run float64, count int) float64 {
	if count == 2 {
		if a, b := math.Floor(run/10), math.Mod(run, 10); a > 0 && (b == a+1 || a == 3 && b == 5) {
			return b
		}
	}
	return run
}

// hanDecimal reads 点五 as a fraction where it cannot be a time of day.
func (sc *scanner) hanDecimal(n *number) {
	if !sc.has(n.end, "点") {
		return
	}
	frac, scale := 0.0, 1.0
	k := n.end + 3
	for scale < 1e6 {
		d, ok := hanDigits[sc.runeAt(k)]
		w := 3
		if c := sc.byteAt(k); isDigit(c) {
			d, ok, w = float64(c-'0'), true, 1
		}
		if !ok {
			break
		}
		frac, scale, k = frac*10+d, scale*10, k+w
	}
	if scale == 1 || hanUnits[sc.runeAt(k)] == 10 {
		return
	}
	if n.value > 24 || n.value == 0 && scale > 10 || sc.decimalUnit(k) || sc.endsWith(n.start, "百分之") {
		n.value = (n.value*scale + frac) / scale
		n.end, n.lone, n.fraction = k, false, true
		if m := hanUnits[sc.runeAt(k)]; m >= 100 {
			n.value, n.end, n.scaled = n.value*m, k+3, true
		}
	}
}

// decimalUnit reports whether a unit that no clock time takes starts at i.
func (sc *scanner) decimalUnit(i int) bool {
	i = sc.skipSpace(i)
	return sc.anyPrefix(i, "兆", "m", "mb", "mbps", "g", "gb", "gbps", "ms", "毫秒", "秒", "s", "%", "元", "块", "万", "千", "百",
		"亿", "小时", "个小时", "天", "美元", "美金", "刀", "倍", "k", "h", "个百分点", "吉", "毛", "rmb", "usd", "个点", "个月", "微秒",
		"人民币", "周", "mbit", "b")
}

var wordUnits = map[string]float64{
	"zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
	"ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
	"seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60,
	"seventy": 70, "eighty": 80, "ninety": 90,
	// common misspellings
	"fourty": 40, "fiften": 15, "fiveteen": 15, "twelv": 12, "twelfe": 12, "ninty": 90, "ninteen": 19, "eigth": 8,
	"eigthy": 80, "tweny": 20, "twenti": 20, "thrity": 30, "fivty": 50, "fify": 50, "sixy": 60, "foure": 4,
	"seveny": 70, "eightteen": 18, "theree": 3, "thre": 3, "tree": -1, "fiftey": 50, "fourtyfive": 45, "thirtey": 30,
}

var wordScale = map[string]float64{"hundred": 100, "hunderd": 100, "hundreds": -1, "thousand": 1000, "million": 1e6, "dozen": 12}

// wordNumber parses English number words: twenty-five, a hundred and fifty, two and a half, zero point five, half a.
func (sc *scanner) wordNumber(i int) (number, bool) {
	n := number{start: i, end: i, style: words}
	if e := sc.oneOf(i, "a couple of", "a couple", "couple of"); e >= 0 {
		n.value, n.end = 2, e
		return n, true
	}
	if e := sc.oneOf(i, "half a dozen"); e >= 0 {
		n.value, n.end = 6, e
		return n, true
	}
	if e := sc.oneOf(i, "half an", "half a", "half-a", "half-an", "half"); e >= 0 {
		n.value, n.end, n.article, n.fraction = 0.5, e, true, true
		return n, true
	}
	pos := i
	var total, current float64
	seen, article := false, false
	if e := sc.oneOf(i, "a", "an"); e >= 0 {
		n.value, n.end, n.article = 1, e, true
		if w := sc.latinWord(e + 1); sc.byteAt(e) != ' ' || wordScale[w] <= 0 {
			return n, true
		}
		current, seen, article, pos = 1, true, true, e+1
	}
	last := 0.0 // value of the last word, 0 after a multiplier
	for steps := 0; steps < 12; steps++ {
		w := sc.latinWord(pos)
		if v, ok := wordUnits[w]; ok && v >= 0 {
			if seen && !(last == 0 || last >= 20 && last < 100 && v < 10 && v > 0) {
				break
			}
			current, last = current+v, v
			if v == 0 {
				last = 19 // nothing may follow zero
			}
		} else if m := wordScale[w]; m > 0 && seen {
			if m >= 1000 {
				total, current = (total+current)*m, 0
			} else {
				current *= m
			}
			n.scaled = true
			last = 0
		} else {
			break
		}
		seen, article = true, false
		n.end = pos + len(w)
		pos = sc.nextNumberWord(n.end, n.scaled && last == 0)
		if pos < 0 {
			break
		}
	}
	if !seen || article {
		return n, n.article
	}
	n.article = false
	n.value = total + current
	n.lone = n.value == 1 && !n.scaled
	sc.wordFraction(&n)
	return n, true
}

// nextNumberWord is where a further number word may start after end, or -1.
func (sc *scanner) nextNumberWord(end int, and bool) int {
	if c := sc.byteAt(end); c != ' ' && c != '-' {
		return -1
	}
	if and {
		if e := sc.lit(end, " and"); e >= 0 && sc.byteAt(e) == ' ' {
			if _, ok := wordUnits[sc.latinWord(e+1)]; ok {
				return e + 1
			}
		}
	}
	return end + 1
}

// wordFraction reads "and a half" and "point nine five".
func (sc *scanner) wordFraction(n *number) {
	if e := sc.andAHalf(n.end); e >= 0 {
		n.value, n.end, n.fraction = n.value+0.5, e, true
		return
	}
	e := sc.lit(n.end, " point")
	frac, scale := 0.0, 1.0
	for e >= 0 && scale < 1e5 && sc.byteAt(e) == ' ' {
		w := sc.latinWord(e + 1)
		v, ok := wordUnits[w]
		if w == "oh" || w == "o" {
			v, ok = 0, true
		}
		if !ok || v < 0 || v > 9 {
			break
		}
		frac, scale, e = frac*10+v, scale*10, e+1+len(w)
	}
	if scale > 1 {
		n.value, n.end, n.fraction, n.lone = (n.value*scale+frac)/scale, e, true, false
	}
}
