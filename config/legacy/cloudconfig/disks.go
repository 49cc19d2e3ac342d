package cloudconfig

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/kindling-boot/kindling/config/source"
)

// disks is what the keys about disks say to each other.
type disks struct {
	aliases  map[string]string
	parted   map[string]bool // devices that get one partition
	defaults [6]string       // of a row of mounts
	made     []madeFilesystem
}

// madeFilesystem is a file system of fs_setup.
type madeFilesystem struct {
	device, label string
	entry         *value
}

func diskRows() []row {
	return []row{
		{name: "table_type", how: "`gpt`; another table, and none said, is refused: MBR is not written here"},
		{name: "layout", how: "`partitions`: `true` or one of 100 % for one that fills the disk, `false` for none; other percentages are refused: the size of the disk is not known", do: func(*translator, node) {}},
		{name: "overwrite", how: "`wipe_table`", do: func(t *translator, n node) { t.boolean(n) }},
	}
}

func filesystemRows() []row {
	return []row{
		{name: "label", how: "`storage.filesystems[].label`"},
		{name: "filesystem", how: "`format`: ext4, btrfs, xfs, vfat or swap"},
		{name: "device", how: "`device`"},
		{name: "partition", how: "number of the partition of `device`; `none` is the device; `any` and `auto` depend on what is found, and are refused unless the document makes one partition"},
		{name: "overwrite", how: "`wipe_filesystem`"},
		{name: "extra_opts", how: "`options`"},
		{name: "replace_fs", class: Refused, how: "what is on the disk is not looked at", help: "set overwrite"},
		{name: "cmd", class: Refused, how: "file systems are made by their own programs", help: "use filesystem and extra_opts"},
	}
}

// aliases are names of devices for the other keys.
func (t *translator) aliases(n node) {
	if n.Kind != source.Object {
		t.wrongKind(n, "a mapping")
		return
	}
	t.disks.aliases = map[string]string{}
	for _, c := range t.each(n) {
		if s, ok := t.line(c); ok {
			t.disks.aliases[c.Key] = s
		}
	}
}

// device returns the path of a device.
func (t *translator) device(name string, n node) (string, bool) {
	if real, ok := t.disks.aliases[name]; ok {
		name = real
	}
	switch {
	case strings.HasPrefix(name, "/dev/"):
		return path.Clean(name), true
	case strings.HasPrefix(name, "ephemeral"):
		t.refuse(n, "give the path of the device below /dev/disk/by-id", "which device is %q is known to the platform only", name)
	case strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789") == "" && name != "":
		return "/dev/" + name, true
	default:
		t.fail(n, "give its path below /dev", "%q is no device", name)
	}
	return "", false
}

func (t *translator) diskSetup(n node) {
	if n.Kind != source.Object {
		t.wrongKind(n, "a mapping")
		return
	}
	for _, c := range t.each(n) {
		if device, ok := t.device(c.Key, c); ok {
			t.disk(device, c)
		}
	}
}

// disk translates the table of one disk. cloud-init leaves a disk alone that has
// something on it, unless overwrite is set; here that is an error of the boot.
func (t *translator) disk(device string, n node) {
	if n.Kind != source.Object {
		t.wrongKind(n, "a mapping")
		return
	}
	table := n.Member("table_type")
	rows := diskRows()
	rows[0].do = func(t *translator, n node) {
		if s, ok := t.oneOf(n, "gpt", "mbr"); ok && s == "mbr" {
			t.refuse(n, "write gpt", "tables of the kind MBR are not written here")
		}
	}
	t.members(n, rows)
	if table == nil {
		t.refuse(n, "write table_type: gpt", "without table_type the disk gets a table of the kind MBR, which is not written here")
	}
	layout, ok := t.layout(n)
	if !ok {
		return
	}
	d := t.out.object("storage", n).add("disks", n)
	d.text("device", device, n)
	if w := n.Member("overwrite"); w != nil {
		wipe := node{Node: w, path: n.path.At("overwrite")}
		if s := resolve(w.Text); s.yes {
			d.flag("wipe_table", true, wipe)
		}
	}
	switch layout {
	case "":
	case "remove":
		d.flag("wipe_table", true, n)
	default:
		p := d.add("partitions", n)
		p.number("number", 1, n)
		if layout != "true" {
			p.text("type_guid", layout, n)
		}
		if t.disks.parted == nil {
			t.disks.parted = map[string]bool{}
		}
		t.disks.parted[device] = true
	}
}

// typeGUIDs are the types of partitions that gdisk has numbers for: sgdisk --list-types.
var typeGUIDs = [...][2]string{
	{"8300", "0FC63DAF-8483-4772-8E79-3D69D8477DE4"},
	{"83", "0FC63DAF-8483-4772-8E79-3D69D8477DE4"},
	{"8200", "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F"},
	{"82", "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F"},
	{"EF00", "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"},
	{"FD00", "A19D880F-05FC-4D3B-A006-743F0F84911E"},
	{"8E00", "E6D6D379-F507-44C2-A23C-238F2A3DF928"},
}

// layout returns true for one partition that fills the disk, its type if that is said,
// remove, or nothing for no partition.
func (t *translator) layout(disk node) (string, bool) {
	m := disk.Member("layout")
	if m == nil {
		return "", true
	}
	n := node{Node: m, path: disk.path.At("layout")}
	if n.Kind != source.List {
		if n.Text == "remove" {
			return "remove", true
		}
		yes, ok := t.boolean(n)
		if yes {
			return "true", ok
		}
		return "", ok
	}
	if len(n.Children) == 1 {
		item := n.item(0)
		if item.Kind != source.List {
			if _, ok := t.integer(item); ok { // the last one fills the disk, whatever it says
				return "true", true
			}
			return "", false
		}
		if len(item.Children) == 2 {
			kind := strings.ToUpper(item.Children[1].Text)
			for _, k := range typeGUIDs {
				if k[0] == kind {
					return k[1], true
				}
			}
			if len(kind) == len(typeGUIDs[0][1]) {
				return kind, true
			}
			t.fail(item.item(1), "write the GUID", "%q is no type of a partition that is known here", kind)
			return "", false
		}
	}
	t.refuse(n, "write storage.disks with sizes in MiB in a Butane document",
		"partitions in percent of a disk depend on its size, which is not known here")
	return "", false
}

func (t *translator) fsSetup(n node) {
	for _, item := range t.items(n) {
		if item.Kind != source.Object {
			t.wrongKind(item, "a mapping")
			continue
		}
		t.filesystem(item)
	}
}

// partitionOf is the path of a partition of a device.
func partitionOf(device, number string) string {
	switch last := device[len(device)-1]; {
	case strings.HasPrefix(device, "/dev/disk/"):
		return device + "-part" + number
	case last >= '0' && last <= '9':
		return device + "p" + number
	}
	return device + number
}

func (t *translator) filesystem(n node) {
	entry := newValue(source.Object).from(n)
	var device, label, partition string
	errors := len(t.found)
	rows := filesystemRows()
	for i, do := range []func(t *translator, n node){
		func(t *translator, n node) {
			if s, ok := t.line(n); ok {
				label = s
				entry.text("label", s, n)
			}
		},
		func(t *translator, n node) {
			if s, ok := t.oneOf(n, "ext4", "btrfs", "xfs", "vfat", "swap"); ok {
				entry.text("format", s, n)
			}
		},
		func(t *translator, n node) {
			if s, ok := t.line(n); ok {
				device, _ = t.device(s, n)
			}
		},
		func(t *translator, n node) { partition = t.partition(n, device) },
		func(t *translator, n node) {
			if yes, ok := t.boolean(n); ok && yes {
				entry.flag("wipe_filesystem", true, n)
			}
		},
		func(t *translator, n node) {
			lines, from := t.lines(t.list(n))
			for i, line := range lines {
				for _, word := range strings.Fields(line) {
					entry.addText("options", word, from[i])
				}
			}
		},
	} {
		rows[i].do = do
	}
	t.members(n, rows)
	if len(t.found) > errors && t.found[errors:].HasErrors() {
		return
	}
	switch {
	case device == "":
		t.fail(n, "give it a device", "the file system has no device")
		return
	case entry.get("format") == nil:
		t.fail(n, "write for example ext4", "the file system has no type")
		return
	case n.Member("partition") == nil:
		partition = t.partition(n, device)
		if partition == "" {
			return
		}
	}
	if partition != "none" {
		device = partitionOf(device, partition)
	}
	entry.text("device", device, n)
	list := t.out.object("storage", n).container("filesystems", source.List, n)
	list.members = append(list.members, entry)
	t.disks.made = append(t.disks.made, madeFilesystem{device: device, label: label, entry: entry})
}

// partition returns the number of the partition that is meant, none for the whole device,
// and nothing if it cannot be known.
func (t *translator) partition(n node, device string) string {
	word := "any"
	if n.Kind != source.Object {
		word = n.Text
		if i, err := strconv.Atoi(word); err == nil && i > 0 {
			return strconv.Itoa(i)
		}
	}
	switch {
	case word == "none":
		return word
	case (word == "any" || word == "auto") && t.disks.parted[device]:
		return "1"
	case word == "any" || word == "auto":
		t.refuse(n, "write the number of the partition, or none for the whole device", "which partition it is depends on what is on the device")
	default:
		t.fail(n, "write the number of the partition, or none", "%q is no partition", word)
	}
	return ""
}

func growpartRows() []row {
	return []row{
		{name: "mode", class: Ignored, how: "an image that is to fill its disk grows its root by itself"},
		{name: "devices", class: Ignored, how: "`/` is left to the image; other devices are refused", do: func(t *translator, n node) {
			words, from := t.words(n)
			if i := slices.IndexFunc(words, func(w string) bool { return w != "/" }); i >= 0 {
				t.refuse(from[i], "write storage.disks with resize: true in a Butane document", "%s does not grow by itself", words[i])
			}
		}},
		{name: "ignore_growroot_disabled", class: Ignored, how: "it is about a file of cloud-init"},
	}
}

func (t *translator) growpart(n node) {
	t.members(n, growpartRows())
}
