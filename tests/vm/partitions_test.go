package vm

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const (
	rootType = "3884DD41-8582-4404-B9A8-E9B84F2DF50E"
	guidA    = "0311D9DA-5F5A-4A0D-BC2A-3A4E29E9D0A1"
	guidB    = "0311D9DA-5F5A-4A0D-BC2A-3A4E29E9D0B2"
)

// base is the disk that most cases begin with: three partitions with numbers that leave
// gaps, at 2, 18 and 34 MiB.
const base = `label: gpt
1: start=2MiB, size=16MiB, name="EFI-SYSTEM", type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B
6: start=18MiB, size=16MiB, name="OEM"
9: start=34MiB, size=16MiB, name="ROOT", type=` + rootType + "\n"

// table lists the partitions of a disk as sfdisk(8) sees them: NUMBER START+SIZE LABEL,
// in MiB.
func (g *guest) partitions(disk int) []string {
	g.Helper()
	cmd := exec.Command("sfdisk", "--json", g.names[disk])
	out, err := cmd.Output()
	if err != nil {
		return nil // no table
	}
	var dump struct {
		Table struct {
			SectorSize int64 `json:"sectorsize"`
			Partitions []struct {
				Node        string
				Start, Size int64
				Name        string
			}
		} `json:"partitiontable"`
	}
	g.check(json.Unmarshal(out, &dump))
	var all []string
	for _, p := range dump.Table.Partitions {
		mib := func(n int64) string {
			return strings.TrimSuffix(fmt.Sprintf("%.3f", float64(n)*float64(dump.Table.SectorSize)/(1<<20)), ".000")
		}
		number := strings.TrimPrefix(p.Node, g.names[disk]+"p")
		all = append(all, strings.TrimSpace(number+" "+mib(p.Start)+"+"+mib(p.Size)+" "+p.Name))
	}
	slices.Sort(all)
	return all
}

// has fails unless a disk has exactly some partitions, and the kernel knows them.
func (g *guest) has(disk int, want ...string) {
	g.Helper()
	if got := g.partitions(disk); !slices.Equal(got, want) {
		g.Errorf("disk %d has %q, want %q", disk, got, want)
	}
	known, _ := filepath.Glob("/sys/class/block/" + filepath.Base(g.names[disk]) + "p*")
	if len(known) != len(want) {
		g.Errorf("the kernel knows %q, want %q", known, want)
	}
}

func (g *guest) guid(disk, number int, property string) string {
	g.Helper()
	return strings.TrimSpace(g.do("sfdisk", "--"+property, g.names[disk], fmt.Sprint(number)))
}

// onTable is a case about one table.
type onTable struct {
	name   string
	mib    int
	before string
	config string // of storage.disks[0], after the device
	want   []string
	fails  string // what it says instead
	more   func(g *guest, guids map[string]string)
}

func (c onTable) run(g *guest) {
	g.disk(c.mib, c.before)
	guids := map[string]string{}
	for _, p := range g.partitions(0) {
		number, _, _ := strings.Cut(p, " ")
		out, _ := exec.Command("sfdisk", "--part-uuid", g.names[0], number).Output() // a DOS table has none
		guids[number] = strings.TrimSpace(string(out))
	}
	g.storage(`"disks":[{"device":"$disk0",` + c.config + `}]`)
	if c.fails != "" {
		g.fails("disks", c.fails)
		return
	}
	g.passes("disks")
	g.has(0, c.want...)
	if c.more != nil {
		c.more(g, guids)
	}
	before := g.contents()
	g.passes("disks")
	if g.contents() != before {
		g.Error("a second run changes the disk")
	}
}

var baseHas = []string{"1 2+16 EFI-SYSTEM", "6 18+16 OEM", "9 34+16 ROOT"}

var tables = []onTable{
	{
		name: "partition.create", mib: 64, before: "label: gpt\n", want: []string{"1 1+32 important"},
		config: `"partitions":[{"number":1,"sizeMiB":32,"label":"important","typeGuid":"` + rootType + `","guid":"` + guidA + `"}]`,
		more: func(g *guest, _ map[string]string) {
			if g.guid(0, 1, "part-uuid") != guidA || g.guid(0, 1, "part-type") != rootType {
				g.Error("GUID or type are others")
			}
			g.do("test", "-b", "/dev/disk/by-partlabel/important")
		},
	},
	{name: "partition.create on a disk without a table", mib: 64, want: []string{"1 1+32 a"}, config: `"partitions":[{"number":1,"sizeMiB":32,"label":"a"}]`},
	{name: "partition.create.withstartmib", mib: 64, before: "label: gpt\n", want: []string{"1 1+32 a"}, config: `"partitions":[{"number":1,"startMiB":1,"sizeMiB":32,"label":"a"}]`},
	{
		name: "partition.create.wipetable", mib: 128, before: "label: gpt\n1: start=1MiB, size=32MiB, name=a\n2: start=33MiB, size=64MiB, name=b\n",
		config: `"wipeTable":true,"partitions":[{"number":1,"sizeMiB":32,"label":"a"},{"number":2,"sizeMiB":64,"label":"b"}]`, want: []string{"1 1+32 a", "2 33+64 b"},
		more: func(g *guest, guids map[string]string) {
			if g.guid(0, 1, "part-uuid") == guids["1"] {
				g.Error("the table is the old one")
			}
		},
	},
	{name: "partition.append", mib: 160, before: "label: gpt\n1: start=1MiB, size=32MiB\n2: start=33MiB, size=32MiB\n", config: `"partitions":[{"number":3,"sizeMiB":32},{"number":4,"sizeMiB":32}]`, want: []string{"1 1+32", "2 33+32", "3 65+32", "4 97+32"}},
	{name: "partition.resizeroot", mib: 100, before: base, config: `"partitions":[{"number":9,"sizeMiB":50,"label":"ROOT","typeGuid":"` + rootType + `","wipePartitionEntry":true}]`, want: []string{"1 2+16 EFI-SYSTEM", "6 18+16 OEM", "9 34+50 ROOT"}},
	{
		name: "partition.resizeExistingPartition", mib: 100, before: base, config: `"partitions":[{"number":9,"sizeMiB":50,"label":"ROOT","resize":true}]`, want: []string{"1 2+16 EFI-SYSTEM", "6 18+16 OEM", "9 34+50 ROOT"},
		more: func(g *guest, guids map[string]string) {
			if g.guid(0, 9, "part-uuid") != guids["9"] {
				g.Error("the GUID is another")
			}
		},
	},
	{name: "partition.delete", mib: 64, before: "label: gpt\n1: start=1MiB, size=32MiB\n", config: `"partitions":[{"number":1,"shouldExist":false,"wipePartitionEntry":true}]`},
	{name: "partition.delete.nowipe", mib: 100, before: base, config: `"partitions":[{"number":9,"shouldExist":false}]`, fails: "it exists and should not"},
	{name: "partition.match.all", mib: 100, before: base, config: `"partitions":[{"number":1,"startMiB":2,"sizeMiB":16,"label":"EFI-SYSTEM"},{"number":9,"startMiB":34,"sizeMiB":16,"label":"ROOT","wipePartitionEntry":true}]`, want: baseHas},
	{name: "partition.match.fail", mib: 100, before: base, config: `"partitions":[{"number":9,"sizeMiB":2}]`, fails: "it exists and differs: size is"},
	{name: "partition.partialmatch.fail.nonexistent", mib: 100, before: base, config: `"partitions":[{"number":10},{"number":9,"sizeMiB":2}]`, fails: "it exists and differs: size is"},
	{name: "partition.resizePartition.mismatch.config", mib: 100, before: base, config: `"partitions":[{"number":9,"startMiB":36,"sizeMiB":20,"resize":true}]`, fails: "it exists and differs: start is"},
	{name: "partition.match.failstofill", mib: 100, before: base, config: `"partitions":[{"number":9,"sizeMiB":0}]`, fails: "size is"},
	{name: "partition.no-op", mib: 100, before: base, config: `"partitions":[]`, want: baseHas},
	{name: "partition.no-op.nonexistent", mib: 100, before: base, config: `"partitions":[{"number":10,"shouldExist":false},{"number":99,"shouldExist":false}]`, want: baseHas},
	{name: "partition.create.startsize0", mib: 66, before: "label: gpt\n", config: `"partitions":[{"number":1,"startMiB":0,"sizeMiB":0,"label":"all"}]`, want: []string{"1 1+64.984 all"}},
	{name: "partition.create.numbersize0", mib: 128, before: "label: gpt\n", config: `"partitions":[{"label":"a","sizeMiB":32},{"label":"b","sizeMiB":32},{"label":"c","sizeMiB":32}]`, want: []string{"1 1+32 a", "2 33+32 b", "3 65+32 c"}},
	{name: "partition.number0", mib: 128, before: "label: gpt\n1: start=1MiB, size=32MiB, name=first\n", config: `"partitions":[{"label":"new","sizeMiB":32},{"number":1,"label":"first"}]`, want: []string{"1 1+32 first", "2 33+32 new"}},
	{name: "partition.delete.all", mib: 100, before: base, config: `"partitions":[{"number":1,"shouldExist":false,"wipePartitionEntry":true},{"number":2,"shouldExist":false,"wipePartitionEntry":true},{"number":6,"shouldExist":false,"wipePartitionEntry":true},{"number":7,"shouldExist":false,"wipePartitionEntry":true},{"number":9,"shouldExist":false,"wipePartitionEntry":true}]`},
	{
		name: "partition.match.all.withwipe", mib: 100, before: base, want: baseHas,
		config: `"partitions":[{"number":1,"startMiB":2,"sizeMiB":16,"label":"EFI-SYSTEM","typeGuid":"C12A7328-F81F-11D2-BA4B-00A0C93EC93B","wipePartitionEntry":true},{"number":6,"startMiB":18,"sizeMiB":16,"label":"OEM","wipePartitionEntry":true},{"number":9,"startMiB":34,"sizeMiB":16,"label":"ROOT","typeGuid":"` + rootType + `","wipePartitionEntry":true}]`,
		more: func(g *guest, guids map[string]string) {
			for number, guid := range guids {
				if now := strings.TrimSpace(g.do("sfdisk", "--part-uuid", g.names[0], number)); now != guid {
					g.Errorf("the GUID of partition %s is another", number)
				}
			}
		},
	},
	{
		name: "partition.match.recreate", mib: 128, before: "label: gpt\n1: start=1MiB, size=16MiB, name=a\n2: start=17MiB, size=16MiB, name=b\n3: start=33MiB, size=16MiB, name=c\n",
		config: `"partitions":[{"number":1,"typeGuid":"` + rootType + `","sizeMiB":16,"label":"a","wipePartitionEntry":true},{"number":2,"guid":"` + guidA + `","sizeMiB":16,"label":"b","wipePartitionEntry":true},{"number":3,"sizeMiB":32,"label":"d","wipePartitionEntry":true}]`, want: []string{"1 1+16 a", "2 17+16 b", "3 33+32 d"},
		more: func(g *guest, _ map[string]string) {
			if g.guid(0, 1, "part-type") != rootType || g.guid(0, 2, "part-uuid") != guidA {
				g.Error("type or GUID are others")
			}
		},
	},
	{name: "partition.match.recreate.delete.add", mib: 160, before: "label: gpt\n1: start=1MiB, size=32MiB, name=a\n2: start=33MiB, size=32MiB, name=b\n3: start=65MiB, size=32MiB, name=c\n", config: `"partitions":[{"number":1,"label":"a","startMiB":1,"sizeMiB":32},{"number":2,"label":"b","startMiB":33,"sizeMiB":64,"wipePartitionEntry":true},{"number":3,"shouldExist":false,"wipePartitionEntry":true},{"number":4,"label":"d","sizeMiB":32}]`, want: []string{"1 1+32 a", "2 33+64 b", "4 97+32 d"}},
	{name: "partition.resizeroot.withzeros", mib: 100, before: base, config: `"partitions":[{"number":9,"startMiB":0,"sizeMiB":0,"label":"ROOT","wipePartitionEntry":true}]`, want: []string{"1 2+16 EFI-SYSTEM", "6 18+16 OEM", "9 34+65.984 ROOT"}},
	{name: "partition.match.rootfillsdisk", mib: 66, before: strings.Replace(base, "9: start=34MiB, size=16MiB", "9: start=34MiB, size=65503", 1), config: `"partitions":[{"number":9,"startMiB":0,"sizeMiB":0}]`, want: []string{"1 2+16 EFI-SYSTEM", "6 18+16 OEM", "9 34+31.984 ROOT"}},
	{name: "partition.match.sizestart.unspecd", mib: 100, before: base, config: `"partitions":[{"number":9,"typeGuid":"` + rootType + `"}]`, want: baseHas},
	{name: "partition.partialmatch.fail", mib: 100, before: base, config: `"partitions":[{"number":1,"startMiB":2,"sizeMiB":16,"label":"EFI-SYSTEM"},{"number":9,"sizeMiB":2}]`, fails: "it exists and differs: size is"},
	{name: "partition.match.failstostart", mib: 100, before: "label: gpt\n1: start=2MiB, size=16MiB\n9: start=40MiB, size=16MiB, name=ROOT\n", config: `"partitions":[{"number":9,"startMiB":0}]`, fails: "start is"},
	{name: "a label of 36 bytes beyond ASCII, with quotes", mib: 64, before: "label: gpt\n", config: `"partitions":[{"number":1,"sizeMiB":8,"label":"äöü\"'0123456789012345678901234567"}]`, want: []string{`1 1+8 äöü"'0123456789012345678901234567`}},
	{name: "a DOS table is left alone", mib: 64, before: "label: dos\n1: start=1MiB, size=32MiB\n", config: `"partitions":[{"number":2,"label":"a"}]`, fails: "wipeTable: true"},
	{name: "a DOS table is wiped if the config says so", mib: 64, before: "label: dos\n1: start=1MiB, size=32MiB\n", config: `"wipeTable":true,"partitions":[{"number":2,"label":"a","sizeMiB":8}]`, want: []string{"2 1+8 a"}},
	{name: "a partition that is larger than the disk", mib: 64, before: "label: gpt\n", config: `"partitions":[{"number":1,"sizeMiB":640}]`, fails: "partition 1"},
}

// partitionCases are about tables, and what is made on partitions.
func partitionCases() []scenario {
	var all []scenario
	for _, c := range tables {
		all = append(all, scenario{c.name, c.run})
	}
	return append(all, onPartitions...)
}

var onPartitions = []scenario{
	{"partition.wipebadtable", func(g *guest) {
		g.disk(64, "label: gpt\n1: start=1MiB, size=32MiB\n")
		g.do("dd", "if=/dev/urandom", "of="+g.names[0], "bs=512", "count=3", "conv=notrunc,fsync")
		g.storage(`"disks":[{"device":"$disk0","partitions":[{"number":1}]}]`)
		g.fails("disks", "the partition table is damaged")
		g.storage(`"disks":[{"device":"$disk0","wipeTable":true}]`)
		g.passes("disks")
		g.has(0)
	}},
	{"partitions.complex", func(g *guest) {
		g.disk(400, "label: gpt\n1: start=1MiB, size=64MiB, name=p1\n2: start=65MiB, size=32MiB, name=p2\n3: start=97MiB, size=64MiB, name=p3\n4: start=161MiB, size=64MiB, name=p4\n5: start=289MiB, size=64MiB, name=p5\n")
		g.disk(256, "label: gpt\n1: start=1MiB, size=32MiB, name=a\n2: start=33MiB, size=32MiB, name=b\n")
		fifth := g.guid(0, 5, "part-uuid")
		g.storage(`"disks":[{"device":"$disk0","partitions":[
			{"number":1,"label":"p1","sizeMiB":32,"wipePartitionEntry":true},{"number":2,"label":"p2","sizeMiB":32},
			{"number":3,"label":"p3","startMiB":0,"sizeMiB":0,"wipePartitionEntry":true},{"number":4,"shouldExist":false,"wipePartitionEntry":true},{"number":9,"shouldExist":false}]},
			{"device":"$disk1","partitions":[{"number":1,"label":"a","typeGuid":"` + rootType + `","sizeMiB":32,"wipePartitionEntry":true},{"number":2,"shouldExist":false,"wipePartitionEntry":true},
			{"label":"c","sizeMiB":64,"wipePartitionEntry":true},{"label":"d","sizeMiB":96,"wipePartitionEntry":true}]}]`)
		g.passes("disks")
		// the largest gap: what was partitions 3 and 4, and the place behind them
		g.has(0, "1 1+32 p1", "2 65+32 p2", "3 97+192 p3", "5 289+64 p5")
		g.has(1, "1 1+32 a", "2 33+64 c", "3 97+96 d")
		if g.guid(0, 5, "part-uuid") != fifth || g.guid(1, 1, "part-type") != rootType {
			g.Error("a partition was touched, or was not")
		}
		before := g.contents()
		g.passes("disks")
		if g.contents() != before {
			g.Error("a second run changes the disks")
		}
	}},
	{"tables of ours pass the checks of sgdisk, sfdisk and parted", func(g *guest) {
		g.disk(128, "")
		g.disk(128, "", "-b", "4096")
		g.storage(`"disks":[{"device":"$disk0","partitions":[{"number":128,"label":"last","sizeMiB":8},{"number":3,"startMiB":40,"sizeMiB":8},{"label":"rest"}]},{"device":"$disk1","partitions":[{"label":"a","sizeMiB":8},{"number":7,"label":"b","sizeMiB":16}]}]`)
		g.passes("disks")
		for i := range g.names {
			if said := g.do("sgdisk", "-v", g.names[i]); !strings.Contains(said, "No problems found") {
				g.Errorf("sgdisk: %s", said)
			}
			if said := g.do("sfdisk", "--verify", g.names[i]); !strings.Contains(said, "No errors detected") {
				g.Errorf("sfdisk: %s", said)
			}
			if said := g.do("parted", "-s", g.names[i], "print"); strings.Contains(said, "Warning") || strings.Contains(said, "Error") {
				g.Errorf("parted: %s", said)
			}
		}
	}},
	{"sectors of 4096 bytes", func(g *guest) {
		g.disk(64, "", "-b", "4096")
		g.storage(`"disks":[{"device":"$disk0","partitions":[{"number":1,"sizeMiB":16,"label":"a"},{"number":2,"label":"b"}]}],"filesystems":[{"device":"/dev/disk/by-partlabel/b","format":"ext4"}]`)
		g.passes("disks")
		g.has(0, "1 1+16 a", "2 17+46.980 b")
		g.is("$disk0p2", "TYPE=ext4")
	}},
	{"everything on one disk, whatever the order", func(g *guest) {
		g.disk(256, "")
		g.stopping("data")
		g.closing("vault")
		body := `"filesystems":[{"device":"/dev/mapper/vault","format":"ext4","path":"/var","wipeFilesystem":true},{"device":"/dev/disk/by-partlabel/boot","format":"vfat","label":"BOOT"}],
			"luks":[{"name":"vault","device":"/dev/md/data","keyFile":{"source":"data:,key"},` + quick + `}],
			"raid":[{"name":"data","level":"raid1","devices":["/dev/disk/by-partlabel/one","/dev/disk/by-partlabel/two"]}],
			"disks":[{"device":"$disk0","partitions":[{"label":"boot","sizeMiB":32},{"label":"one","sizeMiB":64},{"label":"two","sizeMiB":64}]}],
			"files":[{"path":"/var/new"}]`
		g.storage(body)
		g.passes("disks", "mount", "files", "umount")
		g.has(0, "1 1+32 boot", "2 33+64 one", "3 97+64 two")
		g.is("$disk0p1", "TYPE=vfat", "LABEL=BOOT")
		g.hasFile("/dev/mapper/vault", "new", true)
		g.passes("disks", "mount", "files", "umount")
		g.hasFile("/dev/mapper/vault", "new", true)
	}},
	{"a conflict on a partition that stays is found before its table is written", func(g *guest) {
		g.disk(128, "label: gpt\n1: start=1MiB, size=32MiB, name=data\n")
		g.made("$disk0p1", "mkfs.ext4", "-q")
		g.storage(`"disks":[{"device":"$disk0","partitions":[{"number":1,"label":"data"},{"number":2,"label":"new"}]}],"filesystems":[{"device":"/dev/disk/by-partlabel/data","format":"vfat"}]`)
		g.fails("disks", "filesystem /dev/disk/by-partlabel/data: something else is on the device: ext4")
	}},
	{"a partition that is made again at its place keeps its file system", func(g *guest) {
		g.disk(128, "label: gpt\n1: start=1MiB, size=32MiB, name=data\n")
		g.made("$disk0p1", "mkfs.ext4", "-q")
		g.storage(`"disks":[{"device":"$disk0","wipeTable":true,"partitions":[{"number":1,"label":"data","sizeMiB":32}]}],"filesystems":[{"device":"/dev/disk/by-partlabel/data","format":"ext4"}]`)
		g.passes("disks")
		g.hasFile("$disk0p1", "old", true)
	}},
	{"a mounted partition stays, its neighbours may change", func(g *guest) {
		g.disk(128, "label: gpt\n1: start=1MiB, size=32MiB, name=a\n2: start=33MiB, size=32MiB, name=b\n")
		g.made("$disk0p1", "mkfs.ext4", "-q")
		dir := g.TempDir()
		g.do("mount", g.fill("$disk0p1"), dir)
		defer g.do("umount", dir)
		for body, why := range map[string]string{
			`"wipeTable":true`: "is mounted at",
			`"partitions":[{"number":1,"sizeMiB":16,"wipePartitionEntry":true}]`: "is mounted at",
		} {
			g.storage(`"disks":[{"device":"$disk0",` + body + `}]`)
			if r := g.stage("disks"); r.exit != 1 || !strings.Contains(r.said, why) {
				g.Errorf("ended with %d:\n%s", r.exit, r.said)
			}
		}
		g.storage(`"disks":[{"device":"$disk0","partitions":[{"number":2,"sizeMiB":16,"wipePartitionEntry":true},{"number":3,"sizeMiB":16}]}]`)
		g.passes("disks")
		g.has(0, "1 1+32 a", "2 33+16", "3 49+16")
	}},
	{"two entries for one disk are refused", func(g *guest) {
		g.disk(64, "")
		link := filepath.Join("/run", filepath.Base(g.dir)+"-disk")
		g.check(os.Symlink(g.names[0], link))
		g.storage(`"disks":[{"device":"$disk0","partitions":[{"number":1}]},{"device":"` + link + `","partitions":[{"number":2}]}]`)
		g.fails("disks", "and so does")
	}},
	{"a missing disk is reported with those that are there", func(g *guest) {
		g.disk(64, "")
		g.storage(`"disks":[{"device":"/dev/nothing","partitions":[{"number":1}]}]`)
		g.check(os.WriteFile(filepath.Join(g.dir, "plan.ign"), []byte(g.fill(`{"ignition":{"version":"3.6.0"},"storage":{"disks":[{"device":"/dev/nothing","wipeTable":true},{"device":"$disk0","partitions":[{"label":"new"}]}]}}`)), 0o600))
		r := g.ignition("plan", "--root", g.root, filepath.Join(g.dir, "plan.ign"))
		for _, want := range []string{"the device is not there", g.names[0] + " (0.1 GiB", "create  partition 1 \"new\": 62.98 MiB from 1 MiB"} {
			if !strings.Contains(r.said, want) {
				g.Errorf("the plan does not say %q:\n%s", want, r.said)
			}
		}
	}},
	{"the plan shows what will be lost", func(g *guest) {
		g.disk(100, base)
		g.check(os.WriteFile(filepath.Join(g.dir, "plan.ign"), []byte(g.fill(`{"ignition":{"version":"3.6.0"},"storage":{"disks":[{"device":"$disk0","partitions":[{"number":9,"sizeMiB":8,"wipePartitionEntry":true},{"number":6,"sizeMiB":16}]}]}}`)), 0o600))
		r := g.ignition("plan", "--root", g.root, filepath.Join(g.dir, "plan.ign"))
		for _, want := range []string{"DATA WILL BE LOST", `disk ` + g.names[0] + `: partition 9 "ROOT"`, `WIPE    partition 9: 16 MiB from 34 MiB, then 8 MiB from 34 MiB`, `keep    partition 6 "OEM": 16 MiB from 18 MiB`} {
			if !strings.Contains(r.said, want) {
				g.Errorf("the plan does not say %q:\n%s", want, r.said)
			}
		}
	}},
}
