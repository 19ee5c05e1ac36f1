package gateway

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/engine/gguf"
	"github.com/weir-project/weir/gateway/key"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market"
	"github.com/weir-project/weir/market/receipt"
)

// controls of the test vocabulary; their ids follow those of the 256 bytes.
var controls = []string{"<|bos|>", "<|eos|>", "<|system|>", "<|user|>", "<|assistant|>", "<|tool|>"}

const (
	plainTemplate = `{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}`
	toolsTemplate = `{% if tools %}<|system|>{{ tools | tojson }}{% endif %}` + plainTemplate
	stickTemplate = `{% if messages[0].role != "user" %}{{ raise_exception("conversations begin with a user") }}{% endif %}` + plainTemplate
)

// vocabulary makes a GGUF file whose tokens are bytes, so one byte is one token.
func vocabulary(tb testing.TB, chatTemplate string) []byte {
	tb.Helper()
	var tokens []string
	var types []int32
	next := rune(256)
	for b := range rune(256) { // GPT-2's names of bytes
		if b > ' ' && b < 127 || b > 160 && b != 173 {
			tokens = append(tokens, string(b))
		} else {
			tokens = append(tokens, string(next))
			next++
		}
		types = append(types, 1)
	}
	for _, c := range controls {
		tokens, types = append(tokens, c), append(types, 3)
	}
	var w gguf.Writer
	w.Set("general.architecture", "llama")
	w.Set("tokenizer.ggml.model", "gpt2")
	w.Set("tokenizer.ggml.pre", "gpt-2")
	w.Set("tokenizer.ggml.tokens", tokens)
	w.Set("tokenizer.ggml.token_type", types)
	w.Set("tokenizer.ggml.merges", []string{})
	w.Set("tokenizer.ggml.bos_token_id", uint32(256))
	w.Set("tokenizer.ggml.eos_token_id", uint32(257))
	if chatTemplate != "" {
		w.Set("tokenizer.chat_template", chatTemplate)
	}
	var b bytes.Buffer
	if _, err := w.WriteTo(&b); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// world is a gateway between a real exchange and nodes that follow scripts.
type world struct {
	tb       testing.TB
	gateway  *Gateway
	server   *httptest.Server
	view     *View
	exchange *scripted
	key      string
	pepper   []byte
	log      *bytes.Buffer
}

// scripted is a real exchange that can be made to fail.
type scripted struct {
	mu   sync.Mutex // guards the fields below
	x    *market.Exchange
	view *View
	fail func(market.Command) error // before the command
	lose func(market.Command) error // after it
	did  []string
}

func (s *scripted) Do(_ context.Context, cmd market.Command) (market.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		if err := s.fail(cmd); err != nil {
			return market.Result{}, err
		}
	}
	cmd.At = weir.InstantOf(time.Now())
	result, events, err := s.x.Apply(cmd)
	for _, e := range events {
		if err := s.view.Follow(e); err != nil {
			return result, err
		}
	}
	if err == nil {
		s.did = append(s.did, cmd.Kind())
	}
	if s.lose != nil && err == nil {
		err = s.lose(cmd)
	}
	return result, err
}

func (s *scripted) script(fail, lose func(market.Command) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail, s.lose = fail, lose
}

const (
	tenant = weir.TenantID("acme")
	funds  = weir.USD
)

// newWorld starts a gateway whose tenant has a dollar. Nodes are added by node.
func newWorld(tb testing.TB, edit func(*Config)) *world {
	tb.Helper()
	w := &world{tb: tb, view: NewView(), pepper: []byte("a pepper for tests"), log: &bytes.Buffer{}}
	w.exchange = &scripted{x: market.New(), view: w.view}
	w.view.Restore(w.exchange.x.Snapshot())
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	w.do(market.Command{OpenTenant: &market.OpenTenant{Tenant: tenant}})
	w.do(market.Command{Deposit: &market.Deposit{Tenant: tenant, Amount: funds, Rail: "manual"}})
	w.do(market.Command{RegisterProvider: &market.RegisterProvider{Provider: "lab"}})
	w.do(market.Command{RegisterSigner: &market.RegisterSigner{Signer: market.Signer{Name: "gw", Role: market.RoleGateway, Key: public}}})
	w.key = w.addKey("first", 0)
	c := Config{Name: "gw", Key: private, Pepper: w.pepper, NodeSecret: "node secret", Timeouts: Timeouts{
		FirstToken: 2 * time.Second, Token: time.Second, Cancel: 2 * time.Second, Exchange: 2 * time.Second,
	}}
	if edit != nil {
		edit(&c)
	}
	var mu sync.Mutex
	log := slog.New(slog.NewTextHandler(lockedWriter{&mu, w.log}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if w.gateway, err = New(c, w.exchange, w.view, log); err != nil {
		tb.Fatal(err)
	}
	w.server = httptest.NewServer(w.gateway.Handler())
	tb.Cleanup(func() {
		w.server.Close()
		if err := w.gateway.Close(context.Background()); err != nil {
			tb.Error(err)
		}
		w.balanced()
	})
	return w
}

type lockedWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

func (w *world) do(cmd market.Command) {
	w.tb.Helper()
	cmd.ID = newID()
	if _, err := w.exchange.Do(context.Background(), cmd); err != nil {
		w.tb.Fatal(err)
	}
}

func (w *world) addKey(id weir.KeyID, expires weir.Instant) string {
	w.tb.Helper()
	text, _, err := key.New(id, rand.Reader)
	if err != nil {
		w.tb.Fatal(err)
	}
	w.do(market.Command{AddKey: &market.AddKey{Key: id, Tenant: tenant, Digest: key.Digest(w.pepper, text), Expires: expires}})
	return text
}

// balanced waits for open holds and checks the books.
func (w *world) balanced() {
	w.tb.Helper()
	w.gateway.settling.Wait()
	w.exchange.mu.Lock()
	defer w.exchange.mu.Unlock()
	if err := w.exchange.x.Check(); err != nil {
		w.tb.Errorf("the exchange does not balance: %v", err)
	}
	if open := w.exchange.x.Snapshot().Holds; len(open) > 0 {
		w.tb.Errorf("%d holds are left open", len(open))
	}
	if n := len(w.gateway.unsettled); n > 0 {
		w.tb.Errorf("%d places for holds are not given back", n)
	}
}

// spent is what the tenant has paid so far.
func (w *world) spent() weir.Nano {
	w.tb.Helper()
	w.gateway.settling.Wait()
	w.exchange.mu.Lock()
	defer w.exchange.mu.Unlock()
	b, _ := w.exchange.x.Ledger().Balance(market.TenantAccount(tenant))
	return b.Debits
}

// prices of the test offers: an input token costs 1000 nano-USD, an output token 4000.
var prices = weir.Prices{Input: 1_000_000, Cached: 100_000, Output: 4_000_000}

const (
	inputNano  = weir.Nano(1000)
	outputNano = weir.Nano(4000)
)

// node is a machine that follows a script.
type node struct {
	id      weir.NodeID
	w       *world
	key     ed25519.PrivateKey
	server  *httptest.Server
	vocab   []byte
	model   string
	digest  string
	script  func(*call)
	hung    atomic.Bool
	mu      sync.Mutex // guards the fields below
	calls   []weir.GenerateRequest
	running map[weir.ID]*call
	cancels int
	fetches int
}

// call is one generation on a node.
type call struct {
	node   *node
	req    weir.GenerateRequest
	w      http.ResponseWriter
	r      *http.Request
	stop   chan struct{} // closed when the gateway cancels
	done   chan struct{}
	output weir.Tokens
	last   weir.GenerateEvent
}

const model = "m"

// node adds a node with an offer for model m. Better ranks win.
func (w *world) node(id weir.NodeID, rank int, script func(*call)) *node {
	w.tb.Helper()
	return w.nodeWith(id, model, rank, vocabulary(w.tb, plainTemplate), script)
}

func (w *world) nodeWith(id weir.NodeID, model string, rank int, vocab []byte, script func(*call)) *node {
	w.tb.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		w.tb.Fatal(err)
	}
	n := &node{id: id, w: w, key: private, vocab: vocab, model: model, digest: strings.Repeat("d", 64), script: script, running: map[weir.ID]*call{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+weir.PathVocab+"{model}", func(rw http.ResponseWriter, r *http.Request) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.fetches++
		if r.Header.Get("Authorization") != "Bearer node secret" {
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		rw.Write(n.vocab)
	})
	mux.HandleFunc("GET /{$}", func(_ http.ResponseWriter, r *http.Request) {
		if n.hung.Load() {
			<-r.Context().Done()
		}
	})
	mux.HandleFunc("POST "+weir.PathGenerate, n.generate)
	mux.HandleFunc("POST "+weir.PathCancel+"{id}", n.cancel)
	n.server = httptest.NewServer(mux)
	w.tb.Cleanup(n.server.Close)
	w.do(market.Command{RegisterSigner: &market.RegisterSigner{Signer: market.Signer{Name: string(id), Role: market.RoleNode, Provider: "lab", Key: public}}})
	w.do(market.Command{PostOffer: &market.PostOffer{Offer: weir.Offer{
		ID: "offer-" + weir.OfferID(id), Provider: "lab", Site: "site-1", Node: id, Model: model, Prices: prices, Context: 1000, Streams: 8,
	}}})
	sum := sha256.Sum256(vocab)
	rate := float64(1000 * (rank + 1))
	err = w.view.Beat(weir.Heartbeat{
		Node: id, Site: "site-1", Provider: "lab", URL: n.server.URL, PublicKey: public, Epoch: newID(), Seq: 1,
		Models: []weir.ModelCard{{Name: model, Digest: n.digest, Context: 1000, Vocabulary: hex.EncodeToString(sum[:])}},
		Card:   &weir.DeviceCard{DecodeRate: map[string]float64{model: rate}, PrefillRate: map[string]float64{model: rate}},
		Load:   weir.Load{Slots: 8},
	}, weir.InstantOf(time.Now()))
	if err != nil {
		w.tb.Fatal(err)
	}
	return n
}

func (n *node) generate(w http.ResponseWriter, r *http.Request) {
	c := &call{node: n, w: w, r: r, stop: make(chan struct{}), done: make(chan struct{})}
	if err := json.NewDecoder(r.Body).Decode(&c.req); err != nil {
		n.w.tb.Error(err)
	}
	n.mu.Lock()
	n.calls = append(n.calls, c.req)
	n.running[c.req.ID] = c
	n.mu.Unlock()
	defer close(c.done)
	n.script(c)
}

func (n *node) cancel(w http.ResponseWriter, r *http.Request) {
	id, err := weir.ParseID(r.PathValue("id"))
	if err != nil {
		n.w.tb.Error(err)
	}
	n.mu.Lock()
	n.cancels++
	c := n.running[id]
	n.mu.Unlock()
	if c == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	close(c.stop)
	<-c.done
	json.NewEncoder(w).Encode(c.last)
}

// hang makes the node answer no probe.
func (n *node) hang() { n.hung.Store(true) }

func (n *node) asked() []weir.GenerateRequest {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.calls
}

func (n *node) cancelled() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cancels
}

// text sends each string as one event with one token.
func (c *call) text(texts ...string) {
	for _, t := range texts {
		c.output++
		c.event(weir.GenerateEvent{Tokens: []int32{'x'}, Text: t})
	}
}

func (c *call) event(e weir.GenerateEvent) {
	if err := json.NewEncoder(c.w).Encode(e); err != nil {
		c.node.w.tb.Error(err)
	}
	http.NewResponseController(c.w).Flush()
}

// claimed signs a claim, edited if edit is not nil.
func (c *call) claimed(end weir.End, edit func(*weir.Claim)) *weir.SignedClaim {
	claim := weir.Claim{
		Request: c.req.ID, Hold: c.req.Hold, Node: c.node.id, Model: c.req.Model, Digest: c.node.digest, End: end,
		Usage: weir.Usage{Input: weir.Tokens(len(c.req.Prompt)), Output: c.output},
	}
	if edit != nil {
		edit(&claim)
	}
	s, err := receipt.SignClaim(claim, c.node.key)
	if err != nil {
		c.node.w.tb.Error(err)
	}
	return &s
}

// end sends the last event.
func (c *call) end(end weir.End) {
	c.last = weir.GenerateEvent{End: end, Claim: c.claimed(end, nil)}
	if end != weir.EndCancelled {
		c.event(c.last)
	}
}

// says is a script that answers with texts.
func says(texts ...string) func(*call) {
	return func(c *call) {
		c.text(texts...)
		c.end(weir.EndStop)
	}
}

// refuses is a script that answers with an error.
func refuses(kind fault.Kind) func(*call) {
	return func(c *call) {
		c.w.WriteHeader(http.StatusServiceUnavailable)
		c.event(weir.GenerateEvent{Error: &weir.WireError{Kind: kind.String(), Message: "scripted refusal"}})
	}
}

// reset breaks the connection.
func (c *call) reset() { panic(http.ErrAbortHandler) }

// answer is what a client got.
type answer struct {
	status int
	header http.Header
	body   string
	err    error // of reading the body
}

func (w *world) send(method, path, bearer, body string) answer {
	w.tb.Helper()
	r, err := http.NewRequest(method, w.server.URL+path, strings.NewReader(body))
	if err != nil {
		w.tb.Fatal(err)
	}
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(b), err}
}

func (w *world) chat(extra string) answer {
	w.tb.Helper()
	return w.send("POST", "/v1/chat/completions", w.key, `{"model":"m","messages":[{"role":"user","content":"hello"}]`+extra+`}`)
}

// promptLen is the length of chat's prompt: two marks, five bytes, one mark.
const promptLen = 2 + len("hello") + 1

// oops decodes an error answer.
func (a answer) oops() (e struct{ Message, Type, Param, Code string }) {
	var body struct {
		Error *struct{ Message, Type, Param, Code string }
	}
	if json.Unmarshal([]byte(a.body), &body) == nil && body.Error != nil {
		return *body.Error
	}
	return e
}

// events splits a stream into the data of its events.
func (a answer) events(tb testing.TB) []string {
	tb.Helper()
	var list []string
	for _, e := range strings.SplitAfter(a.body, "\n\n") {
		if e == "" {
			continue
		}
		data, ok := strings.CutPrefix(e, "data: ")
		if !ok || !strings.HasSuffix(data, "\n\n") || strings.Count(data, "\n") != 2 {
			tb.Errorf("not a server-sent event: %q", e)
		}
		list = append(list, strings.TrimSuffix(data, "\n\n"))
	}
	return list
}

func (w *world) now() weir.Instant { return weir.InstantOf(time.Now()) }
