package bus

import (
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"github.com/weir-project/weir/internal/fault"
)

// Subscription is a handler bound to a subject.
type Subscription struct {
	conn    *Conn
	subject string
	nats    *nats.Subscription
	bad     atomic.Int64
	drain   sync.Once
	done    chan struct{} // closed when no handler runs and none will
}

func newSubscription(c *Conn, subject string) *Subscription {
	return &Subscription{conn: c, subject: subject, done: make(chan struct{})}
}

// open starts delivery to receive, on one goroutine. finish runs once, after the last delivery. Without an error,
// the server knows of the subscription when open returns.
func (s *Subscription) open(receive nats.MsgHandler, finish func()) error {
	c := s.conn
	if err := s.register(receive, finish); err != nil {
		return err
	}
	// Without this a request sent right afterwards through another connection could find nobody. While the
	// connection is down it fails, and the reconnect will announce the subscription.
	_ = c.nats.FlushTimeout(flushTimeout)
	return nil
}

func (s *Subscription) register(receive nats.MsgHandler, finish func()) error {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return fault.New(fault.Unavailable, "subscribe to %s: bus connection %s is closed", s.subject, c.name)
	}
	sub, err := c.nats.Subscribe(s.subject, receive)
	if err != nil {
		return fault.New(fault.Invalid, "subscribe to %s: %w", s.subject, err)
	}
	sub.SetClosedHandler(func(string) {
		finish()
		c.mu.Lock()
		delete(c.subs, s)
		c.mu.Unlock()
		close(s.done)
	})
	s.nats = sub
	c.subs[s] = struct{}{}
	return nil
}

// stop asks for the end of delivery; done tells when it has come.
func (s *Subscription) stop() {
	s.drain.Do(func() {
		if s.conn.nats.IsConnected() && s.nats.Drain() == nil {
			return
		}
		_ = s.nats.Unsubscribe() // nothing can come any more; it fails only where the connection is closed
	})
}

// Close stops delivery and returns when the last handler has.
func (s *Subscription) Close() {
	s.stop()
	<-s.done
}

// Dropped counts messages lost because the handler was too slow.
func (s *Subscription) Dropped() int {
	n, err := s.nats.Dropped()
	if err != nil {
		return 0 // closed
	}
	return n
}

// Bad counts messages that did not decode.
func (s *Subscription) Bad() int { return int(s.bad.Load()) }
