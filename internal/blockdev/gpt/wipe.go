package gpt

import "fmt"

// Wipe removes every partition table of a disk, also a damaged one, as sgdisk
// --zap-all does: zeros go over all of sector 0 with its boot code, over the headers of
// both copies, and over the entries, where a valid header has them or else 16 KiB
// beside where it should be. The data of partitions stays, and so do the signatures of
// file systems that lie elsewhere.
//
// Interrupted, it leaves no table that Read takes, or the old one; it can be repeated.
func Wipe(d interface {
	Disk
	ReadAt(p []byte, at int64) (int, error)
}, sizeBytes int64, sectorSize int,
) error {
	if err := checkSectorSize(sectorSize); err != nil {
		return err
	}
	r := reader{r: d, sectorSize: sectorSize, sectors: uint64(max(sizeBytes, 0)) / uint64(sectorSize)}
	usual := Table{sectorSize: sectorSize}.sectorsOf(minArrayBytes)
	last := r.sectors - 1
	if r.sectors < 2*(usual+1)+1 {
		return fmt.Errorf("wipe partition table: %d sectors are too few for one", r.sectors)
	}
	ranges := []block{{0, 1 + usual}, {last - usual, last}}
	for _, lba := range []uint64{1, last} {
		f := r.copyAt(lba)
		if f.err != nil {
			continue // its place is in the ranges already
		}
		entries := f.header.u64(entriesLBAAt)
		ranges = append(ranges, block{entries, entries + Table{sectorSize: sectorSize}.sectorsOf(f.header.arrayBytes()) - 1})
		// The backup of a disk that has grown since.
		if other := f.header.u64(alternateLBAAt); other > 1 && other < last && r.copyAt(other).err == nil {
			ranges = append(ranges, block{other, other})
		}
	}
	for _, b := range ranges {
		if _, err := d.WriteAt(make([]byte, (b.last-b.first+1)*uint64(sectorSize)), int64(b.first)*int64(sectorSize)); err != nil {
			return fmt.Errorf("wipe partition table: %w", err)
		}
	}
	if err := d.Sync(); err != nil {
		return fmt.Errorf("wipe partition table: %w", err)
	}
	return nil
}
