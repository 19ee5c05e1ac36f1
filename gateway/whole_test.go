package gateway_test

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/bus"
	"github.com/weir-project/weir/centre"
	"github.com/weir-project/weir/centre/link"
	"github.com/weir-project/weir/gateway"
	"github.com/weir-project/weir/gateway/key"
	"github.com/weir-project/weir/market"
	"github.com/weir-project/weir/market/receipt"
	"github.com/weir-project/weir/models/intent"
	"github.com/weir-project/weir/node"
)

var housePrices = weir.Prices{Input: 100_000, Cached: 10_000, Output: 400_000}

// house is a whole Weir on one bus: centre, node with the bundled model, gateway.
type house struct {
	centre *centre.Centre
	node   *node.Node
	signs  ed25519.PublicKey // the gateway
	url    string
	key    string
}

func newHouse(tb testing.TB) *house {
	tb.Helper()
	ctx, log, h := tb.Context(), slog.New(slog.DiscardHandler), &house{}
	must := func(err error) {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
	}
	server, err := bus.Start(bus.Config{Name: "test"})
	must(err)
	tb.Cleanup(func() { server.Close() })
	conn := func(name string) *bus.Conn {
		c, err := server.Conn(name)
		must(err)
		tb.Cleanup(func() { c.Close() })
		return c
	}
	h.centre, err = centre.Open(ctx, centre.Config{Dir: tb.TempDir(), Log: log})
	must(err)
	tb.Cleanup(func() { must(h.centre.Close()) })
	service, err := link.Serve(h.centre, conn("centre"), log)
	must(err)
	tb.Cleanup(service.Close)

	const secret = "node secret"
	nodeConn, gatewayConn := conn("node"), conn("gateway")
	view, remote := gateway.NewView(), link.NewRemote(gatewayConn)
	must(link.Beats(ctx, gatewayConn, func(b weir.Heartbeat) { view.Beat(b, weir.InstantOf(time.Now())) }))
	ready, err := remote.Follow(ctx, view, log)
	must(err)
	<-ready
	h.node, err = node.Start(ctx, node.Config{
		ID: "node-1", Site: "site-1", Provider: "lab", Dir: tb.TempDir(), Secret: secret, NoMeasure: true, Log: log,
		Models: []node.ModelConfig{{Name: intent.Name, Bytes: intent.GGUF(), Prices: housePrices}},
	}, nodeConn)
	must(err)
	tb.Cleanup(func() { must(h.node.Close()) })

	c := h.register(tb, remote)
	c.NodeSecret = secret
	g, err := gateway.New(c, remote, view, log)
	must(err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	go g.Serve(l)
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		must(g.Close(ctx))
	})
	h.url = "http://" + l.Addr().String()
	// The view follows by events and beats; a request may come before they have arrived.
	for range 300 {
		if resp := h.send(tb, `{"model":"intent","messages":[{"role":"user","content":"hello"}]}`); resp.StatusCode == http.StatusOK {
			return h
		}
		time.Sleep(10 * time.Millisecond)
	}
	tb.Fatal("the house does not come up within 3 s")
	return nil
}

// register opens a tenant with a dollar and a key, and makes provider, signers and offer known.
func (h *house) register(tb testing.TB, remote *link.Remote) gateway.Config {
	tb.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	h.signs = public
	var id weir.KeyID
	pepper := []byte("a pepper for tests")
	if h.key, id, err = key.New("", rand.Reader); err != nil {
		tb.Fatal(err)
	}
	card := h.node.Models()[0]
	for i, cmd := range []market.Command{
		{OpenTenant: &market.OpenTenant{Tenant: "acme"}},
		{Deposit: &market.Deposit{Tenant: "acme", Amount: weir.USD, Rail: "manual"}},
		{AddKey: &market.AddKey{Key: id, Tenant: "acme", Digest: key.Digest(pepper, h.key)}},
		{RegisterProvider: &market.RegisterProvider{Provider: "lab"}},
		{RegisterSigner: &market.RegisterSigner{Signer: market.Signer{Name: "gw", Role: market.RoleGateway, Key: public}}},
		{RegisterSigner: &market.RegisterSigner{Signer: market.Signer{Name: "node-1", Role: market.RoleNode, Provider: "lab", Key: h.node.PublicKey()}}},
		{PostOffer: &market.PostOffer{Offer: weir.Offer{
			ID: "offer-1", Provider: "lab", Site: "site-1", Node: "node-1", Model: card.Name, Digest: card.Digest, Prices: housePrices,
			Context: card.Context, Streams: 4,
		}}},
	} {
		cmd.ID = weir.ID{byte(i + 1)}
		if _, err := remote.Do(tb.Context(), cmd); err != nil {
			tb.Fatal(err)
		}
	}
	return gateway.Config{Name: "gw", Key: private, Pepper: pepper}
}

func (h *house) send(tb testing.TB, body string) *http.Response {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, h.url+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+h.key)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { resp.Body.Close() })
	return resp
}

const wish = `{"model":"intent","messages":[{"role":"user","content":"给三号产线的质检相机开一条上行50兆、时延10毫秒以内的专线"}],"weir":{"now":"2026-11-25T08:30","explain":true}`

// A wish goes in, an order comes out, and both signatures hold.
func TestWishIsAnsweredAndBilled(t *testing.T) {
	h := newHouse(t)
	resp := h.send(t, wish+`}`)
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s %v", resp.Status, b, err)
	}
	var answer struct {
		Choices []struct{ Message struct{ Content string } }
		Weir    struct{ Receipt, Charge string }
	}
	if err := json.Unmarshal(b, &answer); err != nil {
		t.Fatal(err)
	}
	var order intent.Order
	if err := json.Unmarshal([]byte(answer.Choices[0].Message.Content), &order); err != nil {
		t.Errorf("order %s: %v", answer.Choices[0].Message.Content, err)
	}
	var streamed strings.Builder
	lines := bufio.NewScanner(h.send(t, wish+`,"stream":true}`).Body)
	for lines.Scan() {
		var chunk struct {
			Choices []struct{ Delta struct{ Content string } }
		}
		if data, ok := strings.CutPrefix(lines.Text(), "data: {"); ok && json.Unmarshal([]byte("{"+data), &chunk) == nil && len(chunk.Choices) > 0 {
			streamed.WriteString(chunk.Choices[0].Delta.Content)
		}
	}
	if got, want := streamed.String(), answer.Choices[0].Message.Content; got != want {
		t.Errorf("streamed %s, whole %s", got, want)
	}
	h.checkReceipt(t, resp.Header.Get("Weir-Receipt"))
}

// checkReceipt waits for the read model, which may lag, and verifies what it holds.
func (h *house) checkReceipt(t *testing.T, text string) {
	t.Helper()
	id, err := weir.ParseID(text)
	if err != nil {
		t.Fatal(err)
	}
	for range 300 {
		r, err := h.centre.Receipt(t.Context(), id)
		if err != nil {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		if err := receipt.Verify(r, h.node.PublicKey(), h.signs); err != nil {
			t.Error(err)
		}
		if st, err := r.Open(); err != nil || st.Disputed || st.Amount == 0 {
			t.Errorf("receipt %+v, %v", st, err)
		}
		return
	}
	t.Errorf("no receipt %s within 3 s", id)
}

// BenchmarkWish is a whole wish through gateway, exchange and engine: time to the first text
// and to the end.
func BenchmarkWish(b *testing.B) {
	h := newHouse(b)
	var first time.Duration
	for b.Loop() {
		began := time.Now()
		lines := bufio.NewScanner(h.send(b, wish+`,"stream":true}`).Body)
		seen := false
		for lines.Scan() {
			if !seen && strings.Contains(lines.Text(), `"content":"{`) {
				seen = true
				first += time.Since(began)
			}
		}
	}
	b.ReportMetric(float64(first.Microseconds())/1000/float64(b.N), "first-ms/op")
}
