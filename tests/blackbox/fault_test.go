package blackbox

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// contentOf is what the origin has at a path: up to 400 KiB, different for each.
func contentOf(path string) []byte {
	h := fnv.New64a()
	_, _ = io.WriteString(h, path)
	random := rand.New(rand.NewPCG(h.Sum64(), 1))
	data := make([]byte, random.IntN(400<<10))
	for i := 0; i < len(data); i += 64 {
		data[i] = byte(random.Uint32())
	}
	return data
}

func packed(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

// origin serves the contents. Paths that begin with /ranges can be resumed, those that
// end with .gz are packed.
func origin(w http.ResponseWriter, r *http.Request) {
	data := contentOf(r.URL.Path)
	if strings.HasSuffix(r.URL.Path, ".gz") {
		data = packed(data)
	}
	if strings.HasPrefix(r.URL.Path, "/ranges") {
		w.Header().Set("Etag", strconv.Quote(r.URL.Path))
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	_, _ = w.Write(data)
}

// badProxy is a proxy for http that spoils three of ten answers, and remembers how.
type badProxy struct {
	origin string // host and port
	mu     sync.Mutex
	random *rand.Rand
	faults map[string][]string // by path
}

// fault draws what happens to an answer; empty is nothing.
func (p *badProxy) fault(path string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.random.IntN(10) >= 3 {
		return ""
	}
	kinds := []string{"drop", "delay", "truncate", "corrupt", "refuse"}
	kind := kinds[p.random.IntN(len(kinds))]
	p.faults[path] = append(p.faults[path], kind)
	return kind
}

// happened returns what happened to the answers for the paths.
func (p *badProxy) happened(paths []string) (faults []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, path := range paths {
		faults = append(faults, p.faults[path]...)
	}
	return faults
}

func (p *badProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind := p.fault(r.URL.Path)
	switch kind {
	case "drop":
		panic(http.ErrAbortHandler)
	case "refuse":
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case "delay":
		time.Sleep(20 * time.Millisecond) // is the fault
	}
	out := r.Clone(r.Context())
	out.RequestURI, out.URL.Host = "", p.origin
	answer, err := http.DefaultTransport.RoundTrip(out)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	data, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.StatusCode)
	switch {
	case kind == "truncate" && len(data) > 0:
		_, _ = w.Write(data[:len(data)*2/3])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case kind == "corrupt" && len(data) > 0:
		data[len(data)/2] ^= 0x40
	}
	_, _ = w.Write(data)
}

// TestFaults provisions through a proxy that drops, delays, truncates, corrupts or
// refuses three of ten answers: each root is the right one, or it is refused because a
// content was corrupted, and then no file in it is wrong.
func TestFaults(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(origin))
	t.Cleanup(server.Close)
	proxy := &badProxy{origin: server.Listener.Addr().String(), random: rand.New(rand.NewPCG(7, 7)), faults: map[string][]string{}}
	front := httptest.NewUnstartedServer(proxy)
	front.Config.ErrorLog = log.New(io.Discard, "", 0)
	front.Start()
	t.Cleanup(front.Close)
	configs := int64(500)
	if testing.Short() {
		configs = 50
	}
	var right, next atomic.Int64
	var workers sync.WaitGroup
	for range 12 { // most of the time is spent waiting before the next attempt
		workers.Go(func() {
			for n := next.Add(1); n <= configs; n = next.Add(1) {
				t.Run(strconv.FormatInt(n, 10), func(t *testing.T) {
					if provisionThrough(t, proxy, front.URL, n) {
						right.Add(1)
					}
				})
			}
		})
	}
	workers.Wait()
	t.Logf("%d of %d came", right.Load(), configs)
	if right.Load() < configs*7/10 {
		t.Errorf("only %d of %d came", right.Load(), configs)
	}
}

// provisionThrough applies a config with three remote files, and reports whether the
// root is the right one. Each refusal must have its reason.
func provisionThrough(t *testing.T, proxy *badProxy, through string, n int64) bool {
	x := newTarget(t)
	paths := []string{fmt.Sprintf("/plain/%d", n), fmt.Sprintf("/ranges/%d", n), fmt.Sprintf("/ranges/%d.gz", n)}
	var files []map[string]any
	for _, path := range paths {
		contents := map[string]any{
			// the name is the proxy's affair: it is not resolved here
			"source":       "http://files.example" + path,
			"verification": map[string]any{"hash": fmt.Sprintf("sha256-%x", sha256.Sum256(contentOf(path)))},
		}
		if strings.HasSuffix(path, ".gz") {
			contents["compression"] = "gzip"
		}
		files = append(files, map[string]any{"path": path, "contents": contents})
	}
	config, err := json.Marshal(map[string]any{
		"ignition": map[string]any{"version": "3.4.0", "proxy": map[string]any{"httpProxy": through}},
		"storage":  map[string]any{"files": files},
	})
	must(t, err)
	name := filepath.Join(x.work, "config.ign")
	must(t, os.WriteFile(name, config, 0o600))

	r := x.apply(name)
	for _, path := range paths {
		got, err := os.ReadFile(filepath.Join(x.root, path))
		switch {
		case err == nil && !bytes.Equal(got, contentOf(path)):
			t.Errorf("%s has %d wrong bytes", path, len(got))
		case err != nil && (r.exit == 0 || !os.IsNotExist(err)):
			t.Errorf("%v; exit %d", err, r.exit)
		}
	}
	if r.exit == 0 {
		return true
	}
	// what tells: the hash, gzip, or two attempts that do not begin alike
	says := slices.ContainsFunc([]string{"hash does not match", "gzip", "the content has changed"}, func(s string) bool { return strings.Contains(r.stderr, s) })
	if faults := proxy.happened(paths); !slices.Contains(faults, "corrupt") || !says {
		t.Errorf("refused, exit %d; the faults were %v:\n%s", r.exit, faults, r.all())
	}
	return false
}
