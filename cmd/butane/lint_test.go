package main

import (
	"strings"
	"testing"
)

// The document has one finding of lint, and a warning of the reference if marked.
func TestLint(t *testing.T) {
	const document = "variant: fcos\nversion: 1.5.0\nstorage:\n  files:\n    - path: /usr/bin/tool\n      mode: 0755\n"
	const marked = document + "    - path: /etc/other\n      mode: 644\n"
	cases := []struct {
		name     string
		args     []string
		document string
		status   int
		lint     string // severity of the finding; empty if there must be none
	}{
		{"lint warns unless told otherwise", nil, document, exitOK, "warning"},
		{"warnings can be asked for", []string{"--lint=warn"}, document, exitOK, "warning"},
		{"strict does not count lint", []string{"--strict"}, document, exitOK, "warning"},
		{"strict counts other warnings", []string{"--strict"}, marked, exitFailed, "warning"},
		{"lint can be an error", []string{"--lint", "error"}, document, exitFailed, "error"},
		{"errors of lint fail a check too", []string{"--lint=error", "--check"}, document, exitFailed, "error"},
		{"other warnings are not errors of lint", []string{"--lint=error"}, strings.Replace(marked, "/usr", "/opt", 1), exitOK, ""},
		{"lint can be off", []string{"--lint=off", "--strict"}, document, exitOK, ""},
		{"lines for scripts are those of the reference", []string{"--raw-errors"}, document, exitOK, ""},
		{"unless lint is asked for", []string{"--raw-errors", "--lint=warn"}, document, exitOK, "warning"},
		{"another choice does not exist", []string{"--lint=maybe"}, document, exitUsage, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			status := run(c.args, strings.NewReader(c.document), &stdout, &stderr)
			if status != c.status {
				t.Errorf("status %d", status)
			}
			const message = `"/usr/bin/tool" cannot be written`
			if got := strings.Contains(stderr.String(), message); got != (c.lint != "") {
				t.Errorf("lint says something: %t", got)
			}
			if !strings.HasPrefix(stderr.String(), c.lint) {
				t.Error("it is of another severity")
			}
			check := strings.Contains(strings.Join(c.args, " "), "--check")
			if got, want := stdout.Len() > 0, status == exitOK && !check; got != want {
				t.Errorf("there is output: %t", got)
			}
			if t.Failed() {
				t.Logf("stdout:\n%s\nstderr:\n%s", &stdout, &stderr)
			}
		})
	}
}
