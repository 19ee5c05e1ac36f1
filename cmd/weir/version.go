package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by releases: -ldflags "-X main.version=v0.1.0".
var version = "dev"

// buildVersion is the release, or the commit that the binary was built from.
func buildVersion() string {
	if version != "dev" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version
	}
	commit, dirty := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = "+" + s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = ".dirty"
		}
	}
	return version + commit + dirty
}

func versionCommand() *command {
	return &command{
		name: "version", summary: "print the version", max: 0,
		setup: func(f *flag.FlagSet) runFunc {
			asJSON := f.Bool("json", false, "print JSON")
			return func(_ context.Context, e env, _ []string) error {
				if *asJSON {
					return json.NewEncoder(e.out).Encode(map[string]string{
						"version": buildVersion(), "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
					})
				}
				_, err := fmt.Fprintf(e.out, "weir %s (%s, %s/%s)\n", buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
				return err
			}
		},
	}
}
