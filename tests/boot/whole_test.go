package boot

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// wholePart is about the disks called data and more, a network, and the arguments of the
// kernel.
func (s tang) wholePart(address string) part {
	return part{
		top: `"kernelArguments":{"shouldExist":["kindling.asked=yes"],"shouldNotExist":["kindling.gone"]},`,
		storage: `"disks":[
  {"device":"/dev/disk/by-id/virtio-data","wipeTable":true,"partitions":[{"number":1,"label":"var-1","sizeMiB":128},{"number":2,"label":"vault"}]},
  {"device":"/dev/disk/by-id/virtio-more","wipeTable":true,"partitions":[{"number":1,"label":"var-2","sizeMiB":128}]}],
 "raid":[{"name":"var","level":"raid1","devices":["/dev/disk/by-partlabel/var-1","/dev/disk/by-partlabel/var-2"]}],
 "luks":[{"name":"vault","device":"/dev/disk/by-partlabel/vault","options":["--pbkdf","pbkdf2","--pbkdf-force-iterations","1000"],
  "clevis":{"tpm2":true,"threshold":2,"tang":[{"url":"http://` + address + `","thumbprint":"` + s.thumbprint + `"}]}}],
 "filesystems":[
  {"device":"/dev/md/var","format":"ext4","path":"/var"},
  {"device":"/dev/mapper/vault","format":"ext4","path":"/vault"}]`,
		files: `{"path":"/vault/file","contents":{"source":"data:,inside"}},{"path":"/var/lib/data/file","contents":{"source":"data:,besides"}},
  {"path":"/etc/systemd/network/10-static.network","mode":420,"contents":{"source":"data:,%5BMatch%5D%0AType=ether%0A%5BNetwork%5D%0AAddress=10.0.2.77/24%0AGateway=10.0.2.2%0A"}}`,
		units: mountUnit("var.mount", "/dev/md/var", "/var") + `,
  {"name":"vault.mount","enabled":true,"contents":"[Mount]\nWhat=/dev/mapper/vault\nWhere=/vault\nType=ext4\nOptions=_netdev\n[Install]\nRequiredBy=remote-fs.target\n"},
  {"name":"systemd-networkd.service","enabled":true}`,
	}
}

// TestWholeMachine starts a machine from its disk, by GRUB, with a config that asks for
// everything at once.
func TestWholeMachine(t *testing.T) {
	need(t)
	unhurried(t, t.Name())
	m := newMachine(t, newImage(t).bootable(t).armed(t))
	m.loader = []string{"-kernel", m.GRUB}
	m.addDisk("data", 256<<20)
	m.addDisk("more", 256<<20)
	m.connect()
	keys := newTang(t)
	all := config(keys.wholePart(seen(keys.serve(t, "127.0.0.1:0"))))

	m.startTPM()
	console, report := m.boot(all, "")
	if report != "" {
		t.Fatalf("the machine came up with the wrong kernel arguments:\n%s\n%s", report, console)
	}
	asked := []string{
		"kernel: kindling.stays kindling.asked=yes ", "address: 10.0.2.77/24", "mirror: raid1 [UU] ",
		"vault: inside /dev/mapper/vault ext4", "data: besides ", "var: /dev/md127 ext4", "crypttab: vault none luks,_netdev,x-initrd.attach",
		"hostname: kindled", "user: uid=1000(core) gid=1000(core) groups=1000(core),4(adm)", "keys: 600 core",
		"unit: enabled NAME=kindled", "mounts: ", "stamp: firstboot.done", "failed: ",
	}
	m.startTPM()
	again, report := m.boot(all, "")
	expect(t, console+again, report, append(asked, "stages: 6")...)
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
