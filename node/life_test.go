package node

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/bus"
	"github.com/weir-project/weir/engine"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/pool"
)

// watched is a pool fed by the bus, as a gateway keeps one.
type watched struct {
	mu     sync.Mutex
	pool   pool.Pool
	events []string
}

func watch(t *testing.T, c *bus.Conn) *watched {
	t.Helper()
	w := &watched{}
	_, err := bus.Subscribe(c, bus.SubjectBeat, func(h weir.Heartbeat) {
		w.mu.Lock()
		defer w.mu.Unlock()
		events, err := w.pool.Beat(h, weir.InstantOf(time.Now()))
		if err != nil {
			t.Error(err)
		}
		for _, e := range events {
			w.events = append(w.events, e.Kind.String())
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *watched) saw(events string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.events, " ") == events
}

func (w *watched) node() (pool.Node, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pool.Node("n1")
}

func (f *fixture) order(do string) (Status, error) {
	return bus.Request[Control, Status](f.t.Context(), f.conn, bus.SubjectControl("n1"), Control{Do: do})
}

func TestDrain(t *testing.T) {
	gate := make(chan struct{}, 8)
	f := startNode(t, says(gate), nil)
	w := watch(t, f.conn)
	eventually(t, "node in the pool", func() bool { return w.saw("joined") })
	n, _ := w.node()
	if n.URL != f.URL() || n.Site != "plant" || n.Provider != "p" || string(n.PublicKey) != string(f.PublicKey()) || n.Load.Slots != 4 {
		t.Errorf("heartbeat %+v", n.Heartbeat)
	}
	if len(n.Models) != 1 || n.Models[0].Name != "m" || n.Models[0].Prices.Input != 5 {
		t.Errorf("models %+v", n.Models)
	}

	gate <- struct{}{}
	a := f.generate(t.Context(), request(1, 3))
	a.next(t)
	eventually(t, "load in the pool", func() bool { n, _ := w.node(); return n.Load.Active == 1 })
	s, err := f.order("drain")
	if err != nil || !s.Draining || s.Load.Active != 1 {
		t.Errorf("drain: %+v %v", s, err)
	}
	eventually(t, "drain in the pool", func() bool { return w.saw("joined draining") })
	refused := f.generate(t.Context(), request(2, 1))
	if e := refused.next(t); refused.StatusCode != 503 || e.Error.Kind != "unavailable" || !strings.Contains(e.Error.Message, "drains") {
		t.Errorf("while draining: %d %+v", refused.StatusCode, e.Error)
	}
	if resp := f.do(t.Context(), "GET", "/node/v1/health", nil); resp.StatusCode != 503 {
		t.Errorf("health while draining: %d", resp.StatusCode)
	}
	gate <- struct{}{}
	gate <- struct{}{}
	if tokens, _, last := a.all(t); len(tokens) != 2 || last.End != weir.EndLength {
		t.Errorf("what ran was cut: %v %+v", tokens, last)
	}

	if s, err := f.order("resume"); err != nil || s.Draining {
		t.Errorf("resume: %+v %v", s, err)
	}
	eventually(t, "return in the pool", func() bool { return w.saw("joined draining changed") })
	gate <- struct{}{}
	f.generate(t.Context(), request(2, 1)).all(t)
	_, err = f.order("explode")
	wantKind(t, err, fault.Invalid, "drain, resume or status")

	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "goodbye", func() bool { return w.saw("joined draining changed draining left") })
	_, err = f.order("status")
	wantKind(t, err, fault.Unavailable, "no node n1 answers")
}

func TestCloseCutsOffWhatDoesNotEnd(t *testing.T) {
	gate := make(chan struct{}, 1)
	f := startNode(t, says(gate), func(c *Config) { c.DrainWait = 200 * time.Millisecond })
	gate <- struct{}{}
	a := f.generate(t.Context(), request(1, 100))
	a.next(t)
	began := time.Now()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(began); d < 200*time.Millisecond || d > unwindWait {
		t.Errorf("closed after %s, want a little more than 200ms", d)
	}
	if _, _, last := a.all(t); f.openClaim(last).Usage.Output != 1 {
		t.Errorf("the cut request ended with %+v", last)
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 3 {
		t.Run("node", func(t *testing.T) {
			f := startNode(t, func(ctx context.Context, _ engine.Request, emit func(engine.Event) error) (engine.Result, error) {
				err := emit(engine.Event{Tokens: []int32{1}})
				<-ctx.Done()
				return engine.Result{End: weir.EndCancelled}, err
			}, func(c *Config) { c.DrainWait = time.Millisecond })
			for id := byte(1); id <= 4; id++ {
				f.generate(t.Context(), request(id, 100)).next(t)
			}
		})
	}
	eventually(t, "return to the number of goroutines", func() bool { return runtime.NumGoroutine() <= before+1 })
}

func TestBusOutageIsSurvived(t *testing.T) {
	server, err := bus.Start(bus.Config{Listen: "127.0.0.1:0", Token: "t"})
	if err != nil {
		t.Fatal(err)
	}
	url := server.URL()
	conn, err := bus.Connect(t.Context(), bus.ClientConfig{URL: url, Token: "t"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := Config{ID: "n1", Site: "s", Provider: "p", Dir: t.TempDir(), Secret: secret, Models: make([]ModelConfig, 1), NoMeasure: true}
	if c, err = c.complete(); err != nil {
		t.Fatal(err)
	}
	n, err := start(t.Context(), c, conn, catalogue{newModel(&scripted{card: weir.ModelCard{Name: "m"}, run: says(nil)}, nil, ModelConfig{})})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	server.Close()
	eventually(t, "outage", func() bool { return !conn.Connected() })
	if server, err = bus.Start(bus.Config{Listen: strings.TrimPrefix(url, "nats://"), Token: "t"}); err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	other, err := server.Conn("gateway")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	w := watch(t, other)
	eventually(t, "node in the pool of a new server", func() bool { return w.saw("joined") })
}

func TestKeyIsKept(t *testing.T) {
	dir := t.TempDir()
	key, err := loadKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, keyFile)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v %v", info.Mode(), err)
	}
	if again, err := loadKey(dir); err != nil || !again.Equal(key) {
		t.Errorf("the key changed: %v", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = loadKey(dir)
	wantKind(t, err, fault.Denied, "0644")
	f := func(content, part string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := loadKey(dir)
		wantKind(t, err, fault.Invalid, part)
	}
	f("", "holds no PRIVATE KEY")
	f("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "holds no PRIVATE KEY")
	f("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "asn1")
}

func TestConfigIsChecked(t *testing.T) {
	conn := newBus(t)
	f := func(change func(*Config), kind fault.Kind, part string) {
		t.Helper()
		c := Config{ID: "n", Site: "s", Provider: "p", Dir: t.TempDir(), Secret: "x", Models: []ModelConfig{{Path: "absent.gguf"}}, NoMeasure: true}
		change(&c)
		n, err := Start(t.Context(), c, conn)
		if err == nil {
			n.Close()
		}
		wantKind(t, err, kind, part)
	}
	f(func(c *Config) { c.ID = "" }, fault.Invalid, "needs a id")
	f(func(c *Config) { c.Secret = "" }, fault.Invalid, "secret is empty")
	f(func(c *Config) { c.Models = nil }, fault.Invalid, "no models")
	f(func(c *Config) { c.Listen = "0.0.0.0:80" }, fault.Invalid, "name one address")
	f(func(c *Config) { c.Listen = ":80" }, fault.Invalid, "name one address")
	f(func(c *Config) { c.Listen = "[::]:80" }, fault.Invalid, "name one address")
	f(func(c *Config) { c.Listen = "80" }, fault.Invalid, "HOST:PORT")
	f(func(*Config) {}, fault.NotFound, "absent.gguf")
	f(func(c *Config) { c.Models[0] = ModelConfig{Bytes: []byte("GGUF")} }, fault.Invalid, "")
}
