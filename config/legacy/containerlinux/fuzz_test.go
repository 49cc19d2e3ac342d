package containerlinux

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/rulebook/archive"
)

// FuzzTranslate: any document gives a config or an error, and every problem a place.
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
		in, _ := a.Find("in.yaml")
		f.Add([]byte(in))
	}
	f.Add([]byte("etcd: {}\n<<: *a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _, notes, ds := Translate(source.NewFile("in.yaml", data), Options{Facts: map[string]string{"private_ipv4": "10.0.0.2"}})
		for _, d := range ds {
			if d.At.IsZero() {
				t.Errorf("%s has no place", d.Message)
			}
		}
		if ds.HasErrors() && len(notes) > 0 {
			t.Error("a refused document has notes")
		}
	})
}
