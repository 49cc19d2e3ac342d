package resource

import (
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/config/types"
)

func TestOpen(t *testing.T) {
	var packed bytes.Buffer
	gz := gzip.NewWriter(&packed)
	_, _ = gz.Write([]byte("text"))
	if err := gz.Close(); err != nil {
		t.Fatal(err)
	}
	zipped := "data:;base64," + base64.StdEncoding.EncodeToString(packed.Bytes())
	digest := fmt.Sprintf("sha512-%x", sha512.Sum512([]byte("text")))
	local := filepath.Join(t.TempDir(), "local")
	if err := os.WriteFile(local, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name                        string
		source, compression, digest string
		want                        string
		cause                       error
	}{
		{name: "an empty source is empty content, whatever it should be", compression: "gzip", digest: digest},
		{name: "a data URL is decoded", source: "data:,te%78t", want: "text"},
		{name: "a local file is read", source: "file://" + local, want: "text"},
		{name: "gzip is undone before the hash", source: zipped, compression: "gzip", digest: digest, want: "text"},
		{name: "a hash may have capital digits", source: "data:,text", digest: "sha512-" + strings.ToUpper(digest[7:]), want: "text"},
		{name: "a wrong hash is an error at the end", source: "data:,other", digest: digest, cause: ErrHash},
		{name: "gzip that is cut off is an error", source: "data:;base64," + base64.StdEncoding.EncodeToString(packed.Bytes()[:15]), compression: "gzip", cause: io.ErrUnexpectedEOF},
		{name: "what is no gzip is an error", source: "data:,text%20that%20is%20not%20packed", compression: "gzip", cause: gzip.ErrHeader},
		{name: "no bytes are no gzip", source: "data:,", compression: "gzip", cause: io.ErrUnexpectedEOF},
		{name: "what needs the network is refused offline", source: "https://example.com/x", cause: ErrNeedNet},
		{name: "a missing local file is an error", source: "file:///no/such/file", cause: os.ErrNotExist},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := types.Resource{Source: &c.source, Compression: &c.compression}
			if c.digest != "" {
				r.Verification.Hash = &c.digest
			}
			got, err := readAll(t, r)
			if !errors.Is(err, c.cause) {
				t.Fatalf("error %v, want %v", err, c.cause)
			}
			if c.cause == nil && got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			// what the config holds is the same at once, if it is whole, and not too long
			data, ok := Short(r, maxSmall)
			if held := c.cause == nil && !strings.HasPrefix(c.source, "file"); ok != held || held && (data == nil || string(data) != c.want) {
				t.Errorf("short: %q, %v", data, ok)
			}
			if _, ok := Short(r, len(c.want)-1); ok && c.want != "" {
				t.Error("it is longer than the limit")
			}
		})
	}
}

func readAll(t *testing.T, r types.Resource) (string, error) {
	t.Helper()
	s, err := New(Options{Offline: true}).Open(t.Context(), r)
	if err != nil {
		return "", err
	}
	defer func() { _ = s.Close() }()
	data, err := io.ReadAll(s)
	return string(data), err
}

func TestShowKeepsSecrets(t *testing.T) {
	for source, want := range map[string]string{
		"data:,secret":                          "a data URL",
		"https://me:secret@example.com/x":       "https://…@example.com/x",
		"https://example.com/x?sig=secret#part": "https://example.com/x?…",
		"":                                      "an empty source",
	} {
		if got := Show(source); got != want {
			t.Errorf("%q is shown as %q, want %q", source, got, want)
		}
	}
}

func TestNeedsNet(t *testing.T) {
	for source, want := range map[string]bool{"": false, "data:,x": false, "file:///x": false, "tftp://h/x": true, "https://h/x": true} {
		if got := NeedsNet(types.Resource{Source: &source}); got != want {
			t.Errorf("%q: %v", source, got)
		}
	}
}
