package probe

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// bootSignature ends boot sectors and master boot records.
const bootSignature = "\x55\xaa"

// Limits of clusters in Microsoft's FAT specification (fatgen103): a FAT has the size
// of its cluster numbers.
const (
	fat12Clusters = 0xff4
	fat16Clusters = 0xfff4
	fat32Clusters = 0x0ffffff6
)

// fat decodes a boot sector of FAT12, FAT16 or FAT32 and looks for the label in the
// root directory.
func fat(v *view, at int64) *Signature {
	b := v.bytes(0, 512)
	if b == nil {
		return nil
	}
	if at == 0 || at == 0x1fe { // a jump and the signature begin and end other boot sectors too
		name := string(b[54:62])
		if string(b[510:]) != bootSignature || name == "JFS     " || name == "HPFS    " || string(b[3:11]) == "NTFS    " || string(b[3:11]) == "EXFAT   " {
			return nil
		}
	}
	sector, cluster, reserved, fats := uint64(le.Uint16(b[11:])), uint64(b[13]), uint64(le.Uint16(b[14:])), uint64(b[16])
	entries, sectors, media, length := uint64(le.Uint16(b[17:])), uint64(le.Uint16(b[19:])), b[21], uint64(le.Uint16(b[22:]))
	if sectors == 0 {
		sectors = uint64(le.Uint32(b[32:]))
	}
	isFAT32 := length == 0
	if isFAT32 {
		length = uint64(le.Uint32(b[36:]))
	}
	if fats == 0 || reserved == 0 || length == 0 || sectors == 0 || media < 0xf8 && media != 0xf0 ||
		!powerOfTwo(cluster, 1, 128) || !powerOfTwo(sector, 512, 4096) {
		return nil
	}
	meta := reserved + length*fats + (entries*32+sector-1)/sector
	if sectors < meta {
		return nil
	}
	clusters := (sectors - meta) / cluster
	s := &Signature{Version: "FAT12"}
	switch {
	case isFAT32 && clusters <= fat32Clusters:
		s.Version = "FAT32"
	case isFAT32 || clusters > fat16Clusters:
		return nil
	case clusters > fat12Clusters:
		s.Version = "FAT16"
	}
	extended := b[38:] // signature, serial number, label, type
	if isFAT32 {
		extended = b[66:]
		if info := le.Uint16(b[48:]); info != 0 && !fatInfo(v.bytes(int64(info)*int64(sector), 512)) {
			return nil
		}
	}
	if extended[0] == 0x28 || extended[0] == 0x29 {
		s.UUID = serial(extended[1:])
	}
	root := int64((reserved + length*fats) * sector)
	if isFAT32 {
		data := root
		chain := le.Uint32(b[44:])
		for range 100 { // enough for a directory; a damaged chain may be a circle
			if chain < 2 || uint64(chain) >= clusters+2 {
				break
			}
			dir := v.upTo(data+int64(uint64(chain-2)*cluster*sector), int(cluster*sector))
			label, end := fatLabel(dir)
			s.Label = label
			next := v.bytes(int64(reserved*sector)+4*int64(chain), 4)
			if end || next == nil {
				break
			}
			chain = le.Uint32(next) & 0x0fffffff
		}
		return s
	}
	s.Label, _ = fatLabel(v.upTo(root, int(entries*32)))
	return s
}

// fatInfo checks the FSInfo sector of FAT32; mkfs of some cameras leaves it empty.
func fatInfo(raw []byte) bool {
	if raw == nil {
		return false
	}
	first, second := string(raw[:4]), string(raw[484:488])
	const none = "\x00\x00\x00\x00"
	return (first == "RRaA" || first == "RRdA" || first == none) && (second == "rrAa" || second == none)
}

// fatLabel finds the volume label among directory entries; end says that there are no
// more of them.
func fatLabel(dir []byte) (label string, end bool) {
	if dir == nil {
		return "", true
	}
	for ; len(dir) >= 32; dir = dir[32:] {
		e := dir[:32]
		switch attributes := e[11]; {
		case e[0] == 0:
			return "", true
		case e[0] == 0xe5, attributes&0x3f == 0x0f, attributes&0x18 != 0x08, le.Uint16(e[20:]) != 0, le.Uint16(e[26:]) != 0:
			continue
		}
		if e[0] == 0x05 {
			e[0] = 0xe5
		}
		if name := string(e[:11]); name != "NO NAME    " {
			label = text(e[:11])
		}
		return label, true
	}
	return "", false
}

// serial is how a volume serial number of FAT and exFAT is written.
func serial(raw []byte) string {
	return fmt.Sprintf("%02X%02X-%02X%02X", raw[3], raw[2], raw[1], raw[0])
}

// exfat decodes the main boot sector (Microsoft, exFAT file system specification, 3.1).
func exfat(v *view, _ int64) *Signature {
	b := v.bytes(0, 512)
	if b == nil || strings.Trim(string(b[11:64]), "\x00") != "" || b[108] < 9 || b[108] > 12 || b[109] > 25-b[108] || b[110] < 1 || b[110] > 2 {
		return nil
	}
	sector := int64(1) << b[108]
	s := &Signature{UUID: serial(b[100:]), Version: fmt.Sprintf("%d.%d", b[105], b[104])}
	cluster := sector << b[109]
	fatAt, heap, count := int64(le.Uint32(b[80:]))*sector, int64(le.Uint32(b[88:]))*sector, le.Uint32(b[92:])
	chain := le.Uint32(b[96:])
	for range 100 {
		if chain < 2 || chain-2 >= count {
			break
		}
		// The label is among the first entries; a whole cluster may have 32 MiB.
		dir := v.bytes(heap+int64(chain-2)*cluster, int(min(cluster, 4096)))
		for ; len(dir) >= 32 && dir[0] != 0; dir = dir[32:] {
			if dir[0] == 0x83 && dir[1] <= 11 { // 7.3: volume label
				s.Label = text16(dir[2:2+2*int(dir[1])], le)
				return s
			}
		}
		next := v.bytes(fatAt+4*int64(chain), 4)
		if len(dir) >= 32 || next == nil {
			break
		}
		chain = le.Uint32(next)
	}
	return s
}

// ntfs decodes the boot sector and the record of the file $Volume, which holds the
// label (linux/fs/ntfs3/ntfs.h: struct NTFS_BOOT, MFT_REC, ATTRIB).
func ntfs(v *view, _ int64) *Signature {
	b := v.bytes(0, 512)
	if b == nil {
		return nil
	}
	sector, perCluster := int64(le.Uint16(b[11:])), int64(b[13])
	if perCluster > 128 {
		perCluster = 1 << min(uint(-int8(b[13])), 31)
	}
	record := int64(int8(b[64])) * sector * perCluster
	if int8(b[64]) < 0 {
		record = 1 << min(uint(-int8(b[64])), 31)
	}
	if !powerOfTwo(uint64(sector), 256, 4096) || !powerOfTwo(uint64(perCluster), 1, 1<<21) || record < 256 || record > 1<<16 || le.Uint16(b[14:]) != 0 {
		return nil
	}
	mft := int64(le.Uint64(b[48:]))
	if mft <= 0 || mft > v.size/sector/perCluster || !v.has(mft*sector*perCluster, "FILE") {
		return nil
	}
	const volume = 3 // MFT_REC_VOL
	s := &Signature{UUID: fmt.Sprintf("%016X", le.Uint64(b[72:]))}
	rec := v.bytes(mft*sector*perCluster+volume*record, int(record))
	if rec == nil || string(rec[:4]) != "FILE" {
		return nil
	}
	for at := int(le.Uint16(rec[20:])); at+24 <= len(rec); {
		kind, size := le.Uint32(rec[at:]), int(le.Uint32(rec[at+4:]))
		if size < 24 || size > len(rec)-at || kind == 0xffffffff {
			break
		}
		if kind == 0x60 { // ATTR_LABEL
			length, from := int(le.Uint32(rec[at+16:])), int(le.Uint16(rec[at+20:]))
			if length >= 0 && from+length <= size {
				s.Label = text16(rec[at+from:at+from+length], le)
			}
			break
		}
		at += size
	}
	return s
}

// record is a partition of a master boot record, in sectors of 512 bytes.
type record struct {
	kind        byte
	start, size int64
}

// dosRecords are the used records of a sector that may be a master boot record; none
// if its signature or a status byte is wrong.
func dosRecords(boot []byte) []record {
	if len(boot) < 512 || string(boot[510:512]) != bootSignature {
		return nil
	}
	var records []record
	for at := 446; at < 510; at += 16 {
		if boot[at]&0x7f != 0 {
			return nil
		}
		if boot[at+4] != 0 {
			records = append(records, record{boot[at+4], int64(le.Uint32(boot[at+8:])), int64(le.Uint32(boot[at+12:]))})
		}
	}
	return records
}

// dos decodes a master boot record. Boot sectors look the same when they have zeros
// there: one partition at least has to have a size.
func dos(v *view, _ int64) *Signature {
	boot := v.bytes(0, 512)
	for _, r := range dosRecords(boot) {
		if r.size > 0 {
			return &Signature{UUID: diskID(boot)}
		}
	}
	return nil
}

// diskID is the disk signature, PTUUID in blkid.
func diskID(boot []byte) string {
	if le.Uint32(boot[440:]) == 0 {
		return ""
	}
	return hex.EncodeToString([]byte{boot[443], boot[442], boot[441], boot[440]})
}
