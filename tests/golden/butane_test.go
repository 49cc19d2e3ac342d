package golden

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
	"github.com/kindling-boot/kindling/transpiler"
)

func TestMain(m *testing.M) { os.Exit(programs.Main(m)) }

// Each file of butane/ names a rule, and has a document that breaks it and what
// butane says. The lines above the first file are "rule: ID" and, if needed,
// "flags: ..."; files below files/ make the files directory, and one named
// "fifo NAME" is a named pipe in it.
func TestButane(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("butane", "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	covered := map[string]bool{}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			a := parseArchive(string(text))
			rule, flags := header(a.comment)
			covered[rule] = true

			cmd := exec.Command(programs.Path(t, "butane"), append(flags, filesDir(t, a)...)...)
			cmd.Stdin = strings.NewReader(a.input(t))
			var said bytes.Buffer
			cmd.Stderr = &said
			var exit *exec.ExitError
			if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			if !strings.Contains(said.String(), "["+rule+"]") {
				t.Errorf("the document does not break rule %s", rule)
			}
			if strings.Contains(said.String(), "hidden") {
				t.Error("a secret is shown")
			}
			want := a.format()
			a.set("exit", strconv.Itoa(cmd.ProcessState.ExitCode())+"\n")
			a.set("text", said.String())
			if got := a.format(); got != want {
				if *update {
					if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
					return
				}
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
	for _, rule := range rules(t, filepath.Join("..", "..", "transpiler")) {
		if !covered[rule] {
			t.Errorf("rule %s has no golden file", rule)
		}
	}
}

// The list of rules is kept by hand; what the sources define is found by reading
// them.
func TestButaneRulesAreListed(t *testing.T) {
	var listed []string
	for _, r := range transpiler.Rules() {
		listed = append(listed, r.ID)
	}
	for _, id := range rules(t, filepath.Join("..", "..", "transpiler")) {
		if !slices.Contains(listed, id) {
			t.Errorf("rule %s is in no list of Rules", id)
		}
	}
}

// header reads the lines above the first file.
func header(comment string) (rule string, flags []string) {
	for line := range strings.Lines(comment) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "rule":
			rule = value
		case "flags":
			flags = strings.Fields(value)
		}
	}
	return rule, flags
}

// filesDir writes the files directory of an archive and returns the flags for it.
func filesDir(t *testing.T, a archive) []string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "files")
	found := false
	for _, name := range a.names {
		fifo, isFifo := strings.CutPrefix(name, "fifo ")
		local, isLocal := strings.CutPrefix(fifo, "files/")
		if !isLocal {
			continue
		}
		found = true
		path := filepath.Join(dir, filepath.FromSlash(local))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if isFifo {
			if err := syscall.Mkfifo(path, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(path, []byte(a.files[name]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !found {
		return nil
	}
	return []string{"--files-dir", dir}
}
