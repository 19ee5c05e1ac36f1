package quantity

import (
	"testing"
	"time"
)

// TestWindows: the two times of a wording resolved together, said on Wednesday 4 March 2026 at 09:20.
func TestWindows(t *testing.T) {
	for _, c := range windowCases {
		var times []TimeExpr
		for _, p := range Read(c.text).Placeholders {
			if p.Kind == Time {
				times = append(times, p.Clock)
			}
		}
		if len(times) != 2 {
			t.Errorf("%s: %d times, want 2", c.text, len(times))
			continue
		}
		from, to, ok := ResolveWindow(times[0], times[1], testNow)
		got := from.Format(testLayout) + " " + to.Format(testLayout)
		if !ok || got != c.want {
			t.Errorf("%s\n got %s %v\nwant %s", c.text, got, ok, c.want)
		}
	}
}

// TestWindowsLater: the same windows said at other times of the day.
func TestWindowsLater(t *testing.T) {
	for _, c := range []struct {
		text, now, want string
	}{
		{"from ten until two", "2026-03-04T11:00", "03-05T10:00 03-05T14:00"},
		{"from two to four", "2026-03-04T11:00", "03-04T14:00 03-04T16:00"},
		{"from 9 to 11", "2026-03-04T20:00", "03-04T21:00 03-04T23:00"},
		{"晚上8点到10点", "2026-03-04T21:00", "03-05T20:00 03-05T22:00"},
		{"今晚8点到10点", "2026-12-31T08:00", "12-31T20:00 12-31T22:00"},
		{"晚上11点到凌晨1点", "2026-12-31T08:00", "12-31T23:00 01-01T01:00"},
		{"周五下午2点到5点", "2026-03-06T15:00", "03-13T14:00 03-13T17:00"},
		{"Feb 28 10am to Mar 1 10am", "2028-01-01T00:00", "02-28T10:00 03-01T10:00"},
		{"28号晚上到3号早上", "2026-03-20T09:00", "03-28T20:00 04-03T09:00"},
	} {
		now, err := time.Parse("2006-01-02T15:04", c.now)
		if err != nil {
			t.Fatal(err)
		}
		ps := Read(c.text).Placeholders
		if len(ps) != 2 {
			t.Errorf("%s: %d quantities", c.text, len(ps))
			continue
		}
		from, to, ok := ResolveWindow(ps[0].Clock, ps[1].Clock, now)
		got := from.Format(testLayout) + " " + to.Format(testLayout)
		if !ok || got != c.want {
			t.Errorf("%s at %s\n got %s %v\nwant %s", c.text, c.now, got, ok, c.want)
		}
	}
}

var windowCases = []readCase{
	{"给三号产线的质检相机开一条上行50兆、时延10毫秒以内、可用性四个9的专线，明早八点到晚六点", "03-05T08:00 03-05T18:00"},
	{"from ten until two tomorrow, 20 cameras at 8 Mbps each up", "03-05T10:00 03-05T14:00"},
	{"Dec 3rd at noon until 6pm", "12-03T12:00 12-03T18:00"},
	{"18:00-22:00, 1Gbps down 200 Mbps up", "03-04T18:00 03-04T22:00"},
	{"5g专网 给3号机房 8-10点 4k摄像头十二个 每路 8M", "03-05T08:00 03-05T10:00"},
	{"马上给五号楼开两百兆带宽，用到晚上十点，3块钱一个小时", "03-04T09:20 03-04T22:00"},
	{"今晚8点到10点、20路4K视频", "03-04T20:00 03-04T22:00"},
	{"from 9 to 5 tomorrow with 50 megs up", "03-05T09:00 03-05T17:00"},
	{"Ward 7 needs an 80GB A100 from 8pm until 6am", "03-04T20:00 03-05T06:00"},
	{"12月3号上午九点到12月5号下午六点", "12-03T09:00 12-05T18:00"},
	{"2026-03-10 08:00 到 2026-03-10 18:00", "03-10T08:00 03-10T18:00"},
	{"明天早八晚六", "03-05T08:00 03-05T18:00"},
	{"帮我从后天早上9点到下午5点半，给2号门的30路摄像头，每路4兆，开个独享通道", "03-06T09:00 03-06T17:30"},
	{"下周三上午10:00至12:00，直播要用100Mbps上行，抖动无所谓", "03-11T10:00 03-11T12:00"},
	{"本周五 14:00-16:30", "03-06T14:00 03-06T16:30"},
	{"从现在起到明天中午12点", "03-04T09:20 03-05T12:00"},
	{"今天下午3点~5点", "03-04T15:00 03-04T17:00"},
	{"今晚十二点到明早六点跑备份，500G数据", "03-05T00:00 03-05T06:00"},
	{"凌晨两点到五点", "03-05T02:00 03-05T05:00"},
	{"每天晚上10点到第二天早上6点", "03-04T22:00 03-05T06:00"},
	{"Could you set up a private line for 24 surveillance cams, 6 Mbit/s apiece upstream, from 7:30pm to 11pm on Saturday?", "03-07T19:30 03-07T23:00"},
	{"I want a 1 Gbit/s link from 0800 to 1800 hrs", "03-05T08:00 03-05T18:00"},
	{"tmrw 10am - 4pm", "03-05T10:00 03-05T16:00"},
	{"Tuesday 10 to 12", "03-10T10:00 03-10T12:00"},
	{"next Tuesday from 2 to 4", "03-10T14:00 03-10T16:00"},
	{"this Friday, 18:00–23:00", "03-06T18:00 03-06T23:00"},
	{"on the 12th from 9am until noon", "03-12T09:00 03-12T12:00"},
	{"March 15th 8am to March 17th 6pm", "03-15T08:00 03-17T18:00"},
	{"from eight in the evening till midnight", "03-04T20:00 03-05T00:00"},
	{"tonight 21:00-23:30", "03-04T21:00 03-04T23:30"},
	{"starting now and running until 5pm", "03-04T09:20 03-04T17:00"},
	{"from now until Friday 6pm", "03-04T09:20 03-06T18:00"},
	{"overnight from 10pm to 6am", "03-04T22:00 03-05T06:00"},
	{"10pm to 6am", "03-04T22:00 03-05T06:00"},
	{"between ten and noon", "03-04T10:00 03-04T12:00"},
	{"noon to 3", "03-04T12:00 03-04T15:00"},
	{"11am to 1", "03-04T11:00 03-04T13:00"},
	{"11 to 1pm", "03-04T11:00 03-04T13:00"},
	{"我要在5号楼3层会议室开会,明天下午2点半到4点,20人", "03-05T14:30 03-05T16:00"},
	{"从下午一点到三点", "03-04T13:00 03-04T15:00"},
	{"从13:00到15:00", "03-04T13:00 03-04T15:00"},
	{"13点到15点", "03-04T13:00 03-04T15:00"},
	{"13时30分至15时", "03-04T13:30 03-04T15:00"},
	{"8:00-20:00", "03-05T08:00 03-05T20:00"},
	{"早上8点半到下午5点半", "03-05T08:30 03-05T17:30"},
	{"早8点到晚8点", "03-05T08:00 03-05T20:00"},
	{"早9晚6", "03-05T09:00 03-05T18:00"},
	{"上午9点到12点", "03-05T09:00 03-05T12:00"},
	{"中午12点到下午2点", "03-04T12:00 03-04T14:00"},
	{"下午两点至晚上九点半", "03-04T14:00 03-04T21:30"},
	{"晚上11点到凌晨3点", "03-04T23:00 03-05T03:00"},
	{"今晚11点到明天凌晨3点", "03-04T23:00 03-05T03:00"},
	{"23点到次日5点", "03-04T23:00 03-05T05:00"},
	{"12月3日 09:00 - 12月5日 18:00", "12-03T09:00 12-05T18:00"},
	{"3月15号到3月20号", "03-15T00:00 03-21T00:00"},
	{"3/15-3/20", "03-15T00:00 03-21T00:00"},
	{"half past nine until quarter past eleven", "03-04T09:30 03-04T11:15"},
	{"9.30am to 11.15am", "03-04T09:30 03-04T11:15"},
	{"0930-1115", "03-04T09:30 03-04T11:15"},
	{"1800 hours to 2200 hours", "03-04T18:00 03-04T22:00"},
	{"6 p.m. to 8 p.m.", "03-04T18:00 03-04T20:00"},
	{"6PM-8PM", "03-04T18:00 03-04T20:00"},
	{"6-8pm", "03-04T18:00 03-04T20:00"},
	{"between 6 and 8 pm", "03-04T18:00 03-04T20:00"},
	{"from 10 to noon on Monday", "03-09T10:00 03-09T12:00"},
	{"Monday to Friday", "03-09T00:00 03-14T00:00"},
	{"Monday through Wednesday", "03-09T00:00 03-12T00:00"},
	{"Dec 24 through Dec 26", "12-24T00:00 12-27T00:00"},
	{"24 Dec - 26 Dec", "12-24T00:00 12-27T00:00"},
	{"Dec 24-26", "12-24T00:00 12-27T00:00"},
	{"this evening from 7 to 10", "03-04T19:00 03-04T22:00"},
	{"Traffic police here: we need a v2x slice for 15 intersections along Ring Road 3, each ~12Mbps up/4 down, under 20ms, five nines, tomorrow 6:30–9:30 am peak", "03-05T06:30 03-05T09:30"},
	{"交警支队：早高峰7点到9点，二环路18个路口，每个路口上行15M，下行5M，时延不大于20ms，99.999%", "03-05T07:00 03-05T09:00"},
	{"医院影像科要传CT，每天晚上10点到早上6点，1Gbps上行，数据不能出院", "03-04T22:00 03-05T06:00"},
	{"麻烦开一下直播用的上行，50M就够，今晚七点到九点半，体育馆", "03-04T19:00 03-04T21:30"},
	{"please reserve 100mbps down only from Wed 2pm to Thurs 2pm at Pier 6", "03-04T14:00 03-05T14:00"},
	{"请在6月1日至6月30日期间为高考考点提供专网，40个考场，每考场4M", "06-01T00:00 07-01T00:00"},
	{"从周一到周五每天上班时间用", "03-09T00:00 03-14T00:00"},
	{"临时加50M带宽，20分钟后生效，持续到中午12点", "03-04T09:40 03-04T12:00"},
	{"need it from 22:00 tonight till 06:00 tomorrow", "03-04T22:00 03-05T06:00"},
	{"between 1 and 3 this afternoon", "03-04T13:00 03-04T15:00"},
	{"between 14:00 and 15:30 on 2026-04-02", "04-02T14:00 04-02T15:30"},
	{"6pm-midnight", "03-04T18:00 03-05T00:00"},
	{"start 16:15, end 18:45", "03-04T16:15 03-04T18:45"},
	{"3pm til 5:30pm", "03-04T15:00 03-04T17:30"},
	{"2 to 4 in the afternoon", "03-04T14:00 03-04T16:00"},
	{"from 7 in the morning to 7 at night", "03-05T07:00 03-05T19:00"},
	{"晚上六点到十点", "03-04T18:00 03-04T22:00"},
	{"傍晚6点到晚上9点", "03-04T18:00 03-04T21:00"},
	{"午夜零点到早上6点", "03-05T00:00 03-05T06:00"},
	{"零点到六点", "03-05T00:00 03-05T06:00"},
	{"0点到6点", "03-05T00:00 03-05T06:00"},
	{"14点开始到18点结束", "03-04T14:00 03-04T18:00"},
	{"14点开始，18点结束", "03-04T14:00 03-04T18:00"},
	{"3月8日-10日", "03-08T00:00 03-11T00:00"},
	{"从8号到10号", "03-08T00:00 03-11T00:00"},
}
