package sugar

import (
	"bytes"
	"compress/gzip"

	"github.com/kindling-boot/kindling/config/dataurl"
)

// Packer makes contents shorter, as Compressor.Shorter does. The engine has none: it would
// unpack what it packed, and carry the tables for it (docs/adr/0203).
type Packer func(data []byte, length int) []byte

// Compressor makes gzip streams. It keeps its tables for the next one.
//
// What is worth compressing is decided by the size that compress/gzip reaches at
// its best level, as in the reference. But its tables cost more than the
// compression of small contents, which are the many: so an estimate turns away
// what cannot win, and a fast compressor handles what is sure to win.
type Compressor struct {
	best, fast *gzip.Writer
	out        bytes.Buffer
}

const (
	// gzipCost is what the value "gzip" adds to the config.
	gzipCost = len("gzip")
	// smallContent is the size in bytes up to which the tables of the best
	// compressor matter.
	smallContent = 1024
	// Margins of the estimate. By them none of 27,000 texts, units, sources and
	// random contents was judged wrongly: where even the low one does not win, the
	// best stream does not; where the high one wins, it does.
	estimateLow, estimateHigh = 0.97, 1.04
)

// Shorter returns the data as a gzip stream, valid until the next call, or nil when a
// data URL of the stream would not be shorter than the given length.
func (c *Compressor) Shorter(data []byte, length int) []byte {
	wins := func(size int) bool { return dataurl.Base64Len(size)+gzipCost < length }
	if !wins(gzipFrame) {
		return nil
	}
	if c.best == nil {
		// known levels
		c.best, _ = gzip.NewWriterLevel(nil, gzip.BestCompression)
		c.fast, _ = gzip.NewWriterLevel(nil, gzip.BestSpeed)
	}
	if len(data) <= smallContent {
		size := gzipSize(data)
		if !wins(int(estimateLow * size)) {
			return nil
		}
		if wins(int(estimateHigh * size)) {
			if packed := c.run(c.fast, data); wins(len(packed)) {
				return packed
			}
		}
	}
	if packed := c.run(c.best, data); wins(len(packed)) {
		return packed
	}
	return nil
}

func (c *Compressor) run(w *gzip.Writer, data []byte) []byte {
	c.out.Reset()
	w.Reset(&c.out)
	// neither can fail: a bytes.Buffer takes everything
	_, _ = w.Write(data)
	_ = w.Close()
	return c.out.Bytes()
}
