package types

import (
	"strings"

	"github.com/kindling-boot/kindling/config/check"
	"github.com/kindling-boot/kindling/config/diag"
)

// Disk is one disk with its partition table.
type Disk struct {
	// Device is the path of the disk.
	Device string `json:"device" merge:"identity"`
	// Partitions to create, adjust or delete.
	Partitions []Partition `json:"partitions,omitempty" merge:"key"`
	// WipeTable erases the partition table first.
	WipeTable *bool `json:"wipeTable,omitempty"`
}

// Partition is one entry of a GPT. It is identified by its number, or by its
// label when the number is 0.
type Partition struct {
	// GUID of the partition; empty lets the tool choose.
	GUID *string `json:"guid,omitempty"`
	// Label is the partition's name in the table, at most 36 characters.
	Label *string `json:"label,omitempty" merge:"identity"`
	// Number in the table, from 1; 0 takes the next free one.
	Number int `json:"number,omitempty" merge:"identity"`
	// Resize lets an existing partition that differs in size only be resized.
	Resize *bool `json:"resize,omitempty" since:"3.2"`
	// ShouldExist false deletes the partition; unset means true.
	ShouldExist *bool `json:"shouldExist,omitempty"`
	// SizeMiB in MiB; 0 takes the largest size that fits.
	SizeMiB *int `json:"sizeMiB,omitempty"`
	// StartMiB in MiB; 0 takes the start of the largest free block.
	StartMiB *int `json:"startMiB,omitempty"`
	// TypeGUID of the partition; empty means Linux filesystem data.
	TypeGUID *string `json:"typeGuid,omitempty"`
	// WipePartitionEntry lets a partition that does not match be replaced.
	WipePartitionEntry *bool `json:"wipePartitionEntry,omitempty"`
}

var (
	ruleDeviceMissing = &diag.Rule{
		ID: "device-missing", Why: "without a device there is nothing to work on", Help: "give the path of the device",
	}
	rulePartitionNumbers = &diag.Rule{
		ID: "partition-numbers", Why: "a number names one entry of the partition table", Help: "number the partitions differently",
	}
	rulePartitionOverlap = &diag.Rule{
		ID: "partition-overlap", Why: "two partitions on the same sectors destroy each other's data",
		Help: "move or shrink one of the two, or give it no start to use the next gap",
	}
	rulePartitionLabels = &diag.Rule{
		ID: "partition-labels", Why: "/dev/disk/by-partlabel would lead to either of them", Help: "label the partitions differently",
	}
	rulePartitionAbsent = &diag.Rule{
		ID: "partition-absent", Why: "a partition that should not exist cannot have these properties",
		Help: "identify the partition by its number alone",
	}
	rulePartitionIdentity = &diag.Rule{
		ID: "partition-identity", Why: "a partition is found by its number, or by its label", Help: "give a number from 1, or a label",
	}
	rulePartitionLabelLength = &diag.Rule{
		ID: "partition-label-length", Why: "the partition table has room for 36 characters",
		Help: "shorten the label; letters outside of ASCII count twice or more",
	}
	rulePartitionLabelColon = &diag.Rule{
		ID: "partition-label-colon", Why: "partitioning tools cut a label at a colon",
		Help: "replace the colon",
	}
	ruleGUID = &diag.Rule{
		ID: "guid-format", Why: "a GUID has 32 hex digits in groups of 8, 4, 4, 4 and 12",
		Help: "write it like 01234567-89AB-CDEF-EDCB-A98765432101, or leave it out",
	}
)

// 36 UTF-16 units: UEFI 2.10 §5.3.3, PartitionName. The reference counts bytes.
const maxPartitionLabel = 36

// Check reports partitions that do not go together.
func (d Disk) Check(c *check.Ctx) {
	if d.Device == "" {
		c.At("device").Errorf(ruleDeviceMissing, "the disk has no device")
		return
	}
	c.At("device").AbsPath(d.Device)
	number, label := d.repeated()
	if number >= 0 {
		c.At("partitions", number).Errorf(rulePartitionNumbers, "partition number %d is given twice", d.Partitions[number].Number)
	}
	if i, with := d.overlap(); i >= 0 {
		c.At("partitions", i).Errorf(rulePartitionOverlap, "the partition overlaps partition %d of the list", with+1)
	}
	if label >= 0 {
		c.At("partitions", label).Errorf(rulePartitionLabels, "partition label %q is given twice", *d.Partitions[label].Label)
	}
}

// repeated returns the first items with a number and with a label that an earlier one
// has, or -1.
func (d Disk) repeated() (number, label int) {
	number, label = -1, -1
	seen := map[any]bool{}
	for i, p := range d.Partitions {
		if p.Number != 0 && seen[p.Number] && number < 0 {
			number = i
		}
		seen[p.Number] = true
		if p.Label != nil {
			if seen[*p.Label] && label < 0 {
				label = i
			}
			seen[*p.Label] = true
		}
	}
	return number, label
}

// overlap returns the first two items found to share space, or -1. What has no
// fixed place is left out: only the disk can tell where it will be.
func (d Disk) overlap() (item, with int) {
	type extent struct{ item, first, last int }
	placed := make([]extent, 0, len(d.Partitions))
	for i := range d.Partitions {
		if p := &d.Partitions[i]; p.isPlaced() {
			first, last := p.extent()
			placed = append(placed, extent{i, first, last})
		}
	}
	for _, p := range placed {
		for _, o := range placed {
			if p.item != o.item &&
				(o.first <= p.first && p.first <= o.last || o.first <= p.last && p.last <= o.last || p.first < o.first && p.last > o.last) {
				return o.item, p.item
			}
		}
	}
	return -1, -1
}

func (p *Partition) isPlaced() bool {
	return p.StartMiB != nil && p.SizeMiB != nil && *p.StartMiB != 0
}

// extent returns the first and the last MiB. A size of 0 fills what is free, so
// only the start is certain.
func (p *Partition) extent() (first, last int) {
	if *p.SizeMiB == 0 {
		return *p.StartMiB, *p.StartMiB
	}
	return *p.StartMiB, *p.StartMiB + *p.SizeMiB - 1
}

// Check reports what is wrong with the partition by itself.
func (p Partition) Check(c *check.Ctx) {
	if p.ShouldExist != nil && !*p.ShouldExist &&
		(p.Label != nil || p.StartMiB != nil || p.SizeMiB != nil || isSet(p.GUID) || isSet(p.TypeGUID)) {
		c.Errorf(rulePartitionAbsent, "the partition should not exist, yet has a label, a place or a GUID")
	}
	if p.Number == 0 && p.Label == nil {
		c.Errorf(rulePartitionIdentity, "the partition has neither number nor label")
	}
	if p.Label != nil {
		switch label := *p.Label; {
		case len(label) > maxPartitionLabel:
			c.At("label").Errorf(rulePartitionLabelLength, "the partition label has %d bytes, at most %d are possible", len(label), maxPartitionLabel)
		case strings.Contains(label, ":"):
			c.At("label").Errorf(rulePartitionLabelColon, "the partition label %q contains a colon", label)
		}
	}
	checkGUID(c.At("guid"), p.GUID)
	checkGUID(c.At("typeGuid"), p.TypeGUID)
}

func checkGUID(c *check.Ctx, guid *string) {
	if isSet(guid) && !isGUID(*guid) {
		c.Errorf(ruleGUID, "%q is no GUID", *guid)
	}
}

func isGUID(s string) bool {
	const form = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
	if len(s) != len(form) {
		return false
	}
	for i := range len(form) {
		c := s[i]
		hex := '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
		if form[i] == '-' && c != '-' || form[i] == 'x' && !hex {
			return false
		}
	}
	return true
}

// isSet reports whether an optional text is given and not empty.
func isSet(s *string) bool { return s != nil && *s != "" }
