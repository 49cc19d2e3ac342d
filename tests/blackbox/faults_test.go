package blackbox

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

// A call that fails with an error of the disk ends the run with a message that names what
// was asked for, and the next run ends as if nothing had happened. strace lets the n-th call
// of a kind fail.
func TestErrorsOfTheDiskAtEveryCall(t *testing.T) {
	needRoot(t, "strace")
	const body = `,"storage":{"directories":[{"path":"/emptied","overwrite":true},{"path":"/d","mode":1023}],
"files":[{"path":"/emptied/f","contents":{"source":"data:,new"}},{"path":"/grows","append":[{"source":"data:,1"}]},
{"path":"/was/directory","overwrite":true,"contents":{"source":"data:,new"}},{"path":"/d/b/c","mode":2541,"contents":{"source":"data:,a"}}],
"links":[{"path":"/l","target":"/d/a","overwrite":true},{"path":"/h","hard":true,"target":"/d/b/c"}]}`
	fresh := func() *target {
		return newTarget(t, "file emptied/old x", "file grows 0", "file was/directory/of/files x", "file l x")
	}
	undisturbed := fresh()
	if r := undisturbed.apply(undisturbed.config(body)); r.exit != 0 {
		t.Fatal(r.all())
	}
	want := snapshot(t, undisturbed.root)
	const most = 200 // calls of a kind
	for _, calls := range []string{"mkdirat", "symlinkat", "linkat", "renameat2,renameat", "fchmod,fchmodat", "fchown,fchownat", "unlinkat", "syncfs,fsync"} {
		failed := 0
		for n := 1; n < most; n++ {
			fault := []string{"ENOSPC", "EIO"}[n%2]
			x := fresh()
			config := x.config(body)
			cmd := exec.Command("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace="+calls,
				"-e", fmt.Sprintf("inject=%s:error=%s:when=%d", calls, fault, n), programs.Path(t, "ignition"), "apply", "--root", x.root, config)
			var said bytes.Buffer
			cmd.Stdout, cmd.Stderr = &said, &said
			err := cmd.Run()
			if strings.Contains(said.String(), "goroutine ") {
				t.Fatalf("%s %d: crashed:\n%s", calls, n, said.String())
			}
			if d := diff(want, snapshot(t, x.root)); err == nil && d == nil {
				if failed > 0 || n > 20 { // beyond the last call, or one that does not matter
					break
				}
				continue
			} else if err == nil {
				t.Fatalf("%s %d: %s was hidden:\n%s\n%s", calls, n, fault, strings.Join(d, "\n"), said.String())
			}
			failed++
			words := map[string]string{"ENOSPC": "no space left on device", "EIO": "input/output error"}[fault]
			if !strings.Contains(said.String(), words) {
				t.Errorf("%s %d: the message does not say %q:\n%s", calls, n, words, said.String())
			}
			if r := x.apply(config); r.exit != 0 {
				t.Fatalf("%s %d: after %s the next run fails:\n%s", calls, n, fault, r.all())
			}
			if d := diff(want, snapshot(t, x.root)); d != nil {
				t.Fatalf("%s %d: after %s the next run ends otherwise:\n%s", calls, n, fault, strings.Join(d, "\n"))
			}
			x.checkOutside()
		}
		t.Logf("%s: %d failures", calls, failed)
	}
}
