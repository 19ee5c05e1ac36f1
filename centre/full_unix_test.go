//go:build unix

package centre

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market"
)

// fullDir, if set, makes this process the child of TestDiskFull.
const fullDir = "WEIR_FULL_DIR"

// TestDiskFull runs a centre in a child process whose files may not grow past a limit, as on a
// full disk. The exchange must stop by itself, refuse commands and reads from then on, and keep
// every acknowledged command.
func TestDiskFull(t *testing.T) {
	if dir := os.Getenv(fullDir); dir != "" {
		fillDisk(t, dir)
		return
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDiskFull$", "-test.v")
	cmd.Env = append(os.Environ(), fullDir+"="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	_, after, ok := strings.Cut(string(out), "acknowledged=")
	var acknowledged int
	if _, err := fmt.Sscan(after, &acknowledged); !ok || err != nil || acknowledged < 10 {
		t.Fatalf("the child reports nothing (%v): %s", err, out)
	}
	c := mustOpen(t, Config{Dir: dir}) // there is space again
	snapshot, err := c.Snapshot(t.Context())
	if err != nil || len(snapshot.Holds) != acknowledged {
		t.Errorf("%d holds, %d were acknowledged, %v", len(snapshot.Holds), acknowledged, err)
	}
	mustDo(t, c, holdCommand("after"))
	mustClose(t, c)
	mustCheck(t, dir)
}

// fillDisk is the child: it takes holds until the limit stops it.
func fillDisk(t *testing.T, dir string) {
	signal.Ignore(syscall.SIGXFSZ) // the limit then shows as an error of write
	c := mustOpen(t, Config{Dir: dir, WithoutReadModel: true})
	if err := setUp(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(journalDir(dir), "*.journal"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	info, err := os.Stat(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	limit.Cur = uint64(info.Size()) + 10_000
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	acknowledged := 0
	for ; err == nil; acknowledged++ {
		_, err = c.Do(t.Context(), holdCommand(fmt.Sprint(acknowledged)))
	}
	acknowledged-- // the last one failed
	if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "the exchange has stopped") {
		t.Errorf("on a full disk a command gives %v", err)
	}
	if _, err := c.Snapshot(t.Context()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("on a full disk a read gives %v", err)
	}
	// Holds that nobody was told of must not be visible to followers either.
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	held := 0
	for e, err := range c.Subscribe(ctx, 0) {
		if err != nil {
			break
		}
		if e.Held != nil {
			held++
		}
	}
	if held != acknowledged || c.Err() == nil {
		t.Errorf("followers saw %d holds, %d were acknowledged; the centre says %v", held, acknowledged, c.Err())
	}
	if _, err := c.Do(t.Context(), market.Command{ID: idOf("x"), OpenTenant: &market.OpenTenant{Tenant: "late"}}); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a later command gives %v", err)
	}
	mustClose(t, c)
	fmt.Printf("acknowledged=%d\n", acknowledged)
}
