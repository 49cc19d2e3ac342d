package resource

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"

	"github.com/kindling-boot/kindling/config/types"
)

const (
	keyID     = "AKIDEXAMPLEKINDLING1"
	keySecret = "secret/of+the+role"
	oddKey    = "dir/with space/ä+&=~.txt"
)

// homes are the regions of the buckets; an access point stands for one.
var homes = map[string]string{
	"public": "us-east-1", "private": "eu-west-1", "dotted.name": "eu-west-1", "reader-123456789012": "eu-west-1",
}

// store is an object store with two regions: a real one, which verifies signatures,
// behind what AWS adds to it.
type store struct {
	signedHosts, signedPaths, open http.Handler
}

func newStore(t *testing.T) *store {
	t.Helper()
	backend := s3mem.New()
	keys := map[string]string{keyID: keySecret}
	s := &store{
		signedHosts: gofakes3.New(backend, gofakes3.WithV4Auth(keys), gofakes3.WithHostBucket(true)).Server(),
		signedPaths: gofakes3.New(backend, gofakes3.WithV4Auth(keys)).Server(),
		open:        gofakes3.New(backend).Server(),
	}
	put := func(path string, body []byte) {
		r := httptest.NewRequest(http.MethodPut, path, bytes.NewReader(body))
		r.Header.Set("Content-Length", strconv.Itoa(len(body)))
		w := httptest.NewRecorder()
		if s.open.ServeHTTP(w, r); w.Code != http.StatusOK {
			t.Fatalf("PUT %s: %d %s", path, w.Code, w.Body)
		}
	}
	for bucket := range homes {
		put("/"+bucket, nil)
		put("/"+bucket+"/key", []byte("content of "+bucket))
		put("/"+bucket+"/"+(&url.URL{Path: oddKey}).EscapedPath(), []byte("odd"))
		put("/"+bucket+"/long", long)
	}
	return s
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	first, rest, _ := strings.Cut(r.Host, ".dualstack.")
	region := strings.TrimSuffix(rest, ".amazonaws.com")
	bucket, isHost := strings.CutSuffix(first, ".s3")
	if point, ok := strings.CutSuffix(first, ".s3-accesspoint"); ok {
		bucket, isHost = point, true
	}
	if !isHost {
		bucket = strings.Split(r.URL.Path, "/")[1]
	}
	home, known := homes[bucket]
	if !known {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("X-Amz-Bucket-Region", home)
	authorization := r.Header.Get("Authorization")
	switch {
	case home != region:
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusMovedPermanently)
		_, _ = io.WriteString(w, "<Error><Code>PermanentRedirect</Code></Error>")
	case authorization == "" && bucket != "public":
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "<Error><Code>AccessDenied</Code></Error>")
	case authorization == "":
		r.URL.Path = "/" + bucket + r.URL.Path
		s.open.ServeHTTP(w, r)
	case !strings.Contains(authorization, "/"+home+"/s3/aws4_request"):
		w.WriteHeader(http.StatusBadRequest)
	case isHost:
		s.signedHosts.ServeHTTP(w, r)
	default:
		s.signedPaths.ServeHTTP(w, r)
	}
}

// metadata is the service of EC2; without a role it has no credentials.
func metadata(hasRole bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /latest/api/token", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds") == "" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, "token")
	})
	mux.HandleFunc("GET /latest/meta-data/{path...}", func(w http.ResponseWriter, r *http.Request) {
		path := r.PathValue("path")
		switch {
		case r.Header.Get("X-Aws-Ec2-Metadata-Token") != "token":
			w.WriteHeader(http.StatusUnauthorized)
		case path == "placement/region":
			_, _ = io.WriteString(w, "eu-west-1")
		case hasRole && path == "iam/security-credentials/":
			_, _ = io.WriteString(w, "role\n")
		case hasRole && path == "iam/security-credentials/role":
			_, _ = fmt.Fprintf(w, `{"Code":"Success","AccessKeyId":%q,"SecretAccessKey":%q,"Token":"session","Expiration":%q}`,
				keyID, keySecret, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	return mux
}

// leading returns a Fetcher whose connections go to servers of the test, by host.
func leading(f *Fetcher, to func(host string) string) *Fetcher {
	f.shared.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, _ := net.SplitHostPort(address)
		if at := to(host); at != "" {
			address = at
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	f.shared.transports = map[string]*http.Transport{}
	return f
}

func TestS3(t *testing.T) {
	a := newAuthority(t)
	var names []string
	for _, region := range []string{"us-east-1", "eu-west-1"} {
		for _, name := range []string{"s3", "*.s3", "*.s3-accesspoint"} {
			names = append(names, name+".dualstack."+region+".amazonaws.com")
		}
	}
	server := serveTLS(t, a.issue(time.Now().Add(time.Hour), names...), newStore(t))
	role, noRole := httptest.NewServer(metadata(true)), httptest.NewServer(metadata(false))
	t.Cleanup(role.Close)
	t.Cleanup(noRole.Close)
	for _, c := range []struct {
		name, source string
		platform     string
		imds         *httptest.Server
		compression  *string
		want, says   string
	}{
		{name: "a public bucket elsewhere", source: "s3://public/key", want: "content of public"},
		{name: "a public bucket from a machine without a role", source: "s3://public/key", platform: "aws", imds: noRole, want: "content of public"},
		{name: "a public bucket from a machine with a role", source: "s3://public/key", platform: "aws", imds: role, want: "content of public"},
		{name: "a private bucket of another region than is asked first", source: "arn:aws:s3:::private/key", platform: "aws", imds: role, want: "content of private"},
		{name: "a private bucket elsewhere", source: "s3://private/key", says: "AccessDenied"},
		{name: "a private bucket from a machine without a role", source: "s3://private/key", platform: "aws", imds: noRole, says: "403"},
		{name: "a bucket with a dot in its name", source: "s3://dotted.name/key", platform: "aws", imds: role, want: "content of dotted.name"},
		{name: "a key with characters that are escaped", source: "s3://private/" + (&url.URL{Path: oddKey}).EscapedPath(), platform: "aws", imds: role, want: "odd"},
		{name: "an access point", source: "arn:aws:s3:eu-west-1:123456789012:accesspoint/reader/object/key", platform: "aws", imds: role, want: "content of reader-123456789012"},
		{name: "an access point without a role", source: "arn:aws:s3:eu-west-1:123456789012:accesspoint/reader/object/key", platform: "aws", imds: noRole, says: "credentials"},
		{name: "a large object", source: "s3://private/long", platform: "aws", imds: role, want: string(long)},
		{name: "a missing key", source: "s3://private/none", platform: "aws", imds: role, says: "404"},
		{name: "a missing bucket", source: "s3://none/key", says: "404"},
		{name: "compression is refused", source: "s3://public/key", compression: pointer("gzip"), says: "compression"},
		{name: "an access point of several regions is refused", source: "arn:aws:s3::123456789012:accesspoint/reader/object/key", says: "several regions"},
		{name: "a bucket cannot be another server", source: "arn:aws:s3:::evil@host/key", says: "no name of a bucket"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := leading(quick(Options{Platform: c.platform}), func(host string) string {
				if host == "169.254.169.254" {
					return c.imds.Listener.Addr().String()
				}
				if strings.HasSuffix(host, ".amazonaws.com") {
					return server.Listener.Addr().String()
				}
				return ""
			})
			got, err := fetched(t.Context(), a.trusting(f), types.Resource{Source: &c.source, Compression: c.compression})
			if (c.says == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Fatalf("error %v, want %q", err, c.says)
			}
			if err == nil && string(got) != c.want {
				t.Errorf("%.100q, want %.100q", got, c.want)
			}
			if err != nil && (strings.Contains(err.Error(), keySecret) || c.says == "404" && !errors.Is(err, ErrNotFound)) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestStorageOfOtherClouds(t *testing.T) {
	a := newAuthority(t)
	blob, object := "blob", "object"
	storage := serveTLS(t, a.issue(time.Now().Add(time.Hour), "storage.googleapis.com", "account.blob.core.windows.net"),
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			token := r.Header.Get("Authorization")
			switch {
			case r.Host == "storage.googleapis.com" && r.URL.EscapedPath() == "/storage/v1/b/bucket/o/dir%2Fobject%20x" && r.URL.RawQuery == "alt=media" && token == "Bearer gcp":
				_, _ = io.WriteString(w, object)
			case r.Host == "storage.googleapis.com" && strings.Contains(r.URL.Path, "/public/"):
				_, _ = io.WriteString(w, "public "+token)
			case r.URL.Path == "/container/private" && token == "Bearer azure" && r.Header.Get("X-Ms-Version") != "":
				_, _ = io.WriteString(w, blob)
			case r.URL.Path == "/container/public" && token == "":
				_, _ = io.WriteString(w, blob)
			default:
				w.WriteHeader(http.StatusForbidden)
			}
		}))
	service := http.NewServeMux()
	service.HandleFunc("/computeMetadata/v1/instance/service-accounts/default/", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Metadata-Flavor") != "Google" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = io.WriteString(w, `{"access_token":"gcp","expires_in":3600}`)
	})
	service.HandleFunc("/metadata/identity/oauth2/token", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"access_token":"azure","expires_in":"3600"}`)
	})
	with, without := httptest.NewServer(service), httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(with.Close)
	t.Cleanup(without.Close)
	for _, c := range []struct {
		name, source, platform string
		service                *httptest.Server
		want, says             string
	}{
		{name: "an object with the service account", source: "gs://bucket/dir/object%20x", platform: "gcp", service: with, want: object},
		{name: "a public object without a service account", source: "gs://public/x", platform: "gcp", service: without, want: "public "},
		{name: "a public object elsewhere", source: "gs://public/x", want: "public "},
		{name: "a private object elsewhere", source: "gs://bucket/dir/object%20x", says: "403"},
		{name: "a private blob with the identity", source: "https://account.blob.core.windows.net/container/private", platform: "azure", service: with, want: blob},
		{name: "a public blob that the identity may not read", source: "https://account.blob.core.windows.net/container/public", platform: "azure", service: with, want: blob},
		{name: "a public blob without an identity", source: "https://account.blob.core.windows.net/container/public", platform: "azure", service: without, want: blob},
		{name: "a private blob elsewhere", source: "https://account.blob.core.windows.net/container/private", says: "403"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := leading(quick(Options{Platform: c.platform}), func(host string) string {
				switch {
				case host == "169.254.169.254" || host == "metadata.google.internal":
					return c.service.Listener.Addr().String()
				case strings.Contains(host, "windows.net") || strings.Contains(host, "googleapis.com"):
					return storage.Listener.Addr().String()
				}
				return ""
			})
			got, err := fetched(t.Context(), a.trusting(f), types.Resource{Source: &c.source})
			if (c.says == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Fatalf("error %v, want %q", err, c.says)
			}
			if string(got) != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
