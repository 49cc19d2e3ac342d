package cloudconfig

import (
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/legacy"
	"github.com/kindling-boot/kindling/config/source"
)

// Network turns a network config of cloud-init, version 1 or 2, which platforms give
// beside user data, into a Butane document of the variant linux. It is as Translate
// otherwise.
func Network(f *source.File, o Options) (*source.Tree, legacy.Notes, diag.List) {
	t := &translator{options: o, out: newValue(source.Object)}
	t.tree = &source.Tree{File: source.NewFile(f.Name, f.Data), YAML: true}
	if root := t.parse(f.Data, 0, len(f.Data)); root != nil {
		t.tree.Root = *root
		t.translateNetwork()
	}
	return t.finish()
}

func (t *translator) translateNetwork() {
	root := node{Node: &t.tree.Root}
	t.out.text("variant", "linux", root)
	t.out.text("version", "1.0.0-experimental", root)
	if m := root.Member("network"); m != nil {
		root = node{Node: m, path: source.Path{}.At("network")}
	}
	if root.Kind != source.Object {
		t.wrongKind(root, "a mapping")
		return
	}
	config, version := root.Member("config"), root.Member("version")
	switch {
	case config != nil && config.Text == "disabled":
		t.drop(node{Node: config, path: root.path.At("config")}, "the network is left alone, as it is without a config")
	case version == nil:
		t.fail(root, "write version: 2", "the network config has no version")
	case version.Text == "1":
		n := &networkV1{}
		rows := network1Rows()
		rows[1].do = func(t *translator, c node) { n.config(t, c) }
		t.members(root, rows)
		n.finish(t)
	case version.Text == "2":
		t.members(root, network2Rows())
	default:
		t.fail(node{Node: version, path: root.path.At("version")}, "write version: 2", "there is no version %q of network configs", version.Text)
	}
}

func network2Rows() []row {
	const notKnown = "the variant linux has no such interfaces"
	return []row{
		{name: "version", how: "2"},
		{name: "renderer", how: "`network.renderer`; others than networkd and NetworkManager are refused", do: func(t *translator, n node) {
			if s, ok := t.text(n); ok {
				switch s {
				case "networkd", "NetworkManager":
					t.network(n).text("renderer", strings.ToLower(s), n)
				default:
					t.refuse(n, "write networkd or NetworkManager", "the renderer %q is not known here", s)
				}
			}
		}},
		{name: "ethernets", how: "`network.links`", do: interfaces("links", ethernetRows), rows: ethernetRows, each: ".NAME"},
		{name: "bonds", how: "`network.bonds`; with the keys of `ethernets` but `match` and `set-name`", do: interfaces("bonds", bondRows), rows: bondRows, each: ".NAME"},
		{name: "bridges", how: "`network.bridges`; likewise", do: interfaces("bridges", bridgeRows), rows: bridgeRows, each: ".NAME"},
		{name: "vlans", how: "`network.vlans`; likewise", do: interfaces("vlans", vlanRows), rows: vlanRows, each: ".NAME"},
		{name: "wifis", class: Refused, how: notKnown, help: "use NetworkManager, and write its file in write_files"},
		{name: "tunnels", class: Refused, how: notKnown, help: "write the files of networkd in write_files"},
		{name: "vrfs", class: Refused, how: notKnown, help: "write the files of networkd in write_files"},
		{name: "modems", class: Refused, how: notKnown, help: "use NetworkManager, and write its file in write_files"},
		{name: "openvswitch", class: Refused, how: notKnown, help: "use ovs-vsctl in runcmd"},
	}
}

func (t *translator) network(n node) *value { return t.out.object("network", n) }

// interfaces translates a map of names to interfaces of one kind.
func interfaces(list string, rows func() []row) func(*translator, node) {
	return func(t *translator, n node) {
		if n.Kind != source.Object {
			t.wrongKind(n, "a mapping")
			return
		}
		for _, c := range t.each(n) {
			i := t.network(c).add(list, c)
			i.text("name", c.Key, c)
			all := rows()
			if list != "links" {
				all = append(all, addressingRows()...)
			}
			outer := t.iface
			t.iface = i
			t.members(c, all)
			t.iface = outer
		}
	}
}

const networkdDropIn = "write a drop-in below /etc/systemd/network in write_files"

// addressingRows are the keys of all interfaces.
func addressingRows() []row {
	return []row{
		{name: "dhcp4", how: "`dhcp4`", do: ifaceFlag("dhcp4")},
		{name: "dhcp6", how: "`dhcp6`", do: ifaceFlag("dhcp6")},
		{name: "dhcp4-overrides", class: Refused, how: "what the server says is taken as it is", help: networkdDropIn},
		{name: "dhcp6-overrides", class: Refused, how: "what the server says is taken as it is", help: networkdDropIn},
		{name: "dhcp-identifier", class: Refused, how: "what the server says is taken as it is", help: networkdDropIn},
		{name: "accept-ra", how: "`accept_ra`", do: ifaceFlag("accept_ra")},
		{name: "addresses", how: "`addresses`", do: ifaceTexts("addresses")},
		{name: "gateway4", how: "a route to `default`", do: (*translator).gateway},
		{name: "gateway6", how: "a route to `default`", do: (*translator).gateway},
		{name: "mtu", how: "`mtu`", do: ifaceNumber("mtu")},
		{name: "optional", how: "`optional`", do: ifaceFlag("optional")},
		{name: "nameservers", how: "`dns` and `search`", rows: nameserverRows, do: func(t *translator, n node) { t.members(n, nameserverRows()) }},
		{name: "routes", how: "`routes`", do: (*translator).routes, rows: routeRows, each: "[]"},
		{name: "routing-policy", class: Refused, how: "there are no rules of routing", help: networkdDropIn},
		{name: "wakeonlan", how: "`false` is what is there anyway; `true` is refused", do: func(t *translator, n node) {
			if yes, ok := t.boolean(n); ok && yes {
				t.refuse(n, "write a .link file in write_files", "cards are not told to wake the machine")
			}
		}},
		{name: "macaddress", class: Refused, how: "cards keep their address", help: "write a .link file in write_files"},
		{name: "link-local", class: Refused, how: "addresses of the link are left to the kernel", help: networkdDropIn},
		{name: "critical", class: Refused, how: "addresses are given up when networkd stops", help: networkdDropIn},
	}
}

func ifaceFlag(key string) func(*translator, node) {
	return func(t *translator, n node) {
		if yes, ok := t.boolean(n); ok {
			t.iface.flag(key, yes, n)
		}
	}
}

func ifaceNumber(key string) func(*translator, node) {
	return func(t *translator, n node) {
		if i, ok := t.integer(n); ok {
			t.iface.number(key, i, n)
		}
	}
}

func (t *translator) gateway(n node) {
	if s, ok := t.line(n); ok {
		r := t.iface.add("routes", n)
		r.text("to", "default", n)
		r.text("via", s, n)
	}
}

func nameserverRows() []row {
	return []row{{name: "addresses", how: "`dns`", do: ifaceTexts("dns")}, {name: "search", how: "`search`", do: ifaceTexts("search")}}
}

func routeRows() []row {
	const tables = "routes are in the main table"
	return []row{
		{name: "to", how: "`to`", do: routeText("to")},
		{name: "via", how: "`via`", do: routeText("via")},
		{name: "metric", how: "`metric`", do: ifaceNumber("metric")},
		{name: "on-link", how: "`on_link`", do: ifaceFlag("on_link")},
		{name: "table", class: Refused, how: tables, help: networkdDropIn},
		{name: "type", how: "`unicast`; others are refused", do: func(t *translator, n node) {
			if s, ok := t.text(n); ok && s != "unicast" {
				t.refuse(n, networkdDropIn, "routes of the type %q are not made here", s)
			}
		}},
		{name: "from", class: Refused, how: "routes have no source address", help: networkdDropIn},
		{name: "scope", class: Refused, how: "the scope of a route follows from its gateway", help: networkdDropIn},
		{name: "mtu", class: Refused, how: "routes have no MTU", help: networkdDropIn},
	}
}

func routeText(key string) func(*translator, node) {
	return func(t *translator, n node) {
		if s, ok := t.line(n); ok {
			if s == "0.0.0.0/0" || s == "::/0" {
				s = "default"
			}
			t.iface.text(key, s, n)
		}
	}
}

func (t *translator) routes(n node) {
	outer := t.iface
	for _, item := range t.items(n) {
		if item.Kind != source.Object {
			t.wrongKind(item, "a mapping")
			continue
		}
		t.iface = outer.add("routes", item)
		t.members(item, routeRows())
	}
	t.iface = outer
}

func ethernetRows() []row {
	return append([]row{
		{name: "match", how: "`match`", rows: matchRows, do: func(t *translator, n node) {
			outer := t.iface
			t.iface = outer.object("match", n)
			t.members(n, matchRows())
			t.iface = outer
		}},
		{name: "set-name", class: Approximated, how: "the card keeps the name that udev gives it; it is found by its match"},
		{name: "virtual-function-count", class: Refused, how: "cards are not divided", help: networkdDropIn},
	}, addressingRows()...)
}

func matchRows() []row {
	text := func(key string) func(*translator, node) {
		return func(t *translator, n node) {
			if n.Kind == source.List && len(n.Children) == 1 {
				n = n.item(0)
			}
			if s := n.Text; n.Kind < source.List { // 52:54:00:12:34:56 is a number to YAML 1.1
				t.iface.text(key, s, n)
				return
			}
			t.wrongKind(n, "a text")
		}
	}
	return []row{
		{name: "name", how: "`match.name`", do: text("name")},
		{name: "macaddress", how: "`match.mac`", do: text("mac")},
		{name: "driver", how: "`match.driver`", do: text("driver")},
	}
}

// members puts names into a list of the interface.
func ifaceTexts(key string) func(*translator, node) {
	return func(t *translator, n node) {
		lines, from := t.lines(t.items(n))
		for i, s := range lines {
			t.iface.addText(key, s, from[i])
		}
	}
}

func bondRows() []row {
	return []row{
		{name: "interfaces", how: "`members`", do: ifaceTexts("members")},
		{name: "parameters", how: "`mode`, `monitor_interval_ms`, `primary`", rows: bondParameterRows, do: func(t *translator, n node) { t.members(n, bondParameterRows()) }},
	}
}

// otherBond are parameters of bonds that the variant linux has no keys for.
const otherBond = `lacp-rate min-links transmit-hash-policy ad-select all-slaves-active all-members-active arp-interval
	arp-ip-targets arp-validate arp-all-targets up-delay down-delay fail-over-mac-policy gratuitous-arp
	packets-per-slave packets-per-member primary-reselect-policy resend-igmp learn-packet-interval`

func bondParameterRows() []row {
	out := []row{
		{name: "mode", how: "`mode`", do: ifaceText("mode")},
		{name: "mii-monitor-interval", how: "`monitor_interval_ms`", do: ifaceNumber("monitor_interval_ms")},
		{name: "primary", how: "`primary`", do: ifaceText("primary")},
	}
	return append(out, refusedRows(otherBond, "the variant linux has no such parameter")...)
}

func refusedRows(names, why string) []row {
	var out []row
	for _, name := range strings.Fields(names) {
		out = append(out, row{name: name, class: Refused, how: why, help: networkdDropIn})
	}
	return out
}

func ifaceText(key string) func(*translator, node) {
	return func(t *translator, n node) {
		if s, ok := t.line(n); ok {
			t.iface.text(key, s, n)
		}
	}
}

func bridgeRows() []row {
	return []row{
		{name: "interfaces", how: "`ports`", do: ifaceTexts("ports")},
		{name: "parameters", how: "`stp`", rows: bridgeParameterRows, do: func(t *translator, n node) { t.members(n, bridgeParameterRows()) }},
	}
}

func bridgeParameterRows() []row {
	return append([]row{{name: "stp", how: "`stp`", do: ifaceFlag("stp")}},
		refusedRows("ageing-time aging-time priority port-priority forward-delay hello-time max-age path-cost", "the variant linux has no such parameter")...)
}

func vlanRows() []row {
	return []row{
		{name: "id", how: "`id`", do: ifaceNumber("id")},
		{name: "link", how: "`link`", do: ifaceText("link")},
	}
}
