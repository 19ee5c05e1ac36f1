package gguf

import (
	"math"
	"reflect"
	"testing"

	"github.com/weir-project/weir/engine/quant"
)

// everyKind has keys of every type, named after it.
func everyKind(t *testing.T) (set map[string]any, f *File) {
	t.Helper()
	set = map[string]any{
		"u8": uint8(200), "i8": int8(-3), "u16": uint16(9), "i16": int16(-9), "u32": uint32(4e9), "i32": int32(-4),
		"u64": uint64(5), "max": uint64(math.MaxUint64), "i64": int64(-6), "f32": float32(0.5), "f64": 0.25,
		"bool": true, "text": "héllo", "texts": []string{"a", ""}, "f32s": []float32{1, 2}, "f64s": []float64{0.5},
		"u8s": []uint8{255}, "i8s": []int8{-1}, "u16s": []uint16{1}, "i16s": []int16{2}, "u32s": []uint32{4e9},
		"i32s": []int32{-3}, "i64s": []int64{math.MinInt64}, "u64s": []uint64{7}, "maxes": []uint64{math.MaxUint64},
	}
	w := &Writer{}
	for k, v := range set {
		w.Set(k, v)
	}
	f, err := Parse(written(t, w))
	if err != nil {
		t.Fatal(err)
	}
	return set, f
}

// checkKey compares what an accessor gave for a key; want is nil where it should give nothing.
func checkKey[T any](t *testing.T, access func(string) (T, bool), key string, want any) {
	t.Helper()
	got, ok := access(key)
	if ok != (want != nil) || ok && !reflect.DeepEqual(any(got), want) {
		t.Errorf("key %s gives %v, %v, want %v", key, got, ok, want)
	}
}

func TestScalarAccessors(t *testing.T) {
	set, f := everyKind(t)
	for k, want := range set {
		checkKey(t, f.Value, k, want)
	}
	checkKey(t, f.Value, "absent", nil)

	checkKey(t, f.Int, "u8", int64(200))
	checkKey(t, f.Int, "i8", int64(-3))
	checkKey(t, f.Int, "u16", int64(9))
	checkKey(t, f.Int, "i16", int64(-9))
	checkKey(t, f.Int, "u32", int64(4e9))
	checkKey(t, f.Int, "i32", int64(-4))
	checkKey(t, f.Int, "u64", int64(5))
	checkKey(t, f.Int, "i64", int64(-6))
	checkKey(t, f.Int, "max", nil)
	checkKey(t, f.Int, "f32", nil)
	checkKey(t, f.Int, "bool", nil)
	checkKey(t, f.Int, "absent", nil)

	checkKey(t, f.Uint, "max", uint64(math.MaxUint64))
	checkKey(t, f.Uint, "u8", uint64(200))
	checkKey(t, f.Uint, "i8", nil)
	checkKey(t, f.Uint, "text", nil)

	checkKey(t, f.Float, "f32", 0.5)
	checkKey(t, f.Float, "f64", 0.25)
	checkKey(t, f.Float, "i32", -4.0)
	checkKey(t, f.Float, "max", float64(math.MaxUint64))
	checkKey(t, f.Float, "text", nil)

	checkKey(t, f.String, "text", "héllo")
	checkKey(t, f.String, "u8", nil)
	checkKey(t, f.Bool, "bool", true)
	checkKey(t, f.Bool, "u8", nil)
}

func TestArrayAccessors(t *testing.T) {
	_, f := everyKind(t)
	checkKey(t, f.Ints, "u8s", []int64{255})
	checkKey(t, f.Ints, "i8s", []int64{-1})
	checkKey(t, f.Ints, "u16s", []int64{1})
	checkKey(t, f.Ints, "i16s", []int64{2})
	checkKey(t, f.Ints, "u32s", []int64{4e9})
	checkKey(t, f.Ints, "i32s", []int64{-3})
	checkKey(t, f.Ints, "i64s", []int64{math.MinInt64})
	checkKey(t, f.Ints, "u64s", []int64{7})
	checkKey(t, f.Ints, "maxes", nil)
	checkKey(t, f.Ints, "f32s", nil)
	checkKey(t, f.Ints, "u8", nil)

	checkKey(t, f.Floats, "f32s", []float32{1, 2})
	checkKey(t, f.Floats, "f64s", []float32{0.5})
	checkKey(t, f.Floats, "u8s", nil)
	checkKey(t, f.Strings, "texts", []string{"a", ""})
	checkKey(t, f.Strings, "text", nil)
}

func TestTensorLookup(t *testing.T) {
	f, err := Parse(sample(t))
	if err != nil {
		t.Fatal(err)
	}
	b, ok := f.Tensor("b.weight")
	if !ok || b != &f.Tensors[1] || b.Cols() != 2 || b.Rows() != 2 || b.Type != quant.F32 {
		t.Errorf("got %+v, %v", b, ok)
	}
	if _, ok := f.Tensor("c.weight"); ok {
		t.Error("found a tensor that is not there")
	}
	var none Tensor
	if none.Rows() != 0 || none.Cols() != 0 {
		t.Error("a tensor without a shape has rows")
	}
}

func TestDigestSeesHeaderAndWeights(t *testing.T) {
	digest := func(change func(*Writer)) [32]byte {
		w := &Writer{}
		w.Set("general.name", "m")
		w.Add("w", quant.F32, []int{100}, make([]byte, 400))
		change(w)
		f, err := Parse(written(t, w))
		if err != nil {
			t.Fatal(err)
		}
		return f.Digest()
	}
	same := digest(func(*Writer) {})
	if digest(func(*Writer) {}) != same {
		t.Error("equal files have different digests")
	}
	for name, change := range map[string]func(*Writer){
		"key":         func(w *Writer) { w.Set("general.name", "n") },
		"tensor name": func(w *Writer) { w.Tensors[0].Name = "v" },
		"first byte":  func(w *Writer) { w.Tensors[0].Data[0]++ },
		"middle byte": func(w *Writer) { w.Tensors[0].Data[200]++ },
		"last byte":   func(w *Writer) { w.Tensors[0].Data[399]++ },
	} {
		if digest(change) == same {
			t.Errorf("a changed %s leaves the digest as it was", name)
		}
	}
}
