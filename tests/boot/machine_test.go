package boot

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// bootLimit ends a machine that hangs: booting takes about a minute without
// hardware support.
const bootLimit = 10 * time.Minute

// machine is a virtual machine with one disk, which outlives its boots.
type machine struct {
	*testing.T
	image
	disk string
}

// newMachine makes a machine whose root disk is that of the image.
func newMachine(t *testing.T, img image) *machine {
	t.Helper()
	m := &machine{T: t, image: img, disk: filepath.Join(t.TempDir(), "root.qcow2")}
	do(t, "qemu-img", "create", "-q", "-f", "qcow2", "-b", img.root, "-F", "raw", m.disk)
	return m
}

// boot starts the machine, waits until it is switched off, and returns what its
// console showed and what it wrote to the second serial line. A config other than ""
// is where QEMU keeps configs.
func (m *machine) boot(config, arguments string) (console, report string) {
	m.Helper()
	dir := m.TempDir()
	reported := filepath.Join(dir, "report")
	args := []string{
		"-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1024",
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-serial", "stdio", "-serial", "file:" + reported,
		"-device", "virtio-rng-pci",
		"-drive", "if=none,id=root,format=qcow2,cache=unsafe,file=" + value(m.disk), "-device", "virtio-blk-pci,drive=root,serial=root",
		"-kernel", m.kernel, "-initrd", m.initramfs,
		"-append", "console=ttyS0 root=LABEL=root rw quiet random.trust_cpu=on mitigations=off nowatchdog panic=-1" +
			" rd.shell=0 rd.emergency=poweroff systemd.firstboot=off " + arguments,
	}
	if config != "" {
		path := filepath.Join(dir, "config.ign")
		must(m.T, os.WriteFile(path, []byte(config), 0o600))
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
	must(m.T, err)
	return console, strings.ReplaceAll(string(got), "\r", "")
}

// value makes a path fit for a list of options of QEMU, where a comma ends a value.
func value(path string) string { return strings.ReplaceAll(path, ",", ",,") }
