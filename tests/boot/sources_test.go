package boot

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/tests/platforms/cloud"
	"github.com/kindling-boot/kindling/tests/programs"
)

// metadata gives the machine a network with a service at the address of clouds. QEMU
// starts a program for each connection to it, which hands it on to the host.
func (m *machine) metadata(service string) {
	m.Helper()
	pass := filepath.Join(m.dir, "pass")
	host, port, err := net.SplitHostPort(service)
	must(m.TB, err)
	must(m.TB, os.WriteFile(pass, fmt.Appendf(nil, "#!/bin/bash\nexec 3<>/dev/tcp/%s/%s\ncat <&3 &\ncat >&3\n", host, port), 0o700))
	m.connect("net=169.254.0.0/16", "host=169.254.0.2", "dns=169.254.0.3", "dhcpstart=169.254.0.15",
		"guestfwd=tcp:169.254.169.254:80-cmd:"+value(pass))
}

// cd puts files into a CD-ROM with a label.
func (m *machine) cd(label string, files map[string]string) {
	m.Helper()
	tree, image := filepath.Join(m.dir, label), filepath.Join(m.dir, label+".iso")
	for name, contents := range files {
		path := filepath.Join(tree, name)
		must(m.TB, os.MkdirAll(filepath.Dir(path), 0o755))
		must(m.TB, os.WriteFile(path, []byte(contents), 0o600))
	}
	programs.Do(m.TB, "xorriso", "-as", "mkisofs", "-quiet", "-R", "-J", "-V", label, "-o", image, tree)
	m.disks = append(m.disks, "-drive", "if=none,id=cd,media=cdrom,readonly=on,file="+value(image),
		"-device", "virtio-scsi-pci", "-device", "scsi-cd,drive=cd")
}

// TestSources boots machines whose configs come from where platforms have them.
func TestSources(t *testing.T) {
	need(t)
	t.Parallel()
	img := newImage(t).stopped(t)
	config := marked("]")
	for _, c := range []struct {
		name, platform string
		arrange        func(t testing.TB, m *machine) (arguments string)
		reports        []string
	}{
		{"a URL on the command line", "metal", func(t testing.TB, m *machine) string {
			m.connect()
			return "ignition.config.url=" + newWorld(t).good
		}, []string{"network: up active"}},
		{"AWS", "aws", func(t testing.TB, m *machine) string { return onCloud(t, m, "aws") }, []string{"network: up active"}},
		{"Google", "gcp", func(t testing.TB, m *machine) string { return onCloud(t, m, "gcp") }, []string{"network: up active"}},
		{"a config drive of OpenStack", "nutanix", func(_ testing.TB, m *machine) string {
			m.connect()
			m.cd("config-2", map[string]string{"openstack/latest/user_data": config, "openstack/latest/meta_data.json": "{}"})
			return ""
		}, []string{"network:  inactive"}},
		{"a cidata volume", "nocloud", func(_ testing.TB, m *machine) string {
			m.connect()
			m.cd("cidata", map[string]string{"user-data": config, "meta-data": "instance-id: i\n"})
			return ""
		}, []string{"network:  inactive"}},
		{"a system in memory, without a disk", "qemu", func(_ testing.TB, m *machine) string {
			m.disks = nil
			m.more = []string{"-fw_cfg", "name=opt/com.coreos/config,string=" + value(config)}
			return "root=tmpfs rootfstype=tmpfs kindling.live"
		}, []string{"diskful: inactive"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, img)
			arguments := c.arrange(t, m)
			console, report := m.boot("", "kindling.stop ignition.firstboot ignition.platform.id="+c.platform+" "+arguments)
			expect(t, console, report, append(c.reports, "marker: there")...)
			if !strings.Contains(report, `"userConfigProvided":true`) {
				t.Errorf("the result does not tell of a config:\n%s", report)
			}
		})
	}
}

// onCloud starts the service of a platform. What it refused is told at the end.
func onCloud(t testing.TB, m *machine, id string) (arguments string) {
	t.Helper()
	p, ok := cloud.Find(id)
	if !ok {
		t.Fatalf("no platform %s", id)
	}
	service := &cloud.Service{Platform: p, UserData: marked("]")}
	m.metadata(strings.Replace(strings.TrimPrefix(serve(t, service), "http://"), hostAddress, "127.0.0.1", 1))
	t.Cleanup(func() {
		if questions, wrong := service.Asked(); questions != 1 || len(wrong) > 0 {
			t.Errorf("the service was asked %d times; it refused %v", questions, wrong)
		}
	})
	return ""
}
