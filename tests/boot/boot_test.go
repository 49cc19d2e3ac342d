// Package boot tests first boots as they are: a Debian whose initramfs was made by
// dracut or initramfs-tools, with what this project adds to them, starts in QEMU and
// tells what it became.
package boot

import (
	"encoding/base64"
	"os"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

func TestMain(m *testing.M) {
	status := programs.Main(m)
	_ = os.RemoveAll(made.dir) // an image that was not made has no folder
	_ = os.RemoveAll(packaged.dir)
	os.Exit(status)
}

const first = "ignition.firstboot=1 ignition.platform.id=qemu "

// script tells what the machine is, on the second serial line, and switches it off.
const script = `#!/bin/sh
exec >/dev/ttyS1 2>&1
echo "hostname: $(cat /etc/hostname)"
echo "user: $(id core 2>&1)"
echo "keys: $(stat -c '%a %U' /home/core/.ssh/authorized_keys 2>&1)"
echo "file: $(stat -c '%a %u:%g' /opt/data/secret 2>&1) $(cat /opt/data/secret 2>&1)"
echo "link: $(readlink /opt/link)"
echo "unit: $(systemctl is-enabled report.service) $(systemctl show -P Environment report.service)"
echo "result: $(stat -c %a /etc/.ignition-result.json 2>&1) $(grep -o '"userConfigProvided": *[a-z]*' /etc/.ignition-result.json)"
echo "kept: $(stat -c %a /var/log/ignition/events.jsonl) $(grep -o '"attempts": *[0-9]*' /etc/.ignition-result.json) $(ls /etc/.ignition-attempts.json 2>&1 | grep -c '^/')"
echo "stages: $(journalctl -b -t ignition -o cat | grep -c ' passed$')"
echo "vault: $(cat /vault/file) $(findmnt -rno SOURCE,FSTYPE /vault)"
echo "sealed: $(cat /sealed/file) $(findmnt -rno SOURCE,FSTYPE /sealed)"
echo "data: $(cat /var/lib/data/file) $(findmnt -rno SOURCE,FSTYPE /var/lib/data)"
echo "stamp: $(ls /etc/ignition 2>&1)"
echo "usr: $(findmnt -rno FSTYPE /usr) $(findmnt -rno OPTIONS /usr | cut -d, -f1)"
echo "var: $(findmnt -rno SOURCE,FSTYPE /var)"
echo "kernel: $(grep -o 'kindling\.[a-z=]*' /proc/cmdline | tr '\n' ' ')"
echo "address: $(ip -4 -o addr show scope global | awk '{print $4}')"
echo "mirror: $(grep -A 1 ^md /proc/mdstat | grep -o -e raid1 -e '\[UU\]' | tr '\n' ' ')"
echo "crypttab: $(cut -d ' ' -f 1,4- /etc/crypttab | sort | tr '\n' ' ')"
echo "failed: $(systemctl list-units --failed --plain --no-legend | cut -d ' ' -f 1)"
echo "mounts: $(findmnt -rno TARGET /sysroot 2>&1)"
systemctl poweroff --force
`

// config makes a machine that runs the script at the end of each boot.
// It is asked for the parts given besides.
func config(more ...part) string {
	var all part
	for _, p := range more {
		all.top += p.top
		all.disks = append(all.disks, p.disks...)
		all.raid = append(all.raid, p.raid...)
		all.luks = append(all.luks, p.luks...)
		all.filesystems = append(all.filesystems, p.filesystems...)
		all.files = append(all.files, p.files...)
		all.units = append(all.units, p.units...)
	}
	list := func(items []string) string { return "[" + strings.Join(items, ",\n  ") + "]" }
	data := base64.StdEncoding.EncodeToString([]byte(script))
	return `{"ignition":{"version":"3.4.0"},` + all.top + `
"passwd":{"users":[{"name":"core","groups":["adm"],"sshAuthorizedKeys":["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExample00 core"]}]},
"storage":{
 "directories":[{"path":"/opt/data","mode":448}],
 "files":` + list(append([]string{
		`{"path":"/etc/hostname","overwrite":true,"mode":420,"contents":{"source":"data:,kindled"}}`,
		`{"path":"/opt/data/secret","mode":384,"user":{"name":"core"},"contents":{"source":"data:,s3cret"}}`,
		`{"path":"/opt/report","mode":493,"contents":{"source":"data:;base64,` + data + `"}}`,
	}, all.files...)) + `,
 "links":[{"path":"/opt/link","target":"data/secret"}],
 "disks":` + list(all.disks) + `,
 "raid":` + list(all.raid) + `,
 "luks":` + list(all.luks) + `,
 "filesystems":` + list(all.filesystems) + `},
"systemd":{"units":` + list(append([]string{`{"name":"report.service","enabled":true,
 "contents":"[Unit]\nAfter=multi-user.target\n[Service]\nType=oneshot\nExecStart=/opt/report\n[Install]\nWantedBy=multi-user.target\n",
 "dropins":[{"name":"10-name.conf","contents":"[Service]\nEnvironment=NAME=kindled\n"}]}`}, all.units...)) + `}}`
}

// part is what a config has more: members of its top, each with a comma, and items of its
// lists.
type part struct {
	top                                          string
	disks, raid, luks, filesystems, files, units []string
}

// disks is about the disk called data: a volume whose key the machine keeps, and a file
// system in /var.
var disks = part{
	disks: []string{`{"device":"/dev/disk/by-id/virtio-data","wipeTable":true,
   "partitions":[{"number":1,"label":"vault","sizeMiB":128},{"number":2,"label":"data"}]}`},
	luks: []string{`{"name":"vault","device":"/dev/disk/by-partlabel/vault"}`},
	filesystems: []string{
		`{"device":"/dev/mapper/vault","format":"ext4","path":"/vault"}`,
		`{"device":"/dev/disk/by-partlabel/data","format":"ext4","path":"/var/lib/data","label":"data"}`,
	},
	files: []string{
		`{"path":"/vault/file","contents":{"source":"data:,inside"}}`,
		`{"path":"/var/lib/data/file","contents":{"source":"data:,besides"}}`,
	},
	units: []string{mountUnit("vault.mount", "/dev/mapper/vault", "/vault"), mountUnit("var-lib-data.mount", "/dev/disk/by-label/data", "/var/lib/data")},
}

func mountUnit(name, device, path string) string {
	return `{"name":"` + name + `","enabled":true,"contents":"[Mount]\nWhat=` + device + `\nWhere=` + path + `\nType=ext4\n[Install]\nRequiredBy=local-fs.target\n"}`
}

// TestFirstBoot boots machines from nothing but a config.
func TestFirstBoot(t *testing.T) {
	need(t)
	t.Parallel()
	img := newImage(t)

	t.Run("disks are parted, encrypted and mounted, and open again on the next boot", func(t *testing.T) {
		t.Parallel()
		m := newMachine(t, img)
		m.addDisk("data", 512<<20)
		asked := []string{"vault: inside /dev/mapper/vault ext4", "data: besides /dev/vdb2 ext4", "user: uid=1000(core) gid=1000(core) groups=1000(core),4(adm)"}
		console, report := m.boot(config(disks), first)
		expect(t, console, report, append(asked, "stages: 6")...)
		console, report = m.boot("", "ignition.platform.id=qemu")
		expect(t, console, report, append(asked, "stages: 0")...)
	})

	t.Run("a broken config stops the boot, says where, and changes nothing", func(t *testing.T) {
		t.Parallel()
		m := newMachine(t, img)
		broken := strings.Replace(config(), `"mode":448`, `"mode":"0700"`, 1)
		console, report := m.boot(broken, first)
		if report != "" {
			t.Errorf("the machine came up:\n%s", report)
		}
		for _, want := range []string{":4:44", "storage.directories[0].mode", `"mode":"0700"`} {
			if !strings.Contains(console, want) {
				t.Errorf("the console does not show %q:\n%s", want, console)
			}
		}
		if strings.Contains(console, "s3cret") {
			t.Error("the console shows contents of the config")
		}
		console, report = m.boot(config(), first)
		expect(t, console, report, "hostname: kindled", "file: 600 1000:0 s3cret", `kept: 600 "attempts": 2 0`)
	})

	t.Run("a machine without a config comes up as it is", func(t *testing.T) {
		t.Parallel()
		m := newMachine(t, img)
		console, _ := m.boot("", first+"systemd.unit=reboot.target")
		if strings.Contains(console, "emergency") {
			t.Errorf("the boot has failed:\n%s", console)
		}
	})
}

// expect compares lines of a report. Without one, another boot of the machine would have
// nothing that ends it.
func expect(t testing.TB, console, report string, lines ...string) {
	t.Helper()
	if report == "" {
		t.Fatalf("the machine reports nothing; its console:\n%s", console)
	}
	for _, line := range lines {
		if !strings.Contains("\n"+report, "\n"+line+"\n") {
			t.Errorf("the machine does not report %q", line)
		}
	}
	if t.Failed() {
		t.Logf("report:\n%s\nconsole:\n%s", report, console)
	}
}
