package gpt

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// GUID identifies a disk, a partition or a partition type, in the bytes of the disk:
// the first three groups are little-endian (UEFI 2.10, appendix A). The zero GUID
// means none; as a type it marks an unused entry (table 5.7).
type GUID [16]byte

// LinuxFilesystem is the type of partitions that ask for none: Linux filesystem data,
// as sgdisk gives it (Discoverable Partitions Specification, "Generic Linux Data").
var LinuxFilesystem = GUID{0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47, 0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d, 0xe4}

// ParseGUID reads the usual text, of either case:
// "0FC63DAF-8483-4772-8E79-3D69D8477DE4".
func ParseGUID(text string) (GUID, error) {
	var g GUID
	raw, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(raw) != len(g) || len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return g, fmt.Errorf("%q is not a GUID: want 32 hexadecimal digits in groups of 8-4-4-4-12", text)
	}
	binary.LittleEndian.PutUint32(g[0:], binary.BigEndian.Uint32(raw[0:]))
	binary.LittleEndian.PutUint16(g[4:], binary.BigEndian.Uint16(raw[4:]))
	binary.LittleEndian.PutUint16(g[6:], binary.BigEndian.Uint16(raw[6:]))
	copy(g[8:], raw[8:])
	return g, nil
}

// RandomGUID returns a GUID of version 4 (RFC 9562, section 5.4).
func RandomGUID() GUID {
	var g GUID
	_, _ = rand.Read(g[:]) // never fails: crypto/rand
	g[7] = g[7]&0x0f | 0x40
	g[8] = g[8]&0x3f | 0x80
	return g
}

// String is the GUID in capitals, as sgdisk prints it.
func (g GUID) String() string {
	return fmt.Sprintf("%08X-%04X-%04X-%04X-%012X",
		binary.LittleEndian.Uint32(g[0:]), binary.LittleEndian.Uint16(g[4:]), binary.LittleEndian.Uint16(g[6:]), g[8:10], g[10:])
}
