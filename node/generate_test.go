package node

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/engine"
	"github.com/weir-project/weir/internal/fault"
)

func newLines(r io.Reader) *bufio.Reader { return bufio.NewReader(r) }

func TestCancelMidStream(t *testing.T) {
	gate := make(chan struct{}, 8)
	f := startNode(t, says(gate), nil)
	gate <- struct{}{}
	gate <- struct{}{}
	a := f.generate(t.Context(), request(1, 100))
	a.next(t)
	a.next(t)
	status, e := f.cancelRequest(request(1, 0).ID)
	c := f.openClaim(e)
	if status != 200 || e.End != weir.EndCancelled || c.End != weir.EndCancelled || c.Usage != (weir.Usage{Input: 3, Output: 2}) {
		t.Errorf("cancel: %d %+v, claim %+v", status, e, c)
	}
	_, _, last := a.all(t)
	again, e2 := f.cancelRequest(request(1, 0).ID)
	if again != 200 || last.End != weir.EndCancelled || !bytes.Equal(last.Claim.Signature, e.Claim.Signature) || !bytes.Equal(e2.Claim.Signature, e.Claim.Signature) {
		t.Error("stream, first and second cancel do not tell the same")
	}
}

func TestDisconnectStopsTheModel(t *testing.T) {
	gate := make(chan struct{}, 8)
	f := startNode(t, says(gate), nil)
	gate <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	f.generate(ctx, request(1, 100)).next(t)
	cancel() // the script would wait for ever
	eventually(t, "end of the run", func() bool { return len(f.runs.running()) == 0 })
	status, e := f.cancelRequest(request(1, 0).ID)
	if c := f.openClaim(e); status != 200 || c.End != weir.EndCancelled || c.Usage.Output != 1 {
		t.Errorf("%d, claim %+v", status, c)
	}
}

// TestDisconnectBeforeTheFirstToken kills the connection while the prompt is being read.
func TestDisconnectBeforeTheFirstToken(t *testing.T) {
	f := startNode(t, says(make(chan struct{})), nil)
	body, err := json.Marshal(request(1, 100))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(f.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: n\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s", weir.PathGenerate, secret, len(body), body)
	eventually(t, "run", func() bool { return len(f.runs.running()) == 1 })
	if err := conn.(*net.TCPConn).SetLinger(0); err != nil { // a reset, as of a killed process
		t.Fatal(err)
	}
	conn.Close()
	eventually(t, "end of the run", func() bool { return len(f.runs.running()) == 0 })
	_, e := f.cancelRequest(request(1, 0).ID)
	if c := f.openClaim(e); c.End != weir.EndCancelled || c.Usage.Output != 0 {
		t.Errorf("claim %+v", c)
	}
}

func TestSlowReaderIsCutOff(t *testing.T) {
	var sent weir.Tokens
	f := startNode(t, func(ctx context.Context, r engine.Request, emit func(engine.Event) error) (engine.Result, error) {
		res := engine.Result{End: weir.EndLength}
		for range r.MaxTokens {
			if err := emit(engine.Event{Tokens: []int32{1}, Text: strings.Repeat("x", 100_000)}); err != nil {
				res.End, res.Usage.Output = weir.EndCancelled, sent
				return res, err
			}
			sent++
		}
		return res, nil
	}, func(c *Config) { c.WriteStall = 200 * time.Millisecond })
	f.generate(t.Context(), request(1, 10_000)).next(t) // and nothing more is read
	eventually(t, "end of the run", func() bool { return len(f.runs.running()) == 0 })
	_, e := f.cancelRequest(request(1, 0).ID)
	if c := f.openClaim(e); c.End != weir.EndCancelled || c.Usage.Output == 0 || c.Usage.Output == 10_000 {
		t.Errorf("claim %+v", c)
	}
	tokens, _, _ := f.generate(t.Context(), request(2, 3)).all(t)
	if len(tokens) != 3 {
		t.Errorf("the next request got %v", tokens)
	}
}

func TestTimeoutEndsARequest(t *testing.T) {
	gate := make(chan struct{}, 1)
	gate <- struct{}{}
	f := startNode(t, says(gate), nil)
	r := request(1, 100)
	r.Timeout = 100 * time.Millisecond
	tokens, _, last := f.generate(t.Context(), r).all(t)
	if c := f.openClaim(last); len(tokens) != 1 || c.End != weir.EndCancelled || c.Usage.Output != 1 {
		t.Errorf("%v %+v", tokens, c)
	}
}

func TestFailures(t *testing.T) {
	f := startNode(t, func(_ context.Context, r engine.Request, emit func(engine.Event) error) (engine.Result, error) {
		res := engine.Result{End: weir.EndFailed, Usage: weir.Usage{Input: 3}}
		for i := range r.MaxTokens {
			if err := emit(engine.Event{Tokens: []int32{int32(i)}}); err != nil {
				return res, err
			}
			res.Usage.Output++
		}
		return res, fault.As(fault.Unavailable, errModel)
	}, nil)
	check := func(id byte, tokens, status int) {
		t.Helper()
		a := f.generate(t.Context(), request(id, tokens))
		got, _, last := a.all(t)
		c := f.openClaim(last)
		if a.StatusCode != status || len(got) != tokens || last.End != weir.EndFailed || last.Error.Message != errModel.Error() || last.Error.Kind != "unavailable" {
			t.Errorf("status %d, %d tokens, last %+v %+v", a.StatusCode, len(got), last, last.Error)
		}
		if c.End != weir.EndFailed || c.Usage != (weir.Usage{Input: 3, Output: weir.Tokens(tokens)}) {
			t.Errorf("claim %+v", c)
		}
	}
	check(1, 0, 503)
	check(2, 2, 200)
	// What came to nothing may be tried again under its id, what produced something may not.
	check(1, 0, 503)
	a := f.generate(t.Context(), request(2, 1))
	if e := a.next(t); a.StatusCode != 409 || e.Error.Kind != "conflict" {
		t.Errorf("repeated: %d %+v", a.StatusCode, e.Error)
	}
}

func TestPanicsAreContained(t *testing.T) {
	f := startNode(t, func(_ context.Context, r engine.Request, emit func(engine.Event) error) (engine.Result, error) {
		for i := range r.MaxTokens {
			if err := emit(engine.Event{Tokens: []int32{int32(i)}}); err != nil {
				return engine.Result{End: weir.EndCancelled}, err
			}
		}
		panic("kernel: sizes differ")
	}, nil)
	a := f.generate(t.Context(), request(1, 0))
	if e := a.next(t); a.StatusCode != 500 || e.Error.Kind != "internal" || strings.Contains(e.Error.Message, "kernel") {
		t.Errorf("%d %+v", a.StatusCode, e.Error)
	}
	tokens, _, last := f.generate(t.Context(), request(2, 3)).all(t)
	if c := f.openClaim(last); len(tokens) != 3 || last.End != weir.EndFailed || last.Error == nil || c.Usage != (weir.Usage{Input: 3, Output: 3}) {
		t.Errorf("%v %+v, claim %+v", tokens, last, c)
	}
	if !f.log.has("kernel: sizes differ") || !f.log.has("node_test.go") && !f.log.has("generate_test.go") {
		t.Error("the log tells neither the panic nor where")
	}
	if len(f.runs.running()) != 0 {
		t.Error("a run was left behind")
	}
}

func TestSameIDTwiceAtOnce(t *testing.T) {
	gate := make(chan struct{}, 1)
	f := startNode(t, says(gate), nil)
	gate <- struct{}{}
	f.generate(t.Context(), request(1, 100)).next(t)
	a := f.generate(t.Context(), request(1, 100))
	if e := a.next(t); a.StatusCode != 409 || !strings.Contains(e.Error.Message, "is running") {
		t.Errorf("%d %+v", a.StatusCode, e.Error)
	}
}

func TestEndsAreForgotten(t *testing.T) {
	f := startNode(t, says(nil), func(c *Config) { c.RememberMax, c.Remember = 3, 300*time.Millisecond })
	known := func() (ids []byte) {
		for id := byte(1); id <= 5; id++ {
			if status, _ := f.cancelRequest(request(id, 0).ID); status == 200 {
				ids = append(ids, id)
			}
		}
		return ids
	}
	for id := byte(1); id <= 5; id++ {
		f.generate(t.Context(), request(id, 1)).all(t)
	}
	if got := known(); !slices.Equal(got, []byte{3, 4, 5}) {
		t.Errorf("remembers %v, want the last 3", got)
	}
	eventually(t, "oblivion", func() bool { return len(known()) == 0 })
	if len(f.runs.order) != 0 || len(f.runs.ended) != 0 {
		t.Error("memory was not freed")
	}
}
