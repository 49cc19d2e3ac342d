package legacy_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/legacy"
	"github.com/kindling-boot/kindling/config/legacy/containerlinux"
	"github.com/kindling-boot/kindling/config/legacy/ignition2"
	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/rulebook/archive"
)

var update = flag.Bool("update", false, "write the golden files anew")

// dialects are the translators, by the folder of their archives, and the name of the
// document in them.
var dialects = map[string]struct {
	name      string
	translate func(f *source.File) (types.Config, source.Locator, legacy.Notes, diag.List)
}{
	"ignition2": {"in.ign", ignition2.Translate},
	"containerlinux": {"in.yaml", func(f *source.File) (types.Config, source.Locator, legacy.Notes, diag.List) {
		return containerlinux.Translate(f, containerlinux.Options{})
	}},
}

// TestGolden: each archive has a document and what becomes of it: the config in the
// newest spec, what is said, and the notes about keys that are not taken over exactly.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("*/testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, path := range paths {
		folder, _, _ := strings.Cut(path, "/")
		dialect := dialects[folder]
		t.Run(folder+"/"+strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			a := archive.Parse(string(text))
			in, ok := a.Find(dialect.name)
			if !ok {
				t.Fatalf("the archive has no %s", dialect.name)
			}
			cfg, _, notes, ds := dialect.translate(source.NewFile(dialect.name, []byte(in)))
			out := ""
			if !ds.HasErrors() {
				var indented bytes.Buffer
				if err := json.Indent(&indented, schema.AppendJSON(nil, &cfg, true), "", "  "); err != nil {
					t.Fatal(err)
				}
				out = indented.String() + "\n"
			}
			var said, fates strings.Builder
			for _, d := range ds {
				fmt.Fprintf(&said, "%s: %s[%s] %s: %s\n  help: %s\n", d.At, d.Severity, d.Rule.ID, d.Path, d.Message, d.Advice())
			}
			for _, n := range notes {
				if n.Fate != legacy.Exact {
					fmt.Fprintf(&fates, "%s: %s %s: %s\n", n.At, n.Path, n.Fate, n.How)
				}
			}
			a.Set("out.ign", out)
			a.Set("said", said.String())
			a.Set("notes", fates.String())
			switch got := a.Format(); {
			case got == string(text):
			case *update:
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			default:
				t.Errorf("%s has changed (go test -update writes it):\n%s", path, got)
			}
		})
	}
}
