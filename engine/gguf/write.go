package gguf

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/weir-project/weir/engine/quant"
)

// Writer collects keys and tensors and writes them as a file of version 3, little endian, in the order given. The
// zero value is ready. It checks what Parse checks, so what it writes can be read.
type Writer struct {
	Alignment int // of tensor data in bytes, a power of two from 8; 0 means DefaultAlignment
	Keys      []KeyValue
	Tensors   []Tensor
}

// Set gives a key a value of one of the types that KeyValue lists, in place if the key is there, else at the end.
func (w *Writer) Set(key string, value any) {
	for i := range w.Keys {
		if w.Keys[i].Key == key {
			w.Keys[i].Value = value
			return
		}
	}
	w.Keys = append(w.Keys, KeyValue{key, value})
}

// Add appends a tensor. data, which Writer keeps, must have the size that type and shape need.
func (w *Writer) Add(name string, t quant.Type, shape []int, data []byte) {
	w.Tensors = append(w.Tensors, Tensor{Name: name, Type: t, Shape: shape, Data: data})
}

// MetadataOnly is a Writer with the keys of f and no tensors: a vocabulary file, from which a tokenizer or a
// gateway can work without the weights.
func MetadataOnly(f *File) *Writer {
	return &Writer{Alignment: f.Alignment, Keys: append([]KeyValue(nil), f.Keys...)}
}

// WriteTo writes the file and returns the number of bytes written.
func (w *Writer) WriteTo(to io.Writer) (int64, error) {
	header, err := w.header()
	if err != nil {
		return 0, fmt.Errorf("write gguf: %w", err)
	}
	out := &counter{to: bufio.NewWriter(to)}
	out.write(header)
	if len(w.Tensors) > 0 {
		out.pad(w.alignment())
	}
	for i := range w.Tensors {
		out.write(w.Tensors[i].Data)
		out.pad(w.alignment())
	}
	if out.err == nil {
		out.err = out.to.Flush()
	}
	if out.err != nil {
		return out.n, fmt.Errorf("write gguf: %w", out.err)
	}
	return out.n, nil
}

func (w *Writer) alignment() int {
	if w.Alignment == 0 {
		return DefaultAlignment
	}
	return w.Alignment
}

type counter struct {
	to  *bufio.Writer
	n   int64
	err error
}

func (c *counter) write(b []byte) {
	if c.err != nil {
		return
	}
	n, err := c.to.Write(b)
	c.n += int64(n)
	c.err = err
}

var zeros [alignmentMax]byte

func (c *counter) pad(alignment int) {
	c.write(zeros[:-c.n&int64(alignment-1)])
}

// header is everything before the padding that precedes the tensor data.
func (w *Writer) header() ([]byte, error) {
	keys, err := w.effectiveKeys()
	if err != nil {
		return nil, err
	}
	b := append([]byte(magic), 0, 0, 0, 0)
	le := binary.LittleEndian
	le.PutUint32(b[4:], Version)
	b = le.AppendUint64(b, uint64(len(w.Tensors)))
	b = le.AppendUint64(b, uint64(len(keys)))
	seen := make(map[string]bool, len(keys))
	for _, kv := range keys {
		if seen[kv.Key] || kv.Key == "" || len(kv.Key) > keyLenMax {
			return nil, fmt.Errorf("key %q is empty, too long or given twice", clip(kv.Key))
		}
		seen[kv.Key] = true
		b = appendString(b, kv.Key)
		if b, err = appendValue(b, kv.Value); err != nil {
			return nil, fmt.Errorf("key %q: %w", clip(kv.Key), err)
		}
	}
	clear(seen)
	offset := uint64(0)
	for i := range w.Tensors {
		t := &w.Tensors[i]
		if seen[t.Name] || t.Name == "" || len(t.Name) > tensorNameLenMax {
			return nil, fmt.Errorf("tensor name %q is empty, too long or given twice", clip(t.Name))
		}
		seen[t.Name] = true
		if err := checkTensor(t); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		b = appendString(b, t.Name)
		b = le.AppendUint32(b, uint32(len(t.Shape)))
		for _, n := range t.Shape {
			b = le.AppendUint64(b, uint64(n))
		}
		b = le.AppendUint32(b, uint32(t.Type))
		b = le.AppendUint64(b, offset)
		offset += uint64(alignUp(len(t.Data), w.alignment()))
	}
	return b, nil
}

// effectiveKeys is the keys with general.alignment as Alignment says: present unless it is the default.
func (w *Writer) effectiveKeys() ([]KeyValue, error) {
	n := w.alignment()
	if n < 8 || n > alignmentMax || n&(n-1) != 0 {
		return nil, fmt.Errorf("alignment is %d, want a power of two from 8 to %d", n, alignmentMax)
	}
	e := Writer{Keys: append([]KeyValue(nil), w.Keys...)}
	const key = "general.alignment"
	present := false
	for _, kv := range e.Keys {
		present = present || kv.Key == key
	}
	if present || n != DefaultAlignment {
		e.Set(key, uint32(n))
	}
	return e.Keys, nil
}

func checkTensor(t *Tensor) error {
	if len(t.Shape) == 0 || len(t.Shape) > dimensionsMax {
		return fmt.Errorf("%d dimensions, want 1 to %d", len(t.Shape), dimensionsMax)
	}
	row, err := quant.RowBytes(t.Type, t.Shape[0])
	if err != nil {
		return err
	}
	want := row
	for i, n := range t.Shape {
		if n < 1 {
			return fmt.Errorf("dimension %d is %d, want at least 1", i, n)
		}
		if i > 0 {
			if want > math.MaxInt/n {
				return fmt.Errorf("shape %v overflows", t.Shape)
			}
			want *= n
		}
	}
	if len(t.Data) != want {
		return fmt.Errorf("%d bytes of data, want %d for shape %v of %s", len(t.Data), want, t.Shape, t.Type)
	}
	return nil
}

func appendString(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint64(b, uint64(len(s))), s...)
}

func appendValue(b []byte, v any) ([]byte, error) {
	le := binary.LittleEndian
	id, scalar := valueType(v)
	if scalar {
		b = le.AppendUint32(b, id)
		if s, ok := v.(string); ok {
			return appendString(b, s), nil
		}
		return binary.Append(b, le, v)
	}
	switch v := v.(type) {
	case []string:
		b = le.AppendUint32(b, typeArray)
		b = le.AppendUint32(b, typeString)
		b = le.AppendUint64(b, uint64(len(v)))
		for _, s := range v {
			b = appendString(b, s)
		}
		return b, nil
	case []uint8:
		return appendArray(b, typeUint8, v)
	case []int8:
		return appendArray(b, typeInt8, v)
	case []uint16:
		return appendArray(b, typeUint16, v)
	case []int16:
		return appendArray(b, typeInt16, v)
	case []uint32:
		return appendArray(b, typeUint32, v)
	case []int32:
		return appendArray(b, typeInt32, v)
	case []float32:
		return appendArray(b, typeFloat32, v)
	case []bool:
		return appendArray(b, typeBool, v)
	case []uint64:
		return appendArray(b, typeUint64, v)
	case []int64:
		return appendArray(b, typeInt64, v)
	case []float64:
		return appendArray(b, typeFloat64, v)
	}
	return nil, fmt.Errorf("value of type %T cannot be written: see KeyValue", v)
}

func appendArray[T any](b []byte, id uint32, v []T) ([]byte, error) {
	b = binary.LittleEndian.AppendUint32(b, typeArray)
	b = binary.LittleEndian.AppendUint32(b, id)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(v)))
	return binary.Append(b, binary.LittleEndian, v)
}

// valueType is the type id of a scalar.
func valueType(v any) (id uint32, scalar bool) {
	switch v.(type) {
	case uint8:
		return typeUint8, true
	case int8:
		return typeInt8, true
	case uint16:
		return typeUint16, true
	case int16:
		return typeInt16, true
	case uint32:
		return typeUint32, true
	case int32:
		return typeInt32, true
	case float32:
		return typeFloat32, true
	case bool:
		return typeBool, true
	case string:
		return typeString, true
	case uint64:
		return typeUint64, true
	case int64:
		return typeInt64, true
	case float64:
		return typeFloat64, true
	}
	return 0, false
}
