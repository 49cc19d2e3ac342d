package sight

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/kindling-boot/kindling/config/json"
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

	sequence uint64 // counts changes of the header
	size     int64  // of a header, in bytes
}

// ErrNoLUKS reports a device without a LUKS header.
var ErrNoLUKS = errors.New("there is no LUKS header")

// Places and sizes of the binary header, in bytes.
const (
	luksBinary    = 4096
	luksMaxHeader = 4 << 20
	// luksFirstCopy is the first place of the second header; each further one is twice as
	// far away, up to luksMaxHeader: §2.2.
	luksFirstCopy = 16 << 10
)

var luksMagic, luksCopyMagic = []byte("LUKS\xba\xbe"), []byte("SKUL\xba\xbe")

// ReadLUKS reads the header of a volume of this machine; ErrNoLUKS if there is none. With
// an error, what is known of a damaged header, or of the second one when the first is gone,
// is returned besides.
func ReadLUKS(node string) (h LUKS, err error) {
	f, err := os.Open(node)
	if err != nil {
		return h, fmt.Errorf("read LUKS header: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	return parseLUKS(f)
}

// parseLUKS returns the header that counts: of the two, one may be damaged or older, when a
// change of it was interrupted.
func parseLUKS(r io.ReaderAt) (LUKS, error) {
	first, firstErr := parseHeader(r, 0, luksMagic)
	if firstErr == nil && first.Version != 2 {
		return first, nil
	}
	for at := int64(luksFirstCopy); at <= luksMaxHeader; at *= 2 {
		second, err := parseHeader(r, at, luksCopyMagic)
		switch {
		case err != nil || firstErr == nil && at != first.size:
		case errors.Is(firstErr, ErrNoLUKS):
			return second, ErrNoLUKS
		case firstErr != nil || second.sequence > first.sequence:
			return second, nil
		}
	}
	return first, firstErr
}

// parseHeader reads a header at one of its places.
func parseHeader(r io.ReaderAt, at int64, magic []byte) (h LUKS, err error) {
	b := make([]byte, luksBinary)
	if _, err := r.ReadAt(b, at); err != nil && !errors.Is(err, io.EOF) {
		return h, fmt.Errorf("read LUKS header: %w", err)
	}
	if !bytes.HasPrefix(b, magic) {
		return h, ErrNoLUKS
	}
	if h.Version = int(binary.BigEndian.Uint16(b[6:])); h.Version != 2 {
		h.UUID = text(b[168:208])
		return h, nil
	}
	h.Label, h.UUID, h.Subsystem = text(b[24:72]), text(b[168:208]), text(b[208:256])
	h.sequence = binary.BigEndian.Uint64(b[16:])
	size := binary.BigEndian.Uint64(b[8:])
	if size <= luksBinary || size > luksMaxHeader {
		return h, errors.New("the LUKS header has an impossible size")
	}
	h.size = int64(size)
	area := make([]byte, size-luksBinary)
	if _, err := r.ReadAt(area, at+luksBinary); err != nil {
		return h, fmt.Errorf("read LUKS header: %w", err)
	}
	sum := [sha256.Size]byte(b[448:])
	clear(b[448:512]) // the checksum is computed with zeros in its place
	if text(b[72:104]) == "sha256" && sha256.Sum256(append(b, area...)) != sum {
		return h, errors.New("the LUKS header is damaged: its checksum is wrong")
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
func (*Live) LUKS(node string) (LUKS, error) { return ReadLUKS(node) }
