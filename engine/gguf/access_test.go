package gguf

import (
	"math"
	"reflect"
	"testing"

	"github.com/weir-project/weir/engine/quant"
)

func TestAccessors(t *testing.T) {
	w := &Writer{}
	set := map[string]any{
		"u8": uint8(200), "i8": int8(-3), "u16": uint16(9), "i16": int16(-9), "u32": uint32(4e9), "i32": int32(-4),
		"u64": uint64(5), "max": uint64(math.MaxUint64), "i64": int64(-6), "f32": float32(0.5), "f64": 0.25,
		"bool": true, "text": "héllo", "texts": []string{"a", ""}, "f32s": []float32{1, 2}, "f64s": []float64{0.5},
		"u8s": []uint8{255}, "i8s": []int8{-1}, "u16s": []uint16{1}, "i16s": []int16{2}, "u32s": []uint32{4e9},
		"i32s": []int32{-3}, "i64s": []int64{math.MinInt64}, "u64s": []uint64{7}, "maxes": []uint64{math.MaxUint64},
	}
	for k, v := range set {
		w.Set(k, v)
	}
	f, err := Parse(written(t, w))
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range set {
		if got, ok := f.Value(k); !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("Value(%s) = %v, %v, want %v", k, got, ok, want)
		}
	}

	check := func(name string, got any, ok bool, want any) {
		t.Helper()
		if want == nil && ok {
			t.Errorf("%s = %v, want none", name, got)
		}
		if want != nil && (!ok || !reflect.DeepEqual(got, want)) {
			t.Errorf("%s = %v, %v, want %v", name, got, ok, want)
		}
	}
	integer := func(key string, want any) {
		t.Helper()
		n, ok := f.Int(key)
		check("Int "+key, n, ok, want)
	}
	integer("u8", int64(200))
	integer("i8", int64(-3))
	integer("u16", int64(9))
	integer("i16", int64(-9))
	integer("u32", int64(4e9))
	integer("i32", int64(-4))
	integer("u64", int64(5))
	integer("i64", int64(-6))
	integer("max", nil)
	integer("f32", nil)
	integer("bool", nil)
	integer("absent", nil)

	natural := func(key string, want any) {
		t.Helper()
		n, ok := f.Uint(key)
		check("Uint "+key, n, ok, want)
	}
	natural("max", uint64(math.MaxUint64))
	natural("u8", uint64(200))
	natural("i8", nil)
	natural("text", nil)

	real := func(key string, want any) {
		t.Helper()
		x, ok := f.Float(key)
		check("Float "+key, x, ok, want)
	}
	real("f32", 0.5)
	real("f64", 0.25)
	real("i32", -4.0)
	real("max", float64(math.MaxUint64))
	real("text", nil)

	integers := func(key string, want any) {
		t.Helper()
		n, ok := f.Ints(key)
		check("Ints "+key, n, ok, want)
	}
	integers("u8s", []int64{255})
	integers("i8s", []int64{-1})
	integers("u16s", []int64{1})
	integers("i16s", []int64{2})
	integers("u32s", []int64{4e9})
	integers("i32s", []int64{-3})
	integers("i64s", []int64{math.MinInt64})
	integers("u64s", []int64{7})
	integers("maxes", nil)
	integers("f32s", nil)
	integers("u8", nil)

	x, ok := f.Floats("f32s")
	check("Floats f32s", x, ok, []float32{1, 2})
	x, ok = f.Floats("f64s")
	check("Floats f64s", x, ok, []float32{0.5})
	x, ok = f.Floats("u8s")
	check("Floats u8s", x, ok, nil)
	s, ok := f.String("text")
	check("String text", s, ok, "héllo")
	s, ok = f.String("u8")
	check("String u8", s, ok, nil)
	ss, ok := f.Strings("texts")
	check("Strings texts", ss, ok, []string{"a", ""})
	b, ok := f.Bool("bool")
	check("Bool bool", b, ok, true)
	b, ok = f.Bool("u8")
	check("Bool u8", b, ok, nil)
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
