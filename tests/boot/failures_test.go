package boot

import (
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

const verdict = "==== This machine was not provisioned ===="

// attempt is what differs between a boot that fails and the next one, which does not.
type attempt struct {
	config    string // in QEMU
	arguments string
	qemu      []string
	disk      int64 // size of the disk called data; 0 for none
	// ready brings up what the boot needs.
	ready func(t testing.TB)
}

// marked is a config that leaves a marker, with more in its storage.
func marked(storage string) string {
	return `{"ignition":{"version":"3.4.0"},"storage":{
 "files":[{"path":"/etc/marker","contents":{"source":"data:,there"}}` + storage + `}}`
}

const onQEMU = "ignition.firstboot=1 ignition.platform.id=qemu"

// failure is a way to fail.
type failure struct {
	name     string
	bad, now attempt
	shows    []string
}

// world is what is around the machines.
type world struct {
	good   string // URL of a good config
	base   string // of the server
	closed string // HOST:PORT where nobody answers
	secure string // URL of a file on a server whose certificate was just made
	root   string // who signed it, as a data URL
}

func newWorld(t testing.TB) world {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/good.ign", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(marked("]"))) })
	mux.HandleFunc("/file", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("over the network")) })
	huge := packed(t, 1<<10)
	mux.HandleFunc("/huge.ign", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(huge) })
	base := serve(t, mux)
	secure := httptest.NewUnstartedServer(mux)
	secure.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate(t)}}
	secure.StartTLS()
	t.Cleanup(secure.Close)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	return world{
		good: base + "/good.ign", base: base, closed: seen(silent(t)),
		secure: strings.Replace(secure.URL, "127.0.0.1", hostAddress, 1) + "/file",
		root:   "data:;base64," + base64.StdEncoding.EncodeToString(authority),
	}
}

// packed are zeros, that many MiB, in few bytes.
func packed(t testing.TB, mebibytes int) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for range mebibytes {
		_, err := z.Write(make([]byte, 1<<20))
		must(t, err)
	}
	must(t, z.Close())
	return b.Bytes()
}

// zeros is the content of a file of that many MiB.
func zeros(t testing.TB, mebibytes int) string {
	t.Helper()
	return `{"compression":"gzip","source":"data:;base64,` + base64.StdEncoding.EncodeToString(packed(t, mebibytes)) + `"}`
}

func failures(t testing.TB) []failure {
	t.Helper()
	w := newWorld(t)
	good := attempt{config: marked("]"), arguments: onQEMU}
	onData := func(format, files string) string {
		return marked(files + `],"filesystems":[{"device":"/dev/disk/by-id/virtio-data","format":"` + format + `","path":"/srv","wipeFilesystem":true}]`)
	}
	file := func(members string) string { return marked(`,{"path":"/etc/data","contents":{` + members + `}}]`) }
	garbage := make([]byte, 3000)
	for i := range garbage {
		garbage[i] = byte(i*i + i/7)
	}
	keys, tangAt := newTang(t), silent(t)
	bound := strings.Replace(marked(`],"luks":[{"name":"vault","device":"/dev/disk/by-id/virtio-data",
 "clevis":{"tang":[{"url":"http://`+seen(tangAt)+`","thumbprint":"`+keys.thumbprint+`"}]}}]`), `"3.4.0"`, `"3.4.0","timeouts":{"httpTotal":5}`, 1)
	const many = 64 << 20

	return []failure{
		{
			"a config with a fault",
			attempt{config: strings.Replace(marked("]"), `"/etc/marker"`, `"etc/marker"`, 1), arguments: onQEMU},
			good,
			[]string{"config:2:19", "storage.files[0].path", "absolute"},
		},
		{
			"garbage in fw_cfg",
			attempt{config: string(garbage), arguments: onQEMU},
			good,
			[]string{"fw_cfg opt/com.coreos/config", "no dialect", "binary data"},
		},
		{
			"a config that is cut off",
			attempt{config: marked("]")[:100], arguments: onQEMU},
			good,
			[]string{"fw_cfg opt/com.coreos/config", "ends too early", ":2:57"},
		},
		{
			"an unknown platform",
			attempt{config: good.config, arguments: "ignition.firstboot=1 ignition.platform.id=qmeu"},
			good,
			[]string{"qmeu", "did you mean qemu?"},
		},
		{
			"no platform",
			attempt{config: good.config, arguments: "ignition.firstboot=1"},
			good,
			[]string{"-platform"},
		},
		{
			"a typo in the scheme",
			attempt{arguments: onQEMU + " ignition.config.url=htpp://" + w.closed + "/"},
			attempt{arguments: onQEMU + " ignition.config.url=" + w.good},
			[]string{"htpp", "ignition.config.url"},
		},
		{
			"a typo in the path",
			attempt{arguments: onQEMU + " ignition.config.url=" + w.base + "/god.ign"},
			attempt{arguments: onQEMU + " ignition.config.url=" + w.good},
			[]string{"/god.ign", "404"},
		},
		{
			"nobody answers",
			attempt{arguments: onQEMU + " ignition.config.url=http://" + w.closed + "/"},
			attempt{arguments: onQEMU + " ignition.config.url=" + w.good},
			[]string{w.closed, "refused"},
		},
		{
			"a config larger than the memory allows",
			attempt{arguments: onQEMU + " ignition.config.url=" + w.base + "/huge.ign"},
			attempt{arguments: onQEMU + " ignition.config.url=" + w.good},
			[]string{"/huge.ign", "the document is too large"},
		},
		{
			"a file that was changed",
			attempt{config: file(`"source":"` + w.base + `/file","verification":{"hash":"sha256-` + strings.Repeat("0", 64) + `"}`), arguments: onQEMU},
			attempt{config: file(`"source":"` + w.base + `/file"`), arguments: onQEMU},
			[]string{"/file", "sha256", "storage.files[1]"},
		},
		{
			"a certificate of the future, for a clock in 1970",
			attempt{
				config: strings.Replace(file(`"source":"`+w.secure+`"`), `"3.4.0"`,
					`"3.4.0","security":{"tls":{"certificateAuthorities":[{"source":"`+w.root+`"}]}}`, 1),
				arguments: onQEMU, qemu: []string{"-rtc", "base=1970-01-02"},
			},
			attempt{config: strings.Replace(file(`"source":"`+w.secure+`"`), `"3.4.0"`,
				`"3.4.0","security":{"tls":{"certificateAuthorities":[{"source":"`+w.root+`"}]}}`, 1), arguments: onQEMU},
			[]string{"certificate", "clock"},
		},
		{
			"a disk that is not there",
			attempt{config: onData("ext4", ""), arguments: onQEMU},
			attempt{config: onData("ext4", ""), arguments: onQEMU, disk: many},
			[]string{"virtio-data"},
		},
		{
			"a disk that is full",
			attempt{config: onData("ext4", `,{"path":"/srv/zeros","contents":`+zeros(t, 100)+`}`), arguments: onQEMU, disk: many},
			attempt{config: onData("ext4", `,{"path":"/srv/zeros","contents":`+zeros(t, 10)+`}`), arguments: onQEMU, disk: many},
			[]string{"/srv/zeros", "no space left on device"},
		},
		{
			"a program that is not installed",
			attempt{config: onData("xfs", ""), arguments: onQEMU + " kindling.without=mkfs.xfs", disk: 512 << 20},
			attempt{config: onData("xfs", ""), arguments: onQEMU, disk: 512 << 20},
			[]string{"mkfs.xfs", "storage.filesystems[0]"},
		},
		{
			"a Tang server that is down",
			attempt{config: bound, arguments: onQEMU, disk: many},
			attempt{config: bound, arguments: onQEMU, disk: many, ready: func(t testing.TB) { keys.serve(t, tangAt.String()) }},
			[]string{"Tang", seen(tangAt)},
		},
		{
			"a unit with a fault",
			attempt{config: strings.Replace(marked("]"), `"storage"`, `"systemd":{"units":[{"name":"a.service","contents":"[Service\nExecStart=/bin/true"}]},"storage"`, 1), arguments: onQEMU},
			good,
			[]string{"systemd.units[0].contents"},
		},
	}
}

// TestFailures boots machines that cannot be provisioned, looks for the reason on their
// consoles, and boots them again without what was wrong.
func TestFailures(t *testing.T) {
	need(t)
	t.Parallel()
	img := newImage(t).stopped(t)
	ways := failures(t)

	// Each time it is one machine that fails in one way after the other, and comes up once
	// all is well.
	t.Run("one machine", func(t *testing.T) {
		m := newMachine(t, img)
		m.connect()
		for _, f := range ways {
			if !slices.Contains(withoutMachine, f.name) {
				m.fails(f, f.name)
			}
		}
		console, report := m.attempt(attempt{config: marked("]"), arguments: onQEMU}, "")
		expect(t, console, report, "marker: there")
	})

	for _, f := range ways {
		t.Run(f.name, func(t *testing.T) {
			unhurried(t)
			t.Parallel()
			m := newMachine(t, img)
			m.connect()
			console := m.fails(f, "data")
			again, report := m.attempt(f.now, "data")
			if strings.Contains(report, "previousReport") {
				t.Errorf("the failed boot has left a result:\n%s", report)
			}
			expect(t, console+again, report, "marker: there")
		})
	}
}

// withoutMachine are ways to fail that tests/firstboot has each time, in a root of its own.
var withoutMachine = []string{"garbage in fw_cfg", "a config that is cut off", "no platform", "a typo in the scheme"}

// fails boots the machine up to the failure.
func (m *machine) fails(f failure, disk string) (console string) {
	m.Helper()
	console, report := m.attempt(f.bad, disk)
	if report != "" {
		m.Errorf("%s: the machine was taken for provisioned:\n%s", f.name, report)
	}
	for _, want := range append(slices.Clone(f.shows), verdict) {
		if !strings.Contains(console, want) {
			m.Errorf("%s: the console does not show %q:\n%s", f.name, want, console)
		}
	}
	return console
}

// attempt boots the machine up to the end of provisioning. A disk that it gets has its
// contents in the file given, which is that of an attempt before, if there was one with it.
func (m *machine) attempt(a attempt, disk string) (console, report string) {
	m.Helper()
	if a.ready != nil {
		a.ready(m.TB)
	}
	m.more = slices.Clone(a.qemu)
	if a.disk > 0 {
		m.more = append(m.more, drive("data", "raw", m.file(disk, a.disk))...)
	}
	return m.boot(a.config, "kindling.stop "+a.arguments)
}

// certificate makes one that was not valid a day ago, for the host as machines see it.
func certificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "host"},
		IPAddresses: []net.IP{net.ParseIP(hostAddress), net.ParseIP("127.0.0.1")},
		NotBefore:   time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	must(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
