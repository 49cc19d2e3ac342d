package resource

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/kindling-boot/kindling/config/types"
)

var quietLog = log.New(io.Discard, "", 0)

// shows answers with the headers of the request that matter here.
func shows(w http.ResponseWriter, r *http.Request) {
	for _, name := range []string{"Authorization", "X-Own", "Accept", "Accept-Encoding", "Referer", "Cookie"} {
		_, _ = io.WriteString(w, name+"="+r.Header.Get(name)+"\n")
	}
	_, _ = io.WriteString(w, "UA="+r.UserAgent()+"\n")
}

func TestRedirects(t *testing.T) {
	a := newAuthority(t)
	other := httptest.NewServer(http.HandlerFunc(shows))
	t.Cleanup(other.Close)
	mux := http.NewServeMux()
	mux.HandleFunc("/end", shows)
	mux.Handle("/same", http.RedirectHandler("/end", http.StatusFound))
	mux.Handle("/other", http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	mux.Handle("/loop", http.RedirectHandler("/loop", http.StatusFound))
	mux.Handle("/file", http.RedirectHandler("file:///etc/passwd", http.StatusFound))
	mux.Handle("/data", http.RedirectHandler("data:,evil", http.StatusFound))
	mux.Handle("/ftp", http.RedirectHandler("ftp://example.com/x", http.StatusFound))
	plain := httptest.NewServer(mux)
	t.Cleanup(plain.Close)
	secure := serveTLS(t, a.issue(time.Now().Add(time.Hour), "127.0.0.1"), mux)
	mux.HandleFunc("/back", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, plain.URL+"/end", http.StatusFound) })
	hash := func(s string) *string { return sha256Of([]byte(s)) }
	open := "Authorization=\nX-Own=\nAccept=" + acceptConfigs + "\nAccept-Encoding=identity\nReferer=\nCookie=\nUA=" + userAgent() + "\n"
	for _, c := range []struct {
		name, url string
		hash      *string
		want      []string
		says      string
	}{
		{name: "the same server gets the headers again", url: plain.URL + "/same", want: []string{"Authorization=secret", "X-Own=me", "UA=mine", "Referer=\n"}},
		{name: "another server gets the default headers only", url: plain.URL + "/other", want: []string{open}},
		{name: "another scheme is another server", url: secure.URL + "/back", hash: hash(open), want: []string{open}},
		{name: "from https to http only with a hash", url: secure.URL + "/back", says: "from https to http"},
		{name: "a loop ends", url: plain.URL + "/loop", says: "more than 10 times"},
		{name: "a local file is not followed", url: plain.URL + "/file", says: "scheme file"},
		{name: "a data URL is not followed", url: plain.URL + "/data", says: "scheme data"},
		{name: "an unknown scheme is not followed", url: plain.URL + "/ftp", says: "scheme ftp"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := types.Resource{Source: &c.url, HTTPHeaders: []types.HTTPHeader{
				{Name: "Authorization", Value: pointer("secret")},
				{Name: "x-own", Value: pointer("me")},
				{Name: "User-Agent", Value: pointer("mine")},
				{Name: "Cookie", Value: pointer("c=1")},
				{Name: "X-Removed"},
			}}
			r.Verification.Hash = c.hash
			got, err := fetched(t.Context(), a.trusting(quick(Options{})), r)
			if c.says != "" {
				if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "attempts") {
					t.Errorf("error %v, want %q at once", err, c.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range c.want {
				if !strings.Contains(string(got), w) {
					t.Errorf("the server saw\n%swant %q", got, w)
				}
			}
		})
	}
}

func TestHeadersThatAreRefused(t *testing.T) {
	url, asked := script(t, text("hello"))
	for _, h := range []types.HTTPHeader{
		{Name: "A", Value: pointer("b\r\nX-Evil: c")},
		{Name: "A: b\r\nX", Value: pointer("c")},
		{Name: "", Value: pointer("c")},
		{Name: "A", Value: pointer("b\x00")},
	} {
		_, err := fetched(t.Context(), quick(Options{}), types.Resource{Source: &url, HTTPHeaders: []types.HTTPHeader{h}})
		if err == nil {
			t.Errorf("%q was sent", h.Name)
		}
	}
	if asked.Load() != 0 {
		t.Error("the server was asked")
	}
}
