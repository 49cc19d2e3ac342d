package boot

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kindling-boot/kindling/tests/programs"
)

// hostAddress is the host, as QEMU shows it to a guest with a network of its own.
const hostAddress = "10.0.2.2"

// connect gives the machine a network in which it reaches the loopback interface of the
// host. It is one that no packet leaves.
func (m *machine) connect(options ...string) {
	m.disks = append(m.disks, "-netdev", strings.Join(append([]string{"user", "id=net"}, options...), ","),
		"-device", "virtio-net-pci,netdev=net,romfile=")
}

// serve starts a server for machines and returns where they find it.
func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	l := listen(t, "127.0.0.1:0")
	s := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go s.Serve(l) //nolint:errcheck // it ends with the test
	t.Cleanup(func() { _ = s.Close() })
	return "http://" + seen(l.Addr())
}

func listen(t testing.TB, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// seen is an address of the host as a machine sees it.
func seen(a net.Addr) string {
	return strings.Replace(a.String(), "127.0.0.1", hostAddress, 1)
}

// silent returns an address where nobody listens.
func silent(t testing.TB) net.Addr {
	t.Helper()
	l := listen(t, "127.0.0.1:0")
	must(t, l.Close())
	return l.Addr()
}

// tang are the keys of a Tang server.
type tang struct{ folder, thumbprint string }

func newTang(t testing.TB) tang {
	t.Helper()
	keys := t.TempDir()
	programs.Do(t, "/usr/libexec/tangd-keygen", keys)
	files, err := filepath.Glob(filepath.Join(keys, "*.jwk")) // named after their thumbprints
	must(t, err)
	for _, f := range files {
		data, err := os.ReadFile(f)
		must(t, err)
		if strings.Contains(string(data), `"verify"`) {
			return tang{keys, strings.TrimSuffix(filepath.Base(f), ".jwk")}
		}
	}
	t.Fatal("the Tang server has no key that signs")
	return tang{}
}

// serve starts the server at an address of the host. It speaks over its standard input
// and output, as inetd starts it.
func (s tang) serve(t testing.TB, address string) net.Addr {
	t.Helper()
	l := listen(t, address)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				server := exec.CommandContext(t.Context(), "/usr/libexec/tangd", s.folder)
				server.Stdin, server.Stdout = conn, conn
				_ = server.Run() // the machine sees what became of it
				_ = conn.Close()
			}()
		}
	}()
	return l.Addr()
}
