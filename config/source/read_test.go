package source

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// endless is a reader that never ends.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.read += len(p)
	return len(p), nil
}

func TestReadStopsAtTheLimit(t *testing.T) {
	var r endless
	_, err := Read("x", &r, 1<<20)
	if !errors.Is(err, ErrTooLarge) {
		t.Fatalf("got error %v", err)
	}
	if r.read > 4<<20 {
		t.Errorf("%d bytes were read", r.read)
	}
	if !strings.Contains(err.Error(), "read x: ") {
		t.Errorf("the error does not name the document: %v", err)
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.ign")
	if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, 100<<20); err != nil {
		t.Fatal(err)
	}

	for _, c := range []struct {
		name, path string
		want       error
		text       string
	}{
		{"a directory", dir, syscall.EISDIR, "is a directory"},
		{"a missing file", filepath.Join(dir, "none"), fs.ErrNotExist, "no such file"},
		{"a path through a file", filepath.Join(file, "x"), syscall.ENOTDIR, "not a directory"},
		{"a file of 100 MB", large, ErrTooLarge, "more than 64 MiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := Open(c.path, nil, 64<<20)
			if f != nil || !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) || strings.Count(err.Error(), c.path) != 1 {
				t.Errorf("got %v, %v", f, err)
			}
		})
	}
	t.Run("an unreadable file", func(t *testing.T) {
		if os.Geteuid() == 0 {
			t.Skip("root can read every file")
		}
		if err := os.Chmod(file, 0); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.Chmod(file, 0o600) }()
		if _, err := Open(file, nil, 2); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a file", func(t *testing.T) {
		f, err := Open(file, nil, 2)
		if err != nil || f.Name != file || string(f.Data) != "{}" {
			t.Errorf("got %v, %v", f, err)
		}
	})
	t.Run("standard input", func(t *testing.T) {
		f, err := Open("-", strings.NewReader("a: b"), 4)
		if err != nil || f.Name != "<stdin>" || string(f.Data) != "a: b" {
			t.Errorf("got %v, %v", f, err)
		}
	})
	t.Run("standard input that breaks off", func(t *testing.T) {
		r, w := io.Pipe()
		w.CloseWithError(syscall.EIO)
		if _, err := Open("-", r, 4); !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "read <stdin>: ") {
			t.Errorf("got %v", err)
		}
	})
}

func TestLimitsOfDocuments(t *testing.T) {
	list := func(item string, n int) []byte {
		return append(append([]byte("["), bytes.Repeat([]byte(item+","), n-1)...), item+"]"...)
	}
	t.Run("JSON of just as many values as there may be", func(t *testing.T) {
		if _, err := ParseJSON(NewFile("x", list("0", MaxValues-1))); err != nil {
			t.Error(err.Message)
		}
	})
	for _, c := range []struct {
		name string
		json bool
		data []byte
		text string
	}{
		{"JSON of too many values", true, list("0", MaxValues), "more than 1000000 values"},
		{"JSON of too many bytes", true, bytes.Repeat([]byte(" "), MaxJSON+1), "at most 256 MiB"},
		{"YAML of too many list items", false, bytes.Repeat([]byte("-\n"), MaxValues+1), "more than 1000000 values"},
		{"YAML of too many flow items", false, list("a", MaxValues+1), "more than 1000000 values"},
		{"YAML of too many bytes", false, bytes.Repeat([]byte(" "), MaxYAML+1), "at most 16 MiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var bad *SyntaxError
			if f := NewFile("x", c.data); c.json {
				_, bad = ParseJSON(f)
			} else if _, errs := ParseYAML(f); len(errs) == 1 {
				bad = errs[0]
			}
			if bad == nil || !strings.Contains(bad.Message, c.text) || bad.At.IsZero() {
				t.Errorf("got %+v", bad)
			}
		})
	}
}
