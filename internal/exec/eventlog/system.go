package eventlog

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// identifier is the name under which the log is found: journalctl -t ignition.
const identifier = "ignition"

// The sockets of the system log and of the journal: systemd-journald.service(8).
const (
	syslogSocket  = "/dev/log"
	journalSocket = "/run/systemd/journal/socket"
)

// NewSystem returns a log that writes to the system log; to w, and says so, if there
// is none. Records with fields go to the journal.
func NewSystem(w io.Writer) *Log {
	l := New(w)
	l.journal = openJournal()
	fd, err := connect(syslogSocket)
	if err != nil {
		l.Printf(Error, "unable to open syslog: %v", err)
		return l
	}
	var datagram []byte
	sender := fmt.Sprintf(">%s[%d]: ", identifier, os.Getpid())
	l.write = func(s Severity, line []byte) {
		// facility kern is 0: syslog(3)
		datagram = strconv.AppendInt(append(datagram[:0], '<'), int64(s), 10)
		datagram = append(append(datagram, sender...), line...)
		_ = unix.Sendto(fd, datagram, unix.MSG_NOSIGNAL, nil)
	}
	return l
}

// NewStdout returns a log that writes to w. Records with fields go to the journal.
func NewStdout(w io.Writer) *Log {
	l := New(w)
	l.journal = openJournal()
	return l
}

func connect(socket string) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("make socket: %w", err)
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: socket}); err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("connect to %s: %w", socket, err)
	}
	return fd, nil
}

// journal is a connection to the journal; nil if there is none.
type journal struct{ fd int }

func openJournal() *journal {
	fd, err := connect(journalSocket)
	if err != nil {
		return nil
	}
	return &journal{fd}
}

func (j *journal) close() {
	if j != nil {
		_ = unix.Close(j.fd)
	}
}

// send writes a record: systemd's "Native Journal Protocol". A record that does not
// arrive is no reason to fail.
func (j *journal) send(s Severity, text string, fields map[string]string) {
	if j == nil {
		return
	}
	all := map[string]string{"MESSAGE": text, "PRIORITY": fmt.Sprint(int(s)), "SYSLOG_IDENTIFIER": identifier}
	for k, v := range fields {
		all[k] = v
	}
	keys := make([]string, 0, len(all))
	for k := range all {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	var b []byte
	for _, k := range keys {
		v := all[k]
		if !strings.Contains(v, "\n") {
			b = append(b, k+"="+v+"\n"...)
			continue
		}
		b = append(b, k+"\n"...)
		b = binary.LittleEndian.AppendUint64(b, uint64(len(v)))
		b = append(b, v+"\n"...)
	}
	_ = unix.Sendto(j.fd, b, unix.MSG_NOSIGNAL, nil)
}
