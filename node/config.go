package node

import (
	"cmp"
	"log/slog"
	"net"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
)

// ModelConfig names a model to serve.
type ModelConfig struct {
	Name   string // default: the file's own name
	Path   string // GGUF file; with several parts, any of them
	Bytes  []byte // the file's content, instead of Path
	Prices weir.Prices
}

// Config of a Node. Zero values are the documented defaults.
type Config struct {
	ID       weir.NodeID     // required, unique in the pool
	Site     weir.SiteID     // required
	Provider weir.ProviderID // required
	Dir      string          // the node's own; keeps its key and what was measured; required
	Listen   string          // address of the HTTP API; default a free port on loopback
	Secret   string          // bearer token of the HTTP API; required
	Models   []ModelConfig   // at least one

	Threads int // for each model; default: one per processor
	Context int // tokens; default and limit: as the engine decides
	Slots   int // requests that one model runs at once; default: the engine's

	BodyMax     int64         // bytes of a request; default 4 MiB
	WriteStall  time.Duration // how long a reader may take nothing; default 30 s
	Remember    time.Duration // how long ends of requests are kept; default 5 min
	RememberMax int           // how many; default 4096
	DrainWait   time.Duration // how long Close waits for what runs; default 10 s
	NoMeasure   bool          // announce no device card, for tests and tools

	Log *slog.Logger // default: none
}

// Bounds of the HTTP API.
const (
	headerWait  = 5 * time.Second
	bodyWait    = 30 * time.Second
	idleWait    = 2 * time.Minute
	headerMax   = 16 << 10
	wishMax     = 4096 // bytes of a wish's text
	cancelWait  = 5 * time.Second
	unwindWait  = 5 * time.Second // for handlers after their generation has ended
	lastBeatMax = 2 * time.Second
)

func (c Config) complete() (Config, error) {
	for _, required := range []struct{ name, value string }{
		{"id", string(c.ID)}, {"site", string(c.Site)}, {"provider", string(c.Provider)}, {"directory", c.Dir},
	} {
		if required.value == "" {
			return c, fault.New(fault.Invalid, "a node needs a %s", required.name)
		}
	}
	if c.Secret == "" {
		return c, fault.New(fault.Invalid, "the secret is empty: anyone could run requests on the node")
	}
	if len(c.Models) == 0 {
		return c, fault.New(fault.Invalid, "no models: a node serves at least one")
	}
	c.Listen = cmp.Or(c.Listen, "127.0.0.1:0")
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return c, fault.New(fault.Invalid, "listen on %q: want HOST:PORT: %w", c.Listen, err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return c, fault.New(fault.Invalid, "listen on %q: name one address; without TLS the node is not for every network", c.Listen)
	}
	c.BodyMax = cmp.Or(c.BodyMax, 4<<20)
	c.WriteStall = cmp.Or(c.WriteStall, 30*time.Second)
	c.Remember = cmp.Or(c.Remember, 5*time.Minute)
	c.RememberMax = cmp.Or(c.RememberMax, 4096)
	c.DrainWait = cmp.Or(c.DrainWait, 10*time.Second)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}
