package transpiler

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/rulebook/archive"
	"github.com/kindling-boot/kindling/transpiler/variant"
)

// FuzzTranslate holds Translate to what it promises for any text: no panic, a
// reason for every refusal, places inside the text, and output that is a valid
// config of its spec.
func FuzzTranslate(f *testing.F) {
	examples, err := filepath.Glob("../examples/*.bu")
	if err != nil || len(examples) == 0 {
		f.Fatalf("no examples: %v", err)
	}
	for _, name := range examples {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	pages, err := filepath.Glob("../rulebook/pages/*.txtar")
	if err != nil || len(pages) == 0 {
		f.Fatalf("no pages: %v", err)
	}
	for _, name := range pages {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Parse(string(text)).Files {
			if strings.HasSuffix(file.Name, ".bu") {
				f.Add([]byte(file.Text))
			}
		}
	}
	for _, v := range variant.All() {
		f.Add([]byte("variant: " + v.Name + "\nversion: " + v.Version + "\nmetadata: {name: x, labels: {machineconfiguration.openshift.io/role: w}}\n" +
			"storage: {files: [{path: /a, mode: 0644, contents: {inline: a}}]}\nboot_device: {layout: x86_64, mirror: {devices: [/dev/a, /dev/b]}}\n"))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		output, outcome, found := Translate(source.NewFile("fuzz", text), Options{Raw: true})
		if (outcome == Translated) != (output != nil) || (outcome != Translated) != found.HasErrors() {
			t.Fatalf("outcome %d, output %q, diagnostics %v", outcome, output, found)
		}
		for _, d := range found {
			if !d.At.IsZero() && (d.At.Start < 0 || d.At.End < d.At.Start || d.At.End > len(d.At.File.Data)) {
				t.Errorf("%s is placed at %d to %d of %d bytes", d.Rule.ID, d.At.Start, d.At.End, len(d.At.File.Data))
			}
		}
		if output == nil {
			return
		}
		if !json.Valid(output) {
			t.Fatalf("the output is no JSON: %q", output)
		}
		if _, found := config.Parse(source.NewFile("output", output)); found.HasErrors() {
			t.Errorf("the output is no valid config: %q: %v", output, found)
		}
	})
}
