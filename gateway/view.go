package gateway

import (
	"bytes"
	"sync"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market"
	"github.com/weir-project/weir/market/route"
	"github.com/weir-project/weir/pool"
)

// View is what a gateway knows of the network: keys and offers from the exchange's events,
// nodes from their heartbeats. It starts empty. All methods may be called concurrently.
type View struct {
	mu        sync.Mutex // guards the fields below
	directory *market.Directory
	pool      pool.Pool
	first     map[string]time.Time // when each model was first on offer
	offers    map[string][]market.PostedOffer
	fresh     bool // offers follow from directory
}

// NewView returns a view of nothing.
func NewView() *View {
	return &View{first: map[string]time.Time{}}
}

// Restore starts again from a snapshot of the exchange.
func (v *View) Restore(s market.Snapshot) {
	d := market.NewDirectory(s)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.directory, v.fresh = d, false
}

// Follow takes in the exchange's next event. An error means that events were missed or that
// there is no snapshot yet: Restore is needed.
func (v *View) Follow(e market.Event) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.directory == nil {
		return fault.New(fault.Unavailable, "event %d before any snapshot", e.Seq)
	}
	if e.OfferPosted != nil || e.OfferClosed != nil {
		v.fresh = false
	}
	return v.directory.Follow(e)
}

// Beat takes in a heartbeat that arrived at now. An error says why it cannot be believed.
func (v *View) Beat(h weir.Heartbeat, now weir.Instant) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.pool.Tick(now)
	_, err := v.pool.Beat(h, now)
	return err
}

// Alive reports whether the process that beat with an epoch is in the pool and not lost.
func (v *View) Alive(id weir.NodeID, epoch weir.ID, now weir.Instant) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.pool.Tick(now)
	n, ok := v.pool.Node(id)
	return ok && n.Epoch == epoch
}

// Ready reports whether there was a snapshot: without one no key is known.
func (v *View) Ready() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.directory != nil
}

// Authenticate finds the key with a digest, good at now.
func (v *View) Authenticate(digest string, now weir.Instant) (market.Key, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.directory == nil {
		return market.Key{}, fault.New(fault.Unavailable, "the gateway has not heard from the exchange yet")
	}
	return v.directory.Authenticate(digest, now)
}

// State is what the router needs to place a request for one model: its offers with their
// nodes.
func (v *View) State(model string, now weir.Instant) route.State {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.index(now)
	v.pool.Tick(now)
	s := route.State{Now: now, Offers: v.offers[model], Version: v.pool.Version()}
	if v.directory != nil {
		s.Version += v.directory.Seq()
	}
	s.Nodes = make([]route.Node, 0, len(s.Offers))
	for _, o := range s.Offers {
		if n, ok := v.pool.Node(o.Node); ok && v.registered(n) {
			s.Nodes = append(s.Nodes, route.Node{Heartbeat: n.Heartbeat, Seen: n.Seen})
		}
	}
	return s
}

// registered reports whether a node beats with the key that the exchange knows it by: another
// machine under its name gets no prompts, and could not prove any work.
func (v *View) registered(n pool.Node) bool {
	s, ok := v.directory.Signer(market.RoleNode, string(n.Node))
	return ok && bytes.Equal(s.Key, n.PublicKey)
}

// index sorts the offers by model; the lists are shared with readers and never changed.
func (v *View) index(now weir.Instant) {
	if v.fresh || v.directory == nil {
		return
	}
	v.offers, v.fresh = map[string][]market.PostedOffer{}, true
	for _, o := range v.directory.Offers() {
		v.offers[o.Model] = append(v.offers[o.Model], o)
		if _, known := v.first[o.Model]; !known {
			v.first[o.Model] = now.Time()
		}
	}
	for model := range v.first {
		if len(v.offers[model]) == 0 {
			delete(v.first, model)
		}
	}
}

// Listed is a model on offer.
type Listed struct {
	Model  string
	Since  time.Time
	Offers []market.PostedOffer
	Nodes  int // that are alive and have it
	Card   weir.ModelCard
}

// Models lists what is on offer, in no order.
func (v *View) Models(now weir.Instant) []Listed {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.index(now)
	v.pool.Tick(now)
	list := make([]Listed, 0, len(v.offers))
	for model, offers := range v.offers {
		l := Listed{Model: model, Since: v.first[model], Offers: offers}
		for _, o := range offers {
			n, ok := v.pool.Node(o.Node)
			if !ok {
				continue
			}
			if card, ok := cardOf(n.Heartbeat, model); ok {
				l.Card = card
				l.Nodes++
			}
		}
		list = append(list, l)
	}
	return list
}

// cardOf finds a node's card of a model.
func cardOf(n weir.Heartbeat, model string) (weir.ModelCard, bool) {
	for _, card := range n.Models {
		if card.Name == model {
			return card, true
		}
	}
	return weir.ModelCard{}, false
}
