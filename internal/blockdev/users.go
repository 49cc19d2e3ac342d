package blockdev

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/internal/mounts"
)

// User is what holds a device, so that it must not be changed.
type User struct {
	Node   Node   // the device that is held
	Number int    // the partition that it is of the disk that was asked for; 0 for the disk itself
	By     string // mounted at /boot; used as swap; part of RAID array md0; …
}

// busy adds to EBUSY who it is; other errors stay as they are.
func busy(err error, users []User) error {
	if !errors.Is(err, unix.EBUSY) || len(users) == 0 {
		return err
	}
	by := make([]string, len(users))
	for i, u := range users {
		by[i] = u.String()
	}
	return fmt.Errorf("%w: %s", err, strings.Join(by, ", "))
}

// String is the user as messages name it: /dev/sda1 is mounted at /boot.
func (u User) String() string { return u.Node.Path + " is " + u.By }

// DiskUsers are all that hold a disk or one of its partitions: mounts, swap, and what
// the kernel stacks on it (LVM, LUKS, RAID, multipath, bcache, multi-device btrfs, loop
// devices). Last it tries to open each exclusively, which finds holders that show
// nowhere, such as ZFS; an exclusive descriptor of the caller counts as well, so ask
// before opening. Sources of mounts that lead to no device hold none.
func (h Host) DiskUsers(disk Node) ([]User, error) {
	used, err := h.inUse()
	if err != nil {
		return nil, err
	}
	users := h.users(disk, 0, used)
	for _, p := range h.Partitions(disk) {
		users = append(users, h.users(p.Node, p.Number, used)...)
	}
	// The kernel refuses the whole disk as well when a partition is held.
	if len(users) == 0 && h.exclusive(disk) {
		users = append(users, User{disk, 0, "held by the kernel or another program"})
	}
	return users, nil
}

// Users are all that hold one device; its partitions do not count.
func (h Host) Users(n Node) ([]User, error) {
	used, err := h.inUse()
	if err != nil {
		return nil, err
	}
	return h.users(n, 0, used), nil
}

func (h Host) users(n Node, number int, used map[uint64][]string) []User {
	var users []User
	for _, by := range used[n.Device] {
		users = append(users, User{n, number, by})
	}
	for _, holder := range h.Entries(n.Name, "holders") {
		if h.mapperPartition(n, holder) == 0 {
			users = append(users, User{n, number, h.holder(holder)})
		}
	}
	if len(users) == 0 && number != 0 && h.exclusive(n) {
		users = append(users, User{n, number, "held by the kernel or another program"})
	}
	return users
}

// holder says what a device in a holders directory is.
func (h Host) holder(name string) string {
	mapped, uuid := h.Attribute(name, "dm/name"), h.Attribute(name, "dm/uuid")
	switch {
	case strings.HasPrefix(uuid, "LVM-"):
		return "part of LVM volume " + mapped
	case strings.HasPrefix(uuid, "CRYPT-"):
		return "opened as encrypted volume " + mapped
	case strings.HasPrefix(uuid, "mpath-"):
		return "a path of multipath device " + mapped
	case mapped != "":
		return "used by device-mapper device " + mapped
	case len(h.Entries(name, "md")) > 0 || strings.HasPrefix(name, "md"):
		return "part of RAID array " + name
	}
	return "used by " + name
}

// inUse is what mounts, swap, loop devices and btrfs use, by device number.
func (h Host) inUse() (map[uint64][]string, error) {
	used := map[uint64][]string{}
	add := func(device uint64, by string) {
		if device != 0 && !slices.Contains(used[device], by) {
			used[device] = append(used[device], by)
		}
	}
	table, err := h.mounts()
	if err != nil {
		return nil, err
	}
	for _, m := range table {
		by := "mounted at " + m.Point
		if device := numbered(m.Device); unix.Major(device) != 0 {
			add(device, by)
		}
		// btrfs has a number of its own: only the source leads to the device.
		add(h.numberOf(m.Source), by)
	}
	swaps, err := os.ReadFile(h.path("proc/swaps"))
	if err != nil && !errors.Is(err, os.ErrNotExist) { // a kernel without swap
		return nil, fmt.Errorf("see what is in use: %w", err)
	}
	for line := range strings.Lines(string(swaps)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[1] == "partition" {
			add(h.numberOf(mounts.Unescape(fields[0])), "used as swap")
		}
	}
	members, _ := filepath.Glob(h.path("sys/fs/btrfs/*/devices/*"))
	for _, m := range members {
		add(h.named(filepath.Base(m)).Device, "part of mounted btrfs "+filepath.Base(filepath.Dir(filepath.Dir(m))))
	}
	backing, _ := filepath.Glob(h.path("sys/class/block/loop*/loop/backing_file"))
	for _, b := range backing {
		loop := filepath.Base(filepath.Dir(filepath.Dir(b)))
		add(h.numberOf(h.Attribute(loop, "loop/backing_file")), "behind loop device "+loop)
	}
	return used, nil
}

// numberOf is the device number of a path, 0 if it leads to no block device.
func (h Host) numberOf(path string) uint64 {
	if !strings.HasPrefix(path, "/") {
		return 0
	}
	n, err := h.Resolve(h.path(path))
	if err != nil {
		return 0
	}
	return n.Device
}

// mounts is what is mounted.
func (h Host) mounts() ([]mounts.Mount, error) {
	f, err := os.Open(h.path("proc/self/mountinfo"))
	if err != nil {
		return nil, fmt.Errorf("see what is in use: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	return mounts.Parse(f)
}

// exclusive says that somebody else has claimed the device: open(2), O_EXCL without
// O_CREAT.
func (h Host) exclusive(n Node) bool {
	fd, err := unix.Open(n.Path, unix.O_RDONLY|unix.O_EXCL|unix.O_CLOEXEC, 0)
	if err != nil {
		return errors.Is(err, unix.EBUSY)
	}
	_ = unix.Close(fd)
	return false
}
