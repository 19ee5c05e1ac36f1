package gguf

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/weir-project/weir/internal/testkit"
)

// fixtures are the shared model and vocabulary files, unpacked, by name.
func fixtures(tb testing.TB) map[string][]byte {
	tb.Helper()
	dir := testkit.Shared(tb, "fixtures")
	files := map[string][]byte{}
	for _, pattern := range []string{"engine/*.gguf", "tokenizers/*.gguf", "tokenizers/*.gguf.gz"} {
		names, _ := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err == nil && strings.HasSuffix(name, ".gz") {
				data, err = gunzip(data)
			}
			if err != nil {
				tb.Fatal(err)
			}
			files[filepath.Base(name)] = data
		}
	}
	if len(files) < 20 {
		tb.Fatalf("found %d fixtures in %s, want at least 20", len(files), dir)
	}
	return files
}

func gunzip(b []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

func TestFixturesParseAndRewrite(t *testing.T) {
	for name, data := range fixtures(t) {
		t.Run(name, func(t *testing.T) {
			f, err := Parse(data)
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := f.String("tokenizer.ggml.model"); !ok {
				t.Error("no tokenizer.ggml.model")
			}
			if tokens, ok := f.Strings("tokenizer.ggml.tokens"); !ok || len(tokens) < 300 {
				t.Errorf("%d tokens, want at least 300", len(tokens))
			}
			var b bytes.Buffer
			w := &Writer{Alignment: f.Alignment, Keys: f.Keys, Tensors: f.Tensors}
			if n, err := w.WriteTo(&b); err != nil || n != int64(b.Len()) {
				t.Fatalf("WriteTo = %d, %v for %d bytes", n, err, b.Len())
			}
			again, err := Parse(b.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(again.Keys, f.Keys) || !reflect.DeepEqual(again.Tensors, f.Tensors) {
				t.Error("rewritten file differs")
			}
		})
	}
}
