package gguf

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
)

// Tensor finds a tensor by name. The result points into f.Tensors.
func (f *File) Tensor(name string) (*Tensor, bool) {
	i, ok := f.tensorIndex[name]
	if !ok {
		return nil, false
	}
	return &f.Tensors[i], true
}

// Value is the value of a key as the file has it: see KeyValue.
func (f *File) Value(key string) (any, bool) {
	i, ok := f.keyIndex[key]
	if !ok {
		return nil, false
	}
	return f.Keys[i].Value, true
}

// String is the value of a key that holds a string.
func (f *File) String(key string) (string, bool) { return typed[string](f, key) }

// Strings is the value of a key that holds an array of strings. The slice belongs to f.
func (f *File) Strings(key string) ([]string, bool) { return typed[[]string](f, key) }

// Bool is the value of a key that holds a bool.
func (f *File) Bool(key string) (bool, bool) { return typed[bool](f, key) }

func typed[T any](f *File, key string) (T, bool) {
	v, _ := f.Value(key)
	t, ok := v.(T)
	return t, ok
}

// Int is the value of a key that holds an integer of any width that fits an int64.
func (f *File) Int(key string) (int64, bool) {
	v, _ := f.Value(key)
	switch v := v.(type) {
	case uint8:
		return int64(v), true
	case int8:
		return int64(v), true
	case uint16:
		return int64(v), true
	case int16:
		return int64(v), true
	case uint32:
		return int64(v), true
	case int32:
		return int64(v), true
	case uint64:
		return int64(v), v <= math.MaxInt64
	case int64:
		return v, true
	}
	return 0, false
}

// Uint is the value of a key that holds an integer of any width that is not negative.
func (f *File) Uint(key string) (uint64, bool) {
	v, _ := f.Value(key)
	if v, ok := v.(uint64); ok {
		return v, true
	}
	i, ok := f.Int(key)
	if !ok || i < 0 {
		return 0, false
	}
	return uint64(i), true
}

// Float is the value of a key that holds a float of either width, or an integer, which some writers use for round
// numbers.
func (f *File) Float(key string) (float64, bool) {
	v, _ := f.Value(key)
	switch v := v.(type) {
	case float32:
		return float64(v), true
	case float64:
		return v, true
	case uint64:
		return float64(v), true
	}
	i, ok := f.Int(key)
	return float64(i), ok
}

// Ints is the value of a key that holds an array of integers that all fit an int64. The slice is the caller's.
func (f *File) Ints(key string) ([]int64, bool) {
	v, _ := f.Value(key)
	switch v := v.(type) {
	case []uint8:
		return widen(v), true
	case []int8:
		return widen(v), true
	case []uint16:
		return widen(v), true
	case []int16:
		return widen(v), true
	case []uint32:
		return widen(v), true
	case []int32:
		return widen(v), true
	case []int64:
		return widen(v), true
	case []uint64:
		for _, n := range v {
			if n > math.MaxInt64 {
				return nil, false
			}
		}
		return widen(v), true
	}
	return nil, false
}

func widen[T uint8 | int8 | uint16 | int16 | uint32 | int32 | uint64 | int64](v []T) []int64 {
	wide := make([]int64, len(v))
	for i, n := range v {
		wide[i] = int64(n)
	}
	return wide
}

// Floats is the value of a key that holds an array of floats; those of 64 bits are rounded. The slice is the
// caller's.
func (f *File) Floats(key string) ([]float32, bool) {
	v, _ := f.Value(key)
	switch v := v.(type) {
	case []float32:
		return append(make([]float32, 0, len(v)), v...), true
	case []float64:
		narrow := make([]float32, len(v))
		for i, x := range v {
			narrow[i] = float32(x)
		}
		return narrow, true
	}
	return nil, false
}

// digestSample is how many bytes at the start, the middle and the end of a tensor enter the digest.
const digestSample = 64

// Digest names the model: SHA-256 over the headers (keys, tensor table) and a few bytes of each tensor. It tells
// models and versions of one model apart without reading all weights, and is equal wherever the same file is; it
// does not prove that the weights are intact.
func (f *File) Digest() [sha256.Size]byte {
	h := sha256.New()
	var length [8]byte
	put := func(b []byte) {
		binary.LittleEndian.PutUint64(length[:], uint64(len(b)))
		h.Write(length[:])
		h.Write(b)
	}
	for _, header := range f.headers {
		put(header)
	}
	for i := range f.Tensors {
		b := f.Tensors[i].Data
		for _, at := range []int{0, len(b)/2 - digestSample/2, len(b) - digestSample} {
			at = max(at, 0)
			put(b[at:min(at+digestSample, len(b))])
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}
