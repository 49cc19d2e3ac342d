package dialect

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
)

func butane(path string) string {
	return "variant: fcos\nversion: 1.5.0\nstorage:\n  files:\n    - path: " + path + "\n"
}

// mixed writes a message of several parts, each a header and a body.
func mixed(parts ...string) string {
	var b strings.Builder
	b.WriteString("Content-Type: multipart/mixed; boundary=\"==x==\"\nMIME-Version: 1.0\n\nignored\n")
	for _, p := range parts {
		b.WriteString("--==x==\n" + p + "\n")
	}
	b.WriteString("--==x==--\nignored\n")
	return b.String()
}

// at names the files of a config, and where the first one was asked for.
func at(doc Document) string {
	var b strings.Builder
	for i, f := range doc.Storage.Files {
		place, _ := doc.Locate(source.Path{}.At("storage", "files", i, "path"))
		b.WriteString(f.Path + " " + place.String() + "; ")
	}
	return b.String()
}

func TestDocumentsOfSeveralParts(t *testing.T) {
	plain := "Content-Type: text/plain\n\n"
	packed := func(text string) string {
		return "Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString([]byte(text))
	}
	var deep string
	for i := range 12 {
		deep = fmt.Sprintf("Content-Type: multipart/mixed; boundary=x%d\n\n--x%[1]d\n%s\n--x%[1]d--\n", i, deep)
	}
	for _, c := range []struct{ name, text, want, err string }{
		{"one part", mixed(plain + butane("/a")), "/a x:12:13; ", ""},
		{"parts in order", mixed(plain+butane("/a"), plain+`{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/b"}]}}`), "/a |/b ", ""},
		{"a part without a header", mixed("\n" + butane("/a")), "/a ", ""},
		{"base64", mixed(packed(butane("/a"))), "/a x#part-001:5:13; ", ""},
		{"quoted-printable", mixed("Content-Transfer-Encoding: Quoted-Printable\n\n" + strings.ReplaceAll(butane("/a"), "/a", "/=61=\n")), "/a ", ""},
		{"an empty part says nothing", mixed(plain, plain+butane("/a")), "/a ", ""},
		{"CRLF", strings.ReplaceAll(mixed(plain+butane("/a")), "\n", "\r\n"), "/a ", ""},
		{"parts in parts", mixed("Content-Type: multipart/mixed;\n\tboundary=y\n\n--y\n" + plain + butane("/a") + "\n--y--\n"), "/a ", ""},
		{"the last boundary is missing", strings.Split(mixed(plain+butane("/a")), "--==x==--")[0], "/a ", ""},
		{"a message without parts", "MIME-Version: 1.0\nContent-Type: text/plain\n\n" + butane("/a"), "/a ", ""},
		{"an archive", "#cloud-config-archive\n- |\n  variant: fcos\n  version: 1.5.0\n- type: text/plain\n  content: '{\"ignition\":{\"version\":\"3.0.0\"},\"storage\":{\"files\":[{\"path\":\"/b\"}]}}'\n", "/b ", ""},

		{"no boundary", "Content-Type: multipart/mixed\n\n--x\n", "", "names no boundary"},
		{"another boundary", "Content-Type: multipart/mixed; boundary=x\n\n--y\n", "", "has no part"},
		{"a header that is none", mixed("hello\n\nx"), "", "part 1: a line of the header"},
		{"an unknown transfer encoding", mixed("Content-Transfer-Encoding: uuencode\n\nx"), "", `no transfer encoding "uuencode"`},
		{"broken base64", mixed("Content-Transfer-Encoding: base64\n\n*"), "", "undo base64"},
		{"an unknown type", mixed("Content-Type: image/png\n\nx"), "", "image/png, which nothing here can read"},
		{"a part for one of several machines", mixed("Launch-Index: 2\n\n" + butane("/a")), "", "Launch-Index 2"},
		{"too deep", deep, "", "more than 8 deep"},
		{"too many", mixed(strings.Split(strings.Repeat(plain+butane("/a")+"|", 600), "|")[:600]...), "", "more than 500 parts"},
		{"an archive that is none", "#cloud-config-archive\na: b\n", "", "is a list"},
		{"an archive with a part without content", "#cloud-config-archive\n- type: text/plain\n", "", "has no content"},
		{"an archive with an unknown key", "#cloud-config-archive\n- content: x\n  contents: y\n", "", `no key "contents"`},
		{"a part that is no document", mixed(plain + "hello"), "", "no dialect that is known"},
		{"addresses on a desk", "#include\nhttp://example.com/\n", "", "fetched on the machine only"},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc, found := Read(source.NewFile("x", []byte(c.text)), Options{})
			if c.err != "" {
				if !found.HasErrors() || !strings.Contains(found[0].Message, c.err) {
					t.Errorf("%v, want %s", found, c.err)
				}
				return
			}
			if found.HasErrors() {
				t.Fatal(found)
			}
			for _, want := range strings.Split(c.want, "|") {
				if !strings.Contains(at(doc), want) {
					t.Errorf("it has %s, want %s", at(doc), want)
				}
			}
		})
	}
}

func TestIncludes(t *testing.T) {
	pages := map[string]string{
		"a": butane("/a"), "b": "#include\nc\n# a comment\n\n  a  \n", "c": `{"ignition":{"version":"3.0.0"},"storage":{"files":[{"path":"/c"}]}}`,
		"self": "#include self\n", "one": "#include-once\ntwo\n", "two": "#include\none\n", "": "",
	}
	for i := range 12 {
		pages[strings.Repeat("n", i+1)] = "#include\n" + strings.Repeat("n", i+2) + "\n"
	}
	failure := errors.New("status 404")
	o := Options{Include: func(address string, _ source.Range) (*source.File, error) {
		text, ok := pages[address]
		if !ok {
			return nil, failure
		}
		return source.NewFile(address, []byte(text)), nil
	}}
	for _, c := range []struct{ name, text, want, err string }{
		{"one", "#include\na\n", "/a a:5:13; ", ""},
		{"an address behind the header", "#include a", "/a a:5:13; ", ""},
		{"lists in lists, in order", "#include\nb\n", "/c c:1:61; /a a:5:13; ", ""},
		{"the same twice is no loop", "#include\na\na\n", "/a a:5:13; ", ""},
		{"none", "#include\n# nothing\n", "", ""},
		{"a loop", "#include\nself\n", "", "refers to itself"},
		{"a loop by way of others", "#include\none\n", "", "refers to itself"},
		{"a chain", "#include\nn\n", "", "deep"},
		{"what is not there", "#include\nmissing\n", "", "status 404"},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc, found := Read(source.NewFile("x", []byte(c.text)), o)
			if c.err != "" && (!found.HasErrors() || !strings.Contains(found[0].Message, c.err)) || c.err == "" && found.HasErrors() {
				t.Errorf("%v, want %q", found, c.err)
			}
			if got := at(doc); c.err == "" && got != c.want {
				t.Errorf("it has %s, want %s", got, c.want)
			}
		})
	}
}

// FuzzRead: nothing crashes, and an error has a place or a file.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		butane("/a"), mixed("Content-Type: text/plain\n\n"+butane("/a"), "\n#!/bin/sh\n"), "#cloud-config\nhostname: a\n", "#include\na\n", "## template: jinja\n#cloud-config\nhostname: {{ v1.local_hostname }}\n",
		`{"ignition":{"version":"2.2.0"},"storage":{"files":[{"filesystem":"root","path":"/a"}]}}`, `{"ignitionVersion":1}`, "#cloud-config-archive\n- x\n", "storage:\n  files: []\n", "eyJpZ25pdGlvbiI6e319",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o := Options{Limit: 1 << 20, Include: func(address string, _ source.Range) (*source.File, error) {
			return source.NewFile(address, data), nil
		}}
		_, found := Read(source.NewFile("x", data), o)
		for _, d := range found {
			if d.Severity == diag.Error && d.Message == "" {
				t.Errorf("an error without a message: %v", d)
			}
		}
	})
}
