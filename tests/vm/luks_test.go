package vm

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// quick makes LUKS derive keys in no time.
const quick = `"options":["--pbkdf","pbkdf2","--pbkdf-force-iterations","1000"]`

// closing closes a volume at the end, whatever happens.
func (g *guest) closing(name string) {
	g.Cleanup(func() {
		if _, err := os.Stat("/dev/mapper/" + name); err == nil {
			g.do("cryptsetup", "close", name)
		}
	})
}

// target reads a file of the root.
func (g *guest) target(name string) string {
	g.Helper()
	data, err := os.ReadFile(filepath.Join(g.root, name))
	g.check(err)
	return string(data)
}

// killedAt kills the engine when it starts a program with some first argument.
func (g *guest) killedAt(program, argument string) {
	g.Helper()
	dir := g.TempDir()
	script := fmt.Sprintf("#!/bin/sh\n[ \"$1\" != %s ] || { kill -9 $PPID; exit 1; }\nexec %s \"$@\"\n", argument, strings.TrimSpace(g.do("which", program)))
	g.check(os.WriteFile(filepath.Join(dir, program), []byte(script), 0o700))
	g.env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
}

// tang starts a Tang server of its own.
func (g *guest) tang() (url, thumbprint string) {
	g.Helper()
	keys := g.TempDir()
	g.do("/usr/libexec/tangd-keygen", keys)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	g.check(err)
	g.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			// tangd speaks over its standard input and output, as inetd starts it
			go func() {
				server := exec.Command("/usr/libexec/tangd", keys)
				server.Stdin, server.Stdout = conn, conn
				_ = server.Run()
				_ = conn.Close()
			}()
		}
	}()
	signing, err := filepath.Glob(filepath.Join(keys, "*.jwk"))
	g.check(err)
	for _, file := range signing {
		if data, err := os.ReadFile(file); err == nil && strings.Contains(string(data), `"sign"`) {
			thumbprint = strings.TrimSpace(g.do("jose", "jwk", "thp", "-i", file))
		}
	}
	return "http://" + listener.Addr().String(), thumbprint
}

// volume makes a LUKS volume with the key "key".
func (g *guest) volume(device string, args ...string) {
	g.Helper()
	key := filepath.Join(g.dir, "key")
	g.check(os.WriteFile(key, []byte("key"), 0o600))
	g.do("cryptsetup", append([]string{"luksFormat", "-q", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "--key-file", key}, append(args, g.fill(device))...)...)
}

var luksCases = []scenario{
	{"luks.formattedDevice.wipeVolume.keyfile", func(g *guest) {
		g.disk(32, "")
		g.made("$disk0", "mkfs.ext4", "-q")
		g.closing("secret")
		g.storage(`"luks":[{"name":"secret","device":"$disk0","label":"vault","uuid":"` + someUUID + `","wipeVolume":true,"keyFile":{"source":"data:,key"},"discard":true,` + quick + `}],
			"filesystems":[{"device":"/dev/mapper/secret","format":"ext4","path":"/vault"}],"files":[{"path":"/vault/new"}]`)
		g.passes("disks", "mount", "files", "umount")
		g.is("$disk0", "TYPE=crypto_LUKS", "UUID="+someUUID, "LABEL=vault", "SUBSYSTEM=")
		g.hasFile("/dev/mapper/secret", "new", true)
		if got, want := g.target("etc/crypttab"), "secret UUID="+someUUID+" /etc/luks/secret luks,x-initrd.attach\n"; got != want {
			g.Errorf("crypttab is %q, want %q", got, want)
		}
		if g.target("etc/luks/secret") != "key" {
			g.Error("the key is another")
		}
		if got := g.do("stat", "-c", "%a", filepath.Join(g.root, "etc/luks"), filepath.Join(g.root, "etc/luks/secret"), filepath.Join(g.root, "etc/crypttab")); got != "700\n600\n600\n" {
			g.Errorf("modes are %q", got)
		}
		if state, err := os.ReadFile(filepath.Join(g.dir, "state")); err != nil || strings.Contains(string(state), base64.StdEncoding.EncodeToString([]byte("key"))) {
			g.Errorf("the state has the key: %s, %v", state, err)
		}
		// again, in the same boot and in another one
		g.passes("disks", "mount", "files", "umount")
		g.hasFile("/dev/mapper/secret", "new", true)
		g.do("cryptsetup", "close", "secret")
		g.passes("disks", "mount", "files", "umount")
		g.hasFile("/dev/mapper/secret", "new", true)
		if strings.Count(g.target("etc/crypttab"), "\n") != 1 {
			g.Errorf("crypttab is %q", g.target("etc/crypttab"))
		}
	}},
	{"luks.formattedDevice.noWipeVolume", func(g *guest) {
		g.disk(32, "")
		g.made("$disk0", "mkfs.ext4", "-q")
		g.storage(`"luks":[{"name":"secret","device":"$disk0","keyFile":{"source":"data:,key"}}]`)
		g.fails("disks", "LUKS volume secret: something else is on the device: ext4", "wipeVolume: true")
	}},
	{"a volume with a key of its own is opened by the key on the target", func(g *guest) {
		g.disk(32, "")
		g.closing("own")
		g.storage(`"luks":[{"name":"own","device":"$disk0",` + quick + `}],"filesystems":[{"device":"/dev/mapper/own","format":"ext4"}]`)
		g.passes("disks")
		if mark := g.blkid("$disk0", "SUBSYSTEM"); !strings.HasPrefix(mark, "kindling-unfinished ") {
			g.Errorf("the volume is marked %q", mark)
		}
		g.passes("files")
		g.is("$disk0", "SUBSYSTEM=")
		g.do("cryptsetup", "close", "own")
		g.do("cryptsetup", "open", g.names[0], "own", "--key-file", filepath.Join(g.root, "etc/luks/own"))
		g.is("/dev/mapper/own", "TYPE=ext4")
		// somebody else's volume by now: the config has no key for it
		g.do("cryptsetup", "close", "own")
		g.check(os.Remove(filepath.Join(g.dir, "state")))
		g.fails("disks", "the config has no key to open it")
	}},
	{"a volume whose key was lost with the power is made anew", func(g *guest) {
		g.disk(32, "")
		g.closing("own")
		g.storage(`"luks":[{"name":"own","device":"$disk0",` + quick + `}],"filesystems":[{"device":"/dev/mapper/own","format":"ext4"}]`)
		g.passes("disks")
		g.do("cryptsetup", "close", "own")
		g.check(os.Remove(filepath.Join(g.dir, "state")))
		g.passes("disks", "files")
		g.do("cryptsetup", "close", "own")
		g.do("cryptsetup", "open", g.names[0], "own", "--key-file", filepath.Join(g.root, "etc/luks/own"))
		g.is("/dev/mapper/own", "TYPE=ext4")
	}},
	{"a volume whose key is on the target is made anew until all else is there", func(g *guest) {
		g.disk(32, "")
		g.closing("own")
		g.storage(`"luks":[{"name":"own","device":"$disk0",` + quick + `}],"filesystems":[{"device":"/dev/mapper/own","format":"ext4"}],"files":[{"path":"/etc/file"}]`)
		g.passes("disks")
		g.killedAt("cryptsetup", "config")
		if r := g.stage("files"); r.exit == 0 {
			g.Fatalf("it was not killed:\n%s", r.said)
		}
		g.env = nil
		for _, name := range []string{"etc/luks/own", "etc/crypttab", "etc/file", "etc/.ignition-result.json"} {
			if _, err := os.Stat(filepath.Join(g.root, name)); err != nil {
				g.Errorf("the volume was finished before: %v", err)
			}
		}
		old := g.target("etc/luks/own")
		g.do("cryptsetup", "close", "own")
		g.check(os.Remove(filepath.Join(g.dir, "state"))) // the power was lost
		g.passes("disks", "files")
		g.is("$disk0", "SUBSYSTEM=")
		if g.target("etc/luks/own") == old {
			g.Error("the key is the old one")
		}
		g.do("cryptsetup", "close", "own")
		g.do("cryptsetup", "open", g.names[0], "own", "--key-file", filepath.Join(g.root, "etc/luks/own"))
		g.is("/dev/mapper/own", "TYPE=ext4")
	}},
	{"an unfinished volume of another config, and one under other data, are left alone", func(g *guest) {
		g.disk(32, "")
		g.closing("own")
		g.storage(`"luks":[{"name":"own","device":"$disk0",` + quick + `}]`)
		g.passes("disks")
		g.do("cryptsetup", "close", "own")
		g.check(os.Remove(filepath.Join(g.dir, "state")))
		g.storage(`"luks":[{"name":"own","device":"$disk0","discard":true,` + quick + `}]`)
		g.fails("disks", "a first boot with another config has begun to make a volume here")
		// mkfs overwrites the first header and leaves the second, with its mark
		g.made("$disk0", "mkfs.fat")
		g.storage(`"luks":[{"name":"own","device":"$disk0",` + quick + `}]`)
		g.fails("disks", "something else is on the device")
	}},
	{"a volume whose header was written in part is made anew", func(g *guest) {
		g.disk(32, "")
		g.closing("own")
		g.storage(`"luks":[{"name":"own","device":"$disk0",` + quick + `}]`)
		for name, damage := range map[string]func(){
			"the first header has no metadata": func() {
				g.do("dd", "if=/dev/zero", "of="+g.names[0], "bs=4096", "seek=1", "count=3", "conv=fsync")
			},
			"the second header has none": func() {
				g.do("dd", "if=/dev/zero", "of="+g.names[0], "bs=4096", "seek=5", "count=3", "conv=fsync")
			},
			"both have none": func() {
				g.do("dd", "if=/dev/zero", "of="+g.names[0], "bs=4096", "seek=1", "count=3", "conv=fsync")
				g.do("dd", "if=/dev/zero", "of="+g.names[0], "bs=4096", "seek=5", "count=3", "conv=fsync")
			},
			"the first header is gone": func() {
				g.do("dd", "if=/dev/zero", "of="+g.names[0], "bs=4096", "count=4", "conv=fsync")
			},
		} {
			g.passes("disks")
			g.do("cryptsetup", "close", "own")
			g.check(os.Remove(filepath.Join(g.dir, "state")))
			damage()
			if r := g.stage("disks"); r.exit != 0 {
				g.Errorf("%s:\n%s", name, r.said)
			}
			g.do("cryptsetup", "status", "own")
			g.do("cryptsetup", "close", "own")
			g.check(os.Remove(filepath.Join(g.dir, "state")))
		}
	}},
	{"an existing volume is used again only if everything fits", func(g *guest) {
		g.disk(32, "")
		g.volume("$disk0", "--label", "vault", "--uuid", someUUID)
		for body, why := range map[string]string{
			`"keyFile":{"source":"data:,wrong"}`:                                       "the key of the config does not open the volume",
			`"keyFile":{"source":"data:,key"},"label":"other"`:                         `its label is "vault"`,
			`"keyFile":{"source":"data:,key"},"uuid":"` + strings.Repeat("1", 8) + `"`: "its UUID is " + someUUID,
			`"keyFile":{"source":"data:,key"},"discard":true`:                          "discard is false",
			`"label":"vault"`: "the config has no key",
		} {
			g.storage(`"luks":[{"name":"secret","device":"$disk0",` + body + `}]`)
			g.fails("disks", why)
		}
		g.closing("secret")
		g.storage(`"luks":[{"name":"secret","device":"$disk0","label":"vault","keyFile":{"source":"data:,key"}}]`)
		g.passes("disks")
		if !strings.Contains(g.do("cryptsetup", "status", "secret"), "is active") {
			g.Error("it is not open")
		}
	}},
	{"LUKS1 is left alone", func(g *guest) {
		g.disk(32, "")
		g.volume("$disk0", "--type", "luks1")
		g.storage(`"luks":[{"name":"secret","device":"$disk0","keyFile":{"source":"data:,key"}}]`)
		g.fails("disks", "the volume is LUKS1")
	}},
	{"open options are kept in the volume", func(g *guest) {
		g.disk(32, "")
		g.closing("secret")
		g.storage(`"luks":[{"name":"secret","device":"$disk0","keyFile":{"source":"data:,key"},"openOptions":["--perf-no_read_workqueue"],` + quick + `}]`)
		g.passes("disks")
		if !strings.Contains(g.do("cryptsetup", "luksDump", g.names[0]), "no-read-workqueue") {
			g.Error("the option is not kept")
		}
	}},
	{"clevis unlocks a volume through Tang, also one that is there already", func(g *guest) {
		g.disk(32, "")
		url, thumbprint := g.tang()
		// one of two is enough: the other is away, and known by its advertisement
		away, awayThumbprint := g.tang()
		adv, err := json.Marshal(g.do("curl", "-sf", away+"/adv"))
		g.check(err)
		g.closing("net")
		body := `"luks":[{"name":"net","device":"$disk0","clevis":{"threshold":1,"tang":[{"url":"` + url + `","thumbprint":"` + thumbprint +
			`"},{"url":"http://127.0.0.1:1","thumbprint":"` + awayThumbprint + `","advertisement":` + string(adv) + `}]},` + quick + `}]`
		g.storage(body)
		g.passes("disks", "files")
		if dump := g.do("cryptsetup", "luksDump", g.names[0]); !strings.Contains(dump, "clevis") || strings.Contains(dump, "0: luks2") {
			g.Errorf("the volume has other keys:\n%s", dump)
		}
		g.is("$disk0", "SUBSYSTEM=")
		if got, want := g.target("etc/crypttab"), "net UUID="+g.blkid("$disk0", "UUID")+" none luks,_netdev,x-initrd.attach\n"; got != want {
			g.Errorf("crypttab is %q, want %q", got, want)
		}
		if _, err := os.Stat(filepath.Join(g.root, "etc/luks/net")); err == nil {
			g.Error("there is a key on the target")
		}
		before := g.blkid("$disk0", "UUID")
		g.do("cryptsetup", "close", "net")
		g.check(os.Remove(filepath.Join(g.dir, "state")))
		g.passes("disks", "files")
		g.is("$disk0", "UUID="+before)
	}},
	{"a Tang server that does not answer is found before the first write", func(g *guest) {
		g.disk(32, "")
		g.config("3.6.0", `"storage":{"luks":[{"name":"net","device":"$disk0","clevis":{"tang":[{"url":"http://127.0.0.1:1","thumbprint":"x"}]}}]}`, `"timeouts":{"httpTotal":1}`)
		g.fails("disks", "ask Tang server http://127.0.0.1:1")
	}},
	{"a missing TPM is found before the first write", func(g *guest) {
		g.disk(32, "")
		g.disk(32, "")
		g.storage(`"luks":[{"name":"secret","device":"$disk0","clevis":{"tpm2":true}}],"filesystems":[{"device":"$disk1","format":"ext4"}]`)
		g.fails("disks", "the machine has no TPM 2")
	}},
}

var raidCases = []scenario{
	{"raid1 with a file system, made once", func(g *guest) {
		g.disk(32, "")
		g.disk(32, "")
		g.stopping("data")
		g.storage(`"raid":[{"name":"data","level":"mirror","devices":["$disk0","$disk1"]}],"filesystems":[{"device":"/dev/md/data","format":"ext4","path":"/data"}],"files":[{"path":"/data/new"}]`)
		g.passes("disks", "mount", "files", "umount")
		g.is("$disk0", "TYPE=linux_raid_member")
		uuid := g.do("mdadm", "--detail", "--brief", "/dev/md/data")
		uuid = strings.TrimSpace(uuid[strings.Index(uuid, "UUID="):])
		if got, want := g.target("etc/mdadm.conf"), "ARRAY /dev/md/data metadata=1.2 "+uuid+"\n"; got != want {
			g.Errorf("mdadm.conf is %q, want %q", got, want)
		}
		g.passes("mount", "files", "umount")
		if strings.Count(g.target("etc/mdadm.conf"), "ARRAY") != 1 {
			g.Errorf("mdadm.conf is %q", g.target("etc/mdadm.conf"))
		}
		g.hasFile("/dev/md/data", "new", true)
		for _, again := range []string{"in the same boot", "in another boot"} {
			g.passes("disks")
			if said := g.passes("disks"); strings.Contains(said, `"--create"`) {
				g.Errorf("%s it was made again:\n%s", again, said)
			}
			g.hasFile("/dev/md/data", "new", true)
			g.do("mdadm", "--stop", "/dev/md/data")
			g.check(os.Remove(filepath.Join(g.dir, "state")))
		}
		g.passes("disks")
		g.hasFile("/dev/md/data", "new", true)
	}},
	{"raid0 with options of the config", func(g *guest) {
		g.disk(32, "")
		g.disk(32, "")
		g.stopping("fast")
		g.storage(`"raid":[{"name":"fast","level":"raid0","devices":["$disk0","$disk1"],"options":["--chunk=64"]}]`)
		g.passes("disks")
		if said := g.do("mdadm", "--detail", "/dev/md/fast"); !strings.Contains(said, "Chunk Size : 64K") {
			g.Errorf("the array is\n%s", said)
		}
		g.passes("disks")
	}},
	{"a member that the array runs without is added", func(g *guest) {
		g.disk(32, "")
		g.disk(32, "")
		g.stopping("data")
		g.storage(`"raid":[{"name":"data","level":"raid1","devices":["$disk0","$disk1"]}],"filesystems":[{"device":"/dev/md/data","format":"ext4","path":"/data"}],"files":[{"path":"/data/new"}]`)
		g.passes("disks", "mount", "files", "umount")
		g.do("mdadm", "--manage", "/dev/md/data", "--fail", g.names[1])
		g.do("udevadm", "settle")
		g.do("mdadm", "--manage", "/dev/md/data", "--remove", g.names[1])
		g.check(os.Remove(filepath.Join(g.dir, "state")))
		g.passes("disks")
		detail := g.do("mdadm", "--detail", "/dev/md/data")
		if !strings.Contains(detail, "Working Devices : 2") {
			g.Errorf("the member is not there:\n%s", detail)
		}
		g.hasFile("/dev/md/data", "new", true)
		if said := g.passes("disks"); strings.Contains(said, `"--add"`) {
			g.Errorf("it was added twice:\n%s", said)
		}
	}},
	{"raid5 with a spare", func(g *guest) {
		for range 4 {
			g.disk(16, "")
		}
		g.stopping("five")
		g.storage(`"raid":[{"name":"five","level":"raid5","spares":1,"devices":["$disk0","$disk1","$disk2","$disk3"],"options":["--chunk=64"]}]`)
		g.passes("disks")
		detail := g.do("mdadm", "--detail", "/dev/md/five")
		for _, want := range []string{"raid5", "Raid Devices : 3", "Total Devices : 4", "Chunk Size : 64K"} {
			if !strings.Contains(detail, want) {
				g.Errorf("no %q in\n%s", want, detail)
			}
		}
	}},
	{"an array on arrays, listed first, with LUKS on it", func(g *guest) {
		for range 4 {
			g.disk(24, "")
		}
		g.stopping("a")
		g.stopping("b")
		g.stopping("top")
		g.closing("secret")
		g.storage(`"raid":[{"name":"top","level":"raid0","devices":["/dev/md/a","/dev/md/b"]},
				{"name":"a","level":"raid1","devices":["$disk0","$disk1"]},{"name":"b","level":"raid1","devices":["$disk2","$disk3"]}],
			"luks":[{"name":"secret","device":"/dev/md/top","keyFile":{"source":"data:,key"},` + quick + `}],
			"filesystems":[{"device":"/dev/mapper/secret","format":"ext4"}]`)
		g.passes("disks")
		g.is("/dev/mapper/secret", "TYPE=ext4")
		g.passes("disks")
	}},
	{"a volume that an interrupted run left open is made anew, with or without udev's link", func(g *guest) {
		g.disk(24, "")
		g.closing("secret")
		g.storage(`"luks":[{"name":"secret","device":"$disk0","keyFile":{"source":"data:,key"},` + quick + `}]`)
		g.passes("disks")
		g.void()
		g.check(os.Remove("/dev/mapper/secret"))
		g.passes("disks")
		g.do("cryptsetup", "status", "secret")
	}},
	{"an array that an interrupted run left under another name is made anew", func(g *guest) {
		g.disk(32, "")
		g.disk(32, "")
		g.stopping("data")
		g.storage(`"raid":[{"name":"data","level":"raid1","devices":["$disk0","$disk1"]}]`)
		g.passes("disks")
		g.do("mdadm", "--stop", "/dev/md/data")
		g.do("mdadm", "--assemble", "/dev/md77", g.names[0], g.names[1])
		g.passes("disks") // complete, and under another name
		g.do("mdadm", "--stop", "/dev/md/data")
		g.do("mdadm", "--assemble", "/dev/md77", g.names[0], g.names[1])
		g.void()
		g.passes("disks")
		g.is("$disk0", "TYPE=linux_raid_member")
	}},
	{"an array that udev starts from an old superblock on a new partition is stopped", func(g *guest) {
		g.disk(64, "label: gpt\n1: start=1MiB, size=32MiB\n")
		g.do("mdadm", "--create", "/dev/md/old", "--run", "--force", "--level=1", "--raid-devices=1", g.fill("$disk0p1"))
		g.do("mdadm", "--stop", "/dev/md/old")
		g.do("udevadm", "settle")
		g.do("sfdisk", "--wipe=never", "--delete", g.names[0])
		g.do("udevadm", "settle")
		g.storage(`"disks":[{"device":"$disk0","partitions":[{"number":1,"label":"new","sizeMiB":32}]}],"filesystems":[{"device":"/dev/disk/by-partlabel/new","format":"ext4","wipeFilesystem":true}]`)
		if said := g.passes("disks"); !strings.Contains(said, "was started from what was on new partitions before") {
			g.Errorf("udev has not started the array:\n%s", said)
		}
		g.is("$disk0p1", "TYPE=ext4")
	}},
	{"a member of an array that is in use is left alone", func(g *guest) {
		g.disk(64, "label: gpt\n1: start=1MiB, size=32MiB, name=one\n")
		g.disk(64, "label: gpt\n1: start=1MiB, size=32MiB, name=two\n")
		g.stopping("old")
		g.do("mdadm", "--create", "/dev/md/old", "--run", "--force", "--level=1", "--raid-devices=2", "--metadata=1.2", g.fill("$disk0p1"), g.fill("$disk1p1"))
		g.storage(`"raid":[{"name":"new","level":"raid0","devices":["/dev/disk/by-partlabel/one"]}],
			"disks":[{"device":"$disk0","partitions":[{"number":1,"label":"one","wipePartitionEntry":true}]}]`)
		g.fails("disks", "$disk0p1: the device is in use", "is made of it, and of $disk1p1")
	}},
	{"members with data are left alone", func(g *guest) {
		g.disk(32, "")
		g.disk(32, "")
		g.made("$disk1", "mkfs.ext4", "-q")
		g.storage(`"raid":[{"name":"data","level":"raid1","devices":["$disk0","$disk1"]}]`)
		g.fails("disks", "something else is on the device, and not this array: ext4", "$disk1")
	}},
	{"an array of which one superblock was written is made anew", func(g *guest) {
		g.disk(32, "")
		g.disk(32, "")
		g.stopping("data")
		g.storage(`"raid":[{"name":"data","level":"raid1","devices":["$disk0","$disk1"]}]`)
		g.passes("disks")
		g.do("mdadm", "--stop", "/dev/md/data")
		g.do("mdadm", "--zero-superblock", g.names[0])
		g.fails("disks", "linux_raid_member") // it has run: a member was lost
		g.void()
		g.passes("disks")
		g.is("$disk0", "TYPE=linux_raid_member")
	}},
	{"an array of itself is refused", func(g *guest) {
		g.disk(32, "")
		g.storage(`"raid":[{"name":"a","level":"raid1","devices":["/dev/md/b","$disk0"]},{"name":"b","level":"raid1","devices":["/dev/md/a","$disk0"]}]`)
		g.fails("disks", "RAID a: it is made of itself")
	}},
	{"disks of themselves are refused", func(g *guest) {
		g.storage(`"disks":[{"device":"/dev/mapper/x","partitions":[{"label":"x"}]}],"luks":[{"name":"x","device":"/dev/disk/by-partlabel/x"}]`)
		g.fails("disks", "disk /dev/mapper/x: it is made of itself", "LUKS volume x: it is made of itself")
		g.storage(`"disks":[{"device":"/dev/disk/by-partlabel/b","partitions":[{"label":"a"}]},{"device":"/dev/disk/by-partlabel/a","partitions":[{"label":"b"}]}]`)
		g.fails("disks", "disk /dev/disk/by-partlabel/a: it is made of itself", "disk /dev/disk/by-partlabel/b: it is made of itself")
	}},
}

// void makes the state tell that all work on disks was interrupted.
func (g *guest) void() {
	g.Helper()
	state := filepath.Join(g.dir, "state")
	data, err := os.ReadFile(state)
	g.check(err)
	g.check(os.WriteFile(state, []byte(strings.ReplaceAll(string(data), `"done":true`, `"done":false`)), 0o600))
}

// stopping stops an array at the end. Those on top come first: cleanups run backwards.
func (g *guest) stopping(name string) {
	g.Cleanup(func() {
		if _, err := os.Stat("/dev/md/" + name); err == nil {
			g.do("udevadm", "settle")
			g.do("mdadm", "--stop", "/dev/md/"+name)
		}
	})
}
