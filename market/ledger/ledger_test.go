package ledger

import (
	"crypto/sha256"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
)

// id makes an id from a word.
func id(word string) (v weir.ID) {
	h := sha256.Sum256([]byte(word))
	copy(v[:], h[:])
	return v
}

// bank has a rail that money comes from, two limited accounts and an open one; a has 100.
func bank(t testing.TB) *Ledger {
	t.Helper()
	l := New()
	for _, a := range []struct {
		name  Account
		flags Flags
	}{{"rail", CreditsWithinDebits}, {"a", DebitsWithinCredits}, {"b", DebitsWithinCredits}, {"open", 0}} {
		if err := l.Open(a.name, a.flags); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Apply(1, Transfer{ID: id("deposit"), Kind: Move, Debit: "rail", Credit: "a", Amount: 100}); err != nil {
		t.Fatal(err)
	}
	return l
}

// move, pend, post and void are transfers named by their id.
func move(name string, debit, credit Account, n weir.Nano) Transfer {
	return Transfer{ID: id(name), Kind: Move, Debit: debit, Credit: credit, Amount: n}
}

func pend(name string, debit, credit Account, n weir.Nano, timeout time.Duration) Transfer {
	return Transfer{ID: id(name), Kind: Pend, Debit: debit, Credit: credit, Amount: n, Timeout: timeout}
}

func post(name, pending string, n weir.Nano) Transfer {
	return Transfer{ID: id(name), Kind: Post, Pending: id(pending), Amount: n}
}

func void(name, pending string) Transfer {
	return Transfer{ID: id(name), Kind: Void, Pending: id(pending)}
}

// show prints posted/available of every account.
func show(l *Ledger) string {
	var out []string
	for _, b := range l.Balances() {
		out = append(out, fmt.Sprintf("%s %d/%d", b.Account, int64(b.Posted()), int64(b.Available())))
	}
	return strings.Join(out, ", ")
}

func TestApply(t *testing.T) {
	f := func(want string, steps ...func(l *Ledger) error) {
		t.Helper()
		l := bank(t)
		for i, step := range steps {
			if err := step(l); err != nil {
				t.Fatalf("step %d: %v", i+1, err)
			}
		}
		if got := show(l); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if err := l.Check(); err != nil {
			t.Error(err)
		}
	}
	at := func(now weir.Instant, chain ...Transfer) func(*Ledger) error {
		return func(l *Ledger) error { _, err := l.Apply(now, chain...); return err }
	}
	tick := func(now weir.Instant) func(*Ledger) error {
		return func(l *Ledger) error { _, err := l.Tick(now); return err }
	}
	f("rail -100/-100, a 60/60, b 40/40, open 0/0", at(2, move("m", "a", "b", 40)))
	f("rail -100/-100, a 100/60, b 0/0, open 0/0", at(2, pend("p", "a", "b", 40, 0)))
	f("rail -100/-100, a 70/70, b 30/30, open 0/0", at(2, pend("p", "a", "b", 40, 0)), at(3, post("q", "p", 30)))
	f("rail -100/-100, a 100/100, b 0/0, open 0/0", at(2, pend("p", "a", "b", 40, 0)), at(3, post("q", "p", 0)))
	f("rail -100/-100, a 100/100, b 0/0, open 0/0", at(2, pend("p", "a", "b", 40, 0)), at(3, void("v", "p")))
	f("rail -100/-100, a 100/60, b 0/0, open 0/0", at(2, pend("p", "a", "b", 40, 8)), tick(9))
	f("rail -100/-100, a 100/100, b 0/0, open 0/0", at(2, pend("p", "a", "b", 40, 8)), tick(10))
	f("rail -100/-100, a 100/100, b 0/0, open 0/0", at(2, pend("p", "a", "b", 100, 8)), tick(10), at(10, pend("p2", "a", "b", 100, 8)), tick(99))
	// A chain: pend, post a part, pass it on; b never sees it stay.
	f("rail -100/-100, a 75/75, b 0/0, open 25/25", at(2, pend("p", "a", "b", 40, 0), post("q", "p", 25), move("m", "b", "open", 25)))
	// Money may leave through the rail, but not more than came in.
	f("rail 0/0, a 0/0, b 0/0, open 0/0", at(2, move("out", "a", "rail", 100)))
	// A correction is a new entry.
	f("rail -100/-100, a 90/90, b 10/10, open 0/0", at(2, move("m", "a", "b", 40)), at(3, Transfer{ID: id("c"), Kind: Move, Debit: "b", Credit: "a", Amount: 30, Corrects: id("m")}))
	// An account without a limit may stand on either side.
	f("rail -100/-100, a 100/100, b 7/7, open -7/-7", at(2, move("m", "open", "b", 7)))
}

// history is a bank with a pending transfer in each state and a move that is corrected in part.
// a has 100 - 5 posted - 10 moved + 4 back = 89, of which 20 are reserved.
func history(t *testing.T) *Ledger {
	t.Helper()
	l := bank(t)
	for _, chain := range [][]Transfer{
		{pend("open", "a", "b", 10, 0)},
		{pend("late", "a", "b", 10, 8)},
		{pend("posted", "a", "b", 10, 0), post("post", "posted", 5)},
		{pend("voided", "a", "b", 10, 0), void("void", "voided")},
		{move("moved", "a", "b", 10)},
		{Transfer{ID: id("part"), Kind: Move, Debit: "b", Credit: "a", Amount: 4, Corrects: id("moved")}},
	} {
		if _, err := l.Apply(2, chain...); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// TestApplyRefuses shows each refusal with its kind, and that it changes nothing.
func TestApplyRefuses(t *testing.T) {
	l := history(t)
	f := func(kind fault.Kind, problem string, now weir.Instant, chain ...Transfer) {
		t.Helper()
		before, entries := l.Hash(), l.Len()
		_, err := l.Apply(now, chain...)
		if err == nil || fault.KindOf(err) != kind || !strings.Contains(err.Error(), problem) {
			t.Errorf("got %v (%v), want %v: %s", err, fault.KindOf(err), kind, problem)
		}
		if l.Hash() != before || l.Len() != entries {
			t.Errorf("a refusal changed the ledger: %v", err)
		}
	}
	f(fault.Invalid, "chain of 0", 4)
	f(fault.Invalid, "chain of 65", 4, make([]Transfer, ChainMax+1)...)
	f(fault.Invalid, "time never runs backwards", 1, move("m", "a", "b", 1))
	f(fault.Invalid, "the id is zero", 4, Transfer{Kind: Move, Debit: "a", Credit: "b", Amount: 1})
	f(fault.Invalid, "unknown kind(0)", 4, Transfer{ID: id("m")})
	f(fault.Invalid, "ledger's own doing", 4, Transfer{ID: id("m"), Kind: Expire})
	f(fault.Invalid, "negative", 4, move("m", "a", "b", -1))
	f(fault.Invalid, "a move of nothing", 4, move("m", "a", "b", 0))
	f(fault.Invalid, "both", 4, move("m", "a", "a", 1))
	f(fault.NotFound, `no account "x" to debit`, 4, move("m", "x", "b", 1))
	f(fault.NotFound, `no account "x" to credit`, 4, move("m", "a", "x", 1))
	f(fault.Denied, "account a has $0.000000069 available, $0.00000007 is asked", 4, move("m", "a", "b", 70))
	f(fault.Denied, "account a has $0.000000069 available", 4, pend("m", "a", "b", 70, 0))
	f(fault.Denied, "account rail may take", 4, move("m", "open", "rail", 101))
	f(fault.Invalid, "overflows", 4, move("m", "open", "b", math.MaxInt64))
	f(fault.Invalid, "overflows", 4, pend("p1", "open", "b", math.MaxInt64, 0), pend("p2", "open", "b", 1, 0))
	f(fault.Invalid, "timeout", 4, pend("m", "a", "b", 1, -1))
	f(fault.Invalid, "timeout", 4, pend("m", "a", "b", 1, math.MaxInt64))
	f(fault.Invalid, "only a pending transfer has a timeout", 4, Transfer{ID: id("m"), Kind: Move, Debit: "a", Credit: "b", Amount: 1, Timeout: 1})
	f(fault.Invalid, "resolves nothing", 4, Transfer{ID: id("m"), Kind: Move, Debit: "a", Credit: "b", Amount: 1, Pending: id("open")})
	f(fault.NotFound, "is not recorded", 4, post("m", "nothing", 1))
	f(fault.Invalid, "not pending", 4, post("m", "moved", 1))
	f(fault.Invalid, "above the reserve", 4, post("m", "open", 11))
	f(fault.Conflict, "is posted already", 4, post("m", "posted", 1))
	f(fault.Conflict, "is posted already", 4, void("m", "posted"))
	f(fault.Conflict, "is voided already", 4, post("m", "voided", 1))
	f(fault.Expired, "expired at 1970-01-01T00:00:00.00000001Z", 10, post("m", "late", 1)) // at its instant, Tick or not
	f(fault.Expired, "expired at 1970-01-01T00:00:00.00000001Z", 10, void("m", "late"))
	f(fault.Invalid, "is between a and b", 4, Transfer{ID: id("m"), Kind: Post, Pending: id("open"), Debit: "b", Credit: "a", Amount: 1})
	f(fault.Invalid, "returns the whole reserve", 4, Transfer{ID: id("m"), Kind: Void, Pending: id("open"), Amount: 9})
	f(fault.Conflict, "occurs twice in the chain", 4, move("m", "a", "b", 1), move("m", "a", "b", 1))
	f(fault.NotFound, "which it corrects", 4, Transfer{ID: id("m"), Kind: Move, Debit: "b", Credit: "a", Amount: 1, Corrects: id("nothing")})
	f(fault.Invalid, "would reach $0.000000011", 4, Transfer{ID: id("m"), Kind: Move, Debit: "b", Credit: "a", Amount: 7, Corrects: id("moved")})
	f(fault.Invalid, "it moved nothing", 4, Transfer{ID: id("m"), Kind: Move, Debit: "b", Credit: "a", Amount: 1, Corrects: id("open")})
	f(fault.Invalid, "only a move corrects", 4, Transfer{ID: id("m"), Kind: Pend, Debit: "b", Credit: "a", Amount: 1, Corrects: id("moved")})
	// A chain that fails at its end takes its beginning with it, whatever that was.
	f(fault.Denied, "transfer 5 of 5", 4,
		move("m", "a", "b", 20), post("m2", "open", 10), pend("m3", "a", "open", 1, 5),
		Transfer{ID: id("m4"), Kind: Move, Debit: "b", Credit: "a", Amount: 6, Corrects: id("moved")}, move("m5", "a", "b", 1000))
	if err := l.Check(); err != nil {
		t.Error(err)
	}
	// The Pend of the refused chain must not come up in a later Tick.
	if got, err := l.Tick(1000); err != nil || len(got) != 1 || got[0].Pending != id("late") {
		t.Errorf("tick expires %+v, %v", got, err)
	}
}

func TestIdempotency(t *testing.T) {
	l := bank(t)
	chain := []Transfer{pend("p", "a", "b", 40, 5), post("q", "p", 30), move("m", "b", "open", 30)}
	first, err := l.Apply(2, chain...)
	if err != nil || first.Replay {
		t.Fatal(first, err)
	}
	before := l.Hash()
	again, err := l.Apply(99, chain...)
	if err != nil || !again.Replay || fmt.Sprint(again.Entries) != fmt.Sprint(first.Entries) || l.Hash() != before {
		t.Errorf("repeated: %+v, %v", again, err)
	}
	f := func(field string, change func(*Transfer)) {
		t.Helper()
		other := chain[2]
		change(&other)
		_, err := l.Apply(99, other)
		if fault.KindOf(err) != fault.Conflict || !strings.HasSuffix(err.Error(), "another "+field) {
			t.Errorf("got %v, want a conflict about %s", err, field)
		}
	}
	f("kind", func(v *Transfer) { v.Kind = Pend })
	f("debit account", func(v *Transfer) { v.Debit = "a" })
	f("credit account", func(v *Transfer) { v.Credit = "a" })
	f("amount", func(v *Transfer) { v.Amount++ })
	f("pending", func(v *Transfer) { v.Pending = id("p") })
	f("corrects", func(v *Transfer) { v.Corrects = id("q") })
	f("timeout", func(v *Transfer) { v.Timeout = 1 })
	f("reason", func(v *Transfer) { v.Reason = "other" })
	f("ref", func(v *Transfer) { v.Ref = id("x") })
	if _, err := l.Apply(99, chain[2], move("new", "a", "b", 1)); fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "1 of the chain's 2") {
		t.Errorf("a chain known in part: %v", err)
	}
	if l.Hash() != before {
		t.Error("conflicts changed the ledger")
	}
}

func TestTickOrder(t *testing.T) {
	l := bank(t)
	for i, timeout := range []time.Duration{30, 10, 20, 10, 40} {
		if _, err := l.Apply(2, pend(fmt.Sprint(i), "a", "b", weir.Nano(i+1), timeout)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Apply(3, void("v", "2")); err != nil {
		t.Fatal(err)
	}
	if at, ok := l.NextExpiry(); !ok || at != 12 {
		t.Errorf("next expiry at %d, %t", at, ok)
	}
	entries, err := l.Tick(35)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, fmt.Sprintf("%d@%d", int64(e.Amount), int64(e.At)))
	}
	if s := strings.Join(got, " "); s != "2@35 4@35 1@35" { // by deadline, then by recording
		t.Errorf("expired %s", s)
	}
	if got := l.Touched(); len(got) != 2 || got[0].Account != "a" || got[1].Account != "b" {
		t.Errorf("touched %+v", got)
	}
	if _, err := l.Tick(34); fault.KindOf(err) != fault.Invalid {
		t.Errorf("tick backwards: %v", err)
	}
	if err := l.Check(); err != nil {
		t.Error(err)
	}
}

func TestOpen(t *testing.T) {
	l := bank(t)
	f := func(name Account, flags Flags, kind fault.Kind, ok bool) {
		t.Helper()
		if err := l.Open(name, flags); (err == nil) != ok || !ok && fault.KindOf(err) != kind {
			t.Errorf("open %q: %v", name, err)
		}
	}
	f("a", DebitsWithinCredits, 0, true)
	f("a", 0, fault.Conflict, false)
	f("", 0, fault.Invalid, false)
	if _, ok := l.Balance("nobody"); ok {
		t.Error("an account that was never opened has a balance")
	}
}

// TestCheckFinds breaks one thing at a time behind the ledger's back; Check must see it.
func TestCheckFinds(t *testing.T) {
	f := func(problem string, breakIt func(l *Ledger)) {
		t.Helper()
		l := bank(t)
		if _, err := l.Apply(2, pend("p", "a", "b", 40, 5)); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Apply(3, post("q", "p", 30)); err != nil {
			t.Fatal(err)
		}
		if err := l.Check(); err != nil {
			t.Fatal(err)
		}
		breakIt(l)
		if err := l.Check(); err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("got %v, want %q", err, problem)
		}
	}
	f("account a stands at", func(l *Ledger) { l.accounts[1].Debits++ })
	f("account b stands at", func(l *Ledger) { l.accounts[2].CreditsPending++ })
	f("has sequence number", func(l *Ledger) { l.entries.at(1).Seq = 7 })
	f("a second time", func(l *Ledger) {
		l.record(Transfer{ID: id("again"), Kind: Void, Debit: "a", Credit: "b", Amount: 40, Pending: id("p")})
	})
	f("not recorded before it", func(l *Ledger) { l.entries.at(2).Pending = id("other") })
	f("is voided, its entries say posted", func(l *Ledger) { l.state[1] = Voided })
	f("available", func(l *Ledger) { l.entries.at(0).Amount = 20 })
}

func TestKindText(t *testing.T) {
	for k := Move; k <= Expire; k++ {
		text, err := k.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back Kind
		if err := back.UnmarshalText(text); err != nil || back != k {
			t.Errorf("%s read back as %s, %v", k, back, err)
		}
	}
	var k Kind
	for _, s := range []string{"", "steal"} {
		if err := k.UnmarshalText([]byte(s)); err == nil {
			t.Errorf("kind %q accepted", s)
		}
	}
}

// BenchmarkSettle is what a request costs in the ledger: pend, then post and pass on.
func BenchmarkSettle(b *testing.B) {
	l := New()
	for _, name := range []Account{"tenant", "clearing", "provider", "fees"} {
		if err := l.Open(name, 0); err != nil {
			b.Fatal(err)
		}
	}
	var n uint64
	next := func() (id weir.ID) {
		n++
		for i := range 8 {
			id[i] = byte(n >> (8 * i))
		}
		return id
	}
	b.ReportAllocs()
	for b.Loop() {
		hold := next()
		if _, err := l.Apply(weir.Instant(n), Transfer{ID: hold, Kind: Pend, Debit: "tenant", Credit: "clearing", Amount: 100, Timeout: time.Minute}); err != nil {
			b.Fatal(err)
		}
		if _, err := l.Apply(weir.Instant(n),
			Transfer{ID: next(), Kind: Post, Pending: hold, Amount: 40},
			Transfer{ID: next(), Kind: Move, Debit: "clearing", Credit: "provider", Amount: 38},
			Transfer{ID: next(), Kind: Move, Debit: "clearing", Credit: "fees", Amount: 2},
		); err != nil {
			b.Fatal(err)
		}
	}
}
