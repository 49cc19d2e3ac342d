package acquire

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/types"
)

func parsed(t *testing.T, name, text string) config.Config {
	t.Helper()
	cfg, _, err := Parse(source.NewFile(name, []byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestCircleOfReferences(t *testing.T) {
	src := "data:,x"
	r := Renderer{}
	path := source.Path{}.At("ignition", "config", "merge", 0)
	_, err := r.reference(t.Context(), Empty(), types.Resource{Source: &src}, path, chain{sources: []string{"data:,other", src}})
	if !errors.Is(err, errCircle) {
		t.Errorf("error %v", err)
	}
}

func TestPlacesOutliveTheCache(t *testing.T) {
	cfg := parsed(t, "web.ign", `{"ignition":{"version":"3.4.0"},
 "storage":{"files":[
   {"path":"/a"}]},
 "systemd":{"units":[{"name":"a.service",
   "enabled":true}]}}`)
	cache := filepath.Join(t.TempDir(), "ignition.json")
	if err := WriteCache(cache, cfg); err != nil {
		t.Fatal(err)
	}
	got, err := ReadCache(cache)
	if err != nil {
		t.Fatal(err)
	}
	merged := config.Merge(parsed(t, "base.ign", `{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/z"}]}}`), got)
	for _, c := range []struct {
		where source.Locator
		path  source.Path
		want  string
	}{
		{got, source.Path{}.At("storage", "files", 0, "path"), "web.ign:3:"},
		{got, source.Path{}.At("systemd", "units", 0, "enabled"), "web.ign:5:"},
		{merged, source.Path{}.At("storage", "files", 1), "web.ign:3:"},
		{merged, source.Path{}.At("storage", "files", 0), "base.ign:1:"},
	} {
		if at, _ := c.where.Locate(c.path); !strings.HasPrefix(at.String(), c.want) {
			t.Errorf("%s is at %s, want %s", c.path, at, c.want)
		}
	}
	if err := os.Remove(cache + placesSuffix); err != nil {
		t.Fatal(err)
	}
	if got, err = ReadCache(cache); err != nil {
		t.Fatal(err)
	}
	if at, _ := got.Locate(source.Path{}.At("storage", "files", 0)); !strings.HasPrefix(at.String(), cache+":1:") {
		t.Errorf("without places it is at %s", at)
	}
}

func TestStateKeepsWhatItDoesNotKnow(t *testing.T) {
	name := filepath.Join(t.TempDir(), "run", "state")
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(`{"fetchedConfigs":null,"later":[1]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := ReadState(name)
	if err != nil {
		t.Fatal(err)
	}
	s.Add(Fetched{Kind: "user", Source: "file"})
	s.Add(Fetched{Kind: "user", Source: "file"})
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(data); !strings.Contains(text, `"later":[1]`) || strings.Count(text, `"file"`) != 1 || !strings.HasSuffix(text, "}\n") {
		t.Errorf("the state is %s", text)
	}
}

func TestReferencesOfFragmentsAreNotFollowed(t *testing.T) {
	dir := t.TempDir()
	for _, d := range systemDirs {
		t.Setenv(d.env, dir)
	}
	if err := os.MkdirAll(filepath.Join(dir, "base.d"), 0o755); err != nil {
		t.Fatal(err)
	}
	text := `{"ignition":{"version":"3.4.0","config":{"merge":[{"source":"http://192.0.2.1/"}]}},"storage":{"files":[{"path":"/kept"}]}}`
	if err := os.WriteFile(filepath.Join(dir, "base.d/10-x.ign"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, ds, ignored, err := Base("metal")
	if err != nil || len(ds) != 0 || len(ignored) != 1 || !strings.Contains(ignored[0], "10-x.ign:1:") {
		t.Errorf("%v, %v, %v", ds, ignored, err)
	}
	if NeedsNet(cfg) || len(cfg.Storage.Files) != 1 {
		t.Errorf("the base config is %+v", cfg.Config)
	}
}

func TestFilesOfThePlatformOutliveAStage(t *testing.T) {
	name := filepath.Join(t.TempDir(), "state")
	s, err := ReadState(name)
	if err != nil {
		t.Fatal(err)
	}
	src := "data:,x"
	s.Files = []types.File{{Node: types.Node{Path: "/var/lib/x"}, Contents: types.Resource{Source: &src}}}
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ReadState(name)
	if err != nil || len(again.Files) != 1 || again.Files[0].Path != "/var/lib/x" || *again.Files[0].Contents.Source != src {
		t.Errorf("%+v, %v; the state is %s", again.Files, err, data)
	}
	if !strings.Contains(string(data), `"providerOutputFiles":[{`) {
		t.Errorf("the state is %s", data)
	}
}
