package op

import (
	"slices"
	"sort"

	"github.com/kindling-boot/kindling/internal/blockdev/gpt"
	"github.com/kindling-boot/kindling/internal/exec"
)

// drawing is the table before and after; nil for a disk whose table does not matter.
func (o *Disk) drawing(node string, s *tableState) *exec.DiskPlan {
	if s.after.SectorSize() == 0 {
		return nil
	}
	p := &exec.DiskPlan{
		Device: o.Want.Device, Node: node, SizeBytes: uint64(max(s.size, 0)), SectorSize: s.after.SectorSize(),
		HadTable: s.had,
	}
	if !s.had {
		p.Holds = s.found.String()
	}
	changeOf := func(number int, side func(gpt.Change) *gpt.Partition) (gpt.Change, bool) {
		i := slices.IndexFunc(s.changes, func(c gpt.Change) bool { return side(c) != nil && side(c).Number == number })
		if i < 0 {
			return gpt.Change{}, false
		}
		return s.changes[i], true
	}
	if s.had {
		for _, part := range s.before.Partitions() {
			slot := slotOf(part, s.before.SectorSize())
			if at := o.On.sight().Partition(node, part.Number); at != "" {
				if is, err := o.On.sight().Signature(at); err == nil {
					slot.Holds = is.String()
				}
			}
			c, found := changeOf(part.Number, func(c gpt.Change) *gpt.Partition { return c.Before })
			slot.Verb = exec.VerbKeep
			if s.wipe || found && losesData(c) {
				slot.Verb = exec.VerbWipe
			} else if found && c.Action == gpt.Resize {
				slot.Verb = exec.VerbResize
			}
			p.Before = append(p.Before, slot)
		}
	}
	for _, part := range s.after.Partitions() {
		slot := slotOf(part, s.after.SectorSize())
		c, _ := changeOf(part.Number, func(c gpt.Change) *gpt.Partition { return c.After })
		switch c.Action {
		case gpt.Create, gpt.Replace:
			slot.Verb = exec.VerbCreate
		case gpt.Resize:
			slot.Verb = exec.VerbResize
		default:
			slot.Verb = exec.VerbKeep
		}
		p.After = append(p.After, slot)
	}
	for _, side := range [][]exec.Slot{p.Before, p.After} {
		sort.Slice(side, func(i, j int) bool { return side[i].Start < side[j].Start })
	}
	return p
}

func slotOf(p gpt.Partition, sector int) exec.Slot {
	size := uint64(sector)
	return exec.Slot{Number: p.Number, Label: p.Label, Start: p.First * size, Size: p.Sectors() * size}
}

// losesData reports whether data of a partition cannot be reached any more.
func losesData(c gpt.Change) bool {
	return c.Action == gpt.Replace || c.Action == gpt.Delete || c.Action == gpt.Resize && c.After.Sectors() < c.Before.Sectors()
}
