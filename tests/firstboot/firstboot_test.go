package firstboot

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

// good makes a machine that has a file more.
const good = `{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/etc/marker","overwrite":true,"contents":{"source":"data:,there"}}]}}`

const (
	onQEMU  = "ignition.platform.id=qemu"
	stamped = "# what a boot loader would say\n" + onQEMU
)

// each runs a test for either maker of initramfs images.
func each(t *testing.T, test func(t *testing.T, m *machine)) {
	t.Helper()
	for driver := range drivers {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, driver)
			m.config(good)
			test(t, m)
		})
	}
}

// TestWhichBootIsTheFirst: what the command line and the stamp say about it.
func TestWhichBootIsTheFirst(t *testing.T) {
	each(t, func(t *testing.T, m *machine) {
		for _, c := range []struct {
			name, stamp, arguments string
			first                  bool
			stays                  bool // the stamp
		}{
			{"a machine that was never armed", "", onQEMU, false, false},
			{"the stamp alone", stamped, "", true, false},
			{"a stamp with comments and no end of the last line", "# one\n\n#two\n" + onQEMU + "\n# three", "", true, false},
			{"an empty stamp, the platform on the command line", "\n", onQEMU, true, false},
			{"the command line has the last word", onQEMU + " ignition.platform.id=metal", onQEMU, true, false},
			{"0 on the command line keeps the stamp", stamped, "ignition.firstboot=0", false, true},
			{"so does no", stamped, "ignition.firstboot=no", false, true},
			{"so does off", stamped, "ignition.firstboot=off", false, true},
			{"1 without a stamp", "", "ignition.firstboot=1 " + onQEMU, true, false},
			{"1 takes a stamp away as well", stamped, "ignition.firstboot=1 " + onQEMU, true, false},
			{"the bare word", "", "ignition.firstboot " + onQEMU, true, false},
			{"what systems with Flatcar's boot loader say", "", "ignition.firstboot=detected " + onQEMU, true, false},
			{"nothing after the sign says nothing", "", "ignition.firstboot= " + onQEMU, false, false},
			{"the last word counts", "", "ignition.firstboot=1 ignition.firstboot=0 " + onQEMU, false, false},
			{"another word that begins alike", "", "ignition.firstboots=1 xignition.firstboot " + onQEMU, false, false},
		} {
			m.must(os.RemoveAll(filepath.Join(m.root, "disk")))
			m.dir("disk/etc")
			if c.stamp != "" {
				m.arm(c.stamp)
			}
			b := m.boot(c.arguments, "")
			m.expect(b, true, c.first)
			if got := m.disk("etc/marker") == "there"; got != c.first {
				t.Errorf("%s: provisioned: %t", c.name, got)
			}
			if got := m.disk("etc/ignition/firstboot") != ""; got != c.stays {
				t.Errorf("%s: the stamp is there: %t", c.name, got)
			}
			if got := m.disk("etc/ignition/firstboot.done") != ""; got != (c.stamp != "" && c.first) {
				t.Errorf("%s: the stamp was renamed: %t", c.name, got)
			}
			if t.Failed() {
				t.Fatalf("%s:\n%s", c.name, b.said)
			}
		}
	})
}

// TestAFirstBootThatIsInterrupted: the stamp stays until all is done, attempts are counted,
// and the boot after the success does nothing.
func TestAFirstBootThatIsInterrupted(t *testing.T) {
	each(t, func(t *testing.T, m *machine) {
		m.arm(stamped)
		bad := strings.Replace(good, `"/etc/marker"`, `"etc/marker"`, 1)
		m.config(bad)
		m.expect(m.boot("", ""), false, true, "not provisioned", "storage.files[0].path")

		// a config that fails late, twice: each boot tries again, and says so
		late := strings.Replace(good, `"overwrite":true,`, ``, 1)
		m.write("disk/etc/marker", "in the way", 0o644)
		m.config(late)
		for range 2 {
			b := m.boot("", "")
			m.expect(b, false, true, "file /etc/marker", "set overwrite: true")
		}
		b := m.boot("", "")
		m.expect(b, false, true, "This was attempt 3, and attempt 3 with the same config (sha512 ")
		if m.disk("etc/marker") != "in the way" || m.disk("etc/ignition/firstboot") == "" {
			t.Error("something was changed, or the stamp is gone")
		}
		m.must(os.Remove(filepath.Join(m.root, "disk/etc/marker")))

		// the power is cut after the disks, and after the files but before the stamp is taken away
		m.config(good)
		for _, at := range map[string][]string{
			"dracut": {"ignition-disks.service", "ignition-files.service"}, "initramfs-tools": {"local-premount"},
		}[m.driver] {
			b := m.boot("", at)
			m.expect(b, false, true)
			if strings.Contains(b.console, "not provisioned") {
				t.Errorf("a verdict: %s", b.console)
			}
			if m.disk("etc/ignition/firstboot") == "" {
				t.Fatalf("the stamp is gone after a power cut at %s", at)
			}
		}

		m.expect(m.boot("", ""), true, true)
		if m.disk("etc/marker") != "there" || m.disk("etc/ignition/firstboot") != "" || m.disk("etc/ignition/firstboot.done") == "" {
			t.Error("it is not provisioned, or the stamp is as it was")
		}
		m.expect(m.boot("", ""), true, false)
		m.expect(m.boot(onQEMU, ""), true, false)
		if m.disk("etc/.ignition-attempts.json") != "" {
			t.Error("the attempts are still there")
		}
		// in the result of the first run that came as far, or in that as the one before
		if r := m.disk("etc/.ignition-result.json"); !strings.Contains(r, `"attempts": 4`) || strings.Count(r, `"stage": "files"`) != 3 {
			t.Errorf("the result is %s", r)
		}
	})
}

// TestAnEngineThatIsKilled: out of memory, or by whatever means, the console says so.
func TestAnEngineThatIsKilled(t *testing.T) {
	each(t, func(t *testing.T, m *machine) {
		m.must(os.Rename(filepath.Join(m.root, "usr/bin/ignition"), filepath.Join(m.root, "usr/bin/engine")))
		m.write("usr/bin/ignition", "#!/bin/sh\ncase $* in *--stage=disks*) kill -9 $$ ;; esac\nexec /usr/bin/engine \"$@\"\n", 0o755)
		m.arm(stamped)
		m.expect(m.boot("", ""), false, true, "not provisioned", "disks", "killed")
		if m.disk("etc/ignition/firstboot") == "" {
			t.Error("the stamp is gone")
		}
		m.must(os.Rename(filepath.Join(m.root, "usr/bin/engine"), filepath.Join(m.root, "usr/bin/ignition")))
		m.expect(m.boot("", ""), true, true)
	})
}

// TestBadInput: a verdict on the console that names what is wrong, and no half-done machine.
func TestBadInput(t *testing.T) {
	each(t, func(t *testing.T, m *machine) {
		garbage := make([]byte, 4096)
		for i := range garbage {
			garbage[i] = byte(i*i + i/7)
		}
		for _, c := range []struct {
			name, config, arguments string
			shows                   []string
		}{
			{"garbage in fw_cfg", string(garbage), onQEMU, []string{"fw_cfg opt/com.coreos/config", "binary data"}},
			{"zeros in fw_cfg", string(make([]byte, 512)), onQEMU, []string{"fw_cfg opt/com.coreos/config"}},
			{"a config that is cut off", good[:60], onQEMU, []string{"fw_cfg opt/com.coreos/config"}},
			{"another kind of document", "<html><body>404</body></html>", onQEMU, []string{"fw_cfg opt/com.coreos/config"}},
			{"arrays in arrays", strings.Repeat("[", 1<<20), onQEMU, []string{"fw_cfg opt/com.coreos/config"}},
			{"an unknown platform", good, "ignition.platform.id=qmeu", []string{"qmeu", "did you mean qemu?"}},
			{"no platform", good, "", []string{"platform"}},
			{"a typo in the scheme", good, onQEMU + " ignition.config.url=htpp://example.com/x", []string{"ignition.config.url", "htpp"}},
			{"no scheme", good, onQEMU + " ignition.config.url=example.com/x", []string{"ignition.config.url", "is not a URL"}},
			{"a colon too few", good, onQEMU + " ignition.config.url=https//example.com/x", []string{"ignition.config.url", "is not a URL"}},
			{"a slash too few", good, onQEMU + " ignition.config.url=https:/example.com/x", []string{"ignition.config.url"}},
			{"no URL", good, onQEMU + " ignition.config.url=http://%zz/", []string{"ignition.config.url", "is not a URL"}},
			{"a file that is not there", good, onQEMU + " ignition.config.url=file:///nowhere", []string{"ignition.config.url", "no such file"}},
		} {
			m.config(c.config)
			b := m.boot("ignition.firstboot=1 "+c.arguments, "")
			m.expect(b, false, b.ran, append(c.shows, "This machine was not provisioned")...)
			if m.disk("etc/marker") != "" || m.disk("etc/.ignition-result.json") != "" {
				t.Errorf("%s: it is provisioned", c.name)
			}
			if t.Failed() {
				t.Fatalf("%s:\n%s", c.name, b.said)
			}
		}
		m.config(good)
		m.expect(m.boot("ignition.firstboot=1 "+onQEMU, ""), true, true)
	})
}

// TestAConfigLargerThanMemory: the kernel would kill the engine, which could not tell why.
func TestAConfigLargerThanMemory(t *testing.T) {
	each(t, func(t *testing.T, m *machine) {
		m.memory = 12
		m.config(strings.Replace(good, "there", strings.Repeat("x", 3<<20), 1))
		m.expect(m.boot("ignition.firstboot=1 "+onQEMU, ""), false, true, "fw_cfg opt/com.coreos/config", "it has more than 2 MiB, for which this machine has not enough memory")
		m.memory = 64
		m.expect(m.boot("ignition.firstboot=1 "+onQEMU, ""), true, true)
	})
}

// TestWhatMachinesOfIBMHave: the list of tools, and the passphrase of root volumes with
// secure keys, as uname says where the initramfs is built.
func TestWhatMachinesOfIBMHave(t *testing.T) {
	for machine, want := range map[string]string{"s390x": "ignition 600", "x86_64": ""} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "uname"), []byte("#!/bin/sh\necho "+machine+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "sh", "-ec", `. "$0"; ignition_passphrase "$1"; echo $ignition_required $ignition_modules
			[ ! -e "$1/etc/luks/cex.key" ] || { cat "$1/etc/luks/cex.key"; stat -c ' %a' "$1/etc/luks/cex.key"; }`,
			filepath.Join(programs.Root(t), "initramfs/contents.sh"), dir)
		cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		lists, key, _ := strings.Cut(string(out), "\n")
		if strings.TrimSpace(key) != want {
			t.Errorf("%s: the passphrase is %q", machine, key)
		}
		for _, word := range strings.Fields("chccwdev vmur zkey zkey-cryptsetup zcrypt_cex4 pkey_cca paes_s390") {
			if got := slices.Contains(strings.Fields(lists), word); got != (machine == "s390x") {
				t.Errorf("%s: %s is listed: %t", machine, word, got)
			}
		}
	}
}
