package linux

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
)

// keyfileDir is where NetworkManager has the connections of the administrator:
// nm-settings-keyfile(5). It ignores files that others can read.
const (
	keyfileDir  = "/etc/NetworkManager/system-connections/"
	keyfileMode = 0o600
)

// networkManager writes the interfaces as keyfiles and enables NetworkManager.
func networkManager(p *parent, all []*iface) {
	named := map[string]*iface{}
	for _, f := range all {
		named[f.name] = f
	}
	for _, f := range all {
		p.file(keyfileDir+f.name+".nmconnection", keyfileMode, owner{}, f.keyfile(named), f.place)
	}
	p.unit("NetworkManager.service", "", true, at("network"))
}

// uuid identifies the connection. It is made from the name, so that it is the same
// on every run; RFC 9562 §5.8 leaves version 8 to whoever makes them.
func (f *iface) uuid() string {
	h := fnv.New128a()
	_, _ = h.Write([]byte("butane network " + f.name)) // a hash takes everything
	id := h.Sum(nil)
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// keyfile writes the connection: nm-settings-keyfile(5).
func (f *iface) keyfile(named map[string]*iface) string {
	kind := map[string]string{"link": "ethernet"}[f.kind]
	if kind == "" {
		kind = f.kind
	}
	var file ini
	file.section("connection")
	file.set("id", f.name)
	file.set("uuid", f.uuid())
	file.set("type", kind)
	file.setIf("interface-name", f.interfaceName())
	if f.link != nil && f.interfaceName() == "" && f.link.Match.Mac == nil {
		file.set("multi-connect", "3") // for each card that is found, as in networkd
	}
	if f.master != nil {
		// the names of before 1.46, which later ones read too
		file.set("master", f.master.uuid())
		file.set("slave-type", f.master.kind)
	}
	f.keyfileCard(&file)
	switch {
	case f.vlan != nil:
		file.section("vlan")
		file.set("flags", "1") // reorder headers, the default of the kernel
		file.set("id", strconv.Itoa(f.vlan.ID))
		file.set("parent", named[f.vlan.Link].uuid())
	case f.bond != nil:
		file.section("bond")
		file.set("mode", f.bond.mode())
		file.set("miimon", strconv.Itoa(f.bond.monitorIntervalMs()))
		if f.bond.Primary != nil {
			file.set("primary", named[*f.bond.Primary].interfaceName())
		}
	case f.bridge != nil:
		file.section("bridge")
		file.set("stp", strconv.FormatBool(isTrue(f.bridge.STP)))
	}
	if f.master == nil {
		f.keyfileFamily(&file, true)
		f.keyfileFamily(&file, false)
	}
	return file.String()
}

// interfaceName is the name of the interface; empty if it has none that is known.
func (f *iface) interfaceName() string {
	if f.link == nil {
		return f.name
	}
	if m := f.link.matches(); m.Name != nil && !strings.ContainsAny(*m.Name, "*?") {
		return *m.Name
	}
	return ""
}

// keyfileCard says what is of Ethernet, and by what else a card is found.
func (f *iface) keyfileCard(file *ini) {
	var m match
	if f.link != nil {
		m = f.link.matches()
	}
	if f.MTU != nil || m.Mac != nil {
		file.section("ethernet")
		if m.Mac != nil {
			file.set("mac-address", strings.ToUpper(macText(*m.Mac)))
		}
		if f.MTU != nil {
			file.set("mtu", strconv.Itoa(*f.MTU))
		}
	}
	glob := m.Name != nil && strings.ContainsAny(*m.Name, "*?")
	if !glob && m.Driver == nil {
		return
	}
	file.section("match")
	if m.Driver != nil {
		file.set("driver", *m.Driver+";")
	}
	if glob {
		file.set("interface-name", *m.Name+";")
	}
}

// keyfileFamily writes what is of IPv4 or IPv6.
func (f *iface) keyfileFamily(file *ini, v4 bool) {
	var addresses, dns []string
	for _, a := range f.Addresses {
		if isIPv4(a) == v4 {
			addresses = append(addresses, a)
		}
	}
	for _, a := range f.DNS {
		if isIPv4(a) == v4 {
			dns = append(dns, a)
		}
	}
	section, method := "ipv6", f.method6(len(addresses) > 0)
	if v4 {
		section, method = "ipv4", f.method4(len(addresses) > 0)
	}
	file.section(section)
	for i, a := range addresses {
		file.set(fmt.Sprintf("address%d", i+1), a)
	}
	if f.has(v4) { // without an address, NetworkManager refuses them
		file.setIf("dns", joined(dns))
		file.setIf("dns-search", joined(f.Search))
	}
	file.set("method", method)
	number := 0
	for i := range f.Routes {
		if to, _ := f.Routes[i].destination(); to.Addr().Is4() == v4 {
			number++
			f.Routes[i].keyfile(file, number)
		}
	}
}

// joined writes a list, each item ended by a semicolon.
func joined(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return strings.Join(list, ";") + ";"
}

func (f *iface) method4(hasAddress bool) string {
	switch {
	case isTrue(f.Dhcp4):
		return "auto"
	case hasAddress:
		return "manual"
	}
	return "disabled"
}

// method6 is auto where routers are listened to: they say whether there is a DHCP
// server.
func (f *iface) method6(hasAddress bool) string {
	switch {
	case f.acceptsRA():
		return "auto"
	case isTrue(f.Dhcp6):
		return "dhcp"
	case hasAddress:
		return "manual"
	}
	return "link-local"
}

func (r *route) keyfile(file *ini, number int) {
	to, _ := r.destination()
	text := to.String()
	via, ok := r.gateway()
	switch {
	case ok:
		text += "," + via.String()
	case r.Metric != nil && to.Addr().Is4():
		text += ",0.0.0.0"
	case r.Metric != nil:
		text += ",::"
	}
	if r.Metric != nil {
		text += "," + strconv.Itoa(*r.Metric)
	}
	name := fmt.Sprintf("route%d", number)
	file.set(name, text)
	if isTrue(r.OnLink) {
		file.set(name+"_options", "onlink=true")
	}
}
