package linux

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/transpiler/sugar"
)

var (
	ruleNetworkRenderer = &diag.Rule{
		ID: "network-renderer", Why: "the renderer is the program that configures the interfaces, and each has files of its own",
		Help: "choose one of the renderers",
	}
	ruleNetworkName = &diag.Rule{
		ID: "network-name", Why: "the kernel knows an interface by a name of at most 15 bytes, and each name once",
		Help: "use at most 15 letters, digits and _ . -",
	}
	ruleNetworkReference = &diag.Rule{
		ID: "network-reference", Why: "an interface that stands on others exists only with them",
		Help: "define the interface in the document, or correct its name",
	}
	ruleNetworkMatch = &diag.Rule{
		ID: "network-match", Why: "the match decides which network card is meant",
	}
	ruleNetworkAddress = &diag.Rule{
		ID: "network-address", Why: "an address without a valid prefix is not set, or makes the wrong machines neighbours",
	}
	ruleNetworkRoute = &diag.Rule{
		ID: "network-route", Why: "the kernel takes a route only if the interface reaches its gateway",
	}
	ruleNetworkDNS = &diag.Rule{
		ID: "network-dns", Why: "names are asked for at addresses, and completed by domains",
	}
	ruleNetworkMTU = &diag.Rule{
		ID: "network-mtu", Why: "the interface would not come up, or lose large packets",
	}
	ruleNetworkVLAN = &diag.Rule{
		ID: "network-vlan", Why: "a VLAN is a number on an interface, and each number is there once",
	}
	ruleNetworkBond = &diag.Rule{
		ID: "network-bond", Why: "the kernel does not take such a bond",
		Help: "choose one of the modes",
	}
	ruleNetworkMember = &diag.Rule{
		ID: "network-member", Why: "an interface is part of one bond or bridge only, and that has the addresses in its place",
	}
)

// 15 bytes: IFNAMSIZ of Linux without the NUL.
const maxInterfaceName = 15

// Check reports what neither renderer could bring up.
func (s *Network) Check(c *sugar.Ctx) {
	n := &s.Network
	if n.Renderer != nil {
		c.OneOf(ruleNetworkRenderer, at("network", "renderer"), "renderer", *n.Renderer, []string{renderers[0].name, renderers[1].name})
	}
	all, named := n.interfaces()
	k := networkCheck{Ctx: c, renderer: n.renderer(), all: all, named: named, addresses: map[netip.Addr]*iface{}}
	for _, f := range all {
		k.name(f)
		switch {
		case f.link != nil:
			k.match(f.link, f.place.At("match"))
		case f.vlan != nil:
			k.vlan(f)
		case f.bond != nil:
			k.bond(f)
		}
		k.parts(f)
		k.mtu(f)
		k.addressing(f)
	}
	k.matchedTwice()
	k.cycles()
	k.repeatedRoutes()
}

// networkCheck checks all interfaces of a document.
type networkCheck struct {
	*sugar.Ctx
	renderer  string
	all       []*iface
	named     map[string]*iface
	addresses map[netip.Addr]*iface
}

func (k *networkCheck) name(f *iface) {
	place := f.place.At("name")
	switch {
	case len(f.name) > maxInterfaceName || !only(f.name, alphanumeric+"_.-") || strings.Trim(f.name, ".") == "" || f.name[0] == '-':
		k.Errorf(ruleNetworkName, place, "%q is no name of an interface", f.name)
	case f.name == "lo" || f.name == "all" || f.name == "default":
		k.ErrorHelp(ruleNetworkName, place, "choose another name", "the name %q has a meaning of its own to the kernel", f.name)
	case k.named[f.name] != f:
		k.ErrorHelp(ruleNetworkName, place, "give each interface a name of its own", "there are a %s and a %s named %q", k.named[f.name].kind, f.kind, f.name)
	}
}

func (k *networkCheck) match(l *link, place source.Path) {
	m := &l.Match
	if n, written := k.Tree.Find(place); written && len(n.Children) == 0 {
		k.ErrorHelp(ruleNetworkMatch, place, "give name, mac or driver", "the match has nothing to match by")
	}
	if m.Name != nil && !only(*m.Name, alphanumeric+"_.*?-") {
		k.ErrorHelp(ruleNetworkMatch, place.At("name"), "write for example en*", "%q matches no name of an interface", *m.Name)
	}
	if m.Mac != nil && !isMAC(*m.Mac) {
		k.ErrorHelp(ruleNetworkMatch, place.At("mac"), "write it like 52:54:00:12:34:56", "%q is no hardware address", *m.Mac)
	}
	if m.Driver != nil && !only(*m.Driver, alphanumeric+"_-") {
		k.ErrorHelp(ruleNetworkMatch, place.At("driver"), "write for example virtio_net; ethtool -i shows it", "%q is no name of a driver", *m.Driver)
	}
}

// isMAC reports whether a text is a hardware address of Ethernet.
func isMAC(s string) bool {
	s = macText(s)
	if len(s) != len("00:00:00:00:00:00") {
		return false
	}
	for i := range len(s) {
		if i%3 == 2 && s[i] != ':' || i%3 != 2 && !only(s[i:i+1], digits+"abcdef") {
			return false
		}
	}
	return true
}

// matchedTwice reports links that are found by the same.
func (k *networkCheck) matchedTwice() {
	seen := map[string]*iface{}
	for _, f := range k.all {
		if f.link == nil {
			continue
		}
		m, parts := f.link.matches(), []string{}
		for _, text := range []*string{m.Name, m.Mac, m.Driver} {
			if text == nil {
				text = new(string)
			}
			parts = append(parts, macText(*text))
		}
		key := strings.Join(parts, " ")
		if other := seen[key]; other != nil && other.name != f.name {
			k.ErrorHelp(ruleNetworkMatch, f.place, "put both into one", "the links %q and %q are found by the same", other.name, f.name)
		}
		seen[key] = f
	}
}

// 4094: IEEE 802.1Q; 0 and 4095 are reserved.
const maxVLAN = 4094

func (k *networkCheck) vlan(f *iface) {
	v := f.vlan
	if v.ID < 1 || v.ID > maxVLAN {
		k.ErrorHelp(ruleNetworkVLAN, f.place.At("id"), "", "a VLAN has a number from 1 to %d", maxVLAN)
	}
	below := k.reference(v.Link, f.place.At("link"), "the VLAN lies upon")
	if below == nil {
		return
	}
	for _, other := range below.upon {
		if other == f {
			break
		}
		if other.vlan.ID == v.ID {
			k.ErrorHelp(ruleNetworkVLAN, f.place.At("id"), "give it another number, or remove one", "VLAN %d of %q is %q already", v.ID, v.Link, other.name)
			break
		}
	}
	most := usualMTU
	if below.MTU != nil {
		most = *below.MTU
	}
	if f.MTU != nil && *f.MTU > most {
		k.ErrorHelp(ruleNetworkMTU, f.place.At("mtu"), "lower it, or raise that of the interface below", "the VLAN has a larger MTU than %q, which has %d", below.name, most)
	}
}

// reference finds an interface by its name, or reports that there is none.
func (k *networkCheck) reference(name string, place source.Path, what string) *iface {
	f := k.named[name]
	if f == nil {
		k.ErrorHelp(ruleNetworkReference, place, sugar.DidYouMean(name, slices.Sorted(maps.Keys(k.named))), "%s %q, but there is no such interface in the document", what, name)
	}
	return f
}

// bondModes are those of the kernel: Documentation/networking/bonding.rst.
var bondModes = []string{"active-backup", "802.3ad", "balance-rr", "balance-xor", "broadcast", "balance-tlb", "balance-alb"}

func (k *networkCheck) bond(f *iface) {
	b := f.bond
	if b.Mode != nil {
		k.OneOf(ruleNetworkBond, f.place.At("mode"), "mode of bonds", *b.Mode, bondModes)
	}
	if len(b.Members) == 0 {
		k.ErrorHelp(ruleNetworkBond, f.place.At("members"), "list two links or more", "the bond has no members")
	}
	if b.MonitorIntervalMs != nil && *b.MonitorIntervalMs < 1 {
		k.ErrorHelp(ruleNetworkBond, f.place.At("monitor_interval_ms"), "leave it out for 100", "the interval is at least one millisecond")
	}
	if b.Primary == nil {
		return
	}
	if !slices.Contains(b.Members, *b.Primary) {
		k.ErrorHelp(ruleNetworkBond, f.place.At("primary"), sugar.DidYouMean(*b.Primary, b.Members), "the primary %q is no member of the bond", *b.Primary)
	}
	if part := k.named[*b.Primary]; k.renderer == "networkmanager" && part != nil && part.interfaceName() == "" {
		k.ErrorHelp(ruleNetworkBond, f.place.At("primary"), "find the link by its name, or use networkd",
			"NetworkManager has to know the name of the primary interface, but %q is found by other means", part.name)
	}
	if b.mode() != bondModes[0] {
		k.ErrorHelp(ruleNetworkBond, f.place.At("primary"), "remove primary, or the mode", "a bond of mode %s has no primary", b.mode())
	}
}

func (b *bond) mode() string {
	if b.Mode == nil {
		return bondModes[0]
	}
	return *b.Mode
}

// parts checks what a bond or bridge is made of.
func (k *networkCheck) parts(f *iface) {
	seen := repeated{}
	for i, name := range f.parts() {
		place := f.place.At(f.partsKey(), i)
		part := k.reference(name, place, fmt.Sprintf("the %s is made of", f.kind))
		switch {
		case part == nil:
		case part.bridge != nil, f.bond != nil && part.link == nil:
			k.ErrorHelp(ruleNetworkMember, place, "bonds are made of links, bridges of links, bonds and VLANs", "%q is a %s: a %s cannot be made of it", name, part.kind, f.kind)
		case part.master != f || seen.is(name):
			k.ErrorHelp(ruleNetworkMember, place, "remove one of the two", "%q is part of the %s %q already", name, part.master.kind, part.master.name)
		case !part.isBare():
			k.ErrorHelp(ruleNetworkMember, part.place, "move them to the "+f.kind, "%q has addresses, routes or name servers, but is part of the %s %q", name, f.kind, f.name)
		}
	}
}

// cycles reports interfaces that stand upon themselves.
func (k *networkCheck) cycles() {
	const visiting, done = 1, 2
	state := map[*iface]int{}
	var visit func(f *iface) (looped bool)
	visit = func(f *iface) bool {
		if state[f] != 0 {
			return state[f] == visiting
		}
		state[f] = visiting
		names := f.parts()
		if f.vlan != nil {
			names = []string{f.vlan.Link}
		}
		looped := false
		for _, name := range names {
			if below := k.named[name]; below != nil && visit(below) {
				looped = true
			}
		}
		state[f] = done
		return looped
	}
	for _, f := range k.all {
		if state[f] == 0 && visit(f) {
			k.ErrorHelp(ruleNetworkReference, f.place, "let one of them stand on a link", "the %s %q stands upon itself", f.kind, f.name)
		}
	}
}

// 68: RFC 791, every module must be able to forward; 1280: RFC 8200 §5; 1500: that of
// Ethernet, RFC 894; 65535: the length of a packet has 16 bits.
const (
	minMTU   = 68
	minMTU6  = 1280
	usualMTU = 1500
	maxMTU   = 65535
)

func (k *networkCheck) mtu(f *iface) {
	switch {
	case f.MTU == nil:
	case *f.MTU < minMTU || *f.MTU > maxMTU:
		k.ErrorHelp(ruleNetworkMTU, f.place.At("mtu"), "most networks have 1500", "the MTU is a number from %d to %d", minMTU, maxMTU)
	case *f.MTU < minMTU6 && (isTrue(f.Dhcp6) || slices.ContainsFunc(f.Addresses, func(a string) bool { return strings.Contains(a, ":") })):
		k.ErrorHelp(ruleNetworkMTU, f.place.At("mtu"), "raise it, or remove what is of IPv6", "IPv6 needs an MTU of at least %d", minMTU6)
	}
}

func (k *networkCheck) addressing(f *iface) {
	for i, text := range f.Addresses {
		k.address(f, f.place.At("addresses", i), text)
	}
	for i := range f.Routes {
		k.route(f, f.place.At("routes", i), &f.Routes[i])
	}
	for i, text := range f.DNS {
		if !isAddress(text) {
			k.ErrorHelp(ruleNetworkDNS, f.place.At("dns", i), "give its IP address", "%q is no address of a name server", text)
		} else if v4 := isIPv4(text); !f.has(v4) {
			k.ErrorHelp(ruleNetworkDNS, f.place.At("dns", i), "give it to an interface that has, or give this one an address",
				"the interface %q has no address of %s to ask this name server from", f.name, family(v4))
		}
	}
	for i, text := range f.Search {
		if !isDomain(strings.TrimSuffix(strings.TrimPrefix(text, "~"), ".")) {
			k.ErrorHelp(ruleNetworkDNS, f.place.At("search", i), "write for example example.com", "%q is no domain", text)
		}
	}
}

func (k *networkCheck) address(f *iface, place source.Path, text string) {
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil && isAddress(text):
		k.ErrorHelp(ruleNetworkAddress, place, "add the length of the prefix, for example "+text+"/24", "the address %q has no prefix", text)
		return
	case err != nil || p.Addr().Is4In6():
		k.ErrorHelp(ruleNetworkAddress, place, "write for example 192.0.2.10/24 or 2001:db8::10/64", "%q is no address with a prefix", text)
		return
	case p.Addr().IsUnspecified() || p.Addr().IsMulticast():
		k.ErrorHelp(ruleNetworkAddress, place, "give the address of the machine", "%q is no address of a machine", text)
		return
	case p == p.Masked() && p.Addr().Is4() && p.Bits() < 31: // RFC 3021: /31 has no network address
		k.ErrorHelp(ruleNetworkAddress, place, "give the address of the machine in it", "%q is a network", text)
	}
	if other := k.addresses[p.Addr()]; other != nil {
		k.ErrorHelp(ruleNetworkAddress, place, "remove one of the two", "%s is an address of %q already", p.Addr(), other.name)
	}
	k.addresses[p.Addr()] = f
}

func (k *networkCheck) route(f *iface, place source.Path, r *route) {
	via, hasVia := r.gateway()
	to, known := r.destination()
	switch {
	case r.Via != nil && !hasVia:
		k.ErrorHelp(ruleNetworkRoute, place.At("via"), "give the IP address of the gateway", "%q is no address of a gateway", *r.Via)
		return
	case r.To == defaultRoute && !hasVia:
		k.ErrorHelp(ruleNetworkRoute, place, "give via, the address of the gateway", "the default route has no gateway")
		return
	case !known:
		k.ErrorHelp(ruleNetworkRoute, place.At("to"), "write default, or a network such as 198.51.100.0/24", "%q is no network", r.To)
		return
	case hasVia && via.Is4() != to.Addr().Is4():
		k.ErrorHelp(ruleNetworkRoute, place.At("via"), "use a gateway of the same kind", "the network %s and the gateway %s are not both of IPv4 or IPv6", to, via)
		return
	}
	if r.Metric != nil && *r.Metric < 0 {
		k.ErrorHelp(ruleNetworkRoute, place.At("metric"), "", "the metric is a number from 0 up")
	}
	switch v4 := to.Addr().Is4(); {
	case !f.has(v4):
		k.ErrorHelp(ruleNetworkRoute, place, "give it an address, or DHCP", "the interface %q has no address of %s", f.name, family(v4))
	case hasVia && !f.reaches(via) && !isTrue(r.OnLink):
		k.ErrorHelp(ruleNetworkRoute, place.At("via"), "mend the address or the gateway; if it is really there, set on_link",
			"no address of %q is in one network with the gateway %s", f.name, via)
	}
}

func family(v4 bool) string {
	if v4 {
		return "IPv4"
	}
	return "IPv6"
}

// has reports whether the interface gets addresses of IPv4 or IPv6.
func (f *iface) has(v4 bool) bool {
	if v4 && isTrue(f.Dhcp4) || !v4 && (isTrue(f.Dhcp6) || f.acceptsRA()) {
		return true
	}
	return slices.ContainsFunc(f.Addresses, func(a string) bool { return isIPv4(a) == v4 })
}

// reaches reports whether a gateway can be a neighbour: by an address that is given,
// or one that somebody else may give.
func (f *iface) reaches(via netip.Addr) bool {
	dynamic := isTrue(f.Dhcp4)
	if via.Is6() {
		dynamic = isTrue(f.Dhcp6) || f.acceptsRA() || via.IsLinkLocalUnicast()
	}
	return dynamic || slices.ContainsFunc(f.Addresses, func(text string) bool {
		p, err := netip.ParsePrefix(text)
		return err == nil && p.Contains(via)
	})
}

// repeatedRoutes reports routes to the same network with the same metric: the kernel
// has one of them only.
func (k *networkCheck) repeatedRoutes() {
	type key struct {
		to     netip.Prefix
		metric int
	}
	seen := map[key]*iface{}
	for _, f := range k.all {
		for i := range f.Routes {
			to, known := f.Routes[i].destination()
			if !known {
				continue
			}
			at := key{to, f.Routes[i].metric()}
			if other := seen[at]; other != nil {
				k.ErrorHelp(ruleNetworkRoute, f.place.At("routes", i), "give one of them a higher metric: it is used when the other is gone",
					"%q has a route to %s with the same metric already", other.name, to)
			}
			seen[at] = f
		}
	}
}
