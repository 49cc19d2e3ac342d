package providers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// qemu is a firmware variable, or a disk where machines have none.
func qemu() place { return qemuFor(runtime.GOARCH) }

func qemuFor(arch string) place {
	if arch == "s390x" || strings.HasPrefix(arch, "ppc64") { // QEMU has fw_cfg for neither
		return &serialDisk{}
	}
	return &fwCfg{names: []string{"opt/com.coreos/config", "opt/org.flatcar-linux/config"}}
}

// fwCfg is a variable that the host gives with -fw_cfg name=NAME,file=FILE:
// Documentation/ABI/testing/sysfs-firmware-qemu_fw_cfg of Linux.
type fwCfg struct {
	// names in order of preference; Flatcar has its own.
	names []string
}

func (f *fwCfg) places() []string {
	var all []string
	for _, n := range f.names {
		all = append(all, "fw_cfg "+n)
	}
	return all
}

func (*fwCfg) needsNet() bool { return false }

func (f *fwCfg) read(ctx context.Context, env *Env) (Config, error) {
	if err := env.module(ctx, "qemu_fw_cfg", "firmware/qemu_fw_cfg"); err != nil {
		return Config{}, err
	}
	for _, name := range f.names {
		dir := env.sys("firmware/qemu_fw_cfg/by_name", name)
		data, err := readFwCfg(env, dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Config{}, fmt.Errorf("read fw_cfg %s: %w", name, err)
		}
		return Unpack(data, "fw_cfg "+name)
	}
	return Config{}, fmt.Errorf("%s is not set: %w", strings.Join(f.places(), ", "), ErrNoConfig)
}

// readFwCfg reads one variable. The kernel starts from the beginning for every read, so
// there are few of them.
func readFwCfg(env *Env, dir string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(dir, "size"))
	if err != nil {
		return nil, causeOf(err)
	}
	size, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32)
	switch {
	case err != nil:
		return nil, errors.New("its size is not a number")
	case size > uint64(maxConfig()):
		return nil, tooLarge(maxConfig())
	}
	raw, err := os.Open(filepath.Join(dir, "raw"))
	if err != nil {
		return nil, causeOf(err)
	}
	defer raw.Close() //nolint:errcheck // nothing was written
	slow := time.AfterFunc(slowRead, func() { env.warn("reading %d bytes from fw_cfg takes more than %v", size, slowRead) })
	defer slow.Stop()
	data := make([]byte, size+1) // one more, to see that there is no more
	n, err := io.ReadFull(raw, data)
	switch {
	case err == nil:
		return nil, fmt.Errorf("it has more than the %d bytes it claims", size)
	case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return nil, causeOf(err)
	case uint64(n) < size:
		return nil, fmt.Errorf("it has %d bytes instead of %d", n, size)
	}
	return data[:n], nil
}

// slowRead is when people are told that a read takes long.
const slowRead = 10 * time.Second

// serialDisk is a virtio disk with the serial "ignition" that holds the config, filled
// up with NULs.
type serialDisk struct{}

const (
	serialDiskName = "virtio-ignition"
	serialDiskWait = 5 * time.Minute
)

func (*serialDisk) places() []string { return []string{"disk /dev/disk/by-id/" + serialDiskName} }
func (*serialDisk) needsNet() bool   { return false }

func (*serialDisk) read(ctx context.Context, env *Env) (Config, error) {
	if err := env.module(ctx, "virtio_blk", "bus/virtio/drivers/virtio_blk"); err != nil {
		return Config{}, err
	}
	name := filepath.Join(env.Paths.ByID, serialDiskName)
	if err := waitForFile(ctx, env, name, serialDiskWait); err != nil {
		return Config{}, err
	}
	data, err := readFile(name)
	if err != nil {
		return Config{}, err
	}
	return Unpack(trimNUL(data), name)
}
