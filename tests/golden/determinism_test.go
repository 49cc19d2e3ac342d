package golden

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/reports"
	"github.com/kindling-boot/kindling/rulebook"
	"github.com/kindling-boot/kindling/rulebook/archive"
	"github.com/kindling-boot/kindling/tests/programs"
	"github.com/kindling-boot/kindling/transpiler"
	"github.com/kindling-boot/kindling/transpiler/sugar"
	"github.com/kindling-boot/kindling/transpiler/variant"
)

// TestOneAnswer: a document gives the same output and the same report on every run,
// whatever the order of maps. There is a document for each version of each variant, and
// those of the rules, which have each kind of finding.
func TestOneAnswer(t *testing.T) {
	runs := 1000
	if testing.Short() {
		runs = 20
	}
	for _, v := range variant.All() {
		t.Run(v.Name+" "+v.Version, func(t *testing.T) {
			t.Parallel()
			oneAnswer(t, runs, "node"+rulebook.Butane, documentOf(&v), &archive.Archive{})
		})
	}
	for _, id := range rulebook.IDs() {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			p, _ := rulebook.Find(id) // it was listed
			name, text := p.Example("bad")
			oneAnswer(t, runs, name, text, &p.Archive)
		})
	}
}

// documentOf uses what all variants have, in parts that become more than one item.
func documentOf(v *variant.Variant) string {
	text := "variant: " + v.Name + "\nversion: " + v.Version + "\n"
	if v.Wrap != nil {
		text += "metadata:\n  name: 99-worker-x\n  labels:\n    machineconfiguration.openshift.io/role: worker\n    b: b\n    a: a\n"
	}
	text += "systemd:\n  units:\n    - name: a.service\n      enabled: true\n      contents: |\n        [Service]\n        ExecStart /bin/true\n"
	text += "storage:\n  files:\n"
	for i := range 8 {
		text += "    - path: etc/" + strconv.Itoa(i%5) + "\n      mode: 644\n      zzz: 1\n      contents:\n        inline: a\n"
	}
	return text
}

func oneAnswer(t *testing.T, runs int, name, text string, a *archive.Archive) {
	t.Helper()
	dir := t.TempDir()
	files := &sugar.FilesDir{}
	if writeFiles(t, a, dir) {
		var err error
		if files, err = sugar.OpenFilesDir(filepath.Join(dir, "files")); err != nil {
			t.Fatal(err)
		}
		defer files.Close()
	}
	first := ""
	for i := range runs {
		f := source.NewFile(name, []byte(text))
		var b strings.Builder
		output, _, found := transpiler.Translate(f, transpiler.Options{Files: files, Lint: true})
		if strings.HasSuffix(name, rulebook.Ignition) {
			var cfg config.Config
			cfg, found = config.Parse(f)
			output = config.Render(cfg)
		}
		if err := reports.Text(&b, found, reports.Options{}); err != nil {
			t.Fatal(err)
		}
		b.Write(output)
		if got := b.String(); i == 0 {
			first = got
		} else if got != first {
			t.Fatalf("run %d says\n%s\nthe first said\n%s", i+1, got, first)
		}
	}
}

// TestProgramsGiveOneAnswer runs them some times, in every format.
func TestProgramsGiveOneAnswer(t *testing.T) {
	v, _ := variant.Find("fcos", "1.7.0")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "node.bu"), []byte(documentOf(v)), 0o644); err != nil {
		t.Fatal(err)
	}
	config := `{"ignition": {"version": "3.4.0"}, "x": 1, "y": 2, "storage": {"files": [{"path": "a", "z": 1}, {"path": "a"}]}}`
	if err := os.WriteFile(filepath.Join(dir, "node.ign"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, format := range reports.Formats() {
		for _, args := range [][]string{{"butane", "node.bu"}, {"ignition-validate", "node.ign"}} {
			first := ""
			for i := range 25 {
				cmd := exec.Command(programs.Path(t, args[0]), "--format", format, args[1])
				cmd.Dir = dir
				stdout, stderr, status := run(t, cmd)
				got := stdout + stderr + strconv.Itoa(status)
				if i == 0 {
					first = got
				}
				if got != first || status != 1 {
					t.Fatalf("%s, run %d: got\n%s\nwant\n%s", format, i+1, got, first)
				}
			}
		}
	}
}
