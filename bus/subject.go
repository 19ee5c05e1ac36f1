package bus

import (
	"strings"

	"github.com/weir-project/weir"
)

// Subjects of the network. Names between dots are those of ARCHITECTURE's words.
const (
	SubjectCentreDo = "weir.centre.do"    // request: market command → result
	SubjectEvents   = "weir.events"       // published: market events, for caches
	SubjectBeat     = "weir.pool.beat"    // published: weir.Heartbeat
	subjectQuery    = "weir.centre.query" // + .name; request
	subjectNode     = "weir.node"         // + .id.ctl; request
)

// SubjectQuery is where the centre answers questions about name: keys, balances, offers, receipts, entries.
func SubjectQuery(name string) string { return subjectQuery + "." + name }

// SubjectControl is where one node takes orders such as drain.
func SubjectControl(id weir.NodeID) string { return subjectNode + "." + Token(string(id)) + ".ctl" }

// Token makes a name that a person chose fit to stand between two dots of a subject: what NATS reserves (dots,
// wildcards, spaces, controls) and the percent sign become %XX. Different names stay different.
func Token(name string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if c <= ' ' || c == 0x7f || strings.IndexByte(".*>%$", c) >= 0 {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// role names who should answer on a subject, for people.
func role(subject string) string {
	parts := strings.Split(subject, ".")
	switch {
	case len(parts) > 2 && parts[0] == "weir" && parts[1] == "node":
		return "node " + parts[2]
	case len(parts) > 1 && parts[0] == "weir":
		return parts[1]
	}
	return subject
}
