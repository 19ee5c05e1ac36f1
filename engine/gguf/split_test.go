package gguf

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/weir-project/weir/engine/quant"
)

// part makes part no of a file split in count with one tensor a part.
func part(t *testing.T, no, count, total int) []byte {
	t.Helper()
	w := &Writer{}
	if no == 0 {
		w.Set("general.architecture", "llama")
	}
	w.Set(keySplitNo, uint16(no))
	w.Set(keySplitCount, uint16(count))
	w.Set(keySplitTensors, int32(total))
	w.Add(fmt.Sprintf("blk.%d.weight", no), quant.F32, []int{1}, []byte{byte(no), 0, 0, 0})
	return written(t, w)
}

func TestParseSplit(t *testing.T) {
	parts := [][]byte{part(t, 2, 3, 3), part(t, 0, 3, 3), part(t, 1, 3, 3)}
	f, err := ParseSplit(parts)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Keys) != 1 || f.Keys[0].Key != "general.architecture" {
		t.Errorf("keys are %v, want those of the first part without split.*", f.Keys)
	}
	if arch, _ := f.String("general.architecture"); arch != "llama" {
		t.Errorf("architecture %q", arch)
	}
	for i := range 3 {
		w, ok := f.Tensor(fmt.Sprintf("blk.%d.weight", i))
		if !ok || w != &f.Tensors[i] || w.Data[0] != byte(i) {
			t.Errorf("tensor %d: %v, %v", i, w, ok)
		}
	}
	again, err := ParseSplit([][]byte{parts[1], parts[2], parts[0]})
	if err != nil || again.Digest() != f.Digest() {
		t.Errorf("another order gives another digest, or %v", err)
	}
	one, err := Parse(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	if no, count, ok := one.Split(); no != 0 || count != 3 || !ok {
		t.Errorf("Split = %d, %d, %v, want 0, 3, true", no, count, ok)
	}
	if w := MetadataOnly(one); len(w.Keys) != 1 {
		t.Errorf("MetadataOnly keeps %v", w.Keys)
	}
}

func TestParseSplitTakesOneWholeFile(t *testing.T) {
	data := sample(t)
	whole, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	f, err := ParseSplit([][]byte{data})
	if err != nil || !reflect.DeepEqual(f, whole) {
		t.Errorf("got %v, %v", f, err)
	}
	if _, _, ok := f.Split(); ok {
		t.Error("a whole file says that it is split")
	}
}

func TestParseSplitRefuses(t *testing.T) {
	f := func(want string, parts ...[]byte) {
		t.Helper()
		if _, err := ParseSplit(parts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	renamed := func(no, count int) []byte {
		w := &Writer{}
		w.Set(keySplitNo, uint16(no))
		w.Set(keySplitCount, uint16(count))
		w.Add("blk.0.weight", quant.F32, []int{1}, make([]byte, 4))
		return written(t, w)
	}
	f("no parts given")
	f("it is one of 3 parts, but 2 are given", part(t, 0, 3, 3), part(t, 1, 3, 3))
	f("it is one of 2 parts, but 1 are given", part(t, 0, 2, 2))
	f("part 1 is given twice", part(t, 0, 2, 2), part(t, 0, 2, 2))
	f("gguf part 2: split file: it has no valid split.no", part(t, 0, 2, 2), sample(t))
	f("it has no valid split.no", part(t, 0, 2, 2), part(t, 7, 2, 2))
	f("gguf part 2 at byte 0: not a GGUF file", part(t, 0, 2, 2), []byte("nonsense"))
	f(`tensor "blk.0.weight" appears in an earlier part too`, part(t, 0, 2, 2), renamed(1, 2))
	f("the parts hold 2 tensors, split.tensors.count says 9", part(t, 0, 2, 9), part(t, 1, 2, 9))
}

func TestSplitNames(t *testing.T) {
	f := func(name, want string) {
		t.Helper()
		names, ok := SplitNames(name)
		if got := strings.Join(names, " "); got != want || ok != (want != "") {
			t.Errorf("SplitNames(%q) = %q, %v, want %q", name, got, ok, want)
		}
	}
	f("m-00002-of-00003.gguf", "m-00001-of-00003.gguf m-00002-of-00003.gguf m-00003-of-00003.gguf")
	f("dir/m-q4-00001-of-00001.gguf", "dir/m-q4-00001-of-00001.gguf")
	f("m.gguf", "")
	f("-00001-of-00002.gguf", "")
	f("dir/-00001-of-00002.gguf", "")
	f("m-00003-of-00002.gguf", "")
	f("m-00000-of-00002.gguf", "")
	f("m-0000x-of-00002.gguf", "")
	f("m-00001-in-00002.gguf", "")
	f("m-00001-of-00002.ggml", "")
}
