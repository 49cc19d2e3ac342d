// Package resource turns a resource of a config into a stream: Open. The stream is
// unpacked and verified while it is read; nothing holds a whole content, and no
// error or log line shows one.
//
// This version knows empty sources, data URLs and local files (file:). The other
// schemes of the config format are refused with ErrScheme.
package resource

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/url"
	"os"
	"strings"
	"sync"

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
// password and the query of others.
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
	if u.RawQuery != "" {
		u.RawQuery = "[secret]"
	}
	u.Fragment, u.RawFragment = "", ""
	return strings.Replace(u.Redacted(), "?[secret]", "?…", 1)
}

// Open returns the content of a resource as a stream, to be closed. Broken
// compression and a wrong hash show as errors of Read, the latter (ErrHash) in place
// of io.EOF: content counts only once it was read to the end.
func Open(ctx context.Context, r types.Resource) (io.ReadCloser, error) {
	if r.Source == nil || *r.Source == "" {
		return io.NopCloser(strings.NewReader("")), nil
	}
	raw, err := open(ctx, *r.Source)
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", Show(*r.Source), err)
	}
	s := &stream{Reader: raw, close: raw.Close}
	if r.Compression != nil && *r.Compression != "" {
		if *r.Compression != "gzip" {
			_ = raw.Close() // nothing was read
			return nil, fmt.Errorf("unpack %s: compression %q is unknown", Show(*r.Source), *r.Compression)
		}
		u := &unpacker{raw: raw}
		s.Reader, s.close = u, func() error { u.release(); return raw.Close() }
	}
	if h := r.Verification.Hash; h != nil && *h != "" {
		v, err := newVerifier(s.Reader, *h)
		if err != nil {
			_ = raw.Close() // nothing was read
			return nil, fmt.Errorf("verify %s: %w", Show(*r.Source), err)
		}
		s.Reader = v
	}
	return s, nil
}

func open(ctx context.Context, source string) (io.ReadCloser, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	switch s := scheme(source); s {
	case "data":
		u, err := dataurl.Parse(source)
		if err != nil {
			return nil, err
		}
		return io.NopCloser(u.Reader()), nil
	case "file":
		u, err := url.Parse(source)
		if err != nil || u.Host != "" || u.Path == "" {
			return nil, errors.New("a local file is written file:///PATH")
		}
		return os.Open(u.Path)
	default:
		return nil, fmt.Errorf("scheme %s: %w", s, ErrScheme)
	}
}

type stream struct {
	io.Reader
	close func() error
}

// Close releases the source.
func (s *stream) Close() error { return s.close() }

// unpacker undoes gzip. The header is read with the first byte, so that its errors
// come from Read like all others.
type unpacker struct {
	raw io.Reader
	gz  *gunzip
}

// gunzip is a decompressor with its buffer. They are kept: their tables cost more
// than unpacking a small content.
type gunzip struct {
	in  *bufio.Reader
	out gzip.Reader
}

var gunzips = sync.Pool{New: func() any { return &gunzip{in: bufio.NewReader(nil)} }}

func (u *unpacker) start() error {
	g, _ := gunzips.Get().(*gunzip)
	g.in.Reset(u.raw)
	if err := g.out.Reset(g.in); err != nil {
		gunzips.Put(g)
		return err
	}
	u.gz = g
	return nil
}

// release gives the decompressor back. Nothing can be read afterwards.
func (u *unpacker) release() {
	if u.gz != nil {
		u.gz.in.Reset(nil)
		gunzips.Put(u.gz)
		u.gz, u.raw = nil, strings.NewReader("")
	}
}

// Read implements io.Reader.
func (u *unpacker) Read(p []byte) (int, error) {
	if u.gz == nil {
		if err := u.start(); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return 0, fmt.Errorf("unpack gzip: %w", err)
		}
	}
	n, err := u.gz.out.Read(p)
	if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("unpack gzip: %w", err)
	}
	return n, err
}

// verifier replaces the end of its stream by an error when the hash is wrong.
type verifier struct {
	r    io.Reader
	sum  hash.Hash
	want []byte
	name string
}

func newVerifier(r io.Reader, want string) (*verifier, error) {
	name, digest, _ := strings.Cut(want, "-")
	v := &verifier{r: r, name: name}
	switch name {
	case "sha512":
		v.sum = sha512.New()
	case "sha256":
		v.sum = sha256.New()
	default:
		return nil, fmt.Errorf("hash function %q is unknown", name)
	}
	var err error
	if v.want, err = hex.DecodeString(digest); err != nil {
		return nil, errors.New("the expected hash is not written in hex digits")
	}
	return v, nil
}

// Read implements io.Reader.
func (v *verifier) Read(p []byte) (int, error) {
	n, err := v.r.Read(p)
	_, _ = v.sum.Write(p[:n]) // never fails
	if err == io.EOF {        // io.EOF is never wrapped by a Reader that keeps its contract
		if got := v.sum.Sum(nil); subtle.ConstantTimeCompare(got, v.want) != 1 {
			return n, fmt.Errorf("%w: the content has %s-%x, the config expects %s-%x", ErrHash, v.name, got, v.name, v.want)
		}
	}
	return n, err
}
