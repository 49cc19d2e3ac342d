package vm

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/kindling-boot/kindling/tests/whole"
)

// wholeMachine is the machine of package whole. The tests that kill it are in kill_test.go.
type wholeMachine struct {
	*guest
	disks [2]string
}

// runStages are what an initramfs runs. The target root is on a partition of the machine,
// which is mounted when the disks are ready.
var runStages = []string{"fetch", "kargs", "disks", "mount", "files", "umount"}

// provision runs all stages until one fails; a program that does not end by itself has been
// killed.
func (w *wholeMachine) provision() (r ended) {
	w.Helper()
	for _, s := range runStages {
		if s == "mount" && exec.Command("mountpoint", "-q", w.root).Run() != nil {
			w.do("mount", "/dev/disk/by-partlabel/ROOT", w.root)
		}
		start := time.Now()
		r = w.stage(s)
		w.Logf("stage %s took %v", s, time.Since(start))
		if r.exit != 0 {
			r.said = "stage " + s + ":\n" + r.said
			return r
		}
		if s == "files" { // as an initramfs takes the stamp of a first boot away
			w.check(os.WriteFile(filepath.Join(w.root, provisioned), nil, 0o600))
			w.do("sync", "-f", w.root)
		}
	}
	return r
}

// provisioned is a file of the target that tells that the first boot is over.
const provisioned = "etc/provisioned"

// mounts are the devices of the file systems and their places.
var mounts = [][2]string{{"/dev/md/mirror", "var"}, {"/dev/mapper/vault", "srv"}, {"/dev/disk/by-partlabel/data", "data"}, {"/dev/disk/by-partlabel/boot", "boot"}}

// boot is what the next boot does: it provisions, if the first boot is not over, or opens
// the volume and mounts the file systems as the system would. The kernel and rules of udev
// have started the array.
func (w *wholeMachine) boot() (r ended) {
	w.Helper()
	w.do("mount", "/dev/disk/by-partlabel/ROOT", w.root)
	if _, err := os.Stat(filepath.Join(w.root, provisioned)); err == nil {
		w.do("cryptsetup", "open", "/dev/disk/by-partlabel/secret", "vault", "--key-file", filepath.Join(w.root, "etc/luks/vault"))
		for _, m := range mounts { // their logs are replayed
			w.do("mount", m[0], filepath.Join(w.root, m[1]))
			w.do("umount", filepath.Join(w.root, m[1]))
		}
		return ended{said: "it is provisioned"}
	}
	w.do("umount", w.root)
	return w.provision()
}

// begin writes the config.
func (w *wholeMachine) begin() {
	w.Helper()
	w.check(os.WriteFile(filepath.Join(w.dir, "config.ign"), []byte(whole.Config("3.6.0", w.disks)), 0o600))
}

// day is the day of the last change of a password.
var day = regexp.MustCompile(`(?m)^([a-z]+\d*:[^:]*):\d{5}:`)

// describe tells everything that a provisioned machine is, a line for each thing. The stages
// have ended.
func (w *wholeMachine) describe() []string {
	w.Helper()
	var out []string
	for i, d := range w.disks {
		dump := strings.ReplaceAll(w.do("sfdisk", "--dump", d), d, fmt.Sprintf("disk%d-", i))
		out = append(out, strings.ReplaceAll(dump, fmt.Sprintf("disk%d-p", i), fmt.Sprintf("disk%d-", i)))
	}
	for _, place := range whole.Foreign {
		if w.sum(place) != sha256.Sum256(place.Data()) {
			out = append(out, fmt.Sprintf("foreign %v has changed", place))
		}
	}
	for _, d := range []string{"/dev/disk/by-partlabel/secret", "/dev/md/mirror", "/dev/mapper/vault", "/dev/disk/by-partlabel/data", "/dev/disk/by-partlabel/boot"} {
		for _, p := range []string{"TYPE", "LABEL", "UUID", "SUBSYSTEM"} {
			out = append(out, fmt.Sprintf("%s %s: %s", d, p, w.blkid(d, p)))
		}
	}
	detail := w.do("mdadm", "--detail", "/dev/md/mirror")
	w.Logf("%s\n%s", detail, w.do("cat", "/proc/mdstat"))
	for line := range strings.Lines(detail) {
		for _, about := range []string{"Raid Level", "Raid Devices", "Working Devices", "Failed Devices", "Spare Devices"} {
			if strings.Contains(line, about) {
				out = append(out, "mirror "+strings.Join(strings.Fields(line), " "))
			}
		}
	}
	if holders := w.do("sh", "-c", "ls /sys/block | grep -c '^md'"); strings.TrimSpace(holders) != "1" {
		out = append(out, "arrays: "+holders)
	}
	w.do("e2fsck", "-fn", "/dev/md/mirror")
	w.do("e2fsck", "-fn", "/dev/mapper/vault")
	w.do("xfs_repair", "-n", "/dev/disk/by-partlabel/data")
	// a power cut leaves the mark that it was mounted, and nothing else
	if said, err := exec.Command("fsck.fat", "-n", "/dev/disk/by-partlabel/boot").CombinedOutput(); err != nil && !strings.Contains(string(said), "Dirty bit is set") {
		w.Errorf("fsck.fat: %v\n%s", err, said)
	}
	for _, m := range mounts {
		w.do("mount", "-o", "ro", m[0], filepath.Join(w.root, m[1]))
	}
	out = append(out, w.tree()...)
	// the key on the target opens the volume
	w.do("cryptsetup", "luksOpen", "--test-passphrase", "/dev/disk/by-partlabel/secret", "--key-file", filepath.Join(w.root, "etc/luks/vault"))
	w.do("umount", "-R", w.root)
	return out
}

// sum of the content of a foreign partition.
func (w *wholeMachine) sum(place whole.Place) [32]byte {
	w.Helper()
	f, err := os.Open(w.disks[place.Disk])
	w.check(err)
	defer f.Close() //nolint:errcheck // read only
	data := make([]byte, place.SizeMiB<<20)
	_, err = f.ReadAt(data, place.StartMiB<<20)
	w.check(err)
	return sha256.Sum256(data)
}

// tree describes all files of the target.
func (w *wholeMachine) tree() []string {
	w.Helper()
	var out []string
	w.check(filepath.WalkDir(w.root, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(name)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(w.root, name)
		stat, _ := info.Sys().(*syscall.Stat_t)
		line := fmt.Sprintf("/%s %v %d:%d", rel, info.Mode(), stat.Uid, stat.Gid)
		switch {
		case info.IsDir():
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(name)
			if err != nil {
				return err
			}
			line += " -> " + target
		case slices.Contains([]string{"etc/passwd-", "etc/group-", "etc/shadow-", "etc/gshadow-", "etc/subuid-", "etc/subgid-"}, rel):
			return nil // copies that account programs keep
		case rel == "etc/.ignition-result.json", rel == "etc/mdadm.conf", strings.HasPrefix(rel, "var/log/ignition/"): // have the time, or a new UUID
		case rel == "etc/luks/vault":
			line += fmt.Sprintf(" %d bytes", info.Size())
		default:
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %d links %q", stat.Nlink, day.ReplaceAll(data, []byte("$1:DAY:")))
		}
		out = append(out, line)
		return nil
	}))
	return out
}

// away takes the machine apart, whatever its state. Rules of udev may start an array again
// when it was stopped, of members that are about to go: nothing of it may stay, or the next
// machine, whose disks may be copies of these, is made of both.
func (w *wholeMachine) away() {
	steps := []string{
		"umount -R " + w.root,
		"cryptsetup close vault",
		"for i in $(seq 100); do udevadm settle; set -- /sys/block/md*; [ -e $1 ] || break; for m; do mdadm --stop /dev/${m##*/}; done; done",
	}
	for _, d := range w.disks {
		if strings.HasPrefix(d, "/dev/loop") {
			steps = append(steps, "losetup -d "+d)
		}
	}
	for _, step := range append(steps, "udevadm settle") {
		_ = exec.Command("sh", "-c", "exec 2>/dev/null; "+step).Run()
	}
	if left, _ := exec.Command("sh", "-c", "losetup -l; ls -d /sys/block/md*").Output(); len(left) > 0 && !w.Failed() {
		w.Errorf("the machine is not away:\n%s", left)
	}
}

// differences lists the lines in which two descriptions differ.
func differences(want, got []string) []string {
	var out []string
	for _, l := range want {
		if !slices.Contains(got, l) {
			out = append(out, "- "+l)
		}
	}
	for _, l := range got {
		if !slices.Contains(want, l) {
			out = append(out, "+ "+l)
		}
	}
	return out
}
