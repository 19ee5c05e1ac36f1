package receipt

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market/meter"
)

func key(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func public(name string) ed25519.PublicKey { return key(name).Public().(ed25519.PublicKey) }

func claim() weir.Claim {
	return weir.Claim{
		Request: weir.ID{1}, Hold: weir.ID{2}, Node: "n1", Model: "tiny", Digest: strings.Repeat("d", 64),
		Usage: weir.Usage{Input: 100, Cached: 7, Output: 33}, End: weir.EndStop, TTFT: time.Millisecond, Duration: time.Second,
	}
}

func statement(t testing.TB, c weir.Claim) Statement {
	t.Helper()
	signed, err := SignClaim(c, key("node"))
	if err != nil {
		t.Fatal(err)
	}
	return Statement{
		Request: weir.ID{1}, Hold: weir.ID{2}, Tenant: "acme", Provider: "lab", Site: "s1", Node: "n1", Gateway: "g1",
		Model: "tiny", Digest: strings.Repeat("d", 64), Tokenizer: strings.Repeat("e", 64), Offer: "o1", PriceVersion: 8,
		Prices: weir.Prices{Input: 550_000, Cached: 55_000, Output: 2_190_000}, Usage: claim().Usage,
		TTFT: 2 * time.Millisecond, Duration: time.Second, Ended: 1_800_000_000_000_000_000, End: weir.EndStop, RouteVersion: 12345, Claim: &signed,
	}
}

func mustSign(t testing.TB, st Statement) Receipt {
	t.Helper()
	r, err := Sign(st, key("gateway"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSignAndVerify(t *testing.T) {
	r := mustSign(t, statement(t, claim()))
	file, err := r.Encode()
	if err != nil || len(file) >= 2048 {
		t.Fatalf("receipt file of %d bytes, %v", len(file), err)
	}
	t.Logf("%d bytes", len(file))
	back, err := Decode(file)
	if err != nil || !reflect.DeepEqual(back, r) {
		t.Fatalf("read back %+v, %v", back, err)
	}
	if err := Verify(back, public("node"), public("gateway")); err != nil {
		t.Error(err)
	}
	st, err := back.Open()
	if err != nil {
		t.Fatal(err)
	}
	// 100·550000 + 7·55000 + 33·2190000
	if st.Charge.String() != "127655000" || st.Amount != 127_655 || st.Disputed || st.Transfers != TransfersOf(weir.ID{2}) || st.Version != Version {
		t.Errorf("statement %+v", st)
	}
	f := func(node, gateway ed25519.PublicKey, problem string) {
		t.Helper()
		if err := Verify(r, node, gateway); fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), problem) {
			t.Errorf("got %v, want %q", err, problem)
		}
	}
	f(public("node"), public("node"), "not that of gateway g1")
	f(public("gateway"), public("gateway"), "not that of node n1")
	f(nil, public("gateway"), "not that of node n1")
	f(public("node"), nil, "not that of gateway g1")
}

// TestDispute has node and gateway count differently: the receipt says so, the gateway's count
// is charged (invariant 20).
func TestDispute(t *testing.T) {
	c := claim()
	c.Usage.Output++
	r := mustSign(t, statement(t, c))
	st, err := r.Open()
	if err != nil || !st.Disputed || st.Amount != 127_655 {
		t.Errorf("statement %+v, %v", st, err)
	}
	if err := Verify(r, public("node"), public("gateway")); err != nil {
		t.Error(err)
	}
}

// TestWithoutClaim: a node that died cannot sign, and only then may its claim be missing.
func TestWithoutClaim(t *testing.T) {
	for _, end := range []weir.End{weir.EndStop, weir.EndLength, weir.EndCancelled, weir.EndFailed} {
		st := statement(t, claim())
		st.End, st.Claim = end, nil
		r, err := Sign(st, key("gateway"))
		if allowed := end == weir.EndCancelled || end == weir.EndFailed; (err == nil) != allowed {
			t.Errorf("end %s without a claim: %v", end, err)
		} else if allowed {
			if err := Verify(r, nil, public("gateway")); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestSignRefuses(t *testing.T) {
	f := func(problem string, change func(*Statement)) {
		t.Helper()
		st := statement(t, claim())
		change(&st)
		if _, err := Sign(st, key("gateway")); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), problem) {
			t.Errorf("got %v, want %q", err, problem)
		}
	}
	f("without a request", func(s *Statement) { s.Request = weir.ID{} })
	f("without a request or hold", func(s *Statement) { s.Hold = weir.ID{} })
	f("tenant is missing", func(s *Statement) { s.Tenant = "" })
	f("provider is missing", func(s *Statement) { s.Provider = "" })
	f("site is missing", func(s *Statement) { s.Site = "" })
	f("node is missing", func(s *Statement) { s.Node = "" })
	f("gateway is missing", func(s *Statement) { s.Gateway = "" })
	f("model is missing", func(s *Statement) { s.Model = "" })
	f("offer is missing", func(s *Statement) { s.Offer = "" })
	f("model has 129 bytes", func(s *Statement) { s.Model = strings.Repeat("m", NameMax+1) })
	f(`end "done"`, func(s *Statement) { s.End = "done" })
	f("output tokens -1", func(s *Statement) { s.Usage.Output = -1 })
	f("input price", func(s *Statement) { s.Prices.Input = weir.RateMax + 1 })
	f("first token after", func(s *Statement) { s.TTFT = 2 * time.Second })
	f("first token after", func(s *Statement) { s.TTFT = -1 })
	f("another request", func(s *Statement) { s.Request[5]++ })
	f("another hold", func(s *Statement) { s.Hold[5]++ })
	f("another node", func(s *Statement) { s.Node = "n2" })
	f("another model", func(s *Statement) { s.Model = "huge" })
	f("another digest", func(s *Statement) { s.Digest = "" })
	f("claim: ", func(s *Statement) { s.Claim = &weir.SignedClaim{Claim: []byte(`{}`)} })
	f("not in canonical form", func(s *Statement) {
		s.Claim.Claim = []byte(strings.Replace(string(s.Claim.Claim), ":", ": ", 1))
	})
	f("bytes: want at most 2048", func(s *Statement) {
		long := strings.Repeat("<", NameMax) // six bytes each in JSON
		s.Tenant, s.Provider, s.Site = weir.TenantID(long), weir.ProviderID(long), weir.SiteID(long)
		s.Gateway, s.Offer = long, weir.OfferID(long)
		s.Tokenizer = long
	})
}

// TestTampering re-signs a changed statement, as a cheating gateway could: what follows from
// the statement must still hold.
func TestTampering(t *testing.T) {
	f := func(problem string, change func(*Statement)) {
		t.Helper()
		st, err := mustSign(t, statement(t, claim())).Open()
		if err != nil {
			t.Fatal(err)
		}
		change(&st)
		b, err := json.Marshal(st)
		if err != nil {
			t.Fatal(err)
		}
		r := Receipt{Statement: b, Signature: ed25519.Sign(key("gateway"), signed(b))}
		if err := Verify(r, public("node"), public("gateway")); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), problem) {
			t.Errorf("got %v, want %q", err, problem)
		}
	}
	f("receipt version 2", func(s *Statement) { s.Version = 2 })
	f("charge", func(s *Statement) { s.Amount++ })
	f("charge", func(s *Statement) { s.Charge, _ = meter.ParsePico("127655001") })
	f("charge", func(s *Statement) { s.Usage.Output++ })
	f("charge", func(s *Statement) { s.Prices.Output++ })
	f("transfers", func(s *Statement) { s.Transfers.Fee[0]++ })
	f("disputed", func(s *Statement) { s.Disputed = true })
	f("disputed without a claim", func(s *Statement) { s.Disputed, s.Claim, s.End = true, nil, weir.EndFailed })
}

// TestEveryByte changes each byte of a receipt file: none may pass.
func TestEveryByte(t *testing.T) {
	r := mustSign(t, statement(t, claim()))
	file, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for i := range file {
		for _, flip := range []byte{1, 2, 32} {
			changed := append([]byte(nil), file...)
			changed[i] ^= flip
			back, err := Decode(changed)
			if err == nil {
				err = Verify(back, public("node"), public("gateway"))
			}
			if err == nil {
				// The last character of base64 text may carry bits that decode to nothing.
				if again, _ := back.Encode(); string(again) == string(changed) || !reflect.DeepEqual(back, r) {
					t.Fatalf("byte %d changed from %q to %q passes", i, file[i], changed[i])
				}
			}
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	f := func(s, problem string) {
		t.Helper()
		if _, err := Decode([]byte(s)); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), problem) {
			t.Errorf("%.40q: got %v, want %q", s, err, problem)
		}
	}
	f("", "EOF")
	f("{}", "receipt: ")
	f("[]", "cannot unmarshal")
	f(strings.Repeat(" ", SizeMax+1), "want at most")
	f(`{"statement":{},"signature":"","extra":1}`, `unknown field "extra"`)
	f(`{"statement":{"version":1,"version":1},"signature":""}`, "canonical")
	f(`{"statement":{"versio":1},"signature":""}`, `unknown field "versio"`)
	file, err := mustSign(t, statement(t, claim())).Encode()
	if err != nil {
		t.Fatal(err)
	}
	f(string(file)+"x", "trailing")
	f(strings.Replace(string(file), `"output":33`, `"output":33.0`, 1), "receipt: ")
}

func TestTransfersOf(t *testing.T) {
	seen := map[weir.ID]string{}
	for i := range 100 {
		v := TransfersOf(weir.ID{byte(i)})
		for role, id := range map[string]weir.ID{"capture": v.Capture, "payout": v.Payout, "fee": v.Fee, "rounding": v.Rounding} {
			if other, ok := seen[id]; ok || id.IsZero() {
				t.Errorf("%s of hold %d has the id of %s", role, i, other)
			}
			seen[id] = fmt.Sprint(role, i)
		}
	}
}

func FuzzDecode(f *testing.F) {
	file, err := mustSign(f, statement(f, claim())).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	c := claim()
	c.Usage.Output = 1 << 50
	st := statement(f, claim())
	st.End, st.Claim = weir.EndFailed, nil
	short, err := mustSign(f, st).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(short)
	f.Add([]byte(`{"statement":null,"signature":null}`))
	f.Add([]byte(`{"statement":{"claim":{"claim":{},"signature":""}},"signature":""}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Decode(b)
		if err != nil {
			return
		}
		st, err := r.Open()
		if err != nil {
			t.Fatalf("decoded but does not open: %v", err)
		}
		if st.Charge.Nano() != st.Amount {
			t.Fatalf("amount %d of charge %s", st.Amount, st.Charge)
		}
		again, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode(again); err != nil {
			t.Fatalf("encoded again it does not decode: %v", err)
		}
		_ = Verify(r, public("node"), public("gateway")) // whatever it says, it must not panic
	})
}

func BenchmarkOpen(b *testing.B) {
	r := mustSign(b, statement(b, claim()))
	for b.Loop() {
		if _, err := r.Open(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	r := mustSign(b, statement(b, claim()))
	for b.Loop() {
		if err := Verify(r, public("node"), public("gateway")); err != nil {
			b.Fatal(err)
		}
	}
}
