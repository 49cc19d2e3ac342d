package boot

import (
	"os"
	"path/filepath"
	"testing"
)

// armed returns the image with the stamp of a first boot in its root file system, as
// somebody who makes an image puts it there.
func (i image) armed(t *testing.T) image {
	t.Helper()
	dir := t.TempDir()
	stamp := filepath.Join(dir, "stamp")
	must(t, os.WriteFile(stamp, []byte("# what a boot loader would say\nignition.platform.id=qemu\n"), 0o600))
	root := filepath.Join(dir, "root.img")
	do(t, "cp", "--sparse=always", i.root, root)
	do(t, "debugfs", "-w", "-R", "mkdir /etc/ignition", root)
	do(t, "debugfs", "-w", "-R", "write "+stamp+" /etc/ignition/firstboot", root)
	i.root = root
	return i
}

// TestReadOnlyUsr boots a system that is laid out otherwise than a Debian: /usr is a
// read-only file system of its own, and so is /var, which the config makes. A stamp makes
// the boot the first, without a word from the boot loader.
func TestReadOnlyUsr(t *testing.T) {
	need(t)
	img := newImage(t)
	img.root = img.split
	m := newMachine(t, img.armed(t))
	m.attach("usr", "raw", img.usr)
	m.addDisk("var", 512<<20)
	separate := part{
		storage: `"filesystems":[{"device":"/dev/disk/by-id/virtio-var","format":"ext4","label":"var","path":"/var"}]`,
		files:   `{"path":"/var/lib/data/file","contents":{"source":"data:,besides"}}`,
		units:   mountUnit("var.mount", "/dev/disk/by-label/var", "/var"),
	}
	const layout = "mount.usr=/dev/disk/by-id/virtio-usr mount.usrfstype=squashfs mount.usrflags=ro "
	asked := []string{"hostname: kindled", "keys: 600 core", "unit: enabled NAME=kindled", "stamp: firstboot.done", "usr: squashfs ro", "var: /dev/vdc ext4", "data: besides "}
	console, report := m.boot(config(separate), layout)
	expect(t, console, report, append(asked, "stages: 6")...)
	// the config is still there, and nothing looks for it
	console, report = m.boot(config(separate), layout)
	expect(t, console, report, append(asked, "stages: 0")...)
}
