package gguf

import (
	"fmt"
	"strings"

	"github.com/weir-project/weir/internal/fault"
)

// The keys of a split file.
const (
	keySplitPrefix  = "split."
	keySplitNo      = "split.no"
	keySplitCount   = "split.count"
	keySplitTensors = "split.tensors.count"
)

// Split says which part f is of a file split in count parts, counting from 0. ok is false for a whole file.
func (f *File) Split() (no, count int, ok bool) {
	n, okNo := f.Uint(keySplitNo)
	c, okCount := f.Uint(keySplitCount)
	if !okNo || !okCount || c < 2 || c > splitCountMax || n >= c {
		return 0, 0, false
	}
	return int(n), int(c), true
}

// splitCountMax is the largest number of parts that the five digits of a part's name can count.
const splitCountMax = 99999

// SplitNames is the names of all parts, in order, of the split file one of whose parts has this name, as in
// "model-00001-of-00003.gguf". A directory before the name stays. ok is false if the name has not that form.
func SplitNames(name string) (names []string, ok bool) {
	const suffix = "-00000-of-00000.gguf"
	if len(name) <= len(suffix) {
		return nil, false
	}
	stem, end := name[:len(name)-len(suffix)], name[len(name)-len(suffix):]
	no, count := 0, 0
	for i := range end {
		digit := end[i] >= '0' && end[i] <= '9'
		switch {
		case suffix[i] != '0' && end[i] != suffix[i], suffix[i] == '0' && !digit:
			return nil, false
		case i <= 5 && digit:
			no = 10*no + int(end[i]-'0')
		case digit:
			count = 10*count + int(end[i]-'0')
		}
	}
	if no < 1 || no > count || strings.HasSuffix(stem, "/") {
		return nil, false
	}
	for i := range count {
		names = append(names, fmt.Sprintf("%s-%05d-of-%05d.gguf", stem, i+1, count))
	}
	return names, true
}

// ParseSplit reads all parts of a split file, in any order, as one. Keys are those of the first part without the
// ones about the split; tensors follow in the order of the parts. One whole file is a split of one.
func ParseSplit(parts [][]byte) (*File, error) {
	if len(parts) == 0 {
		return nil, splitError(0, "no parts given, want at least one")
	}
	files := make([]*File, len(parts))
	for i, data := range parts {
		f, err := parse(data)
		if err != nil {
			err.Part = i
			return nil, fault.As(fault.Invalid, err)
		}
		no, count, ok := f.Split()
		if !ok && len(parts) == 1 {
			return f, nil
		}
		switch {
		case !ok:
			return nil, splitError(i, "it has no valid %s and %s, want them in each part", keySplitNo, keySplitCount)
		case count != len(parts):
			return nil, splitError(i, "it is one of %d parts, but %d are given", count, len(parts))
		case files[no] != nil:
			return nil, splitError(i, "part %d is given twice", no+1)
		}
		files[no] = f
	}
	return merge(files)
}

func splitError(part int, format string, args ...any) error {
	return fault.As(fault.Invalid, &Error{Part: part, Offset: -1, Reason: "split file: " + fmt.Sprintf(format, args...)})
}

func merge(parts []*File) (*File, error) {
	first := parts[0]
	whole := &File{
		Version:     first.Version,
		Alignment:   first.Alignment,
		keyIndex:    make(map[string]int, len(first.Keys)),
		tensorIndex: make(map[string]int),
	}
	for _, kv := range first.Keys {
		if !strings.HasPrefix(kv.Key, keySplitPrefix) {
			whole.keyIndex[kv.Key] = len(whole.Keys)
			whole.Keys = append(whole.Keys, kv)
		}
	}
	for i, part := range parts {
		whole.headers = append(whole.headers, part.headers...)
		for _, t := range part.Tensors {
			if _, twice := whole.tensorIndex[t.Name]; twice {
				return nil, splitError(i, "tensor %q appears in an earlier part too", t.Name)
			}
			whole.tensorIndex[t.Name] = len(whole.Tensors)
			whole.Tensors = append(whole.Tensors, t)
		}
	}
	if want, ok := first.Uint(keySplitTensors); ok && want != uint64(len(whole.Tensors)) {
		return nil, splitError(0, "the parts hold %d tensors, %s says %d", len(whole.Tensors), keySplitTensors, want)
	}
	return whole, nil
}
