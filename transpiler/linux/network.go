package linux

import (
	"net/netip"
	"strings"

	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/transpiler/sugar"
)

// Network is the sugar of network interfaces, written for one of two programs.
type Network struct {
	Network network `json:"network"`
}

// network is the model: what it says means the same to both renderers.
type network struct {
	// Renderer is the program that configures the interfaces: networkd, which is the
	// default, or networkmanager.
	Renderer *string `json:"renderer"`
	// Links are the network cards.
	Links []link `json:"links"`
	// Vlans lie upon other interfaces.
	Vlans []vlan `json:"vlans"`
	// Bonds make one interface of several links.
	Bonds []bond `json:"bonds"`
	// Bridges switch between interfaces.
	Bridges []bridge `json:"bridges"`
}

// link is a network card.
type link struct {
	// Name of the interface; with a match, a name for it in this document only.
	Name string `json:"name"`
	// Match finds the card by other means than its name.
	Match match `json:"match"`
	addressing
}

// match tells a card by all that is given.
type match struct {
	// Name of the interface; * and ? stand for any characters.
	Name *string `json:"name"`
	// Mac is the permanent address of the card.
	Mac *string `json:"mac"`
	// Driver is the name of the module of the card.
	Driver *string `json:"driver"`
}

type vlan struct {
	Name string `json:"name"`
	// ID is the number of the VLAN, 1 to 4094.
	ID int `json:"id"`
	// Link is the name of the interface that it lies upon.
	Link string `json:"link"`
	addressing
}

type bond struct {
	Name string `json:"name"`
	// Members are the names of links.
	Members []string `json:"members"`
	// Mode is one of bondModes; unset means active-backup.
	Mode *string `json:"mode"`
	// MonitorIntervalMs is how often the members are asked for their cable; unset
	// means 100.
	MonitorIntervalMs *int `json:"monitorIntervalMs"`
	// Primary is the member that is preferred, in mode active-backup.
	Primary *string `json:"primary"`
	addressing
}

type bridge struct {
	Name string `json:"name"`
	// Ports are the names of interfaces.
	Ports []string `json:"ports"`
	// STP is the spanning tree protocol; unset means off.
	STP *bool `json:"stp"`
	addressing
}

// addressing is what every interface can have.
type addressing struct {
	// MTU is the largest packet in bytes; unset leaves it to the kernel and DHCP.
	MTU *int `json:"mtu"`
	// Dhcp4 and Dhcp6 ask a server for an address.
	Dhcp4 *bool `json:"dhcp4"`
	Dhcp6 *bool `json:"dhcp6"`
	// AcceptRA takes addresses and routes from routers, of IPv6; unset means true.
	AcceptRA *bool `json:"acceptRa"`
	// Addresses with the length of their prefix.
	Addresses []string `json:"addresses"`
	Routes    []route  `json:"routes"`
	// DNS lists the addresses of name servers.
	DNS []string `json:"dns"`
	// Search lists domains for names without a dot.
	Search []string `json:"search"`
	// Optional keeps the boot from waiting for the interface.
	Optional *bool `json:"optional"`
}

// route is one route through its interface.
type route struct {
	// To is a network, or default.
	To string `json:"to"`
	// Via is the gateway; without one, the network is on the link itself.
	Via *string `json:"via"`
	// Metric: the lower, the better.
	Metric *int `json:"metric"`
	// OnLink reaches a gateway that no address of the interface is a neighbour of.
	OnLink *bool `json:"onLink"`
}

// iface is one interface of any kind.
type iface struct {
	kind  string // link, vlan, bond, bridge
	name  string
	place source.Path
	*addressing

	// one of these
	link   *link
	vlan   *vlan
	bond   *bond
	bridge *bridge

	// upon are the VLANs on it, master the bond or bridge it is part of.
	upon   []*iface
	master *iface
}

// interfaces lists all of them, and finds them by name; of two with one name the
// first. References are resolved as far as they lead somewhere.
func (n *network) interfaces() (all []*iface, named map[string]*iface) {
	add := func(list string, i int, f *iface) {
		f.place = at("network", list, i)
		all = append(all, f)
	}
	for i := range n.Links {
		l := &n.Links[i]
		add("links", i, &iface{kind: "link", name: l.Name, addressing: &l.addressing, link: l})
	}
	for i := range n.Vlans {
		v := &n.Vlans[i]
		add("vlans", i, &iface{kind: "vlan", name: v.Name, addressing: &v.addressing, vlan: v})
	}
	for i := range n.Bonds {
		b := &n.Bonds[i]
		add("bonds", i, &iface{kind: "bond", name: b.Name, addressing: &b.addressing, bond: b})
	}
	for i := range n.Bridges {
		b := &n.Bridges[i]
		add("bridges", i, &iface{kind: "bridge", name: b.Name, addressing: &b.addressing, bridge: b})
	}
	named = map[string]*iface{}
	for _, f := range all {
		if named[f.name] == nil {
			named[f.name] = f
		}
	}
	for _, f := range all {
		if f.vlan != nil {
			if below := named[f.vlan.Link]; below != nil {
				below.upon = append(below.upon, f)
			}
		}
		for _, name := range f.parts() {
			if part := named[name]; part != nil && part.master == nil {
				part.master = f
			}
		}
	}
	return all, named
}

// parts are the names of the interfaces that a bond or bridge is made of.
func (f *iface) parts() []string {
	switch {
	case f.bond != nil:
		return f.bond.Members
	case f.bridge != nil:
		return f.bridge.Ports
	}
	return nil
}

// partsKey is the key of the parts in the document.
func (f *iface) partsKey() string {
	if f.bond != nil {
		return "members"
	}
	return "ports"
}

// matches returns what finds a card; by its name if nothing else is given.
func (l *link) matches() match {
	if l.Match == (match{}) {
		return match{Name: &l.Name}
	}
	return l.Match
}

func (a *addressing) acceptsRA() bool { return a.AcceptRA == nil || *a.AcceptRA }

// isBare reports whether nothing is said that a part of a bond or bridge cannot have.
func (a *addressing) isBare() bool {
	return !isTrue(a.Dhcp4) && !isTrue(a.Dhcp6) && len(a.Addresses)+len(a.Routes)+len(a.DNS)+len(a.Search) == 0
}

const defaultRoute = "default"

// destination returns the network that a route leads to. ok is false when it cannot
// be told, or is not valid.
func (r *route) destination() (p netip.Prefix, ok bool) {
	if r.To != defaultRoute {
		p, err := netip.ParsePrefix(r.To)
		return p, err == nil && p == p.Masked()
	}
	if via, given := r.gateway(); given {
		if via.Is4() {
			return netip.PrefixFrom(netip.IPv4Unspecified(), 0), true
		}
		return netip.PrefixFrom(netip.IPv6Unspecified(), 0), true
	}
	return p, false
}

// gateway returns the address of the gateway; ok is false when there is none, or it
// is not valid.
func (r *route) gateway() (a netip.Addr, ok bool) {
	if r.Via == nil {
		return a, false
	}
	a, err := netip.ParseAddr(*r.Via)
	return a, err == nil && a.Zone() == "" && !a.Is4In6()
}

func (r *route) metric() int {
	if r.Metric == nil {
		return 0
	}
	return *r.Metric
}

// isAddress reports whether a text is an IP address.
func isAddress(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Zone() == ""
}

// renderers write the model for the programs that configure interfaces.
var renderers = []struct {
	name  string
	write func(p *parent, all []*iface)
}{{"networkd", networkd}, {"networkmanager", networkManager}}

func (n *network) renderer() string {
	if n.Renderer == nil {
		return "networkd"
	}
	return *n.Renderer
}

// Desugar writes the files of the renderer and enables it.
func (s *Network) Desugar(c *sugar.Ctx) {
	all, _ := s.Network.interfaces()
	if len(all) == 0 {
		return
	}
	p := newParent(c)
	for _, r := range renderers {
		if r.name == s.Network.renderer() {
			r.write(p, all)
		}
	}
	p.add()
}

// macText writes a hardware address the way both programs read it.
func macText(mac string) string { return strings.ToLower(strings.ReplaceAll(mac, "-", ":")) }
