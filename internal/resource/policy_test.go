package resource

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kindling-boot/kindling/config/types"
)

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		name  string
		err   error
		layer Layer
		tries int
	}{
		{"no route", &net.OpError{Op: "dial", Err: syscall.ENETUNREACH}, LayerLink, forEver},
		{"a name that does not exist", &net.DNSError{Name: "x", IsNotFound: true}, LayerDNS, nameTries},
		{"a name server that does not answer", &net.DNSError{Name: "x", IsTimeout: true}, LayerDNS, forEver},
		{"connection refused", layeredError{LayerTCP, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}, LayerTCP, forEver},
		{"a connection that breaks in the handshake", layeredError{LayerTLS, io.EOF}, LayerTLS, forEver},
		{"503", &StatusError{Status: 503}, LayerHTTP, forEver},
		{"429", &StatusError{Status: 429}, LayerHTTP, forEver},
		{"410", &StatusError{Status: 410}, LayerHTTP, once},
		{"407 of a proxy", layeredError{LayerTCP, &StatusError{Status: 407, Proxy: true}}, LayerHTTP, once},
		{"a status that the caller retries", &StatusError{Status: 404, retry: true}, LayerHTTP, forEver},
		{"a transfer that breaks off", brokenError{io.ErrUnexpectedEOF}, LayerHTTP, brokenTries},
	} {
		if v := judge(c.err); v.layer != c.layer || v.tries != c.tries {
			t.Errorf("%s: %s, %d attempts; want %s, %d", c.name, v.layer, v.tries, c.layer, c.tries)
		}
	}
}

// failing returns a transfer's end when its origin always fails.
func failing(ctx context.Context, f *Fetcher, err error) error {
	_, err = f.transfer(ctx, "the source", func(context.Context, int64, string) (reply, error) { return reply{}, err })
	return err
}

func TestWaitingIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines []string
		var at []time.Duration
		start := time.Now()
		f := New(Options{Total: 10 * time.Minute, Warn: func(l string) { lines, at = append(lines, l), append(at, time.Since(start)) }})
		err := failing(t.Context(), f, layeredError{LayerTCP, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}})
		if !errors.Is(err, errTotal) || !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("error %v", err)
		}
		if waited := time.Since(start); waited > 10*time.Minute || waited < 9*time.Minute {
			t.Errorf("it has waited %s", waited)
		}
		if len(lines) < 4 || len(lines) > 10 {
			t.Errorf("%d lines: %v", len(lines), at)
		}
		for i, l := range lines {
			if !strings.Contains(l, "waiting for the source since") || !strings.Contains(l, "TCP") || !strings.Contains(l, "connection refused") {
				t.Errorf("line %q", l)
			}
			if i > 1 && at[i]-at[i-1] < at[i-1]-at[i-2] {
				t.Errorf("intervals do not grow: %v", at)
			}
		}
	})
}

func TestWaits(t *testing.T) {
	for _, c := range []struct {
		name     string
		err      error
		total    time.Duration
		min, max time.Duration
		says     string
		bound    time.Duration
	}{
		{name: "a bound where there is no limit", err: &StatusError{Status: 503}, bound: 20 * time.Second, min: 10 * time.Second, max: 20 * time.Second, says: "time limit"},
		{name: "a limit that is longer than the bound", err: &StatusError{Status: 503}, total: time.Minute, bound: 20 * time.Second, min: 30 * time.Second, max: time.Minute, says: "time limit"},
		{"an unknown name", &net.DNSError{Name: "x.example", Err: "no such host", IsNotFound: true}, 0, 15 * time.Second, 40 * time.Second, "10 attempts", 0},
		{"a certificate", x509.UnknownAuthorityError{}, 0, 1 * time.Second, 4 * time.Second, "5 attempts", 0},
		{"a limit", &StatusError{Status: 503}, 20 * time.Second, 10 * time.Second, 20 * time.Second, "time limit", 0},
		{"a server that asks for more time than there is", &StatusError{Status: 429, retryAfter: time.Minute}, 20 * time.Second, 0, 0, "time limit", 0},
		{"a status that is final", &StatusError{Status: 403}, 0, 0, 0, "403", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				err := failing(t.Context(), New(Options{Total: c.total}).Bounded(c.bound), c.err)
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("error %v", err)
				}
				if d := time.Since(start); d < c.min || d > c.max {
					t.Errorf("after %s", d)
				}
			})
		})
	}
	t.Run("the caller ends the wait", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeoutCause(t.Context(), 7*time.Second, io.ErrClosedPipe)
			defer cancel()
			if err := failing(ctx, New(Options{}), &StatusError{Status: 503}); !errors.Is(err, io.ErrClosedPipe) && !errors.Is(err, errTotal) {
				t.Errorf("error %v", err)
			}
		})
	})
}

// TestLastFailureIsTold: when the time is over in the middle of an attempt, the failure of
// the one before it is what people can act on.
func TestLastFailureIsTold(t *testing.T) {
	errLate := errors.New("not fetched within 5s")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 5*time.Second, errLate)
		defer cancel()
		asked := 0
		_, err := New(Options{}).transfer(ctx, "the source", func(ctx context.Context, _ int64, _ string) (reply, error) {
			if asked++; asked > 1 {
				<-ctx.Done()
				return reply{}, ctx.Err()
			}
			return reply{}, layeredError{LayerTCP, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}
		})
		if !errors.Is(err, errLate) || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("error %v", err)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	for value, want := range map[string][2]time.Duration{
		"":            {0, 0},
		"7":           {7 * time.Second, 7 * time.Second},
		"-1":          {0, 0},
		"x":           {0, 0},
		"99999999999": {0, 1 << 20 * time.Second},
		time.Now().Add(time.Minute).UTC().Format(http.TimeFormat): {50 * time.Second, 61 * time.Second},
		time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat):  {0, 0},
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}); got < want[0] || got > want[1] {
			t.Errorf("%q is %s", value, got)
		}
	}
}

func TestProxyExceptions(t *testing.T) {
	for _, c := range []struct {
		noProxy, url string
		direct       bool
	}{
		{"", "http://localhost:80/", true},
		{"", "http://127.8.0.1/", true},
		{"", "http://[::1]/", true},
		{"", "http://example.com/", false},
		{"example.com", "http://example.com/", true},
		{"example.com", "http://a.EXAMPLE.com/", true},
		{"example.com", "http://badexample.com/", false},
		{".example.com", "http://example.com/", false},
		{".example.com", "http://a.example.com/", true},
		{"*.example.com", "http://a.example.com/", true},
		{"example.com:81", "http://example.com/", false},
		{"example.com:80", "http://example.com/", true},
		{"example.com:443", "https://example.com/", true},
		{"*", "http://example.com/", true},
		{"192.0.2.7", "http://192.0.2.7/", true},
		{"192.0.2.7", "http://192.0.2.8/", false},
		{"192.0.2.7:8080", "http://192.0.2.7:8080/", true},
		{"192.0.2.0/24", "https://192.0.2.8/", true},
		{"2001:db8::/32", "http://[2001:db8::1]/", true},
		{"[2001:db8::1]:80", "http://[2001:db8::1]/", true},
		{" ", "http://example.com/", false},
		{":80", "http://example.com/", false},
		{".", "http://example.com/", false},
		{"192.0.2.7,, Example.com ,", "http://example.com/", true},
	} {
		p := types.Proxy{HTTPProxy: pointer("http://proxy:3128")}
		if c.noProxy != "" {
			p.NoProxy = []string{c.noProxy}
		}
		made, err := newProxy(p)
		if err != nil {
			t.Fatal(err)
		}
		r, _ := http.NewRequest(http.MethodGet, c.url, nil)
		through, err := made.of(r)
		if err != nil || (through == nil) != c.direct {
			t.Errorf("%s with %q: %v, %v", c.url, c.noProxy, through, err)
		}
	}
	for _, bad := range []string{"proxy:3128", "socks5://proxy", "http://"} {
		if _, err := newProxy(types.Proxy{HTTPProxy: &bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// silent is a body in which nothing arrives until its attempt is given up.
type silent struct{ ctx context.Context }

func (s silent) Read([]byte) (int, error) { <-s.ctx.Done(); return 0, s.ctx.Err() }
func (s silent) Close() error             { return nil }

func TestTransferThatStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		count := 0
		tr, err := New(Options{}).transfer(t.Context(), "the source", func(ctx context.Context, _ int64, _ string) (reply, error) {
			if count++; count == 1 {
				return reply{body: silent{ctx}, size: -1}, nil
			}
			return reply{body: io.NopCloser(strings.NewReader("hello")), size: 5}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(tr)
		if err != nil || string(got) != "hello" || count != 2 {
			t.Errorf("%q, %v after %d attempts", got, err, count)
		}
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestSlowHeaders(t *testing.T) {
	url, asked := script(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, text("hello"))
	got, err := fetched(t.Context(), quick(Options{ResponseHeaders: 50 * time.Millisecond}), types.Resource{Source: &url})
	if err != nil || string(got) != "hello" || asked.Load() != 2 {
		t.Errorf("%q, %v after %d requests", got, err, asked.Load())
	}
}
