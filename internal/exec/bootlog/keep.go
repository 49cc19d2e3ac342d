package bootlog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/internal/exec/op"
	"github.com/kindling-boot/kindling/internal/mounts"
)

// RootDisk is where the root file system of a machine is, as its kernel arguments say.
type RootDisk struct {
	// Target is where the initramfs mounts it: /sysroot.
	Target string
	// Source, Type and Flags are the kernel arguments root, rootfstype and rootflags.
	Source, Type, Flags string
}

// Reasons to leave a root file system alone.
var (
	errChanged  = errors.New("disks were changed by this boot, so nothing is mounted for it")
	errNoDevice = errors.New("the kernel argument root= names no device that is there")
	errNoEtc    = errors.New("the file system of the root has no directory /etc")
)

// Keep counts a failure in the root file system, for the next boot to know, and writes
// the counts into it. One that is not mounted is mounted for that, unless the boot has
// changed a disk.
func (d RootDisk) Keep(f *Failure) error {
	all, err := mounts.All()
	if err != nil {
		return err
	}
	target := filepath.Clean(d.Target)
	if _, ok := mounts.At(all, target); ok {
		return keepIn(target, f)
	}
	if f.Changed {
		return errChanged
	}
	return d.mounted(func(dir string) error { return keepIn(dir, f) })
}

// Foresee writes into a failure the counts that Keep will write, if the root file system is
// mounted: what is told before Keep is called has them then.
func Foresee(root string, f *Failure) {
	root = filepath.Clean(root)
	all, err := mounts.All()
	if _, ok := mounts.At(all, root); err != nil || !ok {
		return
	}
	a := ReadAttempts(filepath.Join(root, op.AttemptsPath))
	a.Add(f)
}

// keepIn counts a failure in a mounted root file system.
func keepIn(root string, f *Failure) (err error) {
	var at unix.Statfs_t
	if err := unix.Statfs(root, &at); err != nil {
		return fmt.Errorf("look at %s: %w", root, err)
	}
	if at.Flags&unix.ST_RDONLY != 0 {
		if err := unix.Mount("", root, "", unix.MS_REMOUNT, ""); err != nil {
			return fmt.Errorf("make %s writable: %w", root, err)
		}
		defer func() {
			if again := unix.Mount("", root, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); again != nil {
				err = errors.Join(err, fmt.Errorf("make %s read-only again: %w", root, again))
			}
		}()
	}
	name := filepath.Join(root, op.AttemptsPath)
	if info, err := os.Lstat(filepath.Dir(name)); err != nil || !info.IsDir() { // a link would lead out
		return errNoEtc
	}
	a := ReadAttempts(name)
	a.Add(f)
	return a.Write(name)
}

// deviceWait is how long the device is waited for: a config can be refused before all
// disks were found.
const deviceWait = 10 * time.Second

// tags are the forms of root= and the directories of udev's links for them.
var tags = map[string]string{
	"LABEL": "by-label", "UUID": "by-uuid", "PARTLABEL": "by-partlabel", "PARTUUID": "by-partuuid",
}

// device is the block device; empty if it is not there.
func (d RootDisk) device() string {
	path := d.Source
	if tag, value, ok := strings.Cut(path, "="); ok && tags[tag] != "" {
		path = filepath.Join("/dev/disk", tags[tag], strings.ReplaceAll(strings.Trim(value, `"`), "/", `\x2f`))
	}
	info, err := os.Stat(path)
	if err != nil || !strings.HasPrefix(path, "/dev/") || info.Mode()&os.ModeDevice == 0 || info.Mode()&os.ModeCharDevice != 0 {
		return ""
	}
	return path
}

// types are the file systems to try if the kernel arguments name none. The last one is
// that of most.
func (d RootDisk) types() []string {
	if d.Type != "" {
		return strings.Split(d.Type, ",")
	}
	return []string{"ext4", "xfs", "btrfs"}
}

// mounted calls do with the root file system mounted somewhere.
func (d RootDisk) mounted(do func(dir string) error) (err error) {
	device := d.device()
	for end := time.Now().Add(deviceWait); device == "" && d.Source != "" && time.Now().Before(end); device = d.device() {
		time.Sleep(100 * time.Millisecond)
	}
	if device == "" {
		return errNoDevice
	}
	dir, err := os.MkdirTemp("/run", "ignition-root-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(dir)) }()
	var options []string // others are for the kernel as a whole, such as ro
	for o := range strings.SplitSeq(d.Flags, ",") {
		if strings.HasPrefix(o, "subvol") {
			options = append(options, o)
		}
	}
	for _, kind := range d.types() {
		const flags = unix.MS_NOATIME | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOSUID
		if err = unix.Mount(device, dir, kind, flags, strings.Join(options, ",")); err == nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("mount %s: %w", device, err)
	}
	defer func() {
		unix.Sync()
		if away := unix.Unmount(dir, 0); away != nil {
			err = errors.Join(err, fmt.Errorf("unmount %s: %w", dir, away), unix.Unmount(dir, unix.MNT_DETACH))
		}
	}()
	return do(dir)
}
