package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestJSONSchemaJudge runs the judge on a folder of the three things that it tells apart:
// right verdicts, wrong labels, and schemas that are refused.
func TestJSONSchemaJudge(t *testing.T) {
	f := func(bench, suite string, code int, want ...string) {
		t.Helper()
		dir := t.TempDir()
		for name, text := range map[string]string{"bench/Some.jsonl": bench, "suite/tests/draft/all.json": suite} {
			if text == "" {
				continue
			}
			path := filepath.Join(dir, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var out, complaints bytes.Buffer
		got := Main(context.Background(), []string{"eval", "jsonschema", dir}, env{strings.NewReader(""), &out, &complaints})
		if got != code {
			t.Errorf("exit code %d, want %d: %s%s", got, code, out.String(), complaints.String())
		}
		for _, w := range want {
			if !strings.Contains(out.String()+complaints.String(), w) {
				t.Errorf("the output lacks %q:\n%s%s", w, out.String(), complaints.String())
			}
		}
	}
	whole := `{"id":"a","schema":{"type":"object","properties":{"b":{"type":"integer"},"a":{}}},"tests":[{"valid":true,"data":{"a":[],"b":1}},{"valid":false,"data":{"b":1.5}}]}` + "\n"
	f(whole, "", exitOK, "Some", "1 (100.0 %)", "2 passed, 0 failed\n")
	f(strings.Replace(whole, `"valid":false`, `"valid":true`, 1), "", exitFailed, "1 passed, 1 failed\n")
	f(`{"id":"u","schema":{"unevaluatedItems":false},"tests":[{"valid":true,"data":1}]}`, "", exitOK,
		"0 (0.0 %)", `refused 1: keyword "unevaluatedItems" is not supported`, "0 passed, 0 failed\n")
	f("", `[{"description":"formats annotate","schema":{"format":"date"},"tests":[{"data":"x","valid":true},{"data":1,"valid":false}]}]`, exitFailed,
		"suite", "1 passed, 1 failed\n")
	f("", "", exitNotFound, "holds no schemas")
}
