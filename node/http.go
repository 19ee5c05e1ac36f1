package node

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/bus"
	"github.com/weir-project/weir/internal/fault"
)

// pathHealth and pathMetrics complete the paths of weir/wire.go.
const (
	pathHealth  = "/node/v1/health"
	pathMetrics = "/metrics"
)

// routes is the whole HTTP API. Whatever is not listed does not exist, and all but health needs the secret.
func (n *Node) routes() http.Handler {
	protected := http.NewServeMux()
	protected.HandleFunc("POST "+weir.PathGenerate, n.generate)
	protected.HandleFunc("POST "+weir.PathCancel+"{id}", n.cancel)
	protected.HandleFunc("GET "+weir.PathVocab+"{model...}", n.vocab)
	protected.Handle("GET "+pathMetrics, promhttp.HandlerFor(n.metrics.registry, promhttp.HandlerOpts{}))
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+pathHealth, n.health)
	mux.Handle("/", n.authenticated(protected))
	return n.recovered(mux)
}

// recovered keeps the node alive through a handler's panic, and tells the client as well as is still possible.
func (n *Node) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := &tracked{ResponseWriter: w}
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			n.log.Error("handler panicked", "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
			if t.begun {
				panic(http.ErrAbortHandler) // a broken body is the only way left to say that it is not whole
			}
			writeError(w, fault.New(fault.Internal, "the node failed on this request"))
		}()
		next.ServeHTTP(t, r)
	})
}

// tracked knows whether an answer has begun.
type tracked struct {
	http.ResponseWriter
	begun bool
}

func (t *tracked) WriteHeader(code int) {
	t.begun = true
	t.ResponseWriter.WriteHeader(code)
}

func (t *tracked) Write(p []byte) (int, error) {
	t.begun = true
	return t.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController find the connection.
func (t *tracked) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// authenticated lets only bearers of the secret through. Digests are compared, so neither the time taken nor a
// length tells anything.
func (n *Node) authenticated(next http.Handler) http.Handler {
	want := sha256.Sum256([]byte(n.config.Secret))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(token))
		if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="weir node"`)
			writeError(w, fault.New(fault.Denied, "the bearer token is missing or wrong"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// status maps a kind to HTTP.
func status(k fault.Kind) int {
	switch k {
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Denied:
		return http.StatusUnauthorized
	case fault.NoCapacity:
		return http.StatusTooManyRequests
	case fault.Conflict:
		return http.StatusConflict
	case fault.Expired:
		return http.StatusGone
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// writeError answers with an event that holds only the error, so that a client reads every answer alike.
func writeError(w http.ResponseWriter, err error) {
	code := status(fault.KindOf(err))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		code = http.StatusRequestEntityTooLarge
	}
	writeJSON(w, code, weir.GenerateEvent{Error: bus.WireError(err)})
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // the client is gone: nobody is left to tell
}

// decode reads one JSON value of bounded size and nothing after it. Unknown fields are refused: a node that passed
// over a wish of a newer gateway would do something else than was asked.
func decode(w http.ResponseWriter, r *http.Request, limit int64, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			return fault.New(fault.Invalid, "the body goes on after its JSON value")
		}
	}
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fault.New(fault.Invalid, "the body exceeds %d bytes: %w", tooLarge.Limit, err)
	}
	return fault.New(fault.Invalid, "the body is no request: %w", err)
}

func (n *Node) health(w http.ResponseWriter, _ *http.Request) {
	answer := struct {
		Status string `json:"status"`
	}{"ok"}
	code := http.StatusOK
	if n.runs.isDraining() {
		answer.Status, code = "draining", http.StatusServiceUnavailable
	}
	writeJSON(w, code, answer)
}

// cancel ends a request, if it runs, and answers with its last event. Repeating it gives the same answer.
func (n *Node) cancel(w http.ResponseWriter, r *http.Request) {
	id, err := weir.ParseID(r.PathValue("id"))
	if err != nil {
		writeError(w, fault.As(fault.Invalid, err))
		return
	}
	g := n.runs.find(id, time.Now())
	if g == nil {
		writeError(w, fault.New(fault.NotFound, "no request %s runs here or has ended within %s", id, n.config.Remember))
		return
	}
	g.cancel()
	select {
	case <-g.done:
	case <-time.After(cancelWait):
		writeError(w, fault.New(fault.Unavailable, "request %s has not stopped within %s: ask again", id, cancelWait))
		return
	case <-r.Context().Done():
		return
	}
	if g.ended.IsZero() {
		writeError(w, fault.New(fault.NotFound, "request %s was refused and used nothing", id))
		return
	}
	writeJSON(w, http.StatusOK, g.last)
}

// vocab serves what a gateway needs to render and count for a model. It never changes under its digest.
func (n *Node) vocab(w http.ResponseWriter, r *http.Request) {
	m, err := n.models.find(r.PathValue("model"), "")
	if err != nil {
		writeError(w, err)
		return
	}
	w.Header().Set("ETag", `"`+m.card.Vocabulary+`"`)
	w.Header().Set("Cache-Control", "private, no-cache") // revalidated by name; the entity tag is its digest
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(m.Vocab()))
}
