package probe

import (
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
)

// Feature bits of linux/fs/ext4/ext4.h that tell ext2, ext3 and ext4 apart: what a
// driver of that time knows.
const (
	extHasJournal   = 0x4 // compatible
	extJournalDev   = 0x8 // incompatible
	ext3ROCompat    = 0x1 | 0x2 | 0x4
	ext2Incompat    = 0x2 | 0x10
	ext3Incompat    = ext2Incompat | 0x4
	extTestFlag     = 0x4 // s_flags
	extSuperblockAt = 1024
)

// ext decodes struct ext4_super_block of ext2, ext3, ext4 and their journals.
func ext(v *view, _ int64) *Signature {
	sb := v.bytes(extSuperblockAt, 1024)
	if sb == nil {
		return nil
	}
	compat, incompat, roCompat := le.Uint32(sb[92:]), le.Uint32(sb[96:]), le.Uint32(sb[100:])
	s := &Signature{
		Type: "ext4", UUID: uuid(sb[104:]), Label: text(sb[120:136]),
		Version: fmt.Sprintf("%d.%d", le.Uint32(sb[76:]), le.Uint16(sb[62:])),
	}
	switch journal := compat&extHasJournal != 0; {
	case incompat&extJournalDev != 0:
		s.Type, s.Usage = "jbd", Other
	case !journal && roCompat&^ext3ROCompat == 0 && incompat&^ext2Incompat == 0:
		s.Type = "ext2"
	case journal && roCompat&^ext3ROCompat == 0 && incompat&^ext3Incompat == 0:
		s.Type = "ext3"
	case le.Uint32(sb[0x160:])&extTestFlag != 0:
		s.Type = "ext4dev"
	}
	return s
}

// xfs decodes struct xfs_dsb of linux/fs/xfs/libxfs/xfs_format.h, big-endian. The sum of
// version 5 is not looked at: xfs_repair mends a superblock with a wrong one.
func xfs(v *view, _ int64) *Signature {
	sb := v.bytes(0, 512)
	if sb == nil {
		return nil
	}
	block, sector, inode := be.Uint32(sb[4:]), be.Uint16(sb[102:]), be.Uint16(sb[104:])
	if be.Uint32(sb[88:]) == 0 || // no allocation groups
		!powerOfTwo(uint64(sector), 512, 1<<15) || sb[121] > 15 || sector != 1<<sb[121] ||
		!powerOfTwo(uint64(block), 512, 1<<16) || sb[120] > 16 || block != 1<<sb[120] ||
		!powerOfTwo(uint64(inode), 256, 2048) || sb[122] > 11 || inode != 1<<sb[122] ||
		sb[120]-sb[122] != sb[123] || sb[127] > 100 { // share of inodes, in percent
		return nil
	}
	return &Signature{UUID: uuid(sb[32:]), Label: text(sb[108:120])}
}

// xfsLog decodes struct xlog_rec_header: an XFS log of its own, version 1 or 2.
func xfsLog(v *view, _ int64) *Signature {
	h := v.bytes(0, 320)
	if h == nil || be.Uint32(h[8:]) != 1 && be.Uint32(h[8:]) != 2 {
		return nil
	}
	return &Signature{UUID: uuid(h[304:])}
}

// btrfs decodes struct btrfs_super_block of linux/fs/btrfs/fs.h.
func btrfs(v *view, _ int64) *Signature {
	sb := v.bytes(0x10000, 1024)
	if sb == nil {
		return nil
	}
	return &Signature{UUID: uuid(sb[32:]), UUIDSub: uuid(sb[267:]), Label: text(sb[299 : 299+256])}
}

// swap decodes the second half of union swap_header of linux/swap.h. The header of the
// first version is only its magic.
func swap(v *view, at int64) *Signature {
	if v.has(at, "SWAP-SPACE") {
		return &Signature{Version: "0"}
	}
	h := v.bytes(1024, 512)
	if h == nil || le.Uint32(h) != 1 && be.Uint32(h) != 1 || le.Uint32(h[4:]) == 0 {
		return nil
	}
	s := &Signature{Version: "1"}
	if h[44] == 0 && h[45] == 0 { // room to grow that later versions might have used
		s.UUID, s.Label = uuid(h[12:]), text(h[28:44])
	}
	return s
}

// suspend decodes swap that holds a suspended system: the magic names who wrote it.
func suspend(v *view, at int64) *Signature {
	versions := map[string]string{"S1SUSPEN": "s1suspend", "S2SUSPEN": "s2suspend", "ULSUSPEN": "ulsuspend", "LINHIB00": "linhib0001"}
	s := &Signature{}
	if h := swap(v, at); h != nil {
		*s = *h
	}
	s.Version = versions[string(v.bytes(at, 8))]
	if s.Version == "" {
		s.Version = "tuxonice"
	}
	return s
}

// reiserMagics are those of linux/fs/reiserfs/reiserfs.h at both places of the
// superblock.
func reiserMagics() []magic {
	return []magic{
		{0x2034, "ReIsErFs", nil},
		{0x2014, "ReIsErFs", nil},
		{0x10034, "ReIsErFs", nil},
		{0x10034, "ReIsEr2Fs", nil},
		{0x10034, "ReIsEr3Fs", nil},
	}
}

func reiser(v *view, at int64) *Signature {
	start := at &^ 0xfff
	sb := v.bytes(start, 128)
	if sb == nil {
		return nil
	}
	s := &Signature{Version: "3.5"}
	switch v.bytes(at, 7)[6] {
	case '2':
		s.Version = "3.6"
	case '3':
		s.Version = "JR"
	}
	if s.Version != "3.5" {
		s.UUID, s.Label = uuid(sb[84:]), text(sb[100:116])
	}
	return s
}

// jfs decodes struct jfs_superblock of linux/fs/jfs/jfs_superblock.h; sizes come with
// their logarithms.
func jfs(v *view, _ int64) *Signature {
	sb := v.bytes(0x8000, 512)
	if sb == nil || sb[20] > 31 || le.Uint32(sb[16:]) != 1<<sb[20] || sb[28] > 31 || le.Uint32(sb[24:]) != 1<<sb[28] {
		return nil
	}
	return &Signature{UUID: uuid(sb[136:]), Label: text(sb[152:168])}
}

// nilfsBackup is where the second superblock is: linux/nilfs2_ondisk.h,
// NILFS_SB2_OFFSET_BYTES.
func nilfsBackup(size int64) int64 { return size&^4095 - 4096 }

// nilfs2 decodes struct nilfs_super_block of linux/nilfs2_ondisk.h, with its sum.
func nilfs2(v *view, at int64) *Signature {
	sb := v.bytes(at-6, 1024)
	if sb == nil {
		return nil
	}
	size := int(le.Uint16(sb[8:])) // s_bytes
	if size < 20 || size > len(sb) {
		return nil
	}
	sum := slices.Clone(sb[:size])
	clear(sum[16:20])
	// A CRC from a start of its own and without inversions.
	damaged := ^crc32.Update(^le.Uint32(sb[12:]), crc32.IEEETable, sum) != le.Uint32(sb[16:])
	return &Signature{Damaged: damaged, UUID: uuid(sb[152:]), Label: text(sb[168:248]), Version: strconv.Itoa(int(le.Uint32(sb)))}
}

// f2fs decodes struct f2fs_super_block of linux/f2fs_fs.h.
func f2fs(v *view, _ int64) *Signature {
	sb := v.bytes(1024, 2048)
	if sb == nil {
		return nil
	}
	return &Signature{
		UUID: uuid(sb[108:]), Label: text16(sb[124:124+1024], le),
		Version: fmt.Sprintf("%d.%d", le.Uint16(sb[4:]), le.Uint16(sb[6:])),
	}
}

// erofs decodes struct erofs_super_block of linux/fs/erofs/erofs_fs.h.
func erofs(v *view, _ int64) *Signature {
	sb := v.bytes(1024, 128)
	if sb == nil {
		return nil
	}
	return &Signature{UUID: uuid(sb[48:]), Label: text(sb[64:80])}
}

// squashfs decodes struct squashfs_super_block of linux/fs/squashfs/squashfs_fs.h; up
// to version 3 in either byte order.
func squashfs(v *view, _ int64) *Signature {
	sb := v.bytes(0, 32)
	if sb == nil {
		return nil
	}
	major, minor := le.Uint16(sb[28:]), le.Uint16(sb[30:])
	if string(sb[:4]) == "sqsh" {
		major, minor = be.Uint16(sb[28:]), be.Uint16(sb[30:])
	}
	s := &Signature{Version: fmt.Sprintf("%d.%d", major, minor)}
	switch {
	case major <= 3:
		s.Type = "squashfs3"
	case string(sb[:4]) != "hsqs":
		return nil
	}
	return s
}
