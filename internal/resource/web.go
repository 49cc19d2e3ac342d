package resource

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/kindling-boot/kindling/config/types"
)

// acceptConfigs is what the reference asks servers for; they may answer with a config
// for the newest stable spec.
const acceptConfigs = "application/vnd.coreos.ignition+json;version=3.6.0, */*;q=0.1"

// defaultHeaders are those of every request, unless it has its own.
func defaultHeaders() http.Header {
	return http.Header{
		"User-Agent": {userAgent()},
		"Accept":     {acceptConfigs},
		// the content is wanted as it is, not packed on the way
		"Accept-Encoding": {"identity"},
	}
}

// transport returns the connections for some settings: one pool for each.
func (s *shared) transport(c clientSettings) *http.Transport {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := c.key()
	if t, ok := s.transports[key]; ok {
		return t
	}
	dial := s.dial
	if c.isPrivileged {
		dial = dialPrivileged
	}
	t := &http.Transport{
		Proxy:       s.through(c.proxy),
		DialContext: watched(dial),
		TLSClientConfig: &tls.Config{
			MinVersion: tls.VersionTLS12,
			RootCAs:    c.roots,
		},
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  c.responseHeaders,
		MaxConnsPerHost:        s.options.Parallel,
		MaxIdleConnsPerHost:    s.options.Parallel,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 1 << 20,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
		OnProxyConnectResponse: func(_ context.Context, _ *url.URL, _ *http.Request, r *http.Response) error {
			if r.StatusCode != http.StatusOK {
				return &StatusError{Status: r.StatusCode, Proxy: true, retryAfter: retryAfter(r.Header)}
			}
			return nil
		},
	}
	s.transports[key] = t
	return t
}

// dialPrivileged connects from one of the ports below 1024 that is free.
func dialPrivileged(ctx context.Context, network, address string) (net.Conn, error) {
	const ports = 1023
	start := rand.N(ports) //nolint:gosec // spreads, keeps no secret
	var err error
	for i := range ports {
		dialer := net.Dialer{Timeout: dialTimeout, LocalAddr: &net.TCPAddr{Port: (start+i)%ports + 1}}
		var c net.Conn
		if c, err = dialer.DialContext(ctx, network, address); err == nil || !errors.Is(err, syscall.EADDRINUSE) {
			return c, err
		}
	}
	return nil, err
}

// xmlCode returns what an object store calls the reason of an error: the text of the
// element Code. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
func xmlCode(body io.Reader) string {
	text, _ := io.ReadAll(io.LimitReader(body, 4<<10)) // a part will do
	_, rest, _ := strings.Cut(string(text), "<Code>")
	code, _, ok := strings.Cut(rest, "</Code>")
	if !ok || len(code) > 64 || strings.ContainsFunc(code, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
		return ""
	}
	return code
}

// webOrigin gets a source over HTTP.
func (f *Fetcher) webOrigin(u *url.URL, r types.Resource) (origin, error) {
	header := defaultHeaders()
	for _, h := range r.HTTPHeaders {
		if h.Value == nil {
			continue
		}
		if err := checkHeader(h.Name, *h.Value); err != nil {
			return nil, err
		}
		header.Set(h.Name, *h.Value)
	}
	plain, err := f.get(u, header, r, nil)
	if err == nil && f.shared.options.Platform == "azure" && isBlob(u) && header.Get("Authorization") == "" {
		return f.azureOrigin(u, r, plain), nil
	}
	return plain, err
}

// get returns the origin that sends GET. sign changes each request before it is sent;
// it may be nil.
func (f *Fetcher) get(u *url.URL, header http.Header, r types.Resource, sign func(*http.Request) error) (origin, error) {
	if u.Hostname() == "" {
		return nil, errors.New("the URL names no server")
	}
	isVerified := r.Verification.Hash != nil && *r.Verification.Hash != ""
	return func(ctx context.Context, from int64, tag string) (reply, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
		if err != nil {
			return reply{}, never("the request cannot be made")
		}
		request.Header = header.Clone()
		if from > 0 {
			request.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
			request.Header.Set("If-Range", tag)
		}
		if sign != nil {
			if err := sign(request); err != nil {
				return reply{}, err
			}
		}
		response, err := f.send(ctx, request, redirectRules{isVerified: isVerified}) //nolint:bodyclose // the transfer closes it
		if err != nil {
			return reply{}, err
		}
		got, err := replyOf(response, from)
		if err != nil {
			discard(response.Body)
		}
		return got, err
	}, nil
}

// replyOf reads the header of an answer.
func replyOf(r *http.Response, asked int64) (reply, error) {
	got := reply{body: r.Body, size: r.ContentLength, tag: tagOf(r.Header)}
	switch r.StatusCode {
	case http.StatusOK:
		return got, nil
	case http.StatusNoContent:
		got.size, got.tag = 0, ""
		return got, nil
	case http.StatusPartialContent:
		from, size, ok := contentRange(r.Header.Get("Content-Range"))
		if asked == 0 || !ok || from != asked {
			return got, never("the server answers with a part of the content that was not asked for")
		}
		got.from, got.size = from, size
		return got, nil
	}
	return got, statusError(r)
}

// statusError is the error of an answer that is no success.
func statusError(r *http.Response) *StatusError {
	e := &StatusError{Status: r.StatusCode, retryAfter: retryAfter(r.Header)}
	if strings.Contains(r.Header.Get("Content-Type"), "xml") {
		e.Code = xmlCode(r.Body)
	}
	return e
}

// tagOf returns what identifies a version of the content byte for byte: only a strong
// tag does, RFC 9110 §8.8.1.
func tagOf(h http.Header) string {
	tag := h.Get("Etag")
	if !strings.HasPrefix(tag, `"`) || h.Get("Accept-Ranges") == "none" {
		return ""
	}
	return tag
}

// contentRange reads "bytes 100-199/200": RFC 9110 §14.4.
func contentRange(text string) (from, size int64, ok bool) {
	text, ok = strings.CutPrefix(text, "bytes ")
	span, total, slash := strings.Cut(text, "/")
	first, _, dash := strings.Cut(span, "-")
	if !ok || !slash || !dash {
		return 0, 0, false
	}
	from, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return 0, 0, false
	}
	if total == "*" {
		return from, -1, true
	}
	size, err = strconv.ParseInt(total, 10, 64)
	return from, size, err == nil && size > from
}

// retryAfter reads when a server wants to be asked again; 0 if it does not say. RFC
// 9110 §10.2.3: a number of seconds or a date.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if text == "" {
		return 0
	}
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(min(max(seconds, 0), 1<<20)) * time.Second
	}
	if date, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(date))
	}
	return 0
}

// discard reads what is left of a short answer, so that its connection can be used
// again.
func discard(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, 16<<10) // what is longer costs a connection
	_ = body.Close()
}

// checkHeader refuses what would be read as a further header, or as something else.
func checkHeader(name, value string) error {
	if name == "" || strings.ContainsFunc(name, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, c) // RFC 9110 §5.6.2
	}) {
		return fmt.Errorf("%q is no name of a header", name)
	}
	if strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
		return fmt.Errorf("the value of the header %s has a control character", name)
	}
	return nil
}

// trace follows an attempt, to name the layer at which it fails. net/http/httptrace would
// tell too, and weigh 30 KB: docs/adr/0202.
type trace struct{ layer atomic.Value }

type traceKey struct{}

// in is the context of an attempt, for which a connection is there until one is dialled.
func (t *trace) in(ctx context.Context) context.Context {
	t.layer.Store(LayerHTTP)
	return context.WithValue(ctx, traceKey{}, t)
}

// dialer opens connections.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// watched tells the trace of an attempt about the connection that is opened for it.
func watched(dial dialer) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		t, ok := ctx.Value(traceKey{}).(*trace)
		if !ok {
			return dial(ctx, network, address)
		}
		t.layer.Store(LayerTCP)
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &watchedConn{c, t}, nil
	}
}

// watchedConn sees by what is sent first how far an attempt has come.
type watchedConn struct {
	net.Conn
	trace *trace
}

// Write implements net.Conn. Records of TLS begin with their type: RFC 8446 §5.1.
func (c *watchedConn) Write(p []byte) (int, error) {
	const changeCipherSpec, alert, handshake = 20, 21, 22
	if len(p) > 0 {
		switch p[0] {
		case handshake:
			c.trace.layer.Store(LayerTLS)
		case changeCipherSpec, alert:
		default: // application data, or HTTP in the open
			c.trace.layer.Store(LayerHTTP)
		}
	}
	return c.Conn.Write(p)
}

// failed returns why an attempt has failed: the reason its context ended with, if it
// has, and the layer if the error itself does not tell.
func (t *trace) failed(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	layer, _ := t.layer.Load().(Layer)
	return layeredError{layer, err}
}

// layeredError is an error with the layer that was reached.
type layeredError struct {
	layer Layer
	error
}

// Unwrap returns the cause.
func (e layeredError) Unwrap() error { return e.error }
