package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
	"go.yaml.in/yaml/v4"
)

// config is the file that `weir up`, `weir centre`, `weir gateway` and `weir node` read.
// Every field has a default, so an empty file is a valid one.
type config struct {
	Data    string        `yaml:"data"` // directory of everything kept
	Site    string        `yaml:"site"`
	Log     logConfig     `yaml:"log"`
	Bus     busConfig     `yaml:"bus"`
	Gateway gatewayConfig `yaml:"gateway"`
	Node    nodeConfig    `yaml:"node"`
	Market  marketConfig  `yaml:"market"`
}

type logConfig struct {
	Level string `yaml:"level"` // debug, info, warn, error
	JSON  bool   `yaml:"json"`
}

type busConfig struct {
	Listen string `yaml:"listen"` // of the centre, where other processes join
	URL    string `yaml:"url"`    // of the centre, for nodes and gateways elsewhere
}

type gatewayConfig struct {
	Listen    string        `yaml:"listen"`
	BodyMax   int64         `yaml:"body_max"` // bytes
	Timeout   time.Duration `yaml:"timeout"`  // of one request
	RateLimit float64       `yaml:"rate_limit"`
}

type nodeConfig struct {
	ID       string        `yaml:"id"`
	Provider string        `yaml:"provider"`
	Listen   string        `yaml:"listen"`
	Threads  int           `yaml:"threads"`
	Context  int           `yaml:"context"`
	Slots    int           `yaml:"slots"`
	Models   []modelConfig `yaml:"models"`
}

type modelConfig struct {
	Name   string      `yaml:"name"`
	Path   string      `yaml:"path"` // empty: the bundled model of that name
	Prices weir.Prices `yaml:"prices"`
}

type marketConfig struct {
	FeeBasisPoints int    `yaml:"fee_bps"`
	FirstBalance   string `yaml:"first_balance"` // dollars given to the first tenant of a new data directory
}

// intentPrices is what the bundled model costs unless configured: a small model's price.
var intentPrices = weir.Prices{Input: 20_000, Cached: 2_000, Output: 80_000}

func defaultConfig() config {
	return config{
		Data: "weir-data", Site: "centre",
		Log:     logConfig{Level: "info"},
		Bus:     busConfig{Listen: "127.0.0.1:0"},
		Gateway: gatewayConfig{Listen: "127.0.0.1:8080", BodyMax: 4 << 20, Timeout: 10 * time.Minute},
		Node:    nodeConfig{ID: "node-1", Provider: "home", Listen: "127.0.0.1:0", Models: []modelConfig{{Name: "intent", Prices: intentPrices}}},
		Market:  marketConfig{FeeBasisPoints: 100, FirstBalance: "10.00"},
	}
}

// loadConfig reads a file over the defaults. An empty path means weir.yaml if there is one.
func loadConfig(path string) (config, error) {
	c := defaultConfig()
	explicit := path != ""
	if !explicit {
		path = "weir.yaml"
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) && !explicit {
		return c, nil
	}
	if errors.Is(err, os.ErrNotExist) {
		return c, fault.New(fault.NotFound, "configuration %s: no such file", path)
	}
	if err != nil {
		return c, fmt.Errorf("read configuration: %w", err)
	}
	if err := decodeConfig(&c, text); err != nil {
		return c, fault.New(fault.Invalid, "%s: %w", filepath.Base(path), err)
	}
	return c, c.check()
}

// decodeConfig is strict: an unknown key is an error that names the nearest known one.
func decodeConfig(c *config, text []byte) error {
	var doc yaml.Node
	err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&doc)
	if errors.Is(err, io.EOF) {
		return nil // an empty file
	}
	if err != nil {
		return err
	}
	if len(doc.Content) > 0 {
		if err := checkKeys(doc.Content[0], reflect.TypeFor[config](), ""); err != nil {
			return err
		}
	}
	return doc.Decode(c)
}

// checkKeys compares the keys of a mapping with the fields of the type it will become.
func checkKeys(n *yaml.Node, t reflect.Type, path string) error {
	switch {
	case n.Kind == yaml.SequenceNode && t.Kind() == reflect.Slice:
		for i, item := range n.Content {
			if err := checkKeys(item, t.Elem(), fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
	case n.Kind == yaml.MappingNode && t.Kind() == reflect.Struct:
		fields := map[string]reflect.Type{}
		var names []string
		for i := range t.NumField() {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
			fields[name], names = t.Field(i).Type, append(names, name)
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			field, ok := fields[key.Value]
			if !ok {
				return fmt.Errorf("line %d: unknown key %q%s%s", key.Line, key.Value, under(path), suggest(key.Value, names))
			}
			if err := checkKeys(n.Content[i+1], field, strings.TrimPrefix(path+"."+key.Value, ".")); err != nil {
				return err
			}
		}
	case n.Kind == yaml.MappingNode, n.Kind == yaml.SequenceNode, t.Kind() == reflect.Struct && n.Tag != "!!null":
		return fmt.Errorf("line %d: %s: want %s", n.Line, path, wanted(t))
	}
	return nil
}

func under(path string) string {
	if path == "" {
		return ""
	}
	return " under " + path
}

func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct:
		return "keys and values"
	case reflect.Slice:
		return "a list"
	}
	return "a single value"
}

func (c *config) check() error {
	bad := func(format string, args ...any) error { return fault.New(fault.Invalid, format, args...) }
	switch c.Log.Level {
	case "debug", "info", "warn", "error":
	default:
		return bad("log.level %q: want debug, info, warn or error", c.Log.Level)
	}
	if c.Market.FeeBasisPoints < 0 || c.Market.FeeBasisPoints > 10_000 {
		return bad("market.fee_bps %d: want 0 to 10000", c.Market.FeeBasisPoints)
	}
	if _, err := weir.ParseNano(c.Market.FirstBalance); err != nil {
		return bad("market.first_balance: %w", err)
	}
	if c.Gateway.BodyMax <= 0 || c.Gateway.Timeout <= 0 {
		return bad("gateway: body_max %d and timeout %s must be positive", c.Gateway.BodyMax, c.Gateway.Timeout)
	}
	seen := map[string]bool{}
	for i, m := range c.Node.Models {
		if m.Name == "" || seen[m.Name] {
			return bad("node.models[%d]: name %q is empty or used twice", i, m.Name)
		}
		seen[m.Name] = true
		if err := m.Prices.Check(); err != nil {
			return bad("node.models[%d] %s: %w", i, m.Name, err)
		}
	}
	return nil
}

func configCommand() *command {
	file := func(f *flag.FlagSet) *string {
		return f.String("config", "", "configuration `file`; default: weir.yaml if there is one")
	}
	return &command{
		name: "config", summary: "check or print the configuration",
		subs: []*command{
			{
				name: "check", summary: "say whether the configuration is valid", max: 0,
				setup: func(f *flag.FlagSet) runFunc {
					path := file(f)
					return func(_ context.Context, e env, _ []string) error {
						if _, err := loadConfig(*path); err != nil {
							return err
						}
						_, err := fmt.Fprintln(e.out, "the configuration is valid")
						return err
					}
				},
			},
			{
				name: "print", summary: "print the configuration in force, defaults included", max: 0,
				examples: []string{"weir config print > weir.yaml"},
				setup: func(f *flag.FlagSet) runFunc {
					path := file(f)
					return func(_ context.Context, e env, _ []string) error {
						c, err := loadConfig(*path)
						if err != nil {
							return err
						}
						enc := yaml.NewEncoder(e.out)
						enc.SetIndent(2)
						return errors.Join(enc.Encode(c), enc.Close())
					}
				},
			},
		},
	}
}
