package token

import (
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/weir-project/weir/internal/fault"
)

// Type says how a token comes about. The numbers are those of "tokenizer.ggml.token_type".
type Type int32

// The types of tokens.
const (
	Undefined   Type = iota
	Normal           // a piece of text
	Unknown          // stands for text that no piece covers
	Control          // <s>, <|im_end|>: never made from plain text
	UserDefined      // an added piece, taken whole wherever its text occurs
	Unused           // fills the table up; neither made nor printed
	Byte             // <0x0A>: one byte of text that no piece covers
)

// Vocab is a vocabulary as a model file describes it. Ids are -1 where the file names none; start from NewVocab.
type Vocab struct {
	Model string // "gpt2", "llama" or "bert"
	Pre   string // how byte-level BPE cuts text before merging; empty means "default"
	Name  string // the model's name; some models are told apart by nothing else

	Tokens []string  // by id
	Types  []int32   // by id, see Type; empty means all Normal
	Scores []float32 // by id; SentencePiece merges the pair with the highest first
	Merges []string  // "left right", the most urgent first; byte-level BPE

	BOS, EOS, EOT, EOM, UNK, SEP, PAD, CLS int32

	AddBOS, AddEOS, AddSpacePrefix *bool // nil: what the model kind usually does

	Normalizer Normalizer
}

// Normalizer says what is done to text first. Nil leaves it to the model kind and the pre-tokenizer.
type Normalizer struct {
	NFC                     *bool // byte-level BPE
	Lowercase, StripAccents *bool // WordPiece; nil: true, and as Lowercase
}

// NewVocab is a vocabulary of the given model kind without tokens and with every special id absent.
func NewVocab(model string) Vocab {
	return Vocab{Model: model, BOS: -1, EOS: -1, EOT: -1, EOM: -1, UNK: -1, SEP: -1, PAD: -1, CLS: -1}
}

// KV is the metadata of an open GGUF file. Each method reports whether the key is there with a value of that type;
// Uint accepts every integer type, Ints and Floats every array of integers or of floats.
type KV interface {
	String(key string) (string, bool)
	Strings(key string) ([]string, bool)
	Ints(key string) ([]int64, bool)
	Floats(key string) ([]float32, bool)
	Uint(key string) (uint64, bool)
	Bool(key string) (bool, bool)
}

// FromKV builds the tokenizer that a file's metadata describes.
func FromKV(kv KV) (*Tokenizer, error) {
	v, err := VocabFromKV(kv)
	if err != nil {
		return nil, err
	}
	return New(v)
}

// VocabFromKV reads the "tokenizer.ggml." keys of a file, with the ids that old files leave unsaid.
func VocabFromKV(kv KV) (Vocab, error) {
	model, ok := kv.String("tokenizer.ggml.model")
	if !ok {
		return Vocab{}, fault.New(fault.Invalid, "the file has no tokenizer: key tokenizer.ggml.model is missing")
	}
	v := NewVocab(model)
	v.Pre, _ = kv.String("tokenizer.ggml.pre")
	v.Name, _ = kv.String("general.name")
	if v.Tokens, ok = kv.Strings("tokenizer.ggml.tokens"); !ok {
		return Vocab{}, fault.New(fault.Invalid, "the file has no vocabulary: key tokenizer.ggml.tokens is missing")
	}
	v.Merges, _ = kv.Strings("tokenizer.ggml.merges")
	v.Scores, _ = kv.Floats("tokenizer.ggml.scores")
	types, _ := kv.Ints("tokenizer.ggml.token_type")
	v.Types = make([]int32, len(types))
	for i, t := range types {
		if t < math.MinInt32 || t > math.MaxInt32 {
			return Vocab{}, fault.New(fault.Invalid, "tokenizer.ggml.token_type: type %d of token %d is out of range", t, i)
		}
		v.Types[i] = int32(t)
	}
	if err := v.idsFromKV(kv); err != nil {
		return Vocab{}, err
	}
	v.AddBOS = flag(kv, "tokenizer.ggml.add_bos_token")
	v.AddEOS = flag(kv, "tokenizer.ggml.add_eos_token")
	v.AddSpacePrefix = flag(kv, "tokenizer.ggml.add_space_prefix")
	v.Normalizer = Normalizer{
		NFC:          flag(kv, "tokenizer.ggml.normalizer.nfc"),
		Lowercase:    flag(kv, "tokenizer.ggml.normalizer.lowercase"),
		StripAccents: flag(kv, "tokenizer.ggml.normalizer.strip_accents"),
	}
	return v, nil
}

// idsFromKV reads the special ids. SentencePiece and BERT files of the first converters name none; theirs are fixed.
func (v *Vocab) idsFromKV(kv KV) error {
	switch v.Model {
	case modelSPM:
		v.UNK, v.BOS, v.EOS = v.usual("<unk>", 0), v.usual("<s>", 1), v.usual("</s>", 2)
	case modelBERT:
		v.UNK, v.CLS, v.SEP = v.usual("[UNK]", 100), v.usual("[CLS]", 101), v.usual("[SEP]", 102)
	}
	for _, f := range []struct {
		key string
		id  *int32
	}{
		{"bos", &v.BOS},
		{"eos", &v.EOS},
		{"eot", &v.EOT},
		{"eom", &v.EOM},
		{"unknown", &v.UNK},
		{"seperator", &v.SEP},
		{"padding", &v.PAD},
		{"cls", &v.CLS}, // "seperator" is how the format spells it
	} {
		key := "tokenizer.ggml." + f.key + "_token_id"
		n, ok := kv.Uint(key)
		switch {
		case !ok:
		case n == math.MaxUint32 || n == math.MaxUint64: // how some converters write "none"
			*f.id = -1
		case n >= uint64(len(v.Tokens)):
			return fault.New(fault.Invalid, "%s is %d, but the vocabulary has %d tokens", key, n, len(v.Tokens))
		default:
			*f.id = int32(n)
		}
	}
	return nil
}

// usual is id if the token there has that text, else -1.
func (v *Vocab) usual(text string, id int32) int32 {
	if int(id) < len(v.Tokens) && v.Tokens[id] == text {
		return id
	}
	return -1
}

func flag(kv KV, key string) *bool {
	if b, ok := kv.Bool(key); ok {
		return &b
	}
	return nil
}

// maxPiece bounds the bytes of one token, so that looking for the longest match is bounded too. The longest piece
// met in a published vocabulary has 1,024.
const maxPiece = 1 << 14

// check reports the first thing about v that no tokenizer could be built from.
func (v *Vocab) check() error {
	n := len(v.Tokens)
	if n == 0 {
		return fault.New(fault.Invalid, "the vocabulary has no tokens")
	}
	if n > math.MaxInt32 {
		return fault.New(fault.Invalid, "the vocabulary has %d tokens; ids are 32-bit", n)
	}
	if len(v.Types) != 0 && len(v.Types) != n {
		return fault.New(fault.Invalid, "%d token types for %d tokens", len(v.Types), n)
	}
	if len(v.Scores) != 0 && len(v.Scores) != n {
		return fault.New(fault.Invalid, "%d scores for %d tokens", len(v.Scores), n)
	}
	for _, f := range []struct {
		name string
		id   int32
	}{
		{"bos", v.BOS},
		{"eos", v.EOS},
		{"eot", v.EOT},
		{"eom", v.EOM},
		{"unknown", v.UNK},
		{"separator", v.SEP},
		{"padding", v.PAD},
		{"cls", v.CLS},
	} {
		if f.id < -1 || int(f.id) >= n {
			return fault.New(fault.Invalid, "%s token id is %d, but the vocabulary has %d tokens", f.name, f.id, n)
		}
	}
	return nil
}

// index maps every text to its id. Empty texts have none: they fill holes in the table.
func (v *Vocab) index() (map[string]int32, error) {
	ids := make(map[string]int32, len(v.Tokens))
	for i, text := range v.Tokens {
		if text == "" {
			continue
		}
		if len(text) > maxPiece {
			return nil, fault.New(fault.Invalid, "token %d has %d bytes; at most %d are allowed", i, len(text), maxPiece)
		}
		if first, dup := ids[text]; dup {
			return nil, fault.New(fault.Invalid, "tokens %d and %d are both %s", first, i, quote(text))
		}
		ids[text] = int32(i)
	}
	return ids, nil
}

// quote shows a piece of a foreign file in an error message, cut to a readable length.
func quote(s string) string {
	most := 64
	if len(s) <= most {
		return strconv.Quote(s)
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return strconv.Quote(s[:most]) + "..."
}
