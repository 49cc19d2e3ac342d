// Package resource turns a resource of a config into a stream of bytes: Fetcher.Open.
// The stream is unpacked and verified while it is read; nothing holds a whole large
// content, and no error or log line shows one, or the secrets of a URL.
//
// A Fetcher stands for one run: one pool of connections, one policy of retries for
// all schemes, one limit of parallel fetches. Fetcher.Under derives the one that has
// the proxy, the authorities and the time limits of a config. Fetcher.Do is for
// metadata services.
//
// Everything may be used from several goroutines, except a stream.
package resource

import (
	"bytes"
	"errors"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/kindling-boot/kindling/config/dataurl"
	"github.com/kindling-boot/kindling/config/types"
)

// Errors that callers tell apart.
var (
	// ErrNeedNet reports a resource that was refused because the caller is offline.
	// fetch-offline turns it into the flag file that starts the network.
	ErrNeedNet = errors.New("resource needs networking")
	// ErrScheme reports a scheme that this version cannot fetch.
	ErrScheme = errors.New("this version of Kindling cannot fetch it")
	// ErrHash reports content that is not the one the config expects.
	ErrHash = errors.New("hash does not match")
	// ErrNotFound reports a server that has no such content: HTTP status 404, or what
	// other protocols say instead.
	ErrNotFound = errors.New("not found")
	// ErrCertificate reports a server whose certificate is not trusted.
	ErrCertificate = errors.New("the certificate of the server is not trusted")
)

// IsSet reports whether the resource says anything about content: an empty source
// does, it is empty content.
func IsSet(r types.Resource) bool { return r.Source != nil }

// NeedsNet reports whether the source is neither empty nor local.
func NeedsNet(r types.Resource) bool {
	if r.Source == nil || *r.Source == "" {
		return false
	}
	s := scheme(*r.Source)
	return s != "data" && s != "file"
}

func scheme(source string) string {
	s, _, _ := strings.Cut(source, ":")
	return strings.ToLower(s)
}

// Show names a source for people: without what a data URL holds, and without the
// account, the query and the fragment of others.
func Show(source string) string {
	if source == "" {
		return "an empty source"
	}
	if scheme(source) == "data" {
		return "a data URL"
	}
	u, err := url.Parse(source)
	if err != nil {
		return "a source that is no URL"
	}
	return showURL(u)
}

func showURL(u *url.URL) string {
	shown := *u
	shown.Fragment, shown.RawFragment = "", ""
	var hidden []string // what takes the place of secrets would be escaped
	if shown.RawQuery != "" {
		shown.RawQuery = "[query]"
		hidden = append(hidden, "?[query]", "?…")
	}
	if shown.User != nil {
		shown.User = url.User("account")
		hidden = append(hidden, "//account@", "//…@")
	}
	return strings.NewReplacer(hidden...).Replace(shown.String())
}

// Short returns the content of a resource, unpacked and verified, if the config itself
// holds it, in not many more bytes than limit, and it has at most limit; then it is not
// nil. For all other content, and for that which is broken, ok is false; Fetcher.Open tells more.
func Short(r types.Resource, limit int) (data []byte, ok bool) {
	if r.Source == nil || *r.Source == "" {
		return []byte{}, true
	}
	if len(*r.Source) > 2*limit || scheme(*r.Source) != "data" {
		return nil, false
	}
	data, err := dataurl.Decode(*r.Source)
	if err == nil && !isPlain(r) {
		var s io.ReadCloser
		if s, err = decoded(r, io.NopCloser(bytes.NewReader(data))); err == nil {
			data, err = io.ReadAll(io.LimitReader(s, int64(limit)+1))
			_ = s.Close() // of something in memory
		}
	}
	return data, err == nil && len(data) <= limit
}

// isPlain reports whether there is nothing to unpack and to verify.
func isPlain(r types.Resource) bool {
	return (r.Compression == nil || *r.Compression == "") && (r.Verification.Hash == nil || *r.Verification.Hash == "")
}

// openLocal opens what is no matter of a network; ok is false for all other sources.
func openLocal(source string) (s io.ReadCloser, ok bool, err error) {
	switch scheme(source) {
	case "data":
		u, err := dataurl.Parse(source)
		if err != nil {
			return nil, true, err
		}
		return io.NopCloser(u.Reader()), true, nil
	case "file":
		u, err := url.Parse(source)
		if err != nil || u.Host != "" || u.Path == "" {
			return nil, true, errors.New("a local file is written file:///PATH")
		}
		f, err := os.Open(u.Path)
		return f, true, err
	}
	return nil, false, nil
}
