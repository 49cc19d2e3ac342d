package resource

import (
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

type redirectKey struct{}

// checkRedirect decides whether to follow, and with which headers: those of the config
// are for the server it names, and for nobody else.
func checkRedirect(next *http.Request, before []*http.Request) error {
	first, last := before[0], before[len(before)-1]
	rules, _ := next.Context().Value(redirectKey{}).(redirectRules)
	switch {
	case rules.isFinal:
		return http.ErrUseLastResponse
	case len(before) > maxRedirects:
		return never("the server sends from one address to the next more than %d times", maxRedirects)
	case next.URL.Scheme != "http" && next.URL.Scheme != "https":
		return never("the server sends to an address of the scheme %s, which is not followed", next.URL.Scheme)
	case last.URL.Scheme == "https" && next.URL.Scheme == "http" && !rules.isVerified:
		return never("the server sends from https to http, which is followed only for contents with a verification hash")
	}
	header := defaultHeaders()
	isSame := isSameOrigin(first.URL, next.URL)
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
	next.Header = header //nolint:gosec // those of the config go to their own origin only
	return nil
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
