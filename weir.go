// Package weir is the vocabulary of a computing power network: the nouns that every other
// package speaks, as types, and nothing that decides.
//
// Money, prices, tokens, bytes, rates and time never share a Go type, so the compiler
// catches a swap. Identifiers that a person chooses (tenant, site, node, model) are
// strings; identifiers that must be unique without asking anyone are 128-bit IDs and
// double as idempotency keys. The package imports the standard library alone and knows
// no clock: an Instant is always an argument.
package weir

import (
	"encoding/hex"
	"fmt"
	"time"
)

// ID is a client-chosen 128-bit identifier. Whoever repeats a command repeats its ID, and
// gets the first answer again. The zero ID means "none" and is refused as a command's ID.
type ID [16]byte

// ParseID reads the 32 hexadecimal digits that ID.String prints.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != 2*len(id) {
		return id, fmt.Errorf("id %q: want 32 hexadecimal digits, got %d characters", s, len(s))
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return ID{}, fmt.Errorf("id %q: want 32 hexadecimal digits: %w", s, err)
	}
	return id, nil
}

// String prints id as 32 lower-case hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether id is the absent one.
func (id ID) IsZero() bool { return id == ID{} }

// MarshalText prints id for JSON and other text formats.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText prints; empty text is the zero ID.
func (id *ID) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*id = ID{}
		return nil
	}
	v, err := ParseID(string(text))
	if err != nil {
		return err
	}
	*id = v
	return nil
}

// Names that people and configuration files choose.
type (
	TenantID   string // who pays
	ProviderID string // who sells
	SiteID     string // a place: failure and residency domain
	NodeID     string // one running agent on one machine
	OfferID    string // a standing ask
	KeyID      string // the public part of an API key
)

// Instant is a point in time in nanoseconds since the Unix epoch, on the exchange's clock.
type Instant int64

// InstantOf converts a wall-clock time; only shells call it.
func InstantOf(t time.Time) Instant { return Instant(t.UnixNano()) }

// Time converts back for printing.
func (t Instant) Time() time.Time { return time.Unix(0, int64(t)).UTC() }

// String prints t in UTC, to the fraction of a second that it needs.
func (t Instant) String() string { return t.Time().Format(time.RFC3339Nano) }

// Add returns the instant d later.
func (t Instant) Add(d time.Duration) Instant { return t + Instant(d) }

// Sub returns the time that passed since u.
func (t Instant) Sub(u Instant) time.Duration { return time.Duration(t - u) }

// Tokens counts tokens of one model's tokenizer.
type Tokens int64

// Usage is what one request consumed. Input counts prompt tokens that had to be computed,
// Cached those found in a prefix cache; the prompt's length is their sum.
type Usage struct {
	Input  Tokens `json:"input"`
	Cached Tokens `json:"cached"`
	Output Tokens `json:"output"`
}

// Prompt is the length of the prompt.
func (u Usage) Prompt() Tokens { return u.Input + u.Cached }

// Total is the number of tokens that passed through the model.
func (u Usage) Total() Tokens { return u.Input + u.Cached + u.Output }

// Offer is a provider's standing ask: a model at one node, at a price.
type Offer struct {
	ID       OfferID    `json:"id"`
	Provider ProviderID `json:"provider"`
	Site     SiteID     `json:"site"`
	Node     NodeID     `json:"node"`
	Model    string     `json:"model"`
	Digest   string     `json:"digest,omitempty"` // of the model file
	Prices   Prices     `json:"prices"`
	Context  Tokens     `json:"context"` // longest prompt plus output
	Streams  int        `json:"streams"` // requests served at once
	Expires  Instant    `json:"expires"` // 0: until withdrawn
}

// ModelCard says what a node can run.
type ModelCard struct {
	Name    string `json:"name"`
	Digest  string `json:"digest"` // of the GGUF header and tensor table, hex SHA-256
	Arch    string `json:"arch"`
	Params  int64  `json:"params"`
	Bytes   int64  `json:"bytes"`
	Context Tokens `json:"context"`
	// Vocabulary is the digest of the tokenizer metadata that GET /node/v1/vocab/NAME serves.
	Vocabulary string `json:"vocabulary"`
	Prices     Prices `json:"prices"`
}

// DeviceCard is what a node measured of its machine. All rates are per second.
type DeviceCard struct {
	CPU           string             `json:"cpu"`
	Cores         int                `json:"cores"`
	MemoryBytes   int64              `json:"memory_bytes"`
	Kernels       string             `json:"kernels"`        // chosen instruction set
	ReadBandwidth float64            `json:"read_bandwidth"` // bytes/s, all cores
	Int8Rate      float64            `json:"int8_rate"`      // int8 operations/s in GEMM, multiply-add counts 2
	DecodeRate    map[string]float64 `json:"decode_rate"`    // model → tokens/s, one stream
	PrefillRate   map[string]float64 `json:"prefill_rate"`   // model → tokens/s
	Measured      Instant            `json:"measured"`
}

// Load is how busy a node is.
type Load struct {
	Active int `json:"active"` // requests running
	Queued int `json:"queued"` // requests waiting for a slot
	Slots  int `json:"slots"`  // requests that may run at once
}

// Heartbeat is what a node tells the pool every HeartbeatEvery. A node that is silent for
// HeartbeatLost is gone.
type Heartbeat struct {
	Node      NodeID      `json:"node"`
	Site      SiteID      `json:"site"`
	Provider  ProviderID  `json:"provider"`
	URL       string      `json:"url"`        // where the gateway reaches the node's HTTP API
	PublicKey []byte      `json:"public_key"` // ed25519, signs receipts
	Epoch     ID          `json:"epoch"`      // new at each process start
	Seq       uint64      `json:"seq"`        // grows within an epoch
	Models    []ModelCard `json:"models"`
	Card      *DeviceCard `json:"card,omitempty"`
	Load      Load        `json:"load"`
	Draining  bool        `json:"draining,omitempty"`
	Leaving   bool        `json:"leaving,omitempty"` // last words
}

// Heartbeat timing. Lost is three missed beats and a margin for a slow scheduler.
const (
	HeartbeatEvery = time.Second
	HeartbeatLost  = 3500 * time.Millisecond
)

// End says how a request ended.
type End string

// The ways a request ends; SITES-GATEWAY section 7 has the price of each.
const (
	EndStop      End = "stop"      // the model finished or a stop string matched
	EndLength    End = "length"    // max_tokens or the context was reached
	EndCancelled End = "cancelled" // the client went away
	EndFailed    End = "failed"    // node or line failed after the first token
)
