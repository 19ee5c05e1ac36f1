package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/weir-project/weir/engine/grammar"
	"github.com/weir-project/weir/internal/fault"
)

func evalJSONSchemaCommand() *command {
	return &command{
		name: "jsonschema", args: "DIR", min: 1, max: 1, summary: "judge constrained decoding by schemas with known instances",
		long: `DIR holds bench/GROUP.jsonl, a line {"id","schema","tests":[{"valid","data"}]} a schema, and suite/tests/, files of
the JSON Schema Test Suite; either may be missing. A valid instance, written compactly with its keys in the
order of the schema, must be accepted; an invalid one must be refused, with its keys in that order and in its
own. Formats are obeyed, but in the suite only where its folder says so. A schema that does not compile is
counted as refused, with the reason, and judges no instance.`,
		setup: func(f *flag.FlagSet) runFunc {
			verbose := f.Bool("v", false, "name every refused schema and wrong verdict")
			return func(ctx context.Context, e env, args []string) error {
				return evalJSONSchema(ctx, e, args[0], *verbose)
			}
		},
	}
}

// schemaCase is a schema with instances.
type schemaCase struct {
	ID     string           `json:"id"`
	Schema json.RawMessage  `json:"schema"`
	Tests  []schemaInstance `json:"tests"`

	annotates bool // format only annotates
}

type schemaInstance struct {
	Valid bool            `json:"valid"`
	Data  json.RawMessage `json:"data"`
}

// schemaGroup is a row of the table.
type schemaGroup struct {
	name                        string
	schemas, compiled           int
	accepted, refused           int // instances judged as they should be
	falseAccepts, falseRefusals int
	slowest                     time.Duration
}

type schemaJudge struct {
	groups  []*schemaGroup
	reasons map[string]int
	notes   []string // refused schemas and wrong verdicts
}

func evalJSONSchema(ctx context.Context, e env, dir string, verbose bool) error {
	j := &schemaJudge{reasons: map[string]int{}}
	for _, read := range []func(context.Context, fs.FS) error{j.bench, j.suite} {
		if err := read(ctx, os.DirFS(dir)); err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
	}
	if len(j.groups) == 0 {
		return fault.New(fault.NotFound, "%s holds no schemas: want bench/*.jsonl or suite/tests", dir)
	}
	passed, failed := j.print(e)
	if verbose {
		for _, n := range j.notes {
			fmt.Fprintln(e.err, n)
		}
	}
	return verdict(e, passed, failed)
}

func (j *schemaJudge) bench(ctx context.Context, dir fs.FS) error {
	names, err := fs.Glob(dir, "bench/*.jsonl")
	if err != nil {
		return err
	}
	for _, name := range names {
		data, err := fs.ReadFile(dir, name)
		if err != nil {
			return err
		}
		g := j.group(strings.TrimSuffix(path.Base(name), ".jsonl"))
		lines := bufio.NewScanner(bytes.NewReader(data))
		lines.Buffer(nil, len(data)+1)
		for n := 1; lines.Scan(); n++ {
			var c schemaCase
			if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
				return fault.New(fault.Invalid, "%s, line %d: %w", name, n, err)
			}
			if err := j.judge(ctx, g, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// suite judges the files of the JSON Schema Test Suite, whose optional ones are a group.
func (j *schemaJudge) suite(ctx context.Context, dir fs.FS) error {
	if _, err := fs.Stat(dir, "suite/tests"); err != nil {
		return nil // the suite may be missing
	}
	return fs.WalkDir(dir, "suite/tests", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".json" {
			return err
		}
		data, err := fs.ReadFile(dir, name)
		if err != nil {
			return err
		}
		var cases []struct {
			Description string           `json:"description"`
			Schema      json.RawMessage  `json:"schema"`
			Tests       []schemaInstance `json:"tests"`
		}
		if err := json.Unmarshal(data, &cases); err != nil {
			return fault.New(fault.Invalid, "%s: %w", name, err)
		}
		g := j.group("suite")
		if strings.Contains(name, "/optional/") {
			g = j.group("suite, optional")
		}
		for _, c := range cases {
			one := schemaCase{ID: path.Base(name) + ": " + c.Description, Schema: c.Schema, Tests: c.Tests}
			one.annotates = !strings.Contains(name, "/optional/format")
			if err := j.judge(ctx, g, one); err != nil {
				return err
			}
		}
		return nil
	})
}

func (j *schemaJudge) group(name string) *schemaGroup {
	i := slices.IndexFunc(j.groups, func(g *schemaGroup) bool { return g.name == name })
	if i < 0 {
		i = len(j.groups)
		j.groups = append(j.groups, &schemaGroup{name: name})
	}
	return j.groups[i]
}

func (j *schemaJudge) judge(ctx context.Context, g *schemaGroup, c schemaCase) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	g.schemas++
	start := time.Now()
	compiled, err := grammar.CompileSchemaWith(c.Schema, grammar.Options{FormatAnnotates: c.annotates})
	g.slowest = max(g.slowest, time.Since(start))
	if err != nil {
		j.reasons[schemaReason(err)]++
		j.notes = append(j.notes, fmt.Sprintf("refused: %s: %v", c.ID, err))
		return nil
	}
	g.compiled++
	for _, t := range c.Tests {
		accepted, err := compiled.AcceptsValue(t.Data)
		if err != nil {
			return fmt.Errorf("%s: %w", c.ID, err)
		}
		if !t.Valid && !accepted {
			text, err := grammar.Compact(t.Data)
			if err != nil {
				return fmt.Errorf("%s: %w", c.ID, err)
			}
			accepted, _ = compiled.Accepts(text)
		}
		switch {
		case accepted && t.Valid:
			g.accepted++
		case !accepted && !t.Valid:
			g.refused++
		case accepted:
			g.falseAccepts++
			j.notes = append(j.notes, fmt.Sprintf("false accept: %s: %s", c.ID, t.Data))
		default:
			g.falseRefusals++
			j.notes = append(j.notes, fmt.Sprintf("false refusal: %s: %s", c.ID, t.Data))
		}
	}
	return nil
}

var (
	schemaPlace = regexp.MustCompile(`^schema at \S.*?: (.*)$`)
	schemaQuote = regexp.MustCompile(`^(pattern|patternProperties|\$ref) ".*"`)
	schemaCount = regexp.MustCompile(`\d+`)
)

// schemaReason is why a schema does not compile, without what differs from schema to schema.
func schemaReason(err error) string {
	text := err.Error()
	if m := schemaPlace.FindStringSubmatch(text); m != nil {
		text = m[1]
	}
	return schemaCount.ReplaceAllString(schemaQuote.ReplaceAllString(text, "$1"), "N")
}

// print writes the table and, below it, why schemas were refused.
func (j *schemaJudge) print(e env) (passed, failed int) {
	w := tabwriter.NewWriter(e.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "group\tschemas\tcompiled\tvalid accepted\tinvalid refused\tfalse accepts\tfalse refusals\tslowest compile")
	row := func(g *schemaGroup) {
		fmt.Fprintf(w, "%s\t%d\t%d (%.1f %%)\t%d\t%d\t%d\t%d\t%v\n", g.name, g.schemas, g.compiled, 100*float64(g.compiled)/float64(max(g.schemas, 1)),
			g.accepted, g.refused, g.falseAccepts, g.falseRefusals, g.slowest.Round(100*time.Microsecond))
	}
	all := &schemaGroup{name: "bench, all"}
	for _, g := range j.groups {
		row(g)
		passed, failed = passed+g.accepted+g.refused, failed+g.falseAccepts+g.falseRefusals
		if !strings.HasPrefix(g.name, "suite") {
			all.schemas, all.compiled = all.schemas+g.schemas, all.compiled+g.compiled
			all.accepted, all.refused = all.accepted+g.accepted, all.refused+g.refused
			all.falseAccepts, all.falseRefusals = all.falseAccepts+g.falseAccepts, all.falseRefusals+g.falseRefusals
			all.slowest = max(all.slowest, g.slowest)
		}
	}
	if all.schemas > 0 {
		row(all)
	}
	w.Flush()
	reasons := make([]string, 0, len(j.reasons))
	for r := range j.reasons {
		reasons = append(reasons, r)
	}
	slices.SortFunc(reasons, func(a, b string) int {
		if d := j.reasons[b] - j.reasons[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	for _, r := range reasons {
		fmt.Fprintf(e.out, "refused %d: %s\n", j.reasons[r], r)
	}
	return passed, failed
}
