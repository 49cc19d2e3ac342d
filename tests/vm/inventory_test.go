package vm

import (
	"os"
	"path/filepath"
	"strings"
)

// inventoryCases plan with what was captured on a machine, after the machine has gone.
var inventoryCases = []scenario{
	{"an inventory plans as the machine does", func(g *guest) {
		first := g.disk(256, "label: gpt\nstart=1MiB, size=32MiB, name=boot\nstart=33MiB, size=64MiB, name=ROOT\nsize=16MiB, name=in-use\nsize=16MiB, name=crypt\n")
		g.disk(64, "label: dos\nsize=32MiB\n")
		third, fourth := g.disk(64, ""), g.disk(64, "")
		g.disk(64, "")
		g.do("mkfs.ext4", "-q", "-L", "boot", first+"p1")
		g.do("mkfs.fat", "-n", "OLD", first+"p2")
		g.do("mkfs.ext4", "-q", "-L", "used", first+"p3")
		g.do("mkswap", "-L", "swap", first+"p4")
		g.do("mdadm", "--create", "data", "--force", "--run", "--homehost", "any", "--level", "1", "--raid-devices", "2", "--metadata", "1.2", third, fourth)
		g.do("udevadm", "settle")
		mounted := g.TempDir()
		g.do("mount", first+"p3", mounted)
		configs := map[string]string{
			"keep and resize": `"disks":[{"device":"$disk0","partitions":[{"number":1,"label":"boot"},{"label":"new","sizeMiB":0}]}],"filesystems":[{"device":"$disk0p1","format":"ext4","label":"boot","path":"/boot"}]`,
			"data is lost":    `"disks":[{"device":"$disk0","partitions":[{"number":2,"sizeMiB":16,"wipePartitionEntry":true},{"number":4,"shouldExist":false,"wipePartitionEntry":true}]},{"device":"$disk1","wipeTable":true,"partitions":[{"label":"data"}]}],"filesystems":[{"device":"$disk0p1","format":"xfs","wipeFilesystem":true}]`,
			"conflicts":       `"disks":[{"device":"$disk0","partitions":[{"number":3,"sizeMiB":8,"wipePartitionEntry":true}]},{"device":"$disk1","partitions":[{"number":1}]},{"device":"/dev/nothing","wipeTable":true}],"filesystems":[{"device":"$disk0p3","format":"xfs","wipeFilesystem":true},{"device":"$disk0p4","format":"ext4"}],"luks":[{"name":"x","device":"$disk0p1"}]`,
			"an array":        `"raid":[{"name":"data","level":"raid1","devices":["$disk2","$disk3"]}],"filesystems":[{"device":"/dev/md/data","format":"ext4"}],"luks":[{"name":"y","device":"$disk4","clevis":{"tpm2":true}}]`,
		}
		plan := func(name, format string, more ...string) string {
			file := filepath.Join(g.dir, strings.ReplaceAll(name, " ", "-")+".ign")
			g.check(os.WriteFile(file, []byte(g.fill(`{"ignition":{"version":"3.5.0"},"storage":{`+configs[name]+`}}`)), 0o600))
			return g.ignition(append([]string{"plan", "--format", format, "--root", g.root, file}, more...)...).said
		}
		inventory := filepath.Join(g.dir, "machine.json")
		captured := g.ignition("inventory", "--root", g.root)
		if captured.exit != 0 {
			g.Fatalf("inventory: %s", captured.said)
		}
		g.check(os.WriteFile(inventory, []byte(captured.said), 0o600))
		before := map[string]string{}
		for name := range configs {
			for _, format := range []string{"text", "json", "svg"} {
				before[name+format] = plan(name, format)
			}
		}
		for name, says := range map[string]string{
			"keep and resize": "create", "data is lost": "DATA WILL BE LOST", "conflicts": "mounted at " + mounted, "an array": "keep",
		} {
			if !strings.Contains(before[name+"text"], says) {
				g.Errorf("%s: the plan does not say %q:\n%s", name, says, before[name+"text"])
			}
		}
		// the machine goes
		g.do("umount", mounted)
		g.do("mdadm", "--stop", "/dev/md/data")
		for _, n := range g.names {
			g.do("losetup", "-d", n)
		}
		g.do("udevadm", "settle")
		for name := range configs {
			for _, format := range []string{"text", "json", "svg"} {
				if got := plan(name, format, "--inventory", inventory); got != before[name+format] {
					g.Errorf("%s, as %s: with the inventory:\n%s\non the machine:\n%s", name, format, got, before[name+format])
				}
			}
		}
	}},
}
