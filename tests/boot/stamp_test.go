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
