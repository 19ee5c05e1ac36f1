package gguf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/weir-project/weir/engine/quant"
	"github.com/weir-project/weir/internal/fault"
)

// draft builds headers that Writer would refuse. Methods append; counts are given up front.
type draft []byte

func header(version uint32, tensors, keys uint64) draft {
	b := binary.LittleEndian.AppendUint32([]byte(magic), version)
	b = binary.LittleEndian.AppendUint64(b, tensors)
	return binary.LittleEndian.AppendUint64(b, keys)
}

func (d draft) u32(v uint32) draft { return binary.LittleEndian.AppendUint32(d, v) }
func (d draft) u64(v uint64) draft { return binary.LittleEndian.AppendUint64(d, v) }
func (d draft) str(s string) draft { return append(d.u64(uint64(len(s))), s...) }
func (d draft) zeros(n int) draft  { return append(d, make([]byte, n)...) }

// key appends a key with a u32 value.
func (d draft) key(name string, v uint32) draft { return d.str(name).u32(typeUint32).u32(v) }

func (d draft) tensor(name string, t quant.Type, offset uint64, shape ...uint64) draft {
	d = d.str(name).u32(uint32(len(shape)))
	for _, n := range shape {
		d = d.u64(n)
	}
	return d.u32(uint32(t)).u64(offset)
}

// align pads to the data section.
func (d draft) align() draft { return d.zeros(-len(d) & 31) }

// refuses returns a check that Parse refuses data with an error that contains want.
func refuses(t *testing.T) func(data []byte, want string) {
	return func(data []byte, want string) {
		t.Helper()
		got, err := Parse(data)
		if err == nil {
			t.Errorf("parsed %d keys and %d tensors, want an error with %q", len(got.Keys), len(got.Tensors), want)
			return
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want an error with %q", err, want)
		}
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("kind of %q is %v, want invalid", err, fault.KindOf(err))
		}
		if e, ok := errors.AsType[*Error](err); !ok || e.Offset < -1 || e.Offset > int64(len(data)) {
			t.Errorf("%q holds no Error with an offset in the file", err)
		}
	}
}

const huge = 1 << 60

func TestParseRefusesOtherFormats(t *testing.T) {
	f := refuses(t)
	f(nil, `starts with ""`)
	f([]byte("GGU"), `starts with "GGU", want "GGUF"`)
	f([]byte("lmgg........"), "GGML file of 2023")
	f([]byte("\x1f\x8b......"), "gzip")
	f([]byte("version https://git-lfs.github.com/spec/v1\n"), "Git LFS pointer")
	f([]byte("GGUF"), "file is truncated: version of the header needs 4 bytes, 0 are left")
	f(header(1, 0, 0), "version 1 is not supported, want 2 or 3")
	f(header(4, 0, 0), "version 4 is not supported")
	f(header(0, 0, 0), "version 0 is not supported")
	f(header(0x03000000, 0, 0), "big-endian GGUF (version 3)")
}

func TestParseRefusesCounts(t *testing.T) {
	f := refuses(t)
	f(header(3, 0, 0)[:20], "key count of the header needs 8 bytes")
	f(header(3, 0, huge), "key count of the header is 1152921504606846976, but the 0 bytes that follow hold at most 0")
	f(header(3, huge, 0), "tensor count of the header is 1152921504606846976")
	f(header(3, 0, keysMax+1).zeros(16*keysMax), "want at most 65536")
	f(header(3, 3, 1).key("a", 1).tensor("t", quant.F32, 0, 1).zeros(64), "tensor count of the tensor table is 3")
	f(header(3, 0, 2).key("a", 1).zeros(11), "name length of key 2 of 2 is 0, want 1 to 65535")
}

func TestParseRefusesKeys(t *testing.T) {
	f := refuses(t)
	f(header(3, 0, 1).str("").zeros(32), "name length of key 1 of 1 is 0")
	f(header(3, 0, 1).u64(1<<16).zeros(1<<17), "name length of key 1 of 1 is 65536, want 1 to 65535")
	f(header(3, 0, 1).u64(huge).zeros(32), "name length of key 1 of 1")
	f(header(3, 0, 1).str("\xff").zeros(32), `"\xff", is not UTF-8`)
	f(header(3, 0, 2).key("a", 1).key("a", 2), `key "a" appears twice`)
	f(header(3, 0, 1).str("a").u32(13).zeros(32), `key "a" has value type 13, want 0 to 12`)
	f(header(3, 0, 1).str("a").u32(typeBool).zeros(0).u32(7), `key "a": a bool is 7, want 0 or 1`)
	f(header(3, 0, 1).str("abc").u32(typeUint64).u32(1), `value of key "abc" needs 8 bytes, 4 are left, 4 are missing`)
	f(header(3, 0, 1).str("a").u32(typeString).u64(100).zeros(40), "needs 100 bytes, 40 are left, 60 are missing")
	f(header(3, 0, 1).str("a").u32(typeString).u64(huge), `key "a": a string has 1152921504606846976 bytes`)
}

func TestParseRefusesArrays(t *testing.T) {
	f := refuses(t)
	array := func(id uint32, n uint64) draft { return header(3, 0, 1).str("a").u32(typeArray).u32(id).u64(n) }
	f(array(typeArray, 1).u32(typeUint8).u64(1).zeros(1), `key "a" is an array of arrays`)
	f(array(99, 1), `key "a" is an array of value type 99`)
	f(array(typeUint32, huge), `element count of key "a" is 1152921504606846976, but the 0 bytes`)
	f(array(typeUint32, 1<<62).zeros(100), "hold at most 25")
	f(array(typeString, huge).zeros(100), "hold at most 12")
	f(array(typeUint8, arrayLenMax+1).zeros(arrayLenMax+1), "want at most 16777216")
	f(array(typeString, 2).str("x").u32(9).zeros(3), `string 2 of 2 of key "a": its length needs 8 bytes, 7 are left`)
	f(array(typeString, 2).str("x").u64(9).zeros(3), `string 2 of 2 of key "a" has 9 bytes, 3 are left`)
	f(array(typeString, 2).str("x").u64(huge).zeros(3), "has 1152921504606846976 bytes, want at most")
	f(array(typeBool, 3).zeros(2).zeros(0).str("")[:len(array(typeBool, 3))+2], "hold at most 2")
	f(append(array(typeBool, 2), 1, 2), "a bool is 2")
}

func TestParseRefusesAlignment(t *testing.T) {
	f := refuses(t)
	f(header(3, 0, 1).key(keyAlignment, 24), "want a power of two from 8 to 65536")
	f(header(3, 0, 1).key(keyAlignment, 0), "general.alignment")
	f(header(3, 0, 1).key(keyAlignment, 1<<31), "general.alignment")
	f(header(3, 0, 1).str(keyAlignment).u32(typeString).str("32"), `"general.alignment" is 32, want`)
}

func TestParseRefusesTensors(t *testing.T) {
	f := refuses(t)
	one := func(t quant.Type, offset uint64, shape ...uint64) draft {
		return header(3, 1, 0).tensor("w", t, offset, shape...).align().zeros(4096)
	}
	f(one(quant.F32, 0), `tensor "w" has 0 dimensions, want 1 to 4`)
	f(one(quant.F32, 0, 1, 1, 1, 1, 1), "has 5 dimensions")
	f(one(quant.F32, 0, 4, 0), `tensor "w": dimension 1 is 0`)
	f(one(quant.F32, 0, 1<<32, 1<<32), "overflows at dimension 1")
	f(one(quant.F32, 0, 1<<63), "overflows at dimension 0")
	f(one(quant.F32, 0, 1<<62), "overflows the address space")
	f(one(quant.F32, 0, 1<<31, 1<<31), "rows of 8589934592 bytes overflows")
	f(one(16, 0, 256), `tensor "w" has type IQ2_XXS (id 16), which is not supported`)
	f(one(39, 0, 32), "MXFP4")
	f(one(1000, 0, 32), "type 1000 (id 1000)")
	f(one(quant.Q4_K, 0, 128), `tensor "w": row length 128 is not a multiple of 256, the block length of Q4_K`)
	f(one(quant.F32, 4, 4), "starts at 4 of the data, want a multiple of 32")
	f(one(quant.F32, 1<<63-32, 8), "overflows")
	f(one(quant.F32, 1<<64-32, 8), "overflows")
	f(one(quant.F32, 4096, 8), `tensor "w" ends at byte 4192, the file at 4160, 32 bytes are missing`)
	f(one(quant.F32, 0, 8)[:70], "26 bytes are missing")
	f(header(3, 2, 0).tensor("w", quant.F32, 0, 8).tensor("w", quant.F32, 32, 8).zeros(4096), `tensor "w" appears twice`)
	f(header(3, 2, 0).tensor("b", quant.F32, 32, 8).tensor("a", quant.F32, 0, 9).zeros(4096),
		`tensor "b" starts at 32 of the data, inside tensor "a", which ends at 36`)
	f(header(3, 2, 0).tensor("a", quant.F32, 0, 8).tensor("b", quant.F32, 0, 8).zeros(4096), "inside tensor")
	f(header(3, 1, 0).str(strings.Repeat("n", 256)).zeros(4096), "name length of tensor 1 of 1 is 256, want 1 to 255")
}

func TestParseRefusesEveryTruncation(t *testing.T) {
	data := sample(t)
	for n := range data {
		if n >= len(data)-16 { // the last tensor's padding may be absent
			break
		}
		if _, err := Parse(data[:n]); err == nil {
			t.Fatalf("%d of %d bytes parse", n, len(data))
		} else if n > 24 && !strings.Contains(err.Error(), "truncated") && !strings.Contains(err.Error(), "hold at most") {
			t.Fatalf("%d of %d bytes: %v, want it to say what is missing", n, len(data), err)
		}
	}
	if _, err := Parse(data[:len(data)-16]); err != nil {
		t.Errorf("without the padding of the last tensor: %v", err)
	}
}

// sample is a small file with a key of every type and two tensors, the last of which needs 16 bytes of padding.
func sample(tb testing.TB) []byte {
	tb.Helper()
	w := &Writer{}
	for i, v := range everyValue() {
		w.Set(fmt.Sprintf("key.%d", i), v)
	}
	w.Add("a.weight", quant.Q8_0, []int{32, 2}, bytes.Repeat([]byte{1, 2}, 34))
	w.Add("b.weight", quant.F32, []int{2, 1, 2}, bytes.Repeat([]byte{0, 0, 0x80, 0x3f}, 4))
	return written(tb, w)
}

func written(tb testing.TB, w *Writer) []byte {
	tb.Helper()
	var b bytes.Buffer
	if n, err := w.WriteTo(&b); err != nil || n != int64(b.Len()) {
		tb.Fatalf("WriteTo = %d, %v for %d bytes", n, err, b.Len())
	}
	return b.Bytes()
}

func everyValue() []any {
	return []any{
		uint8(200), int8(-100), uint16(60000), int16(-30000), uint32(4e9), int32(-2e9), float32(1.5), true, "text",
		uint64(1) << 63, int64(-1) << 62, 2.5,
		[]uint8{1, 255},
		[]int8{-1, 1},
		[]uint16{65535},
		[]int16{-5},
		[]uint32{7, 8},
		[]int32{-9},
		[]float32{0.5, -0.5},
		[]bool{true, false},
		[]string{"", "a", "bc", "算力"},
		[]uint64{1 << 63},
		[]int64{-1},
		[]float64{0.1},
		[]string{},
		[]uint32{},
	}
}

func TestParseVersion2(t *testing.T) {
	f, err := Parse(header(2, 1, 1).key("a", 7).tensor("w", quant.F32, 0, 3).align().zeros(12))
	if err != nil {
		t.Fatal(err)
	}
	w, ok := f.Tensor("w")
	if f.Version != 2 || !ok || w.Cols() != 3 || w.Rows() != 1 || len(w.Data) != 12 {
		t.Errorf("got version %d, tensor %+v", f.Version, w)
	}
}

func TestParseTakesTensorsInAnyPlace(t *testing.T) {
	head := header(3, 3, 1).key(keyAlignment, 64).
		tensor("last", quant.F32, 128, 2).tensor("first", quant.F16, 0, 2).tensor("middle", quant.F32, 64, 1)
	data := append(head.zeros(-len(head)&63), bytes.Repeat([]byte{9}, 200)...)
	f, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if f.Alignment != 64 || len(f.Tensors) != 3 || f.Tensors[0].Name != "last" {
		t.Fatalf("got %+v", f)
	}
	for _, w := range f.Tensors {
		if len(w.Data) == 0 || cap(w.Data) != len(w.Data) || w.Data[0] != 9 {
			t.Errorf("%s: data %v with room for %d", w.Name, w.Data, cap(w.Data))
		}
	}
	f.Tensors[0].Data[0] = 5
	if !bytes.Contains(data, []byte{5, 9}) {
		t.Error("tensor data is a copy, want a view")
	}
}

func TestBigVocabularyParsesWithFewAllocations(t *testing.T) {
	tokens := make([]string, 150_000)
	for i := range tokens {
		tokens[i] = fmt.Sprintf("token%d", i)
	}
	w := &Writer{}
	w.Set("tokenizer.ggml.tokens", tokens)
	w.Set("tokenizer.ggml.scores", make([]float32, len(tokens)))
	data := written(t, w)
	allocs := testing.AllocsPerRun(3, func() {
		if _, err := Parse(data); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 60 {
		t.Errorf("%v allocations for two keys of 150 thousand elements, want at most 60", allocs)
	}
}

func BenchmarkParseVocabulary(b *testing.B) {
	tokens := make([]string, 150_000)
	for i := range tokens {
		tokens[i] = fmt.Sprintf("token%d", i)
	}
	w := &Writer{}
	w.Set("tokenizer.ggml.tokens", tokens)
	data := written(b, w)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(data); err != nil {
			b.Fatal(err)
		}
	}
}
