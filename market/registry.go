package market

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"strings"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market/ledger"
)

func (x *Exchange) openTenant(at weir.Instant, c OpenTenant) (Result, []Event, error) {
	if err := checkName("tenant", string(c.Tenant)); err != nil {
		return Result{}, nil, err
	}
	if _, ok := x.tenants[c.Tenant]; ok {
		return Result{}, nil, nil
	}
	t := Tenant{Tenant: c.Tenant, Opened: at}
	x.open(TenantAccount(c.Tenant), ledger.DebitsWithinCredits)
	x.tenants[c.Tenant] = t
	return Result{}, one(Event{TenantOpened: &t}), nil
}

func (x *Exchange) addKey(at weir.Instant, c AddKey) (Result, []Event, error) {
	if err := checkName("key", string(c.Key)); err != nil {
		return Result{}, nil, err
	}
	if err := checkText("key name", c.Name); err != nil {
		return Result{}, nil, err
	}
	if b, err := hex.DecodeString(c.Digest); err != nil || len(b) != 32 || strings.ToLower(c.Digest) != c.Digest {
		return Result{}, nil, fault.New(fault.Invalid, "digest of key %s: want 64 lower-case hexadecimal digits", c.Key)
	}
	if c.Expires != 0 && c.Expires <= at {
		return Result{}, nil, fault.New(fault.Expired, "key %s would be expired from the start", c.Key)
	}
	if _, ok := x.tenants[c.Tenant]; !ok {
		return Result{}, nil, fault.New(fault.NotFound, "no tenant %q", c.Tenant)
	}
	k := Key{Key: c.Key, Tenant: c.Tenant, Digest: c.Digest, Name: c.Name, Expires: c.Expires}
	if old, ok := x.keys[c.Key]; ok {
		if old == k {
			return Result{}, nil, nil
		}
		return Result{}, nil, fault.New(fault.Conflict, "key %s exists with another tenant, digest, name, expiry or is revoked", c.Key)
	}
	if other, ok := x.byDigest[c.Digest]; ok {
		return Result{}, nil, fault.New(fault.Conflict, "key %s has this digest already", other)
	}
	x.keys[c.Key], x.byDigest[c.Digest] = k, c.Key
	return Result{}, one(Event{KeyAdded: &k}), nil
}

func (x *Exchange) revokeKey(at weir.Instant, c RevokeKey) (Result, []Event, error) {
	k, ok := x.keys[c.Key]
	if !ok {
		return Result{}, nil, fault.New(fault.NotFound, "no key %q", c.Key)
	}
	if k.Revoked != 0 {
		return Result{}, nil, nil
	}
	k.Revoked = at
	x.keys[c.Key] = k
	return Result{}, one(Event{KeyRevoked: &k}), nil
}

func (x *Exchange) registerProvider(c RegisterProvider) (Result, []Event, error) {
	if err := checkName("provider", string(c.Provider)); err != nil {
		return Result{}, nil, err
	}
	if err := checkText("payout account", c.Payout); err != nil {
		return Result{}, nil, err
	}
	p := Provider(c)
	if old, ok := x.providers[c.Provider]; ok && old == p {
		return Result{}, nil, nil
	}
	x.open(ProviderAccount(c.Provider), ledger.DebitsWithinCredits)
	x.providers[c.Provider] = p
	return Result{}, one(Event{ProviderRegistered: &p}), nil
}

func (x *Exchange) registerSigner(c RegisterSigner) (Result, []Event, error) {
	if err := checkName("signer", c.Name); err != nil {
		return Result{}, nil, err
	}
	if len(c.Signer.Key) != ed25519.PublicKeySize {
		return Result{}, nil, fault.New(fault.Invalid, "public key of %s has %d bytes, an ed25519 key has %d", c.Name, len(c.Signer.Key), ed25519.PublicKeySize)
	}
	switch c.Role {
	case RoleNode:
		if _, ok := x.providers[c.Provider]; !ok {
			return Result{}, nil, fault.New(fault.NotFound, "no provider %q to own node %s", c.Provider, c.Name)
		}
	case RoleGateway:
		if c.Provider != "" {
			return Result{}, nil, fault.New(fault.Invalid, "gateway %s names a provider: only nodes have one", c.Name)
		}
	default:
		return Result{}, nil, fault.New(fault.Invalid, "role %q of signer %s: want node or gateway", c.Role, c.Name)
	}
	name := signerName{c.Role, c.Name}
	if old, ok := x.signers[name]; ok {
		if bytes.Equal(old.Key, c.Signer.Key) && old.Provider == c.Provider {
			return Result{}, nil, nil
		}
		if !c.Replace {
			return Result{}, nil, fault.New(fault.Conflict, "%s %s is registered with another key or provider: a second machine under one name, unless replace is set", c.Role, c.Name)
		}
	}
	s := c.Signer
	s.Key = bytes.Clone(s.Key)
	x.signers[name] = s
	return Result{}, one(Event{SignerRegistered: &s}), nil
}

func (x *Exchange) postOffer(at weir.Instant, o weir.Offer) (Result, []Event, error) {
	if err := x.checkOffer(at, o); err != nil {
		return Result{}, nil, err
	}
	old, exists := x.offers[o.ID]
	if exists && old.Offer == o {
		return Result{Version: old.Version}, nil, nil
	}
	if exists && old.Provider != o.Provider {
		return Result{}, nil, fault.New(fault.Conflict, "offer %s belongs to provider %s", o.ID, old.Provider)
	}
	if exists {
		x.closed = append(x.closed, closedVersion{old.Version, at})
	}
	x.forget(at)
	posted := PostedOffer{Offer: o, Version: x.seq + 1}
	x.offers[o.ID], x.versions[posted.Version] = posted, posted
	x.findOfferDue()
	return Result{Version: posted.Version}, one(Event{OfferPosted: &posted}), nil
}

func (x *Exchange) checkOffer(at weir.Instant, o weir.Offer) error {
	for _, f := range []struct{ what, name string }{
		{"offer", string(o.ID)}, {"site", string(o.Site)}, {"model", o.Model},
	} {
		if err := checkName(f.what, f.name); err != nil {
			return err
		}
	}
	if err := checkText("digest", o.Digest); err != nil {
		return err
	}
	if err := o.Prices.Check(); err != nil {
		return fault.New(fault.Invalid, "offer %s: %w", o.ID, err)
	}
	if o.Context < 1 || o.Streams < 1 {
		return fault.New(fault.Invalid, "offer %s: context %d and streams %d: both must be at least 1", o.ID, o.Context, o.Streams)
	}
	if o.Expires != 0 && o.Expires <= at {
		return fault.New(fault.Expired, "offer %s expired at %s", o.ID, o.Expires)
	}
	node, ok := x.signers[signerName{RoleNode, string(o.Node)}]
	if !ok {
		return fault.New(fault.NotFound, "offer %s: node %q has no registered key", o.ID, o.Node)
	}
	if node.Provider != o.Provider {
		return fault.New(fault.Denied, "offer %s: node %s belongs to provider %s, not %s", o.ID, o.Node, node.Provider, o.Provider)
	}
	return nil
}

func (x *Exchange) withdrawOffer(at weir.Instant, c WithdrawOffer) (Result, []Event, error) {
	if _, ok := x.offers[c.Offer]; !ok {
		return Result{}, nil, fault.New(fault.NotFound, "no offer %q", c.Offer)
	}
	return Result{}, one(x.closeOffer(at, c.Offer, "withdrawn")), nil
}

// closeOffer takes an offer off the market. Its prices stay known for HoldTimeoutMax.
func (x *Exchange) closeOffer(at weir.Instant, id weir.OfferID, reason string) Event {
	o := x.offers[id]
	delete(x.offers, id)
	x.closed = append(x.closed, closedVersion{o.Version, at})
	x.findOfferDue()
	return Event{OfferClosed: &OfferClosed{Offer: id, Version: o.Version, Reason: reason}}
}

// forget drops versions that no open hold can settle under any more.
func (x *Exchange) forget(at weir.Instant) {
	n := 0
	for n < len(x.closed) && at.Sub(x.closed[n].at) > HoldTimeoutMax {
		delete(x.versions, x.closed[n].version)
		n++
	}
	x.closed = x.closed[n:]
}

func (x *Exchange) findOfferDue() {
	x.offerDue = 0
	for _, o := range x.offers {
		if o.Expires != 0 && (x.offerDue == 0 || o.Expires < x.offerDue) {
			x.offerDue = o.Expires
		}
	}
}

func (x *Exchange) setFee(c SetFee) (Result, []Event, error) {
	if c.BasisPoints < 0 || c.BasisPoints > FeeMax {
		return Result{}, nil, fault.New(fault.Invalid, "fee of %d basis points: want 0 to %d", c.BasisPoints, FeeMax)
	}
	if x.fee == c.BasisPoints {
		return Result{}, nil, nil
	}
	x.fee = c.BasisPoints
	return Result{}, one(Event{FeeSet: &c}), nil
}
