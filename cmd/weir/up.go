package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/weir-project/weir/centre/link"
	"github.com/weir-project/weir/internal/fault"
)

// systemFlags override the configuration file.
type systemFlags struct {
	config, data, listen, bus, site, id, provider, level string
	models                                               stringList
}

// stringList is a flag that may be repeated.
type stringList []string

func (s *stringList) String() string     { return strings.Join(*s, ",") }
func (s *stringList) Set(v string) error { *s = append(*s, v); return nil }

func (s *systemFlags) declare(f *flag.FlagSet, names ...string) {
	f.StringVar(&s.config, "config", "", "configuration `file`; default: weir.yaml if there is one")
	f.StringVar(&s.data, "data", "", "data `directory`; default: weir-data")
	f.StringVar(&s.level, "log", "", "log `level`: debug, info, warn or error")
	f.StringVar(&s.site, "site", "", "`name` of the site; default: centre")
	for _, name := range names {
		switch name {
		case "listen":
			f.StringVar(&s.listen, "listen", "", "`address` of the OpenAI API; default: 127.0.0.1:8080")
		case "bus-listen":
			f.StringVar(&s.bus, "bus-listen", "", "`address` where other processes join the bus")
		case "bus":
			f.StringVar(&s.bus, "bus", "", "`url` of the centre's bus; default: the one in the data directory")
		case "node":
			f.StringVar(&s.id, "id", "", "`name` of the node; default: node-1")
			f.StringVar(&s.provider, "provider", "", "who is paid; default: home")
			f.Var(&s.models, "model", "`file` to serve, besides the bundled model; may be repeated")
		}
	}
}

// load reads the configuration and applies the flags. busListens says whether --bus-listen
// or --bus was declared.
func (s *systemFlags) load(busListens bool) (*config, *home, error) {
	c, err := loadConfig(s.config)
	if err != nil {
		return nil, nil, err
	}
	set := func(to *string, v string) {
		if v != "" {
			*to = v
		}
	}
	set(&c.Data, s.data)
	set(&c.Gateway.Listen, s.listen)
	set(&c.Log.Level, s.level)
	set(&c.Site, s.site)
	set(&c.Node.ID, s.id)
	set(&c.Node.Provider, s.provider)
	if busListens {
		set(&c.Bus.Listen, s.bus)
	} else {
		set(&c.Bus.URL, s.bus)
	}
	for _, path := range s.models {
		name := strings.TrimSuffix(filepath.Base(path), ".gguf")
		c.Node.Models = append(c.Node.Models, modelConfig{Name: name, Path: path, Prices: intentPrices})
	}
	if err := c.check(); err != nil {
		return nil, nil, err
	}
	h, err := openHome(c.Data)
	return &c, h, err
}

func upCommand() *command {
	return &command{
		name: "up", summary: "run centre, node and gateway together on this machine", max: 0,
		long: `It keeps everything in the data directory, prints the URL of the OpenAI API and a first key, and runs
until interrupted. Further nodes and gateways join its bus: weir node --help.`,
		examples: []string{
			"weir up",
			"weir up --model qwen2.5-0.5b-q8_0.gguf",
			`weir ask "I need 20 Mbps up at gate 4 for two hours"     # in another terminal`,
		},
		setup: func(f *flag.FlagSet) runFunc {
			var s systemFlags
			s.declare(f, "listen", "bus-listen", "node")
			return func(ctx context.Context, e env, _ []string) error {
				c, h, err := s.load(true)
				if err != nil {
					return err
				}
				return up(ctx, e, c, h)
			}
		},
	}
}

func up(ctx context.Context, e env, c *config, h *home) (err error) {
	log := newLog(c.Log, e.err)
	var undo cleanup
	defer func() {
		if cerr := undo.run(); err == nil {
			err = cerr
		}
	}()
	url, key, err := startAll(ctx, c, h, log, &undo)
	if err != nil {
		return err
	}
	printReady(e.out, url, key)
	<-ctx.Done()
	fmt.Fprintln(e.err, "finishing what runs…")
	return nil
}

// startAll starts centre, node and gateway on one bus.
func startAll(ctx context.Context, c *config, h *home, log *slog.Logger, undo *cleanup) (url, key string, err error) {
	server, err := startCentre(ctx, c, h, log, undo)
	if err != nil {
		return "", "", err
	}
	conn, err := join(ctx, server, c, h, c.Node.ID, log, undo)
	if err != nil {
		return "", "", err
	}
	if _, err := startNode(ctx, c, h, conn, log, undo); err != nil {
		return "", "", err
	}
	if conn, err = join(ctx, server, c, h, "gateway", log, undo); err != nil {
		return "", "", err
	}
	if url, err = startGateway(ctx, c, h, conn, log, undo); err != nil {
		return "", "", err
	}
	if key, err = firstKey(ctx, c, h, link.NewRemote(conn)); err != nil {
		return "", "", err
	}
	return url, key, awaitModels(ctx, &client{url, key}, len(c.Node.Models))
}

// awaitModels returns once the gateway can place requests on n models: it has the key and has
// heard their nodes' first heartbeat.
func awaitModels(ctx context.Context, gw *client, n int) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		list, err := gw.models(ctx)
		served := 0
		for _, m := range list {
			if m.Weir.Nodes > 0 {
				served++
			}
		}
		if err == nil && served >= n {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fault.New(fault.Unavailable, "the gateway can serve %d of %d models", served, n), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func printReady(w io.Writer, url, key string) {
	fmt.Fprintf(w, "Weir is ready.\n\n  OpenAI API  %s/v1\n  key         %s\n", url, key)
	fmt.Fprintf(w, `
Try, in another terminal:
  curl %s/v1/models -H "Authorization: Bearer %s"
  weir ask "I need 20 Mbps up at gate 4 for two hours, under 20 ms"

Ctrl-C stops it.
`, url, key)
}

func centreCommand() *command {
	return &command{
		name: "centre", summary: "run the exchange and the bus that others join", max: 0,
		examples: []string{"weir centre --bus-listen 127.0.0.1:4222 --data centre-data"},
		setup: func(f *flag.FlagSet) runFunc {
			var s systemFlags
			s.declare(f, "bus-listen")
			return func(ctx context.Context, e env, _ []string) error {
				c, h, err := s.load(true)
				if err != nil {
					return err
				}
				return runRole(ctx, e, c, func(log *slog.Logger, undo *cleanup) (string, error) {
					server, err := startCentre(ctx, c, h, log, undo)
					if err != nil {
						return "", err
					}
					return "centre: bus at " + server.URL(), nil
				})
			}
		},
	}
}

func nodeCommand() *command {
	return &command{
		name: "node", summary: "lend this machine's compute to a pool", max: 0,
		long:     "The data directory must hold the centre's " + fileSecret + ", which admits to the bus.",
		examples: []string{"weir node --bus nats://127.0.0.1:4222 --id plant-a-1 --site plant-a --model model.gguf"},
		setup: func(f *flag.FlagSet) runFunc {
			var s systemFlags
			s.declare(f, "bus", "node")
			return func(ctx context.Context, e env, _ []string) error {
				c, h, err := s.load(false)
				if err != nil {
					return err
				}
				return runRole(ctx, e, c, func(log *slog.Logger, undo *cleanup) (string, error) {
					conn, err := join(ctx, nil, c, h, c.Node.ID, log, undo)
					if err != nil {
						return "", err
					}
					n, err := startNode(ctx, c, h, conn, log, undo)
					if err != nil {
						return "", err
					}
					return fmt.Sprintf("node %s: serving at %s", c.Node.ID, n.URL()), nil
				})
			}
		},
	}
}

func gatewayCommand() *command {
	return &command{
		name: "gateway", summary: "run an OpenAI-compatible gateway of a pool", max: 0,
		examples: []string{"weir gateway --bus nats://127.0.0.1:4222 --listen 127.0.0.1:8080"},
		setup: func(f *flag.FlagSet) runFunc {
			var s systemFlags
			s.declare(f, "bus", "listen")
			return func(ctx context.Context, e env, _ []string) error {
				c, h, err := s.load(false)
				if err != nil {
					return err
				}
				return runRole(ctx, e, c, func(log *slog.Logger, undo *cleanup) (string, error) {
					conn, err := join(ctx, nil, c, h, "gateway@"+c.Site, log, undo)
					if err != nil {
						return "", err
					}
					url, err := startGateway(ctx, c, h, conn, log, undo)
					return "gateway: " + url + "/v1", err
				})
			}
		},
	}
}

// runRole starts one role, says that it is ready, and waits to be told to stop.
func runRole(ctx context.Context, e env, c *config, start func(*slog.Logger, *cleanup) (string, error)) (err error) {
	var undo cleanup
	defer func() {
		if cerr := undo.run(); err == nil {
			err = cerr
		}
	}()
	started := time.Now()
	ready, err := start(newLog(c.Log, e.err), &undo)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.out, "%s (ready after %s)\n", ready, time.Since(started).Round(time.Millisecond))
	if f, ok := e.out.(*os.File); ok {
		_ = f.Sync() // a pipe's reader waits for this line; not every file can be synced
	}
	<-ctx.Done()
	return nil
}
