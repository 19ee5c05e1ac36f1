// Package bus carries control traffic between the processes of a site: requests to the centre, heartbeats, events,
// metering. Token streams and model files do not travel on it.
//
// A Server is a NATS server inside the process. It may listen on loopback so that other processes join; whoever
// joins presents the cluster's token. A Conn is one participant, and every role takes one: it cannot tell whether
// the server is in its own process.
//
// Values travel as JSON. An error travels as a weir.WireError, so errors keep their fault.Kind across processes. A
// deadline travels as the time that is left, since clocks differ. A request fails as Unavailable when nobody serves
// its subject, when no answer comes in time, and when the connection breaks while it waits; the last two may have
// been carried out, so commands are idempotent by their own id. While the connection is down, requests wait for it
// as long as their context allows, and publications are refused: nothing is kept to be delivered stale.
//
// Every queue is bounded and refuses at its door. A lost connection and its return are each logged once, a handler
// that cannot keep up at most every ten seconds.
//
// The package is the only one that knows NATS.
package bus
