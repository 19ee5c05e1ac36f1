package centre

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/centre/readmodel"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market"
	"github.com/weir-project/weir/market/ledger"
	"github.com/weir-project/weir/market/receipt"
)

var prices = weir.Prices{Input: 550_000, Cached: 55_000, Output: 2_190_000}

func key(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

func idOf(format string, args ...any) (id weir.ID) {
	h := sha256.Sum256(fmt.Appendf(nil, format, args...))
	copy(id[:], h[:])
	return id
}

// setUp is what an operator does first; each command has a fixed id, so it may be repeated.
func setUp(ctx context.Context, c *Centre) error {
	digest := sha256.Sum256([]byte("secret"))
	for i, cmd := range []market.Command{
		{OpenTenant: &market.OpenTenant{Tenant: "acme"}},
		{AddKey: &market.AddKey{Key: "k1", Tenant: "acme", Digest: hex.EncodeToString(digest[:])}},
		{Deposit: &market.Deposit{Tenant: "acme", Amount: 1_000_000 * weir.USD, Rail: "manual"}},
		{RegisterProvider: &market.RegisterProvider{Provider: "lab"}},
		{RegisterSigner: &market.RegisterSigner{Signer: market.Signer{Name: "n1", Role: market.RoleNode, Provider: "lab", Key: public(key("node"))}}},
		{RegisterSigner: &market.RegisterSigner{Signer: market.Signer{Name: "g1", Role: market.RoleGateway, Key: public(key("gateway"))}}},
		{SetFee: &market.SetFee{BasisPoints: 500}},
		{PostOffer: &market.PostOffer{Offer: weir.Offer{ID: "o1", Provider: "lab", Site: "s1", Node: "n1", Model: "tiny", Prices: prices, Context: 4096, Streams: 4}}},
	} {
		cmd.ID = idOf("set up %d", i)
		if _, err := c.Do(ctx, cmd); err != nil {
			return err
		}
	}
	return nil
}

// offerVersion is that of the only offer in setUp: it is the eighth command.
const offerVersion = 8

func holdCommand(n string) market.Command {
	return market.Command{ID: idOf("hold %s", n), Hold: &market.TakeHold{
		Tenant: "acme", Key: "k1", Request: idOf("request %s", n), Amount: weir.USD / 100, Timeout: time.Hour,
	}}
}

// settleCommand settles holdCommand(n) with u tokens of output; equal arguments give equal
// commands, so it can be repeated after a crash.
func settleCommand(n string, output weir.Tokens) (market.Command, error) {
	hold, request := idOf("hold %s", n), idOf("request %s", n)
	u := weir.Usage{Input: 100, Output: output}
	claim, err := receipt.SignClaim(weir.Claim{Request: request, Hold: hold, Node: "n1", Model: "tiny", Usage: u, End: weir.EndStop, Duration: time.Second}, key("node"))
	if err != nil {
		return market.Command{}, err
	}
	r, err := receipt.Sign(receipt.Statement{
		Request: request, Hold: hold, Tenant: "acme", Provider: "lab", Site: "s1", Node: "n1", Gateway: "g1", Model: "tiny",
		Offer: "o1", PriceVersion: offerVersion, Prices: prices, Usage: u, Duration: time.Second, Ended: 1, End: weir.EndStop, Claim: &claim,
	}, key("gateway"))
	return market.Command{ID: idOf("settle %s", n), Settle: &market.Settle{Receipt: r}}, err
}

func mustOpen(t testing.TB, config Config) *Centre {
	t.Helper()
	c, err := Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustClose(t testing.TB, c *Centre) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

func mustDo(t testing.TB, c *Centre, cmd market.Command) market.Result {
	t.Helper()
	r, err := c.Do(t.Context(), cmd)
	if err != nil {
		t.Fatalf("%s: %v", cmd.Kind(), err)
	}
	return r
}

func mustSettle(t testing.TB, c *Centre, n string, output weir.Tokens) market.Result {
	t.Helper()
	mustDo(t, c, holdCommand(n))
	cmd, err := settleCommand(n, output)
	if err != nil {
		t.Fatal(err)
	}
	return mustDo(t, c, cmd)
}

func mustCheck(t testing.TB, dir string) Report {
	t.Helper()
	r, err := Check(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Clean() {
		t.Fatalf("the books are not clean: %s", strings.Join(r.Problems, "\n"))
	}
	return r
}

func stateHash(t testing.TB, c *Centre) (hash [32]byte) {
	t.Helper()
	if err := c.Read(t.Context(), func(x *market.Exchange) { hash = x.Hash() }); err != nil {
		t.Fatal(err)
	}
	return hash
}

func TestCentre(t *testing.T) {
	dir := t.TempDir()
	c := mustOpen(t, Config{Dir: dir})
	if err := setUp(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	first := mustSettle(t, c, "a", 10)
	if first.Settlement == nil || first.Settlement.Split.Charge != 76_900 {
		t.Errorf("settled %+v", first)
	}
	mustDo(t, c, holdCommand("b"))
	mustDo(t, c, market.Command{ID: idOf("void b"), Void: &market.Void{Hold: idOf("hold b")}})
	mustDo(t, c, holdCommand("c"))
	live := stateHash(t, c)
	snapshot, err := c.Snapshot(t.Context())
	if err != nil || len(snapshot.Holds) != 1 || snapshot.Seq != 13 {
		t.Errorf("snapshot has %d open holds at event %d, %v", len(snapshot.Holds), snapshot.Seq, err)
	}
	mustClose(t, c)
	if _, err := c.Do(t.Context(), holdCommand("d")); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("after close: %v", err)
	}
	r := mustCheck(t, dir)
	if r.Holds != 3 || r.Open != 1 || r.Receipts != 1 || r.Commands != 13 || r.Deposited != 1_000_000*weir.USD || r.Hash != hex.EncodeToString(live[:]) {
		t.Errorf("report %+v", r)
	}
	if r.Model != "13 of 13 events" {
		t.Errorf("read model: %s", r.Model)
	}

	c = mustOpen(t, Config{Dir: dir})
	if again := stateHash(t, c); again != live {
		t.Errorf("replay gives %x, the live state was %x", again, live)
	}
	cmd, err := settleCommand("a", 10)
	if err != nil {
		t.Fatal(err)
	}
	if again := mustDo(t, c, cmd); !again.Replay || *again.Settlement != *first.Settlement || again.Seq != first.Seq {
		t.Errorf("repeated after a restart: %+v, first %+v", again, first)
	}
	mustClose(t, c)
	mustCheck(t, dir)
}

func TestQueries(t *testing.T) {
	dir := t.TempDir()
	c := mustOpen(t, Config{Dir: dir})
	if err := setUp(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		mustSettle(t, c, fmt.Sprint(i), weir.Tokens(10+i))
	}
	mustClose(t, c) // brings the model up to date
	m, err := readmodel.Open(t.Context(), modelPath(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}()
	entries := func(f readmodel.EntryFilter, want string) {
		t.Helper()
		got, err := m.Entries(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, e := range got {
			out = append(out, fmt.Sprintf("%d:%s", e.Seq, e.Reason))
		}
		if s := strings.Join(out, " "); s != want {
			t.Errorf("%+v: got %s, want %s", f, s, want)
		}
	}
	entries(readmodel.EntryFilter{Reason: market.ReasonDeposit}, "1:deposit")
	entries(readmodel.EntryFilter{Ref: idOf("request 1")}, "6:hold 7:capture 8:payout 9:fee")
	entries(readmodel.EntryFilter{Account: market.Fees, Limit: 2}, "5:fee 9:fee")
	entries(readmodel.EntryFilter{Account: market.Fees, Limit: 2, Newest: true}, "17:fee 21:fee")
	entries(readmodel.EntryFilter{Account: market.Fees, Limit: 2, After: 9}, "13:fee 17:fee")
	entries(readmodel.EntryFilter{Account: market.Fees, Until: 1}, "")
	if _, err := m.Entries(t.Context(), readmodel.EntryFilter{Limit: readmodel.LimitMax + 1}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("limit too high: %v", err)
	}
	byRequest, err := m.Receipt(t.Context(), idOf("request 3"))
	if err != nil || byRequest.Hold != idOf("hold 3") || byRequest.Statement.Usage.Output != 13 {
		t.Errorf("receipt of request 3: %+v, %v", byRequest, err)
	}
	if byID, err := m.Receipt(t.Context(), byRequest.Settlement.Receipt); err != nil || byID.Seq != byRequest.Seq {
		t.Errorf("receipt by id: %+v, %v", byID, err)
	}
	if err := receipt.Verify(byRequest.Document, public(key("node")), public(key("gateway"))); err != nil {
		t.Errorf("a stored receipt does not verify: %v", err)
	}
	if _, err := m.Receipt(t.Context(), idOf("nothing")); fault.KindOf(err) != fault.NotFound {
		t.Errorf("no receipt: %v", err)
	}
	if rs, err := m.Receipts(t.Context(), readmodel.ReceiptFilter{Tenant: "acme", Node: "n1", Limit: 3}); err != nil || len(rs) != 3 {
		t.Errorf("%d receipts, %v", len(rs), err)
	}
	if rs, err := m.Receipts(t.Context(), readmodel.ReceiptFilter{Disputed: true}); err != nil || len(rs) != 0 {
		t.Errorf("%d disputed receipts, %v", len(rs), err)
	}
	accounts, err := m.Accounts(t.Context())
	if err != nil || len(accounts) != 6 {
		t.Errorf("%d accounts, %v", len(accounts), err)
	}
}

// TestRebuild loses the read model in several ways; the books say so or it comes back.
func TestRebuild(t *testing.T) {
	dir := t.TempDir()
	c := mustOpen(t, Config{Dir: dir})
	if err := setUp(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	mustSettle(t, c, "a", 10)
	if err := Rebuild(t.Context(), dir); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("rebuild beside a running centre: %v", err)
	}
	mustClose(t, c)
	exec := func(query string) {
		t.Helper()
		if err := execSQL(t, modelPath(dir), query); err != nil {
			t.Fatal(err)
		}
	}
	broken := func(want string) {
		t.Helper()
		r, err := Check(t.Context(), dir)
		if err != nil || r.Clean() || !strings.Contains(strings.Join(r.Problems, "\n"), want) {
			t.Errorf("check finds %q, %v; want %q", r.Problems, err, want)
		}
	}
	exec(`UPDATE accounts SET credits = credits + 1 WHERE account = 'tenant:acme'`)
	broken("read model: accounts row")
	exec(`DELETE FROM entries WHERE seq = 2`)
	broken("read model: entries has")
	exec(`UPDATE progress SET event_seq = 99`)
	broken("another history")
	if err := Rebuild(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if r := mustCheck(t, dir); r.Model != "10 of 10 events" {
		t.Errorf("rebuilt model has %s", r.Model)
	}
	// A running centre repairs a model that is behind or ahead by itself.
	exec(`UPDATE progress SET event_seq = 99`)
	c = mustOpen(t, Config{Dir: dir})
	mustSettle(t, c, "b", 10)
	mustClose(t, c)
	mustCheck(t, dir)
	if err := os.Remove(modelPath(dir)); err != nil {
		t.Fatal(err)
	}
	if r := mustCheck(t, dir); r.Model != "absent" {
		t.Errorf("without a model: %s", r.Model)
	}
	mustClose(t, mustOpen(t, Config{Dir: dir}))
	if r := mustCheck(t, dir); r.Model != "12 of 12 events" {
		t.Errorf("model made anew has %s", r.Model)
	}
}

// TestExpiry moves the clock: holds expire at their instant, before any later command, and time
// never runs backwards even if the wall clock does.
func TestExpiry(t *testing.T) {
	dir := t.TempDir()
	clock := &wallClock{now: time.Unix(1_800_000_000, 0)}
	c := mustOpen(t, Config{Dir: dir, Now: clock.read})
	if err := setUp(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	cmd := holdCommand("a")
	deadline := mustDo(t, c, cmd).Deadline
	settle, err := settleCommand("a", 10)
	if err != nil {
		t.Fatal(err)
	}
	clock.set(deadline.Time())
	if _, err := c.Do(t.Context(), settle); fault.KindOf(err) != fault.Expired {
		t.Errorf("settling at the deadline: %v", err)
	}
	if h, err := c.Hold(t.Context(), cmd.ID); err != nil || h.State != market.HoldExpired {
		t.Errorf("hold %+v, %v", h, err)
	}
	clock.set(time.Unix(0, 0))
	if r := mustDo(t, c, holdCommand("b")); r.At != deadline {
		t.Errorf("with the wall clock set back, a command is at %d, the one before at %d", r.At, deadline)
	}
	mustClose(t, c)
	mustCheck(t, dir)
}

// TestIdleExpiry waits for the ticker: nobody needs to ask for a hold to expire.
func TestIdleExpiry(t *testing.T) {
	clock := &wallClock{now: time.Unix(1_800_000_000, 0)}
	c := mustOpen(t, Config{Dir: t.TempDir(), Now: clock.read, WithoutReadModel: true})
	if err := setUp(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	snapshot, err := c.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	deadline := mustDo(t, c, holdCommand("a")).Deadline
	clock.set(deadline.Time())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for e, err := range c.Subscribe(ctx, snapshot.Seq) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Released != nil {
			if e.Released.State != market.HoldExpired || len(e.Entries) != 1 || len(e.Balances) != 2 {
				t.Errorf("expired: %+v", e)
			}
			break
		}
	}
	mustClose(t, c)
}

type wallClock struct {
	mu  sync.Mutex // guards the fields below
	now time.Time
}

func (c *wallClock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *wallClock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

// TestConcurrentCallers has many callers spend one balance at once: it is never overdrawn, and
// a follower that starts from a snapshot ends with the same balances.
func TestConcurrentCallers(t *testing.T) {
	dir := t.TempDir()
	c := mustOpen(t, Config{Dir: dir})
	if err := setUp(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	snapshot, err := c.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d := market.NewDirectory(snapshot)
	const callers = 200
	// Each asks for a hundredth of the balance: exactly a hundred pass.
	var passed, refused int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			cmd := holdCommand(fmt.Sprint(i))
			cmd.Hold.Amount = 10_000 * weir.USD
			_, err := c.Do(t.Context(), cmd)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				passed++
			case fault.KindOf(err) == fault.Denied:
				refused++
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if passed != 100 || refused != 100 {
		t.Errorf("%d passed, %d refused", passed, refused)
	}
	for e, err := range c.Subscribe(t.Context(), d.Seq()) {
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Follow(e); err != nil {
			t.Fatal(err)
		}
		if len(d.OpenHolds()) == passed {
			break
		}
	}
	if b, _ := d.Balance(market.TenantAccount("acme")); b.Available() != 0 {
		t.Errorf("the follower has %s available", b.Available())
	}
	mustClose(t, c)
	mustCheck(t, dir)
}

// TestDamage flips a bit of an acknowledged record: the centre does not open, the check says where.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	c := mustOpen(t, Config{Dir: dir})
	if err := setUp(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	mustSettle(t, c, "a", 10)
	mustClose(t, c)
	files, err := filepath.Glob(filepath.Join(journalDir(dir), "*.journal"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(files[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := Open(t.Context(), Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "journal is damaged") {
		t.Errorf("opened %v, %v", c, err)
	}
	r, err := Check(t.Context(), dir)
	if err != nil || r.Clean() || !strings.Contains(r.Problems[0], "offset") {
		t.Errorf("check: %+v, %v", r, err)
	}
}

// TestEventsKept asks for events that the centre no longer has or never had.
func TestEventsKept(t *testing.T) {
	h := newHub()
	publish := func(n int) {
		var events []market.Event
		for range n {
			events = append(events, market.Event{Seq: h.latest() + uint64(len(events)) + 1})
		}
		h.publish(events)
	}
	f := func(after uint64, want int, kind fault.Kind) {
		t.Helper()
		got, _, err := h.since(after)
		if len(got) != want || (err != nil || kind != fault.Internal) && fault.KindOf(err) != kind {
			t.Errorf("since %d: %d events, %v; want %d, %v", after, len(got), err, want, kind)
		}
		if want > 0 && got[0].Seq != after+1 {
			t.Errorf("since %d: starts at %d", after, got[0].Seq)
		}
	}
	f(0, 0, fault.Internal)
	f(1, 0, fault.Expired)
	publish(10)
	f(0, 10, fault.Internal)
	f(7, 3, fault.Internal)
	f(11, 0, fault.Expired)
	for range 5 {
		publish(EventsKept / 2)
	}
	f(0, 0, fault.Expired)
	f(h.latest()-EventsKept, EventsKept, fault.Internal)
	h.close()
	f(h.latest()-1, 1, fault.Internal)
	f(h.latest(), 0, fault.Unavailable)
}

// TestCancelledCaller gives up; the command may still be carried out, and repeating it tells.
func TestCancelledCaller(t *testing.T) {
	c := mustOpen(t, Config{Dir: t.TempDir(), WithoutReadModel: true})
	if err := setUp(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Do(ctx, holdCommand("a"))
	if err != nil && (!errors.Is(err, context.Canceled) || fault.KindOf(err) != fault.Unavailable) {
		t.Errorf("cancelled: %v", err)
	}
	mustDo(t, c, holdCommand("a"))
	if b, err := c.Snapshot(t.Context()); err != nil || len(b.Holds) != 1 {
		t.Errorf("%d holds, %v", len(b.Holds), err)
	}
	if b := balance(t, c, "acme"); b.DebitsPending != weir.USD/100 {
		t.Errorf("held %s", b.DebitsPending)
	}
	mustClose(t, c)
}

func balance(t *testing.T, c *Centre, tenant weir.TenantID) (b ledger.Balance) {
	t.Helper()
	if err := c.Read(t.Context(), func(x *market.Exchange) { b, _ = x.Ledger().Balance(market.TenantAccount(tenant)) }); err != nil {
		t.Fatal(err)
	}
	return b
}
