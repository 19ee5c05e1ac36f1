//go:build !unix

package journal

import (
	"io"
	"os"
	"path/filepath"
)

// lockDir holds a file open: systems without flock refuse to remove it meanwhile, but do not
// keep a second process out. They are developer platforms.
func lockDir(dir string) (io.Closer, error) {
	return os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
}

// ignoreUnsupported drops the error of fsync on a directory, which such systems do not know.
func ignoreUnsupported(error) error { return nil }
