package config

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/reports"
)

// seeds are configs of all specs with most of what there is, right and wrong.
var seeds = []string{
	``, ` `, `null`, `[]`, `{}`, `{"ignition":{}}`, `{"ignition":null}`, `{"ignition":{"version":"3.0.0"}}`, `{"ignition":{"version":"03.4.0"}}`,
	`{"ignition":{"version":"2.3.0"}}`, `{"ignition":{"version":"9.0.0"}}`, `{"ignition":{"version":"x"}}`, `{"ignition":{"version":3}}`, `{"ignition":{"version":"3.4.0"}} {}`,
	`{"IGNITION":{"Version":"3.4.0"},"storage":{"FILES":[{"path":"/a"}]}}`,
	`{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/a","contents":{"source":"data:,a"}}]},"storage":{"files":[{"mode":420},{}]}}`,
	`{"ignition":{"version":"3.4.0"},"storage":{"files":[null,{"path":"/a","mode":2541,"user":{"id":1,"name":"x"},"append":[{"source":"data:,x"},{}],"overwrite":true}],"links":[{"path":"/l","target":"/a","hard":true,"user":{"id":0}}],"directories":[{"path":"/l/d"},{"path":"/l/d"},{"path":"b"}]}}`,
	`{"ignition":{"version":"3.2.0"},"storage":{"links":[{"path":"/l"}],"raid":[{"name":"r"}],"luks":[{"name":"a","device":"/d","clevis":{"custom":{}}},{"clevis":null}]}}`,
	`{"ignition":{"version":"3.5.0"},"storage":{"luks":[{"name":"a","device":"/d","cex":{"enabled":true},"keyFile":{"source":"data:,s"},"clevis":{"tang":[{"url":"http://a","thumbprint":"x","advertisement":"{}"}],"tpm2":true,"threshold":1}}]}}`,
	`{"ignition":{"version":"3.7.0-experimental"},"storage":{"disks":[{"device":"/dev/a","wipeTable":true,"partitions":[{"number":1,"label":"a:b","startMiB":1,"sizeMiB":9},{"number":1,"startMiB":2,"sizeMiB":0,"guid":"x"},{"shouldExist":false,"label":"z"}]}],"filesystems":[{"device":"/dev/a","format":"ext5"},{"device":"tag","format":"virtiofs","label":"x"}]}}`,
	`{"ignition":{"version":"3.4.0","config":{"merge":[{"source":"http://a","httpHeaders":[{"name":"a","value":"b"},{"name":"A"}],"verification":{"hash":"sha512-x"},"compression":"xz"},{}],"replace":{"source":"s3://b/k?versionId="}},"proxy":{"httpsProxy":"http://p","noProxy":["a","a"]},"security":{"tls":{"certificateAuthorities":[{"source":"arn:aws:s3:::b/k"}]}},"timeouts":{"httpTotal":-1}}}`,
	`{"ignition":{"version":"3.4.0"},"systemd":{"units":[{"name":"a@.service","contents":"[Service]\nA=b\n"},{"name":"a@b.service","enabled":true},{"name":"x","contents":"[","dropins":[{"name":"a.conf","contents":"x"},{"name":"b","contents":"[A]\nb\n"}]}]},"passwd":{"users":[{"name":"a","groups":["x","x"],"sshAuthorizedKeys":["k"]}],"groups":[{"name":"g","gid":-1}]},"kernelArguments":{"shouldExist":["a"],"shouldNotExist":["a"]}}`,
}

// conformanceInputs adds some of the conformance data, where it is.
func conformanceInputs(f *testing.F, add func(config []byte)) {
	for _, name := range []string{"validate.jsonl", "parse.jsonl"} {
		file, err := os.Open(filepath.Join("..", "..", "shared", "conformance", "ignition", name))
		if err != nil {
			f.Logf("without the conformance data: %v", err)
			return
		}
		defer file.Close()
		dec := json.NewDecoder(file)
		for i := 0; ; i++ {
			var c struct{ Input, Config string }
			if dec.Decode(&c) != nil {
				break
			}
			if i%10 == 0 {
				add([]byte(c.Input + c.Config))
			}
		}
	}
}

func FuzzParseJSON(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	conformanceInputs(f, func(config []byte) { f.Add(config) })
	f.Fuzz(func(t *testing.T, data []byte) {
		file := source.NewFile("x", data)
		c, ds := Parse(file)
		for i := range ds {
			soundDiagnostic(t, &ds[i])
		}
		var printed bytes.Buffer
		if err := reports.Text(&printed, ds, reports.Options{}); err != nil {
			t.Fatal(err)
		}
		if err := reports.JSON(&printed, ds); err != nil {
			t.Fatal(err)
		}
		again, dsAgain := Parse(source.NewFile("x", data))
		var printedAgain bytes.Buffer
		_ = reports.Text(&printedAgain, dsAgain, reports.Options{})
		_ = reports.JSON(&printedAgain, dsAgain)
		if printed.String() != printedAgain.String() {
			t.Fatalf("a second run says something else:\n%s\n%s", &printed, &printedAgain)
		}
		if ds.HasErrors() {
			return
		}
		written := Render(c)
		if !bytes.Equal(written, Render(again)) {
			t.Fatal("a second run gives another config")
		}
		// What an old spec accepts can break rules of the newest one. The config
		// itself must survive.
		back, ds := Parse(source.NewFile("written", written))
		if ds.HasErrors() {
			if len(Check(c)) == 0 && !ds.Has(diag.Warning) {
				t.Fatalf("the config checks as merged, but not as written:\n%s\n%v", written, ds)
			}
			return
		}
		if rewritten := Render(back); !bytes.Equal(rewritten, written) {
			t.Fatalf("written again it differs:\n%s\n%s", written, rewritten)
		}
		for _, d := range ds {
			if d.Rule.ID == "unknown-key" || d.Rule.ID == "too-new-key" || d.Rule.ID == "key-case" {
				t.Fatalf("we write a key that we do not know: %s\n%s", d.Message, written)
			}
		}
	})
}

func soundDiagnostic(t *testing.T, d *diag.Diagnostic) {
	t.Helper()
	if d.Rule == nil || d.Rule.ID == "" || d.Rule.Why == "" || d.Message == "" {
		t.Fatalf("an incomplete diagnostic: %+v", d)
	}
	if d.At.IsZero() {
		t.Fatalf("%s has no place", d.Rule.ID)
	}
	if d.At.Start < 0 || d.At.End < d.At.Start || d.At.End > len(d.At.File.Data) {
		t.Fatalf("%s at %d to %d of %d bytes", d.Rule.ID, d.At.Start, d.At.End, len(d.At.File.Data))
	}
	if p, ok := d.ReportedPosition(); ok && (p.Line < 1 || p.Column < 1 || p.ByteColumn < p.Column) {
		t.Fatalf("%s at %+v", d.Rule.ID, p)
	}
	for i := range d.Related {
		soundDiagnostic(t, &d.Related[i])
	}
}
