package boot

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

// packages are what a small Debian has that the initramfs of ours may need.
var packages = []string{
	"btrfs-progs", "cryptsetup-bin", "dbus", "dmsetup", "dosfstools", "dracut-core", "dracut-network", "e2fsprogs",
	"gdisk", "iproute2", "kmod", "linux-image-cloud-amd64", "mdadm", "passwd", "procps", "systemd", "systemd-sysv",
	"udev", "xfsprogs",
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
	root              string // a disk with one ext4 file system, labelled root
}

// newImage makes an image with the programs of this tree in its initramfs.
func newImage(t *testing.T) image {
	t.Helper()
	dir := t.TempDir()
	tree := filepath.Join(dir, "tree")
	must(t, os.Mkdir(tree, 0o755))
	do(t, "tar", "--numeric-owner", "-C", tree, "-xf", debian(t))

	// what systemd takes for a first boot: machine-id(5)
	must(t, os.RemoveAll(filepath.Join(tree, "etc/machine-id")))
	presets := "disable " + strings.Join(quiet, "\ndisable ") + "\n"
	must(t, os.MkdirAll(filepath.Join(tree, "etc/systemd/system-preset"), 0o755))
	must(t, os.WriteFile(filepath.Join(tree, "etc/systemd/system-preset/50-quiet.preset"), []byte(presets), 0o644))
	// runs dracut when the machine is switched off
	must(t, os.Symlink("/dev/null", filepath.Join(tree, "etc/systemd/system/mdadm-shutdown.service")))

	do(t, "make", "-s", "-C", programs.Root(t), "install-dracut", "DESTDIR="+tree)

	kernels, err := filepath.Glob(filepath.Join(tree, "boot/vmlinuz-*"))
	must(t, err)
	if len(kernels) != 1 {
		t.Fatalf("the image has the kernels %q, not one", kernels)
	}
	version := strings.TrimPrefix(filepath.Base(kernels[0]), "vmlinuz-")
	initramfs := makeInitramfs(t, tree, version)

	img := image{kernel: filepath.Join(dir, "vmlinuz"), initramfs: filepath.Join(dir, "initramfs"), root: filepath.Join(dir, "root.img")}
	must(t, os.Rename(kernels[0], img.kernel))
	must(t, os.Rename(initramfs, img.initramfs))
	must(t, os.WriteFile(img.root, nil, 0o600))
	must(t, os.Truncate(img.root, 3<<30))
	do(t, "mke2fs", "-q", "-t", "ext4", "-L", "root", "-E", "lazy_itable_init=1,nodiscard", "-d", tree, img.root)
	must(t, os.RemoveAll(tree))
	return img
}

// makeInitramfs runs dracut in the tree, in mounts of its own.
func makeInitramfs(t *testing.T, tree, version string) string {
	t.Helper()
	said := do(t, "unshare", "--mount", "sh", "-ec", `
		mount --bind "$1" "$1"
		mount -t proc proc "$1/proc"
		mount --rbind /sys "$1/sys"
		mount --rbind /dev "$1/dev"
		exec chroot "$1" dracut --quiet --force --no-hostonly --no-hostonly-cmdline --no-early-microcode \
			--compress cat --add ignition --omit "$3" /boot/initramfs "$2"`, "sh", tree, version, omitted)
	if !strings.Contains(said, "not installed here, so configs cannot ask for it: setfiles") {
		t.Errorf("dracut does not say that a tool is missing; it said:\n%s", said)
	}
	return filepath.Join(tree, "boot/initramfs")
}

// debian returns an archive with a small Debian. It is kept below bin/, like the
// programs: making it takes most of the time.
func debian(t *testing.T) string {
	t.Helper()
	sum := sha256.Sum256([]byte(strings.Join(packages, " ")))
	path := filepath.Join(programs.Root(t), "bin/debian", hex.EncodeToString(sum[:8])+".tar")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	sources, err := filepath.Glob("/etc/apt/sources.list.d/*.*s*") // .list and .sources
	must(t, err)
	sources = append(sources, "/etc/apt/sources.list")
	sources = slices.DeleteFunc(sources, func(path string) bool {
		_, err := os.Stat(path)
		return err != nil || filepath.Ext(path) != ".list" && filepath.Ext(path) != ".sources"
	})
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	args := []string{"--quiet", "--variant=minbase", "--include=" + strings.Join(packages, ","), "--format=tar", "bookworm", path + ".new"}
	do(t, "mmdebstrap", append(args, sources...)...)
	must(t, os.Rename(path+".new", path))
	return path
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
