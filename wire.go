package weir

import (
	"encoding/json"
	"time"
)

// The node's HTTP API, spoken by gateways inside a site. Paths are relative to Heartbeat.URL;
// the gateway authenticates with the bearer token that the pool handed to both.
const (
	PathGenerate = "/node/v1/generate" // POST GenerateRequest → NDJSON of GenerateEvent
	PathCancel   = "/node/v1/cancel/"  // POST +ID → the request's last GenerateEvent
	PathVocab    = "/node/v1/vocab/"   // GET +model → GGUF file without tensors
)

// Sampling says how logits become a token. The zero value is greedy.
type Sampling struct {
	Temperature      float32           `json:"temperature,omitempty"` // 0: greedy
	TopK             int               `json:"top_k,omitempty"`       // 0: off
	TopP             float32           `json:"top_p,omitempty"`       // 0 or 1: off
	MinP             float32           `json:"min_p,omitempty"`       // 0: off
	RepeatPenalty    float32           `json:"repeat_penalty,omitempty"`
	FrequencyPenalty float32           `json:"frequency_penalty,omitempty"`
	PresencePenalty  float32           `json:"presence_penalty,omitempty"`
	PenaltyWindow    int               `json:"penalty_window,omitempty"` // last tokens that count; 0: all generated
	LogitBias        map[int32]float32 `json:"logit_bias,omitempty"`
	Seed             uint64            `json:"seed,omitempty"`
}

// Wish asks a node's intent model for an order. Now is local time without a zone.
type Wish struct {
	Text string `json:"text"`
	Now  string `json:"now"` // 2006-01-02T15:04
}

// GenerateRequest is one generation on a node. The prompt is already rendered and tokenised:
// the gateway did both to price the request.
type GenerateRequest struct {
	ID        ID              `json:"id"`
	Hold      ID              `json:"hold"`
	Model     string          `json:"model"`
	Digest    string          `json:"digest,omitempty"` // refuse if the node serves another file under the name
	Prompt    []int32         `json:"prompt"`
	MaxTokens Tokens          `json:"max_tokens"`
	Sampling  Sampling        `json:"sampling"`
	Stop      []string        `json:"stop,omitempty"`
	Logprobs  bool            `json:"logprobs,omitempty"`
	Top       int             `json:"top,omitempty"`    // alternatives per token, 0..20
	Schema    json.RawMessage `json:"schema,omitempty"` // JSON Schema the text must follow
	Wish      *Wish           `json:"wish,omitempty"`   // intent model only; Prompt is then its prompt
	Timeout   time.Duration   `json:"timeout,omitempty"`
}

// TokenLogprob is the natural logarithm of the probability of a token, and of its rivals.
type TokenLogprob struct {
	ID      int32          `json:"id"`
	Text    string         `json:"text"`
	Bytes   []byte         `json:"bytes"`
	Logprob float32        `json:"logprob"`
	Top     []TokenLogprob `json:"top,omitempty"`
}

// GenerateEvent is one line of a generation. Every event but the last carries tokens, text
// or both; the last has End set, or Error.
type GenerateEvent struct {
	Tokens   []int32        `json:"tokens,omitempty"`
	Text     string         `json:"text,omitempty"` // complete UTF-8; may lag behind Tokens
	Logprobs []TokenLogprob `json:"logprobs,omitempty"`
	End      End            `json:"end,omitempty"`
	Claim    *SignedClaim   `json:"claim,omitempty"`
	Error    *WireError     `json:"error,omitempty"`
}

// Claim is what a node says one request used.
type Claim struct {
	Request  ID            `json:"request"`
	Hold     ID            `json:"hold"`
	Node     NodeID        `json:"node"`
	Model    string        `json:"model"`
	Digest   string        `json:"digest"`
	Usage    Usage         `json:"usage"`
	End      End           `json:"end"`
	TTFT     time.Duration `json:"ttft"`
	Duration time.Duration `json:"duration"`
}

// SignedClaim is a claim's canonical bytes with the node's ed25519 signature over them.
type SignedClaim struct {
	Claim     json.RawMessage `json:"claim"`
	Signature []byte          `json:"signature"`
}

// WireError is an error on its way to another process.
type WireError struct {
	Kind    string `json:"kind"` // a fault.Kind's name
	Message string `json:"message"`
}
