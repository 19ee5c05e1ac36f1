// Package gguf reads and writes GGUF, the file format of model weights: typed metadata keys, then named tensors.
//
// Parse takes the bytes of a whole file, usually a memory mapping, and returns views: a Tensor's Data aliases the
// input and must not outlive it, while keys, names and metadata values are copies. The package opens no files.
//
// The bytes come from strangers. Every count is bounded by the bytes that are left before anything is allocated,
// every product is checked, and whatever a reader could not use safely is refused with an error that says where
// and what would be right: see Error. After Parse has succeeded, each tensor has a supported type, 1 to 4
// dimensions of at least 1, rows of whole blocks, and Data of exactly its size that overlaps no other tensor's.
//
// Versions 2 and 3, little endian, are read; Writer writes version 3. A File is never changed after Parse, so any
// number of goroutines may use it.
package gguf

import (
	"fmt"

	"github.com/weir-project/weir/engine/quant"
)

// Version is the format version that Writer writes.
const Version = 3

// DefaultAlignment is the alignment of tensor data, in bytes, of files that do not state one.
const DefaultAlignment = 32

// The limits below are far above anything in use. They stop a damaged file early, with a clear reason, and keep what
// a hostile one can make Parse allocate to a few times the size of its header, or some 300 MB if that is more.
const (
	keyLenMax        = 1<<16 - 1 // of the specification
	tensorNameLenMax = 255       // the specification says 64, some writers go beyond
	stringLenMax     = 64 << 20  // a metadata string or an array's element
	arrayLenMax      = 1 << 24
	keysMax          = 1 << 16
	tensorsMax       = 1 << 20
	dimensionsMax    = 4
	alignmentMin     = 8
	alignmentMax     = 1 << 16
)

// File is a parsed GGUF file, or the parts of a split one taken together.
type File struct {
	Version   uint32
	Alignment int        // of tensor data, in bytes
	Keys      []KeyValue // in file order
	Tensors   []Tensor   // in file order

	keyIndex    map[string]int
	tensorIndex map[string]int
	headers     [][]byte // the bytes before the tensor data, one a part
}

// KeyValue is one metadata entry. Value is a bool, string, uint8, int8, uint16, int16, uint32, int32, uint64, int64,
// float32, float64, or a slice of one of these.
type KeyValue struct {
	Key   string
	Value any
}

// Tensor is a named array of quantised rows.
type Tensor struct {
	Name  string
	Type  quant.Type
	Shape []int  // fastest dimension first: Shape[0] values lie side by side in a row
	Data  []byte // Rows rows of quant.RowBytes(Type, Cols) bytes
}

// Cols is the length of a row in values.
func (t *Tensor) Cols() int {
	if len(t.Shape) == 0 {
		return 0
	}
	return t.Shape[0]
}

// Rows is the number of rows: the product of all dimensions but the first.
func (t *Tensor) Rows() int {
	if len(t.Shape) == 0 {
		return 0
	}
	rows := 1
	for _, n := range t.Shape[1:] {
		rows *= n
	}
	return rows
}

// Error says what is wrong with a file and where.
type Error struct {
	Part   int    // of a split file, from 0
	Offset int64  // in bytes from the start of the part, or -1 if no single place is to blame
	Reason string // what is wrong and what would be right
}

func (e *Error) Error() string {
	where := ""
	if e.Part > 0 {
		where = fmt.Sprintf(" part %d", e.Part+1)
	}
	if e.Offset >= 0 {
		where += fmt.Sprintf(" at byte %d", e.Offset)
	}
	return "gguf" + where + ": " + e.Reason
}
