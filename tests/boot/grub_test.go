package boot

import (
	"os"
	"path/filepath"
	"testing"
)

// makeGRUB makes the boot loader of a tree, which reads the menu of the first disk. It is of the form in which QEMU takes a kernel: the BIOS finds no boot
// sector, for there is no table of partitions.
func makeGRUB(t testing.TB, tree, path string) {
	t.Helper()
	within(t, tree, "sh", "-ec", `modules=/usr/lib/grub/i386-pc
		mkdir /boot/grub
		cp -r $modules /boot/grub
		grub-mkimage -O i386-pc -p '(hd0)/boot/grub' -o /boot/core biosdisk ext2 normal configfile linux serial terminal
		cat $modules/lnxboot.img /boot/core >/boot/loader
		rm /boot/core`)
	must(t, os.Rename(filepath.Join(tree, "boot/loader"), path))
}

// grubSettings are what update-grub makes a menu of.
const grubSettings = `GRUB_TIMEOUT=0
GRUB_TERMINAL=serial
GRUB_DISABLE_RECOVERY=true
GRUB_CMDLINE_LINUX="` + fromImage + `"
`

// fromImage are the kernel arguments that GRUB of the image passes.
const fromImage = hurried + " kindling.gone kindling.stays"

// bootable returns the image with a menu of GRUB and an initramfs in it.
func (i image) bootable(t testing.TB) image {
	t.Helper()
	return i.changed(t, map[string]string{
		"/etc/fstab": "LABEL=root / ext4 defaults 0 1\n",
		// what the maker of an image leaves; update-grub makes another of it
		"/boot/grub/grub.cfg": "set root=(hd0)\nlinux /boot/vmlinuz-" + i.Version + " root=LABEL=root ro " + fromImage +
			"\ninitrd /boot/initrd.img-" + i.Version + "\nboot\n",
	}, map[string]string{"/boot/initrd.img-" + i.Version: i.Initramfs})
}
