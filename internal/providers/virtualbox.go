package providers

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// guestProperties are variables of a VirtualBox machine: VBoxManage guestproperty set.
type guestProperties struct {
	// open connects to the host; nil means the real one.
	open func() (properties, error)
}

// properties are those of the host. get returns an empty text for one that is not set.
type properties interface {
	get(name string) (string, error)
	remove(name string) error
	close() error
}

// Names of properties. The encoding is reserved: it must not be set.
const (
	propertyConfig   = "/Ignition/Config"
	propertyEncoding = "/Ignition/Config/Encoding"
)

func (*guestProperties) places() []string { return []string{"guest property " + propertyConfig} }
func (*guestProperties) needsNet() bool   { return false }

func (g *guestProperties) connect() (properties, error) {
	if g.open != nil {
		return g.open()
	}
	return openGuestProperties()
}

func (g *guestProperties) read(context.Context, *Env) (c Config, err error) {
	host, err := g.connect()
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, host.close()) }()
	encoding, err := host.get(propertyEncoding)
	if err != nil {
		return c, fmt.Errorf("read guest property %s: %w", propertyEncoding, err)
	}
	if encoding != "" {
		return c, fmt.Errorf("guest property %s must not be set; it is %q", propertyEncoding, encoding)
	}
	text, err := host.get(propertyConfig)
	if err != nil {
		return c, fmt.Errorf("read guest property %s: %w", propertyConfig, err)
	}
	return Unpack([]byte(text), "guest property "+propertyConfig)
}

func (g *guestProperties) remove(context.Context, *Env) (err error) {
	host, err := g.connect()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, host.close()) }()
	for _, name := range []string{propertyEncoding, propertyConfig} {
		if err := host.remove(name); err != nil {
			return fmt.Errorf("delete guest property %s: %w", name, err)
		}
	}
	return nil
}

// hgcm is a connection to the service of the host, by the driver vboxguest. What it
// takes is in include/uapi/linux/vboxguest.h and vbox_vmmdev_types.h of Linux.
type hgcm struct {
	fd     int
	client uint32
}

const (
	vboxDevice  = "/dev/vboxguest"
	vboxService = "VBoxGuestPropSvc"

	vboxHeader        = 24      // struct vbg_ioctl_hdr
	vboxHeaderVersion = 0x10001 // VBG_IOCTL_HDR_VERSION
	vboxCallHeader    = vboxHeader + 16
	vboxParameter     = 16  // struct vmmdev_hgcm_function_parameter64
	vboxServiceName   = 128 // struct vmmdev_hgcm_service_location_localhost
	vboxExisting      = 2   // VMMDEV_HGCM_LOC_LOCALHOST_EXISTING

	parameter32      = 1 // enum vmmdev_hgcm_function_parameter_type
	parameter64      = 2
	parameterPointer = 4

	getProperty    = 1 // VBoxGuestPropSvc.h of VirtualBox
	deleteProperty = 4

	vboxNotFound = -78 // vbox_err.h
	vboxOverflow = -41

	// maxProperty is far more than the host takes (64 KiB in new versions).
	maxProperty = 16 << 20
)

// vboxIoctl is the number of a request: _IOWR('V', number, size).
func vboxIoctl(number, size uintptr) uintptr { return 3<<30 | size<<16 | 'V'<<8 | number }

func openGuestProperties() (properties, error) {
	fd, err := unix.Open(vboxDevice, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", vboxDevice, err)
	}
	const locationSize = 4 + vboxServiceName
	request := make([]byte, vboxHeader+locationSize)
	putVboxHeader(request, vboxHeader+4)
	binary.NativeEndian.PutUint32(request[vboxHeader:], vboxExisting)
	copy(request[vboxHeader+4:], vboxService)
	if err := vboxRequest(fd, vboxIoctl(4, uintptr(len(request))), request); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("connect to %s: %w", vboxService, err)
	}
	return &hgcm{fd: fd, client: binary.NativeEndian.Uint32(request[vboxHeader:])}, nil
}

// putVboxHeader fills in the sizes of what goes in and comes out.
func putVboxHeader(request []byte, out int) {
	n := binary.NativeEndian
	n.PutUint32(request[0:], uint32(len(request)))
	n.PutUint32(request[4:], vboxHeaderVersion)
	n.PutUint32(request[16:], uint32(out))
}

// vboxError is a status of VirtualBox.
type vboxError int32

// Error shows the number: vbox_err.h lists them.
func (e vboxError) Error() string { return fmt.Sprintf("VirtualBox status %d", int32(e)) }

func vboxRequest(fd int, number uintptr, request []byte) error {
	//nolint:gosec // the driver reads and writes the request within the length that its header tells
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), number, uintptr(unsafe.Pointer(&request[0])))
	if errno != 0 {
		return errno
	}
	if rc := int32(binary.NativeEndian.Uint32(request[12:])); rc < 0 {
		return vboxError(rc)
	}
	return nil
}

// parameter is one argument of a call: a number, or a buffer that the host reads and
// writes.
type parameter struct {
	kind   uint32
	number uint64
	buffer []byte
}

// call calls a function of the service. Numbers that come out are put in place.
func (h *hgcm) call(function uint32, parameters ...*parameter) error {
	request := make([]byte, vboxCallHeader+vboxParameter*len(parameters))
	putVboxHeader(request, len(request))
	n := binary.NativeEndian
	n.PutUint32(request[vboxHeader:], h.client)
	n.PutUint32(request[vboxHeader+4:], function)
	n.PutUint32(request[vboxHeader+8:], ^uint32(0)) // no timeout
	n.PutUint16(request[vboxHeader+14:], uint16(len(parameters)))
	var pinned runtime.Pinner // the driver gets addresses as numbers
	defer pinned.Unpin()
	for i, p := range parameters {
		at := request[vboxCallHeader+i*vboxParameter:]
		n.PutUint32(at, p.kind)
		if p.kind == parameterPointer {
			pinned.Pin(&p.buffer[0])
			n.PutUint32(at[4:], uint32(len(p.buffer)))
			n.PutUint64(at[8:], uint64(uintptr(unsafe.Pointer(&p.buffer[0])))) //nolint:gosec // pinned until the call has ended
		} else {
			n.PutUint64(at[4:], p.number)
		}
	}
	err := vboxRequest(h.fd, vboxIoctl(7, uintptr(len(request))), request)
	for i, p := range parameters {
		at := request[vboxCallHeader+i*vboxParameter:]
		switch p.kind {
		case parameter32:
			p.number = uint64(n.Uint32(at[4:]))
		case parameter64:
			p.number = n.Uint64(at[4:])
		}
	}
	return err
}

func (h *hgcm) get(name string) (string, error) {
	for size := 4096; size <= maxProperty; {
		value := &parameter{kind: parameterPointer, buffer: make([]byte, size)}
		needed := &parameter{kind: parameter32}
		err := h.call(getProperty,
			&parameter{kind: parameterPointer, buffer: append([]byte(name), 0)}, value, &parameter{kind: parameter64}, needed)
		var status vboxError
		switch {
		case errors.As(err, &status) && status == vboxNotFound:
			return "", nil
		case errors.As(err, &status) && status == vboxOverflow:
			size = max(2*size, int(needed.number)) // the value may change between two calls
			continue
		case err != nil:
			return "", err
		}
		return parseProperty(value.buffer)
	}
	return "", fmt.Errorf("it has more than %d MiB", maxProperty>>20)
}

// parseProperty parses what the host gives: the value, NUL, flags, NUL.
func parseProperty(buffer []byte) (string, error) {
	value, _, ok := bytes.Cut(buffer, []byte{0})
	if !ok {
		return "", errors.New("the host has sent a value without an end")
	}
	return strings.Clone(string(value)), nil
}

func (h *hgcm) remove(name string) error {
	err := h.call(deleteProperty, &parameter{kind: parameterPointer, buffer: append([]byte(name), 0)})
	var status vboxError
	if errors.As(err, &status) && status == vboxNotFound {
		return nil
	}
	return err
}

func (h *hgcm) close() error {
	request := make([]byte, vboxHeader+4)
	putVboxHeader(request, vboxHeader)
	binary.NativeEndian.PutUint32(request[vboxHeader:], h.client)
	return errors.Join(vboxRequest(h.fd, vboxIoctl(5, uintptr(len(request))), request), unix.Close(h.fd))
}
