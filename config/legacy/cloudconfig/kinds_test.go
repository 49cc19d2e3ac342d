package cloudconfig_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/config/legacy/cloudconfig"
	"github.com/kindling-boot/kindling/config/source"
)

// containers are the keys whose values are lists or mappings, with what they may be besides:
// T is a text, B a boolean, L a list, M a mapping. A % is where the value goes.
const containers = `
users: % | L M T
users: [%] | L M T
users: [{name: ada, groups: %}] | L M T
users: [{name: ada, groups: [%]}] | T
users: [{name: ada, ssh_authorized_keys: %}] | L T
users: [{name: ada, ssh_authorized_keys: [%]}] | T
users: [{name: ada, sudo: %}] | L T B
users: [{name: ada, sudo: [%]}] | T
users: [{name: ada, doas: %}] | L T
groups: % | L M T
groups: [%] | M T
groups: {docker: %} | L T
user: % | M T
ssh_authorized_keys: % | L
ssh_authorized_keys: [%] | T
chpasswd: % | M
chpasswd: {users: %} | L
chpasswd: {users: [%]} | M
chpasswd: {list: %} | L T
chpasswd: {list: [%]} | T
ssh_keys: % | M
ssh: % | M
device_aliases: % | M
disk_setup: % | M
disk_setup: {/dev/vdb: %} | M
disk_setup: {/dev/vdb: {table_type: gpt, layout: %}} | L B
fs_setup: % | L
fs_setup: [%] | M
fs_setup: [{device: /dev/vdb1, partition: none, filesystem: ext4, extra_opts: %}] | L T
mount_default_fields: % | L
mounts: % | L
mounts: [%] | L
swap: % | M
growpart: % | M
growpart: {devices: %} | L T
write_files: % | L
write_files: [%] | M
write_files: [{path: /a, source: %}] | M
write_files: [{path: /a, source: {uri: https://example.com/, headers: %}}] | M
keyboard: % | M
ntp: % | M
ntp: {servers: %} | L
ntp: {pools: %} | L
resolv_conf: {nameservers: %}; manage_resolv_conf: true | L
resolv_conf: {searchdomains: %}; manage_resolv_conf: true | L
resolv_conf: %; manage_resolv_conf: true | M
ca_certs: % | M
ca_certs: {trusted: %} | L T
ca_certs: {trusted: [%]} | T
wireguard: % | M
wireguard: {interfaces: %} | L
wireguard: {interfaces: [%]} | M
bootcmd: % | L T
bootcmd: [%] | L T
runcmd: % | L T
runcmd: [%] | L T
packages: % | L T
packages: [%] | L T
phone_home: % | M
phone_home: {url: https://example.com/, post: %} | L T
phone_home: {url: https://example.com/, post: [%]} | T
power_state: % | M
power_state: {mode: reboot, condition: %} | L T B
merge_how: % | L T
coreos: % | M
coreos: {units: %} | L
coreos: {units: [%]} | M
coreos: {units: [{name: a.service, drop_ins: %}]} | L
coreos: {units: [{name: a.service, drop_ins: [%]}]} | M
coreos: {update: %} | M
coreos: {oem: %} | M
coreos: {flannel: %} | M
coreos: {etcd2: %} | M
coreos: {locksmith: %} | M
network: {version: 1, config: %} | L
network: {version: 1, config: [%]} | M
network: {version: 1, config: [{type: physical, name: eth0, subnets: %}]} | L
network: {version: 1, config: [{type: physical, name: eth0, subnets: [%]}]} | M
network: {version: 1, config: [{type: physical, name: eth0, subnets: [{type: static, address: 10.0.0.2/24, dns_nameservers: %}]}]} | L T
network: {version: 1, config: [{type: physical, name: eth0, subnets: [{type: static, address: 10.0.0.2/24, routes: %}]}]} | L
network: {version: 1, config: [{type: bond, name: bond0, bond_interfaces: %}]} | L
network: {version: 1, config: [{type: bond, name: bond0, params: %}]} | M
network: {version: 1, config: [{type: nameserver, address: %}]} | L T
network: {version: 2, ethernets: %} | M
network: {version: 2, ethernets: {eth0: %}} | M
network: {version: 2, ethernets: {eth0: {match: %}}} | M
network: {version: 2, ethernets: {eth0: {addresses: %}}} | L
network: {version: 2, ethernets: {eth0: {nameservers: %}}} | M
network: {version: 2, ethernets: {eth0: {nameservers: {addresses: %}}}} | L
network: {version: 2, ethernets: {eth0: {nameservers: {search: %}}}} | L
network: {version: 2, ethernets: {eth0: {routes: %}}} | L
network: {version: 2, ethernets: {eth0: {routes: [%]}}} | M
network: {version: 2, bonds: {bond0: {interfaces: %}}} | L
network: {version: 2, bonds: {bond0: {parameters: %}}} | M
network: {version: 2, bridges: {br0: {interfaces: %}}} | L
`

// TestKindsOfValues: a value of a kind that a key cannot have is refused at its place.
func TestKindsOfValues(t *testing.T) {
	values := []struct{ kind, text string }{
		{"number", "7"}, {"number with a fraction", "2.5"}, {"B", "true"}, {"T", "word"}, {"L", "[[word]]"}, {"M", "{word: word}"},
	}
	for line := range strings.Lines(strings.TrimSpace(containers)) {
		document, kinds, _ := strings.Cut(strings.TrimSpace(line), " | ")
		for _, v := range values {
			if strings.Contains(kinds, v.kind) {
				continue
			}
			text := strings.ReplaceAll(strings.Replace(document, "%", v.text, 1), "; ", "\n") + "\n"
			file := source.NewFile("input", []byte("#cloud-config\n"+text))
			o := cloudconfig.Options{Packages: "apt"}
			_, notes, found := cloudconfig.Translate(file, o)
			if strings.HasPrefix(document, "network:") {
				_, notes, found = cloudconfig.Network(file, o)
			}
			if !found.HasErrors() {
				var said []string
				for _, n := range notes {
					said = append(said, fmt.Sprintf("%s is %s", n.Path, n.Fate))
				}
				t.Errorf("a %s is accepted: %s: %s", v.kind, strings.TrimSpace(text), strings.Join(said, ", "))
			}
		}
	}
}
