package platforms

import (
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/dataurl"
	"github.com/kindling-boot/kindling/config/source"
)

// What stands beside user data on a NoCloud volume.
const (
	netplan = `network:
  version: 2
  ethernets:
    lan:
      match: {macaddress: "52:54:00:12:34:56"}
      addresses: [192.0.2.10/24]
      routes: [{to: default, via: 192.0.2.1}]
      nameservers: {addresses: [192.0.2.53]}
`
	// as Proxmox VE writes it
	proxmox = `version: 1
config:
    - type: physical
      name: eth0
      mac_address: '52:54:00:12:34:56'
      subnets:
      - type: static
        address: '192.0.2.10'
        netmask: '255.255.255.0'
        gateway: '192.0.2.1'
    - type: nameserver
      address:
      - '192.0.2.53'
      search:
      - 'example.com'
`
	vendor = "#cloud-config\nhostname: of-the-vendor\ntimezone: Europe/Vienna\nwrite_files: [{path: /etc/of-the-vendor}]\n"
)

// TestBesideUserData: a network config and vendor data on the volume count where user data
// are a cloud-config, and give way to it; beside a config of Ignition they are not looked at.
func TestBesideUserData(t *testing.T) {
	for _, c := range []struct {
		name, user, network, vendor string
		exit                        int
		has, lacks                  []string
		said                        string
	}{
		{
			"a network config of version 2", "#cloud-config\nhostname: web\n", netplan, "", 0,
			[]string{"web", "/etc/systemd/network/", "Address=192.0.2.10/24", "Gateway=192.0.2.1", "DNS=192.0.2.53"},
			nil, "",
		},
		{
			"a network config of version 1", "#cloud-config\nhostname: web\n", proxmox, "", 0,
			[]string{"MACAddress=52:54:00:12:34:56", "Address=192.0.2.10/24", "Gateway=192.0.2.1", "DNS=192.0.2.53"},
			nil, "",
		},
		{
			"the user writes the same file", "#cloud-config\nwrite_files: [{path: /etc/systemd/network/10-lan.network, content: mine}]\n", netplan, "", 0,
			[]string{"mine"},
			[]string{"192.0.2.10"},
			"",
		},
		{"a network config that switches the network off", "#cloud-config\nhostname: web\n", "network: {config: disabled}\n", "", 0, []string{"web"}, []string{"systemd/network"}, ""},
		{"a network config that cannot be kept", "#cloud-config\nhostname: web\n", "version: 2\nwifis: {wlan0: {}}\n", "", 1, nil, nil, "wifis"},
		{"beside a script", "#!/bin/sh\ntrue\n", netplan, "", 0, []string{"192.0.2.10"}, nil, ""},
		{"beside a config of Ignition", `{"ignition": {"version": "3.4.0"}}`, "not: [a network config", "neither this", 0, nil, []string{"192.0.2.10"}, ""},
		{
			"vendor data", "#cloud-config\nhostname: of-the-user\n", "", vendor, 0,
			[]string{"of-the-user", "Europe/Vienna", "/etc/of-the-vendor"},
			nil, "",
		},
		{
			"vendor data have lists too", "#cloud-config\nwrite_files: [{path: /etc/of-the-user}]\n", "", vendor, 0,
			[]string{"/etc/of-the-user", "of-the-vendor"},
			[]string{"/etc/of-the-vendor"},
			"",
		},
		{
			"vendor data are refused", "#cloud-config\nhostname: of-the-user\nvendor_data: {enabled: false}\n", "", vendor, 0,
			[]string{"of-the-user"},
			[]string{"Vienna", "of-the-vendor"},
			"",
		},
		{
			"scripts of the vendor run first", "#cloud-config\nruncmd: [echo user]\n", "", "#!/bin/sh\necho vendor\n", 0,
			[]string{"cloud-config-vendor-scripts.service", "cloud-config-runcmd.service", "After=cloud-config-packages.service cloud-config-vendor-scripts.service"},
			nil, "",
		},
		{"vendor data in no dialect", "#cloud-config\nhostname: web\n", "", "hello\n", 0, []string{"web"}, nil, "vendor data"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if c.network != "" {
				w.write("tree/network-config", c.network)
			}
			if c.vendor != "" {
				w.write("tree/vendor-data", c.vendor)
			}
			w.drive("cidata", "user-data", c.user)
			r := w.stage("fetch-offline", "nocloud")
			if r.exit != c.exit || r.needNet || !strings.Contains(r.said, c.said) {
				t.Errorf("status %d, want %d, and %q", r.exit, c.exit, c.said)
			}
			text := written(t, r.cache)
			for _, want := range c.has {
				if !strings.Contains(text, want) {
					t.Errorf("nothing is %q", want)
				}
			}
			for _, not := range c.lacks {
				if strings.Contains(text, not) {
					t.Errorf("something is %q", not)
				}
			}
			if t.Failed() {
				t.Logf("%s\n%s", r.said, text)
			}
		})
	}
}

// written is what a config writes: the paths of files, links and units, with their contents.
func written(t *testing.T, cache string) string {
	t.Helper()
	if cache == "" {
		return ""
	}
	cfg, found := config.Parse(source.NewFile("cache", []byte(cache)))
	if found.HasErrors() {
		t.Fatal(found)
	}
	var b strings.Builder
	for _, f := range cfg.Storage.Files {
		text := ""
		if f.Contents.Source != nil {
			u, err := dataurl.Parse(*f.Contents.Source)
			if err != nil {
				t.Fatal(err)
			}
			r := u.Reader()
			if c := f.Contents.Compression; c != nil && *c == "gzip" {
				if r, err = gzip.NewReader(r); err != nil {
					t.Fatal(err)
				}
			}
			data, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			text = string(data)
		}
		b.WriteString(f.Path + "\n" + text + "\n")
	}
	for _, l := range cfg.Storage.Links {
		b.WriteString(l.Path + " to " + *l.Target + "\n")
	}
	for _, u := range cfg.Systemd.Units {
		b.WriteString(u.Name + "\n")
		if u.Contents != nil {
			b.WriteString(*u.Contents)
		}
	}
	return b.String()
}

// TestBesideUserDataOfASeed: a seed in the network has the same files.
func TestBesideUserDataOfASeed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "192.0.2.1")
	w.kernelArguments("ds=nocloud;s=http://192.0.2.1/seed/ ignition.cloud.packages=apt ignition.cloud.user=debian")
	w.listen("192.0.2.1:80", answering(map[string]string{
		"/seed/user-data":      "#cloud-config\npackages: [jq]\nssh_authorized_keys: [ssh-ed25519 AAAA ada]\n",
		"/seed/network-config": netplan,
	}))
	r := w.stage("fetch", "nocloud")
	r.expect(t, 0, `"name":"debian"`)
	for _, want := range []string{"Address=192.0.2.10/24", "apt-get -y install 'jq'"} {
		if !strings.Contains(written(t, r.cache), want) {
			t.Errorf("nothing is %q", want)
		}
	}
}

// TestImageIsNotKnown: a program that installs packages is needed, and a name of one.
func TestImageIsNotKnown(t *testing.T) {
	for name, c := range map[string]struct{ arguments, said string }{
		"no program":          {"quiet", "packages cannot be kept"},
		"a program not known": {"ignition.cloud.packages=pacman", `"pacman" is none of apt, dnf, zypper, none`},
		"none":                {"ignition.cloud.packages=none", "packages cannot be kept"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.kernelArguments(c.arguments)
			w.drive("cidata", "user-data", "#cloud-config\npackages: [jq]\n")
			w.stage("fetch-offline", "nocloud").expect(t, 1, nothing, c.said)
		})
	}
}

// TestDynamicDataOfContainerLinux: words in braces are filled in on the machine.
func TestDynamicDataOfContainerLinux(t *testing.T) {
	const document = "etcd:\n  name: \"{HOSTNAME}\"\n  listen_peer_urls: http://{PRIVATE_IPV4}:2380\n  advertise_client_urls: http://%s:2379\n"
	for _, c := range []struct {
		name, address string
		exit          int
		has, said     string
	}{
		{"what the platform knows", "{PRIVATE_IPV4}", 0, `--listen-peer-urls=\"http://10.132.0.2:2380\"`, ""},
		{"what it does not tell", "{PUBLIC_IPV6}", 1, nothing, "{PUBLIC_IPV6} cannot be filled in"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "169.254.169.254")
			w.listen("169.254.169.254:80", answering(map[string]string{
				"/metadata/v1/user-data":                         strings.Replace(document, "%s", c.address, 1),
				"/metadata/v1/interfaces/private/0/ipv4/address": "10.132.0.2",
				"/metadata/v1/hostname":                          "web-7\n",
			}))
			w.stage("fetch", "digitalocean").expect(t, c.exit, c.has, c.said)
		})
	}
	t.Run("the agent of the document's platform", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.drive("cidata", "user-data", strings.Replace(document, "%s", "{PUBLIC_IPV4}", 1)+"dynamic: {platform: ec2}\n")
		w.stage("fetch-offline", "nocloud").expect(t, 0, "${COREOS_EC2_IPV4_LOCAL}")
	})
}
