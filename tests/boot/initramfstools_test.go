package boot

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestInitramfsTools boots with the initramfs that Debian and Ubuntu have when nobody
// chose another: no systemd in it, and here no busybox either.
func TestInitramfsTools(t *testing.T) {
	need(t)
	t.Parallel()
	img := newImage(t).withClassic().armed(t)
	keys := newTang(t)
	all := config(disks, keys.sealed(seen(keys.serve(t, "127.0.0.1:0"))), part{
		disks: []string{`{"device":"/dev/disk/by-id/virtio-more","wipeTable":true,"partitions":[{"number":1,"label":"sealed"}]}`},
	})
	asked := append([]string{
		"vault: inside /dev/mapper/vault ext4", "crypttab: sealed luks,_netdev,x-initrd.attach vault luks,x-initrd.attach ", "data: besides /dev/vdb2 ext4", "user: uid=1000(core) gid=1000(core) groups=1000(core),4(adm)",
	}, onSealed...)

	// The root file system has a stamp, so that the boot loader need not say anything.
	t.Run("a broken config stops the boot and says where; mended, all is as asked, once", func(t *testing.T) {
		t.Parallel()
		m := newMachine(t, img)
		m.addDisk("data", 512<<20)
		m.addDisk("more", 256<<20)
		m.connect()
		console, report := m.boot(strings.Replace(all, `"mode":448`, `"mode":"0700"`, 1), first)
		if report != "" {
			t.Errorf("the machine came up:\n%s", report)
		}
		for _, want := range []string{"==== This machine was not provisioned ====", ":4:44", "storage.directories[0].mode"} {
			if !strings.Contains(console, want) {
				t.Errorf("the console does not show %q:\n%s", want, console)
			}
		}
		if strings.Contains(console, "s3cret") {
			t.Error("the console shows contents of the config")
		}

		m.startTPM()
		console, report = m.boot(all, "")
		expect(t, console, report, append(asked, "stamp: firstboot.done", "keys: 600 core", "file: 600 1000:0 s3cret", "unit: enabled NAME=kindled",
			"mounts: ", `result: 600 "userConfigProvided": true`, "stages: 6")...)
		// the config is still there, and nothing looks for it; the volumes open
		m.startTPM()
		console, report = m.boot(all, "")
		expect(t, console, report, append(asked, "stages: 0")...)
	})
}

// endingClassic makes the end of provisioning the end of the boot, without systemd.
var endingClassic = []overlayFile{
	{path: "scripts/init-bottom/ORDER", contents: "/scripts/init-bottom/ignition \"$@\"\n/scripts/init-bottom/report\n"},
	{path: "scripts/init-bottom/report", executable: true, contents: `#!/bin/sh
exec >/dev/ttyS1 2>&1
echo "marker: $(cat /root/etc/marker)"
for file in /run/net-*.conf; do
	. "$file"
	echo "address: $IPV4ADDR"
done
echo o >/proc/sysrq-trigger
sleep 600
`},
}

// TestInitramfsToolsNetwork gets configs over the network, which nothing else wants.
func TestInitramfsToolsNetwork(t *testing.T) {
	need(t)
	img := newImage(t).withClassic()
	path := filepath.Join(t.TempDir(), "initrd.img")
	with(t, img.Initramfs, path, endingClassic)
	img.Initramfs = path
	for _, c := range []struct{ name, argument, address string }{
		{"the network of initramfs-tools, on demand", "", "10.0.2.15"}, // what QEMU gives by DHCP
		{"the network of initramfs-tools, as the command line says", "ip=10.0.2.77::10.0.2.2:255.255.255.0:::off ", "10.0.2.77"},
	} {
		t.Run(c.name, func(t *testing.T) {
			unhurried(t)
			t.Parallel()
			m := newMachine(t, img)
			m.connect()
			console, report := m.boot("", c.argument+"ignition.firstboot ignition.platform.id=metal ignition.config.url="+newWorld(t).good)
			expect(t, console, report, "marker: there", "address: "+c.address)
		})
	}
}
