package providers

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"

	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/resource"
)

// Client asks over the network. *resource.Fetcher is one.
type Client interface {
	Open(ctx context.Context, r types.Resource) (io.ReadCloser, error)
	Do(ctx context.Context, r resource.Request) (*resource.Response, error)
}

// maxAnswer is the number of bytes of user data from a service. Platforms take some
// hundred KiB; the machine that asks may have little memory.
const maxAnswer = 32 << 20

// question is one request to a metadata service.
type question struct {
	method string // GET if empty
	url    string
	header http.Header
	body   []byte
	// retry are statuses that pass, besides those that always do.
	retry []int
	// limit is the number of bytes of the answer; zero means maxAnswer.
	limit   int64
	lowPort bool
}

// reply is the answer, whatever its status.
type reply struct {
	status int
	body   []byte
}

// ask asks until there is an answer, or the time is over. A status is no error here:
// what it means is the platform's matter.
func (e *Env) ask(ctx context.Context, q question) (reply, error) {
	limit := q.limit
	if limit == 0 {
		limit = maxAnswer
	}
	r, err := e.Client.Do(ctx, resource.Request{
		Method: q.method, URL: q.url, Header: q.header, Body: q.body, Retry: q.retry, Limit: limit,
		Total: e.timeout(), PrivilegedPort: q.lowPort,
	})
	var refused *resource.StatusError
	if errors.As(err, &refused) && ctx.Err() == nil && !passes(refused.Status, q.retry) {
		return reply{status: refused.Status}, nil
	}
	if err != nil {
		return reply{}, err
	}
	return reply{status: r.Status, body: r.Body}, nil
}

// passes reports whether a status was asked about again until the time was over.
func passes(status int, retry []int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= http.StatusInternalServerError || slices.Contains(retry, status)
}
