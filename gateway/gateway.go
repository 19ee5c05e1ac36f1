package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
)

// Gateway answers the OpenAI API. Its methods may be called concurrently.
type Gateway struct {
	config   Config
	exchange Exchange
	view     *View
	log      *slog.Logger
	client   *http.Client
	vocabs   *vocabs
	limits   *limits
	suspects suspects
	metrics  *metrics
	handler  http.Handler
	server   *http.Server

	running   chan struct{}  // a place for each completion under way
	unsettled chan struct{}  // a place for each hold not yet resolved
	settling  sync.WaitGroup // the goroutines that resolve holds
	closing   chan struct{}
	once      sync.Once
}

// New returns a gateway that answers from view and trades through exchange. It starts nothing.
func New(c Config, exchange Exchange, view *View, log *slog.Logger) (*Gateway, error) {
	c, err := c.complete()
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	if exchange == nil || view == nil || log == nil {
		return nil, fault.New(fault.Invalid, "gateway: an exchange, a view and a logger are needed")
	}
	g := &Gateway{
		config: c, exchange: exchange, view: view, log: log, client: newClient(),
		running: make(chan struct{}, c.Concurrent), unsettled: make(chan struct{}, c.Settling), closing: make(chan struct{}),
	}
	// A vocabulary comes whole or not at all, so its client may have one bound for all of it.
	fetch := *g.client
	fetch.Timeout = c.Timeouts.Vocab
	g.vocabs = newVocabs(&fetch, c.NodeSecret, c.VocabMax)
	g.limits = newLimits(c.KeyRate, c.KeyBurst)
	g.metrics = newMetrics(g)
	g.handler = g.routes()
	t := c.Timeouts
	g.server = &http.Server{
		Handler: g.handler, MaxHeaderBytes: c.HeaderMax,
		ReadHeaderTimeout: t.ReadHeader, IdleTimeout: t.Idle,
		// No ReadTimeout or WriteTimeout: they would end a long stream. The body and each flush
		// have deadlines of their own.
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return g, nil
}

// Handler answers requests, for a server of the caller's.
func (g *Gateway) Handler() http.Handler { return g.handler }

// Serve answers requests that arrive at l until Close. Without TLS it listens to this machine
// alone.
func (g *Gateway) Serve(l net.Listener) error {
	if a, ok := l.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() {
		return fault.New(fault.Invalid, "gateway: %s can be reached from outside without TLS: listen on 127.0.0.1 and let a TLS proxy stand in front", a)
	}
	go g.warm()
	if err := g.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("gateway: %w", err)
	}
	return nil
}

// warmEvery is how often new models are looked for.
const warmEvery = time.Second

// warm fetches the vocabularies of new models before anyone asks for them, while there is room.
func (g *Gateway) warm() {
	ticks := time.NewTicker(warmEvery)
	defer ticks.Stop()
	for {
		now := weir.InstantOf(g.config.Now())
		for _, l := range g.view.Models(now) {
			for _, nodes := range byVocabulary(g.view.State(l.Model, now), l.Model) {
				card, _ := cardOf(nodes[0].Heartbeat, l.Model)
				if !g.vocabs.room(card.Vocabulary) {
					continue
				}
				if _, err := g.vocabs.lookup(context.Background(), card.Vocabulary, l.Model, nodes); err != nil {
					g.log.Warn("a vocabulary was not fetched ahead", "model", l.Model, "err", err)
				}
			}
		}
		select {
		case <-ticks.C:
		case <-g.closing:
			return
		}
	}
}

// Close takes no new requests, lets those under way finish until ctx ends, then breaks them
// off, and resolves the holds that are left. Calls after the first do nothing.
func (g *Gateway) Close(ctx context.Context) (err error) {
	g.once.Do(func() { err = g.close(ctx) })
	return err
}

func (g *Gateway) close(ctx context.Context) error {
	err := g.server.Shutdown(ctx)
	if err != nil {
		err = fmt.Errorf("gateway: requests were broken off: %w", errors.Join(err, g.server.Close()))
	}
	// Requests that were broken off end by themselves, soon: each has to bring its hold to an
	// end. Once all places are taken there is none left, and none can come.
	for range cap(g.running) {
		g.running <- struct{}{}
	}
	close(g.closing)
	// A last try for each is bounded by Timeouts.Exchange.
	g.settling.Wait()
	g.client.CloseIdleConnections()
	return err
}
