package journal

import (
	"errors"
	"os"
	"slices"

	"github.com/weir-project/weir/internal/fault"
)

// run is the writer: it commits what waits until the journal is closed.
func (j *Journal) run() {
	defer close(j.done)
	for range j.wake {
		for {
			group, stopping := j.take()
			if len(group) > 0 {
				j.finish(group, j.commit(group))
				continue
			}
			if stopping {
				j.seal()
				return
			}
			break
		}
	}
}

// take removes from the queue what the next fsync shall cover: all of it, up to BatchBytes.
func (j *Journal) take() (group []*batch, stopping bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	n, bytes := 0, 0
	for n < len(j.queue) && (n == 0 || bytes+j.queue[n].bytes <= BatchBytes) {
		bytes += j.queue[n].bytes
		n++
	}
	group = append(group, j.queue[:n]...)
	j.queue = slices.Delete(j.queue, 0, n)
	return group, j.stopping
}

// commit makes a group durable in one write and one fsync.
func (j *Journal) commit(group []*batch) error {
	if err := j.Err(); err != nil {
		return err
	}
	buf, next, head := j.buf[:0], j.next, j.head
	base := next
	for _, b := range group {
		b.first = next
		for _, p := range b.payloads {
			head = link(head, next, base, p)
			buf = appendRecord(buf, record{next, base, head, p})
			next++
		}
	}
	j.buf = buf
	if err := j.write(buf); err != nil {
		return err
	}
	j.next, j.head, j.sealed = next, head, false
	if j.size < j.config.SegmentBytes {
		return nil
	}
	// The group is durable, so failing to begin a segment stops the journal, not the group.
	if err := j.begin(); err != nil {
		j.stop(err)
	}
	return nil
}

// write appends to the segment and syncs it. After an error it tries to take the bytes back,
// so that what was not acknowledged does not come back, and the journal stops: the kernel may
// have dropped the dirty pages, so a second fsync would prove nothing.
func (j *Journal) write(buf []byte) error {
	_, err := j.segment.Write(buf)
	if err == nil {
		err = j.segment.Sync()
	}
	if err != nil {
		return j.stop(errors.Join(err, j.segment.Truncate(j.size)))
	}
	j.size += int64(len(buf))
	return nil
}

// stop refuses all further appends.
func (j *Journal) stop(err error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.failed = fault.New(fault.Unavailable, "journal %s stopped after record %d: %w", j.dir, j.next-1, err)
	return j.failed
}

// finish answers the callers of a group.
func (j *Journal) finish(group []*batch, err error) {
	if err == nil {
		j.mu.Lock()
		j.durable = j.next - 1
		j.mu.Unlock()
	}
	for _, b := range group {
		if b.err = err; err != nil {
			b.first = 0
		}
		close(b.done)
	}
}

// seal ends the journal with an empty record in a batch of its own, which proves that all
// before it was acknowledged. A seal that cannot be written is no loss.
func (j *Journal) seal() {
	if j.Err() == nil && !j.sealed {
		hash := link(j.head, j.next, j.next, nil)
		// An error stops the journal, which ends here anyway.
		_ = j.write(appendRecord(j.buf[:0], record{j.next, j.next, hash, nil}))
	}
	// Every byte that counts is synced; closing can lose nothing.
	_ = j.segment.Close()
}

// syncDir makes the directory's entries durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(ignoreUnsupported(d.Sync()), d.Close())
}
