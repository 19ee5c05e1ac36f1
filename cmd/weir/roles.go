package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/bus"
	"github.com/weir-project/weir/centre"
	"github.com/weir-project/weir/centre/link"
	"github.com/weir-project/weir/gateway"
	"github.com/weir-project/weir/gateway/key"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market"
	"github.com/weir-project/weir/models/intent"
	"github.com/weir-project/weir/node"
)

// Roles are what a process may be. Each is started with a configuration, a home and a bus
// connection, and cannot tell which others share its process.

// cleanup is what must be undone, last first.
type cleanup []func() error

func (c *cleanup) add(f func() error) { *c = append(*c, f) }

func (c *cleanup) run() error {
	var errs []error
	for i := len(*c) - 1; i >= 0; i-- {
		errs = append(errs, (*c)[i]())
	}
	*c = nil
	return errors.Join(errs...)
}

// startBus starts the bus server of a centre.
func startBus(c *config, h *home, log *slog.Logger, undo *cleanup) (*bus.Server, error) {
	secret, err := h.clusterSecret()
	if err != nil {
		return nil, err
	}
	s, err := bus.Start(bus.Config{
		Name: c.Site, Listen: c.Bus.Listen, Token: secret, JetStream: true, Dir: h.path("bus"), Log: log.With("part", "bus"),
	})
	if err != nil {
		return nil, fmt.Errorf("start the bus: %w", err)
	}
	undo.add(s.Close)
	return s, h.write(fileBus, s.URL()+"\n")
}

// join connects to the bus: in process where there is a server, else by its URL.
func join(ctx context.Context, s *bus.Server, c *config, h *home, name string, log *slog.Logger, undo *cleanup) (*bus.Conn, error) {
	var conn *bus.Conn
	var err error
	if s != nil {
		conn, err = s.Conn(name)
	} else {
		var secret, url string
		if secret, err = h.clusterSecret(); err != nil {
			return nil, err
		}
		if url = c.Bus.URL; url == "" {
			if url, err = h.text(fileBus); err != nil || url == "" {
				return nil, fault.New(fault.Invalid, "no bus to join: give --bus URL, as `weir centre` prints it")
			}
		}
		conn, err = bus.Connect(ctx, bus.ClientConfig{URL: url, Token: secret, Name: name, Log: log.With("part", "bus")})
	}
	if err != nil {
		return nil, fmt.Errorf("join the bus: %w", err)
	}
	undo.add(conn.Close)
	return conn, nil
}

// openCentre recovers the exchange. It comes before everything else that belongs to a home: only
// one process can have the exchange, so a second one fails before it touches what the first uses.
func openCentre(ctx context.Context, h *home, log *slog.Logger, undo *cleanup) (*centre.Centre, error) {
	x, err := centre.Open(ctx, centre.Config{Dir: h.path("centre"), Log: log.With("part", "centre")})
	if err != nil {
		return nil, err
	}
	undo.add(x.Close)
	r := x.Recovery()
	if r.Cut != nil {
		log.Warn("the end of the journal was torn and never acknowledged", "file", r.Cut.File, "bytes", r.Cut.Bytes, "reason", r.Cut.Reason)
	}
	if r.Last > 0 {
		log.Info("exchange recovered", "records", r.Last)
	}
	return x, nil
}

// startCentre runs the exchange and the bus that others join.
func startCentre(ctx context.Context, c *config, h *home, log *slog.Logger, undo *cleanup) (*bus.Server, error) {
	x, err := openCentre(ctx, h, log, undo)
	if err != nil {
		return nil, err
	}
	server, err := startBus(c, h, log, undo)
	if err != nil {
		return nil, err
	}
	conn, err := join(ctx, server, c, h, "centre", log, undo)
	if err != nil {
		return nil, err
	}
	return server, serveCentre(ctx, c, x, conn, log, undo)
}

// serveCentre answers for the exchange on the bus.
func serveCentre(ctx context.Context, c *config, x *centre.Centre, conn *bus.Conn, log *slog.Logger, undo *cleanup) error {
	service, err := link.Serve(x, conn, log.With("part", "centre"))
	if err != nil {
		return err
	}
	undo.add(func() error { service.Close(); return nil })
	if _, err := x.Do(ctx, market.Command{ID: newID(), SetFee: &market.SetFee{BasisPoints: c.Market.FeeBasisPoints}}); err != nil {
		return fmt.Errorf("set the fee: %w", err)
	}
	return nil
}

// startNode runs a node, makes its key known and posts its offers.
func startNode(ctx context.Context, c *config, h *home, conn *bus.Conn, log *slog.Logger, undo *cleanup) (*node.Node, error) {
	secret, err := h.clusterSecret()
	if err != nil {
		return nil, err
	}
	cfg := node.Config{
		ID: weir.NodeID(c.Node.ID), Site: weir.SiteID(c.Site), Provider: weir.ProviderID(c.Node.Provider),
		Dir: h.path("nodes", c.Node.ID), Listen: c.Node.Listen, Secret: secret,
		Threads: c.Node.Threads, Context: c.Node.Context, Slots: c.Node.Slots, Log: log.With("part", "node"),
	}
	for _, m := range c.Node.Models {
		mc := node.ModelConfig{Name: m.Name, Path: m.Path, Prices: m.Prices}
		if m.Path == "" {
			if m.Name != intent.Name {
				return nil, fault.New(fault.Invalid, "model %s has no path, and %q is the only bundled one", m.Name, intent.Name)
			}
			mc.Bytes = intent.GGUF()
		}
		cfg.Models = append(cfg.Models, mc)
	}
	n, err := node.Start(ctx, cfg, conn)
	if err != nil {
		return nil, err
	}
	undo.add(n.Close)
	return n, announce(ctx, &cfg, n, link.NewRemote(conn))
}

// announce registers a node's provider and key, and posts an offer for each of its models.
func announce(ctx context.Context, c *node.Config, n *node.Node, x *link.Remote) error {
	do := func(cmd market.Command) error {
		cmd.ID = newID()
		return insist(ctx, x, cmd)
	}
	if err := do(market.Command{RegisterProvider: &market.RegisterProvider{Provider: c.Provider}}); err != nil {
		return fmt.Errorf("register provider %s: %w", c.Provider, err)
	}
	signer := market.Signer{Name: string(c.ID), Role: market.RoleNode, Provider: c.Provider, Key: n.PublicKey()}
	if err := do(market.Command{RegisterSigner: &market.RegisterSigner{Signer: signer}}); err != nil {
		return fmt.Errorf("register node %s: %w", c.ID, err)
	}
	for _, m := range n.Models() {
		slots := c.Slots
		if slots == 0 {
			slots = 4
		}
		o := weir.Offer{
			ID: weir.OfferID(string(c.ID) + "/" + m.Name), Provider: c.Provider, Site: c.Site, Node: c.ID,
			Model: m.Name, Digest: m.Digest, Prices: m.Prices, Context: m.Context, Streams: slots,
		}
		if err := do(market.Command{PostOffer: &market.PostOffer{Offer: o}}); err != nil {
			return fmt.Errorf("post offer %s: %w", o.ID, err)
		}
	}
	return nil
}

// insist repeats a command, under one id, while the centre does not answer.
func insist(ctx context.Context, x *link.Remote, cmd market.Command) error {
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		_, err := x.Do(ctx, cmd)
		if err == nil || fault.KindOf(err) != fault.Unavailable {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// startGateway serves the OpenAI API; it returns its URL.
func startGateway(ctx context.Context, c *config, h *home, conn *bus.Conn, log *slog.Logger, undo *cleanup) (string, error) {
	gw, x, err := newGateway(ctx, c, h, conn, log)
	if err != nil {
		return "", err
	}
	signer := market.Signer{Name: gw.name, Role: market.RoleGateway, Key: gw.public}
	if err := insist(ctx, x, market.Command{ID: newID(), RegisterSigner: &market.RegisterSigner{Signer: signer}}); err != nil {
		return "", fmt.Errorf("register gateway %s: %w", gw.name, err)
	}
	listener, err := net.Listen("tcp", c.Gateway.Listen)
	if err != nil {
		return "", fmt.Errorf("listen for requests: %w", err)
	}
	failed := make(chan error, 1)
	go func() { failed <- gw.Serve(listener) }()
	undo.add(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		return errors.Join(gw.Close(ctx), <-failed)
	})
	url := "http://" + listener.Addr().String()
	return url, h.write(fileURL, url+"\n")
}

// gatewayRole is a gateway with what the exchange must know of it.
type gatewayRole struct {
	*gateway.Gateway
	name   string
	public ed25519.PublicKey
}

func newGateway(ctx context.Context, c *config, h *home, conn *bus.Conn, log *slog.Logger) (*gatewayRole, *link.Remote, error) {
	secret, err := h.clusterSecret()
	if err != nil {
		return nil, nil, err
	}
	pepper, err := h.secret(filePepper, 32)
	if err != nil {
		return nil, nil, err
	}
	private, err := h.gatewayKey()
	if err != nil {
		return nil, nil, err
	}
	view, remote := gateway.NewView(), link.NewRemote(conn)
	name := "gateway@" + c.Site
	cfg := gateway.Config{Name: name, Key: private, Pepper: pepper, NodeSecret: secret, Intent: intent.Name, BodyMax: c.Gateway.BodyMax}
	cfg.Timeouts.Request = c.Gateway.Timeout
	gw, err := gateway.New(cfg, remote, view, log.With("part", "gateway"))
	if err != nil {
		return nil, nil, err
	}
	if err := link.Beats(ctx, conn, func(b weir.Heartbeat) {
		if err := view.Beat(b, weir.InstantOf(time.Now())); err != nil {
			log.Debug("heartbeat not believed", "node", b.Node, "err", err)
		}
	}); err != nil {
		return nil, nil, err
	}
	ready, err := remote.Follow(ctx, view, log.With("part", "gateway"))
	if err != nil {
		return nil, nil, err
	}
	select {
	case <-ready:
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
	return &gatewayRole{gw, name, private.Public().(ed25519.PublicKey)}, remote, nil
}

// firstTenant is who owns the first key of a new data directory.
const firstTenant weir.TenantID = "home"

// firstKey opens the first tenant of a new home, gives it the configured balance once, and
// returns the machine's own API key, made on the first call.
func firstKey(ctx context.Context, c *config, h *home, x *link.Remote) (string, error) {
	if text, err := h.text(fileKey); err == nil {
		return text, nil
	}
	amount, err := weir.ParseNano(c.Market.FirstBalance)
	if err != nil {
		return "", err
	}
	commands := []market.Command{{OpenTenant: &market.OpenTenant{Tenant: firstTenant}}}
	if amount > 0 {
		commands = append(commands, market.Command{Deposit: &market.Deposit{Tenant: firstTenant, Amount: amount, Rail: "manual", Reference: "first balance"}})
	}
	for i, cmd := range commands {
		// The id follows from what is done, so a crash between two steps books nothing twice.
		sum := sha256.Sum256(fmt.Appendf(nil, "first tenant, step %d", i))
		copy(cmd.ID[:], sum[:])
		if err := insist(ctx, x, cmd); err != nil {
			return "", fmt.Errorf("open the first tenant: %w", err)
		}
	}
	text, err := addKey(ctx, h, x, firstTenant, "first key", 0)
	if err != nil {
		return "", err
	}
	return text, h.write(fileKey, text+"\n")
}

// addKey makes an API key for a tenant. The text exists only in what is returned.
func addKey(ctx context.Context, h *home, x *link.Remote, tenant weir.TenantID, name string, life time.Duration) (string, error) {
	pepper, err := h.secret(filePepper, 32)
	if err != nil {
		return "", err
	}
	text, id, err := key.New("", rand.Reader)
	if err != nil {
		return "", err
	}
	add := &market.AddKey{Key: id, Tenant: tenant, Digest: key.Digest(pepper, text), Name: name}
	if life > 0 {
		add.Expires = weir.InstantOf(time.Now().Add(life))
	}
	if err := insist(ctx, x, market.Command{ID: newID(), AddKey: add}); err != nil {
		return "", fmt.Errorf("add a key for %s: %w", tenant, err)
	}
	return text, nil
}
