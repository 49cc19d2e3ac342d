// Package firstboot runs what the initramfs images have, the generator, the scripts and
// the engine as they are, in a small root of its own: which boot is the first, what stays
// when one is interrupted, what a console shows. No machine is booted for that; tests/boot
// does.
package firstboot

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

func TestMain(m *testing.M) { os.Exit(programs.Main(m)) }

// drivers play the part of the maker of the initramfs: they call ours as it does.
var (
	//go:embed dracut.sh
	byDracut string
	//go:embed initramfs-tools.sh
	byInitramfsTools string
)

var drivers = map[string]string{"dracut": byDracut, "initramfs-tools": byInitramfsTools}

// What the units ask of systemd: where the root file system is, to start a target, and
// what there is in the journal.
const (
	systemctl = `#!/bin/sh
case $* in
    *--property=What*) echo /disk ;;
    *--property=Options*) echo bind ;;
    start*) echo "$*" >>/tmp/started ;;
esac
`
	journalctl = `#!/bin/sh
case $* in
    *--identifier=ignition*) sed -n 's/^CRITICAL : //p' /tmp/log ;;
    *) cat /tmp/units ;;
esac
`
)

// tools are the programs that the initramfs has, beside the engine.
var tools = []string{"sh", "cat", "grep", "kill", "ln", "mkdir", "mount", "mv", "rm", "sed", "sync", "tail", "touch", "umount"}

// machine is a root of an initramfs, and a disk that outlives its boots.
type machine struct {
	t      *testing.T
	root   string
	driver string
	boots  int
	// memory is what the machine has left, in MiB.
	memory int
}

// newMachine makes a machine whose initramfs was made by one of the drivers.
func newMachine(t *testing.T, driver string) *machine {
	t.Helper()
	programs.Need(t, append([]string{"root", "unshare", "chroot", "ldd"}, tools...)...)
	m := &machine{t: t, root: t.TempDir(), driver: driver, memory: 1024}
	for _, dir := range []string{"usr/bin", "usr/lib", "usr/lib64", "dev", "proc", "sys/class/tty/console", "tmp", "disk/etc", "sysroot"} {
		m.dir(dir)
	}
	for _, link := range []string{"bin", "sbin", "lib", "lib64"} {
		to := map[string]string{"sbin": "usr/bin"}[link]
		if to == "" {
			to = "usr/" + link
		}
		m.must(os.Symlink(to, filepath.Join(m.root, link)))
	}
	for _, tool := range tools {
		m.bring(tool)
	}
	tree := programs.Root(t)
	m.copy(programs.Path(t, "ignition"), "usr/bin/ignition")
	m.copy(filepath.Join(tree, "initramfs/firstboot.sh"), "usr/lib/ignition-firstboot.sh")
	m.copy(filepath.Join(tree, "initramfs/ignition-kargs-helper.sh"), "usr/bin/ignition-kargs-helper")
	m.copy(filepath.Join(tree, "dracut/30ignition/ignition-generator"), "usr/lib/ignition-generator")
	m.copy(filepath.Join(tree, "dracut/30ignition/ignition-verdict.sh"), "usr/lib/ignition-verdict.sh")
	m.copy(filepath.Join(tree, "dracut/31ignition-stamp/ignition-stamp.sh"), "usr/lib/ignition-stamp")
	m.dir("usr/lib/systemd/system")
	for _, unit := range glob(t, filepath.Join(tree, "dracut/3*/*.service")) {
		m.copy(unit, "usr/lib/systemd/system/"+filepath.Base(unit))
	}
	m.dir("scripts")
	for _, script := range glob(t, filepath.Join(tree, "initramfs-tools/scripts/*")) {
		if info, err := os.Stat(script); err == nil && info.IsDir() {
			m.dir("scripts/" + filepath.Base(script))
			m.copy(filepath.Join(script, "ignition"), "scripts/"+filepath.Base(script)+"/ignition")
		} else {
			m.copy(script, "scripts/"+filepath.Base(script))
		}
	}
	m.write("driver", drivers[driver], 0o755)
	m.write("usr/bin/systemctl", systemctl, 0o755)
	m.write("usr/bin/journalctl", journalctl, 0o755)
	m.write("sys/class/tty/console/active", "ttyS0\n", 0o644)
	m.write("sys/class/tty/ttyS0/active", "", 0o644)
	return m
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		t.Fatalf("%s: %v, %d files", pattern, err, len(found))
	}
	return found
}

func (m *machine) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) dir(name string) {
	m.t.Helper()
	m.must(os.MkdirAll(filepath.Join(m.root, name), 0o755))
}

func (m *machine) write(name, contents string, mode os.FileMode) {
	m.t.Helper()
	m.dir(filepath.Dir(name))
	m.must(os.WriteFile(filepath.Join(m.root, name), []byte(contents), mode))
}

func (m *machine) copy(from, to string) {
	m.t.Helper()
	data, err := os.ReadFile(from)
	m.must(err)
	m.write(to, string(data), 0o755)
}

// bring copies a program and its libraries.
func (m *machine) bring(tool string) {
	m.t.Helper()
	path, err := exec.LookPath(tool)
	m.must(err)
	m.copy(path, "usr/bin/"+tool)
	listed, err := exec.Command("ldd", path).Output()
	if err != nil {
		return // it is static
	}
	for word := range strings.FieldsSeq(string(listed)) {
		if !strings.HasPrefix(word, "/") {
			continue
		}
		to := strings.TrimPrefix(word, "/usr")
		if _, err := os.Stat(filepath.Join(m.root, "usr"+to)); err != nil {
			m.copy(word, "usr"+to)
		}
	}
}

// config puts a config where QEMU has it.
func (m *machine) config(contents string) {
	m.t.Helper()
	const dir = "sys/firmware/qemu_fw_cfg/by_name/opt/com.coreos/config/"
	m.write(dir+"raw", contents, 0o644)
	m.write(dir+"size", fmt.Sprintln(len(contents)), 0o644)
}

// arm puts the stamp of a first boot into the root file system.
func (m *machine) arm(arguments string) {
	m.t.Helper()
	m.write("disk/etc/ignition/firstboot", arguments, 0o644)
}

// disk reads a file of the root file system; "" if there is none.
func (m *machine) disk(name string) string {
	data, _ := os.ReadFile(filepath.Join(m.root, "disk", name))
	return string(data)
}

// boot is what a boot has come to.
type boot struct {
	// console is what the console shows, said all that the scripts and the engine said.
	console, said string
	// up tells that the boot went on to the system.
	up bool
	// ran tells that a stage ran.
	ran bool
}

// boot boots with a kernel command line. With a moment, the power is cut there.
func (m *machine) boot(arguments, cutAfter string) boot {
	m.t.Helper()
	m.write("tmp/cmdline", "quiet "+arguments+"\n", 0o644)
	m.boots++
	m.write("tmp/boot_id", fmt.Sprintf("00000000-0000-4000-8000-%012d\n", m.boots), 0o644)
	m.write("tmp/meminfo", fmt.Sprintf("MemAvailable: %d kB\n", m.memory<<10), 0o644)
	for _, name := range []string{"dev/ttyS0", "dev/kmsg", "dev/null"} {
		m.write(name, "", 0o600)
	}
	m.must(os.RemoveAll(filepath.Join(m.root, "run")))
	m.dir("run")
	cmd := exec.CommandContext(m.t.Context(), "unshare", "--mount", "--net", "sh", "-ec", `
		mount --bind "$1" "$1"
		cd "$1"
		mount -t proc proc proc
		mount --bind tmp/cmdline proc/cmdline
		mount --bind tmp/meminfo proc/meminfo
		mount --bind tmp/boot_id proc/sys/kernel/random/boot_id
		printf '%-20s\n' 'ttyS0 -W- (EC p a) 4:64' >tmp/consoles
		mount --bind tmp/consoles proc/consoles
		exec chroot . /bin/sh -e /driver "$2"`, "sh", m.root, cutAfter)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	kmsg, _ := os.ReadFile(filepath.Join(m.root, "dev/kmsg"))
	console, _ := os.ReadFile(filepath.Join(m.root, "dev/ttyS0"))
	_, events := os.Stat(filepath.Join(m.root, "run/ignition/events.jsonl"))
	b := boot{console: strings.ReplaceAll(string(console), "\r", ""), said: said.String() + string(kmsg), up: err == nil, ran: events == nil}
	if strings.Contains(b.said, "panic:") || strings.Contains(b.said, "not found") || strings.Contains(b.said, "yntax error") {
		m.t.Errorf("a script is broken, or a program has crashed:\n%s", b.said)
	}
	return b
}

// expect compares what a boot has come to, and what its console shows.
func (m *machine) expect(b boot, up, ran bool, shows ...string) {
	m.t.Helper()
	if b.up != up || b.ran != ran {
		m.t.Errorf("it came up: %t, stages ran: %t; want %t and %t\nconsole:\n%s\nsaid:\n%s", b.up, b.ran, up, ran, b.console, b.said)
	}
	lines := strings.Join(strings.Fields(b.console), " ") // a screen breaks them
	for _, text := range shows {
		if !strings.Contains(lines, text) {
			m.t.Errorf("the console does not show %q:\n%s\nsaid:\n%s", text, b.console, b.said)
		}
	}
}
