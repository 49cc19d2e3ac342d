package lint

import (
	"strconv"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/types"
)

var (
	ruleBootDisk = &diag.Rule{
		ID: "lint-boot-disk", Why: "partitions 1 to 5 and 7 of the disk that Flatcar boots from are the system and its updates; without them the machine does not start again",
		Help: "change partitions 6 and 9 of that disk only, and add others from 10 on",
	}
	ruleRootLabel = &diag.Rule{
		ID: "lint-root-label", Why: "Flatcar finds its root file system by the label ROOT, and the first boot ends without it",
		Help: "write label: ROOT",
	}
)

// flatcarPartitions are the labels of the partitions of the image, by number:
// build_library/disk_layout.json of Flatcar. 5 is reserved.
var flatcarPartitions = [...]string{1: "EFI-SYSTEM", 2: "BIOS-BOOT", 3: "USR-A", 4: "USR-B", 6: "OEM", 7: "OEM-CONFIG", 9: "ROOT"}

const rootNumber = 9

// isSystem reports whether nothing but the system may change a partition.
func isSystem(number int) bool { return number >= 1 && number <= 5 || number == 7 }

// flatcarDisks warns of what would take the system from the disk that Flatcar boots from.
// A document does not name that disk as such: it is known by a partition with both the
// number and the label that the image gives it. One with slots of its own is another disk.
func (l *linter) flatcarDisks() {
	if l.variant != "flatcar" {
		return
	}
	s := &l.Config.Storage
	boot := map[string]bool{}   // devices
	labels := map[string]bool{} // of partitions that the document makes on other disks
	for i := range s.Disks {
		d := &s.Disks[i]
		if boot[d.Device] = l.isFlatcarDisk(d); boot[d.Device] {
			l.bootDisk(i, d)
			continue
		}
		for j := range d.Partitions {
			if p := &d.Partitions[j]; p.Label != nil {
				labels[*p.Label] = true
			}
		}
	}
	// partition returns the number of a partition of the boot disk; 0 for any other device
	partition := func(device string) int {
		if label, ok := strings.CutPrefix(device, "/dev/disk/by-partlabel/"); ok && !labels[label] {
			for number, name := range flatcarPartitions {
				if name == label && name != "" {
					return number
				}
			}
		}
		if disk, number := splitPartition(device); boot[disk] {
			return number
		}
		return 0
	}
	for i := range s.Filesystems {
		f := &s.Filesystems[i]
		number := partition(f.Device)
		if isSystem(number) && isTrue(f.WipeFilesystem) {
			l.warn(ruleBootDisk, l.value("storage", "filesystems", i, "wipeFilesystem"), "remove wipe_filesystem", "what is on partition %d of the boot disk is erased", number)
		}
		isRoot := number == rootNumber || strings.HasPrefix(f.Device, "/dev/disk/by-") && strings.HasSuffix(f.Device, "label/ROOT")
		switch {
		case !isRoot || f.Label != nil && *f.Label == "ROOT":
		case f.Label != nil:
			l.warn(ruleRootLabel, l.value("storage", "filesystems", i, "label"), "", "the root file system gets the label %q", *f.Label)
		case isTrue(f.WipeFilesystem):
			l.warn(ruleRootLabel, l.value("storage", "filesystems", i, "wipeFilesystem"), "", "the root file system is made anew, and gets no label")
		}
	}
	for i := range s.Luks {
		if v := &s.Luks[i]; v.Device != nil && isSystem(partition(*v.Device)) {
			l.warn(ruleBootDisk, l.value("storage", "luks", i, "device"), "", "a volume takes the place of partition %d of the boot disk", partition(*v.Device))
		}
	}
	for i := range s.Raid {
		for j, device := range s.Raid[i].Devices {
			if isSystem(partition(device)) {
				l.warn(ruleBootDisk, l.value("storage", "raid", i, "devices", j), "", "an array takes the place of partition %d of the boot disk", partition(device))
			}
		}
	}
}

// isFlatcarDisk reports whether the document means the disk that Flatcar boots from.
func (l *linter) isFlatcarDisk(d *types.Disk) (is bool) {
	for i := range d.Partitions {
		p := &d.Partitions[i]
		switch {
		case p.Label == nil || p.Number <= 0 || p.Number >= len(flatcarPartitions) || flatcarPartitions[p.Number] != *p.Label:
		case p.Number == 3 && p.SizeMiB != nil:
			return false // laid out as a whole, as by ab_disk
		default:
			is = true
		}
	}
	for i := range l.Config.Storage.Filesystems {
		f := &l.Config.Storage.Filesystems[i]
		disk, number := splitPartition(f.Device)
		is = is || disk == d.Device && number == rootNumber && f.Label != nil && *f.Label == "ROOT"
	}
	return is
}

// bootDisk warns of changes of the table of the disk that Flatcar boots from.
func (l *linter) bootDisk(i int, d *types.Disk) {
	if isTrue(d.WipeTable) {
		l.warn(ruleBootDisk, l.value("storage", "disks", i, "wipeTable"), "remove wipe_table; if this is another disk, leave the numbers to Ignition", "the table of the boot disk is erased")
	}
	for j := range d.Partitions {
		if p := &d.Partitions[j]; isSystem(p.Number) {
			l.warn(ruleBootDisk, l.value("storage", "disks", i, "partitions", j, "number"), "", "partition %d of the boot disk is not for configs", p.Number)
		}
	}
}

// splitPartition returns the disk that a partition is on, and its number, by the names of
// the kernel (sda9, nvme0n1p9) and of udev (NAME-part9); 0 if it is none.
func splitPartition(device string) (disk string, number int) {
	disk = strings.TrimRight(device, "0123456789")
	number, err := strconv.Atoi(device[len(disk):])
	if err != nil {
		return device, 0
	}
	if before, ok := strings.CutSuffix(disk, "-part"); ok {
		return before, number
	}
	if before, ok := strings.CutSuffix(disk, "p"); ok && before != "" && before[len(before)-1] >= '0' && before[len(before)-1] <= '9' {
		return before, number
	}
	return disk, number
}
