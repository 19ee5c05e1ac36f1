package node

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/bus"
	"github.com/weir-project/weir/engine"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market/receipt"
)

// generate answers with one event a line. Until the first is written an error has its own status; afterwards it
// comes as the last event.
func (n *Node) generate(w http.ResponseWriter, r *http.Request) {
	if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyWait)); err != nil {
		writeError(w, fault.New(fault.Internal, "bound the body's time: %w", err))
		return
	}
	var req weir.GenerateRequest
	err := decode(w, r, n.config.BodyMax, &req)
	if err == nil {
		err = http.NewResponseController(w).SetReadDeadline(time.Time{})
	}
	if err == nil {
		err = n.serve(w, r, &req)
	}
	if err != nil {
		n.metrics.refused(fault.KindOf(err))
		writeError(w, err)
	}
}

// serve runs a request. It returns an error only if the request was refused: nothing was written or used.
func (n *Node) serve(w http.ResponseWriter, r *http.Request, req *weir.GenerateRequest) error {
	m, err := n.models.find(req.Model, req.Digest)
	if err != nil {
		return err
	}
	t, err := m.prepare(req)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	if req.Timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, req.Timeout)
		defer cancel()
	}
	g, err := n.runs.begin(req.ID, cancel)
	if err != nil {
		return err
	}
	s := &stream{w: w, control: http.NewResponseController(w), stall: n.config.WriteStall}
	res, err := n.produce(ctx, m, &t, s)
	switch {
	case res.End != "":
	case !s.begun: // refused by the engine
		n.runs.refuse(g)
		return err
	default: // a panic took the engine's account with it
		res.Usage = weir.Usage{Input: weir.Tokens(len(t.Prompt)), Output: s.tokens}
	}
	last := n.conclude(m, req, &res, err)
	n.runs.end(g, last, res.Usage.Output, time.Now())
	n.metrics.ended(m.card.Name, &res)
	if s.failed == nil {
		s.finish(last)
	}
	return nil
}

// produce runs the task and sends what comes of it. A panic, here or in what the engine calls, is an error of this
// request alone.
func (n *Node) produce(ctx context.Context, m *model, t *task, s *stream) (res engine.Result, err error) {
	defer n.catch(&err)
	res, err = m.Generate(ctx, t.Request, func(e engine.Event) (err error) {
		// The engine must see an error, not a panic, to give the slot back.
		defer n.catch(&err)
		text, err := t.text(e)
		if err != nil {
			return err
		}
		return s.send(weir.GenerateEvent{Tokens: e.Tokens, Text: text, Logprobs: e.Logprobs})
	})
	if s.failed != nil {
		return res, nil // the client is gone: that is no failure of ours
	}
	if err == nil && (res.End == weir.EndStop || res.End == weir.EndLength) {
		if rest := t.rest(); rest != "" && s.send(weir.GenerateEvent{Text: rest}) != nil {
			res.End = weir.EndCancelled
		}
	}
	return res, err
}

func (n *Node) catch(err *error) {
	if p := recover(); p != nil {
		n.log.Error("generation panicked", "panic", p, "stack", string(debug.Stack()))
		*err = fault.New(fault.Internal, "the node failed on this request")
	}
}

// conclude makes a request's last event, which says how it ended and claims what it used.
func (n *Node) conclude(m *model, req *weir.GenerateRequest, res *engine.Result, err error) weir.GenerateEvent {
	var last weir.GenerateEvent
	if err != nil {
		res.End = weir.EndFailed
		last.Error = bus.WireError(err)
		n.log.Warn("request failed", "request", req.ID, "model", m.card.Name, "err", err)
	}
	last.End = res.End
	claim, err := receipt.SignClaim(weir.Claim{
		Request: req.ID, Hold: req.Hold, Node: n.config.ID, Model: m.card.Name, Digest: m.card.Digest,
		Usage: res.Usage, End: res.End, TTFT: res.TTFT, Duration: res.Duration,
	}, n.key)
	if err != nil {
		n.log.Error("claim not signed", "request", req.ID, "err", err)
		return last
	}
	last.Claim = &claim
	return last
}

// stream writes events to a client, each as soon as it is there.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	stall   time.Duration
	line    bytes.Buffer
	begun   bool
	tokens  weir.Tokens // delivered
	failed  error       // the first failed write
}

// send writes one event and flushes it. A client that takes nothing for as long as a stall is allowed is gone.
func (s *stream) send(e weir.GenerateEvent) error {
	if s.failed != nil {
		return s.failed
	}
	if !s.begun {
		s.begun = true
		s.w.Header().Set("Content-Type", "application/x-ndjson")
		s.w.Header().Set("Cache-Control", "no-store")
	}
	s.line.Reset()
	err := json.NewEncoder(&s.line).Encode(e)
	if err == nil {
		err = s.control.SetWriteDeadline(time.Now().Add(s.stall))
	}
	if err == nil {
		_, err = s.w.Write(s.line.Bytes())
	}
	if err == nil {
		err = s.control.Flush()
	}
	if s.failed = err; err == nil {
		s.tokens += weir.Tokens(len(e.Tokens))
	}
	return err
}

// finish writes the last event. If nothing was written before and it is an error, the status says so too.
func (s *stream) finish(last weir.GenerateEvent) {
	if !s.begun && last.Error != nil {
		writeJSON(s.w, status(fault.ParseKind(last.Error.Kind)), last)
		return
	}
	// What cannot be delivered can be had from the cancel path.
	_ = s.send(last)
}
