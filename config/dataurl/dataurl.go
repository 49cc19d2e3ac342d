// Package dataurl reads and writes data URLs: RFC 2397, as the field's tools
// take it. It knows the form data:[TYPE/SUBTYPE]{;ATTRIBUTE=VALUE}[;base64],DATA
// with these limits: the scheme and base64 are written in lower case, and data
// that is not base64 is percent-encoded ASCII.
package dataurl

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const scheme = "data:"

// URL is a data URL taken apart. Data is still encoded.
type URL struct {
	// MediaType with its parameters, as written; empty if not given.
	MediaType string
	Base64    bool
	Data      string
}

// Errors of Parse and Check. They never show the data: it may be a secret.
var (
	ErrScheme   = errors.New("it does not start with data:")
	errNoComma  = errors.New("the comma before the data is missing")
	errType     = errors.New("the media type is not of the form type/subtype")
	errTypeName = errors.New("the media type is not one that data URLs can have")
	errParam    = errors.New("a parameter is not of the form ;attribute=value")
	errBase64At = errors.New("only ;base64 can stand right before the comma without a value")
	errByte     = errors.New("the data has a character that must be percent-encoded")
	errReturn   = errors.New("the base64 text has a carriage return; only line feeds may break it")
	errPercent  = errors.New("a percent sign is not followed by two hex digits")
)

// Parse takes a data URL apart. The data itself is not looked at.
func Parse(s string) (URL, error) {
	rest, ok := strings.CutPrefix(s, scheme)
	if !ok {
		return URL{}, ErrScheme
	}
	if data, ok := strings.CutPrefix(rest, ","); ok {
		return URL{Data: data}, nil
	}
	if data, ok := strings.CutPrefix(rest, ";base64,"); ok {
		return URL{Base64: true, Data: data}, nil
	}
	h := header{rest: rest}
	if err := h.parse(); err != nil {
		return URL{}, err
	}
	media := strings.TrimSuffix(rest[:len(rest)-len(h.rest)-1], ";base64")
	return URL{MediaType: media, Base64: h.base64, Data: h.rest}, nil
}

// header parses what stands before the data.
type header struct {
	rest   string
	base64 bool
}

func (h *header) parse() error {
	if i := strings.IndexAny(h.rest, ";,"); i != 0 {
		if i < 0 {
			return errNoComma
		}
		if err := checkType(h.rest[:i]); err != nil {
			return err
		}
		h.rest = h.rest[i:]
	}
	for h.rest != "" {
		separator := h.rest[0]
		h.rest = h.rest[1:]
		switch {
		case separator == ',':
			return nil
		case separator != ';':
			return errParam
		case strings.HasPrefix(h.rest, "base64,"):
			h.base64 = true
			h.rest = h.rest[len("base64,"):]
			return nil
		}
		if err := h.parameter(); err != nil {
			return err
		}
	}
	return errNoComma
}

func (h *header) parameter() error {
	name := token(h.rest)
	h.rest = h.rest[len(name):]
	value, ok := strings.CutPrefix(h.rest, "=")
	if name == "" || !ok {
		if name != "" && strings.HasPrefix(h.rest, ",") {
			return errBase64At
		}
		return errParam
	}
	h.rest = value
	if strings.HasPrefix(value, `"`) {
		return h.quotedValue()
	}
	v := token(value)
	if v == "" || checkEscapes(v) != nil {
		return errParam
	}
	h.rest = value[len(v):]
	return nil
}

// quotedValue takes a value in quotes: ASCII, with the escapes of Go, as the field's
// tools do.
func (h *header) quotedValue() error {
	for i := 1; i < len(h.rest) && h.rest[i] < 0x80; i++ {
		switch h.rest[i] {
		case '\\':
			i++
		case '"':
			if _, err := strconv.Unquote(h.rest[:i+1]); err != nil {
				return errParam
			}
			h.rest = h.rest[i+1:]
			return nil
		}
	}
	return errParam
}

// token returns the longest prefix without separators: RFC 2045 §5.1.
func token(s string) string {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?=`, c) >= 0 {
			return s[:i]
		}
	}
	return s
}

var topTypes = []string{"text", "image", "audio", "video", "application", "message", "multipart", "x-", "X-"}

func checkType(s string) error {
	top, sub, ok := strings.Cut(s, "/")
	if !ok {
		return errType
	}
	if token(top) != top || token(sub) != sub {
		return errType
	}
	for _, t := range topTypes {
		if strings.HasPrefix(top, t) {
			return nil
		}
	}
	return errTypeName
}

// Check reports whether a data URL decodes, without decoding it.
func Check(s string) error {
	u, err := Parse(s)
	if err != nil {
		return err
	}
	switch {
	case !u.Base64:
		return checkText(u.Data)
	case isPlainBase64(u.Data):
		return nil
	}
	_, err = io.Copy(io.Discard, u.Reader()) // says what is wrong, if anything is
	return err
}

// isPlainBase64 reports whether a text is base64 on one line.
func isPlainBase64(s string) bool {
	if len(s)%4 != 0 {
		return false
	}
	s = strings.TrimSuffix(strings.TrimSuffix(s, "="), "=")
	for i := range len(s) {
		if kinds[s[i]]&base64Digit == 0 {
			return false
		}
	}
	return len(s)%4 != 1
}

func checkText(s string) error {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			if i+2 >= len(s) || unhex(s[i+1]) < 0 || unhex(s[i+2]) < 0 {
				return errPercent
			}
			i += 2
			continue
		}
		if kinds[c]&urlByte == 0 {
			return errByte
		}
	}
	return nil
}

func checkEscapes(s string) error {
	for i := range len(s) {
		if s[i] == '%' && (i+2 >= len(s) || unhex(s[i+1]) < 0 || unhex(s[i+2]) < 0) {
			return errPercent
		}
	}
	return nil
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// Reader returns the decoded data as a stream. Broken data shows as an error of
// Read.
func (u URL) Reader() io.Reader {
	if u.Base64 {
		if strings.Contains(u.Data, "\r") {
			return broken{errReturn} // the decoder would skip it
		}
		return &base64Reader{base64.NewDecoder(base64.StdEncoding, strings.NewReader(u.Data))}
	}
	return &textReader{rest: u.Data}
}

// broken is a reader of data that cannot be decoded.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// base64Reader words the errors of its decoder.
type base64Reader struct{ r io.Reader }

func (b *base64Reader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("the base64 text is broken: %w", err)
	}
	return n, err
}

type textReader struct{ rest string }

func (t *textReader) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) && t.rest != "" {
		c, size := t.rest[0], 1
		switch {
		case c == '%':
			if len(t.rest) < 3 || unhex(t.rest[1]) < 0 || unhex(t.rest[2]) < 0 {
				return n, errPercent
			}
			c, size = byte(unhex(t.rest[1])<<4|unhex(t.rest[2])), 3
		case kinds[c]&urlByte == 0:
			return n, errByte
		}
		p[n] = c
		n++
		t.rest = t.rest[size:]
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Decode returns the data of a data URL.
func Decode(s string) ([]byte, error) {
	u, err := Parse(s)
	switch {
	case err != nil:
		return nil, err
	case u.Base64 && isPlainBase64(u.Data): // as most are
		return base64.StdEncoding.DecodeString(u.Data)
	case u.Base64:
		return io.ReadAll(u.Reader())
	}
	data := make([]byte, len(u.Data)) // there is not more
	n, err := (&textReader{rest: u.Data}).Read(data)
	return data[:n], err
}

// Escaped returns a data URL of percent-encoded text. The unreserved characters of
// RFC 2396 §2.3 stand for themselves.
func Escaped(data []byte) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(scheme) + 1 + len(data) + len(data)/4)
	b.WriteString(scheme + ",")
	for _, c := range data {
		if isPlain(c) {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}

// EscapedLen returns the length of Escaped without making it.
func EscapedLen(data []byte) int {
	n := len(scheme) + 1 + len(data)
	for _, c := range data {
		if !isPlain(c) {
			n += 2
		}
	}
	return n
}

// isPlain reports whether a byte stands for itself in escaped data.
func isPlain(c byte) bool { return kinds[c]&plain != 0 }

// What a byte can be.
const (
	plain       = 1 << iota // stands for itself in escaped data
	urlByte                 // can stand in data that is not base64
	base64Digit             // of the standard alphabet
)

var kinds = func() (kinds [256]uint8) {
	for c := range 256 {
		b := byte(c)
		alphanumeric := 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9'
		if alphanumeric || strings.IndexByte("-_.~!*'()", b) >= 0 {
			kinds[c] |= plain
		}
		if b > ' ' && b < 0x7f && strings.IndexByte("<>#\"{}|\\^[]`", b) < 0 {
			kinds[c] |= urlByte
		}
		if alphanumeric || b == '+' || b == '/' {
			kinds[c] |= base64Digit
		}
	}
	return kinds
}()

// Base64 returns a data URL of base64 text.
func Base64(data []byte) string {
	return scheme + ";base64," + base64.StdEncoding.EncodeToString(data)
}

// Base64Len returns the length of Base64 for data of n bytes.
func Base64Len(n int) int { return len(scheme+";base64,") + base64.StdEncoding.EncodedLen(n) }
