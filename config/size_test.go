package config

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// maxLines is the number of lines of Go, without tests, that config/ and
// transpiler/ may have. One model with differences as data is why they are few.
const maxLines = 9000

// apart are folders that the bound leaves out: it compares with what the original
// does, and these do what it has nothing of.
var apart = map[string]string{
	filepath.Join("..", "transpiler", "linux"): "the variant linux, with sugar of its own",
	"json":    "JSON of Go values, which the original has from encoding/json",
	"dialect": "how documents of all dialects begin, and what is around them",
	"systems": "what sets up etcd, flannel, docker, updates and Kubernetes, which the original leaves to other programs",
	filepath.Join("..", "transpiler", "systems"): "the sections for them",
	"legacy": "the dialects before spec 3, which the original leaves to other programs",
	filepath.Join("..", "transpiler", "lint"): "tables and rules about systemd, Podman and others, which grow with them",
}

func TestSourcesStaySmall(t *testing.T) {
	total := 0
	for _, folder := range []string{".", filepath.Join("..", "transpiler")} {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err == nil && apart[path] != "" {
				return fs.SkipDir
			}
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			total += bytes.Count(text, []byte("\n"))
			return err
		})
		if err != nil && folder == "." {
			t.Fatal(err)
		}
	}
	t.Logf("%d lines", total)
	if total == 0 || total >= maxLines {
		t.Errorf("config/ and transpiler/ have %d lines, fewer than %d are allowed", total, maxLines)
	}
}
