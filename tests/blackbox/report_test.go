package blackbox

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/kindling-boot/kindling/tests/programs"
)

// collector is a server for reports.
type collector struct {
	*httptest.Server
	// trust is the section of a config that trusts it.
	trust string

	mu      sync.Mutex
	answer  http.HandlerFunc
	bodies  [][]byte
	headers []http.Header
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	cert, authority := certificateFor(t, "127.0.0.1")
	c := &collector{trust: `"security":{"tls":{"certificateAuthorities":[{"source":"data:;base64,` + base64.StdEncoding.EncodeToString(authority) + `"}]}}`}
	c.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		c.mu.Lock()
		c.bodies, c.headers = append(c.bodies, body), append(c.headers, r.Header)
		answer := c.answer
		c.mu.Unlock()
		if answer != nil {
			answer(w, r)
		}
	}))
	c.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	c.StartTLS()
	t.Cleanup(c.Close)
	return c
}

// takes are the bodies that arrived since the last call; answers are as told from now on.
func (c *collector) takes(answer http.HandlerFunc) [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	got := c.bodies
	c.bodies, c.answer = nil, answer
	return got
}

// config writes one that asks for a report, with secrets in all places that have any.
func (c *collector) config(x *target, storage string) string {
	x.t.Helper()
	return x.ignition(c.trust+`,"timeouts":{"httpTotal":20}`,
		`{"path":"/etc/ignition/report.json","mode":384,"contents":{"source":"data:,%7B%22url%22%3A%22`+strings.Replace(c.URL, "://", "://user:hush-account@", 1)+`/reports%3Fkey=hush-query%22%7D"}},
{"path":"/etc/key","mode":384,"contents":{"source":"data:,hush-contents","verification":{}}}`+storage)
}

// ignition writes a config with members of its first section and files.
func (x *target) ignition(members, files string) string {
	x.t.Helper()
	name := filepath.Join(x.work, "config.ign")
	must(x.t, os.WriteFile(name, []byte(`{"ignition":{"version":"3.5.0",`+members+`},
"passwd":{"users":[{"name":"core","passwordHash":"hush-hash"}]},
"storage":{"files":[`+files+`]},
"systemd":{"units":[{"name":"a.service","enabled":true,"contents":"[Service]\nEnvironment=KEY=hush-unit\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"}]}}`), 0o600))
	return name
}

// sendReport runs ignition report as the unit of the system does.
func (x *target) sendReport(env []string, args ...string) result {
	x.t.Helper()
	return run(x.t, "", env, "ignition-report", append([]string{
		"--platform=file", "--log-to-stdout", "--config-cache", filepath.Join(x.work, "ignition.json"), "--run-dir", x.work,
	}, args...)...)
}

// argument makes a kernel command line.
func (x *target) argument(line string) []string {
	x.t.Helper()
	name := filepath.Join(x.work, "cmdline")
	must(x.t, os.WriteFile(name, []byte("quiet "+line+"\n"), 0o600))
	return []string{"IGNITION_KERNEL_CMDLINE_PATH=" + name}
}

// lines reads a report and holds each line against the schema, of which nothing may be
// more than it says.
func lines(t *testing.T, payload []byte) []map[string]any {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(programs.Root(t), "docs/report.schema.json"))
	must(t, err)
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	must(t, err)
	closed(document)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	must(t, c.AddResource("report.json", document))
	schema, err := c.Compile("report.json")
	must(t, err)
	var out []map[string]any
	for line := range bytes.Lines(payload) {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
		must(t, err)
		if err := schema.Validate(value); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		out = append(out, value.(map[string]any)) //nolint:forcetypeassert // the schema says so
	}
	if len(out) == 0 || out[0]["event"] != "report" || fmt.Sprint(out[0]["events"]) != fmt.Sprint(len(out)-1) {
		t.Fatalf("it is no report:\n%s", payload)
	}
	return out
}

// closed makes a schema refuse members that it does not name.
func closed(schema any) {
	switch s := schema.(type) {
	case map[string]any:
		if _, isObject := s["properties"]; isObject && s["type"] == "object" {
			s["additionalProperties"] = false
		}
		for _, v := range s {
			closed(v)
		}
	case []any:
		for _, v := range s {
			closed(v)
		}
	}
}

func TestReportOfASuccess(t *testing.T) {
	needRoot(t, "useradd")
	c := newCollector(t)
	x := newTarget(t, accounts...)
	if r := x.files(c.config(x, "")); r.exit != 0 {
		t.Fatal(r.all())
	}
	if got := c.takes(nil); got != nil {
		t.Fatalf("a stage that went well has sent a report: %s", got)
	}
	r := x.sendReport(nil)
	got := c.takes(nil)
	if r.exit != 0 || len(got) != 1 || !strings.Contains(r.stdout, "report of this boot sent to https://…@127.0.0.1") {
		t.Fatalf("%d reports; %s", len(got), r.all())
	}
	if h := c.headers[0]; h.Get("Content-Type") != "application/x-ndjson" || h.Get("Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte("user:hush-account")) {
		t.Errorf("its headers are %v", h)
	}
	report := lines(t, got[0])
	provisioning, _ := report[0]["provisioning"].(map[string]any)
	if report[0]["result"] != "provisioned" || provisioning["platform"] != "file" || len(provisioning["stages"].([]any)) != 6 { //nolint:forcetypeassert // the schema says so
		t.Errorf("it begins with %v", report[0])
	}
	events, err := os.ReadFile(filepath.Join(x.work, "events.jsonl"))
	must(t, err)
	if _, rest, _ := bytes.Cut(got[0], []byte("\n")); !bytes.Equal(rest, events) {
		t.Errorf("the events are not those of the boot:\n%s", rest)
	}
	shown := x.sendReport(nil, "--show")
	if all := string(got[0]) + r.all() + shown.all(); strings.Contains(all, "hush") {
		t.Errorf("a secret shows:\n%s", all)
	}
	lines(t, []byte(shown.stdout))

	// the kernel argument overrules the config
	if r := x.sendReport(x.argument("ignition.report.url=" + c.URL + "/other")); r.exit != 0 || !strings.Contains(r.stdout, "/other: ") || len(c.takes(nil)) != 1 {
		t.Errorf("by kernel argument: %s", r.all())
	}
}

// TestReportOfAFailure: the stage that fails reports, and ends as it would without.
func TestReportOfAFailure(t *testing.T) {
	needRoot(t, "useradd")
	c := newCollector(t)
	for name, storage := range map[string]string{
		"a file in the way":   `,` + "\n" + `{"path":"/etc/passwd","contents":{"source":"data:,hush-x"}}`,
		"a config of no form": `,` + "\n" + `{"path":"relative"}`,
	} {
		x := newTarget(t, append(accounts, `file etc/.ignition-attempts.json {"count":2,"sameConfig":2}`)...)
		must(t, syscall.Mount(x.root, x.root, "", syscall.MS_BIND, "")) // as in an initramfs, once the root is mounted
		t.Cleanup(func() { _ = syscall.Unmount(x.root, syscall.MNT_DETACH) })
		env := append(x.argument("ignition.report.url="+c.URL+"/?key=hush-query"), "SSL_CERT_FILE="+x.certificate(c))
		r := x.files(c.config(x, storage), env...)
		got := c.takes(nil)
		if r.exit != 1 || len(got) != 1 {
			t.Fatalf("%s: exit %d, %d reports: %s", name, r.exit, len(got), r.all())
		}
		report := lines(t, got[0])
		last := report[len(report)-1]
		if report[0]["result"] != "failed" || last["event"] != "stage-failed" || report[len(report)-2]["failure"] == nil {
			t.Errorf("%s: the report is\n%s", name, got[0])
		}
		if failure, _ := report[len(report)-2]["failure"].(map[string]any); fmt.Sprint(failure["attempt"]) != "3" {
			t.Errorf("%s: it is not attempt 3: %v", name, failure)
		}
		if strings.Contains(string(got[0])+r.all(), "hush") {
			t.Errorf("%s: a secret shows:\n%s\n%s", name, got[0], r.all())
		}
	}
}

// certificate writes the one of a server.
func (x *target) certificate(c *collector) string {
	x.t.Helper()
	name := filepath.Join(x.work, "ca.pem")
	var b bytes.Buffer
	b.WriteString("-----BEGIN CERTIFICATE-----\n" + base64.StdEncoding.EncodeToString(c.Certificate().Raw) + "\n-----END CERTIFICATE-----\n")
	must(x.t, os.WriteFile(name, b.Bytes(), 0o600))
	return name
}

// TestReportsThatDoNotArrive: each is a warning, for a limited time.
func TestReportsThatDoNotArrive(t *testing.T) {
	needRoot(t, "useradd")
	c := newCollector(t)
	x := newTarget(t, accounts...)
	if r := x.files(c.config(x, "")); r.exit != 0 {
		t.Fatal(r.all())
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", c.URL+"/elsewhere")
			w.WriteHeader(code)
		}
	}
	never := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	endless := func(w http.ResponseWriter, _ *http.Request) {
		for piece := make([]byte, 1<<20); ; {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	}
	for _, row := range []struct {
		name, argument, timeout string
		answer                  http.HandlerFunc
		requests                int
		says                    string
	}{
		{"a server in trouble hears of it three times", "", "20s", status(500), 3, "3 attempts in "},
		{"a server that sends elsewhere is not followed", "", "20s", status(307), 1, "HTTP status 307"},
		{"nor is one that would have it asked for", "", "20s", status(302), 1, "HTTP status 302"},
		{"a server that refuses hears of it once", "", "20s", status(403), 1, "HTTP status 403"},
		{"a server that never answers", "", "1s", never, 1, "the time limit for it is over"},
		{"an answer without end", "", "20s", endless, 1, "longer than"},
		{"http", "http://127.0.0.1:1/?hush-x", "20s", nil, 0, "a report is sent by https only"},
		{"no URL", "https://%hush", "20s", nil, 0, "it is not a URL"},
		{"no scheme", "127.0.0.1/hush-x", "20s", nil, 0, "it is not a URL"},
		{"no server", "https:///x", "20s", nil, 0, "it names no server"},
		{"nobody listens", "https://127.0.0.1:1/", "1s", nil, 0, "connection refused"},
		{"a name that nobody has", "https://collector.invalid/", "1s", nil, 0, "collector.invalid"},
	} {
		env := x.argument("")
		if row.argument != "" {
			env = x.argument("ignition.report.url=" + row.argument)
		}
		c.takes(row.answer)
		r := x.sendReport(env, "--timeout", row.timeout)
		if got := c.takes(nil); r.exit != 1 || len(got) != row.requests || !strings.Contains(r.stdout, "WARNING  : no report of this boot was sent: ") || !strings.Contains(r.stdout, row.says) {
			t.Errorf("%s: exit %d, %d requests: %s", row.name, r.exit, len(got), r.all())
		}
		if strings.Contains(r.all(), "hush") {
			t.Errorf("%s: a secret shows: %s", row.name, r.all())
		}
	}

	// whom nobody trusts is told nothing
	other := newCollector(t)
	if r := x.sendReport(x.argument("ignition.report.url=" + other.URL)); r.exit != 1 || !strings.Contains(r.stdout, "certificate") || other.takes(nil) != nil {
		t.Errorf("a server that is not trusted: %s", r.all())
	}

	// a stage that fails ends as it would, whatever becomes of the report
	for _, answer := range []http.HandlerFunc{status(403), status(500)} {
		c.takes(answer)
		env := append(x.argument("ignition.report.url="+c.URL), "SSL_CERT_FILE="+x.certificate(c))
		r := x.files(c.config(x, `,{"path":"/etc/passwd","contents":{"source":"data:,x"}}`), env...)
		if r.exit != 1 || !strings.Contains(r.stdout, "no report of this boot was sent") || !strings.Contains(r.stdout, "Ignition failed: files failed") {
			t.Errorf("exit %d: %s", r.exit, r.all())
		}
	}
}

func TestNobodyAsksForAReport(t *testing.T) {
	needRoot(t)
	x := newTarget(t)
	if r := x.files(x.storage(`"files":[]`)); r.exit != 0 {
		t.Fatal(r.all())
	}
	if r := x.sendReport(x.argument("ignition.report.url=")); r.exit != 0 || r.all() != "" {
		t.Errorf("exit %d: %s", r.exit, r.all())
	}
	for contents, says := range map[string]string{
		`{}`:                        `it must be {"url": "https://…"}`,
		`hush`:                      `it must be {"url": "https://…"}`,
		`{"url":1}`:                 `it must be {"url": "https://…"}`,
		`{"url":"http://x/?hush-"}`: "a report is sent by https only",
	} {
		cfg := x.storage(`"files":[{"path":"/etc/ignition/report.json","overwrite":true,"contents":{"source":"data:,` + url.PathEscape(contents) + `"}}]`)
		if r := x.files(cfg); r.exit != 0 {
			t.Fatal(r.all())
		}
		if r := x.sendReport(nil); r.exit != 1 || !strings.Contains(r.stdout, "file /etc/ignition/report.json of the config: ") || !strings.Contains(r.stdout, says) || strings.Contains(r.all(), "hush") {
			t.Errorf("%s: exit %d: %s", contents, r.exit, r.all())
		}
	}
	for args, says := range map[string]string{"--url=http://x": "https only", "x": "takes no arguments", "--show --run-dir=/nowhere": "no such file"} {
		if r := x.sendReport(nil, strings.Fields(args)...); r.exit == 0 || !strings.Contains(r.all(), says) {
			t.Errorf("%s: %s", args, r.all())
		}
	}
}

// TestLongReports: of a hundred thousand events those stay that tell most.
func TestLongReports(t *testing.T) {
	needRoot(t)
	x := newTarget(t)
	f, err := os.Create(filepath.Join(x.work, "events.jsonl"))
	must(t, err)
	b := bufio.NewWriter(f)
	line := func(event, more string) {
		fmt.Fprintf(b, `{"format":1,"time":"2026-01-02T03:04:05.678Z","event":%q,"stage":"files"%s}`+"\n", event, more)
	}
	line("stage-started", `,"engine":{"version":"v1","platform":"qemu","bootID":"b"}`)
	const many = 100_000
	for i := range many {
		line("finished", fmt.Sprintf(`,"op":%d,"kind":"file","target":"/srv/files/%d","seconds":0.01,"bytes":10`, i+1, i))
		if i%1000 == 0 {
			line("warned", fmt.Sprintf(`,"text":"warning %d"`, i))
		}
	}
	line("failed", `,"op":100000,"kind":"file","target":"/srv/last","error":"no space left on device"`)
	line("stage-failed", `,"seconds":3`)
	fmt.Fprint(b, `{"format":1,"time":"2026-01-02T03:0`) // the machine was switched off
	must(t, b.Flush())
	must(t, f.Close())
	forgetMemory(t)
	r := x.sendReport(nil, "--show")
	if r.exit != 0 || len(r.stdout) > 1<<20 || len(r.stdout) < 9<<16 {
		t.Fatalf("exit %d, %d bytes", r.exit, len(r.stdout))
	}
	report := lines(t, []byte(r.stdout))
	count := map[any]int{}
	for _, l := range report {
		count[l["event"]]++
	}
	if count["warned"] != many/1000 || count["failed"] != 1 || count["stage-failed"] != 1 || count["finished"] < 1000 {
		t.Errorf("it has %v", count)
	}
	if left := fmt.Sprint(report[0]["omitted"]); left != fmt.Sprint(many-count["finished"]) || report[0]["result"] != "failed" {
		t.Errorf("it begins with %v", report[0])
	}
	const limit = 64 << 20
	if r.peak > limit {
		t.Errorf("it took %d MiB of memory", r.peak>>20)
	}
}
