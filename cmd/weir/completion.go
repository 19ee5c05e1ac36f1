package main

import (
	"context"
	"flag"
	"fmt"
	"strings"
)

func completionCommand() *command {
	return &command{
		name: "completion", args: "bash|zsh|fish", summary: "print a shell's completion script", min: 1, max: 1,
		long: "The script asks weir itself, so it never falls behind the binary.",
		examples: []string{
			"source <(weir completion bash)",
			"weir completion zsh > \"${fpath[1]}/_weir\"",
			"weir completion fish > ~/.config/fish/completions/weir.fish",
		},
		setup: func(*flag.FlagSet) runFunc {
			return func(_ context.Context, e env, args []string) error {
				script, ok := completionScripts[args[0]]
				if !ok {
					return usagef("no completion for %q: want bash, zsh or fish", args[0])
				}
				fmt.Fprint(e.out, script)
				return nil
			}
		},
	}
}

var completionScripts = map[string]string{
	"bash": `_weir() {
    local IFS=$'\n'
    COMPREPLY=($(weir complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
    [[ ${#COMPREPLY[@]} -eq 0 ]] && COMPREPLY=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o filenames -F _weir weir
`,
	"zsh": `#compdef weir
_weir() {
    local -a found
    found=(${(f)"$(weir complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)"})
    if (( ${#found} )); then compadd -- $found; else _files; fi
}
compdef _weir weir
`,
	"fish": `function __weir_complete
    set -l words (commandline -opc)[2..-1] (commandline -ct)
    weir complete -- $words 2>/dev/null
end
complete -c weir -a '(__weir_complete)'
`,
}

func completeCommand() *command {
	return &command{
		name: "complete", args: "-- WORD...", summary: "list what may follow the words so far (for shells)", min: 0, max: -1,
		setup: func(*flag.FlagSet) runFunc {
			return func(_ context.Context, e env, args []string) error {
				for _, word := range complete(args) {
					fmt.Fprintln(e.out, word)
				}
				return nil
			}
		},
	}
}

// complete lists commands or flags that the last word may become. Nothing means: a file.
func complete(words []string) []string {
	if len(words) == 0 {
		words = []string{""}
	}
	c := table()
	for _, w := range words[:len(words)-1] {
		if next := c.sub(w); next != nil {
			c = next
		}
	}
	last := words[len(words)-1]
	var found []string
	add := func(candidate string) {
		if strings.HasPrefix(candidate, last) {
			found = append(found, candidate)
		}
	}
	if strings.HasPrefix(last, "-") && c.setup != nil {
		f, _ := c.flags("")
		f.VisitAll(func(f *flag.Flag) { add("--" + f.Name) })
		return found
	}
	for _, name := range c.names() {
		add(name)
	}
	return found
}
