// Package testkit holds what tests of several packages need: finding shared fixtures.
package testkit

import (
	"os"
	"path/filepath"
	"testing"
)

// Shared is the path of a folder of shared fixtures, such as "fixtures/engine". It looks for
// a directory named shared beside or above the package under test, or where WEIR_SHARED
// points, and skips the test where there is none.
func Shared(tb testing.TB, path string) string {
	tb.Helper()
	if dir := os.Getenv("WEIR_SHARED"); dir != "" {
		return filepath.Join(dir, filepath.FromSlash(path))
	}
	dir, err := os.Getwd()
	for ; err == nil && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		found := filepath.Join(dir, "shared", filepath.FromSlash(path))
		if _, err := os.Stat(found); err == nil {
			return found
		}
	}
	tb.Skipf("no shared/%s above this package: set WEIR_SHARED to the folder that holds it", path)
	return ""
}
