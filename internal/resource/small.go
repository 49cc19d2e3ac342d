package resource

import (
	"bytes"
	"context"
	"io"
	"sync"
)

// Sizes of contents that are kept in memory: a config that refers to the same thing
// several times fetches it once, and what was verified before the first change need not
// be fetched again to be written.
const (
	maxSmall  = 256 << 10
	maxSmalls = 8 << 20 // of all together
)

// smallContents keeps small contents, by key. The zero value is ready.
type smallContents struct {
	mu    sync.Mutex
	kept  map[string]*smallContent
	bytes int
}

// smallContent is kept, or being fetched until done is closed.
type smallContent struct {
	done  chan struct{}
	state state
	data  []byte // of a small one
	err   error  // of one that failed
}

// state is what became of a content.
type state int

const (
	isLarge   state = iota // everybody streams
	isSmall                // data is everything
	isFailed               // for everybody
	isAborted              // whoever fetched it was told to stop
)

// open returns a kept content, or what fetch opens. Of several callers who want the
// same content one fetches it, and the others wait whether it is a small one.
func (c *smallContents) open(ctx context.Context, key string, fetch func() (io.ReadCloser, error)) (io.ReadCloser, error) {
	for {
		c.mu.Lock()
		entry, known := c.kept[key]
		if !known {
			entry = &smallContent{done: make(chan struct{})}
			if c.kept == nil {
				c.kept = map[string]*smallContent{}
			}
			c.kept[key] = entry
			c.mu.Unlock()
			return c.lead(ctx, key, entry, fetch)
		}
		c.mu.Unlock()
		select {
		case <-entry.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		switch entry.state {
		case isSmall:
			return io.NopCloser(bytes.NewReader(entry.data)), nil
		case isFailed:
			return nil, entry.err
		case isLarge:
			return fetch()
		}
	}
}

// lead fetches a content and tells those who wait.
func (c *smallContents) lead(ctx context.Context, key string, entry *smallContent, fetch func() (io.ReadCloser, error)) (io.ReadCloser, error) {
	s, err := fetch()
	var head []byte
	if err == nil {
		head, err = io.ReadAll(io.LimitReader(s, maxSmall+1))
		if err != nil || len(head) <= maxSmall {
			if closeErr := s.Close(); err == nil {
				err = closeErr
			}
		}
	}
	c.mu.Lock()
	defer func() {
		c.mu.Unlock()
		close(entry.done)
	}()
	switch {
	case err != nil:
		delete(c.kept, key) // whoever comes later tries again
		entry.state, entry.err = isFailed, err
		if ctx.Err() != nil {
			entry.state = isAborted
		}
		return nil, err
	case len(head) > maxSmall:
		return &stream{Reader: io.MultiReader(bytes.NewReader(head), s), close: s.Close}, nil
	}
	entry.data, entry.state = head, isSmall
	if c.bytes+len(head) > maxSmalls {
		delete(c.kept, key)
	} else {
		c.bytes += len(head)
	}
	return io.NopCloser(bytes.NewReader(head)), nil
}
