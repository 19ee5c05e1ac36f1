package market

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market/ledger"
	"github.com/weir-project/weir/market/receipt"
)

// trader drives an exchange with random commands, right and wrong ones, and keeps the books a
// second time, the plain way: what each hold came to.
type trader struct {
	w        *world
	commands []Command // accepted, as stamped
	hashes   [][32]byte
	events   []Event
	spent    weir.Nano // captured less refunded
	open     map[weir.ID]weir.Nano
	captured map[weir.ID]bool
	last     []Command // to repeat
}

func newTrader(t *rapid.T) *trader {
	m := &trader{open: map[weir.ID]weir.Nano{}, captured: map[weir.ID]bool{}}
	m.w = &world{t: t, x: New(), now: 1_000_000_000, node: testKey("node"), gateway: testKey("gateway")}
	for _, c := range []Command{
		{OpenTenant: &OpenTenant{Tenant: "acme"}},
		{Deposit: &Deposit{Tenant: "acme", Amount: weir.USD, Rail: "manual"}},
		{RegisterProvider: &RegisterProvider{Provider: "lab"}},
		{RegisterSigner: &RegisterSigner{Signer: Signer{Name: "n1", Role: RoleNode, Provider: "lab", Key: public(m.w.node)}}},
		{RegisterSigner: &RegisterSigner{Signer: Signer{Name: "g1", Role: RoleGateway, Key: public(m.w.gateway)}}},
		{PostOffer: &PostOffer{Offer: testOffer()}},
	} {
		if _, err := m.do(t, c); err != nil {
			t.Fatal(err)
		}
	}
	m.w.version = 6
	return m
}

// do applies a command and checks what must hold after any (invariants 6, 13 and those that
// Exchange.Check names).
func (m *trader) do(t *rapid.T, c Command) (Result, error) {
	if c.ID.IsZero() && c.Tick == nil {
		m.w.n++
		c.ID = testID("command %d", m.w.n)
	}
	before := m.w.x.Hash()
	c.At = m.w.now
	result, events, err := m.w.x.Apply(c)
	if err != nil || result.Replay {
		if m.w.x.Hash() != before || len(events) > 0 {
			t.Fatalf("%s changed the exchange though it was refused or repeated: %+v, %v", c.Kind(), result, err)
		}
		if err != nil && fault.KindOf(err) == fault.Internal {
			t.Fatalf("an error without a kind: %v", err)
		}
		return result, err
	}
	m.commands, m.hashes, m.events = append(m.commands, c), append(m.hashes, m.w.x.Hash()), append(m.events, events...)
	m.last = append(m.last, c)
	for _, e := range events {
		if e.Released != nil {
			delete(m.open, e.Released.Hold)
		}
	}
	return result, nil
}

func (m *trader) hold(t *rapid.T) {
	n := rapid.IntRange(0, 20).Draw(t, "hold")
	amount := weir.Nano(rapid.Int64Range(0, int64(weir.USD/3)).Draw(t, "amount"))
	c := Command{ID: testID("hold %d", n), Hold: &TakeHold{
		Tenant: "acme", Request: testID("request %d", rapid.IntRange(0, 20).Draw(t, "request")), Amount: amount,
		Timeout: time.Duration(rapid.Int64Range(1, 60).Draw(t, "seconds")) * time.Second,
	}}
	if r, err := m.do(t, c); err == nil && !r.Replay {
		m.open[c.ID] = amount
	}
}

func (m *trader) settle(t *rapid.T) {
	hold := testID("hold %d", rapid.IntRange(0, 20).Draw(t, "hold"))
	h, ok := m.w.x.Hold(hold)
	if !ok {
		return
	}
	u := weir.Usage{Input: weir.Tokens(rapid.IntRange(0, 1000).Draw(t, "input")), Output: weir.Tokens(rapid.IntRange(0, 100_000).Draw(t, "output"))}
	claimed := u
	claimed.Output += weir.Tokens(rapid.IntRange(0, 1).Draw(t, "excess"))
	r := m.w.sign(m.w.statement(hold, h.Request, u, claimed))
	result, err := m.do(t, Command{Settle: &Settle{Receipt: r}})
	if err != nil || result.Replay {
		return
	}
	if m.captured[hold] {
		t.Fatalf("hold %s is captured twice", hold)
	}
	m.captured[hold] = true
	delete(m.open, hold)
	m.spent += result.Settlement.Split.Charge
	if result.Settlement.Disputed != (claimed != u) {
		t.Fatalf("gateway counts %+v, node claims %+v, disputed is %t", u, claimed, result.Settlement.Disputed)
	}
}

func (m *trader) void(t *rapid.T) {
	_, _ = m.do(t, Command{Void: &Void{Hold: testID("hold %d", rapid.IntRange(0, 20).Draw(t, "hold"))}}) // refused or not: do checks
}

func (m *trader) refund(t *rapid.T) {
	amount := weir.Nano(rapid.Int64Range(1, 100_000_000).Draw(t, "amount"))
	if r, err := m.do(t, Command{Refund: &Refund{Hold: testID("hold %d", rapid.IntRange(0, 20).Draw(t, "hold")), Amount: amount}}); err == nil && !r.Replay {
		m.spent -= amount
	}
}

func (m *trader) passTime(t *rapid.T) {
	m.w.now = m.w.now.Add(time.Duration(rapid.Int64Range(0, 20).Draw(t, "seconds")) * time.Second)
	if _, err := m.do(t, Command{Tick: &Tick{}}); err != nil {
		t.Fatal(err)
	}
}

func (m *trader) fee(t *rapid.T) {
	if _, err := m.do(t, Command{SetFee: &SetFee{BasisPoints: rapid.IntRange(0, FeeMax).Draw(t, "fee")}}); err != nil {
		t.Fatal(err)
	}
}

// again repeats an accepted command: it is answered as a replay, whatever happened since.
func (m *trader) again(t *rapid.T) {
	c := rapid.SampledFrom(m.last).Draw(t, "command")
	if r, err := m.do(t, c); c.Tick == nil && (err != nil || !r.Replay) {
		t.Fatalf("%s repeated gives %+v, %v", c.Kind(), r, err)
	}
}

func (m *trader) check(t *rapid.T) {
	if err := m.w.x.Check(); err != nil {
		t.Fatal(err)
	}
	var held weir.Nano
	for _, n := range m.open {
		held += n
	}
	b, _ := m.w.x.Ledger().Balance(TenantAccount("acme"))
	if b.Posted() != weir.USD-m.spent || b.DebitsPending != held || b.Available() < 0 {
		t.Fatalf("the tenant has %s and %s held; %s deposited less %s spent, %s held", b.Posted(), b.DebitsPending, weir.USD, m.spent, held)
	}
}

// TestInvariants runs random commands and checks, after each, the invariants that the design
// numbers 6, 10 to 16, 19, 20 and 23; at the end 17: the accepted commands, through the codec,
// give the same state hash at every step, and followers of the events the same state.
func TestInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newTrader(t)
		t.Repeat(map[string]func(*rapid.T){
			"hold": m.hold, "hold2": m.hold, "settle": m.settle, "settle2": m.settle, "void": m.void,
			"refund": m.refund, "time": m.passTime, "fee": m.fee, "again": m.again, "": m.check,
		})
		x := New()
		for i, c := range m.commands {
			record, err := EncodeCommand(c)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := x.Recover(record); err != nil {
				t.Fatalf("%s was accepted live and is refused in replay: %v", c.Kind(), err)
			}
			if x.Hash() != m.hashes[i] {
				t.Fatalf("after command %d, %s, replay and live differ", i+1, c.Kind())
			}
		}
		d := NewDirectory(New().Snapshot())
		for _, e := range m.events {
			if err := d.Follow(throughJSON(t, e)); err != nil {
				t.Fatal(err)
			}
		}
		sameAsSnapshot(m.w.t, d, m.w.x.Snapshot())
	})
}

// throughJSON sends a value over a bus and back.
func throughJSON[T any](t rapid.TB, v T) T {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var back T
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&back); err != nil {
		t.Fatal(err)
	}
	return back
}

// TestWire sends a command, its result and its events over a bus: nothing is lost.
func TestWire(t *testing.T) {
	w := newWorld(t)
	hold, request := testID("hold"), testID("request")
	take := Command{ID: hold, Hold: &TakeHold{Tenant: "acme", Key: "k1", Request: request, Amount: weir.USD, Timeout: time.Minute}}
	w.must(take)
	u := weir.Usage{Input: 100, Output: 7}
	settle := Command{ID: testID("settle"), Settle: &Settle{Receipt: w.sign(w.statement(hold, request, u, u))}}
	for _, c := range []Command{take, settle} {
		if back := throughJSON(t, c); !reflect.DeepEqual(back, c) {
			t.Errorf("command read back as %+v, want %+v", back, c)
		}
	}
	result, events, err := w.do(throughJSON(t, settle))
	if err != nil {
		t.Fatal(err)
	}
	if back := throughJSON(t, result); !reflect.DeepEqual(back, result) {
		t.Errorf("result read back as %+v, want %+v", back, result)
	}
	events[0].Settled.Facts = receipt.Statement{} // does not travel: the document has it
	if back := throughJSON(t, events); !reflect.DeepEqual(back, events) {
		t.Errorf("events read back as %+v, want %+v", back, events)
	}
	if back, want := throughJSON(t, w.x.Snapshot()), w.x.Snapshot(); !reflect.DeepEqual(back, want) {
		t.Errorf("snapshot read back as %+v, want %+v", back, want)
	}
}

// TestCheckFinds breaks one thing at a time behind the exchange's back: the named invariant
// must see it. Without the check in question its line here fails.
func TestCheckFinds(t *testing.T) {
	f := func(problem string, breakIt func(x *Exchange)) {
		t.Helper()
		w := newWorld(t)
		u := weir.Usage{Input: 100, Output: 7}
		for _, name := range []string{"a", "b"} {
			hold, request := testID("hold %s", name), testID("request %s", name)
			w.must(Command{ID: hold, Hold: &TakeHold{Tenant: "acme", Request: request, Amount: weir.USD, Timeout: time.Minute}})
			if name == "a" {
				w.must(Command{Settle: &Settle{Receipt: w.sign(w.statement(hold, request, u, u))}})
			}
		}
		w.check()
		breakIt(w.x)
		if err := w.x.Check(); err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("got %v, want %q", err, problem)
		}
	}
	a, b := testID("hold a"), testID("hold b")
	move := func(x *Exchange, debit, credit ledger.Account) {
		if _, err := x.ledger.Apply(x.now, ledger.Transfer{ID: testID("stray"), Kind: ledger.Move, Debit: debit, Credit: credit, Amount: 5}); err != nil {
			t.Fatal(err)
		}
	}
	f("10: clearing is empty", func(x *Exchange) { move(x, TenantAccount("acme"), Clearing) })
	f("10: zero sum against the outside", func(x *Exchange) {
		x.open("mint", 0) // neither a rail nor anybody's: money from nowhere
		move(x, "mint", Fees)
	})
	f("12: each hold resolves once: hold", func(x *Exchange) { x.holds[a].State = HoldVoided })
	f("12: each hold resolves once: hold", func(x *Exchange) { x.holds[b].Deadline++ })
	f("12: each hold resolves once: open holds add up", func(x *Exchange) { x.holds[b].Amount++ })
	f("12: each hold resolves once: hold", func(x *Exchange) { x.holds[testID("ghost")] = &Hold{State: HoldOpen} })
	f("disagrees with the hold", func(x *Exchange) { x.holds[a].Captured++ })
	f("disagrees with the hold", func(x *Exchange) { x.holds[a].Receipt[0]++ })
	f("was charged under hold", func(x *Exchange) { x.requests[testID("request a")] = b })
	f("does not add up", func(x *Exchange) { x.settlements[a].Split.Fee++ })
	f("does not add up", func(x *Exchange) {
		x.settlements[a].Split.Charge++
		x.settlements[a].Split.Fee++
		x.holds[a].Captured++
	})
	f("rounding of hold", func(x *Exchange) { x.settlements[a].Split.Rounding += 2; x.settlements[a].Split.Fee -= 2 })
	f("refunded", func(x *Exchange) { x.holds[a].Refunded = x.holds[a].Captured + 1 })
	f("released", func(x *Exchange) { x.settlements[a].Released++ })
	f("captured without a settlement", func(x *Exchange) { delete(x.settlements, a) })
}
