package boot

import (
	_ "embed"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kindling-boot/kindling/tests/booted"
	"github.com/kindling-boot/kindling/tests/cloudinit"
)

// facts tells what a booted system is, beyond its files.
//
//go:embed facts.sh
var facts string

// comparing are the files of an initramfs that boots a directory of the host, and has the
// system that comes up tell the facts, and switch itself off.
var comparing = []overlayFile{
	// dracut knows no such root, and asks is-live-image whether there is a disk
	{path: "usr/lib/dracut/hooks/cmdline/99-kindling.sh", contents: "[ \"$root\" != kindling ] || rootok=1\n"},
	{path: "usr/bin/is-live-image", executable: true, contents: "#!/bin/sh\n"},
	unit("kindling-facts.service", `[Unit]
DefaultDependencies=no
Before=initrd.target
[Service]
Type=oneshot
ExecStart=/bin/sh -ec 'cp -R /usr/lib/kindling/. /run/'
`),
	wanted("initrd.target.requires", "kindling-facts.service"),
	{path: "usr/lib/kindling/facts.sh", contents: facts},
	// it is there in time to see the boot end, and is not a part of that
	{path: "usr/lib/kindling/systemd/system/multi-user.target.d/kindling.conf", contents: "[Unit]\nWants=kindling-facts.service\n"},
	{path: "usr/lib/kindling/systemd/system/kindling-facts.service", contents: `[Service]
ExecStart=/bin/sh -c 'systemctl is-system-running --wait; sh /run/facts.sh >/dev/ttyS1 2>&1; systemctl poweroff --force'
`},
}

// TestAsCloudInitBooted boots the same Debian twice for each config. In one, systemd starts
// the cloud-init of Debian. The other is a machine whose initramfs has this project, and
// which has the config on a NoCloud volume. What is compared is what is there when the boot
// has ended.
func TestAsCloudInitBooted(t *testing.T) {
	need(t)
	booted.Need(t, "mmdebstrap", "tar", "xorriso")
	needVirtiofsd(t)
	pattern := "*"
	if os.Getenv("KINDLING_SLOW") == "" {
		pattern = "*-all-at-once"
	}
	img := newImage(t)
	path := filepath.Join(t.TempDir(), "comparing.img")
	with(t, img.Initramfs, path, comparing)
	img.Initramfs = path
	lower := bootable(t, cloudinit.NewTree(t))
	cloudinit.Compare(t, pattern, []string{"differences.txt", "differences-booted.txt"}, func(t *testing.T, _ string, text []byte) (theirs, ours []string) {
		return bootTheirs(t, cloudinit.NewOverlay(t, lower, text)), bootOurs(t, img, cloudinit.NewOverlay(t, lower, nil), text)
	})
}

// needless are units that cost time, or need what the tree has not: udev, which finds a
// terminal, and modules of the kernel.
var needless = []string{
	"apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer",
	"getty@tty1.service", "proc-sys-fs-binfmt_misc.automount", "serial-getty@ttyS0.service", "systemd-binfmt.service",
	"systemd-pstore.service", "systemd-timesyncd.service", "systemd-update-utmp.service", "systemd-update-utmp-runlevel.service",
}

// bootable makes a tree one that boots in the same way on either side.
func bootable(t *testing.T, tree string) string {
	t.Helper()
	// else both enable what Debian enables on the first boot of an image, and wait for networks
	must(t, os.WriteFile(filepath.Join(tree, "etc/machine-id"), []byte(strings.Repeat("0123456789abcdef", 2)+"\n"), 0o444))
	// all that the service of ca_certificates goes through, with several programs for each
	path := filepath.Join(tree, "etc/ca-certificates.conf")
	list, err := os.ReadFile(path)
	must(t, err)
	lines := strings.SplitAfter(string(list), "\n")
	must(t, os.WriteFile(path, []byte(strings.Join(lines[:min(len(lines), 12)], "")), 0o644))
	for _, unit := range needless {
		path := filepath.Join(tree, "etc/systemd/system", unit)
		_ = os.Remove(path) // an alias, if there is one
		must(t, os.Symlink("/dev/null", path))
	}
	return tree
}

// bootTheirs boots an overlay that has a seed for cloud-init, in namespaces.
func bootTheirs(t *testing.T, o cloudinit.Overlay) []string {
	t.Helper()
	m := booted.Start(t, o.Mount(t), "")
	m.AwaitBoot(10 * time.Minute)
	report, err := m.Run("sh", "-c", facts)
	must(t, err)
	m.PowerOff()
	return append(reported(t, report), o.Changes(t)...)
}

// bootOurs boots a virtual machine whose root is an overlay, and which has a NoCloud volume.
func bootOurs(t *testing.T, img image, o cloudinit.Overlay, userData []byte) []string {
	t.Helper()
	m := &machine{TB: t, image: img, dir: t.TempDir()}
	m.share("kindling", o.Mount(t))
	m.cd("cidata", map[string]string{"user-data": string(userData), "meta-data": cloudinit.MetaData})
	console, report := m.boot("", "root=kindling rootfstype=virtiofs init=/usr/lib/systemd/systemd cloud-init=disabled"+
		" ignition.firstboot ignition.platform.id=nocloud")
	if report == "" {
		t.Fatalf("the machine tells nothing; its console:\n%s", console)
	}
	return append(reported(t, report), o.Changes(t)...)
}

// reported takes facts apart; the rest is for whoever looks for a fault.
func reported(t *testing.T, report string) []string {
	t.Helper()
	list, more, complete := strings.Cut(report, "--\n")
	if !complete {
		t.Fatalf("the machine tells only\n%s", report)
	}
	t.Log(more)
	return strings.Split(strings.TrimRight(list, "\n"), "\n")
}
