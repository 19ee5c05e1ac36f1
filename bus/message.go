package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
)

// RequestTimeout is how long a request waits whose context has no deadline, and how long a handler may take for a
// caller who named none.
const RequestTimeout = 5 * time.Second

// timeoutHeader carries how many nanoseconds the caller waits.
const timeoutHeader = "Weir-Timeout"

// reply is the envelope of an answer: exactly one of its fields is set.
type reply struct {
	Value json.RawMessage `json:"value,omitempty"`
	Error *weir.WireError `json:"error,omitempty"`
}

// WireError is err as it travels; its kind comes back with ErrorOf. Running out of time is no bug: without a kind of
// its own it travels as Unavailable.
func WireError(err error) *weir.WireError {
	kind := fault.KindOf(err)
	if kind == fault.Internal && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
		kind = fault.Unavailable
	}
	return &weir.WireError{Kind: kind.String(), Message: err.Error()}
}

// ErrorOf is the error that e carried, with its kind; nil for nil.
func ErrorOf(e *weir.WireError) error {
	if e == nil {
		return nil
	}
	return fault.As(fault.ParseKind(e.Kind), errors.New(e.Message))
}

// Request sends in to whoever serves the subject and returns the answer. An error keeps the kind the other side
// gave it.
func Request[In, Out any](ctx context.Context, c *Conn, subject string, in In) (Out, error) {
	var out Out
	data, err := json.Marshal(in)
	if err != nil {
		return out, fault.New(fault.Invalid, "ask %s: encode: %w", role(subject), err)
	}
	answer, err := c.request(ctx, subject, data)
	if err != nil {
		return out, err
	}
	var r reply
	if err := json.Unmarshal(answer, &r); err != nil {
		return out, fault.New(fault.Internal, "ask %s: its answer on %s is none: %w", role(subject), subject, err)
	}
	if r.Error != nil {
		return out, ErrorOf(r.Error)
	}
	if err := json.Unmarshal(r.Value, &out); err != nil {
		return out, fault.New(fault.Internal, "ask %s: decode the answer on %s: %w", role(subject), subject, err)
	}
	return out, nil
}

func (c *Conn) request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, RequestTimeout)
		defer cancel()
	}
	deadline, _ := ctx.Deadline()
	for {
		link, err := c.online(ctx)
		if err != nil {
			return nil, fmt.Errorf("ask %s: %w", role(subject), err)
		}
		msg := nats.NewMsg(subject)
		msg.Data = data
		msg.Header.Set(timeoutHeader, strconv.FormatInt(int64(time.Until(deadline)), 10))
		waiting, cancel := context.WithCancel(ctx)
		stop := context.AfterFunc(link, cancel)
		answer, err := c.nats.RequestMsgWithContext(waiting, msg)
		stop()
		cancel()
		if err == nil {
			return answer.Data, nil
		}
		if errors.Is(err, nats.ErrReconnectBufExceeded) && ctx.Err() == nil {
			// Not sent: the connection broke before its handler could say so. Yield to that handler.
			time.Sleep(time.Millisecond)
			continue
		}
		return nil, c.requestError(ctx, link, subject, len(data), err)
	}
}

// requestError says why no answer came, in words of the network.
func (c *Conn) requestError(ctx, link context.Context, subject string, size int, err error) error {
	who := role(subject)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return fault.New(fault.Unavailable, "no %s answers on the bus (%s)", who, subject)
	case errors.Is(err, nats.ErrMaxPayload):
		return fault.New(fault.Invalid, "ask %s: %d bytes exceed the bus's limit of %d", who, size, MessageMax)
	case ctx.Err() != nil:
		return fault.New(fault.Unavailable, "ask %s: no answer on %s: %w", who, subject, ctx.Err())
	case link.Err() != nil:
		return fault.New(fault.Unavailable, "ask %s: the bus connection broke before an answer on %s", who, subject)
	}
	return fault.New(fault.Unavailable, "ask %s on %s: %w", who, subject, err)
}

// Publish sends v to all who subscribed and does not wait for them. While the connection is down it refuses.
func Publish[T any](c *Conn, subject string, v T) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fault.New(fault.Invalid, "publish on %s: encode: %w", subject, err)
	}
	err = c.nats.Publish(subject, data)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, nats.ErrMaxPayload):
		return fault.New(fault.Invalid, "publish on %s: %d bytes exceed the bus's limit of %d", subject, len(data), MessageMax)
	case errors.Is(err, nats.ErrReconnectBufExceeded):
		return fault.New(fault.Unavailable, "publish on %s: the bus is not connected", subject)
	}
	return fault.New(fault.Unavailable, "publish on %s: %w", subject, err)
}

// Flush waits until the server has seen everything sent so far.
func (c *Conn) Flush(ctx context.Context) error {
	if err := c.nats.FlushWithContext(ctx); err != nil {
		return fault.New(fault.Unavailable, "flush the bus: %w", err)
	}
	return nil
}

// Limits bound what one subject's handlers may take on.
type Limits struct {
	Workers int // requests handled at once; default 16. With 1 they run in the order of arrival
	Waiting int // requests that may wait for a worker before others are refused; default 256
}

func (l Limits) orDefault() Limits {
	if l.Workers <= 0 {
		l.Workers = 16
	}
	if l.Waiting <= 0 {
		l.Waiting = 256
	}
	return l
}

// Serve answers requests on subject with h until the Subscription or the Conn is closed. h's context ends when the
// caller's does, by deadline, or when Conn.Close loses patience. A request that finds all workers busy and the
// queue full is refused with fault.NoCapacity. A panic in h is logged and answered as fault.Internal.
func Serve[In, Out any](c *Conn, subject string, l Limits, h func(context.Context, In) (Out, error)) (*Subscription, error) {
	l = l.orDefault()
	queue := make(chan *nats.Msg, l.Waiting)
	s := newSubscription(c, subject)
	var workers sync.WaitGroup
	for range l.Workers {
		workers.Go(func() {
			for msg := range queue {
				c.answer(msg, serveOne(c, msg, h))
			}
		})
	}
	receive := func(msg *nats.Msg) {
		select {
		case queue <- msg:
		default:
			err := fault.New(fault.NoCapacity, "%s is busy: %d requests run and %d wait", role(subject), l.Workers, l.Waiting)
			c.answer(msg, reply{Error: WireError(err)})
		}
	}
	finish := func() { close(queue); workers.Wait() }
	if err := s.open(receive, finish); err != nil {
		finish()
		return nil, err
	}
	return s, nil
}

func serveOne[In, Out any](c *Conn, msg *nats.Msg, h func(context.Context, In) (Out, error)) (r reply) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("handler panicked", "subject", msg.Subject, "panic", p, "stack", string(debug.Stack()))
			r = reply{Error: WireError(fault.New(fault.Internal, "%s failed on this request", role(msg.Subject)))}
		}
	}()
	var in In
	if err := json.Unmarshal(msg.Data, &in); err != nil {
		return reply{Error: WireError(fault.New(fault.Invalid, "request on %s: %w", msg.Subject, err))}
	}
	ctx, cancel := context.WithTimeout(c.life, waitOf(msg))
	defer cancel()
	out, err := h(ctx, in)
	if err != nil {
		return reply{Error: WireError(err)}
	}
	value, err := json.Marshal(out)
	if err != nil {
		return reply{Error: WireError(fault.New(fault.Internal, "answer on %s: encode: %w", msg.Subject, err))}
	}
	return reply{Value: value}
}

// waitOf is how long the caller of msg waits.
func waitOf(msg *nats.Msg) time.Duration {
	n, err := strconv.ParseInt(msg.Header.Get(timeoutHeader), 10, 64)
	if err != nil || n < 0 {
		return RequestTimeout
	}
	return time.Duration(n)
}

func (c *Conn) answer(msg *nats.Msg, r reply) {
	if msg.Reply == "" {
		return // published, not asked: nobody listens
	}
	data, err := json.Marshal(r)
	if err == nil && len(data) > MessageMax {
		e := fault.New(fault.Invalid, "the answer on %s has %d bytes, the bus carries %d: ask for less", msg.Subject, len(data), MessageMax)
		data, err = json.Marshal(reply{Error: WireError(e)})
	}
	if err == nil {
		err = c.nats.Publish(msg.Reply, data)
	}
	if err != nil {
		c.log.Warn("an answer was lost", "subject", msg.Subject, "err", err)
	}
}

// Subscribe calls h with each value published on subject, one at a time and in order. What does not decode is
// counted in Bad and its first occurrence logged; a panic in h is logged. If h is so slow that the client's queue
// overflows, messages are lost: this is logged, and Dropped grows.
func Subscribe[T any](c *Conn, subject string, h func(T)) (*Subscription, error) {
	s := newSubscription(c, subject)
	receive := func(msg *nats.Msg) {
		defer func() {
			if p := recover(); p != nil {
				c.log.Error("handler panicked", "subject", msg.Subject, "panic", p, "stack", string(debug.Stack()))
			}
		}()
		var v T
		if err := json.Unmarshal(msg.Data, &v); err != nil {
			if s.bad.Add(1) == 1 {
				c.log.Error("message does not decode; later ones are only counted", "subject", msg.Subject, "err", err)
			}
			return
		}
		h(v)
	}
	if err := s.open(receive, func() {}); err != nil {
		return nil, err
	}
	return s, nil
}
