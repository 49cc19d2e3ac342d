package gpt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// Sizes and places of UEFI 2.10, sections 5.2.3 and 5.3.
const (
	signature      = "EFI PART"
	revision       = 0x00010000
	minHeaderSize  = 92  // table 5.5
	minEntrySize   = 128 // table 5.5, SizeOfPartitionEntry: 128 × 2ⁿ
	minArrayBytes  = 16384
	defaultEntries = minArrayBytes / minEntrySize
	// maxArrayBytes is our own limit: what a broken header may make us read.
	maxArrayBytes = 16 << 20
	// maxLabel is what the name of an entry holds, in UTF-16 units (table 5.6).
	maxLabel = 36
)

// Offsets in the header (table 5.5).
const (
	headerSizeAt     = 12
	headerCRCAt      = 16
	myLBAAt          = 24
	alternateLBAAt   = 32
	firstUsableAt    = 40
	lastUsableAt     = 48
	diskGUIDAt       = 56
	entriesLBAAt     = 72
	entryCountAt     = 80
	entrySizeAt      = 84
	entriesCRCAt     = 88
	headerRevisionAt = 8
)

// Offsets in an entry (table 5.6).
const (
	entryTypeAt       = 0
	entryGUIDAt       = 16
	entryFirstAt      = 32
	entryLastAt       = 40
	entryAttributesAt = 48
	entryNameAt       = 56
	entryNameEnd      = entryNameAt + 2*maxLabel
)

var le = binary.LittleEndian

// header is the sector of a header as it is on the disk. What this package does not
// know in it, it keeps.
type header []byte

func (h header) u64(at int) uint64      { return le.Uint64(h[at:]) }
func (h header) put64(at int, v uint64) { le.PutUint64(h[at:], v) }
func (h header) size() uint32           { return le.Uint32(h[headerSizeAt:]) }
func (h header) entryCount() uint32     { return le.Uint32(h[entryCountAt:]) }
func (h header) entrySize() uint32      { return le.Uint32(h[entrySizeAt:]) }
func (h header) arrayBytes() uint64     { return uint64(h.entryCount()) * uint64(h.entrySize()) }
func (h header) guid() GUID             { return GUID(h[diskGUIDAt : diskGUIDAt+16]) }
func (h header) entriesCRC() uint32     { return le.Uint32(h[entriesCRCAt:]) }
func (h header) clone() header          { return slices.Clone(h) }
func (h header) crc() (have, want uint32) {
	c := h[:h.size()].clone()
	le.PutUint32(c[headerCRCAt:], 0)
	return le.Uint32(h[headerCRCAt:]), crc32.ChecksumIEEE(c)
}

// sealed returns the header for a place, with both sums.
func (h header) sealed(mine, alternate, entriesLBA uint64, entries []byte) header {
	c := h.clone()
	c.put64(myLBAAt, mine)
	c.put64(alternateLBAAt, alternate)
	c.put64(entriesLBAAt, entriesLBA)
	le.PutUint32(c[entriesCRCAt:], crc32.ChecksumIEEE(entries))
	_, sum := c.crc()
	le.PutUint32(c[headerCRCAt:], sum)
	return c
}

// check says what makes the header unusable at LBA mine of a disk; nil if it is valid
// by itself (UEFI 2.10, section 5.3.2). The entries are checked by their reader.
func (h header) check(mine, sectors uint64, sectorSize int) error {
	switch {
	case string(h[:len(signature)]) != signature:
		return errors.New("no signature \"EFI PART\"")
	case le.Uint32(h[headerRevisionAt:])>>16 != revision>>16:
		return fmt.Errorf("revision %#x is unknown", le.Uint32(h[headerRevisionAt:]))
	case h.size() < minHeaderSize || int64(h.size()) > int64(sectorSize):
		return fmt.Errorf("header of %d bytes", h.size())
	}
	if have, want := h.crc(); have != want {
		return fmt.Errorf("checksum of the header is %#08x, should be %#08x", have, want)
	}
	first, last, entries := h.u64(firstUsableAt), h.u64(lastUsableAt), h.u64(entriesLBAAt)
	size := h.entrySize()
	array := (h.arrayBytes() + uint64(sectorSize) - 1) / uint64(sectorSize)
	switch {
	case h.u64(myLBAAt) != mine:
		return fmt.Errorf("it says to be at sector %d", h.u64(myLBAAt))
	case size < minEntrySize || size&(size-1) != 0 || h.entryCount() == 0 || h.arrayBytes() > maxArrayBytes:
		return fmt.Errorf("%d entries of %d bytes", h.entryCount(), size)
	case last >= sectors:
		return fmt.Errorf("it is made for a larger disk: sector %d is usable, the disk ends at %d", last, sectors-1)
	case first > last+1:
		return fmt.Errorf("the usable sectors go from %d to %d", first, last)
	case entries < 2 || entries >= sectors || array > sectors-entries || entries <= last && entries+array > first:
		return fmt.Errorf("the entries at sector %d lie outside the disk or among the partitions", entries)
	}
	return nil
}

// entry is one entry of the array as it is on the disk.
type entry []byte

func (e entry) used() bool { return GUID(e[entryTypeAt:entryTypeAt+16]) != GUID{} }

// label decodes the name up to the first NUL. Lone surrogates become U+FFFD.
func (e entry) label() string {
	units := make([]uint16, 0, maxLabel)
	for at := entryNameAt; at < entryNameEnd; at += 2 {
		u := le.Uint16(e[at:])
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units))
}

// encodeLabel returns the 72 bytes of a name.
func encodeLabel(label string) ([]byte, error) {
	units := utf16.Encode([]rune(label))
	switch {
	case !utf8.ValidString(label):
		return nil, errors.New("the label is not UTF-8")
	case slices.Contains(units, 0):
		return nil, errors.New("the label contains a NUL")
	case len(units) > maxLabel:
		return nil, fmt.Errorf("the label has %d UTF-16 units, an entry holds %d", len(units), maxLabel)
	}
	raw := make([]byte, 2*maxLabel)
	for i, u := range units {
		le.PutUint16(raw[2*i:], u)
	}
	return raw, nil
}
