package openai

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/weir-project/weir"
)

// Usage is the usage of a request in the API's words.
type Usage struct {
	Prompt     weir.Tokens `json:"prompt_tokens"`
	Completion weir.Tokens `json:"completion_tokens"`
	Total      weir.Tokens `json:"total_tokens"`
	Details    struct {
		Cached weir.Tokens `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
}

// UsageOf converts.
func UsageOf(u weir.Usage) *Usage {
	v := &Usage{Prompt: u.Prompt(), Completion: u.Output, Total: u.Total()}
	v.Details.Cached = u.Cached
	return v
}

// FinishOf is the reason in the API's words why a generation ended.
func FinishOf(end weir.End) string {
	if end == weir.EndLength {
		return "length"
	}
	return "stop"
}

// Answer heads a completion: what every chunk of it repeats.
type Answer struct {
	ID          string `json:"id"`
	Object      string `json:"object"`
	Created     int64  `json:"created"` // Unix seconds
	Model       string `json:"model"`
	Fingerprint string `json:"system_fingerprint,omitempty"`
}

// ChatCompletion is the answer of POST /v1/chat/completions.
type ChatCompletion struct {
	Answer
	Choices []ChatChoice `json:"choices"`
	Usage   *Usage       `json:"usage"`
	Weir    any          `json:"weir,omitempty"`
}

// ChatChoice is the only choice of a ChatCompletion.
type ChatChoice struct {
	Index    int           `json:"index"`
	Message  ChatMessage   `json:"message"`
	Logprobs *ChatLogprobs `json:"logprobs"`
	Finish   string        `json:"finish_reason"`
}

// ChatMessage is what the model said.
type ChatMessage struct {
	Role    string  `json:"role"`
	Content string  `json:"content"`
	Refusal *string `json:"refusal"` // always null
}

// TextCompletion is the answer of POST /v1/completions.
type TextCompletion struct {
	Answer
	Choices []TextChoice `json:"choices"`
	Usage   *Usage       `json:"usage"`
	Weir    any          `json:"weir,omitempty"`
}

// TextChoice is the only choice of a TextCompletion.
type TextChoice struct {
	Index    int           `json:"index"`
	Text     string        `json:"text"`
	Logprobs *TextLogprobs `json:"logprobs"`
	Finish   string        `json:"finish_reason"`
}

// ChatLogprobs are the log-probabilities of a chat answer's tokens.
type ChatLogprobs struct {
	Content []ChatLogprob `json:"content"`
	Refusal []ChatLogprob `json:"refusal"` // always null
}

// ChatLogprob is one token with its rivals.
type ChatLogprob struct {
	Token   string        `json:"token"`
	Logprob float32       `json:"logprob"`
	Bytes   []int         `json:"bytes"`
	Top     []ChatLogprob `json:"top_logprobs,omitzero"`
}

// ChatLogprobsOf converts; nil for none.
func ChatLogprobsOf(tokens []weir.TokenLogprob) *ChatLogprobs {
	if len(tokens) == 0 {
		return nil
	}
	l := &ChatLogprobs{Content: make([]ChatLogprob, len(tokens))}
	for i, t := range tokens {
		l.Content[i] = chatLogprob(t)
		l.Content[i].Top = make([]ChatLogprob, len(t.Top))
		for j, rival := range t.Top {
			l.Content[i].Top[j] = chatLogprob(rival)
		}
	}
	return l
}

func chatLogprob(t weir.TokenLogprob) ChatLogprob {
	c := ChatLogprob{Token: t.Text, Logprob: t.Logprob, Bytes: make([]int, len(t.Bytes))}
	for i, b := range t.Bytes {
		c.Bytes[i] = int(b)
	}
	return c
}

// TextLogprobs are the log-probabilities of a text answer's tokens, column by column.
type TextLogprobs struct {
	Tokens  []string             `json:"tokens"`
	Values  []float32            `json:"token_logprobs"`
	Top     []map[string]float32 `json:"top_logprobs"`
	Offsets []int                `json:"text_offset"` // bytes from the start of the answer
}

// TextLogprobsOf converts; nil for none. offset is where the first token's text begins.
func TextLogprobsOf(tokens []weir.TokenLogprob, offset int) *TextLogprobs {
	if len(tokens) == 0 {
		return nil
	}
	l := &TextLogprobs{}
	for _, t := range tokens {
		top := make(map[string]float32, len(t.Top)+1)
		for _, rival := range t.Top {
			top[rival.Text] = rival.Logprob
		}
		top[t.Text] = t.Logprob
		l.Tokens, l.Values = append(l.Tokens, t.Text), append(l.Values, t.Logprob)
		l.Top, l.Offsets = append(l.Top, top), append(l.Offsets, offset)
		offset += len(t.Bytes)
	}
	return l
}

// ModelList is the answer of GET /v1/models.
type ModelList struct {
	Object string  `json:"object"` // "list"
	Data   []Model `json:"data"`
}

// Model is one model on offer.
type Model struct {
	ID      string `json:"id"`
	Object  string `json:"object"` // "model"
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
	Weir    any    `json:"weir,omitempty"`
}

// Encode writes v as a line of JSON, with text as it is: no escapes for HTML.
func Encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	return b.Bytes(), nil
}
