package boot

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// virtiofsd serves a directory of the host. Debian keeps it where no PATH leads.
const virtiofsd = "/usr/lib/qemu/virtiofsd"

// needVirtiofsd skips without that server; in CI that fails.
func needVirtiofsd(t testing.TB) {
	t.Helper()
	if _, err := os.Stat(virtiofsd); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// share gives the machine a directory of the host by a tag. The memory of the machine must
// be shared with the server for that.
func (m *machine) share(tag, dir string) {
	m.Helper()
	socket := filepath.Join(m.dir, "share")
	server := exec.CommandContext(m.Context(), virtiofsd, "--socket-path="+socket, "-o", "source="+dir, "-o", "sandbox=chroot")
	must(m.TB, server.Start())
	m.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(socket); err == nil {
			break
		}
		if time.Now().After(deadline) {
			m.Fatal("the server of the directory does not start")
		}
	}
	m.more = append(m.more,
		"-object", "memory-backend-memfd,id=memory,size=1024M,share=on", "-numa", "node,memdev=memory",
		"-chardev", "socket,id=share,path="+value(socket), "-device", "vhost-user-fs-pci,chardev=share,tag="+tag)
}

// TestDirectoryOfTheHost writes into a directory of the host, which has no device.
func TestDirectoryOfTheHost(t *testing.T) {
	need(t)
	unhurried(t)
	needVirtiofsd(t)
	m := newMachine(t, newImage(t).stopped(t))
	dir := t.TempDir()
	m.share("host", dir)
	console, report := m.boot(`{"ignition":{"version":"3.7.0-experimental"},"storage":{
		"filesystems":[{"device":"host","format":"virtiofs","path":"/srv/host"}],
		"files":[{"path":"/etc/marker","contents":{"source":"data:,there"}},
			{"path":"/srv/host/deep/file","mode":256,"contents":{"source":"data:,by%20the%20guest"}}]}}`, "kindling.stop "+onQEMU)
	expect(t, console, report, "marker: there")
	got, err := os.ReadFile(filepath.Join(dir, "deep/file"))
	if err != nil || string(got) != "by the guest" {
		t.Errorf("the directory has %q, %v\n%s", got, err, console)
	}
}
