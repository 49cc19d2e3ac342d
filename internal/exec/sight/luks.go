package sight

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

// LUKS is what the beginning of a LUKS volume says about it: LUKS2 On-Disk Format
// Specification 1.1.1, §2.1 (binary header) and §3 (JSON area).
type LUKS struct {
	Version   int    `json:"version"`
	Label     string `json:"label,omitempty"`
	UUID      string `json:"uuid,omitempty"`
	Subsystem string `json:"subsystem,omitempty"`
	// Flags are those with which the volume is opened: allow-discards.
	Flags []string `json:"flags,omitempty"`
	// Tokens are the kinds of ways to open it without a person: clevis.
	Tokens []string `json:"tokens,omitempty"`
}

// ErrNoLUKS reports a device without a LUKS header.
var ErrNoLUKS = errors.New("there is no LUKS header")

// Places and sizes of the binary header, in bytes.
const (
	luksBinary    = 4096
	luksMaxHeader = 4 << 20
)

var luksMagic = []byte("LUKS\xba\xbe")

// ReadLUKS reads the header of a volume of this machine; ErrNoLUKS if there is none.
func ReadLUKS(node string) (h LUKS, err error) {
	f, err := os.Open(node)
	if err != nil {
		return h, fmt.Errorf("read LUKS header: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	return parseLUKS(f)
}

func parseLUKS(r io.ReaderAt) (h LUKS, err error) {
	b := make([]byte, luksBinary)
	if _, err := r.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return h, fmt.Errorf("read LUKS header: %w", err)
	}
	if !bytes.HasPrefix(b, luksMagic) {
		return h, ErrNoLUKS
	}
	if h.Version = int(binary.BigEndian.Uint16(b[6:])); h.Version != 2 {
		h.UUID = text(b[168:208])
		return h, nil
	}
	h.Label, h.UUID, h.Subsystem = text(b[24:72]), text(b[168:208]), text(b[208:256])
	size := binary.BigEndian.Uint64(b[8:])
	if size <= luksBinary || size > luksMaxHeader {
		return h, errors.New("the LUKS header has an impossible size")
	}
	area := make([]byte, size-luksBinary)
	if _, err := r.ReadAt(area, luksBinary); err != nil {
		return h, fmt.Errorf("read LUKS header: %w", err)
	}
	var meta struct {
		Tokens map[string]struct {
			Type string `json:"type"`
		} `json:"tokens"`
		Config struct {
			Flags []string `json:"flags"`
		} `json:"config"`
	}
	area, _, _ = bytes.Cut(area, []byte{0})
	if err := json.Unmarshal(area, &meta); err != nil {
		return h, errors.New("the LUKS header is damaged: its metadata is no JSON")
	}
	h.Flags = meta.Config.Flags
	for _, t := range meta.Tokens {
		h.Tokens = append(h.Tokens, t.Type)
	}
	slices.Sort(h.Tokens)
	return h, nil
}

// text is what stands before the first NUL.
func text(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	return string(b)
}

// Discards reports whether the volume lets TRIM pass whenever it is opened.
func (h LUKS) Discards() bool { return slices.Contains(h.Flags, "allow-discards") }

// HasToken reports whether a key slot is opened by a kind of token.
func (h LUKS) HasToken(kind string) bool { return slices.Contains(h.Tokens, kind) }

// LUKS implements Sight.
func (Live) LUKS(node string) (LUKS, error) { return ReadLUKS(node) }
