package openai

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/weir-project/weir"
)

// Chunks writes the events of one streamed answer, each a whole server-sent event. The parts
// that repeat are encoded once. A Chunks belongs to one answer.
type Chunks struct {
	head   []byte // `data: {"id":…,"model":…`
	text   bool   // a text completion, not a chat
	usage  bool   // every chunk has a usage field, null but in the last
	offset int    // bytes of text so far
}

// The object names of chunks.
const (
	objectChat  = "chat.completion"
	objectChunk = "chat.completion.chunk"
	objectText  = "text_completion"
)

// NewAnswer heads a whole answer.
func NewAnswer(id string, chat bool, created int64, model, fingerprint string) Answer {
	a := Answer{ID: "cmpl-" + id, Object: objectText, Created: created, Model: model, Fingerprint: fingerprint}
	if chat {
		a.ID, a.Object = "chatcmpl-"+id, objectChat
	}
	return a
}

// NewChunks begins the stream of an answer. usage says that the client asked for it.
func NewChunks(a Answer, usage bool) (*Chunks, error) {
	c := &Chunks{text: a.Object == objectText, usage: usage}
	if !c.text {
		a.Object = objectChunk
	}
	head, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	c.head = append(append(c.head, "data: "...), head[:len(head)-1]...)
	return c, nil
}

// Role is the first chunk of a chat; a text completion has none.
func (c *Chunks) Role(dst []byte) []byte {
	if c.text {
		return dst
	}
	return c.tail(append(c.open(dst), `{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}`...))
}

// Content is a chunk of text with the log-probabilities of its tokens, if there are any.
func (c *Chunks) Content(dst []byte, text string, tokens []weir.TokenLogprob) []byte {
	dst = c.open(dst)
	if c.text {
		dst = AppendString(append(dst, `{"index":0,"text":`...), text)
	} else {
		dst = AppendString(append(dst, `{"index":0,"delta":{"content":`...), text)
		dst = append(dst, '}')
	}
	dst = append(dst, `,"logprobs":`...)
	dst = c.logprobs(dst, tokens)
	return c.tail(append(dst, `,"finish_reason":null}`...))
}

func (c *Chunks) logprobs(dst []byte, tokens []weir.TokenLogprob) []byte {
	if len(tokens) == 0 {
		return append(dst, "null"...)
	}
	var v any = ChatLogprobsOf(tokens)
	if c.text {
		v = TextLogprobsOf(tokens, c.offset)
		for _, t := range tokens {
			c.offset += len(t.Bytes)
		}
	}
	b, err := json.Marshal(v)
	if err != nil { // a log-probability that is no number
		return append(dst, "null"...)
	}
	return append(dst, b...)
}

// Finish is the chunk that says why the text ends.
func (c *Chunks) Finish(dst []byte, end weir.End) []byte {
	if c.text {
		dst = append(c.open(dst), `{"index":0,"text":""`...)
	} else {
		dst = append(c.open(dst), `{"index":0,"delta":{}`...)
	}
	dst = append(dst, `,"logprobs":null,"finish_reason":"`...)
	dst = append(dst, FinishOf(end)...)
	return c.tail(append(dst, `"}`...))
}

// Summary is the chunk without choices that ends a stream: usage if it was asked for, and
// Weir's own account, nil for none.
func (c *Chunks) Summary(dst []byte, u weir.Usage, account any) ([]byte, error) {
	dst = append(append(dst, c.head...), `,"choices":[]`...)
	if c.usage {
		b, err := json.Marshal(UsageOf(u))
		if err != nil {
			return dst, err
		}
		dst = append(append(dst, `,"usage":`...), b...)
	}
	if account != nil {
		b, err := json.Marshal(account)
		if err != nil {
			return dst, err
		}
		dst = append(append(dst, `,"weir":`...), b...)
	}
	return append(dst, "}\n\n"...), nil
}

// Done is the end mark.
func Done(dst []byte) []byte { return append(dst, "data: [DONE]\n\n"...) }

// Failed is an error within a stream. No end mark may follow it.
func Failed(dst []byte, e *Error) []byte {
	b, err := json.Marshal(e)
	if err != nil { // strings alone: it cannot fail
		b = []byte(`{"error":{"message":"internal error","type":"server_error","param":null,"code":null}}`)
	}
	return append(append(append(dst, "data: "...), b...), "\n\n"...)
}

func (c *Chunks) open(dst []byte) []byte {
	return append(append(dst, c.head...), `,"choices":[`...)
}

func (c *Chunks) tail(dst []byte) []byte {
	dst = append(dst, ']')
	if c.usage {
		dst = append(dst, `,"usage":null`...)
	}
	return append(dst, "}\n\n"...)
}

// AppendString appends s as a JSON string. What is not UTF-8 becomes U+FFFD.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		b := s[i]
		if b < utf8.RuneSelf {
			if b >= ' ' && b != '"' && b != '\\' {
				i++
				continue
			}
			dst = append(dst, s[start:i]...)
			dst = appendEscape(dst, b)
			i++
			start = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			dst = append(append(dst, s[start:i]...), "\uFFFD"...)
			start = i + n
		}
		i += n
	}
	return append(append(dst, s[start:]...), '"')
}

func appendEscape(dst []byte, b byte) []byte {
	switch b {
	case '"', '\\':
		return append(dst, '\\', b)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	if b < 0x10 {
		dst = append(dst, `\u000`...)
	} else {
		dst = append(dst, `\u00`...)
	}
	return strconv.AppendUint(dst, uint64(b), 16)
}
