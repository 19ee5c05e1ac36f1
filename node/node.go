package node

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/bus"
	"github.com/weir-project/weir/internal/fault"
)

// Control is an order to a node, sent to bus.SubjectControl; the answer is a Status.
type Control struct {
	Do string `json:"do"` // drain, resume or status
}

// Status is how a node is.
type Status struct {
	Draining bool      `json:"draining"`
	Load     weir.Load `json:"load"`
}

// Node is a running node.
type Node struct {
	config  Config
	log     *slog.Logger
	conn    *bus.Conn
	key     ed25519.PrivateKey
	models  catalogue
	runs    *runs
	metrics *metrics
	server  *http.Server
	url     string
	epoch   weir.ID
	control *bus.Subscription

	stop   context.CancelFunc // ends the background work
	work   sync.WaitGroup
	beats  chan struct{} // asks for a beat at once
	closed sync.Once

	mu   sync.Mutex // guards the fields below
	card *weir.DeviceCard
	seq  uint64
}

// Start loads the models and joins the pool over conn, which stays the caller's. ctx bounds the start alone; Close
// ends the node. What was not measured on this machine before is measured in the background while the node is idle.
func Start(ctx context.Context, c Config, conn *bus.Conn) (*Node, error) {
	c, err := c.complete()
	if err != nil {
		return nil, fmt.Errorf("start node: %w", err)
	}
	models, err := open(c)
	if err != nil {
		return nil, fmt.Errorf("start node %s: %w", c.ID, err)
	}
	n, err := start(ctx, c, conn, models)
	if err != nil {
		for _, m := range models {
			_ = m.Close() // the first error is the one to tell
		}
		return nil, fmt.Errorf("start node %s: %w", c.ID, err)
	}
	return n, nil
}

// start runs a node of a complete configuration. Only if it succeeds are the models the node's.
func start(ctx context.Context, c Config, conn *bus.Conn, models catalogue) (*Node, error) {
	n := &Node{
		config: c, log: c.Log.With("node", c.ID), conn: conn, models: models, beats: make(chan struct{}, 1),
		runs: newRuns(c.Remember, c.RememberMax), metrics: newMetrics(models),
	}
	if err := models.check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, err
	}
	var err error
	if n.key, err = loadKey(c.Dir); err != nil {
		return nil, err
	}
	if _, err := rand.Read(n.epoch[:]); err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "listen: %w", err)
	}
	n.url = "http://" + listener.Addr().String()
	// Orders run one after the other, so that the last one counts.
	n.control, err = bus.Serve(conn, bus.SubjectControl(c.ID), bus.Limits{Workers: 1, Waiting: 16}, n.obey)
	if err != nil {
		listener.Close()
		return nil, err
	}
	background, stop := context.WithCancel(context.Background())
	n.stop = stop
	n.server = &http.Server{
		Handler: n.routes(), ReadHeaderTimeout: headerWait, IdleTimeout: idleWait, MaxHeaderBytes: headerMax,
		ErrorLog: log.New(httpLog{n.log}, "", 0),
	}
	n.work.Go(func() {
		if err := n.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			n.log.Error("HTTP API stopped", "err", err)
		}
	})
	n.work.Go(func() { n.beatUntil(background) })
	if !c.NoMeasure {
		n.work.Go(func() { n.measure(background) })
	}
	n.log.Info("node started", "url", n.url, "models", models.names())
	return n, nil
}

// URL is where gateways reach the HTTP API.
func (n *Node) URL() string { return n.url }

// PublicKey is what the node's claims are checked with.
func (n *Node) PublicKey() ed25519.PublicKey { return n.key.Public().(ed25519.PublicKey) }

// Models lists what the node serves.
func (n *Node) Models() []weir.ModelCard {
	cards := make([]weir.ModelCard, len(n.models))
	for i, m := range n.models {
		cards[i] = m.card
	}
	return cards
}

// Card is what was measured of the machine, nil until it was.
func (n *Node) Card() *weir.DeviceCard {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.card
}

// obey carries out an order from the bus.
func (n *Node) obey(_ context.Context, c Control) (Status, error) {
	switch c.Do {
	case "drain":
		n.Drain()
	case "resume":
		n.runs.setDraining(false)
		n.beatNow()
	case "status":
	default:
		return Status{}, fault.New(fault.Invalid, "order %q: want drain, resume or status", c.Do)
	}
	return Status{Draining: n.runs.isDraining(), Load: n.models.load()}, nil
}

// Drain refuses new requests and lets those that run finish. The pool hears of it at once.
func (n *Node) Drain() {
	n.runs.setDraining(true)
	n.beatNow()
}

// Close drains the node, waits at most Config.DrainWait for what runs, cancels the rest, says goodbye to the pool
// and frees the models. Claims of cancelled requests reach those who are still connected.
func (n *Node) Close() (err error) {
	n.closed.Do(func() { err = n.close() })
	return err
}

func (n *Node) close() error {
	n.control.Close()
	n.Drain()
	wait, cancel := context.WithTimeout(context.Background(), n.config.DrainWait)
	defer cancel()
	if n.runs.wait(wait) != nil {
		running := n.runs.running()
		n.log.Warn("requests are cut off by the node's end", "requests", len(running), "after", n.config.DrainWait)
		n.runs.cancelAll()
	}
	unwind, cancel := context.WithTimeout(context.Background(), unwindWait)
	defer cancel()
	if n.server.Shutdown(unwind) != nil {
		_ = n.server.Close() // connections whose reader takes nothing
	}
	n.stop()
	n.work.Wait()
	n.beat(true)
	flush, cancel := context.WithTimeout(context.Background(), lastBeatMax)
	defer cancel()
	if n.conn.Connected() {
		if err := n.conn.Flush(flush); err != nil {
			n.log.Warn("the goodbye may not have reached the pool", "err", err)
		}
	}
	var errs []error
	for _, m := range n.models {
		errs = append(errs, m.Close())
	}
	n.log.Info("node stopped")
	return errors.Join(errs...)
}

// beatUntil beats until ctx ends.
func (n *Node) beatUntil(ctx context.Context) {
	tick := time.NewTicker(weir.HeartbeatEvery)
	defer tick.Stop()
	for {
		n.beat(false)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-n.beats:
		}
	}
}

// beatNow asks for a beat outside the rhythm.
func (n *Node) beatNow() {
	select {
	case n.beats <- struct{}{}:
	default:
	}
}

func (n *Node) beat(leaving bool) {
	n.mu.Lock()
	n.seq++
	h := weir.Heartbeat{
		Node: n.config.ID, Site: n.config.Site, Provider: n.config.Provider, URL: n.url, PublicKey: n.PublicKey(),
		Epoch: n.epoch, Seq: n.seq, Models: n.Models(), Card: n.card, Load: n.models.load(),
		Draining: n.runs.isDraining(), Leaving: leaving,
	}
	n.mu.Unlock()
	if err := bus.Publish(n.conn, bus.SubjectBeat, h); err != nil {
		// The bus reports its outage; the pool will notice the silence.
		n.log.Debug("heartbeat not sent", "err", err)
	}
}

// httpLog takes what net/http says about connections.
type httpLog struct{ log *slog.Logger }

func (l httpLog) Write(p []byte) (int, error) {
	l.log.Warn("HTTP API", "message", string(p))
	return len(p), nil
}
