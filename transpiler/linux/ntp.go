package linux

import (
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/transpiler/sugar"
)

var ruleNTP = &diag.Rule{
	ID: "ntp", Why: "the clock is set from servers that are named by host names or addresses",
	Help: "write for example time.example.com or 192.0.2.123",
}

// NTP is the sugar of the servers that the clock is set from.
type NTP struct {
	NTP struct {
		// Client is the program that asks the servers: timesyncd, which is the default, or
		// chrony.
		Client *string `json:"client"`
		// Servers are asked for the time.
		Servers []string `json:"servers"`
		// Pools are names that stand for many servers.
		Pools []string `json:"pools"`
	} `json:"ntp"`
}

// ntpClients are the programs, the default first.
var ntpClients = []string{"timesyncd", "chrony"}

func (s *NTP) client() string {
	if s.NTP.Client == nil {
		return ntpClients[0]
	}
	return *s.NTP.Client
}

// Check reports what is no server, and clients that are not known.
func (s *NTP) Check(c *sugar.Ctx) {
	if s.NTP.Client != nil {
		c.OneOf(ruleNTP, at("ntp", "client"), "client", *s.NTP.Client, ntpClients)
	}
	seen := repeated{}
	look := func(key string, names []string) {
		for i, name := range names {
			place := at("ntp", key, i)
			switch {
			case !isAddress(name) && (!isDomain(strings.TrimSuffix(name, ".")) || len(name) > maxDomain):
				c.Errorf(ruleNTP, place, "%q is no host name or address", name)
			case seen.is(name):
				c.ErrorHelp(ruleNTP, place, "remove one of the two", "%q is given twice", name)
			}
		}
	}
	look("servers", s.NTP.Servers)
	look("pools", s.NTP.Pools)
	if n, written := c.Tree.Find(at("ntp")); written && n.Kind == source.Object && len(s.NTP.Servers)+len(s.NTP.Pools) == 0 {
		c.ErrorHelp(ruleNTP, at("ntp"), "list servers or pools", "no server is named")
	}
}

// 253 bytes: RFC 1035 §2.3.4, without the length bytes.
const maxDomain = 253

// Desugar writes the file of the client and enables it. timesyncd takes one server of all
// that are named, and chrony is told which are pools.
func (s *NTP) Desugar(c *sugar.Ctx) {
	o := &s.NTP
	if len(o.Servers)+len(o.Pools) == 0 {
		return
	}
	p := newParent(c)
	if s.client() == "chrony" {
		text := sugar.Header
		for _, name := range o.Servers {
			text += "server " + name + " iburst\n"
		}
		for _, name := range o.Pools {
			text += "pool " + name + " iburst\n"
		}
		// read by chrony.conf of Debian, Ubuntu and openSUSE; a .sources file there has
		// such lines only
		p.file("/etc/chrony/sources.d/butane.sources", 0o644, owner{}, text, at("ntp"))
		p.unit("chrony.service", "", true, at("ntp"))
	} else {
		var file ini
		file.section("Time")
		file.set("NTP", strings.Join(append(o.Servers[:len(o.Servers):len(o.Servers)], o.Pools...), " "))
		p.file("/etc/systemd/timesyncd.conf.d/10-butane.conf", 0o644, owner{}, file.String(), at("ntp"))
		p.unit("systemd-timesyncd.service", "", true, at("ntp"))
	}
	p.add()
}
