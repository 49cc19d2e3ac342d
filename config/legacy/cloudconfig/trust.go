package cloudconfig

import (
	"strconv"

	"github.com/kindling-boot/kindling/config/source"
)

func caRows() []row {
	return []row{
		{name: "trusted", how: "`ca_certificates`", do: (*translator).caTrusted},
		{name: "remove_defaults", class: Refused, how: "the certificates of the image stay", help: "remove it", do: func(t *translator, n node) {
			if yes, ok := t.boolean(n); ok && yes {
				t.refuse(n, "remove it, or use an image with other certificates", "the certificates of the image cannot be taken away")
			}
		}},
	}
}

func (t *translator) caCerts(n node) { t.members(n, caRows()) }

func (t *translator) caTrusted(n node) {
	for i, item := range t.list(n) {
		if s, ok := t.word(item); ok {
			c := t.out.add("ca_certificates", item)
			c.text("name", "cloud-config-"+strconv.Itoa(i+1), item)
			c.text("inline", s, item)
		}
	}
}

func wireguardRows() []row {
	return []row{
		{name: "interfaces", how: "a file below `/etc/wireguard`, and `wg-quick@NAME.service`", do: (*translator).wireguardInterfaces, rows: wireguardInterfaceRows, each: "[]"},
		{name: "readinessprobe", class: Refused, how: "nothing waits for the interfaces", help: "run the commands in runcmd"},
	}
}

func wireguardInterfaceRows() []row {
	return []row{
		{name: "name", how: "of the service"},
		{name: "config_path", how: "path of the file"},
		{name: "content", how: "of the file, which only root can read"},
	}
}

func (t *translator) wireguard(n node) { t.members(n, wireguardRows()) }

func (t *translator) wireguardInterfaces(n node) {
	for _, item := range t.items(n) {
		if item.Kind != source.Object {
			t.wrongKind(item, "a mapping")
			continue
		}
		name, path, text, textAt := "", "", "", item
		rows := wireguardInterfaceRows()
		rows[0].do = func(t *translator, n node) {
			if name, _ = t.line(n); name != "" && !isName(name) {
				t.fail(n, "use letters, digits and _ . -", "%q is no name of an interface", name)
			}
		}
		rows[1].do = func(t *translator, n node) { path, _ = t.line(n) }
		rows[2].do = func(t *translator, n node) {
			t.tree.Hide(n.Node)
			text, _ = t.text(n)
			textAt = n
		}
		t.members(item, rows)
		if path == "" {
			path = "/etc/wireguard/" + name + ".conf"
		}
		if !isName(name) || text == "" {
			t.fail(item, "give name and content", "the interface has no name or no content")
			continue
		}
		if path != "/etc/wireguard/"+name+".conf" {
			t.refuse(item, "use /etc/wireguard/"+name+".conf", "wg-quick@%s reads no file %q", name, path)
			continue
		}
		t.file(path, 0o600, text, textAt)
		t.unit("wg-quick@"+name+".service", item).flag("enabled", true, item)
	}
}

// 169.254.169.254: where EC2 and others have their metadata.
func (t *translator) disableMetadata(n node) {
	if yes, ok := t.boolean(n); !ok || !yes {
		return
	}
	t.service(&service{
		name: "no-metadata", description: "Make the metadata of EC2 unreachable", always: true, network: true, from: n,
		script: "ip route add prohibit 169.254.169.254\n",
	})
}
