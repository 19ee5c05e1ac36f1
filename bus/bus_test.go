package bus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
)

const secret = "cluster-secret"

type question struct{ N int }

type answer struct{ Twice int }

func twice(_ context.Context, q question) (answer, error) { return answer{2 * q.N}, nil }

// journal collects log lines; it may be written to from several goroutines.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) count(part string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Count(j.text.String(), part)
}

func start(t *testing.T, c Config) *Server {
	t.Helper()
	s, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func inProcess(t *testing.T, s *Server, name string) *Conn {
	t.Helper()
	c, err := s.Conn(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func connect(t *testing.T, url string, j *journal) *Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	c, err := Connect(ctx, ClientConfig{URL: url, Token: secret, Name: "client", Log: slog.New(slog.NewTextHandler(j, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func serve[In, Out any](t *testing.T, c *Conn, subject string, l Limits, h func(context.Context, In) (Out, error)) *Subscription {
	t.Helper()
	s, err := Serve(c, subject, l, h)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func wantKind(t *testing.T, err error, kind fault.Kind, part string) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind || !strings.Contains(err.Error(), part) {
		t.Fatalf("got %v (%s), want %s with %q", err, fault.KindOf(err), kind, part)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after 10 s: no %s", what)
		}
	}
}

func TestRequestsInProcess(t *testing.T) {
	s := start(t, Config{})
	if s.URL() != "" {
		t.Errorf("a server without listener has URL %q", s.URL())
	}
	centre, gateway := inProcess(t, s, "centre"), inProcess(t, s, "gateway")
	serve(t, centre, "weir.centre.do", Limits{}, twice)

	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			got, err := Request[question, answer](t.Context(), gateway, "weir.centre.do", question{i})
			if err != nil || got.Twice != 2*i {
				t.Errorf("got %v %v, want %d", got, err, 2*i)
			}
		})
	}
	wg.Wait()
}

func TestErrorsKeepTheirKind(t *testing.T) {
	s := start(t, Config{})
	c := inProcess(t, s, "both")
	kinds := []fault.Kind{
		fault.Internal, fault.Invalid, fault.NotFound, fault.Denied, fault.NoCapacity, fault.Conflict, fault.Expired,
		fault.Unavailable,
	}
	serve(t, c, "weir.centre.do", Limits{}, func(_ context.Context, q question) (answer, error) {
		return answer{}, fmt.Errorf("wrapped: %w", fault.New(kinds[q.N], "case %d", q.N))
	})
	for i, kind := range kinds {
		_, err := Request[question, answer](t.Context(), c, "weir.centre.do", question{i})
		wantKind(t, err, kind, fmt.Sprintf("wrapped: case %d", i))
	}
	if ErrorOf(nil) != nil {
		t.Error("no error became one")
	}
}

func TestNobodyAnswers(t *testing.T) {
	c := inProcess(t, start(t, Config{}), "gateway")
	f := func(subject, want string) {
		t.Helper()
		began := time.Now()
		_, err := Request[question, answer](t.Context(), c, subject, question{})
		wantKind(t, err, fault.Unavailable, want)
		if d := time.Since(began); d > RequestTimeout/2 {
			t.Errorf("%s: refused after %s, want at once", subject, d)
		}
	}
	f("weir.centre.do", "no centre answers on the bus")
	f(SubjectQuery("keys"), "no centre answers on the bus")
	f(SubjectControl("n1"), "no node n1 answers on the bus")
	f("else", "no else answers on the bus")
}

func TestDeadlineReachesTheHandler(t *testing.T) {
	c := inProcess(t, start(t, Config{}), "both")
	left := make(chan time.Duration, 1)
	serve(t, c, "weir.centre.do", Limits{}, func(ctx context.Context, _ question) (answer, error) {
		deadline, _ := ctx.Deadline()
		left <- time.Until(deadline)
		<-ctx.Done()
		return answer{}, ctx.Err()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := Request[question, answer](ctx, c, "weir.centre.do", question{})
	// Whoever notices first, caller or handler, says so.
	wantKind(t, err, fault.Unavailable, "deadline exceeded")
	if d := <-left; d > 200*time.Millisecond {
		t.Errorf("the handler had %s, its caller 200ms", d)
	}
}

func TestBusyHandlersRefuse(t *testing.T) {
	c := inProcess(t, start(t, Config{}), "both")
	release, running := make(chan struct{}), make(chan struct{}, 2)
	serve(t, c, "weir.centre.do", Limits{Workers: 2, Waiting: 3}, func(context.Context, question) (answer, error) {
		running <- struct{}{}
		<-release
		return answer{}, nil
	})
	results := make(chan error, 12)
	ask := func() {
		_, err := Request[question, answer](t.Context(), c, "weir.centre.do", question{})
		results <- err
	}
	go ask()
	go ask()
	<-running
	<-running
	for range 10 {
		go ask()
	}
	for range 7 { // 10 less the 3 that may wait
		wantKind(t, <-results, fault.NoCapacity, "centre is busy: 2 requests run and 3 wait")
	}
	close(release)
	for range 5 {
		if err := <-results; err != nil {
			t.Errorf("an admitted request failed: %v", err)
		}
		select {
		case <-running:
		default:
		}
	}
}

func TestHandlersMayPanic(t *testing.T) {
	j := &journal{}
	c := inProcess(t, start(t, Config{Log: slog.New(slog.NewTextHandler(j, nil))}), "both")
	serve(t, c, "weir.centre.do", Limits{Workers: 1}, func(_ context.Context, q question) (answer, error) {
		return answer{10 / q.N}, nil
	})
	_, err := Request[question, answer](t.Context(), c, "weir.centre.do", question{0})
	wantKind(t, err, fault.Internal, "centre failed")
	got, err := Request[question, answer](t.Context(), c, "weir.centre.do", question{5})
	if err != nil || got.Twice != 2 {
		t.Errorf("after a panic: %v %v", got, err)
	}
	if j.count("divide by zero") != 1 {
		t.Error("the panic is not in the log")
	}
}

func TestBadInput(t *testing.T) {
	c := inProcess(t, start(t, Config{}), "both")
	serve(t, c, "weir.centre.do", Limits{}, twice)
	_, err := Request[string, answer](t.Context(), c, "weir.centre.do", "no struct")
	wantKind(t, err, fault.Invalid, "request on weir.centre.do")
	_, err = Request[question, string](t.Context(), c, "weir.centre.do", question{1})
	wantKind(t, err, fault.Internal, "decode the answer")
	_, err = Request[string, answer](t.Context(), c, "weir.centre.do", strings.Repeat("x", MessageMax))
	wantKind(t, err, fault.Invalid, "exceed the bus's limit")
	_, err = Request[chan int, answer](t.Context(), c, "weir.centre.do", nil)
	wantKind(t, err, fault.Invalid, "encode")

	serve(t, c, "weir.centre.query.all", Limits{}, func(context.Context, question) (string, error) {
		return strings.Repeat("x", MessageMax), nil
	})
	_, err = Request[question, string](t.Context(), c, "weir.centre.query.all", question{})
	wantKind(t, err, fault.Invalid, "ask for less")
}

func TestPublishKeepsOrder(t *testing.T) {
	j := &journal{}
	s := start(t, Config{Log: slog.New(slog.NewTextHandler(j, nil))})
	from, to := inProcess(t, s, "from"), inProcess(t, s, "to")
	var got []int
	done := make(chan struct{})
	sub, err := Subscribe(to, "weir.events", func(q question) {
		if q.N < 0 {
			panic("negative")
		}
		if got = append(got, q.N); len(got) == 500 {
			close(done)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 500 {
		if i == 100 {
			if err := errors.Join(Publish(from, "weir.events", "bad"), Publish(from, "weir.events", "bad"), Publish(from, "weir.events", question{-1})); err != nil {
				t.Fatal(err)
			}
		}
		if err := Publish(from, "weir.events", question{i}); err != nil {
			t.Fatal(err)
		}
	}
	<-done
	if !slices.IsSorted(got) {
		t.Error("values came out of order")
	}
	if sub.Bad() != 2 || j.count("does not decode") != 1 || j.count("negative") != 1 {
		t.Errorf("%d bad, log %q", sub.Bad(), j.text.String())
	}
}

func TestSlowSubscriberIsReportedOnce(t *testing.T) {
	j := &journal{}
	s := start(t, Config{Log: slog.New(slog.NewTextHandler(j, nil))})
	c := inProcess(t, s, "both")
	release := make(chan struct{})
	sub, err := Subscribe(c, "weir.events", func(question) { <-release })
	if err != nil {
		t.Fatal(err)
	}
	if err := sub.nats.SetPendingLimits(10, -1); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if err := Publish(c, "weir.events", question{i}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "dropped message", func() bool { return sub.Dropped() > 50 })
	close(release)
	sub.Close()
	eventually(t, "report", func() bool { return j.count("messages dropped") > 0 })
	if n := j.count("messages dropped"); n != 1 {
		t.Errorf("reported %d times, want once", n)
	}
}

func TestTokenRefused(t *testing.T) {
	s := start(t, Config{Listen: "127.0.0.1:0", Token: secret})
	for _, token := range []string{"", "wrong"} {
		_, err := Connect(t.Context(), ClientConfig{URL: s.URL(), Token: token, Name: "stranger"})
		wantKind(t, err, fault.Denied, "token was refused")
	}
}

func TestUnsafeListenersAreRefused(t *testing.T) {
	f := func(c Config, want string) {
		t.Helper()
		_, err := Start(c)
		wantKind(t, err, fault.Invalid, want)
	}
	f(Config{Listen: "127.0.0.1:0"}, "needs a token")
	f(Config{Listen: "0.0.0.0:0", Token: secret}, "loopback")
	f(Config{Listen: ":4222", Token: secret}, "loopback")
	f(Config{Listen: "127.0.0.1", Token: secret}, "127.0.0.1:PORT")
	f(Config{Listen: "127.0.0.1:http", Token: secret}, "port")
	f(Config{JetStream: true}, "directory")

	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, err = Start(Config{Listen: taken.Addr().String(), Token: secret})
	wantKind(t, err, fault.Unavailable, "in use")
}

// TestRestart kills the server under two processes' worth of connections and brings it back on its address.
func TestRestart(t *testing.T) {
	s := start(t, Config{Listen: "127.0.0.1:0", Token: secret})
	address := strings.TrimPrefix(s.URL(), "nats://")
	j, k := &journal{}, &journal{}
	centre, gateway := connect(t, s.URL(), j), connect(t, s.URL(), k)
	serve(t, centre, "weir.centre.do", Limits{}, twice)
	stuck := make(chan struct{})
	defer close(stuck)
	serve(t, centre, "weir.centre.stuck", Limits{}, func(context.Context, question) (answer, error) {
		<-stuck
		return answer{}, nil
	})

	pending := make(chan error, 1)
	go func() {
		_, err := Request[question, answer](t.Context(), gateway, "weir.centre.stuck", question{})
		pending <- err
	}()
	time.Sleep(50 * time.Millisecond)
	s.Close()
	began := time.Now()
	wantKind(t, <-pending, fault.Unavailable, "connection broke")
	if d := time.Since(began); d > RequestTimeout/2 {
		t.Errorf("a pending request failed %s after the connection", d)
	}
	eventually(t, "outage", func() bool { return !gateway.Connected() && !centre.Connected() })
	wantKind(t, Publish(gateway, "weir.events", question{}), fault.Unavailable, "not connected")
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := Request[question, answer](short, gateway, "weir.centre.do", question{1})
	wantKind(t, err, fault.Unavailable, "not connected")

	waiting := make(chan error, 1)
	go func() { // asked during the outage, answered after it
		got, err := Request[question, answer](t.Context(), gateway, "weir.centre.do", question{21})
		if err == nil && got.Twice != 42 {
			err = fmt.Errorf("got %v", got)
		}
		waiting <- err
	}()
	start(t, Config{Listen: address, Token: secret})
	eventually(t, "return of the centre", centre.Connected)
	if err := <-waiting; err != nil && !strings.Contains(err.Error(), "no centre answers") {
		t.Error(err)
	}
	got, err := Request[question, answer](t.Context(), gateway, "weir.centre.do", question{4})
	if err != nil || got.Twice != 8 {
		t.Errorf("after the restart: %v %v", got, err)
	}
	for _, log := range []*journal{j, k} {
		if lost, back := log.count("connection lost"), log.count("connection restored"); lost != 1 || back != 1 {
			t.Errorf("the log reports %d losses and %d returns, want one each", lost, back)
		}
	}
}

func TestConnectWaitsForTheServer(t *testing.T) {
	s := start(t, Config{Listen: "127.0.0.1:0", Token: secret})
	url := s.URL()
	s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := Connect(ctx, ClientConfig{URL: url, Token: secret})
	wantKind(t, err, fault.Unavailable, url)

	time.AfterFunc(300*time.Millisecond, func() { start(t, Config{Listen: strings.TrimPrefix(url, "nats://"), Token: secret}) })
	if c := connect(t, url, &journal{}); !c.Connected() {
		t.Error("not connected")
	}
}

func TestCloseWaitsForHandlers(t *testing.T) {
	s := start(t, Config{})
	centre, gateway := inProcess(t, s, "centre"), inProcess(t, s, "gateway")
	entered, finished := make(chan struct{}), atomic.Bool{}
	serve(t, centre, "weir.centre.do", Limits{}, func(context.Context, question) (answer, error) {
		close(entered)
		time.Sleep(200 * time.Millisecond)
		finished.Store(true)
		return answer{7}, nil
	})
	result := make(chan error, 1)
	go func() {
		got, err := Request[question, answer](t.Context(), gateway, "weir.centre.do", question{})
		if err == nil && got.Twice != 7 {
			err = fmt.Errorf("got %v", got)
		}
		result <- err
	}()
	<-entered
	if err := centre.Close(); err != nil {
		t.Fatal(err)
	}
	if !finished.Load() {
		t.Error("Close did not wait for the handler")
	}
	if err := <-result; err != nil {
		t.Errorf("the answer of a handler that ran at Close was lost: %v", err)
	}
	if err := centre.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	_, err := Request[question, answer](t.Context(), centre, "weir.centre.do", question{})
	wantKind(t, err, fault.Unavailable, "closed")
	_, err = Serve(centre, "weir.centre.do", Limits{}, twice)
	wantKind(t, err, fault.Unavailable, "closed")
}

func TestTokensOfSubjects(t *testing.T) {
	f := func(name, want string) {
		t.Helper()
		if got := Token(name); got != want {
			t.Errorf("%q became %q, want %q", name, got, want)
		}
	}
	f("plant-3", "plant-3")
	f("a.b", "a%2Eb")
	f("a%2Eb", "a%252Eb")
	f("* >\n", "%2A%20%3E%0A")
	f("厂", "厂")
	if got := SubjectControl(weir.NodeID("a.b")); got != "weir.node.a%2Eb.ctl" {
		t.Error(got)
	}
}

func TestServerMayGoFirst(t *testing.T) {
	s := start(t, Config{})
	c := inProcess(t, s, "centre")
	serve(t, c, "weir.centre.do", Limits{}, twice)
	s.Close()
	began := time.Now()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if d := time.Since(began); d > drainTimeout/2 {
		t.Errorf("Close took %s", d)
	}
}
