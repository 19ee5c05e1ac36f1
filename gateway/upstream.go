package gateway

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
)

// Bounds on what a node may send.
const (
	eventBuffer  = 32 << 10
	eventMax     = 1 << 20 // bytes of one event
	refusalMax   = 16 << 10
	idlePerNode  = 128 // connections kept open to one node
	idleAll      = 1024
	dialTimeout  = 2 * time.Second
	idleUpstream = 90 * time.Second
)

// newClient returns the client for calls to nodes. Proxies are for the outside world.
func newClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}).DialContext,
			MaxIdleConns:        idleAll,
			MaxIdleConnsPerHost: idlePerNode,
			IdleConnTimeout:     idleUpstream,
			DisableCompression:  true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("a node never redirects") },
	}
}

// nodeRefusal reads the error of a node that did not answer with 200.
func nodeRefusal(resp *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, refusalMax))
	if err != nil {
		return fault.New(fault.Unavailable, "node answers %s: %w", resp.Status, err)
	}
	var wrapped struct {
		Error *weir.WireError `json:"error"`
		weir.WireError
	}
	if json.Unmarshal(body, &wrapped) == nil {
		if wrapped.Error != nil {
			return wireError(wrapped.Error)
		}
		if wrapped.Kind != "" {
			return wireError(&wrapped.WireError)
		}
	}
	kind := fault.Unavailable
	switch resp.StatusCode {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		kind = fault.Invalid
	case http.StatusNotFound:
		kind = fault.NotFound
	case http.StatusTooManyRequests:
		kind = fault.NoCapacity
	}
	return fault.New(kind, "node answers %s", resp.Status)
}

// wireError gives an error that a node sent its kind again.
func wireError(e *weir.WireError) error {
	return fault.New(fault.ParseKind(e.Kind), "node: %s", e.Message)
}

// generation is one request running on a node.
type generation struct {
	body  io.ReadCloser
	lines *bufio.Reader
	long  []byte // an event that spans more than the buffer
	event weir.GenerateEvent
}

// generate starts a request on a node. The generation ends with ctx.
func (g *Gateway) generate(ctx context.Context, base string, body []byte) (*generation, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, base+weir.PathGenerate, bytes.NewReader(body))
	if err != nil {
		return nil, fault.New(fault.Unavailable, "call the node: %w", err)
	}
	r.Header.Set("Authorization", "Bearer "+g.config.NodeSecret)
	r.Header.Set("Content-Type", "application/json")
	resp, err := g.client.Do(r)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "call the node: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, nodeRefusal(resp)
	}
	return &generation{body: resp.Body, lines: bufio.NewReaderSize(resp.Body, eventBuffer)}, nil
}

// next reads one event, valid until the next call. A stream that stops without an end event is
// an error, whichever way it stopped.
func (s *generation) next() (*weir.GenerateEvent, error) {
	line, err := s.line()
	if err != nil {
		return nil, err
	}
	s.event = weir.GenerateEvent{Tokens: s.event.Tokens[:0]}
	if err := json.Unmarshal(line, &s.event); err != nil {
		return nil, fault.New(fault.Unavailable, "the node sent what is no event: %w", err)
	}
	return &s.event, nil
}

func (s *generation) line() ([]byte, error) {
	s.long = s.long[:0]
	for {
		part, err := s.lines.ReadSlice('\n')
		switch {
		case err == nil && len(s.long) == 0:
			return part, nil
		case err == nil:
			return append(s.long, part...), nil
		case errors.Is(err, bufio.ErrBufferFull) && len(s.long)+len(part) < eventMax:
			s.long = append(s.long, part...)
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, fault.New(fault.Unavailable, "the node sent an event of more than %d bytes", eventMax)
		case errors.Is(err, io.EOF):
			return nil, fault.New(fault.Unavailable, "the node's stream stopped without an end")
		default:
			return nil, fault.New(fault.Unavailable, "the line to the node broke: %w", err)
		}
	}
}

// drained reports whether nothing more has arrived: what was written so far should be sent.
func (s *generation) drained() bool { return s.lines.Buffered() == 0 }

// close ends the stream. Reading its rest lets the connection serve again.
func (s *generation) close(whole bool) {
	if whole {
		_, _ = io.CopyN(io.Discard, s.lines, eventBuffer) // best effort: the answer is complete
	}
	s.body.Close()
}

// probeTimeout is how long a lost node may take to show that it lives.
const probeTimeout = time.Second

// probe reports whether a node answers at all, whatever it says.
func (g *Gateway) probe(ctx context.Context, base string) bool {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base, nil)
	if err != nil {
		return false
	}
	resp, err := g.client.Do(r)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return true
}

// cancelOn tells a node to stop a request and returns its last event, which holds the claim of
// what had been done.
func (g *Gateway) cancelOn(base string, id weir.ID) (weir.GenerateEvent, error) {
	var last weir.GenerateEvent
	ctx, cancel := context.WithTimeout(context.Background(), g.config.Timeouts.Cancel)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, base+weir.PathCancel+id.String(), nil)
	if err != nil {
		return last, fmt.Errorf("cancel request %s: %w", id, err)
	}
	r.Header.Set("Authorization", "Bearer "+g.config.NodeSecret)
	resp, err := g.client.Do(r)
	if err != nil {
		return last, fmt.Errorf("cancel request %s: %w", id, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return last, fmt.Errorf("cancel request %s: %w", id, nodeRefusal(resp))
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, eventMax)).Decode(&last); err != nil {
		return last, fmt.Errorf("cancel request %s: decode the last event: %w", id, err)
	}
	return last, nil
}
