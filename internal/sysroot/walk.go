package sysroot

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// walk follows a name of a directory. It returns the last directory on the way
// that exists, to be released, and the components after it that do not.
func (r *Root) walk(name string) (d *directory, missing []string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name = strings.TrimRight(name, "/")
	d, missing = r.dirs[name], nil // it may be the path of a directory that is open
	if l, known := r.lost[name]; known {
		if d, missing = r.dirs[l.at], l.missing; l.at == "/" {
			d = r.top
		}
	}
	if d != nil {
		d.refs++
		return d, missing, nil
	}
	w := walker{root: r, at: r.top, todo: components(name)}
	w.at.refs++
	for len(w.todo) > 0 {
		if err := w.step(); err != nil {
			r.releaseLocked(w.at)
			return nil, nil, err
		}
	}
	if len(w.missing) > 0 {
		r.lost[name] = lost{w.at.path, w.missing}
	}
	return w.at, w.missing, nil
}

// walker is one walk.
type walker struct {
	root    *Root
	at      *directory
	todo    []string // components, the next one first
	missing []string // components after at that do not exist
	links   int
}

func components(name string) []string {
	return strings.FieldsFunc(name, func(c rune) bool { return c == '/' })
}

// step takes one component.
func (w *walker) step() error {
	c := w.todo[0]
	w.todo = w.todo[1:]
	switch {
	case c == ".":
		return nil
	case c == ".." && len(w.missing) > 0:
		w.missing = w.missing[:len(w.missing)-1]
		return nil
	case c == "..":
		return w.up()
	case len(w.missing) > 0:
		w.missing = append(w.missing, c)
		return nil
	}
	child := path.Join(w.at.path, c)
	if d := w.root.dirs[child]; d != nil {
		w.enter(d)
		return nil
	}
	if w.root.absent[child] {
		w.missing = append(w.missing, c)
		return nil
	}
	fd, err := openAt(w.at.fd, c, unix.O_PATH|unix.O_NOFOLLOW|unix.O_DIRECTORY, 0)
	switch {
	case err == nil:
		d := &directory{path: child, fd: fd}
		w.root.dirs[child] = d
		w.enter(d)
		return nil
	case errors.Is(err, unix.ENOENT):
		w.root.absent[child] = true
		w.missing = append(w.missing, c)
		return nil
	case errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		return w.follow(c, child)
	}
	return fmt.Errorf("open directory %s: %w", child, err)
}

// enter makes a directory the current one.
func (w *walker) enter(d *directory) {
	d.refs++
	w.root.releaseLocked(w.at)
	w.at = d
}

// up goes to the parent, by its path: a directory that was moved meanwhile may
// have a parent outside the root.
func (w *walker) up() error {
	w.todo = append(components(path.Dir(w.at.path)), w.todo...)
	w.enter(w.root.top)
	return nil
}

// follow goes where the link at a component leads.
func (w *walker) follow(c, child string) error {
	target, err := readlinkAt(w.at.fd, c)
	switch {
	case errors.Is(err, unix.EINVAL):
		return fmt.Errorf("%s: %w", child, ErrNotDirectory)
	case err != nil:
		return fmt.Errorf("read link %s: %w", child, err)
	}
	if w.links++; w.links > maxLinks {
		return ErrLoop
	}
	if path.IsAbs(target) {
		w.enter(w.root.top)
	}
	w.todo = append(components(target), w.todo...)
	return nil
}

// release ends the use of a directory.
func (r *Root) release(d *directory) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.releaseLocked(d)
}

func (r *Root) releaseLocked(d *directory) {
	d.refs--
	if d.refs > 0 || d == r.top {
		return
	}
	if d.gone {
		_ = unix.Close(d.fd) // opened with O_PATH: nothing can be lost
		return
	}
	if len(r.dirs) > r.maxOpen {
		r.closeOne()
	}
}

// closeOne closes a directory that nobody uses; which one does not matter enough to
// keep an order.
func (r *Root) closeOne() {
	for _, d := range r.dirs {
		if d.refs == 0 {
			delete(r.dirs, d.path)
			d.gone = true
			_ = unix.Close(d.fd)
			return
		}
	}
}

// readlinkAt returns the target of a link, of any length.
func readlinkAt(dir int, name string) (string, error) {
	for size := 256; ; size *= 4 {
		b := make([]byte, size)
		n, err := retry(func() (int, error) { return unix.Readlinkat(dir, name, b) })
		if err != nil {
			return "", err
		}
		if n < size {
			return string(b[:n]), nil
		}
	}
}
