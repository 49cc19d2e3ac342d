package variant

import (
	"slices"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/transpiler/sugar"
)

var (
	ruleReservedLabel = &diag.Rule{
		ID: "reserved-label", Why: "the CoreOS image has this partition under another number, so a second one is created",
		Help: "give the number of the partition of the image, or choose another label",
	}
	ruleAbsentNextToNew = &diag.Rule{
		ID: "partition-absent-unnumbered", Why: "the free number could be that of the deleted partition; Ignition before 2.27 refuses such a config",
		Help: "number all partitions of the disk",
	}
	ruleRootSmall = &diag.Rule{
		ID: "root-small", Why: "updates of the system need room next to the running one",
		Help: "give the root partition at least 8 GiB",
	}
	ruleRootConstrained = &diag.Rule{
		ID: "root-constrained", Why: "the root partition grows into the free space behind it, and another partition will be there",
		Help: "give the root partition a size, or the other partitions a start",
	}
	ruleReuseByLabel = &diag.Rule{
		ID: "reuse-by-label", Why: "a partition is matched by its number only: without one, a new partition is created each time",
		Help: "give the number of the partition",
	}
	ruleMountPoint = &diag.Rule{
		ID: "mount-point", Why: "other directories are read-only or do not exist before the update of a CoreOS system is complete",
		Help: "mount below /etc or /var",
	}
)

// bootDisk is the disk that a CoreOS machine boots from, whatever its name.
const bootDisk = "/dev/disk/by-id/coreos-boot-disk"

// reserved are the labels of the partitions of the CoreOS image, by number.
var reserved = [...][]string{1: {"BIOS-BOOT", "PowerPC-PReP-boot", "reserved"}, 2: {"EFI-SYSTEM"}, 3: {"boot"}, 4: {"root"}}

// minRootMiB is the least size of the root partition of CoreOS.
const minRootMiB = 8192

// partitionPath is the place of a member of a partition, with a key of the model.
func partitionPath(disk, partition int, key string) source.Path {
	return source.Path{}.At("storage", "disks", disk, "partitions", partition, key)
}

// eachPartition visits the partitions of the config.
func eachPartition(c *sugar.Ctx, visit func(d *types.Disk, disk, partition int, p *types.Partition)) {
	for i := range c.Config.Storage.Disks {
		d := &c.Config.Storage.Disks[i]
		for j := range d.Partitions {
			visit(d, i, j, &d.Partitions[j])
		}
	}
}

func isTrue(b *bool) bool { return b != nil && *b }

// reservedLabels warns of partitions that look like those of the image.
func reservedLabels(c *sugar.Ctx) {
	eachPartition(c, func(d *types.Disk, i, j int, p *types.Partition) {
		if p.Label == nil || isTrue(d.WipeTable) {
			return
		}
		number := slices.IndexFunc(reserved[:], func(labels []string) bool { return slices.Contains(labels, *p.Label) })
		if number > 0 && p.Number != number {
			c.WarnGenerated(ruleReservedLabel, partitionPath(i, j, "label"), "partition %q of the image has number %d", *p.Label, number)
		}
	})
}

// absentNextToNew reports disks that delete a partition and leave the number of
// another one to the tool: Ignition before 2.27 refuses them.
func absentNextToNew(c *sugar.Ctx) {
	for i, d := range c.Config.Storage.Disks {
		absent, unnumbered := false, false
		for _, p := range d.Partitions {
			absent = absent || p.ShouldExist != nil && !*p.ShouldExist
			unnumbered = unnumbered || p.Number == 0
		}
		if absent && unnumbered {
			c.ErrorGenerated(ruleAbsentNextToNew, source.Path{}.At("storage", "disks", i, "partitions"),
				"a partition of this disk should not exist, and another one has no number")
		}
	}
}

// rootPartition warns of a root partition that is or will become too small.
func rootPartition(c *sugar.Ctx) {
	eachPartition(c, func(d *types.Disk, i, j int, p *types.Partition) {
		switch {
		case p.Label == nil || *p.Label != "root":
		case p.SizeMiB != nil && *p.SizeMiB != 0:
			if *p.SizeMiB < minRootMiB {
				c.WarnGenerated(ruleRootSmall, partitionPath(i, j, "sizeMiB"), "the root partition has %d MiB, less than %d", *p.SizeMiB, minRootMiB)
			}
		default:
			for k, other := range d.Partitions {
				if k != j && (other.StartMiB == nil || *other.StartMiB == 0) {
					c.WarnGenerated(ruleRootConstrained, partitionPath(i, j, "label"), "the root partition fills the free space, but another partition may be placed behind it")
					return
				}
			}
		}
	})
}

// reuseByLabel warns of partitions that are created again on every run. The
// disks of a mirror are wiped before.
func reuseByLabel(c *sugar.Ctx) {
	eachPartition(c, func(d *types.Disk, i, j int, p *types.Partition) {
		if p.Number == 0 && p.Label != nil && d.Device != bootDisk && !isTrue(d.WipeTable) && !c.Mirrored[d.Device] {
			c.Warnf(ruleReuseByLabel, partitionPath(i, j, "number"), "partition %q has no number", *p.Label)
		}
	})
}

// mountPoints reports mount units where CoreOS cannot have any.
func mountPoints(c *sugar.Ctx) {
	for i, f := range c.Config.Storage.Filesystems {
		place := source.Path{}.At("storage", "filesystems", i)
		if f.Path == nil || *f.Path == "" || !c.MountUnits[i] {
			continue
		}
		if top, _, _ := strings.Cut(strings.TrimPrefix(*f.Path, "/"), "/"); top != "etc" && top != "var" {
			c.Errorf(ruleMountPoint, place.At("path"), "a file system with a mount unit cannot be mounted at %q", *f.Path)
		}
	}
}
