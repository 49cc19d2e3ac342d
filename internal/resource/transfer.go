package resource

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"time"
)

// origin starts one attempt to get a content, from an offset on if it can. A tag, if
// there is one, tells the version of the content that the beginning was of.
type origin func(ctx context.Context, from int64, tag string) (reply, error)

// reply is a content on its way.
type reply struct {
	body io.ReadCloser
	// from is the offset of the first byte, never beyond what was asked for.
	from int64
	// size of the whole content in bytes; -1 if nobody knows.
	size int64
	// tag allows to ask for the rest of just this content; may be empty.
	tag string
}

// transfer is a stream that outlives broken connections. A new attempt goes on where
// the last one broke off when the server can do that; otherwise it reads the beginning
// once more and makes sure that it is the same.
type transfer struct {
	ctx      context.Context //nolint:containedctx // a stream lives as long as its context
	cancel   context.CancelFunc
	origin   origin
	attempts *attempts
	release  func()

	body  io.ReadCloser
	now   context.Context // of the attempt
	abort context.CancelCauseFunc
	stall *time.Timer

	at    int64 // bytes delivered
	size  int64
	tag   string
	seen  maphash.Hash // of the bytes delivered
	moved bool         // since the last failure
	broke error        // of the attempt that has just ended
	err   error        // every further Read returns it
}

// transfer starts to fetch. The stream holds one of the places for parallel fetches
// until it is closed.
func (f *Fetcher) transfer(ctx context.Context, name string, o origin) (*transfer, error) {
	select {
	case f.shared.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	t := &transfer{origin: o, attempts: f.shared.attempts(name), size: -1, release: func() { <-f.shared.slots }}
	t.ctx, t.cancel = limited(ctx, f.total)
	if err := t.connect(); err != nil {
		_ = t.Close() // it has no body yet
		return nil, err
	}
	return t, nil
}

// connect tries until there is a body that delivers what comes next.
func (t *transfer) connect() error {
	for {
		err := t.attempt()
		if err == nil {
			t.attempts.done()
			return nil
		}
		t.drop()
		if err := t.attempts.failed(t.ctx, err); err != nil {
			return err
		}
	}
}

func (t *transfer) attempt() error {
	t.now, t.abort = context.WithCancelCause(t.ctx)
	from := int64(0)
	if t.tag != "" {
		from = t.at
	}
	r, err := t.origin(t.now, from, t.tag)
	if err != nil {
		return err
	}
	abort := t.abort
	t.body = r.body
	t.stall = time.AfterFunc(stallLimit, func() { abort(errStalled) })
	if t.at > 0 && t.size >= 0 && r.size >= 0 && r.size != t.size {
		return permanent{errChanged}
	}
	t.size = r.size
	if err := t.skip(t.at - r.from); err != nil {
		return err
	}
	t.tag = r.tag
	return nil
}

// skip reads what was delivered before, and compares it.
func (t *transfer) skip(n int64) error {
	if n == 0 {
		return nil
	}
	var again maphash.Hash
	again.SetSeed(t.seen.Seed())
	buffer := make([]byte, 32<<10)
	for n > 0 {
		t.stall.Reset(stallLimit)
		got, err := t.body.Read(buffer[:min(n, int64(len(buffer)))])
		_, _ = again.Write(buffer[:got]) // never fails
		if n -= int64(got); n > 0 && err != nil {
			return t.broken(err)
		}
	}
	if again.Sum64() != t.seen.Sum64() {
		return permanent{errChanged}
	}
	return nil
}

// brokenError is a transfer that ended before its end.
type brokenError struct{ err error }

func (e brokenError) Error() string { return "the transfer broke off: " + e.err.Error() }
func (e brokenError) Unwrap() error { return e.err }

func (t *transfer) broken(err error) error {
	if cause := context.Cause(t.now); cause != nil {
		return brokenError{cause}
	}
	if isEnd(err) {
		err = io.ErrUnexpectedEOF
	}
	return brokenError{err}
}

// isEnd tells the regular end of a stream from a premature one.
func isEnd(err error) bool { return errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) }

// Read implements io.Reader.
func (t *transfer) Read(p []byte) (int, error) {
	for t.err == nil {
		if t.broke != nil {
			if t.moved {
				t.attempts.progress()
			}
			t.err = t.attempts.failed(t.ctx, t.broke)
			t.broke, t.moved = nil, false
			continue
		}
		if t.body == nil {
			t.err = t.connect()
			continue
		}
		t.stall.Reset(stallLimit)
		n, err := t.body.Read(p)
		t.at += int64(n)
		t.moved = t.moved || n > 0
		_, _ = t.seen.Write(p[:n]) // never fails
		switch {
		case t.size >= 0 && t.at > t.size:
			t.err = t.attempts.giveUp(fmt.Errorf("the server sends more than the %d bytes it has announced", t.size))
		case isEnd(err) && (t.size < 0 || t.at == t.size):
			t.err = io.EOF
		case err != nil:
			t.broke = t.broken(err)
			t.drop()
		}
		if n > 0 {
			return n, nil
		}
	}
	return 0, t.err
}

// drop ends an attempt.
func (t *transfer) drop() {
	if t.stall != nil {
		t.stall.Stop()
		t.stall = nil
	}
	if t.body != nil {
		_ = t.body.Close() // it was read, or is given up
		t.body = nil
	}
	if t.abort != nil {
		t.abort(nil)
		t.abort = nil
	}
}

// Close ends the transfer.
func (t *transfer) Close() error {
	if t.release == nil {
		return nil
	}
	t.drop()
	t.attempts.done()
	t.cancel()
	t.release()
	t.release = nil
	if t.err == nil {
		t.err = errors.New("the stream is closed")
	}
	return nil
}
