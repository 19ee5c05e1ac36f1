// Package invariant states what must hold and stops the process where it does not.
//
// It is for conditions that only a bug can break, in code where going on would corrupt
// money or memory. Bad input is never an invariant: it gets an error of package fault.
package invariant

import "fmt"

// Check panics with the formatted message unless ok holds.
func Check(ok bool, format string, args ...any) {
	if !ok {
		panic("invariant broken: " + fmt.Sprintf(format, args...))
	}
}
