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

	"github.com/kindling-boot/kindling/rulebook/archive"
	"github.com/kindling-boot/kindling/tests/programs"
	"github.com/kindling-boot/kindling/transpiler"
)

// Each file of butane/ names a rule, and has a document that breaks it in another way
// than the page of the rule does, and what butane says. The lines above the first
// file are "rule: ID" and, if needed, "flags: ..."; files below files/ make the files
// directory, and one named "fifo NAME" is a named pipe in it.
func TestButane(t *testing.T) {
	eachArchive(t, "butane", func(t *testing.T, _ string, a *archive.Archive) {
		rule, flags := header(a.Comment)
		dir := t.TempDir()
		if writeFiles(t, a, dir) {
			flags = append(flags, "--files-dir", "files")
		}
		cmd := exec.Command(programs.Path(t, "butane"), flags...)
		cmd.Dir = dir
		cmd.Stdin = strings.NewReader(input(t, a))
		_, said, status := run(t, cmd)
		said = strings.ReplaceAll(said, filepath.Join(dir, "files"), "files")
		mustBreak(t, rule, said)
		a.Set("exit", strconv.Itoa(status)+"\n")
		a.Set("text", said)
	})
}

// run returns what a program prints and its exit status.
func run(t *testing.T, cmd *exec.Cmd) (stdout, stderr string, status int) {
	t.Helper()
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), said.String(), cmd.ProcessState.ExitCode()
}

// mustBreak checks that butane named the rule, and showed no secret.
func mustBreak(t *testing.T, rule, said string) {
	t.Helper()
	if !strings.Contains(said, "["+rule+"]") {
		t.Errorf("the document does not break rule %s", rule)
	}
	if strings.Contains(said, "hidden") {
		t.Error("a secret is shown")
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

// writeFiles writes the files directory of an archive into a directory, and reports
// whether it has one.
func writeFiles(t *testing.T, a *archive.Archive, dir string) (found bool) {
	t.Helper()
	for _, f := range a.Files {
		name, isFifo := strings.CutPrefix(f.Name, "fifo ")
		if !strings.HasPrefix(name, "files/") {
			continue
		}
		found = true
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if isFifo {
			err = syscall.Mkfifo(path, 0o644)
		} else {
			err = os.WriteFile(path, []byte(f.Text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}
