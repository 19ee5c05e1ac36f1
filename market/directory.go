package market

import (
	"maps"
	"slices"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market/ledger"
)

// Directory is a reader's copy of the exchange: it starts from a Snapshot and follows Events.
// Gateways look up keys and offers in it, on any machine, without asking the centre. It is not
// safe for concurrent use.
type Directory struct {
	seq       uint64
	at        weir.Instant
	fee       int
	tenants   map[weir.TenantID]Tenant
	keys      map[weir.KeyID]Key
	byDigest  map[string]weir.KeyID
	providers map[weir.ProviderID]Provider
	signers   map[signerName]Signer
	offers    map[weir.OfferID]PostedOffer
	holds     map[weir.ID]Hold // open ones
	balances  map[ledger.Account]ledger.Balance
}

// NewDirectory copies a snapshot.
func NewDirectory(s Snapshot) *Directory {
	d := &Directory{
		seq: s.Seq, at: s.At, fee: s.Fee,
		tenants:   map[weir.TenantID]Tenant{},
		keys:      map[weir.KeyID]Key{},
		byDigest:  map[string]weir.KeyID{},
		providers: map[weir.ProviderID]Provider{},
		signers:   map[signerName]Signer{},
		offers:    map[weir.OfferID]PostedOffer{},
		holds:     map[weir.ID]Hold{},
		balances:  map[ledger.Account]ledger.Balance{},
	}
	for _, t := range s.Tenants {
		d.tenants[t.Tenant] = t
	}
	for _, k := range s.Keys {
		d.keys[k.Key], d.byDigest[k.Digest] = k, k.Key
	}
	for _, p := range s.Providers {
		d.providers[p.Provider] = p
	}
	for _, g := range s.Signers {
		d.signers[signerName{g.Role, g.Name}] = g
	}
	for _, o := range s.Offers {
		d.offers[o.ID] = o
	}
	for _, h := range s.Holds {
		d.holds[h.Hold] = h
	}
	for _, b := range s.Balances {
		d.balances[b.Account] = b
	}
	return d
}

// Seq is the number of the last event taken in.
func (d *Directory) Seq() uint64 { return d.seq }

// Follow takes in one event. An event seen before is ignored; a gap is an Expired error, and
// the reader must start again from a new snapshot.
func (d *Directory) Follow(e Event) error {
	if e.Seq <= d.seq {
		return nil
	}
	if e.Seq != d.seq+1 {
		return fault.New(fault.Expired, "event %d follows %d: take a new snapshot", e.Seq, d.seq)
	}
	d.seq, d.at = e.Seq, e.At
	switch {
	case e.TenantOpened != nil:
		d.tenants[e.TenantOpened.Tenant] = *e.TenantOpened
		d.balances[TenantAccount(e.TenantOpened.Tenant)] = ledger.Balance{
			Account: TenantAccount(e.TenantOpened.Tenant), Flags: ledger.DebitsWithinCredits,
		}
	case e.KeyAdded != nil:
		d.keys[e.KeyAdded.Key], d.byDigest[e.KeyAdded.Digest] = *e.KeyAdded, e.KeyAdded.Key
	case e.KeyRevoked != nil:
		d.keys[e.KeyRevoked.Key] = *e.KeyRevoked
	case e.ProviderRegistered != nil:
		d.followProvider(*e.ProviderRegistered)
	case e.SignerRegistered != nil:
		d.signers[signerName{e.SignerRegistered.Role, e.SignerRegistered.Name}] = *e.SignerRegistered
	case e.OfferPosted != nil:
		d.offers[e.OfferPosted.ID] = *e.OfferPosted
	case e.OfferClosed != nil:
		delete(d.offers, e.OfferClosed.Offer)
	case e.Held != nil:
		d.holds[e.Held.Hold] = *e.Held
	case e.Settled != nil:
		delete(d.holds, e.Settled.Hold)
	case e.Released != nil:
		delete(d.holds, e.Released.Hold)
	case e.FeeSet != nil:
		d.fee = e.FeeSet.BasisPoints
	}
	for _, b := range e.Balances {
		d.balances[b.Account] = b
	}
	return nil
}

func (d *Directory) followProvider(p Provider) {
	d.providers[p.Provider] = p
	account := ProviderAccount(p.Provider)
	if _, ok := d.balances[account]; !ok {
		d.balances[account] = ledger.Balance{Account: account, Flags: ledger.DebitsWithinCredits}
	}
}

// Authenticate finds the key with a digest and checks that it is good at an instant.
func (d *Directory) Authenticate(digest string, at weir.Instant) (Key, error) {
	k, ok := d.keys[d.byDigest[digest]]
	switch {
	case !ok:
		return Key{}, fault.New(fault.Denied, "unknown API key")
	case k.Revoked != 0:
		return Key{}, fault.New(fault.Denied, "API key %s is revoked", k.Key)
	case k.Expires != 0 && k.Expires <= at:
		return Key{}, fault.New(fault.Expired, "API key %s expired at %s", k.Key, k.Expires)
	}
	return k, nil
}

// Offers lists standing offers by id.
func (d *Directory) Offers() []PostedOffer { return sorted(d.offers) }

// Keys lists keys by id.
func (d *Directory) Keys() []Key { return sorted(d.keys) }

// Tenants lists tenants by id.
func (d *Directory) Tenants() []Tenant { return sorted(d.tenants) }

// Signer looks up a registered public key.
func (d *Directory) Signer(role Role, name string) (Signer, bool) {
	s, ok := d.signers[signerName{role, name}]
	return s, ok
}

// Balance returns an account as of Seq.
func (d *Directory) Balance(name ledger.Account) (ledger.Balance, bool) {
	b, ok := d.balances[name]
	return b, ok
}

// Balances lists accounts by name.
func (d *Directory) Balances() []ledger.Balance { return sorted(d.balances) }

// Fee is the exchange's fee in basis points.
func (d *Directory) Fee() int { return d.fee }

// OpenHolds lists the holds that are neither captured nor released, by id.
func (d *Directory) OpenHolds() []Hold {
	return slices.SortedFunc(maps.Values(d.holds), func(a, b Hold) int { return compareIDs(a.Hold, b.Hold) })
}
