package market

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/invariant"
	"github.com/weir-project/weir/market/ledger"
	"github.com/weir-project/weir/market/receipt"
)

// Check verifies what must hold after every command and names the first thing that does not.
// The numbers are those of the invariants in the exchange's design. It reads the whole state.
func (x *Exchange) Check() error {
	for _, c := range []struct {
		name  string
		check func() error
	}{
		{"10, 11, 12, 14: ledger", x.ledger.Check},
		{"10: clearing is empty", x.checkClearing},
		{"10: zero sum against the outside", x.checkOutside},
		{"12: each hold resolves once", x.checkHolds},
		{"15, 16, 19: each receipt is settled once, exactly", x.checkSettlements},
	} {
		if err := c.check(); err != nil {
			return fmt.Errorf("invariant %s: %w", c.name, err)
		}
	}
	return nil
}

func (x *Exchange) checkClearing() error {
	b, _ := x.ledger.Balance(Clearing)
	if b.Posted() != 0 {
		return fmt.Errorf("%s lies in clearing", b.Posted())
	}
	return nil
}

// checkOutside compares what those inside have with what came in through the rails.
func (x *Exchange) checkOutside() error {
	var inside, outside weir.Nano
	for _, b := range x.ledger.Balances() {
		switch kind, id, _ := strings.Cut(string(b.Account), ":"); {
		case b.Account == Clearing, b.Account == Fees, b.Account == Rounding,
			kind == "tenant" && x.tenants[weir.TenantID(id)].Tenant != "",
			kind == "provider" && x.providers[weir.ProviderID(id)].Provider != "":
			inside += b.Posted()
		case kind == "rail":
			outside -= b.Posted()
		}
	}
	if inside != outside {
		return fmt.Errorf("%s inside, %s came in", inside, outside)
	}
	return nil
}

// holdStates maps the ledger's word for the end of a pending transfer to that for a hold.
var holdStates = [...]HoldState{
	ledger.Open: HoldOpen, ledger.Posted: HoldCaptured, ledger.Voided: HoldVoided, ledger.Expired: HoldExpired,
}

func (x *Exchange) checkHolds() error {
	var open weir.Nano
	for _, id := range slices.SortedFunc(maps.Keys(x.holds), compareIDs) {
		h := x.holds[id]
		state, deadline, ok := x.ledger.Pending(id)
		if !ok {
			return fmt.Errorf("hold %s has no pending transfer", id)
		}
		if holdStates[state] != h.State {
			return fmt.Errorf("hold %s is %s, its pending transfer %s", id, h.State, state)
		}
		if deadline != h.Deadline {
			return fmt.Errorf("hold %s ends at %s, its pending transfer at %s", id, h.Deadline, deadline)
		}
		if h.State == HoldOpen {
			open += h.Amount
		}
	}
	b, _ := x.ledger.Balance(Clearing)
	if b.CreditsPending != open {
		return fmt.Errorf("open holds add up to %s, %s is pending", open, b.CreditsPending)
	}
	return nil
}

func (x *Exchange) checkSettlements() error {
	receipts := make(map[weir.ID]weir.ID, len(x.settlements))
	for _, id := range slices.SortedFunc(maps.Keys(x.settlements), compareIDs) {
		h, s := x.holds[id], x.settlements[id]
		if h == nil || h.State != HoldCaptured || h.Receipt != s.Receipt || h.Captured != s.Split.Charge {
			return fmt.Errorf("settlement of hold %s disagrees with the hold", id)
		}
		if other, ok := receipts[s.Receipt]; ok {
			return fmt.Errorf("receipt %s settled holds %s and %s", s.Receipt, other, id)
		}
		receipts[s.Receipt] = id
		if x.requests[h.Request] != id {
			return fmt.Errorf("request %s was charged under hold %s and held again", h.Request, id)
		}
		if s.Split.Charge != s.Charge.Nano() || s.Split.Charge != s.Split.Payout+s.Split.Fee+s.Split.Rounding {
			return fmt.Errorf("split of hold %s does not add up: %+v of %s pico-USD", id, s.Split, s.Charge)
		}
		if s.Split.Rounding < 0 || s.Split.Rounding > 1 {
			return fmt.Errorf("rounding of hold %s is %d", id, int64(s.Split.Rounding))
		}
		if h.Refunded > h.Captured || s.Released != h.Amount-h.Captured {
			return fmt.Errorf("hold %s: held %s, captured %s, released %s, refunded %s", id, h.Amount, h.Captured, s.Released, h.Refunded)
		}
		capture, ok := x.ledger.Entry(receipt.TransfersOf(id).Capture)
		if !ok || capture.Pending != id || capture.Amount != s.Split.Charge {
			return fmt.Errorf("hold %s: its capture is not booked as settled", id)
		}
	}
	for id, h := range x.holds {
		if h.State == HoldCaptured && x.settlements[id] == nil {
			return fmt.Errorf("hold %s is captured without a settlement", id)
		}
	}
	return nil
}

func compareIDs(a, b weir.ID) int { return bytes.Compare(a[:], b[:]) }

// Hash digests the whole state, history and idempotency keys included. Equal command
// sequences give equal hashes, live or replayed, on every machine.
func (x *Exchange) Hash() [sha256.Size]byte {
	h := sha256.New()
	e := json.NewEncoder(h)
	put := func(v any) {
		err := e.Encode(v)
		invariant.Check(err == nil, "encode state: %v", err)
	}
	put([]uint64{uint64(x.now), x.seq, x.events, uint64(x.fee), uint64(x.offerDue)})
	put(x.Snapshot())
	for _, id := range slices.SortedFunc(maps.Keys(x.holds), compareIDs) {
		put(x.holds[id])
		put(x.settlements[id])
	}
	for _, id := range slices.SortedFunc(maps.Keys(x.requests), compareIDs) {
		put([]weir.ID{id, x.requests[id]})
	}
	for _, v := range slices.Sorted(maps.Keys(x.versions)) {
		put(x.versions[v])
	}
	for _, c := range x.closed {
		put([]uint64{c.version, uint64(c.at)})
	}
	for _, id := range slices.SortedFunc(maps.Keys(x.seen), compareIDs) {
		a := x.seen[id]
		h.Write(binary.BigEndian.AppendUint64(append(id[:], a.digest[:]...), a.result.Seq))
	}
	money := x.ledger.Hash()
	h.Write(money[:])
	return [sha256.Size]byte(h.Sum(nil))
}
