package gateway

import (
	"sync"
	"time"

	"github.com/weir-project/weir"
)

const (
	// suspectFor is how long a node is passed over after it failed before any content. It
	// covers the time until the pool notices a dead one.
	suspectFor = 5 * time.Second
	// suspectsMax bounds how many nodes are remembered.
	suspectsMax = 4096
)

// suspects are nodes that just failed. They are asked only where nobody else can serve.
type suspects struct {
	mu    sync.Mutex // guards the field below
	until map[weir.NodeID]time.Time
}

// add remembers a failure.
func (s *suspects) add(id weir.NodeID, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.until == nil {
		s.until = map[weir.NodeID]time.Time{}
	}
	for other, until := range s.until {
		if !now.Before(until) {
			delete(s.until, other)
		}
	}
	if len(s.until) < suspectsMax {
		s.until[id] = now.Add(suspectFor)
	}
}

// clear forgets the failures of a node that answered.
func (s *suspects) clear(id weir.NodeID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.until, id)
}

// list is who is suspected.
func (s *suspects) list(now time.Time) (ids []weir.NodeID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, until := range s.until {
		if now.Before(until) {
			ids = append(ids, id)
		}
	}
	return ids
}
