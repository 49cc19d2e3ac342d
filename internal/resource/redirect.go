package resource

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/url"
)

// maxRedirects is how often one request may be sent elsewhere.
const maxRedirects = 10

// redirectRules are what a request says about being sent elsewhere.
type redirectRules struct {
	isVerified bool // the content is checked by a hash
	isFinal    bool // it is not followed
}

// send sends a request, follows where the server sends it, and names the layer at which
// it fails. The body of the answer is to be closed. http.Client would do more, and weigh
// more: it keeps cookies and copies headers, which nobody wants here (docs/adr/0202).
func (f *Fetcher) send(ctx context.Context, request *http.Request, rules redirectRules) (*http.Response, error) {
	trace := &trace{}
	ctx = trace.in(ctx)
	before := []*http.Request{request}
	for {
		last := before[len(before)-1]
		answered := f.shared.scouts.wait(ctx, server{f.transport, last.URL.Host}, last.URL.Scheme)
		response, err := f.transport.RoundTrip(authorized(ctx, last))
		answered()
		if bad := (tls.RecordHeaderError{}); errors.As(err, &bad) && string(bad.RecordHeader[:]) == "HTTP/" {
			err = http.ErrSchemeMismatch
		}
		if err != nil {
			return nil, trace.failed(ctx, err)
		}
		next, err := redirected(response, before, rules)
		switch {
		case err != nil:
			discard(response.Body)
			return nil, trace.failed(ctx, err)
		case next == nil:
			return response, nil
		}
		discard(response.Body)
		before = append(before, next)
	}
}

// authorized is a request that logs in with the name and the password in its URL, unless
// it says otherwise.
func authorized(ctx context.Context, r *http.Request) *http.Request {
	r = r.WithContext(ctx)
	if user := r.URL.User; user != nil && r.Header.Get("Authorization") == "" {
		password, _ := user.Password()
		r.Header = r.Header.Clone()
		r.SetBasicAuth(user.Username(), password)
	}
	return r
}

// redirected is the request that an answer to the last of the former ones asks for; nil if
// it asks for none. What was not asked by GET or HEAD is asked by GET then, unless the
// status says that method and body stay: RFC 9110 §15.4.
func redirected(response *http.Response, before []*http.Request, rules redirectRules) (*http.Request, error) {
	first, last := before[0], before[len(before)-1]
	method, body := last.Method, io.ReadCloser(nil)
	switch response.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther:
		if method != http.MethodHead {
			method = http.MethodGet
		}
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		if last.GetBody != nil {
			body, _ = last.GetBody() // of bytes in memory
		}
	default:
		return nil, nil
	}
	place := response.Header.Get("Location")
	if place == "" || rules.isFinal {
		return nil, nil
	}
	u, err := last.URL.Parse(place)
	switch {
	case err != nil:
		return nil, never("the server sends to an address that cannot be read")
	case len(before) > maxRedirects:
		return nil, never("the server sends from one address to the next more than %d times", maxRedirects)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, never("the server sends to an address of the scheme %s, which is not followed", u.Scheme)
	case last.URL.Scheme == "https" && u.Scheme == "http" && !rules.isVerified:
		return nil, never("the server sends from https to http, which is followed only for contents with a verification hash")
	}
	next := &http.Request{Method: method, URL: u, Header: headersFor(u, before), Body: body}
	if body != nil {
		next.GetBody, next.ContentLength = first.GetBody, first.ContentLength
	}
	return next, nil
}

// headersFor are the headers for an address that a server has sent to: those of the config
// are for the server it names, and for nobody else.
func headersFor(u *url.URL, before []*http.Request) http.Header {
	first := before[0]
	header := defaultHeaders()
	isSame := isSameOrigin(first.URL, u)
	for _, r := range before {
		isSame = isSame && isSameOrigin(first.URL, r.URL)
	}
	if isSame {
		header = first.Header.Clone()
	}
	for _, name := range []string{"Range", "If-Range"} {
		if v := first.Header.Get(name); v != "" {
			header.Set(name, v)
		}
	}
	return header
}

// isSameOrigin compares scheme, host and port: RFC 6454 §4.
func isSameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && a.Hostname() == b.Hostname() && portOf(a) == portOf(b)
}

func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return map[string]string{"http": "80", "https": "443"}[u.Scheme]
}
