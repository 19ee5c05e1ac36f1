package intent

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/weir-project/weir/engine/token"
	"github.com/weir-project/weir/models/intent/quantity"
)

// Tokenizer is what the package needs of a model's tokenizer; *token.Tokenizer of engine/token has it.
type Tokenizer interface {
	// AppendEncode appends the ids of text.
	AppendEncode(dst []int32, text string, opt token.Options) []int32
	// ID returns the id of the vocabulary entry that is spelled piece.
	ID(piece string) (int32, bool)
	// Bytes returns the text that id stands for.
	Bytes(id int32) string
	// Len is the size of the vocabulary.
	Len() int
}

// The values that application and isolation can take.
var (
	applications = []string{
		"v2x", "industrial", "inspection", "video", "medical", "government", "finance", "energy", "retail", "education",
		"bulk", "chat",
	}
	isolations = []string{"shared", "rate", "hard", "dedicated"}
	kinds      = []string{Slice, Compute, Bundle, Unclear}
	classes    = []string{"what", "how_much", "which", "price"}
)

// role is what a token does in a form.
type role uint8

const (
	plain   role = iota // text of the wish
	place               // a placeholder
	kindTok             // arg indexes kinds
	classTok
	appTok
	isoTok
	fieldTok // a field that takes a value or a span; its stage says which
	localTok // arg 1 yes, 0 no
	eachTok
	hourlyTok
	bosTok
	orderTok
	eosTok
)

// stage numbers the parts of a form in the order they must come. Uplink and "both" share one, as do end and duration.
type stage int8

const (
	atKind stage = iota
	atApp
	atSite
	atDevices
	atUp
	atDown
	atLatency
	atAvailable
	atIsolation
	atStart
	atEnd
	atModel
	atStreams
	atTokenRate
	atFirstToken
	atBudget
	atLocal
	atDone
)

// special is the meaning of a special token.
type special struct {
	role  role
	stage stage
	arg   int8 // index into kinds, classes, applications or isolations; 1 for yes
	both  bool // <both>
	dur   bool // <dur>
	place value
}

// value names a placeholder.
type value struct {
	kind  quantity.Kind
	index int8
}

type named struct {
	name string
	special
}

// specials lists every special token of the model with its meaning, in the order of the vocabulary.
var specials = buildSpecials()

func buildSpecials() []named {
	s := []named{
		{"<bos>", special{role: bosTok}},
		{"<eos>", special{role: eosTok, stage: atDone}},
		{"<order>", special{role: orderTok}},
	}
	add := func(name string, sp special) { s = append(s, named{name, sp}) }
	list := func(prefix string, names []string, r role, at stage) {
		for i, n := range names {
			add("<"+prefix+n+">", special{role: r, stage: at, arg: int8(i)})
		}
	}
	list("", kinds, kindTok, atKind)
	list("q:", classes, classTok, atDone)
	list("app:", applications, appTok, atApp)
	list("iso:", isolations, isoTok, atIsolation)
	add("<site>", special{role: fieldTok, stage: atSite})
	add("<dev>", special{role: fieldTok, stage: atDevices})
	add("<both>", special{role: fieldTok, stage: atUp, both: true})
	add("<up>", special{role: fieldTok, stage: atUp})
	add("<down>", special{role: fieldTok, stage: atDown})
	add("<each>", special{role: eachTok})
	add("<lat>", special{role: fieldTok, stage: atLatency})
	add("<avail>", special{role: fieldTok, stage: atAvailable})
	add("<start>", special{role: fieldTok, stage: atStart})
	add("<end>", special{role: fieldTok, stage: atEnd})
	add("<dur>", special{role: fieldTok, stage: atEnd, dur: true})
	add("<model>", special{role: fieldTok, stage: atModel})
	add("<streams>", special{role: fieldTok, stage: atStreams})
	add("<tps>", special{role: fieldTok, stage: atTokenRate})
	add("<ttft>", special{role: fieldTok, stage: atFirstToken})
	add("<budget>", special{role: fieldTok, stage: atBudget})
	add("<hourly>", special{role: hourlyTok})
	add("<local:yes>", special{role: localTok, stage: atLocal, arg: 1})
	add("<local:no>", special{role: localTok, stage: atLocal})
	for k := range quantity.NumKinds {
		for i := 1; i <= quantity.MaxIndex; i++ {
			p := quantity.Placeholder{Kind: quantity.Kind(k), Index: i}
			add(p.Token(), special{role: place, place: value{p.Kind, int8(i)}})
		}
	}
	return s
}

// Specials returns the names of the special tokens that a model's vocabulary must hold, as whole entries that no text
// is ever encoded to.
func Specials() []string {
	names := make([]string, len(specials))
	for i, s := range specials {
		names[i] = s.name
	}
	return names
}

// Vocab knows the special tokens of one model's vocabulary. It does not change after NewVocab.
type Vocab struct {
	tok    Tokenizer
	ids    []int32           // by index into specials
	byID   map[int32]special // special tokens only
	fields []int32           // tokens that may follow a finished part, by ascending stage
	places map[value]int32
	bos    int32
	order  int32
	eos    int32
}

// NewVocab looks up the special tokens. It fails when the vocabulary lacks one.
func NewVocab(tok Tokenizer) (*Vocab, error) {
	v := &Vocab{tok: tok, byID: make(map[int32]special, len(specials)), places: make(map[value]int32)}
	for _, s := range specials {
		id, ok := tok.ID(s.name)
		if !ok || id < 0 || int(id) >= tok.Len() {
			return nil, fmt.Errorf("intent vocabulary: no token %s", s.name)
		}
		if _, double := v.byID[id]; double {
			return nil, fmt.Errorf("intent vocabulary: token %s shares id %d", s.name, id)
		}
		v.ids = append(v.ids, id)
		v.byID[id] = s.special
		switch s.role {
		case place:
			v.places[s.place] = id
		case bosTok:
			v.bos = id
		case orderTok:
			v.order = id
		case eosTok:
			v.eos = id
		case appTok, isoTok, fieldTok, localTok:
			v.fields = append(v.fields, id)
		}
	}
	return v, nil
}

// Nameable reports whether a token of a wish may be part of a name: of the quantities only bare numbers may.
func (v *Vocab) Nameable(id int32) bool {
	s, ok := v.byID[id]
	return !ok || s.role == place && s.place.kind == quantity.Num
}

// EOS is the id that ends a form.
func (v *Vocab) EOS() int32 { return v.eos }

// Prompt is a wish as the model sees it, with the way back from its tokens to the wish.
type Prompt struct {
	IDs     []int32 // <bos>, the wish, <bos>, the wish again, <order>
	Reading quantity.Reading

	words []int32     // the tokens of the wish
	spans []byteRange // original bytes of each of words
}

type byteRange struct{ start, end int32 }

// Prompt reads the wish and encodes it: text by the model's own vocabulary, each quantity as its placeholder token.
//
// The model reads the wish twice: attention is causal, so only in the second reading does a number know the words that
// come after it (Springer et al. 2024, "Repetition Improves Language Model Embeddings").
func (v *Vocab) Prompt(wish string) *Prompt {
	p := &Prompt{Reading: quantity.Read(wish)}
	var ids []int32
	for _, g := range p.Reading.Segments {
		if q := g.Placeholder; q != nil {
			p.add(v.places[value{q.Kind, int8(q.Index)}], g.Start, g.End)
			continue
		}
		ids = v.addText(p, ids[:0], g)
	}
	p.IDs = make([]int32, 0, 2*len(p.words)+3)
	p.IDs = append(append(p.IDs, v.bos), p.words...)
	p.IDs = append(append(p.IDs, v.bos), p.words...)
	p.IDs = append(p.IDs, v.order)
	return p
}

// addText appends the tokens of a text segment. It returns ids, which it uses as scratch space.
func (v *Vocab) addText(p *Prompt, ids []int32, g quantity.Segment) []int32 {
	ids = v.encode(ids, g.Text)
	pos := 0
	for _, id := range ids {
		pos += len(v.tok.Bytes(id))
	}
	if pos == len(g.Text) {
		pos = 0
		for _, id := range ids {
			n := len(v.tok.Bytes(id))
			start, end := g.Range(pos, pos+n)
			p.add(id, start, end)
			pos += n
		}
		return ids
	}
	// The tokenizer changed the text (it may normalise Unicode): by single characters the way back is kept.
	for i, r := range g.Text {
		start, end := g.Range(i, i+utf8.RuneLen(r))
		ids = v.encode(ids[:0], string(r))
		for _, id := range ids {
			p.add(id, start, end)
		}
	}
	return ids
}

// wordStart reports whether the token at pos may begin a name.
func (p *Prompt) wordStart(pos int) bool {
	return !InsideWord(p.Reading.Original, int(p.spans[pos].start))
}

// wordEnd reports whether the token at pos may end a name.
func (p *Prompt) wordEnd(pos int) bool { return !InsideWord(p.Reading.Original, int(p.spans[pos].end)) }

// InsideWord reports whether a word of Latin letters or digits goes on over offset i of text: no name begins or ends there.
func InsideWord(text string, i int) bool {
	return i > 0 && i < len(text) && isWord(text[i]) && isWord(text[i-1])
}

func isWord(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func (p *Prompt) add(id int32, start, end int) {
	p.words = append(p.words, id)
	p.spans = append(p.spans, byteRange{int32(start), int32(end)})
}

// encode appends the ids of plain text. Text that spells a special token is cut inside it, for a tokenizer that
// obeys user-defined entries everywhere.
func (v *Vocab) encode(dst []int32, text string) []int32 {
	for {
		i := spelled(text)
		if i < 0 {
			return v.tok.AppendEncode(dst, text, token.Options{})
		}
		dst = v.tok.AppendEncode(dst, text[:i+1], token.Options{})
		text = text[i+1:]
	}
}

// spelled returns where the first name of a special token starts in text, or -1.
func spelled(text string) int {
	for i := 0; i < len(text); i++ {
		if text[i] != '<' {
			continue
		}
		for _, s := range specials {
			if strings.HasPrefix(text[i:], s.name) {
				return i
			}
		}
	}
	return -1
}
