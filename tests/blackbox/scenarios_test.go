package blackbox

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kindling-boot/kindling/config/spec"
)

// upstream is a scenario that every implementation of these configs must pass, by the name
// that docs/scenarios.md has. It runs for each spec from min on, as an initramfs runs the
// stages. Placeholders of servers are those of fixtures.
type upstream struct {
	name string
	// min is the first spec, max the last; the zero value is the newest.
	min, max spec.Version
	// once runs with the first spec only: it takes seconds.
	once   bool
	before []string
	// ignition are further members of that section, body are other sections.
	ignition, body string
	// document, if set, is the whole config; no config at all if it is "none".
	document string
	// system are files of system configs, by their places below usr, etc and run.
	system map[string]string
	env    []string
	want   []string
	// accounts are patterns of lines, by file and name: "passwd core".
	accounts map[string]string
	// fails is what is said when the scenario must fail; then nothing may have changed.
	fails string
}

// fixtures are the servers of a test.
type fixtures struct {
	replace *strings.Replacer
	text    string // /contents
	config  string // /config
}

const (
	headerAuth  = `{"name":"X-Auth","value":"r8ewap98gfh4d8"},{"name":"Keep-Alive","value":"300"}`
	headerOther = `{"name":"Keep-Alive","value":"1000"},{"name":"Accept","value":"application/json"},{"name":"Accept-Encoding","value":"identity, compress"},{"name":"User-Agent","value":"MyUA"}`
	headerWrong = `{"name":"X-Auth","value":"INVALID"},{"name":"Keep-Alive","value":"300"}`
)

// newFixtures starts the servers.
func newFixtures(t *testing.T) *fixtures {
	t.Helper()
	f := &fixtures{text: "asdf\nfdsa", config: `{"ignition":{"version":"3.0.0"},"storage":{"files":[{"path":"/foo/bar","contents":{"source":"data:,example%20file%0A"}}]}}`}
	certA, authorityA := certificateFor(t, "127.0.0.1")
	certB, authorityB := certificateFor(t, "127.0.0.1")
	payloads := map[string]string{"contents": f.text, "config": f.config, "certificates": string(authorityA), "caBundle": string(authorityA) + string(authorityB)}
	mux := http.NewServeMux()
	for name, payload := range payloads {
		serveWithHeaders(mux, "/"+name, payload)
	}
	plain := httptest.NewServer(mux)
	t.Cleanup(plain.Close)
	var pairs []string
	pair := func(name, value string) { pairs = append(pairs, "$"+name, value) }
	for name, payload := range payloads {
		pair("sha512_"+name, fmt.Sprintf("sha512-%x", sha512.Sum512([]byte(payload))))
		pair("sha256_"+name, fmt.Sprintf("sha256-%x", sha256.Sum256([]byte(payload))))
		pair("data_"+name, "data:;base64,"+base64.StdEncoding.EncodeToString([]byte(payload)))
	}
	for i, cert := range []tls.Certificate{certA, certB} {
		file := fmt.Sprintf("/foo/bar%s", []string{"", "2"}[i])
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, `{"ignition":{"version":"3.0.0"},"storage":{"files":[{"path":%q,"contents":{"source":"data:,tls"}}]}}`, file)
		}))
		s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
		s.Config.ErrorLog = log.New(io.Discard, "", 0) // who does not trust it says so
		s.StartTLS()
		t.Cleanup(s.Close)
		pair("tls"+string(rune('A'+i)), s.URL)
	}
	slow := func(after time.Duration, payload string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-time.After(after):
				_, _ = io.WriteString(w, payload)
			case <-r.Context().Done():
			}
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	pair("delay", slow(11*time.Second, ""))
	pair("slow", slow(2*time.Second, f.config))
	pair("throttle", throttle(t))
	pair("proxy", proxyWith(t, f.config, http.StatusOK))
	pair("dead_proxy", proxyWith(t, "", http.StatusServiceUnavailable))
	pair("tftp", tftpServer(t, payloads))
	pair("auth", headerAuth)
	pair("other", headerOther)
	pair("wrong", headerWrong)
	pair("http", plain.URL)
	f.replace = strings.NewReplacer(pairs...)
	return f
}

// serveWithHeaders serves a text as it is, packed, and to those who send certain headers.
func serveWithHeaders(mux *http.ServeMux, at, text string) {
	const accept = "application/vnd.coreos.ignition+json;version=3." // and so on
	answer := func(ok func(*http.Request) bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if !ok(r) {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			_, _ = io.WriteString(w, text)
		}
	}
	usual := func(r *http.Request) bool {
		return r.Header.Get("Accept-Encoding") == "identity" && strings.HasPrefix(r.Header.Get("User-Agent"), "Ignition/") && strings.HasPrefix(r.Header.Get("Accept"), accept)
	}
	mux.HandleFunc(at, answer(func(*http.Request) bool { return true }))
	mux.HandleFunc(at+"_compressed", func(w http.ResponseWriter, _ *http.Request) {
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, text)
		_ = z.Close()
	})
	mux.HandleFunc(at+"_headers", answer(func(r *http.Request) bool {
		return usual(r) && r.Header.Get("X-Auth") == "r8ewap98gfh4d8" && r.Header.Get("Keep-Alive") == "300"
	}))
	mux.HandleFunc(at+"_headers_redirect", func(w http.ResponseWriter, r *http.Request) {
		// another name of the same server: another origin
		http.Redirect(w, r, "http://localhost:"+strings.TrimPrefix(r.Host, "127.0.0.1:")+at+"_headers_redirected", http.StatusFound)
	})
	mux.HandleFunc(at+"_headers_redirected", answer(func(r *http.Request) bool {
		return r.Header.Get("X-Auth") == "" && r.Header.Get("Keep-Alive") == ""
	}))
	mux.HandleFunc(at+"_headers_overwrite", answer(func(r *http.Request) bool {
		return r.Header.Get("Keep-Alive") == "1000" && r.Header.Get("Accept") == "application/json" && r.Header.Get("Accept-Encoding") == "identity, compress" && r.Header.Get("User-Agent") == "MyUA"
	}))
}

// throttle answers only who has left it alone for a while.
func throttle(t *testing.T) string {
	t.Helper()
	var mu sync.Mutex
	last := time.Now()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if time.Since(last) <= 4*time.Second {
			w.WriteHeader(http.StatusInternalServerError)
		}
		last = time.Now()
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// proxyWith is a proxy that answers everything itself.
func proxyWith(t *testing.T, text string, status int) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// tftpServer serves texts by in.tftpd.
func tftpServer(t *testing.T, texts map[string]string) string {
	t.Helper()
	needRoot(t, "in.tftpd")
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		must(t, os.Chmod(d, 0o755))
	}
	for name, text := range texts {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	free, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	address, _ := free.LocalAddr().(*net.UDPAddr)
	must(t, free.Close())
	daemon(t, isOpen(address.Port), "in.tftpd", "--foreground", "--listen", "--address", address.String(), "--secure", dir)
	return "tftp://" + address.String()
}

// provision runs stages one after another until one fails.
func (x *target) provision(stages []string, config string, env ...string) result {
	x.t.Helper()
	env = append(env, "IGNITION_CONFIG_FILE="+config)
	for name, dir := range map[string]string{"RUNTIME": "run", "LOCAL": "etc"} {
		env = append(env, "IGNITION_SYSTEM_"+name+"_CONFIG_DIR="+filepath.Join(x.work, dir))
	}
	env = append(env, "IGNITION_SYSTEM_CONFIG_DIR="+filepath.Join(x.work, "usr"))
	all := result{}
	for _, stage := range stages {
		r := run(x.t, "", env, "ignition", x.stageArgs(stage)...)
		all.stdout += r.stdout
		all.stderr += r.stderr
		if all.exit = r.exit; r.exit != 0 {
			break
		}
	}
	return all
}

// TestScenarios: what must succeed, and what must fail and change nothing.
func TestScenarios(t *testing.T) {
	needRoot(t, "useradd", "groupadd", "userdel", "groupdel")
	f := newFixtures(t)
	all := append(append(append([]upstream{}, nodeScenarios...), accountScenarios...), sourceScenarios...)
	t.Run("all", func(t *testing.T) { // the servers outlive what runs in parallel
		for _, c := range all {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				for _, v := range spec.All() {
					if v < c.min || c.once && v > c.min || c.max > 0 && v > c.max {
						continue
					}
					c.run(t, f, v)
					if t.Failed() {
						t.Fatalf("with spec %s", v)
					}
				}
			})
		}
	})
}

func (c upstream) run(t *testing.T, f *fixtures, v spec.Version) {
	t.Helper()
	x := newTarget(t, c.before...)
	text := c.document
	if text == "" {
		members := `"version":"$version"`
		if c.ignition != "" {
			members += "," + c.ignition
		}
		text = `{"ignition":{` + members + `}`
		if c.body != "" {
			text += "," + c.body
		}
		text += "}"
	}
	fill := func(s string) string {
		return strings.ReplaceAll(strings.ReplaceAll(f.replace.Replace(s), "$version", v.String()), "OUTSIDE", x.outside)
	}
	config := filepath.Join(x.work, "config.ign")
	if text == "none" {
		text = ""
	}
	must(t, os.WriteFile(config, []byte(fill(text)), 0o600))
	for name, text := range c.system {
		name = filepath.Join(x.work, name)
		must(t, os.MkdirAll(filepath.Dir(name), 0o755))
		must(t, os.WriteFile(name, []byte(fill(text)), 0o600))
	}
	var env []string
	for _, e := range c.env {
		env = append(env, strings.ReplaceAll(e, "WORK", x.work))
	}
	before := snapshot(t, x.root)
	stages := []string{"fetch", "kargs", "disks", "mount", "files", "umount"}
	if v > c.min { // the others have been seen to do nothing
		stages = []string{"fetch", "files"}
	}
	r := x.provision(stages, config, env...)
	x.checkOutside()
	if c.fails != "" {
		c.fails = fill(c.fails)
		if r.exit != 1 || !strings.Contains(r.stdout, c.fails) {
			t.Errorf("exit %d, should be 1 and say %q:\n%s", r.exit, c.fails, r.all())
		}
		if d := diff(before, snapshot(t, x.root)); d != nil {
			t.Errorf("something has changed:\n%s", strings.Join(d, "\n"))
		}
		return
	}
	if r.exit != 0 || bytes.Contains([]byte(r.stdout), []byte("CRITICAL")) {
		t.Fatalf("exit %d:\n%s", r.exit, r.all())
	}
	x.expect(c.want...)
	for name, pattern := range c.accounts {
		file, account, _ := strings.Cut(name, " ")
		x.expectRecord(file, account, pattern)
	}
}
