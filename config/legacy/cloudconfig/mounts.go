package cloudconfig

import (
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/kindling-boot/kindling/config/legacy"
	"github.com/kindling-boot/kindling/config/source"
)

// fields of a row of mounts: fstab(5).
const (
	fieldDevice = iota
	fieldPath
	fieldFormat
	fieldOptions
	fieldDump
	fieldPass
	fields
)

// row reads a row of mounts; what is null is left to the default.
func (t *translator) row(n node) (cells [fields]string, given [fields]bool, ok bool) {
	if n.Kind != source.List || len(n.Children) == 0 || len(n.Children) > fields {
		t.fail(n, "write [DEVICE, PATH, TYPE, OPTIONS, DUMP, PASS], of which the last may be left out", "a row of %s is a list of 1 to 6 fields", n.path[0].Key)
		return cells, given, false
	}
	for i := range n.Children {
		c := n.item(i)
		if meaning(c.Node).kind == source.Null {
			continue
		}
		s, fine := t.text(c)
		if !fine {
			return cells, given, false
		}
		cells[i], given[i] = s, true
	}
	return cells, given, true
}

func (t *translator) mountDefaults(n node) {
	cells, _, ok := t.row(n)
	if ok {
		t.disks.defaults = cells
		t.note(n, legacy.Exact, "")
	}
}

func (t *translator) mounts(n node) {
	if n.Kind != source.List {
		t.wrongKind(n, "a list")
		return
	}
	defaults := t.disks.defaults
	if defaults[fieldOptions] == "" {
		defaults[fieldOptions] = "defaults,nofail"
	}
	for i := range n.Children {
		item := n.item(i)
		cells, given, ok := t.row(item)
		if !ok {
			continue
		}
		if !given[fieldPath] && defaults[fieldPath] == "" {
			t.drop(item, "a row without a path only takes away what cloud-init would mount by itself")
			continue
		}
		for i := range cells {
			if !given[i] {
				cells[i] = defaults[i]
			}
		}
		t.mount(cells, item)
	}
}

// tags are the ways to name a device by what is on it.
var tags = [...]string{"LABEL=", "UUID=", "PARTLABEL=", "PARTUUID="}

// mountSource returns what is mounted.
func (t *translator) mountSource(s, format string, n node) (string, bool) {
	if real, ok := t.disks.aliases[s]; ok {
		s = real
	}
	isNetwork := strings.Contains(s, ":/") || strings.HasPrefix(s, "//")
	isTag := slices.ContainsFunc(tags[:], func(tag string) bool { return strings.HasPrefix(s, tag) })
	isDevice := len(s) > 2 && (strings.HasPrefix(s, "sd") || strings.HasPrefix(s, "vd") || strings.HasPrefix(s, "xvd") || strings.HasPrefix(s, "nvme") || strings.HasPrefix(s, "ephemeral"))
	switch {
	case isNetwork || isTag || path.IsAbs(s):
		return s, true
	case isDevice:
		if base, number, ok := strings.Cut(s, "."); ok {
			device, found := t.device(base, n)
			if !found {
				return "", false
			}
			return partitionOf(device, number), true
		}
		return t.device(s, n)
	case s == "swap":
		t.refuse(n, "give the path of the device", "which device is swap space is known to the platform only")
		return "", false
	}
	return s, true // a pseudo file system, such as tmpfs
}

func (t *translator) mount(cells [fields]string, n node) {
	what, ok := t.mountSource(cells[fieldDevice], cells[fieldFormat], n.item(0))
	if !ok {
		return
	}
	if cells[fieldFormat] == "swap" || cells[fieldPath] == "none" || cells[fieldPath] == "swap" {
		t.mountSwap(what, n)
		return
	}
	at := n.item(min(1, len(n.Children)-1))
	if !path.IsAbs(cells[fieldPath]) {
		t.fail(at, "write it as /"+cells[fieldPath], "%q is no path", cells[fieldPath])
		return
	}
	target := path.Clean(cells[fieldPath])
	m := t.out.add("mounts", n)
	if what != "tmpfs" {
		m.text("what", what, n.item(0))
	}
	m.text("path", target, at)
	if f := cells[fieldFormat]; f != "" && f != "auto" && f != "none" {
		m.text("format", f, n)
	}
	for _, o := range strings.Split(cells[fieldOptions], ",") {
		switch {
		case o == "" || o == "defaults" || strings.HasPrefix(o, "comment="):
		case o == "x-systemd.automount":
			m.flag("automount", true, n)
		case strings.HasPrefix(o, "x-systemd."):
			t.approximate(n, "the option "+o+" is left out: the mount is a unit, not a line of fstab")
		default:
			m.addText("options", o, n)
		}
	}
	t.mountMade(what, target, n)
	if d := cells[fieldDump]; d != "" && d != "0" {
		t.approximate(n, "the field for dump is left out: nothing reads it")
	}
	t.note(n, legacy.Exact, "")
}

// mountMade tells a file system of the document where it will be mounted, so that files
// land on it.
func (t *translator) mountMade(what, target string, n node) {
	for _, f := range t.disks.made {
		if (f.device == what || f.label != "" && what == "LABEL="+f.label) && f.entry.get("path") == nil {
			f.entry.text("path", target, n)
			return
		}
	}
}

func (t *translator) mountSwap(what string, n node) {
	for _, tag := range tags {
		if name, ok := strings.CutPrefix(what, tag); ok {
			what = "/dev/disk/by-" + strings.ToLower(strings.TrimSuffix(tag, "=")) + "/" + name
		}
	}
	if !strings.HasPrefix(what, "/dev/") {
		t.refuse(n.item(0), "use the key swap, which makes the file", "swap space of a row of mounts must be a device")
		return
	}
	t.out.add("swap", n).text("device", what, n.item(0))
	t.note(n, legacy.Exact, "")
}

func swapRows() []row {
	return []row{
		{name: "filename", how: "`swap[].path`; `/swap.img` if it is left out"},
		{name: "size", how: "`swap[].size_mib`, rounded up; `auto` is refused: it depends on the machine"},
		{name: "maxsize", class: Ignored, how: "it is for a size that depends on the machine"},
	}
}

func (t *translator) swap(n node) {
	if n.Kind != source.Object {
		t.wrongKind(n, "a mapping")
		return
	}
	name, size, at := "/swap.img", int64(0), n
	rows := swapRows()
	rows[0].do = func(t *translator, n node) {
		if s, ok := t.line(n); ok {
			name, at = s, n
		}
	}
	rows[1].do = func(t *translator, n node) { size = t.size(n) }
	t.members(n, rows)
	if size > 0 && !t.found.HasErrors() {
		s := t.out.add("swap", n)
		s.text("path", name, at)
		s.number("size_mib", size, n)
	}
}

// size reads a number of bytes with a unit, and returns MiB.
func (t *translator) size(n node) int64 {
	s, ok := t.text(n)
	if !ok {
		return 0
	}
	if s == "auto" {
		t.refuse(n, "write the size, for example 2G", "the size auto depends on the memory of the machine")
		return 0
	}
	text := strings.ToUpper(strings.TrimSpace(s))
	text = strings.TrimSuffix(strings.TrimSuffix(text, "B"), "I")
	shift := 0
	if i := strings.IndexAny(text, "KMGT"); i >= 0 && i == len(text)-1 {
		shift = 10 * (1 + strings.IndexByte("KMGT", text[i]))
		text = text[:i]
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f < 0 || math.Ldexp(f, shift) > math.MaxInt64/2 || f != f {
		t.fail(n, "write for example 512M or 2G", "%q is no size", s)
		return 0
	}
	bytes := int64(math.Ldexp(f, shift))
	if bytes == 0 {
		t.drop(n, "there is no swap space of size 0")
		return 0
	}
	if bytes%(1<<20) != 0 {
		t.approximate(n, "the size is rounded up to MiB")
	}
	return (bytes + 1<<20 - 1) >> 20
}
