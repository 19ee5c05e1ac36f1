package market

import (
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market/receipt"
)

// Command asks the exchange for one change. Exactly one of the pointers is set.
type Command struct {
	// ID is chosen by the client and is the idempotency key. A Hold's ID names the hold.
	ID weir.ID `json:"id"`
	// At is the exchange's time. The shell stamps it; what a client sends is overwritten.
	At weir.Instant `json:"at,omitempty"`

	OpenTenant       *OpenTenant       `json:"open_tenant,omitempty"`
	AddKey           *AddKey           `json:"add_key,omitempty"`
	RevokeKey        *RevokeKey        `json:"revoke_key,omitempty"`
	Deposit          *Deposit          `json:"deposit,omitempty"`
	RegisterProvider *RegisterProvider `json:"register_provider,omitempty"`
	RegisterSigner   *RegisterSigner   `json:"register_signer,omitempty"`
	PostOffer        *PostOffer        `json:"post_offer,omitempty"`
	WithdrawOffer    *WithdrawOffer    `json:"withdraw_offer,omitempty"`
	Hold             *TakeHold         `json:"hold,omitempty"`
	Settle           *Settle           `json:"settle,omitempty"`
	Void             *Void             `json:"void,omitempty"`
	Refund           *Refund           `json:"refund,omitempty"`
	Payout           *Payout           `json:"payout,omitempty"`
	SetFee           *SetFee           `json:"set_fee,omitempty"`
	Tick             *Tick             `json:"tick,omitempty"`
}

// OpenTenant opens a tenant and its account.
type OpenTenant struct {
	Tenant weir.TenantID `json:"tenant"`
}

// AddKey lets whoever has the key with this digest spend the tenant's money.
type AddKey struct {
	Key     weir.KeyID    `json:"key"`
	Tenant  weir.TenantID `json:"tenant"`
	Digest  string        `json:"digest"` // 64 lower-case hexadecimal digits, e.g. HMAC-SHA-256 of the key
	Name    string        `json:"name,omitempty"`
	Expires weir.Instant  `json:"expires,omitempty"` // 0: never
}

// RevokeKey ends a key. Holds taken with it stay good.
type RevokeKey struct {
	Key weir.KeyID `json:"key"`
}

// Deposit brings money in through a rail.
type Deposit struct {
	Tenant    weir.TenantID `json:"tenant"`
	Amount    weir.Nano     `json:"amount"`
	Rail      string        `json:"rail"` // "manual", a bank, a card processor
	Reference string        `json:"reference,omitempty"`
}

// RegisterProvider opens a provider and its account, or changes where it is paid.
type RegisterProvider struct {
	Provider weir.ProviderID `json:"provider"`
	Payout   string          `json:"payout,omitempty"`
}

// RegisterSigner makes a public key known. Another key under a known name is a Conflict
// unless Replace says that this is meant.
type RegisterSigner struct {
	Signer
	Replace bool `json:"replace,omitempty"`
}

// PostOffer posts an offer or changes it; a change gets a new version.
type PostOffer struct {
	Offer weir.Offer `json:"offer"`
}

// WithdrawOffer takes an offer back. Requests that began under it settle at its prices.
type WithdrawOffer struct {
	Offer weir.OfferID `json:"offer"`
}

// TakeHold sets the worst case of a request aside. The hold's id is the command's ID.
type TakeHold struct {
	Tenant  weir.TenantID `json:"tenant"`
	Key     weir.KeyID    `json:"key,omitempty"` // "": taken by an operator
	Request weir.ID       `json:"request"`
	Amount  weir.Nano     `json:"amount"`
	Timeout time.Duration `json:"timeout"`
}

// Settle captures a hold by the receipt of its request.
type Settle struct {
	Receipt receipt.Receipt `json:"receipt"`
}

// Void releases a hold whose request cost nothing.
type Void struct {
	Hold   weir.ID `json:"hold"`
	Reason string  `json:"reason,omitempty"`
}

// Refund takes back a part of what a hold captured, from its provider, by a new entry.
type Refund struct {
	Hold   weir.ID   `json:"hold"`
	Amount weir.Nano `json:"amount"`
	Reason string    `json:"reason"`
}

// Payout sends a provider's earnings out through a rail.
type Payout struct {
	Provider  weir.ProviderID `json:"provider"`
	Amount    weir.Nano       `json:"amount"`
	Rail      string          `json:"rail"`
	Reference string          `json:"reference,omitempty"`
}

// SetFee sets the exchange's share of charges settled from now on.
type SetFee struct {
	BasisPoints int `json:"basis_points"`
}

// Tick expires what is due at the command's time. It needs no id.
type Tick struct{}

// Kind names what the command asks, "" unless exactly one thing is asked.
func (c Command) Kind() string {
	kind, n := "", 0
	for _, part := range []struct {
		name string
		set  bool
	}{
		{"open_tenant", c.OpenTenant != nil},
		{"add_key", c.AddKey != nil},
		{"revoke_key", c.RevokeKey != nil},
		{"deposit", c.Deposit != nil},
		{"register_provider", c.RegisterProvider != nil},
		{"register_signer", c.RegisterSigner != nil},
		{"post_offer", c.PostOffer != nil},
		{"withdraw_offer", c.WithdrawOffer != nil},
		{"hold", c.Hold != nil},
		{"settle", c.Settle != nil},
		{"void", c.Void != nil},
		{"refund", c.Refund != nil},
		{"payout", c.Payout != nil},
		{"set_fee", c.SetFee != nil},
		{"tick", c.Tick != nil},
	} {
		if part.set {
			kind, n = part.name, n+1
		}
	}
	if n != 1 {
		return ""
	}
	return kind
}

// Result is the exchange's answer to an accepted command. Fields beyond the first three are
// set by the commands that they name.
type Result struct {
	Seq    uint64       `json:"seq"`              // of the command, from 1, gap-free; 0 if it changed nothing
	At     weir.Instant `json:"at"`               // when it was first accepted
	Replay bool         `json:"replay,omitempty"` // accepted or fulfilled before; nothing was done now

	Version    uint64       `json:"version,omitempty"`    // post_offer
	Deadline   weir.Instant `json:"deadline,omitempty"`   // hold
	Settlement *Settlement  `json:"settlement,omitempty"` // settle
	Released   weir.Nano    `json:"released,omitempty"`   // void
	Expired    int          `json:"expired,omitempty"`    // tick: holds and offers that ended
}

// unknownKind is the error for a command that asks nothing, or more than one thing.
func unknownKind(c Command) error {
	return fault.New(fault.Invalid, "command %s: want exactly one of open_tenant, add_key, revoke_key, deposit, register_provider, register_signer, post_offer, withdraw_offer, hold, settle, void, refund, payout, set_fee, tick", c.ID)
}
