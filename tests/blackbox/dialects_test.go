package blackbox

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text)) // a Buffer takes everything
	_ = w.Close()
	return b.String()
}

func base64ed(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// TestDocumentsOfAllDialects: each is taken where a config is taken: by apply, as the
// user config of a first boot, and merged into another.
func TestDocumentsOfAllDialects(t *testing.T) {
	const butane = "variant: fcos\nversion: 1.5.0\nstorage:\n  files:\n    - path: /made\n      mode: 0600\n      contents:\n        inline: hello\n"
	made := `made -rw------- 0:0 "hello"`
	for _, c := range []struct {
		name, document string
		want           string
	}{
		{"Ignition", `{"ignition":{"version":"3.0.0"},"storage":{"files":[{"path":"/made","mode":384,"contents":{"source":"data:,hello"}}]}}`, made},
		{"Butane", butane, made},
		{"gzip", gzipped(butane), made},
		{"base64 of gzip", base64ed(gzipped(butane)), made},
		{"a byte order mark", "\ufeff" + butane, made},
		{"UTF-16", utf16(butane), made},
	} {
		t.Run(c.name, func(t *testing.T) {
			needRoot(t)
			x := newTarget(t)
			name := filepath.Join(x.work, "document")
			must(t, os.WriteFile(name, []byte(c.document), 0o600))
			merged := `,"ignition":{"config":{"merge":[{"source":"data:;base64,` + base64ed(c.document) + `"}]}}`
			for how, do := range map[string]func(x *target) result{
				"apply":  func(x *target) result { return x.apply(name) },
				"boot":   func(x *target) result { return x.files(name) },
				"merged": func(x *target) result { return x.apply(x.config(merged)) },
			} {
				x := newTarget(t)
				if r := do(x); r.exit != 0 {
					t.Errorf("%s: exit %d:\n%s", how, r.exit, r.all())
				}
				x.expect(c.want)
			}
		})
	}
}

func utf16(text string) string {
	var b strings.Builder
	b.WriteString("\xff\xfe")
	for _, r := range text {
		b.WriteByte(byte(r))
		b.WriteByte(0)
	}
	return b.String()
}

// TestOtherDialectsAreNamed: a program that reads one dialect says which one it was given.
func TestOtherDialectsAreNamed(t *testing.T) {
	for _, c := range []struct{ name, program, document, says string }{
		{"butane and a cloud-config", "butane", "#cloud-config\nusers: []\n", "a cloud-config: butane convert reads"},
		{"butane and a script", "butane", "#!/bin/sh\nset -e; x: [\n", "a script: butane convert"},
		{"butane and Ignition", "butane", `{"ignition":{"version":"2.2.0"}}`, "an Ignition 2.2.0 config: butane convert"},
		{"butane and a misspelled variant", "butane", "variantt: fcos\nversion: 1.5.0\n", "a Butane document names its variant"},
		{"validate and a cloud-config", "ignition-validate", "#cloud-config\n", "this is a cloud-config; ignition reads it as it is"},
		{"validate and an old config", "ignition-validate", `{"ignition":{"version":"2.2.0"}}`, "an Ignition 2.2.0 config; ignition reads it"},
		{"validate and a misspelled header", "ignition-validate", "#cloud-confg\n", "must be exactly #cloud-config"},
		{"validate and gzip", "ignition-validate", gzipped("{}"), "this is gzip data"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if r := run(t, c.document, nil, c.program, "-"); r.exit != 1 || !strings.Contains(r.all(), c.says) {
				t.Errorf("exit %d, want %q:\n%s", r.exit, c.says, r.all())
			}
		})
	}
}

// TestIncludesAreFetched: a list of addresses stands for the documents there, with the
// limits and the settings of every other fetch.
func TestIncludesAreFetched(t *testing.T) {
	needRoot(t)
	pages := map[string]string{
		"/list": "#include\nSERVER/config?token=hush\n", "/self": "#include\nSERVER/self?token=hush\n",
		"/config": gzipped("variant: fcos\nversion: 1.5.0\nstorage:\n  files:\n    - path: /made\n"),
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := pages[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = io.WriteString(w, strings.ReplaceAll(text, "SERVER", "http://"+r.Host))
	}))
	t.Cleanup(server.Close)
	for _, c := range []struct {
		name, list string
		flags      []string
		says       string
	}{
		{name: "a list in a list", list: "#include\nSERVER/list\n"},
		{name: "a list that refers to itself", list: "#include\nSERVER/self?token=hush\n", says: "refers to itself"},
		{name: "what is not there", list: "#include\nSERVER/missing\n", says: "HTTP status 404"},
		{name: "offline", list: "#include\nSERVER/config\n", flags: []string{"--offline"}, says: "remote resources"},
		{name: "more than anybody means", list: "#include\n" + strings.Repeat("SERVER/config\n", 101), says: "more than 100"},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newTarget(t)
			args := append([]string{"apply", "--root", x.root}, append(c.flags, "-")...)
			r := run(t, strings.ReplaceAll(c.list, "SERVER", server.URL), nil, "ignition", args...)
			if (r.exit != 0) != (c.says != "") || !strings.Contains(r.all(), c.says) || strings.Contains(r.all(), "hush") {
				t.Errorf("exit %d, want %q:\n%s", r.exit, c.says, r.all())
			}
			if c.says == "" {
				x.expect("made -rw-r--r--")
			} else {
				x.expect("made absent")
			}
		})
	}
}

// bomb is gzip data of that many MiB of zero bytes. They are never in memory: what this
// process has when it starts a program would count as the program's.
func bomb(mib int) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	for range mib {
		_, _ = w.Write(make([]byte, 1<<20)) // a Buffer takes everything
	}
	_ = w.Close()
	return b.String()
}

// TestBadDocuments: what nobody can mean is refused with the reason and the place, by the
// engine and on a desk alike, in bounded memory; what is only large is taken.
func TestBadDocuments(t *testing.T) {
	const head = "variant: fcos\nversion: 1.5.0\n"
	comments := strings.Repeat("# a comment that says nothing at all, again and again\n", 200_000)
	message := func(parts ...string) string {
		return "Content-Type: multipart/mixed; boundary=x\nMIME-Version: 1.0\n\n--x\n" + strings.Join(parts, "\n--x\n") + "\n--x--\n"
	}
	for _, c := range []struct {
		name, document string
		says           string // empty if it is taken
	}{
		{"10 MB of comments", comments + head, ""},
		{"10 MB of comments in a cloud-config", "#cloud-config\n" + comments, ""},
		{"a misspelled header", "#cloud-cnofig\nhostname: a\n", "must be exactly #cloud-config"},
		{"a header with a blank", "# cloud-config\nhostname: a\n", "must be exactly #cloud-config"},
		{"a header below a marker", "---\n#cloud-config\nhostname: a\n", "above the line ---"},
		{"a misspelled variant", "variannt: fcos\nversion: 1.5.0\n", "names its variant"},
		{"an unknown variant", "variant: fedora\nversion: 1.5.0\n", "unknown variant"},
		{"tabs", head + "storage:\n\tfiles: []\n", "indent with"},
		{"latin-1", head + "storage:\n  files:\n    - path: /caf\xe9\n", "UTF-8"},
		{"binary data", "\x7fELF\x02\x01\xff\xfe\x00", "binary data"},
		{"HTML", "<!DOCTYPE html>\n<title>Sign in</title>\n", "no dialect that is known"},
		{"Ignition in a Butane document", head + `ignition: {"version": "3.4.0"}` + "\n", ""},
		{"Butane in braces", `{"variant":"fcos","version":"1.5.0"}`, ""},
		{"a list", "[]", "error"},
		{"gzip that breaks off", gzipped(head)[:30], "ends too early"},
		{"a gzip bomb", bomb(300), "more than 256 MiB"},
		{"gzip in gzip in gzip", gzipped(gzipped(gzipped(gzipped(gzipped(head))))), "more than 4 encodings"},
		{"a bomb in a part", message("Content-Transfer-Encoding: base64\n\n" + base64ed(bomb(300))), "more than 25"},
		{"bombs that are too large together", message(strings.Split(strings.Repeat("Content-Transfer-Encoding: base64\n\n"+base64ed(bomb(100))+"|", 4), "|")...), "too large"},
		{"parts without end", message(strings.Split(strings.Repeat("\n"+head+"|", 20_000), "|")...), "more than 500 parts"},
		{"a message without parts", "Content-Type: multipart/mixed; boundary=x\n\nnothing\n", "has no part"},
		{"a part handler", "#part-handler\ndef x(): pass\n", "part handler"},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newTarget(t)
			for _, command := range [][]string{{"ignition", "apply", "--root", x.root, "-"}, {"butane", "convert"}} {
				r := run(t, c.document, nil, command[0], command[1:]...)
				if (r.exit != 0) != (c.says != "") || !strings.Contains(r.all(), c.says) {
					t.Errorf("%v: exit %d, want %q:\n%.2000s", command[:2], r.exit, c.says, r.all())
				}
				if r.peak > 1<<30 {
					t.Errorf("%v took %d MiB", command[:2], r.peak>>20)
				}
			}
		})
	}
}
