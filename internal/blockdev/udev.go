package blockdev

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/internal/blockdev/gpt"
)

// udevGroup is the group of netlink that hears of events when udev has dealt with them:
// systemd, device-monitor.c, MONITOR_GROUP_UDEV.
const udevGroup = 1 << 1

// udevBuffer is room for the events of thousands of devices; udevMessage for one.
const (
	udevBuffer  = 16 << 20
	udevMessage = 64 << 10
)

// Settle makes udev look again at devices that were changed, by their paths, and returns
// when it has, or the context ends. The kernel makes the events, each with a mark
// (Documentation/ABI/testing/sysfs-uevent), and udev tells when it is done with them. That of
// a disk waits for earlier ones of its partitions (systemd, udevd.c, event_is_blocked()),
// and none is made for them.
func (h Host) Settle(ctx context.Context, paths ...string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("wait for udev: %w", err)
		}
	}()
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return err
	}
	events := os.NewFile(uintptr(fd), "events")
	defer events.Close()                                                         //nolint:errcheck // nothing is written
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, udevBuffer) // with less, some may be lost: see below
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: udevGroup}); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = events.SetReadDeadline(time.Unix(1, 0)) })()
	waiting := make(map[string]string, len(paths)) // by the marks of the events
	for _, p := range paths {
		waiting[gpt.RandomGUID().String()] = p
	}
	err = h.synthesize(waiting)
	for message := make([]byte, udevMessage); err == nil && len(waiting) > 0; {
		var n int
		n, err = events.Read(message)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, unix.ENOBUFS): // ours may be among those that were lost
			err = h.synthesize(waiting)
		}
		for mark := range waiting {
			if bytes.Contains(message[:max(0, n)], []byte("SYNTH_UUID="+mark)) {
				delete(waiting, mark)
			}
		}
	}
	return err
}

// synthesize makes the kernel send an event for each node.
func (h Host) synthesize(marked map[string]string) error {
	for mark, path := range marked {
		n, err := h.Resolve(path)
		if err == nil {
			err = os.WriteFile(h.path(filepath.Join(SysBlock, n.Name, "uevent")), []byte("change "+mark), 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// UdevRecord is what udev knows of a device since it has looked at it last, in lines of
// which E:NAME=VALUE is a property: systemd, device-private.c, device_update_db(). It is
// empty if udev never has.
func (h Host) UdevRecord(n Node) string {
	text, _ := os.ReadFile(h.path(fmt.Sprintf("run/udev/data/b%d:%d", unix.Major(n.Device), unix.Minor(n.Device)))) // absent is empty
	return string(text)
}
