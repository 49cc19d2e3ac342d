package dialect

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"

	"github.com/kindling-boot/kindling/config/dialect/zstd"
	"github.com/kindling-boot/kindling/config/source"
)

// maxLayers is how many encodings are undone: base64 around gzip around base64 has been
// seen, more is an accident or an attack.
const maxLayers = 4

// Encodings that Unwrap undoes, as it names them.
const (
	Base64 = "base64"
	Gzip   = "gzip"
	Zstd   = "zstd"
	UTF16  = "UTF-16"
	Mark   = "byte order mark"
)

// How encoded documents begin.
const (
	magicGzip  = "\x1f\x8b\x08" // with the only method there is: RFC 1952 §2.3
	magicZstd  = zstd.Magic
	markLittle = "\xff\xfe" // U+FEFF in UTF-16: RFC 2781 §3.2
	markBig    = "\xfe\xff"
)

// Unwrap undoes the encodings that a document shows: gzip, zstd, UTF-16 and a byte order
// mark by their first bytes, base64 if the text can be nothing else. Data that is not
// encoded is returned as it is. Nothing is unpacked to more than limit bytes. It names what
// was undone, in order. The cause of the error for too much is source.ErrTooLarge.
func Unwrap(data []byte, limit int) (out []byte, undone []string, err error) {
	if len(data) > limit {
		return nil, nil, tooLarge(limit)
	}
	for {
		name, next, err := unwrapOnce(data, limit)
		if err != nil {
			return nil, undone, err
		}
		if name == "" {
			return data, undone, nil
		}
		if len(undone) == maxLayers {
			return nil, undone, fmt.Errorf("the document is wrapped in more than %d encodings", maxLayers)
		}
		data, undone = next, append(undone, name)
	}
}

func tooLarge(limit int) error {
	return fmt.Errorf("%w: it has more than %d MiB", source.ErrTooLarge, limit>>20)
}

func unwrapOnce(data []byte, limit int) (name string, out []byte, err error) {
	switch {
	case has(data, magicGzip):
		out, err = Gunzip(data, limit)
		return Gzip, out, err
	case has(data, markLittle):
		return UTF16, decodeUTF16(data[len(markLittle):], binary.LittleEndian), nil
	case has(data, markBig):
		return UTF16, decodeUTF16(data[len(markBig):], binary.BigEndian), nil
	case has(data, byteOrderMark):
		return Mark, data[len(byteOrderMark):], nil
	case has(data, magicZstd):
		out, err = unzstd(data, limit)
		return Zstd, out, err
	}
	if plain, ok := hiddenBase64(data); ok {
		return Base64, plain, nil
	}
	return "", nil, nil
}

func has(data []byte, start string) bool {
	return len(data) >= len(start) && string(data[:len(start)]) == start
}

func decodeUTF16(data []byte, order binary.ByteOrder) []byte {
	units := make([]uint16, 0, len(data)/2)
	for ; len(data) >= 2; data = data[2:] {
		units = append(units, order.Uint16(data))
	}
	return []byte(string(utf16.Decode(units)))
}

// Gunzip unpacks to at most limit bytes.
func Gunzip(data []byte, limit int) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("unpack gzip: %w", cut(err))
	}
	out, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("unpack gzip: %w", cut(err))
	case len(out) > limit:
		return nil, fmt.Errorf("unpack gzip: %w", tooLarge(limit))
	}
	return out, nil
}

// unzstd unpacks to at most limit bytes.
func unzstd(data []byte, limit int) ([]byte, error) {
	out, err := zstd.Decode(data, limit)
	switch {
	case errors.Is(err, zstd.ErrTooLarge):
		return nil, fmt.Errorf("unpack zstd: %w", tooLarge(limit))
	case err != nil:
		return nil, fmt.Errorf("unpack zstd: %w", err)
	}
	return out, nil
}

// cut says in words that data ends too early.
func cut(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return errors.New("the data ends too early")
	}
	return err
}

// minBase64 is the shortest text taken for base64: that of an empty object.
const minBase64 = 4

// hiddenBase64 undoes base64 if nothing else is possible: the text has only letters of
// that alphabet, and what it stands for begins like a document, or is base64 itself. No
// document begins so itself: JSON needs a brace, YAML a colon or a hash, MIME a colon.
func hiddenBase64(data []byte) ([]byte, bool) {
	text := bytes.TrimSpace(data)
	if len(text) < minBase64 {
		return nil, false
	}
	for _, c := range text[:min(len(text), 64)] { // most texts show at once that they are none
		if !isBase64(c) {
			return nil, false
		}
	}
	out, err := DecodeBase64(text)
	if err != nil {
		return nil, false
	}
	if has(out, magicGzip) || has(out, magicZstd) || Of(out).Kind > Binary {
		return out, true
	}
	_, twice := hiddenBase64(out) // by somebody, and by a tool once more
	return out, twice
}

func isBase64(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '+' || c == '/' || c == '=' ||
		c == '\n' || c == '\r'
}

// DecodeBase64 undoes standard base64; line breaks and missing padding do not matter.
func DecodeBase64(text []byte) ([]byte, error) {
	packed := bytes.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == ' ' || r == '\t' {
			return -1
		}
		return r
	}, text)
	packed = bytes.TrimRight(packed, "=")
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(packed)))
	n, err := base64.RawStdEncoding.Decode(out, packed)
	if err != nil {
		var bad base64.CorruptInputError
		if errors.As(err, &bad) {
			return nil, fmt.Errorf("undo base64: there is a wrong letter after %d right ones", int64(bad))
		}
		return nil, fmt.Errorf("undo base64: %w", err)
	}
	return out[:n], nil
}
