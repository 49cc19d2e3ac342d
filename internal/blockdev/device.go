package blockdev

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Device is an open block device, or an image of one in a file. Close it. Reads and
// writes are those of *os.File.
type Device struct {
	*os.File
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
	if d.File, err = os.OpenFile(path, flags, 0); err != nil {
		if errors.Is(err, unix.EBUSY) && d.Node.Path != "" {
			users, _ := h.DiskUsers(d.Node) // the error is there already
			err = busy(withoutPath(err), users)
		}
		return nil, fmt.Errorf("open device %s: %w", path, withoutPath(err))
	}
	if d.Node.Path != "" {
		if err := d.measure(); err != nil {
			return nil, errors.Join(fmt.Errorf("open device %s: %w", path, err), d.Close())
		}
	}
	return d, nil
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
	info, err := d.Stat()
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeDevice == 0 {
		return ErrNotBlock
	}
	// The end of a block device is its size, and asking needs no pointer to Go memory.
	if d.SizeBytes, err = d.Seek(0, 2); err != nil {
		return fmt.Errorf("size: %w", err)
	}
	size, err := unix.IoctlGetUint32(int(d.Fd()), unix.BLKSSZGET)
	if err != nil {
		return fmt.Errorf("sector size: %w", err)
	}
	d.SectorSize = int(size)
	_, err = d.Seek(0, 0)
	return err
}
