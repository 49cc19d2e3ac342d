package blackbox

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// serverAddress is one of a network namespace. It is no loopback address, for which no
// proxy is used: RFC 5737.
const serverAddress = "192.0.2.1"

// newNetwork puts the test into a network of its own: what it listens on and starts from
// now on.
func newNetwork(t *testing.T, tools ...string) {
	t.Helper()
	needRoot(t, append(tools, "ip")...)
	runtime.LockOSThread() // never unlocked: the thread ends with the test
	must(t, unix.Unshare(unix.CLONE_NEWNET))
	for _, args := range []string{"link set lo up", "address add " + serverAddress + "/32 dev lo"} {
		if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", args, err, out)
		}
	}
}

// listen listens in the network of the test.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", serverAddress+":0")
	must(t, err)
	return l
}

func serve(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Listener = listen(t)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// daemon starts a server of the system and waits until it is ready.
func daemon(t *testing.T, ready func() bool, name string, args ...string) {
	t.Helper()
	var said bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &said, &said
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", name, said.String())
		}
	})
	for end := time.Now().Add(time.Minute); !ready(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s does not start:\n%s", name, said.String())
		}
	}
}

// isOpen tells whether a UDP port is open in the network of the calling thread, which need
// not be that of the process's first thread: /proc/net. To try the port would be in the way
// of the server.
func isOpen(port int) func() bool {
	return func() bool {
		sockets, err := os.ReadFile("/proc/thread-self/net/udp")
		return err == nil && strings.Contains(string(sockets), fmt.Sprintf(":%04X ", port))
	}
}

func TestTFTP(t *testing.T) {
	newNetwork(t, "in.tftpd", "dnsmasq")
	files := t.TempDir()
	must(t, os.Chmod(files, 0o755))
	must(t, os.Chmod(filepath.Dir(files), 0o755))
	// a file that fills its last block has one more, of no bytes
	contents := map[string]string{"empty": "", "short": "hello", "blocks": strings.Repeat("x", 1428*3), "large": strings.Repeat("0123456789", 200<<10)}
	for name, content := range contents {
		must(t, os.WriteFile(filepath.Join(files, name), []byte(content), 0o644))
	}
	daemon(t, isOpen(1069), "in.tftpd", "--foreground", "--listen", "--address", "127.0.0.1:1069", "--secure", files)
	daemon(t, isOpen(69), "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--user=root",
		"--listen-address=127.0.0.1", "--bind-interfaces", "--enable-tftp", "--tftp-root="+files, "--log-facility=-")
	for server, at := range map[string]string{"tftpd-hpa": "127.0.0.1:1069", "dnsmasq": "127.0.0.1"} {
		t.Log(server) // no subtest: it would run in the network of another thread
		checkTFTP(t, at, contents)
	}
}

func checkTFTP(t *testing.T, at string, contents map[string]string) {
	t.Helper()
	x := newTarget(t)
	var list []string
	for name, content := range contents {
		list = append(list, fmt.Sprintf(`{"path":"/%s","contents":{"source":"tftp://%s/%s","verification":{"hash":"sha256-%x"}}}`, name, at, name, sha256.Sum256([]byte(content))))
	}
	r := x.apply(x.storage(`"files":[` + strings.Join(list, ",") + `]`))
	if r.exit != 0 {
		t.Fatal(r.all())
	}
	for name, content := range contents {
		x.expect(fmt.Sprintf("%s -rw-r--r-- 0:0 %q", name, content))
	}
	r = newTarget(t).apply(x.storage(fmt.Sprintf(`"files":[{"path":"/x","contents":{"source":"tftp://%s/missing"}}]`, at)))
	if r.exit != 1 || !strings.Contains(r.stderr, "not found") || strings.Contains(r.stderr, "attempts") {
		t.Errorf("a missing file: exit %d:\n%s", r.exit, r.all())
	}
}

// certificate makes one for the server, signed by itself.
func certificate(t *testing.T) (tls.Certificate, []byte) {
	t.Helper()
	return certificateFor(t, serverAddress)
}

func certificateFor(t *testing.T, address string) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.ParseIP(address)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func TestProxy(t *testing.T) {
	newNetwork(t, "tinyproxy")
	conf := filepath.Join(t.TempDir(), "conf")
	must(t, os.WriteFile(conf, []byte("Port 8888\nListen 127.0.0.1\nTimeout 60\nBasicAuth user hush-hush\nDisableViaHeader No\n"), 0o600))
	daemon(t, func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:8888")
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}, "tinyproxy", "-d", "-c", conf)
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprintf(w, "via %q", r.Header.Get("Via")) })
	plain := serve(t, answer)
	cert, authority := certificate(t)
	var tunnels atomic.Int32
	secure := httptest.NewUnstartedServer(answer)
	secure.Listener = listen(t)
	secure.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	secure.Config.ConnState = func(c net.Conn, s http.ConnState) {
		if s == http.StateNew && strings.HasPrefix(c.RemoteAddr().String(), serverAddress) {
			tunnels.Add(1)
		}
	}
	secure.StartTLS()
	t.Cleanup(secure.Close)
	trust := `"security":{"tls":{"certificateAuthorities":[{"source":"data:;base64,` + base64.StdEncoding.EncodeToString(authority) + `"}]}}`
	const through, viaProxy, direct = `http://user:hush-hush@127.0.0.1:8888`, "via \"1.1 ", `via ""`
	for _, c := range []struct {
		name, ignition, source string
		want, says             string
	}{
		{"http goes through the proxy", `"proxy":{"httpProxy":"` + through + `"}`, plain.URL, viaProxy, ""},
		{"noProxy names what does not", `"proxy":{"httpProxy":"` + through + `","noProxy":["192.0.2.0/24"]}`, plain.URL, direct, ""},
		{"https goes through a tunnel", `"proxy":{"httpsProxy":"` + through + `"},` + trust, secure.URL, direct, ""},
		{"https uses the proxy of http", `"proxy":{"httpProxy":"` + through + `"},` + trust, secure.URL, direct, ""},
		{"http does not use the proxy of https", `"proxy":{"httpsProxy":"` + through + `"}`, plain.URL, direct, ""},
		{"a wrong password is final", `"proxy":{"httpProxy":"http://user:hush@127.0.0.1:8888"}`, plain.URL, "", "HTTP status 40"},
		{"a wrong password of a tunnel is final", `"proxy":{"httpsProxy":"http://user:hush@127.0.0.1:8888"},` + trust, secure.URL, "", "the proxy answers: HTTP status 40"},
	} {
		x := newTarget(t)
		name := filepath.Join(x.work, "config.ign")
		must(t, os.WriteFile(name, []byte(`{"ignition":{"version":"3.4.0",`+c.ignition+`},"storage":{"files":[{"path":"/x","contents":{"source":"`+c.source+`"}}]}}`), 0o600))
		r := x.apply(name)
		if (r.exit != 0) != (c.says != "") || !strings.Contains(r.stderr, c.says) || strings.Contains(r.all(), "hush") {
			t.Errorf("%s: exit %d:\n%s", c.name, r.exit, r.all())
			continue
		}
		const shares = "https goes through the proxy of http"
		if told, want := strings.Count(r.all(), shares), strings.Count(c.name, "https uses the proxy of http"); told != want {
			t.Errorf("%s: told %d times that %s:\n%s", c.name, told, shares, r.all())
		}
		if c.says == "" {
			if got, err := os.ReadFile(filepath.Join(x.root, "x")); err != nil || !strings.HasPrefix(string(got), c.want) {
				t.Errorf("%s: %q, %v", c.name, got, err)
			}
		}
	}
	if tunnels.Load() == 0 {
		t.Error("nothing came through a tunnel")
	}
}

func TestAllOfAServerComesOverOneConnection(t *testing.T) {
	newNetwork(t)
	cert, authority := certificate(t)
	var connections, old atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Proto != "HTTP/2.0" {
			old.Add(1)
		}
		_, _ = io.WriteString(w, r.URL.Path)
	}))
	s.Listener, s.EnableHTTP2 = listen(t), true
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	var files []string
	for i := range 50 {
		files = append(files, fmt.Sprintf(`{"path":"/%d","contents":{"source":"%s/%d"}}`, i, s.URL, i))
	}
	x := newTarget(t)
	name := filepath.Join(x.work, "config.ign")
	must(t, os.WriteFile(name, []byte(`{"ignition":{"version":"3.4.0","security":{"tls":{"certificateAuthorities":[{"source":"data:;base64,`+
		base64.StdEncoding.EncodeToString(authority)+`"}]}}},"storage":{"files":[`+strings.Join(files, ",")+`]}}`), 0o600))
	if r := x.apply(name); r.exit != 0 {
		t.Fatalf("exit %d:\n%s", r.exit, r.all())
	}
	for i := range files {
		if got, err := os.ReadFile(filepath.Join(x.root, strconv.Itoa(i))); err != nil || string(got) != fmt.Sprintf("/%d", i) {
			t.Errorf("file %d: %q, %v", i, got, err)
		}
	}
	if connections.Load() != 1 || old.Load() != 0 {
		t.Errorf("%d connections, %d requests without HTTP/2", connections.Load(), old.Load())
	}
}

func TestRemoteContents(t *testing.T) {
	var asked atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("/small", func(w http.ResponseWriter, _ *http.Request) { asked.Add(1); _, _ = io.WriteString(w, "hello") })
	large := bytes.Repeat([]byte("large\n"), 100<<10)
	mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) { asked.Add(1); _, _ = w.Write(large) })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	zero := strings.Repeat("0", 64)
	file := func(path, source, more string) string {
		return fmt.Sprintf(`{"path":%q%s,"contents":{"source":"%s"%s}}`, path, ifText(strings.HasPrefix(path, "/old"), `,"overwrite":true`), s.URL+source, more)
	}
	for _, c := range []struct {
		name   string
		before []string
		files  string
		expect []string
		asked  int32
		fails  string
	}{
		{"what several files have is fetched once", nil, file("/a", "/small", "") + "," + file("/b", "/small", "") + "," + file("/c", "/small", ""), []string{`a "hello"`, `c "hello"`}, 1, ""},
		{
			"what several files have is fetched once, however large", nil,
			file("/a", "/large", "") + "," + file("/b", "/large", "") + `,{"path":"/c","contents":{"source":"` + s.URL + `/large"},"append":[{"source":"data:,end"}]}`,
			[]string{`a large\n"`, `b large\n"`, `c large\nend"`},
			2, "",
		},
		{"a small content with a wrong hash is found before anything changes", nil, `{"path":"/first"},` + file("/b", "/small", `,"verification":{"hash":"sha256-`+zero+`"}`), []string{"b absent", "first absent"}, 1, "hash does not match"},
		{"a large content with a wrong hash never gets its name", []string{"file old kept"}, file("/old", "/large", `,"verification":{"hash":"sha256-`+zero+`"}`), []string{`old "kept"`}, 2, "hash does not match"},
		{"a file with the right hash is not fetched", []string{"file old hello"}, file("/old", "/small", fmt.Sprintf(`,"verification":{"hash":"sha256-%x"}`, sha256.Sum256([]byte("hello")))), []string{`old "hello"`}, 0, ""},
		{"a file with the same content is kept", []string{"file same hello"}, file("/same", "/small", ""), []string{`same "hello"`}, 1, ""},
		{"a file with another content is a conflict", []string{"file same other"}, file("/same", "/small", ""), []string{`same "other"`}, 1, "already there"},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked.Store(0)
			x := newTarget(t, c.before...)
			r := x.apply(x.storage(`"files":[` + c.files + `]`))
			if (r.exit != 0) != (c.fails != "") || !strings.Contains(r.stderr, c.fails) {
				t.Fatalf("exit %d:\n%s", r.exit, r.all())
			}
			x.expect(c.expect...)
			if n := asked.Load(); n != c.asked {
				t.Errorf("the server was asked %d times, want %d", n, c.asked)
			}
			if names, _ := filepath.Glob(filepath.Join(x.root, ".ignition-*")); names != nil {
				t.Errorf("left behind: %v", names)
			}
		})
	}
}

func ifText(condition bool, text string) string {
	if condition {
		return text
	}
	return ""
}

// TestContentsWithoutEnd: what unpacks to more than there is room for, and what never
// ends, stop there and leave nothing.
func TestContentsWithoutEnd(t *testing.T) {
	needRoot(t)
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	zeros := make([]byte, 1<<20)
	for range 64 {
		_, _ = z.Write(zeros)
	}
	must(t, z.Close())
	mux := http.NewServeMux()
	mux.HandleFunc("/bomb", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bomb.Bytes()) })
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(zeros); err != nil {
				return
			}
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	for _, contents := range []string{`"source":"` + s.URL + `/bomb","compression":"gzip"`, `"source":"` + s.URL + `/endless"`} {
		x := newTarget(t)
		mountTmpfs(t, x.root, "size=4m")
		r := x.apply(x.storage(`"files":[{"path":"/x","contents":{` + contents + `}}]`))
		if r.exit != 1 || !strings.Contains(r.stderr, "that are free on the file system") {
			t.Errorf("exit %d:\n%s", r.exit, r.all())
		}
		if names, err := os.ReadDir(x.root); err != nil || len(names) != 0 {
			t.Errorf("something is left behind: %v, %v", names, err)
		}
	}
	x := newTarget(t)
	name := filepath.Join(x.work, "config.ign")
	must(t, os.WriteFile(name, []byte(`{"ignition":{"version":"3.4.0","config":{"merge":[{"source":"`+s.URL+`/endless"}]}}}`), 0o600))
	if r := x.apply(name); r.exit != 1 || !strings.Contains(r.stderr, "too large") {
		t.Errorf("an endless config: exit %d:\n%s", r.exit, r.all())
	}
}

// TestFailureEndsWaiting: nobody waits for a server whose content no longer matters.
func TestFailureEndsWaiting(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/never", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	x := newTarget(t)
	name := filepath.Join(x.work, "config.ign")
	must(t, os.WriteFile(name, []byte(`{"ignition":{"version":"3.4.0","config":{"merge":[{"source":"`+s.URL+`/never"},{"source":"`+s.URL+`/missing"}]}}}`), 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	done := make(chan result, 1)
	go func() { done <- x.apply(name) }()
	select {
	case r := <-done:
		if r.exit != 1 || !strings.Contains(r.stderr, "HTTP status 404") || strings.Contains(r.stderr, "/never") {
			t.Errorf("exit %d:\n%s", r.exit, r.all())
		}
	case <-ctx.Done():
		t.Fatal("it still waits")
	}
}

// TestLargeFileTakesLittleMemory: contents pass through, whatever their size.
func TestLargeFileTakesLittleMemory(t *testing.T) {
	needRoot(t)
	const size, most = 256 << 20, 64 << 20 // bytes
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		z := gzip.NewWriter(w)
		zeros := make([]byte, 1<<20)
		for range size >> 20 {
			_, _ = z.Write(zeros)
		}
		_ = z.Close()
	}))
	t.Cleanup(s.Close)
	x := newTarget(t)
	forgetMemory(t)
	r := x.apply(x.storage(`"files":[{"path":"/x","contents":{"source":"` + s.URL + `","compression":"gzip"}}]`))
	if r.exit != 0 {
		t.Fatal(r.all())
	}
	if info, err := os.Stat(filepath.Join(x.root, "x")); err != nil || info.Size() != size {
		t.Errorf("%v, %v", info, err)
	}
	if r.peak > most {
		t.Errorf("it took %d MiB of memory", r.peak>>20)
	}
}
