package probe

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/kindling-boot/kindling/internal/blockdev/gpt"
)

// linux/raid/md_p.h: MD_SB_MAGIC; a superblock of version 0.90 is in the byte order of
// the machine that made it.
const (
	mdMagicLE = "\xfc\x4e\x2b\xa9"
	mdMagicBE = "\xa9\x2b\x4e\xfc"
)

// md090 is MD_NEW_SIZE_SECTORS of linux/raid/md_p.h: the last 64 KiB on a boundary of
// 64 KiB that leave 64 KiB.
func md090(size int64) int64 { return size&^0xffff - 0x10000 }

// md10 is where version 1.0 is (drivers/md/md.c, super_1_load): at least 8 KiB before
// the end, on a boundary of 4 KiB.
func md10(size int64) int64 { return (size/512 - 16) &^ 7 * 512 }

// mdRAID decodes struct mdp_superblock_s (version 0.90) or mdp_superblock_1.
func mdRAID(v *view, at int64) *Signature {
	sb := v.bytes(at, 256)
	if sb == nil {
		return nil
	}
	order := binary.ByteOrder(le)
	if string(sb[:4]) == mdMagicBE {
		order = be
	}
	switch order.Uint32(sb[4:]) {
	case 0:
		if at != md090(v.size) || v.insidePartition(at) {
			return nil
		}
		id := make([]byte, 16)
		for i, from := range []int{20, 52, 56, 60} { // set_uuid0 to 3
			be.PutUint32(id[4*i:], order.Uint32(sb[from:]))
		}
		return &Signature{UUID: uuid(id), Version: fmt.Sprintf("0.%d.%d", order.Uint32(sb[8:]), order.Uint32(sb[12:]))}
	case 1:
		version, known := map[int64]string{0: "1.1", 4096: "1.2", md10(v.size): "1.0"}[at]
		// super_offset says where it was written to.
		if !known || string(sb[:4]) != mdMagicLE || le.Uint64(sb[144:]) != uint64(at/512) || version == "1.0" && v.insidePartition(at) {
			return nil
		}
		return &Signature{UUID: uuid(sb[16:]), UUIDSub: uuid(sb[168:]), Label: text(sb[32:64]), Version: version}
	}
	return nil
}

// insidePartition says that an offset of a disk belongs to one of its partitions: what
// is at the end of the last partition may be at the end of the disk as well.
func (v *view) insidePartition(at int64) bool {
	for _, sectorSize := range []int{512, 4096} {
		t, err := gpt.Read(v.r, v.size, sectorSize)
		if err != nil {
			continue
		}
		sector := uint64(at / int64(sectorSize))
		return len(t.Find(func(p gpt.Partition) bool { return p.First <= sector && sector <= p.Last })) > 0
	}
	boot := v.bytes(0, 512)
	for _, p := range dosRecords(boot) {
		if sector := at / 512; sector >= p.start && sector < p.start+p.size {
			return true
		}
	}
	return false
}

// ddfMagic is DDF_HEADER_MAGIC of the SNIA Common RAID Disk Data Format 2.0, big-endian
// (little-endian machines exist that got it wrong; mdadm refuses them too).
const ddfMagic = "\xde\x11\xde\x11"

// ddf decodes the anchor header: GUID at 8, as the bytes it is, and version at 32.
func ddf(v *view, at int64) *Signature {
	h := v.bytes(at, 512)
	if h == nil {
		return nil
	}
	return &Signature{UUID: text(h[8:32]), Version: text(h[32:40])}
}

// intelRAID decodes the metadata of Intel Matrix RAID (mdadm, super-intel.c: struct
// imsm_super): the version follows the signature.
func intelRAID(v *view, at int64) *Signature {
	return &Signature{Version: text(v.bytes(at+24, 6))}
}

// lvm2 decodes a label of LVM2 (lib/format_text/layout.h, label/label.h): it is in one
// of the first four sectors, and its sum covers what follows it.
func lvm2(v *view, at int64) *Signature {
	const idBytes = 32
	h := v.bytes(at-24, 512)
	if h == nil || string(h[:8]) != "LABELONE" || le.Uint64(h[8:]) != uint64(at/512) {
		return nil
	}
	// The CRC of the usual polynomial, from another start and without the last inversion.
	damaged := ^crc32.Update(^uint32(0xf597a6cf), crc32.IEEETable, h[20:]) != le.Uint32(h[16:])
	from := int(le.Uint32(h[20:]))
	if from < 32 || from > len(h)-idBytes {
		return &Signature{Damaged: true}
	}
	id := string(h[from : from+idBytes])
	var parts []string
	for _, n := range []int{6, 4, 4, 4, 4, 4, 6} {
		parts = append(parts, id[:n])
		id = id[n:]
	}
	return &Signature{UUID: strings.Join(parts, "-"), Version: "LVM2 001", Damaged: damaged}
}

// bcache decodes struct cache_sb of linux/bcache.h, which lies at 4 KiB and says so.
func bcache(v *view, _ int64) *Signature {
	sb := v.bytes(0x1000, 64)
	if sb == nil || le.Uint64(sb[8:]) != 8 {
		return nil
	}
	return &Signature{UUID: uuid(sb[40:])}
}

// luksMagics are that of the first header and of the second one of LUKS2, which is at
// one of these offsets (LUKS2 On-Disk Format Specification 1.1, section 2.1).
func luksMagics() []magic {
	all := []magic{{0, "LUKS\xba\xbe", nil}}
	for at := int64(0x4000); at <= 0x400000; at *= 2 {
		all = append(all, magic{at, "SKUL\xba\xbe", nil})
	}
	return all
}

// luks decodes both versions: struct luks_phdr (LUKS On-Disk Format 1.2.3) and
// luks2_hdr_disk.
func luks(v *view, at int64) *Signature {
	h := v.bytes(at, 512)
	if h == nil {
		return nil
	}
	switch version := be.Uint16(h[6:]); {
	case version == 1 && at == 0:
		return &Signature{Version: "1", UUID: text(h[168:208])}
	case version == 2 && be.Uint64(h[256:]) == uint64(at): // hdr_offset
		return &Signature{Version: "2", UUID: text(h[168:208]), Label: text(h[24:72])}
	}
	return nil
}

// verity decodes struct verity_sb of cryptsetup, lib/verity/verity.c.
func verity(v *view, _ int64) *Signature {
	sb := v.bytes(0, 512)
	if sb == nil || le.Uint32(sb[8:]) != 1 {
		return nil
	}
	return &Signature{Version: strconv.Itoa(int(le.Uint32(sb[8:]))), UUID: uuid(sb[16:])}
}
