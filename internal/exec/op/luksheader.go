package op

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// luksHeader is what the beginning of a LUKS volume says about it: LUKS2 On-Disk Format
// Specification 1.1.1, §2.1 (binary header) and §3 (JSON area).
type luksHeader struct {
	version                int
	label, uuid, subsystem string
	flags                  []string
	tokens                 map[string]luksToken
}

// luksToken tells how a key slot may be opened without a person.
type luksToken struct {
	Type string `json:"type"`
}

// Places and sizes of the binary header, in bytes.
const (
	luksBinary    = 4096
	luksMaxHeader = 4 << 20
)

var (
	luksMagic = []byte("LUKS\xba\xbe")
	errNoLUKS = errors.New("there is no LUKS header")
)

// readLUKS reads the header of a volume; errNoLUKS if there is none.
func readLUKS(node string) (h luksHeader, err error) {
	f, err := os.Open(node)
	if err != nil {
		return h, fmt.Errorf("read LUKS header: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	return parseLUKS(f)
}

func parseLUKS(r io.ReaderAt) (h luksHeader, err error) {
	b := make([]byte, luksBinary)
	if _, err := r.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return h, fmt.Errorf("read LUKS header: %w", err)
	}
	if !bytes.HasPrefix(b, luksMagic) {
		return h, errNoLUKS
	}
	if h.version = int(binary.BigEndian.Uint16(b[6:])); h.version != 2 {
		h.uuid = text(b[168:208])
		return h, nil
	}
	h.label, h.uuid, h.subsystem = text(b[24:72]), text(b[168:208]), text(b[208:256])
	size := binary.BigEndian.Uint64(b[8:])
	if size <= luksBinary || size > luksMaxHeader {
		return h, errors.New("the LUKS header has an impossible size")
	}
	area := make([]byte, size-luksBinary)
	if _, err := r.ReadAt(area, luksBinary); err != nil {
		return h, fmt.Errorf("read LUKS header: %w", err)
	}
	var meta struct {
		Tokens map[string]luksToken `json:"tokens"`
		Config struct {
			Flags []string `json:"flags"`
		} `json:"config"`
	}
	area, _, _ = bytes.Cut(area, []byte{0})
	if err := json.Unmarshal(area, &meta); err != nil {
		return h, errors.New("the LUKS header is damaged: its metadata is no JSON")
	}
	h.tokens, h.flags = meta.Tokens, meta.Config.Flags
	return h, nil
}

// text is what stands before the first NUL.
func text(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	return string(b)
}

// discards reports whether the volume lets TRIM pass whenever it is opened.
func (h luksHeader) discards() bool { return slices.Contains(h.flags, "allow-discards") }

// hasToken reports whether a key slot is opened by a kind of token.
func (h luksHeader) hasToken(kind string) bool {
	for _, t := range h.tokens {
		if t.Type == kind {
			return true
		}
	}
	return false
}
