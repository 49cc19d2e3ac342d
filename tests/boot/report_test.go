package boot

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
)

// reporting makes a machine that waits on its next boots until its report was sent, and
// then switches itself off. Something in the way of a file makes it fail.
func reporting(authority []byte, file string) string {
	const wait = `#!/bin/sh
exec >/dev/ttyS1 2>&1
for second in $(seq 120); do
    journalctl --boot --identifier=ignition --output=cat | grep 'report of this boot' && break
    sleep 1
done
echo "unit: $(systemctl show --property=ActiveState --property=Result ignition-report.service | tr '\n' ' ')"
systemctl poweroff --force
`
	data := func(text string) string {
		return "data:;base64," + base64.StdEncoding.EncodeToString([]byte(text))
	}
	return `{"ignition":{"version":"3.4.0","security":{"tls":{"certificateAuthorities":[{"source":"` + data(string(authority)) + `"}]}}},
"storage":{"files":[
 {"path":"/opt/wait","mode":493,"contents":{"source":"` + data(wait) + `"}},
 {"path":"/etc/systemd/network/10-all.network","contents":{"source":"` + data("[Match]\nName=en* eth*\n[Network]\nDHCP=ipv4\n") + `"}},
 ` + file + `]},
"systemd":{"units":[{"name":"systemd-networkd.service","enabled":true},{"name":"wait.service","enabled":true,
 "contents":"[Unit]\nAfter=multi-user.target\n[Service]\nType=oneshot\nExecStart=/opt/wait\n[Install]\nWantedBy=multi-user.target\n"}]}}`
}

// TestReports: a machine that fails tells a server why, and the same machine, once the
// cause is gone, what it did. The first is from the initramfs, the other from the system.
func TestReports(t *testing.T) {
	need(t)
	if os.Getenv("KINDLING_SLOW") == "" {
		t.Skip("run by make test-boots")
	}
	var mu sync.Mutex
	var reports []string
	collector := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		reports = append(reports, string(body))
	}))
	collector.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate(t)}}
	collector.StartTLS()
	t.Cleanup(collector.Close)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: collector.Certificate().Raw})
	last := func(want int) string {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		if len(reports) != want {
			t.Fatalf("the server has %d reports, want %d", len(reports), want)
		}
		return reports[want-1]
	}

	m := newMachine(t, newImage(t))
	m.connect()
	to := first + "ignition.report.url=" + strings.Replace(collector.URL, "127.0.0.1", hostAddress, 1) + "/?key=s3cret "
	// the network is there before the config is, though nothing in that needs it
	console, report := m.boot(reporting(authority, `{"path":"/etc/passwd","contents":{"source":"data:,s3cret"}}`), to+"rd.neednet=1 ip=dhcp")
	if report != "" || !strings.Contains(console, verdict) {
		t.Fatalf("the boot has not failed:\n%s\n%s", console, report)
	}
	failed := last(1)
	for _, want := range []string{`"event":"report","result":"failed"`, `"event":"failure"`, `/etc/passwd`, `"event":"stage-failed","stage":"files"`, `"attempt":1`} {
		if !strings.Contains(failed, want) {
			t.Errorf("the report of the failure does not have %s:\n%s", want, failed)
		}
	}
	console, report = m.boot(reporting(authority, `{"path":"/etc/marker","contents":{"source":"data:,s3cret"}}`), to)
	expect(t, console, report, "unit: Result=success ActiveState=active ")
	good := last(2)
	for _, want := range []string{`"event":"report","result":"provisioned"`, `/etc/marker`, `"event":"stage-finished","stage":"umount"`} {
		if !strings.Contains(good, want) {
			t.Errorf("the report of the success does not have %s:\n%s", want, good)
		}
	}
	if all := failed + good + console + report; strings.Contains(all, "s3cret") {
		t.Errorf("a secret shows:\n%s", all)
	}
}
