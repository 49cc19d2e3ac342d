package convert

import (
	"bytes"
	"compress/gzip"
	"io"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kindling-boot/kindling/config/dataurl"
	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/spec"
	"github.com/kindling-boot/kindling/config/types"
)

// printer turns a config into the nodes of a Butane document.
type printer struct {
	// target is the spec of the variant.
	target spec.Version
	// sources writes addresses as they are, also those that hold a text.
	sources bool
}

// config returns the document without the keys that name its variant.
func (p printer) config(c *types.Config) node {
	v := reflect.ValueOf(c).Elem()
	return p.object(v, schema.Of(v.Type()))
}

// object returns the members of a struct that a document can have: what identifies an item
// of a list first, then in the order of the model. What has its zero value is left out,
// unless it must be there.
func (p printer) object(v reflect.Value, s *schema.Struct) node {
	out := node{kind: object}
	switch x := v.Interface().(type) {
	case types.Resource:
		return p.resource(x, v, s)
	case types.IgnitionConfig:
		p.sources = true // butane would judge a text by the version of this document
	}
	for _, identity := range []bool{true, false} {
		for _, f := range s.Fields {
			if f.YAML != "" && f.Identity == identity {
				p.member(&out, f.In(v), f)
			}
		}
	}
	return out
}

// member adds a member to an object if there is anything to say.
func (p printer) member(to *node, v reflect.Value, f *schema.Field) {
	n := node{key: f.YAML}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		n = p.scalar(v.Elem(), f)
	case reflect.Slice:
		n.kind = list
		for i := range v.Len() {
			if sub := f.Struct(); sub != nil {
				n.children = append(n.children, p.object(v.Index(i), sub))
			} else {
				n.children = append(n.children, p.scalar(v.Index(i), f))
			}
		}
	case reflect.Struct:
		n = p.object(v, f.Struct())
		n.key = f.YAML
	default:
		if f.OmitEmpty && v.IsZero() {
			return
		}
		n = p.scalar(v, f)
	}
	if !n.isEmpty() {
		to.children = append(to.children, n)
	}
}

// scalar writes a scalar. Modes are octal.
func (p printer) scalar(v reflect.Value, f *schema.Field) node {
	n := node{key: f.YAML, plain: true}
	switch v.Kind() {
	case reflect.Bool:
		n.text = strconv.FormatBool(v.Bool())
	case reflect.Int:
		if n.text = strconv.FormatInt(v.Int(), 10); f.YAML == "mode" && v.Int() > 0 {
			n.text = octal(v.Int())
		}
	default:
		n.text, n.plain = v.String(), false
	}
	return n
}

// octal writes a mode with at least four digits.
func octal(mode int64) string {
	digits := strconv.FormatInt(mode, 8)
	return strings.Repeat("0", max(1, 4-len(digits))) + digits
}

// resource writes a piece of content: as text if it is embedded and is one.
func (p printer) resource(r types.Resource, v reflect.Value, s *schema.Struct) node {
	out := node{kind: object}
	if text, ok := textOf(r); ok && !p.sources && p.target >= spec.V3_1 {
		out.children = append(out.children, node{key: "inline", text: text})
		r.Source, r.Compression = nil, nil
		v = reflect.ValueOf(&r).Elem()
	}
	for _, f := range s.Fields {
		p.member(&out, f.In(v), f)
	}
	return out
}

// maxText is the number of bytes of a text that is written as one.
const maxText = 1 << 20

// textOf returns what a data URL holds, if it is a text.
func textOf(r types.Resource) (text string, ok bool) {
	if r.Source == nil || !strings.HasPrefix(*r.Source, "data:") || len(r.HTTPHeaders) > 0 {
		return "", false
	}
	data, err := dataurl.Decode(*r.Source)
	if err != nil {
		return "", false
	}
	if r.Compression != nil && *r.Compression == "gzip" {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return "", false
		}
		if data, err = io.ReadAll(io.LimitReader(z, maxText+1)); err != nil {
			return "", false
		}
	}
	if len(data) == 0 || len(data) > maxText || !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0 {
		return "", false
	}
	return string(data), true
}

// nodeOf returns a value of a document as it is written anew.
func nodeOf(from *source.Node) node {
	n := node{key: from.Key, text: from.Text}
	switch from.Kind {
	case source.List:
		n.kind = list
	case source.Object:
		n.kind = object
	case source.Null:
		n.text, n.plain = "null", true
	case source.Number:
		if mode, err := strconv.ParseInt(n.text, 10, 32); err == nil && strings.HasSuffix(n.key, "mode") && n.text[0] != '0' {
			n.text = octal(mode)
		}
		n.plain = true
	case source.Bool:
		n.plain = true
	}
	for i := range from.Children {
		n.children = append(n.children, nodeOf(&from.Children[i]))
	}
	return n
}
