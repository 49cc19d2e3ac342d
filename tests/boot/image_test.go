package boot

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

// packages are what a small Debian has that the initramfs of ours may need.
var packages = []string{
	"btrfs-progs", "ca-certificates", "clevis-systemd", "clevis-tpm2", "cryptsetup-bin", "dbus", "dmsetup",
	"dosfstools", "dracut-core", "dracut-network", "e2fsprogs", "gdisk", "grub-pc-bin", "grub2-common", "initramfs-tools",
	"iproute2", "kmod", "linux-image-cloud-amd64", "mdadm", "passwd", "procps", "systemd", "systemd-sysv", "udev", "xfsprogs",
}

// omitted are dracut modules that find nothing in the machines here.
const omitted = "bluetooth crypt-gpg fcoe iscsi lvm multipath nfs nvdimm plymouth resume"

// quiet are units that cost time and are not what is tested.
var quiet = []string{
	"apt-daily*", "apt-daily-upgrade*", "dpkg-db-backup*", "e2scrub*", "fstrim*", "mdadm*", "mdmonitor*", "systemd-networkd*",
}

// image is a Debian that can be booted.
type image struct {
	Kernel, Initramfs string
	// Classic is the initramfs that initramfs-tools makes; the other is made by dracut.
	Classic string
	Root    string // a disk with one ext4 file system, labelled root
	// GRUB is the boot loader, as QEMU takes a kernel; its menu is not in Root yet.
	GRUB, Version string
	// Split is the same system without /usr, which is the squashfs file system Usr.
	Split, Usr string
	// LeftBehind are the files that the package has left when it was purged.
	LeftBehind string
}

// withClassic returns the image with the initramfs of initramfs-tools.
func (i image) withClassic() image {
	i.Initramfs = i.Classic
	return i
}

// made is the image that all tests share: their disks are overlays of its own.
var made struct {
	sync.Once
	dir string
	image
}

// newImage returns the image with the programs of this tree in its initramfs. For whoever
// works on the tests, KINDLING_IMAGE names a folder where it is kept for the next time.
func newImage(t testing.TB) image {
	t.Helper()
	made.Do(func() {
		kept := os.Getenv("KINDLING_IMAGE")
		if data, err := os.ReadFile(filepath.Join(kept, "image.json")); kept != "" && err == nil {
			must(t, json.Unmarshal(data, &made.image))
			return
		}
		dir := kept
		if kept == "" {
			var err error
			dir, err = os.MkdirTemp("", "kindling-boot-")
			must(t, err)
			made.dir = dir
		}
		img := makeImage(t, dir)
		if kept != "" {
			data, err := json.Marshal(img)
			must(t, err)
			must(t, os.WriteFile(filepath.Join(kept, "image.json"), data, 0o600))
		}
		made.image = img
	})
	if made.Root == "" {
		t.Fatal("there is no image: a test before this one could not make it")
	}
	return made.image
}

// makeImage makes an image in a folder.
func makeImage(t testing.TB, dir string) image {
	t.Helper()
	tree := makeTree(t, dir)

	// what a user does: install the package, which has the initramfs made again
	must(t, os.WriteFile(filepath.Join(tree, "etc/initramfs-tools/conf.d/fast"), []byte("COMPRESS=gzip\nCOMPRESSLEVEL=1\n"), 0o644))
	must(t, os.WriteFile(filepath.Join(tree, "etc/default/grub"), []byte(grubSettings), 0o644))
	before := files(t, tree)
	said := install(t, tree)
	kernel, version := kernelOf(t, tree)
	// as where /usr is read-only and /var is a file system of its own
	said += within(t, tree, "sh", "-ec", `mount -o bind,ro /usr /usr
		mount -t tmpfs tmpfs /var
		mkdir /var/tmp
		`+dracut+` /boot/dracut.img "$1"`,
		"sh", version)
	if n := strings.Count(said, "not installed here, so configs cannot ask for it: setfiles"); n != 2 {
		t.Errorf("%d integrations of two say that a tool is missing; they said:\n%s", n, said)
	}

	img := image{
		Kernel: filepath.Join(dir, "vmlinuz"), Initramfs: filepath.Join(dir, "dracut.img"), Classic: filepath.Join(dir, "initrd.img"),
		Root: filepath.Join(dir, "root.img"), GRUB: filepath.Join(dir, "grub"), Version: version, Split: filepath.Join(dir, "split.img"), Usr: filepath.Join(dir, "usr.img"),
	}
	must(t, os.Rename(filepath.Join(tree, "boot/dracut.img"), img.Initramfs))
	must(t, os.Rename(filepath.Join(tree, "boot/initrd.img-"+version), img.Classic))
	programs.Do(t, "cp", kernel, img.Kernel)
	makeGRUB(t, tree, img.GRUB)
	makeRoot(t, tree, img.Root)
	within(t, tree, "dpkg", "--purge", "--no-triggers", "kindling")
	img.LeftBehind = difference(before, files(t, tree))
	// without compression: it is read once
	programs.Do(t, "mksquashfs", filepath.Join(tree, "usr"), img.Usr, "-quiet", "-no-progress", "-noI", "-noD", "-noF", "-noX")
	must(t, os.RemoveAll(filepath.Join(tree, "usr")))
	must(t, os.Mkdir(filepath.Join(tree, "usr"), 0o755))
	makeRoot(t, tree, img.Split)
	must(t, os.RemoveAll(tree))
	return img
}

// dracut makes an image for any machine, which is not compressed.
const dracut = "dracut --quiet --force --no-hostonly --no-hostonly-cmdline --no-early-microcode --compress cat --omit '" + omitted + "'"

// makeTree unpacks the Debian, as it is before anything of ours is in it.
func makeTree(t testing.TB, dir string) string {
	t.Helper()
	tree := filepath.Join(dir, "tree")
	must(t, os.Mkdir(tree, 0o755))
	programs.DebianTree(t, tree, packages)

	// what systemd takes for a first boot: machine-id(5)
	must(t, os.RemoveAll(filepath.Join(tree, "etc/machine-id")))
	presets := "disable " + strings.Join(quiet, "\ndisable ") + "\n"
	must(t, os.MkdirAll(filepath.Join(tree, "etc/systemd/system-preset"), 0o755))
	must(t, os.WriteFile(filepath.Join(tree, "etc/systemd/system-preset/50-quiet.preset"), []byte(presets), 0o644))
	// runs dracut when the machine is switched off
	must(t, os.Symlink("/dev/null", filepath.Join(tree, "etc/systemd/system/mdadm-shutdown.service")))
	return tree
}

// install installs the package, and returns what was said.
func install(t testing.TB, tree string) string {
	t.Helper()
	programs.Do(t, "cp", debianPackage(t), filepath.Join(tree, "kindling.deb"))
	said := within(t, tree, "apt-get", "--quiet", "--yes", "--no-install-recommends", "install", "/kindling.deb")
	must(t, os.Remove(filepath.Join(tree, "kindling.deb")))
	return said
}

// kernelOf returns the kernel of a tree and its version.
func kernelOf(t testing.TB, tree string) (path, version string) {
	t.Helper()
	kernels, err := filepath.Glob(filepath.Join(tree, "boot/vmlinuz-*"))
	must(t, err)
	if len(kernels) != 1 {
		t.Fatalf("the image has the kernels %q, not one", kernels)
	}
	return kernels[0], strings.TrimPrefix(filepath.Base(kernels[0]), "vmlinuz-")
}

// makeRoot makes a disk with one file system that has the files of a tree.
func makeRoot(t testing.TB, tree, path string) {
	t.Helper()
	must(t, os.WriteFile(path, nil, 0o600))
	must(t, os.Truncate(path, 3<<30))
	programs.Do(t, "mke2fs", "-q", "-t", "ext4", "-L", "root", "-E", "lazy_itable_init=1,nodiscard", "-d", tree, path)
}

// within runs a program in the tree, in mounts of its own.
func within(t testing.TB, tree string, program ...string) string {
	t.Helper()
	return programs.Do(t, "unshare", append([]string{"--mount", "sh", "-ec", `
		tree=$1
		shift
		mount --bind "$tree" "$tree"
		mount -t proc proc "$tree/proc"
		mount --rbind /sys "$tree/sys"
		mount --rbind /dev "$tree/dev"
		exec chroot "$tree" "$@"`, "sh", tree}, program...)...)
}

var must = programs.Must

// need skips without the programs that the tests here run; in CI that fails.
func need(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("boots virtual machines")
	}
	var missing string
	if os.Getuid() != 0 {
		missing = " root"
	}
	for _, program := range []string{"mmdebstrap", "qemu-system-x86_64", "qemu-img", "mke2fs", "unshare"} {
		if _, err := exec.LookPath(program); err != nil {
			missing += " " + program
		}
	}
	switch {
	case missing == "":
	case os.Getenv("CI") != "":
		t.Fatalf("not there:%s (scripts/test-deps.sh installs the programs)", missing)
	default:
		t.Skipf("not there:%s (scripts/test-deps.sh installs the programs)", missing)
	}
}

// unhurried skips what is run by make test-boots only.
func unhurried(t testing.TB) {
	t.Helper()
	if os.Getenv("KINDLING_SLOW") == "" {
		t.Skip("run by make test-boots")
	}
}
