// Package sysroot is every path below the target root: Open gives a Root, whose
// entries are read and changed through directory descriptors.
//
// A name is taken as the machine will see it once the root is its own: absolute
// links start again at the root, and ".." at the top stays there. Every component
// is opened by itself without following links, so no chain of links, however long
// or changing, leads outside; that is why there is no need for openat2(2), which
// does the same in one call but tells nobody where it ended up (docs/adr/0010).
//
// The package never calls fsync; Root.Sync makes everything durable at once. It
// needs no privileges by itself, only those of the calls it makes. Its methods may
// be called from several goroutines. It does not promise to survive another
// program that moves directories of the root while it works, except that it stays
// inside them.
package sysroot

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// maxLinks is how many links one name may lead over: linux/namei.h, MAXSYMLINKS.
const maxLinks = 40

// maxOpen is how many directories stay open without being in use: as many as a config
// with thousands of files has, but a quarter of what the process may have open.
func maxOpen() int {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return 128
	}
	return int(min(limit.Cur/4, 4096)) // at most 4096
}

// Errors that callers tell apart.
var (
	// ErrLoop reports a name that leads over more than 40 links.
	ErrLoop = errors.New("more than 40 symbolic links on the way; they probably lead in a circle")
	// ErrNotDirectory reports a name with something below what is no directory.
	ErrNotDirectory = errors.New("not a directory")
)

// Root is a target root. Close releases its descriptors.
type Root struct {
	name string
	top  *directory

	maxOpen int

	mu   sync.Mutex
	dirs map[string]*directory // by resolved path; all but the top
	// absent are resolved paths at which nothing was when a walk passed there. Whoever
	// puts something at a path takes it out again.
	absent map[string]bool
	// lost is where walks to names of directories have ended that are not there. It is
	// empty after anything has appeared that may be on the way.
	lost map[string]lost
}

// lost is the end of a walk: the last directory there is, by resolved path, and the
// components after it.
type lost struct {
	at      string
	missing []string
}

// directory is an open directory. The ones nobody uses stay open, up to maxOpen.
type directory struct {
	path string // resolved: no links, no dots
	fd   int    // O_PATH
	refs int
	gone bool // no longer in the map: closed by its last user
}

// Open opens the directory that is the target root. It is the only place where
// links outside the root are followed: those in dir itself.
func Open(dir string) (*Root, error) {
	name, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open root %s: %w", dir, err)
	}
	fd, err := retry(func() (int, error) {
		return unix.Open(name, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, fmt.Errorf("open root %s: %w", name, err)
	}
	return &Root{
		name:    name,
		top:     &directory{path: "/", fd: fd, refs: 1},
		maxOpen: maxOpen(),
		dirs:    map[string]*directory{},
		absent:  map[string]bool{},
		lost:    map[string]lost{},
	}, nil
}

// Close releases all descriptors. Entries still open must not be used any more.
func (r *Root) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for p, d := range r.dirs {
		delete(r.dirs, p)
		d.gone = true
		if d.refs == 0 {
			_ = unix.Close(d.fd) // opened with O_PATH: nothing can be lost
		}
	}
	if err := unix.Close(r.top.fd); err != nil {
		return fmt.Errorf("close root %s: %w", r.name, err)
	}
	return nil
}

// Name is the absolute path of the root outside of it, for people and for tools
// with an option --root.
func (r *Root) Name() string { return r.name }

// Outside returns the path of an entry as it is seen outside the root, for people.
func (r *Root) Outside(name string) string {
	if !path.IsAbs(name) {
		name = "/" + name
	}
	switch name = path.Clean(name); {
	case r.name == "/":
		return name
	case name == "/":
		return r.name
	}
	return r.name + name
}

// Resolve returns the name with the links on the way replaced by where they lead.
// The last component is not followed. Components that do not exist stay as they are.
func (r *Root) Resolve(name string) (string, error) {
	dir, base := split(name)
	d, missing, err := r.walk(dir)
	if err != nil {
		return "", fmt.Errorf("resolve %s: %w", name, err)
	}
	defer r.release(d)
	return path.Join(d.path, strings.Join(missing, "/"), base), nil
}

// Follow is Resolve, with the last component followed too.
func (r *Root) Follow(name string) (string, error) {
	for range maxLinks {
		resolved, err := r.Resolve(name)
		if err != nil {
			return "", err
		}
		e, err := r.Entry(resolved)
		if errors.Is(err, unix.ENOENT) {
			return resolved, nil
		}
		if err != nil {
			return "", err
		}
		target, err := e.Readlink()
		e.Close()
		switch {
		case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOENT): // no link, or nothing
			return resolved, nil
		case err != nil:
			return "", err
		case path.IsAbs(target):
			name = target
		default: // not cleaned: what ".." means depends on the links before it
			name = path.Dir(resolved) + "/" + target
		}
	}
	return "", fmt.Errorf("resolve %s: %w", name, ErrLoop)
}

// Forget makes everything at and below a path be looked at anew, because a program was
// started that may have changed directories there.
func (r *Root) Forget(below string) {
	below = path.Clean("/" + below)
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.absent)
	clear(r.lost)
	for p, d := range r.dirs {
		if !IsBelow(p, below) && p != below {
			continue
		}
		delete(r.dirs, p)
		d.gone = true
		if d.refs == 0 {
			_ = unix.Close(d.fd)
		}
	}
}

// appeared tells that there is now something at a resolved path.
func (r *Root) appeared(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.absent, name)
	clear(r.lost)
}

// Sync makes everything written to the file system of the root durable. Other file
// systems mounted below it have to be named by a directory on each.
func (r *Root) Sync(mounts ...string) error {
	for _, name := range append([]string{"/"}, mounts...) {
		if err := r.syncOne(name); err != nil {
			return fmt.Errorf("sync file system of %s: %w", r.Outside(name), err)
		}
	}
	return nil
}

func (r *Root) syncOne(name string) error {
	d, missing, err := r.walk(name)
	if err != nil {
		return err
	}
	defer r.release(d)
	if len(missing) > 0 {
		return unix.ENOENT
	}
	fd, err := openAt(d.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd) // read only
	return unix.Syncfs(fd)
}

// IsBelow reports whether a cleaned absolute path lies below another.
func IsBelow(name, dir string) bool {
	if dir == "/" {
		return name != "/"
	}
	return len(name) > len(dir) && name[len(dir)] == '/' && name[:len(dir)] == dir
}

// split returns the directory of a name and its last component, which is "." for
// the root itself.
func split(name string) (dir, base string) {
	name = strings.TrimRight(name, "/")
	i := strings.LastIndexByte(name, '/')
	dir, base = name[:i+1], name[i+1:]
	switch base {
	case "":
		return "/", "."
	case ".", "..": // the directory it leads to, not a name in it
		return name, "."
	}
	if dir == "" {
		dir = "/"
	}
	return dir, base
}

// retry repeats a call that a signal interrupted: Go's runtime sends signals of
// its own.
func retry[T any](call func() (T, error)) (T, error) {
	for {
		v, err := call()
		if !errors.Is(err, unix.EINTR) {
			return v, err
		}
	}
}

func openAt(dir int, name string, flags int, mode uint32) (int, error) {
	return retry(func() (int, error) { return unix.Openat(dir, name, flags|unix.O_CLOEXEC, mode) })
}
