package vm

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const someUUID = "2d16bd7d-ee30-4a5f-8c1c-2b3b6a8a7f01"

// made makes a file system with one file in it.
func (g *guest) made(device, tool string, args ...string) {
	g.Helper()
	g.do(tool, append(args, g.fill(device))...)
	if tool == "mkswap" {
		return
	}
	g.with(device, func(dir string) { g.check(os.WriteFile(filepath.Join(dir, "old"), []byte("old"), 0o600)) })
}

// filesystemCases are about the disks stage and file systems on whole disks.
var filesystemCases = []scenario{
	{"filesystem.create.wipe.sametype", func(g *guest) {
		g.disk(64, "")
		g.made("$disk0", "mkfs.ext4", "-q")
		g.storage(`"filesystems":[{"device":"$disk0","format":"ext4","path":"/boot","wipeFilesystem":true}]`)
		g.passes("disks")
		g.is("$disk0", "TYPE=ext4")
		g.hasFile("$disk0", "old", false)
	}},
	{"filesystem.create.ext4.wipe", func(g *guest) {
		g.disk(64, "")
		g.made("$disk0", "mkfs.ext2", "-q")
		g.storage(`"filesystems":[{"device":"$disk0","format":"ext4","label":"data","uuid":"` + someUUID + `","wipeFilesystem":true}]`)
		g.passes("disks")
		g.is("$disk0", "TYPE=ext4", "LABEL=data", "UUID="+someUUID)
	}},
	{"filesystem.create.xfs.wipe", func(g *guest) {
		g.disk(320, "")
		g.made("$disk0", "mkfs.ext4", "-q")
		g.storage(`"filesystems":[{"device":"$disk0","format":"xfs","label":"data","uuid":"` + someUUID + `","wipeFilesystem":true}]`)
		g.passes("disks")
		g.is("$disk0", "TYPE=xfs", "LABEL=data", "UUID="+someUUID)
	}},
	{"filesystem.create.btrfs.wipe", func(g *guest) {
		g.disk(128, "")
		g.made("$disk0", "mkfs.ext4", "-q")
		g.storage(`"filesystems":[{"device":"$disk0","format":"btrfs","label":"data","uuid":"` + someUUID + `","wipeFilesystem":true}]`)
		g.passes("disks")
		g.is("$disk0", "TYPE=btrfs", "LABEL=data", "UUID="+someUUID)
	}},
	{"filesystem.create.vfat.wipe", func(g *guest) {
		g.disk(64, "")
		g.made("$disk0", "mkfs.ext4", "-q")
		g.storage(`"filesystems":[{"device":"$disk0","format":"vfat","label":"EFI","uuid":"2e24ec82","wipeFilesystem":true}]`)
		g.passes("disks")
		g.is("$disk0", "TYPE=vfat", "LABEL=EFI", "UUID=2E24-EC82")
	}},
	{"filesystem.create.swap.wipe", func(g *guest) {
		g.disk(64, "")
		g.made("$disk0", "mkfs.ext2", "-q")
		g.storage(`"filesystems":[{"device":"$disk0","format":"swap","label":"swap","uuid":"` + someUUID + `","path":"/ignored","wipeFilesystem":true}]`)
		g.passes("disks", "mount", "umount")
		g.is("$disk0", "TYPE=swap", "LABEL=swap", "UUID="+someUUID)
	}},
	{"filesystem.create.multipledisks", func(g *guest) {
		var list []string
		for i := range 4 {
			g.disk(32, "")
			list = append(list, `{"device":"$disk`+string(rune('0'+i))+`","format":"ext4"}`)
		}
		g.storage(`"filesystems":[` + strings.Join(list, ",") + `]`)
		g.passes("disks")
		for i := range 4 {
			g.is("$disk"+string(rune('0'+i)), "TYPE=ext4")
		}
	}},
	{"filesystem.erase.withpreexistingfilesystem", func(g *guest) {
		g.disk(32, "")
		g.made("$disk0", "mkfs.ext4", "-q")
		g.storage(`"filesystems":[{"device":"$disk0","format":"none","wipeFilesystem":true}]`)
		g.passes("disks")
		g.is("$disk0", "TYPE=")
	}},
	{"filesystem.erase.withnofilesystem", func(g *guest) {
		g.disk(32, "")
		g.storage(`"filesystems":[{"device":"$disk0","format":"none"}]`)
		g.passes("disks")
		g.is("$disk0", "TYPE=")
	}},
	{"filesystem.erase.invalidoptions", func(g *guest) {
		g.disk(32, "")
		g.made("$disk0", "mkfs.ext4", "-q")
		g.storage(`"filesystems":[{"device":"$disk0","format":"none"}]`)
		g.fails("disks", "something else is on the device: ext4", "wipeFilesystem: true")
	}},
	{"filesystem.reuse", func(g *guest) {
		g.disk(320, "")
		g.made("$disk0", "mkfs.xfs", "-q", "-L", "data", "-m", "uuid="+someUUID)
		g.storage(`"filesystems":[{"device":"$disk0","format":"xfs","label":"data","uuid":"` + strings.ToUpper(someUUID) + `"}]`)
		g.passes("disks")
		g.hasFile("$disk0", "old", true)
	}},
	{"regression.uuids.ext4", func(g *guest) {
		g.disk(32, "")
		g.made("$disk0", "mkfs.ext4", "-q", "-U", someUUID)
		g.storage(`"filesystems":[{"device":"$disk0","format":"ext4","uuid":"` + someUUID + `"}]`)
		g.passes("disks")
		g.hasFile("$disk0", "old", true)
	}},
	{"regression.uuids.vfat", func(g *guest) {
		g.disk(32, "")
		g.made("$disk0", "mkfs.fat", "-i", "2e24ec82")
		g.storage(`"filesystems":[{"device":"$disk0","format":"vfat","uuid":"2E24EC82"}]`)
		g.passes("disks")
		g.hasFile("$disk0", "old", true)
	}},
	{"regression.filesystem.ignoreswipe", func(g *guest) {
		g.disk(32, "")
		g.made("$disk0", "mkfs.ext4", "-q")
		g.storage(`"filesystems":[{"device":"$disk0","format":"vfat"}]`)
		g.fails("disks", "something else is on the device: ext4")
	}},
	{"filesystem with another label or UUID is refused", func(g *guest) {
		g.disk(32, "")
		g.made("$disk0", "mkfs.ext4", "-q", "-L", "other", "-U", someUUID)
		for _, differing := range []string{`"label":"data"`, `"label":""`, `"uuid":"3d16bd7d-ee30-4a5f-8c1c-2b3b6a8a7f01"`} {
			g.storage(`"filesystems":[{"device":"$disk0","format":"ext4",` + differing + `}]`)
			g.fails("disks", `ext4 labelled "other" with UUID `+someUUID, "asked by: storage.filesystems[0]")
		}
	}},
	{"all conflicts are reported before the first write", func(g *guest) {
		g.disk(32, "")
		g.disk(32, "")
		g.disk(32, "")
		g.made("$disk1", "mkfs.ext4", "-q")
		g.made("$disk2", "mkfs.ext4", "-q")
		g.storage(`"filesystems":[{"device":"$disk0","format":"ext4"},{"device":"$disk1","format":"vfat"},{"device":"$disk2","format":"xfs"}]`)
		g.fails("disks", "filesystem $disk1: something else", "filesystem $disk2: something else")
	}},
	{"a missing program is found before the first write", func(g *guest) {
		g.disk(32, "")
		g.disk(32, "")
		bin := g.TempDir()
		for _, name := range []string{"mkfs.ext4", "wipefs", "udevadm", "blkid"} {
			g.check(os.Symlink(strings.TrimSpace(g.do("which", name)), filepath.Join(bin, name)))
		}
		g.env = []string{"PATH=" + bin}
		g.storage(`"filesystems":[{"device":"$disk0","format":"ext4"},{"device":"$disk1","format":"btrfs"}]`)
		g.fails("disks", "find mkfs.btrfs", "btrfs-progs")
	}},
	{"an entry without a format only waits for its device", func(g *guest) {
		g.disk(32, "")
		g.made("$disk0", "mkfs.ext4", "-q")
		before := g.contents()
		g.storage(`"filesystems":[{"device":"$disk0"}]`)
		g.passes("disks", "mount", "umount")
		if g.contents() != before {
			g.Error("the disk has changed")
		}
	}},
	{"two programs that fail at the same time are both reported", func(g *guest) {
		for range 4 {
			g.disk(32, "")
		}
		bin := g.TempDir()
		meet := "cd " + bin + "; touch at$$; until set -- at*; [ $# -ge 2 ]; do sleep 0.05; done; echo broken; exit 1"
		g.check(os.WriteFile(filepath.Join(bin, "mkfs.xfs"), []byte("#!/bin/sh\n"+meet+"\n"), 0o755))
		g.env = []string{"PATH=" + bin + ":" + os.Getenv("PATH")}
		g.storage(`"filesystems":[{"device":"$disk0","format":"xfs"},{"device":"$disk1","format":"xfs"},{"device":"$disk2","format":"ext4"},{"device":"$disk3","format":"ext4"}]`)
		if r := g.stage("disks"); r.exit != 1 || strings.Count(r.said, "asked by: storage.filesystems") != 2 {
			g.Errorf("ended with %d:\n%s", r.exit, r.said)
		}
	}},
	{"links of all that was made are there at the end", func(g *guest) {
		g.disk(64, "")
		g.disk(64, "")
		for _, label := range []string{"first", "second"} { // the second time there are links of the first
			g.storage(`"disks":[{"device":"$disk0","wipeTable":true,"partitions":[{"label":"` + label + `","sizeMiB":40},{"label":"swap"}]}],"filesystems":[
				{"device":"/dev/disk/by-partlabel/` + label + `","format":"ext4","label":"` + label + ` one","wipeFilesystem":true},
				{"device":"$disk0p2","format":"swap","label":"` + label + `-swap","wipeFilesystem":true},
				{"device":"$disk1","format":"vfat","label":"` + strings.ToUpper(label) + `","wipeFilesystem":true}]`)
			g.passes("disks")
			g.links("by-partlabel/"+label, "$disk0p1")
			g.links("by-partlabel/swap", "$disk0p2")
			g.links("by-label/"+label+`\x20one`, "$disk0p1")
			g.links("by-uuid/"+g.blkid("$disk0p1", "UUID"), "$disk0p1")
			g.links("by-label/"+label+"-swap", "$disk0p2")
			g.links("by-label/"+strings.ToUpper(label), "$disk1")
			g.check(os.Remove(filepath.Join(g.dir, "state"))) // as after another boot
		}
	}},
	{"a mounted device is left alone", func(g *guest) {
		g.disk(32, "")
		g.made("$disk0", "mkfs.ext4", "-q")
		g.storage(`"filesystems":[{"device":"$disk0","format":"ext4","wipeFilesystem":true}]`)
		dir := g.TempDir()
		g.do("mount", g.names[0], dir)
		defer g.do("umount", dir)
		if r := g.stage("disks"); r.exit != 1 || !strings.Contains(r.said, "mounted at "+dir) {
			g.Errorf("ended with %d:\n%s", r.exit, r.said)
		}
	}},
	{"a second run makes nothing again", func(g *guest) {
		g.disk(32, "")
		g.storage(`"filesystems":[{"device":"$disk0","format":"ext4","wipeFilesystem":true}]`)
		g.passes("disks")
		g.with("$disk0", func(dir string) { g.check(os.WriteFile(filepath.Join(dir, "new"), nil, 0o600)) })
		g.passes("disks")
		g.hasFile("$disk0", "new", true)
		g.check(os.Remove(filepath.Join(g.dir, "state"))) // as after another boot
		g.passes("disks")
		g.hasFile("$disk0", "new", false)
	}},
	{"a file system of which only the beginning was written is made anew", func(g *guest) {
		g.disk(320, "")
		g.do("mkfs.xfs", "-q", "-L", "data", g.names[0])
		f, err := os.OpenFile(g.names[0], os.O_WRONLY, 0)
		g.check(err)
		_, err = f.WriteAt([]byte{1}, 126) // sb_inprogress
		g.check(err)
		g.check(f.Close())
		g.storage(`"filesystems":[{"device":"$disk0","format":"xfs","label":"data"}]`)
		if said := g.passes("disks"); !strings.Contains(said, `"mkfs.xfs"`) {
			g.Errorf("it was kept:\n%s", said)
		}
	}},
}

// mountCases are about the mount and umount stages.
var mountCases = []scenario{
	{"general.reformat.withfile", func(g *guest) {
		g.disk(64, "")
		g.made("$disk0", "mkfs.fat")
		g.storage(`"filesystems":[{"device":"$disk0","format":"ext4","path":"/tmp0","wipeFilesystem":true}],
			"files":[{"path":"/tmp0/test","contents":{"source":"data:,asdf"}}]`)
		g.passes("disks", "mount", "files", "umount")
		g.hasFile("$disk0", "test", true)
		g.hasFile("$disk0", "old", false)
		if _, err := os.Stat(filepath.Join(g.root, "tmp0/test")); err == nil {
			g.Error("the file is on the root file system")
		}
	}},
	{"filesystem.mount.options", func(g *guest) {
		g.disk(128, "")
		g.made("$disk0", "mkfs.btrfs", "-q")
		g.storage(`"filesystems":[{"device":"$disk0","format":"btrfs","path":"/x","mountOptions":["noexec","subvolid=5"]}]`)
		g.passes("disks", "mount")
		if table := g.do("cat", "/proc/mounts"); !strings.Contains(table, g.root+"/x btrfs rw,noexec") {
			g.Errorf("mounted are\n%s", table)
		}
		g.passes("umount")
		g.hasFile("$disk0", "old", true)
	}},
	{"filesystem.mount.invalidoptions", func(g *guest) {
		g.disk(32, "")
		g.disk(32, "")
		g.made("$disk0", "mkfs.ext4", "-q")
		g.made("$disk1", "mkfs.ext4", "-q")
		g.storage(`"filesystems":[{"device":"$disk1","format":"ext4","path":"/a"},{"device":"$disk0","format":"ext4","path":"/a/b","mountOptions":["nonsense"]}]`)
		g.passes("disks")
		if r := g.stage("mount"); r.exit != 1 || !strings.Contains(r.said, "command:  mount") {
			g.Errorf("ended with %d:\n%s", r.exit, r.said)
		}
		if table := g.do("cat", "/proc/mounts"); strings.Contains(table, g.root) {
			g.Errorf("something is left mounted:\n%s", table)
		}
		g.passes("umount")
	}},
	{"filesystem.pathusessymlinks", func(g *guest) {
		g.disk(32, "")
		g.made("$disk0", "mkfs.ext4", "-q")
		g.check(os.Symlink("/", filepath.Join(g.root, "tmp0")))
		g.storage(`"filesystems":[{"device":"$disk0","format":"ext4","path":"/tmp0"}]`)
		g.fails("mount", "/tmp0 is a symbolic link, not a directory")
	}},
	{"parents are mounted first, whatever their order, and unmounted last", func(g *guest) {
		g.disk(32, "")
		g.disk(32, "")
		g.storage(`"filesystems":[{"device":"$disk1","format":"ext4","path":"/a/b"},{"device":"$disk0","format":"ext4","path":"/a"}],
			"files":[{"path":"/a/b/deep"},{"path":"/a/shallow"}]`)
		g.passes("disks", "mount", "files")
		g.passes("mount") // again: everything is there
		g.passes("umount")
		g.hasFile("$disk0", "shallow", true)
		g.hasFile("$disk1", "deep", true)
		g.passes("umount")
	}},
	{"users.add.mountpoint", func(g *guest) {
		g.disk(32, "")
		for name, text := range map[string]string{
			"etc/passwd": "root:x:0:0:root:/root:/bin/bash\n", "etc/group": "root:x:0:\n", "etc/shadow": "root:*:19000:0:99999:7:::\n",
			"etc/gshadow": "root:*::\n", "etc/login.defs": "UID_MIN 1000\nGID_MIN 1000\nUSERGROUPS_ENAB yes\nHOME_MODE 0755\n",
		} {
			g.check(os.MkdirAll(filepath.Join(g.root, "etc"), 0o755))
			g.check(os.WriteFile(filepath.Join(g.root, name), []byte(text), 0o644))
		}
		g.config("3.6.0", `"passwd":{"users":[{"name":"test","sshAuthorizedKeys":["ssh-ed25519 AAAA"]}]},
			"storage":{"filesystems":[{"device":"$disk0","format":"ext4","path":"/home/test/.ssh/foo/bar"}],
			"directories":[{"path":"/home/test/.ssh","mode":488,"user":{"name":"test"},"group":{"name":"test"}}]}`)
		g.passes("disks", "mount", "files")
		stat := func(name string) string {
			return strings.TrimSpace(g.do("stat", "-c", "%u:%g %a", filepath.Join(g.root, name)))
		}
		for name, want := range map[string]string{
			"home": "0:0 755", "home/test": "1000:1000 700", "home/test/.ssh": "1000:1000 750",
			"home/test/.ssh/foo": "1000:1000 700", "home/test/.ssh/foo/bar": "1000:1000 700",
		} {
			if got := stat(name); got != want {
				g.Errorf("%s is %s, want %s", name, got, want)
			}
		}
		if _, err := os.Stat(filepath.Join(g.root, "home/test/.ssh/authorized_keys.d/ignition")); err != nil {
			g.Error(err)
		}
		g.passes("umount")
		if got := stat("home/test/.ssh/foo/bar"); got != "0:0 755" {
			g.Errorf("below the mount is %s", got)
		}
	}},
	{"mount points and roots of new file systems get their SELinux labels", func(g *guest) {
		g.do("grep", "-q", "selinuxfs", "/proc/filesystems") // a kernel like that of such a target
		const contexts = "etc/selinux/targeted/contexts/files/file_contexts"
		for name, text := range map[string]string{
			"etc/selinux/config": "SELINUX=enforcing\nSELINUXTYPE=targeted\n",
			contexts:             "/.*\tsystem_u:object_r:default_t:s0\n/srv(/.*)?\tsystem_u:object_r:var_t:s0\n.*/lost\\+found\tsystem_u:object_r:lost_found_t:s0\n",
		} {
			g.check(os.MkdirAll(filepath.Dir(filepath.Join(g.root, name)), 0o755))
			g.check(os.WriteFile(filepath.Join(g.root, name), []byte(text), 0o644))
		}
		g.do("setfiles", "-F0", "-r", g.root, filepath.Join(g.root, contexts), g.root)
		g.disk(32, "")
		g.disk(32, "")
		g.made("$disk1", "mkfs.ext4", "-q")
		g.storage(`"filesystems":[{"device":"$disk0","format":"ext4","path":"/srv/a/new"},{"device":"$disk1","format":"ext4","path":"/srv/old"}],
			"files":[{"path":"/srv/a/new/file"},{"path":"/srv/old/file"}]`)
		g.passes("disks")
		label := func(name string) string {
			value := make([]byte, 256)
			n, err := unix.Lgetxattr(filepath.Join(g.root, name), "security.selinux", value)
			if err != nil {
				return ""
			}
			return strings.Split(string(value[:n]), ":")[2]
		}
		fake := g.TempDir()
		g.check(os.WriteFile(filepath.Join(fake, "setfiles"), []byte("#!/bin/sh\nexit 255\n"), 0o755))
		g.env = []string{"PATH=" + fake + ":" + os.Getenv("PATH")}
		if r := g.stage("mount"); r.exit != 1 || !strings.Contains(r.said, "setfiles: exit status 255") {
			g.Errorf("without labels it ended with %d:\n%s", r.exit, r.said)
		}
		g.env = nil
		g.passes("mount", "files")
		for name, want := range map[string]string{
			"srv/a": "var_t", "srv/a/new": "var_t", "srv/a/new/lost+found": "lost_found_t", "srv/a/new/file": "var_t",
			"srv/old": "", "srv/old/old": "", "srv/old/file": "var_t",
		} {
			if got := label(name); got != want {
				g.Errorf("%s has the label %q, want %q", name, got, want)
			}
		}
		g.passes("umount")
		for _, name := range []string{"srv/a/new", "srv/old"} {
			if got := label(name); got != "var_t" {
				g.Errorf("below the mount, %s has the label %q", name, got)
			}
		}
	}},
}
