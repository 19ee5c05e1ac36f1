package market

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
)

// samples is one command of each kind.
func samples(t testing.TB) []Command {
	w := newWorld(t)
	u := weir.Usage{Input: 3, Output: 4}
	r := w.sign(w.statement(testID("hold"), testID("request"), u, u))
	out := []Command{
		{OpenTenant: &OpenTenant{Tenant: "acme"}},
		{AddKey: &AddKey{Key: "k", Tenant: "acme", Digest: digestOf("s"), Name: "钥匙 <1>", Expires: 9}},
		{RevokeKey: &RevokeKey{Key: "k"}},
		{Deposit: &Deposit{Tenant: "acme", Amount: 5, Rail: "manual", Reference: "ref"}},
		{RegisterProvider: &RegisterProvider{Provider: "lab", Payout: "iban"}},
		{RegisterSigner: &RegisterSigner{Signer: Signer{Name: "n1", Role: RoleNode, Provider: "lab", Key: public(w.node)}, Replace: true}},
		{PostOffer: &PostOffer{Offer: testOffer()}},
		{WithdrawOffer: &WithdrawOffer{Offer: "o1"}},
		{Hold: &TakeHold{Tenant: "acme", Key: "k", Request: testID("request"), Amount: 7, Timeout: time.Minute}},
		{Settle: &Settle{Receipt: r}},
		{Void: &Void{Hold: testID("hold"), Reason: "why"}},
		{Refund: &Refund{Hold: testID("hold"), Amount: 1, Reason: "slow"}},
		{Payout: &Payout{Provider: "lab", Amount: 1, Rail: "manual"}},
		{SetFee: &SetFee{BasisPoints: 5}},
		{Tick: &Tick{}},
	}
	for i := range out {
		out[i].ID, out[i].At = testID("%d", i), weir.Instant(i)*1_000_000_007
	}
	return out
}

func TestCodec(t *testing.T) {
	kinds := map[string]bool{}
	for _, c := range samples(t) {
		kinds[c.Kind()] = true
		b, err := EncodeCommand(c)
		if err != nil {
			t.Fatal(err)
		}
		back, err := DecodeCommand(b)
		if err != nil || !reflect.DeepEqual(back, c) {
			t.Errorf("%s read back as %+v, %v", c.Kind(), back, err)
		}
		// Recovery takes a shorter way to the same command.
		checked, err := decodePrepared(b)
		if err != nil {
			t.Fatal(err)
		}
		short, err := recovered(b)
		short.trusted, short.body = false, checked.body
		if err != nil || !reflect.DeepEqual(short, checked) {
			t.Errorf("%s recovered as %+v, %v", c.Kind(), short, err)
		}
	}
	// ID and At are no kinds; all others are.
	if want := reflect.TypeFor[Command]().NumField() - 2; len(kinds) != want {
		t.Errorf("samples of %d kinds, there are %d", len(kinds), want)
	}
}

func TestCodecRefuses(t *testing.T) {
	good, err := EncodeCommand(samples(t)[0])
	if err != nil {
		t.Fatal(err)
	}
	f := func(problem string, change func(b []byte) []byte) {
		t.Helper()
		_, err := DecodeCommand(change(bytes.Clone(good)))
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), problem) {
			t.Errorf("got %v, want %q", err, problem)
		}
	}
	body := func(s string) func([]byte) []byte {
		return func(b []byte) []byte { return append(b[:codecHeader], s...) }
	}
	f("0 bytes", func([]byte) []byte { return nil })
	f("8 bytes", func(b []byte) []byte { return b[:8] })
	f("format version 2", func(b []byte) []byte { b[0] = 2; return b })
	f("EOF", func(b []byte) []byte { return b[:len(b)-1] })
	f("trailing", func(b []byte) []byte { return append(b, '1') })
	f("canonical", func(b []byte) []byte { return append(b, ' ') })
	f("at most", func(b []byte) []byte { return append(b, make([]byte, CommandMax)...) })
	id := `{"id":"` + testID("x").String() + `"`
	for _, b := range [][]byte{nil, {codecVersion}, append([]byte{9}, good[1:]...), good[:len(good)-1]} {
		if _, _, err := New().Recover(b); fault.KindOf(err) != fault.Invalid {
			t.Errorf("recover %q: %v", b, err)
		}
	}
	f("exactly one of", body(id+`}`))
	f("exactly one of", body(id+`,"tick":{},"open_tenant":{"tenant":"a"}}`))
	f("without an id", body(`{"id":"00000000000000000000000000000000","open_tenant":{"tenant":"a"}}`))
	f(`unknown field "steal"`, body(id+`,"steal":{}}`))
	f(`unknown field "tenants"`, body(id+`,"open_tenant":{"tenants":"a"}}`))
	f("a time of its own", body(id+`,"at":1,"open_tenant":{"tenant":"a"}}`))
	f("canonical", body(id+`,"open_tenant":{"tenant":"a","tenant":"b"}}`))
	f("canonical", body(id+`, "open_tenant":{"tenant":"a"}}`))
	f("32 hexadecimal digits", body(`{"id":"12","tick":{}}`))
}

// FuzzCommand feeds the decoder anything: what it accepts encodes to the same bytes, and the
// exchange takes or refuses it without losing money.
func FuzzCommand(f *testing.F) {
	for _, c := range samples(f) {
		b, err := EncodeCommand(c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := DecodeCommand(b)
		if err != nil {
			if fault.KindOf(err) == fault.Internal {
				t.Fatalf("an error without a kind: %v", err)
			}
			return
		}
		again, err := EncodeCommand(c)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("accepted %q, encodes to %q, %v", b, again, err)
		}
		w := newWorld(t)
		before := w.x.Hash()
		result, _, err := w.x.Apply(c)
		if (err != nil || result.Replay) && w.x.Hash() != before {
			t.Fatalf("a refusal or a replay changed the exchange: %v", err)
		}
		w.check()
	})
}

// BenchmarkExchange is the exchange's own share of a request, hold and settlement: what the
// one goroutine does. Preparing (JSON, signatures) happens on the callers' goroutines.
func BenchmarkExchange(b *testing.B) {
	w := newWorld(b)
	const n = 2000
	var holds, settles []Prepared
	u := weir.Usage{Input: 100, Output: 7}
	prepare := func(c Command) Prepared {
		p, err := Prepare(c, w.x.Signer)
		if err != nil {
			b.Fatal(err)
		}
		p.Stamp(w.now)
		return p
	}
	for i := range n {
		hold, request := testID("hold %d", i), testID("request %d", i)
		holds = append(holds, prepare(Command{ID: hold, Hold: &TakeHold{Tenant: "acme", Key: "k1", Request: request, Amount: 300_000, Timeout: time.Minute}}))
		settles = append(settles, prepare(Command{ID: testID("settle %d", i), Settle: &Settle{Receipt: w.sign(w.statement(hold, request, u, u))}}))
	}
	b.ReportAllocs()
	i := n
	for b.Loop() {
		if i == n {
			b.StopTimer()
			w, i = newWorld(b), 0
			b.StartTimer()
		}
		if _, _, err := w.x.ApplyPrepared(&holds[i]); err != nil {
			b.Fatal(err)
		}
		if _, _, err := w.x.ApplyPrepared(&settles[i]); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

// BenchmarkPrepare is the callers' share of a settlement, without and with signatures.
func BenchmarkPrepare(b *testing.B) {
	w := newWorld(b)
	u := weir.Usage{Input: 100, Output: 7}
	c := Command{ID: testID("settle"), Settle: &Settle{Receipt: w.sign(w.statement(testID("hold"), testID("request"), u, u))}}
	for name, keys := range map[string]func(Role, string) (Signer, bool){"form": nil, "form and signatures": w.x.Signer} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := Prepare(c, keys); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRecover is a journalled settlement read back.
func BenchmarkRecover(b *testing.B) {
	w := newWorld(b)
	u := weir.Usage{Input: 100, Output: 7}
	record, err := EncodeCommand(Command{ID: testID("settle"), Settle: &Settle{Receipt: w.sign(w.statement(testID("hold"), testID("request"), u, u))}})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := recovered(record); err != nil {
			b.Fatal(err)
		}
	}
}
