package resource

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/kindling-boot/kindling/config/types"
)

var (
	// errNoCompression: the reference refuses it too.
	errNoCompression = errors.New("compression is not supported for objects of S3")
	errNoCredentials = errors.New("an access point wants credentials, which only a machine of the platform aws with a role has")
)

// s3Origin gets an object of S3. Its region is found out if the source does not name
// it. Requests are signed with the role of the machine if it has one, and sent without
// a signature if it has none, or if the role may not read the object.
func (f *Fetcher) s3Origin(u *url.URL, r types.Resource) (origin, error) {
	if r.Compression != nil && *r.Compression != "" {
		return nil, errNoCompression
	}
	o, err := objectOf(u)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, from int64, tag string) (reply, error) {
		credentials := f.shared.aws.credentials(ctx, f.shared)
		if o.accessPoint != "" && credentials == nil {
			return reply{}, permanent{errNoCredentials}
		}
		region, err := f.regionOf(ctx, o)
		if err != nil {
			return reply{}, err
		}
		get := func(sign func(*http.Request) error) (reply, error) {
			attempt, err := f.get(o.url(region), defaultHeaders(), r, sign)
			if err != nil {
				return reply{}, permanent{err}
			}
			return attempt(ctx, from, tag)
		}
		if credentials == nil {
			return get(nil)
		}
		got, err := get(func(q *http.Request) error { return signed(q, *credentials, region) })
		var refused *StatusError
		if o.accessPoint == "" && errors.As(err, &refused) && refused.Status == http.StatusForbidden {
			if open, openErr := get(nil); openErr == nil {
				return open, nil
			}
		}
		return got, err
	}, nil
}

// emptyPayload is the SHA-256 of no bytes, in hex: that of a request without a body.
const emptyPayload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// signed adds a signature to a request.
func signed(r *http.Request, c aws.Credentials, region string) error {
	r.Header.Set("X-Amz-Content-Sha256", emptyPayload)
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }) // S3 escapes once
	if err := signer.SignHTTP(r.Context(), c, r, emptyPayload, "s3", region, time.Now()); err != nil {
		return permanent{errors.New("the request cannot be signed")}
	}
	return nil
}

// regions remembers where buckets are. The zero value is ready.
type regions struct {
	mu sync.Mutex
	of map[string]string
}

// regionOf finds out the region of an object: every region knows where a bucket is, and
// says so even to those who may not read it.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
func (f *Fetcher) regionOf(ctx context.Context, o object) (string, error) {
	if o.region != "" {
		return o.region, nil
	}
	known := &f.shared.buckets
	known.mu.Lock()
	region, ok := known.of[o.bucket]
	known.mu.Unlock()
	if ok {
		return region, nil
	}
	hint, ok := firstRegions[o.partition]
	if !ok {
		hint = f.shared.aws.region(ctx, f.shared)
	}
	bucket := o
	bucket.key, bucket.version = "", ""
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, bucket.url(hint).String(), nil)
	if err != nil {
		return "", never("the request cannot be made")
	}
	request.Header = defaultHeaders()
	response, err := f.send(ctx, request, redirectRules{isFinal: true}) //nolint:bodyclose // discard closes it
	if err != nil {
		return "", err
	}
	defer discard(response.Body)
	region = response.Header.Get("X-Amz-Bucket-Region")
	switch {
	case region != "" && (object{region: region}).checkNames() == nil:
	case response.StatusCode == http.StatusNotFound || response.StatusCode >= http.StatusInternalServerError:
		return "", statusError(response)
	default:
		region = hint
	}
	known.mu.Lock()
	defer known.mu.Unlock()
	if known.of == nil {
		known.of = map[string]string{}
	}
	known.of[o.bucket] = region
	return region, nil
}
