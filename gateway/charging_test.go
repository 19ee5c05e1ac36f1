package gateway

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market"
)

func (w *world) paid(in, out int) {
	w.tb.Helper()
	want := weir.Nano(in)*inputNano + weir.Nano(out)*outputNano
	if got := w.spent(); got != want {
		w.tb.Errorf("the tenant has paid %s, want %s for %d input and %d output tokens", got, want, in, out)
	}
}

func TestFinishedIsCharged(t *testing.T) {
	w := newWorld(t, nil)
	n := w.node("a", 0, says("Hel", "lo"))
	a := w.chat("")
	if a.status != http.StatusOK || !strings.Contains(a.body, `"content":"Hello"`) {
		t.Fatalf("answer %d %s", a.status, a.body)
	}
	if got := a.header.Get("Weir-Charge"); got != "$0.000016" {
		t.Errorf("Weir-Charge %q", got)
	}
	if len(a.header.Get("Weir-Receipt")) != 32 {
		t.Errorf("Weir-Receipt %q", a.header.Get("Weir-Receipt"))
	}
	w.paid(promptLen, 2)
	if got := len(n.asked()[0].Prompt); got != promptLen {
		t.Errorf("the node got %d prompt tokens, want %d", got, promptLen)
	}
}

func TestCachedShareIsCheaper(t *testing.T) {
	w := newWorld(t, nil)
	w.node("a", 0, func(c *call) {
		c.text("x")
		c.event(weir.GenerateEvent{End: weir.EndStop, Claim: c.claimed(weir.EndStop, func(k *weir.Claim) {
			k.Usage.Input, k.Usage.Cached = k.Usage.Input-6, 6
		})})
	})
	a := w.chat("")
	if !strings.Contains(a.body, `"cached_tokens":6`) {
		t.Errorf("answer %s", a.body)
	}
	if got, want := w.spent(), 2*inputNano+6*inputNano/10+outputNano; got != want {
		t.Errorf("paid %s, want %s", got, want)
	}
}

// A node that claims more than was delivered is paid for what was delivered.
func TestOverclaimIsDisputed(t *testing.T) {
	w := newWorld(t, nil)
	w.node("a", 0, func(c *call) {
		c.text("x")
		c.event(weir.GenerateEvent{End: weir.EndStop, Claim: c.claimed(weir.EndStop, func(k *weir.Claim) { k.Usage.Output = 900 })})
	})
	if a := w.chat(`,"weir":{"explain":true}`); !strings.Contains(a.body, `"disputed":true`) {
		t.Errorf("answer %s", a.body)
	}
	w.paid(promptLen, 1)
}

func TestB8RetriesBeforeContent(t *testing.T) {
	for name, script := range map[string]func(*call){
		"reset":        func(c *call) { c.reset() },
		"clean end":    func(*call) {},
		"garbage":      func(c *call) { c.w.Write([]byte("%%%\n")) },
		"refusal":      refuses(fault.NoCapacity),
		"error event":  func(c *call) { c.event(weir.GenerateEvent{Error: &weir.WireError{Kind: "internal", Message: "boom"}}) },
		"tokens, then": func(c *call) { c.event(weir.GenerateEvent{Tokens: []int32{'x'}}); c.reset() },
		"no claim":     func(c *call) { c.event(weir.GenerateEvent{End: weir.EndStop}) },
		"forged claim": func(c *call) {
			s := c.claimed(weir.EndStop, nil)
			s.Signature[0] ^= 1
			c.event(weir.GenerateEvent{End: weir.EndStop, Claim: s})
		},
		"another's claim": func(c *call) {
			c.event(weir.GenerateEvent{End: weir.EndStop, Claim: c.claimed(weir.EndStop, func(k *weir.Claim) { k.Request[0] ^= 1 })})
		},
		"absurd claim": func(c *call) {
			c.event(weir.GenerateEvent{End: weir.EndStop, Claim: c.claimed(weir.EndStop, func(k *weir.Claim) { k.Usage.Output = 1 << 50 })})
		},
		"silence":   func(c *call) { <-c.r.Context().Done() },
		"long line": func(c *call) { c.w.Write([]byte(`{"text":"` + strings.Repeat("x", 2*eventMax) + `"}` + "\n")) },
		"chatter":   func(c *call) { c.event(weir.GenerateEvent{Tokens: make([]int32, 2000)}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(c *Config) { c.Timeouts.FirstToken = 200 * time.Millisecond })
			bad, good := w.node("bad", 9, script), w.node("good", 0, says("fine"))
			for _, extra := range []string{"", `,"stream":true`} {
				w.gateway.suspects.clear("bad")
				a := w.chat(extra)
				if a.status != http.StatusOK || !strings.Contains(a.body, `"content":"fine"`) || a.err != nil {
					t.Errorf("answer %d %s %v", a.status, a.body, a.err)
				}
			}
			if b, g := len(bad.asked()), len(good.asked()); b != 2 || g != 2 {
				t.Errorf("the bad node was asked %d times, the good one %d, want 2 and 2", b, g)
			}
			w.paid(2*promptLen, 2)
			if got := strings.Join(w.exchange.did[len(w.exchange.did)-4:], " "); got != "hold settle hold settle" {
				t.Errorf("commands %s: want one hold for both attempts", got)
			}
		})
	}
}

// An answer in one piece can be tried elsewhere even after its first token.
func TestWholeAnswerIsRetriedLate(t *testing.T) {
	w := newWorld(t, nil)
	w.node("bad", 9, func(c *call) { c.text("hal"); c.reset() })
	w.node("good", 0, says("fine"))
	if a := w.chat(""); a.status != http.StatusOK || !strings.Contains(a.body, `"content":"fine"`) {
		t.Errorf("answer %d %s", a.status, a.body)
	}
	w.paid(promptLen, 1)
}

func TestAllNodesFail(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Attempts = 2 })
	nodes := []*node{w.node("a", 0, refuses(fault.NoCapacity)), w.node("b", 1, refuses(fault.NoCapacity)), w.node("c", 2, refuses(fault.NoCapacity))}
	a := w.chat(`,"stream":true`)
	if a.status != http.StatusServiceUnavailable || a.oops().Code != "no_capacity" || a.header.Get("Retry-After") == "" {
		t.Errorf("answer %d %v %s", a.status, a.header, a.body)
	}
	asked := 0
	for _, n := range nodes {
		asked += len(n.asked())
	}
	if asked != 2 {
		t.Errorf("%d nodes were asked, want 2", asked)
	}
	w.paid(0, 0)
}

// What the request itself is wrong about is not tried elsewhere.
func TestNodeRefusesRequest(t *testing.T) {
	w := newWorld(t, nil)
	w.node("a", 9, refuses(fault.Invalid))
	b := w.node("b", 0, says("x"))
	if a := w.chat(""); a.status != http.StatusBadRequest || !strings.Contains(a.body, "scripted refusal") {
		t.Errorf("answer %d %s", a.status, a.body)
	}
	if len(b.asked()) > 0 {
		t.Error("an invalid request was tried elsewhere")
	}
	w.paid(0, 0)
}

// A stream that dies is never taken for a whole one (B6), and what was delivered is charged.
func TestB6DeathMidStream(t *testing.T) {
	for name, die := range map[string]func(*call){
		"reset":     func(c *call) { c.reset() },
		"clean end": func(*call) {},
		"garbage":   func(c *call) { c.w.Write([]byte("{{{\n")) },
		"half line": func(c *call) { c.w.Write([]byte(`{"text":"unfini`)) },
		"error": func(c *call) {
			c.event(weir.GenerateEvent{End: weir.EndFailed, Claim: c.claimed(weir.EndFailed, nil), Error: &weir.WireError{Kind: "internal", Message: "boom"}})
		},
		"silence":  func(c *call) { <-c.r.Context().Done() },
		"no claim": func(c *call) { c.event(weir.GenerateEvent{End: weir.EndStop}) },
		"drained":  func(c *call) { c.end(weir.EndCancelled); c.event(c.last) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(c *Config) { c.Timeouts.Token = 200 * time.Millisecond })
			w.node("bad", 9, func(c *call) { c.text("one ", "two "); die(c) })
			other := w.node("other", 0, says("never"))
			a := w.chat(`,"stream":true,"stream_options":{"include_usage":true}`)
			if a.status != http.StatusOK || a.err == nil {
				t.Errorf("status %d, error %v: want 200 and a broken body", a.status, a.err)
			}
			events := a.events(t)
			if strings.Contains(a.body, "[DONE]") || strings.Contains(a.body, `"finish_reason":"`) {
				t.Errorf("a dead stream has an end mark: %s", a.body)
			}
			last := events[len(events)-1]
			if !strings.HasPrefix(last, `{"error":{`) {
				t.Errorf("the last event is %s", last)
			}
			if len(other.asked()) > 0 {
				t.Error("a stream was begun again")
			}
			w.paid(promptLen, 2)
		})
	}
}

// stream begins a streamed chat and reads until its n-th content chunk.
func (w *world) stream(ctx context.Context, n int) *http.Response {
	w.tb.Helper()
	body := `{"model":"m","stream":true,"messages":[{"role":"user","content":"hello"}]}`
	r, err := http.NewRequestWithContext(ctx, "POST", w.server.URL+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		w.tb.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.key)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.tb.Fatal(err)
	}
	lines := bufio.NewScanner(resp.Body)
	for n > 0 && lines.Scan() {
		if strings.Contains(lines.Text(), `"delta":{"content":"`) {
			n--
		}
	}
	return resp
}

// A client that leaves stops the node at once and pays for what it got.
func TestB5ClientLeaves(t *testing.T) {
	w := newWorld(t, nil)
	stopped := make(chan time.Time, 1)
	n := w.node("a", 0, func(c *call) {
		c.text("one ", "two ", "three ")
		select {
		case <-c.stop:
			stopped <- time.Now()
		case <-time.After(5 * time.Second):
			t.Error("the node was not told to stop")
		}
		c.output += 4 // computed after the loss was seen: the provider's own
		c.end(weir.EndCancelled)
	})
	ctx, cancel := context.WithCancel(t.Context())
	resp := w.stream(ctx, 3)
	left := time.Now()
	cancel()
	resp.Body.Close()
	if took := (<-stopped).Sub(left); took > time.Second {
		t.Errorf("the node was told after %s", took)
	}
	w.eventually(func() bool { return w.did("settle") == 1 })
	w.paid(promptLen, 3)
	if n.cancelled() != 1 {
		t.Errorf("%d cancellations, want 1", n.cancelled())
	}
}

// A client that leaves before the first token pays for the prefill that was done.
func TestB5ClientLeavesBeforeFirstToken(t *testing.T) {
	for name, c := range map[string]struct {
		prefilled int
		paid      int
	}{"half of the prefill": {4, 4}, "nothing": {0, 0}, "more than there is": {900, promptLen}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			n := w.node("a", 0, func(k *call) {
				<-k.stop
				k.last = weir.GenerateEvent{End: weir.EndCancelled, Claim: k.claimed(weir.EndCancelled, func(claim *weir.Claim) {
					claim.Usage.Input = weir.Tokens(c.prefilled)
				})}
			})
			ctx, cancel := context.WithCancel(t.Context())
			r, _ := http.NewRequestWithContext(ctx, "POST", w.server.URL+"/v1/chat/completions", strings.NewReader(
				`{"model":"m","messages":[{"role":"user","content":"hello"}]}`))
			r.Header.Set("Authorization", "Bearer "+w.key)
			go func() {
				w.eventually(func() bool { return len(n.asked()) == 1 })
				cancel()
			}()
			if _, err := http.DefaultClient.Do(r); err == nil {
				t.Error("a cancelled request was answered")
			}
			w.eventually(func() bool { return w.did("settle")+w.did("void") == 1 })
			w.paid(c.paid, 0)
		})
	}
}

// A node that hangs is given up when the pool has lost it, long before its silence alone would
// tell; one that still answers is not, since it may be the bus that is down.
func TestLostNodeIsGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		dead bool
		want string
	}{"dead": {true, "fine"}, "alive": {false, "late"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(c *Config) { c.Timeouts.FirstToken = time.Minute })
			slow := w.node("slow", 9, func(k *call) {
				leaving := w.beat("slow")
				leaving.Seq, leaving.Leaving = 2, true
				if err := w.view.Beat(leaving, w.now()); err != nil {
					t.Error(err)
				}
				if c.dead {
					<-k.r.Context().Done()
					return
				}
				time.Sleep(600 * time.Millisecond)
				k.text("late")
				k.end(weir.EndStop)
			})
			if c.dead {
				slow.hang()
			}
			w.node("good", 0, says("fine"))
			began := time.Now()
			if a := w.chat(""); a.status != http.StatusOK || !strings.Contains(a.body, `"content":"`+c.want+`"`) {
				t.Errorf("answer %d %s", a.status, a.body)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
			w.paid(promptLen, 1)
		})
	}
}

// A node that just failed is passed over, but not where it is the only one.
func TestSuspectsArePassedOver(t *testing.T) {
	w := newWorld(t, nil)
	bad, good := w.node("bad", 9, func(c *call) { c.reset() }), w.node("good", 0, says("fine"))
	for range 5 {
		if a := w.chat(""); a.status != http.StatusOK {
			t.Errorf("answer %d %s", a.status, a.body)
		}
	}
	if b, g := len(bad.asked()), len(good.asked()); b != 1 || g != 5 {
		t.Errorf("the bad node was asked %d times, the good one %d, want 1 and 5", b, g)
	}
	w.chat(`,"weir":{"node":"bad"}`)
	if b := len(bad.asked()); b != 2 {
		t.Errorf("the only node that may serve was not asked")
	}
}

// A stream may last longer than a request's body may take to arrive.
func TestLongStreamOutlivesReadTimeout(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Timeouts.Read = 100 * time.Millisecond })
	w.node("a", 0, func(c *call) {
		for range 5 {
			time.Sleep(60 * time.Millisecond)
			c.text("x")
		}
		c.end(weir.EndStop)
	})
	if a := w.chat(`,"stream":true`); a.err != nil || !strings.HasSuffix(a.body, "data: [DONE]\n\n") {
		t.Errorf("answer %s, error %v", a.body, a.err)
	}
}

// A gateway that stops breaks long answers off and leaves no hold behind.
func TestCloseSettlesWhatRuns(t *testing.T) {
	w := newWorld(t, nil)
	w.node("a", 0, func(c *call) {
		c.text("one ", "two ")
		<-c.stop
		c.end(weir.EndCancelled)
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- w.gateway.Serve(l) }()
	r, _ := http.NewRequest("POST", "http://"+l.Addr().String()+"/v1/chat/completions", strings.NewReader(
		`{"model":"m","stream":true,"messages":[{"role":"user","content":"hello"}]}`))
	r.Header.Set("Authorization", "Bearer "+w.key)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() && !strings.Contains(lines.Text(), "two") {
		continue
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := w.gateway.Close(ctx); err == nil {
		t.Error("nothing was broken off")
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	for lines.Scan() {
		if strings.Contains(lines.Text(), "[DONE]") {
			t.Error("the answer has an end mark")
		}
	}
	if lines.Err() == nil {
		t.Error("the answer ended as if it were whole")
	}
	w.paid(promptLen, 2)
}

// A request that takes too long is the client's own to pay, and it is told.
func TestRequestTimeout(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Timeouts.Request = 300 * time.Millisecond })
	w.node("a", 0, func(c *call) {
		c.text("one ")
		<-c.stop
		c.end(weir.EndCancelled)
	})
	a := w.chat(`,"stream":true`)
	if a.err == nil || !strings.Contains(a.body, `"code":"timeout"`) || strings.Contains(a.body, "[DONE]") {
		t.Errorf("answer %s, error %v", a.body, a.err)
	}
	if a := w.chat(""); a.status != http.StatusGatewayTimeout || a.oops().Code != "timeout" {
		t.Errorf("answer %d %s", a.status, a.body)
	}
	w.paid(2*promptLen, 2)
}

func TestNoBalance(t *testing.T) {
	w := newWorld(t, nil)
	n := w.node("a", 0, says("x"))
	w.do(market.Command{Hold: &market.TakeHold{Tenant: tenant, Request: newID(), Amount: funds - 1, Timeout: time.Hour}})
	a := w.chat("")
	if a.status != http.StatusTooManyRequests || a.oops().Code != "insufficient_quota" || a.header.Get("X-Should-Retry") != "false" {
		t.Errorf("answer %d %v %s", a.status, a.header, a.body)
	}
	if len(n.asked()) > 0 {
		t.Error("a node worked without a hold")
	}
	w.do(market.Command{Void: &market.Void{Hold: w.exchange.x.Snapshot().Holds[0].Hold}})
}

// A balance for one request lets one of many pass (B4).
func TestB4OneBalanceOneRequest(t *testing.T) {
	w := newWorld(t, nil)
	release := make(chan struct{})
	w.node("a", 0, func(c *call) {
		<-release
		c.text("x")
		c.end(weir.EndStop)
	})
	worst := weir.Nano(promptLen)*inputNano + 10*outputNano
	w.do(market.Command{Hold: &market.TakeHold{Tenant: tenant, Request: newID(), Amount: funds - worst, Timeout: time.Hour}})
	rest := w.exchange.x.Snapshot().Holds[0].Hold
	const clients = 50
	statuses := make(chan int, clients)
	for range clients {
		go func() { statuses <- w.chat(`,"max_tokens":10`).status }()
	}
	passed := 0
	for i := range clients {
		if i == clients-1 {
			close(release)
		}
		if s := <-statuses; s == http.StatusOK {
			passed++
		} else if s != http.StatusTooManyRequests {
			t.Errorf("status %d", s)
		}
	}
	if passed != 1 {
		t.Errorf("%d requests passed on a balance for one", passed)
	}
	w.do(market.Command{Void: &market.Void{Hold: rest}})
}

// An exchange that is away delays settlements; nothing is dropped (B3).
func TestB3SettlementIsRepeated(t *testing.T) {
	w := newWorld(t, nil)
	w.node("a", 0, says("x"))
	failures := 3
	w.exchange.script(func(cmd market.Command) error {
		if cmd.Settle != nil && failures > 0 {
			failures--
			return fault.New(fault.Unavailable, "scripted outage")
		}
		return nil
	}, nil)
	if a := w.chat(""); a.status != http.StatusOK {
		t.Errorf("answer %d %s", a.status, a.body)
	}
	w.paid(promptLen, 1)
}

// A hold whose answer is lost is released, and the node is not asked.
func TestLostHoldIsVoided(t *testing.T) {
	w := newWorld(t, nil)
	n := w.node("a", 0, says("x"))
	w.exchange.script(nil, func(cmd market.Command) error {
		if cmd.Hold != nil {
			return fault.New(fault.Unavailable, "scripted loss")
		}
		return nil
	})
	if a := w.chat(""); a.status != http.StatusServiceUnavailable {
		t.Errorf("answer %d %s", a.status, a.body)
	}
	w.eventually(func() bool { return w.did("void") == 1 })
	if len(n.asked()) > 0 {
		t.Error("a node worked on an unconfirmed hold")
	}
	w.paid(0, 0)
}

// While too many settlements wait, nothing more is taken on.
func TestB3UnsettledRequestsStopAdmission(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Settling = 1; c.Timeouts.Exchange = 50 * time.Millisecond })
	w.node("a", 0, says("x"))
	w.exchange.script(func(cmd market.Command) error {
		if cmd.Settle != nil {
			return fault.New(fault.Unavailable, "scripted outage")
		}
		return nil
	}, nil)
	if a := w.chat(""); a.status != http.StatusOK {
		t.Errorf("answer %d %s", a.status, a.body)
	}
	if a := w.chat(""); a.status != http.StatusServiceUnavailable || !strings.Contains(a.body, "settlements wait") {
		t.Errorf("answer %d %s", a.status, a.body)
	}
	w.exchange.script(nil, nil)
	w.paid(promptLen, 1)
}

func (w *world) did(kind string) int {
	w.exchange.mu.Lock()
	defer w.exchange.mu.Unlock()
	n := 0
	for _, k := range w.exchange.did {
		if k == kind {
			n++
		}
	}
	return n
}

// eventually waits for something that another goroutine does.
func (w *world) eventually(ok func() bool) {
	w.tb.Helper()
	for range 500 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.tb.Error("it did not happen within 5 s")
}
