package gguf

import (
	"encoding/binary"
	"math"
)

// The ids of metadata value types.
const (
	typeUint8 = iota
	typeInt8
	typeUint16
	typeInt16
	typeUint32
	typeInt32
	typeFloat32
	typeBool
	typeString
	typeArray
	typeUint64
	typeInt64
	typeFloat64
	typeCount
)

// valueSize is the size of a scalar in bytes, or 0 for strings and arrays.
func valueSize(id uint32) int {
	switch id {
	case typeUint8, typeInt8, typeBool:
		return 1
	case typeUint16, typeInt16:
		return 2
	case typeUint32, typeInt32, typeFloat32:
		return 4
	case typeUint64, typeInt64, typeFloat64:
		return 8
	}
	return 0
}

// value reads a type and a value of it.
func (r *reader) value() any {
	at := r.at
	id := r.uint32("value type")
	switch {
	case r.err != nil:
		return nil
	case id == typeString:
		return r.str()
	case id == typeArray:
		return r.array()
	case id >= typeCount:
		r.fail(at, "%s has value type %d, want 0 to %d", r.item, id, typeCount-1)
		return nil
	}
	b := r.take(uint64(valueSize(id)), "value")
	if b == nil {
		return nil
	}
	switch id {
	case typeUint8:
		return b[0]
	case typeInt8:
		return int8(b[0])
	case typeUint16:
		return binary.LittleEndian.Uint16(b)
	case typeInt16:
		return int16(binary.LittleEndian.Uint16(b))
	case typeUint32:
		return binary.LittleEndian.Uint32(b)
	case typeInt32:
		return int32(binary.LittleEndian.Uint32(b))
	case typeFloat32:
		return math.Float32frombits(binary.LittleEndian.Uint32(b))
	case typeUint64:
		return binary.LittleEndian.Uint64(b)
	case typeInt64:
		return int64(binary.LittleEndian.Uint64(b))
	case typeFloat64:
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	}
	return r.boolean(b[0], at)
}

func (r *reader) boolean(b byte, at int) bool {
	if b > 1 {
		r.fail(at, "%s: a bool is %d, want 0 or 1", r.item, b)
	}
	return b == 1
}

func (r *reader) str() string {
	at := r.at
	n := r.uint64("string length")
	if n > stringLenMax {
		r.fail(at, "%s: a string has %d bytes, want at most %d", r.item, n, stringLenMax)
		return ""
	}
	return string(r.take(n, "string"))
}

func (r *reader) array() any {
	at := r.at
	id := r.uint32("element type")
	switch {
	case r.err != nil:
		return nil
	case id == typeString:
		return r.strs()
	case id == typeArray:
		r.fail(at, "%s is an array of arrays, which is not supported", r.item)
		return nil
	case id >= typeCount:
		r.fail(at, "%s is an array of value type %d, want 0 to %d", r.item, id, typeCount-1)
		return nil
	}
	size := valueSize(id)
	n := r.count(arrayLenMax, size, "element count")
	at = r.at
	b := r.take(uint64(n)*uint64(size), "elements")
	if r.err != nil {
		return nil
	}
	le := binary.LittleEndian
	switch id {
	case typeUint8:
		return decode(b, 1, func(b []byte) uint8 { return b[0] })
	case typeInt8:
		return decode(b, 1, func(b []byte) int8 { return int8(b[0]) })
	case typeUint16:
		return decode(b, 2, le.Uint16)
	case typeInt16:
		return decode(b, 2, func(b []byte) int16 { return int16(le.Uint16(b)) })
	case typeUint32:
		return decode(b, 4, le.Uint32)
	case typeInt32:
		return decode(b, 4, func(b []byte) int32 { return int32(le.Uint32(b)) })
	case typeFloat32:
		return decode(b, 4, func(b []byte) float32 { return math.Float32frombits(le.Uint32(b)) })
	case typeUint64:
		return decode(b, 8, le.Uint64)
	case typeInt64:
		return decode(b, 8, func(b []byte) int64 { return int64(le.Uint64(b)) })
	case typeFloat64:
		return decode(b, 8, func(b []byte) float64 { return math.Float64frombits(le.Uint64(b)) })
	}
	return decode(b, 1, func(b []byte) bool { return r.boolean(b[0], at) })
}

func decode[T any](b []byte, size int, one func([]byte) T) []T {
	values := make([]T, len(b)/size)
	for i := range values {
		values[i] = one(b[i*size:])
	}
	return values
}

// strs reads an array of strings. Vocabularies have 150 thousand, so it walks the bytes first, copies them once,
// and cuts the copy.
func (r *reader) strs() []string {
	const lengthBytes = 8
	n := r.count(arrayLenMax, lengthBytes, "element count")
	begin := r.at
	for i := range n {
		rest := r.data[r.at:]
		if len(rest) < lengthBytes {
			r.fail(r.at, "file is truncated in string %d of %d of %s: its length needs %d bytes, %d are left", i+1, n, r.item,
				lengthBytes, len(rest))
			return nil
		}
		size := binary.LittleEndian.Uint64(rest)
		if size > stringLenMax {
			r.fail(r.at, "%s: string %d of %d has %d bytes, want at most %d", r.item, i+1, n, size, stringLenMax)
			return nil
		}
		if size > uint64(len(rest)-lengthBytes) {
			r.fail(r.at, "file is truncated: string %d of %d of %s has %d bytes, %d are left", i+1, n, r.item, size,
				len(rest)-lengthBytes)
			return nil
		}
		r.at += lengthBytes + int(size)
	}
	if r.err != nil {
		return nil
	}
	packed := string(r.data[begin:r.at])
	values := make([]string, n)
	at := 0
	for i := range values {
		size := int(binary.LittleEndian.Uint64(r.data[begin+at:]))
		at += lengthBytes
		values[i] = packed[at : at+size]
		at += size
	}
	return values
}
