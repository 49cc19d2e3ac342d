// Package drawing draws the partition tables of a plan: Text for terminals, SVG for
// everything else. Both show each disk as two bars, before and after, in which every
// partition is large enough to be read.
package drawing

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/kindling-boot/kindling/internal/exec"
)

// cell is a box of a bar: a partition, or what is free.
type cell struct {
	name, size, verb, holds string
	bytes                   uint64
	width                   int
}

// minFree is how much free space gets a box of its own: alignment leaves less.
const minFree = 4 << 20

// cells are the boxes of one side, in the order of their places.
func cells(disk *exec.DiskPlan, slots []exec.Slot, hasTable bool) []cell {
	if !hasTable {
		name := "no table"
		if disk.Holds != "" {
			name = disk.Holds
		}
		return []cell{{name: clean(name), size: size(disk.SizeBytes), bytes: disk.SizeBytes}}
	}
	var out []cell
	free := func(from, to uint64) {
		if to > from && to-from >= minFree {
			out = append(out, cell{name: "free", size: size(to - from), bytes: to - from})
		}
	}
	at := uint64(0)
	for _, s := range slots {
		free(at, s.Start)
		name := strconv.Itoa(s.Number)
		if s.Label != "" {
			name += " " + clean(s.Label)
		}
		out = append(out, cell{name: name, size: size(s.Size), verb: s.Verb, holds: clean(s.Holds), bytes: s.Size})
		at = s.Start + s.Size
	}
	free(at, disk.SizeBytes)
	return out
}

// before and after are the two sides of a disk.
func before(d *exec.DiskPlan) []cell { return cells(d, d.Before, d.HadTable) }

func after(d *exec.DiskPlan) []cell { return cells(d, d.After, d.HadTable || len(d.After) > 0) }

// fold makes one box of several that stay as they are, side by side, so that there are at
// most limit; false if even that does not do.
func fold(all []cell, limit int) ([]cell, bool) {
	if len(all) <= limit {
		return all, true
	}
	var out []cell
	run := 0
	for _, c := range all {
		if c.verb != exec.VerbKeep {
			out, run = append(out, c), 0
			continue
		}
		if run++; run == 1 {
			out = append(out, c)
			continue
		}
		last := &out[len(out)-1]
		last.bytes += c.bytes
		last.name, last.size, last.holds = fmt.Sprintf("%d partitions", run), size(last.bytes), ""
	}
	return out, len(out) <= limit
}

// spread gives each box a width: at least least, more if there is room for that, and
// what is left by its share.
func spread(all []cell, total, least int) {
	const half = 2
	least = max(least, min(half*least, total/half/max(len(all), 1)))
	var sum uint64
	for _, c := range all {
		sum += c.bytes
	}
	left := total - least*len(all)
	given := 0
	for i := range all {
		all[i].width = least + int(float64(left)*float64(all[i].bytes)/float64(max(sum, 1)))
		given += all[i].width
	}
	largest := 0
	for i := range all {
		if all[i].bytes > all[largest].bytes {
			largest = i
		}
	}
	if len(all) > 0 {
		all[largest].width += total - given
	}
}

// size writes a number of bytes for people: 512 B, 1.5 MiB, 20 GiB.
func size(n uint64) string {
	value, unit := float64(n), "B"
	for _, next := range []string{"KiB", "MiB", "GiB", "TiB", "PiB"} {
		if value < 1024 {
			break
		}
		value, unit = value/1024, next
	}
	text := strconv.FormatFloat(value, 'f', 1, 64)
	return strings.TrimSuffix(text, ".0") + " " + unit
}

// clean replaces what a terminal or a browser would act on instead of showing it.
func clean(s string) string {
	return strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return '\uFFFD'
		}
		return c
	}, s)
}

// losesData reports whether something on the disk goes.
func losesData(d *exec.DiskPlan) bool {
	for _, s := range d.Before {
		if s.Verb == exec.VerbWipe {
			return true
		}
	}
	return false
}
