package blockdev

import (
	"fmt"

	"github.com/kindling-boot/kindling/internal/blockdev/gpt"
	"github.com/kindling-boot/kindling/internal/blockdev/probe"
)

// Zap removes the partition table of a disk and whatever else makes the disk as a whole
// look used: first gpt.Wipe, then the magics that probe finds, as wipefs --all does. So
// a new table does not stand beside an old RAID superblock or file system.
//
// Magics within the partitions of the old table stay, since a partition that is made
// again at its place keeps its data. Partitions of a table that cannot be read are not
// known: then only the magics in the first and the last MiB go.
//
// It returns what was removed besides the table. The device must be open for writing.
func (d *Device) Zap() ([]probe.Signature, error) {
	old, err := gpt.Read(d.File, d.SizeBytes, d.SectorSize)
	known := err == nil
	if err := gpt.Wipe(d.File, d.SizeBytes, d.SectorSize); err != nil {
		return nil, err
	}
	inside := func(at int64) bool {
		if !known {
			return at >= 1<<20 && at < d.SizeBytes-1<<20
		}
		sector := uint64(at) / uint64(d.SectorSize)
		return len(old.Find(func(p gpt.Partition) bool { return p.First <= sector && sector <= p.Last })) > 0
	}
	return d.erase(func(p probe.Place) bool { return !inside(p.Offset) })
}

// Erase removes every magic that probe finds, as wipefs --all does: a few bytes each.
// It returns what was there.
func (d *Device) Erase() ([]probe.Signature, error) {
	return d.erase(func(probe.Place) bool { return true })
}

// rounds are more than formats can hide one another.
const rounds = 16

// erase zeroes the places that may go until no more come to light: one format may hide
// another.
func (d *Device) erase(may func(probe.Place) bool) ([]probe.Signature, error) {
	var erased []probe.Signature
	for range rounds {
		report, err := probe.Probe(d.File, d.SizeBytes)
		if err != nil {
			return erased, err
		}
		changed := false
		for _, s := range report.Signatures {
			var gone []probe.Place
			for _, p := range s.Places {
				if !may(p) {
					continue
				}
				if _, err := d.File.WriteAt(make([]byte, p.Length), p.Offset); err != nil {
					return erased, fmt.Errorf("erase %s: %w", s, err)
				}
				gone = append(gone, p)
			}
			if len(gone) > 0 {
				s.Places, changed = gone, true
				erased = append(erased, s)
			}
		}
		if !changed {
			break
		}
	}
	if err := d.File.Sync(); err != nil {
		return erased, fmt.Errorf("erase signatures: %w", err)
	}
	return erased, nil
}
