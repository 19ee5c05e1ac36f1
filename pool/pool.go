// Package pool knows which nodes are alive, from their heartbeats alone.
//
// A Pool has no clock, no goroutine and no I/O. Beats enter with the time at which they arrived, Tick lets time pass,
// and both return what changed. Equal inputs give equal outputs.
//
// A node's process announces itself under an epoch of its own and numbers its beats. The pool believes the newest
// beat of the newest epoch: beats that arrive late, doubled or out of order change nothing, and once an epoch has
// been replaced or has said its last words, none of its beats is believed again. A node that was only silent may come
// back with the epoch it had. While a node is alive, nobody else gets its name: a beat that is signed for by another
// key is refused.
package pool

import (
	"bytes"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
)

// Bounds of a pool.
const (
	NodesMax  = 10_000 // alive at once
	epochsMax = 8      // former epochs remembered for each name
	namesMax  = NodesMax
	nameMax   = 256  // bytes of a node's, site's or model's name
	modelsMax = 1024 // of one node

	// remember is for how long former epochs stay known after the last of a name's: longer than any beat
	// travels.
	remember = 10 * time.Minute
)

// Kind says what happened to a node.
type Kind uint8

// The kinds of event.
const (
	Joined   Kind = iota // it may be used
	Changed              // what it offers, how it is reached or what was measured is different
	Draining             // it finishes what runs and takes nothing new
	Lost                 // it fell silent, or its process was replaced; what ran on it has failed
	Left                 // it said goodbye
)

var kindNames = [...]string{"joined", "changed", "draining", "lost", "left"}

// String is the kind in lower case.
func (k Kind) String() string { return kindNames[k] }

// Event is one change of the pool.
type Event struct {
	Kind  Kind
	Node  weir.NodeID
	Epoch weir.ID
	At    weir.Instant
}

// Node is what the pool knows of a node that is alive. The slices and the card inside are shared and must not be
// changed.
type Node struct {
	weir.Heartbeat
	Joined weir.Instant // first beat of this stay
	Seen   weir.Instant // arrival of the newest beat
}

// Pool is the set of nodes alive. The zero value is empty and ready.
type Pool struct {
	alive   map[weir.NodeID]*Node
	former  map[weir.NodeID]*past
	version uint64
}

// past is what is remembered of a name's former epochs, oldest first.
type past struct {
	epochs []weir.ID
	seen   weir.Instant
}

// Version grows with every event, so a cached snapshot's age can be told.
func (p *Pool) Version() uint64 { return p.version }

// Len is the number of nodes alive.
func (p *Pool) Len() int { return len(p.alive) }

// Node is the node of that name, if it is alive.
func (p *Pool) Node(id weir.NodeID) (Node, bool) {
	n, ok := p.alive[id]
	if !ok {
		return Node{}, false
	}
	return *n, true
}

// Snapshot lists the nodes alive in the order of their names.
func (p *Pool) Snapshot() []Node {
	nodes := make([]Node, 0, len(p.alive))
	for _, id := range slices.Sorted(maps.Keys(p.alive)) {
		nodes = append(nodes, *p.alive[id])
	}
	return nodes
}

// Beat takes a heartbeat that arrived now; h belongs to the pool from then on. It returns what changed: nothing for
// a beat that is stale. An error says why the beat cannot be believed; the pool is then unchanged.
func (p *Pool) Beat(h weir.Heartbeat, now weir.Instant) ([]Event, error) {
	if err := check(&h); err != nil {
		return nil, err
	}
	n := p.alive[h.Node]
	switch {
	case p.isFormer(h.Node, h.Epoch):
		return nil, nil
	case n != nil && !bytes.Equal(n.PublicKey, h.PublicKey):
		return nil, fault.New(fault.Conflict, "node %s is alive at %s with another key: one at %s wants its name", h.Node, n.URL, h.URL)
	case n != nil && n.Epoch == h.Epoch && h.Seq <= n.Seq:
		return nil, nil
	case h.Leaving:
		return p.leave(n, &h, now), nil
	case n == nil && len(p.alive) >= NodesMax:
		return nil, fault.New(fault.NoCapacity, "node %s cannot join: the pool holds %d, its most", h.Node, NodesMax)
	case n == nil:
		return p.join(nil, h, now), nil
	case n.Epoch != h.Epoch:
		p.retire(n.Node, n.Epoch, now)
		return p.join(p.event(nil, Lost, n.Node, n.Epoch, now), h, now), nil
	}
	return p.update(n, h, now), nil
}

func check(h *weir.Heartbeat) error {
	switch {
	case h.Node == "":
		return fault.New(fault.Invalid, "heartbeat without a node")
	case h.Epoch.IsZero():
		return fault.New(fault.Invalid, "heartbeat of node %s without an epoch", h.Node)
	case len(h.Node) > nameMax || len(h.Site) > nameMax || len(h.Provider) > nameMax || len(h.URL) > nameMax:
		return fault.New(fault.Invalid, "heartbeat of node %.32q…: a name or the URL has more than %d bytes", h.Node, nameMax)
	case len(h.Models) > modelsMax:
		return fault.New(fault.Invalid, "heartbeat of node %s with %d models: at most %d", h.Node, len(h.Models), modelsMax)
	}
	for _, m := range h.Models {
		if len(m.Name) > nameMax {
			return fault.New(fault.Invalid, "heartbeat of node %s: model %.32q…: a name has at most %d bytes", h.Node, m.Name, nameMax)
		}
	}
	return nil
}

func (p *Pool) event(events []Event, k Kind, node weir.NodeID, epoch weir.ID, now weir.Instant) []Event {
	p.version++
	return append(events, Event{Kind: k, Node: node, Epoch: epoch, At: now})
}

func (p *Pool) join(events []Event, h weir.Heartbeat, now weir.Instant) []Event {
	if p.alive == nil {
		p.alive = map[weir.NodeID]*Node{}
	}
	p.alive[h.Node] = &Node{Heartbeat: h, Joined: now, Seen: now}
	events = p.event(events, Joined, h.Node, h.Epoch, now)
	if h.Draining {
		events = p.event(events, Draining, h.Node, h.Epoch, now)
	}
	return events
}

// leave takes last words. They count even of a process that was never heard before: it will not be heard again.
func (p *Pool) leave(n *Node, h *weir.Heartbeat, now weir.Instant) (events []Event) {
	if n != nil {
		kind := Left
		if n.Epoch != h.Epoch {
			kind = Lost // another process of that name spoke; this one must have died before
			p.retire(n.Node, n.Epoch, now)
		}
		events = p.event(nil, kind, n.Node, n.Epoch, now)
		delete(p.alive, n.Node)
	}
	p.retire(h.Node, h.Epoch, now)
	return events
}

func (p *Pool) update(n *Node, h weir.Heartbeat, now weir.Instant) (events []Event) {
	old := n.Heartbeat
	n.Heartbeat, n.Seen = h, max(n.Seen, now)
	if h.Draining && !old.Draining {
		events = p.event(events, Draining, h.Node, h.Epoch, now)
	}
	if differs(&old, &h) {
		events = p.event(events, Changed, h.Node, h.Epoch, now)
	}
	return events
}

// differs reports whether more than load and the start of a drain is different.
func differs(a, b *weir.Heartbeat) bool {
	return a.Site != b.Site || a.Provider != b.Provider || a.URL != b.URL || a.Draining && !b.Draining ||
		!slices.Equal(a.Models, b.Models) || !reflect.DeepEqual(a.Card, b.Card)
}

// Tick lets time pass until now: nodes silent for weir.HeartbeatLost are gone. Their events come in the order of
// names.
func (p *Pool) Tick(now weir.Instant) (events []Event) {
	for _, id := range slices.Sorted(maps.Keys(p.alive)) {
		n := p.alive[id]
		if now.Sub(n.Seen) < weir.HeartbeatLost {
			continue
		}
		events = p.event(events, Lost, id, n.Epoch, now)
		delete(p.alive, id)
	}
	maps.DeleteFunc(p.former, func(_ weir.NodeID, f *past) bool { return now.Sub(f.seen) >= remember })
	return events
}

func (p *Pool) isFormer(id weir.NodeID, epoch weir.ID) bool {
	f := p.former[id]
	return f != nil && slices.Contains(f.epochs, epoch)
}

// retire remembers an epoch as over.
func (p *Pool) retire(id weir.NodeID, epoch weir.ID, now weir.Instant) {
	if p.former == nil {
		p.former = map[weir.NodeID]*past{}
	}
	f := p.former[id]
	if f == nil {
		if len(p.former) >= namesMax {
			return // names come and go by the thousand within minutes: believing a late beat for seconds is no harm
		}
		f = &past{}
		p.former[id] = f
	}
	if len(f.epochs) == epochsMax {
		f.epochs = slices.Delete(f.epochs, 0, 1)
	}
	f.epochs, f.seen = append(f.epochs, epoch), now
}
