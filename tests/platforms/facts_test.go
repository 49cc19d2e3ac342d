package platforms

import (
	"io"
	"net/http"
	"testing"
)

// answering is a service with a text for each path, and nothing else.
func answering(pages map[string]string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := pages[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = io.WriteString(w, text) // the client may have gone
	})
}

// TestDocumentsUseWhatThePlatformKnows: substitutions and templates of cloud-configs are
// filled in on the machine; what is not known is refused by name.
func TestDocumentsUseWhatThePlatformKnows(t *testing.T) {
	for _, c := range []struct {
		name, document string
		exit           int
		cached, said   string
	}{
		{"a substitution", "#cloud-config\ncoreos:\n  update:\n    group: stable\nwrite_files:\n  - path: /etc/address\n    content: at $private_ipv4.\n", 0, "at%2010.132.0.2.", ""},
		{"a template", "## template: jinja\n#cloud-config\nhostname: {{ v1.local_hostname }}\n", 0, "web-7", ""},
		{"what nobody knows", "## template: jinja\n#cloud-config\nhostname: {{ v1.kernel_release }}\n", 1, nothing, "v1.kernel_release"},
		{"an address that the machine has not", "#cloud-config\ncoreos: {}\nhostname: a-$public_ipv6\n", 1, nothing, "public_ipv6"},
		{"none is needed", "#cloud-config\nhostname: web-8\n", 0, "web-8", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "169.254.169.254")
			w.listen("169.254.169.254:80", answering(map[string]string{
				"/metadata/v1/user-data":                         c.document,
				"/metadata/v1/interfaces/private/0/ipv4/address": "10.132.0.2",
				"/metadata/v1/hostname":                          "web-7\n",
			}))
			offline := w.stage("fetch-offline", "digitalocean")
			if offline.expect(t, 0, nothing); !offline.needNet {
				t.Error("the network is not asked for")
			}
			w.stage("fetch", "digitalocean").expect(t, c.exit, c.cached, c.said)
		})
	}
}

// TestFactsOfAVolume: a document and what is known are on one volume; no network is needed.
func TestFactsOfAVolume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("tree/meta-data", "instance-id: iid-1\nlocal-hostname: web\n")
	w.drive("cidata", "user-data", "## template: jinja\n#cloud-config\nhostname: {{ ds.meta_data.local_hostname }}-{{ v1.instance_id }}\n")
	r := w.stage("fetch-offline", "nocloud")
	if r.expect(t, 0, "web-iid-1"); r.needNet {
		t.Error("the network is asked for")
	}
}
