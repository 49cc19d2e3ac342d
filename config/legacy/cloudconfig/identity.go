package cloudconfig

import (
	"strings"

	"github.com/kindling-boot/kindling/config/legacy"
	"github.com/kindling-boot/kindling/config/source"
)

// names is what the keys about the name of the machine say.
type names struct {
	hostname, fqdn     string
	hostnameAt, fqdnAt node
	prefersFQDN        bool
	preserved          bool
	hosts              string // manage_etc_hosts
	hostsAt            node
}

func (t *translator) hostname(n node) {
	if s, ok := t.line(n); ok {
		t.names.hostname, t.names.hostnameAt = s, n
	}
}

func (t *translator) fqdn(n node) {
	if s, ok := t.line(n); ok {
		t.names.fqdn, t.names.fqdnAt = s, n
	}
}

func (t *translator) preferFQDN(n node) { t.names.prefersFQDN, _ = t.boolean(n) }

func (t *translator) preserveHostname(n node) { t.names.preserved, _ = t.boolean(n) }

func (t *translator) manageHosts(n node) {
	s := meaning(n.Node)
	switch {
	case n.Text == "localhost" || !t.coreos && n.Text == "template":
		t.names.hosts = n.Text
	case t.coreos:
		t.fail(n, "write localhost", "the only value is localhost")
	case s.kind == source.Bool:
		if s.yes {
			t.names.hosts = "template"
		}
	default:
		t.fail(n, "write true, false or localhost", "%q is no value of manage_etc_hosts", n.Text)
	}
	t.names.hostsAt = n
}

// finishNames writes the name of the machine and its hosts.
func (t *translator) finishNames() {
	d := &t.names
	name, at := d.hostname, d.hostnameAt
	full := d.fqdn
	short, _, dotted := strings.Cut(name, ".")
	switch {
	case full == "" && dotted && !t.coreos:
		full, name = name, short
	case full != "" && name == "":
		name, _, _ = strings.Cut(full, ".")
		at = d.fqdnAt
	}
	if name == "" && full == "" {
		if d.hosts != "" {
			t.refuse(d.hostsAt, "write hostname", "the name of the machine is not in the document")
		}
		return
	}
	written := name
	if d.prefersFQDN && full != "" {
		written = full
	}
	if !d.preserved {
		t.out.text("hostname", written, at)
	}
	if d.hosts != "" {
		t.hosts(name, full, d)
	}
}

// hosts writes /etc/hosts as the template of Debian has it: hosts.debian.tmpl.
func (t *translator) hosts(name, full string, d *names) {
	own := "127.0.1.1 " + name
	if full != "" {
		own = "127.0.1.1 " + full + " " + name
	}
	text := own + "\n127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\nff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n"
	if t.coreos {
		text = "127.0.0.1 localhost " + name + "\n::1 localhost\n"
		t.approximate(d.hostsAt, "localhost keeps its address: coreos-cloudinit leaves it out")
	} else {
		t.approximate(d.hostsAt, "the file is written once, not at each boot")
	}
	t.file("/etc/hosts", 0o644, text, d.hostsAt)
}

func (t *translator) timezone(n node) {
	if s, ok := t.line(n); ok {
		t.out.text("timezone", s, n)
	}
}

func (t *translator) locale(n node) {
	if m := meaning(n.Node); m.kind == source.Bool {
		t.drop(n, "nothing is changed")
		return
	}
	s, ok := t.line(n)
	if !ok {
		return
	}
	t.out.object("locale", n).text("lang", s, n)
	if s != "C.UTF-8" && s != "en_US.UTF-8" && s != "C" && s != "POSIX" {
		t.approximate(n, "the image must have the locale: none is generated")
	}
}

func (t *translator) localeFile(n node) {
	if s, ok := t.line(n); ok && s != "/etc/default/locale" && s != "/etc/locale.conf" {
		t.refuse(n, "remove it", "the locale goes to /etc/locale.conf, with a link at /etc/default/locale")
	}
}

func keyboardRows() []row {
	const console = "the console has keymaps only"
	return []row{
		{name: "layout", class: Approximated, how: "`locale.keymap`: the console keymap of that name", do: func(t *translator, n node) {
			if s, ok := t.line(n); ok {
				t.out.object("locale", n).text("keymap", s, n)
			}
		}},
		{name: "model", class: Refused, how: console, help: "write /etc/default/keyboard in write_files"},
		{name: "variant", class: Refused, how: console, help: "write /etc/default/keyboard in write_files"},
		{name: "options", class: Refused, how: console, help: "write /etc/default/keyboard in write_files"},
	}
}

func (t *translator) keyboard(n node) { t.members(n, keyboardRows()) }

func ntpRows() []row {
	const ofTemplate = "the files of the client are written from what the document says"
	return []row{
		{name: "enabled", how: "`false` masks systemd-timesyncd"},
		{name: "ntp_client", how: "`ntp.client`: systemd-timesyncd, or chrony; `auto` is systemd-timesyncd; others are refused"},
		{name: "servers", how: "`ntp.servers`", do: ntpTexts("servers")},
		{name: "pools", how: "`ntp.pools`", do: ntpTexts("pools")},
		{name: "peers", class: Refused, how: "systemd-timesyncd has none, and those of chrony need its file", help: "write the file of chrony in write_files"},
		{name: "allow", class: Refused, how: "systemd-timesyncd serves nobody", help: "write the file of chrony in write_files"},
		{name: "config", class: Refused, how: ofTemplate, help: "write the file in write_files"},
	}
}

func ntpTexts(key string) func(*translator, node) {
	return func(t *translator, n node) {
		lines, from := t.lines(t.items(n))
		for i, s := range lines {
			t.out.object("ntp", n).addText(key, s, from[i])
		}
	}
}

func (t *translator) ntp(n node) {
	if n.Kind == source.Null {
		return
	}
	rows := ntpRows()
	enabled := true
	rows[0].do = func(t *translator, n node) { enabled, _ = t.boolean(n) }
	rows[1].do = func(t *translator, n node) {
		s, ok := t.text(n)
		switch {
		case !ok:
		case s == "systemd-timesyncd":
			t.out.object("ntp", n).text("client", "timesyncd", n)
		case s == "auto":
			t.approximate(n, "it is systemd-timesyncd, which the image must have")
		case s == "chrony":
			t.out.object("ntp", n).text("client", "chrony", n)
		default:
			t.refuse(n, "use systemd-timesyncd or chrony", "the client %q is not known here", s)
		}
	}
	t.members(n, rows)
	if !enabled {
		t.out.remove("ntp")
		u := t.unit("systemd-timesyncd.service", n)
		u.flag("mask", true, n)
		return
	}
	if o := t.out.object("ntp", n); o.get("servers") == nil && o.get("pools") == nil {
		for _, number := range "0123" {
			o.addText("pools", string(number)+".pool.ntp.org", n)
		}
		t.approximate(n, "the pool of nobody in particular stands in for that of the distribution")
	}
}

func resolvRows() []row {
	const inOptions = "write the file in write_files"
	return []row{
		{name: "nameservers", how: "lines nameserver"},
		{name: "searchdomains", how: "the line search"},
		{name: "domain", how: "the line domain"},
		{name: "sortlist", class: Refused, how: "no library reads it alike", help: inOptions},
		{name: "options", class: Refused, how: "the options of libraries differ", help: inOptions},
	}
}

func (t *translator) manageResolvConf(n node) {
	if yes, ok := t.boolean(n); ok && yes && t.tree.Root.Member("resolv_conf") == nil {
		t.drop(n, "there is no resolv_conf")
	}
}

// resolvConf writes the file as cloud-init does: resolv.conf.tmpl.
func (t *translator) resolvConf(n node) {
	if m := t.tree.Root.Member("manage_resolv_conf"); m == nil || !resolve(m.Text).yes {
		t.drop(n, "manage_resolv_conf is not true")
		return
	}
	var lines []string
	rows := resolvRows()
	rows[0].do = func(t *translator, n node) {
		list, _ := t.lines(t.items(n))
		for _, s := range list {
			lines = append(lines, "nameserver "+s)
		}
	}
	rows[1].do = func(t *translator, n node) {
		if list, _ := t.lines(t.items(n)); len(list) > 0 {
			lines = append(lines, "search "+strings.Join(list, " "))
		}
	}
	rows[2].do = func(t *translator, n node) {
		if s, ok := t.line(n); ok {
			lines = append(lines, "domain "+s)
		}
	}
	t.members(n, rows)
	t.file("/etc/resolv.conf", 0o644, strings.Join(lines, "\n")+"\n", n)
	t.note(n, legacy.Exact, "")
}
