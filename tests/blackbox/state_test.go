package blackbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// stage runs one stage with an environment like that of files.
func (x *target) stage(stage, config string, env ...string) result {
	x.t.Helper()
	return run(x.t, "", append(env, "IGNITION_CONFIG_FILE="+config,
		"IGNITION_SYSTEM_RUNTIME_CONFIG_DIR="+filepath.Join(x.work, "run"),
		"IGNITION_SYSTEM_LOCAL_CONFIG_DIR="+filepath.Join(x.work, "etc"),
		"IGNITION_SYSTEM_CONFIG_DIR="+filepath.Join(x.work, "usr")), "ignition", x.stageArgs(stage)...)
}

func TestStateAndCacheThatAreBroken(t *testing.T) {
	for _, c := range []struct {
		name, file, text string
		exit             int
		says             string
	}{
		{"a cache that is no JSON", "ignition.json", `{"ignition":`, 1, "ignition.json"},
		{"an empty cache", "ignition.json", ``, 1, "ignition.json"},
		{"a state that is no JSON", "state", `{"fetchedConfigs":`, 3, "state"},
		{"a state of another shape", "state", `{"fetchedConfigs":7}`, 3, "state"},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newTarget(t)
			config := x.storage(`"files":[{"path":"/x"}]`)
			if r := x.stage("fetch-offline", config); r.exit != 0 {
				t.Fatal(r.all())
			}
			must(t, os.WriteFile(filepath.Join(x.work, c.file), []byte(c.text), 0o600))
			if r := x.stage("files", config); r.exit != c.exit || !strings.Contains(r.all(), c.says) {
				t.Errorf("exit %d, want %d and %q:\n%s", r.exit, c.exit, c.says, r.all())
			}
			x.expect("x absent")
		})
	}
}

// Somebody else may ask for the network before, and mask the offline stage.
func TestFlagThatIsThereAndFetchAlone(t *testing.T) {
	x := newTarget(t)
	config := x.storage(`"files":[{"path":"/x"}]`)
	flag := filepath.Join(x.work, "neednet")
	must(t, os.WriteFile(flag, []byte("mine"), 0o600))
	if r := x.stage("fetch-offline", config); r.exit != 0 {
		t.Fatal(r.all())
	}
	if data, err := os.ReadFile(flag); err != nil || string(data) != "mine" {
		t.Errorf("the flag is %q, %v", data, err)
	}
	must(t, os.Remove(filepath.Join(x.work, "ignition.json")))
	must(t, os.Remove(filepath.Join(x.work, "state")))
	for _, stage := range []string{"fetch", "files"} {
		if r := x.stage(stage, config); r.exit != 0 {
			t.Fatal(r.all())
		}
	}
	x.expect(`x -rw-r--r--`)
}

func TestFragments(t *testing.T) {
	needRoot(t)
	fragment := func(path string) string {
		return `{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"` + path + `"}]}}`
	}
	for _, c := range []struct {
		name  string
		lines []string // of work, as newTarget takes them
		says  string   // it fails
		want  []string
	}{
		{"directories and other files are passed over", []string{"dir usr/base.d/10-dir.ign", "file usr/base.d/.hidden.ign nonsense", "file usr/base.d/20.ign~ nonsense", "file usr/base.d/30.ign " + fragment("/base")}, "", []string{"base -rw-r--r--"}},
		{"a link that dangles", []string{"link usr/base.d/10.ign /nowhere", "file usr/base.d/30.ign " + fragment("/base")}, "10.ign", nil},
		{"a fragment that is no config", []string{"file usr/base.d/10.ign nonsense"}, "10.ign", nil},
		{"a fragment of the platform that is no config", []string{"file usr/base.platform.d/file/10.ign nonsense"}, "10.ign", nil},
		{"a fragment without a byte", []string{"file usr/base.d/10.ign "}, "10.ign", nil},
		{"the same name hides what comes later", []string{"file run/base.d/10.ign " + fragment("/run"), "file etc/base.d/10.ign nonsense", "file usr/base.d/10.ign nonsense"}, "", []string{"run -rw-r--r--"}},
		{"those of another platform do not matter", []string{"file usr/base.platform.d/qemu/10.ign nonsense"}, "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newTarget(t)
			in := &target{t: t, root: x.work}
			for _, l := range c.lines {
				in.add(l)
			}
			r := x.files(x.storage(`"files":[{"path":"/user"}]`))
			if (r.exit == 0) != (c.says == "") || !strings.Contains(r.all(), c.says) {
				t.Fatalf("exit %d, should say %q:\n%s", r.exit, c.says, r.all())
			}
			x.expect(c.want...)
			if c.says != "" {
				return
			}
			x.expect("user -rw-r--r--")
			cache, err := os.ReadFile(filepath.Join(x.work, "ignition.json"))
			if text := string(cache); err != nil || !strings.Contains(text, `"/user"`) || strings.Contains(text, `"/base"`) || strings.Contains(text, "null") || strings.Contains(text, `"mode"`) {
				t.Errorf("the cache has what no user has written, or keys without a value: %s, %v", cache, err)
			}
		})
	}
}

// A live system is provisioned on each boot: what the image has from its making is no
// former run.
func TestLiveSystemHasNoFormerReport(t *testing.T) {
	needRoot(t)
	for live, want := range map[string]bool{"exit 0": false, "exit 1": true} {
		x := newTarget(t, `file etc/.ignition-result.json {"provisioningDate":"then"}`)
		r := x.files(x.storage(`"files":[]`), fakeTool(t, "is-live-image", live))
		if r.exit != 0 {
			t.Fatal(r.all())
		}
		if got := x.report().PreviousReport != nil; got != want {
			t.Errorf("is-live-image says %s: there is a former report: %t", live, got)
		}
	}
}

func TestKernelArgumentsAreAskedForAgain(t *testing.T) {
	x := newTarget(t)
	config := x.config(`,"kernelArguments":{"shouldExist":["a=b"]}`)
	// as after the reboot: everything begins again, and the helper finds nothing to do
	said := filepath.Join(x.work, "said")
	helper := fakeTool(t, "ignition-kargs-helper", `echo "$@" >>`+said)
	for range 2 {
		for _, stage := range []string{"fetch-offline", "kargs"} {
			if r := x.stage(stage, config, helper); r.exit != 0 {
				t.Fatal(r.all())
			}
		}
	}
	if got, err := os.ReadFile(said); err != nil || string(got) != strings.Repeat("--should-exist a=b\n", 2) {
		t.Errorf("the helper was called with %q, %v", got, err)
	}
}

// All that is missing is told at once, before anything is changed.
func TestSecureKeysNeedACard(t *testing.T) {
	needRoot(t)
	x := newTarget(t)
	r := x.files(x.storage("\n" + `"luks":[{"name":"x","device":"/dev/no-such-disk","cex":{"enabled":true}}]`))
	for _, want := range []string{
		"the device is not there; find zkey: ", "; find zkey-cryptsetup: ", "; the machine has no CryptoExpress card in CCA mode", "config.ign:3:",
		"connect the device", "its package is usually s390-tools; give the machine, which must be an s390x, a domain of one; elsewhere use a key file, or clevis",
	} {
		if r.exit != 1 || !strings.Contains(r.all(), want) {
			t.Errorf("exit %d, it does not say %q:\n%s", r.exit, want, r.all())
		}
	}
}

// maxPeak is what 5,000 files and 200 units may take, in bytes of memory.
const maxPeak = 128 << 20

func TestManyFilesAndUnits(t *testing.T) {
	needRoot(t)
	var files, units []string
	for i := range 5000 {
		files = append(files, fmt.Sprintf(`{"path":"/srv/d%d/f%d","contents":{"source":"data:,%s"}}`, i%50, i, strings.Repeat("x", 200)))
	}
	for i := range 200 {
		units = append(units, fmt.Sprintf(`{"name":"u%d.service","enabled":true,"contents":%q}`, i, "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"))
	}
	x := newTarget(t)
	config := x.config(`,"storage":{"files":[` + strings.Join(files, ",") + `]},"systemd":{"units":[` + strings.Join(units, ",") + `]}`)
	forgetMemory(t)
	r := x.apply(config)
	if r.exit != 0 {
		t.Fatal(r.all())
	}
	if r.peak > maxPeak {
		t.Errorf("it took %d MiB of memory", r.peak>>20)
	}
	wants, err := os.ReadDir(filepath.Join(x.root, "etc/systemd/system/multi-user.target.wants"))
	if err != nil || len(wants) != 200 {
		t.Errorf("%d units are enabled, %v", len(wants), err)
	}
	for i := range 50 {
		if there, err := os.ReadDir(filepath.Join(x.root, fmt.Sprintf("srv/d%d", i))); err != nil || len(there) != 100 {
			t.Errorf("directory %d has %d files, %v", i, len(there), err)
		}
	}
}
