package ignition2

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/config/legacy"
	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/rulebook/archive"
)

// Every leaf of a document has one note, in order of position, and the places of the
// config lead to the values that asked for them.
func TestNotesAndPlaces(t *testing.T) {
	const text = `{"ignitionVersion": 1,
 "storage": {"filesystems": [
  {"device": "/dev/sdb1", "format": "ext4", "files": [
   {"path": "/motd", "contents": "hello", "mode": 420, "uid": 7}]}]},
 "systemd": {"units": [{"name": "a.service", "enable": true, "contents": "[Service]\n"}]}}`
	f := source.NewFile("old.ign", []byte(text))
	cfg, where, notes, ds := Translate(f)
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	if want := 10; len(notes) != want {
		t.Errorf("%d notes, want %d: %v", len(notes), want, notes)
	}
	for i := 1; i < len(notes); i++ {
		if notes[i-1].At.Start >= notes[i].At.Start {
			t.Errorf("note %d stands before the one above it", i)
		}
	}
	if got := *cfg.Storage.Filesystems[0].Path; got != "/tmp/_translate-filesystem-0-ign1" {
		t.Errorf("the file system is mounted at %s", got)
	}
	for path, want := range map[string]string{
		"storage.files[0].contents.source": `"hello"`,
		"storage.files[0].user.id":         "7",
		"storage.filesystems[0].device":    `"/dev/sdb1"`,
		"systemd.units[0].enabled":         "true",
	} {
		at, exact := where.Locate(parsePath(path))
		if got := text[at.Start:at.End]; got != want || !exact {
			t.Errorf("%s is at %s %q (exact: %t), want %q", path, at, got, exact, want)
		}
	}
}

func parsePath(s string) source.Path {
	var p source.Path
	for _, key := range strings.Split(s, ".") {
		name, index, isItem := strings.Cut(strings.TrimSuffix(key, "]"), "[")
		p = p.At(name)
		if isItem {
			n := 0
			fmt.Sscan(index, &n)
			p = p.At(n)
		}
	}
	return p
}

func FuzzTranslate(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		a := archive.Parse(string(text))
		in, _ := a.Find("in.ign")
		f.Add([]byte(in))
	}
	f.Add([]byte(`{"ignitionVersion": 1, "networkd": {"units": [{"name": "a.network", "contents": "[Match]\nName=e*\n"}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, where, notes, ds := Translate(source.NewFile("in.ign", data))
		if ds.HasErrors() {
			if len(notes) > 0 {
				t.Error("a refused config has notes")
			}
			return
		}
		for _, n := range notes {
			if (n.Fate == legacy.Exact) != (n.How == "") {
				t.Errorf("%s is %s, and why is %q", n.Path, n.Fate, n.How)
			}
		}
		for i := range cfg.Storage.Files {
			where.Locate(source.Path{}.At("storage", "files", i, "contents", "source"))
		}
		again, _, _, _ := Translate(source.NewFile("in.ign", data))
		if a, b := schema.AppendJSON(nil, &cfg, true), schema.AppendJSON(nil, &again, true); !bytes.Equal(a, b) {
			t.Errorf("two runs differ:\n%s\n%s", a, b)
		}
	})
}
