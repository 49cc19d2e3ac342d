package vm

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// preflightCases are about what is found before the first write, and what is left alone.
var preflightCases = []scenario{
	{"everything that is wrong is reported at once", func(g *guest) {
		g.disk(64, "label: gpt\n1: start=1MiB, size=8MiB, name=a\n")
		g.disk(64, "", "-r")
		g.disk(64, "label: dos\nsize=32MiB\n")
		g.disk(64, "")
		g.made("$disk3", "mkfs.ext4", "-q")
		tools := g.TempDir()
		for _, name := range []string{"wipefs", "udevadm", "mkfs.ext4"} {
			g.check(os.Symlink(strings.TrimSpace(g.do("which", name)), filepath.Join(tools, name)))
		}
		g.env = []string{"PATH=" + tools}
		g.storage(`"disks":[{"device":"$disk0","partitions":[{"number":1,"label":"b"},{"number":2,"startMiB":4,"sizeMiB":8},{"number":3,"sizeMiB":100}]},
			{"device":"$disk1","wipeTable":true},{"device":"$disk2","partitions":[{"number":3}]},{"device":"/dev/gone0","wipeTable":true}],
			"raid":[{"name":"r","level":"raid1","devices":["/dev/gone1","/dev/gone2"]}],
			"luks":[{"name":"l","device":"/dev/gone3","clevis":{"tpm2":true}}],
			"filesystems":[{"device":"$disk3","format":"xfs"},{"device":"/dev/gone4","format":"btrfs"}]`)
		said := g.fails("disks",
			`disk $disk0: 3 conflicts: partition 1 "a": it exists and differs: label is "a", wanted "b"; partition 2: sectors 8192 to 24575 are not free`,
			"partition 3: sectors", "disk $disk1: the device is read-only", "disk $disk2: the disk has a DOS partition table", "disk /dev/gone0: the device is not there",
			"RAID r: find mdadm: the program is not installed", // some partition may become its members
			"LUKS volume l: find cryptsetup: the program is not installed; find clevis: the program is not installed; the machine has no TPM 2",
			"filesystem $disk3: something else is on the device: ext4", "filesystem /dev/gone4: find mkfs.btrfs: the program is not installed",
			"turn it on in the firmware", "its package is usually clevis", "its package is usually cryptsetup",
			"The disks of this machine: $disk0 (0.1 GiB), $disk1 (0.1 GiB)")
		if n := strings.Count(said, "asked by: storage."); n != 8 {
			g.Errorf("%d problems, want 8:\n%s", n, said)
		}
	}},
	{"all that hold a disk are named", func(g *guest) {
		g.disk(80, "label: gpt\nsize=8MiB\nsize=8MiB\nsize=32MiB\nsize=8MiB\nsize=8MiB\n")
		g.mapped("lin", "0 10000 linear $disk0p1 0")
		loop := strings.TrimSpace(g.do("losetup", "-f", "--show", g.fill("$disk0p2")))
		defer g.do("losetup", "-d", loop)
		g.volume("$disk0p3")
		g.do("cryptsetup", "open", g.fill("$disk0p3"), "held", "--key-file", filepath.Join(g.dir, "key"))
		defer g.do("cryptsetup", "close", "held")
		g.do("mkswap", g.fill("$disk0p4"))
		g.do("swapon", g.fill("$disk0p4"))
		defer g.do("swapoff", g.fill("$disk0p4"))
		g.do("mkfs.ext4", "-q", g.fill("$disk0p5"))
		dir := g.TempDir()
		g.do("mount", g.fill("$disk0p5"), dir)
		defer g.do("umount", dir)
		g.do("sync")
		by := []string{"used by device-mapper device lin", "behind loop device " + filepath.Base(loop), "opened as encrypted volume held", "used as swap", "mounted at " + dir}
		g.storage(`"disks":[{"device":"$disk0","wipeTable":true}]`)
		g.fails("disks", "$disk0p1 is "+by[0]+", $disk0p2 is "+by[1]+", $disk0p3 is "+by[2]+", $disk0p4 is "+by[3]+", $disk0p5 is "+by[4])
		// a loop device claims nothing: the kernel would let a program overwrite what is behind it
		var all, says []string
		for i := range by {
			all = append(all, fmt.Sprintf(`{"device":"$disk0p%d","format":"ext4","wipeFilesystem":true}`, i+1))
			says = append(says, fmt.Sprintf("filesystem $disk0p%d: the device is in use", i+1), fmt.Sprintf("$disk0p%d is %s", i+1, by[i]))
		}
		g.storage(`"filesystems":[` + strings.Join(all, ",") + `],"luks":[{"name":"new","device":"$disk0p2","wipeVolume":true}]`)
		g.fails("disks", append(says, "LUKS volume new: the device is in use")...)
	}},
	{"an open volume that somebody uses is found before the first write", func(g *guest) {
		g.disk(64, "")
		g.disk(64, "")
		g.made("$disk1", "mkfs.ext4", "-q")
		g.volume("$disk0")
		g.do("cryptsetup", "open", g.names[0], "secret", "--key-file", filepath.Join(g.dir, "key"))
		g.closing("secret")
		g.do("mkfs.ext4", "-q", "/dev/mapper/secret")
		dir := g.TempDir()
		g.do("mount", "/dev/mapper/secret", dir)
		defer g.do("umount", dir)
		g.do("sync")
		g.storage(`"luks":[{"name":"secret","device":"$disk0","wipeVolume":true,"keyFile":{"source":"data:,key"},` + quick + `}],"filesystems":[{"device":"$disk1","format":"ext4","wipeFilesystem":true}]`)
		if said := g.fails("disks", "is mounted at "+dir); strings.Contains(said, "[started]") {
			g.Errorf("something was begun:\n%s", said)
		}
	}},
	{"what lies in the place of a new partition is found before its table is written", func(g *guest) {
		g.disk(128, "label: gpt\n1: start=1MiB, size=32MiB, name=old\n")
		g.made("$disk0p1", "mkfs.ext4", "-q", "-L", "mine")
		table := `"disks":[{"device":"$disk0","wipeTable":true,"partitions":[{"number":1,"label":"data","sizeMiB":32},{"number":2,"label":"more","sizeMiB":32}]}],`
		for body, kind := range map[string]string{
			`"filesystems":[{"device":"/dev/disk/by-partlabel/data","format":"vfat"}]`:                 "filesystem /dev/disk/by-partlabel/data",
			`"filesystems":[{"device":"/dev/disk/by-partlabel/data","format":"ext4","label":"other"}]`: "filesystem /dev/disk/by-partlabel/data",
			`"filesystems":[{"device":"$disk0p1","format":"none"}]`:                                    "filesystem $disk0p1",
			`"luks":[{"name":"x","device":"/dev/disk/by-partlabel/data"}]`:                             "LUKS volume x",
		} {
			g.storage(table + body)
			if said := g.fails("disks", kind+`: something else is on the device, in the place of the new partition: ext4 labelled "mine"`); strings.Contains(said, "[started]") {
				g.Errorf("something was begun:\n%s", said)
			}
		}
		// without wipeTable, nobody allows to wipe the members of an array either
		g.do("sfdisk", "--delete", g.names[0])
		g.do("udevadm", "settle")
		g.storage(strings.Replace(table, `"wipeTable":true,`, "", 1) + `"raid":[{"name":"r","level":"raid1","devices":["/dev/disk/by-partlabel/data","/dev/disk/by-partlabel/more"]}]`)
		g.fails("disks", "RAID r: member /dev/disk/by-partlabel/data: something else is on the device, in the place of the new partition: ext4")
		g.storage(table + `"filesystems":[{"device":"/dev/disk/by-partlabel/data","format":"ext4","label":"mine"},{"device":"/dev/disk/by-partlabel/more","format":"vfat"}]`)
		g.passes("disks")
		g.hasFile("$disk0p1", "old", true)
		g.is("$disk0p2", "TYPE=vfat")
	}},
	{"a damaged copy of a table is repaired with a warning, and what nobody names stays", func(g *guest) {
		const mib = 100
		for i, at := range []int{0, 1, 2, mib<<11 - 33, mib<<11 - 1} {
			g.disk(mib, base)
			disk := g.names[i]
			g.do("sgdisk", "-A", "6:set:60", "-A", "9:set:2", disk)
			sixth := g.do("sgdisk", "-i", "6", disk)
			g.do("dd", "if=/dev/urandom", "of="+disk, "bs=512", fmt.Sprint("seek=", at), "count=1", "conv=notrunc,fsync")
			g.storage(fmt.Sprintf(`"disks":[{"device":"$disk%d","partitions":[{"number":9,"sizeMiB":20,"resize":true},{"number":2,"label":"n","sizeMiB":8}]}]`, i))
			if said := g.passes("disks"); !strings.Contains(said, "WARNING") || !strings.Contains(said, "; it is repaired") {
				g.Errorf("sector %d: no warning:\n%s", at, said)
			}
			g.has(i, "1 2+16 EFI-SYSTEM", "2 54+8 n", "6 18+16 OEM", "9 34+20 ROOT")
			if said := g.do("sgdisk", "-v", disk); !strings.Contains(said, "No problems found") {
				g.Errorf("sector %d: %s", at, said)
			}
			if g.do("sgdisk", "-i", "6", disk) != sixth || !strings.Contains(g.do("sgdisk", "-i", "9", disk), "Attribute flags: 0000000000000004") {
				g.Errorf("sector %d: another partition was touched", at)
			}
		}
	}},
	{"a hybrid MBR stays, and so does what it has", func(g *guest) {
		g.disk(100, base)
		g.do("sgdisk", "--hybrid", "1:6", g.names[0])
		g.do("udevadm", "settle")
		boot := func() string { return g.do("sh", "-c", "head -c 512 "+g.names[0]+" | sha256sum") }
		before := boot()
		g.storage(`"disks":[{"device":"$disk0","partitions":[{"number":9,"sizeMiB":20,"resize":true},{"number":2,"label":"n","sizeMiB":8}]}]`)
		g.passes("disks")
		g.has(0, "1 2+16 EFI-SYSTEM", "2 54+8 n", "6 18+16 OEM", "9 34+20 ROOT")
		if boot() != before {
			g.Error("it is another")
		}
		g.storage(`"disks":[{"device":"$disk0","partitions":[{"number":1,"shouldExist":false,"wipePartitionEntry":true}]}]`)
		g.fails("disks", `partition 1 "EFI-SYSTEM": the hybrid MBR has these sectors`)
	}},
	{"what nobody names stays in a table of sectors of 4096 bytes", func(g *guest) {
		g.disk(200, "", "-b", "4096")
		g.do("sh", "-c", `printf 'label: gpt\n1: start=10240, size=2560, name=five\n' | sfdisk -q "$0"`, g.names[0])
		g.do("udevadm", "settle")
		before := g.do("sgdisk", "-i", "1", g.names[0])
		g.storage(`"disks":[{"device":"$disk0","partitions":[{"label":"n","sizeMiB":8},{"number":9,"startMiB":120,"sizeMiB":0}]}]`)
		g.passes("disks")
		if g.do("sgdisk", "-i", "1", g.names[0]) != before {
			g.Error("the partition was touched")
		}
		if said := g.do("sgdisk", "-v", g.names[0]); !strings.Contains(said, "No problems found") {
			g.Error(said)
		}
	}},
	{"labels with everything in them neither lead elsewhere nor reach a terminal", func(g *guest) {
		g.disk(128, "")
		g.disk(64, "")
		g.closing("..x")
		g.storage(`"disks":[{"device":"$disk0","partitions":[{"number":1,"label":"../../x\n\u001b[31m\u0007 \"$(id)` + "`id`" + `%s","sizeMiB":32}]}],
			"filesystems":[{"device":"$disk1","format":"ext4","label":"../a\n\u001b$(id)"}],
			"luks":[{"name":"..x","device":"$disk0p1","label":"../\n\u001b[1m","keyFile":{"source":"data:,k"},` + quick + `}]`)
		said := g.passes("disks")
		for link, want := range map[string]string{`by-partlabel/..\x2f..\x2fx\x0a\x1b\x5b31m\x07\x20\x22\x24\x28id\x29\x60id\x60\x25s`: "p1", `by-label/..\x2f\x0a\x1b\x5b1m`: "p1"} {
			if got, err := filepath.EvalSymlinks("/dev/disk/" + link); err != nil || got != g.names[0]+want {
				g.Errorf("%s leads to %q, %v", link, got, err)
			}
		}
		g.storage(`"filesystems":[{"device":"$disk1","format":"vfat"}]`)
		said += g.fails("disks", `something else is on the device: ext4 labelled "../a\n\x1b$(id)"`)
		g.do("cryptsetup", "close", "..x")
		g.check(os.WriteFile(filepath.Join(g.dir, "plan.ign"), []byte(g.fill(`{"ignition":{"version":"3.5.0"},"storage":{"disks":[{"device":"$disk0","wipeTable":true}]}}`)), 0o600))
		said += g.ignition("plan", "--root", g.root, filepath.Join(g.dir, "plan.ign")).said
		if strings.ContainsAny(said, "\x1b\x07") || strings.Contains(said, "/x\n") {
			g.Errorf("a label came through: %q", said)
		}
	}},
}
