// Package consoles talks to whoever looks at the consoles of a machine: Show writes a
// text on all of them, Progress the course of a provisioning.
//
// A console may be slow, stopped, or gone. None of that holds up anything: what does
// not fit into the buffer of a console is dropped.
package consoles

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Paths of the kernel. The first lists the consoles that it writes to:
// Documentation/ABI/testing/sysfs-tty. The second is a file of the initramfs alone.
const (
	activePath    = "/sys/class/tty/console/active"
	initrdRelease = "/etc/initrd-release"
)

// Find returns the consoles in use; none outside of an initramfs, where they belong to
// others.
func Find() []string {
	_, dracut := os.Stat(initrdRelease)
	_, tools := os.Stat("/scripts/init-premount") // initramfs-tools(7)
	if dracut != nil && tools != nil {
		return nil
	}
	return Active()
}

// Active returns the consoles in use, wherever this runs.
func Active() []string {
	data, err := os.ReadFile(activePath)
	if err != nil {
		return nil
	}
	var out []string
	for _, name := range strings.Fields(string(data)) {
		out = append(out, filepath.Join("/dev", name))
	}
	return out
}

// tty is an open console. What it cannot take at once is dropped.
type tty struct{ fd int }

// open opens a console without becoming its session, and without waiting for a carrier.
func open(path string) (*tty, error) {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_APPEND, 0)
	if err != nil {
		return nil, err
	}
	return &tty{fd}, nil
}

// write writes until the deadline; it returns false when something was dropped.
func (t *tty) write(text []byte, deadline time.Time) bool {
	for len(text) > 0 {
		n, err := unix.Write(t.fd, text)
		if n > 0 {
			text = text[n:]
		}
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			left := time.Until(deadline).Milliseconds()
			if left <= 0 {
				return false
			}
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(t.fd), Events: unix.POLLOUT}}, int(min(left, 100)))
		case err != nil:
			return false
		}
	}
	return true
}

// close ends the use of a console. A serial line that is stopped would hold that up for
// half a minute, until it has sent everything (closing_wait, tty_ioctl(4)): so what is
// left after the deadline is dropped.
func (t *tty) close(deadline time.Time) {
	for {
		left, err := unix.IoctlGetInt(t.fd, unix.TIOCOUTQ)
		if err != nil || left == 0 {
			break
		}
		if !time.Now().Before(deadline) {
			_ = unix.IoctlSetInt(t.fd, unix.TCFLSH, unix.TCOFLUSH) // else closing takes longer
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	_ = unix.Close(t.fd)
}

// showLimit is how long Show stays with a console: 24 lines take two seconds at 9600 baud.
const showLimit = 10 * time.Second

// Show writes a text on consoles, on all at the same time, and waits until it is shown,
// for ten seconds at most. It returns the number of those that took all of it.
func Show(consoles []string, text string) int {
	done := make(chan bool)
	deadline := time.Now().Add(showLimit)
	for _, path := range consoles {
		go func() {
			t, err := open(path)
			if err != nil {
				done <- false
				return
			}
			ok := t.write(bytes.ReplaceAll([]byte(text), []byte("\n"), []byte("\r\n")), deadline)
			t.close(deadline)
			done <- ok
		}()
	}
	n := 0
	for range consoles {
		if <-done {
			n++
		}
	}
	return n
}
