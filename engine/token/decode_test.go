package token_test

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/weir-project/weir/engine/token"
)

// TestDecodeGivesTheTextBack decodes what the vectors' texts encode to, at once and id by id.
func TestDecodeGivesTheTextBack(t *testing.T) {
	f := func(name string, restore func(string) string) {
		t.Run(name, func(t *testing.T) {
			tok := open(t, "testdata/"+name+".gguf.gz")
			vectors, err := token.ParseVectors(read(t, "testdata/"+name+".json.gz"))
			if err != nil {
				t.Fatal(err)
			}
			for i := range vectors {
				checkDecode(t, tok, &vectors[i], restore)
			}
		})
	}
	f("gpt-2", func(s string) string { return s })
	f("deepseek-v3", func(s string) string { return s })
	// A literal U+2581 comes back as a space. Phi-3's special tokens swallow white space, so their texts do not count.
	f("phi-3", func(s string) string { return strings.ReplaceAll(s, "▁", " ") })
}

func checkDecode(t *testing.T, tok *token.Tokenizer, v *token.Vector, restore func(string) string) {
	t.Helper()
	if v.BOS || v.Group == "special" && tok.Model() == "llama" {
		return
	}
	ids := tok.Encode(v.Text, v.Options())
	want := restore(v.Text)
	if got := tok.Decode(ids, token.DecodeOptions{Special: true}); got != want {
		t.Errorf("%s %q: decoded as %q", v.Group, want, got)
	}
	d := tok.NewDecoder(token.DecodeOptions{Special: true})
	var text []byte
	for _, id := range ids {
		text = d.Append(text, id)
		if !utf8.Valid(text) {
			t.Fatalf("%s %q: %q on the way is not UTF-8", v.Group, want, text)
		}
	}
	if got := string(d.Flush(text)); got != want {
		t.Errorf("%s %q: streamed as %q", v.Group, want, got)
	}
}

func TestSharedVocabulariesDecode(t *testing.T) {
	dir := sharedDir(t)
	for _, name := range []string{"qwen2.gguf.gz", "deepseek-llm.gguf", "deepseek-coder.gguf", "starcoder.gguf", "refact.gguf", "llama-spm.gguf"} {
		t.Run(name, func(t *testing.T) {
			tok := open(t, filepath.Join(dir, name))
			stem, _, _ := strings.Cut(name, ".")
			vectors, err := token.ParseVectors(read(t, filepath.Join(dir, stem+".json")))
			if err != nil {
				t.Fatal(err)
			}
			for i := range vectors {
				if stem == "qwen2" && vectors[i].Ref != nil {
					continue // comes back in NFC
				}
				checkDecode(t, tok, &vectors[i], func(s string) string {
					if stem == "llama-spm" {
						return strings.ReplaceAll(s, "▁", " ")
					}
					return s
				})
			}
		})
	}
}

// byteVocab is a SentencePiece vocabulary of a few words and all bytes.
func byteVocab() token.Vocab {
	v := token.NewVocab("llama")
	add := func(typ token.Type, score float32, texts ...string) {
		for _, s := range texts {
			v.Tokens, v.Types, v.Scores = append(v.Tokens, s), append(v.Types, int32(typ)), append(v.Scores, score)
		}
	}
	add(token.Unknown, 0, "<unk>")
	add(token.Control, 0, "<s>", "</s>")
	const hex = "0123456789ABCDEF"
	for b := range 256 {
		add(token.Byte, 0, "<0x"+string(hex[b>>4])+string(hex[b&15])+">")
	}
	add(token.Normal, -1, "▁", "a", "▁a")
	add(token.Unused, -1, "zz")
	add(token.UserDefined, -1, " b")
	v.UNK, v.BOS, v.EOS = 0, 1, 2
	return v
}

const firstByte = 3 // id of <0x00> in byteVocab

func TestDecoderHoldsBackUnfinishedCharacters(t *testing.T) {
	tok := build(t, byteVocab())
	f := func(in string, want ...string) {
		t.Helper()
		d := tok.NewDecoder(token.DecodeOptions{})
		for i := range len(in) {
			got := string(d.Append(nil, firstByte+int32(in[i])))
			if got != want[i] {
				t.Errorf("byte %d of %q: got %q, want %q", i, in, got, want[i])
			}
		}
		if got := string(d.Flush(nil)); got != want[len(in)] {
			t.Errorf("end of %q: got %q, want %q", in, got, want[len(in)])
		}
	}
	f("ab", "a", "b", "")
	f("é", "", "é", "")
	f("中", "", "", "中", "")
	f("😀", "", "", "", "😀", "")
	f("\xe4\xb8", "", "", "\ufffd")       // cut short
	f("\xe4\xb8a", "", "", "\ufffda", "") // broken off: one mark for both bytes
	f("\xe4\xb8\xe4\xb8\xad", "", "", "\ufffd", "", "中", "")
	f("\xff\xc0a", "\ufffd", "\ufffd", "a", "")         // can begin nothing
	f("\xf0\x9f\x98", "", "", "", "\ufffd")             // of four
	f("\xed\xa0\x80", "", "\ufffd\ufffd", "\ufffd", "") // a surrogate is not UTF-8
}

func TestDecoderSpacesAndSpecials(t *testing.T) {
	tok := build(t, byteVocab())
	id := func(piece string) int32 {
		n, ok := tok.ID(piece)
		if !ok {
			t.Fatalf("no piece %q", piece)
		}
		return n
	}
	ids := []int32{id("<s>"), id("▁a"), id("▁a"), id("</s>"), id("▁a"), id("zz"), id(" b"), -1, int32(tok.Len())}
	f := func(opt token.DecodeOptions, want string) {
		t.Helper()
		if got := tok.Decode(ids, opt); got != want {
			t.Errorf("%+v: got %q, want %q", opt, got, want)
		}
	}
	f(token.DecodeOptions{}, "a aa b")
	f(token.DecodeOptions{Special: true}, "<s>a a</s>a b")
	ids = ids[1:3]
	f(token.DecodeOptions{}, "a a")
	f(token.DecodeOptions{KeepSpace: true}, " a a")
	ids = []int32{firstByte + ' ', id("▁a"), firstByte + ' ', id("▁")}
	f(token.DecodeOptions{}, "  a  ") // a byte begins the text: no space was put before it
	if got := string(tok.AppendPiece([]byte("x"), id("▁a"))); got != "x a" {
		t.Errorf("AppendPiece: got %q", got)
	}
	if got := tok.Bytes(-1) + tok.Bytes(int32(tok.Len())) + tok.Piece(-1); got != "" {
		t.Errorf("ids out of range stand for %q", got)
	}
}

func TestEndings(t *testing.T) {
	f := func(path string, want ...string) {
		t.Helper()
		tok := open(t, path)
		var got []string
		for _, id := range tok.EOG() {
			got = append(got, tok.Piece(id))
			if !tok.IsEOG(id) {
				t.Errorf("%s: IsEOG denies %q", path, tok.Piece(id))
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
		if tok.IsEOG(-1) || tok.IsEOG(int32(tok.Len())) || tok.IsEOG(tok.BOS()) && tok.BOS() != tok.EOS() {
			t.Errorf("%s: something else ends a generation", path)
		}
	}
	f("testdata/gpt-2.gguf.gz", "<|endoftext|>")
	f("testdata/deepseek-v3.gguf.gz", "<｜end▁of▁sentence｜>", "<|EOT|>")
	f("testdata/phi-3.gguf.gz", "</s>", "<|endoftext|>", "<|end|>")
	f("testdata/bert-bge.gguf.gz")
	f(filepath.Join(sharedDir(t), "qwen2.gguf.gz"), "<|endoftext|>", "<|im_end|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>")
}
