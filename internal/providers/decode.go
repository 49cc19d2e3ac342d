package providers

import (
	"bytes"
	"fmt"

	"github.com/kindling-boot/kindling/config/dialect"
	"github.com/kindling-boot/kindling/config/source"
)

// maxConfig is the number of bytes of a config, packed or not: the limit of the parser.
const maxConfig = source.MaxJSON

// errTooLarge says that a config is beyond maxConfig.
var errTooLarge = fmt.Errorf("%w: it has more than %d MiB", source.ErrTooLarge, maxConfig>>20)

// declaredBase64 undoes the base64 that a protocol prescribes. A config that was not
// wrapped is taken as it is: its brace is no letter of base64.
func declaredBase64(data []byte) ([]byte, error) {
	if text := bytes.TrimSpace(data); len(text) == 0 || text[0] == '{' {
		return data, nil
	}
	return dialect.DecodeBase64(data)
}

// Unpack makes a Config of what was read at a place: it undoes the encodings that the
// data shows. Data of no bytes is ErrNoConfig.
func Unpack(raw []byte, where string) (Config, error) {
	if len(raw) == 0 {
		return Config{}, fmt.Errorf("%s has %w: it has no bytes", where, ErrNoConfig)
	}
	data, undone, err := dialect.Unwrap(raw, maxConfig)
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
