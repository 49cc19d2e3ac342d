package resource

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"syscall"
	"time"
)

// Layer is the part of the way to a server that failed.
type Layer string

// The layers, from the machine to the answer.
const (
	LayerLink Layer = "link"
	LayerDNS  Layer = "DNS"
	LayerTCP  Layer = "TCP"
	LayerTLS  Layer = "TLS"
	LayerHTTP Layer = "HTTP"
	LayerTFTP Layer = "TFTP"
)

// StatusError is an answer of HTTP that is no success. It is ErrNotFound if the status
// is 404.
type StatusError struct {
	Status int
	// Code is what S3 and its like call the reason; may be empty.
	Code string
	// Proxy tells that the answer is that of the proxy.
	Proxy bool

	retryAfter time.Duration
	retry      bool // although the status says otherwise
}

// Error says the status in words.
func (e *StatusError) Error() string {
	who := ""
	if e.Proxy {
		who = "the proxy answers: "
	}
	text := fmt.Sprintf("%sHTTP status %d %s", who, e.Status, http.StatusText(e.Status))
	if e.Code != "" {
		text += " (" + e.Code + ")"
	}
	return text
}

// Is makes status 404 ErrNotFound.
func (e *StatusError) Is(target error) bool {
	return target == ErrNotFound && e.Status == http.StatusNotFound
}

// isTransient reports whether the same request may succeed later: RFC 9110 §15.6, RFC
// 6585 §4 (429), RFC 8470 §5.2 (425).
func (e *StatusError) isTransient() bool {
	return e.retry || e.Status >= 500 || slices.Contains([]int{
		http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests,
	}, e.Status)
}

// permanent marks errors that no repetition heals.
type permanent struct{ error }

// Unwrap returns the cause.
func (p permanent) Unwrap() error { return p.error }

func never(format string, args ...any) error { return permanent{fmt.Errorf(format, args...)} }

// Numbers of attempts for failures that rarely heal.
const (
	once = 1
	// certificateTries are about 3 s: a server may be in the middle of a change.
	certificateTries = 5
	// nameTries are about half a minute: networks that come up give wrong answers first.
	nameTries = 10
	// brokenTries is how often a transfer may break off in a row without getting further.
	brokenTries = 10
	forEver     = 0
)

// verdict is what a failure means.
type verdict struct {
	layer Layer
	err   error // without URLs
	tries int   // attempts after which to give up; forEver
	after time.Duration
}

// judge tells what a failure means.
func judge(err error) verdict {
	var (
		status  *StatusError
		lasting permanent
		cut     brokenError
		dns     *net.DNSError
	)
	v := verdict{layer: layerOf(err), err: err, tries: forEver}
	switch {
	case errors.As(err, &status):
		v.layer, v.after = LayerHTTP, status.retryAfter
		if !status.isTransient() {
			v.tries = once
		}
	case errors.As(err, &lasting):
		v.tries = once
	case errors.As(err, &cut):
		v.tries = brokenTries
	case isCertificate(err):
		v.layer, v.tries, v.err = LayerTLS, certificateTries, fmt.Errorf("%w: %w", ErrCertificate, byClock(err))
	case errors.Is(err, http.ErrSchemeMismatch), v.layer == LayerTLS && !isConnection(err):
		v.layer, v.tries = LayerTLS, certificateTries
	case errors.As(err, &dns):
		v.layer, v.err = LayerDNS, errors.New("look up "+dns.Name+": "+dns.Err)
		if dns.IsNotFound {
			v.tries = nameTries
		}
	}
	return v
}

// isConnection tells a connection that fails from two sides that do not agree on TLS.
func isConnection(err error) bool {
	var op *net.OpError
	var timeout net.Error
	return errors.As(err, &op) && op.Op != "remote error" && op.Op != "local error" ||
		errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)
}

// layerOf returns the layer at which an attempt has failed, by the error or by how far
// it had come.
func layerOf(err error) Layer {
	for _, link := range []error{syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.EHOSTDOWN, syscall.EADDRNOTAVAIL} {
		if errors.Is(err, link) {
			return LayerLink
		}
	}
	var reached layeredError
	if errors.As(err, &reached) {
		return reached.layer
	}
	return LayerHTTP
}

func isCertificate(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		host         x509.HostnameError
		invalid      x509.CertificateInvalidError
	)
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid)
}

// byClock words an error about the time of a certificate with that of this machine: the
// clock of one without a battery is in 1970.
func byClock(err error) error {
	var invalid x509.CertificateInvalidError
	if !errors.As(err, &invalid) || invalid.Reason != x509.Expired || invalid.Cert == nil {
		return err
	}
	const minute = "2006-01-02 15:04"
	what, when := "until", invalid.Cert.NotAfter
	if time.Now().Before(invalid.Cert.NotBefore) {
		what, when = "from", invalid.Cert.NotBefore
	}
	return fmt.Errorf("the clock says %s, and it is valid %s %s", time.Now().UTC().Format(minute), what, when.UTC().Format(minute))
}

var (
	// errStalled reports a transfer in which nothing arrives.
	errStalled = fmt.Errorf("nothing has arrived for %s", stallLimit)
	// errChanged reports a content that is another one at the next attempt.
	errChanged = errors.New("the content has changed while it was fetched")
)
