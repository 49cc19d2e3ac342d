package lint

import (
	"fmt"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
)

var ruleSize = &diag.Rule{
	ID: "lint-size", Why: "a platform refuses user data above its limit, or cuts it off",
	Help: "serve the config from a URL, and pass a small one with that URL in ignition.config.replace; or give large files a source and a hash. Contents of files are compressed already, those of units are not: a long script is smaller as a file",
}

// limits are the platforms with the most bytes of a config they take, smallest first.
// What the platform counts after encoding as base64 is given in bytes before. None of
// them has its user data unpacked by Ignition, so compressing all of it is no way out.
var limits = []struct {
	platform string
	bytes    int
}{
	{"aws", 16 << 10},      // Amazon EC2 user guide: 16 KB in raw form
	{"hetzner", 32 << 10},  // Hetzner Cloud API: user_data of a server, 32 KiB
	{"openstack", 49149},   // Nova API guide: 65535 bytes in base64
	{"azure", 65535},       // Azure REST API: customData, bytes when decoded
	{"ibmcloud", 64 << 10}, // IBM Cloud VPC: user data, 64 KB
	{"gcp", 256 << 10},     // Compute Engine: one value of the metadata, 262144 bytes
}

// size warns once of a config that is too large for platforms. Where a config is for
// is not known; so the warning is left to those that no longer fit everywhere.
func (l *linter) size(o Options) {
	var over []string
	for _, limit := range limits {
		if o.UserData > limit.bytes {
			over = append(over, fmt.Sprintf("%s (%d)", limit.platform, limit.bytes))
		}
	}
	if len(over) == 0 {
		return
	}
	help := ""
	if o.Compact < o.UserData {
		help = fmt.Sprintf("without --pretty it has %d bytes; else %s", o.Compact, ruleSize.Help)
	}
	at, _ := l.Tree.Locate(source.Path{}.At("variant"))
	l.warn(ruleSize, place{path: source.Path{}.At("variant"), at: at}, help, "the config has %d bytes, more than user data can have on %s", o.UserData, strings.Join(over, ", "))
}
