package token_test

import (
	"testing"

	"github.com/weir-project/weir/engine/token"
)

// TestTestdata encodes the vectors that travel with the source. Names with a second part are GPT-2's vocabulary under
// other splitting rules, as those test sets have it: without BOS.
func TestTestdata(t *testing.T) {
	f := func(name, file, pre string) {
		t.Run(name, func(t *testing.T) {
			v := openVocab(t, "testdata/"+file+".gguf.gz")
			if pre != "" {
				no := false
				v.Pre, v.AddBOS = pre, &no
			}
			judge(t, build(t, v), "testdata/"+name+".json.gz")
		})
	}
	f("gpt-2", "gpt-2", "")
	f("gpt-2.default", "gpt-2", "default")
	f("gpt-2.llama-bpe", "gpt-2", "llama-bpe")
	f("deepseek-v3", "deepseek-v3", "")
	f("phi-3", "phi-3", "")
	f("bert-bge", "bert-bge", "")
}

// TestJudgeFindsFailures holds the judge itself against a tokenizer with other rules than the vectors are for.
func TestJudgeFindsFailures(t *testing.T) {
	v := openVocab(t, "testdata/gpt-2.gguf.gz")
	v.Pre = "starcoder"
	vectors, err := token.ParseVectors(read(t, "testdata/gpt-2.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	passed, failed, failures := token.JudgeVectors(build(t, v), vectors)
	if passed+failed != len(vectors) || passed == 0 || failed == 0 || len(failures) != min(failed, 10) {
		t.Errorf("passed %d, failed %d of %d, %d described", passed, failed, len(vectors), len(failures))
	}
}
