package dialect

import (
	"strings"
	"testing"
)

func TestForms(t *testing.T) {
	for text, want := range map[string]string{
		`{"ignition":{"version":"3.4.0"}}`:     "Ignition 3.4.0",
		`{"ignition":{"version":"2.2.0"}} x`:   "Ignition 2.2.0",
		`{"ignition":{"version":"9.0.0"}}`:     "Ignition 9.0.0",
		` {"ignitionVersion":1}`:               "Ignition 1",
		"{}":                                   "JSON that is no Ignition config",
		"[]":                                   "JSON that is no Ignition config",
		"{":                                    "broken JSON",
		`{"variant":"fcos","version":"1.5.0"}`: "Butane",
		"{variant: fcos, version: 1.5.0}":      "Butane",
		"variant: fcos":                        "Butane",
		"# about\n---\nversion: 1.5.0\n\"variant\": fcos\n":     "Butane",
		"storage:\n  files: []\n":                               "Container Linux Config",
		"# nodes\npasswd:\n  variant: x\n":                      "Container Linux Config",
		"#cloud-config\n":                                       "cloud-config",
		"\n\n #Cloud-Config\r\nusers: []\r\n":                   "cloud-config",
		"\ufeff#cloud-config":                                   "cloud-config",
		"#cloud-config-archive\n- x":                            "cloud-config archive",
		"#cloud-config-jsonp\n[]":                               "cloud-config patch",
		"## template: jinja\n#cloud-config\n":                   "template of a cloud-config",
		"## template: jinja\n#!/bin/sh\n":                       "template of a script",
		"#include\nhttp://example.com/":                         "list of includes",
		"#include-once\nhttp://example.com/":                    "list of includes",
		"#cloud-boothook\n#!/bin/sh":                            "boothook",
		"#part-handler\nimport x":                               "part handler",
		"#!/bin/sh":                                             "script",
		"#! /bin/sh -e":                                         "script",
		"#!cloud-config\nusers: []":                             "unknown text",
		"Content-Type: multipart/mixed":                         "multipart MIME",
		"From nobody Thu\nMIME-Version: 1.0\n":                  "multipart MIME",
		"Subject: x\n\tfolded\nmime-version: 1.0\n\nvariant: x": "multipart MIME",
		"subject: x\n\nmime-version: 1.0\n":                     "unknown text",
		"variant: fcos\nmime-version: 1.0\n":                    "Butane",
		"":                                                      "blank",
		"\x00\x00\n":                                            "blank",
		"hello":                                                 "unknown text",
		"variantt: fcos":                                        "unknown text",
		"#cloud-confg\n":                                        "unknown text",
		"\xff\xff":                                              "binary data",
	} {
		if got := Of([]byte(text)).Name(); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

func TestHelp(t *testing.T) {
	for text, want := range map[string]string{
		"#cloud-confg\nusers: []":        "must be exactly #cloud-config",
		"# cloud-config\nusers: []":      "must be exactly #cloud-config",
		"#cloud_config\n":                "must be exactly #cloud-config",
		"#Cloud config\n":                "must be exactly #cloud-config",
		"# includes\nhttp://x":           "must be exactly #include",
		"---\n#cloud-config\nusers: []":  "above the line ---",
		"# of web1\n#cloud-config\nx: 1": "put #cloud-config into the first line, above the line # of web1",
		"#!cloud-config\nusers: []":      "must be exactly #cloud-config",
		"#!bash\necho":                   "#!/bin/sh",
		"## template: jinj\n":            "## template: jinja",
		"#ps1_sysnative\n":               "Windows",
		"<powershell>":                   "Windows",
		"<!doctype html><html>":          "browsers",
		"hostname: web1\nusers: []\n":    "begin with the line #cloud-config",
		"cloud-config\nhostname: web1\n": "begin with the line #cloud-config",
		"# mine\nruncmd:\n- x\n":         "begin with the line #cloud-config",
		"ethernets: {}\nversion: 2\n":    "--network-config",
		"network:\n  ethernets: {}\n":    "--network-config",
		"\xfd7zXZ\x00":                   "xz",
		"BZh91AY&SY":                     "bzip2",
		"PK\x03\x04":                     "zip",
		"#\x00c\x00":                     "UTF-16",
		"a: 1\n  users: 1":               "",
		"variantt: fcos\n":               "variant: fcos",
		"\ufeff{}":                       "byte order mark",
		"\xff\xfe{":                      "UTF-16",
		"\x28\xb5\x2f\xfd":               "zstd",
		"#cloud-config\n":                "butane convert",
		"#!/bin/sh\n":                    "butane convert",
		"variant: fcos":                  "butane",
		"# a comment\nkey: 1":            "",
		"#":                              "",
		"---":                            "",
		"hello":                          "",
		"":                               "",
	} {
		if got := Help([]byte(text)); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("the help for %q is %q, want %q", text, got, want)
		}
	}
}

// FuzzOf: nothing crashes, and what a document is does not depend on white space, or a
// mark, before it.
func FuzzOf(f *testing.F) {
	for _, s := range []string{minimal, "#cloud-config\n", "## template: jinja\n#!/bin/sh", "variant: a", "From x\nMIME-Version: 1", "\ufeff{", "storage:\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		form := Of(data)
		if other := Of(append([]byte("\n "), data...)); other != form && !has(data, byteOrderMark) {
			t.Errorf("%q is %s, with white space before it %s", data, form, other)
		}
		_ = form.String()
		Help(data)
	})
}
