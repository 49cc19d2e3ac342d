package types

import (
	"errors"
	"net/url"
	"strings"

	"github.com/kindling-boot/kindling/config/check"
	"github.com/kindling-boot/kindling/config/dataurl"
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/spec"
)

// Resource is a piece of content and where it comes from: file contents, a
// config, a certificate authority, a key file.
type Resource struct {
	// Compression of the source: empty or gzip. In references to configs and
	// authorities it exists since 3.1.0.
	Compression *string `json:"compression,omitempty"`
	// HTTPHeaders are sent with http and https requests.
	HTTPHeaders []HTTPHeader `json:"httpHeaders,omitempty" since:"3.1" merge:"key"`
	// Source is the URL of the content. An empty one means empty content.
	Source *string `json:"source,omitempty" merge:"identity"`
	// Verification tells how to recognise the right content.
	Verification Verification `json:"verification"`
}

// HTTPHeader is one request header.
type HTTPHeader struct {
	// Name of the header; case does not matter.
	Name string `json:"name" merge:"identity"`
	// Value of the header; without one, a header of the same name that the
	// parent config sets is removed.
	Value *string `json:"value,omitempty" merge:"unset" secret:"true"`
}

// Verification tells how to recognise the right content.
type Verification struct {
	// Hash of the decompressed content: sha512-HEX, or since 3.1.0 sha256-HEX.
	Hash *string `json:"hash,omitempty"`
}

var (
	ruleURL = &diag.Rule{
		ID: "url-invalid", Why: "the address has to be understood before anything can be fetched",
		Help: "write SCHEME://HOST/PATH with special characters percent-encoded",
	}
	ruleURLScheme = &diag.Rule{
		ID: "url-scheme", Why: "the scheme of a URL selects how it is fetched",
	}
	ruleDataURL = &diag.Rule{
		ID: "data-url", Why: "a data URL carries its content in itself, so it must decode",
		Help: "write data:,TEXT with special characters percent-encoded, or data:;base64,TEXT",
	}
	ruleS3Version = &diag.Rule{
		ID: "s3-version", Why: "an empty versionId names no version of an object",
		Help: "give the version, or remove versionId",
	}
	ruleARN = &diag.Rule{
		ID: "arn-format", Why: "an ARN must name an object in S3",
		Help: "write arn:PARTITION:s3:::BUCKET/KEY or arn:PARTITION:s3:REGION:ACCOUNT:accesspoint/NAME/object/KEY",
	}
	ruleSourceMissing = &diag.Rule{
		ID: "source-missing", Why: "there is nothing to fetch", Help: "give a source",
	}
	ruleSourceUnusable = &diag.Rule{
		ID: "source-unusable", Why: "an item whose source cannot be used cannot be used itself",
		Help: "mend the source of the item",
	}
	ruleCompression = &diag.Rule{
		ID: "compression", Why: "the compression selects how the source is unpacked",
	}
	ruleHashFormat = &diag.Rule{
		ID: "hash-format", Why: "the hash decides whether the content is the right one",
		Help: "write the name of the function, a dash and the digest in hex",
	}
	ruleHashFunction = &diag.Rule{
		ID: "hash-function", Why: "the function has to be known to check the content",
	}
	ruleHashLength = &diag.Rule{
		ID: "hash-length", Why: "a digest of another length can never match",
		Help: "copy the whole digest, and name the function that made it",
	}
	ruleHashSource = &diag.Rule{
		ID: "hash-without-source", Why: "without a source there is nothing to verify", Help: "give a source, or remove the hash",
	}
	ruleHeaderScheme = &diag.Rule{
		ID: "header-scheme", Why: "only http and https requests have headers", Help: "remove the headers, or use an http or https source",
	}
	ruleHeaderName = &diag.Rule{
		ID: "header-name", Why: "a header without a name cannot be sent", Help: "give a name",
	}
	ruleHeaderValue = &diag.Rule{
		ID: "header-value", Why: "an empty value cannot be sent",
		Help: "give a value, or leave the key out to remove a header of the parent config",
	}
)

var (
	compressions  = spec.Values{"3.0 gzip"}
	hashFunctions = spec.Values{"3.0 sha512", "3.1 sha256"}
	schemes       = spec.Values{"3.0 http https tftp data s3", "3.2 gs", "3.4 arn"}
)

// Check reports what makes the resource impossible to fetch or to verify.
func (r Resource) Check(c *check.Ctx) {
	if r.Compression != nil && *r.Compression != "" {
		c.At("compression").OneOf(ruleCompression, "compression", *r.Compression, compressions)
	}
	if r.Source != nil && *r.Source != "" {
		checkURL(c.At("source"), *r.Source)
	}
	if len(r.HTTPHeaders) > 0 && !r.isHTTP() {
		c.At("httpHeaders").Errorf(ruleHeaderScheme, "HTTP headers need an http or https source")
	}
	if hash := r.Verification.Hash; hash != nil {
		c := c.At("verification", "hash")
		// config references and authorities of 3.0.0 do not care
		if r.Source == nil && (c.Spec() > spec.V3_0 || !c.Under("ignition")) {
			c.Errorf(ruleHashSource, "a hash needs a source to verify")
		}
		checkHash(c, *hash)
	}
}

// isHTTP reports whether the source is fetched by HTTP.
func (r Resource) isHTTP() bool {
	if r.Source == nil || *r.Source == "" {
		return false
	}
	u, err := url.Parse(*r.Source)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https")
}

func checkHash(c *check.Ctx, hash string) {
	function, digest, ok := strings.Cut(hash, "-")
	if !ok {
		c.Errorf(ruleHashFormat, "%q is not of the form FUNCTION-DIGEST", hash)
		return
	}
	if since, known := hashFunctions.Since(function); !known || since > c.Spec() {
		c.OneOf(ruleHashFunction, "hash function", function, hashFunctions)
		return
	}
	if want := map[string]int{"sha512": 128, "sha256": 64}[function]; len(digest) != want {
		c.Errorf(ruleHashLength, "a %s digest has %d hex digits, this one %d characters", function, want, len(digest))
	}
}

// checkURL reports whether a source, not empty, can be used in the spec; it
// reports at most one problem.
func checkURL(c *check.Ctx, source string) (ok bool) {
	if (strings.HasPrefix(source, "data:,") || strings.HasPrefix(source, "data:;base64,") && !strings.Contains(source, "\n")) && dataurl.Check(source) == nil {
		return true // as most are: there is nothing in it that no URL may have
	}
	u, err := url.Parse(source)
	if err != nil {
		c.Errorf(ruleURL, "the URL cannot be understood: %v", urlProblem(err))
		return false
	}
	if since, known := schemes.Since(u.Scheme); !known || since > c.Spec() {
		if u.Scheme == "" {
			c.Errorf(ruleURLScheme, "the URL has no scheme, such as https:")
		} else {
			c.OneOf(ruleURLScheme, "URL scheme", u.Scheme, schemes)
		}
		return false
	}
	switch u.Scheme {
	case "data":
		if err := dataurl.Check(source); err != nil {
			c.Errorf(ruleDataURL, "the data URL does not decode: %v", err)
			return false
		}
	case "arn":
		if !isObjectARN("arn:" + u.Opaque) {
			c.Errorf(ruleARN, "this ARN names no object in S3")
			return false
		}
	}
	if u.Scheme == "s3" || u.Scheme == "arn" {
		if versions, given := u.Query()["versionId"]; given && versions[0] == "" {
			c.Errorf(ruleS3Version, "versionId is empty")
			return false
		}
	}
	return true
}

// urlProblem is the cause of an error of package url, without the URL itself: it
// may hold a password.
func urlProblem(err error) string {
	var e *url.Error
	if errors.As(err, &e) {
		err = e.Err
	}
	return strings.TrimPrefix(err.Error(), "net/url: ")
}

// isObjectARN reports whether an ARN has the form of an S3 object or of an object
// of an access point.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-arn-format.html
func isObjectARN(arn string) bool {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" || parts[2] != "s3" {
		return false
	}
	slashes := strings.Count(arn, "/")
	if strings.HasPrefix(parts[5], "accesspoint/") {
		return slashes >= 2
	}
	return slashes >= 1
}

// Check reports a header that cannot be sent.
func (h HTTPHeader) Check(c *check.Ctx) {
	if h.Name == "" {
		c.At("name").Errorf(ruleHeaderName, "an HTTP header needs a name")
	}
	if h.Value != nil && *h.Value == "" {
		c.At("value").Errorf(ruleHeaderValue, "the value of an HTTP header cannot be empty")
	}
}
