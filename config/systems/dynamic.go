package systems

import (
	"maps"
	"slices"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
)

var ruleDynamic = &diag.Rule{
	ID:  "dynamic-data",
	Why: "what stands in braces is filled in on the machine, from what its platform knows of it; each platform knows other things",
}

// Dynamic says where values in braces come from.
type Dynamic struct {
	// Platform the machine runs on, such as ec2.
	Platform string `json:"platform"`
}

// placeholders are the words that values of etcd and flannel can have in braces.
var placeholders = []string{"HOSTNAME", "PRIVATE_IPV4", "PUBLIC_IPV4", "PRIVATE_IPV6", "PUBLIC_IPV6"}

// variables are the names, by platform and placeholder, in the file of the metadata
// agent: https://github.com/coreos/afterburn, and Container Linux Config Transpiler.
func variables() map[string]map[string]string {
	return map[string]map[string]string{
		"azure": {"PRIVATE_IPV4": "COREOS_AZURE_IPV4_DYNAMIC", "PUBLIC_IPV4": "COREOS_AZURE_IPV4_VIRTUAL"},
		"digitalocean": {
			"HOSTNAME": "COREOS_DIGITALOCEAN_HOSTNAME", "PRIVATE_IPV4": "COREOS_DIGITALOCEAN_IPV4_PRIVATE_0",
			"PUBLIC_IPV4": "COREOS_DIGITALOCEAN_IPV4_PUBLIC_0", "PRIVATE_IPV6": "COREOS_DIGITALOCEAN_IPV6_PRIVATE_0",
			"PUBLIC_IPV6": "COREOS_DIGITALOCEAN_IPV6_PUBLIC_0",
		},
		"ec2": {"HOSTNAME": "COREOS_EC2_HOSTNAME", "PRIVATE_IPV4": "COREOS_EC2_IPV4_LOCAL", "PUBLIC_IPV4": "COREOS_EC2_IPV4_PUBLIC"},
		"gce": {"HOSTNAME": "COREOS_GCE_HOSTNAME", "PRIVATE_IPV4": "COREOS_GCE_IP_LOCAL_0", "PUBLIC_IPV4": "COREOS_GCE_IP_EXTERNAL_0"},
		"packet": {
			"HOSTNAME": "COREOS_PACKET_HOSTNAME", "PRIVATE_IPV4": "COREOS_PACKET_IPV4_PRIVATE_0",
			"PUBLIC_IPV4": "COREOS_PACKET_IPV4_PUBLIC_0", "PUBLIC_IPV6": "COREOS_PACKET_IPV6_PUBLIC_0",
		},
		"openstack-metadata": {
			"HOSTNAME": "COREOS_OPENSTACK_HOSTNAME", "PRIVATE_IPV4": "COREOS_OPENSTACK_IPV4_LOCAL", "PUBLIC_IPV4": "COREOS_OPENSTACK_IPV4_PUBLIC",
		},
		"vagrant-virtualbox": {"HOSTNAME": "COREOS_VAGRANT_VIRTUALBOX_HOSTNAME", "PRIVATE_IPV4": "COREOS_VAGRANT_VIRTUALBOX_PRIVATE_IPV4"},
		"custom": {
			"HOSTNAME": "COREOS_CUSTOM_HOSTNAME", "PRIVATE_IPV4": "COREOS_CUSTOM_PRIVATE_IPV4", "PUBLIC_IPV4": "COREOS_CUSTOM_PUBLIC_IPV4",
			"PRIVATE_IPV6": "COREOS_CUSTOM_PRIVATE_IPV6", "PUBLIC_IPV6": "COREOS_CUSTOM_PUBLIC_IPV6",
		},
	}
}

// factNames are what dialect.Options calls what the placeholders stand for.
var factNames = map[string]string{"HOSTNAME": "v1.local_hostname"}

// fact returns what stands in for a placeholder where the document names no platform:
// what is known of the machine, filled in for good.
func (r *renderer) fact(placeholder string) (value string, known bool) {
	name := factNames[placeholder]
	if name == "" {
		name = strings.ToLower(placeholder)
	}
	value = r.facts[name]
	// what else could it be, and nothing here means something to systemd
	isPlain := strings.Trim(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:_-") == ""
	return value, r.platform == "" && value != "" && isPlain
}

func (r *renderer) checkPlatform() {
	if r.machine.Metadata == "" {
		r.errorf(ruleDynamic, at("dynamic"), "remove the section, and write the values out", "this machine has no agent that knows its platform")
		return
	}
	r.oneOf(ruleDynamic, at("dynamic", "platform"), "platform with an agent for dynamic data", r.platform, slices.Sorted(maps.Keys(variables()))...)
}

// usesDynamic reports whether a value has placeholders that the agent fills in, and those
// that nobody can.
func (r *renderer) usesDynamic(place source.Path, value string) (uses bool) {
	for _, p := range placeholders {
		if _, known := r.fact(p); known || !strings.Contains(value, "{"+p+"}") {
			continue
		}
		uses = true
		switch {
		case r.machine.Metadata == "":
			r.errorf(ruleDynamic, place, "write the value out", "{%s} cannot be filled in: this machine has no agent that knows its platform", p)
		case r.platform == "" && r.facts != nil:
			r.errorf(ruleDynamic, place, "write the value out", "{%s} cannot be filled in: the platform does not tell it", p)
		case r.platform == "":
			r.errorf(ruleDynamic, place, "add dynamic: {platform: NAME}, or write the value out", "{%s} cannot be filled in: the platform is not known", p)
		case variables()[r.platform][p] == "":
			r.errorf(ruleDynamic, place, "write the value out", "the platform %s does not know {%s}", r.platform, p)
		}
	}
	return uses
}

// afterMetadata is what a unit has above its options if values are filled in.
func (r *renderer) afterMetadata(dynamic bool) (unit, service string) {
	if !dynamic {
		return "", ""
	}
	unit = "[Unit]\nRequires=" + r.machine.MetadataUnit + "\nAfter=" + r.machine.MetadataUnit + "\n\n"
	return unit, "EnvironmentFile=" + r.machine.Metadata + "\n"
}
