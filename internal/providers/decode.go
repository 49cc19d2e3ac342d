package providers

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	"github.com/kindling-boot/kindling/config/dialect"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/internal/resource"
)

// maxConfig is the number of bytes of a config, packed or not: the limit of the parser, or
// what the machine has the memory for when the first one is read.
var maxConfig = sync.OnceValue(func() int { return resource.Affordable(source.MaxJSON) })

// tooLarge says that a config is beyond a limit.
func tooLarge(limit int) error {
	return fmt.Errorf("%w: it has more than %d MiB%s", source.ErrTooLarge, limit>>20, whyLimit(limit))
}

// whyLimit is why a limit is not that of the parser, to be added to an error; empty if it is.
func whyLimit(limit int) string {
	if limit < source.MaxJSON {
		return ", for which this machine has not enough memory"
	}
	return ""
}

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
	data, undone, err := dialect.Unwrap(raw, maxConfig())
	if errors.Is(err, source.ErrTooLarge) {
		return Config{}, fmt.Errorf("%s: %w%s", where, err, whyLimit(maxConfig()))
	}
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
