package token_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-project/weir/engine/gguf"
	"github.com/weir-project/weir/engine/token"
)

// TestVectors encodes every case of the shared test sets.
func TestVectors(t *testing.T) {
	dir := sharedDir(t)
	index, err := token.ParseIndex(read(t, filepath.Join(dir, "index.json")))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range index {
		if l.File == "" {
			continue
		}
		t.Run(l.Name, func(t *testing.T) {
			tok := open(t, filepath.Join(dir, l.File))
			if tok.Len() != l.Tokens || tok.Model() != l.Model {
				t.Errorf("%d tokens of model %s, want %d of %s", tok.Len(), tok.Model(), l.Tokens, l.Model)
			}
			judge(t, tok, filepath.Join(dir, l.Vectors))
		})
	}
}

// judge requires every vector to pass, on the side of the model's own tokenizer where that differs from the engines.
func judge(t *testing.T, tok *token.Tokenizer, path string) {
	t.Helper()
	vectors, err := token.ParseVectors(read(t, path))
	if err != nil {
		t.Fatal(err)
	}
	passed, failed, failures := token.JudgeVectors(tok, vectors)
	for _, f := range failures {
		t.Error(f)
	}
	if failed > 0 || passed != len(vectors) || passed == 0 {
		t.Errorf("%d of %d passed", passed, len(vectors))
	}
	for i := range vectors {
		v := &vectors[i]
		ids := tok.Encode(v.Text, v.Options())
		if ok, ref := v.Accepts(ids); ok && v.Ref != nil && !ref {
			t.Errorf("%s %q: the engines' answer, not the model's own", v.Group, v.Text)
		}
	}
}

// sharedDir is the directory of shared tokenizer test sets.
func sharedDir(tb testing.TB) string {
	tb.Helper()
	const sub = "fixtures/tokenizers"
	if root := os.Getenv("WEIR_SHARED"); root != "" {
		return filepath.Join(root, sub)
	}
	at, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		dir := filepath.Join(at, "shared", sub)
		if _, err := os.Stat(dir); err == nil {
			return dir
		}
		up := filepath.Dir(at)
		if up == at {
			tb.Skip("no shared/fixtures/tokenizers above this directory, and WEIR_SHARED is not set")
		}
		at = up
	}
}

// read is the content of a file, unpacked if it is gzipped.
func read(tb testing.TB, path string) []byte {
	tb.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	if !strings.HasSuffix(path, ".gz") {
		return b
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		tb.Fatal(err)
	}
	if b, err = io.ReadAll(z); err != nil {
		tb.Fatal(err)
	}
	return b
}

// open builds the tokenizer of a vocabulary file.
func open(tb testing.TB, path string) *token.Tokenizer {
	tb.Helper()
	return build(tb, openVocab(tb, path))
}

func openVocab(tb testing.TB, path string) token.Vocab {
	tb.Helper()
	f, err := gguf.Parse(read(tb, path))
	if err != nil {
		tb.Fatal(err)
	}
	v, err := token.VocabFromKV(f)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func build(tb testing.TB, v token.Vocab) *token.Tokenizer {
	tb.Helper()
	tok, err := token.New(v)
	if err != nil {
		tb.Fatal(err)
	}
	return tok
}
