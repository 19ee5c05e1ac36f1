package quantity

import "strings"

// unit is what follows a number: its kind, the factor to the kind's own unit, and where it ends.
type unit struct {
	kind   Kind
	factor float64
	end    int
	han    bool
}

type unitName struct {
	name   string
	factor float64
}

// spans of time in minutes, longest names first where one begins another.
var durationNames = []unitName{
	{"个半小时", -1},
	{"个小时", 60},
	{"个钟头", 60},
	{"个钟", 60},
	{"小时", 60},
	{"钟头", 60},
	{"分钟", 1},
	{"个分钟", 1},
	{"个月", 43200},
	{"个星期", 10080},
	{"星期", 10080},
	{"个礼拜", 10080},
	{"礼拜", 10080},
	{"个季度", 129600},
	{"刻钟", 15},
	{"昼夜", 1440},
	{"天", 1440},
	{"周", 10080},
	{"年", 525600},
	{"晚上", -1},
	{"个工作日", 1440},
	{"个整天", 1440},
	{"整天", 1440},
	{"个自然日", 1440},
	{"minutes", 1},
	{"minute", 1},
	{"mins", 1},
	{"min", 1},
	{"minuts", 1},
	{"mintues", 1},
	{"minites", 1},
	{"minutess", 1},
	{"hours", 60},
	{"hour", 60},
	{"hrs", 60},
	{"hr", 60},
	{"h", 60},
	{"horus", 60},
	{"huors", 60},
	{"hous", 60},
	{"houres", 60},
	{"hors", 60},
	{"ours", 60},
	{"days", 1440},
	{"day", 1440},
	{"d", 1440},
	{"dyas", 1440},
	{"weeks", 10080},
	{"week", 10080},
	{"wks", 10080},
	{"wk", 10080},
	{"weks", 10080},
	{"months", 43200},
	{"month", 43200},
	{"mths", 43200},
	{"mth", 43200},
	{"mos", 43200},
	{"mo", 43200},
	{"monthes", 43200},
	{"years", 525600},
	{"year", 525600},
	{"yrs", 525600},
	{"yr", 525600},
	{"fortnights", 20160},
	{"fortnight", 20160},
	{"quarters", 129600},
	{"working days", 1440},
	{"business days", 1440},
	{"full days", 1440},
	{"whole days", 1440},
	{"full hours", 60},
	{"solid hours", 60},
	{"straight hours", 60},
}

// spans of time in milliseconds.
var latencyNames = []unitName{
	{"个毫秒", 1},
	{"毫秒", 1},
	{"豪秒", 1},
	{"毫妙", 1},
	{"毫米秒", 1},
	{"微秒", 1e-3},
	{"个微秒", 1e-3},
	{"秒钟", 1000},
	{"秒", 1000},
	{"ms", 1},
	{"msec", 1},
	{"msecs", 1},
	{"milliseconds", 1},
	{"millisecond", 1},
	{"miliseconds", 1},
	{"milisecond", 1},
	{"millisec", 1},
	{"millisecs", 1},
	{"millis", 1},
	{"milli", 1},
	{"mili seconds", 1},
	{"milli seconds", 1},
	{"millseconds", 1},
	{"milliseonds", 1},
	{"millsec", 1},
	{"miliseconds", 1},
	{"milisec", 1},
	{"milliscond", 1},
	{"millisconds", 1},
	{"microseconds", 1e-3},
	{"microsecond", 1e-3},
	{"usec", 1e-3},
	{"us", 1e-3},
	{"seconds", 1000},
	{"second", 1000},
	{"secs", 1000},
	{"sec", 1000},
	{"s", 1000},
	{"secounds", 1000},
	{"secodns", 1000},
	{"seonds", 1000},
	{"毫s", 1},
	{"ms.", 1},
}

// multiples of a bit per second, in Mbit/s; a rate may follow without "per second".
var rateNames = []unitName{
	{"kbps", 1e-3},
	{"kbits", 1e-3},
	{"kbit", 1e-3},
	{"kb", 1e-3},
	{"kilobits", 1e-3},
	{"kilobit", 1e-3},
	{"千比特", 1e-3},
	{"mbps", 1},
	{"mpbs", 1},
	{"mbsp", 1},
	{"mbp", 1},
	{"mbs", 1},
	{"mps", 1},
	{"mbits", 1},
	{"mbit", 1},
	{"mb", 1},
	{"megabits", 1},
	{"megabit", 1},
	{"mega bits", 1},
	{"megs", 1},
	{"meg", 1},
	{"mega", 1},
	{"m", 1},
	{"mbbs", 1},
	{"mbpss", 1},
	{"mbips", 1},
	{"mbt", 1},
	{"megbits", 1},
	{"magabits", 1},
	{"megabts", 1},
	{"mega-bits", 1},
	{"mbits", 1},
	{"mebps", 1},
	{"nbps", 1},
	{"gbps", 1e3},
	{"gpbs", 1e3},
	{"gbsp", 1e3},
	{"gbs", 1e3},
	{"gbits", 1e3},
	{"gbit", 1e3},
	{"gb", 1e3},
	{"gigabits", 1e3},
	{"gigabit", 1e3},
	{"gigs", 1e3},
	{"gig", 1e3},
	{"giga", 1e3},
	{"giga bits", 1e3},
	{"g", 1e3},
	{"gps", 1e3},
	{"tbps", 1e6},
	{"tbit", 1e6},
	{"terabits", 1e6},
	{"terabit", 1e6},
	{"兆比特", 1},
	{"兆位", 1},
	{"兆bit", 1},
	{"兆bps", 1},
	{"兆b", 1},
	{"兆", 1},
	{"千兆", 1e3},
	{"吉比特", 1e3},
	{"吉", 1e3},
	{"bps", 1e-6},
	{"bit", 1e-6},
	{"bits", 1e-6},
	{"照", 1},
	{"兆m", 1},
}

// multiples of a byte, which make a rate only "per second"; in Mbit.
var byteNames = []unitName{
	{"megabytes", 8},
	{"megabyte", 8},
	{"mega bytes", 8},
	{"mbytes", 8},
	{"mbyte", 8},
	{"mib", 8.388608},
	{"gigabytes", 8e3},
	{"gigabyte", 8e3},
	{"gbytes", 8e3},
	{"gbyte", 8e3},
	{"gib", 8589.934592},
	{"kilobytes", 8e-3},
	{"kbytes", 8e-3},
	{"兆字节", 8},
	{"千字节", 8e-3},
	{"吉字节", 8e3},
	{"tb", 8e6},
	{"terabytes", 8e6},
	{"terabyte", 8e6},
	{"t", 8e6},
}

var perSecond = []string{
	"/s", "/sec", "/second", "/秒", "/每秒", " per second", " per sec", "per second", " a second", " each second", " every second",
	"每秒", "ps", " / s", " /s", "p/s", " a sec", "一秒", " per s", "/ s", "每s", " per secound", " per seconds", "每秒钟",
}

func (sc *scanner) longest(i int, names []unitName) (factor float64, end int) {
	end = -1
	for _, u := range names {
		if e := sc.lit(i, u.name); e > end {
			factor, end = u.factor, e
		}
	}
	return factor, end
}

// direction words make an ambiguous size (50MB, 10G, 512k) a rate when they stand beside it.
var directions = []string{
	"上行", "下行", "带宽", "速率", "上传", "下载", "网速", "专线", "宽带", "专网", "链路", "通道", "上下行", "双向", "上下", "网络", "管道", "流量", "吞吐", "出口", "对称",
	"uplink", "downlink", "bandwidth", "upload", "download", "link", "throughput", "up", "down", "upstream", "downstream",
	"line", "connection", "pipe", "symmetric", "symmetrical", "ul", "dl", "both ways", "each way", "circuit", "guaranteed", "dedicated", "slice", "切片", "的线", "独享", "duplex", "uplod", "downlod", "bandwith", "bandwitdh", "fibre", "fiber", "capacity", "connectivity", "net",
}

// directionWord reports whether a direction word starts at or just after i.
func (sc *scanner) directionWord(i int) bool {
	i = sc.skipSpace(i)
	for _, lead := range []string{"的", "of ", "for ", "as ", "in ", "/", "的稳定", "以上", "左右", "保底", "保障", "both ", "ways", "稳定", "a ", "for the "} {
		if sc.has(i, lead) && sc.anyPrefix(i+len(lead), directions...) {
			return true
		}
	}
	return sc.anyPrefix(i, directions...)
}

// besideDirection reports whether the quantity at [i, j) stands right before or after a direction word.
func (sc *scanner) besideDirection(i, j int) bool {
	if sc.directionWord(j) {
		return true
	}
	k := i
	for range 3 {
		trimmed := strings.TrimRight(sc.s[:k], " :=")
		for _, w := range []string{"至少", "不低于", "不少于", "各", "要", "需要", "约", "大约", "是", "为", "of", "at least", "about", "around", "to", "≥", ">=", ">", "达到", "保证", "给", "开", "保底", "with", "minimum", "min", "均为", "都", "就", "来", "一般", "是", "不小于", "a", "稳定", "at", "is", "and", "和", ",", "有", "得", "能到", "到", "不超过", "最多"} {
			if strings.HasSuffix(trimmed, w) {
				trimmed = strings.TrimSuffix(trimmed, w)
				break
			}
		}
		if sc.endsWith(len(trimmed), directions...) {
			return true
		}
		k = len(trimmed)
	}
	return false
}

// besideWidth is besideDirection for words that can only go with a rate.
func (sc *scanner) besideWidth(i, j int) bool {
	for _, w := range []string{"", "的", "of "} {
		if k := sc.skipSpace(j); sc.has(k, w) && sc.anyPrefix(k+len(w), "上行", "下行", "带宽", "速率", "上传", "下载", "吞吐", "出口", "bandwidth", "up", "down", "uplink", "downlink", "throughput", "symmetric", "upload", "download") {
			return true
		}
	}
	return sc.endsWith(i, "上行", "下行", "带宽", "速率", "上传", "上下行", "双向", "对称", "下载", "来回", "至少", "吞吐", "bandwidth of", "uplink", "downlink", "at least", "bandwidth", "各")
}

// volumeAfter reports whether what follows makes a size an amount of data or memory.
func (sc *scanner) volumeAfter(i int) bool {
	i = sc.skipSpace(i)
	for _, lead := range []string{"的", "大小的", "左右的", "多的", "of ", "worth of ", "的历史", "的备", "of new ", "of raw ", "of our ", "of the ", "历史", "那么大的", "原始", "的原始"} {
		if sc.has(i, lead) && sc.anyPrefix(i+len(lead), volumes...) {
			return true
		}
	}
	return sc.anyPrefix(i, volumes...)
}

var volumes = []string{
	"数据", "文件", "显存", "内存", "硬盘", "存储", "备份", "模型", "资料", "镜像", "影像", "录像", "日志", "数据集", "权重", "盘", "大小", "空间", "素材", "图片", "图像", "固态", "视频文件", "视频素材", "档案", "病历", "包",
	"data", "file", "files", "vram", "memory", "ram", "disk", "storage", "backup", "backups", "dataset", "datasets", "image", "images",
	"checkpoint", "checkpoints", "weights", "logs", "footage", "model", "ssd", "hbm", "of footage", "a100", "h100", "archive", "archives", "snapshot", "snapshots", "dump", "records", "scans", "video files", "in size", "gpu", "card", "file transfer", "log", "drive",
}

// rate matches a rate unit at i for the number n.
func (sc *scanner) rate(i int, n number) (unit, bool) {
	if e := sc.oneOf(i, "个", "个多"); e >= 0 && sc.anyPrefix(e, "m", "g", "兆", "mbps", "gbps", "mb", "gb") {
		i = e
	}
	if f, e := sc.longest(i, byteNames); e >= 0 {
		if p := sc.oneOf(e, perSecond...); p >= 0 || sc.endsWith(n.start, "每秒", "每秒钟", "每秒约", "每秒大概", "每秒至少") {
			return unit{kind: Rate, factor: f, end: max(p, e)}, true
		}
		return unit{}, false
	}
	if e := sc.lit(i, "k"); e >= 0 && i == n.end && sc.besideDirection(n.start, e) {
		return unit{kind: Rate, factor: 1e-3, end: e}, true
	}
	f, e := sc.longest(i, rateNames)
	if f2, e2 := sc.gluedRate(i); e2 > e {
		return unit{kind: Rate, factor: f2, end: e2}, true
	}
	if e < 0 || sc.has(i, "照") && !sc.besideDirection(n.start, e) {
		return unit{}, false
	}
	if isAlnum(sc.byteAt(e)) && isLatin(sc.s[e-1]) {
		return unit{}, false
	}
	spelled := sc.raw(i, e)
	p := sc.oneOf(e, perSecond...)
	u := unit{kind: Rate, factor: f, end: max(p, e)}
	if p < 0 && sc.endsWith(n.start, "每秒", "每秒钟", "每秒至少", "每秒约", "每秒传", "每秒上传") {
		p = e
	}
	if p >= 0 && len(spelled) == 2 && spelled[1] == 'B' && spelled[0] != 'm' || strings.HasSuffix(spelled, "Bps") || strings.HasSuffix(spelled, "B/s") {
		u.factor *= 8
		return u, true
	}
	if p >= 0 || strings.HasSuffix(spelled, "ps") {
		return u, true
	}
	return u, sc.plausibleRate(i, e, n)
}

// gluedRate matches a unit of rate that runs into a direction: 50mbpsup.
func (sc *scanner) gluedRate(i int) (factor float64, end int) {
	for _, u := range rateNames {
		if sc.has(i, u.name) && isLatin(u.name[0]) {
			switch e := i + len(u.name); sc.latinWord(e) {
			case "up", "down", "uplink", "downlink", "upstream", "downstream", "each", "both", "symmetric":
				return u.factor, e
			case "x":
				if isDigit(sc.byteAt(e + 1)) { // 4mx16
					return u.factor, e
				}
			}
		}
	}
	return 0, -1
}

// plausibleRate decides whether a size without "per second" at [i, e) is a rate.
func (sc *scanner) plausibleRate(i, e int, n number) bool {
	name := sc.s[i:e]
	switch name {
	case "bit", "bits", "bps":
		return false
	case "gb", "kb", "mb":
		if sc.besideDirection(n.start, e) {
			return true
		}
		spelled := sc.raw(i, e)
		return (name == "mb" && spelled != "MB" || spelled == "Gb") && !sc.volumeAfter(e)
	case "g":
		if n.style == digits && n.value >= 2 && n.value <= 6 && n.integer() && n.end == i && !sc.besideWidth(n.start, e) {
			return false // a generation of mobile networks
		}
		if (n.value == 2.4 || n.value == 5.8) && !sc.besideWidth(n.start, e) {
			return false // a radio band
		}
	case "m":
		if sc.endsWith(n.start, "for", "in", "within", "lasting", "after") && sc.raw(i, e) == "m" && !sc.directionWord(e) {
			return false // minutes
		}
	case "mega", "giga", "meg":
		if sc.anyPrefix(sc.skipSpace(e), "pixel", "pixels", "bytes", "watt", "watts") {
			return false
		}
	}
	if sc.has(e, "瓦") || sc.has(e, "像素") || sc.has(e, "帕") || sc.has(e, "赫") || sc.has(e, "欧") {
		return false
	}
	return !sc.volumeAfter(e) && !sc.endsWith(n.start, "显存", "内存", "硬盘", "memory", "a100", "h100", "h800", "a800", "h20", "4090", "3090", "v100", "l40", "l40s", "910b", "显卡", "gpu", "核", "core", "cores", "vcpu", "cpu", "ram", "vram", "disk", "数据", "文件")
}

// span matches a unit of time at i.
func (sc *scanner) span(i int, n number) (unit, bool) {
	lf, le := sc.longest(i, latencyNames)
	df, de := sc.longest(i, durationNames)
	if le < 0 && de < 0 {
		if sc.lit(i, "m") >= 0 && n.style == digits && sc.endsWith(n.start, "for", "in", "within", "lasting", "after") {
			return unit{kind: Duration, factor: 1, end: i + 1}, true
		}
		return unit{}, false
	}
	if le >= de {
		if sc.has(le, "级") || sc.has(le, "店") || sc.has(le, "表") || sc.has(le, "杀") {
			return unit{}, false
		}
		return unit{kind: Latency, factor: lf, end: le, han: sc.s[le-1] >= 0x80}, true
	}
	if df < 0 || !sc.durationFits(i, de, n) {
		return unit{}, false
	}
	return unit{kind: Duration, factor: df, end: de, han: sc.s[de-1] >= 0x80}, true
}

// durationFits rejects names that mean something else here: 两周一, 2026年, 3d vision, quarters of an hour.
func (sc *scanner) durationFits(i, e int, n number) bool {
	switch sc.s[i:e] {
	case "周", "星期", "礼拜":
		return !sc.weekdayHan(e) || sc.has(e+3, "次")
	case "年":
		return n.value < 100 && !sc.anyPrefix(e, "级", "代", "前")
	case "天":
		return !sc.anyPrefix(e, "线", "空", "气", "津", "河", "桥", "翼", "然", "府", "台")
	case "d":
		return n.style == digits && !sc.anyPrefix(sc.skipSpace(e), "print", "printing", "printer", "vision", "scan", "scanner", "scanners", "camera", "cameras", "model", "视觉", "打印", "相机", "扫描", "建模", "模型", "检测", "imaging", "sensor", "sensors", "map", "maps", "点云", "重建")
	case "h", "mo":
		return n.style == digits
	case "ours":
		return n.style == digits && n.end < i
	case "quarters":
		return false
	}
	return true
}

func (sc *scanner) weekdayHan(i int) bool {
	return sc.anyPrefix(i, "一", "二", "三", "四", "五", "六", "日", "天", "末")
}

// tokenRate matches "tokens per second" and its kin at i. Chinese puts 每秒 before the number.
func (sc *scanner) tokenRate(i int, n number) (unit, bool) {
	for _, w := range []string{"t/s", "tps", "tok/s", "toks/s", "tk/s", "tks/s"} {
		if e := sc.lit(i, w); e >= 0 {
			return unit{kind: TokenRate, factor: 1, end: e}, true
		}
	}
	if e := sc.oneOf(i, "个", "output ", "generated "); e >= 0 {
		i = sc.skipSpace(e)
	}
	e := sc.oneOf(i, "tokens", "token", "tok", "toks", "tokn", "tokens'", "tokkens", "tokesn", "tokns", "词元", "令牌", "字", "toekns", "toekn", "汉字", "words", "中文字")
	if e < 0 {
		return unit{}, false
	}
	for _, lead := range []string{"/ ", "/", " / ", "per ", " per ", " a ", " each ", " every ", "每", "/每", " /", "一", "p"} {
		if !sc.has(e, lead) {
			continue
		}
		if p := sc.oneOf(e+len(lead), "seconds", "second", "sec", "secs", "s", "秒钟", "秒", "secound", "s."); p >= 0 {
			return unit{kind: TokenRate, factor: 1, end: p}, true
		}
		if p := sc.oneOf(e+len(lead), "minute", "min", "分钟"); p >= 0 {
			return unit{kind: TokenRate, factor: 1. / 60, end: p}, true
		}
	}
	lead := sc.before(n.start, 30)
	if k := max(strings.LastIndex(lead, "每秒"), strings.LastIndex(lead, "一秒")); k >= 0 && !containsAny(lead[k:], ",", "。", "、", ";", "mb", "兆", "m/") {
		return unit{kind: TokenRate, factor: 1, end: e}, true
	}
	if k := strings.LastIndex(lead, "per second"); k >= 0 && len(lead)-k < 16 {
		return unit{kind: TokenRate, factor: 1, end: e}, true
	}
	return unit{}, false
}

// countedHan are characters that may follow a bare Chinese numeral which counts things.
const countedHan = "个台路辆部架块张颗只条套处间座栋层号期区门线口家所支名位份次倍卡核节点人机车摄相终端并会用通站厂院校店库床病楼桶舱把组队根株柜排条款类种轮批班级副盏艘枚顶扇架匹尊"

// measure reports whether a measure word or counted noun starts at i.
func (sc *scanner) measure(i int) bool {
	i = sc.skipSpace(i)
	r := sc.runeAt(i)
	return r >= 0x80 && r != '�' && strings.ContainsRune(countedHan, r)
}

// unitOrMeasure reports whether any unit or measure word starts at i.
func (sc *scanner) unitOrMeasure(i int) bool {
	if sc.measure(i) {
		return true
	}
	n := number{start: i, end: i, value: 10}
	_, ok := sc.anyUnit(sc.skipSpace(i), n)
	return ok
}

// anyUnit matches the longest unit of any kind but money at i.
func (sc *scanner) anyUnit(i int, n number) (unit, bool) {
	if u, ok := sc.tokenRate(i, n); ok {
		return u, true
	}
	var best unit
	best.end = -1
	if u, ok := sc.rate(i, n); ok {
		best = u
	}
	if u, ok := sc.span(i, n); ok && u.end > best.end {
		best = u
	}
	return best, best.end >= 0
}
