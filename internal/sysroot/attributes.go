package sysroot

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// maxAttribute bounds names and values of extended attributes: xattr(7).
const maxAttribute = 64 << 10

// CopyAttributes gives a prepared file the extended attributes of the entry that it
// replaces: labels, access lists, capabilities. A file system without attributes
// has none.
func (s *Staged) CopyAttributes(from Entry) error {
	f, err := from.Open()
	if err != nil {
		return err
	}
	defer f.Close() // read only
	fd := int(f.Fd())
	names := make([]byte, maxAttribute)
	n, err := unix.Flistxattr(fd, names)
	if errors.Is(err, unix.ENOTSUP) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read attributes of %s: %w", from.Path(), err)
	}
	value := make([]byte, maxAttribute)
	for name := range strings.SplitSeq(strings.TrimRight(string(names[:n]), "\x00"), "\x00") {
		if name == "" {
			continue
		}
		size, err := unix.Fgetxattr(fd, name, value)
		if err == nil {
			err = unix.Fsetxattr(s.fd, name, value[:size], 0)
		}
		if err != nil {
			return fmt.Errorf("copy attribute %s of %s: %w", name, from.Path(), err)
		}
	}
	return nil
}

// HasAttribute returns an error unless the entry itself, not what it links to, has an
// extended attribute: unix.ENODATA if it has none of that name, unix.ENOTSUP on a file
// system without attributes, unix.ENOENT if there is no entry.
func (r *Root) HasAttribute(entry, attribute string) error {
	e, err := r.Entry(entry)
	if err != nil {
		return err
	}
	defer e.Close()
	// links have attributes too, and cannot be opened
	at := fmt.Sprintf("/proc/self/fd/%d/%s", e.dir.fd, e.base)
	err = ignoringEINTR(func() error { _, err := unix.Lgetxattr(at, attribute, nil); return err })
	if err != nil {
		return fmt.Errorf("read attribute %s of %s: %w", attribute, entry, err)
	}
	return nil
}
