package main

import (
	_ "embed"
	"math/rand/v2"
	"strconv"
	"strings"
)

// Names of places are endless: most of those in a wish must be told by where they stand. These are put together from
// parts, real and invented, which say nothing of what is done there.
var (
	zhCities    = strings.Fields("北京 上海 广州 深圳 杭州 苏州 南京 成都 重庆 武汉 西安 长沙 青岛 厦门 宁波 无锡 合肥 郑州 济南 沈阳 大连 昆明 贵阳 南宁 福州 佛山 东莞 嘉兴 绍兴 温州 常州 烟台 洛阳 宜昌 芜湖 赣州 桂林 珠海 中山 惠州 泉州 临沂 潍坊 包头 银川 兰州 西宁 乌鲁木齐 海口 哈尔滨 长春")
	zhSyllables = []rune("东西南北中安平和清金银玉龙凤虎白青红绿长宁海江河湖山林石桥泉沙云阳明光华兴盛丰宝福康泰永新旧大小上下前后左右双高马牛鹿松柏竹梅兰桃柳杨槐荷")
	zhKinds     = strings.Fields("园区 基地 广场 中心 大厦 仓库 码头 东站 村 镇 大桥 路口 隧道 公园 大楼 展厅 会议室 实验室 机房 食堂 操场 工地 营地 停车场 服务区 收费站 厂区 车间 院区 校区 新区 开发区 街道 小区 片区 产业园 科技园 物流园 办事处 试验场 指挥部 站 门 岛 坝 堆场 泊位 展馆 礼堂 球馆 泵站 矿 油库 塔 哨所 广场东侧 路与大道交叉口 街口 桥头 码头西侧")
	zhSides     = strings.Fields("东侧 西侧 南侧 北侧 门口 大厅 入口 出口 西北角 东南角 楼顶 地下一层 负一层 负二层 前台 走廊 二楼 三楼 顶层 一层 夹层 东门 西门 南门 北门 后院 外广场 值班室 会议室 机房 控制室 装卸区 候车区 休息区 A区 B区 C区 二期 三期 一区 二区")
	enSyllables = strings.Fields("hal bor ton wick ash bry dal kel mor pen ros san thor wal win stan ford ley mer cal den far gran hel ing jar kir lan mar nor oak pel rad sel tam ul ver wex yar zel")
	enKinds     = strings.Fields("Street Road Park House Tower Yard Wharf Square Centre Depot Hall Campus Plaza Quay Bridge Station Terminal Gate Lane Hill Estate Point Island Court Field Junction Works Mill Farm Pier Garden Arena Building Annex Lodge Camp Lab Warehouse Crossing Tunnel Roundabout")
	enCities    = []string{"Leeds", "Lyon", "Porto", "Hamburg", "Boston", "Austin", "Denver", "Oslo", "Turin", "Krakow", "Dublin", "Perth", "Osaka", "Nairobi", "Lima", "Hangzhou", "Shenzhen", "Chengdu", "Wuxi", "Ningbo", "Seattle", "Munich", "Gdansk", "Seville", "Antwerp", "Bristol", "Cardiff", "Quebec", "Santiago", "Bangalore"}
	enUnits     = []string{"Building", "Block", "Hall", "Gate", "Dock", "Bay", "Room", "Floor", "Level", "Zone", "Unit", "Pier", "Stand", "Line", "Lot", "Cell", "Ward", "Platform", "Terminal", "Wing"}
)

// inventedPlace is the name of a place in Chinese or English.
func inventedPlace(rng *rand.Rand, han bool) string {
	if han {
		return zhPlace(rng)
	}
	return enPlace(rng)
}

func zhPlace(rng *rand.Rand) string {
	var b strings.Builder
	maybe := func(p float64, f func() string) {
		if rng.Float64() < p {
			b.WriteString(f())
		}
	}
	name := func() string {
		s := string([]rune{pick(rng, zhSyllables), pick(rng, zhSyllables)})
		if rng.IntN(4) == 0 {
			s += string(pick(rng, zhSyllables))
		}
		return s
	}
	number := func(n int) string {
		k := 1 + rng.IntN(n)
		if rng.IntN(3) == 0 && k <= 12 {
			return zhNumber(k, false)
		}
		return strconv.Itoa(k)
	}
	building := func() string {
		if rng.IntN(2) == 0 {
			return string(rune('A'+rng.IntN(8))) + pick(rng, []string{"座", "栋", "楼", "馆", "区", "口"})
		}
		return number(30) + pick(rng, []string{"号楼", "栋", "号厂房", "号库", "号馆", "号门", "号线", "期", "号院", "号岗亭", "号泊位"})
	}
	floor := func() string { return number(28) + pick(rng, []string{"层", "楼", "楼"}) }
	switch rng.IntN(5) {
	case 0: // an address
		maybe(0.5, func() string { return pick(rng, zhCities) + pick(rng, []string{"", "市", ""}) })
		maybe(0.4, func() string { return name() + pick(rng, []string{"区", "县", "新区"}) })
		b.WriteString(name() + pick(rng, []string{"路", "街", "大道", "东路", "北街"}) + number(600) + "号")
		maybe(0.4, building)
		maybe(0.4, floor)
	case 1: // a crossing
		b.WriteString(name() + pick(rng, []string{"路", "街", "大道"}) + pick(rng, []string{"和", "与", ""}) + name() + pick(rng, []string{"路", "街"}) + pick(rng, []string{"路口", "交叉口", "口", "十字"}))
	case 2: // inside a house
		maybe(0.6, func() string { return name() + pick(rng, zhKinds) })
		b.WriteString(building())
		maybe(0.6, floor)
		maybe(0.25, func() string {
			return strconv.Itoa(100+rng.IntN(1900)) + pick(rng, []string{"室", "房间", "教室"})
		})
	default:
		maybe(0.35, func() string { return pick(rng, zhCities) })
		b.WriteString(name() + pick(rng, zhKinds))
		maybe(0.3, building)
	}
	maybe(0.25, func() string { return pick(rng, zhSides) })
	return b.String()
}

func enPlace(rng *rand.Rand) string {
	name := func() string {
		s := pick(rng, enSyllables) + pick(rng, enSyllables)
		if rng.IntN(4) == 0 {
			s += pick(rng, enSyllables)
		}
		return strings.ToUpper(s[:1]) + s[1:]
	}
	unit := func() string {
		n := strconv.Itoa(1 + rng.IntN(40))
		if rng.IntN(3) == 0 {
			n = string(rune('A' + rng.IntN(8)))
		}
		u := pick(rng, enUnits)
		if rng.IntN(2) == 0 {
			u = strings.ToLower(u)
		}
		return u + " " + n
	}
	place := name() + " " + pick(rng, enKinds)
	switch rng.IntN(8) {
	case 0:
		return unit()
	case 1:
		return pick(rng, enCities)
	case 2:
		return place + " " + unit()
	case 3:
		return unit() + pick(rng, []string{", ", " of ", " at "}) + place
	case 4:
		return pick(rng, enCities) + " " + strings.ToLower(pick(rng, enKinds))
	case 5:
		return strconv.Itoa(1+rng.IntN(200)) + " " + place
	case 6:
		return pick(rng, []string{"north", "south", "east", "west", "lower", "upper", "old", "new", "back", "main"}) + " " + strings.ToLower(pick(rng, enKinds))
	}
	return place
}

//go:embed places.txt
var plainPlacesText string

// plainPlaces are common nouns of places by "zh" or "en" and application; "any" tells none.
var plainPlaces = readPlaces(plainPlacesText)

func readPlaces(text string) map[string][]string {
	all := map[string][]string{}
	for line := range strings.Lines(text) {
		key, words, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok || strings.HasPrefix(key, "#") {
			continue
		}
		split := strings.Fields
		if strings.HasPrefix(key, "en") {
			split = func(s string) []string { return strings.Split(s, "|") }
		}
		all[key] = split(words)
	}
	return all
}

// plainPlace is a common noun of a place, now and then with a number or a side, fit for a wish of the application.
// Of what is done at a place, cameras, files and chats tell nothing.
func plainPlace(rng *rand.Rand, app string, han bool) string {
	lang := map[bool]string{true: "zh ", false: "en "}[han]
	switch app {
	case "video", "chat", "bulk":
		app = pick(rng, []string{"any", "any", "industrial", "medical", "finance", "education", "energy", "retail", "government", "v2x"})
	case "inspection":
		app = "industrial"
	}
	list := plainPlaces[lang+app]
	if list == nil || rng.IntN(3) == 0 {
		list = plainPlaces[lang+"any"]
	}
	s := pick(rng, list)
	if han {
		switch rng.IntN(12) {
		case 0:
			s = pick(rng, []string{"新", "老", "东", "西", "南区", "北区", "东区", "一期", "二期", "城东", "城西"}) + s
		case 1:
			s = zhNumber(1+rng.IntN(9), false) + "号" + s
		case 2:
			s += pick(rng, zhSides)
		case 3:
			s = pick(rng, zhCities) + s
		case 4:
			s = string([]rune{pick(rng, zhSyllables), pick(rng, zhSyllables)}) + s
		}
		return s
	}
	switch rng.IntN(12) {
	case 0:
		s = pick(rng, []string{"new", "old", "north", "south", "east", "west", "main", "second", "lower", "upper"}) + " " + s
	case 1:
		s += " " + strconv.Itoa(1+rng.IntN(12))
	case 2:
		s += " " + string(rune('A'+rng.IntN(6)))
	case 3:
		s = pick(rng, enCities) + " " + s
	}
	return s
}
