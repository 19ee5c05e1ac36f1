package token_test

import (
	"strings"
	"testing"

	"github.com/weir-project/weir/engine/token"
)

// FuzzRoundTrip encodes any bytes with vocabularies that cover every byte and wants the same bytes back.
func FuzzRoundTrip(f *testing.F) {
	v := openVocab(f, "testdata/gpt-2.gguf.gz")
	v.Normalizer.NFC = new(bool) // off: normalised text comes back in its normal form
	toks := []*token.Tokenizer{open(f, "testdata/deepseek-v3.gguf.gz")}
	for _, v.Pre = range []string{
		"default", "falcon", "gpt-2", "starcoder", "llama-bpe", "qwen2", "qwen35", "deepseek-llm", "deepseek-coder", "gpt-4o", "minicpm5",
	} {
		toks = append(toks, build(f, v))
	}
	for _, s := range []string{
		"", "Hello, world's 123456", "  \n\n \t x ", "中文 字符 Ünï€ød́e", "\xff\xfe\x00", strings.Repeat("a", 200),
		strings.Repeat(" ", 100), strings.Repeat("ab", 60) + "\n", "<|endoftext|><｜end▁of▁sentence｜>", "ǅx'S'LL don'T",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, tok := range toks {
			for _, special := range []bool{false, true} {
				checkRoundTrip(t, tok, text, token.Options{Special: special})
			}
		}
	})
}

func checkRoundTrip(t *testing.T, tok *token.Tokenizer, text string, opt token.Options) {
	t.Helper()
	var got []byte
	for _, id := range tok.Encode(text, opt) {
		got = tok.AppendPiece(got, id)
	}
	if string(got) != text {
		t.Errorf("%s: %q comes back as %q", tok.Pre(), text, got)
	}
	checkIDs(t, tok, text, opt)
}

// FuzzOtherKinds encodes any bytes with SentencePiece and WordPiece.
func FuzzOtherKinds(f *testing.F) {
	phi, bert := open(f, "testdata/phi-3.gguf.gz"), open(f, "testdata/bert-bge.gguf.gz")
	for _, s := range []string{"", " ", "Hello  world", "▁▁ ▁a", "\xff\xe4\xb8", "<|end|> \n x", "É中가 á!", strings.Repeat("é", 120)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, opt := range []token.Options{{}, {Special: true, BOS: true}} {
			checkIDs(t, phi, text, opt)
			checkIDs(t, bert, text, opt)
		}
		if strings.Contains(text, "</s>") {
			return // user-defined there, and swallows the white space behind it
		}
		var got []byte
		for _, id := range phi.Encode(text, token.Options{}) {
			got = phi.AppendPiece(got, id)
		}
		if want := " " + strings.ReplaceAll(text, "▁", " "); text != "" && string(got) != want {
			t.Errorf("%q comes back as %q", want, got)
		}
	})
}
