// Package gpt is GUID partition tables: UEFI 2.10, chapter 5.
//
// It has two layers. Read, New and the methods of Table are pure: a Table is a value,
// edits return another one and say what changed, and nothing is written. Write is the
// only function that changes a disk; whenever it stops, one valid table is there.
//
// What an edit does not name stays byte for byte: the other entries and their order,
// their GUIDs and attributes, fields of the header that nobody knows yet, entries
// larger than 128 bytes, boot code. New partitions land where sgdisk 1.0.9 puts them
// (docs/adr/0150).
package gpt

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Table is the GPT of one disk. The zero value is no table.
type Table struct {
	sectorSize int
	sectors    uint64 // of the disk
	mbr        mbr
	header     header // of the primary table
	backup     header // what to derive the header of the backup from
	entries    []byte // the array, as it is on the disk
	// backupEntries is where the array of the backup is, 0 for the usual place.
	backupEntries uint64
	valid         copies // which copies are valid on the disk
	problems      []string
}

// copies are the tables that were valid when they were read.
type copies struct{ primary, backup bool }

// Partition is a used entry.
type Partition struct {
	Number      int // from 1
	Type        GUID
	GUID        GUID
	First, Last uint64 // sectors, both inclusive
	Attributes  uint64 // UEFI 2.10, table 5.8
	Label       string // the name of the entry; at most 36 UTF-16 units
}

// Sectors is the size.
func (p Partition) Sectors() uint64 { return p.Last - p.First + 1 }

// String names the partition in messages: partition 9 "ROOT".
func (p Partition) String() string {
	if p.Label == "" {
		return fmt.Sprintf("partition %d", p.Number)
	}
	return fmt.Sprintf("partition %d %q", p.Number, p.Label)
}

// New returns an empty table with 128 entries for a disk of sizeBytes, as sgdisk makes
// it. Boot code and disk signature of sector 0 are taken from boot, the content of the
// sector or nil; its partitions are not.
func New(sizeBytes int64, sectorSize int, disk GUID, boot []byte) (Table, error) {
	if err := checkSectorSize(sectorSize); err != nil {
		return Table{}, err
	}
	t := Table{sectorSize: sectorSize, sectors: uint64(max(sizeBytes, 0)) / uint64(sectorSize)}
	array := t.sectorsOf(minArrayBytes)
	if t.sectors < 2*(array+2)+1 {
		return Table{}, fmt.Errorf("%d sectors of %d bytes are too small for a partition table", t.sectors, sectorSize)
	}
	t.mbr = make(mbr, sectorSize)
	copy(t.mbr[:mbrRecordsAt], boot)
	t.mbr = t.mbr.protecting(t.sectors)
	t.entries = make([]byte, minArrayBytes)
	h := make(header, sectorSize)
	copy(h, signature)
	le.PutUint32(h[headerRevisionAt:], revision)
	le.PutUint32(h[headerSizeAt:], minHeaderSize)
	le.PutUint32(h[entryCountAt:], defaultEntries)
	le.PutUint32(h[entrySizeAt:], minEntrySize)
	copy(h[diskGUIDAt:], disk[:])
	h.put64(firstUsableAt, 2+array)
	h.put64(lastUsableAt, t.sectors-1-array-1)
	h.put64(entriesLBAAt, 2)
	h.put64(myLBAAt, 1)
	h.put64(alternateLBAAt, t.sectors-1)
	t.header, t.backup = h, h
	return t, nil
}

func checkSectorSize(n int) error {
	if n < mbrBytes || n > 1<<16 || n&(n-1) != 0 {
		return fmt.Errorf("a sector of %d bytes: want a power of 2 from 512", n)
	}
	return nil
}

// SectorSize is the logical sector size of the disk, in bytes.
func (t *Table) SectorSize() int { return t.sectorSize }

// DiskGUID identifies the disk.
func (t *Table) DiskGUID() GUID { return t.header.guid() }

// FirstUsable and LastUsable bound what partitions may cover.
func (t *Table) FirstUsable() uint64 { return t.header.u64(firstUsableAt) }

// LastUsable is the last sector that a partition may cover.
func (t *Table) LastUsable() uint64 { return t.header.u64(lastUsableAt) }

// Problems are the faults of the copies on the disk that Write would repair: a damaged
// header, a backup that is not at the end of a disk that grew. Empty for a sound table.
func (t *Table) Problems() []string { return slices.Clone(t.problems) }

// Partitions are the used entries by number.
func (t *Table) Partitions() []Partition {
	var found []Partition
	for n := 1; n <= t.count(); n++ {
		if p, used := t.Partition(n); used {
			found = append(found, p)
		}
	}
	return found
}

// Partition is the entry with a number; false if it is unused or beyond the array.
func (t *Table) Partition(number int) (Partition, bool) {
	if number < 1 || number > t.count() || !t.entry(number).used() {
		return Partition{}, false
	}
	e := t.entry(number)
	return Partition{
		Number: number, Type: GUID(e[entryTypeAt : entryTypeAt+16]), GUID: GUID(e[entryGUIDAt : entryGUIDAt+16]),
		First: le.Uint64(e[entryFirstAt:]), Last: le.Uint64(e[entryLastAt:]),
		Attributes: le.Uint64(e[entryAttributesAt:]), Label: e.label(),
	}, true
}

// Find returns the partitions that a condition holds for, by number.
func (t *Table) Find(holds func(Partition) bool) []Partition {
	return slices.DeleteFunc(t.Partitions(), func(p Partition) bool { return !holds(p) })
}

// count is how many entries the array has.
func (t *Table) count() int {
	if t.header == nil {
		return 0
	}
	return int(t.header.entryCount())
}

func (t *Table) entry(number int) entry {
	size := int(t.header.entrySize())
	return t.entries[(number-1)*size : number*size]
}

// sectorsOf rounds bytes up to sectors.
func (t Table) sectorsOf(bytes uint64) uint64 {
	return (bytes + uint64(t.sectorSize) - 1) / uint64(t.sectorSize)
}

// SectorsOfMiB converts sizes of configs. What no disk has stays what no disk has.
func (t *Table) SectorsOfMiB(mib uint64) uint64 {
	return min(mib, math.MaxInt64>>20) << 20 / uint64(t.sectorSize)
}

// grown returns the table with the sectors usable that the disk has gained since it
// was partitioned; the backup moves to the end when it is written.
func (t Table) grown() Table {
	if end := t.sectors - 1 - t.sectorsOf(t.header.arrayBytes()) - 1; t.header.u64(alternateLBAAt) < t.sectors-1 && end > t.LastUsable() {
		t.header = t.header.clone()
		t.header.put64(lastUsableAt, end)
	}
	return t
}

// edited returns a table whose entry may be changed.
func (t Table) edited(number int) (Table, entry) {
	t.entries = slices.Clone(t.entries)
	return t, t.entry(number)
}

// Delete removes a partition. Its data stays.
func (t Table) Delete(number int) (Table, error) {
	p, used := t.Partition(number)
	if !used {
		return t, fmt.Errorf("partition %d does not exist", number)
	}
	if err := t.mbr.mirrors(p); err != nil {
		return t, fmt.Errorf("%s: %w", p, err)
	}
	t, e := t.edited(number)
	clear(e)
	return t, nil
}

// Resize moves the end of a partition; everything else of its entry stays.
func (t Table) Resize(number int, sectors uint64) (Table, error) {
	p, used := t.Partition(number)
	switch {
	case !used:
		return t, fmt.Errorf("partition %d does not exist", number)
	case sectors == 0:
		return t, fmt.Errorf("%s: a partition has at least one sector", p)
	case sectors == p.Sectors():
		return t, nil
	}
	if err := t.mbr.mirrors(p); err != nil {
		return t, fmt.Errorf("%s: %w", p, err)
	}
	if err := t.room(p, p.First, sectors); err != nil {
		return t, fmt.Errorf("%s: %w", p, err)
	}
	t, e := t.edited(number)
	le.PutUint64(e[entryLastAt:], p.First+sectors-1)
	return t, nil
}

// Create adds a partition with everything given, nothing is chosen or aligned: see
// Plan. The entry of its number must be unused, the sectors free.
func (t Table) Create(p Partition) (Table, error) {
	name, err := encodeLabel(p.Label)
	switch {
	case err != nil:
	case t.header == nil:
		err = errors.New("there is no table")
	case p.Number < 1 || p.Number > t.count():
		err = fmt.Errorf("the table has %d entries", t.count())
	case t.entry(p.Number).used():
		err = errors.New("its number is taken")
	case p.Type == GUID{}:
		err = errors.New("it has no type")
	case p.Last < p.First:
		err = fmt.Errorf("it ends at sector %d, before its start %d", p.Last, p.First)
	default:
		err = t.room(Partition{}, p.First, p.Sectors())
	}
	if err != nil {
		return t, fmt.Errorf("%s: %w", p, err)
	}
	for _, other := range t.Partitions() {
		if other.GUID == p.GUID {
			return t, fmt.Errorf("%s: %s has the same GUID %s", p, other, p.GUID)
		}
	}
	if err := t.mbr.mirrors(p); err != nil {
		return t, fmt.Errorf("%s: %w", p, err)
	}
	t, e := t.edited(p.Number)
	clear(e)
	copy(e[entryTypeAt:], p.Type[:])
	copy(e[entryGUIDAt:], p.GUID[:])
	le.PutUint64(e[entryFirstAt:], p.First)
	le.PutUint64(e[entryLastAt:], p.Last)
	le.PutUint64(e[entryAttributesAt:], p.Attributes)
	copy(e[entryNameAt:], name)
	return t, nil
}
