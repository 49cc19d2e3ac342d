package providers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// appleHost is the host of a machine on macOS: it answers HTTP on a vsock, as podman
// machine and vfkit serve it.
type appleHost struct{}

// From vm_sockets(7), and the agreement between vfkit and guests.
const (
	vsockPort  = 1024
	vsockTries = 10
)

func (*appleHost) places() []string { return []string{"vsock of the host, port 1024"} }
func (*appleHost) needsNet() bool   { return false }

// read asks the host. A refused connection is tried again for some seconds: nothing
// tells that the host is ready.
func (*appleHost) read(ctx context.Context, env *Env) (c Config, err error) {
	if env.DialVsock == nil {
		if err := env.module(ctx, "vsock", "devices/virtual/misc/vsock"); err != nil {
			return Config{}, err
		}
	}
	tries := 0
	err = env.poll(ctx, "the host on vsock port 1024", time.Second/2, func() (bool, error) {
		var data []byte
		data, err := askHost(ctx, env)
		if tries++; errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.ECONNRESET) {
			if tries < vsockTries {
				return false, nil
			}
		}
		if err == nil {
			c, err = Unpack(data, "vsock of the host, port 1024")
		}
		return true, err
	})
	if err != nil && !errors.Is(err, ErrNoConfig) {
		err = fmt.Errorf("ask the host on vsock port %d: %w", vsockPort, err)
	}
	return c, err
}

func askHost(ctx context.Context, env *Env) (data []byte, err error) {
	dial := env.DialVsock
	if dial == nil {
		dial = dialVsock
	}
	conn, err := dial(ctx, vsockPort)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }() // everything was read
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://host/", nil)
	if err != nil {
		return nil, err
	}
	req.Header = header("Accept", "application/json", "Connection", "close")
	if err := req.Write(conn); err != nil {
		return nil, err
	}
	r, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		return nil, err
	}
	data, err = readLimited(r.Body)
	if err = errors.Join(err, r.Body.Close()); err != nil {
		return nil, err
	}
	if r.StatusCode >= http.StatusBadRequest && r.StatusCode != http.StatusNotFound {
		return nil, fmt.Errorf("status %s", r.Status)
	}
	if r.StatusCode == http.StatusNotFound {
		env.warn("the host answers with status 404 on vsock port %d: the machine boots without a user config", vsockPort)
		return nil, nil
	}
	return data, nil
}

// dialVsock connects to the host.
func dialVsock(_ context.Context, port uint32) (io.ReadWriteCloser, error) {
	fd, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make vsock: %w", err)
	}
	if err := unix.Connect(fd, &unix.SockaddrVM{CID: unix.VMADDR_CID_HOST, Port: port}); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("connect: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("make vsock: %w", err)
	}
	return os.NewFile(uintptr(fd), "vsock"), nil
}
