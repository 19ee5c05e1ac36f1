package receipt

import (
	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market/meter"
)

// NameMax bounds every name in a statement, so that receipts stay below SizeMax.
const NameMax = 128

// check verifies everything that follows from the statement alone.
func (st Statement) check() error {
	if st.Version != Version {
		return fault.New(fault.Invalid, "receipt version %d: this reader knows version %d", st.Version, Version)
	}
	if err := checkNames(st); err != nil {
		return err
	}
	if err := checkNumbers(st); err != nil {
		return err
	}
	if charge := meter.Charge(st.Usage, st.Prices); st.Charge != charge || st.Amount != charge.Nano() {
		return fault.New(fault.Invalid, "receipt for request %s: charge %s pico-USD (%s) is stated, usage and prices give %s (%s)",
			st.Request, st.Charge, st.Amount, charge, charge.Nano())
	}
	if st.Transfers != TransfersOf(st.Hold) {
		return fault.New(fault.Invalid, "receipt for request %s: its transfers are not those of hold %s", st.Request, st.Hold)
	}
	return checkClaim(st)
}

func checkNames(st Statement) error {
	if st.Request.IsZero() || st.Hold.IsZero() {
		return fault.New(fault.Invalid, "receipt without a request or hold id")
	}
	for _, f := range []struct {
		name, value string
		required    bool
	}{
		{"tenant", string(st.Tenant), true},
		{"provider", string(st.Provider), true},
		{"site", string(st.Site), true},
		{"node", string(st.Node), true},
		{"gateway", st.Gateway, true},
		{"model", st.Model, true},
		{"offer", string(st.Offer), true},
		{"digest", st.Digest, false},
		{"tokenizer", st.Tokenizer, false},
	} {
		if f.required && f.value == "" {
			return fault.New(fault.Invalid, "receipt for request %s: %s is missing", st.Request, f.name)
		}
		if len(f.value) > NameMax {
			return fault.New(fault.Invalid, "receipt for request %s: %s has %d bytes, at most %d are allowed", st.Request, f.name, len(f.value), NameMax)
		}
	}
	switch st.End {
	case weir.EndStop, weir.EndLength, weir.EndCancelled, weir.EndFailed:
		return nil
	}
	return fault.New(fault.Invalid, "receipt for request %s: end %q: want stop, length, cancelled or failed", st.Request, st.End)
}

func checkNumbers(st Statement) error {
	if err := meter.Check(st.Usage); err != nil {
		return fault.New(fault.Invalid, "receipt for request %s: %w", st.Request, err)
	}
	if err := st.Prices.Check(); err != nil {
		return fault.New(fault.Invalid, "receipt for request %s: %w", st.Request, err)
	}
	if st.TTFT < 0 || st.Duration < st.TTFT {
		return fault.New(fault.Invalid, "receipt for request %s: first token after %s, end after %s", st.Request, st.TTFT, st.Duration)
	}
	return nil
}

// checkClaim compares the node's claim with the gateway's statement. They must speak of the
// same request; counts may differ, and then the receipt must say so.
func checkClaim(st Statement) error {
	if st.Claim == nil {
		if st.End != weir.EndFailed && st.End != weir.EndCancelled {
			return fault.New(fault.Invalid, "receipt for request %s: it ended with %s but carries no claim of the node", st.Request, st.End)
		}
		if st.Disputed {
			return fault.New(fault.Invalid, "receipt for request %s: disputed without a claim", st.Request)
		}
		return nil
	}
	c, err := OpenClaim(*st.Claim)
	if err != nil {
		return err
	}
	if err := meter.Check(c.Usage); err != nil {
		return fault.New(fault.Invalid, "claim for request %s: %w", st.Request, err)
	}
	for _, f := range []struct {
		name string
		same bool
	}{
		{"request", c.Request == st.Request},
		{"hold", c.Hold == st.Hold},
		{"node", c.Node == st.Node},
		{"model", c.Model == st.Model},
		{"digest", c.Digest == st.Digest},
	} {
		if !f.same {
			return fault.New(fault.Invalid, "receipt for request %s: the node's claim names another %s", st.Request, f.name)
		}
	}
	if disputed := c.Usage != st.Usage; disputed != st.Disputed {
		return fault.New(fault.Invalid, "receipt for request %s: disputed is %t, the node claims %+v, the gateway counts %+v", st.Request, st.Disputed, c.Usage, st.Usage)
	}
	return nil
}
