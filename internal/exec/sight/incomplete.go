package sight

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// incomplete tells of formats whether their making was never finished.
var incomplete = map[string]func(io.ReaderAt) (bool, error){"xfs": xfsIncomplete, "ext4": extIncomplete, "vfat": fatIncomplete}

// IsIncomplete implements Sight: the machine lost its power while the file system was made.
// What programs write last tells: record 0170. Formats whose signature is written last are
// never incomplete.
func (*Live) IsIncomplete(node, format string) (bool, error) {
	look := incomplete[format]
	if look == nil {
		return false, nil
	}
	f, err := os.Open(node)
	if err != nil {
		return false, fmt.Errorf("read %s: %w", node, err)
	}
	defer f.Close() //nolint:errcheck // read only
	is, err := look(f)
	if errors.Is(err, io.EOF) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("read %s: %w", node, err)
	}
	return is, nil
}

func readAt(r io.ReaderAt, offset int64, n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := r.ReadAt(b, offset)
	return b, err
}

// xfsIncomplete: mkfs.xfs clears sb_inprogress last (linux/fs/xfs/libxfs/xfs_format.h,
// struct xfs_dsb, byte 126).
func xfsIncomplete(r io.ReaderAt) (bool, error) {
	b, err := readAt(r, 126, 1)
	return b[0] != 0, err
}

// extIncomplete: a file system that was never mounted and is not marked as valid. The
// superblock is at byte 1024 (linux/fs/ext4/ext4.h, struct ext4_super_block): s_mtime at
// 0x2C, s_mnt_count at 0x34, s_state at 0x3A, of which bit 0 says that it is valid.
func extIncomplete(r io.ReaderAt) (bool, error) {
	b, err := readAt(r, 1024, 0x40)
	mounted := binary.LittleEndian.Uint32(b[0x2C:]) != 0 || binary.LittleEndian.Uint16(b[0x34:]) != 0
	return !mounted && b[0x3A]&1 == 0, err
}

// fatIncomplete: the first entry of the table repeats the media byte of the boot sector
// (Microsoft FAT specification, BPB_Media and FAT[0]); mkfs.fat writes the boot sector
// first.
func fatIncomplete(r io.ReaderAt) (bool, error) {
	boot, err := readAt(r, 0, 512)
	if err != nil {
		return false, err
	}
	sector := int64(binary.LittleEndian.Uint16(boot[11:]))
	reserved := int64(binary.LittleEndian.Uint16(boot[14:]))
	table, err := readAt(r, sector*reserved, 3)
	return !bytes.Equal(table[:2], []byte{boot[21], 0xff}), err
}
