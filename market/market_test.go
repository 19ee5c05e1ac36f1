package market

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/market/receipt"
)

// world is an exchange with one tenant, provider, node, gateway and offer, and a clock that
// only the test moves.
type world struct {
	t       rapid.TB
	x       *Exchange
	now     weir.Instant
	n       int
	node    ed25519.PrivateKey
	gateway ed25519.PrivateKey
	version uint64
}

var testPrices = weir.Prices{Input: 550_000, Cached: 55_000, Output: 2_190_000}

func newWorld(t rapid.TB) *world {
	w := &world{t: t, x: New(), now: 1_000_000_000, node: testKey("node"), gateway: testKey("gateway")}
	w.must(Command{OpenTenant: &OpenTenant{Tenant: "acme"}})
	w.must(Command{AddKey: &AddKey{Key: "k1", Tenant: "acme", Digest: digestOf("secret")}})
	w.must(Command{Deposit: &Deposit{Tenant: "acme", Amount: 100 * weir.USD, Rail: "manual"}})
	w.must(Command{RegisterProvider: &RegisterProvider{Provider: "lab"}})
	w.must(Command{RegisterSigner: &RegisterSigner{Signer: Signer{Name: "n1", Role: RoleNode, Provider: "lab", Key: public(w.node)}}})
	w.must(Command{RegisterSigner: &RegisterSigner{Signer: Signer{Name: "g1", Role: RoleGateway, Key: public(w.gateway)}}})
	w.must(Command{SetFee: &SetFee{BasisPoints: 500}})
	w.version = w.must(Command{PostOffer: &PostOffer{Offer: testOffer()}}).Version
	return w
}

func testOffer() weir.Offer {
	return weir.Offer{ID: "o1", Provider: "lab", Site: "s1", Node: "n1", Model: "tiny", Prices: testPrices, Context: 4096, Streams: 4}
}

func testKey(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

func digestOf(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

// testID makes an id from a word.
func testID(format string, args ...any) (id weir.ID) {
	h := sha256.Sum256(fmt.Appendf(nil, format, args...))
	copy(id[:], h[:])
	return id
}

// do applies a command at the world's time, under a fresh id unless it has one.
func (w *world) do(c Command) (Result, []Event, error) {
	if c.ID.IsZero() {
		w.n++
		c.ID = testID("command %d", w.n)
	}
	c.At = w.now
	return w.x.Apply(c)
}

func (w *world) must(c Command) Result {
	w.t.Helper()
	r, _, err := w.do(c)
	if err != nil {
		w.t.Fatalf("%s: %v", c.Kind(), err)
	}
	return r
}

// statement is what the gateway says of a request under a hold.
func (w *world) statement(hold, request weir.ID, usage, claimed weir.Usage) receipt.Statement {
	w.t.Helper()
	claim, err := receipt.SignClaim(weir.Claim{
		Request: request, Hold: hold, Node: "n1", Model: "tiny", Usage: claimed, End: weir.EndStop,
		TTFT: 20 * time.Millisecond, Duration: time.Second,
	}, w.node)
	if err != nil {
		w.t.Fatal(err)
	}
	return receipt.Statement{
		Request: request, Hold: hold, Tenant: "acme", Provider: "lab", Site: "s1", Node: "n1", Gateway: "g1",
		Model: "tiny", Offer: "o1", PriceVersion: w.version, Prices: testPrices, Usage: usage,
		TTFT: 25 * time.Millisecond, Duration: time.Second, Ended: w.now, End: weir.EndStop, Claim: &claim,
	}
}

func (w *world) sign(st receipt.Statement) receipt.Receipt {
	w.t.Helper()
	r, err := receipt.Sign(st, w.gateway)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) check() {
	w.t.Helper()
	if err := w.x.Check(); err != nil {
		w.t.Fatal(err)
	}
}

func TestLifeOfARequest(t *testing.T) {
	w := newWorld(t)
	hold, request := testID("hold"), testID("request")
	w.must(Command{ID: hold, Hold: &TakeHold{Tenant: "acme", Key: "k1", Request: request, Amount: weir.USD, Timeout: time.Minute}})
	usage := weir.Usage{Input: 100, Cached: 7, Output: 33}
	r := w.sign(w.statement(hold, request, usage, usage))
	file, err := r.Encode()
	if err != nil || len(file) > receipt.SizeMax {
		t.Fatalf("receipt of %d bytes, %v", len(file), err)
	}
	got := w.must(Command{Settle: &Settle{Receipt: r}}).Settlement
	// 100·550000 + 7·55000 + 33·2190000 = 127,655,000 pico-USD = 127,655 nano-USD.
	if got.Charge.String() != "127655000" || got.Split.Charge != 127_655 || got.Split.Fee != 6382 || got.Split.Payout != 121_273 {
		t.Errorf("settled %+v", got)
	}
	balance := func(name string, want weir.Nano) {
		t.Helper()
		if b, _ := w.x.Ledger().Balance(TenantAccount("acme")); name == "tenant" && b.Available() != want {
			t.Errorf("%s has %d, want %d", name, b.Available(), want)
		}
	}
	balance("tenant", 100*weir.USD-127_655)
	w.check()
}
