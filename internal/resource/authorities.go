package resource

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/kindling-boot/kindling/config/types"
)

// maxAuthority is the greatest size of a bundle of authorities, in bytes: that of all
// that browsers trust is a fifth of it.
const maxAuthority = 1 << 20

// ErrTooLarge reports a content longer than its reader allows.
var ErrTooLarge = errors.New("the content is too large")

// ReadAll returns a whole content of at most limit bytes, verified. A longer one is
// ErrTooLarge.
func (f *Fetcher) ReadAll(ctx context.Context, r types.Resource, limit int64) (data []byte, err error) {
	s, err := f.Open(ctx, r)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	data, err = io.ReadAll(io.LimitReader(s, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("fetch %s: %w: more than %d bytes", Show(*r.Source), ErrTooLarge, limit)
	}
	return data, nil
}

// Authorities fetches certificate authorities, in parallel, and returns their
// certificates as they were written.
func (f *Fetcher) Authorities(ctx context.Context, list []types.Resource) ([][]byte, error) {
	out, errs := make([][]byte, len(list)), make([]error, len(list))
	var wg sync.WaitGroup
	for i, r := range list {
		wg.Go(func() {
			data, err := f.ReadAll(ctx, r, maxAuthority)
			if err == nil {
				_, err = certificates(data)
			}
			if err != nil {
				errs[i] = fmt.Errorf("ignition.security.tls.certificateAuthorities[%d]: %w", i, err)
			}
			out[i] = data
		})
	}
	wg.Wait()
	return out, errors.Join(errs...)
}

// certificates reads a bundle. Text around the certificates is refused: it is more often
// a damaged certificate than a remark.
func certificates(bundle []byte) ([]*x509.Certificate, error) {
	var list []*x509.Certificate
	for rest := bundle; len(bytes.TrimSpace(rest)) > 0; {
		block, after := pem.Decode(rest)
		if block == nil {
			return nil, errors.New("it is no certificate in PEM form")
		}
		rest = after
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read certificate: %w", err)
		}
		list = append(list, c)
	}
	return list, nil
}

// Under returns the Fetcher for what a config refers to: with its proxy, its time
// limits and, beside those of the system, its certificate authorities. These are fetched
// with f. Nothing else of f changes, and what f has learned is shared.
func (f *Fetcher) Under(ctx context.Context, c types.Ignition) (*Fetcher, error) {
	if f == nil {
		return nil, nil //nolint:nilnil // the Fetcher without a network has no settings
	}
	var settings clientSettings
	var err error
	if settings.proxy, err = newProxy(c.Proxy); err != nil {
		return nil, fmt.Errorf("ignition.proxy.%w", err)
	}
	settings.responseHeaders = seconds(c.Timeouts.HTTPResponseHeaders, f.shared.options.ResponseHeaders)
	if list := c.Security.TLS.CertificateAuthorities; len(list) > 0 {
		bundles, err := f.Authorities(ctx, list)
		if err != nil {
			return nil, err
		}
		if settings.roots, err = withSystem(bundles); err != nil {
			return nil, err
		}
		settings.authorities = fmt.Sprintf("%x", sha256.Sum256(bytes.Join(bundles, []byte{0})))
	}
	return f.shared.fetcher(settings, seconds(c.Timeouts.HTTPTotal, 0)), nil
}

// withSystem adds authorities to those of the system.
func withSystem(bundles [][]byte) (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("read certificate authorities of the system: %w", err)
	}
	for _, b := range bundles {
		list, err := certificates(b)
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			pool.AddCert(c)
		}
	}
	return pool, nil
}
