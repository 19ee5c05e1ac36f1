package market

import (
	"strings"
	"testing"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
)

func TestDirectory(t *testing.T) {
	w := newWorld(t)
	d := NewDirectory(w.x.Snapshot())
	if len(d.Tenants()) != 1 || len(d.Keys()) != 1 || len(d.Offers()) != 1 || len(d.Balances()) != 6 || d.Fee() != 500 || d.Seq() != 8 {
		t.Errorf("copied %d tenants, %d keys, %d offers, %d balances, fee %d, event %d",
			len(d.Tenants()), len(d.Keys()), len(d.Offers()), len(d.Balances()), d.Fee(), d.Seq())
	}
	if s, ok := d.Signer(RoleNode, "n1"); !ok || s.Provider != "lab" {
		t.Errorf("node n1 is %+v", s)
	}
	if _, ok := d.Signer(RoleGateway, "n1"); ok {
		t.Error("a node is found as a gateway")
	}
	f := func(secret string, at weir.Instant, kind fault.Kind, want string) {
		t.Helper()
		k, err := d.Authenticate(digestOf(secret), at)
		if err == nil && k.Key != weir.KeyID(want) || err != nil && (fault.KindOf(err) != kind || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q at %s: %v, %v; want %s", secret, at, k.Key, err, want)
		}
	}
	follow := func(c Command) {
		t.Helper()
		_, events, err := w.do(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if err := d.Follow(e); err != nil {
				t.Fatal(err)
			}
			if err := d.Follow(e); err != nil { // once more changes nothing
				t.Fatal(err)
			}
		}
	}
	follow(Command{AddKey: &AddKey{Key: "k2", Tenant: "acme", Digest: digestOf("brief"), Expires: w.now + 10}})
	f("secret", w.now, 0, "k1")
	f("guess", w.now, fault.Denied, "unknown API key")
	f("", w.now, fault.Denied, "unknown API key")
	f("brief", w.now+9, 0, "k2")
	f("brief", w.now+10, fault.Expired, "expired at")
	follow(Command{RevokeKey: &RevokeKey{Key: "k1"}})
	f("secret", w.now, fault.Denied, "revoked")
	if err := d.Follow(Event{Seq: d.Seq() + 2}); fault.KindOf(err) != fault.Expired {
		t.Errorf("a gap: %v", err)
	}
	sameAsSnapshot(t, d, w.x.Snapshot())
}
