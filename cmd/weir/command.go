package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// command is one subcommand, or a group of them.
type command struct {
	name     string
	args     string // placeholder for help: "MODEL.gguf [PROMPT]"
	summary  string // one line, no full stop
	long     string // what a first-time reader needs, may be empty
	examples []string
	subs     []*command
	// setup declares flags and returns what to run with the arguments left over.
	setup func(f *flag.FlagSet) runFunc
	min   int // arguments
	max   int // -1: any number
}

type runFunc func(ctx context.Context, e env, args []string) error

// usageError is a mistake on the command line.
type usageError struct{ text string }

func (u *usageError) Error() string { return u.text }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// dispatch finds the command that args name, parses its flags and runs it.
func dispatch(ctx context.Context, c *command, args []string, e env) error {
	path := "weir"
	for len(c.subs) > 0 {
		if len(args) == 0 {
			help(e.err, c, path)
			return usagef("%s needs a command", path)
		}
		if isHelp(args[0]) {
			return helpFor(e.out, c, path, args[1:])
		}
		next := c.sub(args[0])
		if next == nil {
			return usagef("%s has no command %q%s; see %s --help", path, args[0], suggest(args[0], c.names()), path)
		}
		c, path, args = next, path+" "+next.name, args[1:]
	}
	f, run := c.flags(path)
	rest, err := parse(f, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		help(e.out, c, path)
		return nil
	case err != nil:
		return usagef("%s: %v; see %s --help", path, flagProblem(f, err), path)
	case len(rest) < c.min || c.max >= 0 && len(rest) > c.max:
		return usagef("%s takes %s, got %d argument(s): usage: %s %s", path, countWords(c), len(rest), path, c.args)
	}
	return run(ctx, e, rest)
}

func isHelp(arg string) bool {
	return arg == "help" || arg == "-h" || arg == "-help" || arg == "--help"
}

// helpFor prints the help of a command named by words after "help".
func helpFor(w io.Writer, c *command, path string, words []string) error {
	for _, word := range words {
		next := c.sub(word)
		if next == nil {
			return usagef("%s has no command %q%s", path, word, suggest(word, c.names()))
		}
		c, path = next, path+" "+next.name
	}
	help(w, c, path)
	return nil
}

func (c *command) sub(name string) *command {
	for _, s := range c.subs {
		if s.name == name {
			return s
		}
	}
	return nil
}

func (c *command) names() []string {
	var names []string
	for _, s := range c.subs {
		names = append(names, s.name)
	}
	return names
}

func (c *command) flags(path string) (*flag.FlagSet, runFunc) {
	f := flag.NewFlagSet(path, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	return f, c.setup(f)
}

// parse lets flags stand before, between and after arguments; "--" ends them.
func parse(f *flag.FlagSet, args []string) ([]string, error) {
	var rest []string
	for {
		if err := f.Parse(args); err != nil {
			return nil, err
		}
		left := f.Args()
		ended := len(args) > len(left) && args[len(args)-len(left)-1] == "--"
		if len(left) == 0 || ended {
			return append(rest, left...), nil
		}
		rest, args = append(rest, left[0]), left[1:]
	}
}

// flagProblem adds the nearest flag to the standard library's message.
func flagProblem(f *flag.FlagSet, err error) string {
	text := err.Error()
	name, ok := strings.CutPrefix(text, "flag provided but not defined: ")
	if !ok {
		return text
	}
	var names []string
	f.VisitAll(func(x *flag.Flag) { names = append(names, x.Name) })
	return "no flag " + name + suggest(strings.TrimLeft(name, "-"), names)
}

func countWords(c *command) string {
	switch {
	case c.max < 0:
		return fmt.Sprintf("at least %d argument(s)", c.min)
	case c.min == c.max:
		return fmt.Sprintf("%d argument(s)", c.min)
	}
	return fmt.Sprintf("%d to %d arguments", c.min, c.max)
}

// help prints what a command is for, its flags, its subcommands and examples.
func help(w io.Writer, c *command, path string) {
	fmt.Fprintf(w, "%s: %s\n\nUsage:\n  %s", path, c.summary, path)
	if len(c.subs) > 0 {
		fmt.Fprint(w, " COMMAND")
	}
	var flags *flag.FlagSet
	if c.setup != nil {
		flags, _ = c.flags(path)
	}
	if hasFlags(flags) {
		fmt.Fprint(w, " [flags]")
	}
	if c.args != "" {
		fmt.Fprint(w, " ", c.args)
	}
	fmt.Fprintln(w)
	if c.long != "" {
		fmt.Fprintf(w, "\n%s\n", strings.TrimSpace(c.long))
	}
	t := tabwriter.NewWriter(w, 0, 4, 3, ' ', 0)
	if len(c.subs) > 0 {
		fmt.Fprintln(w, "\nCommands:")
		for _, s := range c.subs {
			fmt.Fprintf(t, "  %s\t%s\n", s.name, s.summary)
		}
	}
	if hasFlags(flags) {
		fmt.Fprintln(w, "\nFlags:")
		flags.VisitAll(func(f *flag.Flag) { fmt.Fprintf(t, "  %s\n", flagLine(f)) })
	}
	t.Flush()
	if len(c.examples) > 0 {
		fmt.Fprintln(w, "\nExamples:")
		for _, x := range c.examples {
			fmt.Fprintf(w, "  %s\n", x)
		}
	}
	if len(c.subs) > 0 {
		fmt.Fprintf(w, "\n%s COMMAND --help says more.\n", path)
	}
}

func hasFlags(f *flag.FlagSet) bool {
	n := 0
	if f != nil {
		f.VisitAll(func(*flag.Flag) { n++ })
	}
	return n > 0
}

func flagLine(f *flag.Flag) string {
	kind, usage := flag.UnquoteUsage(f)
	dashes := "--"
	if len(f.Name) == 1 {
		dashes = "-"
	}
	line := dashes + f.Name
	if kind != "" {
		line += " " + strings.ToUpper(kind)
	}
	line += "\t" + usage
	if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" {
		line += fmt.Sprintf(" (default %s)", f.DefValue)
	}
	return line
}

// suggest names the candidate nearest to a word that was not found.
func suggest(word string, candidates []string) string {
	if best := nearest(word, candidates); best != "" {
		return fmt.Sprintf(", did you mean %q?", best)
	}
	return ""
}

// nearest is the candidate with the smallest edit distance, if that is small enough.
func nearest(word string, candidates []string) string {
	best, least := "", max(2, len(word)/3)+1
	for _, c := range candidates {
		d := distance(word, c)
		if strings.HasPrefix(c, word) && len(word) > 1 {
			d = min(d, 1)
		}
		if d < least {
			best, least = c, d
		}
	}
	return best
}

// distance is the number of edits (Levenshtein) between two words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			above := row[j+1]
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + slices.Min([]int{diagonal, above, row[j]})
			}
			diagonal, row[j+1] = above, cost
		}
	}
	return row[len(b)]
}
