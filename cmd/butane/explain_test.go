package main

import (
	"os"
	"strings"
	"testing"
)

func TestExplain(t *testing.T) {
	cases := []struct {
		name           string
		args           []string
		status         int
		stdout, stderr string // parts of it
	}{
		{"a rule", []string{"explain", "decimal-mode"}, exitOK, "mode: 0644", ""},
		{"two rules", []string{"explain", "decimal-mode", "path-relative"}, exitOK, "path-relative: a path", ""},
		{"all rules", []string{"explain"}, exitOK, "decimal-mode                 a mode is decimal", ""},
		{"usage", []string{"explain", "--help"}, exitOK, "Usage: butane explain", ""},
		{"a misspelled rule", []string{"explain", "decimal-mod"}, exitUsage, "", `did you mean "decimal-mode"?`},
		{"part of a rule", []string{"explain", "tree"}, exitUsage, "", "did you mean one of tree-conflict, tree-entry, tree-local?"},
		{"part of too many rules", []string{"explain", "a"}, exitUsage, "", "butane explain lists all rules"},
		{"no rule", []string{"explain", "../pages/variant"}, exitUsage, "", "butane explain lists all rules"},
		{"an unknown option", []string{"explain", "--all"}, exitUsage, "", "unknown option --all"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			status := run(c.args, strings.NewReader(""), &stdout, &stderr)
			if status != c.status || !strings.Contains(stdout.String(), c.stdout) || !strings.Contains(stderr.String(), c.stderr) {
				t.Errorf("status %d, stdout\n%s\nstderr\n%s", status, &stdout, &stderr)
			}
			if (stdout.Len() > 0) == (stderr.Len() > 0) {
				t.Error("it prints to one of the outputs")
			}
		})
	}
}

// TestDocumentsNamedExplain: only the first argument is a command.
func TestDocumentsNamedExplain(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("explain", []byte("variant: fcos\nversion: 1.5.0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"./explain"}, {"--strict", "explain"}, {"--", "explain"}} {
		var stdout, stderr strings.Builder
		if status := run(args, strings.NewReader(""), &stdout, &stderr); status != exitOK || stdout.String() != "{\"ignition\":{\"version\":\"3.4.0\"}}\n" {
			t.Errorf("%q: status %d, %s%s", args, status, &stdout, &stderr)
		}
	}
}
