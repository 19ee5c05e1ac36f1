package token

import (
	"slices"
	"strings"

	"github.com/weir-project/weir/internal/fault"
)

// The values of "tokenizer.ggml.model" that New knows.
const (
	modelBPE  = "gpt2"
	modelSPM  = "llama"
	modelBERT = "bert"
)

// Models lists the known values of "tokenizer.ggml.model".
func Models() []string { return []string{modelBERT, modelBPE, modelSPM} }

// Tokenizer encodes and decodes with one vocabulary.
type Tokenizer struct {
	vocab Vocab
	ids   map[string]int32 // by the vocabulary's own text
	bytes []string         // by id: what the token stands for in text
	eog   []int32          // ids that end a generation, ascending

	special special // tokens recognised in raw text, before anything else
	model   model

	first, last int32 // what Options.BOS adds before and after; -1 for nothing
	prefix      bool  // the encoder puts a space before each stretch of text, the decoder takes it away
}

// model encodes a stretch of text that holds no special token.
type model interface {
	appendText(dst []int32, text string) []int32
}

// New builds the tokenizer of v. It keeps v's slices; they must not change afterwards.
func New(v Vocab) (*Tokenizer, error) {
	if err := v.check(); err != nil {
		return nil, err
	}
	ids, err := v.index()
	if err != nil {
		return nil, err
	}
	t := &Tokenizer{vocab: v, ids: ids, first: -1, last: -1}
	switch v.Model {
	case modelBPE:
		err = t.initBPE()
	case modelSPM:
		err = t.initSPM()
	case modelBERT:
		err = t.initWordPiece()
	default:
		err = fault.New(fault.Invalid, "unknown tokenizer.ggml.model %s; known are %s", quote(v.Model), strings.Join(Models(), ", "))
	}
	if err != nil {
		return nil, err
	}
	t.special = newSpecial(t)
	t.eog = t.endings()
	return t, nil
}

// wrap notes the ids that Options.BOS adds, unless the file says otherwise.
func (t *Tokenizer) wrap(bos, eos bool) error {
	v := &t.vocab
	if unless(bos, v.AddBOS) {
		if v.BOS < 0 && v.AddBOS != nil {
			return fault.New(fault.Invalid, "add_bos_token is true, but no bos token id is given")
		}
		t.first = v.BOS
	}
	if unless(eos, v.AddEOS) {
		if v.EOS < 0 && v.AddEOS != nil {
			return fault.New(fault.Invalid, "add_eos_token is true, but no eos token id is given")
		}
		t.last = v.EOS
	}
	return nil
}

// unless is what the file says, or the usual where it says nothing.
func unless(usual bool, said *bool) bool {
	if said != nil {
		return *said
	}
	return usual
}

// Len is the number of ids: they run from 0 to Len()-1.
func (t *Tokenizer) Len() int { return len(t.vocab.Tokens) }

// Model is the kind of tokenizer, one of Models.
func (t *Tokenizer) Model() string { return t.vocab.Model }

// Pre names the rules by which byte-level BPE cuts text, one of Pres; it means nothing for the other kinds.
func (t *Tokenizer) Pre() string { return t.vocab.Pre }

// BOS begins a sequence; -1 if there is none.
func (t *Tokenizer) BOS() int32 { return t.vocab.BOS }

// EOS ends a sequence; -1 if there is none.
func (t *Tokenizer) EOS() int32 { return t.vocab.EOS }

// EOT ends a turn, where the file names such a token; -1 if it does not.
func (t *Tokenizer) EOT() int32 { return t.vocab.EOT }

// UNK stands for text that no piece covers; -1 if there is none.
func (t *Tokenizer) UNK() int32 { return t.vocab.UNK }

// PAD fills a batch up; -1 if there is none.
func (t *Tokenizer) PAD() int32 { return t.vocab.PAD }

// AddsBOS reports whether Options.BOS puts a token before the text. A chat template that writes the token itself
// must then be encoded without Options.BOS.
func (t *Tokenizer) AddsBOS() bool { return t.first >= 0 }

// Piece is the token's text as the vocabulary spells it ("Ġhello", "▁hello", "<0x0A>"); empty for an id out of range.
func (t *Tokenizer) Piece(id int32) string {
	if !t.valid(id) {
		return ""
	}
	return t.vocab.Tokens[id]
}

// ID is the inverse of Piece.
func (t *Tokenizer) ID(piece string) (int32, bool) {
	id, ok := t.ids[piece]
	return id, ok
}

// Type says how the token comes about; Undefined for an id out of range.
func (t *Tokenizer) Type(id int32) Type {
	if !t.valid(id) {
		return Undefined
	}
	return t.typ(id)
}

// typ is Type for an id known to be in range.
func (t *Tokenizer) typ(id int32) Type {
	if len(t.vocab.Types) == 0 {
		return Normal
	}
	return Type(t.vocab.Types[id])
}

// fromText reports whether plain text may become the token.
func (t *Tokenizer) fromText(id int32) bool {
	switch t.typ(id) {
	case Control, Unknown, Byte:
		return false
	}
	return true
}

func (t *Tokenizer) valid(id int32) bool { return id >= 0 && int(id) < len(t.vocab.Tokens) }

// IsEOG reports whether the token ends a generation.
func (t *Tokenizer) IsEOG(id int32) bool {
	_, ok := slices.BinarySearch(t.eog, id)
	return ok
}

// EOG lists the tokens that end a generation, ascending.
func (t *Tokenizer) EOG() []int32 { return slices.Clone(t.eog) }

// eogTexts are the texts of tokens with which models end an answer or a turn, or leave the file they were to complete.
// Files name one of them as EOS at best.
var eogTexts = []string{
	"<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|end|>", "<|EOT|>", "<EOT>", "_<EOT>",
	"<｜end▁of▁sentence｜>", "<end_of_turn>", "<end_of_utterance>", "<|return|>", "<|call|>", "</s>", "[EOS]", "[EOT]",
	"<|fim_pad|>", "<|repo_name|>", "<|file_sep|>",
}

// endings collects the ids for IsEOG. A text counts only where the file says that it is no ordinary piece.
func (t *Tokenizer) endings() []int32 {
	var ids []int32
	for _, id := range []int32{t.vocab.EOS, t.vocab.EOT, t.vocab.EOM} {
		if id >= 0 {
			ids = append(ids, id)
		}
	}
	for _, text := range eogTexts {
		if id, ok := t.ids[text]; ok && (t.typ(id) == Control || t.typ(id) == UserDefined) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if t.harmony() {
		end := t.ids["<|end|>"]
		ids = slices.DeleteFunc(ids, func(id int32) bool { return id == end && id != t.vocab.EOS })
	}
	return ids
}

// harmony reports gpt-oss's chat format, in which <|end|> closes one message of several and the answer goes on.
func (t *Tokenizer) harmony() bool {
	for _, text := range []string{"<|end|>", "<|return|>", "<|call|>"} {
		if _, ok := t.ids[text]; !ok {
			return false
		}
	}
	return true
}
