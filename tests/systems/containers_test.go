package systems

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kindling-boot/kindling/tests/booted"
	"github.com/kindling-boot/kindling/tests/programs"
)

// containerPackages are what a machine has that runs containers. Podman of this Debian is
// older than quadlets, so that a plain unit starts its container here.
var containerPackages = []string{
	"aardvark-dns", "conmon", "crun", "dbus", "docker.io", "iproute2", "iptables", "netavark", "passwd", "podman", "procps", "systemd", "systemd-sysv",
}

// engines are the ways to run a container, and what their documents have of their own. The
// image is a tar that the document brings: no registry is asked.
var engines = []struct{ name, sections, after, run string }{
	{"docker", "docker:\n  flags: [--log-level=warn]\n", "docker.service", "docker run"},
	// crun raises a limit, and podman limits what it starts; not every sandbox allows that
	{"podman", "", "network.target", "podman --runtime=runc run --pids-limit=0"},
}

// containerDocument is the config of a machine with a web server in a container.
func containerDocument(engine, sections, after, run string) string {
	return fmt.Sprintf(`variant: linux
version: 1.0.0-experimental
hostname: web
network:
  links:
    - name: eth0
      addresses: [10.78.0.2/24]
      accept_ra: false
      routes: [{to: default, via: 10.78.0.1}]
%[1]sstorage:
  files:
    - path: /var/lib/web/image.tar
      contents: {local: image.tar}
systemd:
  units:
    - name: web.service
      enabled: true
      contents: |
        [Unit]
        Requires=%[2]s
        After=%[2]s
        [Service]
        ExecStartPre=/usr/bin/%[3]s import /var/lib/web/image.tar localhost/web:1
        ExecStart=/usr/bin/%[4]s --rm --name web --publish 8080:80 localhost/web:1 /bin/busybox httpd -f -p 80 -h /www
        Restart=on-failure
        TimeoutStartSec=infinity
        [Install]
        WantedBy=multi-user.target
`, sections, after, engine, run)
}

// TestContainers: a Debian provisioned from one document boots, a container comes up by
// itself, and a client on another machine is served through its published port.
func TestContainers(t *testing.T) {
	if os.Getenv("KINDLING_SLOW") == "" {
		t.Skip("boots two machines with container engines; KINDLING_SLOW=1 asks for it")
	}
	booted.Need(t, "mmdebstrap", "tar", "curl")
	files := t.TempDir()
	webImage(t, filepath.Join(files, "image.tar"))
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			root := t.TempDir()
			programs.DebianTree(t, root, containerPackages)
			apply(t, root, containerDocument(e.name, e.sections, e.after, e.run), "--files-dir", files)
			machine, client := pair(t)
			m := booted.Start(t, root, machine)
			m.AwaitBoot(5 * time.Minute)
			get := exec.Command("ip", "netns", "exec", client, "curl", "--silent", "--fail",
				"--retry", "60", "--retry-all-errors", "--retry-delay", "2", "http://10.78.0.2:8080/index.html")
			if out, err := get.Output(); err != nil || strings.TrimSpace(string(out)) != "from a container" {
				status, _ := m.Run("systemctl", "status", "--no-pager", "--lines=50", "web.service", "docker.service")
				t.Errorf("the client got %q, %v\n%s\n%s", out, err, status, m.Journal())
			}
			if out, err := m.Run(e.name, "ps", "--format", "{{.Names}}"); err != nil || strings.TrimSpace(out) != "web" {
				t.Errorf("the containers are %q, %v", out, err)
			}
			// what a container engine has mounted would be in the way of removing the tree
			m.PowerOff()
		})
	}
}

// apply translates a document and makes a tree match it, as the first boot does.
func apply(t *testing.T, root, document string, flags ...string) {
	t.Helper()
	config := filepath.Join(t.TempDir(), "config.ign")
	cmd := exec.Command(programs.Path(t, "butane"), append(flags, "--strict", "-o", config)...)
	cmd.Stdin = strings.NewReader(document)
	programs.Output(t, cmd)
	programs.Output(t, exec.Command(programs.Path(t, "ignition"), "apply", "--root", root, config))
}

// pair makes two network namespaces with a cable between them; the second has an address.
func pair(t *testing.T) (machine, client string) {
	t.Helper()
	prefix := fmt.Sprintf("kindling-%d-%s-", os.Getpid(), filepath.Base(t.Name()))
	machine, client = prefix+"machine", prefix+"client"
	for _, name := range []string{machine, client} {
		ip(t, "netns", "add", name)
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "delete", name).Run() })
	}
	ip(t, "-n", client, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", machine)
	ip(t, "-n", client, "address", "add", "10.78.0.1/24", "dev", "eth0")
	ip(t, "-n", client, "link", "set", "eth0", "up")
	return machine, client
}

// webImage writes the root of a container with busybox and a page.
func webImage(t *testing.T, path string) {
	t.Helper()
	program, err := os.ReadFile(filepath.Join(programs.DebianPackage(t, "busybox-static"), "bin/busybox"))
	programs.Must(t, err)
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range []struct {
		name string
		mode int64
		text []byte
	}{{"bin/", 0o755, nil}, {"www/", 0o755, nil}, {"bin/busybox", 0o755, program}, {"www/index.html", 0o644, []byte("from a container\n")}} {
		h := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.text)), Typeflag: tar.TypeReg}
		if strings.HasSuffix(f.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		programs.Must(t, w.WriteHeader(h))
		_, err := w.Write(f.text)
		programs.Must(t, err)
	}
	programs.Must(t, w.Close())
	programs.Must(t, os.WriteFile(path, b.Bytes(), 0o644))
}
