// Package fault gives an error the one thing a caller acts on: its kind.
//
// A kind is mapped once per edge (an HTTP status, a bus reply, an exit code). An error
// without a kind is Internal. Kinds travel through wrapping with %w and, as text, over
// the wire, so a gateway can answer what a node refused.
package fault

import (
	"errors"
	"fmt"
)

// Kind is what went wrong, as far as the caller's next step depends on it.
type Kind uint8

// The kinds. Internal is the zero value: an unclassified error is our fault.
const (
	Internal    Kind = iota // a bug or a broken machine
	Invalid                 // the request cannot be right; repeating it is useless
	NotFound                // no such thing
	Denied                  // not allowed: key, budget, policy
	NoCapacity              // nobody can take it now
	Conflict                // contradicts something already recorded
	Expired                 // was right once: a key, a hold, a lease
	Unavailable             // a part is down; repeating may help
)

var names = [...]string{"internal", "invalid", "not_found", "denied", "no_capacity", "conflict", "expired", "unavailable"}

// String is the kind's name on the wire.
func (k Kind) String() string {
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// ParseKind reads a name that String prints; an unknown one is Internal.
func ParseKind(s string) Kind {
	for i, n := range names {
		if n == s {
			return Kind(i)
		}
	}
	return Internal
}

type fault struct {
	kind Kind
	err  error
}

func (f *fault) Error() string { return f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

// New returns an error of kind k; format and args as in fmt.Errorf, %w included.
func New(k Kind, format string, args ...any) error {
	return &fault{kind: k, err: fmt.Errorf(format, args...)}
}

// As gives err the kind k; nil stays nil.
func As(k Kind, err error) error {
	if err == nil {
		return nil
	}
	return &fault{kind: k, err: err}
}

// KindOf is the kind of the outermost classified error in err's chain, else Internal.
func KindOf(err error) Kind {
	if f, ok := errors.AsType[*fault](err); ok {
		return f.kind
	}
	return Internal
}
