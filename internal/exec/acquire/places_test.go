package acquire

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/source"
)

// TestPlacesOfALongLine: what comes back from the cache is where it was, without a copy of
// the line before it, which may have millions of characters.
func TestPlacesOfALongLine(t *testing.T) {
	var files []string
	for i := range 1000 {
		files = append(files, fmt.Sprintf(`{"path":"/f%d","contents":{"source":"data:,%s"}}`, i, strings.Repeat("x", 1000)))
	}
	text := "{\"ignition\":{\"version\":\"3.4.0\"},\n\"storage\":{\"files\":[" + strings.Join(files, ",") + "]}}"
	cfg, ds := config.Parse(source.NewFile("long.ign", []byte(text)))
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	cache := filepath.Join(t.TempDir(), "cache")
	if err := WriteCache(cache, cfg); err != nil {
		t.Fatal(err)
	}
	cached, err := ReadCache(cache)
	if err != nil {
		t.Fatal(err)
	}
	bytes := 0
	for i := range 1000 {
		path := source.Path{}.At("storage", "files", i)
		want, _ := cfg.Locate(path)
		at, exact := cached.Locate(path)
		if !exact || at.String() != want.String() || at.Position() != want.Position() {
			t.Fatalf("file %d is at %v, want %v", i, at, want)
		}
		bytes += len(at.File.Data)
	}
	if bytes > 100*1000 {
		t.Errorf("the places of 1000 files hold %d bytes", bytes)
	}
}

// TestPlacesOfSeveralDocuments: a tab or the end of a line in a name ends nothing.
func TestPlacesOfSeveralDocuments(t *testing.T) {
	text := []byte(`"a\tb\n"` + "\nstorage.files[0]\t3\t4\t\"path\":\"/a\tb\"\n" + `"data:,"` + "\nstorage.files[1]\t1\t2\t\n")
	p := parsePlaces(string(text))
	if len(p) != 2 {
		t.Fatal(p)
	}
	for i, want := range []string{"a\tb\n:3:4", "data:,:1:2"} {
		if at, exact := p.Locate(source.Path{}.At("storage", "files", i)); !exact || at.String() != want {
			t.Errorf("file %d is at %q, want %q", i, at, want)
		}
	}
}

// FuzzPlaces: whatever stands beside the cache, places are real ones, or there are none.
func FuzzPlaces(f *testing.F) {
	f.Add("\"config.ign\"\nstorage.files[0]\t7\t9\t\"path\":\"/etc/motd\"\n")
	f.Add("storage.files[0]\t0\t9\t\n")
	f.Add("{\"files\":[]}\n")
	f.Fuzz(func(t *testing.T, text string) {
		for path, at := range parsePlaces(text) {
			if begin := (source.Range{File: at}).Position(); begin.Line < 1 || begin.Column < 1 {
				t.Errorf("%s is at %v", path, begin)
			}
		}
	})
}
