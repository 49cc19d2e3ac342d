package blockdev

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// recheck is how often Wait looks without having been told of a change: file systems
// may come without notifications, and a link may lead to one of them.
const recheck = time.Second

// Wait returns the block device that a path leads to, as soon as it does. It watches
// the directories on the way, those behind links as well, and ends with the context.
// The error then says which part of the path is missing.
func (h Host) Wait(ctx context.Context, path string) (Node, error) {
	n, err := h.Resolve(path)
	if err == nil {
		return n, nil
	}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return Node{}, fmt.Errorf("wait for device %s: inotify: %w", path, err)
	}
	events := os.NewFile(uintptr(fd), "inotify")
	defer events.Close()
	stop := context.AfterFunc(ctx, func() { _ = events.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	buf := make([]byte, 16<<10)
	for {
		// Watching before looking: what appears in between is an event.
		missing := watch(fd, path)
		if n, err = h.Resolve(path); err == nil {
			return n, nil
		}
		if ctx.Err() != nil {
			if missing == "" || errors.Is(err, ErrNotBlock) {
				return Node{}, fmt.Errorf("wait for device %s: %w: %w", path, err, context.Cause(ctx))
			}
			return Node{}, fmt.Errorf("wait for device %s: %s did not appear: %w", path, missing, context.Cause(ctx))
		}
		_ = events.SetReadDeadline(time.Now().Add(recheck))
		if ctx.Err() != nil {
			continue // the deadline above may have replaced that of the context
		}
		if _, err := events.Read(buf); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return Node{}, fmt.Errorf("wait for device %s: inotify: %w", path, err)
		}
	}
}

// maxLinks is how many links one path may lead over: linux/namei.h, MAXSYMLINKS.
const maxLinks = 40

// watch asks for events of each directory on the way of a path as far as it exists,
// and returns the first part that does not.
func watch(fd int, path string) (missing string) {
	const changes = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_ATTRIB | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ONLYDIR
	at, rest := "/", strings.Split(filepath.Clean(path), "/")
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		if part == "" || part == "." {
			continue
		}
		_, _ = unix.InotifyAddWatch(fd, at, changes) // a directory that has vanished is missing below
		next := filepath.Join(at, part)
		info, err := os.Lstat(next)
		if err != nil {
			return next
		}
		if info.Mode()&os.ModeSymlink == 0 {
			at = next
			continue
		}
		target, err := os.Readlink(next)
		if links++; err != nil || links > maxLinks {
			return next
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return ""
}
