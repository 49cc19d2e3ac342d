package gpt

import (
	"cmp"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sort"
	"strings"
)

// What Read finds instead of a table it can use. A CorruptError is the third case.
var (
	// ErrNone reports that the disk has no partition table: New makes one.
	ErrNone = errors.New("no partition table")
	// ErrMBR reports a DOS partition table, without a GPT that is its own.
	ErrMBR = errors.New("the disk has a DOS partition table (MBR), not a GPT")
)

// CorruptError reports a GPT that cannot be trusted. Nothing short of wiping the table
// changes it.
type CorruptError struct {
	Reasons []string // a sentence each
}

func (e *CorruptError) Error() string {
	return "the partition table is damaged: " + strings.Join(e.Reasons, "; ")
}

// Read reads the table of a disk of sizeBytes and verifies it: sums of headers and
// entries, bounds, overlaps. One valid copy is enough; what is wrong with the other is
// in Table.Problems, and Write repairs it. Read never changes r.
//
// Errors: ErrNone, ErrMBR, *CorruptError, or that of r.
func Read(r io.ReaderAt, sizeBytes int64, sectorSize int) (Table, error) {
	if err := checkSectorSize(sectorSize); err != nil {
		return Table{}, err
	}
	d := reader{r: r, sectorSize: sectorSize, sectors: uint64(max(sizeBytes, 0)) / uint64(sectorSize)}
	if d.sectors < 3 {
		return Table{}, ErrNone
	}
	boot, err := d.read(0, uint64(sectorSize))
	if err != nil {
		return Table{}, err
	}
	primary := d.copyAt(1)
	// The backup is where the primary says, else in the last sector, where a stale one
	// may be as well when the primary says otherwise.
	at := d.sectors - 1
	if primary.err == nil && primary.header.u64(alternateLBAAt) < d.sectors && primary.header.u64(alternateLBAAt) > 1 {
		at = primary.header.u64(alternateLBAAt)
	}
	backup := d.copyAt(at)
	if d.err != nil {
		return Table{}, d.err
	}
	t := Table{
		sectorSize: sectorSize, sectors: d.sectors, mbr: boot,
		valid: copies{primary: primary.err == nil, backup: backup.err == nil},
	}
	if err := d.judge(t, primary, backup); err != nil {
		return Table{}, err
	}
	if t.valid.primary {
		t.header, t.entries = primary.header, primary.entries
		t.backup = primary.header
	} else {
		t.problems = append(t.problems, fmt.Sprintf("the primary table is damaged: %v", primary.err))
		t.header, t.entries = backup.header.clone(), backup.entries
		t.header.put64(entriesLBAAt, 2)
	}
	switch {
	case !t.valid.backup:
		t.problems = append(t.problems, fmt.Sprintf("the backup table at sector %d is damaged: %v", at, backup.err))
	case at == d.sectors-1:
		t.backup, t.backupEntries = backup.header, backup.header.u64(entriesLBAAt)
		if t.valid.primary && !sameContent(primary, backup) {
			t.problems = append(t.problems, "the backup table differs from the primary one")
			t.backup, t.backupEntries = primary.header, 0
		}
	}
	// As check does for a header that was found there.
	t.header.put64(myLBAAt, 1)
	t.header.put64(alternateLBAAt, at)
	if at < d.sectors-1 {
		t.problems = append(t.problems, fmt.Sprintf("the disk has grown: the backup table is at sector %d, the disk ends at %d", at, d.sectors-1))
	}
	if t.mbr.protective() < 0 {
		t.problems = append(t.problems, "the protective MBR is missing")
	}
	if wrong := t.verify(); len(wrong) > 0 {
		return Table{}, &CorruptError{Reasons: wrong}
	}
	return t, nil
}

// judge says whether what was found is a GPT of this disk.
func (d *reader) judge(t Table, primary, backup found) error {
	protected, dos := t.mbr.protective() >= 0, len(t.mbr.partitions()) > 0
	switch {
	case !protected && dos:
		return ErrMBR // whatever else is there was overwritten by it
	case t.valid.primary:
		return nil
	case t.valid.backup && protected:
		return nil
	case t.valid.backup && primary.signed():
		return nil // the sector before it was lost too
	}
	foreign := d.foreign()
	switch {
	case t.valid.backup:
		return &CorruptError{Reasons: []string{"only the backup at the end of the disk is left, which may be a remainder of former times: wipe the table, or restore it with gdisk"}}
	case foreign > 0:
		return &CorruptError{Reasons: []string{fmt.Sprintf("it is for sectors of %d bytes, the disk has sectors of %d", foreign, d.sectorSize)}}
	case protected || primary.signed() || backup.signed():
		return &CorruptError{Reasons: []string{
			fmt.Sprintf("primary: %v", primary.err), fmt.Sprintf("backup: %v", backup.err),
		}}
	}
	return ErrNone
}

// foreign is the sector size that a header at another place speaks for, or 0.
func (d *reader) foreign() int {
	for _, size := range []int{512, 4096} {
		raw, err := d.bytes(int64(size), len(signature))
		if size != d.sectorSize && err == nil && string(raw) == signature {
			return size
		}
	}
	return 0
}

func sameContent(a, b found) bool {
	return string(a.entries) == string(b.entries) && a.header.guid() == b.header.guid() &&
		a.header.u64(firstUsableAt) == b.header.u64(firstUsableAt) && a.header.u64(lastUsableAt) == b.header.u64(lastUsableAt)
}

// verify returns what is wrong with the entries.
func (t *Table) verify() []string {
	var wrong []string
	all := t.Partitions()
	for _, p := range all {
		if p.First > p.Last || p.First < t.FirstUsable() || p.Last > t.LastUsable() {
			wrong = append(wrong, fmt.Sprintf("%s covers sectors %d to %d, usable are %d to %d", p, p.First, p.Last, t.FirstUsable(), t.LastUsable()))
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].First < all[j].First })
	for i := 1; i < len(all); i++ {
		if all[i].First <= all[i-1].Last {
			wrong = append(wrong, fmt.Sprintf("%s and %s overlap", all[i-1], all[i]))
		}
	}
	return wrong
}

// reader reads sectors and keeps the first error of the disk itself.
type reader struct {
	r          io.ReaderAt
	sectorSize int
	sectors    uint64
	err        error
}

func (d *reader) read(lba, size uint64) ([]byte, error) {
	return d.bytes(int64(lba)*int64(d.sectorSize), int(size))
}

func (d *reader) bytes(at int64, size int) ([]byte, error) {
	raw := make([]byte, size)
	if n, err := d.r.ReadAt(raw, at); n < size {
		return nil, fmt.Errorf("read %d bytes at %d: %w", size, at, cmp.Or(err, io.ErrUnexpectedEOF))
	}
	return raw, nil
}

// found is one copy of the table; err says why it is not valid.
type found struct {
	header  header
	entries []byte
	err     error
}

func (f found) signed() bool {
	return f.header != nil && string(f.header[:len(signature)]) == signature
}

// copyAt reads the header at a sector, and its entries.
func (d *reader) copyAt(lba uint64) found {
	raw, err := d.read(lba, uint64(d.sectorSize))
	if err != nil {
		d.err = cmp.Or(d.err, err)
		return found{err: err}
	}
	f := found{header: raw}
	if f.err = f.header.check(lba, d.sectors, d.sectorSize); f.err != nil {
		return f
	}
	// A sector that cannot be read is as bad as one with the wrong sum: the other copy counts.
	if f.entries, f.err = d.read(f.header.u64(entriesLBAAt), f.header.arrayBytes()); f.err != nil {
		return f
	}
	if have := crc32.ChecksumIEEE(f.entries); have != f.header.entriesCRC() {
		f.err = fmt.Errorf("checksum of the entries is %#08x, should be %#08x", have, f.header.entriesCRC())
	}
	return f
}
