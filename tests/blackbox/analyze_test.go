package blackbox

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAnalyze provisions a directory by the stages of a boot, and asks where the time went.
func TestAnalyze(t *testing.T) {
	needRoot(t)
	x := newTarget(t)
	config := x.storage(`"files":[{"path":"/etc/motd","contents":{"source":"data:,hush-hush"}},{"path":"/etc/issue"}]`)
	if r := x.files(config); r.exit != 0 {
		t.Fatal(r.all())
	}
	events := filepath.Join(x.work, "events.jsonl")
	info, err := os.Stat(events)
	if err != nil || info.Mode() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	x.expect("var/log/ignition/events.jsonl -rw------- 0:0")
	for _, name := range []string{events, filepath.Join(x.root, "var/log/ignition/events.jsonl")} {
		if data, err := os.ReadFile(name); err != nil || strings.Contains(string(data), "hush-hush") {
			t.Errorf("%s holds the content of a file, or: %v", name, err)
		}
		r := run(t, "", nil, "ignition", "analyze", name)
		if r.exit != 0 || !strings.Contains(r.stdout, "file /etc/motd\n") || !strings.Contains(r.stdout, "asked by: storage.files[0] ("+config+":2:22)") {
			t.Errorf("exit %d:\n%s", r.exit, r.all())
		}
	}
	var boot struct {
		Stages []struct {
			Name       string
			Complete   bool
			Operations []struct{ Target string }
		}
	}
	r := run(t, "", nil, "ignition", "analyze", "--format", "json", events)
	must(t, json.Unmarshal([]byte(r.stdout), &boot))
	var names []string
	for _, s := range boot.Stages {
		names = append(names, s.Name)
		if !s.Complete {
			t.Errorf("%s is not complete", s.Name)
		}
	}
	if got := strings.Join(names, " "); got != "fetch-offline kargs disks mount files umount" {
		t.Errorf("the stages are %s", got)
	}
	for format, begin := range map[string]string{"svg": "<svg ", "html": "<!DOCTYPE html>"} {
		if r := run(t, "", nil, "ignition", "analyze", "--format", format, events); r.exit != 0 || !strings.HasPrefix(r.stdout, begin) || !strings.Contains(r.stdout, "/etc/motd") {
			t.Errorf("%s: exit %d: %.300s", format, r.exit, r.all())
		}
	}
	for _, c := range []struct {
		args, stdin, want string
		exit              int
	}{
		{"-", "", "<stdin>: there are no events in it", 1},
		{"-", "{}\n", "<stdin>:1: events of format 0 cannot be read", 1},
		{filepath.Join(x.work, "none"), "", "no such file", 1},
		{x.work, "", "is a directory", 1},
		{"--format=png -", "", "none of text, json, svg, html", 2},
		{"a b", "", "one file of events at a time", 2},
	} {
		if r := run(t, c.stdin, nil, "ignition", append([]string{"analyze"}, strings.Fields(c.args)...)...); r.exit != c.exit || !strings.Contains(r.stderr, c.want) || r.stdout != "" {
			t.Errorf("%s: exit %d: %s", c.args, r.exit, r.all())
		}
	}
}

// TestEventsThatCannotBeKept: a machine is as it was asked for without them.
func TestEventsThatCannotBeKept(t *testing.T) {
	needRoot(t)
	x := newTarget(t, "file var/log no directory")
	r := x.files(x.storage(`"files":[{"path":"/etc/motd","contents":{"source":"data:,hello"}}]`))
	if r.exit != 0 || !strings.Contains(r.stdout, "the events of this boot are not kept") {
		t.Errorf("exit %d:\n%s", r.exit, r.all())
	}
	x.expect(`etc/motd "hello"`, `var/log "no directory"`)
}
