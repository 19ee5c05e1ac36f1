package quantity

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// scanner holds the normalised text, the way back to the original, and the matches found so far.
type scanner struct {
	orig  string
	s     string
	at    []int32 // at[i] is the original offset of byte i of s; len(s)+1 entries
	to    []int32 // to[i] is the original end offset of the rune that byte i of s belongs to
	found []match
}

// match is a quantity in normalised coordinates.
type match struct {
	kind       Kind
	start, end int
	value      float64
	unit       float64 // value of one of the unit as written, 0 for none
	currency   Currency
	clock      TimeExpr
	number     number // the number it was read from, where there is one
}

// traditional maps the traditional forms of characters that quantities, places and orders use to simplified ones.
var traditional = runeMap(
	"點兩個時鐘鍾後現馬週禮號萬億塊錢臺輛張條線專雙遲為車門間園區頻寬帶開從內達預幾產質檢機攝頭視醫術樓廠學網雲圖數據傳輸"+
		"壹贰貳陆叁參肆伍陸柒捌玖拾佰仟圓圜併發詞級獨佔併應測試運營實驗當這過還沒給別較強備錄監護檔單價費幣貨儲銀終業動務員處場設備連結"+
		"離種類東廣灣龍島華國際觀聯絡調變換長間選擇讓請問題們嗎麼您說話語對於無關係統優異級層擴縮載傳遠診療療師課堂會議練習檢驗",
	"点两个时钟钟后现马周礼号万亿块钱台辆张条线专双迟为车门间园区频宽带开从内达预几产质检机摄头视医术楼厂学网云图数据传输"+
		"一二二六三三四五六七八九十百千元元并发词级独占并应测试运营实验当这过还没给别较强备录监护档单价费币货储银终业动务员处场设备连结"+
		"离种类东广湾龙岛华国际观联络调变换长间选择让请问题们吗么您说话语对于无关系统优异级层扩缩载传远诊疗疗师课堂会议练习检验",
)

func runeMap(from, to string) map[rune]rune {
	m := make(map[rune]rune, len(from)/3)
	t := []rune(to)
	for i, r := range []rune(from) {
		if r != t[i] {
			m[r] = t[i]
		}
	}
	return m
}

// folded maps punctuation that people type in several forms to one.
var folded = map[rune]string{
	'\u3000': " ", '\u00a0': " ", '\t': " ", '\n': " ", '\r': " ", '\u2009': " ", '\u202f': " ",
	'‘': "'", '’': "'", '“': "\"", '”': "\"", '—': "-", '–': "-", '‐': "-", '‑': "-", '−': "-", '─': "-",
	'〜': "~", '∼': "~", '×': "x", '✕': "x", '￥': "¥", 'µ': "u", 'μ': "u", '％': "%", '﹪': "%", '：': ":", '∶': ":",
	'俩': "两", '〇': "零", '○': "零", '\u200b': "", '\ufeff': "", '\u200d': "",
}

var fractions = map[rune]string{'½': ".5", '¼': ".25", '¾': ".75"}

// normalise folds width, case, spaces and variant characters, keeping for each byte where it came from.
// Invalid bytes become U+FFFD one by one.
func normalise(text string) *scanner {
	sc := &scanner{orig: text}
	var b strings.Builder
	b.Grow(len(text) + 8)
	sc.at = make([]int32, 0, len(text)+8)
	sc.to = make([]int32, 0, len(text)+8)
	space := false
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		out := foldRune(r)
		if f, ok := fractions[r]; ok {
			out = f
			if k := b.Len(); k == 0 || !isDigit(b.String()[k-1]) {
				out = "0" + f
			}
		}
		if out == " " && space {
			out = ""
		} else if out != "" {
			space = out == " "
		}
		b.WriteString(out)
		for range len(out) {
			sc.at = append(sc.at, int32(i))
			sc.to = append(sc.to, int32(i+n))
		}
		i += n
	}
	sc.at = append(sc.at, int32(len(text)))
	sc.s = b.String()
	return sc
}

func foldRune(r rune) string {
	if r >= '\uff01' && r <= '\uff5e' {
		r -= 0xfee0
	}
	if r < utf8.RuneSelf && r > ' ' {
		return string(unicode.ToLower(r))
	}
	if f, ok := folded[r]; ok {
		return f
	}
	if t, ok := traditional[r]; ok {
		return string(t)
	}
	return string(unicode.ToLower(r))
}

// origRange maps bytes [i, j) of the normalised text to the original bytes they were made from.
func (sc *scanner) origRange(i, j int) (start, end int) {
	start = int(sc.at[i])
	if j <= i {
		return start, start
	}
	return start, int(sc.to[j-1])
}

// raw is the original spelling of bytes [i, j).
func (sc *scanner) raw(i, j int) string {
	start, end := sc.origRange(i, j)
	return sc.orig[start:end]
}
