package blackbox

import (
	"strings"
	"testing"
)

// A tool that hangs ends the stage, with the line of the config and the tool's own words.
func TestToolThatHangs(t *testing.T) {
	needRoot(t)
	x := newTarget(t, accounts...)
	config := x.config(",\n" + `"passwd":{"users":[` + "\n" + `{"name":"core"}]}`)
	r := x.files(config, fakeTool(t, "useradd", "echo waiting for godot >&2; sleep 1000 & exec sleep 1000"), "IGNITION_TOOL_TIMEOUT=2s")
	if r.exit != 1 {
		t.Errorf("exit %d", r.exit)
	}
	for _, want := range []string{
		"files: user core: useradd: after 2s it hangs, and was ended", "asked by: passwd.users[0]", "config.ign:3:2)",
		"command:  useradd --root", "said:     waiting for godot", "allow more with IGNITION_TOOL_TIMEOUT",
	} {
		if !strings.Contains(r.all(), want) {
			t.Errorf("the output lacks %q:\n%s", want, r.all())
		}
	}
	// the next run finds what it needs
	if r := x.files(config); r.exit != 0 {
		t.Fatalf("exit %d:\n%s", r.exit, r.all())
	}
}
