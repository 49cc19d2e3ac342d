package boot

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kindling-boot/kindling/tests/programs"
)

// ending makes the end of provisioning the end of the boot, and tells the time and what
// the journal has about it. The stage umount is that of the switch to the system. The
// report is written to a disk, and the machine reset: serial lines and switching off were
// seen to hang when the clock goes by instructions.
var ending = []overlayFile{
	unit("kindling-report.service", `[Unit]
DefaultDependencies=no
After=ignition-complete.target initrd-root-fs.target
Before=initrd.target
[Service]
Type=oneshot
ExecStart=/usr/lib/kindling-report
`),
	wanted("initrd.target.requires", "kindling-report.service"),
	{path: "usr/lib/kindling-report", executable: true, contents: `#!/bin/sh
{
read -r up _ </proc/uptime
echo "seconds: $up"
echo "marker: $(cat /sysroot/srv/file)"
systemctl stop ignition-mount.service
journalctl --sync
journalctl -b -o json --output-fields=UNIT,MESSAGE_ID | grep '"UNIT":"ignition-'
} >/run/report 2>&1
cat /run/report >/dev/disk/by-id/virtio-report
echo b >/proc/sysrq-trigger
`},
}

// timed is what one boot took until its end, and the units of the engine in it.
type timed struct{ boot, units time.Duration }

// BenchmarkFirstBoot compares what a first boot takes in an initramfs of ours with one of
// Debian's package ignition, and with one that has neither: the same Debian, the same
// config, dracut. The clock of the machine goes by the instructions that it carries out,
// one in each nanosecond, and by the host's only while it waits: so what else the host has to
// do matters little.
func BenchmarkFirstBoot(b *testing.B) {
	need(b)
	img, initramfs := makeRivals(b)
	runs := []string{"neither", "kindling", "debian"}
	found := map[string][]timed{}
	for round := 0; b.Loop(); round++ {
		for i := range runs {
			run := runs[(round+i)%len(runs)]
			m := newMachine(b, img)
			m.addDisk("data", 256<<20)
			m.addDisk("report", 1<<20)
			m.Initramfs = initramfs[run]
			m.processors = []string{"-accel", "tcg,thread=single", "-icount", "shift=0", "-smp", "1"}
			arguments := ""
			if run != "neither" {
				arguments = first
			}
			console, _ := m.boot(smallest, arguments)
			data, err := os.ReadFile(m.file("report", 1<<20))
			must(b, err)
			report := strings.TrimRight(string(data), "\x00")
			if run != "neither" && !strings.Contains(report, "marker: besides") {
				b.Fatalf("%s has not provisioned the machine:\n%s\n%s", run, report, console)
			}
			found[run] = append(found[run], readTimes(b, report))
		}
	}
	for _, run := range runs {
		b.Logf("%s: %v", run, found[run])
	}
	neither, ours, theirs := middle(found["neither"]), middle(found["kindling"]), middle(found["debian"])
	b.ReportMetric(ours.units.Seconds(), "kindling-units-s")
	b.ReportMetric(theirs.units.Seconds(), "debian-units-s")
	b.ReportMetric(ours.units.Seconds()/theirs.units.Seconds(), "units-ratio")
	b.ReportMetric((ours.boot - neither.boot).Seconds(), "kindling-added-s")
	b.ReportMetric((theirs.boot - neither.boot).Seconds(), "debian-added-s")
	b.ReportMetric((ours.boot-neither.boot).Seconds()/(theirs.boot-neither.boot).Seconds(), "added-ratio")
}

// makeRivals makes a system, and three times an initramfs of it.
func makeRivals(b *testing.B) (img image, initramfs map[string]string) {
	b.Helper()
	dir := b.TempDir()
	r := rivals{makeSystem(b, dir)}
	kernel, _ := kernelOf(b, r.tree)
	img = image{Kernel: filepath.Join(dir, "vmlinuz"), Root: filepath.Join(dir, "root.img")}
	programs.Do(b, "cp", kernel, img.Kernel)
	makeRoot(b, r.tree, img.Root)
	initramfs = map[string]string{}
	r.each(b, func(name, path string) {
		initramfs[name] = filepath.Join(dir, name+".timed")
		with(b, path, initramfs[name], ending)
	})
	must(b, os.RemoveAll(r.tree))
	return img, initramfs
}

// makeSystem makes a tree for which all can make an initramfs.
func makeSystem(b *testing.B, dir string) string {
	b.Helper()
	tree := makeTree(b, dir)
	// the other one labels for SELinux in any case: here with a program that does nothing
	for name, text := range map[string]string{
		"etc/selinux/config": "SELINUX=permissive\nSELINUXTYPE=targeted\n",
		"etc/selinux/targeted/contexts/files/file_contexts": "",
		"usr/sbin/setfiles": "#!/bin/sh\n",
	} {
		must(b, os.MkdirAll(filepath.Join(tree, filepath.Dir(name)), 0o755))
		must(b, os.WriteFile(filepath.Join(tree, name), []byte(text), 0o755))
	}
	return tree
}

// rivals makes several initramfs of a tree.
type rivals struct{ tree string }

// each calls a function with an initramfs that has neither, with one that has the module of
// Debian's package, and with one that has ours. They are gone afterwards.
func (r rivals) each(b *testing.B, do func(name, path string)) {
	b.Helper()
	_, version := kernelOf(b, r.tree)
	makeOne := func(name, modules string) {
		// what either module leaves to the distribution
		within(b, r.tree, "sh", "-ec", dracut+` --add "$1" --add-drivers 'qemu_fw_cfg virtio_blk ext4' \
			--install '/etc/login.defs /etc/default/useradd /etc/mke2fs.conf' /boot/made.img "$2"`, "sh", modules, version)
		path := filepath.Join(r.tree, "boot/made.img")
		do(name, path)
		must(b, os.Remove(path))
	}
	modules := filepath.Join(r.tree, "usr/lib/dracut/modules.d/")
	makeOne("neither", "qemu systemd network")
	programs.Do(b, "cp", "-a", programs.DebianPackage(b, "ignition")+"/.", r.tree)
	makeOne("debian", "ignition")
	must(b, os.RemoveAll(filepath.Join(modules, "30ignition")))
	programs.Do(b, "dpkg-deb", "--extract", debianPackage(b), r.tree)
	makeOne("kindling", "ignition")
	for _, name := range []string{"30ignition", "31ignition-network", "31ignition-stamp", "../dracut.conf.d/50-kindling.conf"} {
		must(b, os.RemoveAll(filepath.Join(modules, name)))
	}
}

// BenchmarkInitramfs tells how much larger an initramfs is with the module of Debian's
// package ignition and with ours, on one Debian: where dracut has modules of clevis, which
// are in every image then; where clevis is installed without them; and without clevis.
func BenchmarkInitramfs(b *testing.B) {
	need(b)
	r := rivals{makeSystem(b, b.TempDir())}
	modules := programs.DebianPackage(b, "clevis-dracut")
	for b.Loop() {
		for _, c := range []struct{ name, prepare string }{
			{"clevis-dracut", `cp -a "$1/." "$2"; [ -e "$2/etc/services" ] || : >"$2/etc/services"`},
			{"clevis", `rm -r "$2"/usr/lib/dracut/modules.d/60clevis*`},
			{"no-clevis", `chroot "$2" dpkg --purge --no-triggers clevis clevis-luks clevis-systemd clevis-tpm2 tpm2-tools libpwquality-tools`},
		} {
			programs.Do(b, "sh", "-ec", c.prepare, "sh", modules, r.tree)
			plain, packed := map[string]int64{}, map[string]int64{}
			r.each(b, func(name, path string) {
				info, err := os.Stat(path)
				must(b, err)
				plain[name] = info.Size()
				packed[name], err = strconv.ParseInt(strings.TrimSpace(programs.Do(b, "sh", "-ec", `gzip -6 <"$1" | wc -c`, "sh", path)), 10, 64)
				must(b, err)
			})
			for how, size := range map[string]map[string]int64{"plain": plain, "gzip": packed} {
				ours, theirs := size["kindling"]-size["neither"], size["debian"]-size["neither"]
				b.Logf("%s, %s: neither %.1f MB, Kindling %.1f MB more, Debian's package %.1f MB more", c.name, how, mb(size["neither"]), mb(ours), mb(theirs))
				b.ReportMetric(mb(ours)/mb(theirs), c.name+"-"+how+"-ratio")
			}
		}
	}
}

func mb(bytes int64) float64 { return float64(bytes) / 1e6 }

// smallest is a config with a partition, its file system and a file there, in the newest
// spec that Debian's package knows.
const smallest = `{"ignition":{"version":"3.3.0"},"storage":{
"disks":[{"device":"/dev/disk/by-id/virtio-data","wipeTable":true,"partitions":[{"number":1,"label":"data"}]}],
"filesystems":[{"device":"/dev/disk/by-partlabel/data","format":"ext4","path":"/srv","wipeFilesystem":true}],
"files":[{"path":"/srv/file","contents":{"source":"data:,besides"}}]}}`

// middle is the median of the one and that of the other.
func middle(all []timed) (m timed) {
	var boots, units []time.Duration
	for _, t := range all {
		boots, units = append(boots, t.boot), append(units, t.units)
	}
	slices.Sort(boots)
	slices.Sort(units)
	return timed{boot: boots[len(boots)/2], units: units[len(units)/2]}
}

// begins and ends are messages of systemd about a unit (sd-messages.h).
var (
	begins = []string{"7d4958e842da4a758f6c1cdc7b36dcc5", "de5b426a63be47a7b6ac3eaac82e2f6f"} // starting, stopping
	ends   = []string{"39f53479d3a045ac8e11786248231fbf", "9d1aaa27d60140bd96365438aad20286"} // started, stopped
)

// readTimes reads a report. The services run one after another.
func readTimes(tb testing.TB, report string) (t timed) {
	tb.Helper()
	seconds := 0.0
	if _, err := fmt.Sscanf(report, "seconds: %f", &seconds); err != nil {
		tb.Fatalf("%v in the report:\n%s", err, report)
	}
	t.boot = time.Duration(seconds * float64(time.Second))
	began := map[string]int{}
	for line := range strings.Lines(report) {
		var entry struct {
			Unit    string `json:"UNIT"`
			Message string `json:"MESSAGE_ID"`
			Time    string `json:"__MONOTONIC_TIMESTAMP"`
		}
		if !strings.HasPrefix(line, "{") {
			continue
		}
		must(tb, json.Unmarshal([]byte(line), &entry))
		at, err := strconv.Atoi(entry.Time)
		must(tb, err)
		since, ok := began[entry.Unit]
		switch {
		case slices.Contains(begins, entry.Message):
			began[entry.Unit] = at
		case ok && slices.Contains(ends, entry.Message):
			t.units += time.Duration(at-since) * time.Microsecond
			delete(began, entry.Unit)
		}
	}
	return t
}
