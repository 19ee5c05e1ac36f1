package bus

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/weir-project/weir/internal/fault"
)

// Timing of a connection.
const (
	dialTimeout   = 2 * time.Second
	retryEvery    = 200 * time.Millisecond
	reconnectWait = 250 * time.Millisecond
	jitter        = 100 * time.Millisecond
	drainTimeout  = 5 * time.Second
	flushTimeout  = time.Second
	slowEvery     = 10 * time.Second
	slowMax       = 64 // subjects
)

// ClientConfig says how to join a bus in another process.
type ClientConfig struct {
	URL   string       // Server.URL of the other process
	Token string       // as the server's
	Name  string       // appears in logs
	Log   *slog.Logger // default: none
}

// Conn is one participant of the bus. Its methods and the functions that take it may be called concurrently.
type Conn struct {
	name string
	log  *slog.Logger
	nats *nats.Conn
	done chan struct{} // closed when nats has closed
	life context.Context
	kill context.CancelFunc // ends life: handlers have had their time to finish

	mu      sync.Mutex // guards the fields below
	link    context.Context
	cut     context.CancelFunc // ends link, nil while disconnected
	changed chan struct{}      // closed at the next change of link or at the end
	refused bool               // an authorisation failure of this outage was logged
	subs    map[*Subscription]struct{}
	slow    map[string]time.Time // by subject, when its slow handler was last reported
	closing bool
}

// Connect joins the bus at c.URL. Where no server answers it tries again until ctx ends; a refused token is final.
// A connection that breaks later comes back by itself, with its subscriptions.
func Connect(ctx context.Context, c ClientConfig) (*Conn, error) {
	conn := newConn(c.Name, logger(c.Log))
	options := append(conn.options(), nats.Token(c.Token))
	for first := true; ; first = false {
		n, err := nats.Connect(c.URL, options...)
		switch {
		case err == nil:
			conn.start(n)
			return conn, nil
		case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired):
			return nil, fault.New(fault.Denied, "join the bus at %s: the token was refused", c.URL)
		case first:
			conn.log.Warn("no bus yet, trying again", "url", c.URL, "err", err)
		}
		select {
		case <-ctx.Done():
			return nil, fault.New(fault.Unavailable, "join the bus at %s: %w", c.URL, errors.Join(err, ctx.Err()))
		case <-time.After(retryEvery):
		}
	}
}

func newConn(name string, log *slog.Logger) *Conn {
	life, kill := context.WithCancel(context.Background())
	return &Conn{
		name: name, log: log.With("conn", name), done: make(chan struct{}), life: life, kill: kill,
		changed: make(chan struct{}), subs: map[*Subscription]struct{}{}, slow: map[string]time.Time{},
	}
}

func (c *Conn) options() []nats.Option {
	return []nats.Option{
		nats.Name(c.name), nats.Timeout(dialTimeout), nats.DrainTimeout(drainTimeout),
		nats.PingInterval(pingEvery), nats.MaxPingsOutstanding(pingsMissed),
		nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait), nats.ReconnectJitter(jitter, jitter),
		// A message kept over an outage would arrive when nobody wants it any more.
		nats.ReconnectBufSize(-1),
		// The token may be mended on the server's side; giving up would need a restart here.
		nats.IgnoreAuthErrorAbort(),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { c.down(err) }),
		nats.ReconnectHandler(func(*nats.Conn) { c.up() }),
		nats.ClosedHandler(func(*nats.Conn) { close(c.done) }),
		nats.ErrorHandler(c.trouble),
	}
}

func (c *Conn) start(n *nats.Conn) {
	c.nats = n
	c.mu.Lock()
	defer c.mu.Unlock()
	// The handlers run on a goroutine of their own; an early disconnect is theirs to report.
	c.link, c.cut = context.WithCancel(context.Background())
	c.signal()
}

// signal wakes who waits for a change; mu is held.
func (c *Conn) signal() {
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *Conn) down(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut != nil {
		c.cut()
		c.cut = nil
	}
	c.refused = false
	c.signal()
	if !c.closing {
		c.log.Warn("bus connection lost, reconnecting", "err", err)
	}
}

func (c *Conn) up() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut != nil {
		c.cut()
	}
	c.link, c.cut = context.WithCancel(context.Background())
	c.signal()
	c.log.Info("bus connection restored")
}

// trouble reports what NATS tells outside of any call.
func (c *Conn) trouble(_ *nats.Conn, sub *nats.Subscription, err error) {
	switch {
	case errors.Is(err, nats.ErrSlowConsumer) && sub != nil:
		if c.maySay(sub.Subject, time.Now()) {
			dropped, _ := sub.Dropped() // it fails only for a closed subscription
			c.log.Error("slow handler: messages dropped", "subject", sub.Subject, "dropped", dropped)
		}
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired):
		c.mu.Lock()
		first := !c.refused
		c.refused = true
		c.mu.Unlock()
		if first {
			c.log.Error("bus refuses the token, trying again", "err", err)
		}
	default:
		c.log.Error("bus trouble", "err", err)
	}
}

// maySay limits how often a subject's slow handler is reported: one at the edge of its strength falls behind and
// catches up with every message.
func (c *Conn) maySay(subject string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.slow[subject]) < slowEvery {
		return false
	}
	if len(c.slow) >= slowMax { // inboxes have names of their own
		clear(c.slow)
	}
	c.slow[subject] = now
	return true
}

// Connected reports whether the connection stands right now.
func (c *Conn) Connected() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cut != nil
}

// online waits until the connection stands, and returns a context that ends when it breaks.
func (c *Conn) online(ctx context.Context) (context.Context, error) {
	for {
		c.mu.Lock()
		link, up, changed, closing := c.link, c.cut != nil, c.changed, c.closing
		c.mu.Unlock()
		switch {
		case closing:
			return nil, fault.New(fault.Unavailable, "bus connection %s is closed", c.name)
		case up:
			return link, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fault.New(fault.Unavailable, "the bus is not connected: %w", ctx.Err())
		}
	}
}

// Close stops taking messages, waits a bounded time for handlers that run, and leaves the bus.
func (c *Conn) Close() error {
	c.mu.Lock()
	if c.closing {
		c.mu.Unlock()
		<-c.done
		return nil
	}
	c.closing = true
	subs := make([]*Subscription, 0, len(c.subs))
	for s := range c.subs {
		subs = append(subs, s)
	}
	link := c.link
	c.signal()
	c.mu.Unlock()
	// Draining asks the server, which can no longer answer once the connection is broken.
	defer context.AfterFunc(link, c.nats.Close)()

	var err error
	limit := time.After(drainTimeout)
	for _, s := range subs {
		s.stop()
	}
	for _, s := range subs {
		select {
		case <-s.done:
		case <-limit:
			err = fault.New(fault.Unavailable, "close bus connection %s: handler of %s still runs after %s", c.name, s.subject, drainTimeout)
			limit = time.After(0)
		}
	}
	c.kill()
	if c.nats.IsConnected() {
		if flushErr := c.nats.FlushTimeout(flushTimeout); err == nil && flushErr != nil {
			err = fault.New(fault.Unavailable, "close bus connection %s: last messages may be lost: %w", c.name, flushErr)
		}
	}
	c.nats.Close()
	<-c.done
	return err
}
