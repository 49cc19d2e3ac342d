package providers

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/config/types"
)

// hypervKVP are the key-value pairs that a Hyper-V host sends once for each boot. All of
// them are kept for the daemon of the target, which asks for them in vain later.
type hypervKVP struct {
	// open connects to the driver; nil means the real one.
	open func() (io.ReadWriteCloser, error)
}

// What the driver takes is struct hv_kvp_msg of include/uapi/linux/hyperv.h.
const (
	kvpDevice      = "/dev/vmbus/hv_kvp"
	kvpKeySize     = 512
	kvpValueSize   = 2048
	kvpMessageSize = 4 + 3714 // header and the largest body, struct hv_kvp_ip_addr_value
	kvpPools       = 5        // KVP_POOL_EXTERNAL … KVP_POOL_AUTO_INTERNAL
	kvpExternal    = 0

	kvpSet       = 1
	kvpDelete    = 2
	kvpRegister  = 100 // KVP_OP_REGISTER1
	kvpNoMore    = 0x80070103
	kvpKeysAt    = 16 // header 4, type 4, sizes 4 and 4
	kvpValuesAt  = kvpKeysAt + kvpKeySize
	kvpDeleteKey = 8 // header 4, size 4

	// maxKVPRecords is far more than a host sends.
	maxKVPRecords = 4096
)

// kvpQuiet is how long the host says nothing when it has sent everything.
const kvpQuiet = time.Second

// kvpPrefix is where the daemon hv_kvp_daemon keeps its pools.
const kvpPrefix = "/var/lib/hyperv/.kvp_pool_"

const kvpConfigKey = "ignition.config"

func (*hypervKVP) places() []string {
	return []string{"KVP pool 0, " + kvpConfigKey + " or " + kvpConfigKey + ".0, .1, …"}
}
func (*hypervKVP) needsNet() bool { return false }

func (h *hypervKVP) read(ctx context.Context, env *Env) (Config, error) {
	open := h.open
	if open == nil {
		if err := env.module(ctx, "hv_utils", "bus/vmbus/drivers/hv_utils"); err != nil {
			return Config{}, err
		}
		open = openKVP
	}
	device, err := open()
	if err != nil {
		return Config{}, fmt.Errorf("open %s: %w", kvpDevice, err)
	}
	pools, err := readKVP(device)
	if err = errors.Join(err, device.Close()); err != nil {
		return Config{}, fmt.Errorf("read key-value pairs of the host: %w", err)
	}
	c, err := Unpack(pools[kvpExternal].config(), "KVP pool 0, "+kvpConfigKey)
	for i := range pools {
		c.Files = append(c.Files, pools[i].file(i))
	}
	return c, err
}

func openKVP() (io.ReadWriteCloser, error) {
	fd, err := unix.Open(kvpDevice, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return &kvpDriver{fd: fd}, nil
}

// kvpDriver is the driver, whose Read ends with os.ErrDeadlineExceeded when the host
// says nothing.
type kvpDriver struct{ fd int }

// Read implements io.Reader.
func (d *kvpDriver) Read(p []byte) (int, error) {
	for {
		ready := []unix.PollFd{{Fd: int32(d.fd), Events: unix.POLLIN}}
		n, err := unix.Poll(ready, int(kvpQuiet.Milliseconds()))
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, err
		case n == 0:
			return 0, os.ErrDeadlineExceeded
		}
		return unix.Read(d.fd, p)
	}
}

// Write implements io.Writer.
func (d *kvpDriver) Write(p []byte) (int, error) { return unix.Write(d.fd, p) }

// Close implements io.Closer.
func (d *kvpDriver) Close() error { return unix.Close(d.fd) }

// kvpPool are the pairs of one pool, in the order they came.
type kvpPool struct {
	keys   []string
	values map[string]string
}

func (p *kvpPool) set(key, value string) {
	if p.values == nil {
		p.values = map[string]string{}
	}
	if _, known := p.values[key]; !known {
		p.keys = append(p.keys, key)
	}
	p.values[key] = value
}

func (p *kvpPool) remove(key string) {
	if _, known := p.values[key]; !known {
		return
	}
	delete(p.values, key)
	for i, k := range p.keys {
		if k == key {
			p.keys = append(p.keys[:i], p.keys[i+1:]...)
			break
		}
	}
}

// config joins the pieces: a host takes about 1 KiB of text for each.
func (p *kvpPool) config() []byte {
	if v := p.values[kvpConfigKey]; v != "" {
		return []byte(v)
	}
	var b bytes.Buffer
	for i := 0; ; i++ {
		v, ok := p.values[kvpConfigKey+"."+strconv.Itoa(i)]
		if !ok {
			return b.Bytes()
		}
		b.WriteString(v)
	}
}

// file is the pool as hv_kvp_daemon keeps it: records of fixed size, filled up with NUL.
func (p *kvpPool) file(number int) types.File {
	data := make([]byte, 0, len(p.keys)*(kvpKeySize+kvpValueSize))
	for _, k := range p.keys {
		record := make([]byte, kvpKeySize+kvpValueSize)
		copy(record, k)
		copy(record[kvpKeySize:], p.values[k])
		data = append(data, record...)
	}
	return targetFile(kvpPrefix+strconv.Itoa(number), data)
}

// readKVP registers and takes what the host sends until it is quiet.
func readKVP(device io.ReadWriter) (pools [kvpPools]kvpPool, err error) {
	message := make([]byte, kvpMessageSize)
	message[0] = kvpRegister
	if _, err := device.Write(message); err != nil {
		return pools, fmt.Errorf("register: %w", err)
	}
	records := 0
	for {
		message = make([]byte, 2*kvpMessageSize)
		n, err := device.Read(message)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, io.EOF):
			return pools, nil
		case err != nil:
			return pools, err
		case n < kvpMessageSize:
			return pools, fmt.Errorf("a message has %d bytes instead of %d", n, kvpMessageSize)
		}
		message = message[:kvpMessageSize]
		operation, pool := message[0], message[1]
		if operation == kvpRegister {
			continue // the driver's answer
		}
		status := uint32(kvpNoMore)
		if int(pool) < kvpPools {
			switch operation {
			case kvpSet:
				if records++; records > maxKVPRecords {
					return pools, fmt.Errorf("the host sends more than %d pairs", maxKVPRecords)
				}
				pools[pool].set(kvpText(message[kvpKeysAt:kvpValuesAt]), kvpText(message[kvpValuesAt:kvpValuesAt+kvpValueSize]))
				status = 0
			case kvpDelete:
				pools[pool].remove(kvpText(message[kvpDeleteKey : kvpDeleteKey+kvpKeySize]))
				status = 0
			}
		}
		binary.NativeEndian.PutUint32(message, status) // the answer has the status in place of the header
		if _, err := device.Write(message); err != nil {
			return pools, fmt.Errorf("answer: %w", err)
		}
	}
}

func kvpText(field []byte) string {
	text, _, _ := bytes.Cut(field, []byte{0})
	return string(text)
}

// targetFile is a file for the target that only root may read.
func targetFile(name string, data []byte) types.File {
	source := "data:;base64," + toBase64(data)
	overwrite, mode := true, 0o600
	return types.File{
		Node:     types.Node{Path: name, Overwrite: &overwrite},
		Contents: types.Resource{Source: &source},
		Mode:     &mode,
	}
}
