package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/centre"
	"github.com/weir-project/weir/market"
	"github.com/weir-project/weir/market/receipt"
)

// weirMain runs a command in this process.
func weirMain(t *testing.T, args ...string) (code int, out, problems string) {
	t.Helper()
	var o, e bytes.Buffer
	code = Main(t.Context(), args, env{strings.NewReader(""), &o, &e})
	return code, o.String(), e.String()
}

func testKey(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func testPublic(name string) ed25519.PublicKey { return testKey(name).Public().(ed25519.PublicKey) }

func testID(name string) (id weir.ID) {
	sum := sha256.Sum256([]byte(name))
	copy(id[:], sum[:])
	return id
}

var testPrices = weir.Prices{Input: 550_000, Cached: 55_000, Output: 2_190_000}

// testStatement is what a gateway would sign about 100 + 7 + 33 tokens, with the node's claim.
func testStatement(t *testing.T, claimed weir.Tokens) receipt.Statement {
	t.Helper()
	c := weir.Claim{
		Request: testID("request"), Hold: testID("hold"), Node: "n1", Model: "tiny", Digest: strings.Repeat("d", 64),
		Usage: weir.Usage{Input: 100, Cached: 7, Output: claimed}, End: weir.EndStop, TTFT: time.Millisecond, Duration: time.Second,
	}
	signed, err := receipt.SignClaim(c, testKey("node"))
	if err != nil {
		t.Fatal(err)
	}
	return receipt.Statement{
		Request: c.Request, Hold: c.Hold, Tenant: "acme", Provider: "lab", Site: "s1", Node: "n1", Gateway: "g1",
		Model: "tiny", Digest: c.Digest, Offer: "o1", PriceVersion: 1, Prices: testPrices,
		Usage: weir.Usage{Input: 100, Cached: 7, Output: 33}, TTFT: 2 * time.Millisecond, Duration: time.Second,
		Ended: 1_800_000_000_000_000_000, End: weir.EndStop, Claim: &signed,
	}
}

// testBooks makes a data directory in which tenant opened one account, was given ten dollars,
// and, if a node was disputed or not, paid one request.
func testBooks(t *testing.T, tenant weir.TenantID, claimed weir.Tokens) (dir string) {
	t.Helper()
	dir = t.TempDir()
	x, err := centre.Open(t.Context(), centre.Config{Dir: filepath.Join(dir, "centre")})
	if err != nil {
		t.Fatal(err)
	}
	st := testStatement(t, claimed)
	st.Tenant = tenant
	do := func(name string, cmd market.Command) market.Result {
		cmd.ID = testID(name)
		r, err := x.Do(t.Context(), cmd)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return r
	}
	do("tenant", market.Command{OpenTenant: &market.OpenTenant{Tenant: tenant}})
	do("deposit", market.Command{Deposit: &market.Deposit{Tenant: tenant, Amount: 10 * weir.USD, Rail: "manual"}})
	do("provider", market.Command{RegisterProvider: &market.RegisterProvider{Provider: "lab"}})
	do("node", market.Command{RegisterSigner: &market.RegisterSigner{Signer: market.Signer{Name: "n1", Role: market.RoleNode, Provider: "lab", Key: testPublic("node")}}})
	do("gateway", market.Command{RegisterSigner: &market.RegisterSigner{Signer: market.Signer{Name: "g1", Role: market.RoleGateway, Key: testPublic("gateway")}}})
	st.PriceVersion = do("offer", market.Command{PostOffer: &market.PostOffer{Offer: weir.Offer{
		ID: "o1", Provider: "lab", Site: "s1", Node: "n1", Model: "tiny", Digest: st.Digest, Prices: testPrices, Context: 1024, Streams: 1,
	}}}).Version
	do("hold", market.Command{Hold: &market.TakeHold{Tenant: tenant, Request: st.Request, Amount: weir.USD, Timeout: time.Hour}})
	r, err := receipt.Sign(st, testKey("gateway"))
	if err != nil {
		t.Fatal(err)
	}
	do("settle", market.Command{Settle: &market.Settle{Receipt: r}})
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestLedgerCheckFindsDamage(t *testing.T) {
	clean := []string{"9 passed, 0 failed\n", "1 receipt, 0 disputed"}
	f := func(name string, damage func(t *testing.T, dir string), code int, want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			dir := testBooks(t, "acme", 33)
			damage(t, dir)
			got, out, problems := weirMain(t, "ledger", "check", "--data", dir)
			if got != code {
				t.Errorf("exit code %d, want %d; %s", got, code, problems)
			}
			for _, w := range want {
				if !strings.Contains(out, w) {
					t.Errorf("%q is not in\n%s", w, out)
				}
			}
		})
	}
	f("none", func(*testing.T, string) {}, exitOK, clean...)
	f("no read model", func(t *testing.T, dir string) {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if err := os.Remove(filepath.Join(dir, "centre", "read.db"+suffix)); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
	}, exitOK, append(clean, "absent")...)
	f("the read model of others", func(t *testing.T, dir string) {
		other := filepath.Join(testBooks(t, "else", 33), "centre", "read.db")
		b, err := os.ReadFile(other)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "centre", "read.db"), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}, exitFailed, "read model equals the exchange                  FAILED", "read model: tenants row 1", "8 passed, 1 failed\n")
	f("a flipped bit", func(t *testing.T, dir string) {
		path := filepath.Join(dir, "centre", "journal", "00000000000000000001.journal")
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/3] ^= 4
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}, exitFailed, "journal: hash chain and checksums               FAILED", "journal is damaged: 00000000000000000001.journal")
}

// The table of checks sorts problems by how they are worded elsewhere: the words must be there.
func TestAuditsAreThoseOfTheChecks(t *testing.T) {
	sources := ""
	for _, path := range []string{"../../centre/check.go", "../../market/check.go", "../../market/journal/read.go"} {
		b, err := os.ReadFile(filepath.FromSlash(path))
		if err != nil {
			t.Fatal(err)
		}
		sources += string(b)
	}
	for _, a := range audits {
		if words := `"` + strings.TrimPrefix(a.problem, rule); !strings.Contains(sources, words) {
			t.Errorf("no check words a problem as %s…", words)
		}
	}
	if !strings.Contains(sources, `"`+rule+`%s: %w"`) {
		t.Errorf("invariants are no longer reported as %q", rule)
	}
}

func TestJudge(t *testing.T) {
	r := &centre.Report{Problems: []string{
		"invariant 10: clearing is empty: $1.00 lies in clearing",
		"hold 00 is open, it expired at 1",
		"hold 01 is open, it expired at 1",
		"the moon is missing",
	}}
	want := map[string]string{
		"ledger: totals, limits, zero sum":      passed,
		"clearing is empty":                     failed,
		"inside equals what came in":            notDone,
		"each receipt is settled once, exactly": notDone,
		"no hold is open past its deadline":     failed,
		"read model equals the exchange":        passed,
		"anything else":                         failed,
	}
	rows := judge(r)
	for _, f := range rows {
		if w, ok := want[f.name]; ok && f.result != w {
			t.Errorf("%s: %s, want %s", f.name, f.result, w)
		}
		delete(want, f.name)
	}
	if len(want) > 0 {
		t.Errorf("rows missing: %v", want)
	}
	var out bytes.Buffer
	if err := conclude(env{out: &out}, rows); err != errJudged || out.String() != "4 passed, 3 failed\n" {
		t.Errorf("conclusion %q, %v", out.String(), err)
	}
}

func TestSince(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	f := func(text, want string) {
		t.Helper()
		got, err := sinceOf(text, now)
		if err != nil || got.Time().Format(time.RFC3339) != want {
			t.Errorf("%s: %s, %v; want %s", text, got.Time(), err, want)
		}
	}
	f("90m", "2026-11-25T10:30:00Z")
	f("7d", "2026-11-18T12:00:00Z")
	f("2026-11-01", "2026-11-01T00:00:00Z")
	f("2026-11-01T08:30", "2026-11-01T08:30:00Z")
	f("2026-11-01T08:30:00+08:00", "2026-11-01T00:30:00Z")
	f("2026-11-01 08:30:05", "2026-11-01T08:30:05Z")
	for _, text := range []string{"-5m", "0d", "40000d", "d", "1.5d", "now", "2026-13-01", "999999999999d"} {
		if got, err := sinceOf(text, now); err == nil {
			t.Errorf("%s: %s, want an error", text, got.Time())
		}
	}
	if at, err := sinceOf("", now); at != 0 || err != nil {
		t.Errorf("nothing: %d, %v", at, err)
	}
}

func TestGrid(t *testing.T) {
	g := newGrid("名", ">amount", "x")
	g.add("a", "$1.00", "y")
	g.add("三号产线", "-$10.00", "")
	var out bytes.Buffer
	if err := g.print(&out); err != nil {
		t.Fatal(err)
	}
	const want = "名      AMOUNT  X\na       $1.00  y\n三号产线  -$10.00\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}
