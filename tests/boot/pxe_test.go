package boot

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

// TestPXE boots a machine over the network: the network card's iPXE asks DHCP what to
// load, gets a script and the kernel over TFTP and the initramfs over HTTP, and the
// kernel arguments in the script name the config.
func TestPXE(t *testing.T) {
	need(t)
	unhurried(t)
	img := newImage(t).stopped(t)
	m := newMachine(t, img)
	files := t.TempDir()
	server := serve(t, http.FileServerFS(os.DirFS(filepath.Dir(img.Initramfs))))
	programs.Do(t, "cp", img.Kernel, filepath.Join(files, "vmlinuz"))
	script := "#!ipxe\n" +
		"kernel tftp://" + hostAddress + "/vmlinuz root=LABEL=root rw " + hurried +
		" kindling.stop ignition.firstboot ignition.platform.id=metal ignition.config.url=" + newWorld(t).good + "\n" +
		"initrd " + server + "/" + filepath.Base(img.Initramfs) + "\nboot\n"
	must(t, os.WriteFile(filepath.Join(files, "boot.ipxe"), []byte(script), 0o600))
	m.loader = []string{
		"-netdev", "user,id=net,bootfile=boot.ipxe,tftp=" + value(files), "-device", "virtio-net-pci,netdev=net,bootindex=0",
	}
	console, report := m.boot("", "")
	expect(t, console, report, "network: up active", "marker: there")
}
