package platforms

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/kindling-boot/kindling/tests/platforms/cloud"
)

// marker is in the config of every test, and nowhere else.
const marker = "/etc/from-the-platform"

const userData = `{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"` + marker + `"}]}}`

func zipped(data string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, data) // a Buffer takes everything
	_ = z.Close()
	return b.String()
}

// behaviour is one way a service can be.
type behaviour struct {
	name   string
	answer func(f *cloud.Service, w http.ResponseWriter, n int)
	exit   int
	cached string
	said   string
	// asked is how often the user data was asked for.
	asked int
	// not are platforms for which this is another matter.
	not func(p cloud.Platform) bool
}

var behaviours = []behaviour{
	{name: "config", answer: func(f *cloud.Service, w http.ResponseWriter, _ int) { f.Serve(w, userData) }, cached: marker, asked: 1},
	{name: "gzip", answer: func(f *cloud.Service, w http.ResponseWriter, _ int) { f.Serve(w, zipped(userData)) }, cached: marker, asked: 1, said: "gzip"},
	{
		name: "base64 though nobody said so", cached: marker, asked: 1, said: "base64",
		answer: func(f *cloud.Service, w http.ResponseWriter, _ int) {
			f.Serve(w, base64.StdEncoding.EncodeToString([]byte(zipped(userData))))
		},
	},
	{
		name: "404", cached: empty, asked: 1, said: "WARNING  : http://", not: func(p cloud.Platform) bool { return p.Retried404 },
		answer: func(_ *cloud.Service, w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusNotFound) },
	},
	{
		name: "no bytes", answer: func(*cloud.Service, http.ResponseWriter, int) {}, cached: empty, asked: 1, said: "it has no bytes",
		not: func(p cloud.Platform) bool { return p.ID == "azure" }, // there is a disc as well
	},
	{
		name: "204", cached: empty, asked: 1, not: func(p cloud.Platform) bool { return p.ID == "azure" },
		answer: func(_ *cloud.Service, w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusNoContent) },
	},
	{
		name: "503, then a config", cached: marker, asked: 3,
		answer: func(f *cloud.Service, w http.ResponseWriter, n int) {
			if n < 3 {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			f.Serve(w, userData)
		},
	},
	{
		name: "429 with Retry-After", cached: marker, asked: 2,
		answer: func(f *cloud.Service, w http.ResponseWriter, n int) {
			if n == 1 {
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			f.Serve(w, userData)
		},
	},
	{
		name: "cut body", cached: marker, asked: 2,
		answer: func(f *cloud.Service, w http.ResponseWriter, n int) {
			if n == 1 {
				w.Header().Set("Content-Length", "4000")
			}
			f.Serve(w, userData)
		},
	},
	{
		name: "no config but a web page", exit: 1, cached: nothing, asked: 1, said: "config http",
		answer: func(f *cloud.Service, w http.ResponseWriter, _ int) { f.Serve(w, "<html></html>") },
	},
}

func TestServices(t *testing.T) {
	for _, p := range cloud.Platforms {
		for _, b := range behaviours {
			if b.not != nil && b.not(p) {
				continue
			}
			t.Run(p.ID+"/"+b.name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, p.Address)
				f := &cloud.Service{Platform: p, UserData: userData}
				f.Answer = func(w http.ResponseWriter, n int) { b.answer(f, w, n) }
				w.listen(p.Address+":80", f)
				r := w.stage("fetch", p.ID)
				r.expect(t, b.exit, b.cached, b.said)
				check(t, f, b.asked)
			})
		}
	}
}

// check fails when the service was asked in another way than it expects.
func check(t *testing.T, f *cloud.Service, asked int) {
	t.Helper()
	if questions, wrong := f.Asked(); len(wrong) > 0 || questions != asked {
		t.Errorf("asked %d times, want %d; refused: %v", questions, asked, wrong)
	}
}

func find(t *testing.T, id string) cloud.Platform {
	t.Helper()
	p, ok := cloud.Find(id)
	if !ok {
		t.Fatalf("no platform %s", id)
	}
	return p
}

// single are cases of one platform.
func TestServicesByThemselves(t *testing.T) {
	for _, c := range []struct {
		name, id, address string
		change            func(w *world, f *cloud.Service)
		exit              int
		cached            string
		said              []string
		asked             int
	}{
		{
			name: "AWS without tokens", id: "aws", cached: marker, asked: 1, said: []string{"has no tokens (status 404)"},
			change: func(_ *world, f *cloud.Service) { f.TokenStatus = http.StatusNotFound },
		},
		{
			name: "AWS with the service switched off", id: "aws", exit: 1, cached: nothing, said: []string{"status 403", "switched on"},
			change: func(_ *world, f *cloud.Service) { f.TokenStatus = http.StatusForbidden },
		},
		{
			name: "AWS with an expired token", id: "aws", cached: marker, asked: 1, said: []string{"the token is not accepted"},
			change: func(_ *world, f *cloud.Service) { f.Expired = 1 },
		},
		{
			name: "AWS with a token that never counts", id: "aws", exit: 1, cached: nothing, said: []string{"status 401"},
			change: func(_ *world, f *cloud.Service) { f.Expired = 100 },
		},
		{
			name: "Akamai with an expired token", id: "akamai", cached: marker, asked: 1,
			change: func(_ *world, f *cloud.Service) { f.Expired = 1 },
		},
		{
			name: "Alibaba without tokens", id: "aliyun", cached: marker, asked: 1,
			change: func(_ *world, f *cloud.Service) { f.TokenStatus = http.StatusNotFound },
		},
		{name: "AWS over IPv6 alone", id: "aws", address: "fd00:ec2::254", cached: marker, asked: 1, said: []string{"http://[fd00:ec2::254]/"}},
		{name: "Akamai over IPv6 alone", id: "akamai", address: "fd00:a9fe:a9fe::1", cached: marker, asked: 1},
		{name: "Oracle over IPv6 alone", id: "oraclecloud", address: "fd00:c1::a9fe:a9fe", cached: marker, asked: 1},
		{name: "Scaleway over IPv6 alone", id: "scaleway", address: "fd00:42::42", cached: marker, asked: 1},
		{
			name: "Azure's service is late", id: "azure", cached: marker, asked: 3,
			change: func(_ *world, f *cloud.Service) {
				f.Answer = func(w http.ResponseWriter, n int) {
					if n < 3 {
						w.WriteHeader([]int{404, 410}[n-1])
						return
					}
					f.Serve(w, userData)
				}
			},
		},
		{
			name: "broken base64 where it is prescribed", id: "oraclecloud", exit: 1, cached: nothing, asked: 1, said: []string{"undo base64: there is a wrong letter"},
			change: func(_ *world, f *cloud.Service) {
				f.Answer = func(w http.ResponseWriter, _ int) { _, _ = io.WriteString(w, "eyJpZ25p*") }
			},
		},
		{
			name: "plain JSON where base64 is prescribed", id: "oraclecloud", cached: marker, asked: 1,
			change: func(_ *world, f *cloud.Service) { f.Base64 = false },
		},
		{
			name: "gzip that ends too early", id: "hetzner", exit: 1, cached: nothing, asked: 1, said: []string{"unpack gzip: the data ends too early"},
			change: func(_ *world, f *cloud.Service) {
				f.Answer = func(w http.ResponseWriter, _ int) { _, _ = io.WriteString(w, zipped(userData)[:40]) }
			},
		},
		{
			name: "a body without an end", id: "vultr", exit: 1, cached: nothing, asked: 1, said: []string{"longer than"},
			change: func(_ *world, f *cloud.Service) {
				f.Answer = func(w http.ResponseWriter, _ int) {
					piece := bytes.Repeat([]byte(" "), 1<<20)
					for range 40 {
						if _, err := w.Write(piece); err != nil {
							return
						}
					}
				}
			},
		},
		{
			name: "a header that comes late", id: "upcloud", cached: marker, asked: 1,
			change: func(_ *world, f *cloud.Service) {
				f.Answer = func(w http.ResponseWriter, _ int) {
					time.Sleep(2 * time.Second)
					f.Serve(w, userData)
				}
			},
		},
		{
			name: "a redirect", id: "exoscale", cached: marker, asked: 1,
			change: func(w *world, f *cloud.Service) {
				w.listen("127.0.0.1:8080", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { f.Serve(w, userData) }))
				f.Answer = func(w http.ResponseWriter, _ int) {
					w.Header().Set("Location", "http://127.0.0.1:8080/")
					w.WriteHeader(http.StatusFound)
				}
			},
		},
		{
			name: "401 without a token in the protocol", id: "gcp", exit: 1, cached: nothing, asked: 1, said: []string{"status 401 Unauthorized"},
			change: func(_ *world, f *cloud.Service) {
				f.Answer = func(w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusUnauthorized) }
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := &cloud.Service{Platform: find(t, c.id), UserData: userData}
			if c.address != "" {
				f.Address = c.address
			}
			w := newWorld(t, f.Address)
			if c.change != nil {
				c.change(w, f)
			}
			w.listen(net.JoinHostPort(f.Address, "80"), f)
			w.stage("fetch", c.id).expect(t, c.exit, c.cached, c.said...)
			check(t, f, c.asked)
		})
	}
}

func TestSilenceEndsWithTheTimeLimit(t *testing.T) {
	for name, listen := range map[string]func(w *world){
		"no such address": func(*world) {},
		"nobody listens":  func(w *world) { w.address("169.254.169.254") },
		"no answer": func(w *world) {
			w.address("169.254.169.254")
			l, err := net.Listen("tcp", "169.254.169.254:80")
			w.must(err)
			w.t.Cleanup(func() { _ = l.Close() })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			listen(w)
			w.stage("fetch", "aws", "--fetch-timeout=2s").expect(t, 1, nothing, "platform aws: ", "/latest/api/token")
		})
	}
}
