package linux

import (
	"maps"
	"slices"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/transpiler/sugar"
)

var ruleSysctl = &diag.Rule{
	ID: "sysctl", Why: "a parameter of the kernel is the name of a file below /proc/sys",
	Help: "write for example net.ipv4.ip_forward; sysctl -a lists them",
}

// Sysctl is the sugar of parameters of the running kernel.
type Sysctl struct {
	// Sysctl maps parameters to their values.
	Sysctl map[string]string `json:"sysctl"`
}

// parameter writes a name in its only form: the separator is the one that comes
// first, sysctl.d(5).
func parameter(name string) string {
	if i := strings.IndexAny(name, "./"); i >= 0 && name[i] == '/' {
		return strings.NewReplacer("/", ".", ".", "/").Replace(name)
	}
	return name
}

// Check reports what is no parameter, and parameters that are given twice.
func (s *Sysctl) Check(c *sugar.Ctx) {
	seen := repeated{}
	for _, name := range slices.Sorted(maps.Keys(s.Sysctl)) {
		place := at("sysctl", name)
		// * stands for all links, for example; names of VLANs have @ or : in them
		switch {
		case !only(name, alphanumeric+"_./*@:-") || !strings.ContainsAny(name, "./") ||
			!only(name[:1], alphanumeric) || strings.Contains(name, ".."):
			c.KeyError(ruleSysctl, place, "", "%q is no parameter of the kernel", name)
		case seen.is(parameter(name)):
			c.KeyError(ruleSysctl, place, "remove one of the two", "%q is given twice, with dots and with slashes", parameter(name))
		}
		checkLine(c, place, "the value", s.Sysctl[name])
	}
}

// Desugar writes one file of sysctl.d(5), late enough to win over those of the
// distribution.
func (s *Sysctl) Desugar(c *sugar.Ctx) {
	if len(s.Sysctl) == 0 {
		return
	}
	var b strings.Builder
	b.WriteString(sugar.Header)
	for _, name := range slices.Sorted(maps.Keys(s.Sysctl)) {
		b.WriteString(name + " = " + s.Sysctl[name] + "\n")
	}
	p := newParent(c)
	p.file("/etc/sysctl.d/90-butane.conf", 0o644, owner{}, b.String(), at("sysctl"))
	p.add()
}
