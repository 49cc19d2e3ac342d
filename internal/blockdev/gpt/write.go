package gpt

import (
	"fmt"
	"io"
)

// Disk is what Write changes; *os.File is one. Sync returns once everything written is
// on the medium.
type Disk interface {
	io.WriterAt
	Sync() error
}

// Write puts the table on the disk it was read from or made for. At every moment one
// valid copy is there: the damaged copy is replaced first, or else the backup, and the
// other one only after a Sync. A table that is New is complete before sector 0 says
// that there is one. Sector 0 is written only if it changes.
//
// The kernel keeps the old table until it is told.
func (t Table) Write(d Disk) error {
	w, err := t.copies()
	if err != nil {
		return err
	}
	order := [][]piece{w.backup, w.primary}
	if !t.valid.primary {
		order = [][]piece{w.primary, w.backup}
	}
	if !t.valid.primary && !t.valid.backup {
		// Entries before the header: until it is there, there is no table.
		order = [][]piece{w.primary[:1], w.primary[1:], w.backup}
	}
	for _, step := range append(order, w.mbr) {
		for _, p := range step {
			if _, err := d.WriteAt(p.data, int64(p.lba)*int64(t.sectorSize)); err != nil {
				return fmt.Errorf("write %s: %w", p.name, err)
			}
		}
		if len(step) == 0 {
			continue
		}
		if err := d.Sync(); err != nil {
			return fmt.Errorf("sync after %s: %w", step[len(step)-1].name, err)
		}
	}
	return nil
}

// piece is a run of sectors to write.
type piece struct {
	name string
	lba  uint64
	data []byte
}

// image is everything of a table that is on the disk. Entries come before the header.
type image struct{ primary, backup, mbr []piece }

// copies returns the table as it is to be on the disk, the backup at its end.
func (t Table) copies() (image, error) {
	if t.header == nil {
		return image{}, fmt.Errorf("write partition table: there is none")
	}
	t = t.grown()
	last, array := t.sectors-1, t.sectorsOf(t.header.arrayBytes())
	backupEntries := t.backupEntries
	if backupEntries == 0 {
		backupEntries = last - array
	}
	primaryEntries := t.header.u64(entriesLBAAt)
	if primaryEntries+array > t.FirstUsable() || backupEntries <= t.LastUsable() {
		return image{}, fmt.Errorf("write partition table: sectors %d to %d are for partitions, which leaves no place for the entries", t.FirstUsable(), t.LastUsable())
	}
	backup := t.backup
	if backup == nil {
		backup = t.header
	}
	backup = backup.clone()
	backup.put64(lastUsableAt, t.LastUsable())
	padded := make([]byte, array*uint64(t.sectorSize))
	copy(padded, t.entries)
	w := image{
		primary: []piece{
			{"the entries", primaryEntries, padded},
			{"the header", 1, t.header.sealed(1, last, primaryEntries, t.entries)},
		},
		backup: []piece{
			{"the entries of the backup", backupEntries, padded},
			{"the header of the backup", last, backup.sealed(last, 1, backupEntries, t.entries)},
		},
	}
	if boot := t.mbr.protecting(t.sectors); string(boot) != string(t.mbr) || !t.valid.primary && !t.valid.backup {
		w.mbr = []piece{{"the protective MBR", 0, boot}}
	}
	return w, nil
}
