// Package node lends one machine's models to a pool.
//
// A Node loads models, measures its machine (package device), tells the pool of itself every weir.HeartbeatEvery over
// the bus, and generates for gateways over HTTP: the paths and messages of weir/wire.go, and besides
//
//	GET /node/v1/health   200 while the node takes requests, 503 while it drains; the only path without a secret
//	GET /metrics          in Prometheus's text format
//
// Every request ends with a claim: what it used, signed with a key that the node made and keeps. A caller that goes
// away, asks for cancellation or runs out of time stops the model within one forward pass. The claim of a request
// that the caller did not see end is kept for some minutes and can be had from the cancel path, so that work done is
// never a guess. A request's id runs once: repeating one that produced anything is a conflict.
//
// A node drains when told to over the bus, and when it is closed: what runs may finish, new requests are refused as
// Unavailable, and the pool hears of it at once.
//
// What a request does cannot hurt the next one: sizes are bounded, a reader that takes nothing is cut off, a panic
// is logged and answered.
package node
