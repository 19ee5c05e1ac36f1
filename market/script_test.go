package market

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"pgregory.net/rapid"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market/receipt"
)

// TestScripts runs the scripts of testdata. A directive is a command of the exchange with its
// fields as arguments; ids are words. The answer lists the events, or the error with its kind.
// After each directive the invariants are checked, a refusal must have changed nothing, and a
// Directory that follows the events must equal a snapshot.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		s := newScript(t)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.w.t = t
			return s.run(d)
		})
	})
}

// script is a world driven by a file.
type script struct {
	w         *world
	words     map[weir.ID]string // ids by the word they were made from
	directory *Directory
	receipts  map[string]receipt.Receipt // by hold
}

func newScript(t *testing.T) *script {
	s := &script{
		w:     &world{t: t, x: New(), now: 1_000_000_000, node: testKey("node"), gateway: testKey("gateway")},
		words: map[weir.ID]string{}, receipts: map[string]receipt.Receipt{},
	}
	s.directory = NewDirectory(s.w.x.Snapshot())
	return s
}

// arguments of one directive; a missing one is zero.
type arguments struct {
	t *testing.T
	d *datadriven.TestData
	s *script
}

func (a arguments) text(name string) string {
	var v string
	if a.d.HasArg(name) {
		a.d.ScanArgs(a.t, name, &v)
	}
	return v
}

func (a arguments) id(name string) weir.ID {
	word := a.text(name)
	if word == "" {
		return weir.ID{}
	}
	id := testID("%s", word)
	a.s.words[id] = word
	t := receipt.TransfersOf(id)
	for role, id := range map[string]weir.ID{"capture": t.Capture, "payout": t.Payout, "fee": t.Fee, "rounding": t.Rounding} {
		a.s.words[id] = word + "." + role
	}
	return id
}

func (a arguments) number(name string) int64 {
	s := a.text(name)
	if s == "" {
		return 0
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		a.t.Fatalf("%s: %v", a.d.Pos, err)
	}
	return n
}

func (a arguments) money(name string) weir.Nano {
	s := a.text(name)
	if s == "" {
		return 0
	}
	n, err := weir.ParseNano(s)
	if err != nil {
		a.t.Fatalf("%s: %v", a.d.Pos, err)
	}
	return n
}

func (a arguments) duration(name string) time.Duration {
	s := a.text(name)
	if s == "" {
		return 0
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		a.t.Fatalf("%s: %v", a.d.Pos, err)
	}
	return v
}

// instant reads a time relative to the start of the script.
func (a arguments) instant(name string) weir.Instant {
	if !a.d.HasArg(name) {
		return 0
	}
	return weir.Instant(1_000_000_000).Add(a.duration(name))
}

func (s *script) run(d *datadriven.TestData) string {
	a := arguments{s.w.t.(*testing.T), d, s}
	switch d.Cmd {
	case "clock":
		s.w.now = s.w.now.Add(a.duration("add"))
		return ""
	case "balances":
		return s.balances()
	case "holds":
		var out strings.Builder
		for _, h := range s.w.x.Holds() {
			fmt.Fprintf(&out, "%s %s of %s, captured %s, refunded %s\n", s.words[h.Hold], h.State, h.Amount, h.Captured, h.Refunded)
		}
		return out.String()
	case "offers":
		var out strings.Builder
		for _, o := range s.w.x.Snapshot().Offers {
			fmt.Fprintf(&out, "%s version %d: %s at %s\n", o.ID, o.Version, o.Model, o.Prices)
		}
		return out.String()
	case "common":
		s.common()
		return ""
	}
	cmd, ok := s.registry(d.Cmd, a)
	if !ok {
		cmd, ok = s.trade(d.Cmd, a)
	}
	if !ok {
		a.t.Fatalf("%s: unknown directive %s", d.Pos, d.Cmd)
	}
	cmd.ID = a.id("id")
	return s.apply(cmd)
}

// common opens the tenant, provider, node, gateway and offer that most scripts begin with.
func (s *script) common() {
	for _, c := range []Command{
		{OpenTenant: &OpenTenant{Tenant: "acme"}},
		{AddKey: &AddKey{Key: "k1", Tenant: "acme", Digest: digestOf("secret")}},
		{Deposit: &Deposit{Tenant: "acme", Amount: weir.USD, Rail: "manual"}},
		{RegisterProvider: &RegisterProvider{Provider: "lab"}},
		{RegisterSigner: &RegisterSigner{Signer: Signer{Name: "n1", Role: RoleNode, Provider: "lab", Key: public(s.w.node)}}},
		{RegisterSigner: &RegisterSigner{Signer: Signer{Name: "g1", Role: RoleGateway, Key: public(s.w.gateway)}}},
		{PostOffer: &PostOffer{Offer: testOffer()}},
	} {
		if out := s.apply(c); strings.Contains(out, "error") {
			s.w.t.Fatal(out)
		}
	}
}

func (s *script) registry(name string, a arguments) (Command, bool) {
	tenant, provider := weir.TenantID(a.text("tenant")), weir.ProviderID(a.text("provider"))
	switch name {
	case "open-tenant":
		return Command{OpenTenant: &OpenTenant{Tenant: tenant}}, true
	case "add-key":
		digest := a.text("digest")
		if secret := a.text("secret"); secret != "" {
			digest = digestOf(secret)
		}
		return Command{AddKey: &AddKey{Key: weir.KeyID(a.text("key")), Tenant: tenant, Digest: digest, Name: a.text("name"), Expires: a.instant("expires")}}, true
	case "revoke-key":
		return Command{RevokeKey: &RevokeKey{Key: weir.KeyID(a.text("key"))}}, true
	case "register-provider":
		return Command{RegisterProvider: &RegisterProvider{Provider: provider, Payout: a.text("payout")}}, true
	case "register-signer":
		key := public(testKey(a.text("seed")))
		if a.d.HasArg("bad-key") {
			key = key[1:]
		}
		return Command{RegisterSigner: &RegisterSigner{
			Signer:  Signer{Name: a.text("name"), Role: Role(a.text("role")), Provider: provider, Key: key},
			Replace: a.d.HasArg("replace"),
		}}, true
	case "post-offer":
		o := testOffer()
		o.ID, o.Expires = weir.OfferID(a.text("offer")), a.instant("expires")
		if a.d.HasArg("input") {
			o.Prices = weir.Prices{Input: weir.Rate(a.number("input")), Output: weir.Rate(a.number("output"))}
		}
		if a.d.HasArg("node") {
			o.Node = weir.NodeID(a.text("node"))
		}
		if a.d.HasArg("provider") {
			o.Provider = provider
		}
		if a.d.HasArg("context") {
			o.Context = weir.Tokens(a.number("context"))
		}
		return Command{PostOffer: &PostOffer{Offer: o}}, true
	case "withdraw-offer":
		return Command{WithdrawOffer: &WithdrawOffer{Offer: weir.OfferID(a.text("offer"))}}, true
	case "set-fee":
		return Command{SetFee: &SetFee{BasisPoints: int(a.number("points"))}}, true
	case "tick":
		return Command{Tick: &Tick{}}, true
	}
	return Command{}, false
}

func (s *script) trade(name string, a arguments) (Command, bool) {
	tenant, provider := weir.TenantID(a.text("tenant")), weir.ProviderID(a.text("provider"))
	switch name {
	case "deposit":
		return Command{Deposit: &Deposit{Tenant: tenant, Amount: a.money("amount"), Rail: a.text("rail"), Reference: a.text("reference")}}, true
	case "payout":
		return Command{Payout: &Payout{Provider: provider, Amount: a.money("amount"), Rail: a.text("rail")}}, true
	case "hold":
		return Command{Hold: &TakeHold{
			Tenant: tenant, Key: weir.KeyID(a.text("key")), Request: a.id("request"), Amount: a.money("amount"), Timeout: a.duration("timeout"),
		}}, true
	case "void":
		return Command{Void: &Void{Hold: a.id("hold"), Reason: a.text("reason")}}, true
	case "refund":
		return Command{Refund: &Refund{Hold: a.id("hold"), Amount: a.money("amount"), Reason: a.text("reason")}}, true
	case "settle":
		return Command{Settle: &Settle{Receipt: s.receipt(a)}}, true
	}
	return Command{}, false
}

// receipt makes the receipt of a settle directive, or takes the one of an earlier one again.
func (s *script) receipt(a arguments) receipt.Receipt {
	if a.d.HasArg("same") {
		return s.receipts[a.text("hold")]
	}
	s.w.version = 7 // of the offer in common
	if a.d.HasArg("version") {
		s.w.version = uint64(a.number("version"))
	}
	usage := weir.Usage{Input: weir.Tokens(a.number("input")), Cached: weir.Tokens(a.number("cached")), Output: weir.Tokens(a.number("output"))}
	claimed := usage
	if a.d.HasArg("claimed") {
		claimed.Output = weir.Tokens(a.number("claimed"))
	}
	if a.d.HasArg("node-key") {
		s.w.node = testKey(a.text("node-key"))
	}
	st := s.w.statement(a.id("hold"), a.id("request"), usage, claimed)
	if a.d.HasArg("tenant") {
		st.Tenant = weir.TenantID(a.text("tenant"))
	}
	if a.d.HasArg("site") {
		st.Site = weir.SiteID(a.text("site"))
	}
	if a.d.HasArg("offer") {
		st.Offer = weir.OfferID(a.text("offer"))
	}
	if a.d.HasArg("rate") {
		st.Prices = weir.Prices{Input: weir.Rate(a.number("rate")), Output: weir.Rate(a.number("rate"))}
	}
	gateway := s.w.gateway
	if a.d.HasArg("gateway-key") {
		s.w.gateway = testKey(a.text("gateway-key"))
	}
	r := s.w.sign(st)
	s.w.gateway, s.w.node = gateway, testKey("node")
	s.receipts[a.text("hold")] = r
	return r
}

// apply runs a command and prints what came of it.
func (s *script) apply(cmd Command) string {
	before := s.w.x.Hash()
	result, events, err := s.w.do(cmd)
	s.w.check()
	if (err != nil || result.Replay) && s.w.x.Hash() != before {
		s.w.t.Fatalf("a refusal or a replay changed the exchange: %v", err)
	}
	for _, e := range events {
		if err := s.directory.Follow(e); err != nil {
			s.w.t.Fatal(err)
		}
	}
	sameAsSnapshot(s.w.t, s.directory, s.w.x.Snapshot())
	var out strings.Builder
	switch {
	case err != nil:
		fmt.Fprintf(&out, "error %s: %v\n", fault.KindOf(err), err)
	case result.Replay:
		fmt.Fprintln(&out, "replay")
		if result.Settlement != nil {
			fmt.Fprintln(&out, describeSettlement(*result.Settlement))
		}
	}
	for _, e := range events {
		fmt.Fprintln(&out, describe(e))
		for _, t := range e.Entries {
			fmt.Fprintf(&out, "  %s %s %s -> %s %s\n", t.Kind, t.Reason, t.Debit, t.Credit, t.Amount)
		}
	}
	return s.readable(out.String())
}

// readable puts words in the place of ids.
func (s *script) readable(text string) string {
	var pairs []string
	for id, word := range s.words {
		pairs = append(pairs, id.String(), word)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

func describe(e Event) string {
	switch {
	case e.TenantOpened != nil:
		return fmt.Sprintf("%d tenant opened: %s", e.Seq, e.TenantOpened.Tenant)
	case e.KeyAdded != nil:
		return fmt.Sprintf("%d key added: %s for %s", e.Seq, e.KeyAdded.Key, e.KeyAdded.Tenant)
	case e.KeyRevoked != nil:
		return fmt.Sprintf("%d key revoked: %s", e.Seq, e.KeyRevoked.Key)
	case e.Deposited != nil:
		return fmt.Sprintf("%d deposited: %s", e.Seq, e.Deposited.Amount)
	case e.ProviderRegistered != nil:
		return fmt.Sprintf("%d provider registered: %s", e.Seq, e.ProviderRegistered.Provider)
	case e.SignerRegistered != nil:
		return fmt.Sprintf("%d signer registered: %s %s", e.Seq, e.SignerRegistered.Role, e.SignerRegistered.Name)
	case e.OfferPosted != nil:
		return fmt.Sprintf("%d offer posted: %s version %d", e.Seq, e.OfferPosted.ID, e.OfferPosted.Version)
	case e.OfferClosed != nil:
		return fmt.Sprintf("%d offer closed: %s version %d, %s", e.Seq, e.OfferClosed.Offer, e.OfferClosed.Version, e.OfferClosed.Reason)
	case e.Held != nil:
		return fmt.Sprintf("%d held: %s", e.Seq, e.Held.Hold)
	case e.Settled != nil:
		return fmt.Sprintf("%d settled: %s", e.Seq, describeSettlement(e.Settled.Settlement))
	case e.Released != nil:
		return fmt.Sprintf("%d released: %s %s", e.Seq, e.Released.Hold, e.Released.State)
	case e.Refunded != nil:
		return fmt.Sprintf("%d refunded: %s of %s in all", e.Seq, e.Refunded.Amount, e.Refunded.Total)
	case e.PaidOut != nil:
		return fmt.Sprintf("%d paid out: %s", e.Seq, e.PaidOut.Amount)
	case e.FeeSet != nil:
		return fmt.Sprintf("%d fee set: %d", e.Seq, e.FeeSet.BasisPoints)
	}
	return fmt.Sprintf("%d nothing", e.Seq)
}

func describeSettlement(s Settlement) string {
	out := fmt.Sprintf("%s pico, charge %s = payout %s + fee %s + rounding %s, released %s", s.Charge, s.Split.Charge, s.Split.Payout, s.Split.Fee, s.Split.Rounding, s.Released)
	if s.Disputed {
		out += fmt.Sprintf(", disputed, claimed excess %s", s.Excess)
	}
	return out
}

func (s *script) balances() string {
	var out strings.Builder
	for _, b := range s.w.x.Ledger().Balances() {
		fmt.Fprintf(&out, "%s %s", b.Account, b.Posted())
		if b.DebitsPending != 0 {
			fmt.Fprintf(&out, ", available %s", b.Available())
		}
		fmt.Fprintln(&out)
	}
	return out.String()
}

// sameAsSnapshot compares a Directory that followed the events with the state itself.
func sameAsSnapshot(t rapid.TB, d *Directory, s Snapshot) {
	t.Helper()
	fresh := NewDirectory(s)
	fresh.at = d.at // of the last event; a snapshot of an empty exchange has none
	if got, want := fmt.Sprint(d), fmt.Sprint(fresh); got != want {
		t.Fatalf("the follower has\n%s\nthe exchange\n%s", got, want)
	}
}
