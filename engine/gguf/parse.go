package gguf

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/weir-project/weir/engine/quant"
	"github.com/weir-project/weir/internal/fault"
)

// Parse reads a whole file. The result's tensors alias data. A part of a split file parses too, on its own: ask
// Split, and see ParseSplit. Errors are of kind fault.Invalid and hold an *Error.
func Parse(data []byte) (*File, error) {
	f, err := parse(data)
	if err != nil {
		return nil, fault.As(fault.Invalid, err)
	}
	return f, nil
}

// parse is Parse with the concrete type of its errors, so that ParseSplit can name the part.
func parse(data []byte) (*File, *Error) {
	r := &reader{data: data, item: "the header"}
	f := &File{Alignment: DefaultAlignment}
	tensors, keys := r.preamble(f)
	r.keys(f, keys)
	r.alignment(f)
	infos := r.tensorTable(f, tensors)
	r.place(f, infos)
	if r.err != nil {
		return nil, r.err
	}
	return f, nil
}

// reader walks through a header. The first failure sticks: later reads return zero values and change nothing.
type reader struct {
	data []byte
	at   int
	item string // the key or tensor being read, for messages
	err  *Error
}

func (r *reader) fail(offset int, format string, args ...any) {
	if r.err == nil {
		r.err = &Error{Offset: int64(offset), Reason: fmt.Sprintf(format, args...)}
	}
}

func (r *reader) left() int { return len(r.data) - r.at }

// take returns the next n bytes, or nil after a failure; what names them in the error.
func (r *reader) take(n uint64, what string) []byte {
	if r.err != nil {
		return nil
	}
	if n > uint64(r.left()) {
		r.fail(r.at, "file is truncated: %s of %s needs %d bytes, %d are left, %d are missing", what, r.item, n,
			r.left(), n-uint64(r.left()))
		return nil
	}
	b := r.data[r.at : r.at+int(n)]
	r.at += int(n)
	return b
}

func (r *reader) uint32(what string) uint32 {
	if b := r.take(4, what); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *reader) uint64(what string) uint64 {
	if b := r.take(8, what); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// count reads a number of things and checks it: see bound.
func (r *reader) count(most, size int, what string) int {
	at := r.at
	n := r.uint64(what)
	if r.err == nil {
		r.bound(at, n, most, size, what)
	}
	if r.err != nil {
		return 0
	}
	return int(n)
}

// bound refuses a count above most, or of more things of at least size bytes each than the bytes left can hold.
func (r *reader) bound(at int, n uint64, most, size int, what string) {
	if fit := r.left() / size; n > uint64(fit) {
		r.fail(at, "%s of %s is %d, but the %d bytes that follow hold at most %d", what, r.item, n, r.left(), fit)
	}
	if n > uint64(most) {
		r.fail(at, "%s of %s is %d, want at most %d", what, r.item, n, most)
	}
}

// name reads the name of a key or tensor.
func (r *reader) name(lenMax int) string {
	at := r.at
	n := r.uint64("name length")
	if n > uint64(lenMax) || n == 0 {
		r.fail(at, "name length of %s is %d, want 1 to %d", r.item, n, lenMax)
	}
	b := r.take(n, "name")
	if !utf8.Valid(b) {
		r.fail(at, "name of %s, %q, is not UTF-8", r.item, clip(string(b)))
	}
	return string(b)
}

// clip shortens a name for a message.
func clip(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

const magic = "GGUF"

// alien maps the first bytes of files that people take for GGUF to what they are.
var alien = []struct{ magic, name string }{
	{"FUGG", "a byte-swapped GGUF file"},
	{"lmgg", "a GGML file of 2023"},
	{"fmgg", "a GGMF file of 2023"},
	{"tjgg", "a GGJT file of 2023"},
	{"algg", "a GGLA adapter of 2023"},
	{"PK\x03\x04", "a zip archive, perhaps a PyTorch checkpoint"},
	{"\x1f\x8b", "gzip-compressed: unpack it first"},
	{"\x28\xb5\x2f\xfd", "zstd-compressed: unpack it first"},
	{"version https://git-lfs", "a Git LFS pointer: fetch the file it stands for"},
	{"<", "a web page or XML"},
}

// preamble reads magic, version and counts.
func (r *reader) preamble(f *File) (tensors, keys int) {
	if len(r.data) < len(magic) || string(r.data[:4]) != magic {
		start := string(r.data[:min(len(r.data), 32)])
		for _, a := range alien {
			if strings.HasPrefix(start, a.magic) {
				r.fail(0, "not a GGUF file but %s", a.name)
			}
		}
		r.fail(0, "not a GGUF file: it starts with %q, want %q", start[:min(len(start), 4)], magic)
		return 0, 0
	}
	r.at = len(magic)
	f.Version = r.uint32("version")
	switch v := f.Version; {
	case r.err != nil:
	case v == 1:
		r.fail(4, "GGUF version 1 is not supported, want 2 or 3: convert the model anew")
	case v&0xffff == 0 && v != 0:
		r.fail(4, "big-endian GGUF (version %d) is not supported: convert the model for little endian",
			bits.ReverseBytes32(v))
	case v != 2 && v != 3:
		r.fail(4, "GGUF version %d is not supported, want 2 or 3", v)
	}
	at := r.at
	n := r.uint64("tensor count")
	keys = r.count(keysMax, keyBytesMin, "key count")
	if r.err == nil {
		r.bound(at, n, tensorsMax, tensorBytesMin, "tensor count")
	}
	if r.err != nil {
		return 0, 0
	}
	return int(n), keys
}

// The smallest entries: a name of one byte and the shortest value or shape.
const (
	keyBytesMin    = 8 + 1 + 4 + 1
	tensorBytesMin = 8 + 1 + 4 + 8 + 4 + 8
)

func (r *reader) keys(f *File, n int) {
	f.Keys = make([]KeyValue, 0, n)
	f.keyIndex = make(map[string]int, n)
	for i := range n {
		at := r.at
		r.item = fmt.Sprintf("key %d of %d", i+1, n)
		key := r.name(keyLenMax)
		r.item = fmt.Sprintf("key %q", clip(key))
		value := r.value()
		if r.err != nil {
			return
		}
		if _, twice := f.keyIndex[key]; twice {
			r.fail(at, "%s appears twice", r.item)
			return
		}
		f.keyIndex[key] = len(f.Keys)
		f.Keys = append(f.Keys, KeyValue{key, value})
	}
}

func (r *reader) alignment(f *File) {
	i, ok := f.keyIndex[keyAlignment]
	if r.err != nil || !ok {
		return
	}
	n, ok := f.Uint(keyAlignment)
	if !ok || !validAlignment(n) {
		r.fail(-1, "key %q is %v, want a power of two from %d to %d", keyAlignment, f.Keys[i].Value, alignmentMin,
			alignmentMax)
		return
	}
	f.Alignment = int(n)
}

// tensorInfo is what the tensor table says beside what Tensor holds.
type tensorInfo struct {
	entry  int    // offset of the entry in the file
	offset uint64 // of the data, from the start of the data section
	size   int
}

func (r *reader) tensorTable(f *File, n int) []tensorInfo {
	r.item = "the tensor table"
	if r.err == nil { // keys have taken some of the bytes since the count was read
		r.bound(r.at, uint64(n), tensorsMax, tensorBytesMin, "tensor count")
	}
	if r.err != nil {
		return nil
	}
	f.Tensors = make([]Tensor, 0, n)
	f.tensorIndex = make(map[string]int, n)
	infos := make([]tensorInfo, 0, n)
	for i := range n {
		info := tensorInfo{entry: r.at}
		r.item = fmt.Sprintf("tensor %d of %d", i+1, n)
		t := Tensor{Name: r.name(tensorNameLenMax)}
		r.item = fmt.Sprintf("tensor %q", t.Name)
		r.shape(&t)
		r.layout(&t, &info)
		if _, twice := f.tensorIndex[t.Name]; twice {
			r.fail(info.entry, "%s appears twice", r.item)
		}
		if r.err != nil {
			return nil
		}
		f.tensorIndex[t.Name] = i
		f.Tensors = append(f.Tensors, t)
		infos = append(infos, info)
	}
	return infos
}

func (r *reader) shape(t *Tensor) {
	at := r.at
	n := r.uint32("dimension count")
	if r.err == nil && (n == 0 || n > dimensionsMax) {
		r.fail(at, "%s has %d dimensions, want 1 to %d", r.item, n, dimensionsMax)
	}
	if r.err != nil {
		return
	}
	t.Shape = make([]int, n)
	product := uint64(1)
	for i := range t.Shape {
		at := r.at
		d := r.uint64("a dimension")
		if r.err != nil {
			return
		}
		if d == 0 {
			r.fail(at, "%s: dimension %d is 0, want at least 1", r.item, i)
			return
		}
		high, low := bits.Mul64(product, d)
		if high != 0 || low > math.MaxInt {
			r.fail(at, "%s: the product of its dimensions overflows at dimension %d (%d)", r.item, i, d)
			return
		}
		product = low
		t.Shape[i] = int(d)
	}
}

// layout reads type and offset and works out the tensor's size.
func (r *reader) layout(t *Tensor, info *tensorInfo) {
	at := r.at
	t.Type = quant.Type(r.uint32("type"))
	info.offset = r.uint64("offset")
	if r.err != nil {
		return
	}
	if !t.Type.Known() {
		r.fail(at, "%s has type %s (id %d), which is not supported, want one of %v", r.item, t.Type, uint32(t.Type),
			quant.Types())
		return
	}
	row, err := quant.RowBytes(t.Type, t.Cols())
	if err != nil {
		r.fail(at, "%s: %v", r.item, err)
		return
	}
	high, size := bits.Mul64(uint64(row), uint64(t.Rows()))
	if high != 0 || size > math.MaxInt {
		r.fail(at, "%s: the size of its %d rows of %d bytes overflows", r.item, t.Rows(), row)
		return
	}
	info.size = int(size)
}

// place finds each tensor's bytes in the data section, which starts at the next multiple of the alignment.
func (r *reader) place(f *File, infos []tensorInfo) {
	if r.err != nil {
		return
	}
	f.headers = [][]byte{r.data[:r.at:r.at]}
	start := uint64(alignUp(r.at, f.Alignment))
	needed, last := uint64(0), 0
	for i, info := range infos {
		name := f.Tensors[i].Name
		if info.offset%uint64(f.Alignment) != 0 {
			r.fail(info.entry, "tensor %q starts at %d of the data, want a multiple of %d", name, info.offset,
				f.Alignment)
			return
		}
		end, carry := bits.Add64(info.offset, uint64(info.size), 0)
		if carry != 0 || end > math.MaxInt-start {
			r.fail(info.entry, "tensor %q: offset %d plus size %d overflows", name, info.offset, info.size)
			return
		}
		if start+end > needed {
			needed, last = start+end, i
		}
	}
	if have := uint64(len(r.data)); needed > have {
		r.fail(infos[last].entry, "file is truncated: tensor %q ends at byte %d, the file at %d, %d bytes are missing",
			f.Tensors[last].Name, needed, have, needed-have)
		return
	}
	for i, info := range infos {
		begin := start + info.offset
		f.Tensors[i].Data = r.data[begin : begin+uint64(info.size) : begin+uint64(info.size)]
	}
	r.disjoint(f, infos)
}

func (r *reader) disjoint(f *File, infos []tensorInfo) {
	order := make([]int, len(infos))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(infos[a].offset, infos[b].offset) })
	for k := 1; k < len(order); k++ {
		a, b := order[k-1], order[k]
		if end := infos[a].offset + uint64(infos[a].size); infos[b].offset < end {
			r.fail(infos[b].entry, "tensor %q starts at %d of the data, inside tensor %q, which ends at %d",
				f.Tensors[b].Name, infos[b].offset, f.Tensors[a].Name, end)
			return
		}
	}
}

func alignUp(n, alignment int) int { return (n + alignment - 1) &^ (alignment - 1) }
