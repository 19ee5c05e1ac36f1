package gateway

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/gateway/key"
	"github.com/weir-project/weir/gateway/openai"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market"
)

// statusClosed is logged for a client that went away.
const statusClosed = 499

// visit is one HTTP request: what the handlers of all paths share.
type visit struct {
	id      weir.ID
	path    string // the route's, for metrics
	started time.Time
	model   string
	key     weir.KeyID
}

// handlerFunc answers a request or returns why it does not.
type handlerFunc func(w http.ResponseWriter, r *http.Request, v *visit) error

// routes is the table of all paths. What is not in it is refused.
func (g *Gateway) routes() http.Handler {
	exposition := promhttp.HandlerFor(g.metrics.registry, promhttp.HandlerOpts{})
	figures := func(w http.ResponseWriter, r *http.Request, _ *visit) error {
		exposition.ServeHTTP(w, r)
		return nil
	}
	mux := http.NewServeMux()
	for _, route := range []struct {
		path, method string
		h            handlerFunc
	}{
		{"/{$}", http.MethodGet, g.welcome},
		{"/healthz", http.MethodGet, g.health},
		{"/metrics", http.MethodGet, figures},
		{"/v1/models", http.MethodGet, g.listModels},
		{"/v1/models/{id...}", http.MethodGet, g.oneModel},
		{"/v1/chat/completions", http.MethodPost, g.chat},
		{"/v1/completions", http.MethodPost, g.completion},
		{"/", "", unknownPath},
	} {
		mux.Handle(route.path, g.serve(strings.TrimSuffix(route.path, "{$}"), only(route.method, route.h)))
	}
	return mux
}

// only refuses other methods; "" takes all.
func only(method string, h handlerFunc) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request, v *visit) error {
		if method == "" || r.Method == method || method == http.MethodGet && r.Method == http.MethodHead {
			return h(w, r, v)
		}
		w.Header().Set("Allow", method)
		return &openai.Error{
			Status: http.StatusMethodNotAllowed, Type: openai.TypeInvalid, Code: "method_not_allowed",
			Message: r.Method + " is not allowed here: want " + method,
		}
	}
}

func unknownPath(_ http.ResponseWriter, r *http.Request, _ *visit) error {
	const shown = 128
	path := r.URL.Path
	if len(path) > shown {
		path = path[:shown] + "…"
	}
	return &openai.Error{
		Status: http.StatusNotFound, Type: openai.TypeInvalid, Code: "unknown_url",
		Message: "no such path: " + r.Method + " " + quote(path),
	}
}

// recorder remembers the status that was sent.
type recorder struct {
	http.ResponseWriter
	status int
}

func (w *recorder) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// serve is around every handler: an id, the one place where errors are answered, the log line,
// the metrics, and the end of panics.
func (g *Gateway) serve(path string, h handlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &visit{id: newID(), path: path, started: g.config.Now()}
		w.Header().Set("X-Request-Id", v.id.String())
		// Bounds the body, and what is left unread of one. A writer without deadlines is a test's.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(g.config.Timeouts.Read))
		rec := &recorder{ResponseWriter: w}
		err := g.guarded(h, rec, r, v)
		if err != nil {
			g.refuse(rec, r, v, err)
		}
		took := g.config.Now().Sub(v.started)
		g.metrics.answered(path, rec.status, took)
		g.log.LogAttrs(r.Context(), levelOf(rec.status), "request", logAttrs(r, v, rec.status, took, err)...)
		if _, broken := errors.AsType[errBroken](err); broken {
			// Returning would end the body as if it were whole.
			panic(http.ErrAbortHandler)
		}
	})
}

// guarded runs a handler; a panic is our fault and becomes an error.
func (g *Gateway) guarded(h handlerFunc, w *recorder, r *http.Request, v *visit) (err error) {
	defer func() {
		if p := recover(); p != nil {
			g.log.Error("handler panicked", "request", v.id, "path", v.path, "panic", p, "stack", string(debug.Stack()))
			err = fault.New(fault.Internal, "handler panicked")
			if w.status != 0 {
				err = errBroken{err}
			}
		}
	}()
	return h(w, r, v)
}

// refuse answers an error, unless an answer has begun or nobody listens.
func (g *Gateway) refuse(w *recorder, r *http.Request, v *visit, err error) {
	e := answerOf(err)
	// A body that does not arrive in time ends the context too, but its client may be listening.
	if errors.Is(err, errLeft) || r.Context().Err() != nil && e.Status != http.StatusRequestTimeout {
		w.status = statusClosed
		return
	}
	if e.Status == http.StatusInternalServerError {
		g.log.Error("request failed", "request", v.id, "path", v.path, "err", err)
	}
	if _, broken := errors.AsType[errBroken](err); broken {
		w.status = e.Status // for the log: the client has been told within the stream
		return
	}
	h := w.Header()
	if e.Retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(e.Retry.Seconds()))))
	}
	if e.Status == http.StatusRequestTimeout || e.Status == http.StatusRequestEntityTooLarge {
		h.Set("Connection", "close") // the rest of the body may still be on its way
	}
	if e.Code == "insufficient_quota" {
		h.Set("X-Should-Retry", "false") // the official clients repeat a 429 otherwise
	}
	if e.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="weir"`)
	}
	if err := reply(w, e.Status, e); err != nil {
		g.log.Debug("an error could not be sent", "request", v.id, "err", err)
	}
}

// reply sends v as JSON.
func reply(w http.ResponseWriter, status int, v any) error {
	b, err := openai.Encode(v)
	if err != nil {
		return fault.As(fault.Internal, err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	if _, err := w.Write(b); err != nil {
		return errLeft
	}
	return nil
}

// authenticate finds the key of a request.
func (g *Gateway) authenticate(r *http.Request, v *visit) (market.Key, error) {
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	text = strings.TrimSpace(text)
	if !strings.EqualFold(scheme, "Bearer") || text == "" {
		return market.Key{}, unauthorised("no API key: send it as \"Authorization: Bearer weir_…\"")
	}
	if _, err := key.Parse(text); err != nil {
		return market.Key{}, unauthorised(err.Error())
	}
	k, err := g.view.Authenticate(key.Digest(g.config.Pepper, text), weir.InstantOf(g.config.Now()))
	switch fault.KindOf(err) {
	case fault.Denied, fault.Expired:
		return market.Key{}, unauthorised(err.Error())
	}
	if err != nil {
		return market.Key{}, err
	}
	v.key = k.Key
	if wait := g.limits.wait(k.Key, g.config.Now()); wait > 0 {
		return market.Key{}, &openai.Error{
			Status: http.StatusTooManyRequests, Type: "requests", Code: "rate_limit_exceeded", Retry: wait,
			Message: "key " + string(k.Key) + " sends too many requests: one more is possible in " + wait.Round(time.Millisecond).String(),
		}
	}
	return k, nil
}

// body reads a request's body, once and under the limit.
func (g *Gateway) body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if coding := r.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return nil, &openai.Error{
			Status: http.StatusUnsupportedMediaType, Type: openai.TypeInvalid, Message: "send the body without Content-Encoding",
		}
	}
	tooLarge := &openai.Error{
		Status: http.StatusRequestEntityTooLarge, Type: openai.TypeInvalid, Code: "request_too_large",
		Message: "the body has more than " + strconv.FormatInt(g.config.BodyMax, 10) + " bytes",
	}
	if r.ContentLength > g.config.BodyMax {
		return nil, tooLarge
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, g.config.BodyMax))
	if err == nil {
		// From here on reading only watches for a client that leaves, for as long as it takes.
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
		return b, nil
	}
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return nil, tooLarge
	}
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return nil, &openai.Error{
			Status: http.StatusRequestTimeout, Type: openai.TypeInvalid, Code: "timeout", Message: "the body did not arrive in time",
		}
	}
	return nil, fault.New(fault.Invalid, "read the body: %w", err)
}

// enter takes a place for a completion; the returned function gives it back.
func (g *Gateway) enter() (leave func(), err error) {
	select {
	case g.running <- struct{}{}:
		return func() { <-g.running }, nil
	default:
		return nil, fault.New(fault.NoCapacity, "the gateway is busy with %d requests", cap(g.running))
	}
}
