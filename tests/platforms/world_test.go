// Package platforms runs the fetch stages of the built program against services that
// speak the protocols of the platforms, at the real addresses. Each test has a network
// and mounts of its own, which takes root.
package platforms

import (
	"bytes"
	"crypto/tls"
	"errors"
	"flag"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/tests/programs"
)

func TestMain(m *testing.M) {
	flag.Parse()
	// nearly all of the time is waiting
	if err := flag.Set("test.parallel", "24"); err != nil {
		panic(err)
	}
	os.Exit(programs.Main(m))
}

// world is a machine with its own network and mounts, and nothing else on it.
type world struct {
	t   *testing.T
	dir string
	env []string
}

// newWorld moves the calling goroutine, and what it starts, into a new network and a new
// mount namespace. The goroutine is bound to its thread for the rest of the test.
func newWorld(t *testing.T, addresses ...string) *world {
	t.Helper()
	programs.Need(t, "root", "ip", "mount", "losetup", "mkfs.ext4")
	programs.Path(t, "ignition") // built outside
	runtime.LockOSThread()       // never unlocked: the thread ends with the test
	if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWNS); err != nil {
		t.Fatalf("unshare: %v", err)
	}
	w := &world{t: t, dir: t.TempDir()}
	w.must(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	w.must(unix.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755"))
	w.run("ip", "link", "set", "lo", "up")
	for _, a := range addresses {
		w.address(a)
	}
	w.kernelArguments("quiet")
	return w
}

// address makes the machine answer to an address.
func (w *world) address(a string) {
	w.t.Helper()
	if strings.Contains(a, ":") {
		w.run("ip", "-6", "address", "add", a+"/128", "dev", "lo", "nodad")
		return
	}
	w.run("ip", "address", "add", a+"/32", "dev", "lo")
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) run(name string, args ...string) string {
	w.t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		w.t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// write writes a file below the directory of the test and returns its name.
func (w *world) write(name, data string) string {
	w.t.Helper()
	at := filepath.Join(w.dir, name)
	w.must(os.MkdirAll(filepath.Dir(at), 0o755))
	w.must(os.WriteFile(at, []byte(data), 0o600))
	return at
}

func (w *world) kernelArguments(line string) {
	w.t.Helper()
	w.env = append(w.env, "IGNITION_KERNEL_CMDLINE_PATH="+w.write("cmdline", line+"\n"))
}

// listen starts a server on an address of the machine ("169.254.169.254:80").
func (w *world) listen(address string, h http.Handler) {
	w.t.Helper()
	w.serve(address, h, nil)
}

func (w *world) serve(address string, h http.Handler, certificate *tls.Certificate) {
	w.t.Helper()
	l, err := net.Listen("tcp", address)
	w.must(err)
	s := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	if certificate != nil {
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12})
	}
	go s.Serve(l) //nolint:errcheck // it ends with the test
	w.t.Cleanup(func() { _ = s.Close() })
}

// result is how a run of the program has ended.
type result struct {
	exit int
	said string
	// cache is the rendered config; empty if none was written.
	cache string
	// needNet tells whether the flag was made.
	needNet bool
	took    time.Duration
}

// stage runs one stage.
func (w *world) stage(name, platform string, more ...string) result {
	w.t.Helper()
	cache, flag := filepath.Join(w.dir, "ignition.json"), filepath.Join(w.dir, "neednet")
	args := append([]string{
		"--stage", name, "--platform", platform, "--root", w.dir, "--log-to-stdout", "--fetch-timeout", "30s",
		"--config-cache", cache, "--neednet", flag, "--state-file", filepath.Join(w.dir, "state"),
	}, more...)
	r := w.ignition(args...)
	data, _ := os.ReadFile(cache)
	r.cache = string(data)
	_, err := os.Stat(flag)
	r.needNet = err == nil
	return r
}

// ignition runs the program.
func (w *world) ignition(args ...string) result {
	w.t.Helper()
	cmd := exec.Command(programs.Path(w.t, "ignition"), args...)
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), w.env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	err := cmd.Run()
	r := result{said: out.String(), took: time.Since(start)}
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		r.exit = failed.ExitCode()
	} else {
		w.must(err)
	}
	if strings.Contains(r.said, "panic:") || strings.Contains(r.said, "goroutine ") {
		w.t.Errorf("it has crashed:\n%s", r.said)
	}
	return r
}

// expect checks the end of a run: status, whether there is a config in the cache
// (marker), what was said.
func (r result) expect(t *testing.T, exit int, cached string, said ...string) {
	t.Helper()
	if r.exit != exit {
		t.Errorf("status %d, want %d", r.exit, exit)
	}
	if cached == nothing && r.cache != "" || cached != nothing && !strings.Contains(r.cache, cached) {
		t.Errorf("the cache is %q, want %q", r.cache, cached)
	}
	for _, text := range said {
		if !strings.Contains(r.said, text) {
			t.Errorf("nothing says %q", text)
		}
	}
	if exit == 0 && strings.Contains(r.said, "CRITICAL") {
		t.Error("a success has a critical message")
	}
	if t.Failed() {
		t.Logf("it said:\n%s", r.said)
	}
}

// nothing is the cache that was not written; empty is that of no user config.
const (
	nothing = "(nothing)"
	empty   = `"storage":{}`
)
