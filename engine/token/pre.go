package token

import (
	"maps"
	"slices"
)

// pre is a pre-tokenizer: how byte-level BPE cuts text into the words inside which it merges.
type pre struct {
	stages []rule // each cuts the words of the one before
	whole  bool   // a word that is itself a piece is taken whole, whatever the merges say
	bos    bool   // begin of sequence is added unless the file says otherwise
	nfc    bool   // the model's tokenizer normalises to NFC first; GGUF files do not say so
}

// pres holds the known values of "tokenizer.ggml.pre". Each stage is written out as a regular expression in the
// tests, which hold the two against each other.
var pres = func() map[string]pre {
	gpt2 := pre{stages: []rule{gpt2Words}}
	digits := pre{stages: []rule{oneNumber, gpt2Words}}
	llama3 := pre{stages: []rule{words{digits: 3, tail: "\r\n"}.next}, whole: true, bos: true}
	bare3 := pre{stages: llama3.stages}
	qwen2 := pre{stages: []rule{words{digits: 1, tail: "\r\n"}.next}}
	v3 := pre{stages: []rule{threeNumbers, isolate(runOf(v3CJK)), isolate(deepseekV3Words)}}
	gpt4o := pre{stages: []rule{casedWords{digits: 3, contractions: true}.next}}
	known := map[string]pre{
		"default": {stages: []rule{isolate(defaultPunct), gpt2Words, isolate(runOf(number)), isolate(threeDigits)}},
		"falcon":  {stages: []rule{isolate(falconPunct), gpt2Words, isolate(threeDigits)}},
		"mpt":     {stages: gpt2.stages, nfc: true},
		"qwen2":   {stages: qwen2.stages, nfc: true},
		"qwen35":  {stages: []rule{words{digits: 1, tail: "\r\n", marks: true}.next}, nfc: true},
		"tekken":  {stages: []rule{casedWords{digits: 1}.next}, whole: true, bos: true},
		"deepseek-llm": {stages: []rule{
			oneNewline, isolate(spaced(llmCased)), isolate(spaced(llmPunct)), trailingSpace, isolate(runOf(llmCJK)), isolate(runOf(number)),
		}},
		"deepseek-coder": {stages: []rule{
			oneNewline, isolate(spaced(letter)), isolate(spaced(punct)), isolate(runOf(llmCJK)), oneNumber,
		}},
		"seed-coder": {stages: []rule{words{digits: 1}.next}},
		"minicpm5":   {stages: []rule{threeNumbers, words{digits: 1 << 30, tail: "\r\n"}.next}, whole: true},
	}
	// Names that stand for the same rules.
	for _, same := range []struct {
		pre   pre
		names []string
	}{
		{gpt2, []string{
			"gpt-2", "phi-2", "olmo", "jais", "trillion", "exaone4", "gigachat", "a.x-4.0", "mellum", "modern-bert",
			"jina-es", "jina-de", "jina-v2-es", "jina-v2-de", "granite-docling",
		}},
		{digits, []string{"starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b", "mellum2"}},
		{llama3, []string{"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2"}},
		{bare3, []string{"glm4", "chatglm-bpe", "dbrx", "smaug-bpe"}},
		{qwen2, []string{
			"deepseek-r1-qwen", "stablelm2", "megrez", "hunyuan", "grok-2", "solar-open", "kormo", "bailingmoe", "bailingmoe2", "llada-moe",
		}},
		{v3, []string{"deepseek-v3", "hunyuan-dense", "joyai-llm"}},
		{gpt4o, []string{"gpt-4o", "llama4", "kanana2"}},
	} {
		for _, name := range same.names {
			known[name] = same.pre
		}
	}
	return known
}()

// Pres lists the known values of "tokenizer.ggml.pre", in alphabetical order.
func Pres() []string { return slices.Sorted(maps.Keys(pres)) }
