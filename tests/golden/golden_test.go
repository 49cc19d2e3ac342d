// Package golden holds documents with what the programs say about them. Run
// go test ./tests/golden -update to write the files anew, and review the
// difference as code.
package golden

import (
	"bytes"
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

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
)

var update = flag.Bool("update", false, "write the golden files anew")

// archive is a file in the form of golang.org/x/tools/txtar: a comment, then files,
// each after a line -- NAME --.
type archive struct {
	comment string
	names   []string
	files   map[string]string
}

func parseArchive(text string) archive {
	a := archive{files: map[string]string{}}
	name := ""
	for _, line := range strings.SplitAfter(text, "\n") {
		if marker, ok := strings.CutPrefix(line, "-- "); ok && strings.HasSuffix(marker, " --\n") {
			name = strings.TrimSuffix(marker, " --\n")
			a.names = append(a.names, name)
			continue
		}
		if name == "" {
			a.comment += line
			continue
		}
		a.files[name] += line
	}
	return a
}

func (a archive) format() string {
	var b strings.Builder
	b.WriteString(a.comment)
	for _, name := range a.names {
		b.WriteString("-- " + name + " --\n" + a.files[name])
	}
	return b.String()
}

// set gives a file its text, in the place it has or at the end.
func (a *archive) set(name, text string) {
	if _, ok := a.files[name]; !ok {
		a.names = append(a.names, name)
	}
	a.files[name] = text
}

// input returns the document: the file named input, or input.quoted as a Go string
// for what a text file cannot hold.
func (a archive) input(t *testing.T) string {
	t.Helper()
	if text, ok := a.files["input"]; ok {
		return text
	}
	text, err := strconv.Unquote(strings.TrimSpace(a.files["input.quoted"]))
	if err != nil {
		t.Fatalf("input.quoted: %v", err)
	}
	return text
}

// Each file of validate/ names a rule, and has an Ignition config that breaks it, in
// the text form of ignition-validate and as JSON.
func TestValidate(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("validate", "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	covered := map[string]bool{}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			a := parseArchive(string(text))
			rule := strings.TrimSpace(strings.TrimPrefix(a.comment, "rule: "))
			covered[rule] = true

			_, found := config.Parse(source.NewFile("config.ign", []byte(a.input(t))))
			broken := false
			for _, d := range found {
				broken = broken || d.Rule.ID == rule
			}
			if !broken {
				t.Errorf("the config does not break rule %s", rule)
			}
			var printed, asJSON bytes.Buffer
			if err := diag.Text(&printed, found, diag.Options{Style: diag.LinesWithExcerpts, ByteColumns: true}); err != nil {
				t.Fatal(err)
			}
			if err := diag.JSON(&asJSON, found); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(printed.String()+asJSON.String(), "hidden\"") {
				t.Error("a secret is shown")
			}
			want := a.format()
			a.set("text", printed.String())
			a.set("json", asJSON.String())
			if got := a.format(); got != want {
				if *update {
					if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
					return
				}
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
	for _, rule := range rules(t, filepath.Join("..", "..", "config")) {
		if reason := notOfJSON[rule]; !covered[rule] && reason == "" {
			t.Errorf("rule %s has no golden file", rule)
		}
	}
}

// notOfJSON are the rules that no Ignition config can break.
var notOfJSON = map[string]string{
	"merge-key": "merge keys are of YAML",
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
	if len(out) == 0 {
		t.Errorf("no rules in %s", folder)
	}
	return out
}
