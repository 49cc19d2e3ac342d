package blockdev

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Device is an open block device, or an image of one in a file: close the file.
type Device struct {
	File       *os.File
	Node       Node // zero for an image
	SizeBytes  int64
	SectorSize int // logical sector size in bytes; of an image what Open was given
}

// Open opens a block device for reading, or for writing too. The path may be a link.
// For an image in a file, imageSectorSize counts, 0 means 512.
//
// Opening for writing is exclusive: it fails with unix.EBUSY while the device, or a
// partition of it, is held by somebody, and names them; except with SharedWriting,
// which an edit needs that leaves the held partitions alone.
func (h Host) Open(path string, mode Mode, imageSectorSize int) (*Device, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open device %s: %w", path, withoutPath(err))
	}
	d := &Device{SizeBytes: info.Size(), SectorSize: 512}
	if imageSectorSize != 0 {
		d.SectorSize = imageSectorSize
	}
	flags := mode.flags()
	if !info.Mode().IsRegular() {
		if d.Node, err = h.Resolve(path); err != nil {
			return nil, err
		}
	} else {
		flags &^= os.O_EXCL
	}
	if d.File, err = open(d.Node, path, flags); err != nil {
		if errors.Is(err, unix.EBUSY) && d.Node.Path != "" {
			users, _ := h.DiskUsers(d.Node) // the error is there already
			err = busy(withoutPath(err), users)
		}
		return nil, fmt.Errorf("open device %s: %w", path, withoutPath(err))
	}
	if d.Node.Path != "" {
		if err := d.measure(); err != nil {
			return nil, errors.Join(fmt.Errorf("open device %s: %w", path, err), d.File.Close())
		}
	}
	return d, nil
}

// open opens a device; for writing through a node of its own, that is removed at once. udev
// watches the usual one: when a program closes it after writing, udev reads the table of the
// disk again (systemd, udevd.c, synthesize_change()). All partitions are gone for a moment
// then, whenever that is, and somebody who works on one of them fails. The kernel and udev
// are told what has changed by those who have changed it: docs/adr/0175.
func open(n Node, path string, flags int) (*os.File, error) {
	if n.Device == 0 || flags&os.O_RDWR == 0 {
		return os.OpenFile(path, flags, 0)
	}
	private := filepath.Join(filepath.Dir(n.Path), fmt.Sprintf(".kindling-%d-%d:%d", os.Getpid(), unix.Major(n.Device), unix.Minor(n.Device)))
	if err := unix.Mknod(private, unix.S_IFBLK|0o600, int(n.Device)); err != nil {
		return os.OpenFile(path, flags, 0) // where nobody may make nodes
	}
	fd, err := unix.Open(private, flags|unix.O_CLOEXEC, 0)
	if gone := os.Remove(private); gone != nil && err == nil {
		err = errors.Join(gone, unix.Close(fd))
	}
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil // errors name what people know
}

// Mode is what a device is opened for.
type Mode int

// The modes.
const (
	Reading       Mode = iota
	Writing            // nobody else may hold the device
	SharedWriting      // somebody else may
)

func (m Mode) flags() int {
	switch m {
	case Writing:
		return os.O_RDWR | os.O_EXCL
	case SharedWriting:
		return os.O_RDWR
	}
	return os.O_RDONLY
}

// measure asks for the sizes: linux/fs.h, BLKGETSIZE64 and BLKSSZGET.
func (d *Device) measure() error {
	info, err := d.File.Stat()
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeDevice == 0 {
		return ErrNotBlock
	}
	// The end of a block device is its size, and asking needs no pointer to Go memory.
	if d.SizeBytes, err = d.File.Seek(0, 2); err != nil {
		return fmt.Errorf("size: %w", err)
	}
	size, err := unix.IoctlGetUint32(int(d.File.Fd()), unix.BLKSSZGET)
	if err != nil {
		return fmt.Errorf("sector size: %w", err)
	}
	d.SectorSize = int(size)
	_, err = d.File.Seek(0, 0)
	return err
}
