package eventlog

import (
	"bufio"
	"io"
	"sync"
	"time"
)

// flushDelay is how long a line may wait for others before it is written.
const flushDelay = 50 * time.Millisecond

// Buffer gathers lines: thousands of small files would otherwise mean as many writes.
// What was written shows after 50 ms at the latest. Flush writes the rest.
type Buffer struct {
	mu      sync.Mutex
	w       *bufio.Writer
	pending bool
}

// NewBuffer returns a buffer in front of w.
func NewBuffer(w io.Writer) *Buffer { return &Buffer{w: bufio.NewWriterSize(w, 32<<10)} }

// Write implements io.Writer.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.pending {
		b.pending = true
		time.AfterFunc(flushDelay, func() { _ = b.Flush() }) // Write reports the error the next time
	}
	return b.w.Write(p)
}

// Flush writes what is left.
func (b *Buffer) Flush() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending = false
	return b.w.Flush()
}
