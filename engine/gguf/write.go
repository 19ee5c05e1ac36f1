package gguf

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/weir-project/weir/engine/quant"
)

// Writer collects keys and tensors and writes them as a file of version 3, little endian, in the order given. The
// zero value is ready. It refuses what Parse would refuse, so what it writes can be read.
type Writer struct {
	Alignment int // of tensor data, in bytes; 0 means what general.alignment says, else DefaultAlignment
	Keys      []KeyValue
	Tensors   []Tensor

	sources map[int]func(io.Writer) error // by index into Tensors; see AddFrom
}

// Set gives a key a value of one of the types that KeyValue lists: in place if the key is there, else at the end.
func (w *Writer) Set(key string, value any) {
	for i := range w.Keys {
		if w.Keys[i].Key == key {
			w.Keys[i].Value = value
			return
		}
	}
	w.Keys = append(w.Keys, KeyValue{key, value})
}

// Add appends a tensor. data, which the Writer keeps, must have the size that type and shape need.
func (w *Writer) Add(name string, t quant.Type, shape []int, data []byte) {
	w.Tensors = append(w.Tensors, Tensor{Name: name, Type: t, Shape: shape, Data: data})
}

// AddFrom appends a tensor whose data write makes when its turn comes, so that a model larger than memory can be
// converted. write must write exactly the bytes that type and shape need.
func (w *Writer) AddFrom(name string, t quant.Type, shape []int, write func(io.Writer) error) {
	if w.sources == nil {
		w.sources = map[int]func(io.Writer) error{}
	}
	w.sources[len(w.Tensors)] = write
	w.Add(name, t, shape, nil)
}

// MetadataOnly is a Writer with the keys of f, less those about a split, and no tensors: a vocabulary file, from
// which a tokenizer or a gateway can work without the weights.
func MetadataOnly(f *File) *Writer {
	w := &Writer{Alignment: f.Alignment}
	for _, kv := range f.Keys {
		if !strings.HasPrefix(kv.Key, keySplitPrefix) {
			w.Keys = append(w.Keys, kv)
		}
	}
	return w
}

// WriteTo writes the file and returns the number of bytes written. An invalid key or tensor is reported before
// anything is written.
func (w *Writer) WriteTo(to io.Writer) (int64, error) {
	header, sizes, err := w.header()
	if err != nil {
		return 0, fmt.Errorf("write gguf: %w", err)
	}
	out := &counter{to: bufio.NewWriter(to)}
	if err := w.write(out, header, sizes); err != nil {
		return out.n, fmt.Errorf("write gguf: %w", err)
	}
	return out.n, nil
}

func (w *Writer) write(out *counter, header []byte, sizes []int) error {
	alignment, err := w.alignment()
	if err != nil {
		return err
	}
	if _, err := out.Write(header); err != nil {
		return err
	}
	for i := range w.Tensors {
		if err := out.pad(alignment); err != nil {
			return err
		}
		before := out.n
		if write := w.sources[i]; write != nil {
			err = write(out)
		} else {
			_, err = out.Write(w.Tensors[i].Data)
		}
		if err != nil {
			return fmt.Errorf("tensor %q: %w", w.Tensors[i].Name, err)
		}
		if n := out.n - before; n != int64(sizes[i]) {
			return fmt.Errorf("tensor %q: its source wrote %d bytes, want %d", w.Tensors[i].Name, n, sizes[i])
		}
	}
	if len(w.Tensors) > 0 { // other readers want the last tensor padded too
		if err := out.pad(alignment); err != nil {
			return err
		}
	}
	return out.to.Flush()
}

// counter is a buffered writer that knows how much went through it.
type counter struct {
	to *bufio.Writer
	n  int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.to.Write(b)
	c.n += int64(n)
	return n, err
}

func (c *counter) pad(alignment int) error {
	_, err := c.Write(make([]byte, -c.n&int64(alignment-1)))
	return err
}

const keyAlignment = "general.alignment"

// alignment is that of the file to write.
func (w *Writer) alignment() (int, error) {
	n := uint64(w.Alignment)
	if n == 0 {
		n = DefaultAlignment
		for i, kv := range w.Keys {
			if kv.Key == keyAlignment {
				f := File{Keys: w.Keys, keyIndex: map[string]int{keyAlignment: i}}
				n, _ = f.Uint(keyAlignment)
			}
		}
	}
	if !validAlignment(n) {
		return 0, fmt.Errorf("alignment is %d, want a power of two from %d to %d", n, alignmentMin, alignmentMax)
	}
	return int(n), nil
}

func validAlignment(n uint64) bool { return n >= alignmentMin && n <= alignmentMax && n&(n-1) == 0 }

// header is everything before the padding that precedes the tensor data, and the size of each tensor.
func (w *Writer) header() (b []byte, sizes []int, err error) {
	alignment, err := w.alignment()
	if err != nil {
		return nil, nil, err
	}
	keys := w.Keys
	if w.Alignment != 0 {
		keys = withAlignment(keys, alignment)
	}
	if len(keys) > keysMax || len(w.Tensors) > tensorsMax {
		return nil, nil, fmt.Errorf("%d keys and %d tensors, want at most %d and %d", len(keys), len(w.Tensors), keysMax,
			tensorsMax)
	}
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint32(b, Version)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(w.Tensors)))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(keys)))
	seen := make(map[string]bool, len(keys))
	for _, kv := range keys {
		if err := checkName(kv.Key, keyLenMax, seen); err != nil {
			return nil, nil, fmt.Errorf("key %q: %w", clip(kv.Key), err)
		}
		b = appendString(b, kv.Key)
		if b, err = appendValue(b, kv.Value); err != nil {
			return nil, nil, fmt.Errorf("key %q: %w", clip(kv.Key), err)
		}
	}
	return w.appendTensorTable(b, alignment)
}

// withAlignment is keys with this alignment stated, unless it is the default and nothing says otherwise.
func withAlignment(keys []KeyValue, alignment int) []KeyValue {
	w := Writer{Keys: append([]KeyValue(nil), keys...)}
	present := false
	for _, kv := range keys {
		present = present || kv.Key == keyAlignment
	}
	if present || alignment != DefaultAlignment {
		w.Set(keyAlignment, uint32(alignment))
	}
	return w.Keys
}

func (w *Writer) appendTensorTable(b []byte, alignment int) (_ []byte, sizes []int, err error) {
	seen := make(map[string]bool, len(w.Tensors))
	offset := uint64(0)
	for i := range w.Tensors {
		t := &w.Tensors[i]
		size, err := tensorSize(t)
		if err == nil {
			err = checkName(t.Name, tensorNameLenMax, seen)
		}
		if err == nil && w.sources[i] == nil && len(t.Data) != size {
			err = fmt.Errorf("%d bytes of data, want %d for shape %v of %s", len(t.Data), size, t.Shape, t.Type)
		}
		if err == nil && offset > math.MaxInt-alignmentMax-uint64(size) {
			err = fmt.Errorf("the file overflows")
		}
		if err != nil {
			return nil, nil, fmt.Errorf("tensor %q: %w", clip(t.Name), err)
		}
		b = appendString(b, t.Name)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(t.Shape)))
		for _, n := range t.Shape {
			b = binary.LittleEndian.AppendUint64(b, uint64(n))
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(t.Type))
		b = binary.LittleEndian.AppendUint64(b, offset)
		offset += uint64(alignUp(size, alignment))
		sizes = append(sizes, size)
	}
	return b, sizes, nil
}

func checkName(name string, lenMax int, seen map[string]bool) error {
	switch {
	case name == "" || len(name) > lenMax:
		return fmt.Errorf("name has %d bytes, want 1 to %d", len(name), lenMax)
	case !utf8.ValidString(name):
		return fmt.Errorf("name is not UTF-8")
	case seen[name]:
		return fmt.Errorf("name is given twice")
	}
	seen[name] = true
	return nil
}

func tensorSize(t *Tensor) (int, error) {
	if len(t.Shape) == 0 || len(t.Shape) > dimensionsMax {
		return 0, fmt.Errorf("%d dimensions, want 1 to %d", len(t.Shape), dimensionsMax)
	}
	size, err := quant.RowBytes(t.Type, t.Shape[0])
	if err != nil {
		return 0, err
	}
	values := 1
	for i, n := range t.Shape {
		if n < 1 {
			return 0, fmt.Errorf("dimension %d is %d, want at least 1", i, n)
		}
		if values > math.MaxInt/n || i > 0 && size > (math.MaxInt-2*alignmentMax)/n {
			return 0, fmt.Errorf("shape %v overflows", t.Shape)
		}
		values *= n
		if i > 0 {
			size *= n
		}
	}
	return size, nil
}

func appendString(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint64(b, uint64(len(s))), s...)
}

// appendValue appends type and value.
func appendValue(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case string:
		return appendStrings(binary.LittleEndian.AppendUint32(b, typeString), v)
	case uint8:
		return appendScalar(b, typeUint8, v)
	case int8:
		return appendScalar(b, typeInt8, v)
	case uint16:
		return appendScalar(b, typeUint16, v)
	case int16:
		return appendScalar(b, typeInt16, v)
	case uint32:
		return appendScalar(b, typeUint32, v)
	case int32:
		return appendScalar(b, typeInt32, v)
	case float32:
		return appendScalar(b, typeFloat32, v)
	case bool:
		return appendScalar(b, typeBool, v)
	case uint64:
		return appendScalar(b, typeUint64, v)
	case int64:
		return appendScalar(b, typeInt64, v)
	case float64:
		return appendScalar(b, typeFloat64, v)
	}
	return appendArray(b, v)
}

func appendArray(b []byte, v any) ([]byte, error) {
	b = binary.LittleEndian.AppendUint32(b, typeArray)
	switch v := v.(type) {
	case []string:
		return appendElements(b, typeString, v)
	case []uint8:
		return appendElements(b, typeUint8, v)
	case []int8:
		return appendElements(b, typeInt8, v)
	case []uint16:
		return appendElements(b, typeUint16, v)
	case []int16:
		return appendElements(b, typeInt16, v)
	case []uint32:
		return appendElements(b, typeUint32, v)
	case []int32:
		return appendElements(b, typeInt32, v)
	case []float32:
		return appendElements(b, typeFloat32, v)
	case []bool:
		return appendElements(b, typeBool, v)
	case []uint64:
		return appendElements(b, typeUint64, v)
	case []int64:
		return appendElements(b, typeInt64, v)
	case []float64:
		return appendElements(b, typeFloat64, v)
	}
	return nil, fmt.Errorf("a value of type %T cannot be written, want one that KeyValue lists", v)
}

func appendScalar(b []byte, id uint32, v any) ([]byte, error) {
	return binary.Append(binary.LittleEndian.AppendUint32(b, id), binary.LittleEndian, v)
}

func appendStrings(b []byte, strs ...string) ([]byte, error) {
	for _, s := range strs {
		if len(s) > stringLenMax {
			return nil, fmt.Errorf("a string has %d bytes, want at most %d", len(s), stringLenMax)
		}
		b = appendString(b, s)
	}
	return b, nil
}

func appendElements[T any](b []byte, id uint32, v []T) ([]byte, error) {
	if len(v) > arrayLenMax {
		return nil, fmt.Errorf("an array has %d elements, want at most %d", len(v), arrayLenMax)
	}
	b = binary.LittleEndian.AppendUint32(b, id)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(v)))
	if strs, ok := any(v).([]string); ok {
		return appendStrings(b, strs...)
	}
	return binary.Append(b, binary.LittleEndian, v)
}
