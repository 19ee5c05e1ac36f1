//go:build !unix

package engine

import "os"

// mapFile reads the whole file: there is no mapping here.
func mapFile(path string) ([]byte, func() error, error) {
	data, err := os.ReadFile(path)
	return data, func() error { return nil }, err
}
