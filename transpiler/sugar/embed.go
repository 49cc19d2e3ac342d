package sugar

import (
	"github.com/kindling-boot/kindling/config/dataurl"
	"github.com/kindling-boot/kindling/config/spec"
	"github.com/kindling-boot/kindling/config/types"
)

// Embed makes data the source of a resource, in its shortest form: escaped text,
// base64, or, unless the user chose a compression, compressed base64. From target
// 3.1.0 on compression is always written, so that a child config cannot inherit
// another one; 3.0.0 has escaped text only.
func (c *Ctx) Embed(r *types.Resource, data []byte) {
	if c.Target == spec.V3_0 {
		url := dataurl.Escaped(data)
		r.Source = &url
		return
	}
	length := min(dataurl.EscapedLen(data), dataurl.Base64Len(len(data)))
	if r.Compression == nil || *r.Compression == "" {
		r.Compression = new(string)
		if c.Pack != nil {
			if packed := c.Pack(data, length); packed != nil {
				url, method := dataurl.Base64(packed), "gzip"
				r.Source, r.Compression = &url, &method
				return
			}
		}
	}
	encode := dataurl.Base64
	if length == dataurl.EscapedLen(data) {
		encode = dataurl.Escaped
	}
	url := encode(data)
	r.Source = &url
}
