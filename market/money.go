package market

import (
	"bytes"
	"slices"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/internal/invariant"
	"github.com/weir-project/weir/market/ledger"
	"github.com/weir-project/weir/market/meter"
	"github.com/weir-project/weir/market/receipt"
)

// FeeMax bounds the exchange's fee in basis points: half of a charge.
const FeeMax = meter.FeeMax / 2

func checkAmount(n weir.Nano) error {
	if n <= 0 || n > AmountMax {
		return fault.New(fault.Invalid, "amount %s: want more than nothing and at most %s", n, AmountMax)
	}
	return nil
}

// checkRail checks an amount that crosses the border of the exchange.
func checkRail(amount weir.Nano, rail, reference string) error {
	if err := checkAmount(amount); err != nil {
		return err
	}
	if err := checkName("rail", rail); err != nil {
		return err
	}
	return checkText("reference", reference)
}

func (x *Exchange) deposit(id weir.ID, at weir.Instant, c Deposit) (Result, []Event, error) {
	if err := checkRail(c.Amount, c.Rail, c.Reference); err != nil {
		return Result{}, nil, err
	}
	if _, ok := x.tenants[c.Tenant]; !ok {
		return Result{}, nil, fault.New(fault.NotFound, "no tenant %q", c.Tenant)
	}
	if err := x.fresh(id); err != nil {
		return Result{}, nil, err
	}
	tenant, _ := x.ledger.Balance(TenantAccount(c.Tenant))
	if tenant.Credits > 1<<62 {
		return Result{}, nil, fault.New(fault.Invalid, "tenant %s has turned over %s: open a new one before its totals overflow", c.Tenant, tenant.Credits)
	}
	rail := RailAccount(c.Rail)
	if b, ok := x.ledger.Balance(rail); ok && b.Debits > 1<<62 {
		return Result{}, nil, fault.New(fault.Invalid, "rail %s has turned over %s: use a new one before its totals overflow", c.Rail, b.Debits)
	}
	x.open(rail, ledger.CreditsWithinDebits)
	answer, err := x.ledger.Apply(at, ledger.Transfer{
		ID: id, Kind: ledger.Move, Debit: rail, Credit: TenantAccount(c.Tenant),
		Amount: c.Amount, Reason: ReasonDeposit, Ref: id,
	})
	// Both totals have room and neither limit can be hit from this side.
	invariant.Check(err == nil, "deposit %s: %v", id, err)
	return Result{}, one(x.booked(Event{Deposited: &c}, answer.Entries)), nil
}

// fresh refuses a command id that the ledger knows as a transfer of another command. Derived
// ids are hashes, so only a client that aims for it gets here.
func (x *Exchange) fresh(id weir.ID) error {
	if _, ok := x.ledger.Entry(id); ok {
		return fault.New(fault.Conflict, "id %s names a transfer already", id)
	}
	return nil
}

func (x *Exchange) payout(id weir.ID, at weir.Instant, c Payout) (Result, []Event, error) {
	if err := checkRail(c.Amount, c.Rail, c.Reference); err != nil {
		return Result{}, nil, err
	}
	if err := x.fresh(id); err != nil {
		return Result{}, nil, err
	}
	answer, err := x.ledger.Apply(at, ledger.Transfer{
		ID: id, Kind: ledger.Move, Debit: ProviderAccount(c.Provider), Credit: RailAccount(c.Rail),
		Amount: c.Amount, Reason: ReasonPaid, Ref: id,
	})
	if err != nil {
		return Result{}, nil, err
	}
	return Result{}, one(x.booked(Event{PaidOut: &c}, answer.Entries)), nil
}

func (x *Exchange) hold(id weir.ID, at weir.Instant, c TakeHold) (Result, []Event, error) {
	if c.Amount < 0 || c.Amount > AmountMax {
		return Result{}, nil, fault.New(fault.Invalid, "amount %s: want nothing to %s", c.Amount, AmountMax)
	}
	if c.Timeout < HoldTimeoutMin || c.Timeout > HoldTimeoutMax {
		return Result{}, nil, fault.New(fault.Invalid, "timeout %s: want %s to %s", c.Timeout, HoldTimeoutMin, HoldTimeoutMax)
	}
	if c.Request.IsZero() {
		return Result{}, nil, fault.New(fault.Invalid, "the request id is zero")
	}
	if _, ok := x.tenants[c.Tenant]; !ok {
		return Result{}, nil, fault.New(fault.NotFound, "no tenant %q", c.Tenant)
	}
	if err := x.mayUse(c.Key, c.Tenant, at); err != nil {
		return Result{}, nil, err
	}
	if prior, ok := x.holds[x.requests[c.Request]]; ok && (prior.State == HoldOpen || prior.State == HoldCaptured) {
		return Result{}, nil, fault.New(fault.Conflict, "request %s has hold %s already, which is %s", c.Request, prior.Hold, prior.State)
	}
	if err := x.fresh(id); err != nil {
		return Result{}, nil, err
	}
	answer, err := x.ledger.Apply(at, ledger.Transfer{
		ID: id, Kind: ledger.Pend, Debit: TenantAccount(c.Tenant), Credit: Clearing,
		Amount: c.Amount, Timeout: c.Timeout, Reason: ReasonHold, Ref: c.Request,
	})
	if err != nil {
		return Result{}, nil, err
	}
	h := &Hold{
		Hold: id, Request: c.Request, Tenant: c.Tenant, Key: c.Key,
		Amount: c.Amount, Deadline: at.Add(c.Timeout), State: HoldOpen,
	}
	x.holds[id], x.requests[c.Request] = h, id
	view := *h
	return Result{Deadline: h.Deadline}, one(x.booked(Event{Held: &view}, answer.Entries)), nil
}

// mayUse checks that a key may spend a tenant's money.
func (x *Exchange) mayUse(key weir.KeyID, tenant weir.TenantID, at weir.Instant) error {
	if key == "" {
		return nil
	}
	k, ok := x.keys[key]
	switch {
	case !ok:
		return fault.New(fault.NotFound, "no key %q", key)
	case k.Tenant != tenant:
		return fault.New(fault.Denied, "key %s is not tenant %s's", key, tenant)
	case k.Revoked != 0:
		return fault.New(fault.Denied, "key %s is revoked", key)
	case k.Expires != 0 && k.Expires <= at:
		return fault.New(fault.Expired, "key %s expired at %s", key, k.Expires)
	}
	return nil
}

func (x *Exchange) settle(p *Prepared) (Result, []Event, error) {
	st, at := &p.statement, p.cmd.At
	h, ok := x.holds[st.Hold]
	if !ok {
		return Result{}, nil, fault.New(fault.NotFound, "no hold %s", st.Hold)
	}
	if h.State == HoldCaptured && h.Receipt == p.receipt {
		capture, _ := x.ledger.Entry(st.Transfers.Capture)
		return Result{At: capture.At, Settlement: x.settlements[h.Hold]}, nil, nil
	}
	if err := x.checkReceipt(p, h); err != nil {
		return Result{}, nil, err
	}
	split, err := meter.Divide(st.Charge, x.fee)
	if err != nil {
		return Result{}, nil, err
	}
	answer, err := x.ledger.Apply(at, captureChain(st, split)...)
	if err != nil {
		return Result{}, nil, err
	}
	h.State, h.Receipt, h.Captured, h.Provider = HoldCaptured, p.receipt, split.Charge, st.Provider
	s := &Settlement{
		Hold: h.Hold, Receipt: p.receipt, Charge: st.Charge, Split: split,
		Released: h.Amount - split.Charge, Disputed: st.Disputed, Excess: excess(st),
	}
	e := Event{Settled: &Settled{
		Settlement: *s, Tenant: h.Tenant, Provider: st.Provider, Document: p.cmd.Settle.Receipt, Facts: *st,
	}}
	x.settlements[h.Hold] = s
	return Result{Settlement: s}, one(x.booked(e, answer.Entries)), nil
}

// captureChain moves a charge: out of the hold into clearing, and from there to where it goes.
func captureChain(st *receipt.Statement, split meter.Split) []ledger.Transfer {
	chain := append(make([]ledger.Transfer, 0, 4), ledger.Transfer{
		ID: st.Transfers.Capture, Kind: ledger.Post, Pending: st.Hold,
		Amount: split.Charge, Reason: ReasonCapture, Ref: st.Request,
	})
	for _, part := range []struct {
		id     weir.ID
		to     ledger.Account
		amount weir.Nano
		reason ledger.Reason
	}{
		{st.Transfers.Payout, ProviderAccount(st.Provider), split.Payout, ReasonPayout},
		{st.Transfers.Fee, Fees, split.Fee, ReasonFee},
		{st.Transfers.Rounding, Rounding, split.Rounding, ReasonRounding},
	} {
		if part.amount > 0 {
			chain = append(chain, ledger.Transfer{
				ID: part.id, Kind: ledger.Move, Debit: Clearing, Credit: part.to,
				Amount: part.amount, Reason: part.reason, Ref: st.Request,
			})
		}
	}
	return chain
}

// checkReceipt compares a receipt with what the exchange knows. The receipt's own arithmetic
// was checked when it was opened.
func (x *Exchange) checkReceipt(p *Prepared, h *Hold) error {
	st := &p.statement
	switch {
	case h.State == HoldExpired, h.State == HoldOpen && h.Deadline <= p.cmd.At:
		return fault.New(fault.Expired, "hold %s expired at %s", h.Hold, h.Deadline)
	case h.State == HoldCaptured:
		return fault.New(fault.Conflict, "hold %s is captured by another receipt, %s", h.Hold, h.Receipt)
	case h.State != HoldOpen:
		return fault.New(fault.Conflict, "hold %s is %s", h.Hold, h.State)
	case st.Request != h.Request:
		return fault.New(fault.Invalid, "hold %s is for request %s, the receipt is for %s", h.Hold, h.Request, st.Request)
	case st.Tenant != h.Tenant:
		return fault.New(fault.Denied, "hold %s is tenant %s's, the receipt says %s", h.Hold, h.Tenant, st.Tenant)
	case st.Amount > h.Amount:
		return fault.New(fault.Invalid, "charge of %s is above the hold of %s", st.Amount, h.Amount)
	}
	o, ok := x.versions[st.PriceVersion]
	if !ok || o.ID != st.Offer {
		return fault.New(fault.NotFound, "no offer %q with price version %d", st.Offer, st.PriceVersion)
	}
	for _, f := range []struct {
		name string
		same bool
	}{
		{"provider", o.Provider == st.Provider},
		{"node", o.Node == st.Node},
		{"site", o.Site == st.Site},
		{"model", o.Model == st.Model},
		{"model digest", o.Digest == "" || o.Digest == st.Digest},
		{"prices", o.Prices == st.Prices},
	} {
		if !f.same {
			return fault.New(fault.Invalid, "receipt and version %d of offer %s disagree about the %s", st.PriceVersion, st.Offer, f.name)
		}
	}
	return x.checkSignatures(p)
}

// checkSignatures verifies a receipt unless Prepare did so with the keys registered now.
func (x *Exchange) checkSignatures(p *Prepared) error {
	if p.trusted {
		return nil
	}
	gateway, ok := x.Signer(RoleGateway, p.statement.Gateway)
	if !ok {
		return fault.New(fault.NotFound, "gateway %q has no registered key", p.statement.Gateway)
	}
	node, ok := x.Signer(RoleNode, string(p.statement.Node))
	if !ok {
		return fault.New(fault.NotFound, "node %q has no registered key", p.statement.Node)
	}
	if bytes.Equal(p.gateway, gateway.Key) && bytes.Equal(p.node, node.Key) {
		return nil
	}
	return p.cmd.Settle.Receipt.VerifyOpened(p.statement, node.Key, gateway.Key)
}

// excess is what the node's claim would have cost above the gateway's count.
func excess(st *receipt.Statement) weir.Nano {
	if !st.Disputed {
		return 0
	}
	c, err := receipt.OpenClaim(*st.Claim)
	invariant.Check(err == nil, "a disputed receipt was opened with an unreadable claim: %v", err)
	return max(0, meter.Charge(c.Usage, st.Prices).Nano()-st.Amount)
}

func (x *Exchange) void(id weir.ID, at weir.Instant, c Void) (Result, []Event, error) {
	h, ok := x.holds[c.Hold]
	if !ok {
		return Result{}, nil, fault.New(fault.NotFound, "no hold %s", c.Hold)
	}
	if err := checkText("reason", c.Reason); err != nil {
		return Result{}, nil, err
	}
	switch {
	case h.State == HoldVoided:
		return Result{Released: h.Amount}, nil, nil
	case h.State == HoldExpired, h.State == HoldOpen && h.Deadline <= at:
		return Result{}, nil, fault.New(fault.Expired, "hold %s expired at %s", h.Hold, h.Deadline)
	case h.State != HoldOpen:
		return Result{}, nil, fault.New(fault.Conflict, "hold %s is %s", h.Hold, h.State)
	}
	if err := x.fresh(id); err != nil {
		return Result{}, nil, err
	}
	answer, err := x.ledger.Apply(at, ledger.Transfer{
		ID: id, Kind: ledger.Void, Pending: h.Hold, Reason: ReasonVoid, Ref: h.Request,
	})
	if err != nil {
		return Result{}, nil, err
	}
	h.State = HoldVoided
	view := *h
	return Result{Released: h.Amount}, one(x.booked(Event{Released: &view}, answer.Entries)), nil
}

func (x *Exchange) refund(id weir.ID, at weir.Instant, c Refund) (Result, []Event, error) {
	h, ok := x.holds[c.Hold]
	if !ok {
		return Result{}, nil, fault.New(fault.NotFound, "no hold %s", c.Hold)
	}
	if h.State != HoldCaptured {
		return Result{}, nil, fault.New(fault.Conflict, "hold %s is %s: nothing was captured", h.Hold, h.State)
	}
	if err := checkAmount(c.Amount); err != nil {
		return Result{}, nil, err
	}
	if err := checkText("reason", c.Reason); err != nil {
		return Result{}, nil, err
	}
	if err := x.fresh(id); err != nil {
		return Result{}, nil, err
	}
	answer, err := x.ledger.Apply(at, ledger.Transfer{
		ID: id, Kind: ledger.Move, Debit: ProviderAccount(h.Provider), Credit: TenantAccount(h.Tenant),
		Amount: c.Amount, Corrects: receipt.TransfersOf(h.Hold).Capture, Reason: ReasonRefund, Ref: h.Request,
	})
	if err != nil {
		return Result{}, nil, err
	}
	h.Refunded += c.Amount
	e := Event{Refunded: &Refunded{Hold: h.Hold, Amount: c.Amount, Reason: c.Reason, Total: h.Refunded}}
	return Result{}, one(x.booked(e, answer.Entries)), nil
}

// tick expires offers in order of id, then holds in order of deadline.
func (x *Exchange) tick(at weir.Instant) (Result, []Event, error) {
	if due, ok := x.NextDue(); !ok || due > at {
		return Result{}, nil, nil
	}
	var events []Event
	if x.offerDue != 0 && x.offerDue <= at {
		for _, o := range sorted(x.offers) {
			if o.Expires != 0 && o.Expires <= at {
				events = append(events, x.closeOffer(at, o.ID, "expired"))
			}
		}
	}
	entries, err := x.ledger.Tick(at)
	if err != nil {
		return Result{}, nil, err
	}
	touched := x.ledger.Touched()
	for i, entry := range entries {
		h := x.holds[entry.Pending]
		invariant.Check(h != nil && h.State == HoldOpen, "pending transfer %s expired without an open hold", entry.Pending)
		h.State = HoldExpired
		view := *h
		e := Event{Released: &view, Entries: entries[i : i+1 : i+1]}
		if i == len(entries)-1 {
			e.Balances = slices.Clip(touched)
		}
		events = append(events, e)
	}
	return Result{Expired: len(events)}, events, nil
}
