package blackbox

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

// systemctl asks systemd's tool about a root.
func systemctl(t *testing.T, root string, args ...string) string {
	t.Helper()
	out, err := exec.Command("systemctl", append([]string{"--root", root}, args...)...).Output()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// everything is a config with all kinds of operations.
const everything = `,"passwd":{
"groups":[{"name":"web","gid":1500}],
"users":[{"name":"core","uid":1600,"passwordHash":"$6$hush","groups":["wheel","web"],"sshAuthorizedKeys":["` + key + `"]},
{"name":"second","uid":1601,"sshAuthorizedKeys":["` + key + `"]}]},
"storage":{"directories":[{"path":"/emptied","overwrite":true},{"path":"/d","mode":1023,"user":{"name":"core"}}],
"files":[{"path":"/emptied/f","contents":{"source":"data:,new"}},
{"path":"/grows","append":[{"source":"data:,1"},{"source":"data:,2"}]},
{"path":"/was/directory","overwrite":true,"user":{"name":"core"},"contents":{"source":"data:,new"}},
{"path":"/d/a","mode":2541,"contents":{"source":"data:,a"}},{"path":"/d/b/c/d","contents":{"source":"data:,d"}}],
"links":[{"path":"/l","target":"/d/a","overwrite":true},{"path":"/h","hard":true,"target":"/d/a"}]},
"systemd":{"units":[{"name":"a.service","enabled":true,"contents":"` + wanted + `","dropins":[{"name":"x.conf","contents":"[Service]\n"}]},
{"name":"off.service","enabled":false},{"name":"m.service","mask":true}]}`

func newFullTarget(t *testing.T) *target {
	return newTarget(t, append([]string{
		"file emptied/old x", "file emptied/f old", "file grows 0", "file was/directory/of/files x", "file l x",
		"file " + vendor + "off.service " + template,
		"link " + units + "multi-user.target.wants/off.service /usr/lib/systemd/system/off.service",
	}, accounts...)...)
}

// However often and wherever a run is killed, the next one ends in the same state as
// one that was never disturbed. strace kills the program, or a program that it has
// started, at its n-th call that changes a file system.
func TestKilledRunsConverge(t *testing.T) {
	needRoot(t, "strace", "useradd", "groupadd")
	undisturbed := newFullTarget(t)
	if r := undisturbed.apply(undisturbed.config(everything)); r.exit != 0 {
		t.Fatal(r.all())
	}
	want := snapshot(t, undisturbed.root)
	for _, call := range []string{"renameat2", "rename", "openat", "mkdirat,mkdir", "fchmod", "unlinkat,unlink", "symlinkat", "fchown"} {
		t.Run(call, func(t *testing.T) {
			step := map[string]int{"openat": 41}[call]
			if step == 0 {
				step = 3
			}
			if testing.Short() {
				step *= 4
			}
			kills := 0
			for n := 1; ; n += step {
				x := newFullTarget(t)
				config := x.config(everything)
				killed := killAt(t, x, config, call, n)
				if killed {
					kills++
				}
				if r := x.apply(config); r.exit != 0 {
					t.Fatalf("killed at %s %d, the next run fails:\n%s", call, n, r.all())
				}
				if d := withoutBackups(diff(want, snapshot(t, x.root))); d != nil {
					t.Errorf("killed at %s %d, the next run ends elsewhere:\n%s", call, n, strings.Join(d, "\n"))
				}
				if !killed || t.Failed() {
					break
				}
			}
			if kills == 0 {
				t.Errorf("nothing was killed")
			}
		})
	}
}

// withoutBackups leaves out the former account files that the account programs keep.
func withoutBackups(lines []string) []string {
	var out []string
	for _, l := range lines {
		name, _, _ := strings.Cut(l[2:], " ")
		if !strings.HasSuffix(name, "-") {
			out = append(out, l)
		}
	}
	return out
}

// killAt applies a config and kills the program that makes the n-th of some calls. It
// reports false when there are fewer.
func killAt(t *testing.T, x *target, config, calls string, n int) bool {
	t.Helper()
	trace := filepath.Join(x.work, "trace")
	cmd := exec.Command("strace", "-f", "-o", trace, "-e", "trace="+calls,
		"-e", "inject="+calls+":signal=KILL:when="+strconv.Itoa(n),
		programs.Path(t, "ignition"), "apply", "--root", x.root, config)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	data, readErr := os.ReadFile(trace)
	must(t, readErr)
	wasKilled := bytes.Contains(data, []byte("killed by SIGKILL"))
	if err != nil && !wasKilled {
		t.Fatalf("%v:\n%s\n%s", err, said.String(), data)
	}
	return wasKilled
}

func mountTmpfs(t *testing.T, at, options string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", at, "tmpfs", 0, options); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("mount: %v", err)
		}
		t.Skipf("mount: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(at, syscall.MNT_DETACH) })
}

func TestFullFileSystem(t *testing.T) {
	needRoot(t)
	x := newTarget(t)
	mountTmpfs(t, x.root, "size=256k")
	must(t, os.WriteFile(filepath.Join(x.root, "b"), []byte("old"), 0o644))
	must(t, os.WriteFile(filepath.Join(x.root, "filler"), bytes.Repeat([]byte("x"), 128<<10), 0o644))
	config := x.storage(fmt.Sprintf(`"files":[{"path":"/b","overwrite":true,"contents":{"source":"data:,%s"}}]`, strings.Repeat("y", 200<<10)))
	r := x.apply(config)
	if r.exit != 1 || !strings.Contains(r.stderr, "no space left on device") || !strings.Contains(r.stderr, "help:     make room") {
		t.Errorf("exit %d:\n%s", r.exit, r.all())
	}
	x.expect(`b -rw-r--r-- 0:0 "old"`)
	if names, err := os.ReadDir(x.root); err != nil || len(names) != 2 {
		t.Errorf("something is left behind: %v, %v", names, err)
	}
	must(t, os.Remove(filepath.Join(x.root, "filler")))
	if r := x.apply(config); r.exit != 0 {
		t.Errorf("with room it fails still:\n%s", r.all())
	}
}

func TestReadOnlyFileSystem(t *testing.T) {
	needRoot(t)
	x := newTarget(t)
	mountTmpfs(t, x.root, "size=256k")
	must(t, os.Mkdir(filepath.Join(x.root, "etc"), 0o755))
	must(t, syscall.Mount("", x.root, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	config := x.storage(`"files":[{"path":"/etc/a"},{"path":"/etc/deep/b"}],"directories":[{"path":"/etc/c"}]`)
	r := x.apply(config)
	if r.exit != 1 || strings.Count(r.stderr, "read-only file system") != 3 || !strings.Contains(r.stderr, "mount it read-write") {
		t.Errorf("exit %d:\n%s", r.exit, r.all())
	}
	must(t, syscall.Mount("", x.root, "", syscall.MS_REMOUNT, ""))
	if r := x.apply(config); r.exit != 0 {
		t.Errorf("mounted read-write it fails still:\n%s", r.all())
	}
}
