package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

func TestFormats(t *testing.T) {
	const bad = "variant: fcos\nversion: 1.5.0\nstorage:\n  files:\n    - path: a\n"
	cases := []struct {
		name     string
		args     []string
		document string
		status   int
		stderr   string // its start
		isJSON   bool
	}{
		{"text ends with the reason", []string{"--format", "text"}, bad, exitFailed, "error[path-relative]", false},
		{"json and nothing else", []string{"--format=json"}, bad, exitFailed, "[\n", true},
		{"sarif and nothing else", []string{"--format", "sarif"}, bad, exitFailed, "{\n", true},
		{"sarif of warnings with --strict", []string{"--format", "sarif", "--strict"}, "variant: fcos\nversion: 1.5.0\nx: 1\n", exitFailed, "{\n", true},
		{"nothing found", []string{"--format", "json"}, "variant: fcos\nversion: 1.5.0\n", exitOK, "[]\n", true},
		{"github", []string{"--format", "github"}, bad, exitFailed, "::error title=path-relative,file=<stdin>,line=5,", false},
		{"a document that cannot be read", []string{"--format", "json", filepath.Join("no", "such.bu")}, "", exitFailed, "Error translating config: ", false},
		{"an unknown format", []string{"--format", "xml"}, bad, exitUsage, `butane: there is no format "xml"; use one of text, json, sarif, github`, false},
		{"raw errors are text", []string{"--format", "json", "--raw-errors"}, bad, exitUsage, "butane: --raw-errors is a form of text", false},
		{"raw errors", []string{"--raw-errors"}, bad, exitFailed, "error at $.storage.files.0.path, line 5 col 13: path", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			if status := run(c.args, strings.NewReader(c.document), &stdout, &stderr); status != c.status {
				t.Errorf("status %d", status)
			}
			if !strings.HasPrefix(stderr.String(), c.stderr) || c.isJSON != json.Valid([]byte(stderr.String())) {
				t.Errorf("stderr\n%s", &stderr)
			}
			if (stdout.Len() > 0) != (c.status == exitOK) {
				t.Errorf("stdout\n%s", &stdout)
			}
		})
	}
}
