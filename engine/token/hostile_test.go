package token_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/weir-project/weir/engine/token"
	"github.com/weir-project/weir/internal/fault"
)

// bpeVocab is a byte-level vocabulary of the given pieces.
func bpeVocab(tokens ...string) token.Vocab {
	v := token.NewVocab("gpt2")
	v.Tokens = tokens
	return v
}

func TestNewRefuses(t *testing.T) {
	yes := true
	f := func(want string, change func(v *token.Vocab)) {
		t.Helper()
		v := bpeVocab("a", "b", "ab")
		change(&v)
		_, err := token.New(v)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
		if err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%v is %v", err, fault.KindOf(err))
		}
	}
	f("no tokens", func(v *token.Vocab) { v.Tokens = nil })
	f(`unknown tokenizer.ggml.model "rwkv"; known are bert, gpt2, llama`, func(v *token.Vocab) { v.Model = "rwkv" })
	f(`unknown tokenizer.ggml.pre "new-model"; known are a.x-4.0, `, func(v *token.Vocab) { v.Pre = "new-model" })
	f(`tokens 0 and 3 are both "a"`, func(v *token.Vocab) { v.Tokens = append(v.Tokens, "a") })
	f("token 3 has 99999 bytes", func(v *token.Vocab) { v.Tokens = append(v.Tokens, strings.Repeat("x", 99999)) })
	f("2 token types for 3 tokens", func(v *token.Vocab) { v.Types = []int32{1, 1} })
	f("5 scores for 3 tokens", func(v *token.Vocab) { v.Scores = make([]float32, 5) })
	f("bos token id is 3, but the vocabulary has 3 tokens", func(v *token.Vocab) { v.BOS = 3 })
	f("eos token id is -2", func(v *token.Vocab) { v.EOS = -2 })
	f("add_bos_token is true, but no bos token", func(v *token.Vocab) { v.AddBOS = &yes })
	f("add_eos_token is true, but no eos token", func(v *token.Vocab) { v.AddEOS = &yes })
	f(`merge 1 is "ab", not two pieces`, func(v *token.Vocab) { v.Merges = []string{"a b", "ab"} })
	f(`merge 0 is "", not two pieces`, func(v *token.Vocab) { v.Merges = []string{""} })
	f(`merge 0 is " ", not two pieces`, func(v *token.Vocab) { v.Merges = []string{" "} })
	f(`merge 0 is "a ", not two pieces`, func(v *token.Vocab) { v.Merges = []string{"a "} })
	f(`merge 0, "a c", names a piece`, func(v *token.Vocab) { v.Merges = []string{"a c"} })
	f(`merge 0, "b a", names a piece`, func(v *token.Vocab) { v.Merges = []string{"b a"} })
	f("no scores", func(v *token.Vocab) { v.Model = "llama" })
	f("no unknown token", func(v *token.Vocab) { v.Model = "bert" })
}

// keys is metadata as a map.
type keys map[string]any

func (k keys) String(key string) (string, bool)       { return as[string](k, key) }
func (k keys) Strings(key string) ([]string, bool)    { return as[[]string](k, key) }
func (k keys) Ints(key string) ([]int64, bool)        { return as[[]int64](k, key) }
func (k keys) Floats(key string) ([]float32, bool)    { return as[[]float32](k, key) }
func (k keys) Uint(key string) (uint64, bool)         { return as[uint64](k, key) }
func (k keys) Bool(key string) (bool, bool)           { return as[bool](k, key) }
func as[T any](k keys, key string) (value T, ok bool) { value, ok = k[key].(T); return value, ok }

func TestFromKVRefuses(t *testing.T) {
	f := func(want, key string, value any) {
		t.Helper()
		k := keys{"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.tokens": []string{"a", "b"}}
		if k[key] = value; value == nil {
			delete(k, key)
		}
		if _, err := token.FromKV(k); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
	f("tokenizer.ggml.model is missing", "tokenizer.ggml.model", nil)
	f("tokenizer.ggml.tokens is missing", "tokenizer.ggml.tokens", nil)
	f("type 4294967297 of token 0", "tokenizer.ggml.token_type", []int64{1<<32 + 1})
	f("tokenizer.ggml.bos_token_id is 2, but", "tokenizer.ggml.bos_token_id", uint64(2))
	f("tokenizer.ggml.eos_token_id is 18446744073709551614, but", "tokenizer.ggml.eos_token_id", uint64(math.MaxUint64-1))
}

func TestFromKVReadsSpecials(t *testing.T) {
	k := keys{
		"tokenizer.ggml.model": "llama", "tokenizer.ggml.tokens": []string{"<unk>", "<s>", "</s>", "▁", "a"},
		"tokenizer.ggml.scores": make([]float32, 5), "tokenizer.ggml.padding_token_id": uint64(math.MaxUint32),
	}
	tok, err := token.FromKV(k)
	if err != nil {
		t.Fatal(err)
	}
	// An old file names no ids; those of SentencePiece are fixed. All ones stand for none.
	if tok.UNK() != 0 || tok.BOS() != 1 || tok.EOS() != 2 || tok.PAD() != -1 || !tok.AddsBOS() {
		t.Errorf("got unk %d, bos %d, eos %d, pad %d, adds bos %t", tok.UNK(), tok.BOS(), tok.EOS(), tok.PAD(), tok.AddsBOS())
	}
	if got, want := tok.Encode("a", token.Options{BOS: true}), []int32{1, 3, 4}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	k["tokenizer.ggml.add_bos_token"], k["tokenizer.ggml.add_eos_token"] = false, true
	if tok, err = token.FromKV(k); err != nil {
		t.Fatal(err)
	}
	if got, want := tok.Encode("a", token.Options{BOS: true}), []int32{3, 4, 2}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestPlainTextMakesNoControlToken holds a vocabulary against its merges, whole words and bytes naming control tokens.
func TestPlainTextMakesNoControlToken(t *testing.T) {
	v := bpeVocab("a", "b", "ab", "c", "")
	v.Types = []int32{int32(token.Normal), int32(token.Normal), int32(token.Control), int32(token.Control), int32(token.Normal)}
	v.Merges = []string{"a b"}
	for _, v.Pre = range []string{"gpt-2", "llama-bpe"} {
		tok := build(t, v)
		if got, want := tok.Encode("abc", token.Options{}), []int32{0, 1}; !slices.Equal(got, want) {
			t.Errorf("%s: plain: got %v, want %v", v.Pre, got, want)
		}
		if got, want := tok.Encode("abc", token.Options{Special: true}), []int32{2, 3}; !slices.Equal(got, want) {
			t.Errorf("%s: special: got %v, want %v", v.Pre, got, want)
		}
	}
}

func TestLongestSpecialTokenWins(t *testing.T) {
	v := bpeVocab("<", "<a", "<a>", "<a>b", "x", ">", "b")
	u, c, n := int32(token.UserDefined), int32(token.Control), int32(token.Normal)
	v.Types = []int32{n, u, c, u, n, n, n}
	tok := build(t, v)
	f := func(text string, special bool, want ...int32) {
		t.Helper()
		if got := tok.Encode(text, token.Options{Special: special}); !slices.Equal(got, want) {
			t.Errorf("%q, special %t: got %v, want %v", text, special, got, want)
		}
	}
	f("x<a>x", true, 4, 2, 4)
	f("x<a>x", false, 4, 1, 5, 4)
	f("<a>b", false, 3)
	f("<a>b<a<a>", true, 3, 1, 2)
	f("<<a", false, 0, 1)
	f("<", true, 0)
}

func TestFirstOfTwoMergesCounts(t *testing.T) {
	v := bpeVocab("a", "b", "c", "ab", "bc")
	v.Merges = []string{"a b", "b c", "a b"}
	if got, want := build(t, v).Encode("abc", token.Options{}), []int32{3, 2}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestWholeWords: only a normal piece is taken as a word whole; an added one is found by its text, not by the bytes
// that its text would spell.
func TestWholeWords(t *testing.T) {
	v := bpeVocab("a", "b", "ab", "Ġ", "Ġa")
	v.Pre = "llama-bpe"
	f := func(typ token.Type, text string, want ...int32) {
		t.Helper()
		v.Types = []int32{1, 1, 1, 1, int32(typ)}
		if got := build(t, v).Encode(text, token.Options{}); !slices.Equal(got, want) {
			t.Errorf("type %d, %q: got %v, want %v", typ, text, got, want)
		}
	}
	f(token.Normal, "ab a", 2, 4)
	f(token.UserDefined, "ab a", 2, 3, 0)
	f(token.UserDefined, "abĠa", 2, 4)
	f(token.Control, "ab a", 2, 3, 0)
	f(token.Control, "Ġa", 0) // the bytes of Ġ are not in this vocabulary
}

// TestByteTokensAreNotSpelt: text that reads like a byte token is text.
func TestByteTokensAreNotSpelt(t *testing.T) {
	v := byteVocab()
	for _, s := range []string{"<", "0", "x", "4", "1", ">", "<0", "x4", "<0x4", "1>"} {
		v.Tokens, v.Types, v.Scores = append(v.Tokens, s), append(v.Types, int32(token.Normal)), append(v.Scores, -1)
	}
	tok := build(t, v)
	if got := tok.Decode(tok.Encode("<0x41>", token.Options{}), token.DecodeOptions{}); got != "<0x41>" {
		t.Errorf("got %q", got)
	}
}

// TestHarmonyGoesOnAfterEnd: in gpt-oss's format <|end|> closes a message, not the answer.
func TestHarmonyGoesOnAfterEnd(t *testing.T) {
	v := bpeVocab("<|end|>", "<|return|>", "<|call|>")
	v.Types = []int32{3, 3, 3}
	if got, want := build(t, v).EOG(), []int32{1, 2}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	v.Tokens = []string{"<|end|>", "<|return|>", "x"}
	if got, want := build(t, v).EOG(), []int32{0, 1}; !slices.Equal(got, want) {
		t.Errorf("without <|call|>: got %v, want %v", got, want)
	}
}

func TestWordPieceGivesLongWordsUp(t *testing.T) {
	v := token.NewVocab("bert")
	v.Tokens, v.UNK = []string{"[UNK]", "▁é", "é", "▁e", "e"}, 0
	tok := build(t, v)
	for n, want := range map[int]int{99: 99, 100: 100, 101: 1} {
		if got := tok.Encode(strings.Repeat("e", n), token.Options{}); len(got) != want || n > 100 && got[0] != 0 {
			t.Errorf("%d letters: got %d ids", n, len(got))
		}
	}
}

func TestPhiSwallowsSpace(t *testing.T) {
	tok := open(t, "testdata/phi-3.gguf.gz")
	f := func(text string, want ...string) {
		t.Helper()
		var got []string
		for _, id := range tok.Encode(text, token.Options{Special: true}) {
			got = append(got, tok.Piece(id))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	f("<|user|> \n a", "<|user|>", "▁a")
	f("<s> a", "<s>", "▁", "▁a")
	f("<|endoftext|>\n", "<|endoftext|>", "▁", "<0x0A>")
}

// FuzzNew builds tokenizers from invented vocabularies and uses what New accepts.
func FuzzNew(f *testing.F) {
	f.Add(byte(0), "default", "a,b,ab,,<x>", []byte{1, 1, 1, 1, 3}, "a b", "ab<x>\xff")
	f.Add(byte(0), "deepseek-v3", "Ġ,a,Ġa", []byte{}, "Ġ a", " a a")
	f.Add(byte(1), "", "<unk>,<s>,</s>,<0x41>,▁,a,▁a,▁a▁", []byte{2, 3, 3, 6, 1, 4, 1, 5}, "", " a  a▁A")
	f.Add(byte(2), "", "[UNK],▁a,b,▁ab", []byte{2, 1, 1, 1}, "", "ABa b é!")
	f.Add(byte(0), "qwen2", "a,a", []byte{9, 0}, "a  a,a", "a\u0301")
	f.Fuzz(func(t *testing.T, model byte, pre, tokens string, types []byte, merges, text string) {
		v := token.NewVocab([]string{"gpt2", "llama", "bert", pre}[model%4])
		v.Pre, v.Tokens = pre, strings.Split(tokens, ",")
		for _, typ := range types {
			v.Types = append(v.Types, int32(typ)-1)
		}
		if merges != "" {
			v.Merges = strings.Split(merges, ",")
		}
		v.UNK = int32(model) % 2
		for i := range v.Tokens {
			v.Scores = append(v.Scores, float32(math.Float32frombits(uint32(i)*uint32(model)*0x9E3779B9)))
		}
		tok, err := token.New(v)
		if err != nil {
			return
		}
		for _, opt := range []token.Options{{}, {Special: true, BOS: true}} {
			checkIDs(t, tok, text, opt)
		}
	})
}

// checkIDs requires of any text that its ids exist, that plain text makes no control token, and that they decode to
// UTF-8.
func checkIDs(t *testing.T, tok *token.Tokenizer, text string, opt token.Options) {
	t.Helper()
	ids := tok.Encode(text, opt)
	for _, id := range ids {
		if id < 0 || int(id) >= tok.Len() {
			t.Fatalf("%q has id %d of %d", text, id, tok.Len())
		}
		if !opt.Special && tok.Type(id) == token.Control && id != tok.UNK() {
			t.Fatalf("plain text %q makes the control token %q", text, tok.Piece(id))
		}
	}
	if got := tok.Decode(ids, token.DecodeOptions{Special: true}); !utf8.ValidString(got) {
		t.Fatalf("%q decodes to %q", text, got)
	}
}
