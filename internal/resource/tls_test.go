package resource

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kindling-boot/kindling/config/dataurl"
	"github.com/kindling-boot/kindling/config/types"
)

// authority is a private certificate authority.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, key: newKey(t)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "private authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issue makes a certificate for names or addresses.
func (a *authority) issue(until time.Time, names ...string) tls.Certificate {
	a.t.Helper()
	key := newKey(a.t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, n)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// section is the part of a config that trusts the authority.
func (a *authority) section() types.Ignition {
	var c types.Ignition
	c.Security.TLS.CertificateAuthorities = []types.Resource{{Source: pointer(dataurl.Base64(a.pem))}}
	return c
}

// trusting returns a Fetcher that trusts the authority.
func (a *authority) trusting(f *Fetcher) *Fetcher {
	a.t.Helper()
	out, err := f.Under(a.t.Context(), a.section())
	if err != nil {
		a.t.Fatal(err)
	}
	return out
}

// serveTLS starts a server.
func serveTLS(t *testing.T, cert tls.Certificate, h http.Handler, change ...func(*tls.Config)) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = true
	s.Config.ErrorLog = quietLog
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS10}
	for _, c := range change {
		c(s.TLS)
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func TestCertificates(t *testing.T) {
	ours, other := newAuthority(t), newAuthority(t)
	good := time.Now().Add(time.Hour)
	self := newAuthority(t)
	for _, c := range []struct {
		name   string
		cert   tls.Certificate
		change func(*tls.Config)
		says   string // empty: it is trusted
		cause  error
	}{
		{name: "a certificate of the authority of the config", cert: ours.issue(good, "127.0.0.1")},
		{name: "a certificate of another authority", cert: other.issue(good, "127.0.0.1"), says: "5 attempts", cause: ErrCertificate},
		{name: "an expired certificate", cert: ours.issue(time.Now().Add(-time.Hour), "127.0.0.1"), says: "and it is valid until 2", cause: ErrCertificate},
		{name: "a certificate for another name", cert: ours.issue(good, "example.com"), says: "127.0.0.1", cause: ErrCertificate},
		{name: "a self-signed certificate", cert: tls.Certificate{Certificate: [][]byte{self.cert.Raw}, PrivateKey: self.key}, says: "5 attempts", cause: ErrCertificate},
		{name: "a server with TLS 1.1 only", cert: ours.issue(good, "127.0.0.1"), change: func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11 }, says: "protocol version"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.change == nil {
				c.change = func(*tls.Config) {}
			}
			s := serveTLS(t, c.cert, text("hello"), c.change)
			got, err := fetched(t.Context(), ours.trusting(quick(Options{})), types.Resource{Source: &s.URL})
			if (c.says == "") != (err == nil) || err != nil && (!strings.Contains(err.Error(), c.says) || c.cause != nil && !errors.Is(err, c.cause)) {
				t.Fatalf("error %v, want %q", err, c.says)
			}
			if err == nil && string(got) != "hello" {
				t.Errorf("%q", got)
			}
		})
	}
	t.Run("no certificate is trusted without a config", func(t *testing.T) {
		s := serveTLS(t, ours.issue(good, "127.0.0.1"), text("hello"))
		f := quick(Options{})
		ours.trusting(f)
		if _, err := fetched(t.Context(), f, types.Resource{Source: &s.URL}); !errors.Is(err, ErrCertificate) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("what speaks no TLS", func(t *testing.T) {
		url, _ := script(t, text("hello"))
		_, err := fetched(t.Context(), quick(Options{}), types.Resource{Source: pointer(strings.Replace(url, "http:", "https:", 1))})
		if err == nil || !strings.Contains(err.Error(), "5 attempts") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("HTTP/2 is spoken, over one connection for all", func(t *testing.T) {
		var connections atomic.Int32
		s := serveTLS(t, ours.issue(good, "127.0.0.1"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			text(r.Proto)(w, r)
		}), func(c *tls.Config) {
			c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
				connections.Add(1)
				return nil, nil //nolint:nilnil // the config stays
			}
		})
		f := ours.trusting(quick(Options{}))
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				got, err := fetched(t.Context(), f, types.Resource{Source: pointer(fmt.Sprintf("%s/%d", s.URL, i))})
				if err != nil || string(got) != "HTTP/2.0" {
					t.Errorf("%q, %v", got, err)
				}
			})
		}
		wg.Wait()
		if n := connections.Load(); n != 1 {
			t.Errorf("there were %d connections", n)
		}
	})
}

func TestAuthorities(t *testing.T) {
	a, b := newAuthority(t), newAuthority(t)
	url, asked := script(t, text(string(a.pem)+"\n"+string(b.pem)))
	var c types.Ignition
	c.Security.TLS.CertificateAuthorities = []types.Resource{{Source: &url}, {Source: &url}}
	f, err := quick(Options{}).Under(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("one bundle was fetched %d times", n)
	}
	s := serveTLS(t, b.issue(time.Now().Add(time.Hour), "127.0.0.1"), text("hello"))
	if _, err := fetched(t.Context(), f, types.Resource{Source: &s.URL}); err != nil {
		t.Error(err)
	}
	for name, bad := range map[string]string{
		"text behind a certificate": string(a.pem) + "remark",
		"no certificate":            "nothing",
		"a broken certificate":      "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
	} {
		c.Security.TLS.CertificateAuthorities = []types.Resource{{Source: pointer(dataurl.Base64([]byte(bad)))}}
		if _, err := quick(Options{}).Under(context.Background(), c); err == nil || !strings.Contains(err.Error(), "certificateAuthorities[0]") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
