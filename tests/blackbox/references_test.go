package blackbox

import (
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestGraphsOfReferences: configs refer to others, which a server has by their names. SELF
// is the address of the server.
func TestGraphsOfReferences(t *testing.T) {
	config := func(refs, body string) string {
		if refs != "" {
			refs = `,"config":{` + refs + `}`
		}
		return `{"ignition":{"version":"3.4.0"` + refs + `}` + body + `}`
	}
	merge := func(names ...string) string {
		var list []string
		for _, n := range names {
			list = append(list, `{"source":"SELF/`+n+`"}`)
		}
		return `"merge":[` + strings.Join(list, ",") + `]`
	}
	file := func(path, content string) string {
		return `,"storage":{"files":[{"path":"` + path + `","contents":{"source":"data:,` + content + `"}}]}`
	}
	chain, wide := map[string]string{}, map[string]string{}
	var names []string
	for i := range 10 {
		chain[fmt.Sprint(i)] = config(merge(fmt.Sprint(i+1)), file(fmt.Sprintf("/at%d", i), "x"))
	}
	chain["10"] = config("", file("/at10", "x"))
	for i := range 100 {
		names = append(names, fmt.Sprint("w", i))
		wide[names[i]] = config("", file(fmt.Sprintf("/w%d", i), fmt.Sprint(i)))
	}
	for _, c := range []struct {
		name, top string
		others    map[string]string
		want      []string
		says      string // it fails
	}{
		{
			"a diamond: the last one wins", config(merge("left", "right"), ""),
			map[string]string{"left": config(merge("base"), file("/x", "left")), "right": config(merge("base"), ""), "base": config("", file("/x", "base"))},
			[]string{`x "base"`},
			"",
		},
		{"a chain of ten", config(merge("0"), ""), chain, []string{`at0 "x"`, `at10 "x"`}, ""},
		{"a hundred merges", config(merge(names...), ""), wide, []string{`w0 "0"`, `w99 "99"`}, ""},
		{"a config that merges itself", config(merge("self"), ""), map[string]string{"self": config(merge("self"), "")}, nil, "refers to itself"},
		{"two configs that merge each other", config(merge("a"), ""), map[string]string{"a": config(merge("b"), ""), "b": config(merge("a"), "")}, nil, "refers to itself"},
		{"a config that replaces itself", config(`"replace":{"source":"SELF/self"}`, ""), map[string]string{"self": config(`"replace":{"source":"SELF/self"}`, "")}, nil, "refers to itself"},
		{"a body without a byte", config(merge("nothing"), ""), map[string]string{"nothing": ""}, nil, "it is empty"},
		{"status 204", config(merge("204"), ""), nil, nil, "it is empty"},
		{
			"a file takes the place of a directory, a link that of a file", config(merge("child"), `,"storage":{"directories":[{"path":"/d"}],"files":[{"path":"/f"}]}`),
			map[string]string{"child": config("", `,"storage":{"files":[{"path":"/d"}],"links":[{"path":"/f","target":"/d"}]}`)},
			[]string{`d -rw-r--r--`, `f -> /d`},
			"",
		},
		{
			"a header without value removes that of the parent",
			config(merge("child"), `,"storage":{"files":[{"path":"/x","contents":{"source":"SELF/headers","httpHeaders":[{"name":"X-A","value":"a"},{"name":"X-B","value":"b"}]}}]}`),
			map[string]string{"child": config("", `,"storage":{"files":[{"path":"/x","contents":{"source":"SELF/headers","httpHeaders":[{"name":"X-A"}]}}]}`)},
			[]string{`x "A= B=b"`},
			"",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var server *httptest.Server
			server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				text, ok := c.others[strings.TrimPrefix(r.URL.Path, "/")]
				switch {
				case r.URL.Path == "/204":
					w.WriteHeader(http.StatusNoContent)
				case r.URL.Path == "/headers":
					_, _ = fmt.Fprintf(w, "A=%s B=%s", r.Header.Get("X-A"), r.Header.Get("X-B"))
				case !ok:
					http.NotFound(w, r)
				default:
					_, _ = io.WriteString(w, strings.ReplaceAll(text, "SELF", server.URL))
				}
			}))
			defer server.Close()
			x := newTarget(t)
			name := filepath.Join(x.work, "config.ign")
			must(t, os.WriteFile(name, []byte(strings.ReplaceAll(c.top, "SELF", server.URL)), 0o600))
			r := x.apply(name)
			if (r.exit == 0) != (c.says == "") || !strings.Contains(r.stderr, c.says) {
				t.Fatalf("exit %d, should say %q:\n%s", r.exit, c.says, r.all())
			}
			x.expect(c.want...)
		})
	}
}

// TestFirstReferenceDecidesOffline whether a stage needs the network, or fails.
func TestFirstReferenceDecidesOffline(t *testing.T) {
	const remote, bad = `{"source":"http://192.0.2.1/x"}`, `{"source":"data:,no-config"}`
	for range 10 {
		for merge, exit := range map[string]int{remote + "," + bad: 0, bad + "," + remote: 1} {
			x := newTarget(t)
			must(t, os.WriteFile(filepath.Join(x.work, "config.ign"), []byte(`{"ignition":{"version":"3.4.0","config":{"merge":[`+merge+`]}}}`), 0o600))
			r := run(t, "", []string{"IGNITION_CONFIG_FILE=" + filepath.Join(x.work, "config.ign")}, "ignition", x.stageArgs("fetch-offline")...)
			_, err := os.Stat(filepath.Join(x.work, "neednet"))
			if r.exit != exit || (err == nil) != (exit == 0) {
				t.Errorf("%s: exit %d, should be %d:\n%s", merge, r.exit, exit, r.all())
			}
		}
	}
}

// TestAuthoritiesOfAReplacedConfig: they are trusted for the config that takes its place,
// which only they lead to, and for nothing after that.
func TestAuthoritiesOfAReplacedConfig(t *testing.T) {
	var server *httptest.Server
	server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/child" {
			_, _ = fmt.Fprintf(w, `{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/x","contents":{"source":"%s/x"}}]}}`, server.URL)
		}
	}))
	defer server.Close()
	authority := url.PathEscape(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	for refs, wants := range map[string]bool{
		`"replace":{"source":"` + server.URL + `/child"}`: false,
		`"merge":[{"source":"` + server.URL + `/child"}]`: true,
	} {
		x := newTarget(t)
		name := filepath.Join(x.work, "config.ign")
		must(t, os.WriteFile(name, []byte(`{"ignition":{"version":"3.4.0","config":{`+refs+`},"security":{"tls":{"certificateAuthorities":[{"source":"data:,`+authority+`"}]}}}}`), 0o600))
		r := x.apply(name)
		if (r.exit == 0) != wants || !wants && !strings.Contains(r.stderr, "file /x: ") {
			t.Errorf("%s: exit %d:\n%s", refs, r.exit, r.all())
		}
	}
}
