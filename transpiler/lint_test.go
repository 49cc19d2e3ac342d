package transpiler

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/reports"
	"github.com/kindling-boot/kindling/transpiler/lint"
)

// FuzzLint puts a text into a document as a unit, a drop-in, a quadlet and a file of
// variables. Linting must change nothing, and what it finds must be in the document.
func FuzzLint(f *testing.F) {
	for _, s := range []string{
		"", "[Service]\nExecStart=/bin/true\n", "[Unit]\nDescriptionn=x\n[Servicee]\nA=b\n[Service]\n[Service]\n", "junk\n[Service]\nType=x\\\n  y\n# c\nExecStart=a/b\n",
		"[Container]\nImage=x\nPublishPorts=1\n[Install]\n", "[Service]\nEnvironment=PASSWORD=x \"TOKEN=y z\" \\\n SECRET=w\n", "PASSWORD=x\n-----BEGIN PRIVATE KEY-----\n",
		"[Mount]\nWhere=/a\nWhat=%x\n[X-A]\nX-b=c\n", " \t[Service]\r\n ExecStart = -@/x\r\n", "[]\n=\n[\n]\n\\\n", "\ttabs\n\n  [Unit] \n", "[Service]\n\xff=\xfe\n", "[/exec]\nUser=x\n",
	} {
		f.Add(s)
	}
	if units, err := filepath.Glob("/usr/lib/systemd/system/systemd-*.service"); err == nil {
		for _, name := range units[:min(5, len(units))] {
			if text, err := os.ReadFile(name); err == nil {
				f.Add(string(text))
			}
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		block := "|\n"
		for line := range strings.SplitSeq(text, "\n") {
			block += "          " + line + "\n"
		}
		quoted := "!!binary " + base64.StdEncoding.EncodeToString([]byte(text))
		for _, written := range []string{block, quoted} {
			document := fmt.Sprintf("variant: fcos\nversion: 1.5.0\nsystemd:\n  units:\n    - name: a.service\n      enabled: true\n      contents: %s\n      dropins:\n        - name: b.conf\n          contents: %s\n"+
				"    - name: c-d.mount\n      contents: %s\nstorage:\n  files:\n    - path: /etc/containers/systemd/a.container\n      contents:\n        inline: %s\n    - path: /etc/a.env\n      contents:\n        inline: %s\n",
				written, written, written, written, written)
			file := source.NewFile("document", []byte(document))
			plain, outcome, _ := Translate(source.NewFile("document", []byte(document)), Options{})
			output, again, found := Translate(file, Options{Lint: true})
			if !bytes.Equal(plain, output) || outcome != again {
				t.Fatal("linting changes the result")
			}
			for _, d := range found {
				if !lint.Is(&d) {
					continue
				}
				if d.At.IsZero() || d.At.Start < 0 || d.At.Start > d.At.End || d.At.End > len(d.At.File.Data) || d.Severity != diag.Warning {
					t.Fatalf("%s at %d to %d: %s", d.Rule.ID, d.At.Start, d.At.End, d.Message)
				}
			}
			if err := reports.Text(&bytes.Buffer{}, found, reports.Options{}); err != nil {
				t.Fatal(err)
			}
		}
	})
}
