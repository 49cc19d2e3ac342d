package op

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/resource"
)

// TestSourcesAreLookedForEarly: only a server that says twice that there is nothing fails
// the stage (W36).
func TestSourcesAreLookedForEarly(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request, n int64)
		says   string
	}{
		"it is there": {answer: func(w http.ResponseWriter, _ *http.Request, _ int64) {
			_, _ = w.Write(make([]byte, 1<<20))
		}},
		"one byte of it is sent": {answer: func(w http.ResponseWriter, r *http.Request, _ int64) {
			if r.Header.Get("Range") != "bytes=0-0" || r.Header.Get("X-Key") != "k" {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write([]byte("x"))
		}},
		"it is empty": {answer: func(w http.ResponseWriter, _ *http.Request, _ int64) {
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
		}},
		"it is not there": {answer: func(w http.ResponseWriter, _ *http.Request, _ int64) { w.WriteHeader(http.StatusNotFound) }, says: "404"},
		"it is gone":      {answer: func(w http.ResponseWriter, _ *http.Request, _ int64) { w.WriteHeader(http.StatusGone) }, says: "410"},
		"it comes later": {answer: func(w http.ResponseWriter, _ *http.Request, n int64) {
			w.WriteHeader(map[bool]int{true: 404, false: 200}[n == 1])
		}},
		"access is refused": {answer: func(w http.ResponseWriter, _ *http.Request, _ int64) { w.WriteHeader(http.StatusForbidden) }},
		"the server is ill": {answer: func(w http.ResponseWriter, _ *http.Request, _ int64) { w.WriteHeader(http.StatusBadGateway) }},
		"the connection is cut": {answer: func(http.ResponseWriter, *http.Request, int64) {
			panic(http.ErrAbortHandler)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var n atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.answer(w, r, n.Add(1)) }))
			defer server.Close()
			url, key := server.URL+"/x", "k"
			o := &Source{On: &Machine{}, Want: types.Resource{Source: &url, HTTPHeaders: []types.HTTPHeader{{Name: "X-Key", Value: &key}}}}
			_, err := o.Check(t.Context(), &exec.Env{Fetcher: resource.New(resource.Options{})})
			if (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, wanted %q", err, c.says)
			}
		})
	}
}

func TestOfflineNothingIsLookedFor(t *testing.T) {
	url := "http://192.0.2.1/x"
	o := &Source{On: &Machine{}, Want: types.Resource{Source: &url}}
	if _, err := o.Check(t.Context(), &exec.Env{Fetcher: resource.New(resource.Options{Offline: true})}); err != nil {
		t.Error(err)
	}
}
