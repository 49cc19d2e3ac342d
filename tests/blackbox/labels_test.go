package blackbox

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	policyConfig = "SELINUX=enforcing\nSELINUXTYPE=targeted\n"
	contextsPath = "etc/selinux/targeted/contexts/files/file_contexts"
)

// contexts is a small policy, in the words of the reference policy.
const contexts = `/.*	system_u:object_r:default_t:s0
/etc(/.*)?	system_u:object_r:etc_t:s0
/etc/.*shadow.*	--	system_u:object_r:shadow_t:s0
/etc/systemd/system(/.*)?	system_u:object_r:systemd_unit_file_t:s0
/home	-d	system_u:object_r:home_root_t:s0
/home/[^/]*	-d	unconfined_u:object_r:user_home_dir_t:s0
/home/[^/]*/.+	unconfined_u:object_r:user_home_t:s0
/home/[^/]*/\.ssh(/.*)?	system_u:object_r:ssh_home_t:s0
/srv(/.*)?	system_u:object_r:var_t:s0
/var(/.*)?	system_u:object_r:var_t:s0
`

// withPolicy is a target with accounts, a policy, and a label on everything there is.
func withPolicy(t *testing.T, lines ...string) *target {
	t.Helper()
	x := newTarget(t, append(accounts, lines...)...)
	x.add("file etc/selinux/config " + policyConfig)
	x.add("file " + contextsPath + " " + contexts)
	must(t, filepath.WalkDir(x.root, func(name string, _ fs.DirEntry, err error) error {
		if err == nil {
			err = unix.Lsetxattr(name, "security.selinux", []byte("system_u:object_r:old_t:s0\x00"), 0)
		}
		return err
	}))
	return x
}

// labels are the types of all entries, by path; empty where there is no label.
func (x *target) labels() map[string]string {
	x.t.Helper()
	out := map[string]string{}
	must(x.t, filepath.WalkDir(x.root, func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		value := make([]byte, 256)
		n, err := unix.Lgetxattr(name, "security.selinux", value)
		if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP) {
			n, err = 0, nil
		}
		label := strings.Split(strings.TrimRight(string(value[:n]), "\x00"), ":")
		rel, _ := filepath.Rel(x.root, name)
		if out[rel] = ""; len(label) > 2 {
			out[rel] = label[2]
		}
		return err
	}))
	return out
}

func (x *target) expectLabels(want map[string]string) {
	x.t.Helper()
	got := x.labels()
	for name, label := range want {
		if is, there := got[name]; is != label || !there {
			x.t.Errorf("%s has the label %q, want %q", name, is, label)
		}
	}
	for name, label := range got {
		if label == "" {
			x.t.Errorf("%s has no label", name)
		}
	}
}

const labelledConfig = `,"passwd":{"users":[{"name":"core","sshAuthorizedKeys":["ssh-ed25519 AAAA"]}],"groups":[{"name":"team"}]},
"storage":{"directories":[{"path":"/srv/a/b"}],
"files":[
{"path":"/srv/new/deep/file","contents":{"source":"data:,x"}},
{"path":"/etc/replaced","overwrite":true,"contents":{"source":"data:,x"}},
{"path":"/etc/appended","append":[{"source":"data:,x"}]},
{"path":"/etc/same","contents":{"source":"data:,same"}},
{"path":"/linked/file","contents":{"source":"data:,x"}}],
"links":[{"path":"/etc/dangling","target":"/nowhere/at/all"},{"path":"/srv/hard","target":"/srv/new/deep/file","hard":true}]},
"systemd":{"units":[
{"name":"a.service","enabled":true,"contents":"[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n","dropins":[{"name":"x.conf","contents":"[Unit]\n"}]},
{"name":"b.service","mask":true}]}`

var wantedLabels = map[string]string{
	"srv/a": "var_t", "srv/a/b": "var_t", "srv/new": "var_t", "srv/new/deep/file": "var_t", "srv/hard": "var_t",
	"etc/replaced": "etc_t", "etc/dangling": "etc_t", "var/real/file": "var_t",
	"etc/appended": "old_t", "etc/same": "old_t", "etc/skel/.profile": "old_t", ".": "old_t", "etc": "old_t", "var/real": "old_t",
	"etc/passwd": "etc_t", "etc/shadow": "shadow_t", "etc/.ignition-result.json": "etc_t",
	"home": "home_root_t", "home/core": "user_home_dir_t", "home/core/.profile": "user_home_t",
	"home/core/.ssh": "ssh_home_t", "home/core/.ssh/authorized_keys.d/ignition": "ssh_home_t",
	"etc/systemd/system/a.service": "systemd_unit_file_t", "etc/systemd/system/a.service.d/x.conf": "systemd_unit_file_t",
	"etc/systemd/system/b.service":                         "systemd_unit_file_t",
	"etc/systemd/system/multi-user.target.wants":           "systemd_unit_file_t",
	"etc/systemd/system/multi-user.target.wants/a.service": "systemd_unit_file_t",
	"etc/systemd/system-preset/20-ignition.preset":         "etc_t",
	"etc/selinux/targeted/contexts/files/file_contexts":    "old_t",
}

// there is what the config meets.
var there = []string{"file etc/appended old", "file etc/replaced old", "file etc/same same", "dir var/real", "link linked /var/real", "dir srv"}

func TestEverythingMadeGetsTheLabelsOfThePolicy(t *testing.T) {
	needRoot(t, "setfiles", "useradd")
	x := withPolicy(t, there...)
	config := x.config(labelledConfig)
	if r := run(t, "", nil, "ignition", "plan", "--root", x.root, config); !strings.Contains(r.stdout, "SELinux") {
		t.Errorf("the plan does not tell of labels:\n%s", r.all())
	}
	if r := x.files(config); r.exit != 0 || strings.Contains(r.all(), "CRITICAL") {
		t.Fatalf("exit %d:\n%s", r.exit, r.all())
	}
	x.expectLabels(wantedLabels)
	if r := run(t, "", nil, "ignition", "plan", "--root", x.root, config); !strings.Contains(r.stdout, "0 to change") {
		t.Errorf("there is something left to do:\n%s", r.all())
	}
	x.checkOutside()
}

// fakeTool is a directory to put first in PATH.
func fakeTool(t *testing.T, name, script string) (env string) {
	t.Helper()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o755))
	return "PATH=" + dir + ":" + os.Getenv("PATH")
}

func TestInterruptedRunIsLabelledByTheNext(t *testing.T) {
	needRoot(t, "setfiles", "useradd")
	x := withPolicy(t, there...)
	config := x.config(labelledConfig)
	r := x.files(config, fakeTool(t, "setfiles", "echo out of luck >&2; exit 255"))
	if r.exit != 1 || !strings.Contains(r.all(), "labels SELinux: setfiles: exit status 255") || !strings.Contains(r.all(), "out of luck") {
		t.Fatalf("exit %d:\n%s", r.exit, r.all())
	}
	if r := x.files(config); r.exit != 0 {
		t.Fatalf("exit %d:\n%s", r.exit, r.all())
	}
	x.expectLabels(wantedLabels)
}

func TestPolicyWithoutTheToolIsAConflict(t *testing.T) {
	needRoot(t, "setfiles")
	x := withPolicy(t)
	before := snapshot(t, x.root)
	r := x.files(x.storage(`"files":[{"path":"/srv/file"}]`), "PATH="+t.TempDir())
	if r.exit != 1 || !strings.Contains(r.all(), "find setfiles: the program is not installed") || !strings.Contains(r.all(), "policycoreutils") {
		t.Errorf("exit %d:\n%s", r.exit, r.all())
	}
	if d := diff(before, snapshot(t, x.root)); d != nil {
		t.Errorf("something has changed: %v", d)
	}
}

func TestTargetsThatUseNoPolicyNeedNoTool(t *testing.T) {
	needRoot(t)
	broken := fakeTool(t, "setfiles", "exit 1")
	for name, lines := range map[string][]string{
		"nothing of SELinux":                     nil,
		"a config that disables it":              {"file etc/selinux/config SELINUX=disabled\nSELINUXTYPE=targeted\n", "file " + contextsPath + " " + contexts},
		"a config of a policy that is not there": {"file etc/selinux/config " + policyConfig},
		"a config without a type":                {"file etc/selinux/config SELINUX=enforcing\n# SELINUXTYPE=targeted\n"},
		"a type that leads out":                  {"file etc/selinux/config SELINUX=enforcing\nSELINUXTYPE=../../../outside/kept\n"},
	} {
		t.Run(name, func(t *testing.T) {
			x := newTarget(t, lines...)
			if r := x.files(x.storage(`"files":[{"path":"/srv/file"}]`), broken); r.exit != 0 {
				t.Errorf("exit %d:\n%s", r.exit, r.all())
			}
		})
	}
}

func TestPolicyThatTheConfigBrings(t *testing.T) {
	needRoot(t, "setfiles")
	x := newTarget(t)
	config := x.storage(`"files":[
{"path":"/etc/selinux/config","contents":{"source":"data:,SELINUX=permissive%0ASELINUXTYPE=targeted%0A"}},
{"path":"/` + contextsPath + `","contents":{"source":"data:,/.*%09system_u:object_r:all_t:s0%0A"}},
{"path":"/srv/file"}]`)
	if r := x.files(config); r.exit != 0 {
		t.Fatalf("exit %d:\n%s", r.exit, r.all())
	}
	// the target itself was never labelled, and stays so
	if got := x.labels(); got["srv"] != "all_t" || got["srv/file"] != "all_t" || got["etc"] != "all_t" || got["."] != "" {
		t.Errorf("the labels are %v", got)
	}
}

// A file system whose root has no label was never labelled: what was there before is left
// alone, however much it is.
func TestOldDataIsNotLabelled(t *testing.T) {
	needRoot(t, "setfiles", "mount", "umount")
	x := withPolicy(t, "dir data")
	data := filepath.Join(x.root, "data")
	for _, kind := range []string{"tmpfs", "ramfs"} { // the latter takes no labels at all
		t.Run(kind, func(t *testing.T) {
			must(t, unix.Mount(kind, data, kind, 0, ""))
			defer func() { must(t, unix.Unmount(data, unix.MNT_DETACH)) }()
			must(t, os.MkdirAll(filepath.Join(data, "old/deep"), 0o755))
			if r := x.files(x.storage(`"files":[{"path":"/data/old/new/file"},{"path":"/data/old/other"}],"directories":[{"path":"/data/old/deep"}]`)); r.exit != 0 {
				t.Fatalf("exit %d:\n%s", r.exit, r.all())
			}
			got := x.labels()
			want := map[string]string{"data/old": "", "data/old/deep": "", "data/old/new": "default_t", "data/old/new/file": "default_t", "data/old/other": "default_t"}
			for name, label := range want {
				if kind == "tmpfs" && got[name] != label {
					t.Errorf("%s has the label %q, want %q", name, got[name], label)
				}
			}
		})
	}
}

// TestNothingIsLeftToRelabel: the tool itself finds nothing wrong afterwards, as when the
// system asks for a relabelling of everything.
func TestNothingIsLeftToRelabel(t *testing.T) {
	needRoot(t, "setfiles", "useradd")
	x := newTarget(t, append(append(accounts, there...), "file etc/selinux/config "+policyConfig, "file "+contextsPath+" "+contexts)...)
	setfiles := func(options string) string {
		out, err := exec.Command("setfiles", options, "-r", x.root, filepath.Join(x.root, contextsPath), x.root).CombinedOutput()
		if err != nil {
			t.Fatalf("setfiles: %v\n%s", err, out)
		}
		return string(out)
	}
	setfiles("-F")
	if r := x.files(x.config(labelledConfig)); r.exit != 0 {
		t.Fatalf("exit %d:\n%s", r.exit, r.all())
	}
	if said := setfiles("-nvF"); said != "" {
		t.Errorf("setfiles would change\n%s", said)
	}
}
