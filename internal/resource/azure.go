package resource

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/kindling-boot/kindling/config/types"
)

// azureBlobs ends the name of each server of blobs.
const azureBlobs = ".blob.core.windows.net"

// isBlob reports whether a URL is https://ACCOUNT.blob.core.windows.net/CONTAINER/FILE
// without an authorisation of its own (a signature in the query).
func isBlob(u *url.URL) bool {
	return u.Scheme == "https" && strings.HasSuffix(strings.ToLower(u.Hostname()), azureBlobs) &&
		strings.Count(strings.Trim(u.Path, "/"), "/") == 1 && !u.Query().Has("sig")
}

// azureOrigin gets a blob with the managed identity of the machine, or plainly if that
// does not work for any reason. Every attempt has an answer of its own, so nothing of
// one that failed is kept.
func (f *Fetcher) azureOrigin(u *url.URL, r types.Resource, plain origin) origin {
	return func(ctx context.Context, from int64, tag string) (reply, error) {
		if token, err := f.shared.azure.get(ctx, f.shared); err == nil && token != "" {
			// the version from which on tokens are accepted:
			// https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory
			got, err := f.authorized(ctx, u, r, token, http.Header{"X-Ms-Version": {"2017-11-09"}}, from, tag)
			if err == nil {
				return got, nil
			}
		}
		return plain(ctx, from, tag)
	}
}

// azureIdentity is the service that gives tokens to machines with an identity:
// https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
const azureIdentity = "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fstorage.azure.com%2F"

// azureToken asks for a token. A machine without an identity has none: status 400.
func azureToken(ctx context.Context, f *Fetcher) (*Response, error) {
	r, err := f.Do(ctx, Request{URL: azureIdentity, Header: http.Header{"Metadata": {"true"}}, Tries: 3})
	var refused *StatusError
	if err != nil && (errors.As(err, &refused) || ctx.Err() == nil) {
		return nil, nil //nolint:nilnil // no token, no error: the blob may be public
	}
	return r, err
}
