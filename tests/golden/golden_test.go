// Package golden holds documents with what the programs say about them. Run
// go test ./tests/golden -update to write the files anew, and review the
// difference as code.
package golden

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/rulebook/archive"
	"github.com/kindling-boot/kindling/tests/programs"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) { os.Exit(programs.Main(m)) }

// eachArchive runs a test for each archive of a folder. It sets the outputs anew;
// they must be what they were.
func eachArchive(t *testing.T, folder string, test func(t *testing.T, name string, a *archive.Archive)) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".txtar")
		t.Run(name, func(t *testing.T) {
			a := archive.Parse(read(t, path))
			want := a.Format()
			test(t, name, &a)
			compare(t, path, a.Format(), want)
		})
	}
}

// compare writes a golden file if -update is given, else it must not have changed.
func compare(t *testing.T, path, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	if !*update {
		g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
		same := 0
		for same < min(len(g), len(w)) && g[same] == w[same] {
			same++
		}
		t.Errorf("%s is not what make golden would write. From line %d it has\n%s\nbut should have\n%s",
			path, same+1, few(w[same:]), few(g[same:]))
		return
	}
	if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
		t.Fatal(err)
	}
}

// few joins the first lines of a text.
func few(lines []string) string { return strings.Join(lines[:min(len(lines), 12)], "\n") }

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// input returns the document: the file named input, or input.quoted as a Go string
// for what a text file cannot hold.
func input(t *testing.T, a *archive.Archive) string {
	t.Helper()
	if text, ok := a.Find("input"); ok {
		return text
	}
	quoted, _ := a.Find("input.quoted")
	text, err := strconv.Unquote(strings.TrimSpace(quoted))
	if err != nil {
		t.Fatalf("input.quoted: %v", err)
	}
	return text
}

// rules returns the ids of the rules that the sources below a folder define.
func rules(t *testing.T, folder string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			name := ""
			switch typ := lit.Type.(type) {
			case *ast.SelectorExpr:
				name = typ.Sel.Name
			case *ast.Ident:
				name = typ.Name
			}
			if name != "Rule" {
				return true
			}
			id := ""
			for _, e := range lit.Elts {
				kv, ok := e.(*ast.KeyValueExpr)
				if key, isIdent := kv.Key.(*ast.Ident); ok && isIdent && key.Name == "ID" {
					if value, ok := kv.Value.(*ast.BasicLit); ok {
						id, _ = strconv.Unquote(value.Value)
					}
				}
			}
			if id == "" {
				t.Errorf("%s: a rule without a literal ID", path)
			}
			out = append(out, id)
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(out)
	for i := 1; i < len(out); i++ {
		if out[i] == out[i-1] {
			t.Errorf("two rules have the ID %s", out[i])
		}
	}
	return out
}
