package linux

import (
	_ "embed"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kindling-boot/kindling/tests/uml"
)

//go:embed guest.sh
var guestScript string

// bootLimit ends a machine that hangs.
const bootLimit = 5 * time.Minute

const networkDocument = `
  links:
    - name: card
      match: {mac: "52-54-00-12-34-01"}
      mtu: 1400
      accept_ra: false
      addresses: [192.0.2.10/24, "2001:db8::10/64"]
      routes:
        - {to: default, via: 192.0.2.1}
        - {to: 198.18.0.0/24}
        - {to: 198.18.1.0/24, via: 10.0.0.1, on_link: true, metric: 50}
        - {to: "2001:db8:1::/48", via: "2001:db8::1"}
      dns: [192.0.2.53]
      search: [example.com, ~corp.example.com]
    - name: a0
    - name: second
      match: {name: "?1"}
    - name: b0
  bonds:
    - name: bond0
      members: [a0, second]
      primary: a0
      monitor_interval_ms: 50
      accept_ra: false
      addresses: [203.0.113.7/24]
  vlans:
    - name: storage
      id: 20
      link: bond0
      mtu: 1300
      accept_ra: false
      addresses: [198.51.100.10/24]
    - name: switched
      id: 30
      link: bond0
  bridges:
    - name: br0
      ports: [b0, switched]
      accept_ra: false
      addresses: [203.0.113.65/26]
    - name: tree # has no ports: with them, it would listen for half a minute first
      stp: true
`

// renderers write the same document.
var renderers = []string{"networkd", "networkmanager"}

// TestMachine: systemd-networkd and NetworkManager configure real interfaces in the
// same way, and the kernel takes swap files on each file system. Both in User Mode Linux: the kernel that runs the tests may
// know neither bonds nor VLANs, and its swap space is not for tests.
func TestMachine(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a virtual machine")
	}
	uml.Need(t, "ip", "udevadm", "nmcli", "mkfs.ext4", "mkfs.xfs", "mkfs.btrfs", "mkswap", "chattr")
	dir := t.TempDir()
	var swap strings.Builder
	swap.WriteString("swap:\n")
	for _, fs := range []string{"ext4", "xfs", "btrfs"} {
		swap.WriteString("  - {path: /run/swap/" + fs + "/swapfile, size_mib: 16}\n")
	}
	roots := map[string]string{"swap": provision(t, swap.String())}
	for _, r := range renderers {
		roots[r] = provision(t, "network:\n  renderer: "+r+networkDocument)
	}
	for name, root := range roots {
		if err := os.Rename(root, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	m := uml.Machine{Dir: dir, Script: guestScript, Args: []string{"eth0=mcast,52:54:00:12:34:01"}, Limit: bootLimit}
	err := m.Run(t.Context())
	if m.Read("status") == "" {
		t.Fatalf("the machine: %v\n%s", err, m.Log())
	}
	t.Log(m.Log())
	for _, r := range renderers {
		t.Run(r, func(t *testing.T) { checkNetwork(t, filepath.Join(dir, r)) })
	}
	t.Run("swap", func(t *testing.T) {
		swaps := read(t, filepath.Join(dir, "swap.state"))
		for _, fs := range []string{"ext4", "xfs", "btrfs"} {
			if !strings.Contains(swaps, "/run/swap/"+fs+"/swapfile") {
				t.Errorf("there is no swap on %s:\n%s", fs, swaps)
			}
		}
		if console := read(t, filepath.Join(dir, "console")); strings.Contains(console, "insecure") || strings.Contains(console, "failed") {
			t.Error("the file was made with the wrong mode, or a command has failed")
		}
	})
}

// checkNetwork looks at what a renderer has made; its results have the name and
// .log or .state.
func checkNetwork(t *testing.T, results string) {
	log := read(t, results+".log")
	for line := range strings.Lines(log) {
		if strings.HasPrefix(line, "/etc/systemd/network/") && strings.Contains(line, ": ") {
			t.Errorf("it says: %s", line)
		}
	}
	state := read(t, results+".state")
	for _, want := range []struct{ what, first, second string }{
		{"address by MAC", " 192.0.2.10/24 ", ""},
		{"IPv6 address", " 2001:db8::10/64 ", ""},
		{"MTU", " mtu 1400 ", "52:54:00:12:34:01"},
		{"default route", "default via 192.0.2.1 dev ", ""},
		{"route on the link", "198.18.0.0/24 dev ", ""},
		{"gateway outside of the networks", "198.18.1.0/24 via 10.0.0.1 dev ", "metric 50 onlink"},
		{"route of IPv6", "2001:db8:1::/48 via 2001:db8::1 dev ", ""},
		{"bond", " bond0: ", "bond mode active-backup "},
		{"interval of the bond", " bond0: ", " miimon 50 "},
		{"primary of the bond", " bond0: ", " primary a0 "},
		{"first member", " a0@", " master bond0 "},
		{"second member, by a pattern", " a1@", " master bond0 "},
		{"address of the bond", ": bond0 ", " 203.0.113.7/24 "},
		{"VLAN", " storage@bond0: ", " vlan protocol 802.1Q id 20 "},
		{"MTU of the VLAN", " storage@bond0: ", " mtu 1300 "},
		{"address of the VLAN", ": storage ", " 198.51.100.10/24 "},
		{"VLAN as a port", " switched@bond0: ", " master br0 "},
		{"card as a port", " b0@", " master br0 "},
		{"bridge", " br0: ", " stp_state 0 "},
		{"bridge with a spanning tree", " tree: ", " stp_state 1 "},
		{"address of the bridge", ": br0 ", " 203.0.113.65/26 "},
	} {
		found := false
		for line := range strings.Lines(state) {
			line = " " + line
			found = found || strings.Contains(line, want.first) && strings.Contains(line, want.second)
		}
		if !found {
			t.Errorf("%s: no line has %q and %q", want.what, want.first, want.second)
		}
	}
	if t.Failed() {
		t.Log(state)
		t.Log(log)
	}
}
