package cloudconfig

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"

	"github.com/kindling-boot/kindling/config/source"
)

func network1Rows() []row {
	return []row{
		{name: "version", how: "1"},
		{name: "config", how: "the interfaces; `disabled` is no config", rows: network1ItemRows, each: "[]"},
	}
}

// network1ItemRows are the keys of all types of items.
func network1ItemRows() []row {
	return []row{
		{name: "type", how: "`physical`, `bond`, `bridge`, `vlan`, `nameserver`, `route`; `loopback` is left out, others are refused"},
		{name: "name", how: "`name`"},
		{name: "mac_address", how: "`match.mac`; refused where it would have to be set"},
		{name: "mtu", how: "`mtu`"},
		{name: "accept-ra", how: "`accept_ra`"},
		{name: "subnets", how: "addresses and routes", rows: subnetRows, each: "[]"},
		{name: "bond_interfaces", how: "`members`"},
		{name: "bridge_interfaces", how: "`ports`"},
		{name: "params", how: "of a bond or bridge", rows: network1ParamRows},
		{name: "vlan_link", how: "`link`"},
		{name: "vlan_id", how: "`id`"},
		{name: "address", how: "name servers: `dns` of the interface, or of all"},
		{name: "search", how: "`search`"},
		{name: "interface", how: "which interface a name server is for"},
		{name: "destination", how: "`routes[].to`"},
		{name: "netmask", how: "part of `routes[].to`"},
		{name: "gateway", how: "`routes[].via`"},
		{name: "metric", how: "`routes[].metric`"},
		{name: "id", class: Ignored, how: "nothing refers to it"},
		{name: "keep_configuration", class: Refused, how: "addresses are given up when networkd stops", help: networkdDropIn},
	}
}

func network1ParamRows() []row {
	out := []row{
		{name: "bond-mode", how: "`mode`", do: ifaceText("mode")},
		{name: "bond-miimon", how: "`monitor_interval_ms`", do: ifaceNumber("monitor_interval_ms")},
		{name: "bond-primary", how: "`primary`", do: ifaceText("primary")},
		{name: "bridge_stp", how: "`stp`", do: ifaceFlag("stp")},
	}
	const why = "the variant linux has no such parameter"
	return append(out, refusedRows(`bond-lacp-rate bond-xmit-hash-policy bond-downdelay bond-updelay bond-arp-interval bond-arp-ip-target
		bond-min-links bond-fail-over-mac bond-num-grat-arp bond-primary-reselect bridge_ageing bridge_bridgeprio bridge_fd
		bridge_hello bridge_maxage bridge_pathcost bridge_portprio bridge_hw bridge_gcint bridge_maxwait bridge_ports bridge_waitport`, why)...)
}

func subnetRows() []row {
	return []row{
		{name: "type", how: "`dhcp`, `dhcp4`, `dhcp6`, `static`, `static6`, `ipv6_slaac`, `ipv6_dhcpv6-stateful`, `ipv6_dhcpv6-stateless`, `manual`"},
		{name: "address", how: "`addresses`"},
		{name: "netmask", how: "part of `addresses`"},
		{name: "gateway", how: "a route to `default`"},
		{name: "dns_nameservers", how: "`dns`"},
		{name: "dns_search", how: "`search`"},
		{name: "routes", how: "`routes`", rows: func() []row {
			return []row{
				{name: "destination", how: "`to`"},
				{name: "network", how: "`to`"},
				{name: "netmask", how: "part of `to`"},
				{name: "gateway", how: "`via`"},
				{name: "metric", how: "`metric`"},
			}
		}, each: "[]"},
		{name: "mtu", how: "`mtu`"},
		{name: "control", class: Ignored, how: "interfaces are brought up at boot"},
		{name: "ipv4", class: Ignored, how: "it follows from the type"},
		{name: "ipv6", class: Ignored, how: "it follows from the type"},
	}
}

// networkV1 are the interfaces of a config.
type networkV1 struct {
	byName map[string]*value
	order  []*value
	// globals are applied when all interfaces are known.
	globals []func(t *translator)
}

// config translates the list of a config of version 1.
func (v *networkV1) config(t *translator, n node) {
	v.byName = map[string]*value{}
	if n.Kind != source.List {
		t.wrongKind(n, "a list")
		return
	}
	for i := range n.Children {
		if item := n.item(i); item.Kind == source.Object {
			v.item(t, item)
		} else {
			t.wrongKind(item, "a mapping")
		}
	}
}

func (v *networkV1) finish(t *translator) {
	for _, apply := range v.globals {
		apply(t)
	}
}

// lists are the kinds of interfaces by type.
var lists = [...][2]string{{"physical", "links"}, {"bond", "bonds"}, {"bridge", "bridges"}, {"vlan", "vlans"}}

func (v *networkV1) item(t *translator, n node) {
	kind := n.Member("type")
	if kind == nil {
		t.fail(n, "write type: physical", "the item has no type")
		return
	}
	switch kind.Text {
	case "loopback":
		t.drop(n, "the interface lo needs no config")
		return
	case "nameserver":
		v.nameserver(t, n)
		return
	case "route":
		v.route(t, n)
		return
	}
	list := ""
	for _, l := range lists {
		if l[0] == kind.Text {
			list = l[1]
		}
	}
	if list == "" {
		t.refuse(node{Node: kind, path: n.path.At("type")}, "write the files of networkd in write_files", "the variant linux has no interfaces of the type %q", kind.Text)
		return
	}
	i := t.network(n).add(list, n)
	t.iface = i
	rows := network1ItemRows()
	do := map[string]func(*translator, node){
		"name": func(t *translator, n node) {
			if s, ok := t.line(n); ok {
				i.text("name", s, n)
				v.byName[s] = i
			}
		},
		"mac_address": func(t *translator, n node) {
			if list != "links" {
				t.refuse(n, networkdDropIn, "the address of the interface cannot be set")
				return
			}
			if n.Kind == source.List || n.Kind == source.Object {
				t.wrongKind(n, "a text")
				return
			}
			i.object("match", n).text("mac", n.Text, n) // digits with colons are a number to YAML 1.1
		},
		"mtu":               ifaceNumber("mtu"),
		"accept-ra":         ifaceFlag("accept_ra"),
		"subnets":           v.subnets,
		"bond_interfaces":   ifaceTexts("members"),
		"bridge_interfaces": ifaceTexts("ports"),
		"params":            func(t *translator, n node) { t.members(n, network1ParamRows()) },
		"vlan_link":         ifaceText("link"),
		"vlan_id":           ifaceNumber("id"),
	}
	for j := range rows {
		rows[j].do = do[rows[j].name]
	}
	t.members(n, rows)
	v.order = append(v.order, i)
}

func (v *networkV1) nameserver(t *translator, n node) {
	rows := network1ItemRows()
	var only string
	add := func(key string) func(*translator, node) {
		return func(t *translator, n node) {
			lines, from := t.lines(t.list(n))
			v.globals = append(v.globals, func(t *translator) {
				for _, i := range v.order {
					if only != "" && v.byName[only] != i || v.isMember(i) {
						continue
					}
					for j, s := range lines {
						i.addText(key, s, from[j])
					}
				}
			})
		}
	}
	do := map[string]func(*translator, node){
		"interface": func(t *translator, n node) { only, _ = t.line(n) }, "address": add("dns"), "search": add("search"),
	}
	for j := range rows {
		rows[j].do = do[rows[j].name]
	}
	t.members(n, rows)
}

// isMember reports whether an interface is a part of a bond or bridge: it has no
// addresses of its own.
func (v *networkV1) isMember(i *value) bool {
	name := ""
	if m := i.get("name"); m != nil {
		name = m.node.Text
	}
	for _, other := range v.order {
		for _, key := range []string{"members", "ports"} {
			if list := other.get(key); list != nil {
				for _, m := range list.members {
					if m.node.Text == name {
						return true
					}
				}
			}
		}
	}
	return false
}

// route adds a route to the interface that reaches its gateway.
func (v *networkV1) route(t *translator, n node) {
	r := newValue(source.Object).from(n)
	t.routeOf(r, n, network1ItemRows())
	v.globals = append(v.globals, func(t *translator) {
		via := r.get("via")
		if via == nil {
			t.refuse(n, "write the route into its interface", "which interface the route belongs to is not said")
			return
		}
		gateway, err := netip.ParseAddr(via.node.Text)
		for _, i := range v.order {
			addresses := i.get("addresses")
			if addresses == nil || err != nil {
				continue
			}
			for _, a := range addresses.members {
				if p, err := netip.ParsePrefix(a.node.Text); err == nil && p.Contains(gateway) {
					list := i.container("routes", source.List, n)
					list.members = append(list.members, r)
					return
				}
			}
		}
		t.refuse(n, "write the route into its interface", "no interface has an address in the network of the gateway %s", via.node.Text)
	})
}

// routeOf fills a route from the keys of version 1.
func (t *translator) routeOf(r *value, n node, rows []row) {
	var to, mask string
	at := n
	for i := range rows {
		switch rows[i].name {
		case "destination", "network":
			rows[i].do = func(t *translator, n node) { to, _ = t.line(n); at = n }
		case "netmask":
			rows[i].do = func(t *translator, n node) { mask, _ = t.line(n) }
		case "gateway":
			rows[i].do = func(t *translator, n node) {
				if s, ok := t.line(n); ok {
					r.text("via", s, n)
				}
			}
		case "metric":
			rows[i].do = func(t *translator, n node) {
				if m, ok := t.integer(n); ok {
					r.number("metric", m, n)
				}
			}
		}
	}
	t.members(n, rows)
	to = withPrefix(to, mask)
	if to == "0.0.0.0/0" || to == "::/0" {
		to = "default"
	}
	r.text("to", to, at)
}

// withPrefix adds the length that a netmask gives to an address without one.
func withPrefix(address, mask string) string {
	if strings.Contains(address, "/") || address == "" {
		return address
	}
	if _, err := strconv.Atoi(mask); err == nil {
		return address + "/" + mask
	}
	if ip, err := netip.ParseAddr(mask); err == nil && ip.Is4() {
		b := ip.As4()
		return address + "/" + strconv.Itoa(bits.LeadingZeros32(^binary.BigEndian.Uint32(b[:])))
	}
	return address
}

// listOrText is ifaceTexts for what may be one text as well.
func listOrText(key string) func(*translator, node) {
	list := ifaceTexts(key)
	return func(t *translator, n node) {
		if s, ok := "", n.Kind != source.List; ok {
			if s, ok = t.word(n); ok {
				t.iface.addText(key, s, n)
			}
			return
		}
		list(t, n)
	}
}

func (v *networkV1) subnets(t *translator, n node) {
	outer := t.iface
	for _, item := range t.items(n) {
		if item.Kind != source.Object {
			t.wrongKind(item, "a mapping")
			continue
		}
		v.subnet(t, item)
		t.iface = outer
	}
}

func (v *networkV1) subnet(t *translator, n node) {
	i := t.iface
	var address, mask string
	at := n
	rows := subnetRows()
	do := map[string]func(*translator, node){
		"type": func(t *translator, n node) {
			switch s, _ := t.text(n); s {
			case "dhcp", "dhcp4":
				i.flag("dhcp4", true, n)
			case "dhcp6", "ipv6_dhcpv6-stateful", "ipv6_dhcpv6-stateless":
				i.flag("dhcp6", true, n)
			case "ipv6_slaac":
				i.flag("accept_ra", true, n)
			case "static", "static6", "manual":
			default:
				t.fail(n, "write for example dhcp4 or static", "%q is no type of a subnet", s)
			}
		},
		"address":         func(t *translator, n node) { address, _ = t.line(n); at = n },
		"netmask":         func(t *translator, n node) { mask, _ = t.text(n) },
		"gateway":         (*translator).gateway,
		"mtu":             ifaceNumber("mtu"),
		"dns_nameservers": listOrText("dns"),
		"dns_search":      listOrText("search"),
		"routes": func(t *translator, n node) {
			for _, item := range t.items(n) {
				if item.Kind != source.Object {
					t.wrongKind(item, "a mapping")
					continue
				}
				for _, r := range subnetRows() {
					if r.name == "routes" {
						t.routeOf(i.add("routes", item), item, r.rows())
					}
				}
			}
		},
	}
	for j := range rows {
		rows[j].do = do[rows[j].name]
	}
	t.members(n, rows)
	if address != "" {
		i.addText("addresses", withPrefix(address, mask), at)
	}
}
