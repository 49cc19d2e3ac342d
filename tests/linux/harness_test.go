// Package linux holds the proof of the variant linux: the programs that read the
// files on a server read those that butane makes and ignition writes.
package linux

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

func TestMain(m *testing.M) { os.Exit(programs.Main(m)) }

// head starts every document.
const head = "variant: linux\nversion: 1.0.0-experimental\n"

// accounts are the files that the programs which make users need.
var accounts = map[string]string{
	"etc/passwd":     "root:x:0:0:root:/root:/bin/bash\n",
	"etc/group":      "root:x:0:\n",
	"etc/shadow":     "root:*:19000:0:99999:7:::\n",
	"etc/gshadow":    "root:*::\n",
	"etc/login.defs": "UID_MIN 1000\nUID_MAX 60000\nGID_MIN 1000\nGID_MAX 60000\nUSERGROUPS_ENAB yes\nHOME_MODE 0700\n",
}

// provision translates a document, without its head, and applies the config to a new
// root. A second run must find nothing to do.
func provision(t *testing.T, document string) (root string) {
	t.Helper()
	dir := t.TempDir()
	root = filepath.Join(dir, "root")
	for name, text := range accounts {
		write(t, filepath.Join(root, name), text, 0o644)
	}
	config := filepath.Join(dir, "config.ign")
	cmd := exec.Command(programs.Path(t, "butane"), "--strict", "-o", config)
	cmd.Stdin = strings.NewReader(head + document)
	programs.Output(t, cmd)
	programs.Output(t, exec.Command(programs.Path(t, "ignition"), "apply", "--root", root, config))
	if again := programs.Output(t, exec.Command(programs.Path(t, "ignition"), "apply", "--root", root, config)); !strings.Contains(again, "as they should be") && !strings.Contains(again, "nothing") {
		t.Errorf("the second run says %s", again)
	}
	return root
}

func write(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// has fails unless a text has all lines.
func has(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, want := range lines {
		if !strings.Contains("\n"+text+"\n", "\n"+want+"\n") {
			t.Errorf("there is no line %q in\n%s", want, text)
		}
	}
}
