package providers

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// fake is a machine below a directory, with what was told about it.
type fake struct {
	*Env
	dir string

	mu   sync.Mutex
	told []string
}

// newFake makes a machine whose files are given by their names.
func newFake(t *testing.T, files map[string]string) *fake {
	t.Helper()
	dir := t.TempDir()
	f := &fake{dir: dir}
	f.Env = &Env{
		Paths: Paths{
			UdevQueue:   filepath.Join(dir, "run/udev/queue"),
			CommandLine: filepath.Join(dir, "proc/cmdline"),
			ByLabel:     filepath.Join(dir, "dev/disk/by-label"),
			ByID:        filepath.Join(dir, "dev/disk/by-id"),
			Sys:         filepath.Join(dir, "sys"),
			Dev:         filepath.Join(dir, "dev"),
			Leases:      filepath.Join(dir, "run/leases"),
			Seeds:       filepath.Join(dir, "seed"),
		},
		Note: f.tell("note"), Warn: f.tell("warning"),
	}
	f.write(t, "proc/cmdline", "quiet\n")
	for name, data := range files {
		f.write(t, name, data)
	}
	return f
}

func (f *fake) write(t *testing.T, name, data string) {
	t.Helper()
	at := filepath.Join(f.dir, name)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (f *fake) tell(kind string) func(string) {
	return func(text string) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.told = append(f.told, kind+": "+text)
	}
}

func (f *fake) log() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.told, "\n")
}

// tools puts programs in front of PATH: shell scripts by their names.
func tools(t *testing.T, scripts map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, body := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// outcome writes what a source gave in one line.
func outcome(c Config, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	return fmt.Sprintf("%s %v from %s", c.Data, c.Encodings, c.Where)
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if !strings.Contains(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
