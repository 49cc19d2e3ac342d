package boot

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kindling-boot/kindling/tests/programs"
)

// bootLimit ends a machine that hangs: booting takes about a minute without
// hardware support, and ten where others use the processors as well.
const bootLimit = 20 * time.Minute

// hurried are kernel arguments that save time, and do not let a machine hang.
const hurried = "console=ttyS0 quiet random.trust_cpu=on mitigations=off nowatchdog no_timer_check panic=-1" +
	" rd.shell=0 rd.emergency=poweroff systemd.firstboot=off"

// machine is a virtual machine. Its disks outlive its boots.
type machine struct {
	testing.TB
	image
	dir   string   // for its files
	disks []string // arguments of QEMU
	more  []string // those of the next boots
	// loader are the arguments for what starts the machine, if it is not QEMU that brings
	// kernel, initramfs and their arguments.
	loader []string
	// processors is how they are imitated. Nil is one processor: with more machines than
	// processors, one of two waits for the other most of the time.
	processors []string
}

// newMachine makes a machine whose root disk is that of the image.
func newMachine(t testing.TB, img image) *machine {
	t.Helper()
	m := &machine{TB: t, image: img, dir: t.TempDir()}
	path := filepath.Join(m.dir, "root.qcow2")
	programs.Do(t, "qemu-img", "create", "-q", "-f", "qcow2", "-b", img.Root, "-F", "raw", path)
	m.disks = drive("root", "qcow2", path)
	return m
}

// addDisk gives the machine an empty disk, which it knows as virtio-NAME.
func (m *machine) addDisk(name string, size int64) {
	m.Helper()
	m.disks = append(m.disks, drive(name, "raw", m.file(name, size))...)
}

// attach gives the machine a disk that there is already.
func (m *machine) attach(name, format, path string) {
	m.disks = append(m.disks, drive(name, format, path)...)
}

// file returns a file of the machine, which is made of zeros if it is new.
func (m *machine) file(name string, size int64) string {
	m.Helper()
	path := filepath.Join(m.dir, name)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	must(m.TB, err)
	must(m.TB, file.Truncate(size))
	must(m.TB, file.Close())
	return path
}

// drive is a disk as QEMU takes it.
func drive(name, format, path string) []string {
	return []string{
		"-drive", "if=none,id=" + name + ",format=" + format + ",cache=unsafe,file=" + value(path),
		"-device", "virtio-blk-pci,drive=" + name + ",serial=" + name,
	}
}

// boot starts the machine, waits until it is switched off, and returns what its
// console showed and what it wrote to the second serial line. A config other than ""
// is where QEMU keeps configs.
func (m *machine) boot(config, arguments string) (console, report string) {
	m.Helper()
	dir := m.TempDir()
	reported := filepath.Join(dir, "report")
	args := []string{
		"-cpu", "max", "-m", "1024",
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-serial", "stdio", "-serial", "file:" + reported,
		"-device", "virtio-rng-pci",
	}
	if m.loader == nil {
		args = append(args, "-kernel", m.Kernel, "-initrd", m.Initramfs, "-append", "root=LABEL=root rw "+hurried+" "+arguments)
	}
	if m.processors == nil {
		m.processors = []string{"-accel", "tcg,thread=single", "-smp", "1"}
	}
	args = slices.Concat(args, m.processors, m.loader, m.disks, m.more)
	if config != "" {
		path := filepath.Join(dir, "config.ign")
		must(m.TB, os.WriteFile(path, []byte(config), 0o600))
		args = append(args, "-fw_cfg", "name=opt/com.coreos/config,file="+value(path))
	}
	ctx, cancel := context.WithTimeout(m.Context(), bootLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "qemu-system-x86_64", args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	console = strings.ReplaceAll(said.String(), "\r", "")
	if err != nil {
		m.Fatalf("the machine was not switched off: %v\nits console:\n%s", err, console)
	}
	got, err := os.ReadFile(reported)
	must(m.TB, err)
	return console, strings.ReplaceAll(string(got), "\r", "")
}

// value makes a path fit for a list of options of QEMU, where a comma ends a value.
func value(path string) string { return strings.ReplaceAll(path, ",", ",,") }
