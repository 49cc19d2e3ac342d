package boot

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// arguments are those of the kernel.
var arguments = part{top: `"kernelArguments":{"shouldExist":["kindling.asked=yes"],"shouldNotExist":["kindling.gone"]},`}

// mirror is /var on the disks called more and other.
var mirror = part{
	disks: []string{
		`{"device":"/dev/disk/by-id/virtio-more","wipeTable":true,"partitions":[{"number":1,"label":"var-1","sizeMiB":128},{"number":2,"label":"sealed"}]}`,
		`{"device":"/dev/disk/by-id/virtio-other","wipeTable":true,"partitions":[{"number":1,"label":"var-2","sizeMiB":128}]}`,
	},
	raid:        []string{`{"name":"var","level":"raid1","devices":["/dev/disk/by-partlabel/var-1","/dev/disk/by-partlabel/var-2"]}`},
	filesystems: []string{`{"device":"/dev/md/var","format":"ext4","path":"/var"}`},
	files:       []string{`{"path":"/var/lib/data/file","contents":{"source":"data:,besides"}}`},
	units:       []string{mountUnit("var.mount", "/dev/md/var", "/var")},
}

// sealed is a volume on the partition of that name, which a TPM and a server open together,
// and the network that takes on later boots.
func (s tang) sealed(address string) part {
	return part{
		luks: []string{`{"name":"sealed","device":"/dev/disk/by-partlabel/sealed","options":["--pbkdf","pbkdf2","--pbkdf-force-iterations","1000"],
   "clevis":{"tpm2":true,"threshold":2,"tang":[{"url":"http://` + address + `","thumbprint":"` + s.thumbprint + `"}]}}`},
		filesystems: []string{`{"device":"/dev/mapper/sealed","format":"ext4","path":"/sealed"}`},
		files: []string{
			`{"path":"/sealed/file","contents":{"source":"data:,bound"}}`,
			`{"path":"/etc/systemd/network/10-static.network","mode":420,"contents":{"source":"data:,%5BMatch%5D%0AType=ether%0A%5BNetwork%5D%0AAddress=10.0.2.77/24%0AGateway=10.0.2.2%0A"}}`,
		},
		units: []string{
			`{"name":"sealed.mount","enabled":true,"contents":"[Mount]\nWhat=/dev/mapper/sealed\nWhere=/sealed\nType=ext4\nOptions=_netdev\n[Install]\nRequiredBy=remote-fs.target\n"}`,
			`{"name":"systemd-networkd.service","enabled":true}`,
		},
	}
}

// onSealed is what the machine reports of such a volume.
var onSealed = []string{"sealed: bound /dev/mapper/sealed ext4", "address: 10.0.2.77/24", "failed: "}

// TestWholeMachine starts a machine from its disk, by GRUB, with a config that asks for
// everything at once.
func TestWholeMachine(t *testing.T) {
	need(t)
	t.Parallel()
	m := newMachine(t, newImage(t).bootable(t).armed(t)) // the stamp says it all
	m.loader = []string{"-kernel", m.GRUB}
	m.addDisk("more", 256<<20)
	m.addDisk("other", 256<<20)
	m.connect()
	keys := newTang(t)
	all := config(mirror, keys.sealed(seen(keys.serve(t, "127.0.0.1:0"))), arguments)

	m.startTPM()
	console, report := m.boot(all, "")
	if report != "" {
		t.Fatalf("the machine came up with the wrong kernel arguments:\n%s\n%s", report, console)
	}
	asked := append([]string{
		"hostname: kindled", "user: uid=1000(core) gid=1000(core) groups=1000(core),4(adm)", "keys: 600 core",
		"file: 600 1000:0 s3cret", "link: data/secret", "unit: enabled NAME=kindled", "mounts: ", "stamp: firstboot.done",
		"kernel: kindling.stays kindling.asked=yes ", "mirror: raid1 [UU] ", "var: /dev/md127 ext4", "data: besides ",
		"crypttab: sealed luks,_netdev,x-initrd.attach ",
	}, onSealed...)
	m.startTPM()
	again, report := m.boot(all, "")
	expect(t, console+again, report, append(asked, `result: 600 "userConfigProvided": true`, "stages: 6", `kept: 600 "attempts": 1 0`)...)
	if !strings.Contains(again, "ignition: provisioned in ") || !strings.Contains(again, "ignition: files ") {
		t.Errorf("the console shows no progress:\n%s", again)
	}
	// the config is still there, and nothing looks for it; the volume opens
	m.startTPM()
	console, report = m.boot(all, "")
	expect(t, console, report, append(asked, "stages: 0")...)
}

// startTPM gives the next boot a TPM, which is the same in all of them.
func (m *machine) startTPM() {
	m.Helper()
	state, socket := filepath.Join(m.dir, "tpm"), filepath.Join(m.dir, "tpm.socket")
	must(m.TB, os.MkdirAll(state, 0o700))
	_ = os.Remove(socket) // of the boot before
	server := exec.CommandContext(m.Context(), "swtpm", "socket", "--tpm2", "--terminate", "--tpmstate", "dir=tpm", "--ctrl", "type=unixio,path=tpm.socket")
	server.Dir = m.dir // a comma in a path would end an option
	must(m.TB, server.Start())
	go server.Wait() //nolint:errcheck // it ends with the connection of QEMU, or with the test
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(socket); err == nil {
			break
		}
		if time.Now().After(end) {
			m.Fatal("the TPM does not start")
		}
	}
	m.more = []string{
		"-chardev", "socket,id=tpm,path=" + value(socket), "-tpmdev", "emulator,id=tpm0,chardev=tpm", "-device", "tpm-tis,tpmdev=tpm0",
	}
}
