package op

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/resource"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

// content is what a file shall hold: resources one after another.
type content struct {
	fetcher   *resource.Fetcher
	resources []types.Resource
	// ready is all of it, if it was short enough to be put into memory; else nil.
	ready []byte
	// twin is another file that holds the first resource, or will before this content is
	// written; nil if there is none.
	twin *twin
}

// twin is a file of the target.
type twin struct {
	root *sysroot.Root
	path string // resolved
	// isThere tells that the file is complete.
	isThere bool
}

func (t *twin) open() (io.ReadCloser, error) {
	e, err := t.root.Entry(t.path)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	return e.Open()
}

// buffers are for copying; the size is that of a pipe.
var buffers = sync.Pool{New: func() any { b := make([]byte, 64<<10); return &b }}

// maxReady is how long content may be to be kept in memory from Check to Apply, in bytes.
const maxReady = 64 << 10

// short returns all of the content if the config holds it and it is short, else nil.
func (c content) short(env *exec.Env) []byte {
	all := []byte{}
	for i, r := range c.resources {
		if i == 0 && c.twin != nil {
			return nil
		}
		data, ok := resource.Short(r, maxReady)
		if !ok || !env.MayKeep(len(data)) {
			return nil
		}
		if i == 0 {
			all = data
			continue
		}
		all = append(all, data...)
	}
	return all
}

// writeTo fetches, unpacks and verifies everything, and writes it.
func (c content) writeTo(ctx context.Context, w io.Writer) error {
	if c.ready != nil {
		_, err := w.Write(c.ready)
		return err
	}
	for i := range c.resources {
		if err := c.copyResource(ctx, w, i); err != nil {
			return err
		}
	}
	return nil
}

// copyResource writes one of the resources.
func (c content) copyResource(ctx context.Context, w io.Writer, i int) (err error) {
	r := c.resources[i]
	if r.Source == nil || *r.Source == "" {
		return nil
	}
	open := func() (io.ReadCloser, error) { return c.fetcher.Open(ctx, r) }
	if i == 0 && c.twin != nil && c.twin.isThere {
		open = c.twin.open
	}
	s, err := open()
	if err != nil {
		return WithFetchHelp(err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return WithFetchHelp(copyStream(ctx, w, s))
}

// room limits what is written to what is free on the file system. Content may be
// packed so well that it has no end for all practical purposes.
type room struct {
	io.Writer
	free, left int64
}

// inRoom returns the limit for a prepared file.
func inRoom(s *sysroot.Staged) (*room, error) {
	free, err := s.Free()
	return &room{Writer: s, free: free, left: free}, err
}

// Write implements io.Writer.
func (r *room) Write(p []byte) (int, error) {
	if r.left -= int64(len(p)); r.left < 0 {
		return 0, fmt.Errorf("the content is longer than the %d bytes that are free on the file system: %w", r.free, unix.ENOSPC)
	}
	return r.Writer.Write(p)
}

// copyStream copies until the end, or the end of the context.
func copyStream(ctx context.Context, w io.Writer, r io.Reader) error {
	buffer, _ := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	for {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		n, err := r.Read(*buffer)
		if n > 0 {
			if _, err := w.Write((*buffer)[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// WithFetchHelp adds what to try after something could not be fetched.
func WithFetchHelp(err error) error {
	switch {
	case errors.Is(err, resource.ErrScheme):
		return exec.WithHelp(err, "embed the content as a data URL, or use a later version, which fetches this scheme")
	case errors.Is(err, resource.ErrCertificate):
		return exec.WithHelp(err, "name the authority of the server in ignition.security.tls.certificateAuthorities, or correct the certificate, the name in the URL or the clock")
	case errors.Is(err, resource.ErrHash):
		return exec.WithHelp(err, "the content is not the one that the hash was made of: correct the one or the other")
	}
	return err
}

// check finds out before anything is changed whether the content can be had. What
// needs no unpacking and no verification was seen to decode when the config was read.
// What comes from the network is asked for: small contents are fetched and verified,
// large ones are verified on their way into the file.
func (c content) check(ctx context.Context) error {
	if c.ready != nil {
		return nil
	}
	for i, r := range c.resources {
		if i == 0 && c.twin != nil {
			continue // the other file sees to it
		}
		if resource.NeedsNet(r) || deref(r.Verification.Hash) == "" && deref(r.Compression) == "" {
			s, err := c.fetcher.Open(ctx, r)
			if err != nil {
				return WithFetchHelp(err)
			}
			if err := s.Close(); err != nil {
				return err
			}
			continue
		}
		if err := c.copyResource(ctx, io.Discard, i); err != nil {
			return err
		}
	}
	return nil
}

// needsNet reports whether a part of the content comes from the network.
func (c content) needsNet() bool { return slices.ContainsFunc(c.resources, resource.NeedsNet) }

// isKnownByHash reports whether a file with the content can be told without fetching it.
func (c content) isKnownByHash() bool {
	return len(c.resources) == 1 && c.needsNet() && deref(c.resources[0].Verification.Hash) != ""
}

// errDiffers ends a comparison.
var errDiffers = errors.New("the contents differ")

// comparer compares what is written to it with a stream.
type comparer struct {
	with   io.Reader
	buffer []byte
}

// Write implements io.Writer.
func (c *comparer) Write(p []byte) (int, error) {
	if len(c.buffer) < len(p) {
		c.buffer = make([]byte, len(p))
	}
	b := c.buffer[:len(p)]
	if _, err := io.ReadFull(c.with, b); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, errDiffers
	} else if err != nil {
		return 0, err
	}
	if !bytes.Equal(b, p) {
		return 0, errDiffers
	}
	return len(p), nil
}

// equals reports whether a regular file holds exactly the content. Content that
// cannot be had equals nothing; why it cannot shows when it is written.
func (c content) equals(ctx context.Context, e sysroot.Entry) (bool, error) {
	f, err := e.Open()
	if err != nil {
		return false, err
	}
	defer f.Close() // read only
	if c.isKnownByHash() {
		return resource.Matches(f, *c.resources[0].Verification.Hash) // nothing has to be fetched to know
	}
	cmp := &comparer{with: f}
	if err := c.writeTo(ctx, cmp); errors.Is(err, errDiffers) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	var more [1]byte
	n, err := f.Read(more[:])
	if err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("read %s: %w", e.Path(), err)
	}
	return n == 0, nil
}

// size returns the number of bytes of the content.
func (c content) size(ctx context.Context) (int64, error) {
	var n counter
	if err := c.writeTo(ctx, &n); err != nil {
		return 0, err
	}
	return int64(n), nil
}

type counter int64

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// isTailOf reports whether a regular file ends with the content.
func (c content) isTailOf(ctx context.Context, e sysroot.Entry, fileSize int64) (bool, error) {
	n, err := c.size(ctx)
	if err != nil || n > fileSize {
		return false, err
	}
	f, err := e.Open()
	if err != nil {
		return false, err
	}
	defer f.Close() // read only
	if _, err := f.Seek(fileSize-n, io.SeekStart); err != nil {
		return false, fmt.Errorf("read %s: %w", e.Path(), err)
	}
	err = c.writeTo(ctx, &comparer{with: f})
	if errors.Is(err, errDiffers) {
		return false, nil
	}
	return err == nil, err
}

// text returns content as text for a diff; ok is false when it is too long or no text.
func (c content) text(ctx context.Context) (text string, ok bool) {
	var l limited
	if err := c.writeTo(ctx, &l); err != nil {
		return "", false
	}
	return string(l.text), isText(l.text)
}

// maxDiff is the number of bytes of a text that a diff is made of.
const maxDiff = 256 << 10

// limited refuses more than maxDiff bytes.
type limited struct{ text []byte }

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	if len(l.text)+len(p) > maxDiff {
		return 0, errDiffers
	}
	l.text = append(l.text, p...)
	return len(p), nil
}

func isText(b []byte) bool { return bytes.IndexByte(b, 0) < 0 }

// textOf reads a regular file as text for a diff.
func textOf(e sysroot.Entry) (string, bool) {
	f, err := e.Open()
	if err != nil {
		return "", false
	}
	defer f.Close() // read only
	data, err := io.ReadAll(io.LimitReader(f, maxDiff+1))
	if err != nil || len(data) > maxDiff {
		return "", false
	}
	return string(data), isText(data)
}
