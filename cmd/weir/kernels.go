package main

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/weir-project/weir/engine/kernel"
)

func kernelsCommand() *command {
	return &command{
		name: "kernels", summary: "show which compute kernels this machine runs, and why", max: 0,
		setup: func(*flag.FlagSet) runFunc {
			return func(_ context.Context, e env, _ []string) error {
				w := tabwriter.NewWriter(e.out, 0, 4, 2, ' ', 0)
				fmt.Fprintln(w, "kernel\tchosen\twritten\twhy")
				for _, v := range kernel.Variants() {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", v.Kernel, v.Chosen, strings.Join(v.Exists, " "), v.Why)
				}
				return w.Flush()
			}
		},
	}
}
