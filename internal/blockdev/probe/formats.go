package probe

import "slices"

// formats are all formats in the order in which blkid tries them: what may hold others
// comes first. Each magic stands where the header named beside its decoder defines it.
var formats = []format{
	{name: "linux_raid_member", usage: RAID, min: 64 << 10, magics: []magic{
		{0, mdMagicLE, md090}, {0, mdMagicBE, md090}, {0, mdMagicLE, md10}, {0, mdMagicLE, nil}, {4096, mdMagicLE, nil},
	}, decode: mdRAID},
	{name: "ddf_raid_member", usage: RAID, magics: []magic{{0, ddfMagic, fromEnd(1)}, {0, ddfMagic, fromEnd(257)}}, decode: ddf},
	{name: "isw_raid_member", usage: RAID, magics: []magic{{0, "Intel Raid ISM Cfg Sig. ", fromEnd(2)}}, decode: intelRAID},
	{name: "bcache", usage: Other, magics: []magic{{0x1018, "\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81", nil}}, decode: bcache},
	{name: "LVM2_member", usage: RAID, min: 64 << 10, magics: []magic{
		{0x018, "LVM2 001", nil}, {0x218, "LVM2 001", nil}, {0x418, "LVM2 001", nil}, {0x618, "LVM2 001", nil},
	}, decode: lvm2},
	{name: "DM_verity_hash", usage: Crypto, magics: []magic{{0, "verity\x00\x00", nil}}, decode: verity},
	{name: "crypto_LUKS", usage: Crypto, magics: luksMagics(), decode: luks},
	{name: "BitLocker", usage: Crypto, magics: []magic{{0, "\xeb\x58\x90-FVE-FS-", nil}, {0, "\xeb\x52\x90-FVE-FS-", nil}}},
	{name: "VMFS_volume_member", usage: RAID, magics: []magic{{0x100000, "\x0d\xd0\x01\xc0", nil}}},
	{name: "vdo", usage: Other, magics: []magic{{0, "dmvdo001", nil}}},
	{name: "stratis", usage: Other, magics: []magic{{0x204, "!Stra0tis\x86\xff\x02^\x41rh", nil}, {0x1204, "!Stra0tis\x86\xff\x02^\x41rh", nil}}},
	{name: "vfat", usage: Filesystem, magics: []magic{
		{0x52, "MSWIN", nil},
		{0x52, "FAT32   ", nil},
		{0x36, "MSDOS", nil},
		{0x36, "FAT16   ", nil},
		{0x36, "FAT12   ", nil},
		{0x36, "FAT     ", nil},
		{0, "\xeb", nil},
		{0, "\xe9", nil},
		{0x1fe, bootSignature, nil},
	}, decode: fat},
	{name: "swsuspend", usage: Other, min: 40 << 10, magics: pageEnds("S1SUSPEND", "S2SUSPEND", "ULSUSPEND", "LINHIB0001", "\xed\xc3\x02\xe9\x98\x56\xe5\x0c"), decode: suspend},
	{name: "swap", usage: Other, min: 40 << 10, magics: pageEnds("SWAP-SPACE", "SWAPSPACE2"), decode: swap},
	{name: "xfs", usage: Filesystem, magics: []magic{{0, "XFSB", nil}}, decode: xfs},
	{name: "xfs_external_log", usage: Other, magics: []magic{{0, "\xfe\xed\xba\xbe", nil}}, decode: xfsLog},
	{name: "ext", usage: Filesystem, magics: []magic{{0x438, "\x53\xef", nil}}, decode: ext},
	{name: "reiserfs", usage: Filesystem, magics: reiserMagics(), decode: reiser},
	{name: "jfs", usage: Filesystem, min: 16 << 20, magics: []magic{{0x8000, "JFS1", nil}}, decode: jfs},
	{name: "udf", usage: Filesystem, magics: udfMagics(), decode: udf, tolerant: true},
	{name: "iso9660", usage: Filesystem, magics: []magic{{0x8001, "CD001", nil}}, decode: iso9660, tolerant: true},
	{name: "zfs_member", usage: Filesystem, min: 64 << 20, magics: zfsMagics(), decode: zfs, least: 4},
	{name: "hfsplus", usage: Filesystem, magics: []magic{{0x400, "H+", nil}, {0x400, "HX", nil}}, tolerant: true},
	{name: "ntfs", usage: Filesystem, magics: []magic{{3, "NTFS    ", nil}}, decode: ntfs},
	{name: "ReFS", usage: Filesystem, magics: []magic{{0, "\x00\x00\x00ReFS\x00", nil}}},
	{name: "cramfs", usage: Filesystem, magics: []magic{{0, "\x45\x3d\xcd\x28", nil}, {0, "\x28\xcd\x3d\x45", nil}}},
	{name: "romfs", usage: Filesystem, magics: []magic{{0, "-rom1fs-", nil}}},
	{name: "gfs2", usage: Filesystem, magics: []magic{{0x10000, "\x01\x16\x19\x70\x00\x00\x00\x01", nil}}},
	{name: "ocfs2", usage: Filesystem, magics: []magic{{0x400, "OCFSV2", nil}, {0x800, "OCFSV2", nil}, {0x1000, "OCFSV2", nil}}},
	{name: "squashfs", usage: Filesystem, magics: []magic{{0, "hsqs", nil}, {0, "sqsh", nil}}, decode: squashfs},
	{name: "btrfs", usage: Filesystem, magics: []magic{{0x10040, "_BHRfS_M", nil}}, decode: btrfs},
	{name: "nilfs2", usage: Filesystem, min: 128 << 10, magics: []magic{{0x406, "\x34\x34", nil}, {6, "\x34\x34", nilfsBackup}}, decode: nilfs2},
	{name: "exfat", usage: Filesystem, magics: []magic{{3, "EXFAT   ", nil}}, decode: exfat},
	{name: "f2fs", usage: Filesystem, magics: []magic{{0x400, "\x10\x20\xf5\xf2", nil}}, decode: f2fs},
	{name: "apfs", usage: Filesystem, magics: []magic{{0x20, "NXSB", nil}}, tolerant: true},
	{name: "erofs", usage: Filesystem, magics: []magic{{0x400, "\xe2\xe1\xf5\xe0", nil}}, decode: erofs},

	{name: "gpt", usage: Table, magics: gptMagics(), decode: gptHeader},
	{name: "PMBR", usage: Table, magics: []magic{{0x1fe, bootSignature, nil}}, decode: protectiveMBR},
	{name: "dos", usage: Table, magics: []magic{{0x1fe, bootSignature, nil}}, decode: dos, unless: []string{"vfat", "ntfs", "exfat", "PMBR"}},
	{name: "sgi", usage: Table, magics: []magic{{0, "\x0b\xe5\xa9\x41", nil}}},
	{name: "sun", usage: Table, magics: []magic{{508, "\xda\xbe", nil}}, decode: sun},
	{name: "mac", usage: Table, magics: []magic{{0, "ER", nil}}, decode: mac},
	{name: "bsd", usage: Table, magics: []magic{{0x200, "\x57\x45\x56\x82", nil}, {0x40, "\x57\x45\x56\x82", nil}}, decode: bsd},
}

// fromEnd is so many sectors of 512 bytes before the end.
func fromEnd(sectors int64) func(int64) int64 {
	return func(size int64) int64 { return (size/512 - sectors) * 512 }
}

// pageEnds are magics at the end of the first page, for every size of a page
// (linux/swap.h: union swap_header).
func pageEnds(texts ...string) []magic {
	var all []magic
	for _, text := range texts {
		for page := int64(4096); page <= 65536; page *= 2 {
			all = append(all, magic{page - 10, text, nil})
		}
	}
	return slices.Clip(all)
}
