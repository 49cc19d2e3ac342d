package platforms

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// drive attaches a file system with a label and one file, and makes udev's link to it.
func (w *world) drive(label, file, data string) {
	w.t.Helper()
	tree := filepath.Join(w.dir, "tree")
	w.write(filepath.Join("tree", file), data)
	image := filepath.Join(w.dir, "drive-"+label)
	w.run("truncate", "-s", "4M", image)
	w.run("mkfs.ext4", "-q", "-L", label, "-d", tree, image)
	device := w.run("losetup", "-r", "--show", "-f", image)
	w.t.Cleanup(func() { w.run("losetup", "-d", device) })
	w.mask("/dev")
	w.must(os.MkdirAll("/dev/disk/by-label", 0o755))
	w.must(os.Symlink(device, filepath.Join("/dev/disk/by-label", label)))
}

// mask lays a layer over a directory that the machine has for itself.
func (w *world) mask(dir string) {
	w.t.Helper()
	layer := filepath.Join(w.dir, "layer")
	w.must(os.MkdirAll(layer, 0o755))
	w.must(unix.Mount("tmpfs", layer, "tmpfs", 0, ""))
	entries, err := os.ReadDir(dir)
	w.must(err)
	for _, e := range entries {
		var st unix.Stat_t
		at := filepath.Join(layer, e.Name())
		if err := unix.Stat(filepath.Join(dir, e.Name()), &st); err != nil {
			continue
		}
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFBLK, unix.S_IFCHR:
			w.must(unix.Mknod(at, st.Mode, int(st.Rdev)))
		}
	}
	w.must(unix.Mount(layer, dir, "", unix.MS_MOVE, ""))
}

func serving(data string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, data) })
}

func status(code int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
}

// from is a config that tells where it came from.
func from(place string) string { return strings.ReplaceAll(userData, marker, "/from-"+place) }

func TestDriveAndService(t *testing.T) {
	for _, c := range []struct {
		name, platform, label, file string
		data                        string
		service                     http.Handler // nil: none
		cached                      string
		said                        []string
	}{
		{name: "OpenStack: both", platform: "openstack", label: "config-2", file: "openstack/latest/user_data", data: from("drive"), service: serving(from("service")), cached: "/from-drive"},
		{name: "OpenStack: the drive has none", platform: "openstack", label: "CONFIG-2", file: "openstack/latest/meta_data.json", data: "{}", service: serving(from("service")), cached: "/from-service"},
		{name: "OpenStack: neither has one", platform: "openstack", label: "config-2", file: "openstack/latest/user_data", data: "", service: status(404), cached: empty},
		{name: "OpenStack: no service", platform: "openstack", label: "config-2", file: "openstack/latest/user_data", data: zipped(from("drive")), cached: "/from-drive", said: []string{"gzip"}},
		{name: "OpenStack: a broken service", platform: "openstack", label: "config-2", file: "openstack/latest/user_data", data: from("drive"), service: status(403), cached: "/from-drive"},
		{name: "KubeVirt: NoCloud volume", platform: "kubevirt", label: "cidata", file: "user-data", data: from("cidata"), cached: "/from-cidata"},
		{name: "KubeVirt: config drive", platform: "kubevirt", label: "config-2", file: "openstack/latest/user_data", data: from("drive"), cached: "/from-drive"},
		{name: "IBM Cloud", platform: "ibmcloud", label: "cidata", file: "user-data", data: from("cidata"), cached: "/from-cidata"},
		{name: "Nutanix", platform: "nutanix", label: "config-2", file: "openstack/latest/user_data", data: from("drive"), cached: "/from-drive"},
		{name: "PowerVS", platform: "powervs", label: "config-2", file: "openstack/latest/user_data", data: "", cached: empty},
		{name: "Proxmox VE", platform: "proxmoxve", label: "cidata", file: "vendor-data", data: from("cidata"), cached: "/from-cidata"},
		{name: "NoCloud", platform: "nocloud", label: "CIDATA", file: "user-data", data: from("cidata"), cached: "/from-cidata"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "169.254.169.254")
			w.drive(c.label, c.file, c.data)
			if c.service != nil {
				w.listen("169.254.169.254:80", c.service)
			}
			w.stage("fetch", c.platform).expect(t, 0, c.cached, c.said...)
		})
	}
}

func TestEndpointsOfOneService(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		platform string
		v4, v6   http.Handler
		cached   string
	}{
		"IPv6 says 404, IPv4 has a config": {"openstack", serving(from("v4")), status(404), "/from-v4"},
		"IPv4 says 404, IPv6 has a config": {"openstack", status(404), serving(from("v6")), "/from-v6"},
		"IPv6 alone":                       {"openstack", nil, serving(from("v6")), "/from-v6"},
		"Hetzner over IPv6 alone":          {"hetzner", nil, serving(from("v6")), "/from-v6"},
		"both say 404":                     {"openstack", status(404), status(404), empty},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.run("ip", "link", "add", "cloud0", "type", "veth", "peer", "name", "cloud1")
			for _, i := range []string{"cloud0", "cloud1"} {
				w.run("ip", "link", "set", i, "addrgenmode", "none")
				w.run("ip", "link", "set", i, "up")
			}
			w.run("ip", "-6", "address", "add", "fe80::a9fe:a9fe/64", "dev", "cloud0", "nodad")
			if c.v4 != nil {
				w.address("169.254.169.254")
				w.listen("169.254.169.254:80", c.v4)
			}
			w.listen("[fe80::a9fe:a9fe%cloud0]:80", c.v6)
			w.stage("fetch", c.platform).expect(t, 0, c.cached)
		})
	}
}

func TestCloudStackAsksTheDHCPServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "10.1.1.1")
	w.listen("10.1.1.1:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/latest/user-data" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		_, _ = io.WriteString(w, userData)
	}))
	w.must(os.MkdirAll("/run/systemd/netif/leases", 0o755))
	w.must(os.WriteFile("/run/systemd/netif/leases/2", []byte("ADDRESS=10.1.1.7\nSERVER_ADDRESS=10.1.1.1\n"), 0o644))
	w.stage("fetch", "cloudstack").expect(t, 0, marker, "http://10.1.1.1/latest/user-data")
}

func TestOfflineStage(t *testing.T) {
	t.Parallel()
	for _, p := range []string{
		"akamai", "aliyun", "aws", "azure", "brightbox", "cloudstack", "digitalocean", "exoscale", "gcp", "hetzner",
		"openstack", "oraclecloud", "packet", "scaleway", "upcloud", "vultr",
	} {
		t.Run(p+" needs the network", func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			r := w.stage("fetch-offline", p)
			r.expect(t, 0, nothing)
			if !r.needNet {
				t.Error("there is no flag")
			}
		})
	}
	t.Run("metal does not", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		if r := w.stage("fetch-offline", "metal"); r.needNet {
			t.Error("there is a flag")
		} else {
			r.expect(t, 0, empty)
		}
	})
	t.Run("nocloud with a seed in the network does", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, "192.0.2.1")
		w.kernelArguments("ds=nocloud;s=http://192.0.2.1/seed/")
		r := w.stage("fetch-offline", "nocloud")
		r.expect(t, 0, nothing)
		if !r.needNet {
			t.Error("there is no flag")
		}
		w.listen("192.0.2.1:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/seed/user-data" {
				_, _ = io.WriteString(w, userData)
			}
		}))
		w.stage("fetch", "nocloud").expect(t, 0, marker)
	})
	t.Run("a drive does not, unless its config refers to the network", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.drive("config-2", "openstack/latest/user_data", `{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/x","contents":{"source":"http://192.0.2.1/"}}]}}`)
		r := w.stage("fetch-offline", "nutanix")
		r.expect(t, 0, "http://192.0.2.1/")
		if !r.needNet {
			t.Error("there is no flag")
		}
	})
}

func TestKernelArgumentsComeFirst(t *testing.T) {
	t.Parallel()
	hash := fmt.Sprintf("sha256-%x", sha256.Sum256([]byte(from("reference"))))
	reference := func(hash string) string {
		return `{"ignition":{"version":"3.4.0","config":{"merge":[{"source":"http://192.0.2.1/reference","verification":{"hash":"` + hash + `"}}]}}}`
	}
	for _, c := range []struct {
		name, line string
		answers    map[string]string
		exit       int
		cached     string
		said       []string
	}{
		{name: "a URL", line: "ignition.config.url=http://192.0.2.1/a", answers: map[string]string{"/a": from("url")}, cached: "/from-url"},
		{name: "Flatcar's name", line: "flatcar.config.url=http://192.0.2.1/a", answers: map[string]string{"/a": zipped(from("url"))}, cached: "/from-url"},
		{name: "a URL that is not there", line: "ignition.config.url=http://192.0.2.1/a?token=geheim", exit: 1, cached: nothing, said: []string{"kernel argument ignition.config.url", "404"}},
		{name: "a typo in the argument", line: "ignition.config.ulr=http://192.0.2.1/a", cached: empty, said: []string{"did you mean ignition.config.url?"}},
		{name: "a typo in the scheme", line: "ignition.config.url=htpp://192.0.2.1/a", exit: 1, cached: nothing, said: []string{`"htpp" is no URL scheme`}},
		{name: "a reference", line: "ignition.config.url=http://192.0.2.1/a", answers: map[string]string{"/a": reference(hash), "/reference": from("reference")}, cached: "/from-reference"},
		{name: "a reference with another hash", line: "ignition.config.url=http://192.0.2.1/a", answers: map[string]string{"/a": reference(hash), "/reference": from("changed")}, exit: 1, cached: nothing, said: []string{"hash does not match"}},
		{name: "a device that is not there", line: "ignition.config.device=x", exit: 1, cached: nothing, said: []string{"must be given together"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "192.0.2.1")
			w.kernelArguments(c.line)
			w.listen("192.0.2.1:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				data, ok := c.answers[r.URL.Path]
				if !ok {
					w.WriteHeader(http.StatusNotFound)
				}
				_, _ = io.WriteString(w, data)
			}))
			r := w.stage("fetch", "metal")
			r.expect(t, c.exit, c.cached, c.said...)
			if strings.Contains(r.said, "geheim") {
				t.Errorf("a secret shows:\n%s", r.said)
			}
		})
	}
}

// authority makes a certificate for a name, trusted through a file.
func (w *world) authority(name string) tls.Certificate {
	w.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	w.must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	w.must(err)
	w.env = append(w.env, "SSL_CERT_FILE="+w.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestPacketIsToldHowStagesEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hosts := w.write("hosts", "127.0.0.1 metadata.packet.net\n")
	w.must(unix.Mount(hosts, "/etc/hosts", "", unix.MS_BIND, ""))
	certificate := w.authority("metadata.packet.net")
	var mu sync.Mutex
	var events []string
	user := userData
	w.serve("127.0.0.1:443", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		switch {
		case r.URL.Path == "/events/events" && r.Method == http.MethodPost:
			events = append(events, r.Header.Get("Content-Type")+" "+string(body))
		case r.Header.Get("Accept") != "*/*":
			w.WriteHeader(http.StatusNotAcceptable)
		case r.URL.Path == "/userdata":
			_, _ = io.WriteString(w, user)
		case r.URL.Path == "/metadata":
			_, _ = io.WriteString(w, `{"id":"x","phone_home_url":"https://metadata.packet.net/events/phone-home"}`)
		default:
			w.WriteHeader(http.StatusTeapot)
		}
	}), &certificate)
	w.stage("fetch", "packet").expect(t, 0, marker)
	mu.Lock()
	user = "no config"
	mu.Unlock()
	w.must(os.Remove(filepath.Join(w.dir, "ignition.json")))
	w.stage("fetch", "packet").expect(t, 1, nothing)
	mu.Lock()
	defer mu.Unlock()
	want := []string{
		`application/json {"state":"running","message":"[fetch] Ignition status: finished successfully"}`,
		`application/json {"state":"failed","message":"[fetch] Ignition error: config https://metadata.packet.net/userdata is not valid"}`,
	}
	if !slices.Equal(events, want) {
		t.Errorf("it was told\n%s", strings.Join(events, "\n"))
	}
}

func TestFetchConfigTellsWhatIsFound(t *testing.T) {
	t.Parallel()
	const secret = "geheim"
	w := newWorld(t, "169.254.169.254")
	w.listen(net.JoinHostPort("169.254.169.254", "80"), serving(zipped(strings.ReplaceAll(userData, marker, "/"+secret))))
	r := w.ignition("fetch-config", "--platform", "hetzner")
	r.expect(t, 0, "", "hetzner (by --platform)", "found by hetzner at http://169.254.169.254/hetzner/v1/userdata", "gzip of", "Ignition 3.4.0, valid")
	if strings.Contains(r.said, secret) {
		t.Errorf("the config shows:\n%s", r.said)
	}
	r = w.ignition("fetch-config", "--platform", "hetzner", "--raw")
	r.expect(t, 0, "", secret)
	w.kernelArguments("ignition.platform.id=vultr ignition.config.url=http://169.254.169.254/?key=" + secret)
	r = w.ignition("fetch-config", "--format", "json")
	r.expect(t, 0, "", `"platform": "vultr"`, `"provider": "cmdline"`, `"result": "found"`, `"chosenBy": "kernel argument ignition.platform.id"`)
	if strings.Contains(r.said, secret) {
		t.Errorf("a secret shows:\n%s", r.said)
	}
	w.ignition("fetch-config", "--platform", "aws", "--offline").expect(t, 1, "", "it needs the network")
	w.ignition("fetch-config", "--platform", "metal", "extra").expect(t, 2, "", "takes no arguments")
	w.ignition("fetch-config", "--platform", "ec2").expect(t, 2, "", "did you mean aws?")
}
