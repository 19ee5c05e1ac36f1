// Package intent turns a wish for network and compute, written in Chinese or English, into an order in JSON.
//
// Three parts share the work. Ordinary code (package quantity) finds the amounts and times of the wish and replaces
// them by placeholders. The bundled model reads what is left and emits a Form: which kind of order it is, and what
// each placeholder and each span of text is for. Ordinary code then turns the form into an Order: units, multiples,
// currencies and dates are computed, never guessed.
//
// The way through the package is
//
//	vocab, _ := intent.NewVocab(tokenizer)   // once per model
//	prompt := vocab.Prompt(wish)             // the ids to prefill
//	c := intent.NewConstraint(vocab, prompt) // before each step: c.Allowed; after it: c.Accept
//	order := intent.Resolve(prompt, c.Form(), now)
//
// or, with Stream in place of the last two, the JSON text piece by piece while the model is still decoding. A
// Constraint only lets the model emit forms that resolve, and Resolve only yields orders that satisfy Schema, so no
// output of any model is malformed. The package has no clock and does no I/O; a Vocab is read-only after NewVocab and
// may be shared, everything else belongs to one wish.
package intent

import _ "embed"

//go:embed schema.json
var schema []byte

// Schema returns the JSON Schema (draft 2020-12) that every order satisfies. The caller must not change it.
func Schema() []byte { return schema }
