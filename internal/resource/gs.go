package resource

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kindling-boot/kindling/config/json"
	"github.com/kindling-boot/kindling/config/types"
)

// gsOrigin gets an object of Google Cloud Storage: with a token of the machine's
// service account on gcp, without elsewhere.
// https://cloud.google.com/storage/docs/json_api/v1/objects/get
func (f *Fetcher) gsOrigin(u *url.URL, r types.Resource) (origin, error) {
	bucket, key := u.Host, strings.TrimPrefix(u.Path, "/")
	if bucket == "" || key == "" {
		return nil, errors.New("an object of Google Cloud Storage is written gs://BUCKET/OBJECT")
	}
	at := &url.URL{
		Scheme: "https", Host: "storage.googleapis.com", RawQuery: "alt=media",
		Path:    "/storage/v1/b/" + bucket + "/o/" + key,
		RawPath: "/storage/v1/b/" + url.PathEscape(bucket) + "/o/" + url.PathEscape(key),
	}
	plain, err := f.get(at, defaultHeaders(), r, nil)
	if err != nil || f.shared.options.Platform != "gcp" {
		return plain, err
	}
	return func(ctx context.Context, from int64, tag string) (reply, error) {
		token, err := f.shared.gcp.get(ctx, f.shared)
		if err != nil || token == "" {
			if err == nil {
				return plain(ctx, from, tag)
			}
			return reply{}, err
		}
		return f.authorized(ctx, at, r, token, nil, from, tag)
	}, nil
}

// authorized sends a request with a bearer token.
func (f *Fetcher) authorized(ctx context.Context, u *url.URL, r types.Resource, token string, more http.Header, from int64, tag string) (reply, error) {
	header := defaultHeaders()
	header.Set("Authorization", "Bearer "+token)
	for name, values := range more {
		header[name] = values
	}
	attempt, err := f.get(u, header, r, nil)
	if err != nil {
		return reply{}, permanent{err}
	}
	return attempt(ctx, from, tag)
}

// token is one of a metadata service. The zero value asks for it when it is wanted.
type token struct {
	// ask gets a token; none without an error means that there is none to have.
	ask func(ctx context.Context, f *Fetcher) (*Response, error)

	mu    sync.Mutex
	text  string
	none  bool
	until time.Time
}

// get returns the token; an empty one means that there is none.
func (t *token) get(ctx context.Context, s *shared) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.none || t.text != "" && time.Now().Before(t.until) {
		return t.text, nil
	}
	f := s.fetcher(clientSettings{responseHeaders: tokenLimit}, tokenLimit) // never through a proxy
	r, err := t.ask(ctx, f)
	if err != nil {
		return "", err
	}
	if r == nil {
		t.none = true
		return "", nil
	}
	var answer struct {
		AccessToken string          `json:"access_token"`
		ExpiresIn   json.RawMessage `json:"expires_in"` // seconds; Azure writes a string
	}
	if err := json.Unmarshal(r.Body, &answer); err != nil || answer.AccessToken == "" || checkHeader("Authorization", answer.AccessToken) != nil {
		return "", never("the metadata service answers without a token")
	}
	seconds, _ := strconv.Atoi(strings.Trim(string(answer.ExpiresIn), `"`)) // none: it is good for this once
	t.text, t.until = answer.AccessToken, time.Now().Add(time.Duration(seconds)*time.Second-renewal)
	return t.text, nil
}

// tokenLimit is the time for a token, with all attempts.
const tokenLimit = 10 * time.Second

// The metadata service of Google: https://cloud.google.com/compute/docs/metadata
const gcpAccount = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/"

// gcpToken asks for a token that may read objects. A machine without a service account
// has none.
func gcpToken(ctx context.Context, f *Fetcher) (*Response, error) {
	flavor := http.Header{"Metadata-Flavor": {"Google"}}
	scopes, err := f.Do(ctx, Request{URL: gcpAccount + "scopes", Header: flavor})
	if errors.Is(err, ErrNotFound) || err == nil && len(scopes.Body) == 0 {
		return nil, nil //nolint:nilnil // no token, no error
	}
	if err != nil {
		return nil, err
	}
	scope := url.Values{"scopes": {"https://www.googleapis.com/auth/devstorage.read_only"}}
	return f.Do(ctx, Request{URL: gcpAccount + "token?" + scope.Encode(), Header: flavor})
}
