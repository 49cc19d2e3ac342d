package sysroot

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Staged is a new file, link or name that takes its place in one step: Commit. Until
// then it stands in the same directory under a name of its own, readable by root
// only. After an interruption the next run finds that name again and starts over,
// so nothing is left behind. Discard after Commit does nothing.
type Staged struct {
	entry Entry
	temp  string
	fd    int // -1 for what is no file, and after it was closed
	size  int64
	file  bool // a regular file
	link  bool // a hard link
	done  bool
}

// stagedName is the name under which an entry is prepared: always the same for one
// entry, and short enough for every file system.
func (e Entry) stagedName() string {
	h := fnv.New64a()
	_, _ = io.WriteString(h, e.base) // never fails
	return ".ignition-" + strconv.FormatUint(h.Sum64(), 16)
}

// LeftOver reports whether an interrupted run left a prepared entry behind.
func (e Entry) LeftOver() (bool, error) {
	info, err := (&Staged{entry: e, temp: e.stagedName()}).prepared().Lstat()
	return info.Kind != Absent, err
}

// RemoveLeftOver removes what an interrupted run has prepared.
func (e Entry) RemoveLeftOver() error {
	name := e.stagedName()
	return removeAt(e.dir.fd, name, e.dir.path+"/"+name)
}

// stage makes something under the temporary name, once more if a former run has
// left that behind.
func (e Entry) stage(what string, call func(temp string) error) (*Staged, error) {
	if e.base == "." {
		return nil, fmt.Errorf("replace %s: %w", e.Path(), unix.EBUSY)
	}
	s := &Staged{entry: e, temp: e.stagedName(), fd: -1}
	err := ignoringEINTR(func() error { return call(s.temp) })
	if errors.Is(err, unix.EEXIST) {
		if err := e.RemoveLeftOver(); err != nil {
			return nil, err
		}
		err = ignoringEINTR(func() error { return call(s.temp) })
	}
	if err != nil {
		return nil, fmt.Errorf("make %s %s: %w", what, e.Path(), err)
	}
	return s, nil
}

// StageFile prepares a regular file, empty and of mode 0600.
func (e Entry) StageFile() (*Staged, error) {
	fd := -1
	s, err := e.stage("file", func(temp string) (err error) {
		fd, err = unix.Openat(e.dir.fd, temp, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.fd, s.file = fd, true
	return s, nil
}

// StageSymlink prepares a symbolic link.
func (e Entry) StageSymlink(target string) (*Staged, error) {
	return e.stage("link", func(temp string) error { return unix.Symlinkat(target, e.dir.fd, temp) })
}

// StageLink prepares a further name for what another entry names. A symbolic link
// is not followed.
func (e Entry) StageLink(to Entry) (*Staged, error) {
	s, err := e.stage("hard link", func(temp string) error { return unix.Linkat(to.dir.fd, to.base, e.dir.fd, temp, 0) })
	if err == nil {
		s.link = true
	}
	return s, err
}

// StageDirectory prepares an empty directory with the given permission bits and
// owner; Keep leaves the owner that new entries get.
func (e Entry) StageDirectory(mode uint32, uid, gid int) (*Staged, error) {
	s, err := e.stage("directory", func(temp string) error { return unix.Mkdirat(e.dir.fd, temp, 0o700) })
	if err != nil {
		return nil, err
	}
	if err := s.prepared().setOwnerAndMode(mode, uid, gid); err != nil {
		return nil, errors.Join(err, s.Discard())
	}
	return s, nil
}

// prepared is the entry under its temporary name.
func (s *Staged) prepared() Entry { return Entry{root: s.entry.root, dir: s.entry.dir, base: s.temp} }

// Write appends to a prepared file.
func (s *Staged) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		n, err := retry(func() (int, error) { return unix.Write(s.fd, p[written:]) })
		if err != nil {
			return written, fmt.Errorf("write %s: %w", s.entry.Path(), err)
		}
		written += n
		s.size += int64(n)
	}
	return written, nil
}

// Size is the number of bytes written.
func (s *Staged) Size() int64 { return s.size }

// Free is the number of bytes that are free on the file system of a prepared file, for
// whoever runs the program.
func (s *Staged) Free() (int64, error) {
	var st unix.Statfs_t
	if err := ignoringEINTR(func() error { return unix.Fstatfs(s.fd, &st) }); err != nil {
		return 0, fmt.Errorf("look at the file system of %s: %w", s.entry.Path(), err)
	}
	if st.Blocks == 0 { // ramfs has no limit
		return math.MaxInt64, nil
	}
	free := st.Bavail
	if os.Geteuid() == 0 {
		free = st.Bfree
	}
	size := uint64(st.Bsize) // its type differs between architectures
	return int64(min(free, math.MaxInt64/size) * size), nil
}

// Chown sets the owner, Chmod the mode; in this order. For a prepared file both are
// given before Commit, so that it never stands in its place with others.
func (s *Staged) Chown(uid, gid int) error {
	if s.fd < 0 {
		return s.prepared().Chown(uid, gid)
	}
	if uid == Keep && gid == Keep {
		return nil
	}
	if err := ignoringEINTR(func() error { return unix.Fchown(s.fd, uid, gid) }); err != nil {
		return fmt.Errorf("change owner of %s to %d:%d: %w", s.entry.Path(), uid, gid, err)
	}
	return nil
}

// Chmod sets the twelve permission bits of a prepared file.
func (s *Staged) Chmod(mode uint32) error {
	if err := ignoringEINTR(func() error { return unix.Fchmod(s.fd, mode) }); err != nil {
		return fmt.Errorf("change mode of %s to %04o: %w", s.entry.Path(), mode, err)
	}
	return nil
}

// Commit puts the entry in its place. With replace it takes the place of whatever
// is there, otherwise that is an error, unix.EEXIST, and nothing changes.
func (s *Staged) Commit(replace bool) error {
	if err := s.close(); err != nil {
		return err
	}
	if !s.file || replace { // a new file is never on the way to something
		defer s.entry.root.appeared(s.entry.Path())
	}
	dir, base := s.entry.dir.fd, s.entry.base
	flags := uint(unix.RENAME_NOREPLACE)
	if replace {
		flags = 0
	}
	err := ignoringEINTR(func() error { return unix.Renameat2(dir, s.temp, dir, base, flags) })
	switch {
	case err == nil:
		s.done = true
		if s.link { // rename(2) between two names of one file does nothing
			return s.entry.RemoveLeftOver()
		}
		return nil
	case !replace && errors.Is(err, unix.EINVAL): // a file system without RENAME_NOREPLACE
		err = s.renameIfAbsent()
	case replace && errors.Is(err, unix.EISDIR):
		return s.swap()
	}
	if err != nil {
		return fmt.Errorf("put %s in place: %w", s.entry.Path(), err)
	}
	s.done = true
	return nil
}

func (s *Staged) renameIfAbsent() error {
	info, err := s.entry.Lstat()
	if err != nil {
		return err
	}
	if info.Kind != Absent {
		return unix.EEXIST
	}
	dir := s.entry.dir.fd
	return ignoringEINTR(func() error { return unix.Renameat(dir, s.temp, dir, s.entry.base) })
}

// swap takes the place of a directory: both change names in one step, then the
// directory is removed. A file system that cannot do that loses the directory first.
func (s *Staged) swap() error {
	dir, base := s.entry.dir.fd, s.entry.base
	s.entry.root.Forget(s.entry.Path())
	err := ignoringEINTR(func() error { return unix.Renameat2(dir, s.temp, dir, base, unix.RENAME_EXCHANGE) })
	if errors.Is(err, unix.EINVAL) {
		if err := s.entry.Remove(); err != nil {
			return err
		}
		err = ignoringEINTR(func() error { return unix.Renameat(dir, s.temp, dir, base) })
	}
	if err != nil {
		return fmt.Errorf("put %s in place: %w", s.entry.Path(), err)
	}
	s.done = true
	return s.entry.RemoveLeftOver()
}

func (s *Staged) close() error {
	if s.fd < 0 {
		return nil
	}
	fd := s.fd
	s.fd = -1
	if err := unix.Close(fd); err != nil {
		return fmt.Errorf("close %s: %w", s.entry.Path(), err)
	}
	return nil
}

// Discard removes what was prepared and not committed.
func (s *Staged) Discard() error {
	if s.done {
		return nil
	}
	s.done = true
	return errors.Join(s.close(), s.entry.RemoveLeftOver())
}

// PutFile makes a file with the given content in one step. With replace it takes the
// place of whatever is there, otherwise that is an error, unix.EEXIST. finish gives it
// its owner and mode before.
func (e Entry) PutFile(data []byte, replace bool, finish func(s *Staged) error) (err error) {
	s, err := e.StageFile()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Discard()) }()
	if _, err := s.Write(data); err != nil {
		return err
	}
	if err := finish(s); err != nil {
		return err
	}
	return s.Commit(replace)
}
