package vm

import (
	"os"
	"path/filepath"
	"strings"
)

// No machine of the tests has a CryptoExpress card, and QEMU knows none: these programs
// stand in for those of s390-tools. They note how they were called, and refuse what zkey(1)
// and zkey-cryptsetup(1) say they refuse. The volumes are real; their cipher has another name.
const (
	fakeZkey = `#!/bin/sh -e
echo "zkey $*" >>"$cex_log"
[ "$1 $2" = "generate --name" ]
key=/etc/zkey/repository/$3
[ -d /etc/zkey/repository ] && [ ! -e "$key.skey" ] || { echo "Key '$3' exists already" >&2; exit 1; }
head -c 64 /dev/urandom >"$key.skey"
echo "description=$*" >"$key.info"
`
	fakeSetvp = `#!/bin/sh -e
echo "zkey-cryptsetup $*" >>"$cex_log"
[ "$1 $3" = "setvp --key-file" ]
/sbin/cryptsetup luksOpen --test-passphrase "$2" --key-file "$4"
`
	fakeCryptsetup = `#!/bin/sh
[ "$1" != luksFormat ] || echo "cryptsetup $*" >>"$cex_log"
for a; do
  shift
  [ "$a" != paes-xts-plain64 ] || a=aes-xts-plain64
  set -- "$@" "$a"
done
exec /sbin/cryptsetup "$@"
`
)

// cex makes this machine one with cards, and an initramfs that has a passphrase. It returns
// the file with the calls.
func (g *guest) cex() (log string) {
	g.Helper()
	over := func(place string) string { // hides it until the end
		dir := g.TempDir()
		g.do("mount", "-t", "tmpfs", "tmpfs", dir)
		g.do("cp", "-a", place+"/.", dir)
		g.do("mount", "--move", dir, place)
		g.Cleanup(func() { g.do("umount", place) })
		return place
	}
	etc := over("/etc")
	g.check(os.MkdirAll(etc+"/luks", 0o700))
	g.check(os.WriteFile(etc+"/luks/cex.key", []byte("of the initramfs"), 0o600))
	bus := g.TempDir()
	for name, uevent := range map[string]string{
		"card01": "DEV_TYPE=000d\nMODE=cca\n", "01.0005": "DEV_TYPE=000d\nDRIVER=cex4queue\nMODE=cca\n",
		"02.0005": "MODE=ep11\n", "0a.001f": "MODE=cca\n",
	} {
		g.check(os.MkdirAll(filepath.Join(bus, "ap/devices", name), 0o755))
		g.check(os.WriteFile(filepath.Join(bus, "ap/devices", name, "uevent"), []byte(uevent), 0o600))
	}
	g.do("mount", "--bind", bus, "/sys/bus")
	g.Cleanup(func() { g.do("umount", "/sys/bus") })
	bin := g.TempDir()
	for name, script := range map[string]string{"zkey": fakeZkey, "zkey-cryptsetup": fakeSetvp, "cryptsetup": fakeCryptsetup} {
		g.check(os.WriteFile(filepath.Join(bin, name), []byte(script), 0o700))
	}
	log = filepath.Join(g.TempDir(), "log")
	g.env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "cex_log=" + log}
	return log
}

// called returns the calls and forgets them. Key files have other names each time.
func (g *guest) called(log string) string {
	g.Helper()
	data, err := os.ReadFile(log)
	g.check(err)
	g.check(os.Remove(log))
	fields := strings.Fields(strings.ReplaceAll(string(data), "\n", " ; "))
	for i := range fields {
		if i > 0 && fields[i-1] == "--key-file" {
			fields[i] = "KEY"
		}
		if i > 0 && fields[i-1] == "--subsystem" {
			fields[i], fields[i+1] = "MARK", ""
		}
	}
	return strings.Join(strings.Fields(strings.Join(fields, " ")), " ")
}

var cexCases = []scenario{
	{"cex without cards and programs is found before the first write", func(g *guest) {
		g.disk(32, "")
		g.disk(32, "")
		g.storage(`"luks":[{"name":"root","device":"$disk0","cex":{"enabled":true},` + quick + `}],"filesystems":[{"device":"$disk1","format":"ext4"}]`)
		g.fails("disks", "LUKS volume root", "no CryptoExpress card in CCA mode", "zkey", "zkey-cryptsetup", "s390-tools",
			"/etc/luks/cex.key", "asked by: storage.luks[0]")
	}},
	{"cex makes a secure key, and keeps it on the target", func(g *guest) {
		g.disk(32, "")
		log := g.cex()
		g.closing("data")
		const files = "/etc/zkey/repository/ignition-luks-data"
		g.storage(`"luks":[{"name":"data","device":"$disk0","cex":{"enabled":true},"label":"vault",` + quick + `}],
			"filesystems":[{"device":"/dev/mapper/data","format":"ext4","path":"/data"}],"files":[{"path":"/data/new"}]`)
		made := g.fill(`zkey generate --name ignition-luks-data --key-type CCA-AESCIPHER --xts --description LUKS volume data --apqns 01.0005,0a.001f ; ` +
			`cryptsetup luksFormat --type luks2 --key-file KEY --subsystem MARK --label vault --pbkdf pbkdf2 --pbkdf-force-iterations 1000 $disk0 ` +
			`--volume-key-file ` + files + `.skey --cipher paes-xts-plain64 --key-size 512 ; zkey-cryptsetup setvp $disk0 --key-file KEY ;`)
		// killed before the format, and after it: the next run makes all anew
		for program, first := range map[string]string{"cryptsetup": "luksFormat", "zkey-cryptsetup": "setvp"} {
			bin := strings.Split(g.env[0][len("PATH="):], ":")[0]
			whole, err := os.ReadFile(filepath.Join(bin, program))
			g.check(err)
			killing := strings.Replace(string(whole), "\n", "\n[ \"$1\" != "+first+" ] || { kill -9 $PPID; exit 1; }\n", 1)
			g.check(os.WriteFile(filepath.Join(bin, program), []byte(killing), 0o700))
			if r := g.stage("disks"); r.exit == 0 {
				g.Fatalf("it was not killed:\n%s", r.said)
			}
			g.check(os.WriteFile(filepath.Join(bin, program), whole, 0o700))
			g.called(log)
		}
		g.passes("disks", "mount", "files", "umount")
		if got := g.called(log); got != made {
			g.Errorf("called\n%s\nwant\n%s", got, made)
		}
		g.is("$disk0", "TYPE=crypto_LUKS", "LABEL=vault", "SUBSYSTEM=")
		if got, want := g.target("etc/crypttab"), "data UUID="+g.blkid("$disk0", "UUID")+" /etc/luks/data luks,x-initrd.attach\n"; got != want {
			g.Errorf("crypttab is %q, want %q", got, want)
		}
		for _, suffix := range []string{".skey", ".info"} {
			is, err := os.ReadFile(files + suffix)
			g.check(err)
			if g.target(files+suffix) != string(is) {
				g.Errorf("%s is another on the target", suffix)
			}
		}
		if got := g.do("stat", "-c", "%a", g.root+"/etc/zkey/repository", g.root+files+".skey", g.root+files+".info", g.root+"/etc/luks/data"); got != "700\n600\n600\n600\n" {
			g.Errorf("modes are %q", got)
		}
		// a passphrase of its own, which opens it; the volume key is the secure key
		if key := g.target("etc/luks/data"); len(key) != 8192 {
			g.Errorf("the passphrase has %d bytes", len(key))
		}
		g.do("cryptsetup", "close", "data")
		g.do("cryptsetup", "open", g.names[0], "data", "--volume-key-file", g.root+files+".skey")
		g.is("/dev/mapper/data", "TYPE=ext4")
		g.do("cryptsetup", "close", "data")
		g.do("cryptsetup", "open", g.names[0], "data", "--key-file", g.root+"/etc/luks/data")
		// again, in the same boot: kept; in another one, where nobody has its key: refused
		g.passes("disks", "files")
		if _, err := os.Stat(log); err == nil {
			g.Errorf("a second run calls\n%s", g.called(log))
		}
		g.do("cryptsetup", "close", "data")
		g.check(os.Remove(filepath.Join(g.dir, "state")))
		g.fails("disks", "the config has no key to open it")
	}},
	{"cex for the root volume uses the passphrase of the initramfs", func(g *guest) {
		g.disk(32, "")
		g.disk(32, "")
		g.cex()
		g.closing("root")
		g.closing("other")
		g.storage(`"luks":[{"name":"root","device":"$disk0","cex":{"enabled":true},` + quick + `},{"name":"other","device":"$disk1","cex":{"enabled":true},` + quick + `}],
			"filesystems":[{"device":"/dev/disk/by-id/dm-name-other","format":"ext4","label":"root"}]`)
		g.passes("disks", "files")
		for i, name := range []string{"root", "other"} {
			if got := g.target("etc/luks/" + name); got != "of the initramfs" {
				g.Errorf("the passphrase of %s is %q", name, got)
			}
			g.do("cryptsetup", "luksOpen", "--test-passphrase", g.names[i], "--key-file", "/etc/luks/cex.key")
		}
	}},
}
