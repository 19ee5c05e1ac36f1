//go:build unix

package kernel

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestAssemblyIsCurrent: the generator, run again, writes the committed files.
func TestAssemblyIsCurrent(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the generator")
	}
	build := exec.Command("go", "build", "-o", os.DevNull, ".")
	build.Dir = "_asm"
	build.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=-mod=readonly")
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("the generator's modules are not on this machine: %s", out)
	}
	out := t.TempDir()
	regen := exec.Command("sh", "_asm/regen.sh", out)
	if text, err := regen.CombinedOutput(); err != nil {
		t.Fatalf("regen: %v\n%s", err, text)
	}
	written, err := filepath.Glob(filepath.Join(out, "*_amd64.*"))
	if err != nil || len(written) == 0 {
		t.Fatalf("regen wrote nothing (%v)", err)
	}
	for _, path := range written {
		fresh, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		committed, err := os.ReadFile(filepath.Base(path))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(fresh, committed) {
			t.Errorf("%s is out of date: run _asm/regen.sh", filepath.Base(path))
		}
	}
}
