// Command weir is the whole of Weir: engine, exchange, gateway and node in one binary.
//
// Each subcommand has a file that holds its flags, help and wiring; the table in commands.go
// lists them. This package is the only reader of flags, environment and configuration files.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/weir-project/weir/internal/fault"
)

// env is the outside world of a command, so that tests can run one in process.
type env struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(Main(ctx, os.Args[1:], env{os.Stdin, os.Stdout, os.Stderr}))
}

// Exit codes: scripts may rely on them.
const (
	exitOK       = 0
	exitFailed   = 1
	exitUsage    = 2
	exitNotFound = 3
	exitDenied   = 4
	exitBusy     = 5 // no capacity, or a part is down: try again
)

// Main runs the command that args name and returns the exit code.
func Main(ctx context.Context, args []string, e env) int {
	err := dispatch(ctx, table(), args, e)
	var usage *usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintf(e.err, "weir: %v\n", err)
		return exitUsage
	case errors.Is(err, errJudged):
		return exitFailed
	}
	fmt.Fprintf(e.err, "weir: %v\n", err)
	switch fault.KindOf(err) {
	case fault.Invalid:
		return exitUsage
	case fault.NotFound:
		return exitNotFound
	case fault.Denied, fault.Expired:
		return exitDenied
	case fault.NoCapacity, fault.Unavailable:
		return exitBusy
	}
	return exitFailed
}

// errJudged ends a command whose output already says what failed.
var errJudged = errors.New("not all passed")
