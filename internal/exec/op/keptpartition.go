package op

import (
	"context"
	"slices"

	"github.com/kindling-boot/kindling/internal/blockdev/gpt"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/exec/sight"
)

// KeptPartition tells whether a partition stays where it is.
type KeptPartition struct {
	Disk *Disk
	// Want is its index in the config.
	Want int
}

// keeps implements keeper.
func (k KeptPartition) keeps(ctx context.Context, env *exec.Env) bool {
	d := k.Disk.early(ctx, env)
	if d.err != nil || d.made || d.state.wipe {
		return false
	}
	for _, c := range d.state.changes {
		if c.Want == k.Want {
			return c.Action == gpt.Keep || c.Action == gpt.Resize
		}
	}
	return false
}

// former is what lies where a partition will be made, as far as that can be known.
func (k KeptPartition) former(ctx context.Context, env *exec.Env) sight.Signature {
	d := k.Disk.early(ctx, env)
	s := &d.state
	if d.err != nil || d.made || s.wipe && !slices.Contains([]string{"", "gpt", "dos"}, s.found.Format) {
		return sight.Signature{} // what is on the disk as a whole goes first, wherever it has its signature
	}
	for _, c := range s.changes {
		if c.Want == k.Want && c.After != nil {
			sector := int64(s.after.SectorSize())
			is, _ := k.Disk.On.sight().Within(d.node, int64(c.After.First)*sector, int64(c.After.Sectors())*sector)
			return is
		}
	}
	return sight.Signature{}
}
