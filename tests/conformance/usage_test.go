package conformance

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

// TestButaneRefusesBadInputInEveryForm: whatever the form of the output and of the
// report, a bad document has exit code 1, no output, and a report in its form.
func TestButaneRefusesBadInputInEveryForm(t *testing.T) {
	butane := programs.Path(t, "butane")
	documents := map[string]string{
		"nothing":           "",
		"truncated":         fcosHead + "storage: {files: [{path: \"/a",
		"binary":            "\x00\x01\x02\xfe\xff",
		"deep nesting":      strings.Repeat("[", 10_001),
		"a repeated key":    fcosHead + "storage: {}\nstorage: {}\n",
		"a wrong type":      fcosHead + "storage: 7\n",
		"an invalid path":   fcosHead + "storage: {files: [{path: a}]}\n",
		"a missing file":    fcosHead + "storage: {files: [{path: /a, contents: {local: none}}]}\n",
		"another variant":   "variant: nonsense\nversion: 1.0.0\n",
		"an invalid result": fcosHead + "storage: {files: [{path: /a}, {path: /a}]}\n",
	}
	isJSON := func(report []byte) bool { return json.Valid(report) }
	isText := func(report []byte) bool { return bytes.Contains(report, []byte("Error translating config: ")) }
	isGitHub := func(report []byte) bool { return bytes.HasPrefix(report, []byte("::error ")) }
	for _, form := range []struct {
		args string
		is   func(report []byte) bool
	}{
		{"--check", isText},
		{"--pretty", isText},
		{"--raw", isText},
		{"--strict", isText},
		{"--lint=off", isText},
		{"--lint=error", isText},
		{"--raw-errors", isText},
		{"--check --strict --format=json", isJSON},
		{"--format=sarif", isJSON},
		{"--format=github", isGitHub},
		{"--output OUT", isText},
		{"--files-dir DIR", isText},
	} {
		t.Run(form.args, func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(t.TempDir(), "out")
			args := strings.Fields(strings.NewReplacer("OUT", out, "DIR", t.TempDir()).Replace(form.args))
			for name, document := range documents {
				cmd := exec.Command(butane, args...)
				cmd.Stdin = strings.NewReader(document)
				stdout, stderr, exit := runProgram(t, cmd)
				if exit != 1 || len(stdout) > 0 || !form.is(stderr) {
					t.Errorf("%s: exit code %d, output %.200q, report %.500s", name, exit, stdout, stderr)
				}
				if _, err := os.Lstat(out); err == nil {
					t.Errorf("%s: there is an output file", name)
				}
			}
		})
	}
}

// TestButaneRefusesBadUse: command lines that ask for nothing sensible, and outputs that
// take nothing.
func TestButaneRefusesBadUse(t *testing.T) {
	butane := programs.Path(t, "butane")
	folder := t.TempDir()
	document := filepath.Join(folder, "a.bu")
	if err := os.WriteFile(document, []byte(fcosHead), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		exit int
		want string
	}{
		{"--nope", 2, "unknown option --nope"},
		{"-pZ", 2, "unknown option -Z"},
		{"-d", 2, "-d needs an argument"},
		{"--output", 2, "--output needs an argument"},
		{"--lint", 2, "--lint needs an argument"},
		{"--format", 2, "--format needs an argument"},
		{"--lint=maybe", 2, `not "maybe"`},
		{"--format=xml", 2, `there is no format "xml"`},
		{"--strict=perhaps", 2, `--strict is true or false`},
		{"--raw-errors --format=json", 2, "--raw-errors is a form of text"},
		{"DOCUMENT DOCUMENT", 2, "one document at a time"},
		{"explain no-such-rule", 2, `there is no rule "no-such-rule"`},
		{"explain --strict", 2, "unknown option --strict"},
		{"--files-dir FOLDER/none DOCUMENT", 1, "FOLDER/none: no such file or directory"},
		{"--files-dir DOCUMENT DOCUMENT", 1, "DOCUMENT: not a directory"},
		{"--output FOLDER/none/x DOCUMENT", 1, "create a file in FOLDER/none: no such file or directory"},
		{"--output FOLDER DOCUMENT", 1, "FOLDER: is a directory"},
		{"--output /dev/full DOCUMENT", 1, "no space left on device"},
	} {
		stands := strings.NewReplacer("DOCUMENT", document, "FOLDER", folder)
		stdout, stderr, exit := runProgram(t, exec.Command(butane, strings.Fields(stands.Replace(c.args))...))
		if exit != c.exit || len(stdout) > 0 || !strings.Contains(string(stderr), stands.Replace(c.want)) {
			t.Errorf("%s: exit code %d, output %.200q: %.500s", c.args, exit, stdout, stderr)
		}
	}
	for _, args := range []string{"DOCUMENT", "--check --pretty --format=json /dev/null", "--help", "--version", "explain", "explain path-relative"} {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(butane, strings.Fields(strings.ReplaceAll(args, "DOCUMENT", document))...)
		var stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = full, &stderr
		if strings.Contains(args, "--format") {
			cmd.Stderr = full // the report is what cannot be written
		}
		if err := cmd.Run(); cmd.ProcessState.ExitCode() != 1 || cmd.Stderr == &stderr && !strings.Contains(stderr.String(), "no space left") {
			t.Errorf("%s on a full device: %v: %s", args, err, &stderr)
		}
		if err := full.Close(); err != nil {
			t.Error(err)
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
