package resource

import (
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// TestSignaturesAgree compares our signatures with those of the vendor's library, which
// only tests use: docs/adr/0171.
func TestSignaturesAgree(t *testing.T) {
	now := time.Date(2026, time.March, 1, 23, 59, 59, 999, time.FixedZone("", 5400))
	for _, at := range []string{
		"https://bucket.s3.dualstack.eu-west-1.amazonaws.com/key",
		"https://bucket.s3.dualstack.eu-west-1.amazonaws.com/",
		"https://s3.dualstack.cn-north-1.amazonaws.com.cn/dotted.name/a//b/%C3%A4%2B%26%3D~.txt",
		"https://bucket.s3.dualstack.eu-west-1.amazonaws.com/key?versionId=3%2F4+5%3D",
		"https://localhost:8443/bucket/key?b=2&a=1&empty=",
	} {
		for _, token := range []string{"", "session/token+of=role"} {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				request := func() *http.Request {
					r, err := http.NewRequestWithContext(t.Context(), method, at, nil)
					if err != nil {
						t.Fatal(err)
					}
					r.Header.Set("User-Agent", "never signed")
					return r
				}
				ours, theirs := request(), request()
				credentials{keyID, keySecret, token}.sign(ours, "eu-west-1", now)
				theirs.Header.Set("X-Amz-Content-Sha256", emptyPayload)
				signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
				err := signer.SignHTTP(t.Context(), aws.Credentials{AccessKeyID: keyID, SecretAccessKey: keySecret, SessionToken: token}, theirs, emptyPayload, "s3", "eu-west-1", now)
				if err != nil {
					t.Fatal(err)
				}
				for _, name := range []string{"Authorization", "X-Amz-Date", "X-Amz-Security-Token"} {
					if got, want := ours.Header.Get(name), theirs.Header.Get(name); got != want {
						t.Errorf("%s %s, token %q: %s:\n%s\nwanted\n%s", method, at, token, name, got, want)
					}
				}
			}
		}
	}
}
