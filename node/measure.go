package node

import (
	"cmp"
	"context"
	"runtime"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/engine"
	"github.com/weir-project/weir/node/device"
)

// Bounds of measuring.
const (
	measureMax = 18 * time.Second // all of it
	idleWaits  = 30 * time.Second // for requests to end before, so that they do not count as the machine's slowness
	idlePoll   = 50 * time.Millisecond
)

// measure announces the device card: as far as it was measured before at once, the rest when it is known.
func (n *Node) measure(ctx context.Context) {
	threads := cmp.Or(n.config.Threads, runtime.GOMAXPROCS(0))
	facts := device.Facts()
	saved := device.Load(n.config.Dir, device.Key(facts, threads))
	if saved.Machine != nil {
		n.announce(n.cardOf(saved))
	}
	if n.measured(saved) {
		return
	}
	n.waitIdle(ctx)
	before := n.runs.total()
	started := time.Now()
	limited, cancel := context.WithTimeout(ctx, measureMax)
	defer cancel()
	if saved.Machine == nil {
		team := engine.NewTeam(threads)
		facts.ReadBandwidth = device.ReadBandwidth(limited, team)
		facts.Int8Rate = device.Int8Rate(limited, team)
		team.Close()
		saved.Machine = &facts
	}
	for _, m := range n.models {
		timed, ok := m.generator.(device.Timed)
		if _, known := saved.Models[m.card.Digest]; known || !ok || limited.Err() != nil {
			continue
		}
		rates, err := device.RatesOf(limited, timed, int(m.card.Context))
		if err != nil {
			n.log.Warn("model not measured", "model", m.card.Name, "err", err)
			continue
		}
		saved.Models[m.card.Digest] = rates
	}
	if ctx.Err() != nil {
		return // the node is closing: what was measured was disturbed
	}
	saved.Machine.Measured = weir.InstantOf(started)
	card := n.cardOf(saved)
	n.announce(card)
	n.log.Info("device measured", "took", time.Since(started).Round(time.Millisecond),
		"read_gb_s", card.ReadBandwidth/1e9, "int8_gop_s", card.Int8Rate/1e9, "decode", card.DecodeRate, "prefill", card.PrefillRate)
	if n.runs.total() != before {
		return // requests ran meanwhile: good enough for today, not for the next start
	}
	if err := saved.Save(n.config.Dir); err != nil {
		n.log.Warn("the next start will measure again", "err", err)
	}
}

// measured reports whether nothing is left to measure.
func (n *Node) measured(s device.Saved) bool {
	for _, m := range n.models {
		_, timed := m.generator.(device.Timed)
		if _, known := s.Models[m.card.Digest]; timed && !known {
			return false
		}
	}
	return s.Machine != nil
}

// cardOf is the card of this node's models from what was measured.
func (n *Node) cardOf(s device.Saved) *weir.DeviceCard {
	card := *s.Machine
	card.DecodeRate, card.PrefillRate = map[string]float64{}, map[string]float64{}
	for _, m := range n.models {
		if r, ok := s.Models[m.card.Digest]; ok {
			card.DecodeRate[m.card.Name], card.PrefillRate[m.card.Name] = r.Decode, r.Prefill
		}
	}
	return &card
}

// announce makes card part of the heartbeats; it must not be changed any more.
func (n *Node) announce(card *weir.DeviceCard) {
	n.mu.Lock()
	n.card = card
	n.mu.Unlock()
	n.beatNow()
}

// waitIdle waits a bounded time until nothing runs.
func (n *Node) waitIdle(ctx context.Context) {
	for deadline := time.Now().Add(idleWaits); len(n.runs.running()) > 0 && time.Now().Before(deadline); {
		select {
		case <-ctx.Done():
			return
		case <-time.After(idlePoll):
		}
	}
}
