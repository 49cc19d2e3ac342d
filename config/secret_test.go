package config

import (
	"bytes"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/reports"
)

// printed is everything that diagnostics show of a document.
func printed(t *testing.T, ds diag.List) string {
	t.Helper()
	var b bytes.Buffer
	for _, style := range []reports.Style{reports.Excerpts, reports.Lines, reports.LinesWithExcerpts} {
		if err := reports.Text(&b, ds, reports.Options{Style: style}); err != nil {
			t.Fatal(err)
		}
	}
	if err := reports.JSON(&b, ds); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestSecretsAreNeverShown(t *testing.T) {
	const version = `"ignition":{"version":"3.4.0"}`
	luks := func(keyFile string) string {
		return `{` + version + `,"storage":{"luks":[{"name":"a","device":"/dev/a","keyFile":` + keyFile + `}]}}`
	}
	for _, c := range []struct{ name, document, rule string }{
		{
			"unknown key beside a password hash",
			`{` + version + `,"passwd":{"users":[{"name":"a","passwordHash":"SECRET","bogus":1}]}}`, "unknown-key",
		},
		{
			"password hash in another spelling",
			`{` + version + `,"passwd":{"users":[{"name":"a","PASSWORDhash":"SECRET"}]}}`, "key-case",
		},
		{
			"password hash of a wrong type",
			`{` + version + `,"passwd":{"users":[{"passwordHash":["SECRET"]}]}}`, "type-mismatch",
		},
		{
			"wrong type beside a password hash",
			`{` + version + `,"passwd":{"users":[{"passwordHash":"SECRET","name":7}]}}`, "type-mismatch",
		},
		{
			"unsupported version beside a password hash",
			`{"passwd":{"users":[{"passwordHash":"SECRET"}]},"ignition":{"version":"9.9.9"}}`, "version",
		},
		{
			"syntax error after a password hash",
			`{"passwd":{"users":[{"passwordHash":"SECRET" "x"`, "json-syntax",
		},
		{
			"syntax error before a password hash",
			`{"passwd":{"users":[{"name" 1, "passwordHash": "SECRET"`, "json-syntax",
		},
		{
			"password hash that ends in a line feed",
			"{\"passwd\":{\"users\":[{\"passwordHash\":\"SECRET\n", "json-syntax",
		},
		{
			"password hash with a bad escape",
			`{"passwd":{"users":[{"passwordHash":"SECRET\qSECRET"`, "json-syntax",
		},
		{
			"password hash without quotes",
			`{"passwd":{"users":[{"passwordHash":SECRET}]}}`, "json-syntax",
		},
		{"key file with an unknown scheme", luks(`{"source":"SECRET:rest"}`), "url-scheme"},
		{"key file with a control character", luks(`{"source":"http://SECRET/\u0001"}`), "url-invalid"},
		{"key file with a bad port", luks(`{"source":"http://a:SECRET/"}`), "url-invalid"},
		{"key file with a bad data URL", luks(`{"source":"data:;base64,SECRET"}`), "data-url"},
		{"key file with a bad hash", luks(`{"source":"data:,SECRET","verification":{"hash":"SECRET"}}`), "hash-format"},
		{"key file with a bad hash function", luks(`{"source":"data:,","verification":{"hash":"SECRET-1"}}`), "hash-function"},
		{
			"key file with headers given twice",
			luks(`{"source":"http://a/SECRET","httpHeaders":[{"name":"a","value":"SECRET"},{"name":"a","value":"SECRET"}]}`), "duplicate",
		},
		{"unknown key in a key file", luks(`{"source":"data:,SECRET","x":1}`), "unknown-key"},
		{
			"header with a value and an unknown key",
			`{` + version + `,"storage":{"files":[{"path":"/a","contents":{"source":"http://a","httpHeaders":[{"name":"a","value":"SECRET","x":1}]}}]}}`, "unknown-key",
		},
		{"custom pin with a config", `{"ignition":{"version":"3.3.0"},"storage":{"luks":[{"name":"a","device":"/dev/a","clevis":{"custom":{"pin":"x","config":"SECRET"}}}]}}`, "clevis-pin"},
		{"key of a later spec", `{"ignition":{"version":"3.1.0"},"storage":{"luks":[{"name":"a","device":"/dev/a","keyFile":{"source":"data:,SECRET"}}]}}`, "too-new-key"},
		{"section in another spelling", `{` + version + `,"Passwd":{"users":[{"name":"a","passwordHash":"SECRET"}]}}`, "key-case"},
		{"misspelled password hash", `{` + version + `,"passwd":{"users":[{"name":"a","paswordHash":"SECRET"}]}}`, "unknown-key"},
		{"misspelled section", `{` + version + `,"paswd":{"users":[{"name":"a","passwordHash":"SECRET"}]}}`, "unknown-key"},
		{"repeated section", `{` + version + `,"passwd":{"users":[{"name":"a","passwordHash":"SECRET","passwordHash":"SECRET","x":1}],"y":1},"passwd":{"y":1}}`, "unknown-key"},
	} {
		for _, layout := range []string{"one line", "a line for each brace"} {
			t.Run(c.name+", "+layout, func(t *testing.T) {
				document := c.document
				if layout != "one line" {
					document = strings.NewReplacer("{", "{\n", "}", "\n}\n").Replace(document)
				}
				_, ds := Parse(source.NewFile("x", []byte(document)))
				found := false
				for _, d := range ds {
					found = found || d.Rule.ID == c.rule
				}
				if !found {
					t.Errorf("no finding of rule %s in\n%s", c.rule, printed(t, ds))
				}
				if text := strings.ToUpper(printed(t, ds)); strings.Contains(text, "SECRET") {
					t.Errorf("the secret is shown:\n%s", text)
				}
			})
		}
	}
}

// A config whose parts are valid can have problems as a whole; their excerpts are
// from documents without any.
func TestSecretsOfMergedConfigsAreNeverShown(t *testing.T) {
	parse := func(text string) Config {
		c, ds := Parse(source.NewFile("x", []byte(text)))
		if ds.HasErrors() {
			t.Fatal(printed(t, ds))
		}
		return c
	}
	const head = `{"ignition":{"version":"3.4.0"},"passwd":{"users":[{"name":"a","passwordHash":"SECRET"}]},"storage":{`
	parent := parse(head + `"links":[{"path":"/a","target":"/b"}]}}`)
	child := parse(head + `"files":[{"path":"/a/b"}]}}`)
	ds := Check(Merge(parent, child))
	if !ds.HasErrors() {
		t.Fatal("nothing is found")
	}
	if text := printed(t, ds); strings.Contains(text, "SECRET") || !strings.Contains(text, `"path":"/a/b"`) {
		t.Errorf("the secret is shown, or nothing is:\n%s", text)
	}
}
