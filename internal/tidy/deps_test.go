package tidy

import (
	"go/build"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/weir-project/weir"

// pure lists packages whose results depend on their arguments alone. A trailing /... covers
// the packages below.
var pure = []string{
	"", "engine/gguf", "engine/token", "engine/template", "engine/quant", "engine/kernel", "engine/arch",
	"engine/kv", "engine/sample", "engine/grammar", "engine/batch",
	"market", "market/book", "market/auction", "market/route", "market/ledger", "market/meter", "market/receipt",
	"pool", "slice", "plan", "models/intent", "models/intent/quantity", "internal/fault", "internal/invariant",
}

// impure lists what a pure package may not import: I/O, clocks' owners, shared state.
var impure = []string{"os", "net", "net/http", "database/sql", "log/slog", "log", "context", "sync", "math/rand", "math/rand/v2"}

// outside lists the imports from other modules that a pure package may have.
var outside = map[string][]string{
	"engine/kernel":  {"golang.org/x/sys/cpu"},
	"market/receipt": {"golang.org/x/mod/sumdb/note", "golang.org/x/mod/sumdb/tlog"},
	"engine/token":   {"golang.org/x/text/unicode/norm"},
}

// owners says which packages alone may import a dependency (DEPENDENCIES.md, rule 6).
var owners = map[string][]string{
	"github.com/nats-io/":               {"bus"},
	"modernc.org/sqlite":                {"centre"},
	"github.com/pressly/goose":          {"centre"},
	"github.com/shirou/gopsutil":        {"node"},
	"github.com/klauspost/cpuid":        {"node", "engine/kernel"},
	"github.com/prometheus/":            {"gateway", "node", "cmd"},
	"golang.org/x/time":                 {"gateway"},
	"go.yaml.in/yaml":                   {"cmd", "agent"},
	"golang.org/x/sys":                  {"engine", "node", "cmd", "market/journal"},
	"golang.org/x/mod":                  {"market/receipt"},
	"golang.org/x/text":                 {"engine/token"},
	"github.com/cockroachdb/datadriven": {"market", "centre", "pool", "gateway", "engine", "slice"},
	"pgregory.net/rapid":                {""},
	"github.com/rogpeppe/go-internal":   {"cmd"},
}

// below lists the order of layers inside engine: a package may import those before it.
var below = map[string][]string{
	"engine/quant":    {},
	"engine/gguf":     {"engine/quant"},
	"engine/kernel":   {"engine/quant"},
	"engine/kv":       {},
	"engine/token":    {},
	"engine/template": {},
	"engine/sample":   {},
	"engine/grammar":  {"engine/token", "engine/sample"},
	"engine/arch":     {"engine/quant", "engine/kernel", "engine/gguf", "engine/token", "engine/kv"},
}

// banned modules are cgo, or break with new Go releases (DEPENDENCIES.md, section 4).
var banned = []string{"github.com/bytedance/sonic", "github.com/mattn/go-sqlite3", "github.com/NVIDIA/go-nvml", "github.com/daulet/tokenizers"}

func covers(list []string, pkg string) bool {
	for _, entry := range list {
		if entry == pkg || entry == "" || strings.HasPrefix(pkg, entry+"/") {
			return true
		}
	}
	return false
}

func std(imported string) bool { return !strings.Contains(strings.Split(imported, "/")[0], ".") }

// rules are checked for each import of each package; a problem is a sentence.
var rules = []func(pkg, imported string, test bool) string{
	func(pkg, imported string, test bool) string {
		if test || !slices.Contains(pure, pkg) {
			return ""
		}
		if slices.Contains(impure, imported) {
			return "a pure package takes time, randomness and data as arguments"
		}
		if !std(imported) && !strings.HasPrefix(imported, module) && !slices.Contains(outside[pkg], imported) {
			return "a pure package imports the standard library alone"
		}
		if own, ok := strings.CutPrefix(imported, module+"/"); ok && !slices.Contains(pure, own) {
			return "a pure package imports pure packages alone"
		}
		return ""
	},
	func(pkg, imported string, test bool) string {
		layers, ok := below[pkg]
		own, inside := strings.CutPrefix(imported, module+"/engine/")
		if test || !ok || !inside || slices.Contains(layers, "engine/"+own) {
			return ""
		}
		return "this layer of the engine lies below the one it imports"
	},
	func(pkg, imported string, test bool) string {
		from, to := path.Join(module, pkg), imported
		cross := func(a, b string) bool {
			return covers([]string{module + "/" + a}, from) && covers([]string{module + "/" + b}, to)
		}
		switch {
		case cross("engine", "market"), cross("market", "engine"):
			return "engine and market do not know each other"
		case cross("gateway", "engine") && !test:
			for _, allowed := range []string{"token", "template", "gguf"} {
				if to == module+"/engine/"+allowed {
					return ""
				}
			}
			return "a gateway runs no model: engine/token, template and gguf only"
		case covers([]string{module + "/cmd", module + "/console"}, to) && !strings.HasPrefix(from, module+"/cmd"):
			return "nothing imports cmd or console"
		}
		return ""
	},
	func(pkg, imported string, test bool) string {
		for dependency, own := range owners {
			if strings.HasPrefix(imported, dependency) && !covers(own, pkg) && !test {
				return "this dependency belongs to " + strings.Join(own, ", ")
			}
		}
		for _, b := range banned {
			if strings.HasPrefix(imported, b) {
				return "this module is banned, see docs/decisions/dependencies.md"
			}
		}
		if imported == "C" {
			return "no cgo"
		}
		return ""
	},
}

func TestImportDirection(t *testing.T) {
	root := treeRoot(t)
	for _, dir := range packageDirs(t, root) {
		p, err := build.ImportDir(path.Join(root, dir), 0)
		if err != nil {
			if _, none := err.(*build.NoGoError); none {
				continue
			}
			t.Errorf("%s: %v", dir, err)
			continue
		}
		check := func(imports []string, test bool) {
			for _, imported := range imports {
				for _, rule := range rules {
					if problem := rule(dir, imported, test); problem != "" {
						t.Errorf("%s imports %s: %s", module+"/"+dir, imported, problem)
					}
				}
			}
		}
		check(p.Imports, false)
		check(slices.Concat(p.TestImports, p.XTestImports), true)
	}
}

// TestRulesBite makes sure that each rule can fail.
func TestRulesBite(t *testing.T) {
	f := func(pkg, imported, want string) {
		t.Helper()
		for _, rule := range rules {
			if got := rule(pkg, imported, false); strings.Contains(got, want) && got != "" {
				return
			}
		}
		t.Errorf("%s may import %s: want a refusal with %q", pkg, imported, want)
	}
	f("market/ledger", "os", "takes time")
	f("market/ledger", "github.com/nats-io/nats.go", "standard library alone")
	f("market/ledger", module+"/centre", "pure packages alone")
	f("engine/quant", module+"/engine/kernel", "below")
	f("engine", module+"/market", "do not know each other")
	f("market/route", module+"/engine/kv", "do not know each other")
	f("gateway", module+"/engine", "runs no model")
	f("node", module+"/cmd/weir", "nothing imports cmd")
	f("gateway", "github.com/nats-io/nats.go", "belongs to bus")
	f("node", "github.com/bytedance/sonic", "banned")
	f("node", "C", "no cgo")
}
