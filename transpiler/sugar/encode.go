package sugar

import (
	"bytes"
	"compress/gzip"

	"github.com/kindling-boot/kindling/config/dataurl"
	"github.com/kindling-boot/kindling/config/spec"
	"github.com/kindling-boot/kindling/config/types"
)

// gzipCost is what the value "gzip" adds to the config.
const gzipCost = len("gzip")

// gzipLeast is the size of the smallest gzip stream: 10 bytes of header, 8 of
// trailer (RFC 1952) and the closing block of the compressor.
const gzipLeast = 10 + 8 + 5

// encoder embeds contents as data URLs. It keeps its compressor for the next one.
type encoder struct {
	gzip *gzip.Writer
	out  bytes.Buffer
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
	best := dataurl.EscapedLen(data)
	asBase64 := dataurl.Base64Len(len(data)) < best
	if asBase64 {
		best = dataurl.Base64Len(len(data))
	}
	if r.Compression == nil || *r.Compression == "" {
		r.Compression = new(string)
		if c.Compress && dataurl.Base64Len(gzipLeast)+gzipCost < best {
			if packed := c.encoder.compress(data); dataurl.Base64Len(len(packed))+gzipCost < best {
				url, method := dataurl.Base64(packed), "gzip"
				r.Source, r.Compression = &url, &method
				return
			}
		}
	}
	url := ""
	if asBase64 {
		url = dataurl.Base64(data)
	} else {
		url = dataurl.Escaped(data)
	}
	r.Source = &url
}

// compress returns the data as a gzip stream, valid until the next call.
func (e *encoder) compress(data []byte) []byte {
	e.out.Reset()
	if e.gzip == nil {
		e.gzip, _ = gzip.NewWriterLevel(&e.out, gzip.BestCompression) // a known level
	} else {
		e.gzip.Reset(&e.out)
	}
	// neither can fail: a bytes.Buffer takes everything
	_, _ = e.gzip.Write(data)
	_ = e.gzip.Close()
	return e.out.Bytes()
}
