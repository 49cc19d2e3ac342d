package boot

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

// packages are what a small Debian has that the initramfs of ours may need.
var packages = []string{
	"btrfs-progs", "ca-certificates", "clevis-systemd", "clevis-tpm2", "cryptsetup-bin", "dbus", "dmsetup",
	"dosfstools", "dracut-core", "dracut-network", "e2fsprogs", "gdisk", "initramfs-tools", "iproute2", "kmod",
	"linux-image-cloud-amd64", "mdadm", "passwd", "procps", "systemd", "systemd-sysv", "udev", "xfsprogs",
}

// omitted are dracut modules that find nothing in the machines here.
const omitted = "bluetooth crypt-gpg fcoe iscsi lvm multipath nfs nvdimm plymouth resume"

// quiet are units that cost time and are not what is tested.
var quiet = []string{
	"apt-daily*", "apt-daily-upgrade*", "dpkg-db-backup*", "e2scrub*", "fstrim*", "mdadm*", "mdmonitor*", "systemd-networkd*",
}

// image is a Debian that can be booted.
type image struct {
	kernel, initramfs string
	// classic is the initramfs that initramfs-tools makes; the other is made by dracut.
	classic string
	root    string // a disk with one ext4 file system, labelled root
	// split is the same system without /usr, which is the squashfs file system usr.
	split, usr string
	// leftBehind are the files that the package has left when it was purged.
	leftBehind string
}

// withClassic returns the image with the initramfs of initramfs-tools.
func (i image) withClassic() image {
	i.initramfs = i.classic
	return i
}

// made is the image that all tests share: their disks are overlays of its own.
var made struct {
	sync.Once
	dir string
	image
}

// newImage returns the image with the programs of this tree in its initramfs.
func newImage(t *testing.T) image {
	t.Helper()
	made.Do(func() {
		var err error
		made.dir, err = os.MkdirTemp("", "kindling-boot-")
		must(t, err)
		made.image = makeImage(t, made.dir)
	})
	if made.root == "" {
		t.Fatal("there is no image: a test before this one could not make it")
	}
	return made.image
}

// makeImage makes an image in a folder.
func makeImage(t *testing.T, dir string) image {
	t.Helper()
	tree := filepath.Join(dir, "tree")
	must(t, os.Mkdir(tree, 0o755))
	do(t, "tar", "--numeric-owner", "-C", tree, "-xf", programs.Debian(t, packages))

	// what systemd takes for a first boot: machine-id(5)
	must(t, os.RemoveAll(filepath.Join(tree, "etc/machine-id")))
	presets := "disable " + strings.Join(quiet, "\ndisable ") + "\n"
	must(t, os.MkdirAll(filepath.Join(tree, "etc/systemd/system-preset"), 0o755))
	must(t, os.WriteFile(filepath.Join(tree, "etc/systemd/system-preset/50-quiet.preset"), []byte(presets), 0o644))
	// runs dracut when the machine is switched off
	must(t, os.Symlink("/dev/null", filepath.Join(tree, "etc/systemd/system/mdadm-shutdown.service")))

	// what a user does: install the package, which has the initramfs made again
	must(t, os.WriteFile(filepath.Join(tree, "etc/initramfs-tools/conf.d/fast"), []byte("COMPRESS=gzip\nCOMPRESSLEVEL=1\n"), 0o644))
	before := files(t, tree)
	do(t, "cp", debianPackage(t), filepath.Join(tree, "kindling.deb"))
	said := within(t, tree, "apt-get", "--quiet", "--yes", "--no-install-recommends", "install", "/kindling.deb")
	must(t, os.Remove(filepath.Join(tree, "kindling.deb")))

	kernels, err := filepath.Glob(filepath.Join(tree, "boot/vmlinuz-*"))
	must(t, err)
	if len(kernels) != 1 {
		t.Fatalf("the image has the kernels %q, not one", kernels)
	}
	version := strings.TrimPrefix(filepath.Base(kernels[0]), "vmlinuz-")
	// as where /usr is read-only and /var is a file system of its own
	said += within(t, tree, "sh", "-ec", `mount -o bind,ro /usr /usr
		mount -t tmpfs tmpfs /var
		mkdir /var/tmp
		exec dracut --quiet --force --no-hostonly --no-hostonly-cmdline --no-early-microcode --compress cat --omit "$1" /boot/dracut.img "$2"`,
		"sh", omitted, version)
	if n := strings.Count(said, "not installed here, so configs cannot ask for it: setfiles"); n != 2 {
		t.Errorf("%d integrations of two say that a tool is missing; they said:\n%s", n, said)
	}

	img := image{
		kernel: filepath.Join(dir, "vmlinuz"), initramfs: filepath.Join(dir, "dracut.img"), classic: filepath.Join(dir, "initrd.img"),
		root: filepath.Join(dir, "root.img"), split: filepath.Join(dir, "split.img"), usr: filepath.Join(dir, "usr.img"),
	}
	must(t, os.Rename(filepath.Join(tree, "boot/dracut.img"), img.initramfs))
	must(t, os.Rename(filepath.Join(tree, "boot/initrd.img-"+version), img.classic))
	must(t, os.Rename(kernels[0], img.kernel))
	makeRoot(t, tree, img.root)
	within(t, tree, "dpkg", "--purge", "--no-triggers", "kindling")
	img.leftBehind = difference(before, files(t, tree))
	// without compression: it is read once
	do(t, "mksquashfs", filepath.Join(tree, "usr"), img.usr, "-quiet", "-no-progress", "-noI", "-noD", "-noF", "-noX")
	must(t, os.RemoveAll(filepath.Join(tree, "usr")))
	must(t, os.Mkdir(filepath.Join(tree, "usr"), 0o755))
	makeRoot(t, tree, img.split)
	must(t, os.RemoveAll(tree))
	return img
}

// makeRoot makes a disk with one file system that has the files of a tree.
func makeRoot(t *testing.T, tree, path string) {
	t.Helper()
	must(t, os.WriteFile(path, nil, 0o600))
	must(t, os.Truncate(path, 3<<30))
	do(t, "mke2fs", "-q", "-t", "ext4", "-L", "root", "-E", "lazy_itable_init=1,nodiscard", "-d", tree, path)
}

// within runs a program in the tree, in mounts of its own.
func within(t *testing.T, tree string, program ...string) string {
	t.Helper()
	return do(t, "unshare", append([]string{"--mount", "sh", "-ec", `
		tree=$1
		shift
		mount --bind "$tree" "$tree"
		mount -t proc proc "$tree/proc"
		mount --rbind /sys "$tree/sys"
		mount --rbind /dev "$tree/dev"
		exec chroot "$tree" "$@"`, "sh", tree}, program...)...)
}

// do runs a program to its end and returns what it said.
func do(t *testing.T, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin", "DEBIAN_FRONTEND=noninteractive")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, said.Bytes())
	}
	return said.String()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// need skips without the programs that the tests here run; in CI that fails.
func need(t *testing.T) {
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

// always are the cases of tables that are run each time. The others are run by
// make test-boots.
var always = []string{"a URL on the command line", "an unknown platform"}

// unhurried skips a case that is not run each time.
func unhurried(t *testing.T, name string) {
	t.Helper()
	if os.Getenv("KINDLING_SLOW") == "" && !slices.Contains(always, name) {
		t.Skip("run by make test-boots")
	}
}
