package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/gateway/key"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market"
)

func keyCommand() *command {
	return &command{
		name: "key", summary: "make, list and revoke API keys",
		long: "A key lets its bearer spend a tenant's money. The exchange keeps a digest; the key itself is shown once.",
		subs: []*command{keyListCommand(), keyAddCommand(), keyRevokeCommand()},
	}
}

// States of a key.
const (
	keyActive  = "active"
	keyExpired = "expired"
	keyRevoked = "revoked"
)

func now() weir.Instant { return weir.InstantOf(time.Now()) }

func keyState(k market.Key, at weir.Instant) string {
	switch {
	case k.Revoked != 0:
		return keyRevoked
	case k.Expires != 0 && k.Expires <= at:
		return keyExpired
	}
	return keyActive
}

// keyView is what may be shown of a key.
type keyView struct {
	ID      weir.KeyID    `json:"id"`
	Tenant  weir.TenantID `json:"tenant"`
	Name    string        `json:"name,omitempty"`
	State   string        `json:"state"`
	Expires weir.Instant  `json:"expires,omitempty"` // 0: never
	Revoked weir.Instant  `json:"revoked,omitempty"`
	Key     string        `json:"key,omitempty"` // only when it was just made
}

func viewKey(k market.Key) keyView {
	return keyView{ID: k.Key, Tenant: k.Tenant, Name: k.Name, State: keyState(k, now()), Expires: k.Expires, Revoked: k.Revoked}
}

func keyListCommand() *command {
	return &command{
		name: "list", summary: "list API keys and whether they work", max: 0,
		examples: []string{"weir key list", "weir key list --tenant plant-a --json"},
		setup: func(f *flag.FlagSet) runFunc {
			var b booksFlags
			b.declareBus(f)
			tenant := f.String("tenant", "", "only keys of this tenant; `name`")
			return func(ctx context.Context, e env, _ []string) error {
				s, err := b.parties(ctx)
				if err != nil {
					return err
				}
				keys := []keyView{}
				for _, k := range s.Keys {
					if *tenant == "" || string(k.Tenant) == *tenant {
						keys = append(keys, viewKey(k))
					}
				}
				if len(keys) == 0 && *tenant != "" {
					if err := knownTenant(s, *tenant); err != nil {
						return err
					}
				}
				if b.json {
					return printJSON(e.out, keys)
				}
				return printAPIKeys(e, keys)
			}
		},
	}
}

func knownTenant(s market.Snapshot, name string) error {
	var names []string
	for _, t := range s.Tenants {
		if string(t.Tenant) == name {
			return nil
		}
		names = append(names, string(t.Tenant))
	}
	return fault.New(fault.NotFound, "no tenant %q%s", name, suggest(name, names))
}

func printAPIKeys(e env, keys []keyView) error {
	if len(keys) == 0 {
		_, err := fmt.Fprintln(e.err, "no keys; weir key add makes one")
		return err
	}
	g := newGrid("id", "tenant", "name", "state", "expires (UTC)", "revoked (UTC)")
	for _, k := range keys {
		expires := "never"
		if k.Expires != 0 {
			expires = clock(k.Expires)
		}
		g.add(string(k.ID), string(k.Tenant), k.Name, k.State, expires, clock(k.Revoked))
	}
	return g.print(e.out)
}

func keyAddCommand() *command {
	return &command{
		name: "add", summary: "make an API key and print it, once", max: 0,
		long:     "The data directory must be that of the gateway where the key will be used: keys are digested with its pepper.",
		examples: []string{"weir key add --name laptop", "KEY=$(weir key add --tenant plant-a --name line-3 --expires 30d)"},
		setup: func(f *flag.FlagSet) runFunc {
			var b booksFlags
			b.declareBus(f)
			tenant := f.String("tenant", string(firstTenant), "who pays; `name`")
			name := f.String("name", "", "what the key is for; `text`")
			expires := f.String("expires", "", "how long it works; `duration` such as 12h or 30d; default: until revoked")
			return func(ctx context.Context, e env, _ []string) error {
				var life time.Duration
				if *expires != "" {
					var err error
					if life, err = lifetime(*expires); err != nil {
						return usagef("--expires %v", err)
					}
				}
				return b.makeKey(ctx, e, weir.TenantID(*tenant), *name, life)
			}
		},
	}
}

func (b *booksFlags) makeKey(ctx context.Context, e env, tenant weir.TenantID, name string, life time.Duration) error {
	x, err := b.running(ctx)
	if err != nil {
		return err
	}
	defer x.close()
	if _, err := os.Stat(x.home.path(filePepper)); errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.NotFound, "no gateway keeps its secrets in %s: add keys on the data directory of a gateway, with --bus URL if its centre is elsewhere", b.data)
	}
	ctx, cancel := context.WithTimeout(ctx, askMax)
	defer cancel()
	text, err := addKey(ctx, x.home, x.Remote, tenant, name, life)
	if fault.KindOf(err) == fault.NotFound {
		return fault.New(fault.NotFound, "%w; weir tenant add %s opens it", err, tenant)
	}
	if err != nil {
		return err
	}
	k, err := x.key(ctx, text)
	if err != nil {
		return err
	}
	x.awaitGateway(ctx, text)
	if b.json {
		v := viewKey(k)
		v.Key = text
		return printJSON(e.out, v)
	}
	until := "until revoked"
	if k.Expires != 0 {
		until = "until " + clock(k.Expires) + " UTC"
	}
	fmt.Fprintf(e.err, "key %s of tenant %s works %s; it is not shown again\n", k.Key, k.Tenant, until)
	_, err = fmt.Fprintln(e.out, text)
	return err
}

// awaitGateway returns once the gateway of this data directory takes a new key, so that whoever
// uses it at once is not told that nobody knows it. A gateway that does not answer is not waited
// for: the key is made, and will be known when it is back.
func (x *exchange) awaitGateway(ctx context.Context, text string) {
	ctx, cancel := context.WithTimeout(ctx, catchMax)
	defer cancel()
	url, err := x.home.text(fileURL)
	if err != nil {
		return
	}
	c := &client{url, text}
	for {
		resp, err := c.do(ctx, http.MethodGet, "/v1/models", nil)
		if err == nil {
			_ = resp.Body.Close()
		}
		if fault.KindOf(err) != fault.Denied {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// key finds what the exchange knows of a key.
func (x *exchange) key(ctx context.Context, text string) (market.Key, error) {
	id, err := key.Parse(text)
	if err != nil {
		return market.Key{}, err
	}
	s, err := x.snapshot(ctx)
	if err != nil {
		return market.Key{}, err
	}
	for _, k := range s.Keys {
		if k.Key == id {
			return k, nil
		}
	}
	return market.Key{}, fault.New(fault.Internal, "the exchange took key %s and does not list it", id)
}

func keyRevokeCommand() *command {
	return &command{
		name: "revoke", args: "ID", summary: "end an API key", min: 1, max: 1,
		long:     "ID is what weir key list shows; the key itself does as well. Requests that run are finished and charged.",
		examples: []string{"weir key revoke nl72omahw3qoatvl"},
		setup: func(f *flag.FlagSet) runFunc {
			var b booksFlags
			b.declareBus(f)
			return func(ctx context.Context, e env, args []string) error {
				id := weir.KeyID(args[0])
				if strings.HasPrefix(args[0], "weir_") {
					var err error
					if id, err = key.Parse(args[0]); err != nil {
						return err
					}
				}
				x, err := b.running(ctx)
				if err != nil {
					return err
				}
				defer x.close()
				r, err := x.do(ctx, market.Command{ID: newID(), RevokeKey: &market.RevokeKey{Key: id}})
				if err != nil {
					return err
				}
				if b.json {
					return printJSON(e.out, map[string]any{"id": id, "state": keyRevoked, "before": r.Replay})
				}
				done := "is revoked"
				if r.Replay {
					done = "was revoked before"
				}
				_, err = fmt.Fprintf(e.out, "key %s %s\n", id, done)
				return err
			}
		},
	}
}
