package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/weir-project/weir/internal/fault"
)

// Recovery is what was found in a journal.
type Recovery struct {
	Last uint64 // sequence number of the last whole record; 0: none
	Head Hash   // of the chain, after Last
	Cut  *Cut   // what was torn, nil if nothing
}

// Cut is the torn end of a journal: bytes of a batch that was never acknowledged.
type Cut struct {
	File   string // segment, relative to the journal's directory
	Offset int64  // of the first byte cut
	Bytes  int64
	Reason string
}

// String says what was cut, for a log line.
func (c Cut) String() string {
	return fmt.Sprintf("%d bytes of %s from offset %d on: %s", c.Bytes, c.File, c.Offset, c.Reason)
}

// Corrupt is an error about damage that is not a torn tail.
type Corrupt struct {
	File   string
	Offset int64
	Seq    uint64 // of the record expected there
	Err    error
}

// Error names the place.
func (c *Corrupt) Error() string {
	return fmt.Sprintf("journal is damaged: %s, offset %d, record %d: %v; restore the file from a copy", c.File, c.Offset, c.Seq, c.Err)
}

// Unwrap returns what was wrong there.
func (c *Corrupt) Unwrap() error { return c.Err }

// errStop ends a scan early without an error.
var errStop = errors.New("stop")

const suffix = ".journal"

func segmentName(first uint64) string { return fmt.Sprintf("%020d%s", first, suffix) }

// Read calls fn, if not nil, with every whole record of a journal in order, and changes
// nothing: a torn tail is reported, not cut. It may run beside the process that owns the
// journal. The payload is valid during the call.
func Read(dir string, fn func(seq uint64, payload []byte) error) (Recovery, error) {
	s, err := scan(dir, fn)
	return s.Recovery, err
}

// scanned is a Recovery and what the writer needs to go on.
type scanned struct {
	Recovery
	tail     string // last segment; "": begin the first
	tailSize int64
	sealed   bool
}

func scan(dir string, fn func(seq uint64, payload []byte) error) (scanned, error) {
	s := scanned{sealed: true}
	segments, err := segments(dir)
	if err != nil {
		return s, fault.New(fault.NotFound, "read journal: %w", err)
	}
	for i, name := range segments {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return s, fmt.Errorf("read journal: %w", err)
		}
		err = s.segment(name, b, i == len(segments)-1, fn)
		if errors.Is(err, errStop) {
			return s, nil
		}
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

// segments lists the segment files in order.
func segments(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), suffix) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// segment reads one file; only the last may be torn.
func (s *scanned) segment(name string, b []byte, last bool, fn func(uint64, []byte) error) error {
	if err := checkHeader(b, s.Last+1, s.Head); err != nil {
		// A header alone holds nothing that the segments before it do not say.
		if last && len(b) <= fileHeader {
			s.Cut = &Cut{name, 0, int64(len(b)), "the segment's header was not finished"}
			return nil
		}
		return &Corrupt{name, 0, s.Last + 1, err}
	}
	s.tail, s.tailSize = name, fileHeader
	for off := fileHeader; off < len(b); {
		r, err := parseRecord(b[off:])
		if err != nil {
			if !last || acknowledged(b[off:], s.Last+1) {
				return &Corrupt{name, int64(off), s.Last + 1, err}
			}
			s.Cut = &Cut{name, int64(off), int64(len(b) - off), err.Error()}
			return nil
		}
		if err := s.follows(r); err != nil {
			return &Corrupt{name, int64(off), s.Last + 1, err}
		}
		off += r.size()
		s.Last, s.Head, s.sealed, s.tailSize = r.seq, r.hash, len(r.payload) == 0, int64(off)
		if fn == nil || s.sealed {
			continue
		}
		if err := fn(r.seq, r.payload); err != nil {
			return err
		}
	}
	return nil
}

// follows checks that a whole record is the next one of the chain.
func (s *scanned) follows(r record) error {
	if r.seq != s.Last+1 {
		return fmt.Errorf("record %d is in its place", r.seq)
	}
	if r.hash != link(s.Head, r.seq, r.base, r.payload) {
		return errors.New("the record does not continue the hash chain")
	}
	return nil
}
