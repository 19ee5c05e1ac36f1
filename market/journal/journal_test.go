package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-project/weir/internal/fault"
)

// read returns the payloads of a journal on disk.
func read(t testing.TB, dir string) ([]string, Recovery, error) {
	t.Helper()
	var out []string
	r, err := Read(dir, func(_ uint64, p []byte) error {
		out = append(out, string(p))
		return nil
	})
	return out, r, err
}

func mustOpen(t testing.TB, dir string, config Config) (*Journal, Recovery) {
	t.Helper()
	j, r, err := Open(dir, config)
	if err != nil {
		t.Fatal(err)
	}
	return j, r
}

func mustAppend(t testing.TB, j *Journal, payloads ...string) uint64 {
	t.Helper()
	var b [][]byte
	for _, p := range payloads {
		b = append(b, []byte(p))
	}
	seq, err := j.AppendBatch(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

func mustClose(t testing.TB, j *Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// crash lets go of a journal the way a killed process does: no seal.
func crash(t testing.TB, j *Journal) {
	t.Helper()
	j.mu.Lock()
	j.failed = errors.New("crashed")
	j.mu.Unlock()
	mustClose(t, j)
}

func equal(t testing.TB, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Fatalf("got %q, want %q", got, want)
	}
}

func TestAppendAndReopen(t *testing.T) {
	dir := t.TempDir()
	j, r := mustOpen(t, dir, Config{})
	if r.Last != 0 || r.Cut != nil {
		t.Errorf("a new journal recovers %+v", r)
	}
	if seq := mustAppend(t, j, "a"); seq != 1 {
		t.Errorf("first record is %d", seq)
	}
	if seq := mustAppend(t, j, "b", "c"); seq != 2 || j.Last() != 3 {
		t.Errorf("batch starts at %d, last is %d", seq, j.Last())
	}
	mustClose(t, j)
	got, _, err := read(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, got, "a", "b", "c")

	j, r = mustOpen(t, dir, Config{})
	if r.Last != 4 || r.Cut != nil { // 4 is the seal
		t.Errorf("recovered %+v", r)
	}
	if seq := mustAppend(t, j, "d"); seq != 5 {
		t.Errorf("next record is %d", seq)
	}
	var seqs []uint64
	if err := j.Replay(func(seq uint64, _ []byte) error { seqs = append(seqs, seq); return nil }); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(seqs) != "[1 2 3 5]" {
		t.Errorf("replayed %v", seqs)
	}
	mustClose(t, j)
	j, r = mustOpen(t, dir, Config{})
	mustClose(t, j)
	if again, _, _ := Open(dir, Config{}); again != nil {
		mustClose(t, again)
		if last := again.Last(); last != r.Last {
			t.Errorf("opening and closing grew the journal from %d to %d", r.Last, last)
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	j, _ := mustOpen(t, t.TempDir(), Config{})
	f := func(ctx context.Context, payloads [][]byte, kind fault.Kind) {
		t.Helper()
		if _, err := j.AppendBatch(ctx, payloads); err == nil || fault.KindOf(err) != kind {
			t.Errorf("got %v, want kind %v", err, kind)
		}
	}
	f(t.Context(), nil, fault.Invalid)
	f(t.Context(), [][]byte{{}}, fault.Invalid)
	f(t.Context(), [][]byte{make([]byte, PayloadMax+1)}, fault.Invalid)
	mustClose(t, j)
	f(t.Context(), [][]byte{{1}}, fault.Unavailable)
}

func TestOneOwner(t *testing.T) {
	dir := t.TempDir()
	j, _ := mustOpen(t, dir, Config{})
	if _, _, err := Open(dir, Config{}); err == nil || !strings.Contains(err.Error(), "another process has it") {
		t.Errorf("second open: %v", err)
	}
	mustClose(t, j)
	j, _ = mustOpen(t, dir, Config{})
	mustClose(t, j)
}

func TestSegments(t *testing.T) {
	dir := t.TempDir()
	j, _ := mustOpen(t, dir, Config{SegmentBytes: 200})
	var want []string
	for i := range 20 {
		want = append(want, fmt.Sprintf("record %d", i))
		mustAppend(t, j, want[i])
	}
	mustClose(t, j)
	names, err := segments(dir)
	if err != nil || len(names) < 5 {
		t.Fatalf("segments %v, %v", names, err)
	}
	got, _, err := read(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, got, want...)

	// A segment that is lost from the middle is noticed, and so is one that is cut short.
	path := filepath.Join(dir, names[2])
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f := func(change func() error) {
		t.Helper()
		if err := change(); err != nil {
			t.Fatal(err)
		}
		_, _, err := read(t, dir)
		if c, ok := errors.AsType[*Corrupt](err); !ok {
			t.Errorf("read: %v (%v)", err, c)
		}
	}
	f(func() error { return os.Remove(path) })
	f(func() error { return os.WriteFile(path, b[:len(b)-1], 0o600) })
	f(func() error { return os.WriteFile(path, b[:10], 0o600) })
}

// build writes batches a | b c | d e f to one segment, with or without a seal, and returns
// the file's bytes and the offsets at which records end.
func build(t *testing.T, sealed bool) (name string, b []byte, ends []int) {
	t.Helper()
	dir := t.TempDir()
	j, _ := mustOpen(t, dir, Config{})
	mustAppend(t, j, "alpha")
	mustAppend(t, j, "beta", "gamma")
	mustAppend(t, j, "delta", "epsilon", "zeta")
	if sealed {
		mustClose(t, j)
	} else {
		crash(t, j)
	}
	name = segmentName(1)
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	ends = []int{fileHeader}
	for off := fileHeader; off < len(b); {
		r, err := parseRecord(b[off:])
		if err != nil {
			t.Fatal(err)
		}
		off += r.size()
		ends = append(ends, off)
	}
	return name, b, ends
}

var words = []string{"alpha", "beta", "gamma", "delta", "epsilon", "zeta"}

// TestTruncation cuts the file at every byte: recovery keeps exactly the whole records, says
// what it cut, and the journal goes on from there.
func TestTruncation(t *testing.T) {
	name, b, ends := build(t, false)
	for n := range len(b) + 1 {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, name), b[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		whole := 0
		for whole+1 < len(ends) && ends[whole+1] <= n {
			whole++
		}
		j, r := mustOpen(t, dir, Config{})
		torn := n < fileHeader || n != ends[whole]
		if (r.Cut != nil) != torn || r.Last != uint64(whole) {
			t.Fatalf("cut at %d: recovered %+v, want %d records", n, r, whole)
		}
		if r.Cut != nil && r.Cut.Offset+r.Cut.Bytes != int64(n) {
			t.Fatalf("cut at %d: reported %s", n, r.Cut)
		}
		if seq := mustAppend(t, j, "next"); seq != uint64(whole)+1 {
			t.Fatalf("cut at %d: next record is %d", n, seq)
		}
		crash(t, j)
		got, r, err := read(t, dir)
		if err != nil || r.Cut != nil {
			t.Fatalf("cut at %d: after repair: %+v, %v", n, r, err)
		}
		equal(t, got, append(words[:whole:whole], "next")...)
	}
}

// TestBitFlips flips every bit. In a sealed journal every flip before the seal is an error
// that names the offset of the damaged record; a flip in the seal loses nothing. In a journal
// that was not closed, the last batch alone may be cut.
func TestBitFlips(t *testing.T) {
	for _, sealed := range []bool{true, false} {
		name, b, ends := build(t, sealed)
		for bit := range 8 * len(b) {
			at := bit / 8
			flipped := bytes.Clone(b)
			flipped[at] ^= 1 << (bit % 8)
			damaged := 0 // the record that the flip hits
			for ends[damaged+1] <= at {
				damaged++
			}
			r := scanned{sealed: true}
			var got []string
			err := r.segment(name, flipped, true, func(_ uint64, p []byte) error {
				got = append(got, string(p))
				return nil
			})
			if mayCut := damaged >= 3 && !sealed || damaged == 6; mayCut && at >= fileHeader {
				if err != nil || r.Cut == nil || r.Cut.Offset != int64(ends[damaged]) {
					t.Fatalf("sealed %t, bit %d of byte %d: %+v, %v", sealed, bit%8, at, r, err)
				}
				equal(t, got, words[:damaged]...)
				continue
			}
			c, ok := errors.AsType[*Corrupt](err)
			want := int64(ends[damaged])
			if at < fileHeader {
				want = 0
			}
			if !ok || c.Offset != want || c.File != name {
				t.Fatalf("sealed %t, bit %d of byte %d: %v, want damage at %d", sealed, bit%8, at, err, want)
			}
		}
	}
}

// TestForgery writes another history with checksums that fit, as no accident would: a changed
// record, one taken out, two exchanged. The hash chain shows it.
func TestForgery(t *testing.T) {
	name, b, ends := build(t, true)
	record := func(i int) []byte { return b[ends[i]:ends[i+1]] }
	forged := func(i int, change func(*forgery)) []byte {
		r, err := parseRecord(record(i))
		if err != nil {
			t.Fatal(err)
		}
		change((*forgery)(&r))
		return appendRecord(nil, r)
	}
	f := func(at int, problem string, records ...[]byte) {
		t.Helper()
		file := append(bytes.Clone(b[:fileHeader]), bytes.Join(records, nil)...)
		s := scanned{sealed: true}
		err := s.segment(name, file, true, nil)
		c, ok := errors.AsType[*Corrupt](err)
		if !ok || c.Seq != uint64(at) || !strings.Contains(err.Error(), problem) {
			t.Errorf("got %v, want damage at record %d: %s", err, at, problem)
		}
	}
	f(2, "hash chain", record(0), forged(1, func(r *forgery) { r.payload = []byte("BETA") }), record(2))
	f(2, "hash chain", record(0), forged(1, func(r *forgery) { r.hash[0]++ }), record(2))
	f(2, "hash chain", record(0), forged(1, func(r *forgery) { r.base-- }), record(2))
	f(2, "record 3 is in its place", record(0), record(2))
	f(1, "record 2 is in its place", record(1), record(0))
	f(2, "hash chain", record(0), forged(2, func(r *forgery) { r.seq-- }))
}

// forgery is a record, under a name that is free in TestForgery.
type forgery record

// TestHoleInLastBatch has the kernel write the last batch out of order: its end is there, its
// start is not. Nobody was told of it, so it is cut, not called damage.
func TestHoleInLastBatch(t *testing.T) {
	name, b, ends := build(t, false)
	clear(b[ends[3]:ends[4]])
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
		t.Fatal(err)
	}
	got, r, err := read(t, dir)
	if err != nil || r.Cut == nil || r.Cut.Offset != int64(ends[3]) {
		t.Fatalf("recovered %+v, %v", r, err)
	}
	equal(t, got, "alpha", "beta", "gamma")
}

// brokenFile fails like a full or dying disk: a write stops in the middle when space runs out,
// an fsync fails when told to.
type brokenFile struct {
	*os.File
	disk *disk
}

type disk struct {
	space    atomic.Int64
	badSync  atomic.Bool
	begun    atomic.Int64  // fsyncs begun, and
	syncs    atomic.Int64  // ended
	syncGate chan struct{} // if not nil, an fsync takes one
}

var errFull = errors.New("no space left on device")

func (f brokenFile) Write(b []byte) (int, error) {
	room := f.disk.space.Add(-int64(len(b)))
	if room >= 0 {
		return f.File.Write(b)
	}
	n, err := f.File.Write(b[:max(0, len(b)+int(room))])
	return n, errors.Join(errFull, err)
}

func (f brokenFile) Sync() error {
	f.disk.begun.Add(1)
	if f.disk.syncGate != nil {
		<-f.disk.syncGate
	}
	f.disk.syncs.Add(1)
	if f.disk.badSync.Load() {
		return errors.New("input/output error")
	}
	return f.File.Sync()
}

func openOn(t testing.TB, dir string, d *disk, config Config) *Journal {
	t.Helper()
	j, _, err := open(dir, config, func(path string) (file, error) {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		return brokenFile{f, d}, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// TestDiskFull runs out of space at every byte of the third record: the append fails, all
// later ones are refused, what was acknowledged is there after a restart and nothing else.
func TestDiskFull(t *testing.T) {
	size := int64(recHeader + 5)
	for room := range size {
		dir, d := t.TempDir(), &disk{}
		d.space.Store(fileHeader + 2*size + room)
		j := openOn(t, dir, d, Config{})
		mustAppend(t, j, "one..")
		mustAppend(t, j, "two..")
		for range 2 {
			if _, err := j.Append(t.Context(), []byte("three")); fault.KindOf(err) != fault.Unavailable || !errors.Is(err, errFull) {
				t.Fatalf("room %d: append gives %v", room, err)
			}
		}
		if j.Last() != 2 || !errors.Is(j.Err(), errFull) {
			t.Fatalf("room %d: last %d, error %v", room, j.Last(), j.Err())
		}
		mustClose(t, j)
		got, r, err := read(t, dir)
		if err != nil || r.Cut != nil {
			t.Fatalf("room %d: recovered %+v, %v", room, r, err)
		}
		equal(t, got, "one..", "two..")
		j, _ = mustOpen(t, dir, Config{})
		mustAppend(t, j, "three")
		mustClose(t, j)
	}
}

func TestFailedSync(t *testing.T) {
	dir, d := t.TempDir(), &disk{}
	d.space.Store(1 << 20)
	j := openOn(t, dir, d, Config{})
	mustAppend(t, j, "one")
	d.badSync.Store(true)
	if _, err := j.Append(t.Context(), []byte("two")); fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("append gives %v", err)
	}
	d.badSync.Store(false)
	if _, err := j.Append(t.Context(), []byte("three")); fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("after a failed fsync, append gives %v", err)
	}
	mustClose(t, j)
	got, _, err := read(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, got, "one")
}

// TestDiskFullAtRotation fails to begin a segment: the record that filled the old one is
// acknowledged and there, the next is refused.
func TestDiskFullAtRotation(t *testing.T) {
	dir, d := t.TempDir(), &disk{}
	d.space.Store(fileHeader + recHeader + 3 + fileHeader/2)
	j := openOn(t, dir, d, Config{SegmentBytes: 100})
	mustAppend(t, j, "one")
	if _, err := j.Append(t.Context(), []byte("two")); fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("append gives %v", err)
	}
	mustClose(t, j)
	j, r := mustOpen(t, dir, Config{SegmentBytes: 100})
	if r.Last != 1 || r.Cut == nil {
		t.Errorf("recovered %+v", r)
	}
	mustAppend(t, j, "two")
	mustClose(t, j)
	got, _, err := read(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, got, "one", "two")
}

// eventually waits for another goroutine to bring a state about, and not for ever.
func eventually(t *testing.T, what string, reached func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !reached(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no sign of %s", what)
		}
	}
}

// TestGroupCommit holds the first fsync back while a hundred callers arrive: the second fsync
// takes them all.
func TestGroupCommit(t *testing.T) {
	d := &disk{syncGate: make(chan struct{}, 1000)}
	d.space.Store(1 << 20)
	d.syncGate <- struct{}{} // the header's
	j := openOn(t, t.TempDir(), d, Config{})
	var wg sync.WaitGroup
	appendOne := func() {
		wg.Go(func() {
			if _, err := j.Append(t.Context(), []byte("x")); err != nil {
				t.Error(err)
			}
		})
	}
	appendOne()
	// The first is inside its fsync, the second after the header's: the others queue behind it.
	eventually(t, "the first fsync", func() bool { return d.begun.Load() == 2 })
	const callers = 100
	for range callers {
		appendOne()
	}
	eventually(t, "a full queue", func() bool {
		j.mu.Lock()
		defer j.mu.Unlock()
		return len(j.queue) == callers
	})
	before := d.syncs.Load()
	for range callers {
		d.syncGate <- struct{}{}
	}
	wg.Wait()
	if got := d.syncs.Load() - before; got > 2 {
		t.Errorf("%d appends behind one fsync took %d fsyncs, want 2 in all", callers, got)
	}
	if j.Last() != callers+1 {
		t.Errorf("last record is %d", j.Last())
	}
	close(d.syncGate)
	mustClose(t, j)
}

// TestCancelledAppend gives up while an fsync is held back: it is not written.
func TestCancelledAppend(t *testing.T) {
	d := &disk{syncGate: make(chan struct{}, 10)}
	d.space.Store(1 << 20)
	d.syncGate <- struct{}{}
	dir := t.TempDir()
	j := openOn(t, dir, d, Config{})
	var wg sync.WaitGroup
	wg.Go(func() { mustAppend(t, j, "first") })
	ctx, cancel := context.WithCancel(t.Context())
	eventually(t, "the first fsync", func() bool { return d.begun.Load() == 2 })
	wg.Go(func() {
		if _, err := j.Append(ctx, []byte("second")); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled append: %v", err)
		}
		close(d.syncGate)
	})
	cancel()
	wg.Wait()
	mustClose(t, j)
	got, _, err := read(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, got, "first")
}

func TestConcurrentAppends(t *testing.T) {
	dir := t.TempDir()
	j, _ := mustOpen(t, dir, Config{SegmentBytes: 4096})
	const callers, each = 16, 20
	var wg sync.WaitGroup
	var mu sync.Mutex
	want := map[uint64]string{}
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				p := fmt.Sprintf("%d/%d", c, i)
				seq, err := j.Append(t.Context(), []byte(p))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				want[seq] = p
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	n := 0
	if err := j.Replay(func(seq uint64, p []byte) error {
		n++
		if want[seq] != string(p) {
			return fmt.Errorf("record %d is %q, its caller was told of %q", seq, p, want[seq])
		}
		return nil
	}); err != nil || n != callers*each {
		t.Errorf("replayed %d of %d records: %v", n, callers*each, err)
	}
	mustClose(t, j)
}

func FuzzScan(f *testing.F) {
	dir := f.TempDir()
	j, _ := mustOpen(f, dir, Config{})
	mustAppend(f, j, "a")
	mustAppend(f, j, "b", "c")
	mustClose(f, j)
	b, err := os.ReadFile(filepath.Join(dir, segmentName(1)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:fileHeader])
	f.Add(b[:len(b)-3])
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := scanned{sealed: true}
		n := 0
		err := s.segment("f", b, true, func(seq uint64, p []byte) error {
			n += recHeader + len(p)
			return nil
		})
		if n > len(b) {
			t.Fatalf("%d bytes of records in a file of %d", n, len(b))
		}
		if _, ok := errors.AsType[*Corrupt](err); err != nil && !ok {
			t.Fatalf("error without a place: %v", err)
		}
		if c := s.Cut; c != nil && c.Offset+c.Bytes != int64(len(b)) {
			t.Fatalf("cut %+v of %d bytes", c, len(b))
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	payload := bytes.Repeat([]byte("x"), 200)
	for _, callers := range []int{1, 64, 1024} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			j, _ := mustOpen(b, b.TempDir(), Config{})
			var left atomic.Int64
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			b.ResetTimer()
			for range callers {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						if _, err := j.Append(b.Context(), payload); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			mustClose(b, j)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// BenchmarkRawSync is the floor: one write and one fsync.
func BenchmarkRawSync(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "f"))
	if err != nil {
		b.Fatal(err)
	}
	payload := bytes.Repeat([]byte("x"), recHeader+200)
	for b.Loop() {
		if _, err := f.Write(payload); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}
