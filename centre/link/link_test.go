package link

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/bus"
	"github.com/weir-project/weir/centre"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market"
)

// reader is a directory in a lock.
type reader struct {
	mu sync.Mutex
	d  *market.Directory
}

func (r *reader) Restore(s market.Snapshot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.d = market.NewDirectory(s)
}

func (r *reader) Follow(e market.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.d.Follow(e)
}

func (r *reader) tenants() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.d == nil {
		return -1
	}
	return len(r.d.Tenants())
}

func start(t *testing.T) (*centre.Centre, *bus.Conn, *bus.Conn) {
	t.Helper()
	c, err := centre.Open(t.Context(), centre.Config{Dir: t.TempDir(), WithoutReadModel: true})
	if err != nil {
		t.Fatal(err)
	}
	server, err := bus.Start(bus.Config{})
	if err != nil {
		t.Fatal(err)
	}
	join := func(name string) *bus.Conn {
		conn, err := server.Conn(name)
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	ours, theirs := join("centre"), join("gateway")
	t.Cleanup(func() {
		ours.Close()
		theirs.Close()
		server.Close()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c, ours, theirs
}

func openTenant(id byte, name weir.TenantID) market.Command {
	return market.Command{ID: weir.ID{id}, OpenTenant: &market.OpenTenant{Tenant: name}}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come about", what)
		}
	}
}

func TestCommandsAndEventsCross(t *testing.T) {
	c, ours, theirs := start(t)
	if _, err := c.Do(t.Context(), openTenant(1, "before")); err != nil {
		t.Fatal(err)
	}
	service, err := Serve(c, ours, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	remote := NewRemote(theirs)
	r := &reader{}
	ready, err := remote.Follow(t.Context(), r, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	<-ready
	for i := range byte(50) {
		if _, err := remote.Do(t.Context(), openTenant(2+i, weir.TenantID([]byte{'a' + i/10, '0' + i%10}))); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the reader's 51 tenants", func() bool { return r.tenants() == 51 })
	_, err = remote.Do(t.Context(), openTenant(2, "another"))
	if fault.KindOf(err) != fault.Conflict {
		t.Errorf("same id, other body: %v, want a conflict", err)
	}
}

// TestLateAndDeafReaders start before there is a centre, and miss events.
func TestLateAndDeafReaders(t *testing.T) {
	c, ours, theirs := start(t)
	r := &reader{}
	ready, err := NewRemote(theirs).Follow(t.Context(), r, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	service, err := Serve(c, ours, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	<-ready
	service.Close() // events of the next command are lost
	if _, err := c.Do(t.Context(), openTenant(1, "missed")); err != nil {
		t.Fatal(err)
	}
	if service, err = Serve(c, ours, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	if _, err := c.Do(t.Context(), openTenant(2, "seen")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the reader's fresh start", func() bool { return r.tenants() == 2 })
}

func TestNobodyThere(t *testing.T) {
	_, _, theirs := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := NewRemote(theirs).Do(ctx, openTenant(1, "x")); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("no centre: %v, want unavailable", err)
	}
}
