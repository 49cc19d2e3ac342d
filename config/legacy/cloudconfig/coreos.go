package cloudconfig

import (
	"regexp"
	"strings"

	"github.com/kindling-boot/kindling/config/legacy"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/unitfile"
)

func coreosRows() []row {
	out := []row{
		{name: "units", how: "`systemd.units`, and files of `/etc/systemd/network`", do: (*translator).units, rows: unitRows, each: "[]"},
		{name: "update", how: "`/etc/coreos/update.conf`", do: (*translator).update, rows: updateRows},
		{name: "oem", how: "`/etc/oem-release`", do: (*translator).oem, rows: oemRows},
		{name: "flannel", how: "`/etc/flannel/options.env`, and a drop-in of flanneld.service that reads it", do: (*translator).flannel, rows: flannelRows},
	}
	for _, s := range environments() {
		out = append(out, row{
			name: s.key, how: "a drop-in of " + s.unit + " with the variables", do: func(t *translator, n node) { t.environment(n, s) },
			rows: func() []row { return environmentRows(s) },
		})
	}
	return out
}

func unitRows() []row {
	return []row{
		{name: "name", how: "`systemd.units[].name`"},
		{name: "content", how: "`contents`"},
		{name: "enable", how: "`enabled`"},
		{name: "mask", how: "`mask`"},
		{name: "runtime", class: Approximated, how: "the unit stays for later boots, below /etc"},
		{name: "command", class: Approximated, how: "the unit is started at each boot; stop is refused"},
		{name: "drop_ins", how: "`dropins`", each: "[]", rows: dropInRows},
	}
}

func dropInRows() []row {
	return []row{{name: "name", how: "`dropins[].name`"}, {name: "content", how: "`dropins[].contents`"}}
}

// coreosUnit is an item of coreos.units.
type coreosUnit struct {
	name                     string
	content                  string
	contentAt, at, commandAt node
	enable, mask             bool
	enableAt, maskAt         node
	command                  string
	dropIns                  node
}

// commands of a unit: they start it, with stop as the only exception.
var unitCommands = []string{"start", "stop", "restart", "reload", "try-restart", "reload-or-restart", "reload-or-try-restart"}

func (t *translator) units(n node) {
	for _, item := range t.items(n) {
		if item.Kind != source.Object {
			t.wrongKind(item, "a mapping")
			continue
		}
		u := coreosUnit{at: item}
		rows := unitRows()
		for i, do := range []func(*translator, node){
			func(t *translator, n node) { u.name, _ = t.line(n) },
			func(t *translator, n node) { u.content, _ = t.text(n); u.contentAt = n },
			func(t *translator, n node) { u.enable, _ = t.boolean(n); u.enableAt = n },
			func(t *translator, n node) { u.mask, _ = t.boolean(n); u.maskAt = n },
			func(t *translator, n node) {
				if yes, ok := t.boolean(n); ok && !yes {
					t.note(n, legacy.Exact, "")
				}
			},
			func(t *translator, n node) { u.command, _ = t.oneOf(n, unitCommands...); u.commandAt = n },
			func(t *translator, n node) { u.dropIns = n },
		} {
			rows[i].do = do
		}
		t.members(item, rows)
		if u.name == "" {
			t.fail(item, "give it a name", "the unit has no name")
			continue
		}
		t.coreosUnit(&u)
	}
}

// networkSuffixes are those of files of networkd.
var networkSuffixes = [...]string{".network", ".netdev", ".link"}

func (t *translator) coreosUnit(u *coreosUnit) {
	for _, suffix := range networkSuffixes {
		if strings.HasSuffix(u.name, suffix) {
			t.networkUnit(u)
			return
		}
	}
	unit := t.unit(u.name, u.at)
	if u.contentAt.Node != nil {
		unit.text("contents", u.content, u.contentAt)
	}
	for _, item := range t.dropIns(u.dropIns) {
		d := unit.add("dropins", item.at)
		d.text("name", item.name, item.at)
		d.text("contents", item.text, item.textAt)
	}
	switch {
	case u.mask:
		unit.flag("mask", true, u.maskAt)
		return
	case u.enable:
		unit.flag("enabled", true, u.enableAt)
	}
	switch {
	case u.command == "":
	case u.command == "stop":
		t.refuse(u.commandAt, "mask the unit", "a unit that systemd starts cannot be stopped before it runs")
	case u.contentAt.Node == nil || !hasInstall(u.content):
		t.want(u.name, u.commandAt)
	case !u.enable:
		unit.flag("enabled", true, u.commandAt)
	}
}

// hasInstall reports whether a unit says what it is to be part of.
func hasInstall(text string) bool {
	u, err := unitfile.Load(text)
	if err != nil {
		return false
	}
	for _, o := range u.Options {
		if o.Section == "Install" {
			return true
		}
	}
	return false
}

// want starts a unit at each boot, whatever it says itself.
func (t *translator) want(name string, n node) {
	l := t.out.object("storage", n).add("links", n)
	l.text("path", "/etc/systemd/system/multi-user.target.wants/"+name, n)
	l.text("target", "../"+name, n)
	l.flag("overwrite", true, n)
	if t.out.object("systemd", n).find("units", "name", name).get("contents") == nil {
		l.text("target", "/usr/lib/systemd/system/"+name, n)
	}
}

func (t *translator) networkUnit(u *coreosUnit) {
	path := "/etc/systemd/network/" + u.name
	if u.contentAt.Node != nil {
		t.file(path, 0o644, u.content, u.contentAt)
	}
	for _, item := range t.dropIns(u.dropIns) {
		t.file(path+".d/"+item.name, 0o644, item.text, item.textAt)
	}
	if u.mask {
		l := t.out.object("storage", u.maskAt).add("links", u.maskAt)
		l.text("path", path, u.maskAt)
		l.text("target", "/dev/null", u.maskAt)
		l.flag("overwrite", true, u.maskAt)
	}
}

// dropIn is a part of a unit.
type dropIn struct {
	name, text string
	at, textAt node
}

func (t *translator) dropIns(n node) []dropIn {
	if n.Node == nil {
		return nil
	}
	var out []dropIn
	for _, item := range t.items(n) {
		if item.Kind != source.Object {
			t.wrongKind(item, "a mapping")
			continue
		}
		d := dropIn{at: item}
		rows := dropInRows()
		rows[0].do = func(t *translator, n node) { d.name, _ = t.line(n) }
		rows[1].do = func(t *translator, n node) { d.text, _ = t.text(n); d.textAt = n }
		t.members(item, rows)
		if d.name == "" || d.textAt.Node == nil {
			t.fail(item, "give name and content", "the drop-in has no name or no content")
			continue
		}
		out = append(out, d)
	}
	return out
}

func updateRows() []row {
	return []row{
		{name: "reboot_strategy", how: "`REBOOT_STRATEGY`; `off` masks locksmithd.service"},
		{name: "group", how: "`GROUP`"},
		{name: "server", how: "`SERVER`"},
	}
}

// update writes the file; keys it does not have are left to that of the image.
func (t *translator) update(n node) {
	var lines []string
	rows := updateRows()
	rows[0].do = func(t *translator, n node) {
		s := n.Text // off is a boolean to YAML 1.1
		switch s {
		case "etcd-lock", "reboot", "best-effort":
		case "off", "false":
			s = "off"
			t.unit("locksmithd.service", n).flag("mask", true, n)
		default:
			t.fail(n, "write etcd-lock, reboot or off", "%q is no strategy", s)
			return
		}
		lines = append(lines, "REBOOT_STRATEGY="+s)
	}
	for i, name := range []string{"GROUP", "SERVER"} {
		rows[i+1].do = func(t *translator, n node) {
			if s, ok := t.line(n); ok {
				lines = append(lines, name+"="+s)
			}
		}
	}
	t.members(n, rows)
	t.file("/etc/coreos/update.conf", 0o644, strings.Join(lines, "\n")+"\n", n)
}

func oemRows() []row {
	return []row{
		{name: "id", how: "`ID`; without it there is no file"},
		{name: "version_id", how: "`VERSION_ID`"},
		{name: "name", how: "`NAME`"},
		{name: "home_url", how: "`HOME_URL`"},
		{name: "bug_report_url", how: "`BUG_REPORT_URL`"},
	}
}

func (t *translator) oem(n node) {
	text := ""
	rows := oemRows()
	for i := range rows {
		key := strings.ToUpper(rows[i].name)
		rows[i].do = func(t *translator, n node) {
			if s, ok := t.line(n); ok {
				if strings.ContainsAny(s, "\"\\$`") {
					t.fail(n, "leave them out", "the value has characters that shells replace")
					return
				}
				text += key + `="` + s + `"` + "\n"
			}
		}
	}
	t.members(n, rows)
	if n.Member("id") == nil {
		t.drop(n, "without id, coreos-cloudinit writes no file")
		return
	}
	t.file("/etc/oem-release", 0o644, text, n)
}

func flannelRows() []row {
	return environmentRows(environmentOf{prefix: "FLANNELD_", fields: flannelFields})
}

// flannel writes the file that Container Linux has below /run, where only it can be read
// after the next boot too.
func (t *translator) flannel(n node) {
	lines := t.variables(n, environmentOf{prefix: "FLANNELD_", fields: flannelFields})
	if len(lines) == 0 {
		return
	}
	t.file("/etc/flannel/options.env", 0o644, strings.Join(lines, "\n")+"\n", n)
	t.dropIn("flanneld.service", "[Service]\nEnvironmentFile=/etc/flannel/options.env\n", n)
}

// dropIn adds the drop-in that coreos-cloudinit has for its services.
func (t *translator) dropIn(unit, text string, n node) {
	d := t.unit(unit, n).add("dropins", n)
	d.text("name", "20-cloudinit.conf", n)
	d.text("contents", text, n)
}

// environment writes the variables of a service into a drop-in.
func (t *translator) environment(n node, s environmentOf) {
	lines := t.variables(n, s)
	text := "[Service]\n"
	for _, line := range lines {
		text += `Environment="` + strings.ReplaceAll(line, "%", "%%") + "\"\n"
	}
	if len(lines) > 0 {
		t.dropIn(s.unit, text, n)
	}
}

// variables are the lines NAME=VALUE of a section. Values that are zero are not written.
func (t *translator) variables(n node, s environmentOf) []string {
	var lines []string
	rows := environmentRows(s)
	for i := range rows {
		name := s.variable(rows[i].name)
		rows[i].do = func(t *translator, n node) {
			if strings.Contains(n.Key, "password") {
				t.tree.Hide(n.Node)
			}
			if n.Kind == source.List || n.Kind == source.Object {
				t.wrongKind(n, "a text")
				return
			}
			value := n.Text
			m := meaning(n.Node)
			switch {
			case m.kind == source.Bool && !m.yes && rows[i].name != "proxy", m.kind == source.Number && m.whole && m.number == 0, value == "":
				t.drop(n, "coreos-cloudinit writes no values that are zero")
				return
			case m.kind == source.Bool && rows[i].name != "proxy": // on and readonly
				value = "true"
			case strings.ContainsAny(value, "\"\\\r\n"):
				t.fail(n, "leave them out", "the value has quotes, backslashes or line feeds")
				return
			}
			if p := s.patterns[rows[i].name]; p != "" && !regexp.MustCompile(p).MatchString(value) {
				t.fail(n, "correct it", "%q is no value of %s", value, n.Key)
				return
			}
			lines = append(lines, name+"="+value)
		}
	}
	t.members(n, rows)
	return lines
}
