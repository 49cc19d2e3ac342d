// Package blockdev is the block devices of a machine: their sizes, names, partitions
// and users. Below it, gpt reads and writes partition tables, and probe tells what is
// on a device.
//
// No program is started, and nothing but Host.TellKernel, Host.Settle, Device.Zap and
// Device.Erase changes anything. Names of struct fields and files come from the kernel's
// Documentation/ABI/stable/sysfs-block and Documentation/filesystems/proc.rst.
package blockdev

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Host is where the machine describes itself. The zero value is this machine; tests
// give a directory with sys, proc and dev in it.
type Host struct {
	Root string
}

func (h Host) path(name string) string { return filepath.Join("/", h.Root, name) }

// SysBlock is the directory with a directory for each block device: sysfs(5).
const SysBlock = "/sys/class/block"

// Node is a block device of the kernel.
type Node struct {
	Path   string // /dev/sda1, without links
	Name   string // sda1: its directory in SysBlock
	Device uint64 // major and minor number, as stat(2) gives them
}

// ErrNotBlock reports a path that exists and leads to no block device.
var ErrNotBlock = errors.New("not a block device")

// Resolve follows the links of a path such as /dev/disk/by-label/data.
//
// Errors: fs.ErrNotExist, also for a link that leads nowhere; ErrNotBlock.
func (h Host) Resolve(path string) (Node, error) {
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return Node{}, fmt.Errorf("resolve device %s: %w", path, withoutPath(err))
	}
	info, err := os.Stat(resolved)
	if err != nil {
		return Node{}, fmt.Errorf("resolve device %s: %w", path, withoutPath(err))
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || info.Mode()&(fs.ModeDevice|fs.ModeCharDevice) != fs.ModeDevice {
		return Node{}, fmt.Errorf("resolve device %s: %s: %w", path, resolved, ErrNotBlock)
	}
	n := Node{Path: resolved, Name: filepath.Base(resolved), Device: stat.Rdev}
	// Nodes that somebody made elsewhere, or whose name udev changed: the number counts.
	link, err := os.Readlink(h.path(fmt.Sprintf("sys/dev/block/%d:%d", unix.Major(n.Device), unix.Minor(n.Device))))
	if err == nil {
		n.Name = filepath.Base(link)
	}
	return n, nil
}

// PathOf is the node of a device of SysBlock. Slashes in names, as in cciss/c0d0,
// are written as exclamation marks there.
func PathOf(name string) string { return "/dev/" + strings.ReplaceAll(name, "!", "/") }

// NameOf is the directory of a node in SysBlock.
func NameOf(path string) string {
	return strings.ReplaceAll(strings.TrimPrefix(path, "/dev/"), "/", "!")
}

// named is the node of a device of SysBlock.
func (h Host) named(name string) Node {
	return Node{Name: name, Path: h.path(PathOf(name)), Device: numbered(h.Attribute(name, "dev"))}
}

// numbered is a device as the kernel writes it, MAJOR:MINOR; 0 if it is none.
func numbered(text string) uint64 {
	first, second, _ := strings.Cut(text, ":")
	major, err := strconv.ParseUint(first, 10, 32)
	if err != nil {
		return 0
	}
	minor, err := strconv.ParseUint(second, 10, 32)
	if err != nil {
		return 0
	}
	return unix.Mkdev(uint32(major), uint32(minor))
}

// Attribute is the trimmed content of a file of a device in SysBlock, empty if there is none.
func (h Host) Attribute(name, file string) string {
	raw, err := os.ReadFile(h.path(filepath.Join(SysBlock, name, file)))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}

// Entries are the names in a directory of a device in SysBlock; none if it is not there.
func (h Host) Entries(name, dir string) []string {
	found, err := os.ReadDir(h.path(filepath.Join(SysBlock, name, dir)))
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(found))
	for _, e := range found {
		names = append(names, e.Name())
	}
	return names
}

// MapperName is the name of a device-mapper device (multipath, LVM, LUKS), empty for
// others.
func (h Host) MapperName(n Node) string { return h.Attribute(n.Name, "dm/name") }

// withoutPath takes the path out of an error that names it already.
func withoutPath(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
