package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// PayloadMax bounds one record's payload in bytes. A length is checked against it before
// anything is read or allocated.
const PayloadMax = 1 << 20

// A segment file starts with a header:
//
//	magic 8 | first sequence number 8 | chain hash before it 32 | CRC-32C of these 4 | zero 4
//
// and goes on with records, all numbers big endian:
//
//	payload length 4 | CRC-32C of all that follows and of the length 4 |
//	sequence number 8 | base 8 | chain hash 32 | payload
//
// The chain hash is SHA-256 of the hash before, sequence number, base and payload. The base is
// the first sequence number of the batch that one fsync made durable. No batch is written
// before the one in front of it is durable, so a record whose base is b proves that all records
// below b were acknowledged: that tells a torn tail from a damaged middle.
const (
	magic      = "WEIRJNL1"
	fileHeader = 56
	recHeader  = 56
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Hash is a link of the chain.
type Hash [sha256.Size]byte

type record struct {
	seq, base uint64
	hash      Hash
	payload   []byte // aliases the file's bytes
}

func (r record) size() int { return recHeader + len(r.payload) }

// link is the chain hash of a record.
func link(prev Hash, seq, base uint64, payload []byte) Hash {
	h := sha256.New()
	h.Write(prev[:])
	h.Write(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, seq), base))
	h.Write(payload)
	return Hash(h.Sum(nil))
}

// appendRecord encodes r after dst.
func appendRecord(dst []byte, r record) []byte {
	start := len(dst)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(r.payload)))
	dst = binary.BigEndian.AppendUint32(dst, 0)
	dst = binary.BigEndian.AppendUint64(dst, r.seq)
	dst = binary.BigEndian.AppendUint64(dst, r.base)
	dst = append(dst, r.hash[:]...)
	dst = append(dst, r.payload...)
	binary.BigEndian.PutUint32(dst[start+4:], checksum(dst[start:]))
	return dst
}

// checksum covers a whole record but the checksum itself.
func checksum(rec []byte) uint32 {
	return crc32.Update(crc32.Checksum(rec[:4], castagnoli), castagnoli, rec[8:])
}

var (
	errShort    = errors.New("the record is cut short")
	errLength   = errors.New("the record's length is out of range")
	errChecksum = errors.New("the record's checksum is wrong")
)

// parseRecord reads the record at the start of b.
func parseRecord(b []byte) (record, error) {
	if len(b) < recHeader {
		return record{}, errShort
	}
	n := binary.BigEndian.Uint32(b)
	if n > PayloadMax {
		return record{}, errLength
	}
	if len(b) < recHeader+int(n) {
		return record{}, errShort
	}
	b = b[:recHeader+int(n)]
	if checksum(b) != binary.BigEndian.Uint32(b[4:]) {
		return record{}, errChecksum
	}
	return record{
		seq:     binary.BigEndian.Uint64(b[8:]),
		base:    binary.BigEndian.Uint64(b[16:]),
		hash:    Hash(b[24:56]),
		payload: b[recHeader:],
	}, nil
}

// acknowledged reports whether b, the bytes from a broken record with sequence number seq on,
// holds proof that the broken record was durable once: a whole record of a later batch.
func acknowledged(b []byte, seq uint64) bool {
	for i := 1; i+recHeader <= len(b); i++ {
		// The cheap test first: a plausible number where the number would be.
		n := binary.BigEndian.Uint64(b[i+8:])
		if n <= seq || n-seq > uint64(len(b)/recHeader)+1 {
			continue
		}
		if r, err := parseRecord(b[i:]); err == nil && r.base > seq && r.base <= r.seq {
			return true
		}
	}
	return false
}

func appendHeader(dst []byte, first uint64, prev Hash) []byte {
	start := len(dst)
	dst = append(dst, magic...)
	dst = binary.BigEndian.AppendUint64(dst, first)
	dst = append(dst, prev[:]...)
	dst = binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
	return append(dst, 0, 0, 0, 0)
}

// checkHeader reads a segment's header, which must continue the chain at seq.
func checkHeader(b []byte, seq uint64, prev Hash) error {
	if len(b) < fileHeader {
		return errShort
	}
	if !bytes.Equal(b[:8], []byte(magic)) {
		return fmt.Errorf("the file does not start with %q", magic)
	}
	if crc32.Checksum(b[:48], castagnoli) != binary.BigEndian.Uint32(b[48:]) || binary.BigEndian.Uint32(b[52:]) != 0 {
		return errChecksum
	}
	if first := binary.BigEndian.Uint64(b[8:]); first != seq {
		return fmt.Errorf("the segment starts with record %d, %d is next", first, seq)
	}
	if Hash(b[16:48]) != prev {
		return errors.New("the segment does not continue the hash chain")
	}
	return nil
}
