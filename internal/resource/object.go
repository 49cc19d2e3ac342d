package resource

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// object is one in S3, or in a store that speaks like it.
type object struct {
	partition string // aws, aws-cn, …; empty if the source does not say
	region    string // empty if it has to be found out
	bucket    string
	// account and accessPoint stand in the place of a bucket.
	account, accessPoint string
	key, version         string
}

// objectOf reads s3://BUCKET/KEY, arn:PARTITION:s3:::BUCKET/KEY and
// arn:PARTITION:s3:REGION:ACCOUNT:accesspoint/NAME/object/KEY, each with ?versionId=.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-arn-format.html
func objectOf(u *url.URL) (object, error) {
	o := object{version: u.Query().Get("versionId")}
	if u.Scheme == "s3" {
		o.bucket, o.key = u.Host, strings.TrimPrefix(u.Path, "/")
		if o.bucket == "" || o.key == "" {
			return o, errors.New("an object of S3 is written s3://BUCKET/KEY")
		}
		return o, o.checkNames()
	}
	// partition:s3:region:account:resource
	parts := strings.SplitN(u.Opaque, ":", 5)
	if len(parts) < 5 || parts[1] != "s3" {
		return o, errors.New("the ARN names no object in S3")
	}
	o.partition, o.region, o.account = parts[0], parts[2], parts[3]
	rest, isAccessPoint := strings.CutPrefix(parts[4], "accesspoint/")
	if !isAccessPoint {
		o.bucket, o.key, _ = strings.Cut(parts[4], "/")
		if o.bucket == "" || o.key == "" {
			return o, errors.New("the ARN names no object in S3")
		}
		return o, o.checkNames()
	}
	var kind string
	o.accessPoint, rest, _ = strings.Cut(rest, "/")
	kind, o.key, _ = strings.Cut(rest, "/")
	if o.accessPoint == "" || kind != "object" || o.key == "" || o.account == "" {
		return o, errors.New("an object of an access point is written arn:PARTITION:s3:REGION:ACCOUNT:accesspoint/NAME/object/KEY")
	}
	if o.region == "" {
		return o, errors.New("access points of several regions are not supported")
	}
	return o, o.checkNames()
}

// checkNames refuses what would be another server as part of a host name.
func (o object) checkNames() error {
	for _, name := range []string{o.partition, o.region, o.bucket, o.account, o.accessPoint} {
		if strings.ContainsFunc(name, func(c rune) bool {
			return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_')
		}) {
			return fmt.Errorf("%q is no name of a bucket, an access point, an account or a region", name)
		}
	}
	return nil
}

// firstRegions are where to ask for the region of a bucket, by partition.
var firstRegions = map[string]string{"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}

// domainOf returns the domain of a region.
// https://docs.aws.amazon.com/general/latest/gr/s3.html
func domainOf(region string) string {
	if strings.HasPrefix(region, "cn-") {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

// url returns where the object is. Servers are asked over IPv6 as well (dual stack).
func (o object) url(region string) *url.URL {
	u := &url.URL{Scheme: "https"}
	domain := ".dualstack." + region + "." + domainOf(region)
	path := "/" + o.key
	switch {
	case o.accessPoint != "":
		u.Host = o.accessPoint + "-" + o.account + ".s3-accesspoint" + domain
	case isHostLabel(o.bucket):
		u.Host = o.bucket + ".s3" + domain
	default: // no certificate covers such a name
		u.Host, path = "s3"+domain, "/"+o.bucket+path
	}
	u.Path, u.RawPath = path, escapedKey(path)
	if o.version != "" {
		u.RawQuery = url.Values{"versionId": {o.version}}.Encode()
	}
	return u
}

// isHostLabel reports whether a bucket can be the first part of a host name that a
// certificate with a wildcard covers.
func isHostLabel(bucket string) bool {
	return !strings.ContainsFunc(bucket, func(c rune) bool { return c == '.' || c == '_' || c >= 'A' && c <= 'Z' })
}

// escapedKey escapes a path as signatures of S3 want it: everything but letters,
// digits, -._~ and the slash.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
func escapedKey(path string) string {
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~/", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
