package device

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/weir-project/weir"
)

const cacheFile = "device-card.json"

// Saved is what was measured before, under the conditions that Key names.
type Saved struct {
	Key     string           `json:"key"`
	Machine *weir.DeviceCard `json:"machine,omitempty"` // without the models' rates
	Models  map[string]Rates `json:"models"`            // by digest
}

// Key names the conditions of a measurement: another processor, number of threads, kernel or program measures anew.
func Key(facts weir.DeviceCard, threads int) string {
	return fmt.Sprintf("%s; %d cores, %d threads; %s; program %s", facts.CPU, facts.Cores, threads, facts.Kernels, program())
}

// program identifies the running program by its content: a version number says nothing about a developer's build.
var program = sync.OnceValue(func() string {
	path, err := os.Executable()
	if err != nil {
		return "unknown"
	}
	f, err := os.Open(path)
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "unknown"
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
})

// Load reads what was measured under the same conditions. What is missing, damaged or measured under others counts
// as nothing: it can be measured again.
func Load(dir, key string) Saved {
	empty := Saved{Key: key, Models: map[string]Rates{}}
	text, err := os.ReadFile(filepath.Join(dir, cacheFile))
	if err != nil {
		return empty
	}
	var s Saved
	if json.Unmarshal(text, &s) != nil || s.Key != key || s.Models == nil {
		return empty
	}
	return s
}

// Save replaces what dir keeps.
func (s Saved) Save(dir string) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the device card: %w", err)
	}
	path := filepath.Join(dir, cacheFile)
	f, err := os.CreateTemp(dir, cacheFile+"-*")
	if err != nil {
		return fmt.Errorf("keep the device card: %w", err)
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		if e := os.Remove(f.Name()); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
		return fmt.Errorf("keep the device card: %w", err)
	}
	return nil
}
