package blockdev

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/internal/blockdev/gpt"
)

// ErrMapper reports a device-mapper disk: its partitions are devices of their own,
// which kpartx makes.
var ErrMapper = errors.New("the partitions of device-mapper devices are made by kpartx")

// blkpgPartition is struct blkpg_partition of linux/blkpg.h; Start and Length in bytes.
type blkpgPartition struct {
	Start, Length int64
	Number        int32
	_             [2][64]byte // device and volume name, which the kernel ignores
}

// TellKernel makes the kernel's partitions of a disk those of a table, and nothing
// else: what is right already is not touched, so other partitions may be in use. It
// then looks whether the kernel agrees. Running it again is harmless.
//
// The error names each partition the kernel did not take, and who holds it. Images in
// files have no partitions; for device-mapper devices the error is ErrMapper.
func (h Host) TellKernel(d *Device, t gpt.Table) error {
	switch {
	case d.Node.Path == "":
		return nil
	case h.MapperName(d.Node) != "":
		return fmt.Errorf("tell the kernel about %s: %w", d.Node.Path, ErrMapper)
	}
	steps := kernelSteps(h.Partitions(d.Node), t)
	if len(steps) == 0 {
		return nil
	}
	var failed []error
	for _, s := range steps {
		if err := d.partition(s); err != nil {
			failed = append(failed, fmt.Errorf("%s partition %d: %w", s.verb(), s.part.Number, h.whoHolds(d.Node, int(s.part.Number), err)))
		}
	}
	if len(failed) > 0 {
		// Drivers without this call can read the table again, if nothing is in use.
		_, _ = unix.IoctlRetInt(int(d.File.Fd()), unix.BLKRRPART)
	}
	if left := kernelSteps(h.Partitions(d.Node), t); len(left) > 0 {
		if len(failed) == 0 {
			for _, s := range left {
				failed = append(failed, fmt.Errorf("%s partition %d: the kernel did not", s.verb(), s.part.Number))
			}
		}
		return fmt.Errorf("tell the kernel about the partitions of %s: %w", d.Node.Path, errors.Join(failed...))
	}
	return nil
}

// kernelStep is one call of BLKPG.
type kernelStep struct {
	op   int32
	part blkpgPartition
}

func (s kernelStep) verb() string {
	switch s.op {
	case unix.BLKPG_DEL_PARTITION:
		return "remove"
	case unix.BLKPG_RESIZE_PARTITION:
		return "resize"
	}
	return "add"
}

// kernelSteps is what the kernel has to be told: what goes, what shrinks, what grows,
// what comes.
func kernelSteps(known []Part, t gpt.Table) []kernelStep {
	const unit = 512 // of sysfs
	var remove, shrink, grow, add []kernelStep
	right := map[int]bool{}
	step := func(op int32, p gpt.Partition) kernelStep {
		size := int64(t.SectorSize())
		return kernelStep{op, blkpgPartition{Start: int64(p.First) * size, Length: int64(p.Sectors()) * size, Number: int32(p.Number)}}
	}
	for _, k := range known {
		p, wanted := t.Partition(k.Number)
		s := step(unix.BLKPG_RESIZE_PARTITION, p)
		switch {
		case !wanted || s.part.Start != int64(k.Start)*unit:
			remove = append(remove, kernelStep{unix.BLKPG_DEL_PARTITION, blkpgPartition{Number: int32(k.Number)}})
			continue
		case s.part.Length < int64(k.Size)*unit:
			shrink = append(shrink, s)
		case s.part.Length > int64(k.Size)*unit:
			grow = append(grow, s)
		}
		right[k.Number] = true
	}
	for _, p := range t.Partitions() {
		if !right[p.Number] {
			add = append(add, step(unix.BLKPG_ADD_PARTITION, p))
		}
	}
	return append(append(append(remove, shrink...), grow...), add...)
}

// partition calls BLKPG (linux/blkpg.h).
func (d *Device) partition(s kernelStep) error {
	fd := d.File.Fd()
	arg := unix.BlkpgIoctlArg{Op: s.op, Datalen: int32(unsafe.Sizeof(s.part)), Data: (*byte)(unsafe.Pointer(&s.part))} //nolint:gosec // the kernel takes a pointer to a pointer
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, unix.BLKPG, uintptr(unsafe.Pointer(&arg)))                         //nolint:gosec // likewise
	if errno != 0 {
		return errno
	}
	return nil
}

// whoHolds adds to EBUSY who holds the partition.
func (h Host) whoHolds(disk Node, number int, err error) error {
	for _, p := range h.Partitions(disk) {
		if p.Number == number && errors.Is(err, unix.EBUSY) {
			users, _ := h.Users(p.Node) // the error is there already
			return busy(err, users)
		}
	}
	return err
}
