package token_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-project/weir/engine/token"
)

// prose is about n bytes of the vectors' texts of the given groups, over and over.
func prose(tb testing.TB, dir string, n int, groups ...string) string {
	tb.Helper()
	vectors, err := token.ParseVectors(read(tb, filepath.Join(dir, "gpt-2.json")))
	if err != nil {
		tb.Fatal(err)
	}
	var one, all strings.Builder
	for i := range vectors {
		for _, g := range groups {
			if vectors[i].Group == g {
				one.WriteString(vectors[i].Text)
				one.WriteByte('\n')
			}
		}
	}
	for all.Len() < n {
		all.WriteString(one.String())
	}
	return all.String()
}

// BenchmarkEncode measures bytes of text encoded per second: code and English, Chinese, and one unbroken run.
func BenchmarkEncode(b *testing.B) {
	dir := sharedDir(b)
	texts := []struct{ name, text string }{
		{"prose", prose(b, dir, 64<<10, "prose", "code", "inp")},
		{"zh", prose(b, dir, 64<<10, "zh")},
		{"run", strings.Repeat("a", 1<<20)},
	}
	for _, file := range []string{"qwen2.gguf.gz", "deepseek-v3.gguf.gz", "gpt-2.gguf", "llama-spm.gguf", "bert-bge.gguf"} {
		tok := open(b, filepath.Join(dir, file))
		name, _, _ := strings.Cut(file, ".")
		for _, text := range texts {
			b.Run(name+"/"+text.name, func(b *testing.B) {
				b.SetBytes(int64(len(text.text)))
				b.ReportAllocs()
				var ids []int32
				for b.Loop() {
					ids = tok.AppendEncode(ids[:0], text.text, token.Options{Special: true})
				}
				b.ReportMetric(float64(len(text.text))/float64(len(ids)), "B/token")
			})
		}
	}
}

// BenchmarkNew measures how long a vocabulary takes to become a tokenizer.
func BenchmarkNew(b *testing.B) {
	dir := sharedDir(b)
	for _, file := range []string{"qwen2.gguf.gz", "deepseek-v3.gguf.gz", "llama-spm.gguf", "bert-bge.gguf"} {
		v := openVocab(b, filepath.Join(dir, file))
		b.Run(file, func(b *testing.B) {
			for b.Loop() {
				build(b, v)
			}
		})
	}
}

// BenchmarkDecode measures the streaming decoder, in ids.
func BenchmarkDecode(b *testing.B) {
	dir := sharedDir(b)
	tok := open(b, filepath.Join(dir, "qwen2.gguf.gz"))
	ids := tok.Encode(prose(b, dir, 16<<10, "prose", "zh", "emoji"), token.Options{})
	d := tok.NewDecoder(token.DecodeOptions{})
	var text []byte
	b.ReportAllocs()
	for b.Loop() {
		text = text[:0]
		for _, id := range ids {
			text = d.Append(text, id)
		}
		text = d.Flush(text)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(ids)), "ns/token")
}
