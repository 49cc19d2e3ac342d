package gpt

import (
	"fmt"
	"slices"
)

// The master boot record: UEFI 2.10, section 5.2, tables 5.1 to 5.3.
const (
	mbrBytes       = 512
	mbrRecordsAt   = 446
	mbrRecordBytes = 16
	mbrTypeAt      = 4
	mbrStartAt     = 8
	mbrSizeAt      = 12
	mbrSignatureAt = 510
	mbrSignature   = 0xaa55
	mbrProtective  = 0xee
)

// mbr is sector 0 as it is on the disk.
type mbr []byte

// record is one of the four entries.
func (m mbr) record(i int) []byte {
	return m[mbrRecordsAt+i*mbrRecordBytes : mbrRecordsAt+(i+1)*mbrRecordBytes]
}

func (m mbr) signed() bool { return le.Uint16(m[mbrSignatureAt:]) == mbrSignature }

// protective is the index of the record that protects a GPT, or -1.
func (m mbr) protective() int {
	for i := range 4 {
		if m.signed() && m.record(i)[mbrTypeAt] == mbrProtective {
			return i
		}
	}
	return -1
}

// partitions are the records of partitions proper: those of an MBR disk, or those a
// hybrid MBR has beside the protective one. A boot sector of a file system ends in the
// same signature; what stands there are rarely records with a status of 0 or 0x80, a
// type and a size.
func (m mbr) partitions() []int {
	var found []int
	for i := range 4 {
		r := m.record(i)
		if m.signed() && r[mbrTypeAt] != 0 && r[mbrTypeAt] != mbrProtective && r[0]&0x7f == 0 &&
			le.Uint32(r[mbrStartAt:]) != 0 && le.Uint32(r[mbrSizeAt:]) != 0 {
			found = append(found, i)
		}
	}
	return found
}

// protecting returns the sector with a protective record for a disk of so many sectors
// (table 5.4). Boot code and signature stay. In a hybrid MBR everything stays: the
// sizes in it are somebody's choice.
func (m mbr) protecting(sectors uint64) mbr {
	if m.protective() >= 0 && len(m.partitions()) > 0 {
		return m
	}
	m = slices.Clone(m)
	size := uint32(min(sectors-1, 0xffffffff))
	if i := m.protective(); i >= 0 {
		if r := m.record(i); le.Uint32(r[mbrStartAt:]) == 1 && le.Uint32(r[mbrSizeAt:]) != 0xffffffff {
			le.PutUint32(r[mbrSizeAt:], size)
		}
		return m
	}
	for i := range 4 {
		clear(m.record(i))
	}
	// Heads and cylinders that do not fit are all ones.
	copy(m.record(0), []byte{0x00, 0x00, 0x02, 0x00, mbrProtective, 0xff, 0xff, 0xff})
	le.PutUint32(m.record(0)[mbrStartAt:], 1)
	le.PutUint32(m.record(0)[mbrSizeAt:], size)
	le.PutUint16(m[mbrSignatureAt:], mbrSignature)
	return m
}

// mirrors says that a hybrid MBR names the sectors of a partition, so that changing
// one without the other would make two truths.
func (m mbr) mirrors(p Partition) error {
	if m.protective() < 0 {
		return nil
	}
	for _, i := range m.partitions() {
		start, size := uint64(le.Uint32(m.record(i)[mbrStartAt:])), uint64(le.Uint32(m.record(i)[mbrSizeAt:]))
		if start <= p.Last && p.First < start+size {
			return fmt.Errorf("the hybrid MBR has these sectors as its partition %d: remove it there first (sgdisk --hybrid, or gdisk)", i+1)
		}
	}
	return nil
}
