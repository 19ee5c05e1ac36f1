package gguf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/weir-project/weir/engine/quant"
	"pgregory.net/rapid"
)

func drawWriter(rt *rapid.T) *Writer {
	w := &Writer{Alignment: rapid.SampledFrom([]int{0, 8, 32, 64, 4096}).Draw(rt, "alignment")}
	values := append(everyValue(), rapid.String().Draw(rt, "text"), rapid.SliceOf(rapid.String()).Draw(rt, "texts"),
		rapid.SliceOf(rapid.Int32()).Draw(rt, "ints"), rapid.Uint64().Draw(rt, "number"))
	for range rapid.IntRange(0, 8).Draw(rt, "keys") {
		w.Set(rapid.StringMatching(`[a-z]{1,3}\.[a-zü算]{1,4}`).Draw(rt, "key"), rapid.SampledFrom(values).Draw(rt, "value"))
	}
	for i := range rapid.IntRange(0, 5).Draw(rt, "tensors") {
		typ := rapid.SampledFrom(quant.Types()).Draw(rt, "type")
		shape := rapid.SliceOfN(rapid.IntRange(1, 3), 1, 4).Draw(rt, "shape")
		shape[0] *= typ.BlockLen()
		t := Tensor{Shape: shape}
		size := t.Rows() * t.Cols() / typ.BlockLen() * typ.BlockBytes()
		data := bytes.Repeat([]byte{byte(i + 1)}, size)
		if rapid.Bool().Draw(rt, "streamed") {
			w.AddFrom(fmt.Sprintf("t%d", i), typ, shape, func(to io.Writer) error {
				_, err := io.Copy(to, bytes.NewReader(data))
				return err
			})
		} else {
			w.Add(fmt.Sprintf("t%d", i), typ, shape, data)
		}
	}
	return w
}

func TestWriterRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWriter(rt)
		var b bytes.Buffer
		if _, err := w.WriteTo(&b); err != nil {
			rt.Fatal(err)
		}
		f, err := Parse(b.Bytes())
		if err != nil {
			rt.Fatal(err)
		}
		if w.Alignment != 0 && f.Alignment != w.Alignment {
			rt.Errorf("alignment %d, want %d", f.Alignment, w.Alignment)
		}
		for _, kv := range w.Keys {
			got, ok := f.Value(kv.Key)
			same := reflect.DeepEqual(got, kv.Value) || // a nil slice comes back empty
				reflect.ValueOf(kv.Value).Kind() == reflect.Slice && reflect.ValueOf(kv.Value).Len() == 0 &&
					reflect.TypeOf(got) == reflect.TypeOf(kv.Value) && reflect.ValueOf(got).Len() == 0
			if !ok || !same {
				rt.Errorf("key %q is %#v, want %#v", kv.Key, got, kv.Value)
			}
		}
		if len(f.Tensors) != len(w.Tensors) {
			rt.Fatalf("%d tensors, want %d", len(f.Tensors), len(w.Tensors))
		}
		for i, got := range f.Tensors {
			want := w.Tensors[i]
			if got.Name != want.Name || got.Type != want.Type || !reflect.DeepEqual(got.Shape, want.Shape) ||
				!bytes.Equal(got.Data, bytes.Repeat([]byte{byte(i + 1)}, len(got.Data))) {
				rt.Errorf("tensor %d is %+v, want %+v", i, got, want)
			}
		}
		checkRewrite(rt, f)
	})
}

// checkRewrite writes f anew and expects the same file back.
func checkRewrite(tb rapid.TB, f *File) {
	tb.Helper()
	var b bytes.Buffer
	w := &Writer{Alignment: f.Alignment, Keys: f.Keys, Tensors: f.Tensors}
	if _, err := w.WriteTo(&b); err != nil {
		tb.Fatalf("rewrite: %v", err)
	}
	again, err := Parse(b.Bytes())
	if err != nil {
		tb.Fatalf("parse what was rewritten: %v", err)
	}
	// Printed, because a NaN differs from itself.
	if fmt.Sprintf("%#v", again.Keys) != fmt.Sprintf("%#v", f.Keys) || !reflect.DeepEqual(again.Tensors, f.Tensors) {
		tb.Fatalf("rewritten file differs: %+v, want %+v", again, f)
	}
}

func TestWriterRefuses(t *testing.T) {
	f := func(want string, change func(*Writer)) {
		t.Helper()
		w := &Writer{}
		w.Set("a", uint32(1))
		w.Add("t", quant.F32, []int{2}, make([]byte, 8))
		change(w)
		var b bytes.Buffer
		if _, err := w.WriteTo(&b); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	f(`key "": name has 0 bytes`, func(w *Writer) { w.Set("", true) })
	f(`key "a": name is given twice`, func(w *Writer) { w.Keys = append(w.Keys, w.Keys...) })
	f("name is not UTF-8", func(w *Writer) { w.Set("\xff", true) })
	f(`key "b": a value of type int cannot be written`, func(w *Writer) { w.Set("b", 1) })
	f(`key "b": a value of type [][]string cannot`, func(w *Writer) { w.Set("b", [][]string{}) })
	f("alignment is 24", func(w *Writer) { w.Alignment = 24 })
	f("alignment is 4", func(w *Writer) { w.Set(keyAlignment, uint32(4)) })
	f("an array has 16777217 elements", func(w *Writer) { w.Set("b", make([]bool, arrayLenMax+1)) })
	f(`tensor "t": name is given twice`, func(w *Writer) { w.Add("t", quant.F32, []int{1}, make([]byte, 4)) })
	f(`tensor "u": 0 dimensions`, func(w *Writer) { w.Add("u", quant.F32, nil, nil) })
	f("dimension 1 is 0", func(w *Writer) { w.Add("u", quant.F32, []int{1, 0}, nil) })
	f("dimension 1 is -1", func(w *Writer) { w.Add("u", quant.F32, []int{1, -1}, nil) })
	f("overflows", func(w *Writer) { w.Add("u", quant.F32, []int{1 << 40, 1 << 40}, nil) })
	f("5 bytes of data, want 4", func(w *Writer) { w.Add("u", quant.F32, []int{1}, make([]byte, 5)) })
	f("type Q8_1 is not supported", func(w *Writer) { w.Add("u", 9, []int{32}, make([]byte, 36)) })
	f("not a multiple of 32", func(w *Writer) { w.Add("u", quant.Q8_0, []int{33}, nil) })
	f("its source wrote 3 bytes, want 4", func(w *Writer) {
		w.AddFrom("u", quant.F32, []int{1}, func(to io.Writer) error {
			_, err := to.Write([]byte{1, 2, 3})
			return err
		})
	})
	f(`tensor "u": no disk`, func(w *Writer) {
		w.AddFrom("u", quant.F32, []int{1}, func(io.Writer) error { return errors.New("no disk") })
	})
}

type full struct{ room int }

func (f *full) Write(b []byte) (int, error) {
	if len(b) > f.room {
		n := f.room
		f.room = 0
		return n, errors.New("disk full")
	}
	f.room -= len(b)
	return len(b), nil
}

func TestWriterReportsFullDisk(t *testing.T) {
	w := &Writer{}
	w.Add("t", quant.F32, []int{5000}, make([]byte, 20000))
	for _, room := range []int{0, 100, 10000, 20063} {
		if _, err := w.WriteTo(&full{room}); err == nil || !strings.Contains(err.Error(), "disk full") {
			t.Errorf("room for %d bytes: got %v", room, err)
		}
	}
}

func TestMetadataOnlyKeepsTheVocabulary(t *testing.T) {
	f, err := Parse(sample(t))
	if err != nil {
		t.Fatal(err)
	}
	vocab, err := Parse(written(t, MetadataOnly(f)))
	if err != nil {
		t.Fatal(err)
	}
	if len(vocab.Tensors) != 0 || !reflect.DeepEqual(vocab.Keys, f.Keys) {
		t.Errorf("got %d tensors, keys %v", len(vocab.Tensors), vocab.Keys)
	}
}
