package intent

import (
	"strings"

	"github.com/weir-project/weir/models/intent/quantity"
)

// Words near a rate that say it is for each device. Without any of them a rate is the total, whatever the model thinks.
var (
	eachWords = []string{
		"each", "per", "apiece", "a piece", "every", "individual", "single", "respectively", "a pair",
		"每", "各", "单", "均", "一台", "一路", "一个", "一辆", "一只", "一套", "一块", "一把", "一架", "一部", "一条", "一间", "一户", "一车", "一机", "一座", "分别", "都要", "都是",
	}
	// Other things said with such words: directions and periods.
	notEach = strings.NewReplacer(
		"each way", "", "each direction", "", "either direction", "", "every day", "", "every night", "", "every week", "", "every month", "", "every evening", "",
		"per month", "", "per hour", "", "per day", "", "per week", "", "per second", "", "per cent", "", "single mode", "",
		"上下行各", "", "上下行都是", "", "上下行均", "", "双向各", "", "上下各", "", "来回各", "", "收发各", "", "两个方向各", "", "上下行分别", "", "各位", "", "各种", "", "下单", "", "订单", "", "工单", "", "简单", "", "账单", "", "单位", "",
		"每月", "", "每天", "", "每日", "", "每晚", "", "每周", "", "每年", "", "每秒", "", "每小时", "", "每个月", "", "每逢", "", "每次", "", "一个月", "", "一个小时", "", "一个星期", "", "一个礼拜", "", "一个季度", "",
	)
	eachBefore = []string{"x ", "×", "x", "* ", "*", "乘"}          // "48 cameras x 2 Mbps"
	eachAfter  = []string{" a ", " an ", "/", "一", "x", "×", " x"} // "5 Mbps a camera", "4M/台"
)

// PerDevice reports whether the wish says near the rate q that it is for each device.
func (p *Prompt) PerDevice(q *quantity.Placeholder) bool {
	const before, after = 48, 30 // bytes
	wish := strings.ToLower(p.Reading.Original)
	if len(wish) != len(p.Reading.Original) {
		return true
	}
	ahead, behind := wish[max(0, q.Start-before):q.Start], wish[q.End:min(len(wish), q.End+after)]
	if saysEach(notEach.Replace(ahead)) || saysEach(notEach.Replace(behind)) {
		return true
	}
	for _, w := range eachBefore {
		if strings.HasSuffix(ahead, w) {
			return true
		}
	}
	for _, w := range eachAfter {
		if strings.HasPrefix(behind, w) {
			return true
		}
	}
	return false
}

// saysEach finds one of eachWords; those in Latin letters as words of their own, not in "teacher" or "temperature".
func saysEach(s string) bool {
	for _, w := range eachWords {
		for at := 0; ; at++ {
			i := strings.Index(s[at:], w)
			if i < 0 {
				break
			}
			at += i
			if !InsideWord(s, at) && !InsideWord(s, at+len(w)) {
				return true
			}
		}
	}
	return false
}
