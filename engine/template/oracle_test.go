package template

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sharedTemplates is the folder of conversation fixtures beside the repository, or the test is skipped.
func sharedTemplates(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("WEIR_SHARED"); dir != "" {
		return filepath.Join(dir, "fixtures", "templates")
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		found := filepath.Join(dir, "shared", "fixtures", "templates")
		if _, err := os.Stat(found); err == nil {
			return found
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Skip("no shared/fixtures beside the repository; set WEIR_SHARED to judge all templates")
		}
		dir = up
	}
}

// TestOracle judges every template of the shared fixtures: each case must come out byte for byte.
func TestOracle(t *testing.T) {
	sources, err := filepath.Glob(filepath.Join(sharedTemplates(t), "*.jinja"))
	if err != nil || len(sources) == 0 {
		t.Fatalf("no templates: %v", err)
	}
	for _, src := range sources {
		name := strings.TrimSuffix(filepath.Base(src), ".jinja")
		t.Run(name, func(t *testing.T) {
			judgeFiles(t, src, strings.TrimSuffix(src, ".jinja")+".json")
		})
	}
}

func judgeFiles(t *testing.T, source, cases string) {
	t.Helper()
	src, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(cases)
	if err != nil {
		t.Fatal(err)
	}
	judge(t, string(src), data)
}

func judge(t *testing.T, src string, cases []byte) {
	t.Helper()
	passed, failed, diffs, err := Judge(src, cases)
	if err != nil {
		t.Fatal(err)
	}
	if passed+failed == 0 {
		t.Error("no cases")
	}
	for _, d := range diffs {
		t.Error(d)
	}
}
