// Package market is the exchange as a state machine: commands in, events out.
//
// An Exchange composes the ledger, the meter and receipts into the rules of trade: who may
// hold whose money, what a receipt must prove before a hold is captured, where each nano-USD
// of a charge goes. It has no clock, no goroutine and no I/O. Every command carries a
// client-chosen 128-bit id and the exchange's time; Tick is a command too, so a replayed
// journal expires the same holds at the same place and reaches an equal state hash.
//
// A command is accepted whole or changes nothing. The same id with the same body gets the
// first answer, marked as a replay; with another body it is a Conflict. A command whose effect
// is already there (a tenant that is open, a receipt that is settled) is answered as a replay
// as well and writes no event. Errors carry a fault.Kind.
//
// Accounts are named tenant:ID, provider:ID, rail:NAME (where money enters and leaves),
// clearing, fees and rounding. A hold is a pending transfer tenant → clearing. Settling posts
// it for the exact charge and passes the money on to provider, fees and rounding in the same
// chain, so clearing is empty after every command.
//
// Commands, results, events and snapshots encode to JSON and may travel over any bus. A
// Directory is the reader's half: it starts from a snapshot and follows events.
package market

import (
	"crypto/ed25519"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/market/ledger"
	"github.com/weir-project/weir/market/meter"
	"github.com/weir-project/weir/market/receipt"
)

// Bounds on what a command may ask.
const (
	// HoldTimeoutMax is the longest a hold may live, and how long the prices of a closed offer
	// stay good for settling requests that began under them.
	HoldTimeoutMax = 24 * time.Hour
	// HoldTimeoutMin leaves a gateway time to settle.
	HoldTimeoutMin = time.Second
	// NameMax bounds names and texts in bytes.
	NameMax = receipt.NameMax
	// AmountMax bounds one deposit, payout or hold: a billion dollars.
	AmountMax = 1_000_000_000 * weir.USD
)

// Accounts that exist from the start.
const (
	Clearing ledger.Account = "clearing"
	Fees     ledger.Account = "fees"
	Rounding ledger.Account = "rounding"
)

// TenantAccount is where a tenant's money is.
func TenantAccount(id weir.TenantID) ledger.Account { return ledger.Account("tenant:" + id) }

// ProviderAccount is where a provider's earnings are until they are paid out.
func ProviderAccount(id weir.ProviderID) ledger.Account { return ledger.Account("provider:" + id) }

// RailAccount is the outside world as seen through one rail: a bank, a card processor, "manual".
func RailAccount(name string) ledger.Account { return ledger.Account("rail:" + name) }

// Reasons of the exchange's transfers.
const (
	ReasonDeposit  ledger.Reason = "deposit"
	ReasonHold     ledger.Reason = "hold"
	ReasonCapture  ledger.Reason = "capture"
	ReasonPayout   ledger.Reason = "payout" // a provider's share of a charge
	ReasonFee      ledger.Reason = "fee"
	ReasonRounding ledger.Reason = "rounding"
	ReasonVoid     ledger.Reason = "void"
	ReasonRefund   ledger.Reason = "refund"
	ReasonPaid     ledger.Reason = "paid out" // earnings that left through a rail
)

// Tenant is who pays.
type Tenant struct {
	Tenant weir.TenantID `json:"tenant"`
	Opened weir.Instant  `json:"opened"`
}

// Key is an API key as the exchange knows it: its digest, never the key.
type Key struct {
	Key     weir.KeyID    `json:"key"`
	Tenant  weir.TenantID `json:"tenant"`
	Digest  string        `json:"digest"` // 64 lower-case hexadecimal digits
	Name    string        `json:"name,omitempty"`
	Expires weir.Instant  `json:"expires,omitempty"` // 0: never
	Revoked weir.Instant  `json:"revoked,omitempty"` // 0: not revoked
}

// Provider is who sells.
type Provider struct {
	Provider weir.ProviderID `json:"provider"`
	Payout   string          `json:"payout,omitempty"` // where earnings are sent, in the rail's own words
}

// Role says whose signature a key makes.
type Role string

// The roles of a signer.
const (
	RoleNode    Role = "node"    // signs claims; its name is the NodeID
	RoleGateway Role = "gateway" // signs receipts
)

// Signer is a registered public key.
type Signer struct {
	Name     string            `json:"name"`
	Role     Role              `json:"role"`
	Provider weir.ProviderID   `json:"provider,omitempty"` // of a node
	Key      ed25519.PublicKey `json:"key"`
}

// PostedOffer is an offer with the version under which its prices are known. Each change of an
// offer gets a new version; versions are unique over all offers.
type PostedOffer struct {
	weir.Offer
	Version uint64 `json:"version"`
}

// Hold is money set aside for one request.
type Hold struct {
	Hold     weir.ID         `json:"hold"` // id of the command that took it, and of its pending transfer
	Request  weir.ID         `json:"request"`
	Tenant   weir.TenantID   `json:"tenant"`
	Key      weir.KeyID      `json:"key,omitempty"`
	Amount   weir.Nano       `json:"amount"`
	Deadline weir.Instant    `json:"deadline"` // from here on it cannot be captured
	State    HoldState       `json:"state"`
	Receipt  weir.ID         `json:"receipt,omitzero"` // that captured it
	Captured weir.Nano       `json:"captured,omitempty"`
	Refunded weir.Nano       `json:"refunded,omitempty"`
	Provider weir.ProviderID `json:"provider,omitempty"` // who was paid
}

// HoldState is where a hold stands. It leaves HoldOpen once and never returns.
type HoldState string

// The states of a hold.
const (
	HoldOpen     HoldState = "open"
	HoldCaptured HoldState = "captured"
	HoldVoided   HoldState = "voided"
	HoldExpired  HoldState = "expired"
)

// Settlement is what became of a receipt.
type Settlement struct {
	Hold     weir.ID     `json:"hold"`
	Receipt  weir.ID     `json:"receipt"`
	Charge   meter.Pico  `json:"charge"` // exact
	Split    meter.Split `json:"split"`
	Released weir.Nano   `json:"released"` // of the hold
	Disputed bool        `json:"disputed,omitempty"`
	// Excess is what the node's claim would have cost above the charge. It is not paid.
	Excess weir.Nano `json:"excess,omitempty"`
}
