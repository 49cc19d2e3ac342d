package blockdev

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// Part is a partition that the kernel knows.
type Part struct {
	Node
	Number int
	// Start and Size in units of 512 bytes, whatever the sectors of the disk: sysfs.
	// Both are 0 for partitions of device-mapper devices, which are devices of their own.
	Start, Size uint64
}

// Partitions are those the kernel knows of a disk, by number; for a device-mapper
// device (multipath) the linear devices that kpartx made.
func (h Host) Partitions(disk Node) []Part {
	var parts []Part
	for _, child := range h.Entries(disk.Name, "") {
		number, err := strconv.Atoi(h.Attribute(disk.Name, child+"/partition"))
		if err != nil {
			continue
		}
		p := Part{Node: h.named(child), Number: number}
		p.Start, _ = strconv.ParseUint(h.Attribute(disk.Name, child+"/start"), 10, 64)
		p.Size, _ = strconv.ParseUint(h.Attribute(disk.Name, child+"/size"), 10, 64)
		parts = append(parts, p)
	}
	for _, holder := range h.Entries(disk.Name, "holders") {
		if number := h.mapperPartition(disk, holder); number > 0 {
			parts = append(parts, Part{Node: h.named(holder), Number: number})
		}
	}
	sort.Slice(parts, func(i, j int) bool { return parts[i].Number < parts[j].Number })
	return parts
}

// mapperPartition is the number of the partition that a device-mapper device is of a
// disk, or 0: kpartx gives it the UUID "part1-" with that of the disk behind it.
func (h Host) mapperPartition(disk Node, name string) int {
	uuid := h.Attribute(disk.Name, "dm/uuid")
	part, of, found := strings.Cut(h.Attribute(name, "dm/uuid"), "-")
	number, err := strconv.Atoi(strings.TrimPrefix(part, "part"))
	if !found || err != nil || uuid == "" || of != uuid || !strings.HasPrefix(part, "part") {
		return 0
	}
	return number
}

// PartitionPath is the node of a partition of a disk: the one the kernel has, or else
// the one it will have.
func (h Host) PartitionPath(disk Node, number int) string {
	for _, p := range h.Partitions(disk) {
		if p.Number == number {
			return p.Path
		}
	}
	if name := h.MapperName(disk); name != "" {
		return h.path(fmt.Sprintf("dev/disk/by-id/dm-name-%sp%d", name, number))
	}
	return PartitionName(disk.Path, number)
}

// PartitionName is how the kernel calls a partition of a disk: block/partitions/core.c
// puts a p between a digit and the number, so for nvme0n1, mmcblk0, loop0, md0 and
// cciss/c0d0, but not for sda.
func PartitionName(disk string, number int) string {
	if disk != "" && disk[len(disk)-1] >= '0' && disk[len(disk)-1] <= '9' {
		return fmt.Sprintf("%sp%d", disk, number)
	}
	return fmt.Sprintf("%s%d", disk, number)
}
