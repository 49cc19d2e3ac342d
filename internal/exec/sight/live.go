package sight

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/internal/blockdev"
	"github.com/kindling-boot/kindling/internal/blockdev/gpt"
	"github.com/kindling-boot/kindling/internal/run"
)

// Live is this machine.
type Live struct{ host blockdev.Host }

// tpmNodes are the devices of a TPM 2: linux/Documentation/security/tpm.
var tpmNodes = []string{"/dev/tpmrm0", "/dev/tpm0"}

// mdadm is the program that knows arrays.
const mdadm = "mdadm"

// Node implements Sight.
func (l *Live) Node(device string) (string, error) {
	n, err := l.host.Resolve(device)
	if errors.Is(err, os.ErrNotExist) {
		return "", ErrNoDevice
	}
	return n.Path, err
}

// Disks implements Sight.
func (l *Live) Disks() ([]Disk, error) {
	names, err := l.blockNames()
	if err != nil {
		return nil, err
	}
	var out []Disk
	for _, name := range names {
		if l.host.Attribute(name, "partition") != "" {
			continue
		}
		out = append(out, l.diskOf(name))
	}
	return out, nil
}

func (l *Live) diskOf(name string) Disk {
	d := Disk{Node: blockdev.PathOf(name), Model: l.host.Attribute(name, "device/model"), SizeBytes: l.sysfsSize(name)}
	if d.Serial = l.host.Attribute(name, "device/serial"); d.Serial == "" {
		d.Serial = l.host.Attribute(name, "serial")
	}
	return d
}

// blockNames are the block devices that have a size, by name.
func (l *Live) blockNames() ([]string, error) {
	if _, err := os.Stat(blockdev.SysBlock); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(l.host.Entries("", ""), func(name string) bool { return l.sysfsSize(name) <= 0 }), nil
}

// sysfsSize is in bytes; sysfs counts in 512, whatever the disk has.
func (l *Live) sysfsSize(name string) int64 {
	size, _ := strconv.ParseInt(l.host.Attribute(name, "size"), 10, 64) // absent or unreadable is 0
	return size << 9
}

// Size implements Sight.
func (l *Live) Size(node string) (bytes int64, sector int, err error) {
	d, err := l.host.Open(node, blockdev.Reading, 0)
	if err != nil {
		return 0, 0, err
	}
	return d.SizeBytes, d.SectorSize, d.File.Close()
}

// Table implements Sight.
func (l *Live) Table(node string) (gpt.Table, error) {
	d, err := l.host.Open(node, blockdev.Reading, 0)
	if err != nil {
		return gpt.Table{}, err
	}
	defer d.File.Close() //nolint:errcheck // read only
	return gpt.Read(d.File, d.SizeBytes, d.SectorSize)
}

// Partition implements Sight.
func (l *Live) Partition(node string, number int) string {
	n, err := l.host.Resolve(node)
	if err != nil {
		return ""
	}
	for _, p := range l.host.Partitions(n) {
		if p.Number == number {
			return p.Path
		}
	}
	return ""
}

// Users implements Sight.
func (l *Live) Users(node string) ([]blockdev.User, error) {
	n, err := l.host.Resolve(node)
	if err != nil {
		return nil, err
	}
	return l.host.Users(n)
}

// DiskUsers implements Sight.
func (l *Live) DiskUsers(node string) ([]blockdev.User, error) {
	n, err := l.host.Resolve(node)
	if err != nil {
		return nil, err
	}
	return l.host.DiskUsers(n)
}

// IsBusy implements Sight. The kernel answers: open(2), O_EXCL without O_CREAT.
func (*Live) IsBusy(node string) (bool, error) {
	fd, err := unix.Open(node, unix.O_RDONLY|unix.O_EXCL|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.EBUSY) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("open %s: %w", node, err)
	}
	return false, unix.Close(fd)
}

// IsReadOnly implements Sight.
func (l *Live) IsReadOnly(node string) bool {
	return l.host.Attribute(blockdev.NameOf(node), "ro") == "1"
}

// Holders implements Sight. sysfs knows as soon as a device is made; links to it come
// later, and not at all if udev is gone.
func (l *Live) Holders(node string) []Holder {
	var out []Holder
	for _, h := range l.host.Entries(blockdev.NameOf(node), "holders") {
		out = append(out, Holder{Node: blockdev.PathOf(h), Name: l.host.Attribute(h, "dm/name"), IsArray: len(l.host.Entries(h, "md")) > 0})
	}
	return out
}

// MadeOf implements Sight.
func (l *Live) MadeOf(node string) []string {
	out := l.host.Entries(blockdev.NameOf(node), "slaves")
	for i := range out {
		out[i] = blockdev.PathOf(out[i])
	}
	return out
}

// Member implements Sight.
func (*Live) Member(ctx context.Context, ask Ask, node string) (map[string]string, error) {
	out, err := ask(ctx, run.Command{Name: mdadm, Args: []string{"--examine", "--export", node}})
	var failed *run.Error
	if errors.As(err, &failed) && failed.ExitCode() > 0 {
		return nil, nil
	}
	return Variables(out), err
}

// Array implements Sight.
func (l *Live) Array(ctx context.Context, ask Ask, device string) map[string]string {
	if _, err := l.Node(device); err != nil {
		return nil
	}
	out, err := ask(ctx, run.Command{Name: mdadm, Args: []string{"--detail", "--export", device}})
	if err != nil {
		return nil
	}
	return Variables(out)
}

// Variables reads lines of NAME=VALUE.
func Variables(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			out[name] = value
		}
	}
	return out
}

// HasTPM implements Sight.
func (*Live) HasTPM() bool {
	for _, n := range tpmNodes {
		if _, err := os.Stat(n); err == nil {
			return true
		}
	}
	return false
}

// apBus has a directory for each card, and for each domain of a card, such as 01.0005:
// linux/Documentation/arch/s390/vfio-ap.rst. Only s390x has one.
const apBus = "/sys/bus/ap/devices/"

// CryptoQueues implements Sight. The mode of a card is among the variables of its uevent.
func (*Live) CryptoQueues() []string {
	var out []string
	names, _ := filepath.Glob(apBus + "[0-9a-f][0-9a-f].[0-9a-f][0-9a-f][0-9a-f][0-9a-f]") // the pattern is good
	for _, n := range names {
		data, err := os.ReadFile(filepath.Join(n, "uevent"))
		if err != nil {
			continue
		}
		for _, value := range Variables(string(data)) {
			if value == "cca" {
				out = append(out, filepath.Base(n))
				break
			}
		}
	}
	return out
}

// Find implements Sight.
func (*Live) Find(program string) error {
	_, err := run.Find(program)
	return err
}

// IsHere implements Sight.
func (*Live) IsHere() bool { return true }
