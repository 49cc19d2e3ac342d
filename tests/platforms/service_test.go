package platforms

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// marker is in the config of every test, and nowhere else.
const marker = "/etc/from-the-platform"

const userData = `{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"` + marker + `"}]}}`

// platform is what a service of a platform is like, as its documentation has it.
type platform struct {
	id      string
	address string // host of the service
	path    string // of the user data, with its query
	header  map[string]string
	// refusal is the status without the header.
	refusal int
	token   *tokenStep
	base64  bool
	lowPort bool
	// retried404: a 404 is no answer but asked about again.
	retried404 bool
}

type tokenStep struct {
	path, request, carry string
}

var aws = tokenStep{"/latest/api/token", "X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "X-Aws-Ec2-Metadata-Token"}

var platforms = []platform{
	{
		id: "akamai", address: "169.254.169.254", path: "/v1/user-data", header: map[string]string{"Accept": "*/*"}, refusal: 406, base64: true,
		token: &tokenStep{"/v1/token", "Metadata-Token-Expiry-Seconds", "Metadata-Token"},
	},
	{
		id: "aliyun", address: "100.100.100.200", path: "/latest/user-data",
		token: &tokenStep{"/latest/api/token", "X-Aliyun-Ecs-Metadata-Token-Ttl-Seconds", "X-Aliyun-Ecs-Metadata-Token"},
	},
	{id: "aws", address: "169.254.169.254", path: "/2019-10-01/user-data", token: &aws},
	{
		id: "azure", address: "169.254.169.254", path: "/metadata/instance/compute/userData?api-version=2021-01-01&format=text",
		header: map[string]string{"Metadata": "true"}, refusal: 400, base64: true, retried404: true,
	},
	{id: "brightbox", address: "169.254.169.254", path: "/openstack/latest/user_data"},
	{id: "digitalocean", address: "169.254.169.254", path: "/metadata/v1/user-data"},
	{id: "exoscale", address: "169.254.169.254", path: "/1.0/user-data"},
	{
		id: "gcp", address: "169.254.169.254", path: "/computeMetadata/v1/instance/attributes/user-data",
		header: map[string]string{"Metadata-Flavor": "Google"}, refusal: 403,
	},
	{id: "hetzner", address: "169.254.169.254", path: "/hetzner/v1/userdata"},
	{id: "openstack", address: "169.254.169.254", path: "/openstack/latest/user_data"},
	{
		id: "oraclecloud", address: "169.254.169.254", path: "/opc/v2/instance/metadata/user_data",
		header: map[string]string{"Authorization": "Bearer Oracle"}, refusal: 403, base64: true,
	},
	{id: "scaleway", address: "169.254.42.42", path: "/user_data/cloud-init", lowPort: true},
	{id: "upcloud", address: "169.254.169.254", path: "/metadata/v1/user_data"},
	{id: "vultr", address: "169.254.169.254", path: "/user-data/user-data"},
}

// fakeService speaks the protocol of a platform and refuses what does not.
type fakeService struct {
	platform
	// answer answers the n-th good question for user data, from 1; nil serves userData.
	answer func(w http.ResponseWriter, n int)
	// tokens that are refused before one is accepted.
	expired int
	// tokenStatus, if not 0, is all there is about tokens; user data takes none then.
	tokenStatus int

	mu        sync.Mutex
	questions int
	tokens    int
	wrong     []string
}

func (f *fakeService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.token != nil && r.URL.Path == f.token.path {
		f.serveToken(w, r)
		return
	}
	if r.Method != http.MethodGet || r.URL.RequestURI() != f.path {
		f.refuse(w, http.StatusTeapot, "%s %s", r.Method, r.URL)
		return
	}
	for name, value := range f.header {
		if r.Header.Get(name) != value {
			f.refuse(w, f.refusal, "header %s: %q", name, r.Header.Get(name))
			return
		}
	}
	if f.token != nil && f.tokenStatus == 0 && r.Header.Get(f.token.carry) != f.good() {
		if r.Header.Get(f.token.carry) == "" {
			f.refuse(w, http.StatusUnauthorized, "no token")
		} else {
			w.WriteHeader(http.StatusUnauthorized) // expired
		}
		return
	}
	if f.lowPort {
		if _, port, _ := net.SplitHostPort(r.RemoteAddr); len(port) > 4 || port > "1023" && len(port) == 4 {
			f.refuse(w, http.StatusForbidden, "port %s", port)
			return
		}
	}
	if r.Header.Get("Accept-Encoding") != "identity" || !strings.HasPrefix(r.UserAgent(), "Ignition/") {
		f.refuse(w, http.StatusTeapot, "headers %v", r.Header)
		return
	}
	f.questions++
	if f.answer == nil {
		f.serve(w, userData)
		return
	}
	f.answer(w, f.questions)
}

// good is the token that counts: the ones before have expired.
func (f *fakeService) good() string { return fmt.Sprintf("token-%d", f.expired+1) }

func (f *fakeService) serveToken(w http.ResponseWriter, r *http.Request) {
	if f.tokenStatus != 0 {
		w.WriteHeader(f.tokenStatus)
		return
	}
	if seconds, err := strconv.Atoi(r.Header.Get(f.token.request)); r.Method != http.MethodPut || err != nil || seconds < 1 || seconds > 21600 {
		f.refuse(w, http.StatusBadRequest, "token: %s, %v", r.Method, r.Header)
		return
	}
	f.tokens++
	fmt.Fprintf(w, "token-%d\n", f.tokens)
}

func (f *fakeService) refuse(w http.ResponseWriter, status int, format string, args ...any) {
	f.wrong = append(f.wrong, fmt.Sprintf(format, args...))
	w.WriteHeader(status)
}

// serve sends data as the platform encodes it.
func (f *fakeService) serve(w io.Writer, data string) {
	if f.base64 {
		data = base64.StdEncoding.EncodeToString([]byte(data))
	}
	_, _ = io.WriteString(w, data) // the client may have gone
}

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
	answer func(f *fakeService, w http.ResponseWriter, n int)
	exit   int
	cached string
	said   string
	// asked is how often the user data was asked for.
	asked int
	// not are platforms for which this is another matter.
	not func(p platform) bool
}

var behaviours = []behaviour{
	{name: "config", answer: func(f *fakeService, w http.ResponseWriter, _ int) { f.serve(w, userData) }, cached: marker, asked: 1},
	{name: "gzip", answer: func(f *fakeService, w http.ResponseWriter, _ int) { f.serve(w, zipped(userData)) }, cached: marker, asked: 1, said: "gzip"},
	{
		name: "base64 though nobody said so", cached: marker, asked: 1, said: "base64",
		answer: func(f *fakeService, w http.ResponseWriter, _ int) {
			f.serve(w, base64.StdEncoding.EncodeToString([]byte(zipped(userData))))
		},
	},
	{
		name: "404", cached: empty, asked: 1, said: "WARNING  : http://", not: func(p platform) bool { return p.retried404 },
		answer: func(_ *fakeService, w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusNotFound) },
	},
	{
		name: "no bytes", answer: func(*fakeService, http.ResponseWriter, int) {}, cached: empty, asked: 1, said: "it has no bytes",
		not: func(p platform) bool { return p.id == "azure" }, // there is a disc as well
	},
	{
		name: "204", cached: empty, asked: 1, not: func(p platform) bool { return p.id == "azure" },
		answer: func(_ *fakeService, w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusNoContent) },
	},
	{
		name: "503, then a config", cached: marker, asked: 3,
		answer: func(f *fakeService, w http.ResponseWriter, n int) {
			if n < 3 {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			f.serve(w, userData)
		},
	},
	{
		name: "429 with Retry-After", cached: marker, asked: 2,
		answer: func(f *fakeService, w http.ResponseWriter, n int) {
			if n == 1 {
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			f.serve(w, userData)
		},
	},
	{
		name: "cut body", cached: marker, asked: 2,
		answer: func(f *fakeService, w http.ResponseWriter, n int) {
			if n == 1 {
				w.Header().Set("Content-Length", "4000")
			}
			f.serve(w, userData)
		},
	},
	{
		name: "no config but a web page", exit: 1, cached: nothing, asked: 1, said: "config http",
		answer: func(f *fakeService, w http.ResponseWriter, _ int) { f.serve(w, "<html></html>") },
	},
}

func TestServices(t *testing.T) {
	for _, p := range platforms {
		for _, b := range behaviours {
			if b.not != nil && b.not(p) {
				continue
			}
			t.Run(p.id+"/"+b.name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, p.address)
				f := &fakeService{platform: p}
				f.answer = func(w http.ResponseWriter, n int) { b.answer(f, w, n) }
				w.listen(p.address+":80", f)
				r := w.stage("fetch", p.id)
				r.expect(t, b.exit, b.cached, b.said)
				f.check(t, b.asked)
			})
		}
	}
}

// check fails when the service was asked in another way than it expects.
func (f *fakeService) check(t *testing.T, asked int) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.wrong) > 0 || f.questions != asked {
		t.Errorf("asked %d times, want %d; refused: %v", f.questions, asked, f.wrong)
	}
}

func find(t *testing.T, id string) platform {
	t.Helper()
	for _, p := range platforms {
		if p.id == id {
			return p
		}
	}
	t.Fatalf("no platform %s", id)
	return platform{}
}

// single are cases of one platform.
func TestServicesByThemselves(t *testing.T) {
	for _, c := range []struct {
		name, id, address string
		change            func(w *world, f *fakeService)
		exit              int
		cached            string
		said              []string
		asked             int
	}{
		{
			name: "AWS without tokens", id: "aws", cached: marker, asked: 1, said: []string{"has no tokens (status 404)"},
			change: func(_ *world, f *fakeService) { f.tokenStatus = http.StatusNotFound },
		},
		{
			name: "AWS with the service switched off", id: "aws", exit: 1, cached: nothing, said: []string{"status 403", "switched on"},
			change: func(_ *world, f *fakeService) { f.tokenStatus = http.StatusForbidden },
		},
		{
			name: "AWS with an expired token", id: "aws", cached: marker, asked: 1, said: []string{"the token is not accepted"},
			change: func(_ *world, f *fakeService) { f.expired = 1 },
		},
		{
			name: "AWS with a token that never counts", id: "aws", exit: 1, cached: nothing, said: []string{"status 401"},
			change: func(_ *world, f *fakeService) { f.expired = 100 },
		},
		{
			name: "Akamai with an expired token", id: "akamai", cached: marker, asked: 1,
			change: func(_ *world, f *fakeService) { f.expired = 1 },
		},
		{
			name: "Alibaba without tokens", id: "aliyun", cached: marker, asked: 1,
			change: func(_ *world, f *fakeService) { f.tokenStatus = http.StatusNotFound },
		},
		{name: "AWS over IPv6 alone", id: "aws", address: "fd00:ec2::254", cached: marker, asked: 1, said: []string{"http://[fd00:ec2::254]/"}},
		{name: "Akamai over IPv6 alone", id: "akamai", address: "fd00:a9fe:a9fe::1", cached: marker, asked: 1},
		{name: "Oracle over IPv6 alone", id: "oraclecloud", address: "fd00:c1::a9fe:a9fe", cached: marker, asked: 1},
		{name: "Scaleway over IPv6 alone", id: "scaleway", address: "fd00:42::42", cached: marker, asked: 1},
		{
			name: "Azure's service is late", id: "azure", cached: marker, asked: 3,
			change: func(_ *world, f *fakeService) {
				f.answer = func(w http.ResponseWriter, n int) {
					if n < 3 {
						w.WriteHeader([]int{404, 410}[n-1])
						return
					}
					f.serve(w, userData)
				}
			},
		},
		{
			name: "broken base64 where it is prescribed", id: "oraclecloud", exit: 1, cached: nothing, asked: 1, said: []string{"undo base64: there is a wrong letter"},
			change: func(_ *world, f *fakeService) {
				f.answer = func(w http.ResponseWriter, _ int) { _, _ = io.WriteString(w, "eyJpZ25p*") }
			},
		},
		{
			name: "plain JSON where base64 is prescribed", id: "oraclecloud", cached: marker, asked: 1,
			change: func(_ *world, f *fakeService) { f.base64 = false },
		},
		{
			name: "gzip that ends too early", id: "hetzner", exit: 1, cached: nothing, asked: 1, said: []string{"unpack gzip: the data ends too early"},
			change: func(_ *world, f *fakeService) {
				f.answer = func(w http.ResponseWriter, _ int) { _, _ = io.WriteString(w, zipped(userData)[:40]) }
			},
		},
		{
			name: "a body without an end", id: "vultr", exit: 1, cached: nothing, asked: 1, said: []string{"longer than"},
			change: func(_ *world, f *fakeService) {
				f.answer = func(w http.ResponseWriter, _ int) {
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
			change: func(_ *world, f *fakeService) {
				f.answer = func(w http.ResponseWriter, _ int) {
					time.Sleep(2 * time.Second)
					f.serve(w, userData)
				}
			},
		},
		{
			name: "a redirect", id: "exoscale", cached: marker, asked: 1,
			change: func(w *world, f *fakeService) {
				w.listen("127.0.0.1:8080", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { f.serve(w, userData) }))
				f.answer = func(w http.ResponseWriter, _ int) {
					w.Header().Set("Location", "http://127.0.0.1:8080/")
					w.WriteHeader(http.StatusFound)
				}
			},
		},
		{
			name: "401 without a token in the protocol", id: "gcp", exit: 1, cached: nothing, asked: 1, said: []string{"status 401 Unauthorized"},
			change: func(_ *world, f *fakeService) {
				f.answer = func(w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusUnauthorized) }
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := &fakeService{platform: find(t, c.id)}
			if c.address != "" {
				f.platform.address = c.address
			}
			w := newWorld(t, f.platform.address)
			if c.change != nil {
				c.change(w, f)
			}
			w.listen(net.JoinHostPort(f.platform.address, "80"), f)
			w.stage("fetch", c.id).expect(t, c.exit, c.cached, c.said...)
			f.check(t, c.asked)
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
