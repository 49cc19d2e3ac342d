package blackbox

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kindling-boot/kindling/tests/programs"
)

// TestACertificateOfTheFuture: it is what all certificates are to a machine whose clock is
// in 1970. The verdict names the clock.
func TestACertificateOfTheFuture(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	begin := time.Now().AddDate(50, 0, 0)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: begin, NotAfter: begin.AddDate(1, 0, 0),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	s.StartTLS()
	t.Cleanup(s.Close)
	x := newTarget(t)
	authority := filepath.Join(x.work, "ca.pem")
	must(t, os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	env := append(x.argument("ignition.config.url="+s.URL), "SSL_CERT_FILE="+authority)
	if r := run(t, "", env, "ignition", x.stageArgs("fetch")...); r.exit != 1 {
		t.Fatal(r.all())
	}
	r := run(t, "", nil, "ignition", "verdict", "--run-dir", x.work)
	shown := strings.Join(strings.Fields(r.stdout), " ")
	for _, want := range []string{
		"the clock says " + time.Now().UTC().Format("2006-"),
		"and it is valid from " + begin.UTC().Format("2006-01-02"),
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("the verdict does not say %q:\n%s", want, r.stdout)
		}
	}
}

// TestNoRandomNumbersYet: a stage says what it waits for, and goes on when they are there.
func TestNoRandomNumbersYet(t *testing.T) {
	needRoot(t, "strace")
	x := newTarget(t)
	cfg := x.storage(`"files":[{"path":"/x","contents":{"source":"data:,x"}}]`)
	if r := run(t, "", []string{"IGNITION_CONFIG_FILE=" + cfg}, "ignition", x.stageArgs("fetch-offline")...); r.exit != 0 {
		t.Fatal(r.all())
	}
	// the kernel says twice that it has none: to the question, and when it is waited for
	cmd := exec.Command("strace", append([]string{
		"-f", "-qq", "-o", "/dev/null", "-e", "trace=getrandom",
		"-e", "inject=getrandom:error=EAGAIN:when=1..2", programs.Path(t, "ignition"),
	}, x.stageArgs("files")...)...)
	said, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(said), "WARNING  : waiting for random numbers") {
		t.Errorf("%v:\n%s", err, said)
	}
	x.expect(`x -rw-r--r-- 0:0 "x"`)
}
