package sysroot

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// Kind is what an entry is.
type Kind uint8

// The kinds of entries. Absent is the zero value.
const (
	Absent Kind = iota
	Regular
	Directory
	Symlink
	Special // a device, a FIFO or a socket
)

// String names the kind with its article, as messages do.
func (k Kind) String() string {
	return [...]string{"nothing", "a regular file", "a directory", "a symbolic link", "a special file"}[k]
}

// Info is what an entry is and whose. The zero Info is an entry that is not there.
type Info struct {
	Kind Kind
	// Mode are the twelve permission bits.
	Mode     uint32
	UID, GID int
	// Size in bytes.
	Size     int64
	Dev, Ino uint64
}

// SameFile reports whether two entries are one file.
func (i Info) SameFile(o Info) bool {
	return i.Kind != Absent && i.Kind == o.Kind && i.Dev == o.Dev && i.Ino == o.Ino
}

// Entry is a name in an open directory of the root. Close releases the directory.
// What it names is never followed when it is a link.
type Entry struct {
	root *Root
	dir  *directory
	base string
}

// Entry opens the directory of a name. The error is unix.ENOENT when that does not
// exist; the entry itself need not exist.
func (r *Root) Entry(name string) (Entry, error) {
	dir, base := split(name)
	d, missing, err := r.walk(dir)
	if err != nil {
		return Entry{}, fmt.Errorf("find %s: %w", name, err)
	}
	if len(missing) > 0 {
		r.release(d)
		return Entry{}, fmt.Errorf("find %s: %w", name, unix.ENOENT)
	}
	return Entry{root: r, dir: d, base: base}, nil
}

// MakeEntry is Entry, and makes the directories on the way that are missing: of mode
// 0755 less the umask, and root's.
func (r *Root) MakeEntry(name string) (Entry, error) {
	dir, base := split(name)
	for {
		d, missing, err := r.walk(dir)
		if err != nil {
			return Entry{}, fmt.Errorf("make directory of %s: %w", name, err)
		}
		if len(missing) == 0 {
			return Entry{root: r, dir: d, base: base}, nil
		}
		err = ignoringEINTR(func() error { return unix.Mkdirat(d.fd, missing[0], 0o755) })
		next := path.Join(d.path, missing[0])
		r.appeared(next)
		r.release(d)
		// someone else may have made it meanwhile
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return Entry{}, fmt.Errorf("make directory %s: %w", next, err)
		}
	}
}

// Close releases the entry.
func (e Entry) Close() { e.root.release(e.dir) }

// Path is the resolved path of the entry.
func (e Entry) Path() string { return path.Join(e.dir.path, e.base) }

// Lstat looks at the entry. An entry that is not there gives the zero Info and no
// error.
func (e Entry) Lstat() (Info, error) {
	var st unix.Stat_t
	err := ignoringEINTR(func() error { return unix.Fstatat(e.dir.fd, e.base, &st, unix.AT_SYMLINK_NOFOLLOW) })
	if errors.Is(err, unix.ENOENT) {
		return Info{}, nil
	}
	if err != nil {
		return Info{}, fmt.Errorf("look at %s: %w", e.Path(), err)
	}
	return infoOf(&st), nil
}

func infoOf(st *unix.Stat_t) Info {
	i := Info{
		Kind: Special, Mode: st.Mode & 0o7777, UID: int(st.Uid), GID: int(st.Gid),
		Size: st.Size, Dev: uint64(st.Dev), Ino: st.Ino,
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		i.Kind = Regular
	case unix.S_IFDIR:
		i.Kind = Directory
	case unix.S_IFLNK:
		i.Kind = Symlink
	}
	return i
}

// Readlink returns the target of a symbolic link, as it is stored. The error is
// unix.EINVAL for what is none.
func (e Entry) Readlink() (string, error) {
	target, err := readlinkAt(e.dir.fd, e.base)
	if err != nil {
		return "", fmt.Errorf("read link %s: %w", e.Path(), err)
	}
	return target, nil
}

// Open opens a regular file for reading.
func (e Entry) Open() (*os.File, error) {
	// without O_NONBLOCK, opening a FIFO waits for a writer
	fd, err := openAt(e.dir.fd, e.base, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", e.Path(), err)
	}
	return os.NewFile(uintptr(fd), e.Path()), nil
}

// Names returns the names in a directory, in no order.
func (e Entry) Names() ([]string, error) {
	f, err := e.openDirectory()
	if err != nil {
		return nil, err
	}
	defer f.Close() // read only
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("read directory %s: %w", e.Path(), err)
	}
	return names, nil
}

func (e Entry) openDirectory() (*os.File, error) {
	fd, err := openAt(e.dir.fd, e.base, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, fmt.Errorf("open directory %s: %w", e.Path(), err)
	}
	return os.NewFile(uintptr(fd), e.Path()), nil
}

// IsReadOnly reports whether the file system that the entry is or would be on takes
// no changes.
func (e Entry) IsReadOnly() (bool, error) {
	var st unix.Statfs_t
	fd, err := openAt(e.dir.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return false, fmt.Errorf("open directory %s: %w", e.dir.path, err)
	}
	defer unix.Close(fd) // read only
	if err := ignoringEINTR(func() error { return unix.Fstatfs(fd, &st) }); err != nil {
		return false, fmt.Errorf("look at the file system of %s: %w", e.Path(), err)
	}
	return st.Flags&unix.ST_RDONLY != 0, nil
}

// ReadFile reads a whole regular file of at most limit bytes, following links
// within the root: for the small files that the system itself keeps. The error is
// unix.ENOENT when there is none.
func (r *Root) ReadFile(name string, limit int64) ([]byte, error) {
	resolved, err := r.Follow(name)
	if err != nil {
		return nil, err
	}
	e, err := r.Entry(resolved)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	f, err := e.Open()
	if err != nil {
		return nil, err
	}
	defer f.Close() // read only
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", name, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read %s: it is not a regular file", name)
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("read %s: it has more than %d bytes", name, limit)
	}
	return data, nil
}

// Lstat looks at an entry by name. What is not there, also for lack of a directory,
// gives the zero Info and no error.
func (r *Root) Lstat(name string) (Info, error) {
	dir, base := split(name)
	d, missing, err := r.walk(dir)
	if err != nil {
		return Info{}, fmt.Errorf("find %s: %w", name, err)
	}
	defer r.release(d)
	if len(missing) > 0 {
		return Info{}, nil
	}
	return Entry{root: r, dir: d, base: base}.Lstat()
}

func ignoringEINTR(call func() error) error {
	_, err := retry(func() (struct{}, error) { return struct{}{}, call() })
	return err
}
