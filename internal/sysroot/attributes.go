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
