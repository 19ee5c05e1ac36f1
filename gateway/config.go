package gateway

import (
	"cmp"
	"crypto/ed25519"
	"time"

	"golang.org/x/time/rate"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/gateway/key"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market"
)

// Config says how a gateway works. Zero values mean the documented defaults.
type Config struct {
	Name       string             // under which the exchange knows the gateway's key; required
	Key        ed25519.PrivateKey // signs receipts; required
	Pepper     []byte             // of API keys, at least key.PepperMin bytes; required
	NodeSecret string             // bearer token of the nodes' API; required

	Intent     string      // model whose chats are wishes; default "intent"
	BodyMax    int64       // bytes of a request; default 4 MiB
	HeaderMax  int         // bytes of a request's headers; default 64 KiB
	Concurrent int         // requests at once; default 256
	Attempts   int         // nodes tried for one request; default 3
	OutputMax  weir.Tokens // tokens of one answer; default: what the context allows
	VocabMax   int         // vocabularies kept; default 8
	Settling   int         // settlements that may be under way before requests are refused; default 1024
	KeyRate    rate.Limit  // requests per second and key; default: no limit
	KeyBurst   int         // requests that a key may make at once under KeyRate; default 1
	Timeouts   Timeouts

	Now func() time.Time // default time.Now
}

// Timeouts bounds every wait of a gateway.
type Timeouts struct {
	ReadHeader time.Duration // for a request's headers; default 10 s
	Read       time.Duration // for the whole request; default 1 min
	Write      time.Duration // for a client to take what was flushed; default 30 s
	Idle       time.Duration // for the next request on a connection; default 2 min
	Request    time.Duration // for the whole answer; default 15 min
	FirstToken time.Duration // for a node's first event; default 2 min
	Token      time.Duration // between two events; default 30 s
	Exchange   time.Duration // for a hold, void or settlement; default 5 s
	Cancel     time.Duration // for a node to confirm that it stopped; default 2 s
	Vocab      time.Duration // to fetch a vocabulary; default 30 s
}

// settleGrace is how much longer than its request a hold lives.
const settleGrace = time.Minute

func (t Timeouts) orDefault() Timeouts {
	return Timeouts{
		ReadHeader: cmp.Or(t.ReadHeader, 10*time.Second),
		Read:       cmp.Or(t.Read, time.Minute),
		Write:      cmp.Or(t.Write, 30*time.Second),
		Idle:       cmp.Or(t.Idle, 2*time.Minute),
		Request:    cmp.Or(t.Request, 15*time.Minute),
		FirstToken: cmp.Or(t.FirstToken, 2*time.Minute),
		Token:      cmp.Or(t.Token, 30*time.Second),
		Exchange:   cmp.Or(t.Exchange, 5*time.Second),
		Cancel:     cmp.Or(t.Cancel, 2*time.Second),
		Vocab:      cmp.Or(t.Vocab, 30*time.Second),
	}
}

// complete checks what is required and fills in the defaults.
func (c Config) complete() (Config, error) {
	switch {
	case c.Name == "" || len(c.Name) > market.NameMax:
		return c, fault.New(fault.Invalid, "gateway name of %d bytes: want 1 to %d", len(c.Name), market.NameMax)
	case len(c.Key) != ed25519.PrivateKeySize:
		return c, fault.New(fault.Invalid, "gateway key of %d bytes: an ed25519 private key has %d", len(c.Key), ed25519.PrivateKeySize)
	case len(c.Pepper) < key.PepperMin:
		return c, fault.New(fault.Invalid, "pepper of %d bytes: want at least %d", len(c.Pepper), key.PepperMin)
	case c.NodeSecret == "":
		return c, fault.New(fault.Invalid, "the nodes' secret is empty: anyone could run requests on them")
	}
	c.Intent = cmp.Or(c.Intent, "intent")
	c.BodyMax = cmp.Or(c.BodyMax, 4<<20)
	c.HeaderMax = cmp.Or(c.HeaderMax, 64<<10)
	c.Concurrent = cmp.Or(c.Concurrent, 256)
	c.Attempts = cmp.Or(c.Attempts, 3)
	c.VocabMax = cmp.Or(c.VocabMax, 8)
	c.Settling = cmp.Or(c.Settling, 1024)
	c.KeyBurst = cmp.Or(c.KeyBurst, 1)
	c.Timeouts = c.Timeouts.orDefault()
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Timeouts.Request+settleGrace > market.HoldTimeoutMax {
		return c, fault.New(fault.Invalid, "request timeout %s: a hold lives at most %s", c.Timeouts.Request, market.HoldTimeoutMax-settleGrace)
	}
	return c, nil
}
