package linux

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// newOptions came after OpenSSH 9.2, the one of Debian 12: release notes of 9.8 and 9.9.
var newOptions = []string{"per_source_penalties", "per_source_penalty_exempt_list", "refuse_connection"}

// TestSSHOptionsExist: sshd knows every option of the table.
func TestSSHOptionsExist(t *testing.T) {
	sshd, err := exec.LookPath("sshd")
	if err != nil {
		t.Skip("sshd is missing") // tests/linux fails for that in CI
	}
	if !slices.Contains(sshOptions, "x11_forwarding") || !strings.Contains(complaint(sshd, "NoSuchOption"), "Bad configuration option") {
		t.Fatal("this test would find nothing")
	}
	for _, name := range sshOptions {
		if said := complaint(sshd, sshKeyword(name)); strings.Contains(said, "Bad configuration option") && !slices.Contains(newOptions, name) {
			t.Errorf("%s: %s", name, said)
		}
	}
}

// complaint is what sshd says about a config with one option.
func complaint(sshd, keyword string) string {
	said, _ := exec.Command(sshd, "-t", "-f", "/dev/null", "-o", keyword+"=x").CombinedOutput() // it fails in any case
	return string(said)
}
