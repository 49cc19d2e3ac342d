package resource

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/kindling-boot/kindling/config/types"
)

// faulty is a server that spoils three of ten answers, and remembers how.
type faulty struct {
	mu     sync.Mutex
	random *rand.Rand
	faults map[string]map[string]bool // by path
}

// contentOf is what the server has at a path, when it answers well.
func contentOf(path string) []byte {
	h := fnv.New64a()
	_, _ = io.WriteString(h, path)
	random := rand.New(rand.NewPCG(h.Sum64(), 1))
	data := make([]byte, random.IntN(600<<10))
	for i := 0; i < len(data); i += 64 {
		data[i] = byte(random.Uint32())
	}
	return data
}

var faultKinds = []string{"drop", "delay", "truncate", "corrupt", "refuse"}

func (f *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	fault := ""
	if f.random.IntN(10) < 3 {
		fault = faultKinds[f.random.IntN(len(faultKinds))]
		if f.faults[r.URL.Path] == nil {
			f.faults[r.URL.Path] = map[string]bool{}
		}
		f.faults[r.URL.Path][fault] = true
	}
	f.mu.Unlock()
	data := contentOf(r.URL.Path)
	tag := fmt.Sprintf(`"%d"`, len(data))
	if r.URL.Query().Has("gzip") {
		data = gzipped(data)
	}
	switch fault {
	case "drop":
		panic(http.ErrAbortHandler)
	case "refuse":
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case "delay":
		time.Sleep(5 * time.Millisecond)
	case "corrupt":
		data = bytes.Clone(data)
		if len(data) > 0 {
			data[len(data)/2] ^= 0x40
		}
	}
	if r.URL.Query().Has("ranges") {
		w.Header().Set("Etag", tag)
		if fault != "truncate" {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
			return
		}
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	if fault == "truncate" {
		_, _ = w.Write(data[:len(data)*2/3])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(data)
}

// TestFaults: whatever a server does, a content is the right one, or is refused with
// the reason that was there.
func TestFaults(t *testing.T) {
	server := &faulty{random: rand.New(rand.NewPCG(7, 7)), faults: map[string]map[string]bool{}}
	s := httptest.NewUnstartedServer(server)
	s.Config.ErrorLog = quietLog
	s.Start()
	t.Cleanup(s.Close)
	f := quick(Options{})
	contents := 500
	if testing.Short() {
		contents = 100
	}
	var wg sync.WaitGroup
	var right, refused int
	var mu sync.Mutex
	for i := range contents {
		wg.Go(func() {
			path := fmt.Sprintf("/content/%d", i)
			want := contentOf(path)
			r := types.Resource{Source: pointer(s.URL + path), Verification: types.Verification{Hash: sha256Of(want)}}
			switch i % 4 {
			case 1:
				*r.Source += "?gzip"
				r.Compression = pointer("gzip")
			case 2:
				*r.Source += "?ranges"
			case 3:
				*r.Source += "?ranges&gzip"
				r.Compression = pointer("gzip")
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			got, err := fetched(ctx, f, r)
			server.mu.Lock()
			wasCorrupt := server.faults[path]["corrupt"]
			server.mu.Unlock()
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil && bytes.Equal(got, want):
				right++
			case err == nil:
				t.Errorf("%s: %d wrong bytes", path, len(got))
			case wasCorrupt && !errors.Is(err, ErrNotFound) && ctx.Err() == nil: // the hash, gzip, or the comparison of two attempts tells
				refused++
			default:
				t.Errorf("%s is refused: %v; the faults were %v", path, err, server.faults[path])
			}
		})
	}
	wg.Wait()
	t.Logf("%d right, %d refused", right, refused)
	if right < contents*7/10 {
		t.Errorf("only %d of %d came", right, contents)
	}
}
