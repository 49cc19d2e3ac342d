package vm

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// mapped makes a device-mapper device; the table has placeholders.
func (g *guest) mapped(name, table string, options ...string) string {
	g.Helper()
	g.do("dmsetup", append([]string{"create", name, "--table", g.fill(table)}, options...)...)
	g.Cleanup(func() {
		_ = exec.Command("udevadm", "settle").Run()
		_ = exec.Command("dmsetup", "remove", "--retry", name).Run()
	})
	g.do("udevadm", "settle")
	return "/dev/mapper/" + name
}

// zfs writes what makes a disk look like part of a ZFS pool: the magics of uberblocks in
// the rings of all four labels (OpenZFS, module/zfs/vdev_label.c).
func (g *guest) zfs(device string, mib int64) {
	g.Helper()
	const label, ring = 256 << 10, 128 << 10
	f, err := os.OpenFile(g.fill(device), os.O_WRONLY, 0)
	g.check(err)
	size := mib << 20
	for _, at := range []int64{0, label, size - 2*label, size - label} {
		for i := range int64(16) {
			_, err := f.WriteAt([]byte{0x0c, 0xb1, 0xba, 0, 0, 0, 0, 0, 0x88, 0x13}, at+ring+i<<10)
			g.check(err)
		}
	}
	g.check(f.Sync())
	g.check(f.Close())
	g.do("udevadm", "settle")
}

// replacesZFS makes a file system where a pool was.
func replacesZFS(format, options string) func(*guest) {
	return func(g *guest) {
		g.disk(320, "")
		g.zfs("$disk0", 320)
		g.is("$disk0", "TYPE=zfs_member")
		g.storage(`"filesystems":[{"device":"$disk0","format":"` + format + `","wipeFilesystem":true` + options + `}]`)
		g.passes("disks")
		g.is("$disk0", "TYPE="+format)
		if said := g.do("wipefs", g.names[0]); strings.Contains(said, "zfs") {
			g.Errorf("traces are left:\n%s", said)
		}
	}
}

// troubleCases are about disks that fail, or that belong to somebody.
var troubleCases = []scenario{
	{"filesystem.create.zfs.canned", func(g *guest) {
		g.disk(320, "")
		g.zfs("$disk0", 320)
		g.is("$disk0", "TYPE=zfs_member")
		g.storage(`"files":[]`)
		g.passes("disks")
		g.is("$disk0", "TYPE=zfs_member")
	}},
	{"filesystem.create.zfs.ext4", replacesZFS("ext4", `,"options":["-E","nodiscard"]`)},
	{"filesystem.create.zfs.xfs", replacesZFS("xfs", `,"options":["-K"]`)},
	{"filesystem.create.zfs.vfat", replacesZFS("vfat", "")},
	{"filesystem.reuse.ambivalent", func(g *guest) {
		g.disk(320, "")
		g.made("$disk0", "mkfs.ext4", "-q", "-L", "some-label", "-U", someUUID)
		g.zfs("$disk0", 320)
		g.storage(`"filesystems":[{"device":"$disk0","format":"ext4","label":"some-label","uuid":"` + someUUID + `"}]`)
		if said := g.passes("disks"); !strings.Contains(said, "traces of other file systems") {
			g.Errorf("there is no warning:\n%s", said)
		}
		// mount(8) wants to be told which of the two it is
		dir := g.TempDir()
		g.do("mount", "-t", "ext4", g.names[0], dir)
		if _, err := os.Stat(filepath.Join(dir, "old")); err != nil {
			g.Error(err)
		}
		g.do("umount", dir)
	}},
	{"signatures in conflict are refused with all their names", func(g *guest) {
		g.disk(64, "")
		g.made("$disk0", "mkfs.ext4", "-q")
		g.zfs("$disk0", 64)
		g.storage(`"filesystems":[{"device":"$disk0","format":"xfs"}]`)
		g.fails("disks", "zfs_member", "ext4", "wipeFilesystem: true")
	}},
	{"files.verification.badhash.dataurl on a file system of the config", func(g *guest) {
		g.disk(64, "")
		g.made("$disk0", "mkfs.fat")
		g.storage(`"filesystems":[{"device":"$disk0","format":"ext4","path":"/tmp0","wipeFilesystem":true}],
			"files":[{"path":"/tmp0/test","contents":{"source":"data:,asdf","verification":{"hash":"sha512-` + strings.Repeat("0", 128) + `"}}}]`)
		g.passes("disks", "mount")
		if r := g.stage("files"); r.exit != 1 || !strings.Contains(r.said, "hash does not match") {
			g.Errorf("ended with %d:\n%s", r.exit, r.said)
		}
		g.passes("umount")
		g.hasFile("$disk0", "test", false)
	}},
	{"udev that does not answer", func(g *guest) {
		g.disk(64, "")
		g.storage(`"disks":[{"device":"$disk0","partitions":[{"label":"slow"}]}]`)
		g.env = []string{"IGNITION_TOOL_TIMEOUT=2s"}
		g.do("pkill", "-STOP", "-x", "systemd-udevd")
		r := g.stage("disks")
		g.do("pkill", "-CONT", "-x", "systemd-udevd")
		if r.exit != 1 || !strings.Contains(r.said, g.fill("wait for udev: it has not looked at $disk0 within 2s")) {
			g.Errorf("ended with %d:\n%s", r.exit, r.said)
		}
		g.env = nil
		g.passes("disks")
		g.links("by-partlabel/slow", "$disk0p1")
	}},
	{"a disk that cannot be written", func(g *guest) {
		g.disk(64, "", "-r")
		for body, why := range map[string]string{
			`"disks":[{"device":"$disk0","partitions":[{"number":1}]}]`:  "disk $disk0",
			`"filesystems":[{"device":"$disk0","format":"ext4"}]`:        "filesystem $disk0",
			`"luks":[{"name":"x","device":"$disk0",` + quick + `}]`:      "LUKS volume x",
			`"raid":[{"name":"x","level":"raid0","devices":["$disk0"]}]`: "RAID x",
		} {
			g.storage(body)
			g.fails("disks", why, "asked by: storage.", "read-only")
		}
	}},
	{"errors of a disk are reported with the words of the program", func(g *guest) {
		g.disk(128, "")
		// the first MiB can be read; what is behind it fails
		bad := g.mapped("bad", fmt.Sprintf("0 2048 linear $disk0 0\n2048 %d error", 128<<11-2048))
		g.names = nil // sums of it fail
		g.storage(`"filesystems":[{"device":"` + bad + `","format":"ext4"}]`)
		r := g.stage("disks")
		if r.exit != 1 || !strings.Contains(r.said, "asked by: storage.filesystems[0]") || !strings.Contains(strings.ToLower(r.said), "input/output error") {
			g.Errorf("ended with %d:\n%s", r.exit, r.said)
		}
	}},
	{"writes that fail end the stage, and a run on a mended disk succeeds", func(g *guest) {
		g.disk(128, "")
		length := 128 << 11
		flaky := g.mapped("flaky", fmt.Sprintf("0 %d flakey $disk0 0 0 3600 1 error_writes", length))
		disk := g.names
		g.names = nil
		g.storage(`"filesystems":[{"device":"` + flaky + `","format":"ext4","label":"data"}]`)
		if r := g.stage("disks"); r.exit != 1 || !strings.Contains(r.said, "asked by: storage.filesystems[0]") {
			g.Errorf("ended with %d:\n%s", r.exit, r.said)
		}
		g.names = disk
		g.do("dmsetup", "suspend", "flaky")
		g.do("dmsetup", "load", "flaky", "--table", g.fill(fmt.Sprintf("0 %d linear $disk0 0", length)))
		g.do("dmsetup", "resume", "flaky")
		g.passes("disks")
		g.is(flaky, "TYPE=ext4", "LABEL=data")
	}},
	{"a device that vanishes", func(g *guest) {
		g.disk(64, "")
		gone := g.names[0]
		g.storage(`"filesystems":[{"device":"$disk0","format":"ext4"}]`)
		g.do("losetup", "-d", gone)
		g.names = nil
		if r := g.stage("disks"); r.exit != 1 || !strings.Contains(r.said, "asked by: storage.filesystems[0]") {
			g.Errorf("ended with %d:\n%s", r.exit, r.said)
		}
	}},
	{"members of LVM, ZFS and bcache are left alone", func(g *guest) {
		g.disk(64, "")
		g.disk(64, "")
		g.disk(64, "")
		g.zfs("$disk0", 64)
		g.do("make-bcache", "-B", g.names[1])
		// the label of a physical volume and its sum: lvm2, lib/format_text/layout.h
		pv := make([]byte, 1024)
		copy(pv[512:], "LABELONE\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x20\x00\x00\x00LVM2 001")
		copy(pv[512+32:], strings.Repeat("x", 32)) // its UUID
		binary.LittleEndian.PutUint32(pv[512+16:], ^crc32.Update(^uint32(0xf597a6cf), crc32.IEEETable, pv[512+20:]))
		g.check(os.WriteFile(filepath.Join(g.dir, "pv"), pv, 0o600))
		g.do("dd", "if="+filepath.Join(g.dir, "pv"), "of="+g.names[2], "conv=notrunc,fsync")
		for disk, format := range map[string]string{"$disk0": "zfs_member", "$disk1": "bcache", "$disk2": "LVM2_member"} {
			for _, body := range []string{
				`"filesystems":[{"device":"` + disk + `","format":"ext4"}]`,
				`"luks":[{"name":"x","device":"` + disk + `"}]`,
				`"raid":[{"name":"x","level":"raid0","devices":["` + disk + `"]}]`,
				`"disks":[{"device":"` + disk + `","partitions":[{"number":1}]}]`,
			} {
				g.storage(body)
				g.fails("disks", format)
			}
		}
	}},
	{"swap in use is left alone", func(g *guest) {
		g.disk(64, "")
		g.do("mkswap", g.names[0])
		g.do("swapon", g.names[0])
		defer g.do("swapoff", g.names[0])
		g.storage(`"filesystems":[{"device":"$disk0","format":"ext4","wipeFilesystem":true}]`)
		if r := g.stage("disks"); r.exit != 1 || !strings.Contains(r.said, "used as swap") {
			g.Errorf("ended with %d:\n%s", r.exit, r.said)
		}
	}},
	{"paths of a multipath device are left alone, the device itself is used", func(g *guest) {
		g.disk(64, "")
		number := strings.TrimSpace(g.do("lsblk", "-dno", "MAJ:MIN", g.names[0]))
		mpath := g.mapped("mpatha", fmt.Sprintf("0 %d multipath 0 0 1 1 round-robin 0 1 1 %s 1", 64<<11, number), "--uuid", "mpath-3600")
		g.storage(`"filesystems":[{"device":"$disk0","format":"ext4","wipeFilesystem":true}]`)
		g.fails("disks", "filesystem $disk0: the device is in use", "a path of multipath device mpatha")
		g.storage(`"disks":[{"device":"$disk0","wipeTable":true}]`)
		g.fails("disks", "a path of multipath device mpatha")
		g.Cleanup(func() { g.do("kpartx", "-d", mpath) })
		config := `"disks":[{"device":"` + mpath + `","partitions":[{"number":1,"sizeMiB":16,"label":"one"},{"number":2,"label":"two"}]}]`
		g.storage(config + `,"filesystems":[{"device":"/dev/disk/by-id/dm-uuid-part1-mpath-3600","format":"ext4"}]`)
		g.passes("disks")
		g.is("/dev/disk/by-id/dm-uuid-part1-mpath-3600", "TYPE=ext4", "PART_ENTRY_NAME=one")
		if table := g.do("dmsetup", "table", "/dev/disk/by-id/dm-uuid-part2-mpath-3600"); !strings.HasPrefix(table, fmt.Sprintf("0 %d linear", 64<<11-34816-33)) {
			g.Errorf("the second partition is %s", table)
		}
		if said := g.passes("disks"); strings.Contains(said, `"kpartx"`) {
			g.Errorf("a second run changes the table:\n%s", said)
		}
	}},
	{"a mount whose source nobody can find is no reason to stop", func(g *guest) {
		g.disk(64, "")
		for _, source := range []string{"/dev/root", "//server/share"} {
			dir := g.TempDir()
			g.do("mount", "-t", "tmpfs", source, dir)
			defer g.do("umount", dir)
		}
		g.storage(`"disks":[{"device":"$disk0","wipeTable":true,"partitions":[{"number":1,"sizeMiB":8}]}]`)
		g.passes("disks")
		g.has(0, "1 1+8")
	}},
	{"two partitions with one label are refused", func(g *guest) {
		g.disk(64, "label: gpt\n1: start=1MiB, size=8MiB, name=twin\n2: start=9MiB, size=8MiB, name=twin\n")
		g.storage(`"disks":[{"device":"$disk0","partitions":[{"label":"twin","sizeMiB":8}]}]`)
		g.fails("disks", "twin")
	}},
	{"a table that is full", func(g *guest) {
		const entries = 12 // a plan for 128 is a matter of internal/blockdev/gpt; udev takes minutes for them here
		script := fmt.Sprintf("label: gpt\ntable-length: %d\n", entries)
		for i := range entries {
			script += fmt.Sprintf("%d: start=%d, size=2048, name=p%d\n", i+1, 2048*(i+1), i+1)
		}
		g.disk(32, script)
		g.storage(`"disks":[{"device":"$disk0","partitions":[{"label":"more","sizeMiB":1}]}]`)
		g.fails("disks", strconv.Itoa(entries))
		before := g.do("sgdisk", "-p", g.names[0])
		g.storage(`"disks":[{"device":"$disk0","partitions":[{"number":12,"label":"last","sizeMiB":1,"startMiB":12,"wipePartitionEntry":true},
			{"number":6,"shouldExist":false,"wipePartitionEntry":true},{"label":"new","sizeMiB":4,"wipePartitionEntry":true}]}]`)
		g.passes("disks")
		now := g.do("sgdisk", "-p", g.names[0])
		for n := range entries - 1 {
			if line := regexp.MustCompile(fmt.Sprintf(`(?m)^.* p%d$`, n+1)).FindString(before); n+1 != 6 && (line == "" || !strings.Contains(now, line+"\n")) {
				g.Errorf("partition %d was %q, the table is %s", n+1, line, now)
			}
		}
		for _, label := range []string{" new\n", " last\n"} {
			if !strings.Contains(now, label) {
				g.Errorf("there is no %q: %s", label, now)
			}
		}
	}},
	{"a program that hangs is ended with the stage", func(g *guest) {
		g.disk(64, "")
		bin := g.TempDir()
		g.check(os.WriteFile(filepath.Join(bin, "mkfs.ext4"), []byte("#!/bin/sh\necho waiting for godot >&2\nexec sleep 1000\n"), 0o755))
		g.env = []string{"PATH=" + bin + ":" + os.Getenv("PATH")}
		g.storage(`"filesystems":[{"device":"$disk0","format":"ext4"}]`)
		done := make(chan struct{})
		go func() {
			defer close(done)
			g.stage("disks")
		}()
		for exec.Command("pgrep", "-f", "sleep 1000").Run() != nil { // the time limit of the test ends this
			select {
			case <-done:
				g.Fatal("the stage has ended")
			default:
			}
		}
		g.do("pkill", "-TERM", "-x", "ignition")
		<-done
		if exec.Command("pgrep", "-f", "sleep 1000").Run() == nil {
			g.Error("the program is still there")
		}
	}},
}
