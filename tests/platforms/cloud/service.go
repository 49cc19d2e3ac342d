// Package cloud has services that speak the protocols of platforms, for tests.
package cloud

import (
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Platform is what a service of a platform is like, as its documentation has it.
type Platform struct {
	ID      string
	Address string // host of the service
	Path    string // of the user data, with its query
	Header  map[string]string
	// Refusal is the status without the header.
	Refusal int
	Token   *TokenStep
	Base64  bool
	LowPort bool
	// Retried404: a 404 is no answer but asked about again.
	Retried404 bool
}

// TokenStep is how a token is got: by a PUT to the path with the header request, which has
// its seconds to live. Questions carry it in another header.
type TokenStep struct {
	path, request, carry string
}

var aws = TokenStep{"/latest/api/token", "X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "X-Aws-Ec2-Metadata-Token"}

// Platforms are those with a service.
var Platforms = []Platform{
	{
		ID: "akamai", Address: "169.254.169.254", Path: "/v1/user-data", Header: map[string]string{"Accept": "*/*"}, Refusal: 406, Base64: true,
		Token: &TokenStep{"/v1/token", "Metadata-Token-Expiry-Seconds", "Metadata-Token"},
	},
	{
		ID: "aliyun", Address: "100.100.100.200", Path: "/latest/user-data",
		Token: &TokenStep{"/latest/api/token", "X-Aliyun-Ecs-Metadata-Token-Ttl-Seconds", "X-Aliyun-Ecs-Metadata-Token"},
	},
	{ID: "aws", Address: "169.254.169.254", Path: "/2019-10-01/user-data", Token: &aws},
	{
		ID: "azure", Address: "169.254.169.254", Path: "/metadata/instance/compute/userData?api-version=2021-01-01&format=text",
		Header: map[string]string{"Metadata": "true"}, Refusal: 400, Base64: true, Retried404: true,
	},
	{ID: "brightbox", Address: "169.254.169.254", Path: "/openstack/latest/user_data"},
	{ID: "digitalocean", Address: "169.254.169.254", Path: "/metadata/v1/user-data"},
	{ID: "exoscale", Address: "169.254.169.254", Path: "/1.0/user-data"},
	{
		ID: "gcp", Address: "169.254.169.254", Path: "/computeMetadata/v1/instance/attributes/user-data",
		Header: map[string]string{"Metadata-Flavor": "Google"}, Refusal: 403,
	},
	{ID: "hetzner", Address: "169.254.169.254", Path: "/hetzner/v1/userdata"},
	{ID: "openstack", Address: "169.254.169.254", Path: "/openstack/latest/user_data"},
	{
		ID: "oraclecloud", Address: "169.254.169.254", Path: "/opc/v2/instance/metadata/user_data",
		Header: map[string]string{"Authorization": "Bearer Oracle"}, Refusal: 403, Base64: true,
	},
	{ID: "scaleway", Address: "169.254.42.42", Path: "/user_data/cloud-init", LowPort: true},
	{ID: "upcloud", Address: "169.254.169.254", Path: "/metadata/v1/user_data"},
	{ID: "vultr", Address: "169.254.169.254", Path: "/user-data/user-data"},
}

// Service speaks the protocol of a platform and refuses what does not.
type Service struct {
	Platform
	// UserData is what is served; Answer, unless nil, answers the n-th good question for
	// it, from 1.
	UserData string
	Answer   func(w http.ResponseWriter, n int)
	// Expired tokens are refused before one is accepted.
	Expired int
	// TokenStatus, if not 0, is all there is about tokens; user data takes none then.
	TokenStatus int

	mu        sync.Mutex
	questions int
	tokens    int
	wrong     []string
}

// ServeHTTP implements http.Handler.
func (f *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.Token != nil && r.URL.Path == f.Token.path {
		f.serveToken(w, r)
		return
	}
	if r.Method != http.MethodGet || r.URL.RequestURI() != f.Path {
		f.refuse(w, http.StatusTeapot, "%s %s", r.Method, r.URL)
		return
	}
	for name, value := range f.Header {
		if r.Header.Get(name) != value {
			f.refuse(w, f.Refusal, "header %s: %q", name, r.Header.Get(name))
			return
		}
	}
	if f.Token != nil && f.TokenStatus == 0 && r.Header.Get(f.Token.carry) != f.good() {
		if r.Header.Get(f.Token.carry) == "" {
			f.refuse(w, http.StatusUnauthorized, "no token")
		} else {
			w.WriteHeader(http.StatusUnauthorized) // expired
		}
		return
	}
	if f.LowPort {
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
	if f.Answer == nil {
		f.Serve(w, f.UserData)
		return
	}
	f.Answer(w, f.questions)
}

// good is the token that counts: the ones before have expired.
func (f *Service) good() string { return fmt.Sprintf("token-%d", f.Expired+1) }

func (f *Service) serveToken(w http.ResponseWriter, r *http.Request) {
	if f.TokenStatus != 0 {
		w.WriteHeader(f.TokenStatus)
		return
	}
	if seconds, err := strconv.Atoi(r.Header.Get(f.Token.request)); r.Method != http.MethodPut || err != nil || seconds < 1 || seconds > 21600 {
		f.refuse(w, http.StatusBadRequest, "token: %s, %v", r.Method, r.Header)
		return
	}
	f.tokens++
	fmt.Fprintf(w, "token-%d\n", f.tokens)
}

func (f *Service) refuse(w http.ResponseWriter, status int, format string, args ...any) {
	f.wrong = append(f.wrong, fmt.Sprintf(format, args...))
	w.WriteHeader(status)
}

// Asked returns how often user data was asked for, and what was refused.
func (f *Service) Asked() (questions int, wrong []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.questions, slices.Clone(f.wrong)
}

// Serve sends data as the platform encodes it.
func (f *Service) Serve(w io.Writer, data string) {
	if f.Base64 {
		data = base64.StdEncoding.EncodeToString([]byte(data))
	}
	_, _ = io.WriteString(w, data) // the client may have gone
}

// Find returns a platform; false if there is none with that id.
func Find(id string) (Platform, bool) {
	i := slices.IndexFunc(Platforms, func(p Platform) bool { return p.ID == id })
	if i < 0 {
		return Platform{}, false
	}
	return Platforms[i], true
}
