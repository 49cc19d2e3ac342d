package linux

import (
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/transpiler/sugar"
)

var ruleHostname = &diag.Rule{
	ID: "hostname", Why: "systemd ignores a host name that is not valid: hostname(5)",
	Help: "use at most 64 letters, digits and hyphens, in parts between dots that start and end with a letter or a digit",
}

// 64: HOST_NAME_MAX of Linux, gethostname(2); 63: RFC 1035 §2.3.4.
const (
	maxHostname = 64
	maxLabel    = 63
)

// Hostname is the sugar of the name of the machine.
type Hostname struct {
	// Hostname is a name with or without a domain.
	Hostname *string `json:"hostname"`
}

// Check reports a name that systemd would not take.
func (s *Hostname) Check(c *sugar.Ctx) {
	if s.Hostname != nil && (len(*s.Hostname) > maxHostname || !isDomain(*s.Hostname)) {
		c.Errorf(ruleHostname, at("hostname"), "%q is no host name", *s.Hostname)
	}
}

// isDomain reports whether a name consists of labels between dots.
func isDomain(name string) bool {
	for label := range strings.SplitSeq(name, ".") {
		if len(label) > maxLabel || !only(label, alphanumeric+"-") || strings.Trim(label, "-") != label {
			return false
		}
	}
	return true
}

// Desugar writes /etc/hostname.
func (s *Hostname) Desugar(c *sugar.Ctx) {
	if s.Hostname == nil {
		return
	}
	p := newParent(c)
	p.file("/etc/hostname", 0o644, owner{}, *s.Hostname+"\n", at("hostname"))
	p.add()
}
