package systems

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/kindling-boot/kindling/tests/booted"
	"github.com/kindling-boot/kindling/tests/programs"
)

// containerPackages are what a machine has that runs containers.
var containerPackages = []string{
	"aardvark-dns", "conmon", "crun", "dbus", "docker.io", "iproute2", "iptables", "netavark", "passwd", "podman", "procps", "systemd", "systemd-sysv",
}

// containerHead starts the documents of machines with a web server in a container. The image
// is a file that the document brings: no registry is asked.
const containerHead = `variant: linux
version: 1.0.0-experimental
hostname: web
network:
  links:
    - name: eth0
      addresses: [10.78.0.2/24]
      accept_ra: false
      routes: [{to: default, via: 10.78.0.1}]
`

// containerUnit is the rest of a document whose container is started by a unit.
func containerUnit(sections, after, engine, run string) string {
	return fmt.Sprintf(`%[1]sstorage:
  files:
    - path: /var/lib/web/image.tar
      contents: {local: root.tar}
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

// containerQuadlet is the rest of a document whose container is one for the generator of
// podman. The image is there by its digest before the container starts.
func containerQuadlet(digest string) string {
	return fmt.Sprintf(`containers:
  - name: web
    image: localhost/web@%s
    command: [/bin/busybox, httpd, -f, -p, "80", -h, /www]
    environment: {ODD: ' a "b" $c %%n \d'}
    ports: ["8080:80"]
    volumes: ["/srv/www:/www:ro"]
    read_only: true
    restart: on-failure
storage:
  files:
    - path: /var/lib/web/image.tar
      contents: {local: image.tar}
    - path: /srv/www/index.html
      contents: {inline: "from a container\n"}
    # crun raises a limit, and podman limits what it starts; not every sandbox allows that
    - path: /etc/containers/containers.conf
      contents: {inline: "[engine]\nruntime = \"runc\"\n[containers]\npids_limit = 0\n"}
systemd:
  units:
    - name: web-image.service
      enabled: true
      contents: |
        [Unit]
        Before=web.service
        [Service]
        Type=oneshot
        RemainAfterExit=yes
        ExecStart=/usr/bin/podman load --input /var/lib/web/image.tar
        TimeoutStartSec=infinity
        [Install]
        RequiredBy=web.service
`, digest)
}

// TestContainers: a Debian provisioned from one document boots, a container comes up by
// itself, and a client on another machine is served through its published port.
func TestContainers(t *testing.T) {
	if os.Getenv("KINDLING_SLOW") == "" {
		t.Skip("boots machines with container engines; KINDLING_SLOW=1 asks for it")
	}
	booted.Need(t, "mmdebstrap", "tar", "curl")
	files := t.TempDir()
	webRoot(t, filepath.Join(files, "root.tar"))
	digest := webImage(t, filepath.Join(files, "image.tar"), filepath.Join(files, "root.tar"))
	for _, e := range []struct{ name, engine, document string }{
		{"docker", "docker", containerUnit("docker:\n  flags: [--log-level=warn]\n", "docker.service", "docker", "docker run")},
		// crun raises a limit, and podman limits what it starts; not every sandbox allows that
		{"podman", "podman", containerUnit("", "network.target", "podman", "podman --runtime=runc run --pids-limit=0")},
		{"a quadlet", "podman", containerQuadlet(digest)},
	} {
		t.Run(e.name, func(t *testing.T) {
			root := t.TempDir()
			programs.DebianTree(t, root, containerPackages)
			// podman of this Debian is older than quadlets: it brings no generator
			generator := programs.Foreign(t, "tests/linux/quadlet", "github.com/containers/podman/v5/cmd/quadlet")
			programs.Do(t, "install", "-D", generator, filepath.Join(root, "usr/lib/systemd/system-generators/podman-system-generator"))
			apply(t, root, containerHead+e.document, "--files-dir", files)
			machine, client := pair(t)
			m := booted.Start(t, root, machine)
			m.AwaitBoot(5 * time.Minute)
			get := exec.Command("ip", "netns", "exec", client, "curl", "--silent", "--fail",
				"--retry", "60", "--retry-all-errors", "--retry-delay", "2", "http://10.78.0.2:8080/index.html")
			if out, err := get.Output(); err != nil || strings.TrimSpace(string(out)) != "from a container" {
				status, _ := m.Run("systemctl", "status", "--no-pager", "--lines=50", "web.service", "web-image.service", "docker.service")
				t.Errorf("the client got %q, %v\n%s\n%s", out, err, status, m.Journal())
			}
			if out, err := m.Run(e.engine, "ps", "--format", "{{.Names}}"); err != nil || strings.TrimSpace(out) != "web" {
				t.Errorf("the containers are %q, %v", out, err)
			}
			if strings.Contains(e.document, "ODD") {
				const want = `ODD= a "b" $c %n \d`
				if out, err := m.Run("podman", "exec", "web", "/bin/busybox", "env"); err != nil || !strings.Contains(out, want+"\n") {
					t.Errorf("there is no %s in the environment: %v\n%s", want, err, out)
				}
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

// webRoot writes the root of a container with busybox and a page.
func webRoot(t *testing.T, path string) {
	t.Helper()
	program, err := os.ReadFile(filepath.Join(programs.DebianPackage(t, "busybox-static"), "bin/busybox"))
	programs.Must(t, err)
	writeTar(t, path, []entry{{"bin/", 0o755, nil}, {"www/", 0o755, nil}, {"bin/busybox", 0o755, program}, {"www/index.html", 0o644, []byte("from a container\n")}})
}

// webImage writes an image of a root, as an archive of the layout of OCI, and returns the
// digest that pins it: https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md.
func webImage(t *testing.T, path, root string) (digest string) {
	t.Helper()
	layer, err := os.ReadFile(root)
	programs.Must(t, err)
	entries := []entry{{"oci-layout", 0o644, []byte(`{"imageLayoutVersion":"1.0.0"}`)}, {"blobs/", 0o755, nil}, {"blobs/sha256/", 0o755, nil}}
	blob := func(kind string, data []byte) (digest, descriptor string) {
		sum := fmt.Sprintf("%x", sha256.Sum256(data))
		entries = append(entries, entry{"blobs/sha256/" + sum, 0o644, data})
		digest = "sha256:" + sum
		return digest, fmt.Sprintf(`"mediaType":"application/vnd.oci.image.%s","digest":"%s","size":%d`, kind, digest, len(data))
	}
	diff, layerAt := blob("layer.v1.tar", layer)
	_, configAt := blob("config.v1+json", []byte(`{"architecture":"`+runtime.GOARCH+`","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["`+diff+`"]}}`))
	digest, manifestAt := blob("manifest.v1+json", []byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{`+configAt+`},"layers":[{`+layerAt+`}]}`))
	entries = append(entries, entry{"index.json", 0o644, []byte(`{"schemaVersion":2,"manifests":[{` + manifestAt + `,"annotations":{"org.opencontainers.image.ref.name":"localhost/web:1"}}]}`)})
	writeTar(t, path, entries)
	return digest
}

// entry is a file of an archive, or a directory if its name ends in a slash.
type entry struct {
	name string
	mode int64
	text []byte
}

func writeTar(t *testing.T, path string, entries []entry) {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range entries {
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
