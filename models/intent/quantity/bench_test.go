package quantity

import "testing"

func BenchmarkRead(b *testing.B) {
	for _, c := range []struct{ name, text string }{
		{"zh", "给三号产线的质检相机开一条上行50兆、时延10毫秒以内、可用性四个9的专线，明早八点到晚六点"},
		{"en", "I need deepseek-r1 distilled 7b near the Hangzhou site for 2 hours, first token under 300 ms, at most 40 cents"},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Read(c.text)
			}
		})
	}
}
