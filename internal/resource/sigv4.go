package resource

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// credentials are those of a role of AWS. token is empty for keys without an end.
type credentials struct{ keyID, secret, token string }

// emptyPayload is the SHA-256 of no bytes, in hex: that of a request without a body.
const emptyPayload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// signatureDate is how a request says when it was signed.
const signatureDate = "20060102T150405Z"

// sign adds a signature of AWS, version 4, to a request for S3 that has no body. Host
// and the headers of AWS are signed, as is required; others may be changed on the way.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
func (c credentials) sign(r *http.Request, region string, now time.Time) {
	at := now.UTC().Format(signatureDate)
	r.Header.Set("X-Amz-Content-Sha256", emptyPayload)
	r.Header.Set("X-Amz-Date", at)
	if c.token != "" {
		r.Header.Set("X-Amz-Security-Token", c.token)
	}
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	values := map[string]string{"host": host}
	for name, all := range r.Header {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-amz-") {
			values[name] = strings.TrimSpace(strings.Join(all, ","))
		}
	}
	names := slices.Sorted(maps.Keys(values))
	var headers strings.Builder
	for _, name := range names {
		headers.WriteString(name + ":" + values[name] + "\n")
	}
	signed := strings.Join(names, ";")
	query := strings.ReplaceAll(r.URL.Query().Encode(), "+", "%20")
	request := strings.Join([]string{r.Method, r.URL.EscapedPath(), query, headers.String(), signed, emptyPayload}, "\n")

	const algorithm, kind = "AWS4-HMAC-SHA256", "aws4_request"
	scope := []string{at[:len("20060102")], region, "s3", kind}
	digest := sha256.Sum256([]byte(request))
	text := strings.Join([]string{algorithm, at, strings.Join(scope, "/"), hex.EncodeToString(digest[:])}, "\n")
	key := []byte("AWS4" + c.secret)
	for _, part := range append(scope, text) {
		key = keyed(key, part)
	}
	r.Header.Set("Authorization", algorithm+" Credential="+c.keyID+"/"+strings.Join(scope, "/")+
		", SignedHeaders="+signed+", Signature="+hex.EncodeToString(key))
}

func keyed(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text)) // a hash takes everything
	return h.Sum(nil)
}
