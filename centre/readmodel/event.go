package readmodel

import (
	"github.com/weir-project/weir/market"
	"github.com/weir-project/weir/market/ledger"
)

func (p *projector) event(e *market.Event) error {
	for _, t := range e.Entries {
		if err := p.entry(t); err != nil {
			return err
		}
	}
	for _, b := range e.Balances {
		p.touch(b)
	}
	switch {
	case e.Held != nil:
		h := e.Held
		return p.exec(`INSERT INTO holds (hold, request, tenant, key, amount, deadline, state) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			h.Hold.String(), h.Request.String(), h.Tenant, h.Key, h.Amount, h.Deadline, h.State)
	case e.Settled != nil:
		return p.settled(e)
	case e.Released != nil:
		return p.exec(`UPDATE holds SET state = ? WHERE hold = ?`, e.Released.State, e.Released.Hold.String())
	case e.Refunded != nil:
		return p.exec(`UPDATE holds SET refunded = ? WHERE hold = ?`, e.Refunded.Total, e.Refunded.Hold.String())
	case e.Deposited != nil, e.PaidOut != nil, e.FeeSet != nil:
		return nil // the entries say it all
	}
	return p.registry(e)
}

func (p *projector) entry(t ledger.Entry) error {
	return p.exec(`INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		t.Seq, t.ID.String(), t.Kind.String(), t.Debit, t.Credit, t.Amount, t.Pending.String(), t.Corrects.String(),
		int64(t.Timeout), t.Reason, t.Ref.String(), t.At)
}

func (p *projector) settled(e *market.Event) error {
	s := e.Settled
	if err := p.exec(`UPDATE holds SET state = ?, receipt = ?, captured = ?, provider = ? WHERE hold = ?`,
		market.HoldCaptured, s.Receipt.String(), s.Split.Charge, s.Provider, s.Hold.String()); err != nil {
		return err
	}
	st, err := s.Document.Peek()
	if err != nil {
		return err
	}
	document, err := s.Document.Encode()
	if err != nil {
		return err
	}
	return p.exec(`INSERT INTO receipts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		e.Seq, s.Receipt.String(), s.Hold.String(), st.Request.String(), s.Tenant, s.Provider, st.Node, st.Model, e.At,
		s.Charge.String(), s.Split.Charge, s.Split.Payout, s.Split.Fee, s.Split.Rounding, s.Released, s.Disputed, s.Excess, string(document))
}

// registry writes the events that move no money.
func (p *projector) registry(e *market.Event) error {
	switch {
	case e.TenantOpened != nil:
		t := e.TenantOpened
		p.touch(ledger.Balance{Account: market.TenantAccount(t.Tenant), Flags: ledger.DebitsWithinCredits})
		return p.exec(`INSERT INTO tenants VALUES (?, ?)`, t.Tenant, t.Opened)
	case e.KeyAdded != nil:
		k := e.KeyAdded
		return p.exec(`INSERT INTO keys (key, tenant, digest, name, expires) VALUES (?, ?, ?, ?, ?)`, k.Key, k.Tenant, k.Digest, k.Name, k.Expires)
	case e.KeyRevoked != nil:
		return p.exec(`UPDATE keys SET revoked = ? WHERE key = ?`, e.KeyRevoked.Revoked, e.KeyRevoked.Key)
	case e.ProviderRegistered != nil:
		v := e.ProviderRegistered
		// The account may exist, with money: a provider may change where it is paid.
		if err := p.exec(`INSERT INTO accounts (account, flags) VALUES (?, ?) ON CONFLICT DO NOTHING`,
			market.ProviderAccount(v.Provider), ledger.DebitsWithinCredits); err != nil {
			return err
		}
		return p.exec(`INSERT INTO providers VALUES (?, ?) ON CONFLICT (provider) DO UPDATE SET payout = excluded.payout`, v.Provider, v.Payout)
	case e.SignerRegistered != nil:
		s := e.SignerRegistered
		return p.exec(`INSERT INTO signers VALUES (?, ?, ?, ?)
			ON CONFLICT (role, name) DO UPDATE SET provider = excluded.provider, key = excluded.key`, s.Role, s.Name, s.Provider, []byte(s.Key))
	case e.OfferPosted != nil:
		return p.offer(e)
	case e.OfferClosed != nil:
		return p.exec(`UPDATE offers SET closed = ?, reason = ? WHERE offer = ? AND version = ?`,
			e.At, e.OfferClosed.Reason, e.OfferClosed.Offer, e.OfferClosed.Version)
	}
	return nil
}

// offer enters a new version; the version it replaces is closed by it.
func (p *projector) offer(e *market.Event) error {
	o := e.OfferPosted
	if err := p.exec(`UPDATE offers SET closed = ?, reason = 'replaced' WHERE offer = ? AND closed = 0`, e.At, o.ID); err != nil {
		return err
	}
	return p.exec(`INSERT INTO offers (offer, version, provider, site, node, model, digest, input, cached, output, context, streams, expires, posted)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		o.ID, o.Version, o.Provider, o.Site, o.Node, o.Model, o.Digest, o.Prices.Input, o.Prices.Cached, o.Prices.Output,
		o.Context, o.Streams, o.Expires, e.At)
}
