package acquire

import (
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kindling-boot/kindling/config/dataurl"
	"github.com/kindling-boot/kindling/internal/resource"
)

// recorder is a proxy, or a server, that notes what it is asked for.
type recorder struct {
	mu    sync.Mutex
	paths []string
	*httptest.Server
}

func newRecorder(t *testing.T, answers map[string]string) *recorder {
	t.Helper()
	r := &recorder{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.paths = append(r.paths, q.URL.Path)
		_, _ = w.Write([]byte(answers[q.URL.Path]))
	}))
	t.Cleanup(r.Close)
	return r
}

const version = `"version":"3.4.0"`

// TestSettingsOfReferences: a reference is fetched with the settings of those that lead
// to it, and not with those of its neighbours.
func TestSettingsOfReferences(t *testing.T) {
	// no server of the net has such an address: RFC 5737
	const far = "http://192.0.2.9/"
	refersTo := func(names ...string) string {
		var refs []string
		for _, n := range names {
			refs = append(refs, `{"source":"`+far+n+`"}`)
		}
		return `"config":{"merge":[` + strings.Join(refs, ",") + `]}`
	}
	leaf := `{"ignition":{` + version + `}}`
	one := newRecorder(t, map[string]string{"/c": `{"ignition":{` + version + `,` + refersTo("e") + `}}`, "/e": leaf, "/d": leaf})
	two := newRecorder(t, map[string]string{"/c": leaf, "/d": leaf, "/e": leaf})
	child := func(proxy, ref string) string {
		return dataurl.Base64([]byte(`{"ignition":{` + version + `,"proxy":{"httpProxy":"` + proxy + `"},` + refersTo(ref) + `}}`))
	}
	parent := fmt.Sprintf(`{"ignition":{%s,"config":{"merge":[{"source":%q},{"source":%q}]}}}`, version, child(one.URL, "c"), child(two.URL, "d"))
	r := Renderer{Fetcher: resource.New(resource.Options{})}
	if _, err := r.Render(t.Context(), parsed(t, "parent.ign", parent)); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(one.paths, []string{"/c", "/e"}) || !slices.Equal(two.paths, []string{"/d"}) {
		t.Errorf("the first proxy was asked for %v, the second for %v", one.paths, two.paths)
	}
	var used []string
	for _, u := range r.Used {
		used = append(used, u.Source)
	}
	if want := []string{"", "/c", "/e", "", "/d"}; !slices.Equal(used, want) {
		t.Errorf("used are %v, want %v", used, want)
	}
}

// TestAuthoritiesBecomePart: later stages find them in the config.
func TestAuthoritiesBecomePart(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	bundle := pemOf(server)
	list := newRecorder(t, map[string]string{"/ca": bundle})
	hash := fmt.Sprintf("sha256-%x", sha256.Sum256([]byte(bundle)))
	cfg := parsed(t, "ca.ign", `{"ignition":{`+version+`,"security":{"tls":{"certificateAuthorities":[
		{"source":"`+list.URL+`/ca","httpHeaders":[{"name":"A","value":"b"}],"verification":{"hash":"`+hash+`"}}]}}}}`)
	r := Renderer{Fetcher: resource.New(resource.Options{})}
	out, err := r.Render(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	got := out.Ignition.Security.TLS.CertificateAuthorities
	if len(got) != 1 || *got[0].Source != dataurl.Base64([]byte(bundle)) || got[0].HTTPHeaders != nil || *got[0].Verification.Hash != hash {
		t.Errorf("%+v", got)
	}
	if len(list.paths) != 1 {
		t.Errorf("it was fetched %d times", len(list.paths))
	}
}

func pemOf(s *httptest.Server) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
}
