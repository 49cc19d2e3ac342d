package providers

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"github.com/kindling-boot/kindling/config/source"
)

// maxConfig is the number of bytes of a config, packed or not: the limit of the parser.
const maxConfig = source.MaxJSON

// maxLayers is how many encodings are undone: base64 around gzip around base64 has been
// seen, more is an accident or an attack.
const maxLayers = 4

// errTooLarge says that a config is beyond maxConfig.
var errTooLarge = fmt.Errorf("the config has more than %d MiB", maxConfig>>20)

// errTooDeep says that there are more encodings than maxLayers.
var errTooDeep = fmt.Errorf("the config is wrapped in more than %d encodings", maxLayers)

// Encodings in use.
const (
	encodingBase64 = "base64"
	encodingGzip   = "gzip"
)

// decode undoes the encodings that a config shows: gzip by its magic, base64 if the
// text can be nothing else. Text that is not encoded is returned as it is.
func decode(raw []byte) (data []byte, undone []string, err error) {
	data = raw
	for {
		name, next, err := decodeOnce(data)
		if err != nil {
			return nil, undone, err
		}
		if name == "" {
			return data, undone, nil
		}
		if len(undone) == maxLayers {
			return nil, undone, errTooDeep
		}
		data, undone = next, append(undone, name)
	}
}

func decodeOnce(data []byte) (name string, out []byte, err error) {
	if isGzip(data) {
		out, err = gunzip(data)
		return encodingGzip, out, err
	}
	if plain, ok := hiddenBase64(data); ok {
		return encodingBase64, plain, nil
	}
	return "", nil, nil
}

// gzipMagic starts gzip data with the only method there is: RFC 1952 §2.3.
var gzipMagic = []byte{0x1f, 0x8b, 8}

func isGzip(data []byte) bool { return bytes.HasPrefix(data, gzipMagic) }

// gunzip unpacks to at most maxConfig bytes.
func gunzip(data []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("unpack gzip: %w", cut(err))
	}
	out, err := io.ReadAll(io.LimitReader(r, maxConfig+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("unpack gzip: %w", cut(err))
	case len(out) > maxConfig:
		return nil, fmt.Errorf("unpack gzip: %w", errTooLarge)
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
// that alphabet, and what it stands for begins like a config. No config begins so
// itself: JSON needs a brace, YAML a colon or a hash, MIME a colon.
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
	out, err := unbase64(text)
	if err != nil || !beginsLikeConfig(out) {
		return nil, false
	}
	return out, true
}

func isBase64(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '+' || c == '/' || c == '=' ||
		c == '\n' || c == '\r'
}

// unbase64 undoes standard base64; line breaks and missing padding do not matter.
func unbase64(text []byte) ([]byte, error) {
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

// byteOrderMark is U+FEFF in UTF-8.
var byteOrderMark = []byte("\ufeff")

// beginsLikeConfig reports whether data may be a config: JSON, a cloud-config, a script,
// MIME, a Butane document, or one of them packed.
func beginsLikeConfig(data []byte) bool {
	if isGzip(data) {
		return true
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(data, byteOrderMark), " \t\r\n")
	for _, start := range []string{"{", "#cloud-config", "#!", "Content-Type:", "MIME-Version:", "From ", "variant:", "version:", "ignition:"} {
		if len(text) >= len(start) && bytes.EqualFold(text[:len(start)], []byte(start)) {
			return true
		}
	}
	return false
}

// declaredBase64 undoes the base64 that a protocol prescribes. A config that was not
// wrapped is taken as it is: its brace is no letter of base64.
func declaredBase64(data []byte) ([]byte, error) {
	if text := bytes.TrimSpace(data); len(text) == 0 || text[0] == '{' {
		return data, nil
	}
	return unbase64(data)
}

// Unpack makes a Config of what was read at a place: it undoes the encodings that the
// data shows. Data of no bytes is ErrNoConfig.
func Unpack(raw []byte, where string) (Config, error) {
	if len(raw) > maxConfig {
		return Config{}, fmt.Errorf("%s: %w", where, errTooLarge)
	}
	if len(raw) == 0 {
		return Config{}, fmt.Errorf("%s has %w: it has no bytes", where, ErrNoConfig)
	}
	data, undone, err := decode(raw)
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w", where, err)
	}
	if len(data) == 0 {
		return Config{}, fmt.Errorf("%s has %w: it unpacks to no bytes", where, ErrNoConfig)
	}
	return Config{Data: data, Where: where, Encodings: undone, Size: len(raw)}, nil
}

// trimNUL removes the bytes that fill up blocks and fifos.
func trimNUL(data []byte) []byte { return bytes.Trim(data, "\x00") }
