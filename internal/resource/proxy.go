package resource

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"

	"github.com/kindling-boot/kindling/config/types"
)

// proxy says which requests go through which proxy. The zero value uses none: the
// variables of the environment never count.
type proxy struct {
	http, https *url.URL
	direct      []exception
	text        string // what it was made of
	// isShared tells that https uses the proxy of http because it has none of its own.
	isShared bool
}

// exception is one entry of noProxy: hosts that are reached directly.
type exception struct {
	all bool
	net netip.Prefix
	// domain without a dot at its beginning.
	domain string
	// isSubdomains leaves out the domain itself.
	isSubdomains bool
	port         string // empty: every port
}

// newProxy reads the section of a config. https uses the proxy of http if it has none
// of its own, as the documentation of the format promises.
func newProxy(p types.Proxy) (proxy, error) {
	out := proxy{text: fmt.Sprintf("%q", p.NoProxy)}
	for _, side := range []struct {
		text *string
		to   *(*url.URL)
		name string
	}{{p.HTTPProxy, &out.http, "httpProxy"}, {p.HTTPSProxy, &out.https, "httpsProxy"}} {
		if side.text == nil || *side.text == "" {
			continue
		}
		u, err := url.Parse(*side.text)
		if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
			return proxy{}, fmt.Errorf("%s: it is no http or https URL", side.name)
		}
		*side.to = u
		out.text += fmt.Sprintf(" %s=%q", side.name, *side.text)
	}
	if out.https == nil && out.http != nil {
		out.https, out.isShared = out.http, true
	}
	for _, text := range strings.Split(strings.ToLower(strings.Join(p.NoProxy, ",")), ",") {
		if e, ok := newException(strings.TrimSpace(text)); ok {
			out.direct = append(out.direct, e)
		}
	}
	return out, nil
}

// newException reads an address, a network, a domain, one with a dot before it, or *;
// each may have a port. ok is false if nothing is named: that has no effect, as in
// golang.org/x/net/http/httpproxy.
func newException(text string) (e exception, ok bool) {
	if text == "*" {
		return exception{all: true}, true
	}
	if prefix, err := netip.ParsePrefix(text); err == nil {
		return exception{net: prefix.Masked()}, true
	}
	host := text
	if h, port, err := net.SplitHostPort(text); err == nil {
		host, e.port = h, port
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if address, err := netip.ParseAddr(host); err == nil {
		e.net = netip.PrefixFrom(address.Unmap(), address.Unmap().BitLen())
		return e, true
	}
	host = strings.TrimPrefix(host, "*")
	e.domain = strings.TrimPrefix(host, ".")
	e.isSubdomains = e.domain != host
	return e, e.domain != ""
}

// covers reports whether a host is reached directly. address is that of the host if it
// is written as one.
func (e exception) covers(host, port string, address netip.Addr) bool {
	switch {
	case e.all:
		return true
	case e.port != "" && e.port != port:
		return false
	case e.net.IsValid():
		return address.IsValid() && e.net.Contains(address)
	case host == e.domain:
		return !e.isSubdomains
	}
	return strings.HasSuffix(host, "."+e.domain)
}

// of returns the proxy for a request, or nil.
func (p proxy) of(r *http.Request) (*url.URL, error) {
	through := p.http
	if r.URL.Scheme == "https" {
		through = p.https
	}
	if through == nil || p.isDirect(r.URL) {
		return nil, nil //nolint:nilnil // what net/http asks for
	}
	return through, nil
}

// through returns what finds the proxy of a request. It tells, once, of https that goes
// through the proxy of http: other programs reach it directly.
func (s *shared) through(p proxy) func(*http.Request) (*url.URL, error) {
	var told sync.Once
	return func(r *http.Request) (*url.URL, error) {
		through, err := p.of(r)
		if through != nil && p.isShared && r.URL.Scheme == "https" {
			told.Do(func() {
				s.options.Warn("https goes through the proxy of http, because the config has no httpsProxy; hosts in noProxy are reached directly")
			})
		}
		return through, err
	}
}

// isDirect reports whether a URL is never asked for through a proxy: the machine itself
// is always reached directly.
func (p proxy) isDirect(u *url.URL) bool {
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	address, _ := netip.ParseAddr(host)
	address = address.Unmap().WithZone("")
	if host == "localhost" || address.IsLoopback() {
		return true
	}
	for _, e := range p.direct {
		if e.covers(host, portOf(u), address) {
			return true
		}
	}
	return false
}
