package token

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/weir-project/weir/internal/fault"
)

// Vector is one case of a tokenizer test set: a text and the ids it must give.
type Vector struct {
	Group   string  `json:"group"`
	Text    string  `json:"text"`
	Special bool    `json:"special"`
	BOS     bool    `json:"bos"`
	IDs     []int32 `json:"ids"` // what a reference engine gives
	Ref     []int32 `json:"ref"` // what the model's own tokenizer gives, where it differs
}

// ParseVectors reads a test set, a JSON list of vectors.
func ParseVectors(data []byte) ([]Vector, error) {
	var vectors []Vector
	if err := json.Unmarshal(data, &vectors); err != nil {
		return nil, fault.New(fault.Invalid, "read tokenizer vectors: %w", err)
	}
	return vectors, nil
}

// Options is how the text must be encoded.
func (v *Vector) Options() Options { return Options{Special: v.Special, BOS: v.BOS} }

// Accepts reports whether ids are right, and whether they are the model's own where the two answers differ.
func (v *Vector) Accepts(ids []int32) (ok, ref bool) {
	ref = v.Ref != nil && slices.Equal(ids, v.Ref)
	return ref || slices.Equal(ids, v.IDs), ref
}

// maxFailures bounds the failures that JudgeVectors describes.
const maxFailures = 10

// JudgeVectors encodes every vector and counts right and wrong answers; the first few wrong ones are described.
func JudgeVectors(t *Tokenizer, vectors []Vector) (passed, failed int, firstFailures []string) {
	var ids []int32
	for i := range vectors {
		v := &vectors[i]
		ids = t.AppendEncode(ids[:0], v.Text, v.Options())
		if ok, _ := v.Accepts(ids); ok {
			passed++
			continue
		}
		failed++
		if len(firstFailures) < maxFailures {
			firstFailures = append(firstFailures, describe(i, v, ids))
		}
	}
	return passed, failed, firstFailures
}

// describe shows where an answer leaves the right one.
func describe(i int, v *Vector, got []int32) string {
	at := 0
	for at < min(len(got), len(v.IDs)) && got[at] == v.IDs[at] {
		at++
	}
	around := func(ids []int32) []int32 { return ids[max(0, min(at-1, len(ids))):min(len(ids), at+4)] }
	return fmt.Sprintf("case %d (%s, special %t, bos %t) %s: id %d: got ...%v of %d, want ...%v of %d",
		i, v.Group, v.Special, v.BOS, quote(v.Text), at, around(got), len(got), around(v.IDs), len(v.IDs))
}

// Listing is one line of a test set's index.json: a vocabulary and its vectors.
type Listing struct {
	Name    string `json:"name"`
	File    string `json:"file"`    // GGUF, possibly gzipped; empty if the vocabulary is not included
	Vectors string `json:"vectors"` // JSON, see ParseVectors
	Model   string `json:"model"`
	Pre     string `json:"pre"`
	Tokens  int    `json:"tokens"`
	SHA256  string `json:"sha256"` // of the unpacked GGUF
}

// ParseIndex reads the index.json of a directory of test sets.
func ParseIndex(data []byte) ([]Listing, error) {
	var list []Listing
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fault.New(fault.Invalid, "read tokenizer index: %w", err)
	}
	return list, nil
}
