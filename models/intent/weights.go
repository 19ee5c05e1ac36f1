package intent

import _ "embed" // the model is part of the binary

// Name is what the bundled model is called in a pool and on the command line.
const Name = "intent"

//go:embed intent.gguf
var weights []byte

// GGUF is the bundled model's file. It must not be changed.
func GGUF() []byte { return weights }
