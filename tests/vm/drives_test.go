package vm

import (
	"os"
	"path/filepath"
	"strings"
	"time"
)

const driveConfig = `{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/etc/from-the-drive"}]}}`

// drive attaches a config drive of a format that clouds make, with one file.
func (g *guest) drive(format, label, file string) {
	g.Helper()
	tree := filepath.Join(g.dir, "tree")
	g.check(os.MkdirAll(filepath.Dir(filepath.Join(tree, file)), 0o755))
	g.check(os.WriteFile(filepath.Join(tree, file), []byte(driveConfig), 0o600))
	image := filepath.Join(g.dir, "drive")
	switch format {
	case "iso9660":
		g.do("xorriso", "-as", "mkisofs", "-quiet", "-V", label, "-J", "-r", "-o", image, tree)
	case "vfat":
		g.check(os.WriteFile(image, make([]byte, 8<<20), 0o600))
		g.do("mkfs.vfat", "-n", label, image)
		above := ""
		for part := range strings.SplitSeq(strings.Trim(filepath.Dir(file), "."), "/") {
			if above += "/" + part; part != "" {
				g.do("mmd", "-i", image, "::"+above)
			}
		}
		g.do("mcopy", "-i", image, filepath.Join(tree, file), "::/"+file)
	}
	node := strings.TrimSpace(g.do("losetup", "-r", "-f", "--show", image))
	g.Cleanup(func() { g.do("losetup", "-d", node); g.do("udevadm", "settle") })
	g.do("udevadm", "settle")
	link := filepath.Join("/dev/disk/by-label", label)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(link); err == nil {
			return
		}
		if time.Now().After(end) {
			g.Fatalf("udev has made no link %s", link)
		}
	}
}

// found runs the stage fetch-offline, which must find the config of the drive.
func (g *guest) found(platform string) {
	g.Helper()
	cache := filepath.Join(g.dir, "ignition.json")
	r := g.ignition("-platform="+platform, "--stage=fetch-offline", "--root="+g.root, "--log-to-stdout",
		"--config-cache", cache, "--state-file", filepath.Join(g.dir, "state"), "--neednet", filepath.Join(g.dir, "neednet"))
	data, _ := os.ReadFile(cache)
	if r.exit != 0 || !strings.Contains(string(data), "/etc/from-the-drive") {
		g.Errorf("status %d, the cache is %q:\n%s", r.exit, data, r.said)
	}
	if mounts, _ := os.ReadFile("/proc/mounts"); strings.Contains(string(mounts), "ignition-configdrive") {
		g.Errorf("the drive is still mounted:\n%s", mounts)
	}
}

// driveCases are about config drives as clouds make them, with udev's links.
var driveCases = []scenario{
	{"drive.iso9660.config-2", func(g *guest) {
		g.drive("iso9660", "config-2", "openstack/latest/user_data")
		g.found("nutanix")
	}},
	{"drive.vfat.config-2", func(g *guest) {
		g.drive("vfat", "CONFIG-2", "openstack/latest/user_data")
		g.found("kubevirt")
	}},
	{"drive.iso9660.cidata", func(g *guest) {
		g.drive("iso9660", "cidata", "user-data")
		g.found("nocloud")
	}},
	{"drive.vfat.cidata", func(g *guest) {
		g.drive("vfat", "CIDATA", "vendor-data")
		g.found("proxmoxve")
	}},
}
