package tidy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Limits of the tree.
const (
	linesPerFile     = 800
	linesPerFunction = 70
	makefileLines    = 60
	treeBytes        = 60 << 20
)

// longFunctions may exceed the limit; each entry says why.
var longFunctions = map[string]string{}

// longFiles may exceed the limit; generated files do so by themselves.
var longFiles = map[string]string{}

var badNames = []string{"util", "utils", "common", "helpers", "base", "misc"}

func treeRoot(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// packageDirs lists the directories of the module that hold Go files, relative to root.
func packageDirs(t *testing.T, root string) []string {
	t.Helper()
	var dirs []string
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(root, p)
		if rel != "." {
			if strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_") || d.Name() == "testdata" || d.Name() == "node_modules" {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(p, "go.mod")); err == nil {
				return filepath.SkipDir // a module of its own
			}
		}
		if files, _ := filepath.Glob(filepath.Join(p, "*.go")); len(files) > 0 {
			dirs = append(dirs, strings.TrimPrefix(filepath.ToSlash(rel), "."))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

// goFiles parses the hand-written Go files of a directory.
func goFiles(t *testing.T, dir string) (*token.FileSet, map[string]*ast.File) {
	t.Helper()
	set, files := token.NewFileSet(), map[string]*ast.File{}
	names, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	for _, name := range names {
		f, err := parser.ParseFile(set, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !ast.IsGenerated(f) {
			files[name] = f
		}
	}
	return set, files
}

func TestSizes(t *testing.T) {
	root := treeRoot(t)
	for _, dir := range packageDirs(t, root) {
		set, files := goFiles(t, filepath.Join(root, dir))
		for name, f := range files {
			rel, _ := filepath.Rel(root, name)
			if n := set.Position(f.FileEnd).Line; n > linesPerFile && longFiles[rel] == "" {
				t.Errorf("%s has %d lines: a file past %d wants to be two", rel, n, linesPerFile)
			}
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok || fn.Body == nil {
					continue
				}
				n := set.Position(fn.End()).Line - set.Position(fn.Pos()).Line + 1
				if n > linesPerFunction && longFunctions[rel+":"+fn.Name.Name] == "" {
					t.Errorf("%s: %s has %d lines: a function past %d asks for a name for one of its parts", rel, fn.Name.Name, n, linesPerFunction)
				}
			}
		}
	}
}

func TestPackageNamesAndDocs(t *testing.T) {
	root := treeRoot(t)
	for _, dir := range packageDirs(t, root) {
		if slices.Contains(badNames, filepath.Base(dir)) {
			t.Errorf("%s: a package is named after what it is for", dir)
		}
		_, files := goFiles(t, filepath.Join(root, dir))
		docs := 0
		hand := 0
		for name, f := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			hand++
			if f.Doc != nil {
				docs++
			}
		}
		if hand > 0 && docs != 1 {
			t.Errorf("%s has %d package comments: want exactly one", dir, docs)
		}
	}
}

// unfinished matches words that stand in place of work, as comments write them.
var unfinished = regexp.MustCompile(`(?i)//.*\b(TODO|FIXME|XXX|unimplemented|not implemented)\b`)

// machinePath matches absolute paths that only exist where the code was written.
var machinePath = regexp.MustCompile(`/(work|root|farm)/[a-z]|bash_jobs`)

func TestNothingUnfinished(t *testing.T) {
	root := treeRoot(t)
	self := filepath.Join("internal", "tidy")
	for _, name := range trackedFiles(t, root) {
		if strings.HasPrefix(name, self) || strings.Contains(name, "testdata") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil || len(text) > 1<<20 || slices.Contains(text, 0) {
			continue
		}
		for i, line := range strings.Split(string(text), "\n") {
			if strings.HasSuffix(name, ".go") && unfinished.MatchString(line) {
				t.Errorf("%s:%d: unfinished work: %s", name, i+1, strings.TrimSpace(line))
			}
			if machinePath.MatchString(line) {
				t.Errorf("%s:%d: a path of one machine: %s", name, i+1, strings.TrimSpace(line))
			}
		}
	}
}

func TestTreeIsSmall(t *testing.T) {
	root := treeRoot(t)
	var total int64
	for _, name := range trackedFiles(t, root) {
		if info, err := os.Stat(filepath.Join(root, name)); err == nil {
			total += info.Size()
		}
	}
	if total > treeBytes {
		t.Errorf("the tree holds %d bytes: at most %d", total, treeBytes)
	}
	if text, err := os.ReadFile(filepath.Join(root, "Makefile")); err == nil {
		if n := strings.Count(string(text), "\n"); n > makefileLines {
			t.Errorf("Makefile has %d lines: at most %d", n, makefileLines)
		}
	}
}

// trackedFiles lists what git knows, or skips where there is no repository.
func trackedFiles(t *testing.T, root string) []string {
	t.Helper()
	out, err := exec.Command("git", "-C", root, "ls-files").Output()
	if err != nil {
		t.Skipf("needs a git work tree: %v", err)
	}
	return strings.Fields(string(out))
}
