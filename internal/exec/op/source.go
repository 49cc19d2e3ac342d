package op

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/resource"
)

// Limits of the early look at sources, so that a slow server costs no more than this.
const (
	sourcesLimit = 10 * time.Second // of all together
	sourceLimit  = 5 * time.Second  // of one answer
	sourcePause  = time.Second      // before a server is asked again
)

// Source is content that a later stage will fetch. It is only looked for: a server that says
// that there is nothing fails the stage before disks are changed. Everything else, silence
// and refusal too, is left to the stage that needs the content, with all its patience.
type Source struct {
	About exec.Description
	On    *Machine
	Want  types.Resource
}

// HasEarlyAnswer reports whether a source can be looked for without being fetched: it is on
// a web server, and will be fetched in any case. A file with a hash may be there already.
func HasEarlyAnswer(r types.Resource) bool {
	url := strings.ToLower(deref(r.Source))
	return deref(r.Verification.Hash) == "" && (strings.HasPrefix(url, "http://") || strings.HasPrefix(url, "https://"))
}

// Describe implements exec.Operation.
func (o *Source) Describe() *exec.Description { return &o.About }

// Check implements exec.Operation.
func (o *Source) Check(ctx context.Context, env *exec.Env) (exec.Finding, error) {
	ctx, cancel := context.WithDeadline(ctx, o.On.sourcesDeadline())
	defer cancel()
	err := o.ask(ctx, env)
	if !isGone(err) {
		return exec.Finding{}, nil
	}
	select { // a server that is being filled
	case <-ctx.Done():
		return exec.Finding{}, nil
	case <-time.After(sourcePause):
	}
	if err = o.ask(ctx, env); !isGone(err) {
		return exec.Finding{}, nil
	}
	return exec.Finding{}, exec.WithHelp(err, "correct the source, or put the content there; no disk was changed")
}

// isGone reports whether a server has said that there is nothing.
func isGone(err error) bool {
	var status *resource.StatusError
	return errors.As(err, &status) && !status.Proxy && (status.Status == http.StatusNotFound || status.Status == http.StatusGone)
}

// ask asks for the first byte.
func (o *Source) ask(ctx context.Context, env *exec.Env) error {
	header := http.Header{"Range": {"bytes=0-0"}}
	for _, h := range o.Want.HTTPHeaders {
		if h.Value != nil {
			header.Set(h.Name, *h.Value)
		}
	}
	_, err := env.Fetcher.Do(ctx, resource.Request{URL: *o.Want.Source, Header: header, Limit: 1, Tries: 1, Total: sourceLimit})
	return err
}

// Apply implements exec.Operation: looking is all.
func (o *Source) Apply(context.Context, *exec.Env) (exec.Outcome, error) { return exec.Outcome{}, nil }
