package variant

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/config/schema"
)

var update = flag.Bool("update", false, "write the tables of the docs anew")

// The tables of docs/variants.md are those of the code: each stands after a line
// <!-- variant NAME -->, up to the next empty line.
func TestDocs(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "variants.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	for _, name := range Names() {
		for kind, table := range map[string]string{"versions": versionTable(name), "forbidden": forbiddenTable(name)} {
			marker := fmt.Sprintf("<!-- %s %s -->\n", name, kind)
			before, after, found := strings.Cut(want, marker)
			if table == "" && !found {
				continue
			}
			if !found {
				t.Fatalf("docs/variants.md has no line %q", marker)
			}
			_, rest, _ := strings.Cut(after, "\n\n")
			want = before + marker + table + "\n" + rest
		}
	}
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatal("docs/variants.md is not true to the table: run go test ./transpiler/variant -update")
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// versionTable tells of each version which spec it writes and which keys it adds.
func versionTable(name string) string {
	var b strings.Builder
	b.WriteString("| version | spec | own keys |\n|---|---|---|\n")
	for _, v := range All() {
		if v.Name == name {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", v.Version, v.Target, strings.Join(v.ownKeys(), ", "))
		}
	}
	return b.String()
}

// ownKeys are the keys of the document that not all variants have.
func (v Variant) ownKeys() []string {
	var steps []any
	for _, make := range v.Sugar {
		steps = append(steps, make())
	}
	if v.Wrap != nil {
		steps = append(steps, v.Wrap())
	}
	var keys []string
	seen := map[string]bool{}
	for _, s := range steps {
		for _, f := range schema.Of(reflect.TypeOf(s).Elem()).Fields {
			if !seen[f.YAML] {
				seen[f.YAML] = true
				keys = append(keys, "`"+f.YAML+"`")
			}
		}
	}
	return keys
}

// forbiddenTable tells which versions do not take what; empty if all take all.
func forbiddenTable(name string) string {
	var paths []string
	versions := map[string][]string{}
	for _, v := range All() {
		if v.Name != name {
			continue
		}
		for _, f := range v.Forbid {
			if versions[f.Path] == nil {
				paths = append(paths, f.Path)
			}
			versions[f.Path] = append(versions[f.Path], v.Version)
		}
	}
	if len(paths) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("| not taken | in versions |\n|---|---|\n")
	for _, path := range paths {
		fmt.Fprintf(&b, "| `%s` | %s |\n", schema.Snake(path), span(versions[path], Versions(name)))
	}
	return b.String()
}

// span writes versions that follow each other in a few words.
func span(some, all []string) string {
	first, last := some[0], some[len(some)-1]
	switch {
	case len(some) == len(all):
		return "all"
	case len(some) == 1:
		return first
	case last == all[len(all)-1]:
		return "from " + first
	case first == all[0]:
		return "up to " + last
	}
	return first + " to " + last
}
