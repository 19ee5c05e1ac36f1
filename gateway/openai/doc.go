// Package openai is the wire of the OpenAI API as Weir speaks it: requests read, answers,
// stream chunks and errors written.
//
// Reading is tolerant towards what it does not know and strict towards what it does. An
// unknown field at the top of a request is passed over, since clients of all ages send them;
// a known field of the wrong type, out of its range, or asking for what no model here can do
// is an *Error that names the field and says what would be right. Null is the same as absent.
// Fields of the object "weir" are Weir's own, so unknown ones there are refused.
//
// The package does no I/O. Bytes come from strangers: reading never panics, and what it
// allocates is bounded by the length of the body.
package openai
