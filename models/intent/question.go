package intent

import "unicode"

// questions by class, in English and Chinese.
var questions = map[string][2]string{
	"what":     {"What would you like to order: a network slice, compute, or both?", "请问您需要网络切片、算力，还是两者都要？"},
	"how_much": {"How much do you need: what bandwidth or which model, and for how long?", "请问需要多大的带宽或什么模型、用多长时间？"},
	"which":    {"Two parts of your wish do not go together; which one should hold?", "您的要求前后不一致，请问以哪一个为准？"},
	"price":    {"I can place orders but not answer that; what would you like to order?", "我只能下单，回答不了这个问题；请问您想订购什么？"},
}

// Chinese reports whether a wish is written mainly in Chinese.
func Chinese(wish string) bool {
	han, latin := 0, 0
	for _, r := range wish {
		switch {
		case unicode.Is(unicode.Han, r):
			han++
		case r < 0x250 && unicode.IsLetter(r):
			latin++
		}
	}
	return han > 0 && han*3 >= latin
}

func question(class, wish string) string {
	q, ok := questions[class]
	if !ok {
		q = questions["what"]
	}
	if Chinese(wish) {
		return q[1]
	}
	return q[0]
}
