package pool

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"pgregory.net/rapid"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
)

func epoch(n int) (id weir.ID) {
	id[15] = byte(n)
	return id
}

func (e Event) String() string { return fmt.Sprintf("%s %s epoch=%d", e.Kind, e.Node, e.Epoch[15]) }

// TestScripts runs testdata/*: beats and the passing of time in, events out. Times are milliseconds.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		var p Pool
		var now weir.Instant
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var ms int
			if d.HasArg("at") {
				d.ScanArgs(t, "at", &ms)
				now = weir.Instant(time.Duration(ms) * time.Millisecond)
			}
			switch d.Cmd {
			case "beat":
				return script(p.Beat(beatOf(t, d), now))
			case "tick":
				return script(p.Tick(now), nil)
			case "nodes":
				return describe(&p)
			}
			d.Fatalf(t, "unknown command %q", d.Cmd)
			return ""
		})
	})
}

func beatOf(t *testing.T, d *datadriven.TestData) weir.Heartbeat {
	h := weir.Heartbeat{PublicKey: []byte("key"), Draining: d.HasArg("draining"), Leaving: d.HasArg("leaving")}
	var e, active int
	var key, model string
	h.Node = weir.NodeID(d.CmdArgs[0].Key)
	if h.Node == "-" {
		h.Node = ""
	}
	d.ScanArgs(t, "epoch", &e)
	d.ScanArgs(t, "seq", &h.Seq)
	d.MaybeScanArgs(t, "url", &h.URL)
	if h.Epoch = epoch(e); d.MaybeScanArgs(t, "key", &key) {
		h.PublicKey = []byte(key)
	}
	if d.MaybeScanArgs(t, "model", &model) {
		h.Models = []weir.ModelCard{{Name: model}}
	}
	d.MaybeScanArgs(t, "active", &active)
	h.Load.Active = active
	if d.HasArg("card") {
		h.Card = &weir.DeviceCard{Cores: 2, DecodeRate: map[string]float64{"m": 10}}
	}
	return h
}

func script(events []Event, err error) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintln(&b, e)
	}
	if err != nil {
		fmt.Fprintf(&b, "%s: %v\n", fault.KindOf(err), err)
	}
	return cmp.Or(b.String(), "nothing\n")
}

func describe(p *Pool) string {
	var b strings.Builder
	for _, n := range p.Snapshot() {
		fmt.Fprintf(&b, "%s epoch=%d seq=%d active=%d draining=%v\n", n.Node, n.Epoch[15], n.Seq, n.Load.Active, n.Draining)
	}
	return cmp.Or(b.String(), "none\n")
}

// TestRandomBeats checks, over random and badly behaved traffic, what a reader of the events relies on.
func TestRandomBeats(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p Pool
		var now weir.Instant
		w := watcher{alive: map[weir.NodeID]weir.ID{}, over: map[weir.ID]bool{}}
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 2000).Draw(t, "ms")) * time.Millisecond)
			version := p.Version()
			var events []Event
			if rapid.Bool().Draw(t, "tick") {
				events = p.Tick(now)
			} else {
				h := weir.Heartbeat{
					Node: weir.NodeID(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "node")), Seq: rapid.Uint64Range(1, 9).Draw(t, "seq"),
					Draining: rapid.Bool().Draw(t, "draining"), Leaving: rapid.IntRange(0, 9).Draw(t, "leaving") == 0,
				}
				h.Epoch = epoch(rapid.IntRange(1, 4).Draw(t, "epoch"))
				h.Epoch[0] = h.Node[0] // epochs are unique among nodes
				before, had := p.Node(h.Node)
				var err error
				if events, err = p.Beat(h, now); err != nil {
					t.Fatal(err)
				}
				if after, has := p.Node(h.Node); had && has && before.Epoch == after.Epoch && after.Seq < before.Seq {
					t.Fatalf("seq of %s fell from %d to %d", h.Node, before.Seq, after.Seq)
				}
				w.left(h, events)
			}
			if p.Version() != version+uint64(len(events)) {
				t.Fatalf("version grew by %d for %d events", p.Version()-version, len(events))
			}
			w.follow(t, events)
			w.compare(t, &p, now)
		}
	})
}

// watcher rebuilds the set of nodes from events alone.
type watcher struct {
	alive map[weir.NodeID]weir.ID
	over  map[weir.ID]bool // replaced or left: may never come back
}

// left notes the epochs that h ends for good.
func (w *watcher) left(h weir.Heartbeat, events []Event) {
	for _, e := range events {
		if e.Kind == Left || e.Kind == Lost {
			w.over[e.Epoch] = true
		}
	}
	if h.Leaving && w.alive[h.Node] != h.Epoch {
		w.over[h.Epoch] = true
	}
}

func (w *watcher) follow(t *rapid.T, events []Event) {
	for _, e := range events {
		current, alive := w.alive[e.Node]
		switch e.Kind {
		case Joined:
			if alive || w.over[e.Epoch] {
				t.Fatalf("%s, alive %v, over %v", e, alive, w.over[e.Epoch])
			}
			w.alive[e.Node] = e.Epoch
		default:
			if !alive || current != e.Epoch {
				t.Fatalf("%s of a node that is not there", e)
			}
			if e.Kind == Lost || e.Kind == Left {
				delete(w.alive, e.Node)
			}
		}
	}
}

func (w *watcher) compare(t *rapid.T, p *Pool, now weir.Instant) {
	nodes := p.Snapshot()
	if len(nodes) != len(w.alive) || p.Len() != len(nodes) {
		t.Fatalf("%d nodes, events say %d", len(nodes), len(w.alive))
	}
	if !slices.IsSortedFunc(nodes, func(a, b Node) int { return cmp.Compare(a.Node, b.Node) }) {
		t.Fatal("the snapshot is not sorted")
	}
	for _, n := range nodes {
		if w.alive[n.Node] != n.Epoch || n.Leaving || n.Seen > now || n.Joined > n.Seen {
			t.Fatalf("snapshot holds %+v", n)
		}
	}
}

func TestBounds(t *testing.T) {
	var p Pool
	beat := func(i int) ([]Event, error) {
		h := weir.Heartbeat{Node: weir.NodeID(fmt.Sprint("n", i)), Epoch: epoch(1), Seq: 1}
		return p.Beat(h, 0)
	}
	for i := range NodesMax {
		if _, err := beat(i); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := beat(NodesMax); fault.KindOf(err) != fault.NoCapacity {
		t.Errorf("one node too many: %v", err)
	}
	if events := p.Tick(weir.Instant(weir.HeartbeatLost)); len(events) != NodesMax || p.Len() != 0 {
		t.Errorf("%d nodes lost, %d left", len(events), p.Len())
	}
	for i := range 2 * epochsMax {
		h := weir.Heartbeat{Node: "n", Epoch: epoch(i + 1), Seq: 1}
		if _, err := p.Beat(h, 0); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(p.former["n"].epochs); n != epochsMax {
		t.Errorf("%d former epochs are remembered, want %d", n, epochsMax)
	}
	p.Tick(weir.Instant(remember))
	if len(p.former) != 0 {
		t.Errorf("%d names are remembered for ever", len(p.former))
	}
}

func TestOversizeBeats(t *testing.T) {
	var p Pool
	f := func(part string, change func(*weir.Heartbeat)) {
		t.Helper()
		h := weir.Heartbeat{Node: "n", Epoch: epoch(1), Seq: 1}
		change(&h)
		if _, err := p.Beat(h, 0); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), part) || p.Len() != 0 {
			t.Errorf("got %v, want %q", err, part)
		}
	}
	long := strings.Repeat("x", nameMax+1)
	f("URL", func(h *weir.Heartbeat) { h.Node = weir.NodeID(long) })
	f("URL", func(h *weir.Heartbeat) { h.URL = long })
	f("1025 models", func(h *weir.Heartbeat) { h.Models = make([]weir.ModelCard, modelsMax+1) })
	f("256 bytes", func(h *weir.Heartbeat) { h.Models = []weir.ModelCard{{Name: long}} })
}
