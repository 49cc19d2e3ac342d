package gpt

import (
	"errors"
	"fmt"
	"math/bits"
)

// Where sgdisk 1.0.9 puts a partition whose start or size is 0, found by trying it:
// the start of the largest free block, aligned; the end of that block. Plan follows it
// in everything but one thing: it never fills the gap before the first partition.

// block is a run of sectors, both inclusive.
type block struct{ first, last uint64 }

// oneMiB is the alignment of partitions, and the smallest block worth a partition.
const oneMiB = 1 << 20

// taken are the sectors of the partitions; the number is that of the partition.
func (t *Table) taken() []taken {
	var all []taken
	for n := 1; n <= t.count(); n++ {
		if e := t.entry(n); e.used() {
			all = append(all, taken{block{le.Uint64(e[entryFirstAt:]), le.Uint64(e[entryLastAt:])}, n})
		}
	}
	return all
}

type taken struct {
	block
	number int
}

// holder is what covers a sector.
func (t *Table) holder(sector uint64) (taken, bool) {
	for _, p := range t.taken() {
		if p.first <= sector && sector <= p.last {
			return p, true
		}
	}
	return taken{}, false
}

func (t *Table) isFree(sector uint64) bool {
	_, held := t.holder(sector)
	return !held && sector >= t.FirstUsable() && sector <= t.LastUsable()
}

// freeFrom is the free block that a free sector starts.
func (t *Table) freeFrom(first uint64) block {
	b := block{first, t.LastUsable()}
	for _, p := range t.taken() {
		if p.first > first && p.first <= b.last {
			b.last = p.first - 1
		}
	}
	return b
}

// largestFree is the largest free block, the first of equals.
func (t *Table) largestFree() (block, bool) {
	var largest block
	found := false
	for at := t.FirstUsable(); at <= t.LastUsable(); {
		if p, held := t.holder(at); held {
			at = p.last + 1
			continue
		}
		b := t.freeFrom(at)
		if !found || b.last-b.first > largest.last-largest.first {
			largest, found = b, true
		}
		at = b.last + 1
	}
	return largest, found
}

// alignment is that of sgdisk, in sectors: 1 MiB, or the largest power of two below it
// on which all partitions start; on disks from 300 GB at least 8.
func (t *Table) alignment() uint64 {
	align := uint64(oneMiB / t.sectorSize)
	for _, p := range t.taken() {
		align = min(align, 1<<min(bits.TrailingZeros64(p.first), 63))
	}
	const smallestAdvancedFormat, leastAdvancedFormat = 585937500, 8 // sectors, as in sgdisk's gpt.h
	if t.sectors >= smallestAdvancedFormat {
		align = max(align, leastAdvancedFormat)
	}
	return max(align, 1)
}

// aligned moves a sector to a multiple of align: down if the way is free, else up.
func (t *Table) aligned(sector, align uint64) (uint64, bool) {
	down := sector / align * align
	if down == sector {
		return sector, true
	}
	if t.isFree(down) && t.freeFrom(down).last >= sector {
		return down, true
	}
	if up := down + align; t.isFree(up) && t.isFree(sector) && t.freeFrom(sector).last >= up {
		return up, true
	}
	return sector, false
}

// Reasons why a partition has no place.
var (
	errFull  = errors.New("there is no free block of 1 MiB or more on the disk")
	errStart = errors.New("size 0 takes the rest of the largest free block, but the start lies outside of it")
)

// place returns the sectors for a start and a size, either of which may be 0.
func (t *Table) place(start, size, align uint64) (block, error) {
	var b block
	if start == 0 || size == 0 {
		largest, found := t.largestFree()
		low, ok := t.aligned(largest.first, align)
		if !found || !ok || largest.last < low || largest.last-low+1 < uint64(oneMiB/t.sectorSize) {
			return b, errFull
		}
		b = block{low, largest.last}
	}
	if start != 0 {
		if size == 0 && (start < b.first || start > b.last) && !(t.isFree(start) && t.freeFrom(start).last == b.last) {
			return b, errStart
		}
		b.first = start
	}
	if size != 0 {
		b.last = b.first + size - 1
	}
	return b, t.room(Partition{}, b.first, b.last-b.first+1)
}

// room says why sectors are not free for a partition, which may be there itself.
func (t *Table) room(self Partition, first, size uint64) error {
	last := first + size - 1
	if first < t.FirstUsable() || last > t.LastUsable() || last < first {
		return fmt.Errorf("sectors %d to %d are not all usable: the table has %d to %d", first, last, t.FirstUsable(), t.LastUsable())
	}
	for _, p := range t.taken() {
		if p.number != self.Number && first <= p.last && p.first <= last {
			other, _ := t.Partition(p.number)
			return fmt.Errorf("sectors %d to %d are not free: %s has %d to %d", first, last, other, p.first, p.last)
		}
	}
	return nil
}
