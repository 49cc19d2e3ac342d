package resource

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kindling-boot/kindling/config/types"
)

// quick returns a Fetcher that does not wait long between attempts.
func quick(o Options) *Fetcher {
	f := New(o)
	f.shared.policy = policy{first: time.Millisecond, longest: 4 * time.Millisecond, longestAsked: time.Second}
	return f
}

func pointer[T any](v T) *T { return &v }

// sha256Of is the form of a hash in configs.
func sha256Of(data []byte) *string { return pointer(fmt.Sprintf("sha256-%x", sha256.Sum256(data))) }

// fetched reads a whole content.
func fetched(ctx context.Context, f *Fetcher, r types.Resource) ([]byte, error) {
	s, err := f.Open(ctx, r)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(s)
	return data, errors.Join(err, s.Close())
}

// script is a server whose answers come one after another; the last is repeated.
func script(t *testing.T, answers ...http.HandlerFunc) (url string, asked *atomic.Int32) {
	t.Helper()
	asked = new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(asked.Add(1))
		answers[min(n, len(answers))-1](w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

func text(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, s) }
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

// long is a content that is kept in no memory.
var long = bytes.Repeat([]byte("0123456789abcdef"), 40<<10)

// cut answers with the beginning of long and closes the connection.
func cut(n int, tag string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(long)))
		if tag != "" {
			w.Header().Set("Etag", tag)
		}
		_, _ = w.Write(long[:n])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// ranged answers with long as net/http does: also with parts of it.
func ranged(tag string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(long))
	}
}

func TestAnswers(t *testing.T) {
	bomb := gzipped(bytes.Repeat([]byte{0}, 1<<20))
	for _, c := range []struct {
		name        string
		answers     []http.HandlerFunc
		compression string
		hash        *string
		want        string
		asked       int
		cause       error
		says        string
	}{
		{name: "what the server says is the content", answers: []http.HandlerFunc{text("hello")}, want: "hello", asked: 1},
		{name: "no content is empty", answers: []http.HandlerFunc{status(204)}, asked: 1},
		{name: "503 is tried again", answers: []http.HandlerFunc{status(503), status(500), text("hello")}, want: "hello", asked: 3},
		{name: "429 with Retry-After is tried again", answers: []http.HandlerFunc{status(429, "Retry-After", "1"), text("hello")}, want: "hello", asked: 2},
		{name: "408 and 425 are tried again", answers: []http.HandlerFunc{status(408), status(425), text("hello")}, want: "hello", asked: 3},
		{name: "404 is final", answers: []http.HandlerFunc{status(404)}, asked: 1, cause: ErrNotFound, says: "HTTP status 404 Not Found"},
		{name: "403 is final", answers: []http.HandlerFunc{status(403)}, asked: 1, says: "HTTP status 403 Forbidden"},
		{name: "a redirect without an address is final", answers: []http.HandlerFunc{status(301)}, asked: 1, says: "301"},
		{name: "gzip is undone when the config says so", answers: []http.HandlerFunc{text(string(gzipped([]byte("hello"))))}, compression: "gzip", want: "hello", asked: 1},
		{name: "gzip is kept otherwise", answers: []http.HandlerFunc{text(string(bomb))}, want: string(bomb), asked: 1},
		{name: "a wrong hash is final", answers: []http.HandlerFunc{text("hello")}, hash: sha256Of([]byte("other")), asked: 1, cause: ErrHash},
		{name: "a transfer that breaks off goes on where it was", answers: []http.HandlerFunc{cut(300<<10, `"1"`), ranged(`"1"`)}, want: string(long), hash: sha256Of(long), asked: 2},
		{name: "a transfer that breaks off starts over without ranges", answers: []http.HandlerFunc{cut(300<<10, ""), cut(400<<10, ""), text(string(long))}, want: string(long), asked: 3},
		{name: "a tag that is not strong allows no ranges", answers: []http.HandlerFunc{cut(300<<10, `W/"1"`), ranged(`W/"1"`)}, want: string(long), asked: 2},
		{name: "a content that changes on the way is refused", answers: []http.HandlerFunc{cut(300<<10, `"1"`), text(strings.Repeat("z", len(long)))}, asked: 2, cause: errChanged},
		{name: "a content of another size on the way is refused", answers: []http.HandlerFunc{cut(300<<10, `"1"`), text("short")}, asked: 2, cause: errChanged},
		{name: "a transfer that never gets further is given up", answers: []http.HandlerFunc{cut(1<<10, "")}, asked: brokenTries, cause: io.ErrUnexpectedEOF, says: "10 attempts"},
		{name: "a part that was not asked for is refused", answers: []http.HandlerFunc{status(206, "Content-Range", "bytes 5-9/10")}, asked: 1, says: "not asked for"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			url, asked := script(t, c.answers...)
			r := types.Resource{Source: pointer(url + "/secret?token=secret")}
			if c.compression != "" {
				r.Compression = &c.compression
			}
			r.Verification.Hash = c.hash
			got, err := fetched(t.Context(), quick(Options{}), r)
			if c.cause != nil && !errors.Is(err, c.cause) || (err == nil) != (c.cause == nil && c.says == "") {
				t.Fatalf("error %v, want %v", err, c.cause)
			}
			if err != nil && (!strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "token")) {
				t.Errorf("error %q, want it to say %q and no query", err, c.says)
			}
			if err == nil && string(got) != c.want {
				t.Errorf("%d bytes, want %d", len(got), len(c.want))
			}
			if n := int(asked.Load()); n != c.asked {
				t.Errorf("asked %d times, want %d", n, c.asked)
			}
		})
	}
}

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(data)
	_ = z.Close()
	return b.Bytes()
}

func TestDo(t *testing.T) {
	url, asked := script(t, status(503), status(418), func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Token", r.Header.Get("X-Ask"))
		_, _ = fmt.Fprintf(w, "%s %s %s", r.Method, body, r.Header.Get("Accept-Encoding"))
	})
	f := quick(Options{})
	got, err := f.Do(t.Context(), Request{Method: "PUT", URL: url, Header: http.Header{"x-ask": {"me"}}, Body: []byte("body"), Retry: []int{418}})
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Body) != "PUT body identity" || got.Header.Get("X-Token") != "me" || asked.Load() != 3 {
		t.Errorf("%q %v after %d", got.Body, got.Header, asked.Load())
	}
	for _, c := range []struct {
		name  string
		to    http.HandlerFunc
		r     Request
		cause error
		says  string
	}{
		{name: "404 is ErrNotFound", to: status(404), cause: ErrNotFound},
		{name: "an answer may be too long", to: text("four"), r: Request{Limit: 3}, says: "longer than 3 bytes"},
		{name: "a total limit ends attempts", to: status(503), r: Request{Total: 50 * time.Millisecond}, cause: errTotal, says: "503"},
		{name: "a number of attempts ends them", to: status(503), r: Request{Tries: 2}, says: "2 attempts"},
		{name: "a header cannot hold another", to: text(""), r: Request{Header: http.Header{"A": {"b\r\nc: d"}}}, says: "control character"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.r.URL, _ = script(t, c.to)
			_, err := f.Do(t.Context(), c.r)
			if err == nil || c.cause != nil && !errors.Is(err, c.cause) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v", err)
			}
		})
	}
	if _, err := New(Options{Offline: true}).Do(t.Context(), Request{URL: url}); !errors.Is(err, ErrNeedNet) {
		t.Errorf("offline: %v", err)
	}
}
