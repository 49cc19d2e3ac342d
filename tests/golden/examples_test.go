package golden

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

// TestCloudInitExamples converts the documents that Debian's package of cloud-init has as
// examples, with the built program. What becomes of each is reviewed: examples.txt.
func TestCloudInitExamples(t *testing.T) {
	dir := filepath.Join(programs.DebianPackage(t, "cloud-init"), "usr/share/doc/cloud-init/examples")
	paths, err := filepath.Glob(filepath.Join(dir, "*.txt*"))
	if err != nil || len(paths) < 30 {
		t.Fatalf("there are %d examples: %v", len(paths), err)
	}
	seeds, err := filepath.Glob(filepath.Join(dir, "seed", "*"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, path := range append(paths, seeds...) {
		name, _ := filepath.Rel(dir, path)
		fmt.Fprintf(&b, "== %s\n%s\n", strings.TrimSuffix(name, ".gz"), converted(t, path))
	}
	golden := filepath.Join("cloudconfig", "examples.txt")
	old, err := os.ReadFile(golden)
	if err != nil && !*update {
		t.Fatal(err)
	}
	compare(t, golden, b.String(), string(old))
}

// converted says what butane makes of a document: what became of its keys, and what is said.
func converted(t *testing.T, path string) string {
	t.Helper()
	text := []byte(read(t, path))
	if filepath.Ext(path) == ".gz" {
		r, err := gzip.NewReader(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if text, err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(programs.Path(t, "butane"), "convert", "--to", "linux", "--format", "json")
	cmd.Stdin = bytes.NewReader(text)
	_, said, status := run(t, cmd)
	var report struct {
		Dialect string
		Keys    []struct {
			Path, Fate, How string
			Line            int
		}
		Problems []struct {
			Severity, Rule, Message string
			Start                   struct{ Line int }
		}
	}
	if err := json.Unmarshal([]byte(said), &report); err != nil {
		t.Fatalf("%s: %v\n%s", path, err, said)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s, exit status %d\n", report.Dialect, status)
	exact := 0
	for _, k := range report.Keys {
		if k.Fate == "exact" {
			exact++
			continue
		}
		fmt.Fprintf(&b, "%d %s %s: %s\n", k.Line, k.Fate, k.Path, k.How)
	}
	for _, p := range report.Problems {
		if p.Rule != "dialect-dropped" && p.Rule != "dialect-approximated" {
			fmt.Fprintf(&b, "%d %s[%s] %s\n", p.Start.Line, p.Severity, p.Rule, p.Message)
		}
	}
	fmt.Fprintf(&b, "exact: %d\n", exact)
	return b.String()
}
