package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market"
	"github.com/weir-project/weir/market/route"
)

func TestS11ViewKnowsAllOrNothing(t *testing.T) {
	v := NewView()
	if v.Ready() {
		t.Error("an empty view is ready")
	}
	if err := v.Follow(market.Event{Seq: 1}); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("an event before any snapshot: %v", err)
	}
	if _, err := v.Authenticate("x", 0); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("authenticate without a snapshot: %v, want Unavailable: nothing is known, so nothing is allowed", err)
	}
	v.Restore(market.Snapshot{Seq: 5})
	for _, c := range []struct {
		seq  uint64
		want fault.Kind
	}{{6, 255}, {6, 255}, {8, fault.Expired}} {
		err := v.Follow(market.Event{Seq: c.seq, OfferPosted: &market.PostedOffer{Offer: weir.Offer{ID: "o", Model: "m"}}})
		if (err == nil) != (c.want == 255) || err != nil && fault.KindOf(err) != c.want {
			t.Errorf("event %d: %v", c.seq, err)
		}
	}
	if got := len(v.State("m", 0).Offers); got != 1 {
		t.Errorf("%d offers, want 1", got)
	}
	if err := v.Follow(market.Event{Seq: 7, OfferClosed: &market.OfferClosed{Offer: "o"}}); err != nil {
		t.Fatal(err)
	}
	if got := len(v.State("m", 0).Offers) + len(v.Models(0)); got != 0 {
		t.Errorf("a closed offer is still listed")
	}
}

// The cache of vocabularies holds what was used last and no more.
func TestVocabsAreBounded(t *testing.T) {
	w := newWorld(t, nil)
	n := w.node("a", 0, says("x"))
	cache := newVocabs(http.DefaultClient, "node secret", 2)
	nodes := []route.Node{{Heartbeat: w.beat("a")}}
	digest := func(i int) string {
		data := vocabulary(t, strings.Repeat(" ", i+1))
		n.mu.Lock()
		n.vocab = data
		n.mu.Unlock()
		sum := sha256.Sum256(data)
		return hex.EncodeToString(sum[:])
	}
	digests := make([]string, 4)
	for i := range digests {
		digests[i] = digest(i)
		if _, err := cache.lookup(t.Context(), digests[i], "m", nodes); err != nil {
			t.Fatal(err)
		}
	}
	if cache.order.Len() != 2 || len(cache.known) != 2 || cache.known[digests[3]] == nil || cache.known[digests[2]] == nil {
		t.Errorf("the cache has %d entries", cache.order.Len())
	}
	if cache.room("another") || cache.room(digests[3]) {
		t.Error("a full cache has room")
	}
	fetched := n.fetches
	if _, err := cache.lookup(t.Context(), digests[2], "m", nodes); err != nil || n.fetches != fetched {
		t.Errorf("a kept vocabulary was fetched again: %v", err)
	}
}

// Models that appear are made ready before anyone asks.
func TestServeWarms(t *testing.T) {
	w := newWorld(t, nil)
	n := w.node("a", 0, says("x"))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- w.gateway.Serve(l) }()
	w.eventually(func() bool { n.mu.Lock(); defer n.mu.Unlock(); return n.fetches == 1 })
	if err := w.gateway.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestLimitsAreBounded(t *testing.T) {
	l, now := newLimits(1, 1), time.Unix(0, 0)
	for i := range limitedKeysMax + 10 {
		l.wait(weir.KeyID(rune(i)), now)
	}
	if len(l.keys) > limitedKeysMax {
		t.Errorf("%d limiters", len(l.keys))
	}
}

// A conversation reaches the template as templates expect it.
func TestGuardIsReversible(t *testing.T) {
	v, err := parseVocab(vocabulary(t, plainTemplate))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"", "plain", "<|user|>", "a<|user|><|bos|>b", "<|us<|user|>er|>", "\uFDD0" + "3\uFDD1", "\uFDD0x", "堰\uFDD1"} {
		ids := v.encodeRendered(v.guard.hide(s))
		var text []byte
		for _, id := range ids {
			if id >= 256 {
				t.Errorf("%q has control token %s", s, v.tokens.Piece(id))
			}
			text = v.tokens.AppendPiece(text, id)
		}
		want := strings.NewReplacer("\uFDD0", "\uFFFD", "\uFDD1", "\uFFFD").Replace(s)
		if string(text) != want {
			t.Errorf("%q came out as %q", s, text)
		}
	}
}
