package sysroot

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Keep as a user or group id leaves that half of the owner as it is.
const Keep = -1

// Chown changes the owner of the entry itself, never of what it links to.
func (e Entry) Chown(uid, gid int) error {
	if uid == Keep && gid == Keep {
		return nil
	}
	err := ignoringEINTR(func() error { return unix.Fchownat(e.dir.fd, e.base, uid, gid, unix.AT_SYMLINK_NOFOLLOW) })
	if err != nil {
		return fmt.Errorf("change owner of %s to %d:%d: %w", e.Path(), uid, gid, err)
	}
	return nil
}

// Chmod sets the twelve permission bits of a regular file or a directory. It comes
// after Chown, which clears the special ones.
func (e Entry) Chmod(mode uint32) error {
	fd, err := openAt(e.dir.fd, e.base, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", e.Path(), err)
	}
	defer unix.Close(fd) // read only
	if err := ignoringEINTR(func() error { return unix.Fchmod(fd, mode) }); err != nil {
		return fmt.Errorf("change mode of %s to %04o: %w", e.Path(), mode, err)
	}
	return nil
}

func (e Entry) setOwnerAndMode(mode uint32, uid, gid int) error {
	if err := e.Chown(uid, gid); err != nil {
		return err
	}
	return e.Chmod(mode)
}

// Remove removes the entry with all below it, without following links. An entry
// that is not there is fine.
func (e Entry) Remove() error {
	if e.base == "." {
		return fmt.Errorf("remove %s: %w", e.Path(), unix.EBUSY)
	}
	e.root.Forget(e.Path())
	return removeAt(e.dir.fd, e.base, e.Path())
}

func removeAt(dir int, name, shown string) error {
	err := ignoringEINTR(func() error { return unix.Unlinkat(dir, name, 0) })
	switch {
	case err == nil, errors.Is(err, unix.ENOENT):
		return nil
	case !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.EPERM): // EPERM: POSIX, for a directory
		return fmt.Errorf("remove %s: %w", shown, err)
	}
	if err := emptyAt(dir, name, shown); err != nil {
		return err
	}
	err = ignoringEINTR(func() error { return unix.Unlinkat(dir, name, unix.AT_REMOVEDIR) })
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("remove %s: %w", shown, err)
	}
	return nil
}

// emptyAt removes all below a directory.
func emptyAt(dir int, name, shown string) error {
	sub := Entry{dir: &directory{path: shown, fd: dir}, base: name}
	f, err := sub.openDirectory()
	if err != nil {
		return err
	}
	defer f.Close() // read only
	names, err := f.Readdirnames(-1)
	if err != nil {
		return fmt.Errorf("read directory %s: %w", shown, err)
	}
	for _, n := range names {
		if err := removeAt(int(f.Fd()), n, shown+"/"+n); err != nil {
			return err
		}
	}
	return nil
}
