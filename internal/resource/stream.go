package resource

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"sync"

	"github.com/kindling-boot/kindling/config/types"
)

// decoded unpacks and verifies what a source delivers. It takes over raw, also when it
// fails.
func decoded(r types.Resource, raw io.ReadCloser) (io.ReadCloser, error) {
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
		v.of = Show(*r.Source)
		s.Reader = v
	}
	return s, nil
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
	of   string // the source, as it is shown; empty if the caller knows
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

// Matches reports whether a stream has the hash, as a config writes it.
func Matches(r io.Reader, hash string) (bool, error) {
	v, err := newVerifier(r, hash)
	if err != nil {
		return false, err
	}
	buffer := make([]byte, 64<<10)
	for err == nil {
		_, err = v.Read(buffer)
	}
	switch {
	case errors.Is(err, ErrHash):
		return false, nil
	case isEnd(err):
		return true, nil
	}
	return false, err
}

// Read implements io.Reader.
func (v *verifier) Read(p []byte) (int, error) {
	n, err := v.r.Read(p)
	_, _ = v.sum.Write(p[:n]) // never fails
	if err == io.EOF {        // io.EOF is never wrapped by a Reader that keeps its contract
		if got := v.sum.Sum(nil); subtle.ConstantTimeCompare(got, v.want) != 1 {
			differs := fmt.Errorf("%w: the content has %s-%x, the config expects %s-%x", ErrHash, v.name, got, v.name, v.want)
			if v.of != "" {
				differs = fmt.Errorf("verify %s: %w", v.of, differs)
			}
			return n, differs
		}
	}
	return n, err
}
