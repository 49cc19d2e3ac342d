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

func TestSourcesStaySmall(t *testing.T) {
	total := 0
	for _, folder := range []string{".", filepath.Join("..", "transpiler")} {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
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
