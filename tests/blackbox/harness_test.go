// Package blackbox runs the built programs on directories and looks at what they did.
package blackbox

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

func TestMain(m *testing.M) { os.Exit(programs.Main(m)) }

// needRoot skips a test that changes owners, mounts or makes accounts, unless CI
// promises to be able to.
func needRoot(t *testing.T, tools ...string) {
	t.Helper()
	programs.Need(t, append([]string{"root"}, tools...)...)
}

// target is a directory to provision, with a directory beside it that must not change.
type target struct {
	t       *testing.T
	root    string
	outside string
	work    string // configs, caches
}

// newTarget makes a root from lines:
//
//	dir PATH
//	file PATH CONTENT
//	link PATH TARGET
//	hard PATH TARGET
//	owner PATH UID:GID
//	mode PATH OCTAL
//
// OUTSIDE stands for the directory beside it.
func newTarget(t *testing.T, lines ...string) *target {
	t.Helper()
	base := t.TempDir()
	x := &target{t: t, root: filepath.Join(base, "root"), outside: filepath.Join(base, "outside"), work: filepath.Join(base, "work")}
	for _, d := range []string{x.root, x.outside, x.work} {
		must(t, os.Mkdir(d, 0o755))
	}
	must(t, os.WriteFile(filepath.Join(x.outside, "kept"), []byte("kept"), 0o644))
	for _, l := range lines {
		x.add(l)
	}
	return x
}

func (x *target) add(line string) {
	x.t.Helper()
	f := append(strings.SplitN(line, " ", 3), "", "")
	at := filepath.Join(x.root, f[1])
	must(x.t, os.MkdirAll(filepath.Dir(at), 0o755))
	rest := strings.ReplaceAll(f[2], "OUTSIDE", x.outside)
	switch f[0] {
	case "dir":
		must(x.t, os.MkdirAll(at, 0o755))
	case "file":
		must(x.t, os.WriteFile(at, []byte(rest), 0o644))
	case "link":
		must(x.t, os.Symlink(rest, at))
	case "hard":
		must(x.t, os.Link(filepath.Join(x.root, rest), at))
	case "owner":
		var uid, gid int
		_, err := fmt.Sscanf(rest, "%d:%d", &uid, &gid)
		must(x.t, err)
		must(x.t, os.Chown(at, uid, gid))
	case "mode":
		mode, err := strconv.ParseUint(rest, 8, 12)
		must(x.t, err)
		must(x.t, syscall.Chmod(at, uint32(mode)))
	default:
		x.t.Fatalf("line %q", line)
	}
}

// accounts are the files that account programs need.
var accounts = []string{
	"file etc/passwd root:x:0:0:root:/root:/bin/bash\nold:x:1007:1007::/home/old:/bin/sh\n",
	"file etc/group root:x:0:\nwheel:x:10:\ndocker:x:20:old\nold:x:1007:\n",
	"file etc/shadow root:*:19000:0:99999:7:::\nold:!:19000:0:99999:7:::\n",
	"file etc/gshadow root:*::\nwheel:*::\ndocker:*::old\nold:!::\n",
	"file etc/login.defs UID_MIN 1000\nUID_MAX 60000\nGID_MIN 1000\nGID_MAX 60000\nSYS_GID_MIN 201\nSYS_GID_MAX 999\nUSERGROUPS_ENAB yes\nHOME_MODE 0755\nPASS_MAX_DAYS 99999\nPASS_MIN_DAYS 0\nPASS_WARN_AGE 7\n",
	"file etc/skel/.profile # profile\n",
}

var must = programs.Must

// result is how a program has ended.
type result struct {
	exit           int
	stdout, stderr string
	peak           int64 // bytes of memory
}

func (r result) all() string { return r.stdout + r.stderr }

// forgetMemory makes the peak of programs started afterwards their own: until execve(2) the
// kernel counts the memory of this process, which tests before have made large, as theirs.
func forgetMemory(t *testing.T) {
	t.Helper()
	debug.FreeOSMemory()
	must(t, os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)) // proc(5): resets the peak
}

// run runs a program to its end.
func run(t *testing.T, stdin string, env []string, name string, args ...string) result {
	t.Helper()
	cmd := exec.Command(programs.Path(t, name), args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	r := result{}
	var failed *exec.ExitError
	if err := cmd.Run(); errors.As(err, &failed) {
		r.exit = failed.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	r.stdout, r.stderr = out.String(), errs.String()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.peak = usage.Maxrss << 10
	}
	if strings.Contains(r.all(), "panic:") || strings.Contains(r.all(), "goroutine ") {
		t.Errorf("%s has crashed:\n%s", name, r.all())
	}
	return r
}

// config writes a config of the newest stable spec that takes all modes. Members of
// other sections come after the version.
func (x *target) config(body string) string {
	x.t.Helper()
	name := filepath.Join(x.work, "config.ign")
	text := `{"ignition":{"version":"3.6.0"}` + body + "}"
	must(x.t, os.WriteFile(name, []byte(strings.ReplaceAll(text, "OUTSIDE", x.outside)), 0o600))
	return name
}

// storage writes a config with a storage section.
func (x *target) storage(body string) string {
	return x.config(`,` + "\n" + `"storage":{` + body + `}`)
}

func (x *target) apply(config string) result {
	x.t.Helper()
	return run(x.t, "", nil, "ignition", "apply", "--root", x.root, config)
}

func (x *target) plan(config string) result {
	x.t.Helper()
	return run(x.t, "", nil, "ignition", "plan", "--root", x.root, config)
}

// files runs the stages fetch-offline and files as the units of an initramfs do.
func (x *target) files(config string, env ...string) result {
	x.t.Helper()
	env = append(env, "IGNITION_CONFIG_FILE="+config,
		"IGNITION_SYSTEM_RUNTIME_CONFIG_DIR="+filepath.Join(x.work, "run"),
		"IGNITION_SYSTEM_LOCAL_CONFIG_DIR="+filepath.Join(x.work, "etc"),
		"IGNITION_SYSTEM_CONFIG_DIR="+filepath.Join(x.work, "usr"))
	all := result{}
	for _, stage := range []string{"fetch-offline", "kargs", "disks", "mount", "files", "umount"} {
		r := run(x.t, "", env, "ignition", x.stageArgs(stage)...)
		all.stdout += r.stdout
		all.stderr += r.stderr
		if all.exit = r.exit; r.exit != 0 {
			break
		}
	}
	return all
}

func (x *target) stageArgs(stage string) []string {
	return []string{
		"--stage", stage, "-platform=file", "--root=" + x.root, "--log-to-stdout",
		"--config-cache", filepath.Join(x.work, "ignition.json"),
		"--state-file", filepath.Join(x.work, "state"), "--neednet", filepath.Join(x.work, "neednet"),
	}
}

// inodeTime hides what differs between two runs that do the same.
var inodeTime = regexp.MustCompile(`^(old|root|[a-z]+):([^:]*):\d{5}:`)

// snapshot describes everything in a directory: kind, mode, owner, content, and which
// names are one file.
func snapshot(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	first := map[uint64]string{}
	must(t, filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(name)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, name)
		st, _ := info.Sys().(*syscall.Stat_t)
		line := fmt.Sprintf("%s %v %d:%d", rel, info.Mode(), st.Uid, st.Gid)
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(name)
			if err != nil {
				return err
			}
			line += " -> " + target
		case info.Mode().IsRegular():
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			if rel == "etc/shadow" || rel == "etc/shadow-" { // the day of the last change
				lines := strings.Split(string(data), "\n")
				for i, l := range lines {
					lines[i] = inodeTime.ReplaceAllString(l, "$1:$2:DAY:")
				}
				data = []byte(strings.Join(lines, "\n"))
			}
			line += fmt.Sprintf(" %q", data)
			if other := first[st.Ino]; other != "" {
				line += " = " + other
			}
			first[st.Ino] = rel
		}
		out = append(out, line)
		return nil
	}))
	return out
}

// diff lists the lines in which two snapshots differ.
func diff(before, after []string) []string {
	var out []string
	for _, l := range before {
		if !slices.Contains(after, l) {
			out = append(out, "- "+l)
		}
	}
	for _, l := range after {
		if !slices.Contains(before, l) {
			out = append(out, "+ "+l)
		}
	}
	return out
}

// checkOutside fails when anything beside the root has changed.
func (x *target) checkOutside() {
	x.t.Helper()
	got := snapshot(x.t, x.outside)
	if len(got) != 2 || !strings.Contains(got[1], `"kept"`) || !strings.Contains(got[1], "-rw-r--r--") {
		x.t.Errorf("outside the root something has changed: %v", got)
	}
}

// expect fails unless the lines describe what is at paths in the root:
//
//	PATH MODE UID:GID "CONTENT"     of a file (MODE as ls -l writes it)
//	PATH -> TARGET                  of a link
//	PATH absent
func (x *target) expect(lines ...string) {
	x.t.Helper()
	all := snapshot(x.t, x.root)
	for _, want := range lines {
		name, rest, _ := strings.Cut(want, " ")
		got := ""
		for _, l := range all {
			if n, r, _ := strings.Cut(l, " "); n == name {
				got = r
			}
		}
		switch {
		case rest == "absent" && got == "":
		case rest != "absent" && got != "" && (strings.HasPrefix(got, rest) || strings.HasSuffix(got, rest)):
		default:
			x.t.Errorf("%s is\n  %s\nwant\n  %s", name, got, rest)
		}
	}
}
