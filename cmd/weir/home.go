package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
)

// home is the data directory: secrets, keys, the exchange's journal, what nodes measured.
type home struct{ dir string }

// Files of a home. Secrets are readable by their owner alone.
const (
	fileSecret  = "cluster.secret" // admits processes to the bus and gateways to nodes
	filePepper  = "pepper"         // of API keys
	fileGateway = "gateway.key"    // ed25519 seed, signs receipts
	fileKey     = "key"            // an API key for this machine's own commands
	fileURL     = "url"            // where the gateway of a running system answers
	fileBus     = "bus.url"        // where its bus does
)

func openHome(dir string) (*home, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	return &home{dir}, nil
}

func (h *home) path(parts ...string) string {
	return filepath.Join(append([]string{h.dir}, parts...)...)
}

// secret returns a file's random bytes, making them first if there are none.
func (h *home) secret(name string, size int) ([]byte, error) {
	text, err := os.ReadFile(h.path(name))
	if errors.Is(err, os.ErrNotExist) {
		b := make([]byte, size)
		rand.Read(b) // never fails
		return b, h.write(name, hex.EncodeToString(b)+"\n")
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	b, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(b) != size {
		return nil, fault.New(fault.Invalid, "%s is damaged: want %d hexadecimal digits", h.path(name), 2*size)
	}
	return b, nil
}

// write replaces a file as a whole: a crash leaves the old one or the new one.
func (h *home) write(name, text string) error {
	temp := h.path(name + ".new")
	if err := os.WriteFile(temp, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.Rename(temp, h.path(name)); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// text reads a file that another command wrote.
func (h *home) text(name string) (string, error) {
	b, err := os.ReadFile(h.path(name))
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(b)), nil
}

func (h *home) clusterSecret() (string, error) {
	b, err := h.secret(fileSecret, 32)
	return hex.EncodeToString(b), err
}

func (h *home) gatewayKey() (ed25519.PrivateKey, error) {
	seed, err := h.secret(fileGateway, ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// newLog returns the log that the configuration asks for.
func newLog(c logConfig, w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // checked with the configuration
	o := &slog.HandlerOptions{Level: level}
	if c.JSON {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// newID draws the id of a command.
func newID() (id weir.ID) {
	rand.Read(id[:]) // never fails
	return id
}
