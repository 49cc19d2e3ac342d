package probe

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"unicode/utf16"
)

var (
	le = binary.LittleEndian
	be = binary.BigEndian
)

// uuid formats 16 bytes as blkid does, nothing if they are zero.
func uuid(raw []byte) string {
	if len(raw) < 16 || bytes.Equal(raw[:16], make([]byte, 16)) {
		return ""
	}
	h := hex.EncodeToString(raw[:16])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// text is a name up to the first NUL, without white space at its end.
func text(raw []byte) string {
	raw, _, _ = bytes.Cut(raw, []byte{0})
	return strings.TrimRight(string(raw), " \t\n\v\f\r")
}

// text16 is the same in UTF-16.
func text16(raw []byte, order binary.ByteOrder) string {
	units := make([]uint16, 0, len(raw)/2)
	for i := 0; i+1 < len(raw); i += 2 {
		u := order.Uint16(raw[i:])
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return strings.TrimRight(string(utf16.Decode(units)), " \t\n\v\f\r")
}

func powerOfTwo(n, least, most uint64) bool { return n >= least && n <= most && n&(n-1) == 0 }
