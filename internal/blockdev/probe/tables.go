package probe

import (
	"hash/crc32"
	"slices"
	"strings"

	"github.com/kindling-boot/kindling/internal/blockdev/gpt"
)

// gptMagics are the headers of both copies, for both sizes of sectors
// (UEFI 2.10, section 5.3.2).
func gptMagics() []magic {
	const header = "EFI PART"
	return []magic{{512, header, nil}, {4096, header, nil}, {0, header, fromEnd(1)}, {0, header, fromEnd(8)}}
}

// gptHeader checks the sum of a header. Whether the table can be used is for package gpt.
func gptHeader(v *view, at int64) *Signature {
	h := v.bytes(at, 512)
	if h == nil {
		return nil
	}
	size := le.Uint32(h[12:])
	if size < 92 || size > uint32(len(h)) {
		return nil
	}
	sum := slices.Clone(h[:size])
	clear(sum[16:20])
	if crc32.ChecksumIEEE(sum) != le.Uint32(h[16:]) {
		return nil
	}
	return &Signature{UUID: strings.ToLower(gpt.GUID(h[56:72]).String())}
}

// protectiveMBR is the record that keeps others off a GPT (UEFI 2.10, section 5.2.3).
func protectiveMBR(v *view, _ int64) *Signature {
	for _, r := range dosRecords(v.bytes(0, 512)) {
		if r.kind == 0xee {
			return &Signature{}
		}
	}
	return nil
}

// sun checks the sum of a Sun disk label (linux/block/partitions/sun.c).
func sun(v *view, _ int64) *Signature {
	h := v.bytes(0, 512)
	if h == nil {
		return nil
	}
	var sum uint16
	for i := 0; i < len(h); i += 2 {
		sum ^= be.Uint16(h[i:])
	}
	if sum != 0 {
		return nil
	}
	return &Signature{}
}

// mac wants the first entry of the map behind the driver descriptor
// (linux/block/partitions/mac.h).
func mac(v *view, _ int64) *Signature {
	h := v.bytes(0, 4)
	if h == nil || !powerOfTwo(uint64(be.Uint16(h[2:])), 512, 4096) || !v.has(int64(be.Uint16(h[2:])), "PM") {
		return nil
	}
	return &Signature{}
}

// bsd wants the second magic of struct bsd_disklabel (linux/block/partitions/msdos.c).
func bsd(v *view, at int64) *Signature {
	if !v.has(at+132, "\x57\x45\x56\x82") {
		return nil
	}
	return &Signature{}
}
