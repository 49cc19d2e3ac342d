package linux

import (
	"net/netip"
	"strconv"
	"strings"
)

// networkdDir has the files of the administrator: systemd.network(5). The first file
// that matches an interface counts; those of distributions have higher numbers.
const networkdDir = "/etc/systemd/network/10-"

// networkd writes the interfaces for systemd-networkd, and enables it and
// systemd-resolved, which it hands the name servers to.
func networkd(p *parent, all []*iface) {
	for _, f := range all {
		if f.link == nil {
			p.file(networkdDir+f.name+".netdev", 0o644, owner{}, f.netdev(), f.place)
		}
		p.file(networkdDir+f.name+".network", 0o644, owner{}, f.networkFile(), f.place)
	}
	for _, unit := range []string{"systemd-networkd.service", "systemd-resolved.service"} {
		p.unit(unit, "", true, at("network"))
	}
}

// netdev says how to make an interface: systemd.netdev(5).
func (f *iface) netdev() string {
	var file ini
	file.section("NetDev")
	file.set("Name", f.name)
	file.set("Kind", f.kind)
	if f.MTU != nil {
		file.set("MTUBytes", strconv.Itoa(*f.MTU))
	}
	switch {
	case f.vlan != nil:
		file.section("VLAN")
		file.set("Id", strconv.Itoa(f.vlan.ID))
	case f.bond != nil:
		file.section("Bond")
		file.set("Mode", f.bond.mode())
		file.set("MIIMonitorSec", strconv.Itoa(f.bond.monitorIntervalMs())+"ms")
	case f.bridge != nil:
		file.section("Bridge")
		file.set("STP", yesNo(isTrue(f.bridge.STP)))
	}
	return file.String()
}

// 100 ms is what the documentation of the kernel recommends.
func (b *bond) monitorIntervalMs() int {
	if b.MonitorIntervalMs == nil {
		return 100
	}
	return *b.MonitorIntervalMs
}

// networkFile says how to configure an interface: systemd.network(5).
func (f *iface) networkFile() string {
	var file ini
	file.section("Match")
	if f.link == nil {
		file.set("Name", f.name)
	} else {
		m := f.link.matches()
		if m.Name != nil {
			file.set("Name", *m.Name)
		}
		if m.Mac != nil { // VLANs and bonds take over the address of a link, but have no permanent one
			file.set("PermanentMACAddress", macText(*m.Mac))
		}
		if m.Driver != nil {
			file.set("Driver", *m.Driver)
		}
	}
	if f.MTU != nil || isTrue(f.Optional) {
		file.section("Link")
		if f.MTU != nil {
			file.set("MTUBytes", strconv.Itoa(*f.MTU))
		}
		if isTrue(f.Optional) {
			file.set("RequiredForOnline", "no")
		}
	}
	file.section("Network")
	for _, v := range f.upon {
		file.set("VLAN", v.name)
	}
	if f.master != nil {
		f.networkdPart(&file)
		return file.String()
	}
	file.set("DHCP", map[[2]bool]string{{true, true}: "yes", {true, false}: "ipv4", {false, true}: "ipv6", {}: "no"}[[2]bool{isTrue(f.Dhcp4), isTrue(f.Dhcp6)}])
	file.set("IPv6AcceptRA", yesNo(f.acceptsRA()))
	file.each("Address", f.Addresses)
	file.each("DNS", f.DNS)
	file.setIf("Domains", strings.Join(f.Search, " "))
	if isTrue(f.Dhcp6) && !f.acceptsRA() {
		file.section("DHCPv6")
		file.set("WithoutRA", "solicit")
	}
	for i := range f.Routes {
		f.Routes[i].networkd(&file)
	}
	return file.String()
}

// networkdPart makes the interface a part of a bond or bridge.
func (f *iface) networkdPart(file *ini) {
	file.set(map[string]string{"bond": "Bond", "bridge": "Bridge"}[f.master.kind], f.master.name)
	if b := f.master.bond; b != nil && b.Primary != nil && *b.Primary == f.name {
		file.set("PrimarySlave", "yes")
	}
	file.set("LinkLocalAddressing", "no")
	file.set("IPv6AcceptRA", "no")
}

func (r *route) networkd(file *ini) {
	to, _ := r.destination()
	file.section("Route")
	file.set("Destination", to.String())
	if via, ok := r.gateway(); ok {
		file.set("Gateway", via.String())
		if isTrue(r.OnLink) {
			file.set("GatewayOnLink", "yes")
		}
	} else if to.Addr().Is4() {
		file.set("Scope", "link")
	}
	if r.Metric != nil {
		file.set("Metric", strconv.Itoa(*r.Metric))
	}
}

// isIPv4 reports whether an address, with or without a prefix, is of IPv4.
func isIPv4(text string) bool {
	text, _, _ = strings.Cut(text, "/")
	a, err := netip.ParseAddr(text)
	return err == nil && a.Is4()
}
