package token

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// patterns are the published splitting rules: for each name one expression per stage. {s} stands for \s as Unicode has
// it, which RE2 lacks; the group at the end for \s+(?!\S)|\s+, which RE2 cannot say: see oracle.
var patterns = map[string][]string{
	"default": {
		`[\p{P}$+<=>^~|]+`, gpt2Pattern, `\p{N}+`, `[0-9][0-9][0-9]`,
	},
	"falcon":    {"[\\p{P}$+<=>^~|`]+", gpt2Pattern, `[0-9][0-9][0-9]`},
	"gpt-2":     {gpt2Pattern},
	"starcoder": {`\p{N}`, gpt2Pattern},
	"llama-bpe": {
		`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^{s}\p{L}\p{N}]+[\r\n]*|[{s}]*[\r\n]+|([{s}]+)`,
	},
	"qwen2": {
		`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^{s}\p{L}\p{N}]+[\r\n]*|[{s}]*[\r\n]+|([{s}]+)`,
	},
	"qwen35": {
		`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^{s}\p{L}\p{M}\p{N}]+[\r\n]*|[{s}]*[\r\n]+|([{s}]+)`,
	},
	"seed-coder": {
		`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^{s}\p{L}\p{N}\r\n]+|[{s}]*[\r\n]+|([{s}]+)`,
	},
	"bailingmoe": {
		`'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^{s}\p{L}\p{N}]+[\r\n]*|[{s}]*[\r\n]|([{s}]+)`,
	},
	"minicpm5": {
		`\p{N}{1,3}`,
		`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+| ?[^{s}\p{L}\p{N}]+[\r\n]*|[{s}]*[\r\n]+|([{s}]+)`,
	},
	"deepseek-v3": {
		`\p{N}{1,3}`,
		`[一-龥\x{3040}-ゟ゠-ヿ]+`,
		"[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|[{s}]*[\r\n]+|([{s}]+)",
	},
	"deepseek-coder": {
		`[\r\n]`, `[{s}]?\p{L}+`, `[{s}]?\p{P}+`, `[一-龥\x{0800}-一가-\x{D7FF}]+`, `\p{N}`,
	},
	"deepseek-llm": {
		`[\r\n]`,
		`[{s}]?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝ\x{1F5F}-\x{1F7D}` +
			`ᾀ-ᾴᾶ-ᾼ\x{1FBE}ῂ-ῄῆ-ῌ\x{1FD0}-\x{1FD3}\x{1FD6}-\x{1FDB}ῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\x{2126}ℨ\x{212A}-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛ` +
			`Ꜣ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+`,
		`[{s}]?[!-/:-~！-／：-～‘-‟\x{3000}-。]+`,
		`[{s}]+$`,
		`[一-龥\x{0800}-一가-\x{D7FF}]+`,
		`\p{N}+`,
	},
	"gpt-4o": {
		`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|` +
			`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|` +
			`\p{N}{1,3}| ?[^{s}\p{L}\p{N}]+[\r\n/]*|[{s}]*[\r\n]+|([{s}]+)`,
	},
	"tekken": {
		`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|` +
			`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|` +
			`\p{N}| ?[^{s}\p{L}\p{N}]+[\r\n/]*|[{s}]*[\r\n]+|([{s}]+)`,
	},
}

const gpt2Pattern = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^{s}\p{L}\p{N}]+|([{s}]+)`

// oracles compiles patterns.
func oracles() map[string][]*regexp.Regexp {
	const white = `\t-\r \x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}`
	out := map[string][]*regexp.Regexp{}
	for name, stages := range patterns {
		for _, p := range stages {
			out[name] = append(out[name], regexp.MustCompile(strings.ReplaceAll(p, "{s}", white)))
		}
	}
	return out
}

// oracle cuts text by the expressions, the slow way.
func oracle(stages []*regexp.Regexp, text string) []string {
	words := []string{text}
	for _, re := range stages {
		var next []string
		for _, w := range words {
			for len(w) > 0 {
				at := re.FindStringSubmatchIndex(w)
				if at == nil || at[0] > 0 {
					end := len(w)
					if at != nil {
						end = at[0]
					}
					next, w = append(next, w[:end]), w[end:]
					continue
				}
				end := at[1]
				if len(at) == 4 && at[2] >= 0 && end < len(w) && utf8.RuneCountInString(w[:end]) > 1 {
					// The run of white space stops before a word: \s+(?!\S) leaves its last rune.
					_, last := utf8.DecodeLastRuneInString(w[:end])
					end -= last
				}
				next, w = append(next, w[:end]), w[end:]
			}
		}
		words = next
	}
	return words
}

func cut(c *classes, stages []rule, text string) []string {
	words := []string{text}
	for _, rule := range stages {
		var next []string
		for _, w := range words {
			for len(w) > 0 {
				n := rule(c, w)
				next, w = append(next, w[:n]), w[n:]
			}
		}
		words = next
	}
	return words
}

// telling are runes that some rule tells from others, and bytes that are not UTF-8.
var telling = []string{
	"a", "B", "s", "S", "t", "re", "VE", "ll", "ſ", "é", "ß", "ǅ", "ʰ", "ª", "я", "Я", "ա", "Ա", "ا", "क", "ि", "́", "\u20dd", "한", "ㄱ", "中", "龥", "龦", "\u0800", "\u07ff", "\xed\x9f\xbf", "あ",
	"゠", "ー", "ｶ", "一", "1", "23", "½", "²", "Ⅷ", "〇", "٣", "'", "'", "\"", "`", "-", "/", "_", "[", "^", "$", "+", "<", "~", "|", "。", "　", "，", "！", "“", "€", "©",
	"😀", "\u200d", "\ufe0f", " ", " ", "  ", "\t", "\n", "\r", "\r\n", "\v", "\u0085", "\u00a0", "\u2003", "\u2028", "\u3000", "\x00", "\x7f", "\u00ad", "\ufeff",
	"\u0378", "\U000e0001", "\ue000", "\ufffd", "\x80", "\xff", "\xe4\xb8",
}

func randomText(r *rand.Rand, n int) string {
	var b strings.Builder
	for range n {
		b.WriteString(telling[r.IntN(len(telling))])
	}
	return b.String()
}

func TestSplitAgreesWithPatterns(t *testing.T) {
	c := newClasses()
	r := rand.New(rand.NewPCG(1, 2))
	for name, stages := range oracles() {
		for range 1500 {
			text := randomText(r, 1+r.IntN(12))
			got, want := cut(c, pres[name].stages, text), oracle(stages, text)
			if !slices.Equal(got, want) {
				t.Errorf("%s: %q: got %q, want %q", name, text, got, want)
				break
			}
		}
	}
}

// TestPresHavePatterns requires that each distinct set of rules is held against a pattern above.
func TestPresHavePatterns(t *testing.T) {
	key := func(p pre) string { return fmt.Sprint(len(p.stages), cutsOf(p)) }
	checked := map[string]bool{}
	for name := range patterns {
		checked[key(pres[name])] = true
	}
	for _, name := range Pres() {
		if !checked[key(pres[name])] {
			t.Errorf("%s has rules that no pattern describes", name)
		}
	}
}

// cutsOf is a fingerprint of rules: what they make of a long text.
func cutsOf(p pre) []string {
	return cut(newClasses(), p.stages, randomText(rand.New(rand.NewPCG(3, 4)), 2000))
}

func FuzzSplit(f *testing.F) {
	c := newClasses()
	all := oracles()
	r := rand.New(rand.NewPCG(5, 6))
	for range 20 {
		f.Add(randomText(r, 20))
	}
	f.Fuzz(func(t *testing.T, text string) {
		for name, stages := range all {
			if got, want := cut(c, pres[name].stages, text), oracle(stages, text); !slices.Equal(got, want) {
				t.Errorf("%s: %q: got %q, want %q", name, text, got, want)
			}
		}
	})
}
