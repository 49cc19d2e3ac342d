package linux

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/transpiler/sugar"
)

var ruleMount = &diag.Rule{
	ID: "mount", Why: "systemd mounts what is at one place of the tree, once, by a unit that is named for the place",
	Help: "give what to mount and the path to mount it at",
}

// Mounts is the sugar of mounts of any kind: devices, network, bind, tmpfs.
type Mounts struct {
	Mounts []mount `json:"mounts"`
}

// mount is one mount.
type mount struct {
	// What is mounted: a device, LABEL=NAME, SERVER:/PATH, a directory.
	What string `json:"what"`
	// Path to mount at.
	Path string `json:"path"`
	// Format is the type of the file system; unset lets mount find out.
	Format *string `json:"format"`
	// Options of mount(8).
	Options []string `json:"options"`
	// Automount mounts at the first access instead of at boot.
	Automount *bool `json:"automount"`
	// IdleTimeoutSeconds unmounts again when nobody uses it; it needs automount.
	IdleTimeoutSeconds *int `json:"idleTimeoutSeconds"`
}

func (m *mount) format() string {
	if m.Format == nil {
		return ""
	}
	return *m.Format
}

func (m *mount) isBind() bool {
	return slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind")
}

// deviceTags are the ways to name a device by what is on it, and where udev has
// links of those names. systemd waits for a device only if its path is given.
var deviceTags = []struct{ tag, dir string }{
	{"LABEL=", "/dev/disk/by-label/"},
	{"UUID=", "/dev/disk/by-uuid/"},
	{"PARTLABEL=", "/dev/disk/by-partlabel/"},
	{"PARTUUID=", "/dev/disk/by-partuuid/"},
}

// source is what is mounted, as the unit says it.
func (m *mount) source() string {
	for _, t := range deviceTags {
		if name, tagged := strings.CutPrefix(m.What, t.tag); tagged {
			return t.dir + name
		}
	}
	if m.What == "" {
		return "tmpfs"
	}
	return m.What
}

// isTagged reports whether the device is named by a tag, and plainly whether udev
// has a link of that very name: it escapes other characters.
func (m *mount) isTagged() (tagged, plainly bool) {
	for _, t := range deviceTags {
		if name, tagged := strings.CutPrefix(m.What, t.tag); tagged {
			return true, only(name, alphanumeric+"#+-.:=@_") // udev(7)
		}
	}
	return false, false
}

// networkFormats are what systemd takes for network file systems by their type:
// fstype_is_network in its sources.
var networkFormats = []string{
	"afs", "ceph", "cifs", "smb3", "smbfs", "sshfs", "ncpfs", "ncp", "nfs", "nfs4", "gfs", "gfs2", "glusterfs",
	"pvfs2", "ocfs2", "lustre", "davfs", "fuse.glusterfs", "fuse.sshfs", "fuse.davfs", "fuse.ceph",
}

func (m *mount) isRemote() bool {
	return slices.Contains(m.Options, "_netdev") || slices.Contains(networkFormats, m.format())
}

// isChecked reports whether the file system is on a local device that fsck checks.
func (m *mount) isChecked() bool {
	return strings.HasPrefix(m.source(), "/dev/") && !m.isBind() && !m.isRemote()
}

func (m *mount) unitName(extension string) string { return sugar.EscapePath(m.Path) + extension }

// 255 bytes: UNIT_NAME_MAX of systemd, systemd.unit(5).
const maxUnitName = 255

// Check reports mounts that systemd would refuse.
func (s *Mounts) Check(c *sugar.Ctx) {
	seen := repeated{}
	for i := range s.Mounts {
		m, place := &s.Mounts[i], at("mounts", i)
		m.check(c, place)
		switch {
		case m.Path == "":
		case seen.is(m.Path) || hasUnit(c, m.unitName(".mount")):
			c.ErrorHelp(ruleMount, place.At("path"), "remove one of the two", "two mounts have the path %q", m.Path)
		case len(m.unitName(".automount")) > maxUnitName:
			c.ErrorHelp(ruleMount, place.At("path"), "use a shorter path", "the name of the unit would have more than %d bytes", maxUnitName)
		}
	}
}

func (m *mount) check(c *sugar.Ctx, place source.Path) {
	switch {
	case m.Path == "" || m.Path == "/":
		c.Errorf(ruleMount, place.At("path"), "the mount needs a path below /")
	case checkLine(c, place.At("path"), "the path", m.Path) && (!path.IsAbs(m.Path) || path.Clean(m.Path) != m.Path):
		c.ErrorHelp(ruleMount, place.At("path"), "write it as "+path.Join("/", m.Path), "the path %q is not absolute, or not in its shortest form", m.Path)
	}
	switch {
	case m.What == "" && m.format() == "tmpfs":
	case m.What == "":
		c.Errorf(ruleMount, place.At("what"), "the mount does not say what is mounted")
	case !checkLine(c, place.At("what"), "what", m.What):
	case m.isBind() && !path.IsAbs(m.What):
		c.ErrorHelp(ruleMount, place.At("what"), "give the absolute path of a directory", "a bind mount cannot be of %q", m.What)
	}
	if tagged, plainly := m.isTagged(); tagged && !plainly {
		c.ErrorHelp(ruleMount, place.At("what"), "give the path of the device below /dev/disk", "%q is no name that a link of udev has", m.What)
	}
	if m.Format != nil && !only(*m.Format, alphanumeric+"_.-") {
		c.ErrorHelp(ruleMount, place.At("format"), "write for example ext4, nfs or tmpfs", "%q is no type of a file system", *m.Format)
	}
	for i, o := range m.Options {
		if checkLine(c, place.At("options", i), "the option", o) && strings.ContainsAny(o, ",\"' \t") {
			c.ErrorHelp(ruleMount, place.At("options", i), "give each option as an item of its own", "the option %q has a comma, a quote or white space", o)
		}
	}
	switch {
	case m.IdleTimeoutSeconds == nil:
	case !isTrue(m.Automount):
		c.ErrorHelp(ruleMount, place.At("idle_timeout_seconds"), "set automount", "only an automount can be unmounted when idle")
	case *m.IdleTimeoutSeconds < 1:
		c.ErrorHelp(ruleMount, place.At("idle_timeout_seconds"), "leave it out to keep it mounted", "the timeout is at least one second")
	}
}

// Desugar adds the units.
func (s *Mounts) Desugar(c *sugar.Ctx) {
	p := newParent(c)
	for i := range s.Mounts {
		m, place := &s.Mounts[i], at("mounts", i)
		auto := isTrue(m.Automount)
		p.unit(m.unitName(".mount"), m.mountUnit(!auto), !auto, place)
		if auto {
			p.unit(m.unitName(".automount"), m.automountUnit(), true, place)
		}
	}
	p.add()
}

func (m *mount) mountUnit(install bool) string {
	var unit ini
	if m.isChecked() {
		fsck := specifiers("systemd-fsck@" + sugar.EscapePath(m.source()) + ".service")
		unit.section("Unit")
		unit.set("Requires", fsck)
		unit.set("After", fsck)
	}
	unit.section("Mount")
	unit.set("What", specifiers(m.source()))
	unit.set("Where", specifiers(m.Path))
	unit.setIf("Type", m.format())
	unit.setIf("Options", specifiers(strings.Join(m.Options, ",")))
	if install {
		m.install(&unit)
	}
	return unit.String()
}

func (m *mount) automountUnit() string {
	var unit ini
	unit.section("Automount")
	unit.set("Where", specifiers(m.Path))
	if m.IdleTimeoutSeconds != nil {
		unit.set("TimeoutIdleSec", strconv.Itoa(*m.IdleTimeoutSeconds))
	}
	m.install(&unit)
	return unit.String()
}

// install says what the mount is part of, as systemd does for lines of fstab:
// systemd.mount(5).
func (m *mount) install(unit *ini) {
	by, target := "RequiredBy", "local-fs.target"
	if m.isRemote() {
		target = "remote-fs.target"
	}
	if slices.Contains(m.Options, "nofail") {
		by = "WantedBy"
	}
	unit.section("Install")
	unit.set(by, target)
}
