// Package receipt makes and checks the countersigned statement of what one request used and
// cost.
//
// The node signs its Claim: what it says the request used. The gateway counts for itself,
// with the model's own tokenizer, embeds the node's signed claim and signs the whole. Equal
// counts are thereby countersigned. Unequal ones make a disputed receipt: the gateway's count
// is charged, and both counts stay in evidence. Anyone who knows the two public keys can check
// a receipt with no line to anyone: signatures, arithmetic, and that claim and statement speak
// of the same request.
//
// Statements and claims travel as canonical JSON: the bytes that encoding the decoded value
// gives again. Other bytes are refused, so one receipt has one form and its digest names it.
// A receipt is at most SizeMax bytes.
package receipt

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market/meter"
)

// Version is the statement format written and read.
const Version = 1

// SizeMax bounds an encoded receipt in bytes.
const SizeMax = 2048

// domain separates a gateway's signatures on statements from any other use of its key.
const domain = "weir receipt v1\n"

// Transfers names the ledger entries of a settled hold. They follow from the hold's id, so the
// gateway can state them before the ledger books them. An entry of nothing is not booked.
type Transfers struct {
	Capture  weir.ID `json:"capture"`  // tenant → clearing
	Payout   weir.ID `json:"payout"`   // clearing → provider
	Fee      weir.ID `json:"fee"`      // clearing → fees
	Rounding weir.ID `json:"rounding"` // clearing → rounding
}

// TransfersOf derives the transfer ids of a hold.
func TransfersOf(hold weir.ID) Transfers {
	derive := func(role string) (id weir.ID) {
		h := sha256.Sum256(append([]byte("weir transfer "+role+" "), hold[:]...))
		copy(id[:], h[:])
		return id
	}
	return Transfers{derive("capture"), derive("payout"), derive("fee"), derive("rounding")}
}

// Statement is what a receipt says. Sign fills the fields marked derived.
type Statement struct {
	Version      int             `json:"version"` // derived
	Request      weir.ID         `json:"request"`
	Hold         weir.ID         `json:"hold"`
	Tenant       weir.TenantID   `json:"tenant"`
	Provider     weir.ProviderID `json:"provider"`
	Site         weir.SiteID     `json:"site"`
	Node         weir.NodeID     `json:"node"`
	Gateway      string          `json:"gateway"` // the name under which the exchange knows the gateway's key
	Model        string          `json:"model"`
	Digest       string          `json:"digest,omitempty"`    // of the model file
	Tokenizer    string          `json:"tokenizer,omitempty"` // digest of the tokenizer that counted
	Offer        weir.OfferID    `json:"offer"`
	PriceVersion uint64          `json:"price_version"` // of the offer, as the exchange numbered it
	Prices       weir.Prices     `json:"prices"`
	Usage        weir.Usage      `json:"usage"`  // the gateway's count: this is charged
	Charge       meter.Pico      `json:"charge"` // derived: exact, in pico-USD
	Amount       weir.Nano       `json:"amount"` // derived: Charge rounded up
	TTFT         time.Duration   `json:"ttft"`   // as the gateway saw it
	Duration     time.Duration   `json:"duration"`
	Ended        weir.Instant    `json:"ended"` // on the gateway's clock
	End          weir.End        `json:"end"`
	RouteVersion uint64          `json:"route_version"` // of the state that the router saw
	Transfers    Transfers       `json:"transfers"`     // derived
	// Estimated: no tokenizer and no reported usage; the count is an estimate.
	Estimated bool `json:"estimated,omitempty"`
	// Disputed (derived): the node's claim has other counts than Usage.
	Disputed bool `json:"disputed,omitempty"`
	// Claim is the node's. It is absent only if the request failed or was cancelled and the
	// node could not be heard.
	Claim *weir.SignedClaim `json:"claim,omitempty"`
}

// Receipt is a statement's canonical bytes with the gateway's ed25519 signature over them.
type Receipt struct {
	Statement json.RawMessage `json:"statement"`
	Signature []byte          `json:"signature"`
}

// ID names a receipt: the first half of the SHA-256 of its statement.
func (r Receipt) ID() (id weir.ID) {
	h := sha256.Sum256(r.Statement)
	copy(id[:], h[:])
	return id
}

// Encode writes the receipt as one line of JSON, the form of a receipt file.
func (r Receipt) Encode() ([]byte, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode receipt: %w", err)
	}
	return b, nil
}

// Decode reads a receipt file. It checks form, not signatures.
func Decode(b []byte) (Receipt, error) {
	var r Receipt
	if len(b) > SizeMax {
		return r, fault.New(fault.Invalid, "receipt of %d bytes: want at most %d", len(b), SizeMax)
	}
	if err := strict(b, &r); err != nil {
		return Receipt{}, fault.New(fault.Invalid, "decode receipt: %w", err)
	}
	if _, err := r.Open(); err != nil {
		return Receipt{}, err
	}
	return r, nil
}

// SignClaim gives c the node's signature.
func SignClaim(c weir.Claim, node ed25519.PrivateKey) (weir.SignedClaim, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return weir.SignedClaim{}, fmt.Errorf("encode claim: %w", err)
	}
	return weir.SignedClaim{Claim: b, Signature: ed25519.Sign(node, b)}, nil
}

// OpenClaim decodes a claim without checking its signature.
func OpenClaim(s weir.SignedClaim) (weir.Claim, error) {
	var c weir.Claim
	if err := canonical(s.Claim, &c); err != nil {
		return weir.Claim{}, fault.New(fault.Invalid, "claim: %w", err)
	}
	return c, nil
}

// VerifyClaim decodes a claim and checks the node's signature.
func VerifyClaim(s weir.SignedClaim, node ed25519.PublicKey) (weir.Claim, error) {
	c, err := OpenClaim(s)
	if err != nil {
		return weir.Claim{}, err
	}
	if len(node) != ed25519.PublicKeySize || !ed25519.Verify(node, s.Claim, s.Signature) {
		return weir.Claim{}, fault.New(fault.Denied, "claim for request %s: the signature is not that of node %s", c.Request, c.Node)
	}
	return c, nil
}

// Sign completes the derived fields of st, checks it and gives it the gateway's signature.
func Sign(st Statement, gateway ed25519.PrivateKey) (Receipt, error) {
	if err := checkNumbers(st); err != nil {
		return Receipt{}, err
	}
	st.Version = Version
	st.Charge = meter.Charge(st.Usage, st.Prices)
	st.Amount = st.Charge.Nano()
	st.Transfers = TransfersOf(st.Hold)
	st.Disputed = false
	if st.Claim != nil {
		c, err := OpenClaim(*st.Claim)
		if err != nil {
			return Receipt{}, err
		}
		st.Disputed = c.Usage != st.Usage
	}
	if err := st.check(); err != nil {
		return Receipt{}, err
	}
	b, err := json.Marshal(st)
	if err != nil {
		return Receipt{}, fmt.Errorf("encode statement: %w", err)
	}
	r := Receipt{Statement: b, Signature: ed25519.Sign(gateway, signed(b))}
	file, err := r.Encode()
	if err != nil {
		return Receipt{}, err
	}
	if len(file) > SizeMax {
		return Receipt{}, fault.New(fault.Invalid, "receipt for request %s of %d bytes: want at most %d", st.Request, len(file), SizeMax)
	}
	return r, nil
}

// signed is what the gateway's signature covers.
func signed(statement []byte) []byte { return append([]byte(domain), statement...) }

// Open decodes the statement and checks everything but the signatures.
func (r Receipt) Open() (Statement, error) {
	var st Statement
	if len(r.Statement) > SizeMax {
		return st, fault.New(fault.Invalid, "statement of %d bytes: want at most %d", len(r.Statement), SizeMax)
	}
	if err := canonical(r.Statement, &st); err != nil {
		return Statement{}, fault.New(fault.Invalid, "receipt: %w", err)
	}
	if err := st.check(); err != nil {
		return Statement{}, err
	}
	return st, nil
}

// Peek decodes the statement of a receipt that was checked before, and checks nothing.
func (r Receipt) Peek() (Statement, error) {
	var st Statement
	if err := json.Unmarshal(r.Statement, &st); err != nil {
		return Statement{}, fault.New(fault.Invalid, "receipt: %w", err)
	}
	return st, nil
}

// Verify checks a receipt against the public keys of its node and its gateway, offline. A
// receipt without a claim needs no node key.
func Verify(r Receipt, node, gateway ed25519.PublicKey) error {
	st, err := r.Open()
	if err != nil {
		return err
	}
	return r.VerifyOpened(st, node, gateway)
}

// VerifyOpened checks the signatures of a receipt that Open has decoded into st.
func (r Receipt) VerifyOpened(st Statement, node, gateway ed25519.PublicKey) error {
	if len(gateway) != ed25519.PublicKeySize || !ed25519.Verify(gateway, signed(r.Statement), r.Signature) {
		return fault.New(fault.Denied, "receipt for request %s: the signature is not that of gateway %s", st.Request, st.Gateway)
	}
	if st.Claim == nil {
		return nil
	}
	_, err := VerifyClaim(*st.Claim, node)
	return err
}

// canonical decodes b strictly into v and requires that encoding v gives b again.
func canonical(b []byte, v any) error {
	if err := strict(b, v); err != nil {
		return err
	}
	again, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode again: %w", err)
	}
	if !bytes.Equal(again, b) {
		return errors.New("not in canonical form: fields in order, no spaces, no duplicates, numbers and text as Go's encoding/json writes them")
	}
	return nil
}

// strict decodes one JSON value and nothing else; unknown fields are errors.
func strict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("trailing bytes after the value")
	}
	return nil
}
