package sugar

import (
	"bytes"
	"compress/gzip"
	"io"
	"math"

	fastgzip "github.com/klauspost/compress/gzip"

	"github.com/kindling-boot/kindling/config/dataurl"
	"github.com/kindling-boot/kindling/config/spec"
	"github.com/kindling-boot/kindling/config/types"
)

// gzipCost is what the value "gzip" adds to the config.
const gzipCost = len("gzip")

// encoder embeds contents as data URLs. It keeps its compressors for the next one.
type encoder struct {
	best, fast gzipWriter
	out        bytes.Buffer
}

type gzipWriter interface {
	io.WriteCloser
	Reset(w io.Writer)
}

// embed makes data the source of a resource, in its shortest form: escaped text,
// base64, or, unless the user chose a compression, compressed base64. From target
// 3.1.0 on compression is always written, so that a child config cannot inherit
// another one; 3.0.0 has escaped text only.
func (c *Ctx) embed(r *types.Resource, data []byte) {
	if c.Target == spec.V3_0 {
		url := dataurl.Escaped(data)
		r.Source = &url
		return
	}
	length := min(dataurl.EscapedLen(data), dataurl.Base64Len(len(data)))
	if r.Compression == nil || *r.Compression == "" {
		r.Compression = new(string)
		if c.Compress {
			if packed := c.encoder.compress(data, length); packed != nil {
				url, method := dataurl.Base64(packed), "gzip"
				r.Source, r.Compression = &url, &method
				return
			}
		}
	}
	url := ""
	if length == dataurl.EscapedLen(data) {
		url = dataurl.Escaped(data)
	} else {
		url = dataurl.Base64(data)
	}
	r.Source = &url
}

// Small contents are the many: for them the tables of the best compressor cost
// more than the compression. A fast compressor decides whenever it is certain
// that the best one decides the same way.
const (
	smallContent = 1024 // bytes
	// fastMargin is more than the best compressor's stream was ever longer, in
	// bytes, than the fast one's: it ends with an empty block.
	fastMargin = 8
)

// compress returns the data as a gzip stream, valid until the next call, or nil
// when a data URL of it would not be shorter than the given length.
func (e *encoder) compress(data []byte, length int) []byte {
	wins := func(size int) bool { return dataurl.Base64Len(size)+gzipCost < length }
	if !wins(gzipLeast(data)) {
		return nil
	}
	if e.best == nil {
		// known levels
		e.best, _ = gzip.NewWriterLevel(nil, gzip.BestCompression)
		e.fast, _ = fastgzip.NewWriterLevel(nil, 6)
	}
	if len(data) <= smallContent {
		if packed := e.run(e.fast, data); wins(len(packed) + fastMargin) {
			return packed
		}
	}
	if packed := e.run(e.best, data); wins(len(packed)) {
		return packed
	}
	return nil
}

func (e *encoder) run(w gzipWriter, data []byte) []byte {
	e.out.Reset()
	w.Reset(&e.out)
	// neither can fail: a bytes.Buffer takes everything
	_, _ = w.Write(data)
	_ = w.Close()
	return e.out.Bytes()
}

// gzipLeast returns a size below which no gzip stream of the data can be: header
// and trailer (RFC 1952) and the closing block, plus what the cheapest block must
// spend (RFC 1951). A byte that is not in any repeated group of minMatch bytes must
// be coded as it is, and the codes of such bytes cannot beat their entropy.
func gzipLeast(data []byte) int {
	const (
		frame    = 10 + 8 + 5 // bytes
		minMatch = 4          // of the compressor
		sample   = 4096       // bytes looked at; the rest may cost nothing
	)
	if len(data) > sample {
		data = data[:sample]
	}
	var seen [1024]bool // by hash: a collision looks like a repetition, which errs to the safe side
	var counts [256]int
	literals, covered, matches := 0, 0, 0
	for i := range data {
		if i+minMatch <= len(data) {
			group := uint32(data[i]) | uint32(data[i+1])<<8 | uint32(data[i+2])<<16 | uint32(data[i+3])<<24
			h := group * 2654435761 >> 22
			if seen[h] {
				if covered <= i {
					matches++
				}
				covered = i + minMatch
			}
			seen[h] = true
		}
		if i >= covered {
			counts[data[i]]++
			literals++
		}
	}
	entropy, symbols := 0.0, 0
	for _, n := range counts {
		if n > 0 {
			entropy -= float64(n) * math.Log2(float64(n)/float64(literals))
			symbols++
		}
	}
	// bits: block header, code lengths and codes; at least one for each
	dynamic := 3 + 14 + 12 + float64(symbols) + entropy + 2*float64(matches)
	fixed := 3 + 8*float64(literals) + 12*float64(matches) + 7
	stored := 8 * float64(len(data)+5)
	return frame + int(min(dynamic, fixed, stored)/8)
}
