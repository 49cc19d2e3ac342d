package resource

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// maxResponse is the default limit of what a metadata service may answer, in bytes. It
// is that of a config.
const maxResponse = 16 << 20

// Request is one to a metadata service.
type Request struct {
	// Method is GET if empty.
	Method string
	URL    string
	// Header replaces the default headers by name.
	Header http.Header
	Body   []byte
	// Retry are statuses after which to try again, besides 408, 425, 429 and those from
	// 500 on.
	Retry []int
	// Limit is the greatest number of bytes of an answer; 0 means 16 MiB.
	Limit int64
	// Total limits all attempts together; 0 means the limit of the Fetcher.
	Total time.Duration
	// Tries limits the attempts; 0 sets no limit but Total.
	Tries int
	// Patient counts those only that a server has heard of: a network that is not up yet
	// costs time alone.
	Patient bool
	// Final takes an answer that sends elsewhere for what it is, a *StatusError.
	Final bool
	// PrivilegedPort sends from a port below 1024, as root only can.
	PrivilegedPort bool
}

// Response is the answer: a success, status 200 to 204.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends a request until there is an answer. Redirects are followed, with the headers
// of the request as long as they stay with the same server. Other statuses than 200 to
// 204 are a *StatusError, 404 is ErrNotFound as well; offline everything is ErrNeedNet.
func (f *Fetcher) Do(ctx context.Context, r Request) (*Response, error) {
	shown := Show(r.URL)
	u, err := url.Parse(r.URL)
	if err != nil || u.Hostname() == "" {
		return nil, fmt.Errorf("fetch %s: it is no URL of a server", shown)
	}
	if f.IsOffline() {
		return nil, fmt.Errorf("fetch %s: %w", shown, ErrNeedNet)
	}
	for name, values := range r.Header {
		for _, v := range values {
			if err := checkHeader(name, v); err != nil {
				return nil, fmt.Errorf("fetch %s: %w", shown, err)
			}
		}
	}
	total := f.total
	if r.Total > 0 {
		total = r.Total
	}
	ctx, cancel := limited(ctx, total)
	defer cancel()
	tries := f.shared.attempts(shown)
	defer tries.done()
	heard := 0
	for {
		response, err := f.do(ctx, r)
		if err == nil {
			return response, nil
		}
		if v := judge(err); !r.Patient || v.layer == LayerTLS || v.layer == LayerHTTP {
			if heard++; heard == r.Tries {
				tries.count++
				return nil, tries.giveUp(v.err)
			}
		}
		if err := tries.failed(ctx, err); err != nil {
			return nil, err
		}
	}
}

// do sends a request once.
func (f *Fetcher) do(ctx context.Context, r Request) (*Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	request, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return nil, never("the request cannot be made")
	}
	request.Header = defaultHeaders()
	for name, values := range r.Header {
		request.Header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	if r.PrivilegedPort {
		f = f.shared.fetcher(f.client.privileged(), 0)
	}
	response, err := f.send(ctx, request, redirectRules{isFinal: r.Final}) //nolint:bodyclose // discard closes it
	if err != nil {
		return nil, err
	}
	defer discard(response.Body)
	if response.StatusCode < http.StatusOK || response.StatusCode > http.StatusNoContent {
		e := statusError(response)
		e.retry = slices.Contains(r.Retry, e.Status)
		return nil, e
	}
	stall := time.AfterFunc(stallLimit, func() { cancel(errStalled) })
	defer stall.Stop()
	limit := r.Limit
	if limit <= 0 {
		limit = maxResponse
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return nil, brokenError{err}
	}
	if int64(len(body)) > limit {
		return nil, never("the answer is longer than %d bytes", limit)
	}
	return &Response{Status: response.StatusCode, Header: response.Header, Body: body}, nil
}
