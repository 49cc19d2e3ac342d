package boot

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

// armed returns the image with the stamp of a first boot in its root file system, as
// somebody who makes an image puts it there.
func (i image) armed(t testing.TB) image {
	t.Helper()
	return i.changed(t, map[string]string{
		"/etc/ignition/firstboot": "# what a boot loader would say\nignition.platform.id=qemu\n",
	}, nil)
}

// changed returns the image with more files in its root file system: by their contents,
// and by the paths of their originals.
func (i image) changed(t testing.TB, contents, originals map[string]string) image {
	t.Helper()
	dir := t.TempDir()
	root := filepath.Join(dir, "root.img")
	programs.Do(t, "cp", "--sparse=always", i.Root, root)
	originals = maps.Clone(originals)
	if originals == nil {
		originals = map[string]string{}
	}
	for path, text := range contents {
		original := filepath.Join(dir, filepath.Base(path))
		must(t, os.WriteFile(original, []byte(text), 0o600))
		originals[path] = original
	}
	for path, original := range originals {
		programs.Do(t, "debugfs", "-w", "-R", "rm "+path, root)
		programs.Do(t, "debugfs", "-w", "-R", "mkdir "+filepath.Dir(path), root)
		programs.Do(t, "debugfs", "-w", "-R", "write "+original+" "+path, root)
		if said := programs.Do(t, "debugfs", "-R", "stat "+path, root); !strings.Contains(said, "Inode:") {
			t.Fatalf("%s is not in the image: %s", path, said)
		}
	}
	i.Root = root
	return i
}

// TestReadOnlyUsr boots a system that is laid out otherwise than a Debian: /usr is a
// read-only file system of its own, and so is /var, which the config makes. A stamp makes
// the boot the first, without a word from the boot loader.
func TestReadOnlyUsr(t *testing.T) {
	need(t)
	t.Parallel()
	img := newImage(t)
	img.Root = img.Split
	m := newMachine(t, img.armed(t))
	m.attach("usr", "raw", img.Usr)
	m.addDisk("var", 512<<20)
	separate := part{
		filesystems: []string{`{"device":"/dev/disk/by-id/virtio-var","format":"ext4","label":"var","path":"/var"}`},
		files:       []string{`{"path":"/var/lib/data/file","contents":{"source":"data:,besides"}}`},
		units:       []string{mountUnit("var.mount", "/dev/disk/by-label/var", "/var")},
	}
	const layout = "mount.usr=/dev/disk/by-id/virtio-usr mount.usrfstype=squashfs mount.usrflags=ro "
	asked := []string{"hostname: kindled", "keys: 600 core", "unit: enabled NAME=kindled", "stamp: firstboot.done", "usr: squashfs ro", "var: /dev/vdc ext4", "data: besides "}
	console, report := m.boot(config(separate), layout)
	expect(t, console, report, append(asked, "stages: 6")...)
	// the config is still there, and nothing looks for it
	console, report = m.boot(config(separate), layout)
	expect(t, console, report, append(asked, "stages: 0")...)
}
