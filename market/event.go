package market

import (
	"github.com/weir-project/weir"
	"github.com/weir-project/weir/market/ledger"
	"github.com/weir-project/weir/market/receipt"
)

// Event is one consequence of an accepted command. Exactly one of the pointers is set. Events
// are numbered from 1 without a gap; a reader that misses a number takes a new snapshot.
type Event struct {
	Seq     uint64       `json:"seq"`
	At      weir.Instant `json:"at"`
	Command weir.ID      `json:"command"`

	TenantOpened       *Tenant      `json:"tenant_opened,omitempty"`
	KeyAdded           *Key         `json:"key_added,omitempty"`
	KeyRevoked         *Key         `json:"key_revoked,omitempty"`
	Deposited          *Deposit     `json:"deposited,omitempty"`
	ProviderRegistered *Provider    `json:"provider_registered,omitempty"`
	SignerRegistered   *Signer      `json:"signer_registered,omitempty"`
	OfferPosted        *PostedOffer `json:"offer_posted,omitempty"`
	OfferClosed        *OfferClosed `json:"offer_closed,omitempty"`
	Held               *Hold        `json:"held,omitempty"`
	Settled            *Settled     `json:"settled,omitempty"`
	Released           *Hold        `json:"released,omitempty"` // voided or expired
	Refunded           *Refunded    `json:"refunded,omitempty"`
	PaidOut            *Payout      `json:"paid_out,omitempty"`
	FeeSet             *SetFee      `json:"fee_set,omitempty"`

	// Entries are the ledger entries the event booked, Balances the accounts they touched,
	// as they stand after it.
	Entries  []ledger.Entry   `json:"entries,omitempty"`
	Balances []ledger.Balance `json:"balances,omitempty"`
}

// OfferClosed says that an offer is gone, and why: "withdrawn" or "expired".
type OfferClosed struct {
	Offer   weir.OfferID `json:"offer"`
	Version uint64       `json:"version"`
	Reason  string       `json:"reason"`
}

// Settled is a captured hold with the receipt that captured it.
type Settled struct {
	Settlement
	Tenant   weir.TenantID     `json:"tenant"`
	Provider weir.ProviderID   `json:"provider"`
	Document receipt.Receipt   `json:"document"`
	Facts    receipt.Statement `json:"-"` // Document's statement, for readers in process
}

// Refunded is a refund as booked.
type Refunded struct {
	Hold   weir.ID   `json:"hold"`
	Amount weir.Nano `json:"amount"`
	Reason string    `json:"reason"`
	Total  weir.Nano `json:"total"` // of all refunds of the hold
}

// Snapshot is the exchange's state without its history, as of event Seq.
type Snapshot struct {
	Seq       uint64           `json:"seq"`
	At        weir.Instant     `json:"at"`
	Fee       int              `json:"fee"` // basis points
	Tenants   []Tenant         `json:"tenants"`
	Keys      []Key            `json:"keys"`
	Providers []Provider       `json:"providers"`
	Signers   []Signer         `json:"signers"`
	Offers    []PostedOffer    `json:"offers"`
	Holds     []Hold           `json:"holds"` // open ones
	Balances  []ledger.Balance `json:"balances"`
}
