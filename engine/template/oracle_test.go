package template

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-project/weir/internal/testkit"
)

// TestOracle judges every template of the shared fixtures: each case must come out byte for byte.
func TestOracle(t *testing.T) {
	judgeFolder(t, testkit.Shared(t, "fixtures/templates"), func(name string) ([]byte, error) {
		return os.ReadFile(name + ".json")
	})
}

// TestOracleCommitted does the same for the templates that may be copied.
func TestOracleCommitted(t *testing.T) {
	judgeFolder(t, filepath.Join("testdata", "oracle"), readGzip)
}

func readGzip(name string) ([]byte, error) {
	packed, err := os.ReadFile(name + ".json.gz")
	if err != nil {
		return nil, err
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// judgeFolder judges each NAME.jinja of a folder by the cases that read returns for NAME.
func judgeFolder(t *testing.T, dir string, read func(name string) ([]byte, error)) {
	t.Helper()
	sources, err := filepath.Glob(filepath.Join(dir, "*.jinja"))
	if err != nil || len(sources) == 0 {
		t.Fatalf("no templates: %v", err)
	}
	total := 0
	for _, path := range sources {
		name := strings.TrimSuffix(path, ".jinja")
		t.Run(filepath.Base(name), func(t *testing.T) {
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			cases, err := read(name)
			if err != nil {
				t.Fatal(err)
			}
			passed, failed, diffs, err := Judge(string(src), cases)
			if err != nil {
				t.Fatal(err)
			}
			if passed < 40 || failed != 0 {
				t.Errorf("passed %d, failed %d\n%s", passed, failed, strings.Join(diffs, "\n"))
			}
			total += passed
		})
	}
	t.Logf("%d cases of %d templates are equal", total, len(sources))
}

// TestJudge makes sure that the judge can find fault.
func TestJudge(t *testing.T) {
	f := func(src, cases string, passed int, diff string) {
		t.Helper()
		got, failed, diffs, err := Judge(src, []byte(cases))
		if err != nil {
			t.Fatal(err)
		}
		if got != passed || failed != len(diffs) || !strings.Contains(strings.Join(diffs, "\n"), diff) {
			t.Errorf("%s: passed %d, failed %d, %q; want %d and %q", src, got, failed, diffs, passed, diff)
		}
	}
	f("a{{ x }}", `[{"case":"c","input":{"x":1},"output":"a1"}]`, 1, "")
	f("a{{ x }}", `[{"case":"c","input":{"x":1},"output":"a2"}]`, 0, `c: differs at byte 1: got "a1", want "a2"`)
	f("a{{ x }}", `[{"case":"c","input":{},"output":"ab"}]`, 0, `got "a", want "ab"`)
	f("a", `[{"case":"c","input":{},"output":"b","accept":"a"}]`, 1, "")
	f("{{ x.y }}", `[{"case":"c","input":{},"output":"b"}]`, 0, "c: failed: template line 1: UndefinedError")

	refusal := `[{"case":"c","input":{},"error":{"kind":"raised","message":"no"}}]`
	f("{{ raise_exception('no') }}", refusal, 1, "")
	f("{{ raise_exception('yes') }}", refusal, 0, `refused with "yes", want "no"`)
	f("{{ x.y }}", refusal, 0, "must be refused by the template")
	f("a", refusal, 0, "rendered, but must fail")
	f("{{ raise_exception('no') }}", `[{"case":"c","input":{},"error":{"kind":"TypeError","message":"z"}}]`, 1, "")

	lenient := `[{"case":"c","input":{},"error":{"kind":"TypeError","message":"z","lenient":true}`
	f("a", lenient+`}]`, 1, "")
	f("a", lenient+`,"accept":"a"}]`, 1, "")
	f("a", lenient+`,"accept":"b"}]`, 0, `got "a", want "b"`)

	for _, bad := range []string{``, `{}`, `[1]`, `[{}]`, `[{"case":"c"}]`, `[{"case":"c","input":{}}]`} {
		if _, _, _, err := Judge("a", []byte(bad)); err == nil {
			t.Errorf("cases %q are accepted", bad)
		}
	}
	if _, _, _, err := Judge("{{", []byte("[]")); err == nil {
		t.Error("a template that does not parse is accepted")
	}
}
