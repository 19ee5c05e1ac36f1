package node

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/weir-project/weir/internal/fault"
)

const (
	keyFile = "node.key"
	keyType = "PRIVATE KEY" // PKCS #8
)

// loadKey reads the node's ed25519 key from dir, or makes one there. The file is for its owner's eyes alone.
func loadKey(dir string) (ed25519.PrivateKey, error) {
	path := filepath.Join(dir, keyFile)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the node's key: %w", err)
	}
	// Windows keeps no such bits; there the directory's access list decides.
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fault.New(fault.Denied, "the node's key %s has mode %04o: others may read it; chmod 600 it", path, mode)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the node's key: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != keyType {
		return nil, fault.New(fault.Invalid, "the node's key %s holds no %s in PEM", path, keyType)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fault.New(fault.Invalid, "the node's key %s: %w", path, err)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fault.New(fault.Invalid, "the node's key %s is %T: want ed25519", path, parsed)
	}
	return key, nil
}

func makeKey(path string) (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the node's key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode the node's key: %w", err)
	}
	// O_EXCL: of two processes on one directory the second must not replace what the first one announced.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("keep the node's key: %w", err)
	}
	err = errors.Join(pem.Encode(f, &pem.Block{Type: keyType, Bytes: der}), f.Sync(), f.Close())
	if err != nil {
		_ = os.Remove(path) // half a key is worse than none
		return nil, fmt.Errorf("keep the node's key: %w", err)
	}
	return key, nil
}
