package systems

import (
	"path"
	"strconv"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/transpiler/sugar"
)

var ruleABDisk = &diag.Rule{
	ID: "ab-disk", Why: "a boot loader that finds no slot by type, name and attributes does not start the machine",
}

// Rules lists the rules of the package.
func Rules() []*diag.Rule { return []*diag.Rule{ruleABDisk} }

// ABDisk is the sugar of a disk with two slots for the system: one runs, the other one
// takes the next update. The table becomes plain partitions. Their attributes, which a
// config cannot say, become a service that sets them once: docs/adr/0205-ab-disks.md.
type ABDisk struct {
	// ABDisk is nil if the document has no such disk.
	ABDisk *abDisk `json:"abDisk"`
	// Default is the layout of the variant.
	Default string
}

// abDisk are the keys of the section.
type abDisk struct {
	// Device is the path of the disk.
	Device string `json:"device"`
	// Layout is one of the rows of [layouts].
	Layout *string `json:"layout"`
	// WipeTable erases the partition table first.
	WipeTable *bool `json:"wipeTable"`
	// Sizes in MiB; unset takes that of the layout.
	EFISizeMiB *int `json:"efiSizeMiB"`
	USRSizeMiB *int `json:"usrSizeMiB"`
	OEMSizeMiB *int `json:"oemSizeMiB"`
	// RootSizeMiB 0 takes what is left.
	RootSizeMiB *int `json:"rootSizeMiB"`
	// SlotA and SlotB are the slots; unset makes A the one that is booted.
	SlotA *abSlot `json:"slotA"`
	SlotB *abSlot `json:"slotB"`
}

// abSlot is one slot. Selection takes, of those that are successful or have tries, the one
// with the highest priority.
type abSlot struct {
	// Label, GUID and TypeGUID are fixed on Flatcar, which finds its slots by them.
	Label    *string `json:"label"`
	GUID     *string `json:"guid"`
	TypeGUID *string `json:"typeGuid"`
	// Priority, from 0 to 15.
	Priority *int `json:"priority"`
	// Tries is how often it is booted before it is successful, from 0 to 15.
	Tries *int `json:"tries"`
	// Successful says that it has booted before.
	Successful *bool `json:"successful"`
}

// alignMiB is what partitions begin at multiples of: 4096 sectors of 512 bytes, as
// build_library/disk_layout.json of Container Linux and Flatcar has it.
const alignMiB = 2

// mostMiB is the largest size, a PiB: sums of them are numbers, too.
const mostMiB = 1 << 30

// mostSlot is the largest priority and number of tries: each has four bits.
const mostSlot = 15

// layout is what differs between the systems that are booted this way.
type layout struct {
	name string
	// fixed keeps the names of the slots.
	fixed bool
	// Sizes in MiB. A layout with an OEM partition of 0 has none.
	efi, usr, oem int
	guidA, guidB  string
	rootType      string
}

// Types and GUIDs of partitions: disk_layout.json of Container Linux and Flatcar.
const (
	typeEFI  = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
	typeBIOS = "21686148-6449-6e6f-744e-656564454649"
	typeUSR  = "5dfbf5f4-2848-4bac-aa5e-0d9a20b745a6"
	typeData = "0fc63daf-8483-4772-8e79-3d69d8477de4"
	// the first boot grows a partition of this type, and what is on it
	typeGrown = "3884dd41-8582-4404-b9a8-e9b84f2df50e"
	guidUSRA  = "7130c94a-213a-4e5a-8e26-6cce9662f132"
	guidUSRB  = "e03dd35c-7c2d-4a47-b3fe-27f15780a57c"
)

func layouts() []layout {
	return []layout{
		{name: "flatcar", fixed: true, efi: 1024, usr: 2048, oem: 1024, guidA: guidUSRA, guidB: guidUSRB, rootType: typeGrown},
		{name: "container-linux", fixed: true, efi: 128, usr: 1024, oem: 128, guidA: guidUSRA, guidB: guidUSRB, rootType: typeGrown},
		{name: "linux", efi: 512, usr: 2048, rootType: typeData}, // two disks of one machine must differ
	}
}

// layout returns the layout of the document; known is false if there is none of the name.
func (s *ABDisk) layout() (found layout, names []string, known bool) {
	name := s.Default
	if s.ABDisk.Layout != nil {
		name = *s.ABDisk.Layout
	}
	for _, l := range layouts() {
		names = append(names, l.name)
		if l.name == name {
			found, known = l, true
		}
	}
	return found, names, known
}

// abPlace is the section, or a place in it.
func abPlace(steps ...any) source.Path { return source.Path{}.At("ab_disk").At(steps...) }

// Check reports a disk that no machine would boot from.
func (s *ABDisk) Check(c *sugar.Ctx) {
	d := s.ABDisk
	if d == nil {
		return
	}
	switch {
	case d.Device == "":
		c.ErrorHelp(ruleABDisk, abPlace(), "give the path of the disk as device", "the section names no disk")
	case !isPlainDevice(d.Device):
		c.ErrorHelp(ruleABDisk, abPlace("device"), "write its path, with letters, digits and . _ + - @ : , = only, like /dev/sdb or /dev/disk/by-id/NAME",
			"%q is no path of a disk", d.Device)
	}
	l, names, known := s.layout()
	if !known {
		c.OneOf(ruleABDisk, abPlace("layout"), "layout", *d.Layout, names)
	}
	for _, size := range []struct {
		key   string
		value *int
		least int
	}{
		{"efi_size_mib", d.EFISizeMiB, alignMiB}, {"usr_size_mib", d.USRSizeMiB, alignMiB}, {"oem_size_mib", d.OEMSizeMiB, 0}, {"root_size_mib", d.RootSizeMiB, 0},
	} {
		if size.value != nil && (*size.value < size.least || *size.value > mostMiB || *size.value%alignMiB != 0) {
			c.ErrorHelp(ruleABDisk, abPlace(size.key), "write an even number of MiB, up to a PiB", "a partition cannot have %d MiB: the next one begins at a multiple of 4096 sectors", *size.value)
		}
	}
	for i, slot := range []*abSlot{d.SlotA, d.SlotB} {
		if slot != nil {
			slot.check(c, abPlace([]string{"slot_a", "slot_b"}[i]), known && l.fixed)
		}
	}
	a, b := d.slots(l)
	switch {
	case !a.isBootable() && !b.isBootable():
		c.ErrorHelp(ruleABDisk, abPlace("slot_a"), "write successful: true, or give it tries", "neither slot is successful or has tries, so that none is booted")
	case a.guid != "" && strings.EqualFold(a.guid, b.guid):
		c.ErrorHelp(ruleABDisk, abPlace("slot_b"), "give another GUID", "both slots have the GUID %s", b.guid)
	}
}

// isPlainDevice reports whether a path can stand in a command line without quotes.
func isPlainDevice(p string) bool {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+-@:,="
	return strings.HasPrefix(p, "/") && p != "/" && path.Clean(p) == p && strings.Trim(p, plain) == ""
}

func (s *abSlot) check(c *sugar.Ctx, place source.Path, fixed bool) {
	for i, value := range []*int{s.Priority, s.Tries} {
		if value != nil && (*value < 0 || *value > mostSlot) {
			c.ErrorHelp(ruleABDisk, place.At([]string{"priority", "tries"}[i]), "write a number from 0 to 15", "the attributes of a slot have no room for %d", *value)
		}
	}
	for i, value := range []*string{s.Label, s.GUID, s.TypeGUID} {
		if value != nil && fixed {
			c.ErrorHelp(ruleABDisk, place.At([]string{"label", "guid", "type_guid"}[i]), "remove the key, or use layout: linux for images of your own", "the system finds its slots by their names, which are fixed")
		}
	}
}

// slot is what a slot of the document becomes.
type slot struct {
	key, label, guid, typeGUID string
	priority, tries            int
	successful                 bool
}

// slots returns what the document says, and of the rest what a new image has.
func (d *abDisk) slots(l layout) (a, b slot) {
	a = slot{key: "slot_a", label: "USR-A", guid: l.guidA, typeGUID: typeUSR, priority: 1, successful: true}
	b = slot{key: "slot_b", label: "USR-B", guid: l.guidB, typeGUID: typeUSR}
	a.set(d.SlotA)
	b.set(d.SlotB)
	return a, b
}

func (s *slot) set(from *abSlot) {
	if from == nil {
		return
	}
	set(&s.label, from.Label)
	set(&s.guid, from.GUID)
	set(&s.typeGUID, from.TypeGUID)
	set(&s.priority, from.Priority)
	set(&s.tries, from.Tries)
	set(&s.successful, from.Successful)
}

// set overrides a value if the document has one.
func set[T any](value, with *T) {
	if with != nil {
		*value = *with
	}
}

// isBootable: gptprio.next of GRUB, and cgpt next.
func (s *slot) isBootable() bool { return s.successful || s.tries > 0 }

// attributes are the bits of the slot that are set, as sfdisk(8) takes them: 48 to 51 are
// the priority, 52 to 55 the tries, 56 says successful. They are those of the kernels of
// ChromeOS: https://www.chromium.org/chromium-os/chromiumos-design-docs/disk-format
func (s *slot) attributes() string {
	bits := s.priority | s.tries<<4
	if s.successful {
		bits |= 1 << 8
	}
	var names []string
	for i := range 9 {
		if bits>>i&1 == 1 {
			names = append(names, strconv.Itoa(48+i))
		}
	}
	if names == nil {
		return `""`
	}
	return "GUID:" + strings.Join(names, ",")
}

// Desugar adds the disk, and the service that sets the attributes.
func (s *ABDisk) Desugar(c *sugar.Ctx) {
	d := s.ABDisk
	if d == nil {
		return
	}
	l, _, _ := s.layout()
	a, b := d.slots(l)
	origins := c.NewOrigins()
	place := source.Path{}.At("storage", "disks", 0)
	origins.Add(place, abPlace())
	disk, start := types.Disk{Device: d.Device, WipeTable: d.WipeTable}, alignMiB
	for _, p := range []abPartition{
		{slot{label: "EFI-SYSTEM", typeGUID: typeEFI}, 1, l.efi, d.EFISizeMiB, "efi_size_mib"},
		{slot{label: "BIOS-BOOT", typeGUID: typeBIOS}, 2, alignMiB, nil, ""},
		{a, 3, l.usr, d.USRSizeMiB, "usr_size_mib"},
		{b, 4, l.usr, d.USRSizeMiB, "usr_size_mib"},
		{slot{label: "OEM", typeGUID: typeData}, 6, l.oem, d.OEMSizeMiB, "oem_size_mib"}, // 5 is ROOT-C, which no disk has any more
		{slot{label: "ROOT", typeGUID: l.rootType}, 9, 0, d.RootSizeMiB, "root_size_mib"},
	} {
		set(&p.sizeMiB, p.size)
		if p.sizeMiB == 0 && p.label == "OEM" {
			continue
		}
		to := place.At("partitions", len(disk.Partitions))
		origins.AddWhole(to, abPlace())
		if p.sizeKey != "" {
			origins.Add(to.At("sizeMiB"), abPlace(p.sizeKey))
		}
		for _, name := range []string{"label", "guid", "typeGuid"} {
			if p.key != "" {
				origins.Add(to.At(name), abPlace(p.key, schema.Snake(name)))
			}
		}
		from := start
		added := types.Partition{Number: p.number, Label: &p.label, TypeGUID: &p.typeGUID, StartMiB: &from, SizeMiB: &p.sizeMiB}
		if p.guid != "" {
			added.GUID = &p.guid
		}
		disk.Partitions = append(disk.Partitions, added)
		start += p.sizeMiB
	}
	origins.AddWhole(source.Path{}.At("systemd", "units", 0), abPlace())
	enabled, text := true, attributesUnit(d.Device, a, b)
	var config types.Config
	config.Storage.Disks = []types.Disk{disk}
	config.Systemd.Units = []types.Unit{{Name: "ab-disk.service", Enabled: &enabled, Contents: &text}}
	c.AddParent(config, origins)
}

// abPartition is one of the disk; those but the slots have no key, and no attributes.
type abPartition struct {
	slot
	number  int
	sizeMiB int    // of the layout
	size    *int   // of the document
	sizeKey string // which says so
}

// attributesUnit sets the attributes once for each table: what becomes of them later is
// up to the updates and the boot loader. The table is known by its GUID, so that a disk
// that is laid out anew gets them again.
func attributesUnit(device string, a, b slot) string {
	unit := sugar.EscapePath(device) + ".device"
	// the kernel has nothing to read again, and would refuse to while a partition is in
	// use; udev looks again by itself, after the lock is gone
	attributes := "ExecStart=sfdisk --quiet --lock --no-reread --no-tell-kernel --part-attrs " + device
	stamp := `"/var/lib/ab-disk/$$id"'`
	return sugar.Header + `[Unit]
Description=Say which slot of ` + device + ` is booted
Requires=` + unit + `
After=` + unit + `
Before=update-engine.service

[Service]
Type=oneshot
RemainAfterExit=yes
StateDirectory=ab-disk
ExecCondition=/bin/sh -c 'id=$$(sfdisk --disk-id ` + device + `) || exit 255; test ! -e ` + stamp + `
` + attributes + ` 1 LegacyBIOSBootable
` + attributes + ` 3 ` + a.attributes() + `
` + attributes + ` 4 ` + b.attributes() + `
ExecStart=/bin/sh -ec 'id=$$(sfdisk --disk-id ` + device + `); touch ` + stamp + `

[Install]
WantedBy=multi-user.target
`
}
